"""Ranks with ties, rank ranges, medians and Streubereiche."""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import median

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import load_catalog
from pipeline.compare.exact import decimals, dense_order, rounded
from pipeline.compare.intervals import byar, interval, variation, wilson
from pipeline.compare.ranks import median_tenths, rank_ranges, ranks
from pipeline.store.decimals import unscaled

RATIONALS = st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 12)), min_size=1, max_size=30)


def order_of(rationals: list[tuple[int, int]]) -> np.ndarray:
    return dense_order([n for n, _ in rationals], [d for _, d in rationals])


@pytest.mark.parametrize(
    ("values", "higher", "expected"),
    [
        ([76, 75, 75, 74], True, [1, 2, 2, 4]),
        ([76, 75, 75, 74], False, [4, 2, 2, 1]),
        ([5], True, [1]),
        ([5, 5, 5], False, [1, 1, 1]),
        ([1, 2, 3], True, [3, 2, 1]),
        ([-3, 0, -3, 2], False, [1, 3, 1, 4]),
    ],
)
def test_ties_share_the_smallest_rank(values: list[int], higher: bool, expected: list[int]) -> None:
    assert ranks(np.array(values), higher).tolist() == expected


@given(RATIONALS, st.booleans())
def test_a_rank_is_one_more_than_the_number_of_those_that_are_better(
    rationals: list[tuple[int, int]], higher: bool
) -> None:
    values = [Fraction(*r) for r in rationals]
    expected = [1 + sum(w > v if higher else w < v for w in values) for v in values]
    assert ranks(order_of(rationals), higher).tolist() == expected


def test_rationals_that_differ_by_less_than_a_float_can_tell_are_ordered() -> None:
    huge = 10**17
    one, two = (huge, huge + 1), (huge + 1, huge + 2)
    assert one[0] / one[1] == two[0] / two[1]
    assert order_of([two, one, (2 * huge, 2 * huge + 2)]).tolist() == [1, 0, 0]


@given(st.lists(st.tuples(st.integers(-(10**15), 10**15), st.integers(1, 10**15)), max_size=20))
def test_the_order_is_that_of_the_fractions(rationals: list[tuple[int, int]]) -> None:
    values = [Fraction(*r) for r in rationals]
    places = {value: i for i, value in enumerate(sorted(set(values)))}
    assert order_of(rationals).tolist() == [places[v] for v in values]


@given(RATIONALS)
def test_the_median_is_exact_and_rounded_last(rationals: list[tuple[int, int]]) -> None:
    tenths = 10 * Fraction(median([Fraction(*r) for r in rationals]))
    found = median_tenths(order_of(rationals), [n for n, _ in rationals], [d for _, d in rationals])
    assert found == rounded(tenths.numerator, tenths.denominator)


def test_the_median_of_two_lies_between_them_and_a_tie_goes_away_from_zero() -> None:
    assert median_tenths(order_of([(1, 10), (2, 10)]), [1, 2], [10, 10]) == 2
    assert median_tenths(order_of([(-1, 10), (-2, 10)]), [-1, -2], [10, 10]) == -2


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 2, 3), (-5, 2, -3), (49, 20, 2), (-49, 20, -2), (0, 7, 0), (-1, 3, 0)],
)
def test_the_nearest_integer_is_taken_ties_away_from_zero(numerator: int, denominator: int, expected: int) -> None:
    assert rounded(numerator, denominator) == expected


@given(st.lists(st.none() | st.integers(-(10**17), 10**17)), st.integers(0, 3))
def test_decimal_columns_become_integers_and_back(values: list[int | None], cut: int) -> None:
    kind = pa.decimal128(18, 2)
    made = decimals(
        np.array([v or 0 for v in values], np.int64), np.array([v is not None for v in values], np.bool_), kind
    )
    column = pa.chunked_array([made.slice(0, cut), made.slice(cut)], kind)
    integers, present = unscaled(column)
    assert [v if p else None for v, p in zip(integers.tolist(), present.tolist(), strict=True)] == values


INTERVALS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20), st.floats(0, 20)), min_size=1, max_size=30)


@given(INTERVALS, st.booleans())
def test_the_rank_range_contains_the_rank(spans: list[tuple[float, float, float]], higher: bool) -> None:
    values = np.array([v for v, _, _ in spans])
    lower, upper = values - np.array([a for _, a, _ in spans]), values + np.array([b for _, _, b in spans])
    order = np.unique(values, return_inverse=True)[1]
    own = ranks(order, higher)
    first, last = rank_ranges(values, lower, upper, higher)
    assert (first >= 1).all()
    assert (first <= own).all()
    assert (own <= last).all()
    assert (last <= len(spans)).all()


