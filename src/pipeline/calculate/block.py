"""The Eckwerte of all months as arrays, the form in which indicators are calculated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import SEXES, Catalog
from pipeline.months import month_number

BASES = ("personen", "eckwerte", "imputiert")
HAVE = 99


@dataclass(frozen=True)
class Block:
    """Arrays of shape (month, unit, sex, merkmal): value in hundredths, rank of the reason (HAVE: a value), basis as bits."""

    months: tuple[str, ...]
    units: tuple[str, ...]
    merkmale: tuple[str, ...]
    value: npt.NDArray[np.int64]
    rank: npt.NDArray[np.int8]
    basis: npt.NDArray[np.int8]

    def position(self, month: str) -> int:
        """Return the index of a month; negative or too large where the block does not reach."""
        return month_number(month) - month_number(self.months[0])


def block_of(
    tables: Iterable[pa.Table],
    months: Sequence[str],
    units: Sequence[str],
    missing: Callable[[str, str], str],
    catalog: Catalog,
) -> Block:
    """Build the block from Eckwerte tables; `missing(unit, month)` gives the reason for months without a table."""
    merkmale = tuple(catalog.merkmale)
    rank_of = {grund: int(row["rang"]) for grund, row in catalog.codelists["gruende"].items()}
    shape = (len(months), len(units), len(SEXES), len(merkmale))
    value = np.zeros(shape, np.int64)
    rank = np.zeros(shape, np.int8)
    basis = np.ones(shape, np.int8)
    month_index = {m: i for i, m in enumerate(months)}
    covered: set[str] = set()
    for table in tables:
        index: list[npt.NDArray[np.int64]] = [
            _positions(table.column(name), keys)
            for name, keys in (("jc_id", units), ("geschlecht", SEXES), ("merkmal", merkmale))
        ]
        month = table.column("ref_month")[0].as_py()
        covered.add(month)
        known = index[0] >= 0
        at: Any = (month_index[month], *(i[known] for i in index))
        hundredths = pc.multiply(table.column("wert"), pa.scalar(100, pa.decimal128(3, 0)))
        value[at] = pc.fill_null(hundredths.cast(pa.int64()), 0).to_numpy()[known]
        ranks = _positions(table.column("grund"), tuple(rank_of), absent=-1)
        rank_values = np.array([*rank_of.values(), HAVE], np.int8)
        rank[at] = rank_values[ranks][known]
        basis[at] = (1 << _positions(table.column("basis"), BASES))[known].astype(np.int8)
    for month, i in month_index.items():
        if month not in covered:
            for j, unit in enumerate(units):
                rank[i, j] = rank_of[missing(unit, month)]
    counted = np.array([month in covered for month in months])
    basis[~counted] = np.where((basis[counted] == 1).any(axis=(0, 2, 3)), 1, 2)[:, None, None]
    return Block(tuple(months), tuple(units), merkmale, value, rank, basis)


def _positions(column: pa.ChunkedArray, keys: Sequence[str], absent: int = -1) -> npt.NDArray[np.int64]:
    found = pc.fill_null(pc.index_in(column, value_set=pa.array(list(keys))), absent)
    positions: npt.NDArray[np.int64] = found.to_numpy().astype(np.int64)
    return positions
