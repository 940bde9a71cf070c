"""When units of need are in receipt of benefits: entries, lengths, returns, short interruptions and moves.

Works on whole units of need (rows of `Spells`); who lives in them is decided in `households`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.model import PAD, Calendar, Columns, Flag, Int, Office, Small

SHORT_MONTHS, LONG_MONTHS = 8.3, 136.0
SHORT_STOCK_SHARE, SHORT_ENTRY_SHARE = 0.205, 0.809
RETURN_PROBABILITY = 0.33
RETURN_GAP_DAYS = 150.0
SAFE_GAP_DAYS = 80
"""Between two stays of a unit of need at least this long: no window of a month sees two entries or two exits."""
INTERRUPTIONS_PER_YEAR = 0.07
DECLINE_BY_LEAVING = 0.5
AGEING_PER_MONTH = 0.0022
"""Share of the stock lost to the pension age and to children who turn 25, net of children who turn 15."""
EDGE_DAYS = 50
SGB2_BEGIN = 12_784
"""1 January 2005."""
MONTH_DAYS = 30.44


@dataclass(frozen=True, eq=False)
class Spells(Columns):
    """One row per unbroken period of a unit of need; `sequence` numbers them, `last` marks those that end by leaving."""

    household: Int
    sequence: Int
    office: Small
    von: Int
    bis: Int
    last: Flag


def calendar_month(days: Int) -> Int:
    """Return the calendar month 0 … 11 of days since 1970-01-01."""
    return (days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)) % 12


def month_first(days: Int) -> Int:
    """Return the first day of the calendar month."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def month_last(days: Int) -> Int:
    """Return the last day of the calendar month."""
    months = days.astype("datetime64[D]").astype("datetime64[M]") + 1
    return months.astype("datetime64[D]").astype(np.int64) - 1


