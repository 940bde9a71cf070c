"""Kennzahlen of a run: which version applies, both sides of each quotient, jobcenters and the levels above them.

Levels above the jobcenter sum numerators and denominators over the members that have both (data contract, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.calculate.block import BASES, HAVE, Block
from pipeline.calculate.rational import Bools, Ints, nearest_floats, percent, tenths
from pipeline.catalog import SEXES, Catalog, Indicator, Jobcenter, Side
from pipeline.months import add_months, month_range
from pipeline.store.decimals import decimal_array
from pipeline.store.schema import arrow_schema

SERIES_MONTHS = 25
Ranks = npt.NDArray[np.int8]
FIRST, SECOND = "@2011", "@2019"


@dataclass(frozen=True)
class SideValues:
    """One side for all units and sexes: sums in hundredths, rank of the worst reason, bits of the bases used."""

    value: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int8]
    basis: npt.NDArray[np.int8]
    months: int


def in_force(indicator: Indicator, version: str, run_month: str, catalog: Catalog) -> bool:
    """Tell whether a version is the definition in force: K2E3@2019 from the run for the switch month on."""
    if not indicator.compute_all_versions:
        return True
    switched = run_month >= str(catalog.switches["k2e3_switch"].value)
    return version == (SECOND if switched else FIRST)


def versions_for(indicator: Indicator, ref_month: str, catalog: Catalog) -> tuple[str, ...]:
    """Return the versions computed for a reference month: both of K2E3, else the one of the support list of the month."""
    if indicator.compute_all_versions or len(indicator.versions) == 1:
        return tuple(indicator.versions)
    return (SECOND,) if ref_month >= str(catalog.switches["list2019_from"].value) else (FIRST,)


def side_values(block: Block, side: Side, ref_month: str) -> SideValues:
    """Evaluate one side; a missing month in the window makes the side missing, never a shorter sum."""
    column = block.merkmale.index(side.merkmal)
    months = month_range(add_months(ref_month, side.months[0]), add_months(ref_month, side.months[1]))
    first, last = block.position(months[0]), block.position(months[-1])
    if first < 0 or last >= len(block.months):
        raise ValueError(f"the Eckwerte do not cover {months[0]} to {months[-1]}")
    window = slice(first, last + 1)
    rank = block.rank[window, :, :, column].min(axis=0)
    value = block.value[window, :, :, column].sum(axis=0)
    basis = np.bitwise_or.reduce(block.basis[window, :, :, column], axis=0)
    return SideValues(np.where(rank == HAVE, value, 0), rank, basis, len(months) if side.operator == "mean" else 1)


def months_read(catalog: Catalog) -> int:
    """Return how many months before the run's the windows begin that its series (`reihe`) reads."""
    sides = [
        (i.lag_of(v), side) for i in catalog.indicators.values() for v, pair in i.versions.items() for side in pair
    ]
    return SERIES_MONTHS - 1 + max(lag - side.months[0] for lag, side in sides)


class _Rows:
    """Collects blocks of rows of the result table."""

    def __init__(self, catalog: Catalog) -> None:
        self._schema = arrow_schema(catalog.results["kennzahlen"])
        reasons = {int(row["rang"]): grund for grund, row in catalog.codelists["gruende"].items()}
        self._reasons = pa.array([reasons.get(rank) for rank in range(HAVE + 1)], pa.string())
        self._no_denominator = {grund: rank for rank, grund in reasons.items()}["nenner_null"]
        self._bases = pa.array([_basis_text(bits) for bits in range(1 << len(BASES))], pa.string())
        self._half_even = catalog.switches["rounding_mode"].value == "half_even"
        self._parts: list[pa.Table] = []

    def add(self, head: _Head, areas: _Areas, above: _Column, below: _Column, rank: Ranks, basis: Ranks) -> None:
        """Add the rows of one indicator version and sex for all `areas`; `rank` is the reason where a side is missing."""
        over, under = percent(above.value, below.value, head.months, change=head.change)
        complete = above.present & below.present
        valued = complete & (under != 0)
        reason = np.where(valued, HAVE, np.where(complete, self._no_denominator, rank)).astype(np.int64)
        count = len(above.value)

        def same(value: str | bool) -> pa.Array:
            return pa.repeat(pa.scalar(value), count)

        floats = pa.array(nearest_floats(over, under), mask=~valued)
        columns = {
            "ref_month": same(head.ref_month),
            "ebene": areas.ebene,
            "gebiet": areas.gebiet,
            "kennzahl": same(head.kennzahl),
            "definition": same(head.definition),
            "in_kraft": same(head.in_kraft),
            "geschlecht": same(head.sex),
            "zaehler": decimal_array(above.value, above.present, 18, 2),
            "nenner_summe": decimal_array(below.value, below.present, 18, 2),
            "nenner_monate": pa.repeat(pa.scalar(head.months, pa.int64()), count),
            "wert": floats,
            "wert_anzeige": decimal_array(tenths(over, under, half_even=self._half_even), valued, 18, 1),
            "grund": self._reasons.take(pa.array(reason)),
            "hinweise": areas.notes,
            "basis": self._bases.take(pa.array(basis.astype(np.int64))),
        }
        self._parts.append(pa.table(columns, schema=self._schema))

    def table(self) -> pa.Table:
        """Return the rows as the declared table."""
        return pa.concat_tables(self._parts).combine_chunks() if self._parts else self._schema.empty_table()


@dataclass(frozen=True)
class _Head:
    """What the rows of one block have in common."""

    ref_month: str
    kennzahl: str
    definition: str
    in_kraft: bool
    sex: str
    months: int
    change: bool


