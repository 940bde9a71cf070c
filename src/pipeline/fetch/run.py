"""The fetch step: pull what is new, say what is in force and what is remarkable, and write it down.

Sources, places and judgements live in their own modules; here they are put in order.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.catalog import Catalog, Decisions, Waiver
from pipeline.fetch.exchange import FetchError
from pipeline.fetch.incoming import Incoming, StoreWriteError
from pipeline.fetch.judging import missing, read_changes, read_zaehltage, revised, same_bytes
from pipeline.fetch.notes import Notes
from pipeline.fetch.places import CODELIST, CODELISTS, MARKER, Key
from pipeline.fetch.pulling import Pulling
from pipeline.fetch.registering import Registering
from pipeline.months import month_number
from pipeline.progress import Progress
from pipeline.settings import Settings
from pipeline.store import Delivery, Store, write_bytes
from pipeline.store.writing import replacing

NOTHING_DECIDED = Decisions()


@dataclass(frozen=True)
class FetchResult:
    """What a fetch did, in numbers of deliveries and code lists (`bytes`: of what was pulled).

    `requests` are those to servers, also repeated and redirected ones, and `requests_per_second` how many it reached.

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
    requests: int
    requests_per_second: int
    synthetic: bool


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
    incoming = Incoming(store, settings.max_unpacked_bytes)
    register = Registering(store, incoming, now)
    notes = Notes(store, month, catalog)
    probed = store.register_file.parent / "probed.json"
    pulling = Pulling(month, catalog, settings, incoming, register, probed, notes, progress)
    conclusion = _Conclusion(store, month, catalog, *decisions.on(now().date()), register, pulling, notes)
    try:
        asyncio.run(pulling.go(sources))
        return conclusion.drawn()
    except (StoreWriteError, OSError) as error:
        raise FetchError(
            f"the store cannot take more files ({error}); free space or check rights, then run again: "
            "what was fetched is kept"
        ) from error


@dataclass(frozen=True)
class _Conclusion:
    """What follows from what was pulled and what the store had before."""

    store: Store
    month: str
    catalog: Catalog
    decisions: Decisions
    expired: Sequence[Waiver]
    register: Registering
    pulling: Pulling
    notes: Notes

    def drawn(self) -> FetchResult:
        """Decide what is in force, judge it, and write `deliveries.json` and the findings."""
        pulling, before = self.pulling, self.register.before
        in_force = dict(self.register.settle(pulling.offered, self.month))
        for key in pulling.rejected:
            in_force.pop(key, None)
        for key, delivery in sorted(in_force.items()):
            if not self.register.is_stored(delivery):
                text = f"{delivery.address}: the stored bytes {delivery.sha256[:12]} are gone and no source offers the file"
                self.notes.add("FETCH-LOST", f"{text}; it counts as missing", file=delivery.address, key=key)
                del in_force[key]
        lists = {name: in_force.get(("", CODELIST, name)) for name in CODELISTS}
        self._require_codelists(lists)
        deliveries = {k: d for k, d in in_force.items() if d.table != CODELIST}
        if not deliveries:
            self.notes.write()
            raise FetchError(
                f"no source offers a delivery for any month up to {self.month} and the store has none; check --source and --month"
            )
        self._judge(in_force, deliveries, lists)
        synthetic = ("", CODELIST, MARKER) in in_force
        summary = {
            "month": self.month,
            "sources": pulling.displays,
            "synthetic": synthetic,
            "codelists": {n: {"sha256": d.sha256, "address": d.address} if d else None for n, d in lists.items()},
            "switches": self.catalog.selection,
            **self.decisions.as_json(),
            "corrections_sha256": self._kept_corrections(),
            "rejected": sorted(pulling.rejected.values(), key=lambda r: (r["table"], r["ref_month"], r["unit"])),
        }
        with (
            replacing(self.store.run(self.month) / "deliveries.json") as aside,
            aside.open("w", encoding="utf-8") as file,
        ):
            file.writelines(_one_line_each(summary, deliveries))
        self.notes.write()
        changed = sum(1 for k, d in in_force.items() if k in before and before[k].sha256 != d.sha256)
        return FetchResult(
            month=self.month,
            offered=pulling.total,
            pulled=pulling.pulled,
            unchanged=pulling.total - pulling.pulled - len(pulling.failed),
            failed=len(pulling.failed),
            rejected=len(pulling.rejected),
            revised=changed,
            missing=sum(1 for f in self.notes.findings if f.rule == "FETCH-MISSING"),
            in_force=len(deliveries),
            findings=len(self.notes.findings),
            bytes=pulling.bytes,
            requests=pulling.pace.requests,
            requests_per_second=pulling.requests_per_second,
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
            if delivery is None and (key in self.pulling.failed or key in self.pulling.rejected):
                self.notes.write()
                raise FetchError(
                    f"{name}.csv is offered but cannot be pulled, and every figure depends on it; run again later"
                )

    def _judge(
        self, in_force: dict[Key, Delivery], deliveries: dict[Key, Delivery], lists: dict[str, Delivery | None]
    ) -> None:
        paths = {name: self.store.snapshot(d.sha256) if d else None for name, d in lists.items()}
        days = read_zaehltage(paths["zaehltage"]) if paths["zaehltage"] else self.catalog.zaehltage
        changes = read_changes(paths["gebietsaenderungen"], self.catalog)
        attempted = self.pulling.failed | set(self.pulling.rejected)
        for waiver in self.expired:
            self.notes.add("WAIVER-EXPIRED", f"waiver {waiver.id} of {waiver.rule} has expired on {waiver.expires}")
        self.notes.findings += missing(deliveries.keys(), attempted, self.month, self.catalog, days, changes)
        self.notes.findings += revised(in_force, self.register.history, self.catalog)
        self.notes.findings += same_bytes(deliveries.values(), self.catalog, self.store.snapshot)


def _by_table(item: tuple[Key, Delivery]) -> Key:
    ref_month, table, unit = item[0]
    return (table, ref_month, unit)


def _one_line_each(summary: dict[str, Any], deliveries: Mapping[Key, Delivery]) -> Iterator[str]:
    """Yield JSON with one delivery a line: people can compare runs with diff, and it is ten times as fast as indenting."""
    head = json.dumps(summary, ensure_ascii=False, sort_keys=True, indent=2).removesuffix("\n}")
    yield f'{head},\n  "deliveries": [\n'
    between = ""
    for _, delivery in sorted(deliveries.items(), key=_by_table):
        yield f"{between}    {json.dumps(_entry(delivery), ensure_ascii=False, sort_keys=True)}"
        between = ",\n"
    yield "\n  ]\n}\n"


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
