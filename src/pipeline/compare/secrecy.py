"""Which counts of a single jobcenter stay secret: small ones, those a sex would give away, and those that sums would.

Only relations within one jobcenter are judged here; what totals of Länder and groups give away stands in `territory`.
docs/method/geheimhaltung.md explains every rule and why it is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from pipeline.catalog import SEXES, Merkmal, Switch
from pipeline.compare.chains import all_movable, any_in_year, freedom_holds, year_sums
from pipeline.compare.cube import ONE, Cube
from pipeline.compare.exact import Bools, Ints
from pipeline.compare.shifts import movable_counts

FIRST_RUN_MONTHS = 37
"""Months that the first possible run reads; what they show decides once and for all how a series is published."""

TOTAL, PAIR = 0, 1
"""The two sides of a series that are decided together: T alone, and M with F, which give each other away."""
SEXES_OF = (slice(0, 1), slice(1, 3))


@dataclass(frozen=True)
class Rules:
    """The switches `suppress_below`, `suppress_complement`, `suppress_room`, `suppress_least_sum` and `zero_open`.

    `zero`: a count of nobody is secret too.
    `room`: whoever knows all published sums is left with at least `room` + 1 possible values of a secret count.
    `least_sum`: sums over twelve months of a series whose months are secret are at least that large.
    """

    below: int = 3
    complement: bool = True
    room: int = 1
    least_sum: int = 12
    zero: bool = False

    @classmethod
    def of(cls, switches: Mapping[str, Switch]) -> Self:
        """Return the rules as the catalog's switches say."""
        names = ("below", "complement", "room", "least_sum")
        below, complement, room, least_sum = (switches[f"suppress_{name}"].value for name in names)
        return cls(int(below), bool(complement), int(room), int(least_sum), not switches["zero_open"].value)


@dataclass(frozen=True)
class Secrets:
    """Decisions, each [merkmal, jobcenter, TOTAL or PAIR, month].

    `hidden`: the count of the month is not published. `barred`: no sum over several months that holds this month is.
    """

    hidden: Bools
    barred: Bools


def is_count(cube: Cube, merkmale: Mapping[str, Merkmal]) -> Bools:
    """Return per merkmal whether it counts persons or events (and not euro)."""
    return np.array([merkmale[name].kind != "euro" for name in cube.merkmale], dtype=bool)


def small(values: Ints, below: int, *, zero: bool = False) -> Bools:
    """Return where a count is one that is never published: at least one (or none, with `zero`), fewer than `below`."""
    return np.asarray((values >= 0 if zero else values > 0) & (values < below * ONE), dtype=bool)


def primary(cube: Cube, merkmale: Mapping[str, Merkmal], given: Bools, rules: Rules) -> Bools:
    """Return the cells that are secret in themselves, [merkmal, jobcenter, sex, month].

    Small counts; parts whose complement in the same month is small (Teilmengen); what the publisher withholds; `given`,
    cells that the count step found to rest on too few Bedarfsgemeinschaften. Source: methodology 3.12.
    """
    counts = is_count(cube, merkmale)[:, None, None, None]
    secret = given | cube.withheld | (cube.present & counts & small(cube.values, rules.below, zero=rules.zero))
    if rules.complement:
        for part, whole in cube.shares:
            p, w = cube.merkmale.index(part), cube.merkmale.index(whole)
            both = cube.present[p] & cube.present[w]
            secret[p] |= both & small(cube.values[w] - cube.values[p], rules.below, zero=rules.zero)
    return secret


def resting_on(cube: Cube, merkmale: Mapping[str, Merkmal], hidden: Bools) -> Bools:
    """Return the estimates [merkmal, jobcenter, sex, month] that would tell a hidden count they were made from.

    `hidden` is an array of the same shape. Stocks and euro sums rest on the months beside, events on the same month last
    year (methodology 3.11); whoever knows the rule could work backwards.
    """
    out = np.zeros_like(hidden)
    for i, name in enumerate(cube.merkmale):
        if merkmale[name].kind == "event":
            out[i, :, :, 12:] = hidden[i, :, :, :-12]
        else:
            out[i, :, :, 1:] = hidden[i, :, :, :-1]
            out[i, :, :, :-1] |= hidden[i, :, :, 1:]
    return out & cube.imputed


