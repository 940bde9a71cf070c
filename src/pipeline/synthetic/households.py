"""Who lives in a unit of need: composition, sex, age, lone parents, and each member's presence in receipt.

Draws people for spells of units of need; what the people do (jobs, measures) is drawn in `activity` and `employment`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.model import (
    DIVERSE,
    FAR,
    FEMALE,
    MALE,
    UNKNOWN,
    Calendar,
    Flag,
    Int,
    Office,
    People,
    Presence,
)
from pipeline.synthetic.receipt import Spells

SINGLE, LONE_PARENT, COUPLE, FAMILY = 0, 1, 2, 3
YEAR = 365.25
CHILDREN_LONE, CHILDREN_FAMILY = (0.55, 0.30, 0.11, 0.04), (0.34, 0.36, 0.19, 0.11)
"""Shares of units of need with 1, 2, 3 and 4 children."""
PENSION_AGE_DAYS = round(65.5 * YEAR)
BG_PER_OFFICE = 100_000_000
WOMEN_LONE = 0.93


@dataclass(frozen=True)
class Mix:
    """Shares of the four kinds of units of need, ELB for each unit of need, and women among singles."""

    shares: tuple[float, float, float, float]
    elb_per_bg: float
    women_single: float


def mix_of(office: Office) -> Mix:
    """Return the composition of an office's units of need from its official shares."""
    young = 0.26
    children_lone = sum((i + 1) * s for i, s in enumerate(CHILDREN_LONE))
    children_family = sum((i + 1) * s for i, s in enumerate(CHILDREN_FAMILY))
    single = office.single_bg
    lone = min(office.lone * 1.36, office.child_bg * 0.8)
    family = max(office.child_bg - lone, 0.02)
    couple = max(1 - single - lone - family, 0.02)
    total = single + lone + family + couple
    single, lone, couple, family = single / total, lone / total, couple / total, family / total
    adults = single + lone + 2 * (couple + family)
    youths = young * (lone * children_lone + family * children_family)
    elb = (adults + youths) * 1.022
    women = (office.women * elb - couple - family - WOMEN_LONE * lone - youths / 2) / single
    return Mix((single, lone, couple, family), elb, min(max(women, 0.2), 0.6))


def _ages(rng: np.random.Generator, kind: Int, office: Office) -> NDArray[np.float64]:
    """Return the age in years of the main person on the day of the first spell."""
    count = len(kind)
    band, inside = rng.random(count), rng.random(count)
    under = min(office.under_25 * 0.9, 0.3)
    single = np.where(
        band < under,
        18 + 7 * inside,
        np.where(band < 1 - office.over_55 * 1.3, 25 + 30 * inside, 55 + 9 * inside),
    )
    parent = 20 + 30 * inside**1.2
    couple = 28 + 36 * inside**0.8
    return np.select([kind == SINGLE, kind == COUPLE], [single, couple], parent)


