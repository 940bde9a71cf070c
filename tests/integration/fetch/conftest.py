"""Fixtures of the fetch tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from integration.fetch.fetch_world import BadServer, Desk, handler_for
from pipeline.catalog import load_catalog
from pipeline.store import Store


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Store(tmp_path / "store"), load_catalog())


@pytest.fixture
def bad_server() -> Iterator[Callable[..., BadServer]]:
    running: list[tuple[ThreadingHTTPServer, BadServer]] = []

    def start(files: Mapping[str, bytes], **options: Any) -> BadServer:
        server = BadServer(dict(files), **options)
        http = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(server))
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}/"
        running.append((http, server))
        return server

    yield start
    for http, server in running:
        server.stop.set()
        http.shutdown()
        http.server_close()