def decline_of(wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the additional probability of leaving in every window: most of a falling stock's decline, else 0."""
    fall = 1 - wanted[1:] / wanted[:-1]
    return np.concatenate([[0.0], np.maximum(fall, 0) * DECLINE_BY_LEAVING])


def _leaving_early(
    rng: np.random.Generator, calendar: Calendar, decline: NDArray[np.float64], spells: Spells
) -> Spells:
    """End spells earlier where the stock declines: the same additional risk for all who are in receipt."""
    risk = np.concatenate([np.cumsum(decline), [np.inf]])
    at = np.searchsorted(calendar.stichtag, np.maximum(spells.von, calendar.begin), side="left")
    threshold = risk[np.maximum(at, 0)] + rng.standard_exponential(len(spells))
    leave = np.searchsorted(risk, threshold, side="left")
    inside = (leave < len(decline)) & (leave > 0)
    lower = calendar.stichtag[np.clip(leave - 1, 0, len(decline) - 1)]
    day = lower + 1 + rng.integers(0, 28, len(spells))
    return spells.with_column(bis=np.where(inside, np.minimum(spells.bis, np.maximum(day, spells.von)), spells.bis))


def entries_needed(wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the new units of need of every window so that the expected stock follows `wanted` (units of need, by position).

    Two groups leave with constant probability; a part of them returns later and needs no new entry.
    """
    means = np.array([SHORT_MONTHS, LONG_MONTHS])
    leave = 1 - np.exp(-1 / means)
    remain = (1 - AGEING_PER_MONTH) * (1 - decline_of(wanted))
    stock = wanted[0] * np.array([SHORT_STOCK_SHARE, 1 - SHORT_STOCK_SHARE])
    waiting = np.zeros(2)
    share = np.array([SHORT_ENTRY_SHARE, 1 - SHORT_ENTRY_SHARE])
    rate = 1 / ((SAFE_GAP_DAYS + RETURN_GAP_DAYS) / MONTH_DAYS)
    new = np.zeros(len(wanted))
    for position in range(1, len(wanted)):
        exits = stock * leave
        back = waiting * rate
        waiting = waiting + exits * RETURN_PROBABILITY - back
        stock = (stock - exits + back) * remain[position]
        new[position] = max(0.0, wanted[position] - stock.sum())
        stock = stock + new[position] * share
    return new


def _lengths(rng: np.random.Generator, long_term: Flag) -> Int:
    mean = np.where(long_term, LONG_MONTHS, SHORT_MONTHS) * MONTH_DAYS
    return (rng.standard_exponential(len(long_term)) * mean).astype(np.int64) + 3


def draw_spells(
    rng: np.random.Generator, calendar: Calendar, office: Office, index: int, share: float, elb_per_bg: float
) -> tuple[Spells, Flag]:
    """Return the spells of `share` of an office's units of need and which units belong to the long-term group.

    The stock at the beginning of the calendar has its past; later units enter in the window that needs them.
    """
    wanted = office.elb * share / elb_per_bg
    initial = int(wanted[0] + rng.random())
    arriving = np.floor(entries_needed(wanted) + rng.random(len(wanted))).astype(np.int64)
    lower = np.concatenate([[0], calendar.stichtag[:-1] + 1])
    window = np.repeat(np.arange(len(wanted)), arriving)
    width = (calendar.stichtag - lower + 1)[window]
    count = initial + len(window)
    long_term = rng.random(count) >= np.where(np.arange(count) < initial, SHORT_STOCK_SHARE, SHORT_ENTRY_SHARE)
    entry = np.full(count, calendar.begin, dtype=np.int64)
    entry[initial:] = lower[window] + np.floor(rng.random(len(window)) * width).astype(np.int64)
    snap = rng.random(count) < 0.5
    entry[initial:] = np.where(snap[initial:], month_first(entry[initial:]), entry[initial:])
    past = _lengths(rng, long_term)
    von = np.where(np.arange(count) < initial, np.maximum(entry - past, SGB2_BEGIN), entry)
    bis = entry + _lengths(rng, long_term)
    rows = [(np.arange(count), np.ones(count, dtype=np.int64), von, _month_end(rng, bis))]
    before = rng.random(count) < 0.3
    gap = SAFE_GAP_DAYS + (rng.standard_exponential(count) * RETURN_GAP_DAYS).astype(np.int64)
    earlier = von - gap
    first = np.maximum(earlier - 30 - _lengths(rng, long_term), SGB2_BEGIN)
    before &= first < earlier
    rows.append((np.arange(count)[before], np.zeros(int(before.sum()), dtype=np.int64), first[before], earlier[before]))
    end, alive = rows[0][3], np.arange(count)
    for sequence in (2, 3):
        back = rng.random(len(alive)) < RETURN_PROBABILITY
        alive, end = alive[back], end[back]
        von = end + SAFE_GAP_DAYS + (rng.standard_exponential(len(alive)) * RETURN_GAP_DAYS).astype(np.int64)
        end = _month_end(rng, von + 10 + _lengths(rng, long_term[alive]))
        rows.append((alive, np.full(len(alive), sequence, dtype=np.int64), von, end))
    household, sequence_, von, bis = (np.concatenate(c) for c in zip(*rows, strict=True))
    keep = (bis >= von) & (von <= calendar.end) & (bis >= calendar.begin - 1100)
    spells = Spells(
        household.astype(np.int64),
        sequence_ * 10,
        np.full(len(von), index, dtype=np.int32),
        von,
        bis,
        np.ones(len(von), dtype=np.bool_),
    ).take(keep)
    spells = _leaving_early(rng, calendar, decline_of(wanted), spells)
    spells = spells.take(np.lexsort((spells.von, spells.household)))
    for _ in range(2):
        spells = interrupted(rng, calendar, spells)
    return spells, long_term


def _month_end(rng: np.random.Generator, bis: Int) -> Int:
    """Return the ends, half of them moved to the end of their month."""
    return np.where(rng.random(len(bis)) < 0.5, month_last(bis), bis)


def _split(spells: Spells, rows: Flag, last_day: Int, next_day: Int, office: Small, step: int) -> Spells:
    """Cut the marked spells: the first part ends on `last_day`, the second starts on `next_day` in `office`."""
    second = spells.take(rows)
    second = second.with_column(sequence=second.sequence + step, von=next_day[rows], office=office[rows])
    first = spells.with_column(bis=np.where(rows, last_day, spells.bis), last=np.where(rows, False, spells.last))
    both = Spells(
        *(
            np.concatenate([getattr(first, n), getattr(second, n)])
            for n in ("household", "sequence", "office", "von", "bis", "last")
        )
    )
    return both.take(np.lexsort((both.von, both.household)))


def interrupted(rng: np.random.Generator, calendar: Calendar, spells: Spells) -> Spells:
    """Interrupt some spells once: gaps of 1 to 20 days, most around a Zähltag, and changes of the unit of need without gap."""
    low = np.maximum(spells.von + EDGE_DAYS, calendar.begin - 740)
    high = np.minimum(spells.bis - EDGE_DAYS - 25, calendar.end)
    room = np.maximum(high - low, 0)
    count = len(room)
    chosen = rng.random(count) < room / 365.25 * INTERRUPTIONS_PER_YEAR / 2
    day = low + np.floor(rng.random(count) * room).astype(np.int64)
    kind = rng.random(count)
    gap = np.where(kind < 0.5, rng.integers(1, 8, count), rng.integers(8, 21, count))
    near = np.minimum(np.searchsorted(calendar.stichtag, day), len(calendar.stichtag) - 1)
    begin = calendar.stichtag[near] - np.floor(rng.random(count) * gap).astype(np.int64)
    around = (rng.random(count) < 0.6) & (begin >= low) & (begin <= high)
    day = np.where(around, begin, day)
    gap = np.where(kind >= 0.8, -np.where(kind < 0.92, 0, rng.integers(1, 11, count)), gap)
    return _split(spells, chosen, day - 1, day + gap, spells.office, 1)


def moved(rng: np.random.Generator, calendar: Calendar, spells: Spells, destination: Small) -> Spells:
    """Let units of need move to the office `destination` (by household): most without gap, some with gap or overlap.

    Every unit moves at most once, in a delivered month and in the middle of a spell; those without such a spell stay.
    """
    low = np.maximum(spells.von + EDGE_DAYS, int(calendar.stichtag[PAD - 1]))
    high = np.minimum(spells.bis - EDGE_DAYS - 25, int(calendar.stichtag[-PAD - 1]))
    possible = high > low
    order = rng.random(len(spells))
    best = np.full(len(destination), 2.0)
    np.minimum.at(best, spells.household[possible], order[possible])
    chosen = possible & (order == best[spells.household])
    day = low + np.floor(rng.random(len(spells)) * np.maximum(high - low, 1)).astype(np.int64)
    day = np.where(rng.random(len(spells)) < 0.6, month_first(day), day)
    chosen &= day - spells.von >= EDGE_DAYS - 10
    kind = rng.random(len(spells))
    gap = np.where(
        kind < 0.7, 0, np.where(kind < 0.8, rng.integers(1, 8, len(spells)), rng.integers(8, 31, len(spells)))
    )
    gap = np.where(kind > 0.93, -rng.integers(1, 21, len(spells)), gap)
    target = destination[spells.household]
    when = np.full(len(destination), np.iinfo(np.int64).max)
    when[spells.household[chosen]] = day[chosen]
    result = _split(spells, chosen, day - 1, day + gap, target, 5)
    later = result.von >= when[result.household]
    return result.with_column(office=np.where(later, destination[result.household], result.office).astype(np.int32))