def test_intervals_that_touch_nobody_leave_one_rank_open_and_wide_ones_all() -> None:
    value, lower, upper = np.array([71.0, 61.0, 51.0]), np.array([70.0, 60.0, 50.0]), np.array([72.0, 62.0, 52.0])
    assert [r.tolist() for r in rank_ranges(value, lower, upper, True)] == [[1, 2, 3], [1, 2, 3]]
    assert [r.tolist() for r in rank_ranges(value, lower, upper, False)] == [[3, 2, 1], [3, 2, 1]]
    upper[2] = 64.0
    assert [r.tolist() for r in rank_ranges(value, lower, upper, True)] == [[1, 2, 2], [1, 3, 3]]


@pytest.mark.parametrize(("difference", "surely"), [(4.9, False), (5.1, True)])
def test_two_units_differ_surely_if_the_interval_of_their_difference_does_not_hold_zero(
    difference: float, surely: bool
) -> None:
    """Of the upper unit counts how far it can be lower (3), of the lower one how far it can be higher (4)."""
    value = np.array([50.0 + difference, 50.0])
    first, last = rank_ranges(value, value - np.array([3.0, 9.0]), value + np.array([9.0, 4.0]), True)
    assert (first.tolist(), last.tolist()) == (([1, 2], [1, 2]) if surely else ([1, 1], [2, 2]))


@given(st.integers(1, 10**7), st.data())
def test_the_interval_of_a_share_contains_it_and_stays_between_nothing_and_all(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    low, high = wilson(np.array([float(part)]), np.array([float(whole)]))
    assert 0 <= low[0] <= part / whole + 1e-12
    assert part / whole - 1e-12 <= high[0] <= 1


@given(st.integers(0, 10**8))
def test_the_interval_of_a_number_of_events_contains_it(events: int) -> None:
    low, high = byar(np.array([float(events)]))
    assert 0 <= low[0] <= events <= high[0]
    assert low[0] < events or events == 0


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"), [(15, 20, 0.5313, 0.8881), (0, 10, 0.0, 0.2775), (5, 5, 0.5655, 1)]
)
def test_the_interval_of_a_share_is_the_known_one(part: int, whole: int, low: float, high: float) -> None:
    found = wilson(np.array([float(part)]), np.array([float(whole)]))
    assert (round(float(found[0][0]), 4), round(float(found[1][0]), 4)) == (low, high)


@pytest.mark.parametrize(("events", "low", "high"), [(10, 4.795, 18.390), (100, 81.36, 121.63), (0, 0.0, 3.69)])
def test_the_interval_of_a_number_of_events_is_near_the_exact_one(events: int, low: float, high: float) -> None:
    found = byar(np.array([float(events)]))
    assert math.isclose(found[0][0], low, rel_tol=0.01, abs_tol=0.01)
    assert math.isclose(found[1][0], high, rel_tol=0.02)


def test_a_rate_of_events_is_scaled_by_the_mean_of_the_months() -> None:
    z, n, months = np.array([100.0]), np.array([4800.0]), np.array([12.0])
    low, high = interval("events", z, n, months)
    events = byar(z)
    assert low[0] == pytest.approx(events[0][0] / 400 * 100)
    assert high[0] == pytest.approx(events[1][0] / 400 * 100)


def test_a_change_has_no_interval() -> None:
    low, high = interval("none", np.array([1.0, 2.0]), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_more_than_all_is_no_share_but_has_an_interval(whole: int, more: int) -> None:
    low, high = wilson(np.array([float(whole + more)]), np.array([float(whole)]))
    assert 0 <= low[0] <= high[0] <= 1


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("none", {"K1", "K1E1", "K1E2", "K3"}),
        ("proportion", {"K2E3", "K3E2"}),
        ("events", {"K1E3", "K1E4", "K2", "K2E1", "K2E2", "K2E4", "K3E1", "K3E3", "K3E4"}),
    ],
)
def test_what_varies_by_chance_is_told_from_the_sides(kind: str, names: set[str]) -> None:
    indicators = load_catalog().indicators
    assert {n for n, i in indicators.items() for v in i.versions if variation(i, v) == kind} == names
