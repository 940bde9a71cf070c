"""What a process costs: CPU seconds of it and of all that came from it, wall seconds, memory of the whole tree. Linux only.

A process that outlives its parent (a Java virtual machine does) is handed to the measuring process, which waits for it too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
INTERVAL_S = 0.1
GRACE_S = 20.0


@dataclass(frozen=True)
class Cost:
    """What a process cost: seconds, bytes. `samples` are moments (monotonic clock) and the resident bytes of the tree then.

    `cpu_s` is user and system time of every process of the tree that has ended; `largest_process` is the greatest ``ru_maxrss``.
    """

    status: int
    cpu_s: float
    wall_s: float
    peak_rss: int
    largest_process: int
    samples: Sequence[tuple[float, int]] = field(repr=False, default=())

    def peak_between(self, begin: float, end: float) -> int:
        """Return the greatest sampled memory of the tree between two moments; 0 if none was sampled."""
        return max((rss for moment, rss in self.samples if begin <= moment <= end), default=0)


def adopt_orphans() -> None:
    """Become the parent of processes below this one whose own parent ends; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) was refused")


def measured(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Cost:
    """Run a command to its end, its output into `log`, and return what it cost; the caller has called `adopt_orphans`.

    No other child of this process may be running. What still runs a while after the command's end is terminated.
    """
    samples: list[tuple[float, int]] = []
    begin = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT)
    cpu, largest, status, ended = 0.0, 0, -1, 0.0
    while True:
        try:
            pid, code, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
            largest = max(largest, usage.ru_maxrss * 1024)
            if pid == child.pid:
                status, ended = os.waitstatus_to_exitcode(code), time.monotonic()
            continue
        tree = _tree(os.getpid())
        samples.append((time.monotonic(), sum(_resident(p) for p in tree)))
        if ended and time.monotonic() - ended > GRACE_S:
            for p in tree:
                os.kill(p, signal.SIGKILL)
        time.sleep(INTERVAL_S)
    child.returncode = status
    peak = max((rss for _, rss in samples), default=0)
    return Cost(status, cpu, ended - begin, max(peak, largest), largest, tuple(samples))


def tree_cpu() -> float:
    """Return the CPU seconds so far of this process, its living descendants and those it has waited for."""
    return sum(_cpu(p) for p in (os.getpid(), *_tree(os.getpid())))


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _cpu(pid: int) -> float:
    stat = _stat(pid)
    return sum(int(ticks) for ticks in stat[11:15]) / TICKS if stat else 0.0


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _tree(root: int) -> list[int]:
    """Return all descendants of a process."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
