"""S3 (moto's server) and SFTP (paramiko's server) as sources."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
import pytest

from benchmarks.fetching import addresses
from integration.fetch.fetch_world import MONTH, Desk, csv, quick_settings, whole_month, write_tree
from pipeline.fetch import FetchError
from pipeline.fetch.exchange import Listing
from pipeline.fetch.pace import Pace
from pipeline.fetch.places import Layout
from pipeline.fetch.probing import Probing
from pipeline.fetch.sources import open_source
from pipeline.store import Store

BESTAND = f"{MONTH}/bestand/t04412.csv"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    moto_server = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    import s3fs

    server = moto_server.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "pruefling",
        "AWS_SECRET_ACCESS_KEY": "streng-geheim",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3")
    client.create_bucket(Bucket="Lieferungen".lower(), CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    yield client
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def put(client: Any, files: dict[str, bytes], prefix: str = "") -> None:
    for address, content in files.items():
        client.put_object(Bucket="lieferungen", Key=prefix + address, Body=content)


@pytest.mark.slow
def test_s3_prefix_is_a_source_and_etags_tell_what_changed(desk: Desk, bucket: Any) -> None:
    put(bucket, {**whole_month(), "zaehltage.csv": b"ref_month,stichtag\n", f"{MONTH}/bestand/4412.csv": b"x"}, "land/")
    put(bucket, {BESTAND: b"anderswo"})
    desk.fetch("s3://lieferungen/land")
    assert desk.used() == whole_month()
    assert [f.jc_id for f in desk.findings("FETCH-UNKNOWN-UNIT")] == ["4412"]
    assert desk.fetch("s3://lieferungen/land").pulled == 0
    new = csv(MONTH, "bestand", "t04412", "neu")
    put(bucket, {BESTAND: new}, "land/")
    result = desk.fetch("s3://lieferungen/land/")
    assert result.revised == 1
    assert desk.used()[BESTAND] == new
    with pytest.raises(FetchError, match="source s3://gibt-es-nicht/x"):
        desk.fetch("s3://gibt-es-nicht/x", fetch_attempts=1)


@pytest.mark.slow
def test_s3_needs_one_request_per_file_and_page_and_closes_its_connections(desk: Desk, bucket: Any) -> None:
    put(bucket, {**whole_month(), f"{MONTH}/beschaeftigung/bst.csv": b"z\n" * 1_000_000})
    desk.fetch("s3://lieferungen", fetch_connections=2)
    before = len(list(Path("/proc/self/fd").iterdir()))
    fresh = Desk(Store(desk.store.root / "fresh"), desk.catalog)
    started = time.monotonic()
    result = fresh.fetch("s3://lieferungen", fetch_requests_per_second=20)
    # One page of the listing, ten small files, and a large one whose second part is read ahead with the first.
    assert (result.pulled, result.requests) == (11, 1 + 10 + 1)
    assert time.monotonic() - started >= (result.requests - 1) / 20
    deadline = time.monotonic() + 10
    while (now := len(list(Path("/proc/self/fd").iterdir()))) > before and time.monotonic() < deadline:
        time.sleep(0.05)  # the server, which is in this process, closes its ends a little later
    assert now <= before


@pytest.mark.slow
def test_s3_listing_of_twenty_thousand_is_read_page_by_page(desk: Desk, bucket: Any, tmp_path: Path) -> None:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    names = [a for _, a in zip(range(20_000), addresses(), strict=False)]
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for name in names:
        backend.put_object("lieferungen", f"land/{name}", name.encode())
    pace = Pace(0)
    probing = Probing(desk.catalog, MONTH, tmp_path / "probed.json")
    source = open_source("s3://lieferungen/land", quick_settings(), probing, pace)

    async def look() -> Listing:
        await source.open()
        listing = await source.listing(Layout(desk.catalog, MONTH))
        await source.close()
        return listing

    listing = asyncio.run(look())
    assert sorted(offer.address for offer in listing.offers) == sorted(names)
    assert all(offer.version.startswith("etag:") for offer in listing.offers)
    assert (listing.strays, listing.troubles) == ({}, [])
    assert pace.requests == 20, "a thousand per page"


@dataclass
class SftpTree:
    """An SFTP server for one folder, user bote, password geheim."""

    root: Path
    port: int
    key: paramiko.PKey


class _Gate(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        good = (username, password) == ("bote", "geheim")
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def get_allowed_auths(self, username: str) -> str:
        return "password"


def _files_below(root: Path) -> type[paramiko.SFTPServerInterface]:
    class Files(paramiko.SFTPServerInterface):
        def _real(self, path: str) -> Path:
            return root / self.canonicalize(path).lstrip("/")

        def list_folder(self, path: str) -> Any:
            try:
                entries = []
                for child in self._real(path).iterdir():
                    attributes = paramiko.SFTPAttributes.from_stat(child.stat())
                    attributes.filename = child.name
                    entries.append(attributes)
                return entries
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)

        def stat(self, path: str) -> Any:
            try:
                return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)

        lstat = stat

        def open(self, path: str, flags: int, attr: Any) -> Any:
            handle = paramiko.SFTPHandle(flags)
            try:
                handle.readfile = self._real(path).open("rb")  # type: ignore[attr-defined]
            except OSError as error:
                return paramiko.SFTPServer.convert_errno(error.errno or 0)
            handle.stat = lambda: self.stat(path)  # type: ignore[method-assign]
            return handle

    return Files


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SftpTree]:
    root = tmp_path / "sftp"
    root.mkdir()
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _files_below(root))
            try:
                transport.start_server(server=_Gate())
            except (paramiko.SSHException, EOFError):
                continue

    threading.Thread(target=serve, daemon=True).start()
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n")
    yield SftpTree(root, port, key)
    listener.close()
    for transport in transports:
        transport.close()


@pytest.mark.slow
def test_sftp_folder_is_a_source(desk: Desk, sftp: SftpTree, caplog: pytest.LogCaptureFixture) -> None:
    write_tree(
        sftp.root / "eingang", {**whole_month(), "2018-09/bestand/t04412.csv": b"x", f"{MONTH}/unfug/x.csv": b"x"}
    )
    url = f"sftp://bote:geheim@127.0.0.1:{sftp.port}/eingang"
    desk.fetch(url)
    assert desk.used() == whole_month()
    assert [f.file for f in desk.findings("FETCH-UNKNOWN-FILE")] == [f"{MONTH}/unfug/"]
    assert desk.fetch(url).pulled == 0
    new = csv(MONTH, "bestand", "t04412", "neu und länger")
    write_tree(sftp.root / "eingang", {BESTAND: new})
    os.utime(sftp.root / "eingang" / BESTAND, (1, 1))
    assert desk.fetch(url).revised == 1
    assert desk.used()[BESTAND] == new
    with pytest.raises(FetchError) as error:
        desk.fetch(url.replace("geheim", "falsch-geraten"), fetch_attempts=1)
    assert "Authentication" in str(error.value)
    assert "falsch-geraten" not in str(error.value) + caplog.text


@pytest.mark.slow
def test_sftp_server_with_an_unknown_key_is_refused(desk: Desk, sftp: SftpTree) -> None:
    """Deliveries hold personal data: whoever answers on the way must not be trusted."""
    known = Path.home() / ".ssh" / "known_hosts"
    known.write_text("")
    url = f"sftp://bote:geheim@127.0.0.1:{sftp.port}/"
    with pytest.raises(FetchError, match=r"host key of 127\.0\.0\.1 is not known"):
        desk.fetch(url)
    other = paramiko.ECDSAKey.generate()
    known.write_text(f"[127.0.0.1]:{sftp.port} {other.get_name()} {other.get_base64()}\n")
    with pytest.raises(FetchError, match="does not match"):
        desk.fetch(url, fetch_attempts=1)