@dataclass
class _Decision:
    """Work in progress of `within_jobcenters`; arrays as in Secrets, `sums_only`, `forced` and `unseen` without months.

    Of an `unseen` series readers have no month from earlier releases; only such a one can hide its months behind its sums.
    """

    cube: Cube
    secret: Bools
    rules: Rules
    hidden: Bools
    barred: Bools
    sums_only: Bools
    forced: Bools
    unseen: Bools

    @property
    def first_run(self) -> int:
        """Return the index of the last month that the first possible run knew."""
        return min(FIRST_RUN_MONTHS, self.cube.months) - 1

    def holds(self, merkmal: int, side: int, *, floor: Ints | None = None, ceiling: Ints | None = None) -> Bools:
        """Return [jobcenter, month]: all sums of the series so far may be known, and each of them is large enough.

        Floor and ceiling as in `chains`.
        """
        sexes = SEXES_OF[side]
        values, present = self.cube.values[merkmal][:, sexes], self.cube.present[merkmal][:, sexes]
        secret = small(values, self.rules.below, zero=self.rules.zero) & present
        free = freedom_holds(values, present, secret, self.rules.room * ONE, floor=floor, ceiling=ceiling)
        sums, there = year_sums(values, present)
        too_small = np.logical_or.accumulate(there & (sums < self.rules.least_sum * ONE), axis=-1)
        return np.asarray((free & ~too_small).all(axis=1), dtype=bool)

    def known(self, merkmal: int, side: int, missing: int) -> Ints:
        """Return the values of a published series as a floor or ceiling of another, `missing` where there is none."""
        sexes = SEXES_OF[side]
        return np.where(self.cube.present[merkmal][:, sexes], self.cube.values[merkmal][:, sexes], missing)

    def close(self, merkmal: int, side: int, units: Bools) -> None:
        """Publish nothing of the series of these units."""
        for closed in range(side, 2):
            self.hidden[merkmal, units, closed] = True
            self.barred[merkmal, units, closed] = True


_NO_CEILING = 1 << 40


def _decide_series(work: _Decision, merkmal: int) -> None:
    """Choose for one merkmal of events: months and sums, sums only, or nothing; see docs/method/geheimhaltung.md."""
    last, cube = work.first_run, work.cube
    early: Bools = np.asarray(work.secret[merkmal, :, :, : last + 1].any(axis=2))
    total, pair = early[:, 0], np.asarray(early[:, 1:].any(axis=1), dtype=bool)
    free_total, free_pair = work.holds(merkmal, TOTAL), work.holds(merkmal, PAIR)
    below_total = work.holds(merkmal, PAIR, ceiling=np.repeat(work.known(merkmal, TOTAL, _NO_CEILING), 2, axis=1))
    unseen_total, unseen_pair = work.unseen[merkmal, :, TOTAL], work.unseen[merkmal, :, PAIR]
    total_only = unseen_total & ((total & free_total[:, last]) | work.forced[merkmal, :, TOTAL])
    pair_only = unseen_pair & ((pair & free_pair[:, last]) | work.forced[merkmal, :, PAIR])
    total_only |= unseen_total & pair_only & ~below_total[:, last]
    pair_only |= unseen_pair & total_only & free_pair[:, last]
    work.sums_only[merkmal, :, TOTAL], work.sums_only[merkmal, :, PAIR] = total_only, pair_only
    work.hidden[merkmal, total_only, TOTAL] = True
    work.hidden[merkmal, pair_only, PAIR] = True
    work.barred[merkmal, :, TOTAL] |= total_only[:, None] & ~free_total
    allowed = free_pair & (below_total | total_only[:, None])
    work.barred[merkmal, :, PAIR] |= pair_only[:, None] & ~allowed
    work.close(merkmal, PAIR, total_only & ~pair_only)
    for part, whole in cube.event_parts:
        if cube.merkmale[merkmal] == part:
            w = cube.merkmale.index(whole)
            for side in (TOTAL, PAIR):
                bounded = work.holds(merkmal, side, ceiling=work.known(w, side, _NO_CEILING))
                work.forced[w, :, side] |= work.sums_only[merkmal, :, side] & ~bounded[:, last]


