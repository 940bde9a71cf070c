"""What one comparison table says: the jobcenters in order of rank, their set, the facts above the table.

The same model feeds page, workbook and print; it is made from suppressed tables only and formats nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, Indicator
from pipeline.months import add_months
from pipeline.publish.history import History
from pipeline.publish.opened import rows_of

Group = Literal["alle", "kommunal"]
Status = Literal["better", "worse", "open"]
SETS = ("alle", "kommunal", "vergleichstyp", "land")


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a jobcenter in a set: rank by the displayed value, number ranked, range of ranks, the set's median."""

    rank: int | None
    ranked: int | None
    first: int | None
    last: int | None
    median: Decimal | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One jobcenter in one comparison. Values in percent, changes in percentage points, as displayed."""

    jc_id: str
    name: str
    land: str
    kommunal: bool
    vergleichstyp: str
    value: Decimal | None
    reason: str
    low: Decimal | None
    high: Decimal | None
    month_change: Decimal | None
    year_change: Decimal | None
    numerator: Decimal | None
    denominator_sum: Decimal | None
    denominator_months: int
    notes: str
    basis: str
    places: Mapping[str, Place]
    exact_rank: int | None

    @property
    def estimated(self) -> bool:
        """Tell whether the value is shown and contains estimated months."""
        return self.value is not None and self.basis == "imputiert"


@dataclass(frozen=True, slots=True)
class National:
    """The value for Germany, the reason if there is none, how many jobcenters it leaves out, whether estimates are in it."""

    value: Decimal | None = None
    reason: str = ""
    left_out: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Comparison:
    """One indicator, version and sex: all jobcenters, best first, those without a rank behind by name."""

    indicator: Indicator
    version: str
    in_force: bool
    sex: str
    ref_month: str
    entries: tuple[Entry, ...]
    national: National
    previous_ranks: Mapping[Group, Mapping[str, int]]

    @property
    def code(self) -> str:
        """Return the code of the indicator, `K2E3`."""
        return self.indicator.name

    @property
    def title(self) -> str:
        """Return the legal name of the version."""
        return self.indicator.label_of(self.version).de

    @property
    def definition(self) -> str:
        """Return the definition as the tables write it, `K2E3@2011`."""
        return self.code + self.version

    @property
    def meaning(self) -> str:
        """Return the one-sentence definition."""
        return self.indicator.definition_of(self.version)

    @property
    def legal_basis(self) -> str:
        """Return where the ordinance defines the indicator, `§ 5 Abs. 1`."""
        return self.indicator.legal_basis

    @property
    def ranks(self) -> bool:
        """Tell whether the law gives a direction, so that there are ranks."""
        return self.indicator.better != "none"

    @property
    def has_intervals(self) -> bool:
        """Tell whether any value has an interval of random variation."""
        return any(e.low is not None for e in self.entries)

    @property
    def has_year_changes(self) -> bool:
        """Tell whether any value can be compared with the year before."""
        return any(e.year_change is not None for e in self.entries)

    @property
    def has_rank_ranges(self) -> bool:
        """Tell whether any rank has a range."""
        return any(e.places["alle"].first is not None for e in self.entries)

    def members(self, group: Group) -> tuple[Entry, ...]:
        """Return the entries of a set, ordered by the rank in it."""
        chosen = [e for e in self.entries if e.kommunal] if group == "kommunal" else list(self.entries)
        return tuple(sorted(chosen, key=lambda e: _order(e, group, self.ranks)))

    def median(self, group: Group) -> Decimal | None:
        """Return the median of a set as displayed."""
        for entry in self.entries:
            if (group == "alle" or entry.kommunal) and entry.places[group].median is not None:
                return entry.places[group].median
        return None

    def ranked(self, group: Group) -> int:
        """Return how many jobcenters of the set have a rank."""
        return sum(1 for e in self.entries if e.places[group].rank is not None)

    def status(self, entry: Entry, group: Group) -> Status:
        """Tell whether the entry's interval lies on one side of the set's median; indicators without direction: never."""
        median = self.median(group)
        if median is None or entry.low is None or entry.high is None or not self.ranks:
            return "open"
        higher = self.indicator.better == "higher"
        if entry.low > median:
            return "better" if higher else "worse"
        if entry.high < median:
            return "worse" if higher else "better"
        return "open"


def middle_half(values: Iterable[Decimal]) -> tuple[Decimal, Decimal] | None:
    """Return the quartiles (linear between neighbours) of displayed values, one decimal; None below four values."""
    ordered = sorted(values)
    if len(ordered) < 4:
        return None
    return _quantile(ordered, Decimal("0.25")), _quantile(ordered, Decimal("0.75"))


def shared_ranks(entries: Iterable[Entry], group: Group) -> frozenset[int]:
    """Return the ranks of a set that more than one jobcenter holds."""
    counts = Counter(e.places[group].rank for e in entries)
    return frozenset(rank for rank, count in counts.items() if rank is not None and count > 1)


def comparisons(
    vergleich: pa.Table, kennzahlen: pa.Table, history: History, catalog: Catalog
) -> dict[tuple[str, str, str], Comparison]:
    """Return all comparisons by indicator, version (`@2011`) and sex, in the catalog's order."""
    grouped: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows_of(vergleich):
        grouped.setdefault((row["kennzahl"], row["definition"], row["geschlecht"]), []).append(row)
    national = _national(kennzahlen)
    found: dict[tuple[str, str, str], Comparison] = {}
    for name, indicator in catalog.indicators.items():
        for version in indicator.versions:
            for sex in ("T", "F", "M"):
                key = (name, name + version, sex)
                if key in grouped:
                    bund = national.get(key, National())
                    found[name, version, sex] = _comparison(
                        indicator, version, sex, grouped[key], bund, history, str(catalog.switches["rank_ties"].value)
                    )
    return found


