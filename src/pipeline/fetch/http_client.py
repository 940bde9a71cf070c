"""HTTP requests as they must be made in practice: paced, retried with growing pauses, patient with 403 and 429.

Nothing here knows deliveries; `Web` builds a source on it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import aiohttp
from yarl import URL

from pipeline.fetch.exchange import PullError
from pipeline.fetch.pace import Pace
from pipeline.settings import Settings

T = TypeVar("T")
MAX_REDIRECTS = 5
LONGEST_PAUSE = 900.0
RETRIED = frozenset((403, 408, 425, 429)) | frozenset(range(500, 600))


class AgainError(Exception):
    """An attempt failed in a way that may pass; `pause` is what the server asked for, in seconds."""

    def __init__(self, cause: str, pause: float | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.pause = pause


class StatusError(Exception):
    """The server answered with a status that another attempt will not change."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class HttpClient:
    """One server, one pool of connections; the pace is that of the whole fetch."""

    def __init__(self, settings: Settings, authorization: str, redact: Callable[[str], str], pace: Pace) -> None:
        self._settings = settings
        self._authorization = authorization
        self._redact = redact
        self._pace = pace
        self._session: aiohttp.ClientSession | None = None
        self._paused_until = 0.0

    async def open(self) -> None:
        """Make the pool; no connection yet."""

        async def redirected(*_: object) -> None:
            await self._turn()

        watch = aiohttp.TraceConfig()
        watch.on_request_redirect.append(redirected)
        silent = self._settings.fetch_timeout
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._settings.fetch_connections, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=silent * 60, connect=None, sock_connect=silent, sock_read=silent),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trace_configs=[watch],
            headers={"Accept-Encoding": "identity", "User-Agent": "kennzahlen-48a"},
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, taken: frozenset[int] = frozenset()
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make one attempt and yield the response; raises AgainError, StatusError or PullError.

        Statuses in `taken` are yielded like 200, so that the caller decides.
        """
        if self._session is None:
            raise RuntimeError("the client is not open")
        await self._turn()
        sent = dict(headers or {})
        if self._authorization:
            sent["Authorization"] = self._authorization  # as a header: dropped by a redirect to another host
        try:
            async with self._session.request(
                method, URL(url, encoded=True), headers=sent, max_redirects=MAX_REDIRECTS
            ) as response:
                if url.startswith("https:") and any(r.url.scheme != "https" for r in (*response.history, response)):
                    raise PullError("redirected from https to unprotected http", 1)
                if response.status != 200 and response.status not in taken:
                    raise self._refusal(response)
                yield response
        except aiohttp.TooManyRedirects as error:
            raise PullError(f"redirected in a circle or more than {MAX_REDIRECTS} times", 1) from error
        except (aiohttp.InvalidURL, aiohttp.ClientConnectorCertificateError) as error:
            raise PullError(self._text(error), 1) from error
        except TimeoutError as error:
            raise AgainError(f"no answer within {self._settings.fetch_timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AgainError(self._text(error)) from error

    def _refusal(self, response: aiohttp.ClientResponse) -> Exception:
        if response.status not in RETRIED:
            return StatusError(response.status)
        pause = _retry_after(response.headers.get("Retry-After"))
        if pause is not None or response.status == 429:
            self._paused_until = max(self._paused_until, time.monotonic() + (pause or 0.0))
        return AgainError(f"HTTP {response.status}", pause)

    def _text(self, error: BaseException) -> str:
        kind = type(error).__name__
        if kind == "ClientPayloadError":
            return "the answer broke off before its end"
        text = str(error).splitlines()[0][:300] if str(error) else ""
        return self._redact(f"{kind}: {text}" if text else kind)

    async def _turn(self) -> None:
        """Wait until a pause the server asked for is over and the pace allows the next request."""
        while True:
            while (pause := self._paused_until - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            wait = self._pace.turn()
            if wait > 0:
                await asyncio.sleep(wait)
            if self._paused_until <= time.monotonic():  # else the server has asked for a pause meanwhile
                break
        self._pace.sent()

    async def patiently(self, attempt: Callable[[], Awaitable[T]], attempts: int | None = None) -> T:
        """Repeat `attempt` while it raises AgainError, with pauses; raises PullError with the last cause."""
        most = attempts or self._settings.fetch_attempts
        number = 0
        while True:
            number += 1
            try:
                return await attempt()
            except PullError as error:
                raise PullError(error.cause, number) from error
            except StatusError as error:
                raise PullError(str(error), number) from error
            except AgainError as again:
                if number >= most:
                    raise PullError(again.cause, number, source_suspect=True) from again
                pause = self._settings.fetch_backoff * 2.0 ** (number - 1) * random.uniform(1.0, 1.25)  # noqa: S311
                await asyncio.sleep(min(max(pause, again.pause or 0.0), LONGEST_PAUSE))


def _retry_after(text: str | None) -> float | None:
    if not text:
        return None
    if text.strip().isdigit():
        return min(float(text), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_PAUSE)
