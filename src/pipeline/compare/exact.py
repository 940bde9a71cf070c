"""Exact numbers of the comparison: decimal columns as integers, rounding half away from zero on rationals.

No ranks and no statistics belong here; floats appear nowhere in this module.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.store.decimals import decimal_array

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def decimals(values: Ints, present: Bools, kind: pa.Decimal128Type) -> pa.Array:
    """Return integers in units of the last decimal as a decimal128 column; where not present, missing."""
    return decimal_array(values, present, kind.precision, kind.scale)


def rounded(numerator: int, denominator: int, *, half_even: bool = False) -> int:
    """Return the quotient as the nearest integer, ties away from zero or to the even one; the denominator is positive."""
    quotient, rest = divmod(2 * abs(numerator) + denominator, 2 * denominator)
    if half_even and rest == 0:
        quotient -= quotient % 2
    return quotient if numerator >= 0 else -quotient


def dense_order(numerators: Sequence[int], denominators: Sequence[int]) -> Ints:
    """Return for each rational its place among the distinct values, 0 for the smallest; equal values share a place.

    Different rationals differ by at least 1/(b*d). Scaled by 2**k, k above twice the bits of the longest denominator,
    they have different integer floors in the same order, and equal ones have the same.
    """
    if not numerators:
        return np.zeros(0, dtype=np.int64)
    shift = 2 * max(d.bit_length() for d in denominators) + 1
    keys = [(n << shift) // d for n, d in zip(numerators, denominators, strict=True)]
    place = {key: i for i, key in enumerate(sorted(set(keys)))}
    return np.array([place[key] for key in keys], dtype=np.int64)
