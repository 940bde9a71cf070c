"""Ranks, rank ranges and medians of one indicator within one set of jobcenters.

Everything works on integers that order the exact values; which rows form a set and what they mean is decided elsewhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.compare.exact import Ints, rounded

Floats = npt.NDArray[np.float64]


def ranks(order: Ints, higher_is_better: bool, ties: str = "min") -> Ints:
    """Return ranks from numbers that grow with the value: 1 is best, ties share the smallest rank (1, 2, 2, 4).

    With `ties` max they share the largest (1, 3, 3, 4), with dense no rank is skipped (1, 2, 2, 3).
    """
    keys = -order if higher_is_better else order
    if ties == "dense":
        return np.searchsorted(np.unique(keys), keys, side="left").astype(np.int64) + 1
    if ties == "max":
        return np.searchsorted(np.sort(keys), keys, side="right").astype(np.int64)
    return np.searchsorted(np.sort(keys), keys, side="left").astype(np.int64) + 1


def rank_ranges(value: Floats, lower: Floats, upper: Floats, higher_is_better: bool) -> tuple[Ints, Ints]:
    """Return the ranks that chance leaves open, first and last, of units with values and their intervals.

    First: 1 + units that are surely better. Last: n - units that are surely worse. Of two units the higher is surely so if
    the interval of their difference, made from both intervals (MOVER), lies above zero. Every range holds the rank.
    Source: Zou and Donner, Construction of confidence limits about effect measures, Statistics in Medicine 27 (2008).
    """
    below, above = value - lower, upper - value
    surely_higher = value[:, None] - value[None, :] > np.hypot(below[:, None], above[None, :])
    better = surely_higher.sum(axis=0 if higher_is_better else 1)
    worse = surely_higher.sum(axis=1 if higher_is_better else 0)
    return (1 + better).astype(np.int64), (len(value) - worse).astype(np.int64)


def median_tenths(order: Ints, numerators: list[int], denominators: list[int], *, half_even: bool = False) -> int:
    """Return the median in tenths, rounded last; values are the rationals numerators/denominators, in their order."""
    places = np.argsort(order, kind="stable")
    low, high = int(places[(len(places) - 1) // 2]), int(places[len(places) // 2])
    a, b, c, d = numerators[low], denominators[low], numerators[high], denominators[high]
    return rounded(10 * (a * d + c * b), 2 * b * d, half_even=half_even)
