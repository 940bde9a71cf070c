"""The pace of a fetch: every request of every connection to every source takes its turn here and is counted here.

When to repeat a request or to wait because a server says so is decided by those who make it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """At most `per_second` turns a second, 0 for no limit; threads and event loops may share it."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1.0 / per_second if per_second > 0 else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._begin = clock()
        self._next = self._begin
        self.requests = 0

    def turn(self) -> float:
        """Take the next turn and return the seconds until it comes; what was not used earlier is not made up for."""
        with self._lock:
            now = self._clock()
            start = max(now, self._next)
            self._next = start + self._interval
            return start - now

    def sent(self) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1

    def per_second(self) -> int:
        """Return how many requests a second were made since the beginning, rounded."""
        seconds = self._clock() - self._begin
        return round(self.requests / seconds) if seconds > 0 else 0
