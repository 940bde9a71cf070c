"""Exact quotients and their one rounding: integers in, the displayed decimal and the nearest float out.

All arithmetic is on 64-bit integers that are checked to stay below 2^53, where conversion to float64 is exact and one
division is correctly rounded.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
EXACT_BELOW = 1 << 53


class TooLargeError(OverflowError):
    """A sum is too large for exact arithmetic on 64-bit integers."""


def percent(numerator: Ints, denominator: Ints, months: int, *, change: bool) -> tuple[Ints, Ints]:
    """Return exact percentages as (numerators, non-negative denominators); a denominator of zero stays zero.

    A rate is Z / (N / months) · 100, a change is (Z/N - 1) · 100 (methodology 3.4). Raises TooLargeError.
    """
    factor = 100 if change else 100 * months
    if max(_largest(numerator), _largest(denominator)) * factor >= EXACT_BELOW:
        raise TooLargeError("a sum exceeds what can be divided exactly")
    over = (numerator - denominator) * 100 if change else numerator * factor
    sign = np.where(denominator < 0, -1, 1)
    return over * sign, denominator * sign


def _largest(values: Ints) -> int:
    return int(np.abs(values).max()) if values.size else 0


def tenths(over: Ints, under: Ints, *, half_even: bool = False) -> Ints:
    """Return over/under in tenths, ties away from zero or to the even tenth; where `under` is zero the result means nothing."""
    divisor = np.where(under == 0, 1, under)
    magnitude, rest = np.divmod(20 * np.abs(over) + divisor, 2 * divisor)
    if half_even:
        magnitude = magnitude - ((rest == 0) & (magnitude % 2 == 1))
    result: Ints = np.where(over >= 0, magnitude, -magnitude)
    return result


def nearest_floats(over: Ints, under: Ints) -> npt.NDArray[np.float64]:
    """Return the float64 nearest to each over/under, never -0.0; where `under` is zero the result means nothing."""
    divisor = np.where(under == 0, 1, under)
    result: npt.NDArray[np.float64] = over / divisor + 0.0
    return result


def displayed(value: Fraction) -> Decimal:
    """Return a value with one decimal, ties rounded away from zero, never -0.0."""
    whole = tenths(np.array([value.numerator]), np.array([value.denominator]))
    return Decimal(int(whole[0])).scaleb(-1)
