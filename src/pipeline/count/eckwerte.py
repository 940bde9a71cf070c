"""Assembles the Eckwerte: person counts where the deliveries allow them, published counts where not, a reason where neither.

Values are integers in hundredths (euro cents; persons times 100), reasons are the ranks of the code list `gruende`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import SEXES, Catalog, Merkmal
from pipeline.count.reconciling import HAVE, Routes, reasons_by_rank, taken
from pipeline.count.territory import FOLGT, GEBIET, NICHT_GELIEFERT, Territory
from pipeline.months import add_months, month_range
from pipeline.store.decimals import decimal_array, unscaled
from pipeline.store.schema import arrow_schema

Ints = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int8]
Span = tuple[str, int, int]


@dataclass(frozen=True)
class Cells:
    """Cells of all months: arrays of shape (month, unit, sex, merkmal).

    `rank` is HAVE where there is a value, else the rank of the reason; `published` marks values of the published route,
    `imputed` estimated ones.
    """

    months: tuple[str, ...]
    units: tuple[str, ...]
    merkmale: tuple[str, ...]
    value: Ints
    rank: Ranks
    published: npt.NDArray[np.bool_]
    imputed: npt.NDArray[np.bool_]


class Assembler:
    """Builds the cells of a run from availability, counts and published deliveries."""

    def __init__(self, catalog: Catalog, territory: Territory, months: Sequence[str]) -> None:
        self._catalog = catalog
        self._territory = territory
        self._months = tuple(months)
        self._units = territory.units
        self._merkmale = tuple(catalog.merkmale)
        self._rank_of = {grund: int(row["rang"]) for grund, row in catalog.codelists["gruende"].items()}
        self._merkmal_index = {m: i for i, m in enumerate(self._merkmale)}
        shape = (len(self._months), len(self._units), len(SEXES), len(self._merkmale))
        self._value: Ints = np.zeros(shape, np.int64)
        self._rank: Ranks = np.full(shape, self._rank_of[NICHT_GELIEFERT], np.int8)
        self._published = np.zeros(shape, np.bool_)

    # -- person route ---------------------------------------------------------------------------------------------

    def person_route(self, counts: Mapping[str, Mapping[str, pa.Table]]) -> None:
        """Enter the person counts; `counts[month]` are the tables of `Counting.counts`."""
        with_persons = [u for u in self._units if u in self._territory.units_with_persons]
        if not with_persons:
            return
        index = np.array([i for i, u in enumerate(self._units) if u in self._territory.units_with_persons])
        offset, availability, employment = self._availability(with_persons)
        for name, merkmal in self._catalog.merkmale.items():
            column = self._merkmal_index[name]
            total = self._blocked(merkmal.spans, availability, employment, offset)
            by_sex = np.minimum(total, self._blocked(merkmal.spans_by_sex, availability, employment, offset))
            self._rank[:, index, 0, column] = total
            self._rank[:, index, 1, column] = by_sex
            self._rank[:, index, 2, column] = by_sex
        for position, month in enumerate(self._months):
            for table in counts.get(month, {}).values():
                self._enter(position, table)
        self._value[self._rank != HAVE] = 0

    def _availability(self, units: Sequence[str]) -> tuple[int, dict[str, Ranks], Ranks]:
        """Return, for all months that any cell reads, ranks of shape (month, unit) per table, and of the central unit `bst`.

        First stands the offset: how many of these months lie before the first cell.
        """
        spans = [span for m in self._catalog.merkmale.values() for span in (*m.spans, *m.spans_by_sex)]
        offset = max(0, *(-first for _, first, _ in spans))
        ahead = max(0, *(last for _, _, last in spans))
        reach = month_range(add_months(self._months[0], -offset), add_months(self._months[-1], ahead))
        last = self._territory.run_month
        tables: dict[str, Ranks] = {}
        for table in self._catalog.person_tables:
            ranks = np.full((len(reach), len(units)), HAVE, np.int8)
            for i, month in enumerate(reach):
                if month > last:
                    break
                missing = self._territory.missing(table, month)
                ranks[i] = [self._rank_of[missing[unit]] if unit in missing else HAVE for unit in units]
            tables[table] = ranks
        lag = int(self._catalog.switches["folgt_spaeter_lag"].value)
        due = add_months(last, -lag)
        employment = np.full(len(reach), HAVE, np.int8)
        for i, month in enumerate(reach):
            reason = self._territory.missing_central("beschaeftigung", month, "bst")
            if reason:
                employment[i] = self._rank_of[FOLGT if month > due else reason]
        return offset, tables, employment

    def _blocked(
        self, spans: Sequence[Span], availability: Mapping[str, Ranks], employment: Ranks, offset: int
    ) -> Ranks:
        months = len(self._months)
        units = next(iter(availability.values())).shape[1]
        result = np.full((months, units), HAVE, np.int8)
        for table, first, last in spans:
            for shift in range(first, last + 1):
                start = offset + shift
                if table == "beschaeftigung":
                    result = np.minimum(result, employment[start : start + months, None])
                else:
                    result = np.minimum(result, availability[table][start : start + months])
        return result

    def _enter(self, position: int, table: pa.Table) -> None:
        """Add counts to the cells of their unit, of all and of their sex."""
        if "summe" in table.column_names:
            self._enter_payments(position, table)
            return
        unit, sex = _places(table.column("jc"), self._units), _places(table.column("sex"), SEXES)
        ours, of_sex = unit >= 0, (unit >= 0) & (sex > 0)
        for name in (n for n in table.column_names if n in self._merkmal_index):
            column, amount = self._merkmal_index[name], _integers(table.column(name)) * 100
            np.add.at(self._value[position, :, 0, column], unit[ours], amount[ours])
            np.add.at(self._value[position, :, :, column], (unit[of_sex], sex[of_sex]), amount[of_sex])

    def _enter_payments(self, position: int, table: pa.Table) -> None:
        unit, sex = _places(table.column("jc"), self._units), _places(table.column("sex"), SEXES)
        column = _known_places(table.column("summe"), self._merkmale)
        rows = (unit >= 0) & (sex >= 0)
        self._value[position, unit[rows], sex[rows], column[rows]] = _integers(table.column("cents"))[rows]
        rows = (unit >= 0) & (sex == 0) & (_integers(table.column("ohne_person")) != 0)
        at = (position, unit[rows], slice(1, None), column[rows])
        self._rank[at] = np.minimum(self._rank[at], self._rank_of["nicht_verfuegbar"])

    # -- published route ------------------------------------------------------------------------------------------

    def published_route(self, deliveries: Mapping[str, pa.Table]) -> None:
        """Fill cells without a person count from published ones."""
        self._routes = Routes(
            self._months,
            self._units,
            SEXES,
            self._merkmale,
            self._value.copy(),
            self._rank.copy(),
            np.zeros_like(self._value),
            np.zeros_like(self._rank),
            np.zeros(self._value.shape, np.bool_),
        )
        with_persons = np.array([u in self._territory.units_with_persons for u in self._units])
        for position, month in enumerate(self._months):
            table = deliveries.get(month)
            value, rank, has_row = self._published_month(month, table)
            own_value, own_rank = self._value[position], self._rank[position]
            persons = with_persons[:, None, None]
            self._routes.published_value[position], self._routes.published_rank[position] = value, rank
            self._routes.both[position] = has_row & persons
            fills = (own_rank != HAVE) & (rank == HAVE) | ~persons & (rank == HAVE)
            sign = persons & (own_rank != HAVE) & (rank != HAVE) & has_row
            own_value[...] = np.where(fills, value, own_value)
            own_rank[...] = np.where(
                fills, HAVE, np.where(sign, np.minimum(own_rank, rank), np.where(persons, own_rank, rank))
            )
            self._published[position] = fills | ~persons

    def _published_month(self, month: str, table: pa.Table | None) -> tuple[Ints, Ranks, npt.NDArray[np.bool_]]:
        shape = (len(self._units), len(SEXES), len(self._merkmale))
        value, has_row = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        parts = [self._territory.valid_parts(unit, month) for unit in self._units]
        existing = np.array([bool(p) for p in parts])[:, None, None]
        absent = self._rank_of[
            self._territory.missing_central("eckwerte", month, "statistik") if table is None else NICHT_GELIEFERT
        ]
        rank: Ranks = np.where(existing, absent, self._rank_of[GEBIET]).astype(np.int8)
        rank = np.broadcast_to(rank, shape).copy()
        if table is None:
            return value, rank, has_row
        cells = self._read(table)
        listed: npt.NDArray[np.bool_] = np.any(cells[2], axis=(1, 2))
        place = {jc_id: i for i, jc_id in enumerate(self._territory.jobcenters)}
        members = [[place[p] for p in of_unit] for of_unit in parts]
        complete = np.array([bool(m) and bool(listed[m].all()) for m in members])
        if not complete.any():
            return value, rank, has_row
        ends = np.cumsum([len(m) for m, whole in zip(members, complete, strict=True) if whole])
        got = np.array([i for m, whole in zip(members, complete, strict=True) if whole for i in m])
        begins = np.concatenate(([0], ends[:-1]))
        has_row[complete] = np.logical_and.reduceat(cells[2][got], begins)
        rank[complete] = np.minimum.reduceat(cells[1][got], begins)
        value[complete] = np.add.reduceat(cells[0][got], begins)
        value[rank != HAVE] = 0
        return value, rank, has_row

    def _read(self, table: pa.Table) -> tuple[Ints, Ranks, npt.NDArray[np.bool_]]:
        """Return hundredths, rank and whether there is a row of a published delivery; a contradicted cell is implausible.

        Arrays of shape (jobcenter of the registry, sex, merkmal).
        """
        jobcenters, signs = tuple(self._territory.jobcenters), self._catalog.codelists["zeichen"]
        shape = (len(jobcenters), len(SEXES), len(self._merkmale))
        value, has_row = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        rank = np.full(shape, self._rank_of[NICHT_GELIEFERT], np.int8)
        jc = _places(table.column("jc_id"), jobcenters)
        sex = _known_places(table.column("geschlecht"), SEXES)
        merkmal = _known_places(table.column("merkmal"), self._merkmale)
        number, has_number = unscaled(table.column("wert").cast(pa.decimal128(18, 2)))
        sign = table.column("zeichen")
        says = np.asarray(sign.is_valid().to_numpy(), np.bool_)
        if not (has_number | says).all():
            raise ValueError("a published cell has neither a value nor a sign")
        rank_of_sign = np.array(
            [self._rank_of[row["grund"]] if row["grund"] else HAVE for row in signs.values()], np.int8
        )
        new_rank = np.full(len(table), HAVE, np.int8)
        new_rank[says] = rank_of_sign[_known_places(sign.filter(sign.is_valid()), tuple(signs))]
        new_value = np.where(says, 0, number)
        ours = jc >= 0
        at, new_value, new_rank = (jc[ours], sex[ours], merkmal[ours]), new_value[ours], new_rank[ours]
        value[at], rank[at], has_row[at] = new_value, new_rank, True
        unlike = (value[at] != new_value) | (rank[at] != new_rank)
        contradicted = tuple(axis[unlike] for axis in at)
        value[contradicted], rank[contradicted] = 0, self._rank_of["unplausibel"]
        return value, rank, has_row

    def routes(self) -> Routes:
        """Return both routes side by side; to be asked after `published_route`."""
        return self._routes

    def cells(self) -> Cells:
        """Return what was assembled."""
        nowhere = np.zeros(self._value.shape, np.bool_)
        return Cells(self._months, self._units, self._merkmale, self._value, self._rank, self._published, nowhere)


def eckwerte_table(cells: Cells, position: int, catalog: Catalog) -> pa.Table:
    """Return the Eckwerte of one month, ordered by jobcenter, sex and merkmal (schema `result_eckwerte`)."""
    sexes, merkmale = sorted(SEXES), sorted(cells.merkmale)
    at = np.ix_(range(len(cells.units)), [SEXES.index(s) for s in sexes], [cells.merkmale.index(m) for m in merkmale])
    arrays = (cells.value, cells.rank, np.where(cells.imputed, 2, cells.published))
    value, rank, basis = (array[position][at].reshape(-1) for array in arrays)
    per_unit = len(sexes) * len(merkmale)
    return pa.table(
        {
            "ref_month": pa.repeat(pa.scalar(cells.months[position]), len(value)),
            "jc_id": taken(cells.units, np.repeat(np.arange(len(cells.units)), per_unit)),
            "geschlecht": taken(sexes, np.tile(np.repeat(np.arange(len(sexes)), len(merkmale)), len(cells.units))),
            "merkmal": taken(merkmale, np.tile(np.arange(len(merkmale)), len(cells.units) * len(sexes))),
            "wert": decimal_array(value, rank == HAVE, 18, 2),
            "grund": taken(reasons_by_rank(catalog), rank),
            "basis": taken(("personen", "eckwerte", "imputiert"), basis),
        },
        schema=arrow_schema(catalog.results["eckwerte"]),
    )


def small_euro_cells(
    payments: Mapping[str, pa.Table], merkmale: Iterable[Merkmal], least: int, *, dominance: bool
) -> list[tuple[str, str, str, str]]:
    """Return (month, unit, sex, merkmal) of euro sums that fewer than `least` units of need make, or one makes over half.

    The latter only with `dominance`.
    """
    euro = pa.array([m.name for m in merkmale if m.kind == "euro"], pa.string())
    found = []
    for month, table in sorted(payments.items()):
        bgs = _integers(table["bgs"])
        small = (bgs > 0) & (bgs < least)
        if dominance:
            largest, cents = _integers(table["groesste"]), _integers(table["cents"])
            small |= (2 * largest > cents) & (cents > 0)
        asked = pc.and_(pc.is_in(table["summe"], euro), pc.is_in(table["sex"], pa.array(SEXES)))
        cells = table.filter(pc.and_(pa.array(small), asked)).select(["jc", "sex", "summe"])
        found += [(month, *cell.values()) for cell in cells.to_pylist()]
    return found


def _places(column: pa.ChunkedArray, words: Sequence[str]) -> Ints:
    """Return the place of each text among `words`, -1 for texts that are not among them."""
    found = pc.index_in(column, value_set=pa.array(words, pa.string()))
    return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)


def _known_places(column: pa.ChunkedArray, words: Sequence[str]) -> Ints:
    """Return the place of each text among `words`; raises ValueError for one that is not among them."""
    places = _places(column, words)
    if (places < 0).any():
        raise ValueError(f"{column[int(np.argmin(places))].as_py()!r} is none of {', '.join(words)}")
    return places


def _integers(column: pa.ChunkedArray) -> Ints:
    """Return whole numbers of any width; raises ValueError for a missing one."""
    if column.null_count:
        raise ValueError("a count is missing")
    return np.asarray(column.cast(pa.int64()).to_numpy(), np.int64)
