"""Turns delivered values into declared types, strictly: what does not fit is null here and named as a bad value.

Nothing is guessed: a date is an ISO day, a truth value is true or false, an amount has at most two decimals and a point.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Column, Table
from pipeline.stage.found import RejectedError
from pipeline.store.schema import ARROW_TYPES

_PATTERNS = {
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "euro": r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$",
    "number": r"^-?[0-9]{1,16}(\.[0-9]{1,2})?$",
}
_TEXTS = ("text", "person", "household", "code3", "jobcenter")


@dataclass(frozen=True)
class Typed:
    """A column in its declared type (identifiers still as text); `bad` marks values that were there but did not fit."""

    values: pa.ChunkedArray
    bad: pa.ChunkedArray | None


def type_columns(data: pa.Table, table: Table) -> tuple[pa.Table, dict[str, pa.ChunkedArray]]:
    """Return the table in declared types and, per column with misfits, a mask of the bad values; raises RejectedError."""
    columns: dict[str, pa.ChunkedArray] = {}
    bad: dict[str, pa.ChunkedArray] = {}
    for column in table.columns:
        typed = _typed(data.column(column.name), column, table)
        if column.type == "date":
            typed = _within_calendar(typed)
        columns[column.name] = typed.values
        if typed.bad is not None and pc.any(typed.bad).as_py():
            bad[column.name] = typed.bad
    return pa.table(columns), bad


def _typed(values: pa.ChunkedArray, column: Column, table: Table) -> Typed:
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    target = pa.string() if column.type in _TEXTS else ARROW_TYPES[column.type]
    if pa.types.is_null(kind):
        return Typed(values.cast(target), None)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _from_text(_without_empty(values.cast(pa.string())), column, target)
    if kind == target:
        return Typed(values, None)
    if column.type == "date" and (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        days = values.cast(pa.date32(), safe=False)
        bad = pc.fill_null(pc.not_equal(days.cast(kind), values), False)
        return Typed(_nulled(days, bad), bad)
    if column.type in ("euro", "number") and (pa.types.is_decimal(kind) or pa.types.is_integer(kind)):
        return _exact_decimal(values, target)
    if column.type == "number" and pa.types.is_floating(kind):
        hundredths = pc.round(pc.multiply(values, pa.scalar(100.0)))
        bad = pc.fill_null(pc.greater(pc.abs(pc.subtract(values, pc.divide(hundredths, 100.0))), 1e-8), False)
        bad = pc.or_(bad, pc.fill_null(pc.invert(pc.is_finite(values)), False))
        whole = pc.if_else(bad, None, hundredths).cast(pa.int64())
        cents = whole.cast(pa.decimal128(19, 0)).cast(pa.decimal128(21, 2))
        return Typed(pc.divide(cents, pa.scalar(100, pa.decimal128(3, 0))).cast(target), bad)
    raise RejectedError(
        "STAGE-TYPE",
        f"column {column.name} of table {table.name} has the type {kind}, declared is {target}",
        column=column.name,
    )


def _within_calendar(typed: Typed) -> Typed:
    """Take out days that are no dates of the calendar (years 1 to 9999): Parquet and the year 0000 can hold such."""
    first, last = pa.scalar(date.min, pa.date32()), pa.scalar(date.max, pa.date32())
    outside = pc.or_(pc.less(typed.values, first), pc.greater(typed.values, last))
    if not pc.any(outside).as_py():
        return typed
    bad = pc.fill_null(outside, False)
    return Typed(_nulled(typed.values, bad), bad if typed.bad is None else pc.or_(typed.bad, bad))


def _without_empty(values: pa.ChunkedArray) -> pa.ChunkedArray:
    empty = pc.equal(values, "")
    return pc.if_else(empty, None, values) if pc.any(empty).as_py() else values


def _nulled(values: pa.ChunkedArray, bad: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(bad, None, values)


def _exact_decimal(values: pa.ChunkedArray, target: pa.DataType) -> Typed:
    try:
        return Typed(values.cast(target), None)
    except pa.ArrowInvalid:
        texts = values.cast(pa.string())
        pattern = _PATTERNS["euro" if target.precision == 12 else "number"]
        trimmed = pc.replace_substring_regex(texts, r"^(-?[0-9]+\.[0-9]{2})0+$", r"\1")
        bad = pc.fill_null(pc.invert(pc.match_substring_regex(trimmed, pattern)), False)
        return Typed(_nulled(trimmed, bad).cast(target), bad)


def _from_text(values: pa.ChunkedArray, column: Column, target: pa.DataType) -> Typed:
    if column.type in _TEXTS:
        return Typed(values, None)
    if column.type == "bool":
        good = pc.is_in(values, value_set=pa.array(["true", "false"]))
        bad = pc.and_(pc.is_valid(values), pc.invert(good))
        return Typed(pc.if_else(bad, None, pc.equal(values, "true")), bad)
    fits = pc.match_substring_regex(values, _PATTERNS[column.type])
    bad = pc.fill_null(pc.invert(fits), False)
    good_values = _nulled(values, bad)
    if column.type == "date":
        days, impossible = _days(good_values)
        return Typed(days, pc.or_(bad, impossible))
    return Typed(good_values.cast(target), bad)


def _days(texts: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Return days and a mask of texts that look like days but are none (2018-02-30)."""
    unique = pc.unique(texts)
    try:
        return texts.cast(pa.date32()), pa.chunked_array([pa.array([False] * len(texts), pa.bool_())])
    except pa.ArrowInvalid:
        wrong = []
        for text in unique.to_pylist():
            if text is not None:
                try:
                    pa.scalar(text).cast(pa.date32())
                except pa.ArrowInvalid:
                    wrong.append(text)
        impossible = pc.fill_null(pc.is_in(texts, value_set=pa.array(wrong, pa.string())), False)
        return _nulled(texts, impossible).cast(pa.date32()), impossible
