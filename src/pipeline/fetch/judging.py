"""What is remarkable about the deliveries in force: missing ones, replaced ones, equal bytes for different units.

Everything here follows from the deliveries, the register and the catalog, never from when or how often fetch ran.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from pathlib import Path

from pipeline.catalog import Catalog, CodeListError, Gebietsaenderung, read_gebietsaenderungen
from pipeline.fetch.places import CODELIST, Key
from pipeline.months import MonthError, Zaehltage, add_months, month_range
from pipeline.store import Delivery, Finding

HEADER_BYTES = 1 << 16
PUBLISHED = "eckwerte"
_NAMED = 3


def finding(
    catalog: Catalog, rule: str, message: str, *, file: str = "", key: Key | None = None, **more: str | int
) -> Finding:
    """Return a finding of this step with the severity that the catalog declares."""
    month, table, unit = key or ("", "", "")
    return Finding(
        rule,
        catalog.rules[rule].severity,
        "fetch",
        message,
        table=str(more.get("table", table)),
        ref_month=str(more.get("ref_month", month)),
        jc_id=str(more.get("jc_id", unit)),
        file=file,
        value=str(more.get("value", "")),
        count=int(more.get("count", 1)),
        action=catalog.rules[rule].action_de,
    )


def read_zaehltage(path: Path | None) -> Zaehltage:
    """Read the counting days as far as they can be read; a list that cannot be used stops the run in the next step."""
    listed: dict[str, date] = {}
    if path is not None:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            for row in csv.DictReader(file):
                try:
                    listed |= Zaehltage({row["ref_month"]: date.fromisoformat(row["stichtag"])}).listed
                except (KeyError, TypeError, ValueError, MonthError):
                    continue
    return Zaehltage(listed)


def read_changes(path: Path | None, catalog: Catalog) -> tuple[Gebietsaenderung, ...]:
    """Read the territorial changes; none of a list that cannot be used, which stops the run in a later step."""
    if path is None:
        return catalog.gebietsaenderungen
    try:
        return read_gebietsaenderungen(path.read_bytes(), catalog.jobcenters)
    except CodeListError:
        return ()


def missing(
    present: Collection[Key],
    attempted: Collection[Key],
    month: str,
    catalog: Catalog,
    zaehltage: Zaehltage,
    changes: Collection[Gebietsaenderung] = (),
) -> list[Finding]:
    """Return a finding for every expected delivery up to `month` that is not in force (contract, section 2).

    `attempted` are deliveries that a source has but that cannot be used: their units deliver, too. What a unit delivered,
    its successor of the same Trägerform is expected to deliver from the day of the change in `changes` on.
    """
    seen = [key for key in {*present, *attempted} if key[1] != CODELIST]
    first: dict[str, str] = {}
    for ref_month, table, _ in seen:
        first[table] = min(first.get(table, ref_month), ref_month)
    changes = [c for c in changes if c.ab <= zaehltage.stichtag(month)]
    ends = {change.alt: change.ab for change in changes}
    delivering = sorted(
        _with_successors(
            {unit for _, table, unit in seen if table in catalog.person_tables and unit in catalog.jobcenters},
            changes,
            catalog,
        )
    )
    found = []

    def expect(ref_month: str, table: str, unit: str) -> None:
        key = (ref_month, table, unit)
        if key not in present:
            reason = (
                "a file is there but cannot be used" if key in attempted else "no file, but the unit delivers otherwise"
            )
            text = f"the delivery {ref_month}/{table}/{unit} is missing: {reason}; request it, the next run takes it in"
            found.append(finding(catalog, "FETCH-MISSING", text, key=key))

    due = add_months(month, -int(catalog.switches["folgt_spaeter_lag"].value))
    months = month_range(min(first.values()), month) if first else []
    valid = {m: {u for u in delivering if _exists(u, zaehltage.stichtag(m), ends, catalog)} for m in months}
    for declared in catalog.tables.values():
        name = declared.name
        if declared.unit == "jobcenter":
            for ref_month in month_range(first.get(name, month), month):
                for unit in delivering:
                    if unit in valid.get(ref_month, ()):
                        expect(ref_month, name, unit)
        elif name in first:
            last = due if declared.unit == "bst" else month
            for ref_month in month_range(first[name], last):
                expect(ref_month, name, declared.unit)
    return found


def _with_successors(units: set[str], changes: Collection[Gebietsaenderung], catalog: Catalog) -> set[str]:
    """Return the units and who followed them, step by step; a zkT that became a gE delivers no persons any more."""

    def follows(change: Gebietsaenderung) -> bool:
        if change.alt not in units:
            return False
        return catalog.jobcenters[change.alt].traeger == catalog.jobcenters[change.neu].traeger

    while more := {c.neu for c in changes if follows(c)} - units:
        units = units | more
    return units


def _exists(unit: str, day: date, ends: Mapping[str, date], catalog: Catalog) -> bool:
    return catalog.jobcenters[unit].valid_on(day) and day < ends.get(unit, date.max)


def revised(in_force: Mapping[Key, Delivery], history: Iterable[Delivery], catalog: Catalog) -> list[Finding]:
    """Return a finding for every delivery in force whose bytes replaced others, however long ago.

    It follows from the register alone, so a killed and repeated run reports the same as one that was not killed.
    """
    newest: dict[Key, str] = {}
    digests: dict[Key, list[str]] = {}
    for entry in history:
        before = newest.setdefault(entry.key, entry.sha256)
        if before != entry.sha256:
            digests.setdefault(entry.key, [before]).append(entry.sha256)
            newest[entry.key] = entry.sha256
    found = []
    for key, delivery in in_force.items():
        series = digests.get(key, [])
        if series and series[-1] == delivery.sha256:
            found.append(
                finding(
                    catalog,
                    "FETCH-REVISED",
                    f"{delivery.address} replaced an earlier file: {series[-2][:12]} → {series[-1][:12]}; both are kept",
                    file=delivery.address,
                    key=("", "", key[2]) if key[1] == CODELIST else key,
                    value=series[-2][:12],
                )
            )
    return found


def same_bytes(in_force: Iterable[Delivery], catalog: Catalog, snapshot: Callable[[str], Path]) -> list[Finding]:
    """Return a finding for every delivery whose bytes another unit has delivered for the same table, in any month.

    A publisher's outage page looks like that. Files without a single row are equal by nature and are no finding, nor are
    equal months of one unit: a small unit's measures may well not change. Published counts of two months are never equal.
    """
    deliveries = [d for d in in_force if d.table != CODELIST]
    times = Counter(d.sha256 for d in deliveries)
    groups: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        if times[delivery.sha256] > 1:
            groups[delivery.table, delivery.sha256].append(delivery)
    found = []
    for (_, digest), group in sorted(groups.items()):
        several = len(group) if group[0].table == PUBLISHED else len({d.unit for d in group})
        if several == 1 or has_no_rows(snapshot(digest), group[0].suffix):
            continue
        addresses = sorted(d.address for d in group)
        for delivery in group:
            others = [a for a in addresses if a != delivery.address]
            named = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
            found.append(
                finding(
                    catalog,
                    "FETCH-SAME-BYTES",
                    f"{delivery.address} has the same bytes as {named}; check whether the source sends a substitute",
                    file=delivery.address,
                    key=delivery.key,
                    value=digest[:12],
                    count=len(group),
                )
            )
    return found


def has_no_rows(path: Path, suffix: str) -> bool:
    """Tell whether a file has a header and nothing else; what cannot be read is not empty, nor is a file of 0 bytes."""
    import pyarrow.parquet as pq

    if path.stat().st_size == 0:
        return False
    try:
        if suffix == ".parquet":
            return bool(pq.read_metadata(path).num_rows == 0)
        with gzip.open(path, "rb") if suffix == ".csv.gz" else path.open("rb") as file:
            file.readline(HEADER_BYTES)
            return not file.read(HEADER_BYTES).strip()
    except (OSError, EOFError, ValueError, zlib.error):
        return False
