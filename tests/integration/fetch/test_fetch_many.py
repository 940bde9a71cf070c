"""Many small deliveries: descriptors, memory, requests and their pace, and a run that is killed in the middle."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchmarks.fetching import addresses, as_table, fetched, make_tree
from integration.fetch.fetch_world import MONTH, BadServer, Desk, csv, quick_settings, reply, whole_month
from pipeline.fetch import fetch
from pipeline.fetch.serve import serve
from pipeline.store import Register, Store

Start = Callable[..., BadServer]
FILES = 1500
CONNECTIONS = 8


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("way", ["http", "folder"])
def test_no_descriptor_is_left_open_and_few_are_open_at_once(desk: Desk, tmp_path: Path, way: str) -> None:
    tree = make_tree(tmp_path / "tree", FILES)
    most = 0

    def look(*_: object) -> None:
        nonlocal most
        most = max(most, descriptors())

    with serve(tree) as url:
        source = url if way == "http" else str(tree)
        before = descriptors()
        settings = quick_settings(fetch_connections=CONNECTIONS)
        result = fetch(desk.store, MONTH, [source], desk.catalog, settings, progress=look)
        assert descriptors() == before
    assert result.pulled == FILES
    # One connection and one file for each worker; the selector, its pipe and what reads the folders.
    assert before < most <= before + 2 * CONNECTIONS + 10


@pytest.mark.thorough
def test_memory_and_descriptors_do_not_grow_with_what_has_been_pulled(tmp_path: Path) -> None:
    files = 30_000
    tree, store = make_tree(tmp_path / "tree", files), Store(tmp_path / "store")
    with serve(tree) as url:
        first = fetched("all are new", url, store, tmp_path / "log", 0.1)
        again = fetched("nothing is new", url, store, tmp_path / "log", 0.1)
    early, late = first.at(0.1, files), first.at(0.95, files)
    assert early is not None
    assert late is not None
    assert first.summary["pulled"] == files
    assert again.summary["pulled"] == 0
    assert late.descriptors <= early.descriptors + 2
    assert (late.rss - early.rss) / (late.registered - early.registered) < 2500, "bytes for each known delivery"
    assert as_table(files, [first, again]).row_count > 10


# ---- requests and their pace -------------------------------------------------------------------------------------


def test_summary_tells_the_requests_that_the_server_has_seen(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.acts[f"{MONTH}/bestand/t04412.csv"] = [reply(503), reply(500)]
    server.always[f"{MONTH}/bestand/t04418.csv"] = reply(307, Location="/anderswo.csv")
    server.files["anderswo.csv"] = csv(MONTH, "bestand", "t04418")
    result = desk.fetch(server.url)
    assert desk.used() == whole_month()
    assert result.requests == len(server.requests) == 1 + 1 + 5 + 10 + 2 + 1
    assert result.requests_per_second > 0


def test_folder_needs_no_requests(desk: Desk, tmp_path: Path) -> None:
    result = desk.fetch(make_tree(tmp_path / "tree", 20))
    assert (result.pulled, result.requests, result.requests_per_second) == (20, 0, 0)


def test_pace_is_kept_over_all_connections_sources_and_redirects(desk: Desk, bad_server: Start) -> None:
    servers = [bad_server(whole_month("2018-06")), bad_server(whole_month())]
    for address in list(servers[1].files)[:5]:
        servers[1].files[f"neu/{address}"] = servers[1].files[address]
        servers[1].always[address] = reply(307, Location=f"/neu/{address}")
    started = time.monotonic()
    result = desk.fetch(*(s.url for s in servers), fetch_requests_per_second=40, fetch_connections=CONNECTIONS)
    seconds = time.monotonic() - started
    asked = sum(len(s.requests) for s in servers)
    assert result.requests == asked == 2 * (1 + 1 + 5 + 10) + 5
    assert seconds >= (asked - 1) / 40
    assert result.requests_per_second <= 42


# ---- killed in the middle ----------------------------------------------------------------------------------------


def test_killed_run_over_http_is_finished_by_the_next_and_nothing_is_pulled_twice(
    desk: Desk, bad_server: Start, tmp_path: Path
) -> None:
    names = [a for _, a in zip(range(FILES), addresses(), strict=False)]
    server = bad_server({name: name.encode() for name in names})
    open_gate = threading.Event()

    def wait(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        open_gate.wait(60)
        reply(200, content, ETag=f'"{hash(content):x}"')(handler, content)

    held = sorted(names)[700:]
    server.always = dict.fromkeys(held, wait)
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from pipeline.catalog import load_catalog
        from pipeline.fetch import fetch, registering
        from pipeline.settings import Settings
        from pipeline.store import Store
        registering.BATCH_FILES = 50
        fetch(Store(Path(sys.argv[1])), "2018-07", [sys.argv[2]], load_catalog(), Settings(fetch_connections=4))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(desk.store.root), server.url])
    register = Register(desk.store.register_file)
    deadline = time.monotonic() + 60
    while len(register.history()) < 650 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    open_gate.set()
    server.always.clear()
    kept = {d.address for d in register.history()}
    assert 650 <= len(kept) <= 700, "killed in the middle"
    server.requests.clear()
    result = desk.fetch(server.url)
    assert (result.pulled, result.failed) == (FILES - len(kept), 0), desk.findings("FETCH-FAILED")[:3]
    asked_anew = [unquote(p[1:]) for _, p, h in server.requests if p.endswith(".csv") and "If-None-Match" not in h]
    assert sorted(asked_anew) == sorted(set(names) - kept), "what is registered is not pulled again"
    history = register.history()
    assert Counter(d.address for d in history) == Counter(names)
    assert all(d.sha256 == sha256(d.address.encode()).hexdigest() for d in history)
    assert desk.used() == server.files
    assert desk.leftovers() == []
    assert len([p for p in desk.store.objects.rglob("*") if p.is_file()]) == FILES
    fresh = Desk(Store(tmp_path / "fresh"), desk.catalog)
    fresh.fetch(server.url)
    for name in ("deliveries.json", "findings-fetch.parquet"):
        assert (desk.store.run(MONTH) / name).read_bytes() == (fresh.store.run(MONTH) / name).read_bytes()
