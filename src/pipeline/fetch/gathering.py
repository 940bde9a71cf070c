"""Doing many small things with a few workers, without ever making a list of tasks as long as the work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def for_each(items: Iterable[T], workers: int, act: Callable[[T], Awaitable[None]]) -> None:
    """Call `act` for every item, at most `workers` at once; the first exception stops the others and is raised."""
    queue = iter(items)

    async def work() -> None:
        for item in queue:
            await act(item)

    tasks = [asyncio.create_task(work()) for _ in range(max(1, workers))]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def in_thread(pool: Executor | None, act: Callable[..., T], *args: object) -> T:
    """Run `act` in a thread; when cancelled, wait for it, because it may be writing to what the caller will close."""
    future = asyncio.get_running_loop().run_in_executor(pool, act, *args)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
