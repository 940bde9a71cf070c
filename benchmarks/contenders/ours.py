"""Our count: the step `count` of the product, from empty cells to the files of the Eckwerte."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.country import EURO, MERKMALE, RESULT, Country
from pipeline import steps


def count(store: Path, month: str) -> None:
    """Do the step in a store whose deliveries are staged."""
    steps.count(steps.open_run(store, month))


def result(store: Path, country: Country) -> pa.Table:
    """Return the cells with a value from persons (RESULT), and no others."""
    last = country.months[-1]
    parts = [pq.read_table(steps.open_run(store, last).store.eckwerte(m)) for m in country.months]
    table = pa.concat_tables(parts)
    table = table.filter(
        pc.and_(pc.equal(table["basis"], "personen"), pc.and_(pc.is_null(table["grund"]), pc.is_valid(table["wert"])))
    )
    table = table.filter(pc.is_in(table["merkmal"], pa.array(MERKMALE)))
    cents = pc.cast(pc.multiply(table["wert"], pa.scalar(100)), pa.int64())
    whole = pc.cast(pc.divide(cents, 100), pa.int64())
    euro = pc.is_in(table["merkmal"], pa.array(EURO))
    return (
        table.append_column("zahl", pc.if_else(euro, cents, whole))
        .select(["ref_month", "jc_id", "geschlecht", "merkmal", "zahl"])
        .rename_columns(RESULT.names)
        .cast(RESULT)
    )


def cells(store: Path, country: Country) -> pa.Table:
    """Return the keys of all cells, also of those that have a reason in the place of a value."""
    opened = steps.open_run(store, country.months[-1]).store
    keys = ["ref_month", "jc_id", "geschlecht", "merkmal"]
    return pa.concat_tables([pq.read_table(opened.eckwerte(m), columns=keys) for m in country.months])
