"""The generator's own count of its persons, by section 3 of the data contract: what the statistics office publishes for them.

Written for one unit at a time on numpy arrays and independent of the pipeline's count; tests compare it with a slow one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.codes import AUSBILDUNG, GERING, SELBST, SVB, Classes
from pipeline.synthetic.households import elb_periods
from pipeline.synthetic.model import (
    FAR,
    FEMALE,
    MALE,
    PAD,
    Calendar,
    Flag,
    Int,
    Population,
    Presence,
    Starts,
)
from pipeline.synthetic.plan import positions_of
from pipeline.synthetic.stock import Stock, matrix

MERKMALE = (
    *("elb", "alleinerz", "elb_zugang", "elb_abgang", "lzb", "lzb_zugang", "lzb_abgang", "lzb_amp"),
    *("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb", "svb_nach12", "svb_kont6", "llu", "luh"),
)
ROW = {name: i for i, name in enumerate(MERKMALE)}
BRIDGED_DAYS = 7
LZB_DAYS, LZB_WINDOW = 638, 730


@dataclass(frozen=True, eq=False)
class Status:
    """What is known of every person at every position (persons × positions), whichever unit delivers it."""

    row: Flag
    elb: Flag
    long_days: Flag
    lone: Flag
    active: Flag
    employed: Flag
    hits: dict[str, tuple[Flag, Flag]]

    @property
    def lzb(self) -> Flag:
        """Return who is a Langzeitleistungsbeziehender anywhere."""
        return self.elb & self.long_days


def status_of(population: Population, stock: Stock, calendar: Calendar, classes: Classes, employed: Flag) -> Status:
    """Return the persons' status; `employed` are persons × positions with insured employment on the check day."""
    people = population.people
    shape = (len(people), len(calendar.months))
    periods = elb_periods(people, population.presence)
    lone = (people.lone_from[:, None] <= calendar.stichtag) & (calendar.stichtag <= people.lone_until[:, None])
    return Status(
        row=matrix(stock, np.ones(len(stock), dtype=np.bool_), *shape),
        elb=matrix(stock, stock.elb, *shape),
        long_days=_days_as_elb(periods, shape[0], calendar) >= LZB_DAYS,
        lone=lone,
        active=_active(population, calendar, classes),
        employed=employed,
        hits={
            name: start_hits(population, kind, calendar)
            for name, kind in event_kinds(population.starts, classes).items()
        },
    )


def merged(periods: Presence, bridged: int) -> tuple[Int, Int, Int]:
    """Return (person, von, bis) of the periods of each person joined where at most `bridged` days lie between."""
    if not len(periods):
        return periods.person, periods.von, periods.bis
    order = np.lexsort((periods.von, periods.person))
    person, von = periods.person[order], periods.von[order]
    lane = person * (4 * FAR)
    reach = np.maximum.accumulate(periods.bis[order] + lane)
    new = np.concatenate([[True], von[1:] + lane[1:] > reach[:-1] + bridged + 1])
    begin = np.flatnonzero(new)
    end = np.concatenate([begin[1:], [len(new)]]) - 1
    return person[begin], von[begin], reach[end] - lane[end]


def _days_as_elb(periods: Presence, persons: int, calendar: Calendar) -> Int:
    person, von, bis = merged(periods, 0)
    days = np.zeros((persons, len(calendar.months)), dtype=np.int64)
    for position, day in enumerate(calendar.stichtag):
        inside = np.minimum(bis, day) - np.maximum(von, day - LZB_WINDOW + 1) + 1
        days[:, position] = np.bincount(person, weights=np.maximum(inside, 0), minlength=persons)
    return days


def _active(population: Population, calendar: Calendar, classes: Classes) -> Flag:
    measures = population.measures
    found = np.zeros((len(population.people), len(calendar.months)), dtype=np.bool_)
    for position in calendar.delivered:
        day = int(calendar.stichtag[position])
        covers = (measures.von <= day) & (measures.bis >= day)
        rows = measures.take(covers)
        found[rows.person[classes.is_active(rows.art, day)], position] = True
    return found


def event_kinds(starts: Starts, classes: Classes) -> dict[str, Flag]:
    """Return which starts make which event of § 5, before anything is asked about the person."""
    oegb = classes.is_oegb(starts.foerderung, starts.beginn)
    return {
        "int": np.isin(starts.art, (SVB, AUSBILDUNG, SELBST)) & ~oegb,
        "int_svb": (starts.art == SVB) & ~oegb & ~starts.abroad,
        "bs_gering": starts.art == GERING,
        "bs_2am": oegb,
    }


