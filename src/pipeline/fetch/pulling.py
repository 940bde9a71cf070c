"""Asks all sources what they offer and pulls what the store does not have: source by source, then file by file."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.catalog import Catalog
from pipeline.fetch.exchange import FetchError, Listing, Offer, PullError, Source, UnreachableError
from pipeline.fetch.gathering import for_each
from pipeline.fetch.incoming import HtmlPageError, Incoming
from pipeline.fetch.notes import Notes
from pipeline.fetch.pace import Pace
from pipeline.fetch.places import Key, Layout
from pipeline.fetch.probing import Probing
from pipeline.fetch.registering import Registering
from pipeline.fetch.sources import open_source
from pipeline.progress import Progress
from pipeline.settings import Settings
from pipeline.store import Delivery

PROGRESS_SECONDS = 0.05
FAILURES_IN_A_ROW = 20


@dataclass(frozen=True, slots=True)
class _Wanted:
    source: Source
    offer: Offer


class Pulling:
    """One walk over all sources, later ones win.

    Afterwards `offered` are the deliveries that can be had, by key, `failed` and `rejected` those that cannot; `pulled` and
    `bytes` say how many files and bytes came, `total` how many were looked at, `displays` how the sources are called,
    `pace` how many requests were made, and `requests_per_second` how many of them a second.
    """

    def __init__(
        self,
        month: str,
        catalog: Catalog,
        settings: Settings,
        incoming: Incoming,
        register: Registering,
        probed: Path,
        notes: Notes,
        progress: Progress | None,
    ) -> None:
        self._month = month
        self._catalog = catalog
        self._settings = settings
        self._incoming = incoming
        self._register = register
        self._probed = probed
        self._notes = notes
        self._progress = progress
        self._layout = Layout(catalog, month)
        self.pace = Pace(settings.fetch_requests_per_second)
        self.displays: list[str] = []
        self.offered: dict[Key, Delivery] = {}
        self.failed: set[Key] = set()
        self.rejected: dict[Key, dict[str, Any]] = {}
        self.pulled = self.bytes = self.total = self.requests_per_second = self._done = 0
        self._in_a_row: dict[int, int] = defaultdict(int)
        self._told = 0.0

    async def go(self, sources: Sequence[str]) -> None:
        """Do it; raises FetchError if a source tells nothing. What was pulled before that stays registered."""
        self._incoming.prepare()
        async with AsyncExitStack() as stack:
            opened = []
            for text in sources:
                probing = Probing(self._catalog, self._month, self._probed)
                source = open_source(text, self._settings, probing, self.pace)
                stack.push_async_callback(source.close)
                opened.append(source)
            wanted = await self._wanted(opened)
            self.total = len(wanted)
            try:
                await for_each(sorted(wanted.values(), key=_order), self._settings.fetch_connections, self._settle)
            except UnreachableError as error:
                self._notes.add("FETCH-FAILED", str(error))
                self._notes.write()
                raise FetchError(str(error)) from error
            finally:
                self._register.flush()
            self.displays = [source.display for source in opened]
        self.requests_per_second = self.pace.per_second()
        self._tell("done", force=True)

    # ---- what is wanted ------------------------------------------------------------------------------------------

    async def _wanted(self, sources: Iterable[Source]) -> dict[Key, _Wanted]:
        wanted: dict[Key, _Wanted] = {}
        for source in sources:
            self._tell(f"listing {source.display}", force=True)
            try:
                await source.open()
                listing = await source.listing(self._layout)
                if listing.troubles and not (listing.offers or listing.strays):
                    raise UnreachableError(f"nothing could be listed: {listing.troubles[0].cause}")
            except UnreachableError as error:
                text = f"source {source.display}: {error}; check the source and run again, deliveries in the store are kept"
                self._notes.add("FETCH-FAILED", text, file=source.display)
                self._notes.write()
                raise FetchError(text) from error
            self._report(source, listing)
            for key, offers in _by_key(listing).items():
                if len(offers) > 1:
                    self._reject(source, key, offers)
                    wanted.pop(key, None)
                else:
                    wanted[key] = _Wanted(source, offers[0])
                    self.rejected.pop(key, None)
        return wanted

    def _report(self, source: Source, listing: Listing) -> None:
        for stray in listing.strays.values():
            self._notes.add(
                stray.rule,
                f"{stray.address} in {source.display}: {stray.message}",
                file=stray.address,
                table=stray.table,
                ref_month=stray.ref_month,
                jc_id=stray.unit,
            )
        for trouble in listing.troubles:
            self._notes.add(
                "FETCH-FAILED",
                f"{trouble.address or '/'} in {source.display} could not be looked at: {trouble.cause} "
                f"({trouble.attempts} attempts); what the store has stays in force",
                file=trouble.address,
            )
        if not listing.offers and not listing.troubles:
            self._notes.add(
                "FETCH-EMPTY-SOURCE",
                f"source {source.display} offers nothing for months up to {self._month}; is it the right folder?",
                file=source.display,
            )

    def _reject(self, source: Source, key: Key, offers: list[Offer]) -> None:
        addresses = sorted(o.address for o in offers)
        self.rejected[key] = {
            "ref_month": key[0],
            "table": key[1],
            "unit": key[2],
            "rule": "FETCH-TWO-FILES",
            "addresses": addresses,
            "source": source.display,
        }
        self._notes.add(
            "FETCH-TWO-FILES",
            f"{source.display} has {' and '.join(addresses)} for one delivery; none is used, remove all but one",
            file=addresses[0],
            key=key,
            count=len(addresses),
        )

    # ---- pulling -------------------------------------------------------------------------------------------------

    async def _settle(self, wanted: _Wanted) -> None:
        source, offer = wanted.source, wanted.offer
        known = self._register.known(source.display, offer)
        if known is not None and self._register.is_unchanged(known, offer):
            self.offered[offer.place.key] = known
        else:
            await self._pull(source, offer, known)
        self._done += 1
        self._tell(offer.address)

    async def _pull(self, source: Source, offer: Offer, known: Delivery | None) -> None:
        body = self._incoming.body()
        try:
            version = await source.pull(offer, known, body)
            if version is None and known is not None:
                self.offered[offer.place.key] = known
                self._answered(source)
                return
            size = body.size
            digest = body.place()
        except HtmlPageError:
            self._answered(source)
            self._fail(offer, "FETCH-HTML", f"{source.display} answers with an HTML page where data is expected")
            return
        except PullError as error:
            self._fail(
                offer, "FETCH-FAILED", f"{source.display}: {error.cause} ({error.attempts} attempts)", error.attempts
            )
            if error.source_suspect:
                await self._suspect(source)
            return
        finally:
            body.discard()
        self._answered(source)
        self.pulled += 1
        self.bytes += size
        self.offered[offer.place.key] = self._register.add(source.display, offer, digest, size, version or "")

    def _fail(self, offer: Offer, rule: str, cause: str, attempts: int = 1) -> None:
        key = offer.place.key
        self.failed.add(key)
        stored = self._register.newest.get(key)
        rest = "the file fetched earlier stays in force" if stored else "the delivery counts as missing"
        self._notes.add(
            rule, f"{offer.address}: {cause}; {rest}, run again later", file=offer.address, key=key, count=attempts
        )

    def _answered(self, source: Source) -> None:
        self._in_a_row[id(source)] = 0
        source.hasty = False

    async def _suspect(self, source: Source) -> None:
        """After many failures in a row ask whether the source lives: waiting out every file would take hours."""
        self._in_a_row[id(source)] += 1
        if self._in_a_row[id(source)] % max(FAILURES_IN_A_ROW, 2 * self._settings.fetch_connections) == 0:
            source.hasty = True
            if not await source.reachable():
                raise UnreachableError(
                    f"source {source.display} does not answer any more; run again later, "
                    f"the {self.pulled} files fetched so far are kept"
                )

    def _tell(self, what: str, *, force: bool = False) -> None:
        if self._progress is not None:
            moment = time.monotonic()
            if force or self._done == self.total or moment - self._told >= PROGRESS_SECONDS:
                self._told = moment
                self._progress(self._done, self.total, what)


def _by_key(listing: Listing) -> dict[Key, list[Offer]]:
    offers: dict[Key, list[Offer]] = defaultdict(list)
    for offer in listing.offers:
        offers[offer.place.key].append(offer)
    return offers


def _order(wanted: _Wanted) -> Any:
    return wanted.offer.place
