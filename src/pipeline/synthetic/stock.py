"""Who stands in the stock of which office on every Zähltag, with the few deliberate contradictions to the periods.

A row here is a row of the delivery `bestand`; what is counted from it is in `counting`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.model import PAD, Calendar, Columns, Flag, Int, Population, Small, stacked

MISSING_PER_100000 = 90
"""Rows left out although a period covers the Zähltag."""
KEPT_PER_100 = 6
"""Rows kept for one more Zähltag although the period has ended within the 20 days before."""


@dataclass(frozen=True, eq=False)
class Stock(Columns):
    """Rows of the stock, ordered by position, office and person; NEF have `elb` false."""

    person: Int
    office: Small
    bg: Int
    position: Int
    elb: Flag


def mixed(number: Int, position: Int | int, salt: int) -> NDArray[np.uint64]:
    """Return well-mixed 64-bit numbers from person number, position and salt (splitmix64)."""
    x = number.astype(np.uint64) * np.uint64(64) + np.asarray(position).astype(np.uint64)
    x = x + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def stock_of(population: Population, calendar: Calendar, seed: int) -> Stock:
    """Return the stock rows at all positions that a count can ask for: from two months before the first delivery on."""
    people, presence = population.people, population.presence
    stichtag = calendar.stichtag
    limit = PAD + calendar.count
    first = np.maximum(np.searchsorted(stichtag, presence.von, side="left"), PAD - 2)
    after = np.minimum(np.searchsorted(stichtag, presence.bis, side="right"), limit)
    length = np.maximum(after - first, 0)
    row = np.repeat(np.arange(len(presence)), length)
    position = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    rows = _rows(population, row, position, stichtag)
    offices_of = np.zeros(len(people), dtype=np.int64)
    np.bitwise_or.at(offices_of, presence.person, np.int64(1) << (presence.office.astype(np.int64) % 62))
    settled = (offices_of & (offices_of - 1)) == 0
    salt = seed * 8 + 1
    missing = (mixed(people.number[rows.person], rows.position, salt) % np.uint64(100_000)) < MISSING_PER_100000
    rows = rows.take(~(missing & settled[rows.person]))
    next_one = np.clip(np.searchsorted(stichtag, presence.bis, side="right"), 0, len(stichtag) - 1)
    stays = presence.last & settled[presence.person] & (next_one >= PAD - 2) & (next_one < limit)
    stays &= stichtag[next_one] - presence.bis <= 20
    stays &= (mixed(people.number[presence.person], next_one, salt + 1) % np.uint64(100)) < KEPT_PER_100
    extra = np.flatnonzero(stays)
    rows = stacked([rows, _rows(population, extra, next_one[extra], stichtag)])
    order = np.lexsort((rows.person, rows.office, rows.position))
    rows = rows.take(order)
    same = (rows.person[1:] == rows.person[:-1]) & (rows.office[1:] == rows.office[:-1])
    same &= rows.position[1:] == rows.position[:-1]
    return rows.take(~np.concatenate([same, [False]]) if len(rows) else np.zeros(0, dtype=np.bool_))


def _rows(population: Population, row: Int, position: Int, stichtag: Int) -> Stock:
    presence = population.presence
    person = presence.person[row]
    elb = stichtag[position] >= population.people.elb_from[person]
    return Stock(person, presence.office[row], presence.bg[row], position, elb)


def matrix(rows: Stock, chosen: Flag, persons: int, positions: int) -> Flag:
    """Return persons × positions: has one of the chosen rows."""
    found = np.zeros((persons, positions), dtype=np.bool_)
    found[rows.person[chosen], rows.position[chosen]] = True
    return found
