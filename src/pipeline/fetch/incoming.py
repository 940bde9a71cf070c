"""Bytes on their way into the store: hashed while they are written aside, then renamed under their sha-256.

Nothing is visible under its digest before it is whole; what a killed run leaves aside is swept by the next.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from pipeline.store import Store

HEAD_BYTES = 1024
_HTML = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)


class StoreWriteError(Exception):
    """The store cannot take a file (disk full, read-only); deliberately no OSError, so that no retry swallows it."""


class HtmlPageError(Exception):
    """The source answered with an HTML page where data is expected."""


class TooLargeError(Exception):
    """A file is larger than the limit of the settings."""


class Incoming:
    """The folder aside in which files grow until they are whole."""

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._folder = store.register_file.parent / "incoming"
        self._numbers = itertools.count()
        self._limit = limit
        self._shards: dict[str, str] = {}

    def prepare(self) -> None:
        """Make the folders and sweep what a killed run left; the caller holds the store's lock."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for left in self._folder.iterdir():
                left.unlink()
            for shard in range(256):
                folder = self._store.snapshot(f"{shard:02x}{'0' * 62}").parent
                folder.mkdir(parents=True, exist_ok=True)
                self._shards[f"{shard:02x}"] = str(folder)
        except OSError as error:
            raise StoreWriteError(f"{self._folder}: {error.strerror}") from error

    def is_stored(self, digest: str, size: int) -> bool:
        """Tell whether bytes are in the store, whole."""
        try:
            return os.stat(f"{self._shards[digest[:2]]}/{digest}").st_size == size  # noqa: PTH116 - for every delivery
        except FileNotFoundError:
            return False

    def body(self) -> Body:
        """Start a new file; end it with `place` or `discard`."""
        return Body(f"{self._folder}/{next(self._numbers)}.part", self._limit, self._shards)

    def sync(self) -> None:
        """Make everything placed so far durable; called before the register names it."""
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            syncfs = _syncfs()
            if syncfs is None or syncfs(handle) != 0:
                os.sync()
        finally:
            os.close(handle)


@lru_cache(maxsize=1)
def _syncfs() -> Callable[[int], int] | None:
    """Return the C library's syncfs: one call for a thousand small files instead of a thousand fsyncs."""
    try:
        function: Callable[[int], int] = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    return function


class Body:
    """One file while it arrives: opened at the first byte, hashed as it is written."""

    __slots__ = ("_handle", "_hash", "_head", "_limit", "_path", "_shards", "size")

    def __init__(self, path: str, limit: int, shards: dict[str, str]) -> None:
        self._path = path
        self._limit = limit
        self._shards = shards
        self._handle = -1
        self._hash = sha256()
        self._head = b""
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes; raises StoreWriteError, TooLargeError."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise TooLargeError(
                f"larger than {self._limit} bytes, the limit KENNZAHLEN_MAX_UNPACKED_BYTES of the settings"
            )
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
        self._hash.update(chunk)
        try:
            self._open()
            view = memoryview(chunk)
            while view:
                view = view[_write(self._handle, view) :]
        except OSError as error:
            raise self._failed(error) from error

    def restart(self) -> None:
        """Forget what was written: the next byte is the first."""
        if self.size:
            try:
                os.ftruncate(self._handle, 0)
                os.lseek(self._handle, 0, os.SEEK_SET)
            except OSError as error:
                raise self._failed(error) from error
        self._hash = sha256()
        self._head = b""
        self.size = 0

    def place(self) -> str:
        """Rename the whole file under its digest and return that; raises HtmlPageError, StoreWriteError."""
        digest = self._hash.hexdigest()
        if _HTML.match(self._head):
            self.discard()
            raise HtmlPageError
        try:
            self._open()
            os.close(self._handle)
            self._handle = -1
            # Replacing an equal file heals one that a power cut left damaged.
            os.replace(self._path, f"{self._shards[digest[:2]]}/{digest}")  # noqa: PTH105 - twenty thousand times a run
        except OSError as error:
            raise self._failed(error) from error
        return digest

    def discard(self) -> None:
        """Remove what was written."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            os.unlink(self._path)  # noqa: PTH108
        self.size = 0

    def _open(self) -> None:
        if self._handle < 0:
            # 0600: original bytes carry identifiers of persons.
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def _failed(self, error: OSError) -> StoreWriteError:
        self.discard()
        return StoreWriteError(f"{self._path}: {error.strerror}")


def _write(handle: int, data: memoryview) -> int:
    return os.write(handle, data)
