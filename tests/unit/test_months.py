"""Months, counting days and windows."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.months import (
    MonthError,
    Zaehltage,
    add_months,
    first_day,
    last_day,
    month_number,
    month_of,
    month_range,
    month_text,
)

MONTHS = st.integers(min_value=1990 * 12, max_value=2060 * 12).map(month_text)


@st.composite
def zaehltage(draw: st.DrawFn) -> Zaehltage:
    months = draw(st.lists(MONTHS, max_size=30, unique=True))
    days = draw(st.lists(st.integers(0, 27), min_size=len(months), max_size=len(months)))
    return Zaehltage({m: first_day(m) + timedelta(days=d) for m, d in zip(months, days, strict=True)})


@pytest.mark.parametrize(
    ("month", "offset", "expected"),
    [
        ("2018-07", 0, "2018-07"),
        ("2018-07", -4, "2018-03"),
        ("2018-12", 1, "2019-01"),
        ("2018-01", -1, "2017-12"),
        ("2018-03", -23, "2016-04"),
        ("2018-03", -12, "2017-03"),
        ("2018-07", -37, "2015-06"),
    ],
)
def test_months_are_added_across_years(month: str, offset: int, expected: str) -> None:
    assert add_months(month, offset) == expected


@given(MONTHS, st.integers(-600, 600))
def test_adding_and_taking_away_leads_back(month: str, offset: int) -> None:
    moved = add_months(month, offset)
    assert add_months(moved, -offset) == month
    assert month_number(moved) - month_number(month) == offset


@pytest.mark.parametrize(
    "text",
    ["", "2018", "2018-7", "2018-00", "2018-13", "18-07", "2018-07-15", "2018/07", " 2018-07", "2018-07\n", "٢٠١٨-07"],
)
def test_what_is_no_month_is_refused_and_named(text: str) -> None:
    with pytest.raises(MonthError, match="write YYYY-MM") as error:
        month_number(text)
    assert repr(text) in str(error.value)


def test_a_range_holds_both_ends_and_is_empty_backwards() -> None:
    assert month_range("2017-11", "2018-02") == ["2017-11", "2017-12", "2018-01", "2018-02"]
    assert month_range("2018-07", "2018-07") == ["2018-07"]
    assert month_range("2018-07", "2018-06") == []


@pytest.mark.parametrize(
    ("month", "day"),
    [
        ("2018-02", date(2018, 2, 28)),
        ("2016-02", date(2016, 2, 29)),
        ("2017-12", date(2017, 12, 31)),
        ("2018-04", date(2018, 4, 30)),
    ],
)
def test_the_check_day_is_the_last_day_of_the_calendar_month(month: str, day: date) -> None:
    assert last_day(month) == day
    assert month_of(day) == month
    assert month_of(day + timedelta(days=1)) == add_months(month, 1)


def test_a_month_that_is_not_listed_has_the_fifteenth() -> None:
    days = Zaehltage({"2018-07": date(2018, 7, 12)})
    assert days.stichtag("2018-07") == date(2018, 7, 12)
    assert days.stichtag("2018-06") == date(2018, 6, 15)


def test_the_window_begins_after_the_stichtag_before_and_ends_with_the_own() -> None:
    days = Zaehltage({"2018-06": date(2018, 6, 18), "2018-07": date(2018, 7, 12)})
    window = days.window("2018-07")
    assert (window.first, window.last) == (date(2018, 6, 19), date(2018, 7, 12))
    assert window.days == 24
    assert next(iter(window)) == window.first
    assert list(window)[-1] == window.last
    assert len(list(window)) == window.days


def test_a_delivery_is_frozen_on_the_stichtag_three_months_later() -> None:
    assert Zaehltage({"2018-10": date(2018, 10, 11)}).freeze("2018-07") == date(2018, 10, 11)
    assert Zaehltage().freeze("2018-11") == date(2019, 2, 15)


def test_a_counting_day_outside_its_month_is_refused() -> None:
    with pytest.raises(MonthError, match="2018-07 is 2018-08-01"):
        Zaehltage({"2018-07": date(2018, 8, 1)})


@given(zaehltage(), MONTHS)
def test_every_day_belongs_to_exactly_one_window(days: Zaehltage, month: str) -> None:
    window, following = days.window(month), days.window(add_months(month, 1))
    assert window.last == days.stichtag(month)
    assert following.first == window.last + timedelta(days=1)
    assert window.days >= 1
