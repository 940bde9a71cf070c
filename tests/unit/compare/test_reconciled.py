"""What of the reconciliation is published: nothing beside a hidden count, nothing small, no exact number of rows."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import load_catalog
from pipeline.compare import open_reconciliation
from pipeline.store.schema import arrow_schema

CATALOG = load_catalog()
MONTH, UNIT = "2018-07", "t04412"
Row = dict[str, object]


def row(sex: str, published: int | None = 100, merkmal: str = "elb", **more: object) -> Row:
    number = None if published is None else Decimal(published)
    values = {"wert_personen": Decimal(100), "wert_veroeffentlicht": number}
    difference = None if number is None else Decimal(100) - number
    cell = {"ref_month": MONTH, "jc_id": UNIT, "geschlecht": sex, "merkmal": merkmal}
    return {**cell, **values, "differenz": difference, "zeilen": 504, "berichtigt": False, **more}


def opened(rows: list[Row], hidden: str = "", *, zero_open: bool = True) -> list[Row]:
    abgleich = pa.Table.from_pylist(rows, schema=arrow_schema(CATALOG.results["abgleich"]))
    eckwerte = [
        {
            **{key: r[key] for key in ("ref_month", "jc_id", "geschlecht", "merkmal")},
            "wert": None if r["geschlecht"] == hidden else Decimal(100),
            "grund": "geheim" if r["geschlecht"] == hidden else None,
            "basis": "personen",
        }
        for r in rows
    ]
    table = pa.Table.from_pylist(eckwerte, schema=arrow_schema(CATALOG.results["eckwerte"]))
    found: list[Row] = open_reconciliation(abgleich, table, CATALOG.merkmale, 3, zero_open=zero_open).to_pylist()
    return found


def test_open_cells_are_published_in_order_of_the_key() -> None:
    assert [r["geschlecht"] for r in opened([row("T"), row("M"), row("F")])] == ["F", "M", "T"]


def test_nothing_stands_beside_a_count_of_which_one_sex_is_hidden() -> None:
    for sex in "TMF":
        assert opened([row("T"), row("M"), row("F")], hidden=sex) == []


def test_a_number_of_one_or_two_of_the_publisher_hides_all_three() -> None:
    for small in (1, 2):
        assert opened([row("T"), row("M", small), row("F")]) == []
    assert len(opened([row("T"), row("M", 3), row("F")])) == 3


def test_zero_is_as_open_as_the_switch_says() -> None:
    assert len(opened([row("T"), row("M", 0), row("F")])) == 3
    assert opened([row("T"), row("M", 0), row("F")], zero_open=False) == []


def test_euros_are_never_small_counts() -> None:
    assert len(opened([row(sex, 2, "llu") for sex in "TMF"])) == 3


def test_what_the_publisher_withholds_is_not_compared() -> None:
    assert opened([row("T"), row("M", None), row("F")]) == []


@given(st.integers(0, 10_000), st.integers(0, 20))
def test_numbers_of_rows_are_rounded_and_few_remarkable_ones_not_told(rows: int, bad: int) -> None:
    shown = opened([row(sex, zeilen=rows, ausgesondert=bad, auffaellig=bad) for sex in "TMF"])[0]
    if rows < 10:
        assert shown["zeilen"] is None
    else:
        assert isinstance(shown["zeilen"], int)
        assert shown["zeilen"] % 10 == 0
        assert abs(shown["zeilen"] - rows) <= 5
    assert shown["ausgesondert"] == shown["auffaellig"] == (bad if bad >= 3 else None)
