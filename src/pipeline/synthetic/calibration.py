"""Brings the share of sustained integrations of an office to its wanted rate by changing jobs of a few persons.

Only employment and, for the case the project began with, the kind of a few starts change; nothing tells the pipeline about it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.synthetic.codes import AUSBILDUNG, SELBST, SVB, Classes
from pipeline.synthetic.counting import event_kinds
from pipeline.synthetic.employment import is_svb
from pipeline.synthetic.model import Calendar, Flag, Int, Jobs, Population, stacked
from pipeline.synthetic.plan import SAALEKREIS

CASE_LOW, CASE_HIGH = (7425, 10_000), (7435, 10_000)
"""Rates that display as 74,3: from 74,25 % up to, not including, 74,35 %."""
BELOW_CASE, ABOVE_CASE = (735, 1000), (745, 1000)
LOWEST = (56, 100)


@dataclass(frozen=True)
class Goal:
    """Numerator wanted and, if some events have to go, the denominator wanted."""

    numerator: int
    denominator: int


def goal_of(name: str, target: float, events: int) -> Goal:
    """Return the integers that come nearest to the wanted rate and keep the order around the case.

    Saalekreis gets a fraction that displays as 74,3, if need be with fewer events; the four before it stay at 74,5 % or
    more, all others at 73,5 % or less, and nobody below 56 % as far as the number of events allows.
    """
    if name == SAALEKREIS:
        for denominator in range(events, 0, -1):
            numerator = -(-denominator * CASE_LOW[0] // CASE_LOW[1])
            if numerator * CASE_HIGH[1] < denominator * CASE_HIGH[0]:
                return Goal(numerator, denominator)
        return Goal(0, events)
    numerator = round(target * events)
    if target > ABOVE_CASE[0] / ABOVE_CASE[1]:
        return Goal(min(events, max(numerator, -(-events * ABOVE_CASE[0] // ABOVE_CASE[1]))), events)
    highest = events * BELOW_CASE[0] // BELOW_CASE[1]
    lowest = -(-events * LOWEST[0] // LOWEST[1])
    return Goal(min(max(numerator, min(lowest, highest)), highest), events)


def movable(svb_events: Flag, own_stay: Flag) -> Int:
    """Return the persons of the block `own_stay` with exactly one svB-Integration in all delivered months."""
    return np.flatnonzero((svb_events.sum(axis=1) == 1) & own_stay)


def without_events(population: Population, persons: Int, classes: Classes, calendar: Calendar) -> Population:
    """Turn the insured jobs these persons start into trainings or self-employment: still Integrationen, no longer svB."""
    starts = population.starts
    chosen = np.isin(starts.person, persons) & event_kinds(starts, classes)["int_svb"]
    age = (starts.beginn - population.people.birth[starts.person]) // 365
    art = np.where(chosen, np.where(age < 30, AUSBILDUNG, SELBST), starts.art).astype(np.int8)
    support = np.where(chosen, -1, starts.foerderung).astype(np.int8)
    assert SVB not in art[chosen]
    changed = starts.with_column(art=art, foerderung=support)
    return Population(population.people, population.presence, changed, population.measures, population.jobs)


def with_job(jobs: Jobs, calendar: Calendar, persons: Int, position: Int, rng: np.random.Generator) -> Jobs:
    """Give each person an insured job over the check day at `position`, beginning in the months before it."""
    check = calendar.month_end[position]
    von = check - rng.integers(12, 150, len(persons))
    bis = check + rng.integers(15, 420, len(persons))
    return stacked([jobs, Jobs(persons, von, bis, np.full(len(persons), 101, dtype=np.int32))])


def without_job(jobs: Jobs, calendar: Calendar, persons: Int, position: Int, rng: np.random.Generator) -> Jobs:
    """End each person's insured jobs that cover the check day at `position` in one of the months before it."""
    highest = int(jobs.person.max(initial=0)) if len(jobs) else 0
    at = np.full(max(highest, int(persons.max(initial=0))) + 1, -1, dtype=np.int64)
    at[persons] = position
    check = np.where(at[jobs.person] >= 0, calendar.month_end[at[jobs.person]], -1)
    covers = is_svb(jobs) & (jobs.von <= check) & (check <= jobs.bis)
    end = check - rng.integers(5, 150, len(jobs))
    changed = jobs.with_column(bis=np.where(covers, end, jobs.bis))
    return changed.take(~covers | (changed.bis >= changed.von))
