"""The payments of a month as `payments.payments` defines them, summed up piece by piece in dense arrays.

Nothing is joined and nothing grouped by hash: a person's sex is looked up in the stock, which stands in the order of persons;
cells, sexes and parts are small numbers. However many payments there are, a piece of them lies in memory, and the stocks' persons.
`tests/unit/count/test_ordered.py` holds it against the expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.count.arrays import SEXES, Stock, Stocks, Units, as_summed, numbers, row_groups, sexes_of, unlike_before
from pipeline.count.inputs import TOTAL, InOrder
from pipeline.store.decimals import unscaled

_SUMS = ("llu", "luh")
_LINES = (TOTAL, *SEXES[1:])
_NONE = np.iinfo(np.int64).min
_COLUMNS = ["person", "jc_id", "bg", "rechtsgrundlage", "anspruch_eur"]
_PIECE, _KEPT = 1 << 18, 1 << 20
"""Rows that are looked at together, and rows up to which all pieces of a month are kept for a second look."""


def payments_in_order(parts: int, fewest: int, stocks: Stocks) -> InOrder:
    """Return what computes the payments: sums by parts of the units of need, those of doubtful cells by each of them."""

    def computed(inputs: Mapping[str, Any]) -> list[pa.Table]:
        paid, sums = _Paid(inputs, stocks.now_and_then(inputs)), _Sums(parts)
        for rows in paid.rows():
            sums.add(rows, len(paid.units))
        found = _Shares.of(sums.cents, sums.there)
        doubtful = np.flatnonzero(sums.below | found.doubtful(fewest))
        if len(doubtful):
            found.put(doubtful, _by_unit_of_need([rows.of_cells(doubtful) for rows in paid.rows()]))
        return [_lines(found, paid.units, sums.nobody)]

    return computed


@dataclass(frozen=True)
class _Payments:
    """Rows of payments: `cell` (unit and sum), `sex` (place in `SEXES`), unit of need, cents, and whether nobody is named."""

    cell: Any
    sex: Any
    bg: Any
    cents: Any
    nobody: Any

    def of_cells(self, cells: Any) -> _Payments:
        """Return the rows of some cells."""
        own = np.isin(self.cell, cells)
        return _Payments(*(getattr(self, name)[own] for name in ("cell", "sex", "bg", "cents", "nobody")))


class _Sums:
    """Sums by cell, sex and part; by cell the rows without a person, and whether an amount is below zero."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self.cents: Any = np.zeros((0, len(SEXES), parts), np.int64)
        self.there: Any = np.zeros((0, len(SEXES), parts), bool)
        self.nobody: Any = np.zeros(0, np.int64)
        self.below: Any = np.zeros(0, bool)

    def add(self, rows: _Payments, units: int) -> None:
        """Add payments of the first so many units."""
        for name in ("cents", "there", "nobody", "below"):
            before = getattr(self, name)
            more = np.zeros((units * len(_SUMS) - len(before), *before.shape[1:]), before.dtype)
            setattr(self, name, np.concatenate([before, more]))
        place = (rows.cell * len(SEXES) + rows.sex) * self._parts + (rows.bg & (self._parts - 1))
        np.add.at(self.cents.reshape(-1), place, rows.cents)
        self.there.reshape(-1)[place] = True
        self.nobody += np.bincount(rows.cell[rows.nobody], minlength=len(self.nobody))
        self.below[rows.cell[rows.cents < 0]] = True


