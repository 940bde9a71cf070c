"""The fetch step: ask all sources, pull what is new, register it, say what is in force and what is remarkable.

Sources, places and judgements live in their own modules; here they are put in order and written down.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.catalog import Catalog, Decisions
from pipeline.fetch.exchange import FetchError, Listing, Offer, PullError, Source, UnreachableError
from pipeline.fetch.gathering import for_each
from pipeline.fetch.incoming import HtmlPageError, Incoming, StoreWriteError
from pipeline.fetch.judging import finding, missing, read_changes, read_zaehltage, revised, same_bytes
from pipeline.fetch.places import CODELIST, CODELISTS, MARKER, Key, Layout
from pipeline.fetch.probing import Probing
from pipeline.fetch.registering import Registering
from pipeline.fetch.sources import open_source
from pipeline.months import month_number
from pipeline.settings import Settings
from pipeline.store import Delivery, Finding, Store, write_bytes, write_findings

Progress = Callable[[int, int, str], None]
PROGRESS_SECONDS = 0.05
FAILURES_IN_A_ROW = 20
NOTHING_DECIDED = Decisions()


@dataclass(frozen=True)
class FetchResult:
    """What a fetch did, in numbers of deliveries and code lists (`bytes`: of what was pulled).

    `in_force` is what the run uses; `missing` counts findings of expected deliveries; `revised` what this call replaced.
    """

    month: str
    offered: int
    pulled: int
    unchanged: int
    failed: int
    rejected: int
    revised: int
    missing: int
    in_force: int
    findings: int
    bytes: int
    synthetic: bool


@dataclass(frozen=True)
class _Wanted:
    source: Source
    offer: Offer


def _utc_now() -> datetime:
    return datetime.now(UTC)


def fetch(
    store: Store,
    month: str,
    sources: Sequence[str],
    catalog: Catalog,
    settings: Settings,
    *,
    decisions: Decisions = NOTHING_DECIDED,
    progress: Progress | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> FetchResult:
    """Pull what the sources offer for months up to `month`, and write `runs/<month>/deliveries.json` and the findings.

    Later sources win. The switches that `catalog` has selected and the `decisions` in force today are written down with the
    deliveries: the later steps of the month follow them. The caller holds the store's lock. Raises FetchError if a source
    tells nothing, if the store cannot take files, or if there is no delivery at all; whatever was pulled before that is kept
    and is not pulled again.
    """
    month_number(month)
    run = _Run(store, month, catalog, settings, decisions, progress, now)
    try:
        return asyncio.run(run.go(sources))
    except (StoreWriteError, OSError) as error:
        raise FetchError(
            f"the store cannot take more files ({error}); free space or check rights, then run again: "
            "what was fetched is kept"
        ) from error


class _Run:
    """The state of one call of `fetch`."""

    def __init__(
        self,
        store: Store,
        month: str,
        catalog: Catalog,
        settings: Settings,
        decisions: Decisions,
        progress: Progress | None,
        now: Callable[[], datetime],
    ) -> None:
        self.store = store
        self.month = month
        self.catalog = catalog
        self.settings = settings
        self.decisions, self.expired = decisions.on(now().date())
        self.progress = progress
        self.layout = Layout(catalog, month)
        self.incoming = Incoming(store, settings.max_unpacked_bytes)
        self.register = Registering(store, self.incoming, now)
        self.findings: list[Finding] = []
        self.rejected: dict[Key, dict[str, Any]] = {}
        self.failed: set[Key] = set()
        self.offered: dict[Key, Delivery] = {}
        self.pulled = self.bytes = self.done = self.total = 0
        self._in_a_row: dict[int, int] = defaultdict(int)
        self._told = 0.0

    async def go(self, sources: Sequence[str]) -> FetchResult:
        """Do everything, source by source, then file by file."""
        self.incoming.prepare()
        async with AsyncExitStack() as stack:
            opened = []
            for text in sources:
                probing = Probing(self.catalog, self.month, self.store.register_file.parent / "probed.json")
                source = open_source(text, self.settings, probing)
                stack.push_async_callback(source.close)
                opened.append(source)
            wanted = await self._wanted(opened)
            self.total = len(wanted)
            try:
                await for_each(sorted(wanted.values(), key=_order), self.settings.fetch_connections, self._settle)
            except UnreachableError as error:
                self._find("FETCH-FAILED", str(error))
                self._write_findings()
                raise FetchError(str(error)) from error
            finally:
                self.register.flush()
        self._tell("done", force=True)
        return self._conclude([s.display for s in opened])

    # ---- what is wanted ------------------------------------------------------------------------------------------

    async def _wanted(self, sources: Iterable[Source]) -> dict[Key, _Wanted]:
        wanted: dict[Key, _Wanted] = {}
        for source in sources:
            self._tell(f"listing {source.display}", force=True)
            try:
                await source.open()
                listing = await source.listing(self.layout)
                if listing.troubles and not (listing.offers or listing.strays):
                    raise UnreachableError(f"nothing could be listed: {listing.troubles[0].cause}")
            except UnreachableError as error:
                text = f"source {source.display}: {error}; check the source and run again, deliveries in the store are kept"
                self._find("FETCH-FAILED", text, file=source.display)
                self._write_findings()
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
            self._find(
                stray.rule,
                f"{stray.address} in {source.display}: {stray.message}",
                file=stray.address,
                table=stray.table,
                ref_month=stray.ref_month,
                jc_id=stray.unit,
            )
        for trouble in listing.troubles:
            self._find(
                "FETCH-FAILED",
                f"{trouble.address or '/'} in {source.display} could not be looked at: {trouble.cause} "
                f"({trouble.attempts} attempts); what the store has stays in force",
                file=trouble.address,
            )
        if not listing.offers and not listing.troubles:
            self._find(
                "FETCH-EMPTY-SOURCE",
                f"source {source.display} offers nothing for months up to {self.month}; is it the right folder?",
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
        self._find(
            "FETCH-TWO-FILES",
            f"{source.display} has {' and '.join(addresses)} for one delivery; none is used, remove all but one",
            file=addresses[0],
            key=key,
            count=len(addresses),
        )

    # ---- pulling -------------------------------------------------------------------------------------------------

    async def _settle(self, wanted: _Wanted) -> None:
        source, offer = wanted.source, wanted.offer
        known = self.register.known(source.display, offer)
        if known is not None and self.register.is_unchanged(known, offer):
            self.offered[offer.place.key] = known
        else:
            await self._pull(source, offer, known)
        self.done += 1
        self._tell(offer.address)

    async def _pull(self, source: Source, offer: Offer, known: Delivery | None) -> None:
        body = self.incoming.body()
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
        self.offered[offer.place.key] = self.register.add(source.display, offer, digest, size, version or "")

    def _fail(self, offer: Offer, rule: str, cause: str, attempts: int = 1) -> None:
        key = offer.place.key
        self.failed.add(key)
        stored = self.register.newest.get(key)
        rest = "the file fetched earlier stays in force" if stored else "the delivery counts as missing"
        self._find(
            rule, f"{offer.address}: {cause}; {rest}, run again later", file=offer.address, key=key, count=attempts
        )

    def _answered(self, source: Source) -> None:
        self._in_a_row[id(source)] = 0
        source.hasty = False

    async def _suspect(self, source: Source) -> None:
        """After many failures in a row ask whether the source lives: waiting out every file would take hours."""
        self._in_a_row[id(source)] += 1
        if self._in_a_row[id(source)] % max(FAILURES_IN_A_ROW, 2 * self.settings.fetch_connections) == 0:
            source.hasty = True
            if not await source.reachable():
                raise UnreachableError(
                    f"source {source.display} does not answer any more; run again later, "
                    f"the {self.pulled} files fetched so far are kept"
                )

    # ---- what is in force ----------------------------------------------------------------------------------------

    def _conclude(self, displays: list[str]) -> FetchResult:
        before = self.register.before
        in_force = dict(self.register.settle(self.offered, self.month))
        for key in self.rejected:
            in_force.pop(key, None)
        for key, delivery in sorted(in_force.items()):
            if not self.register.is_stored(delivery):
                text = f"{delivery.address}: the stored bytes {delivery.sha256[:12]} are gone and no source offers the file"
                self._find("FETCH-LOST", f"{text}; it counts as missing", file=delivery.address, key=key)
                del in_force[key]
        lists = {name: in_force.get(("", CODELIST, name)) for name in CODELISTS}
        self._require_codelists(lists)
        deliveries = {k: d for k, d in in_force.items() if d.table != CODELIST}
        if not deliveries:
            self._write_findings()
            raise FetchError(
                f"no source offers a delivery for any month up to {self.month} and the store has none; check --source and --month"
            )
        self._judge(in_force, deliveries, lists)
        synthetic = ("", CODELIST, MARKER) in in_force
        summary = {
            "month": self.month,
            "sources": displays,
            "synthetic": synthetic,
            "codelists": {n: {"sha256": d.sha256, "address": d.address} if d else None for n, d in lists.items()},
            "switches": self.catalog.selection,
            **self.decisions.as_json(),
            "corrections_sha256": self._kept_corrections(),
            "rejected": sorted(self.rejected.values(), key=lambda r: (r["table"], r["ref_month"], r["unit"])),
        }
        entries = [_entry(d) for _, d in sorted(deliveries.items(), key=_by_table)]
        write_bytes(self.store.run(self.month) / "deliveries.json", _one_line_each(summary, entries))
        self._write_findings()
        changed = sum(1 for k, d in in_force.items() if k in before and before[k].sha256 != d.sha256)
        return FetchResult(
            month=self.month,
            offered=self.total,
            pulled=self.pulled,
            unchanged=self.total - self.pulled - len(self.failed),
            failed=len(self.failed),
            rejected=len(self.rejected),
            revised=changed,
            missing=sum(1 for f in self.findings if f.rule == "FETCH-MISSING"),
            in_force=len(deliveries),
            findings=len(self.findings),
            bytes=self.bytes,
            synthetic=synthetic,
        )

    def _kept_corrections(self) -> str:
        """Keep the corrections beside the original bytes, so that a release can be computed anew; return their digest."""
        if not self.decisions.corrections:
            return ""
        content = json.dumps(self.decisions.as_json()["corrections"], ensure_ascii=False, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        if not self.store.snapshot(digest).exists():
            write_bytes(self.store.snapshot(digest), content)
        return digest

    def _require_codelists(self, lists: dict[str, Delivery | None]) -> None:
        """Stop if a code list is offered but cannot be had: every figure would silently be another one."""
        for name, delivery in lists.items():
            key = ("", CODELIST, name)
            if delivery is None and (key in self.failed or key in self.rejected):
                self._write_findings()
                raise FetchError(
                    f"{name}.csv is offered but cannot be pulled, and every figure depends on it; run again later"
                )

    def _judge(
        self, in_force: dict[Key, Delivery], deliveries: dict[Key, Delivery], lists: dict[str, Delivery | None]
    ) -> None:
        paths = {name: self.store.snapshot(d.sha256) if d else None for name, d in lists.items()}
        days = read_zaehltage(paths["zaehltage"]) if paths["zaehltage"] else self.catalog.zaehltage
        changes = read_changes(paths["gebietsaenderungen"], self.catalog)
        attempted = self.failed | set(self.rejected)
        for waiver in self.expired:
            self._find("WAIVER-EXPIRED", f"waiver {waiver.id} of {waiver.rule} has expired on {waiver.expires}")
        self.findings += missing(deliveries.keys(), attempted, self.month, self.catalog, days, changes)
        self.findings += revised(in_force, self.register.history, self.catalog)
        self.findings += same_bytes(deliveries.values(), self.catalog, self.store.snapshot)

    def _find(self, rule: str, message: str, *, key: Key | None = None, file: str = "", **more: str | int) -> None:
        if key is not None and key[1] == CODELIST:
            key = None
        self.findings.append(finding(self.catalog, rule, message, file=file, key=key, **more))

    def _write_findings(self) -> None:
        write_findings(self.store.findings(self.month, "fetch"), self.findings)

    def _tell(self, what: str, *, force: bool = False) -> None:
        if self.progress is not None:
            moment = time.monotonic()
            if force or self.done == self.total or moment - self._told >= PROGRESS_SECONDS:
                self._told = moment
                self.progress(self.done, self.total, what)


def _by_key(listing: Listing) -> dict[Key, list[Offer]]:
    offers: dict[Key, list[Offer]] = defaultdict(list)
    for offer in listing.offers:
        offers[offer.place.key].append(offer)
    return offers


def _order(wanted: _Wanted) -> Any:
    return wanted.offer.place


def _by_table(item: tuple[Key, Delivery]) -> Key:
    ref_month, table, unit = item[0]
    return (table, ref_month, unit)


def _one_line_each(summary: dict[str, Any], deliveries: list[dict[str, str | int]]) -> bytes:
    """Return JSON with one delivery a line: people can compare runs with diff, and it is ten times as fast as indenting."""
    head = json.dumps(summary, ensure_ascii=False, sort_keys=True, indent=2).removesuffix("\n}")
    lines = ",\n".join("    " + json.dumps(d, ensure_ascii=False, sort_keys=True) for d in deliveries)
    return f'{head},\n  "deliveries": [\n{lines}\n  ]\n}}\n'.encode()


def _entry(delivery: Delivery) -> dict[str, str | int]:
    return {
        "table": delivery.table,
        "ref_month": delivery.ref_month,
        "unit": delivery.unit,
        "suffix": delivery.suffix,
        "address": delivery.address,
        "sha256": delivery.sha256,
        "bytes": delivery.bytes,
    }
