"""A published country of all jobcenters, a local web server for it, and a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from browser.chrome import Chrome, find_program
from unit.publish.country import country, publish_country


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a release with all jobcenters of July 2018."""
    made = country(units=None, indicators=("K1", "K2E1", "K2E3", "K3E2"))
    return publish_country(made.write(tmp_path_factory.mktemp("store")), made).folder


@pytest.fixture(scope="session")
def site(release: Path) -> Iterator[str]:
    """Return the address of the site, served on this machine only."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(release)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/site/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def chrome() -> Iterator[Chrome]:
    """Return a running browser."""
    program = find_program()
    if program is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium); pages were not tried in a browser")
    browser = Chrome(program)
    yield browser
    browser.close()
