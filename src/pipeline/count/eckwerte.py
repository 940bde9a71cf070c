"""Assembles the Eckwerte: person counts where the deliveries allow them, published counts where not, a reason where neither.

Values are integers in hundredths (euro cents; persons times 100), reasons are the ranks of the code list `gruende`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.catalog import SEXES, Catalog, Merkmal
from pipeline.count.reconciling import HAVE, Routes
from pipeline.count.territory import FOLGT, GEBIET, NICHT_GELIEFERT, Territory
from pipeline.months import add_months, month_range
from pipeline.store.decimals import decimal_array
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
        self._unit_index = {unit: i for i, unit in enumerate(self._units)}
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
        index = np.array([self._unit_index[u] for u in with_persons])
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
                for j, unit in enumerate(units):
                    reason = self._territory.missing(table, month, unit)
                    if reason:
                        ranks[i, j] = self._rank_of[reason]
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
        if "summe" in table.column_names:
            self._enter_payments(position, table)
            return
        names = [n for n in table.column_names if n in self._merkmal_index]
        sexes = table.column("sex").to_pylist()
        columns = [(self._merkmal_index[n], table.column(n).to_pylist()) for n in names]
        for row, jc in enumerate(table.column("jc").to_pylist()):
            unit = self._unit_index.get(jc)
            if unit is None:
                continue
            sex = sexes[row]
            for column, values in columns:
                amount = values[row] * 100
                self._value[position, unit, 0, column] += amount
                if sex in ("M", "F"):
                    self._value[position, unit, SEXES.index(sex), column] += amount

    def _enter_payments(self, position: int, table: pa.Table) -> None:
        unavailable = self._rank_of["nicht_verfuegbar"]
        for row in table.to_pylist():
            unit, column = self._unit_index.get(row["jc"]), self._merkmal_index[row["summe"]]
            if unit is None:
                continue
            if row["sex"] in SEXES:
                self._value[position, unit, SEXES.index(row["sex"]), column] = row["cents"]
            if row["sex"] == "T" and row["ohne_person"]:
                by_sex = self._rank[position, unit, 1:, column]
                self._rank[position, unit, 1:, column] = np.minimum(by_sex, unavailable)

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
        published = self._read(table)
        for i, members in enumerate(parts):
            if not members or not published.keys() >= set(members):
                continue
            got = [published[p] for p in members]
            has_row[i] = np.all([g[2] for g in got], axis=0)
            rank[i] = np.min([g[1] for g in got], axis=0)
            value[i] = np.where(rank[i] == HAVE, np.sum([g[0] for g in got], axis=0), 0)
        return value, rank, has_row

    def _read(self, table: pa.Table) -> dict[str, tuple[Ints, Ranks, npt.NDArray[np.bool_]]]:
        """Return unit -> (hundredths, rank, has row) of a published delivery; a contradicted cell is implausible."""
        shape = (len(SEXES), len(self._merkmale))
        signs = self._catalog.codelists["zeichen"]
        result: dict[str, tuple[Ints, Ranks, npt.NDArray[np.bool_]]] = {}
        columns = (table.column(n).to_pylist() for n in ("jc_id", "geschlecht", "merkmal", "wert", "zeichen"))
        for jc, sex, merkmal, number, sign in zip(*columns, strict=True):
            if jc not in result:
                missing = np.full(shape, self._rank_of[NICHT_GELIEFERT], np.int8)
                result[jc] = (np.zeros(shape, np.int64), missing, np.zeros(shape, np.bool_))
            value, rank, has_row = result[jc]
            cell = (SEXES.index(sex), self._merkmal_index[merkmal])
            if sign is not None:
                grund = signs[sign]["grund"]
                new = (0, self._rank_of[grund] if grund else HAVE)
            else:
                new = (int(number * 100), HAVE)
            if has_row[cell] and (int(value[cell]), int(rank[cell])) != new:
                new = (0, self._rank_of["unplausibel"])
            value[cell], rank[cell], has_row[cell] = new[0], new[1], True
        return result

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
    reasons: list[str | None] = [None] * (HAVE + 1)
    for grund, row in catalog.codelists["gruende"].items():
        reasons[int(row["rang"])] = grund

    def taken(names: Sequence[str | None], index: npt.NDArray[np.generic]) -> pa.Array:
        return pa.array(names, pa.string()).take(pa.array(index.astype(np.int64)))

    return pa.table(
        {
            "ref_month": pa.repeat(pa.scalar(cells.months[position]), len(value)),
            "jc_id": taken(cells.units, np.repeat(np.arange(len(cells.units)), per_unit)),
            "geschlecht": taken(sexes, np.tile(np.repeat(np.arange(len(sexes)), len(merkmale)), len(cells.units))),
            "merkmal": taken(merkmale, np.tile(np.arange(len(merkmale)), len(cells.units) * len(sexes))),
            "wert": decimal_array(value, rank == HAVE, 18, 2),
            "grund": taken(reasons, rank),
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
    euro = {m.name for m in merkmale if m.kind == "euro"}
    found = []
    for month, table in sorted(payments.items()):
        for row in table.to_pylist():
            small = 0 < row["bgs"] < least or (dominance and 2 * row["groesste"] > row["cents"] > 0)
            if row["summe"] in euro and row["sex"] in SEXES and small:
                found.append((month, row["jc"], row["sex"], row["summe"]))
    return found