def _comparison(
    indicator: Indicator,
    version: str,
    sex: str,
    rows: Sequence[dict[str, Any]],
    bund: National,
    history: History,
    ties: str,
) -> Comparison:
    ref_month = str(rows[0]["ref_month"])
    ranks = indicator.better != "none"
    entries = sorted((_entry(row) for row in rows), key=lambda e: _order(e, "alle", ranks))
    before = (
        history.values_of(indicator.name, indicator.name + version, sex, add_months(ref_month, -1)) if ranks else {}
    )
    kommunal = {e.jc_id for e in entries if e.kommunal}
    higher = indicator.better == "higher"
    previous: dict[Group, Mapping[str, int]] = {
        "alle": _ranks(before, higher, ties),
        "kommunal": _ranks({jc: v for jc, v in before.items() if jc in kommunal}, higher, ties),
    }
    return Comparison(indicator, version, bool(rows[0]["in_kraft"]), sex, ref_month, tuple(entries), bund, previous)


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        row["jc_id"],
        row["name"],
        row["land"],
        row["traeger"] == "zkT",
        row["vergleichstyp"] or "",
        row["wert_anzeige"],
        row["grund"] or "",
        row["intervall_unten"],
        row["intervall_oben"],
        row["aenderung_vormonat"],
        row["aenderung_vorjahr"],
        row["zaehler"],
        row["nenner_summe"],
        row["nenner_monate"],
        row["hinweise"] or "",
        row["basis"],
        {
            group: Place(
                row[f"rang_anzeige_{group}"],
                row[f"anzahl_{group}"],
                row[f"rang_von_{group}"],
                row[f"rang_bis_{group}"],
                row[f"median_{group}"],
            )
            for group in SETS
        },
        row["rang_alle"],
    )


def _order(entry: Entry, group: str, ranks: bool) -> tuple[bool, int, int, str, str]:
    rank = entry.places[group].rank if ranks else None
    return (rank is None, rank or 0, entry.exact_rank or 0 if ranks else 0, _alphabetical(entry.name), entry.jc_id)


def _alphabetical(name: str) -> str:
    """Return a sort key of German names (DIN 5007-1): umlauts as their base letters."""
    return name.casefold().translate(str.maketrans("äöüé", "aoue"))


def _ranks(values: Mapping[str, Decimal], higher: bool, ties: str) -> dict[str, int]:
    """Rank displayed values: 1 is best, equal ones share the smallest rank, the largest (max), or leave no gap (dense)."""
    ordered = sorted(set(values.values()) if ties == "dense" else values.values(), reverse=higher)
    if ties == "max":
        place = {value: index + 1 for index, value in enumerate(ordered)}
    else:
        place = {value: len(ordered) - index for index, value in enumerate(reversed(ordered))}
    return {jc_id: place[value] for jc_id, value in values.items()}


def _quantile(ordered: Sequence[Decimal], share: Decimal) -> Decimal:
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    exact = ordered[below] + (ordered[above] - ordered[below]) * (position - below)
    rounded = exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return rounded if rounded else Decimal("0.0")


def _national(kennzahlen: pa.Table) -> dict[tuple[str, str, str], National]:
    rows = kennzahlen.filter(pc.equal(kennzahlen.column("ebene"), "bund")).to_pylist()
    return {
        (r["kennzahl"], r["definition"], r["geschlecht"]): National(
            r["wert_anzeige"], r["grund"] or "", _left_out(r["hinweise"] or ""), r["basis"] == "imputiert"
        )
        for r in rows
    }


def _left_out(notes: str) -> int:
    found = re.search(r"\bausgelassen=(\d+)", notes)
    return int(found[1]) if found else 0
