"""One writer at a time: an advisory lock on the store that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreBusyError(RuntimeError):
    """Another process is writing in this store."""


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; raises StoreBusyError at once if another process holds it.

    The operating system releases the lock when the process ends, however it ends: a killed run leaves nothing to clean up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StoreBusyError(
                f"{path.parent}: another run is writing here ({holder}); wait until it has ended and run again"
            ) from error
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "what": what}))
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()
