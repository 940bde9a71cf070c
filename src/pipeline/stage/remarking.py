"""Names rows that count as delivered but are remarkable: doubled, outside the month, late, contradicting, unlikely.

Nothing here takes a row out; whether a share of such rows is too much is judged by the checks, unit by unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, Table
from pipeline.months import Zaehltage
from pipeline.stage.found import Batch, Remark
from pipeline.stage.judging import window_of_rows
from pipeline.stage.likeness import alike

UNLIKELY_BIRTH_BEFORE = date(1920, 1, 1)
UNLIKELY_DAY_BEFORE = date(1950, 1, 1)
UNLIKELY_YEARS_AHEAD = 10
UNLIKELY_EUR_ABOVE = 20_000
_STATUS = ("geschlecht", "geburtsdatum", "ist_elb", "ist_alleinerziehend")


def remarks(batch: Batch, table: Table, month: str, zaehltage: Zaehltage, catalog: Catalog) -> Iterator[Remark]:
    """Yield what is remarkable about the good rows of each file; rows are typed, with their number in `row`."""
    if not batch.rows.num_rows:
        return
    rows = batch.rows
    yield from _outside(batch, table, month, zaehltage)
    yield from _unlikely(batch, table, zaehltage.stichtag(month))
    yield from _outdated_codes(batch, table, zaehltage.stichtag(month), catalog)
    if table.name == "aufnahme":
        late = pc.greater(rows.column("recorded_on"), _day(zaehltage.freeze(month)))
        yield from _marked(batch, late, "COUNT-LATE-RECORD", "recorded_on", "recorded after the freeze; does not count")
    yield from _duplicates(batch, table)
    if table.name == "bestand":
        text = "rows of one person contradict each other in sex, date of birth, ELB or lone parent"
        yield from _contradictions(batch, ("person_id",), _STATUS, "COUNT-CONTRADICTION", "", text)
    elif table.name == "eckwerte":
        text = "rows of one cell say different things; the cell is implausible"
        said = Batch(rows.append_column("said", _said(rows)), batch.edges)
        cell = ("jc_id", "geschlecht", "merkmal")
        for remark in _contradictions(said, cell, ("said",), "ROW-CONTRADICTION", "wert", text):
            first = rows.filter(pc.equal(rows.column("row"), remark.row)).select(cell).to_pylist()[0]
            yield replace(remark, value="/".join(first.values()))


def _day(day: date) -> pa.Scalar:
    return pa.scalar(day, pa.date32())


def _marked(batch: Batch, mask: pa.ChunkedArray, rule: str, column: str, message: str) -> Iterator[Remark]:
    if not pc.any(mask).as_py():
        return
    marked = pc.indices_nonzero(mask).to_numpy()
    files, first, counts = np.unique(batch.file_of(marked), return_index=True, return_counts=True)
    for file, index, count in zip(files.tolist(), marked[first].tolist(), counts.tolist(), strict=True):
        value = str(batch.rows.column(column)[index].as_py())
        yield Remark(rule, batch.rows.column("row")[index].as_py(), column, value, message, count, file)


def _outside(batch: Batch, table: Table, month: str, zaehltage: Zaehltage) -> Iterator[Remark]:
    window = window_of_rows(table.name, month, zaehltage)
    if window is None:
        return
    begin, end = ("beginn", "beginn") if table.name == "aufnahme" else ("von", "bis")
    text = f"outside what the delivery covers ({window[0]} to {window[1]}); does not count there"
    yield from _marked(batch, pc.greater(batch.rows.column(begin), _day(window[1])), "COUNT-OUTSIDE", begin, text)
    yield from _marked(batch, pc.less(batch.rows.column(end), _day(window[0])), "COUNT-OUTSIDE", end, text)


def _unlikely(batch: Batch, table: Table, stichtag: date) -> Iterator[Remark]:
    for column in table.columns:
        values = batch.rows.column(column.name)
        if column.type == "date":
            birth = column.name == "geburtsdatum"
            first = UNLIKELY_BIRTH_BEFORE if birth else UNLIKELY_DAY_BEFORE
            last = stichtag if birth else date(stichtag.year + UNLIKELY_YEARS_AHEAD, 12, 31)
            mask = pc.or_kleene(pc.less(values, _day(first)), pc.greater(values, _day(last)))
            text = f"{column.name} is unlikely, not between {first} and {last}; the row is kept as it is"
        elif column.type == "euro":
            mask = pc.or_(pc.less(values, pa.scalar(0)), pc.greater(values, pa.scalar(UNLIKELY_EUR_ABOVE)))
            text = f"{column.name} is unlikely, not between 0 and {UNLIKELY_EUR_ABOVE:,} euros; the row counts"
        elif column.type == "number":
            mask = pc.less(values, pa.scalar(0))
            text = f"{column.name} is negative; the row counts"
        else:
            continue
        yield from _marked(batch, mask, "ROW-UNLIKELY", column.name, text)


def _outdated_codes(batch: Batch, table: Table, stichtag: date, catalog: Catalog) -> Iterator[Remark]:
    """Name support codes outside their validity: a start is judged by its `beginn`, a measure by the reference month."""
    for column in table.columns:
        if column.codelist != "foerderung":
            continue
        used = batch.rows.column(column.name).cast(pa.string())
        day = batch.rows.column("beginn") if table.name == "aufnahme" else _day(stichtag)
        mask = pa.chunked_array([pa.array(np.zeros(len(used), np.bool_))])
        for support in catalog.supports.values():
            for limit, beyond in ((support.valid_from, pc.less), (support.valid_to, pc.greater)):
                if limit is not None:
                    mask = pc.or_(mask, pc.and_(pc.equal(used, support.code), beyond(day, _day(limit))))
        text = f"{column.name} is used outside the validity of the code; it has no class"
        yield from _marked(batch, mask, "COUNT-CODE-INVALID", column.name, text)


def _duplicates(batch: Batch, table: Table) -> Iterator[Remark]:
    names = list(table.column_names)
    rows = alike(batch, names).select([*names, "row", "file"])
    if not rows.num_rows:
        return
    groups = rows.group_by([*names, "file"]).aggregate([("row", "count"), ("row", "max")])
    groups = groups.filter(pc.greater(groups.column("row_count"), 1))
    effect = "each amount counts" if table.name == "leistung" else "it counts once"
    text = f"the row says the same as an earlier one; {effect}"
    by_file = groups.group_by("file").aggregate([("row_count", "sum"), ("row_count", "count"), ("row_max", "min")])
    for found in by_file.sort_by("file").to_pylist():
        copies = found["row_count_sum"] - found["row_count_count"]
        yield Remark("COUNT-DUPLICATE", found["row_max_min"], "", "", text, copies, found["file"])


def _contradictions(
    batch: Batch, keys: tuple[str, ...], said: tuple[str, ...], rule: str, column: str, message: str
) -> Iterator[Remark]:
    rows = alike(batch, keys)
    if not rows.num_rows:
        return
    cell = [*keys, "file"]
    versions = rows.group_by([*cell, *said]).aggregate([("row", "min")])
    groups = versions.group_by(cell).aggregate([("row_min", "count"), ("row_min", "max")])
    groups = groups.filter(pc.greater(groups.column("row_min_count"), 1))
    by_file = groups.group_by("file").aggregate([("row_min_count", "count"), ("row_min_max", "min")])
    for found in by_file.sort_by("file").to_pylist():
        yield Remark(rule, found["row_min_max_min"], column, "", message, found["row_min_count_count"], found["file"])


def _said(rows: pa.Table) -> pa.ChunkedArray:
    """Return what a published cell says: its sign if it has one (a dash is zero), else its value."""
    sign = pc.if_else(pc.equal(rows.column("zeichen"), "-"), "0.00", rows.column("zeichen"))
    return pc.coalesce(sign, rows.column("wert").cast(pa.string()))
