"""Entitlements month by month: amounts in cents by legal basis for everybody in stock and for those who left this month.

Amounts follow the Regelbedarf of the year and the office's housing costs; they are invented for each person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.model import (
    FEMALE,
    MALE,
    UNKNOWN,
    Calendar,
    Columns,
    Flag,
    Int,
    Population,
    Small,
    Unit,
    stacked,
)
from pipeline.synthetic.plan import Plan
from pipeline.synthetic.receipt import month_first
from pipeline.synthetic.stock import Stock, mixed

RECHTSGRUNDLAGEN = ("20", "21", "22_1", "22_2", "22_6", "22_8", "23", "24_1", "24_3", "26", "28")
BASIS = {name: i for i, name in enumerate(RECHTSGRUNDLAGEN)}
LLU = tuple(BASIS[b] for b in ("20", "21", "23", "24_1"))
LUH = tuple(BASIS[b] for b in ("22_1", "22_2", "22_6", "22_8"))
REGELBEDARF_EUR = {
    **{2011: 364, 2012: 374, 2013: 382, 2014: 391, 2015: 399, 2016: 404, 2017: 409, 2018: 416, 2019: 424},
    **{2020: 432, 2021: 446, 2022: 449, 2023: 502, 2024: 563, 2025: 563, 2026: 563},
}
KINDERGELD_CENTS = 19_200
HOUSEHOLD_FACTOR = np.array([0.8, 0.8, 1.02, 1.2, 1.38, 1.55, 1.7])
RARE = (
    ("22_2", 1, 9_000),
    ("22_6", 2, 31_000),
    ("22_8", 1, 55_000),
    ("24_1", 8, 14_000),
    ("24_3", 10, 21_000),
    ("26", 7, 6_500),
)
"""Rare legal bases: rows for each thousand persons and month, mean amount in cents."""


@dataclass(frozen=True, eq=False)
class Payments(Columns):
    """Rows of the delivery `leistung`, ordered by position; `person` is -1 where only the unit of need is known."""

    position: Int
    bg: Int
    person: Int
    basis: Small
    cents: Int


def payments_of(plan: Plan, population: Population, rows: Stock, own_rows: Flag, unit: Unit, span: range) -> Payments:
    """Return the entitlements of a unit in the months of `span`; `rows` is its stock there, `own_rows` who has such a row."""
    people, calendar = population.people, plan.calendar
    left, left_at = _left_this_month(population, own_rows, calendar, unit, span)
    presence = population.presence
    person = np.concatenate([rows.person, presence.person[left]])
    bg = np.concatenate([rows.bg, presence.bg[left]])
    position = np.concatenate([rows.position, left_at])
    office = np.concatenate([rows.office, presence.office[left]])
    elb = np.concatenate([rows.elb, np.ones(len(left), dtype=np.bool_)])
    whole = np.concatenate([np.full(len(rows), 1000), np.full(len(left), 400)])
    day = calendar.stichtag[position]
    years = np.array([int(m[:4]) for m in calendar.months])
    age = (day - people.birth[person]) // 365
    lone = (people.lone_from[person] <= day) & (day <= people.lone_until[person])
    heads = np.minimum(people.heads[person], 6)
    regel = np.array([REGELBEDARF_EUR[min(max(y, 2011), 2026)] * 100 for y in years.tolist()])[position]
    adult = people.adult[person]
    share = np.full(len(person), 800, dtype=np.int64)
    share[adult] = np.where((heads == 1) | lone, 1000, 900)[adult]
    share[~elb] = np.where(age < 6, 590, 680)[~elb]
    need = regel * share // 1000
    need = np.where(elb, need, np.maximum(need - KINDERGELD_CENTS, 900))
    pay = people.pay_permille[person].astype(np.int64)
    factor = np.array([round(o.llu_factor * 1000) for o in plan.offices])[office]
    living = need * pay // 1000 * factor // 1000 * whole // 1000
    growth = np.array([round(1000 * 1.014 ** (y - 2017)) for y in years.tolist()])[position]
    rent = np.array([np.floor(HOUSEHOLD_FACTOR * o.luh_eur * 100) for o in plan.offices]).astype(np.int64)
    household = rent[office, heads]
    housing = household * growth // 1000 // np.maximum(heads, 1) * (400 + 6 * pay // 10) // 1000 * whole // 1000
    draw = (mixed(people.number[person], position, plan.seed * 8 + 5) % np.uint64(1000)).astype(np.int64)
    everyone = np.arange(len(person))
    parts: list[tuple[Int, str, Int]] = [
        (np.flatnonzero(elb), "20", living),
        (np.flatnonzero(~elb), "23", living),
        (np.flatnonzero(lone & elb), "21", need * 36 // 100),
        (np.flatnonzero((age >= 6) & (age < 18) & (draw > 900)), "28", np.full(len(person), 3_500)),
    ]
    low = 0
    for name, often, cents in RARE:
        chosen = np.flatnonzero((draw >= low) & (draw < low + often))
        parts.append((chosen, name, cents * (500 + 7 * pay // 10) // 1000))
        low += often
    nameless = np.array([o.anonymous_housing for o in plan.offices])[office]
    parts.append((everyone[~nameless], "22_1", housing))
    chosen = np.concatenate([p[0] for p in parts])
    basis = np.repeat([BASIS[p[1]] for p in parts], [len(p[0]) for p in parts]).astype(np.int32)
    paid = Payments(position[chosen], bg[chosen], person[chosen], basis, np.concatenate([p[2][p[0]] for p in parts]))
    if nameless.any():
        paid = stacked([paid, _by_unit_of_need(position[nameless], bg[nameless], housing[nameless])])
    return paid.take(np.argsort(paid.position, kind="stable"))


def _by_unit_of_need(position: Int, bg: Int, housing: Int) -> Payments:
    """Return housing entitlements of whole units of need, without a person."""
    order = np.lexsort((bg, position))
    position, bg, housing = position[order], bg[order], housing[order]
    new = np.concatenate([[True], (bg[1:] != bg[:-1]) | (position[1:] != position[:-1])])
    at = np.flatnonzero(new)
    return Payments(
        position[at],
        bg[at],
        np.full(len(at), -1, dtype=np.int64),
        np.full(len(at), BASIS["22_1"], dtype=np.int32),
        np.add.reduceat(housing, at),
    )


def _left_this_month(
    population: Population, own_rows: Flag, calendar: Calendar, unit: Unit, span: range
) -> tuple[Int, Int]:
    """Return (row of presence, position) of ELB who left between the first of a month and its Zähltag."""
    presence = population.presence
    at = np.searchsorted(calendar.stichtag, presence.bis, side="right")
    inside = presence.last & (at >= span.start) & (at < span.stop) & np.isin(presence.office, unit.offices)
    inside &= presence.bis >= population.people.elb_from[presence.person]
    row = np.flatnonzero(inside)
    position = at[row].astype(np.int64)
    this_month = presence.bis[row] >= month_first(calendar.stichtag)[position]
    unpaid = ~own_rows[presence.person[row], position]
    return row[this_month & unpaid], position[this_month & unpaid]


def sums_of(payments: Payments, population: Population, known: Flag, positions: int) -> tuple[Int, Flag]:
    """Return cents as positions × (llu, luh) × (T, M, F) and which of the two have rows without a person.

    `known` (persons × positions): a row in the stock of the month or the month before, so that the sex is known.
    """
    sums = np.zeros((positions, 2, 3), dtype=np.int64)
    anonymous = np.zeros(2, dtype=np.bool_)
    named = payments.person >= 0
    person = np.where(named, payments.person, 0)
    sex = np.where(named & known[person, payments.position], population.people.sex[person], UNKNOWN)
    for i, bases in enumerate((LLU, LUH)):
        mine = np.isin(payments.basis, bases)
        anonymous[i] = bool((mine & ~named).any())
        for j, chosen in enumerate((mine, mine & (sex == MALE), mine & (sex == FEMALE))):
            at = payments.position[chosen]
            sums[:, i, j] = np.bincount(at, weights=payments.cents[chosen], minlength=positions).astype(np.int64)
    return sums, anonymous