@dataclass(frozen=True)
class _Areas:
    """Level, area and note of each row of a block."""

    ebene: pa.Array
    gebiet: pa.Array
    notes: pa.Array


@dataclass(frozen=True)
class _Column:
    """One side of each row of a block: hundredths, and whether they are complete."""

    value: Ints
    present: Bools


def _basis_text(bits: int) -> str:
    if bits & (1 << BASES.index("imputiert")):
        return "imputiert"
    single = [name for i, name in enumerate(BASES) if bits == 1 << i]
    return single[0] if single else "gemischt"


@dataclass(frozen=True)
class _Quotient:
    """One indicator version of a run with both sides."""

    indicator: Indicator
    version: str
    ref_month: str
    in_kraft: bool
    above: SideValues
    below: SideValues

    def head(self, sex: str) -> _Head:
        """Return what all rows of the quotient for a sex have in common."""
        return _Head(
            self.ref_month,
            self.indicator.name,
            self.indicator.name + self.version,
            self.in_kraft,
            sex,
            self.below.months,
            self.indicator.shown_as == "change",
        )


def _quotients(block: Block, run_month: str, catalog: Catalog) -> Iterator[_Quotient]:
    for indicator in catalog.indicators.values():
        for version in versions_for(indicator, add_months(run_month, -indicator.lag), catalog):
            ref_month = add_months(run_month, -indicator.lag_of(version))
            above, below = (side_values(block, side, ref_month) for side in indicator.versions[version])
            force = in_force(indicator, version, run_month, catalog)
            yield _Quotient(indicator, version, ref_month, force, above, below)


def _jobcenter_rows(rows: _Rows, block: Block, run_month: str, catalog: Catalog) -> None:
    count = len(block.units)
    areas = _Areas(
        pa.repeat(pa.scalar("jobcenter"), count), pa.array(block.units, pa.string()), pa.nulls(count, pa.string())
    )
    for quotient in _quotients(block, run_month, catalog):
        above, below = quotient.above, quotient.below
        for s, sex in enumerate(SEXES):
            rows.add(
                quotient.head(sex),
                areas,
                _Column(above.value[:, s], above.rank[:, s] == HAVE),
                _Column(below.value[:, s], below.rank[:, s] == HAVE),
                np.minimum(above.rank, below.rank)[:, s],
                (above.basis | below.basis)[:, s],
            )


def _groups(members: Sequence[Jobcenter], vergleichstyp_of: Mapping[str, str]) -> list[tuple[str, str, list[str]]]:
    groups: dict[tuple[str, str], list[str]] = {}
    for member in members:
        groups.setdefault(("land", member.land), []).append(member.jc_id)
        if typ := vergleichstyp_of.get(member.jc_id, ""):
            groups.setdefault(("vergleichstyp", typ), []).append(member.jc_id)
        if member.traeger == "zkT":
            groups.setdefault(("kommunal", "kommunal"), []).append(member.jc_id)
        groups.setdefault(("bund", "bund"), []).append(member.jc_id)
    order = ("land", "vergleichstyp", "kommunal", "bund")
    return [(e, g, groups[e, g]) for e, g in sorted(groups, key=lambda k: (order.index(k[0]), k[1]))]


def kennzahlen(
    block: Block,
    run_month: str,
    members: Sequence[Jobcenter],
    taking_part: frozenset[str],
    vergleichstyp_of: Mapping[str, str],
    catalog: Catalog,
) -> pa.Table:
    """Return the indicators of a run (schema `result_kennzahlen`): all units of the block, then the levels above.

    `members` exist on S(run month); sums are taken over those `taking_part`, that is, with any delivery by any route.
    """
    rows = _Rows(catalog)
    _jobcenter_rows(rows, block, run_month, catalog)
    unit_index = {unit: i for i, unit in enumerate(block.units)}
    groups = _groups(members, vergleichstyp_of)
    indices = []
    for _, _, ids in groups:
        part = [unit_index[j] for j in ids if j in taking_part]
        indices.append((np.array(part or [unit_index[j] for j in ids]), bool(part)))
    ebene = pa.array([e for e, _, _ in groups], pa.string())
    gebiet = pa.array([g for _, g, _ in groups], pa.string())
    for quotient in _quotients(block, run_month, catalog):
        above, below = quotient.above, quotient.below
        both = (above.rank == HAVE) & (below.rank == HAVE)
        worst = np.minimum(above.rank, below.rank)
        bases = above.basis | below.basis
        for s, sex in enumerate(SEXES):
            sums = np.zeros((2, len(groups)), np.int64)
            rank, basis = np.full(len(groups), HAVE, np.int8), np.zeros(len(groups), np.int8)
            notes = []
            for i, (index, taking) in enumerate(indices):
                have = index[both[index, s]]
                notes.append(f"ausgelassen={len(index) - len(have) if taking else 0}")
                sums[:, i] = above.value[have, s].sum(), below.value[have, s].sum()
                basis[i] = np.bitwise_or.reduce(bases[have if len(have) else index, s])
                rank[i] = HAVE if len(have) else worst[index, s].min()
            present = rank == HAVE
            areas = _Areas(ebene, gebiet, pa.array(notes, pa.string()))
            rows.add(quotient.head(sex), areas, _Column(sums[0], present), _Column(sums[1], present), rank, basis)
    return rows.table()


def reihe(block: Block, run_month: str, catalog: Catalog, months: int = SERIES_MONTHS) -> pa.Table:
    """Return the jobcenters' indicators of the last runs up to `run_month`, calculated from the Eckwerte known now."""
    rows = _Rows(catalog)
    for month in month_range(add_months(run_month, 1 - months), run_month):
        _jobcenter_rows(rows, block, month, catalog)
    return rows.table()
