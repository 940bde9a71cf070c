"""Employment histories: jobs that follow starts, jobs before and beside receipt, and the yearly notifications made of them.

A job is one row of `Jobs`; `notified` splits them at the turn of the year as employers' notifications do (§ 10 DEÜV).
"""

from __future__ import annotations

import numpy as np

from pipeline.synthetic.codes import AUSBILDUNG, FREIWILLIG, GERING, NOT_SVB, SVB
from pipeline.synthetic.model import PAD, Calendar, Flag, Int, Jobs, People, Presence, Small, Starts, stacked
from pipeline.synthetic.receipt import month_last

FRAGILE_SHARE, FRAGILE_DAYS, STABLE_DAYS = 0.45, 90.0, 1050.0
NEXT_JOB_DAYS = 170.0
FIRST_NOTIFIED_YEAR = 2000
MINIJOB_GROUPS = np.array([109] * 30 + [110] * 4 + [209] * 3 + [210, 190, 202], dtype=np.int32)


def _lengths(rng: np.random.Generator, count: int) -> Int:
    mean = np.where(rng.random(count) < FRAGILE_SHARE, FRAGILE_DAYS, STABLE_DAYS)
    return (rng.standard_exponential(count) * mean).astype(np.int64) + 4


def _month_end(rng: np.random.Generator, days: Int) -> Int:
    return np.where(rng.random(len(days)) < 0.55, month_last(days), days)


def _groups(rng: np.random.Generator, age: Int) -> Small:
    """Return person groups of insured jobs by age in years."""
    draw = rng.random(len(age))
    young = np.select([draw < 0.06, draw < 0.09, draw < 0.13, draw < 0.17], [102, 105, 106, 121], 101)
    old = np.select([draw < 0.05, draw < 0.1], [119, 120], 101)
    middle = np.where(draw < 0.004, 107, 101)
    return np.select([age < 25, age >= 64], [young, old], middle).astype(np.int32)


def draw_jobs(
    rng: np.random.Generator, calendar: Calendar, people: People, periods: Presence, starts: Starts, rate: float
) -> Jobs:
    """Return jobs; `rate` is the share of insured jobs wanted to be followed by insured employment a year later."""
    again = min(max((rate - 0.445) / 0.4, 0.05), 0.97)
    svb = np.flatnonzero((starts.art == SVB) & ~starts.abroad)
    person, von = starts.person[svb], starts.beginn[svb]
    age = (von - people.birth[person]) // 365
    parts = []
    for _ in range(4):
        bis = _month_end(rng, von + _lengths(rng, len(von)))
        parts.append(Jobs(person, von, bis, _groups(rng, age)))
        more = (rng.random(len(von)) < again) & (bis < calendar.end)
        gap = np.where(
            rng.random(len(von)) < 0.1, 0, (rng.standard_exponential(len(von)) * NEXT_JOB_DAYS).astype(np.int64)
        )
        person, von, age = person[more], (bis + 1 + gap)[more], age[more]
    parts += [_other_starts(rng, people, starts), _beside(rng, calendar, parts[0]), _before(rng, people, periods)]
    parts.append(_minijobs(rng, calendar, periods))
    jobs = stacked(parts)
    return jobs.take(people.linked[jobs.person] & (jobs.bis >= calendar.begin) & (jobs.von <= calendar.end))


def _other_starts(rng: np.random.Generator, people: People, starts: Starts) -> Jobs:
    """Return the employment behind minijobs, dual trainings and voluntary services."""
    dual = rng.random(len(starts)) < 0.55
    rows = np.flatnonzero(
        ~starts.abroad & ((starts.art == GERING) | (starts.art == FREIWILLIG) | ((starts.art == AUSBILDUNG) & dual))
    )
    art, von = starts.art[rows], starts.beginn[rows]
    mini = MINIJOB_GROUPS[rng.integers(0, len(MINIJOB_GROUPS), len(rows))]
    group = np.select([art == GERING, art == FREIWILLIG], [mini, 123], 102).astype(np.int32)
    length = np.select(
        [art == GERING, art == FREIWILLIG],
        [(rng.standard_exponential(len(rows)) * 300).astype(np.int64) + 3, 364],
        1094,
    )
    return Jobs(starts.person[rows], von, _month_end(rng, von + length), group)