def draw_people(
    rng: np.random.Generator,
    calendar: Calendar,
    office: Office,
    mix: Mix,
    spells: Spells,
    long_term: Flag,
    first_number: int,
) -> tuple[People, Presence]:
    """Return the members of the units of need and their periods of presence, one row per person and spell.

    `first_number` is the number of the first unit of need; persons and units are numbered from it, unit by unit.
    """
    count = len(long_term)
    entry = np.full(count, calendar.end, dtype=np.int64)
    np.minimum.at(entry, spells.household, spells.von)
    entry = np.maximum(entry, calendar.begin - 400)
    kind = np.searchsorted(np.cumsum(mix.shares)[:3], rng.random(count), side="right").astype(np.int64)
    age = _ages(rng, kind, office)
    draw = rng.random(count)
    children = np.zeros(count, dtype=np.int64)
    children[kind == LONE_PARENT] = 1 + np.searchsorted(
        np.cumsum(CHILDREN_LONE)[:3], draw[kind == LONE_PARENT], side="right"
    )
    children[kind == FAMILY] = 1 + np.searchsorted(np.cumsum(CHILDREN_FAMILY)[:3], draw[kind == FAMILY], side="right")
    partner = (kind >= COUPLE).astype(np.int64)
    size = 1 + partner + children
    household = np.repeat(np.arange(count), size)
    place = np.arange(len(household)) - np.repeat(np.cumsum(size) - size, size)
    is_child = place > partner[household]
    is_partner = (place == 1) & ~is_child
    total = len(household)
    main_age = age[household]
    years = np.where(is_partner, np.clip(main_age + rng.normal(0, 4, total), 18, 63), main_age)
    oldest = np.minimum(main_age - 17, 19.5)
    child_age = oldest - (oldest + 2.5) * rng.random(total)
    years = np.where(is_child, child_age, years)
    birth = entry[household] - np.floor(years * YEAR).astype(np.int64)
    sex = _sexes(rng, kind[household], is_child, is_partner, mix)
    elb_from = day_of_age(birth, 15)
    incapable = ~is_child & (rng.random(total) < 0.012) & (place > 0)
    elb_from = np.where(incapable, FAR, elb_from)
    lone_from = np.full(count, FAR, dtype=np.int64)
    lone_until = np.zeros(count, dtype=np.int64)
    mine = is_child & (kind[household] == LONE_PARENT)
    np.minimum.at(lone_from, household[mine], birth[mine])
    np.maximum.at(lone_until, household[mine], day_of_age(birth[mine], 18) - 1)
    is_main = place == 0
    deducted = rng.random(total)
    pay = np.where(deducted < 0.55, 1000, (150 + 900 * rng.random(total)).astype(np.int64)).clip(100, 1000)
    serial = first_number + np.cumsum(np.ones(total, dtype=np.int64)) - 1
    people = People(
        number=office.number * BG_PER_OFFICE + serial,
        sex=sex,
        birth=birth,
        elb_from=elb_from,
        lone_from=np.where(is_main, lone_from[household], FAR),
        lone_until=np.where(is_main, lone_until[household], 0),
        long_term=long_term[household],
        linked=rng.random(total) >= 0.015,
        pay_permille=pay.astype(np.int32),
        heads=size[household].astype(np.int32),
        adult=~is_child,
    )
    return people, _presence(people, household, size, spells, first_number, office, is_child)


def _sexes(rng: np.random.Generator, kind: Int, is_child: Flag, is_partner: Flag, mix: Mix) -> NDArray[np.int8]:
    """Return sexes; partners mostly have the other sex, a few persons are divers or unknown."""
    total = len(kind)
    women = np.select([is_child, kind == SINGLE, kind == LONE_PARENT], [0.5, mix.women_single, WOMEN_LONE], 0.4)
    female = rng.random(total) < women
    before = np.concatenate([[False], female[:-1]])
    female = np.where(is_partner, ~before, female)
    rare = rng.random(total)
    sex = np.where(female, FEMALE, MALE)
    return np.where(rare < 0.0008, DIVERSE, np.where(rare < 0.003, UNKNOWN, sex)).astype(np.int8)


def day_of_age(birth: Int, years: int) -> Int:
    """Return the birthday `years` years after birth; 29 February becomes 1 March."""
    born = birth.astype("datetime64[D]")
    month = born.astype("datetime64[M]")
    offset = (born - month.astype("datetime64[D]")).astype(np.int64)
    then = (month + 12 * years).astype("datetime64[D]").astype(np.int64) + offset
    return np.asarray(then, dtype=np.int64)


def _presence(
    people: People, household: Int, size: Int, spells: Spells, first_number: int, office: Office, is_child: Flag
) -> Presence:
    """Return each member's share of the spells: from birth, children until 25, adults until the pension age."""
    start = np.cumsum(size) - size
    many = size[spells.household]
    spell = np.repeat(np.arange(len(spells)), many)
    inner = np.arange(len(spell)) - np.repeat(np.cumsum(many) - many, many)
    person = start[spells.household][spell] + inner
    von = np.maximum(spells.von[spell], people.birth[person])
    leave = np.where(
        is_child[person], day_of_age(people.birth[person], 25) - 1, people.birth[person] + PENSION_AGE_DAYS
    )
    bis = np.minimum(spells.bis[spell], leave)
    bg = (office.number * BG_PER_OFFICE + first_number + spells.household[spell]) * 100 + spells.sequence[spell]
    rows = Presence(person, spells.office[spell].astype(np.int32), bg, von, bis, spells.last[spell])
    rows = rows.take(bis >= von)
    return rows.take(np.lexsort((rows.von, rows.person)))


def elb_periods(people: People, presence: Presence) -> Presence:
    """Return the parts of the periods in which the person is ELB."""
    von = np.maximum(presence.von, people.elb_from[presence.person])
    rows = presence.with_column(von=von)
    return rows.take(von <= presence.bis)
