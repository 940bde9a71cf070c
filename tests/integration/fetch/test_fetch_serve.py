"""The static server of `make run`, asked by hand and by fetch."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from integration.fetch.fetch_world import MONTH, Desk, csv, whole_month, write_tree
from pipeline.fetch.index_page import children
from pipeline.fetch.serve import serve

BESTAND = f"{MONTH}/bestand/t04412.csv"


def test_fetch_through_the_server_skips_what_has_not_changed_even_on_another_port(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {**whole_month(), f"{MONTH}/beschaeftigung/bst.csv": b"z\n" * 2_000_000})
    with serve(tree) as url:
        assert desk.fetch(url).pulled == 11
    with serve(tree) as url:
        assert desk.fetch(url).pulled == 0
        write_tree(tree, {BESTAND: csv(MONTH, "bestand", "t04412", "neu")})
        assert (desk.fetch(url).pulled, desk.fetch(tree).pulled) == (1, 0)
    assert desk.used()[BESTAND] == csv(MONTH, "bestand", "t04412", "neu")


def test_server_speaks_http(tmp_path: Path) -> None:
    write_tree(tmp_path / "tree", {"a b.csv": b"eins", "ordner/groß.csv": b"zwei", ".versteckt": b"x", "leer.csv": b""})
    (tmp_path / "geheim.txt").write_text("x")
    (tmp_path / "tree" / "hinaus").symlink_to(tmp_path / "geheim.txt")
    with serve(tmp_path / "tree") as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

        def ask(method: str, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return response, response.read()

        response, body = ask("GET", "/a%20b.csv")
        assert (response.status, body) == (200, b"eins")
        etag, changed = response.headers["ETag"], response.headers["Last-Modified"]
        assert ask("GET", "/a%20b.csv", If_None_Match=etag)[0].status == 304
        assert ask("GET", "/a%20b.csv", If_None_Match='"anders"', If_Modified_Since=changed)[0].status == 200
        assert ask("GET", "/a%20b.csv", If_Modified_Since=changed)[0].status == 304
        response, body = ask("HEAD", "/a%20b.csv")
        assert (response.headers["Content-Length"], body) == ("4", b"")
        assert ask("GET", "/leer.csv")[1] == b""
        links = {link.name: link for link in children(ask("GET", "/")[1].decode(), url)}
        assert set(links) == {"a b.csv", "ordner", "leer.csv", "hinaus"}
        assert (links["ordner"].is_folder, links["a b.csv"].size, links["a b.csv"].version) == (
            True,
            4,
            etag.strip('"'),
        )
        response, _ = ask("GET", "/ordner")
        assert (response.status, response.headers["Location"]) == (301, "/ordner/")
        assert [link.name for link in children(ask("GET", "/ordner/")[1].decode(), url + "ordner/")] == ["groß.csv"]
        for hidden in ("/.versteckt", "/../geheim.txt", "/%2e%2e/geheim.txt", "/hinaus", "/fehlt"):
            assert ask("GET", hidden)[0].status == 404, hidden
        assert ask("DELETE", "/")[0].status == 405


def test_server_ends_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from pipeline.fetch.serve import serve\n"
        "with serve(Path(sys.argv[1])) as url:\n    print(url, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    netloc = urlsplit(parent.stdout.readline().strip()).netloc
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        try:
            connection = http.client.HTTPConnection(netloc, timeout=1)
            connection.connect()
            connection.close()
        except OSError:
            return
        time.sleep(0.05)
    pytest.fail("the server outlived its parent")


def test_server_that_cannot_start_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start"), serve(tmp_path / "fehlt"):
        pass
    assert "is no directory" in capfd.readouterr().err
