"""The gate against the twelve months before: what it compares, and where it stays silent."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from pipeline.check.medians import MEDIAN

MONTHS = [f"2017-{number:02}" for number in range(1, 13)]


def compared(past: list[float | None], now: float | None, merkmal: str = "elb") -> dict[str, Any]:
    """Return the row of January 2018, with the values of the months before it in `past`, the last one December."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET VARIABLE month = '2018-01'")
    connection.execute(
        "CREATE TABLE merkmale AS FROM (VALUES ('elb', false), ('lzb_amp', false), ('luh', true)) m(merkmal, euro)"
    )
    connection.execute(
        "CREATE TABLE eckwerte (ref_month TEXT, jc_id TEXT, geschlecht TEXT, merkmal TEXT, wert DECIMAL(18, 2), basis TEXT)"
    )
    cells = [*zip(MONTHS[-len(past) :], past, strict=True), ("2018-01", now)]
    rows = [(month, "t04412", "T", merkmal, value, "eckwerte") for month, value in cells]
    connection.executemany("INSERT INTO eckwerte VALUES (?, ?, ?, ?, ?, ?)", rows)
    found = connection.execute(MEDIAN)
    names = [column[0] for column in found.description or ()]
    (row,) = found.fetchall()
    return dict(zip(names, row, strict=True))


def test_a_single_bad_month_in_the_past_does_not_move_the_median() -> None:
    row = compared([1000, 1000, 9000, 1000, 1000, 1000], 1000)
    assert (row["middle"], row["stock_ratio"]) == (1000, 1)


def test_the_month_itself_is_no_part_of_its_past() -> None:
    assert compared([16.0] * 12, 1000, "lzb_amp")["events_ratio"] == 62.5


def test_a_past_of_zeros_is_a_past() -> None:
    assert compared([0.0] * 6, 300, "lzb_amp")["events_ratio"] == 300


@pytest.mark.parametrize(
    ("past", "now"), [([1000.0] * 5, 3000), ([1000.0] * 12, None), ([1000.0] * 5 + [None] * 7, 3000)]
)
def test_a_missing_value_and_a_past_of_less_than_six_months_are_not_judged(
    past: list[float | None], now: float | None
) -> None:
    assert compared(past, now)["stock_ratio"] is None


def test_euro_sums_are_held_against_their_own_bounds() -> None:
    row = compared([400_000.0] * 12, 500_000, "luh")
    assert (row["euro_ratio"], row["stock_ratio"], row["events_ratio"]) == (1.25, None, None)