class _Paid:
    """The payments of a month, read in pieces; `units` are those met so far, on the territory of the run."""

    def __init__(self, inputs: Mapping[str, Any], stocks: Sequence[Stock]) -> None:
        self.units = Units(inputs["gebiet"])
        self._files = inputs["leistung"]
        lists = inputs["rechtsgrundlagen"]
        self._sum_of = dict(zip(lists["code"].to_pylist(), lists["summe"].to_pylist(), strict=True))
        self._stocks = stocks
        self._kept: list[_Payments] | None = None

    def rows(self) -> Iterable[_Payments]:
        """Return the payments that count for a sum, piece by piece; may be asked for again."""
        if self._kept is None and sum(pq.read_metadata(file.path).num_rows for file in self._files) <= _KEPT:
            self._kept = list(self._read())
        return self._read() if self._kept is None else self._kept

    def _read(self) -> Iterator[_Payments]:
        for file in self._files:
            for rows in row_groups(file.path, _COLUMNS, ["jc_id", "rechtsgrundlage"]):
                table = rows.combine_chunks()
                yield from (self._counted(table.slice(at, _PIECE)) for at in range(0, len(table), _PIECE))

    def _counted(self, table: pa.Table) -> _Payments:
        sums = numbers(table["rechtsgrundlage"], self._place_of_sum)
        units = numbers(table["jc_id"], self.units.number)
        cents, _ = unscaled(table["anspruch_eur"])
        nobody = table["person"].is_null().to_numpy()
        persons = table["person"].fill_null(0).to_numpy()
        sex = np.where(nobody, 0, self._sexes(persons))
        rows = _Payments(units * len(_SUMS) + sums, sex, table["bg"].to_numpy(), cents, nobody)
        counts = sums >= 0
        if counts.all():
            return rows
        return _Payments(rows.cell[counts], sex[counts], rows.bg[counts], cents[counts], nobody[counts])

    def _place_of_sum(self, rechtsgrundlage: str) -> int:
        summe = self._sum_of.get(rechtsgrundlage)
        return _SUMS.index(summe) if summe in _SUMS else -1

    def _sexes(self, persons: Any) -> Any:
        """Return the sexes of persons, whose rows are runs."""
        first = np.flatnonzero(unlike_before(persons))
        return np.repeat(sexes_of(persons[first], *self._stocks), np.diff(np.append(first, len(persons))))


@dataclass(frozen=True)
class _Shares:
    """By cell and line (T, M, F): cents, how many shares have rows, and the largest share."""

    cents: Any
    number: Any
    largest: Any

    @classmethod
    def of(cls, cents: Any, there: Any) -> _Shares:
        """Return what shares of the shape (cell, sex, share) come to; `there` tells which of them have rows."""
        cents = np.concatenate([cents.sum(axis=1, keepdims=True), cents[:, 1:]], axis=1)
        there = np.concatenate([there.any(axis=1, keepdims=True), there[:, 1:]], axis=1)
        return cls(cents.sum(axis=2), there.sum(axis=2), np.where(there, cents, _NONE).max(axis=2, initial=_NONE))

    def put(self, cells: Any, shares: _Shares) -> None:
        """Put other shares in the place of those of some cells."""
        for name in ("cents", "number", "largest"):
            getattr(self, name)[cells] = getattr(shares, name)

    def doubtful(self, fewest: int) -> Any:
        """Tell of each cell whether there may be fewer than `fewest` shares, or one with more than half of the sum."""
        return ((self.number > 0) & ((self.number < fewest) | (self.largest > self.cents - self.largest))).any(axis=1)


def _by_unit_of_need(pieces: Sequence[_Payments]) -> _Shares:
    """Return what the units of need come to, a row per cell that has payments, ascending."""
    cell, sex, bg, cents = (
        np.concatenate([getattr(p, name) for p in pieces]) for name in ("cell", "sex", "bg", "cents")
    )
    order = np.lexsort((bg, cell))
    cell, sex, bg, cents = (values[order, np.newaxis] for values in (cell, sex, bg, cents))
    of_line = np.concatenate([np.ones_like(sex, bool), sex == np.arange(1, len(SEXES))], axis=1)
    own = np.flatnonzero(unlike_before(cell[:, 0]) | unlike_before(bg[:, 0]))
    summed = np.add.reduceat(np.where(of_line, cents, 0), own)
    there = np.logical_or.reduceat(of_line, own)
    begins = np.flatnonzero(unlike_before(cell[own, 0]))
    return _Shares(
        np.add.reduceat(summed, begins),
        np.add.reduceat(there.astype(np.int64), begins),
        np.maximum.reduceat(np.where(there, summed, _NONE), begins),
    )


def _lines(found: _Shares, units: Units, nobody: Any) -> pa.Table:
    """Return the rows of payments, ordered by unit, sex and sum; `nobody` counts a cell's rows without a person."""
    cell, line = np.nonzero(found.number)
    columns = {
        "jc": units.named(cell // len(_SUMS)),
        "summe": pa.array(_SUMS, pa.string()).take(pa.array(cell % len(_SUMS))),
        "sex": pa.array(_LINES, pa.string()).take(pa.array(line)),
        "cents": as_summed(found.cents[cell, line]),
        "bgs": found.number[cell, line],
        "groesste": as_summed(found.largest[cell, line]),
        "ohne_person": as_summed(np.where(line == 0, nobody[cell], 0)),
    }
    return pa.table(columns).sort_by([(name, "ascending") for name in ("jc", "sex", "summe")])


__all__ = ["payments_in_order"]
