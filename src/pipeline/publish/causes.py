"""Why a published cell differs from the release before: of all that changed, what the cell can have read.

Two foundations are compared (deliveries, code lists, corrections, switches, program); what a cell reads is what the catalog
declares of its base counts. No value is looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from pipeline.catalog import Catalog, Merkmal
from pipeline.months import add_months, month_range

DELIVERY, CORRECTION, SWITCH = "Lieferung", "Berichtigung", "Schalter"
TERRITORY, DAYS, PROGRAM, OTHERS = "Gebietsstand", "Zähltage", "Programmfassung", "andere Jobcenter"
KINDS = (DELIVERY, CORRECTION, SWITCH, TERRITORY, DAYS, PROGRAM, OTHERS)
LISTS = {"gebietsaenderungen": TERRITORY, "zaehltage": DAYS}
PROGRAM_ADDRESSES = ("programm", "katalog")
CENTRAL = ("bst", "statistik")
PUBLISHED, OWN_ONLY = "eckwerte", ("leistung", "eckwerte", "beschaeftigung")
SHORT_DIGEST = 12
NAMED = 20
ESTIMATED_FROM: Mapping[str, tuple[int, ...]] = {"stock": (-1, 1), "euro": (-1, 1), "event": (-12,)}
"""The months beside its own that an estimate of a base count rests on (methodology 3.11)."""

Group = tuple[str, str]
"""A month and a table."""


@dataclass(frozen=True)
class Cause:
    """Something that changed: its kind, its address, and what it was before and is now (empty: it was or is not there).

    Deliveries and code lists are told by their digests. A cause of the kind `OTHERS` without address stands for whatever
    changed elsewhere.
    """

    kind: str
    address: str = ""
    old: str = ""
    new: str = ""


NAMELESS = (Cause(OTHERS),)


@dataclass(frozen=True)
class Cell:
    """A published cell: subject, month, sex and the units it is about; `bases` are the origins it had and has.

    `units` are several for a level above the jobcenter. An origin is empty where there is no value: then both persons and
    published counts may be what is missing.
    """

    table: str
    subject: str
    ref_month: str
    sex: str
    units: frozenset[str]
    bases: frozenset[str]


@dataclass(frozen=True)
class Told:
    """The causes of a cell: their kinds in order, how many have an address, and the first `NAMED` of these."""

    kinds: tuple[str, ...]
    number: int
    named: tuple[Cause, ...]


class Causes:
    """What changed between two releases, to be asked cell by cell. `parts` are unit -> itself and all it succeeds."""

    def __init__(
        self,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        catalog: Catalog,
        parts: Mapping[str, Sequence[str]],
    ) -> None:
        self._catalog = catalog
        self._parts = parts
        self._deliveries: dict[Group, dict[str, Cause]] = {}
        for (month, table, unit), cause in _deliveries(old["eingaben"], new["eingaben"]).items():
            self._deliveries.setdefault((month, table), {})[unit] = cause
        self._elsewhere = {
            group: tuple(Cause(OTHERS, c.address, c.old, c.new) for c in units.values())
            for group, units in self._deliveries.items()
            if group[1] not in OWN_ONLY
        }
        self._imputing = "on" in {basis.get("schalter", {}).get("imputer") for basis in (old, new)}
        self._corrections = _corrections(old["eingaben"], new["eingaben"])
        general = [*_switches(old, new), *_lists(old["eingaben"], new["eingaben"]), *_program(old, new)]
        self._general = tuple(_ordered(general))
        self._within = lru_cache(maxsize=None)(self._in_group)

    @property
    def all(self) -> list[Cause]:
        """Return everything that changed, by kind and address."""
        found = [c for units in self._deliveries.values() for c in units.values()]
        return _ordered([*found, *self._corrections.values(), *self._general])

    def of(self, cell: Cell) -> Told:
        """Return what can have changed the value of a cell, by kind and address.

        Only if nothing of its own changed are the deliveries of other units named, which count persons who moved, newcomers
        and what was delivered elsewhere; or, without address, whatever changed what has to be withheld.
        """
        counts = self._counts(cell)
        groups = sorted({g for merkmal, month in counts for g in self._read(merkmal, month, cell)})
        units = self._with_parts(cell.units)
        own = [self._within(group, units) for group in groups]
        if self._corrections:
            cells = [(month, unit, cell.sex, merkmal.name) for merkmal, month in counts for unit in cell.units]
            own.append(tuple(_ordered(self._corrections[c] for c in cells if c in self._corrections)))
        if any(own):
            return _told(own, self._general)
        others = [self._elsewhere[group] for group in groups if group in self._elsewhere]
        if not others and (self._deliveries or self._corrections):
            others = [NAMELESS]
        return _told((), self._general, others)

    def of_rank(self, *, others_changed: bool) -> Told:
        """Return what can have changed a rank whose value stayed: the values of others, else what reaches everything."""
        return _told((), (), [NAMELESS]) if others_changed else _told((), self._general)

    # -- what a cell reads -----------------------------------------------------------------------------------------

    def _counts(self, cell: Cell) -> list[tuple[Merkmal, str]]:
        """Return the base counts of a cell: merkmal and month; an estimate also reads the counts it rests on."""
        counts = self._declared_counts(cell)
        if not self._imputing or cell.bases <= {"personen", "eckwerte"}:
            return counts
        return [
            (m, add_months(month, offset)) for m, month in counts for offset in (0, *ESTIMATED_FROM.get(m.kind, ()))
        ]

    def _declared_counts(self, cell: Cell) -> list[tuple[Merkmal, str]]:
        if cell.table == "eckwerte":
            merkmal = self._catalog.merkmale.get(cell.subject)
            return [(merkmal, cell.ref_month)] if merkmal else []
        kennzahl, _, version = cell.subject.partition("@")
        indicator = self._catalog.indicators.get(kennzahl)
        sides = indicator.versions.get(f"@{version}", ()) if indicator else ()
        return [
            (self._catalog.merkmale[side.merkmal], month)
            for side in sides
            for month in month_range(*(add_months(cell.ref_month, offset) for offset in side.months))
        ]

    def _read(self, merkmal: Merkmal, month: str, cell: Cell) -> Iterable[Group]:
        """Yield the months and tables with changed deliveries that a base count reads."""
        by_persons = cell.bases != {"eckwerte"}
        by_published = not cell.bases <= {"personen", "imputiert"}
        if by_published and (month, PUBLISHED) in self._deliveries:
            yield month, PUBLISHED
        if by_persons:
            for table, (first, last) in merkmal.reads(cell.sex).items():
                for m in month_range(add_months(month, first), add_months(month, last)):
                    if (m, table) in self._deliveries:
                        yield m, table

    def _with_parts(self, units: frozenset[str]) -> frozenset[str]:
        return frozenset({*CENTRAL, *(part for unit in units for part in (unit, *self._parts.get(unit, ())))})

    def _in_group(self, group: Group, units: frozenset[str]) -> tuple[Cause, ...]:
        return tuple(cause for unit, cause in self._deliveries[group].items() if unit in units)


def _told(own: Sequence[Sequence[Cause]], general: Sequence[Cause], elsewhere: Sequence[Sequence[Cause]] = ()) -> Told:
    """Return what is told of causes in this order; there may be many thousands, but each part is of one kind, the general aside."""
    parts = [*own, general, *elsewhere]
    present = {cause.kind for part in (*own, *elsewhere) for cause in part[:1]} | {cause.kind for cause in general}
    return Told(
        tuple(kind for kind in KINDS if kind in present),
        sum(len(part) for part in parts if part and part[0].address),
        tuple(islice((c for part in parts for c in part if c.address), NAMED)),
    )


def _ordered(causes: Iterable[Cause]) -> list[Cause]:
    return sorted(set(causes), key=lambda c: (KINDS.index(c.kind), c.address))


def _deliveries(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[tuple[str, str, str], Cause]:
    before, after = _by_key(old), _by_key(new)
    found = {}
    for key in sorted(before.keys() | after.keys()):
        (address, was), (new_address, now) = before.get(key, ("", "")), after.get(key, ("", ""))
        if was != now:
            found[key] = Cause(DELIVERY, new_address or address, was, now)
    return found


def _by_key(inputs: Mapping[str, Any]) -> dict[tuple[str, str, str], tuple[str, str]]:
    """Return address and digest of the deliveries of a manifest by month, table and unit.

    A mapping of addresses without suffix to digests will do as well as the list that a run writes.
    """
    raw = inputs.get("lieferungen", ())
    if isinstance(raw, Mapping):
        entries = ((*address.split("/"), address, digest) for address, digest in raw.items())
        return {(month, table, unit): (address, digest) for month, table, unit, address, digest in entries}
    return {(d["ref_month"], d["table"], d["unit"]): (str(d["address"]), str(d["sha256"])) for d in raw}


def _corrections(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[tuple[str, str, str, str], Cause]:
    """Return the corrections that came, went or changed, by cell; a correction is told by its number and not by its value."""
    before, after = ({str(c["id"]): c for c in inputs.get("berichtigungen", ())} for inputs in (old, new))
    found = {}
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was != now:
            entry = now or was or {}
            cell = (entry["ref_month"], entry["jc_id"], entry["geschlecht"], entry["merkmal"])
            said = ("gilt" if was else "", "geändert" if was and now else "gilt" if now else "")
            found[cell] = Cause(CORRECTION, f"berichtigung/{name}", *said)
    return found


def _switches(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Cause]:
    """Return the switches that were set otherwise; one that only one of the programs knows belongs to the program."""
    before, after = old.get("schalter", {}), new.get("schalter", {})
    return [
        Cause(SWITCH, f"schalter/{name}", str(before[name]), str(after[name]))
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]


def _lists(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Cause]:
    before, after = old.get("codelisten", {}), new.get("codelisten", {})
    return [
        Cause(LISTS.get(name, TERRITORY), f"{name}.csv", before.get(name, ""), after.get(name, ""))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _program(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Cause]:
    """Return the program, a package that shapes bytes, or the catalog: all that is neither delivered nor decided."""
    before, after = old.get("code", {}), new.get("code", {})
    pairs = [("programm", *(f"{c.get('version', '')}+{c.get('sha256', '')[:SHORT_DIGEST]}" for c in (before, after)))]
    named = sorted({*before, *after} - {"version", "sha256"})
    pairs += [(f"programm/{name}", str(before.get(name, "")), str(after.get(name, ""))) for name in named]
    pairs.append(("katalog", str(old.get("katalog_sha256", "")), str(new.get("katalog_sha256", ""))))
    return [Cause(PROGRAM, address, was, now) for address, was, now in pairs if was != now]