def _bound_by_relatives(work: _Decision) -> None:
    """Bar sums where a published whole is too near a ceiling, or a published part too near a floor, of a hidden series."""
    cube, last = work.cube, work.first_run
    for part, whole in cube.event_parts:
        p, w = cube.merkmale.index(part), cube.merkmale.index(whole)
        for side in (TOTAL, PAIR):
            part_open = ~work.hidden[p, :, side].all(axis=1)
            whole_open = ~work.hidden[w, :, side].all(axis=1)
            bounded = work.holds(p, side, ceiling=work.known(w, side, _NO_CEILING))
            work.barred[p, :, side] |= (work.sums_only[p, :, side] & whole_open)[:, None] & ~bounded
            held = work.holds(w, side, floor=work.known(p, side, 0))
            affected = work.sums_only[w, :, side] & part_open
            work.close(p, side, affected & ~held[:, last])
            work.barred[w, :, side] |= (affected & held[:, last])[:, None] & ~held


def _bound_together(work: _Decision) -> None:
    """Bar sums of hidden series that sexes, parts and wholes hold fast together, though each for itself could be shifted.

    Parts come first: once nothing is published of a part, its whole may be free.
    """
    cube, last = work.cube, work.first_run
    secret = small(cube.values, work.rules.below, zero=work.rules.zero) & cube.present
    for name in dict.fromkeys([*(part for part, _ in cube.event_parts), *(whole for _, whole in cube.event_parts)]):
        merkmal = cube.merkmale.index(name)
        hidden = work.hidden & work.unseen[:, :, :, None]
        movable = movable_counts(cube, merkmal, hidden, work.barred, work.rules.room * ONE)
        movable[..., :last] = True  # no release ends earlier
        holds = np.array([all_movable(movable[sex], secret[merkmal, :, sex]) for sex in range(len(SEXES))])
        for side in (TOTAL, PAIR):
            held = ~holds[SEXES_OF[side]].all(axis=0) & work.sums_only[merkmal, :, side, None]
            work.barred[merkmal, :, side] |= held
            work.close(merkmal, side, held[:, last])


def within_jobcenters(
    cube: Cube, merkmale: Mapping[str, Merkmal], secret: Bools, rules: Rules, known: Bools
) -> Secrets:
    """Return what stays secret because of the jobcenter's own numbers; `secret` comes from `primary`.

    `known` [merkmal, jobcenter, sex, month] are counts that earlier releases have shown.
    """
    sides: tuple[Bools, Bools] = (secret[:, :, 0], np.asarray(secret[:, :, 1:].any(axis=2), dtype=bool))
    shape = (*cube.values.shape[:2], 2, cube.months)
    work = _Decision(
        cube,
        secret,
        rules,
        np.zeros(shape, dtype=bool),
        np.zeros(shape, dtype=bool),
        np.zeros(shape[:3], dtype=bool),
        np.zeros(shape[:3], dtype=bool),
        np.stack([~known[:, :, sexes].any(axis=(2, 3)) for sexes in SEXES_OF], axis=2),
    )
    events = [name for name in cube.merkmale if merkmale[name].kind in ("event", "movement")]
    parts = [part for part, _ in cube.event_parts]
    if cube.months:
        for name in [*dict.fromkeys(parts), *(name for name in events if name not in parts)]:
            _decide_series(work, cube.merkmale.index(name))
        _bound_by_relatives(work)
        _bound_together(work)
    for side in (TOTAL, PAIR):
        work.barred[:, :, side] |= ~work.sums_only[:, :, side, None] & sides[side]
        work.barred[:, :, side] |= cube.withheld[:, :, SEXES_OF[side]].any(axis=2)
    if rules.complement:
        _bar_complements(work)
    work.barred[:, :, PAIR] |= work.barred[:, :, TOTAL]
    return Secrets(work.hidden | work.barred, work.barred)


def _bar_complements(work: _Decision) -> None:
    """Bar sums over twelve months whose complement is small, with the month that ends them."""
    cube = work.cube
    for part, whole in cube.shares:
        p, w = cube.merkmale.index(part), cube.merkmale.index(whole)
        parts, have_part = year_sums(cube.values[p], cube.present[p])
        wholes, have_whole = year_sums(cube.values[w], cube.present[w])
        revealing = have_part & have_whole & small(wholes - parts, work.rules.below, zero=work.rules.zero)
        for side in (TOTAL, PAIR):
            concerned = revealing[:, SEXES_OF[side]].any(axis=1)
            work.barred[p, :, side] |= concerned & ~any_in_year(work.barred[p, :, side])
