"""A source behind http or https: found by its directory index, or by asking for every address where there is none.

How requests are paced and repeated is `HttpClient`'s business; what a page says is `index_page`'s.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from urllib.parse import quote

import aiohttp

from pipeline.fetch.exchange import Listing, Offer, PullError, Trouble, UnreachableError, is_strong
from pipeline.fetch.gathering import for_each
from pipeline.fetch.http_client import AgainError, HttpClient
from pipeline.fetch.incoming import Body, HtmlPageError, TooLargeError
from pipeline.fetch.index_page import Link, calls_itself_index, children
from pipeline.fetch.pace import Pace
from pipeline.fetch.places import ROOT_FILES, Layout, Place, is_month
from pipeline.fetch.probing import Probing
from pipeline.settings import Settings
from pipeline.store import Delivery

PAGE_BYTES = 32 << 20
NOT_THERE = frozenset((404, 410))
NO_INDEX = frozenset((403, 404, 405, 410))
NO_HEAD = frozenset((405, 501))
# No delivery has this name, so a server that has it answers everything.
CANARY = "0000-00/keine-lieferung/keine-stelle.parquet"


class Web:
    """A web server; `root` ends with a slash and has no credentials, `query` is sent with every request."""

    def __init__(
        self,
        root: str,
        query: str,
        authorization: str,
        display: str,
        settings: Settings,
        redact: Callable[[str], str],
        probing: Probing,
        pace: Pace,
    ) -> None:
        self.display = display
        self.hasty = False
        self._root = root
        self._query = f"?{query}" if query else ""
        self._settings = settings
        self._probing = probing
        self._client = HttpClient(settings, authorization, redact, pace)

    async def open(self) -> None:
        """Make the pool of connections."""
        await self._client.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    def _url(self, address: str) -> str:
        return self._root + quote(address) + self._query

    # ---- what is there -------------------------------------------------------------------------------------------

    async def listing(self, layout: Layout) -> Listing:
        """Walk the directory index; where the server has none, ask for every address of the contract."""
        try:
            links = await self._children("")
        except PullError as error:
            raise UnreachableError(f"{error.cause}, {error.attempts} attempts") from error
        if links is None:
            return await self._probe()
        listing = Listing()
        folders = self._enter(layout, listing, "", links)
        while folders:
            folders = await self._level(layout, listing, folders)
        return listing

    async def _level(self, layout: Layout, listing: Listing, folders: list[str]) -> list[str]:
        deeper: list[str] = []

        async def look(folder: str) -> None:
            try:
                links = await self._children(folder)
            except PullError as error:
                listing.troubles.append(Trouble(folder, error.cause, error.attempts))
                return
            if links is None:
                listing.troubles.append(Trouble(folder, "the folder has no directory index", 1))
                return
            deeper.extend(self._enter(layout, listing, folder, links))

        await for_each(folders, self._settings.fetch_connections, look)
        return sorted(deeper)

    def _enter(self, layout: Layout, listing: Listing, folder: str, links: list[Link]) -> list[str]:
        deeper = []
        for link in links:
            address = folder + link.name
            # Some servers link to folders without the closing slash.
            if link.is_folder or (not folder and is_month(link.name)) or link.name in layout.tables:
                verdict = layout.folder(address)
                if verdict is True:
                    deeper.append(address + "/")
                listing.add(verdict)
            else:
                version = link.version if is_strong(link.version) else ""
                listing.add(layout.file(address), version, link.size)
        return deeper

    async def _children(self, folder: str) -> list[Link] | None:
        """Return what the index page of a folder links to, None if there is no such page; raises PullError."""

        async def attempt() -> list[Link] | None:
            taken = NO_INDEX - {403}
            async with self._client.request("GET", self._url(folder), taken=taken) as response:
                if response.status != 200 or not _is_html(response):
                    return None
                page = bytearray()
                async for chunk in response.content.iter_any():
                    page += chunk
                    if len(page) > PAGE_BYTES:
                        raise PullError(f"the directory index is larger than {PAGE_BYTES} bytes", 1)
                text = page.decode("utf-8", errors="replace")
                links = children(text, str(response.url.with_query(None)))
                if not folder and not calls_itself_index(text):
                    return links if any(is_month(link.name) or link.name in ROOT_FILES for link in links) else None
                return links

        try:
            return await self._client.patiently(attempt)
        except PullError as error:
            if error.cause == "HTTP 403" and not folder:
                return None
            raise

    # ---- asking for addresses ------------------------------------------------------------------------------------

    async def _probe(self) -> Listing:
        listing = Listing()
        absent = NOT_THERE
        try:
            status = await self._client.patiently(lambda: self._status(CANARY, NOT_THERE | {403}))
        except PullError as error:
            raise UnreachableError(f"no directory index, and {error.cause}, {error.attempts} attempts") from error
        if status == 403:
            absent |= {403}  # object stores answer so for what is not there
        elif status not in NOT_THERE:
            raise UnreachableError(
                "no directory index, and the server answers 200 even for an address that cannot exist; "
                "is this an error page instead of the deliveries?"
            )

        async def ask(place: Place) -> None:
            async def attempt() -> Offer | None:
                return await self._ask(place, absent)

            try:
                offer = await self._client.patiently(attempt)
            except PullError as error:
                listing.troubles.append(Trouble(place.address, error.cause, error.attempts))
                return
            if offer is not None:
                listing.offers.append(offer)

        await for_each(self._probing.questions(self.display), self._settings.fetch_connections, ask)
        more = self._probing.more(self.display, [o.place for o in listing.offers])
        asked = {o.place for o in listing.offers}
        await for_each((p for p in more if p not in asked), self._settings.fetch_connections, ask)
        if not listing.troubles:
            self._probing.learned(self.display, [o.place for o in listing.offers])
        return listing

    async def _status(self, address: str, taken: frozenset[int]) -> int:
        async with self._client.request("HEAD", self._url(address), taken=taken | NO_HEAD) as response:
            if response.status not in NO_HEAD:
                return response.status
        async with self._client.request("GET", self._url(address), taken=taken) as response:
            return response.status

    async def _ask(self, place: Place, absent: frozenset[int]) -> Offer | None:
        async with self._client.request("HEAD", self._url(place.address), taken=absent | NO_HEAD) as response:
            if response.status not in NO_HEAD:
                return _offer(place, response, absent)
        headers = {"Range": "bytes=0-0"}
        taken = absent | {206, 416}
        async with self._client.request("GET", self._url(place.address), headers, taken=taken) as response:
            response.close()  # the body is pulled later, if it is wanted
            return None if response.status in absent else Offer(place)

    # ---- pulling -------------------------------------------------------------------------------------------------

    async def pull(self, offer: Offer, known: Delivery | None, body: Body) -> str | None:
        """Copy one file; an interrupted body is continued where the server can, a known one is asked for conditionally."""
        state = _Transfer(self._url(offer.address), offer, _conditions(known), body)
        return await self._client.patiently(lambda: self._transfer(state), 1 if self.hasty else None)

    async def _transfer(self, state: _Transfer) -> str | None:
        body = state.body
        if not state.validator:
            body.restart()
        headers = state.headers()
        async with self._client.request("GET", state.url, headers, taken=frozenset((206, 304, 416))) as response:
            if response.status == 304:
                if state.conditions:
                    return None
                raise AgainError("HTTP 304 without having been asked")
            if response.status == 416 or (response.status == 206 and not state.continues(response)):
                body.restart()
                state.validator = ""
                raise AgainError("the rest of an interrupted file could not be continued")
            if response.status == 200:
                body.restart()
            if _is_html(response):
                raise HtmlPageError
            unpack = _unpacker(response, state.offer)
            state.validator = "" if unpack else _validator(response)
            try:
                async for chunk in response.content.iter_any():
                    body.write(unpack.decompress(chunk) if unpack else chunk)
            except (TooLargeError, zlib.error) as error:
                raise PullError(str(error), 1) from error
            if unpack and not unpack.eof:
                raise AgainError("the answer broke off before its end")
            announced = state.offer.size
            if response.content_length is None and announced is not None and announced != body.size:
                raise AgainError(f"{body.size} bytes came, {announced} were announced")
            return _version(response)

    async def reachable(self) -> bool:
        """Tell whether the server answers anything but an error of its own."""

        async def attempt() -> int:
            return await self._status("", frozenset((401, 403, 404, 410)))

        try:
            await self._client.patiently(attempt)
        except PullError:
            return False
        return True


class _Transfer:
    """One file over several attempts: what has come, and whether the server will continue it."""

    def __init__(self, url: str, offer: Offer, conditions: dict[str, str], body: Body) -> None:
        self.url = url
        self.offer = offer
        self.conditions = conditions
        self.body = body
        self.validator = ""

    def headers(self) -> dict[str, str]:
        """Return the headers of the next attempt."""
        if self.body.size and self.validator:
            return {"Range": f"bytes={self.body.size}-", "If-Range": self.validator}
        return self.conditions

    def continues(self, response: aiohttp.ClientResponse) -> bool:
        """Tell whether a partial answer starts where the body ends."""
        return response.headers.get("Content-Range", "").startswith(f"bytes {self.body.size}-")


def _is_html(response: aiohttp.ClientResponse) -> bool:
    return response.content_type in ("text/html", "application/xhtml+xml")


def _offer(place: Place, response: aiohttp.ClientResponse, absent: frozenset[int]) -> Offer | None:
    if response.status in absent:
        return None
    length = response.headers.get("Content-Length", "")
    return Offer(place, _version(response), int(length) if length.isdigit() else None)


def _version(response: aiohttp.ClientResponse) -> str:
    etag = response.headers.get("ETag", "")
    if etag:
        plain = etag.strip('"')
        return plain if is_strong(plain) else f"etag:{etag}"
    changed = response.headers.get("Last-Modified", "")
    return f"modified:{changed}" if changed else ""


def _conditions(known: Delivery | None) -> dict[str, str]:
    version = known.version if known is not None else ""
    if version.startswith("etag:"):
        return {"If-None-Match": version.removeprefix("etag:")}
    if is_strong(version):
        return {"If-None-Match": f'"{version}"'}
    if version.startswith("modified:"):
        return {"If-Modified-Since": version.removeprefix("modified:")}
    return {}


def _validator(response: aiohttp.ClientResponse) -> str:
    """Return what guards a continued transfer against a changed file; empty if the server cannot continue."""
    if response.headers.get("Accept-Ranges", "").lower() != "bytes" and response.status != 206:
        return ""
    etag = response.headers.get("ETag", "")
    if etag.startswith("W/"):
        return ""
    return etag or response.headers.get("Last-Modified", "")


def _unpacker(response: aiohttp.ClientResponse, offer: Offer) -> zlib._Decompress | None:
    """Return a decompressor if the server packed the transfer; a .csv.gz is a packed file and stays as it is."""
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding in ("identity", "") or offer.place.suffix == ".csv.gz":
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    raise PullError(f"the server packs the answer as {encoding}, which was not asked for", 1)
