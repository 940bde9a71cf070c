"""Rows that count but are remarkable are named: what is wrong, the first row, how many."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipeline.catalog import load_catalog
from pipeline.months import Zaehltage
from pipeline.stage.found import Batch, Remark
from pipeline.stage.remarking import remarks
from pipeline.store.schema import ARROW_TYPES

MONTH = "2018-07"


def remarked(table: str, *rows: tuple[Any, ...]) -> list[Remark]:
    """Return the remarks on rows of a table, numbered from 1."""
    declared = load_catalog().tables[table]
    columns = list(zip(*rows, strict=True))
    data = {"row": pa.array(range(1, len(rows) + 1), pa.int32())}
    for column, values in zip(declared.columns, columns, strict=True):
        identifier = column.type in ("person", "household")
        data[column.name] = pa.array(values, pa.string() if identifier else ARROW_TYPES[column.type])
    return list(remarks(Batch.of([pa.table(data)]), declared, MONTH, Zaehltage(), load_catalog()))


def rules(found: list[Remark]) -> list[tuple[str, int, int]]:
    return [(r.rule, r.row, r.count) for r in found]


def test_good_rows_are_not_remarked() -> None:
    born = date(1980, 1, 1)
    assert remarked("bestand", ("a", "h", "M", born, True, False), ("b", "h", None, born, False, False)) == []
    assert remarked("massnahme", ("a", "16d", date(2018, 7, 15), None), ("a", "16b", date(2018, 7, 1), None)) == []


def test_person_in_two_units_of_need_is_neither_double_nor_contradictory() -> None:
    born = date(1980, 1, 1)
    assert remarked("bestand", ("a", "h1", "M", born, True, False), ("a", "h2", "M", born, True, False)) == []


@pytest.mark.parametrize(
    "second",
    [
        ("a", "h2", "F", date(1980, 1, 1), True, False),
        ("a", "h2", None, date(1980, 1, 1), True, False),
        ("a", "h2", "M", date(1980, 1, 2), True, False),
        ("a", "h2", "M", date(1980, 1, 1), False, False),
        ("a", "h2", "M", date(1980, 1, 1), True, True),
    ],
)
def test_rows_of_a_person_that_contradict_each_other_are_named_at_the_second(second: tuple[Any, ...]) -> None:
    first = ("a", "h1", "M", date(1980, 1, 1), True, False)
    other = ("b", "h1", "M", date(1980, 1, 1), True, False)
    assert rules(remarked("bestand", first, other, second)) == [("COUNT-CONTRADICTION", 3, 1)]


def test_each_copy_of_a_row_is_counted_and_the_first_copy_named() -> None:
    row, other = ("h", "a", "20", Decimal("100.00")), ("h", None, "22_1", Decimal("300.00"))
    assert rules(remarked("leistung", other, row, other, row, other)) == [("COUNT-DUPLICATE", 4, 3)]


def test_period_before_and_after_the_days_of_the_delivery_are_two_remarks() -> None:
    found = remarked(
        "massnahme",
        ("a", "16d", date(2018, 7, 16), None),
        ("b", "16d", date(2018, 1, 1), date(2018, 7, 14)),
        ("c", "16d", date(2018, 1, 1), date(2018, 7, 15)),
    )
    assert [(r.rule, r.row, r.column, r.value) for r in found] == [
        ("COUNT-OUTSIDE", 1, "von", "2018-07-16"),
        ("COUNT-OUTSIDE", 2, "bis", "2018-07-14"),
    ]


def test_start_is_late_after_the_freeze_and_its_code_is_judged_on_its_first_day() -> None:
    first = ("a", date(2018, 7, 1), "svb", "buergerarbeit", False, date(2018, 10, 15))
    late = ("b", date(2018, 7, 1), "svb", "16i", False, date(2018, 10, 16))
    assert rules(remarked("aufnahme", first, late)) == [("COUNT-CODE-INVALID", 2, 1), ("COUNT-LATE-RECORD", 2, 1)]


def test_published_cell_with_two_values_is_contradictory_but_a_dash_is_zero() -> None:
    same = (("t04412", "T", "elb", None, "-"), ("t04412", "T", "elb", Decimal("0.00"), None))
    assert remarked("eckwerte", *same) == []
    two = (("t04412", "T", "elb", Decimal("5.00"), None), ("t04412", "T", "elb", Decimal("6.00"), None))
    assert rules(remarked("eckwerte", *two)) == [("ROW-CONTRADICTION", 2, 1)]
    assert [r.value for r in remarked("eckwerte", *two)] == ["t04412/T/elb"], "the cell is named, its counts are not"
    signed = (("t04412", "T", "elb", Decimal("5.00"), "*"), ("t04412", "T", "elb", Decimal("6.00"), "*"))
    assert remarked("eckwerte", *signed) == [], "a sign wins over a value"
