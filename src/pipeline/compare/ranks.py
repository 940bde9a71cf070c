"""Ranks, rank ranges and medians of one indicator within one set of jobcenters.

Everything works on integers that order the exact values; which rows form a set and what they mean is decided elsewhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.compare.exact import Ints, rounded

Floats = npt.NDArray[np.float64]


def ranks(order: Ints, higher_is_better: bool) -> Ints:
    """Return ranks from numbers that grow with the value: 1 is best, ties share the smallest rank (1, 2, 2, 4)."""
    keys = -order if higher_is_better else order
    return np.searchsorted(np.sort(keys), keys, side="left").astype(np.int64) + 1


def rank_ranges(lower: Floats, upper: Floats, higher_is_better: bool) -> tuple[Ints, Ints]:
    """Return the ranks that the intervals leave open, first and last.

    First: 1 + units whose interval lies entirely on the better side. Last: n - units whose interval lies entirely on
    the worse side. As every interval holds its value, every range holds the rank.
    """
    count = len(lower)
    above = count - np.searchsorted(np.sort(lower), upper, side="right")
    below = np.searchsorted(np.sort(upper), lower, side="left")
    better, worse = (above, below) if higher_is_better else (below, above)
    return (1 + better).astype(np.int64), (count - worse).astype(np.int64)


def median_tenths(order: Ints, numerators: list[int], denominators: list[int]) -> int:
    """Return the median in tenths, rounded last; values are the rationals numerators/denominators, in their order."""
    places = np.argsort(order, kind="stable")
    low, high = int(places[(len(places) - 1) // 2]), int(places[len(places) // 2])
    a, b, c, d = numerators[low], denominators[low], numerators[high], denominators[high]
    return rounded(10 * (a * d + c * b), 2 * b * d)
