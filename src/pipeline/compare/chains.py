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


def _least(distance: Ints, present: Bools) -> Ints:
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
    down = _least(values if floor is None else values - floor, present)
    holds = np.ones(values.shape, dtype=bool)
    down_all = np.where(down == _OPEN, 0, down).sum(axis=0)
    up = None if ceiling is None else _least(ceiling - values, present)
    up_all = None if up is None else np.where(up == _OPEN, 0, up).sum(axis=0)
    for calendar_month in range(YEAR):
        concerned = np.zeros(values.shape, dtype=bool)
        concerned[..., calendar_month::YEAR] = secret[..., calendar_month::YEAR]
        concerned = np.logical_or.accumulate(concerned, axis=-1)
        if not concerned.any():
            continue
        down_here = np.where(down[calendar_month] == _OPEN, 0, down[calendar_month])
        if up is None or up_all is None:
            room = down_all
        else:
            up_here = np.where(up[calendar_month] == _OPEN, 0, up[calendar_month])
            room = np.minimum(up_here, down_all - down_here) + np.minimum(down_here, up_all - up_here)
        holds &= ~concerned | (room >= needed)
    return np.asarray(np.logical_and.accumulate(holds, axis=-1), dtype=bool)
