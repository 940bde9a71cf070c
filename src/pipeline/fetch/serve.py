"""A static HTTP server for one directory, for `make run` and tests: loopback only, keep-alive, index pages with versions.

It runs in a process of its own, so that the other core serves; it is no server for a network.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.fetch.folders import tree_id, tree_version
from pipeline.fetch.index_page import Link, index_page

HOST = "127.0.0.1"
HEAD_LIMIT = 32 << 10
SMALL_BYTES = 1 << 20
_TYPES = {".csv": "text/csv; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".gz": "application/gzip"}


@contextmanager
def serve(directory: Path, port: int = 0) -> Iterator[str]:
    """Serve `directory` on 127.0.0.1 while the block runs and yield the URL; port 0 takes a free one.

    Raises RuntimeError if the server does not start (port in use, no such directory).
    """
    command = [sys.executable, "-m", "pipeline.fetch.serve", str(directory), str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the server process has no pipes")
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the server for {directory} on port {port} did not start; see its message above")
        yield url
    finally:
        process.stdin.close()  # the server ends when its standard input does, also if we are killed
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class _Tree:
    """Answers for the files below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.id = tree_id(self.root)

    def path(self, target: str) -> Path | None:
        """Return what a request target names, None if it leads out of the tree or to hidden things."""
        parts = [p for p in unquote(urlsplit(target).path).split("/") if p]
        if any(p.startswith(".") or "\\" in p or "\0" in p for p in parts):
            return None
        path = self.root.joinpath(*parts)
        try:
            real = path.resolve(strict=True)
        except OSError:
            return None
        return real if real == self.root or self.root in real.parents else None

    def page(self, path: Path, target: str) -> bytes:
        """Return the index page of a folder."""
        links = []
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if entry.name.startswith("."):
                    continue
                try:
                    status = entry.stat()
                except OSError:
                    continue
                if entry.is_dir():
                    links.append(Link(entry.name, True))
                else:
                    links.append(Link(entry.name, False, tree_version(self.id, status), status.st_size))
        return index_page(unquote(urlsplit(target).path), links).encode("utf-8")


class _Connection(asyncio.Protocol):
    """One keep-alive connection; requests are answered in order."""

    def __init__(self, tree: _Tree) -> None:
        self._tree = tree
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._resume = asyncio.Event()
        self._resume.set()
        self._sending: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._resume.set()
        if self._sending is not None:
            self._sending.cancel()

    def pause_writing(self) -> None:
        self._resume.clear()

    def resume_writing(self) -> None:
        self._resume.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def _next(self) -> None:
        while self._transport is not None and self._sending is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > HEAD_LIMIT:
                    self._transport.close()
                return
            head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
            self._answer(head.decode("latin-1"))

    def _answer(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        words = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(words) != 3 or "content-length" in headers or "transfer-encoding" in headers:
            self._send(HTTPStatus.BAD_REQUEST, {"Connection": "close"}, b"", close=True)
            return
        method, target, version = words
        close = headers.get("connection", "").lower() == "close" or version != "HTTP/1.1"
        if method not in ("GET", "HEAD"):
            self._send(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"}, b"", close=close)
            return
        self._get(method, target, headers, close)

    def _get(self, method: str, target: str, headers: dict[str, str], close: bool) -> None:
        path = self._tree.path(target)
        if path is None:
            self._send(HTTPStatus.NOT_FOUND, {}, b"" if method == "HEAD" else b"not found\n", close=close)
        elif path.is_dir():
            if not urlsplit(target).path.endswith("/"):
                self._send(HTTPStatus.MOVED_PERMANENTLY, {"Location": urlsplit(target).path + "/"}, b"", close=close)
                return
            page = self._tree.page(path, target)
            kind = {"Content-Type": "text/html; charset=utf-8"}
            self._send(HTTPStatus.OK, kind, page, close=close, bodiless=method == "HEAD")
        else:
            self._file(method, path, headers, close)

    def _file(self, method: str, path: Path, headers: dict[str, str], close: bool) -> None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._send(HTTPStatus.NOT_FOUND, {}, b"", close=close)
            return
        status = os.fstat(handle)
        etag = f'"{tree_version(self._tree.id, status)}"'
        sent = {
            "Content-Type": _TYPES.get(path.suffix, "application/octet-stream"),
            "ETag": etag,
            "Last-Modified": formatdate(status.st_mtime, usegmt=True),
        }
        if _not_modified(headers, etag, int(status.st_mtime)):
            os.close(handle)
            self._send(HTTPStatus.NOT_MODIFIED, sent, b"", close=close)
        elif method == "HEAD":
            os.close(handle)
            self._send(HTTPStatus.OK, sent, b"", close=close, length=status.st_size)
        elif status.st_size <= SMALL_BYTES:
            with os.fdopen(handle, "rb") as file:
                self._send(HTTPStatus.OK, sent, file.read(), close=close)
        else:
            self._send(HTTPStatus.OK, sent, b"", close=False, length=status.st_size)
            self._sending = asyncio.get_running_loop().create_task(self._stream(handle, status.st_size, close))

    async def _stream(self, handle: int, size: int, close: bool) -> None:
        with os.fdopen(handle, "rb") as file:
            while size > 0 and self._transport is not None:
                chunk = file.read(min(SMALL_BYTES, size))
                if not chunk:
                    self._transport.close()  # the file shrank: the client must see that the body broke off
                    return
                size -= len(chunk)
                self._transport.write(chunk)
                await self._resume.wait()
        self._sending = None
        if close and self._transport is not None:
            self._transport.close()
        self._next()

    def _send(
        self,
        status: HTTPStatus,
        headers: dict[str, str],
        body: bytes,
        *,
        close: bool,
        length: int | None = None,
        bodiless: bool = False,
    ) -> None:
        if self._transport is None:
            return
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"Content-Length: {len(body) if length is None else length}",
        ]
        if status == HTTPStatus.NOT_MODIFIED:
            lines.pop()
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if close:
            lines.append("Connection: close")
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if bodiless else body))
        if close:
            self._transport.close()


def _not_modified(headers: dict[str, str], etag: str, changed: int) -> bool:
    if "if-none-match" in headers:
        return etag in [tag.strip() for tag in headers["if-none-match"].split(",")]
    since = headers.get("if-modified-since")
    if since is None:
        return False
    try:
        return changed <= parsedate_to_datetime(since).timestamp()
    except ValueError:
        return False


async def _run(root: Path, port: int) -> None:
    loop = asyncio.get_running_loop()
    tree = _Tree(root)
    server = await loop.create_server(lambda: _Connection(tree), HOST, port, backlog=256)
    sys.stdout.write(f"http://{HOST}:{server.sockets[0].getsockname()[1]}/\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main(arguments: list[str]) -> int:
    """Serve until standard input ends: `python -m pipeline.fetch.serve DIRECTORY [PORT]`."""
    root = Path(arguments[0])
    if not root.is_dir():
        sys.stderr.write(f"{root} is no directory; there is nothing to serve\n")
        return 1
    try:
        asyncio.run(_run(root, int(arguments[1]) if len(arguments) > 1 else 0))
    except OSError as error:
        sys.stderr.write(f"the server for {root} cannot listen on {HOST}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