def start_hits(population: Population, kind: Flag, calendar: Calendar) -> tuple[Flag, Flag]:
    """Return persons × positions: a start of the kind in W(m), a start in W(m-1), both known on freeze(m)."""
    starts, width = population.starts.take(kind), len(calendar.months)
    window = positions_of(calendar, starts.beginn)
    found = np.zeros((2, len(population.people), width), dtype=np.bool_)
    for lag in (0, 1):
        at = window + lag
        freeze = calendar.stichtag[np.minimum(at + 3, width - 1)]
        good = (window > 0) & (at < width - 3) & (starts.recorded <= freeze)
        found[lag, starts.person[good], at[good]] = True
    return found[0], found[1]


def events(hits: tuple[Flag, Flag], elb: Flag, own_elb: Flag) -> Flag:
    """Return persons × positions: an event of month m for a unit whose ELB stock is `own_elb`, `elb` that of all units."""
    this_window, window_before = hits
    found = np.zeros_like(own_elb)
    newcomer = ~elb[:, :-2]
    found[:, 2:] = own_elb[:, 1:-1] & (this_window[:, 2:] | (newcomer & window_before[:, 2:]))
    return found


def _lagged(flags: Flag, months: int) -> Flag:
    """Return the flags of the position `months` later (negative: earlier); false outside."""
    found = np.zeros_like(flags)
    if months > 0:
        found[:, :-months] = flags[:, months:]
    elif months < 0:
        found[:, -months:] = flags[:, :months]
    return found


def sustained(employed: Flag) -> tuple[Flag, Flag]:
    """Return persons × positions: insured employment twelve months later; on each check day of six months."""
    six = np.ones_like(employed)
    for month in range(1, 7):
        six &= _lagged(employed, month)
    return _lagged(employed, 12), six


def delivered_rows(status: Status, calendar: Calendar) -> Flag:
    """Return persons × positions: a delivered row in the stock of the month or the month before, so that the sex is known."""
    delivered = status.row.copy()
    delivered[:, :PAD] = False
    return delivered | _lagged(delivered, -1)


def count_unit(population: Population, stock: Stock, status: Status, calendar: Calendar, offices: Sequence[int]) -> Int:
    """Return the counts of a unit as positions × merkmale × (T, M, F), integers; `llu` and `luh` stay 0 here."""
    people = population.people
    shape = status.row.shape
    own_rows = np.isin(stock.office, offices)
    own = matrix(stock, own_rows & stock.elb, *shape)
    own_lzb = own & status.long_days
    counts = np.zeros((shape[1], len(MERKMALE), 3), dtype=np.int64)
    sexes = (people.sex == MALE, people.sex == FEMALE)

    def put(name: str, flags: Flag) -> None:
        counts[:, ROW[name], 0] = flags.sum(axis=0)
        for i, sex in enumerate(sexes):
            counts[:, ROW[name], i + 1] = flags[sex].sum(axis=0)

    put("elb", own)
    put("alleinerz", own & status.lone)
    put("lzb", own_lzb)
    put("lzb_zugang", own_lzb & ~_lagged(status.lzb, -1))
    put("lzb_abgang", _lagged(own_lzb, -1) & ~status.lzb)
    put("lzb_amp", own_lzb & status.active)
    for name in ("int", "int_svb", "bs_gering", "bs_2am"):
        put(name, events(status.hits[name], status.elb, own))
    integrations = events(status.hits["int"], status.elb, own)
    put("int_allein", integrations & _lagged(own & status.lone, -1))
    put("int_lzb", integrations & _lagged(own_lzb, -1))
    svb = events(status.hits["int_svb"], status.elb, own)
    after12, six = sustained(status.employed)
    put("svb_nach12", svb & after12)
    put("svb_kont6", svb & six)
    found_entry, found_exit = delivered_rows(status, calendar), status.row | _lagged(status.row, -1)
    periods = elb_periods(people, population.presence)
    person, von, bis = merged(periods.take(np.isin(periods.office, offices)), BRIDGED_DAYS)
    entry = positions_of(calendar, von)
    leave = np.searchsorted(calendar.stichtag, bis, side="right")
    for name, at, known in (("elb_zugang", entry, found_entry), ("elb_abgang", leave, found_exit)):
        inside = (at > 0) & (at < shape[1])
        who, when = person[inside], at[inside]
        np.add.at(counts[:, ROW[name], 0], when, 1)
        for i, sex in enumerate(sexes):
            mine = sex[who] & known[who, when]
            np.add.at(counts[:, ROW[name], i + 1], when[mine], 1)
    counts[:PAD] = 0
    return counts
