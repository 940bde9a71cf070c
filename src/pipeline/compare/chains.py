"""What sums over twelve months give away about single months, and when they give away too much.

Sums of neighbouring months differ by x(m) - x(m-12). Whoever knows all sums of a series therefore knows, for each calendar
month, how its counts differ from year to year; unknown is only how far all of them can be shifted together. This module
measures that freedom; what follows from it is decided in `secrecy`.
"""

from __future__ import annotations

import numpy as np

from pipeline.compare.exact import Bools, Ints

YEAR = 12
_OPEN = np.iinfo(np.int32).max
"""Larger than any shift of counts that we look at, small enough to be added twelve times."""
FAR = _OPEN - 1
"""How far counts can be shifted that nothing limits."""


def any_in_year(marked: Bools) -> Bools:
    """Return for each month (last axis) whether one of the twelve months that end with it is marked."""
    total: Ints = np.cumsum(marked, axis=-1, dtype=np.int64)
    return np.asarray(total > _delayed(total), dtype=bool)


def year_sums(values: Ints, present: Bools) -> tuple[Ints, Bools]:
    """Return sums over the twelve months that end with each month, and where all twelve are present."""
    total: Ints = np.cumsum(np.where(present, values, 0), axis=-1)
    count: Ints = np.cumsum(present, axis=-1, dtype=np.int64)
    return total - _delayed(total), np.asarray(count - _delayed(count) == YEAR, dtype=bool)


def _delayed(total: Ints) -> Ints:
    """Return running totals as they stood twelve months before, 0 before the first."""
    before = np.zeros_like(total)
    before[..., YEAR:] = total[..., :-YEAR]
    return before


def least(distance: Ints, present: Bools) -> Ints:
    """Return [calendar month, ..., month]: the smallest distance so far in that calendar month (_OPEN: none yet)."""
    capped = np.where(present, np.minimum(distance, _OPEN), _OPEN)
    out = np.full((YEAR, *distance.shape), _OPEN, dtype=np.int64)
    for calendar_month in range(YEAR):
        chosen = out[calendar_month]
        chosen[..., calendar_month::YEAR] = capped[..., calendar_month::YEAR]
        np.minimum.accumulate(chosen, axis=-1, out=chosen)
    return out


def freedom_holds(
    values: Ints, present: Bools, secret: Bools, needed: int, *, floor: Ints | None = None, ceiling: Ints | None = None
) -> Bools:
    """Return for each month whether all sums up to it may be known: every secret count so far keeps `needed` room.

    Counts can shift down to `floor` (default 0) and up to `ceiling` (default: without limit), each calendar month as a
    whole, one calendar month down by what another goes up. Room is how far a calendar month can go down plus how far it
    can go up; a month's count then has room + 1 possible values. Missing months leave less to know and are passed over.
    """
    down = _seen(least(values if floor is None else values - floor, present))
    up = np.full_like(down, FAR) if ceiling is None else _seen(least(ceiling - values, present))
    enough = rooms(down, up) >= needed
    return all_movable(enough, secret)


def _seen(distance: Ints) -> Ints:
    return np.where(distance == _OPEN, 0, distance)


def rooms(down: Ints, up: Ints) -> Ints:
    """Return [calendar month, ..., month] how many further values its counts have that can go so far down and up.

    Both are of that shape. What one calendar month goes up, others go down, as no sum over twelve months may change.
    """
    down_others, up_others = down.sum(axis=0) - down, up.sum(axis=0) - up
    return np.asarray(np.minimum(up, down_others) + np.minimum(down, up_others), dtype=np.int64)


def all_movable(movable: Bools, secret: Bools) -> Bools:
    """Return for each month whether every secret count up to it can be moved; `movable` is [calendar month, ..., month]."""
    holds = np.ones(secret.shape, dtype=bool)
    for calendar_month in range(YEAR):
        concerned = np.zeros(secret.shape, dtype=bool)
        concerned[..., calendar_month::YEAR] = secret[..., calendar_month::YEAR]
        holds &= ~np.logical_or.accumulate(concerned, axis=-1) | movable[calendar_month]
    return np.asarray(np.logical_and.accumulate(holds, axis=-1), dtype=bool)