def _beside(rng: np.random.Generator, calendar: Calendar, jobs: Jobs) -> Jobs:
    """Return second insured jobs and minijobs held beside an insured one: parallel and overlapping periods."""
    chosen = jobs.take(rng.random(len(jobs)) < 0.08)
    von = chosen.von + rng.integers(-40, 90, len(chosen))
    group = np.where(rng.random(len(chosen)) < 0.6, 109, 101).astype(np.int32)
    return Jobs(chosen.person, von, von + 20 + (rng.standard_exponential(len(chosen)) * 200).astype(np.int64), group)


def _before(rng: np.random.Generator, people: People, periods: Presence) -> Jobs:
    """Return insured jobs that ended shortly before a spell of the short-term group began."""
    chosen = np.flatnonzero(~people.long_term[periods.person] & (rng.random(len(periods)) < 0.45))
    bis = periods.von[chosen] - 1 - rng.integers(0, 120, len(chosen))
    von = np.maximum(
        bis - 30 - (rng.standard_exponential(len(chosen)) * 500).astype(np.int64),
        people.birth[periods.person[chosen]] + 16 * 366,
    )
    jobs = Jobs(periods.person[chosen], von, bis, np.full(len(chosen), 101, dtype=np.int32))
    return jobs.take(jobs.von <= jobs.bis)


def _minijobs(rng: np.random.Generator, calendar: Calendar, periods: Presence) -> Jobs:
    """Return minijobs that already ran when receipt began."""
    chosen = np.flatnonzero(rng.random(len(periods)) < 0.08)
    low = np.maximum(periods.von[chosen], calendar.begin - 60)
    von = low - rng.integers(0, 300, len(chosen))
    bis = _month_end(rng, low + (rng.standard_exponential(len(chosen)) * 420).astype(np.int64))
    return Jobs(periods.person[chosen], von, bis, np.full(len(chosen), 109, dtype=np.int32))


def is_svb(jobs: Jobs) -> Flag:
    """Tell which jobs are insured employment by the person groups of the contract."""
    return ~np.isin(jobs.personengruppe, NOT_SVB)


def employed(count: int, calendar: Calendar, jobs: Jobs) -> Flag:
    """Return persons × positions: insured employment on the check day, the last day of the calendar month."""
    insured = jobs.take(is_svb(jobs))
    first = np.searchsorted(calendar.month_end, insured.von, side="left")
    after = np.searchsorted(calendar.month_end, insured.bis, side="right")
    width = len(calendar.months)
    change = np.zeros((count, width + 1), dtype=np.int32)
    np.add.at(change, (insured.person, first), 1)
    np.add.at(change, (insured.person, np.maximum(after, first)), -1)
    return np.asarray(change.cumsum(axis=1)[:, :width] > 0)


def notified(jobs: Jobs, calendar: Calendar) -> Jobs:
    """Return the employers' notifications: jobs split at each turn of the year up to the end of the calendar."""
    years = np.arange(FIRST_NOTIFIED_YEAR, int(calendar.months[-1][:4]) + 1)
    for turn in (years - 1969).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64) - 1:
        across = (jobs.von <= turn) & (jobs.bis > turn)
        later = jobs.take(across)
        earlier = jobs.with_column(bis=np.where(across, turn, jobs.bis))
        jobs = stacked([earlier, later.with_column(von=np.full(len(later), turn + 1))])
    jobs = jobs.take(jobs.bis >= calendar.begin)
    return jobs.take(np.lexsort((jobs.personengruppe, jobs.bis, jobs.von, jobs.person)))


def needed_months(calendar: Calendar) -> range:
    """Return the positions of the calendar months whose employment has come: up to four months before the last one."""
    return range(PAD, max(PAD, PAD + calendar.count - 4))
