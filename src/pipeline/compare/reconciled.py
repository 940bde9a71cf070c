"""What may be published of the reconciliation of the two routes: only cells that are open by themselves, and for all sexes.

A publisher's own number next to a count that stays secret would tell it; so would the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import SEXES, Merkmal
from pipeline.compare.cube import codes
from pipeline.compare.exact import Ints

CELL = ("ref_month", "jc_id", "merkmal")
KEY = ("ref_month", "jc_id", "geschlecht", "merkmal")
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
    known = [pc.unique(abgleich.column(name)).to_pylist() for name in CELL]
    shape = tuple(len(values) + 1 for values in known)  # the last of each axis are the others
    here, there = (_cells(table, known, shape) for table in (abgleich, eckwerte))
    sexes = np.bincount(there[pc.is_valid(eckwerte.column("wert")).to_numpy()], minlength=prod(shape))
    least = pc.abs(abgleich.column("wert_veroeffentlicht"))
    counts = pa.array([name for name, merkmal in merkmale.items() if merkmal.kind != "euro"])
    is_zero = pc.equal(least, pa.scalar(0))
    small = pc.and_(pc.less(least, pa.scalar(below)), pc.invert(is_zero) if zero_open else pa.scalar(True))
    secret = pc.and_(pc.is_in(abgleich.column("merkmal"), counts), pc.fill_null(small, True))
    harmed = np.bincount(here[secret.to_numpy()], minlength=prod(shape)) > 0
    shown = (sexes == len(SEXES)) & ~harmed
    rows = np.flatnonzero(pc.is_valid(abgleich.column("differenz")).to_numpy() & shown[here])
    order = pc.sort_indices(abgleich.select(KEY).take(rows), [(name, "ascending") for name in KEY])
    keep = abgleich.take(pa.array(rows).take(order))
    for name in ("zeilen", *REMARKABLE):
        place, column = keep.column_names.index(name), keep.column(name)
        few = pc.less(column, TEN if name == "zeilen" else below)
        told = pc.multiply(pc.divide(pc.add(column, TEN // 2), TEN), TEN) if name == "zeilen" else column
        keep = keep.set_column(place, keep.schema.field(name), pc.if_else(few, pa.scalar(None, column.type), told))
    return keep.cast(abgleich.schema)


def _cells(table: pa.Table, known: Sequence[Sequence[str]], shape: tuple[int, ...]) -> Ints:
    """Return the number of each row's cell among all of the known months, units and merkmale."""
    places = (codes(table.column(name), values) for name, values in zip(CELL, known, strict=True))
    return np.ravel_multi_index(tuple(p % size for p, size in zip(places, shape, strict=True)), shape)
