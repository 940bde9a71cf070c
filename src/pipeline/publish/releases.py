"""The shelf of releases: which exist, how one is put there whole, and where the pointer stands.

What a release contains is not known here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.months import MonthError, month_number
from pipeline.publish.manifest import NAME
from pipeline.store import Store

STAGING_PREFIX = ".tmp-"


def numbers(store: Store, month: str) -> list[int]:
    """Return the numbers of the complete releases of a month, ascending."""
    folder = store.releases / month
    if not folder.is_dir():
        return []
    found = [int(p.name) for p in folder.iterdir() if p.name.isdecimal() and (p / NAME).is_file()]
    return sorted(found)


def months(store: Store) -> list[str]:
    """Return the months that have a folder of releases, ascending."""
    if not store.releases.is_dir():
        return []
    found = []
    for path in store.releases.iterdir():
        try:
            month_number(path.name)
        except MonthError:
            continue
        if path.is_dir() and not path.is_symlink():
            found.append(path.name)
    return sorted(found)


def remove_leftovers(store: Store) -> None:
    """Remove the staging folders and pointers of killed runs; the caller holds the store's lock."""
    if not store.releases.is_dir():
        return
    for path in store.releases.glob(f"{STAGING_PREFIX}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def staged(store: Store, month: str, number: int) -> Iterator[Path]:
    """Yield an empty folder to build release `number` in; on success it is synced, sealed and renamed into place.

    A reader sees the release whole or not at all. On an error the folder is removed.
    """
    target = store.release(month, number)
    folder = store.releases / f"{STAGING_PREFIX}{month}-{number}"
    folder.mkdir(parents=True)
    try:
        yield folder
        _seal(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        _sync_folder(target.parent)
        _sync_folder(store.releases)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def point_to_newest(store: Store) -> str:
    """Set the pointer to the newest release (by month, then number), if it is not there yet; return `2018-07/1`.

    A repeated run of an older month never moves the pointer back: what is newest is decided by the month.
    """
    newest = [f"{month}/{numbers(store, month)[-1]}" for month in months(store) if numbers(store, month)]
    if not newest:
        raise FileNotFoundError(f"{store.releases}: there is no release to point to")
    target = newest[-1]
    pointer = store.pointer
    if not (pointer.is_symlink() and pointer.readlink() == Path(target)):
        temporary = store.releases / f"{STAGING_PREFIX}aktuell"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(pointer)
        _sync_folder(store.releases)
    return target


def _seal(folder: Path) -> None:
    """Make every file durable and read-only, then every folder durable."""
    folders = [folder]
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            folders.append(path)
            continue
        path.chmod(0o444)
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    for path in reversed(folders):
        path.chmod(0o755)
        _sync_folder(path)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
