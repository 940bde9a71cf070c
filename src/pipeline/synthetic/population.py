"""Draws the persons of an office with everything that happens to them, and brings their employment to the wanted rate.

The steps are pure functions of plan and office; who is written where is decided in `generator`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.synthetic.activity import draw_measures, draw_starts
from pipeline.synthetic.calibration import goal_of, movable, with_job, without_events, without_job
from pipeline.synthetic.codes import Classes
from pipeline.synthetic.counting import event_kinds, events, start_hits, sustained
from pipeline.synthetic.employment import draw_jobs, employed
from pipeline.synthetic.households import draw_people, elb_periods, mix_of
from pipeline.synthetic.model import PAD, Flag, Jobs, Population
from pipeline.synthetic.plan import Plan, stream
from pipeline.synthetic.receipt import draw_spells, moved
from pipeline.synthetic.stock import Stock, matrix

MOVING_SHARE = 0.03
MOVERS_FROM = 50_000_000


def draw_block(plan: Plan, index: int, classes: Classes, *, moving: bool) -> Population:
    """Return the persons of an office who stay in it for good, or those who may move to another."""
    office, calendar = plan.offices[index], plan.calendar
    rng = stream(plan.seed, "personen", office.name, "zieht um" if moving else "bleibt")
    mix = mix_of(office)
    share = MOVING_SHARE if moving else 1 - MOVING_SHARE
    spells, long_term = draw_spells(rng, calendar, office, index, share, mix.elb_per_bg)
    if moving:
        spells = moved(rng, calendar, spells, _destinations(plan, index, rng, len(long_term)))
    first = MOVERS_FROM if moving else 0
    people, presence = draw_people(rng, calendar, office, mix, spells, long_term, first)
    periods = elb_periods(people, presence)
    starts = draw_starts(rng, calendar, people, periods)
    measures = draw_measures(rng, calendar, people, periods, starts)
    jobs = draw_jobs(rng, calendar, people, periods, starts, office.target)
    return Population(people, presence, starts, measures, jobs)


def _destinations(plan: Plan, index: int, rng: np.random.Generator, count: int) -> Any:
    """Return where each unit of need of an office moves: mostly within the Land, never within one later unit."""
    together = {o for u in plan.person_units if index in u.offices for o in u.offices} | {index}
    others = np.array([o for o in plan.person_offices if o not in together], dtype=np.int32)
    if not len(others):
        return np.full(count, index, dtype=np.int32)
    near = np.array([o for o in others if plan.offices[o].land == plan.offices[index].land], dtype=np.int32)
    far = rng.choice(others, count)
    if not len(near):
        return far
    return np.where(rng.random(count) < 0.6, rng.choice(near, count), far).astype(np.int32)


def calibrated(
    plan: Plan, classes: Classes, index: int, population: Population, stock: Stock, stay: Flag
) -> Population:
    """Return the office's population with its sustained Integrationen of the cohort brought to the wanted number."""
    if plan.cohort is None:
        return population
    calendar, office = plan.calendar, plan.offices[index]
    rng = stream(plan.seed, "eichung", office.name)
    shape = (len(population.people), len(calendar.months))
    own, elb = matrix(stock, stock.elb & (stock.office == index), *shape), matrix(stock, stock.elb, *shape)

    def judged(now: Population) -> tuple[Flag, Flag]:
        hits = start_hits(now, event_kinds(now.starts, classes)["int_svb"], calendar)
        svb = events(hits, elb, own)
        return svb, svb & sustained(employed(len(now.people), calendar, now.jobs))[0]

    begin, end = plan.cohort[0], plan.cohort[1] + 1
    svb, good = judged(population)
    goal = goal_of(office.name, office.target, int(svb[:, begin:end].sum()))
    surplus = int(svb[:, begin:end].sum()) - goal.denominator
    if surplus > 0:
        once = movable(svb[:, PAD:], stay)
        once = once[svb[once, begin:end].any(axis=1)]
        population = without_events(population, rng.permutation(once)[:surplus], classes, calendar)
        svb, good = judged(population)
    missing = goal.numerator - int(good[:, begin:end].sum())
    once = movable(svb[:, PAD:], stay & population.people.linked)
    when = svb[once, begin:end].argmax(axis=1) + begin
    fits = svb[once, when] & (good[once, when] == (missing < 0))
    once, when = once[fits], when[fits]
    chosen = rng.permutation(len(once))[: abs(missing)]
    change: Callable[..., Jobs] = with_job if missing > 0 else without_job
    jobs = population.jobs
    for position in range(begin, end):
        mine = once[chosen][when[chosen] == position]
        if len(mine):
            jobs = change(jobs, calendar, np.sort(mine), position + 12, rng)
    return Population(population.people, population.presence, population.starts, population.measures, jobs)
