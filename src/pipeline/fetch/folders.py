"""Sources that can be listed: a directory of this machine, an S3 prefix, an SFTP folder.

Local directories are read directly, which gives exact modification times; s3 and sftp go through fsspec in threads.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline.fetch.exchange import Listing, Offer, PullError, UnreachableError
from pipeline.fetch.gathering import in_thread
from pipeline.fetch.incoming import Body, TooLargeError
from pipeline.fetch.pace import Pace
from pipeline.fetch.places import Layout
from pipeline.store import Delivery

CHUNK_BYTES = 1 << 20


def tree_id(root: Path) -> str:
    """Return an identity of a directory of this machine that does not depend on how it is reached."""
    status = root.stat()
    return sha256(f"{root.resolve()}\0{status.st_dev}\0{status.st_ino}".encode()).hexdigest()[:16]


def tree_version(tree: str, status: os.stat_result) -> str:
    """Return the version of a file: any write, rename over it or change of its times gives another one."""
    return f"tree:{tree}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"


class Directory:
    """A directory of this machine."""

    def __init__(self, root: Path, display: str, workers: int) -> None:
        self.display = display
        self.hasty = False
        self._root = root
        self._workers = workers
        self._tree = ""
        self._pool: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Check that the directory is there."""
        if not self._root.is_dir():
            what = "is a file, not a directory" if self._root.exists() else "does not exist"
            raise UnreachableError(f"the directory {what}")
        self._tree = tree_id(self._root)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="fetch")

    async def listing(self, layout: Layout) -> Listing:
        """Walk the month and table folders."""
        listing = Listing()
        try:
            self._walk(layout, listing, "")
        except OSError as error:
            raise UnreachableError(f"the directory cannot be listed: {error.strerror}") from error
        return listing

    def _walk(self, layout: Layout, listing: Listing, folder: str) -> None:
        with os.scandir(self._root / folder) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                address = folder + entry.name
                if entry.is_dir():
                    verdict = layout.folder(address)
                    if verdict is True:
                        self._walk(layout, listing, address + "/")
                    else:
                        listing.add(verdict)
                    continue
                try:
                    status = entry.stat()
                except OSError:  # a link that leads nowhere: pulling it will say so
                    listing.add(layout.file(address))
                    continue
                listing.add(layout.file(address), tree_version(self._tree, status), status.st_size)

    async def pull(self, offer: Offer, known: Delivery | None, body: Body) -> str | None:
        """Copy one file; one that changes while it is read is read again."""
        return await in_thread(self._pool, self._copy, offer, body)

    def _copy(self, offer: Offer, body: Body) -> str:
        try:
            # Not blocking: a named pipe must not hang the run.
            handle = os.open(f"{self._root}/{offer.address}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise PullError("it is no regular file", 1)
                for _ in range(3):
                    before = os.fstat(file.fileno())
                    while chunk := file.read(CHUNK_BYTES):
                        body.write(chunk)
                    if tree_version("", os.fstat(file.fileno())) == tree_version("", before):
                        return tree_version(self._tree, before)
                    body.restart()
                    file.seek(0)
                    time.sleep(0.05)
        except OSError as error:
            raise PullError(error.strerror or str(error), 1) from error
        except TooLargeError as error:
            raise PullError(str(error), 1) from error
        raise PullError("the file is being written while it is read", 3)

    async def reachable(self) -> bool:
        """Tell whether the directory is still there."""
        return self._root.is_dir()

    async def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


class Remote:
    """A folder behind an fsspec file system: an object store (s3, one connection pool for all threads) or a tree (sftp).

    An object store counts its requests itself; of a tree every folder listed and every file opened is one.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        root: str,
        display: str,
        *,
        flat: bool,
        workers: int,
        attempts: int,
        backoff: float,
        redact: Callable[[str], str],
        pace: Pace,
    ) -> None:
        self.display = display
        self.hasty = False
        self._connect = connect
        self._root = root.rstrip("/")
        self._flat = flat
        self._workers = workers
        self._attempts = attempts
        self._backoff = backoff
        self._redact = redact
        self._pace = pace
        self._local = threading.local()
        self._connecting = threading.Lock()
        self._opened: list[Any] = []
        self._pool: ThreadPoolExecutor | None = None

    def _system(self) -> Any:
        if self._flat:
            with self._connecting:
                if not self._opened:
                    self._opened.append(self._connect())
            return self._opened[0]
        if getattr(self._local, "system", None) is None:
            self._local.system = self._connect()
            self._opened.append(self._local.system)
        return self._local.system

    def _turn(self) -> None:
        if not self._flat:
            time.sleep(self._pace.turn())
            self._pace.sent()

    def _forget_system(self) -> None:
        self._local.system = None

    def _cause(self, error: BaseException) -> str:
        text = str(error).strip() or type(error).__name__
        return self._redact(text.splitlines()[0][:300])

    async def open(self) -> None:
        """Start the threads; connections are made by the first who needs one."""
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="fetch")

    async def listing(self, layout: Layout) -> Listing:
        """List everything below the root: in one sweep (object stores) or folder by folder."""
        cause = ""
        for attempt in range(1, self._attempts + 1):
            try:
                return await in_thread(self._pool, self._sweep if self._flat else self._walk_all, layout)
            except Exception as error:
                cause = self._cause(error)
                if isinstance(error, FileNotFoundError | PermissionError):
                    break
                if attempt < self._attempts:
                    await asyncio.sleep(self._backoff * 2 ** (attempt - 1))
        raise UnreachableError(cause)

    def _sweep(self, layout: Layout) -> Listing:
        listing = Listing()
        system = self._system()
        system.invalidate_cache()
        found = system.find(self._root, detail=True)
        if not found and not system.exists(self._root):
            raise FileNotFoundError("the bucket or prefix does not exist")
        for path, info in sorted(found.items()):
            address = path[len(self._root) :].lstrip("/")
            if address and not address.endswith("/") and info.get("type") != "directory":
                listing.add(layout.file(address), _version(info), info.get("size"))
        return listing

    def _walk_all(self, layout: Layout) -> Listing:
        listing = Listing()
        self._walk(self._system(), layout, listing, "")
        return listing

    def _walk(self, system: Any, layout: Layout, listing: Listing, folder: str) -> None:
        self._turn()
        for info in sorted(system.ls(f"{self._root}/{folder}", detail=True), key=lambda i: str(i["name"])):
            address = folder + str(info["name"]).rstrip("/").rsplit("/", 1)[-1]
            if info["type"] == "directory":
                verdict = layout.folder(address)
                if verdict is True:
                    self._walk(system, layout, listing, address + "/")
                else:
                    listing.add(verdict)
            else:
                listing.add(layout.file(address), _version(info), info.get("size"))

    async def pull(self, offer: Offer, known: Delivery | None, body: Body) -> str | None:
        """Copy one file, with attempts and growing pauses."""
        return await in_thread(self._pool, self._copy, offer, body)

    def _copy(self, offer: Offer, body: Body) -> str:
        attempts = 1 if self.hasty else self._attempts
        cause = ""
        for attempt in range(1, attempts + 1):
            body.restart()
            try:
                system = self._system()
                self._turn()
                path = f"{self._root}/{offer.address}"
                with system.open(path, "rb", block_size=CHUNK_BYTES, cache_type="readahead") as file:
                    while chunk := file.read(CHUNK_BYTES):
                        body.write(chunk)
                if offer.size is None or offer.size == body.size:
                    return offer.version
                cause = f"{body.size} bytes came, {offer.size} were announced"
            except FileNotFoundError as error:
                raise PullError("it was listed, but is not there any more", attempt) from error
            except (PermissionError, TooLargeError) as error:
                raise PullError(self._cause(error), attempt) from error
            except (OSError, EOFError, _ssh_error()) as error:
                cause = self._cause(error)
                self._forget_system()
            if attempt < attempts:
                time.sleep(self._backoff * 2 ** (attempt - 1))
        raise PullError(cause, attempts, source_suspect=True)

    async def reachable(self) -> bool:
        """Tell whether the root can be looked at."""
        try:
            return bool(await in_thread(self._pool, lambda: self._system().exists(self._root)))
        except Exception:
            return False

    async def close(self) -> None:
        """Stop the threads and close connections."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for system in self._opened:
            if self._flat:
                system.close()
            elif system.client is not None:
                system.client.close()


def _version(info: dict[str, Any]) -> str:
    size = info.get("size")
    etag = info.get("ETag") or info.get("etag")
    if etag:
        return f"etag:{str(etag).strip(chr(34))}:{size}"
    changed = info.get("LastModified") or info.get("mtime")
    return f"modified:{changed}:{size}" if changed else ""


def _ssh_error() -> type[Exception]:
    import paramiko

    error: type[Exception] = paramiko.SSHException
    return error
