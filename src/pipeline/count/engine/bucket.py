"""A copy of the store's immutable files on S3, which executors read and write in place of a shared disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

from pyarrow import fs

from pipeline.store.writing import replacing

DIGEST_DIGITS = 16


class Bucket:
    """The files of a store below `address`, in the same folders; a file's name there tells the digest of its content, too.

    So a file that is there under its name is the same, unless the bucket has lost a part of it: its size is asked for.
    """

    def __init__(self, address: str, store: Path) -> None:
        self._base, mark, query = address.partition("?")
        self._base, self._query = self._base.rstrip("/"), mark + query
        self._store = store
        self._system, self._root = fs.FileSystem.from_uri(address)
        self._there: dict[Path, str] = {}

    def folder(self, path: Path) -> str:
        """Return the address of a folder of the store."""
        return self._address(str(path.relative_to(self._store)))

    def uploaded(self, path: Path) -> str:
        """Return the address of a file of the store, uploaded unless it is there."""
        if path not in self._there:
            name = self._name(path, path)
            if self._system.get_file_info(self._place(name)).size != path.stat().st_size:
                fs.copy_files(str(path.absolute()), self._place(name), fs.LocalFileSystem(), self._system)
            self._there[path] = self._address(name)
        return self._there[path]

    def take(self, written: str, path: Path) -> None:
        """Copy what an executor has written, into the folder of `path`, into the store, and give it its name in the bucket."""
        place = self._place(str((path.parent / written).relative_to(self._store)))
        with replacing(path) as aside:
            fs.copy_files(place, str(aside), self._system, fs.LocalFileSystem())
            name = self._name(path, aside)
        self._system.move(place, self._place(name))
        self._there[path] = self._address(name)

    def _name(self, path: Path, content: Path) -> str:
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST_DIGITS]
        return str(path.relative_to(self._store).with_name(f"{path.stem}.{digest}{path.suffix}"))

    def _address(self, name: str) -> str:
        return f"{self._base}/{quote(name, safe='/=')}{self._query}"

    def _place(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


__all__ = ["Bucket"]
