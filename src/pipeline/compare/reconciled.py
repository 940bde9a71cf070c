"""What may be published of the reconciliation of the two routes: only cells that are open by themselves, and for all sexes.

A publisher's own number next to a count that stays secret would tell it; so would the difference.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Merkmal

CELL = ("ref_month", "jc_id", "merkmal")
REMARKABLE = ("ausgesondert", "auffaellig")
TEN = 10
"""Numbers of rows are rounded: rows of bestand less ELB would be the number of other beneficiaries, however few."""


def open_reconciliation(
    abgleich: pa.Table, eckwerte: pa.Table, merkmale: Mapping[str, Merkmal], below: int, *, zero_open: bool = True
) -> pa.Table:
    """Return the rows with both values whose count is published for T, M and F and whose published number is not small.

    `eckwerte` is the suppressed table, `below` the switch suppress_below. Numbers of remarkable rows below it are emptied, numbers
    of all rows are rounded to tens and empty below ten.
    """
    shown = eckwerte.filter(pc.is_valid(eckwerte.column("wert"))).group_by(CELL).aggregate([("geschlecht", "count")])
    complete = shown.filter(pc.equal(shown.column("geschlecht_count"), 3)).select(CELL)
    least = pc.abs(abgleich.column("wert_veroeffentlicht"))
    counts = pa.array([name for name, merkmal in merkmale.items() if merkmal.kind != "euro"])
    is_zero = pc.equal(least, pa.scalar(0))
    small = pc.and_(pc.less(least, pa.scalar(below)), pc.invert(is_zero) if zero_open else pa.scalar(True))
    secret = pc.and_(pc.is_in(abgleich.column("merkmal"), counts), pc.fill_null(small, True))
    harmed = abgleich.filter(secret).group_by(CELL).aggregate([]).select(CELL)
    keep = abgleich.filter(pc.is_valid(abgleich.column("differenz")))
    for others, kind in ((complete, "left semi"), (harmed, "left anti")):
        keep = keep.join(others, list(CELL), join_type=kind)
    keep = keep.select(abgleich.column_names).sort_by(
        [(name, "ascending") for name in ("ref_month", "jc_id", "geschlecht", "merkmal")]
    )
    for name in ("zeilen", *REMARKABLE):
        place, column = keep.column_names.index(name), keep.column(name)
        few = pc.less(column, TEN if name == "zeilen" else below)
        told = pc.multiply(pc.divide(pc.add(column, TEN // 2), TEN), TEN) if name == "zeilen" else column
        keep = keep.set_column(place, keep.schema.field(name), pc.if_else(few, pa.scalar(None, column.type), told))
    return keep.cast(abgleich.schema)
