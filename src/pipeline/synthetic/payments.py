"""Entitlements of one month: amounts in cents by legal basis for everybody in stock and for those who left this month.

Amounts follow the Regelbedarf of the year and the office's housing costs; they are invented for each person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.model import FEMALE, MALE, Calendar, Columns, Flag, Int, Office, Population, Small
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
RARE = (("22_2", 1, 9_000), ("22_6", 2, 31_000), ("22_8", 1, 55_000), ("24_1", 8, 14_000), ("24_3", 10, 21_000), ("26", 7, 6_500))
"""Rare legal bases: rows for each thousand persons and month, mean amount in cents."""


@dataclass(frozen=True, eq=False)
class Payments(Columns):
    """Rows of the delivery `leistung`; `person` is -1 where only the unit of need is known."""

    bg: Int
    person: Int
    basis: Small
    cents: Int


def payments_of(
    population: Population, rows: Stock, calendar: Calendar, position: int, office: Office, seed: int
) -> Payments:
    """Return the entitlements of an office in the month at `position`; `rows` is its stock on the Zähltag."""
    people = population.people
    day = int(calendar.stichtag[position])
    year = int(calendar.months[position][:4])
    left, left_bg = _left_this_month(population, rows, day)
    person = np.concatenate([rows.person, left])
    bg = np.concatenate([rows.bg, left_bg])
    elb = np.concatenate([rows.elb, np.ones(len(left), dtype=np.bool_)])
    whole = np.concatenate([np.full(len(rows), 1000), np.full(len(left), 400)])
    age = (day - people.birth[person]) // 365
    lone = (people.lone_from[person] <= day) & (day <= people.lone_until[person])
    heads = np.minimum(people.heads[person], 6)
    regel = REGELBEDARF_EUR[min(max(year, 2011), 2026)] * 100
    share = np.select(
        [~elb & (age < 6), ~elb & (age < 15), people.adult[person] & ((heads == 1) | lone), people.adult[person]],
        [590, 680, 1000, 900],
        800,
    )
    need = regel * share // 1000
    need = np.where(elb, need, np.maximum(need - KINDERGELD_CENTS, 900))
    pay = people.pay_permille[person].astype(np.int64)
    factor = round(office.llu_factor * 1000)
    living = need * pay // 1000 * factor // 1000 * whole // 1000
    growth = round(1000 * 1.014 ** (year - 2017))
    household = (HOUSEHOLD_FACTOR[heads] * office.luh_eur * 100).astype(np.int64)
    housing = household * growth // 1000 // np.maximum(heads, 1) * (400 + 6 * pay // 10) // 1000 * whole // 1000
    parts = [Payments(bg, person, np.where(elb, BASIS["20"], BASIS["23"]).astype(np.int32), living)]
    parts.append(_basis("21", bg, person, need * 36 // 100, lone & elb))
    draw = (mixed(people.number[person], position, seed * 8 + 5) % np.uint64(1000)).astype(np.int64)
    low = 0
    for name, often, cents in RARE:
        parts.append(_basis(name, bg, person, cents * (500 + 7 * pay // 10) // 1000, (draw >= low) & (draw < low + often)))
        low += often
    parts.append(_basis("28", bg, person, np.full(len(bg), 3_500, dtype=np.int64), (age >= 6) & (age < 18) & (draw > 900)))
    if office.anonymous_housing:
        units, inverse = np.unique(bg, return_inverse=True)
        sums = np.bincount(inverse, weights=housing, minlength=len(units)).astype(np.int64)
        parts.append(
            Payments(units, np.full(len(units), -1, dtype=np.int64), np.full(len(units), BASIS["22_1"], dtype=np.int32), sums)
        )
    else:
        parts.append(_basis("22_1", bg, person, housing, np.ones(len(bg), dtype=np.bool_)))
    return Payments(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("bg", "person", "basis", "cents")))


def _left_this_month(population: Population, rows: Stock, day: int) -> tuple[Int, Int]:
    """Return ELB (and their unit) of the office of `rows` who left between the first of the month and the Zähltag."""
    if not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    presence = population.presence
    first = int(month_first(np.array([day]))[0])
    gone = presence.last & (presence.bis >= first) & (presence.bis < day) & (presence.office == rows.office[0])
    gone &= presence.bis >= population.people.elb_from[presence.person]
    there = np.zeros(len(population.people), dtype=np.bool_)
    there[rows.person] = True
    gone &= ~there[presence.person]
    return presence.person[gone], presence.bg[gone]


def _basis(name: str, bg: Int, person: Int, cents: Int, chosen: Flag) -> Payments:
    count = int(chosen.sum())
    return Payments(bg[chosen], person[chosen], np.full(count, BASIS[name], dtype=np.int32), cents[chosen])


def sums_of(payments: Payments, population: Population, known: Flag) -> tuple[NDArray[np.int64], Flag]:
    """Return cents as (llu, luh) × (T, M, F) and which of the two have rows without a person.

    `known`: persons with a row in the stock of this month or the month before, whose sex is therefore known.
    """
    sums = np.zeros((2, 3), dtype=np.int64)
    anonymous = np.zeros(2, dtype=np.bool_)
    named = payments.person >= 0
    person = np.where(named, payments.person, 0)
    sex = population.people.sex[person]
    for i, bases in enumerate((LLU, LUH)):
        mine = np.isin(payments.basis, bases)
        anonymous[i] = bool((mine & ~named).any())
        sums[i, 0] = payments.cents[mine].sum()
        for j, code in enumerate((MALE, FEMALE)):
            sums[i, j + 1] = payments.cents[mine & named & known[person] & (sex == code)].sum()
    return sums, anonymous
