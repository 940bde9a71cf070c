"""A real limit on the memory of a command: a control group if this process may make one, else a limit of the process's data.

A control group counts what processes hold and what of files the kernel keeps for them, and can give back the latter at any time.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 600.0
GROUPS = Path("/sys/fs/cgroup")
NAME = f"kennzahlen-test-{os.getpid()}"


@dataclass(frozen=True)
class Ended:
    """How a caged command ended: exit code (negative: the signal), its output, and the most bytes `watched` held meanwhile."""

    code: int
    output: str
    most_on_disk: int


@dataclass(frozen=True)
class Cage:
    """A way to run commands that may not hold more than some bytes; `enter` is what the command's process does first."""

    what: str
    enter: Callable[[], None]

    def run(self, command: Sequence[str], environment: Mapping[str, str], log: Path, watched: Path) -> Ended:
        """Run a command in the cage to its end; looks many times a second how large the files below `watched` are."""
        most = 0
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=self.enter,  # noqa: PLW1509 - no other thread of this process holds a lock meanwhile
            )
            try:
                give_up = time.monotonic() + PATIENCE
                while process.poll() is None:
                    assert time.monotonic() < give_up, f"{command} has not ended"
                    most = max(most, _size(watched))
                    time.sleep(0.02)
            finally:
                process.kill()
                process.wait()
        return Ended(process.returncode, log.read_text(encoding="utf-8", errors="replace"), most)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


@contextmanager
def memory_cage(limit: int, limit_of_data: int) -> Iterator[Cage]:
    """Yield a cage of `limit` bytes; where no control group can be made, of `limit_of_data` bytes of data, touched or not."""
    for parent, limits in (
        (GROUPS / "memory", ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")),
        (GROUPS, ("memory.max", "memory.swap.max")),
    ):
        group = parent / NAME
        if _made(group, limits[0]):
            break
    else:
        yield Cage("limit of data", lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit_of_data, limit_of_data)))
        return
    try:
        (group / limits[0]).write_text(str(limit))
        if (group / limits[1]).exists():
            (group / limits[1]).write_text("0" if limits[1] == "memory.swap.max" else str(limit))
        members = str(group / "cgroup.procs")

        def enter() -> None:
            handle = os.open(members, os.O_WRONLY)
            os.write(handle, b"0")
            os.close(handle)

        yield Cage("control group", enter)
    finally:
        group.rmdir()


def _made(group: Path, limit: str) -> bool:
    """Tell whether a control group that limits memory could be made."""
    try:
        group.mkdir()
    except OSError:
        return False
    if os.access(group / limit, os.W_OK):
        return True
    group.rmdir()
    return False
