"""The Eckwerte as one dense block of integers, and the way back from a decision about its cells to the rows of a table.

No rule about what is secret stands here; every array is ordered merkmal, jobcenter, sex (T, M, F), month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import SEXES, Indicator, Merkmal, event_parts, parts_and_wholes, shares
from pipeline.compare.exact import Bools, Ints
from pipeline.months import month_number
from pipeline.store.decimals import unscaled

ONE = 100
"""One person or event in the units of the block: hundredths, as euro sums have two decimals."""


def codes(column: pa.ChunkedArray, values: Sequence[str]) -> Ints:
    """Return the place of each text among `values`, -1 for texts that are not among them."""
    found = pc.index_in(column, pa.array(values, pa.string()))
    return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)


def month_codes(column: pa.ChunkedArray) -> Ints:
    """Return the month numbers (months since year 0) of a column of months."""
    encoded = column.combine_chunks().dictionary_encode()
    numbers = np.array([month_number(month) for month in encoded.dictionary.to_pylist()], dtype=np.int64)
    return numbers[encoded.indices.to_numpy(zero_copy_only=False)] if len(column) else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Cube:
    """Values in hundredths; `present` where there is a value, `withheld` where the publisher keeps it back, `imputed` estimates.

    `parts`, `event_parts` and `shares` are the declared pairs (part, whole) of the catalog's relations.
    """

    merkmale: tuple[str, ...]
    jc_ids: tuple[str, ...]
    first_month: int
    values: Ints
    present: Bools
    withheld: Bools
    imputed: Bools
    parts: tuple[tuple[str, str], ...]
    event_parts: tuple[tuple[str, str], ...]
    shares: tuple[tuple[str, str], ...]

    @property
    def months(self) -> int:
        """Return the length of the month axis."""
        return int(self.values.shape[3])

    def places(self, eckwerte: pa.Table) -> tuple[Ints, Ints, Ints, Ints]:
        """Return merkmal, jobcenter, sex and month index of each row of the table that the block was made from."""
        return (
            codes(eckwerte.column("merkmal"), self.merkmale),
            codes(eckwerte.column("jc_id"), self.jc_ids),
            codes(eckwerte.column("geschlecht"), SEXES),
            month_codes(eckwerte.column("ref_month")) - self.first_month,
        )


def cube_of(
    eckwerte: pa.Table, merkmale: Mapping[str, Merkmal], indicators: Mapping[str, Indicator], jc_ids: Sequence[str]
) -> Cube:
    """Return the block of a table with the columns of result_eckwerte.yml; absent rows are neither present nor withheld.

    `jc_ids` come first and in their order; further units of the table follow, sorted. Raises ValueError for a merkmal
    that the catalog does not declare.
    """
    unknown = sorted(set(pc.unique(eckwerte.column("merkmal")).to_pylist()) - set(merkmale))
    if unknown:
        raise ValueError(f"eckwerte has the merkmal {unknown[0]!r}, which merkmale.yml does not declare")
    others = sorted(set(pc.unique(eckwerte.column("jc_id")).to_pylist()) - set(jc_ids))
    units = (*jc_ids, *others)
    numbers = month_codes(eckwerte.column("ref_month"))
    first, last = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, -1)
    shape = (len(merkmale), len(units), len(SEXES), last - first + 1)
    cube = Cube(
        tuple(merkmale),
        units,
        first,
        np.zeros(shape, dtype=np.int64),
        np.zeros(shape, dtype=bool),
        np.zeros(shape, dtype=bool),
        np.zeros(shape, dtype=bool),
        parts_and_wholes(merkmale),
        event_parts(merkmale),
        shares(indicators, merkmale),
    )
    places = cube.places(eckwerte)
    values, present = unscaled(eckwerte.column("wert"))
    cube.values[places] = values
    cube.present[places] = present
    geheim = pc.fill_null(pc.equal(eckwerte.column("grund"), "geheim"), False)
    cube.withheld[places] = np.asarray(geheim.to_numpy(), dtype=bool) & ~present
    imputed = pc.fill_null(pc.equal(eckwerte.column("basis"), "imputiert"), False)
    cube.imputed[places] = np.asarray(imputed.to_numpy(), dtype=bool) & present
    return cube
