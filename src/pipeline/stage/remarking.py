"""Names rows that count as delivered but are remarkable: doubled, outside the month, late, contradicting, unlikely.

Nothing here takes a row out; whether a share of such rows is too much is judged by the checks, unit by unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, Table
from pipeline.months import Zaehltage
from pipeline.stage.found import Remark
from pipeline.stage.judging import window_of_rows

UNLIKELY_BIRTH_BEFORE = date(1920, 1, 1)
UNLIKELY_DAY_BEFORE = date(1950, 1, 1)
UNLIKELY_YEARS_AHEAD = 10
UNLIKELY_EUR_ABOVE = 20_000
_STATUS = ("geschlecht", "geburtsdatum", "ist_elb", "ist_alleinerziehend")


def remarks(rows: pa.Table, table: Table, month: str, zaehltage: Zaehltage, catalog: Catalog) -> Iterator[Remark]:
    """Yield what is remarkable about the good rows of one file; `rows` are typed, with their number in `row`."""
    if not rows.num_rows:
        return
    yield from _outside(rows, table, month, zaehltage)
    yield from _unlikely(rows, table, zaehltage.stichtag(month))
    yield from _outdated_codes(rows, table, zaehltage.stichtag(month), catalog)
    if table.name == "aufnahme":
        late = pc.greater(rows.column("recorded_on"), _day(zaehltage.freeze(month)))
        yield from _marked(rows, late, "COUNT-LATE-RECORD", "recorded_on", "recorded after the freeze; does not count")
    yield from _duplicates(rows, table)
    if table.name == "bestand":
        text = "rows of one person contradict each other in sex, date of birth, ELB or lone parent"
        yield from _contradictions(rows, ("person_id",), _STATUS, "COUNT-CONTRADICTION", "", text)
    elif table.name == "eckwerte":
        text = "rows of one cell say different things; the cell is implausible"
        said = rows.append_column("said", _said(rows))
        cell = ("jc_id", "geschlecht", "merkmal")
        for remark in _contradictions(said, cell, ("said",), "ROW-CONTRADICTION", "wert", text):
            first = rows.filter(pc.equal(rows.column("row"), remark.row)).select(cell).to_pylist()[0]
            yield replace(remark, value="/".join(first.values()))


def _day(day: date) -> pa.Scalar:
    return pa.scalar(day, pa.date32())


def _marked(rows: pa.Table, mask: pa.ChunkedArray, rule: str, column: str, message: str) -> Iterator[Remark]:
    found = pc.indices_nonzero(pc.fill_null(mask, False))
    if len(found):
        first = found[0].as_py()
        value = str(rows.column(column)[first].as_py())
        yield Remark(rule, rows.column("row")[first].as_py(), column, value, message, len(found))


def _outside(rows: pa.Table, table: Table, month: str, zaehltage: Zaehltage) -> Iterator[Remark]:
    window = window_of_rows(table.name, month, zaehltage)
    if window is None:
        return
    begin, end = ("beginn", "beginn") if table.name == "aufnahme" else ("von", "bis")
    text = f"outside what the delivery covers ({window[0]} to {window[1]}); does not count there"
    yield from _marked(rows, pc.greater(rows.column(begin), _day(window[1])), "COUNT-OUTSIDE", begin, text)
    yield from _marked(rows, pc.less(rows.column(end), _day(window[0])), "COUNT-OUTSIDE", end, text)


def _unlikely(rows: pa.Table, table: Table, stichtag: date) -> Iterator[Remark]:
    for column in table.columns:
        values = rows.column(column.name)
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
        yield from _marked(rows, mask, "ROW-UNLIKELY", column.name, text)


def _outdated_codes(rows: pa.Table, table: Table, stichtag: date, catalog: Catalog) -> Iterator[Remark]:
    """Name support codes outside their validity: a start is judged by its `beginn`, a measure by the reference month."""
    for column in table.columns:
        if column.codelist != "foerderung":
            continue
        used = rows.column(column.name)
        day = rows.column("beginn") if table.name == "aufnahme" else _day(stichtag)
        mask = pa.chunked_array([pa.array([False] * rows.num_rows)])
        for support in catalog.supports.values():
            for limit, beyond in ((support.valid_from, pc.less), (support.valid_to, pc.greater)):
                if limit is not None:
                    mask = pc.or_(mask, pc.and_(pc.equal(used, support.code), beyond(day, _day(limit))))
        text = f"{column.name} is used outside the validity of the code; it has no class"
        yield from _marked(rows, mask, "COUNT-CODE-INVALID", column.name, text)


def _duplicates(rows: pa.Table, table: Table) -> Iterator[Remark]:
    names = list(table.column_names)
    groups = rows.select([*names, "row"]).group_by(names).aggregate([("row", "count"), ("row", "max")])
    groups = groups.filter(pc.greater(groups.column("row_count"), 1))
    if groups.num_rows:
        effect = "each amount counts" if table.name == "leistung" else "it counts once"
        text = f"the row says the same as an earlier one; {effect}"
        copies = pc.sum(groups.column("row_count")).as_py() - groups.num_rows
        yield Remark("COUNT-DUPLICATE", pc.min(groups.column("row_max")).as_py(), "", "", text, copies)


def _contradictions(
    rows: pa.Table, keys: tuple[str, ...], said: tuple[str, ...], rule: str, column: str, message: str
) -> Iterator[Remark]:
    cells = rows.group_by(list(keys)).aggregate([])
    if cells.num_rows == rows.num_rows:
        return
    versions = rows.group_by([*keys, *said]).aggregate([("row", "min")])
    groups = versions.group_by(list(keys)).aggregate([("row_min", "count"), ("row_min", "max")])
    groups = groups.filter(pc.greater(groups.column("row_min_count"), 1))
    if groups.num_rows:
        yield Remark(rule, pc.min(groups.column("row_min_max")).as_py(), column, "", message, groups.num_rows)


def _said(rows: pa.Table) -> pa.ChunkedArray:
    """Return what a published cell says: its sign if it has one (a dash is zero), else its value."""
    sign = pc.if_else(pc.equal(rows.column("zeichen"), "-"), "0.00", rows.column("zeichen"))
    return pc.coalesce(sign, rows.column("wert").cast(pa.string()))
