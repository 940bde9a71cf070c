"""Delivered values become declared types or are bad; nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import Column, Label, Table, load_catalog
from pipeline.stage.found import RejectedError
from pipeline.stage.typing_rows import type_columns


def typed(kind: str, values: Sequence[Any] | pa.Array | pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[bool]]:
    """Return a column of a declared type and which of its values were bad."""
    declared = Table("t", "jobcenter", Label(""), (Column("x", kind, False, Label("x")),))
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, pa.string())
    made, bad = type_columns(pa.table({"x": array}), declared)
    return made.column("x"), bad["x"].to_pylist() if "x" in bad else [False] * made.num_rows


BAD = object()
TEXTS = [
    ("date", "2018-07-15", date(2018, 7, 15)),
    ("date", "2016-02-29", date(2016, 2, 29)),
    ("date", "1900-01-01", date(1900, 1, 1)),
    ("date", "2099-12-31", date(2099, 12, 31)),
    ("date", "9999-12-31", date(9999, 12, 31)),
    ("date", "2018-02-30", BAD),
    ("date", "2017-02-29", BAD),
    ("date", "2018-13-01", BAD),
    ("date", "0000-01-01", BAD),
    ("date", "2018-7-1", BAD),
    ("date", "15.07.2018", BAD),
    ("date", "2018-07-15T00:00:00", BAD),
    ("date", "20180715", BAD),
    ("date", " 2018-07-15", BAD),
    ("date", "2018-07-15\n", BAD),
    ("bool", "true", True),
    ("bool", "false", False),
    ("bool", "True", BAD),
    ("bool", "1", BAD),
    ("bool", "ja", BAD),
    ("bool", " true", BAD),
    ("euro", "12", Decimal("12.00")),
    ("euro", "-12.5", Decimal("-12.50")),
    ("euro", "0.01", Decimal("0.01")),
    ("euro", "9999999999.99", Decimal("9999999999.99")),
    ("euro", "99999999999.99", BAD),
    ("euro", "12.345", BAD),
    ("euro", "12,50", BAD),
    ("euro", "1.234,50", BAD),
    ("euro", "1e3", BAD),
    ("euro", "+1", BAD),
    ("euro", ".5", BAD),
    ("euro", "5.", BAD),
    ("euro", "NaN", BAD),
    ("euro", "12.50 EUR", BAD),
    ("euro", "١٢", BAD),
    ("number", "1234567890123456.78", Decimal("1234567890123456.78")),
    ("number", "12345678901234567", BAD),
    ("code3", "109", "109"),
    ("code3", "007", "007"),
    ("text", " x ", " x "),
    ("text", "NA", "NA"),
    ("person", "00012", "00012"),
    ("jobcenter", "t04412", "t04412"),
]


@pytest.mark.parametrize(("kind", "text", "expected"), TEXTS)
def test_a_text_is_read_strictly_or_is_bad(kind: str, text: str, expected: Any) -> None:
    values, bad = typed(kind, ["", text])
    assert values.to_pylist() == [None, None if expected is BAD else expected]
    assert bad == [False, expected is BAD]


@pytest.mark.parametrize("kind", ["date", "bool", "euro", "number", "text", "person", "code3", "jobcenter"])
def test_an_empty_field_is_missing_and_not_bad(kind: str) -> None:
    for values in (["", None], pa.array([None, None], pa.null()), pa.array(["", None], pa.large_string())):
        found, bad = typed(kind, values)
        assert found.to_pylist() == [None, None]
        assert bad == [False, False]


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("text", pa.array(["M", None, "", "M"]).dictionary_encode(), ["M", None, None, "M"]),
        ("date", pa.array(["2018-07-15", None]).dictionary_encode(), [date(2018, 7, 15), None]),
        ("person", pa.array(["p1"], pa.large_string()), ["p1"]),
        ("person", pa.array(["p1"], pa.string_view()), ["p1"]),
        ("date", pa.array([date(2018, 7, 15)], pa.date32()), [date(2018, 7, 15)]),
        ("date", pa.array([date(2018, 7, 15)], pa.date64()), [date(2018, 7, 15)]),
        ("date", pa.array([datetime(2018, 7, 15)], pa.timestamp("ns")), [date(2018, 7, 15)]),
        ("date", pa.array([datetime(1899, 7, 15)], pa.timestamp("s")), [date(1899, 7, 15)]),
        ("date", pa.array([datetime(2018, 7, 15)], pa.timestamp("us", "UTC")), [date(2018, 7, 15)]),
        ("bool", pa.array([True, None, False]), [True, None, False]),
        ("euro", pa.array([Decimal("1.5"), None], pa.decimal128(5, 1)), [Decimal("1.50"), None]),
        ("euro", pa.array([Decimal("1.5000")], pa.decimal128(20, 4)), [Decimal("1.50")]),
        ("euro", pa.array([12, -3], pa.int32()), [Decimal("12.00"), Decimal("-3.00")]),
        ("number", pa.array([1, None], pa.int64()), [Decimal("1.00"), None]),
        (
            "number",
            pa.array([1.0, 0.1, None, 1234567.89]),
            [Decimal("1.00"), Decimal("0.10"), None, Decimal("1234567.89")],
        ),
        (
            "number",
            pa.array([12345678901.23, -98765432109.87]),
            [Decimal("12345678901.23"), Decimal("-98765432109.87")],
        ),
        ("number", pa.array([1.5], pa.float32()), [Decimal("1.50")]),
    ],
)
def test_parquet_types_that_say_the_same_are_taken(kind: str, values: pa.Array, expected: list[Any]) -> None:
    found, bad = typed(kind, values)
    assert found.to_pylist() == expected
    assert not any(bad)


@pytest.mark.parametrize(
    ("kind", "values", "bad"),
    [
        ("date", pa.array([datetime(2018, 7, 15, 12), datetime(2018, 7, 15)], pa.timestamp("us")), [True, False]),
        ("date", pa.array([-719163, 0, 2932897], pa.int32()).cast(pa.date32()), [True, False, True]),
        ("euro", pa.array([Decimal("1.505"), Decimal("1.500")], pa.decimal128(9, 3)), [True, False]),
        ("euro", pa.array([10**10, 10**10 - 1], pa.int64()), [True, False]),
        ("number", pa.array([0.125, float("nan"), float("inf"), 2.0]), [True, True, True, False]),
    ],
)
def test_a_parquet_value_that_does_not_fit_is_bad_and_the_others_stay(
    kind: str, values: pa.Array, bad: list[bool]
) -> None:
    found, marked = typed(kind, values)
    assert marked == bad
    assert [v is None for v in found.to_pylist()] == bad


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("euro", pa.array([1.5])),
        ("euro", pa.array([1.5], pa.float32())),
        ("euro", pa.array([True])),
        ("code3", pa.array([109], pa.int64())),
        ("person", pa.array([12], pa.int64())),
        ("jobcenter", pa.array([4412], pa.int64())),
        ("text", pa.array([1.0])),
        ("bool", pa.array([1, 0], pa.int8())),
        ("date", pa.array([20180715], pa.int64())),
        ("date", pa.array([1.0])),
        ("number", pa.array([date(2018, 7, 1)])),
        ("text", pa.array([b"M"], pa.binary())),
        ("text", pa.array([["M"]], pa.list_(pa.string()))),
    ],
)
def test_a_parquet_column_of_another_kind_rejects_the_delivery_and_names_the_column(
    kind: str, values: pa.Array
) -> None:
    with pytest.raises(RejectedError, match="column x of table t has the type") as error:
        typed(kind, values)
    assert (error.value.rule, error.value.column) == ("STAGE-TYPE", "x")


@pytest.mark.parametrize("name", list(load_catalog().tables))
def test_a_table_without_rows_has_all_its_columns(name: str) -> None:
    declared = load_catalog().tables[name]
    made, bad = type_columns(pa.table({c: pa.array([], pa.string()) for c in declared.column_names}), declared)
    assert tuple(made.column_names) == declared.column_names
    assert (made.num_rows, bad) == (0, {})


def test_columns_in_several_chunks_are_judged_in_order() -> None:
    values, bad = typed("date", pa.chunked_array([["2018-07-15", "x"], [], ["2018-07-16"]], pa.string()))
    assert values.to_pylist() == [date(2018, 7, 15), None, date(2018, 7, 16)]
    assert bad == [False, True, False]


@given(st.lists(st.dates().map(date.isoformat) | st.text(max_size=12) | st.none()))
def test_a_day_is_read_as_python_reads_it_or_is_bad(texts: list[str | None]) -> None:
    values, bad = typed("date", texts)
    for text, value, wrong in zip(texts, values.to_pylist(), bad, strict=True):
        if not text:
            assert (value, wrong) == (None, False)
        elif wrong:
            assert value is None
        else:
            assert value is not None
            assert value.isoformat() == text


@given(st.lists(st.integers(-(10**12) + 1, 10**12 - 1)))
def test_amounts_are_exact_to_the_cent(cents: list[int]) -> None:
    amounts = [Decimal(c).scaleb(-2) for c in cents]
    for values in (
        pa.array([f"{a:f}" for a in amounts], pa.string()),
        pa.array(amounts, pa.decimal128(12, 2)),
        pa.array(amounts, pa.decimal128(30, 6)),
    ):
        found, bad = typed("euro", values)
        assert found.to_pylist() == amounts
        assert not any(bad)


@given(st.lists(st.integers(-(10**14), 10**14)))
def test_published_numbers_in_floats_mean_the_nearest_cent(cents: list[int]) -> None:
    found, bad = typed("number", pa.array([c / 100 for c in cents], pa.float64()))
    assert found.to_pylist() == [Decimal(c).scaleb(-2) for c in cents]
    assert not any(bad)
