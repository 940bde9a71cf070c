"""Exact quotients and their one rounding, against Python's fractions and decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.calculate import displayed, percent
from pipeline.calculate.rational import EXACT_BELOW, TooLargeError, nearest_floats, tenths

GERMANY_CENTS = 1_700_000_000 * 100
"""More than all entitlements to subsistence of a month in Germany, in cents."""
SUMS = st.integers(-GERMANY_CENTS, GERMANY_CENTS)


def rounded(value: Fraction) -> Decimal:
    """Round the slow way: half up, away from zero, as school teaches."""
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        found = exact.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return found if found else Decimal("0.0")


def one(numerator: int, denominator: int, months: int = 1, change: bool = False) -> tuple[int, int]:
    over, under = percent(np.array([numerator]), np.array([denominator]), months, change=change)
    return int(over[0]), int(under[0])


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        (Fraction(7425, 100), "74.3"),
        (Fraction(-7425, 100), "-74.3"),
        (Fraction(7424999, 100000), "74.2"),
        (Fraction(-5, 100), "-0.1"),
        (Fraction(-49, 1000), "0.0"),
        (Fraction(5, 100), "0.1"),
        (Fraction(0), "0.0"),
        (Fraction(-1, 10**15), "0.0"),
        (Fraction(265, 100), "2.7"),
        (Fraction(1, 3), "0.3"),
        (Fraction(2, 3), "0.7"),
        (Fraction(10 * 10**12 + 5, 10**2), "100000000000.1"),
    ],
)
def test_a_value_is_shown_with_one_decimal_ties_away_from_zero(exact: Fraction, shown: str) -> None:
    assert str(displayed(exact)) == shown


def test_ties_are_seen_in_the_exact_value_where_the_float_lies_beside_it() -> None:
    assert Fraction(1.15) < Fraction(115, 100)
    assert displayed(Fraction(115, 100)) == Decimal("1.2")
    assert Fraction(0.35) < Fraction(35, 100)
    assert displayed(Fraction(35, 100)) == Decimal("0.4")


@given(st.integers(-(10**14), 10**14), st.integers(1, 10**14))
def test_the_shown_value_is_what_decimal_arithmetic_rounds_to(numerator: int, denominator: int) -> None:
    value = Fraction(numerator, denominator)
    assert str(displayed(value)) == str(rounded(value))


@given(st.integers(-(10**9), 10**9))
def test_every_tie_is_rounded_away_from_zero(n: int) -> None:
    tie = Fraction(2 * n + 1, 20)
    assert abs(Fraction(displayed(tie))) - abs(tie) == Fraction(1, 20)


@given(SUMS, SUMS.filter(bool), st.sampled_from((1, 12)))
def test_a_rate_is_the_exact_quotient_by_the_mean_of_the_months(z: int, n: int, months: int) -> None:
    exact = Fraction(z) / Fraction(n, months) * 100
    over, under = one(z, n, months)
    assert under > 0
    assert Fraction(over, under) == exact
    assert Fraction(int(tenths(np.array([over]), np.array([under]))[0]), 10) == Fraction(rounded(exact))


@given(SUMS, SUMS.filter(bool))
def test_a_change_is_the_exact_quotient_less_one(z: int, n: int) -> None:
    assert Fraction(*one(z, n, change=True)) == (Fraction(z, n) - 1) * 100


@given(SUMS, SUMS.filter(bool), st.sampled_from((1, 12)), st.booleans())
def test_the_float_is_the_nearest_to_the_exact_value(z: int, n: int, months: int, change: bool) -> None:
    over, under = one(z, n, 1 if change else months, change)
    found = float(nearest_floats(np.array([over]), np.array([under]))[0])
    assert found == float(Fraction(over, under))
    assert str(found) != "-0.0"


def test_a_value_of_zero_is_never_negative() -> None:
    over, under = percent(np.array([0, 0, 5]), np.array([7, -7, 5]), 1, change=False)
    assert [str(f) for f in nearest_floats(over, under)[:2]] == ["0.0", "0.0"]
    over, under = percent(np.array([5, -5]), np.array([5, -5]), 1, change=True)
    assert [str(f) for f in nearest_floats(over, under)] == ["0.0", "0.0"]
    assert tenths(over, under).tolist() == [0, 0]


def test_a_denominator_of_zero_stays_zero() -> None:
    assert one(5, 0)[1] == 0
    assert one(5, 0, change=True)[1] == 0


def test_all_of_germany_over_twelve_months_is_divided_exactly() -> None:
    z, n = GERMANY_CENTS, GERMANY_CENTS * 12 - 1
    over, under = one(z, n, 12)
    assert Fraction(over, under) == Fraction(z * 1200, n)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("months", "change"), [(1, False), (12, False), (1, True)])
def test_what_cannot_be_divided_exactly_is_an_error_and_never_a_wrong_figure(
    months: int, change: bool, sign: int
) -> None:
    largest = (EXACT_BELOW - 1) // (100 * months)
    one(largest * sign, 1, months)
    with pytest.raises(TooLargeError):
        one((largest + 1) * sign, 1, months, change)
    with pytest.raises(TooLargeError):
        one(1, (largest + 1) * sign, months, change)


@given(
    st.integers(-EXACT_BELOW // 100, EXACT_BELOW // 100),
    st.integers(-EXACT_BELOW // 100, EXACT_BELOW // 100).filter(bool),
)
def test_at_the_edge_of_what_fits_the_float_is_still_the_nearest(z: int, n: int) -> None:
    try:
        over, under = one(z, n, change=True)
    except TooLargeError:
        return
    exact = (Fraction(z, n) - 1) * 100
    assert Fraction(over, under) == exact
    assert float(nearest_floats(np.array([over]), np.array([under]))[0]) == float(exact)
    assert Fraction(int(tenths(np.array([over]), np.array([under]))[0]), 10) == Fraction(rounded(exact))


def test_no_rows_are_no_error() -> None:
    over, under = percent(np.array([], np.int64), np.array([], np.int64), 12, change=False)
    assert len(over) == len(under) == 0
