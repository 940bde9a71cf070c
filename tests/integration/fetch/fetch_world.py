"""A small world of deliveries, and an HTTP server that misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pipeline.catalog import Catalog
from pipeline.fetch import FetchResult, fetch
from pipeline.settings import Settings
from pipeline.store import Finding, Store, read_findings

MONTH = "2018-07"
PERSON_TABLES = ("bestand", "leistungsbezug", "aufnahme", "massnahme", "leistung")
UNITS = ("t04412", "t04418")


def csv(month: str, table: str, unit: str, note: str = "") -> bytes:
    """Return distinct bytes that look like a delivery."""
    return f"person_id,note\np-{month}-{table}-{unit},{note}\n".encode()


def whole_month(month: str = MONTH, units: tuple[str, ...] = UNITS) -> dict[str, bytes]:
    """Return all person tables of the units for a month."""
    return {f"{month}/{t}/{u}.csv": csv(month, t, u) for t in PERSON_TABLES for u in units}


def write_tree(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a root."""
    for address, content in files.items():
        path = root / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def quick_settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {"fetch_backoff": 0.001, "fetch_timeout": 5.0, "fetch_attempts": 3, "fetch_connections": 4}
    return Settings(**{**values, **changes})


@dataclass
class Desk:
    """A store and what a test wants to know after a fetch."""

    store: Store
    catalog: Catalog

    def fetch(self, *sources: str | Path, month: str = MONTH, **settings: Any) -> FetchResult:
        return fetch(
            self.store,
            month,
            [str(s) for s in sources],
            self.catalog,
            quick_settings(**settings),
            now=lambda: datetime(2018, 11, 15, 6, tzinfo=UTC),
        )

    def deliveries(self, month: str = MONTH) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.store.run(month) / "deliveries.json").read_bytes())
        return content

    def used(self, month: str = MONTH) -> dict[str, bytes]:
        """Return the bytes in force by address."""
        return {
            d["address"]: self.store.snapshot(d["sha256"]).read_bytes() for d in self.deliveries(month)["deliveries"]
        }

    def findings(self, rule: str, month: str = MONTH) -> list[Finding]:
        return [f for f in read_findings(self.store.findings(month, "fetch")) if f.rule == rule]

    def leftovers(self) -> list[Path]:
        return list((self.store.register_file.parent / "incoming").iterdir())


Act = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class BadServer:
    """Serves `files` with plain index pages; `acts[path]` are answers that come first, one per request."""

    files: dict[str, bytes]
    index: bool = True
    validators: bool = True
    head: bool = True
    acts: dict[str, list[Act]] = field(default_factory=dict)
    always: dict[str, Act] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str, method: str = "GET") -> int:
        return sum(1 for m, p, _ in self.requests if m == method and p.partition("?")[0] == "/" + path)

    def page(self, folder: str) -> bytes | None:
        names = {
            a[len(folder) :].split("/")[0] + ("/" if "/" in a[len(folder) :] else "")
            for a in self.files
            if a.startswith(folder)
        }
        if not names or not self.index:
            return None
        rows = "".join(f'<a href="{n}">{n}</a> 01-Jan-2018 10:00 12\n' for n in sorted(names))
        return f'<html><body><a href="../">..</a><a href="?C=N;O=D">Name</a>{rows}</body></html>'.encode()


def reply(status: int, body: bytes = b"", **headers: str) -> Act:
    def act(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status not in (204, 304) and "Content_Length" not in headers:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return act


def handler_for(server: BadServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # else every header line is a packet and every answer waits for an acknowledgement

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(bodiless=True)

        def do_GET(self) -> None:
            self.answer(bodiless=False)

        def answer(self, *, bodiless: bool) -> None:
            server.requests.append((self.command, self.path, dict(self.headers.items())))
            path = unquote(self.path.partition("?")[0].lstrip("/"))
            content = server.files.get(path)
            if bodiless and not server.head:
                reply(405)(self, b"")
                return
            if server.acts.get(path):
                server.acts[path].pop(0)(self, content or b"")
                return
            if path in server.always:
                server.always[path](self, content or b"")
                return
            headers = {}
            if content is None:
                page = server.page(path) if path == "" or path.endswith("/") else None
                if page is None:
                    reply(404)(self, b"")
                    return
                content, headers["Content-Type"] = page, "text/html"
            else:
                headers["Content-Type"] = "text/csv"
                headers["Accept-Ranges"] = "bytes"
                if server.validators:
                    headers["ETag"] = f'"{hash(content):x}"'
                    if self.headers.get("If-None-Match") == headers["ETag"]:
                        reply(304, ETag=headers["ETag"])(self, b"")
                        return
            start = self.headers.get("Range", "")
            status = 200
            if start.endswith("-") and self.headers.get("If-Range") == headers.get("ETag"):
                first = int(start.removeprefix("bytes=").rstrip("-"))
                headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
                content, status = content[first:], 206
            headers["Content-Length"] = str(len(content))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if not bodiless:
                self.wfile.write(content)

    return Handler
