"""Judges typed rows by the data contract: what makes a row bad, what makes a delivery unusable.

Only what section 2 of the contract says of a column counts here; sizes, shares and jumps are judged by the checks.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from datetime import date, timedelta
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, Table
from pipeline.months import Zaehltage, add_months, first_day, last_day
from pipeline.stage.found import BadRow, Batch, RejectedError

_PERSONAL = ("person", "household")
MIN_ROWS_TO_JUDGE_MONTH = 10
# What a bad value may look like to be shown: an identifier that has slipped into the column must not fit.
_SHOWABLE = {
    "date": re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T][\d:.]{0,15})?"),
    "euro": re.compile(r"[-+]?\d{1,3}([., ']?\d{3})*[.,]\d{0,6} ?(€|EUR)?"),
    "number": re.compile(r"[-+]?\d{1,3}([., ']?\d{3})*[.,]\d{0,6}"),
    "jobcenter": re.compile(r"[tT]?\d{1,5}"),
}
_SHOWN_CHARACTERS, _SHOWN_DIGITS = 24, 4


def shown_value(value: str | None, kind: str, identifiers: Container[str] = ()) -> str:
    """Return a bad value as it may be shown: whatever is, or could be, an identifier in the wrong column is withheld.

    `kind` is the declared type of the column, `identifiers` are those of the file.
    """
    if not value:
        return ""
    short = len(value) <= _SHOWN_CHARACTERS and sum(c.isdigit() for c in value) <= _SHOWN_DIGITS
    expected = _SHOWABLE.get(kind)
    if value not in identifiers and (short or (expected and expected.fullmatch(value))):
        return value
    return f"({len(value)} characters, withheld)"


def judge_rows(
    raw: Batch, typed: pa.Table, bad_values: Mapping[str, pa.ChunkedArray], table: Table, catalog: Catalog
) -> tuple[npt.NDArray[np.bool_], list[BadRow]]:
    """Return a mask of the good rows and the reasons of the bad ones (a row may have several).

    `raw` are the rows as delivered with their number in `row`, `typed` the same in declared types.
    """
    good = np.ones(typed.num_rows, np.bool_)
    found: list[BadRow] = []
    kinds = {column.name: column.type for column in table.columns}

    @cache
    def identifiers(file: int) -> frozenset[str]:
        names = [column.name for column in table.columns if column.type in _PERSONAL]
        own = raw.rows.slice(raw.edges[file], raw.edges[file + 1] - raw.edges[file])
        return frozenset(str(v) for name in names for v in pc.unique(own.column(name)).to_pylist())

    def mark(mask: pa.ChunkedArray, rule: str, column: str, message: str, *, personal: bool = False) -> None:
        if not pc.any(mask).as_py():
            return
        marked = pc.indices_nonzero(mask).to_numpy()
        good[marked] = False
        for index, file in zip(marked.tolist(), raw.file_of(marked).tolist(), strict=True):
            value = (
                "" if personal else shown_value(_text(raw.rows.column(column)[index]), kinds[column], identifiers(file))
            )
            found.append(BadRow(rule, raw.rows.column("row")[index].as_py(), column, value, message, file=file))

    for column in table.columns:
        values = typed.column(column.name)
        personal = column.type in _PERSONAL
        bad = bad_values.get(column.name)
        if bad is not None:
            mark(bad, "ROW-TYPE", column.name, f"{column.name} is not a {column.type}", personal=personal)
        if column.required:
            missing = pc.is_null(values)
            if bad is not None:
                missing = pc.and_(missing, pc.invert(bad))
            mark(missing, "ROW-KEY", column.name, f"{column.name} is missing")
        allowed = column.values or tuple(catalog.codelists.get(column.codelist, ()))
        if allowed:
            unknown = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=pa.array(allowed))))
            mark(unknown, "ROW-CODE", column.name, f"{column.name} is on no list")
        if column.type == "code3":
            mark(
                pc.invert(pc.match_substring_regex(values, r"^[0-9]{3}$")), "ROW-TYPE", column.name, "not three digits"
            )
        if column.type == "jobcenter":
            known = pa.array(list(catalog.jobcenters))
            strange = pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=known)))
            mark(strange, "ROW-JOBCENTER", column.name, "not in the registry of jobcenters (leading zero lost?)")
    if {"von", "bis"} <= set(table.column_names):
        mark(pc.greater(typed.column("von"), typed.column("bis")), "ROW-PERIOD", "von", "von lies after bis")
    return good, found


def _text(value: pa.Scalar) -> str | None:
    """Return a delivered value as text; Parquet can hold days that Python's calendar does not have."""
    try:
        plain = value.as_py()
    except (OverflowError, ValueError):
        plain = value.cast(pa.string()).as_py()
    return None if plain is None else str(plain)


def reject_missing_values(typed: pa.Table, rows: pa.Array, bad_values: Mapping[str, pa.ChunkedArray]) -> None:
    """Reject published Eckwerte with an empty value and no sign (contract, section 2); a value of a wrong type is not empty."""
    empty = pc.and_(pc.is_null(typed.column("wert")), pc.is_null(typed.column("zeichen")))
    if "wert" in bad_values:
        empty = pc.and_(empty, pc.invert(bad_values["wert"]))
    if pc.any(empty).as_py():
        row = rows[pc.indices_nonzero(empty)[0].as_py()].as_py()
        raise RejectedError("STAGE-NO-VALUE", "a value is empty and has no sign", column="wert", row=row)


def window_of_rows(table: str, month: str, zaehltage: Zaehltage) -> tuple[date, date] | None:
    """Return the days that each row of a delivery for the month must touch (both inclusive); None where none is declared."""
    previous = zaehltage.stichtag(add_months(month, -1))
    stichtag = zaehltage.stichtag(month)
    match table:
        case "leistungsbezug":
            return previous - timedelta(days=7), stichtag + timedelta(days=8)
        case "aufnahme":
            return zaehltage.stichtag(add_months(month, -2)) + timedelta(days=1), stichtag
        case "massnahme":
            return stichtag, stichtag
        case "beschaeftigung":
            return first_day(month), last_day(month)
    return None


def made_for_other_month(typed: Batch, table: str, month: str, zaehltage: Zaehltage) -> dict[int, RejectedError]:
    """Return the files none of whose rows belongs to their month, with why they cannot be used: they were made for another one."""
    window = window_of_rows(table, month, zaehltage)
    judged = np.flatnonzero(np.diff(typed.edges) >= MIN_ROWS_TO_JUDGE_MONTH)
    if window is None or not len(judged):
        return {}
    first, last = (pa.scalar(day, pa.date32()) for day in window)
    if table == "aufnahme":
        begin = end = typed.rows.column("beginn")
    else:
        begin = typed.rows.column("von")
        end = pc.fill_null(typed.rows.column("bis"), pa.scalar(date.max, pa.date32()))
    touches = pc.and_(pc.less_equal(begin, last), pc.greater_equal(end, first)).to_numpy()
    belonging = np.diff(np.concatenate([[0], np.cumsum(touches)])[typed.edges])
    text = f"no row belongs to {month} (days {window[0]} to {window[1]})"
    return {int(file): RejectedError("STAGE-MONTH", text) for file in judged if not belonging[file]}
