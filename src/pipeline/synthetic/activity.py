"""What persons in receipt begin: jobs, trainings, self-employment, minijobs, publicly supported work, and measures.

The length of jobs is not drawn here but in `employment`; rates are per year in receipt and tuned to the published national ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.synthetic.codes import (
    AUSBILDUNG,
    CODE,
    FREIWILLIG,
    GERING,
    LIST_2019,
    NO_SUPPORT,
    SELBST,
    SONST,
    SVB,
)
from pipeline.synthetic.model import FEMALE, PAD, Calendar, Int, Measures, People, Presence, Starts
from pipeline.synthetic.receipt import calendar_month

INTEGRATION_PER_YEAR = np.array([0.215, 0.15])
"""Starts of integrations while receipt goes on, for the short- and the long-term group."""
LEAVING_WITH_JOB = np.array([0.245, 0.36])
"""Share of those who leave the benefit who do so with a job."""
GERING_PER_YEAR, OEGB_PER_YEAR, OTHER_PER_YEAR = 0.105, 0.075, 0.012
SEASON = np.array([0.84, 0.92, 1.12, 1.14, 1.08, 1.0, 0.94, 1.12, 1.22, 1.06, 0.93, 0.63])
SEASON_MAX = 1.22
MEASURES_PER_YEAR = np.array([0.9, 0.5])


def _thinned(rng: np.random.Generator, day: Int) -> NDArray[np.bool_]:
    """Keep days according to the season of their calendar month."""
    return rng.random(len(day)) * SEASON_MAX < SEASON[calendar_month(day)]


def _days(
    rng: np.random.Generator, calendar: Calendar, periods: Presence, per_year: NDArray[np.float64]
) -> tuple[Int, Int]:
    """Return (row of `periods`, day) of a Poisson process in the simulated part of the periods."""
    low = np.maximum(periods.von, calendar.begin)
    room = np.maximum(np.minimum(periods.bis, int(calendar.stichtag[-PAD - 1]) + 5) - low + 1, 0)
    rows = np.repeat(np.arange(len(periods)), rng.poisson(room / 365.25 * per_year))
    return rows, low[rows] + np.floor(rng.random(len(rows)) * room[rows]).astype(np.int64)


def draw_starts(
    rng: np.random.Generator, calendar: Calendar, people: People, periods: Presence, frozen_rate: float = 0.006
) -> Starts:
    """Return the starts of activities of persons during their ELB periods and around the day they leave."""
    group = people.long_term[periods.person].astype(np.int64)
    age = (periods.von - people.birth[periods.person]) / 365.25
    factor = np.where(people.sex[periods.person] == FEMALE, 0.88, 1.1)
    factor = factor * np.where(age > 55, 0.5, np.where(age < 16, 0.3, 1.06))
    lone = periods.von <= people.lone_until[periods.person]
    factor = factor * np.where(lone, 0.78, 1.0)
    parts: list[tuple[Int, Int, NDArray[np.int8], NDArray[np.int8]]] = []
    rows, day = _days(rng, calendar, periods, INTEGRATION_PER_YEAR[group] * factor * SEASON_MAX)
    kept = _thinned(rng, day)
    rows, day = rows[kept], day[kept]
    leavers = np.flatnonzero(
        periods.last & (periods.bis <= int(calendar.stichtag[-PAD - 1])) & (periods.bis > calendar.begin)
    )
    share = LEAVING_WITH_JOB[group[leavers]] * np.minimum(factor[leavers], 1.2) * SEASON_MAX
    leavers = leavers[(rng.random(len(leavers)) < share)]
    leaving = periods.bis[leavers] + 1 - rng.integers(-2, 22, len(leavers))
    kept = _thinned(rng, leaving) & (leaving >= periods.von[leavers] - 12)
    rows, day = np.concatenate([rows, leavers[kept]]), np.concatenate([day, leaving[kept]])
    first = np.where(
        rng.random(len(day)) < 0.35,
        day.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64),
        day,
    )
    day = np.where(first >= periods.von[rows] - 12, first, day)
    art = _integration_kind(rng, (day - people.birth[periods.person[rows]]) / 365.25)
    parts.append((rows, day, art, _begleitend(rng, art, day)))
    rows, day = _days(rng, calendar, periods, GERING_PER_YEAR * factor)
    parts.append((rows, day, np.full(len(day), GERING, dtype=np.int8), _chosen(rng, len(day), ((0.02, "vb"),))))
    rows, day = _days(rng, calendar, periods, np.full(len(factor), OEGB_PER_YEAR))
    parts.append((rows, day, *_oegb(rng, day)))
    rows, day = _days(rng, calendar, periods, np.full(len(factor), OTHER_PER_YEAR))
    art = np.where(rng.random(len(day)) < 0.25, FREIWILLIG, SONST).astype(np.int8)
    rare = _chosen(rng, len(day), ((0.06, "16f"), (0.006, "16i"), (0.006, "16e_neu"), (0.004, "16j"), (0.004, "16k")))
    parts.append((rows, day, art, np.where(art == SONST, rare, NO_SUPPORT).astype(np.int8)))
    rows = np.concatenate([p[0] for p in parts])
    day = np.concatenate([p[1] for p in parts])
    art = np.concatenate([p[2] for p in parts])
    lag = np.minimum((rng.standard_exponential(len(day)) * 18).astype(np.int64), 55)
    late = rng.random(len(day)) < frozen_rate * 4
    lag = np.where(late, rng.integers(60, 190, len(day)), lag)
    return Starts(
        person=periods.person[rows],
        beginn=day,
        art=art,
        foerderung=np.concatenate([p[3] for p in parts]),
        abroad=np.isin(art, (SVB, SELBST, AUSBILDUNG)) & (rng.random(len(day)) < 0.006),
        recorded=day + lag,
        office=periods.office[rows],
        everywhere=rng.random(len(day)) < 0.3,
    )


def _integration_kind(rng: np.random.Generator, age: NDArray[np.float64]) -> NDArray[np.int8]:
    draw = rng.random(len(age))
    training = np.where(age < 25, 0.26, np.where(age < 35, 0.06, 0.01))
    return np.where(draw < training, AUSBILDUNG, np.where(draw < training + 0.08, SELBST, SVB)).astype(np.int8)


def _chosen(rng: np.random.Generator, count: int, shares: tuple[tuple[float, str], ...]) -> NDArray[np.int8]:
    """Return support codes with the given probabilities, else none."""
    edges = np.cumsum([s for s, _ in shares])
    codes = np.array([CODE[c] for _, c in shares] + [NO_SUPPORT], dtype=np.int8)
    return codes[np.searchsorted(edges, rng.random(count), side="right")]


def _begleitend(rng: np.random.Generator, art: NDArray[np.int8], day: Int) -> NDArray[np.int8]:
    """Return supports that leave an integration an integration."""
    job = _chosen(
        rng,
        len(art),
        (
            (0.09, "16_egz"),
            (0.06, "vb"),
            (0.02, "16b"),
            (0.008, "esf_lza"),
            (0.006, "16_sonst"),
            (0.004, "16f"),
            (0.01, "16e_neu"),
        ),
    )
    job = np.where((job == CODE["16e_neu"]) & (day < LIST_2019), CODE["16_egz"], job)
    own = _chosen(rng, len(art), ((0.35, "16b"), (0.1, "vb")))
    return np.select([art == SVB, art == SELBST], [job, own], NO_SUPPORT).astype(np.int8)


def _oegb(rng: np.random.Generator, day: Int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return kind and support of starts into publicly supported employment, under the lists of their day."""
    old = _chosen(rng, len(day), ((0.86, "16d"), (0.06, "16e_alt"), (0.07, "sozteil"), (0.01, "buergerarbeit")))
    new = _chosen(rng, len(day), ((0.74, "16d"), (0.25, "16i"), (0.01, "16e_alt")))
    code = np.where(day >= LIST_2019, new, old)
    code = np.where(code == NO_SUPPORT, CODE["16d"], code).astype(np.int8)
    return np.where(code == CODE["16d"], SONST, SVB).astype(np.int8), code


def draw_measures(
    rng: np.random.Generator, calendar: Calendar, people: People, periods: Presence, starts: Starts
) -> Measures:
    """Return participations in measures: those of supported starts, and others during receipt."""
    group = people.long_term[periods.person].astype(np.int64)
    rows, von = _days(rng, calendar, periods, MEASURES_PER_YEAR[group])
    art = _chosen(
        rng,
        len(rows),
        (
            (0.62, "16_sonst"),
            (0.04, "16f"),
            (0.22, "vb"),
            (0.02, "16b"),
            (0.02, "esf_lza"),
            (0.0003, "16i"),
            (0.0003, "16k"),
        ),
    )
    art = np.where(art == NO_SUPPORT, CODE["16_sonst"], art).astype(np.int8)
    length = np.where(art == CODE["vb"], 3, 20 + (rng.standard_exponential(len(rows)) * 60).astype(np.int64))
    supported = np.flatnonzero((starts.foerderung != NO_SUPPORT) & (rng.random(len(starts)) < 0.9))
    code = starts.foerderung[supported]
    long = np.isin(code, [CODE[c] for c in ("16e_alt", "sozteil", "16i", "16e_neu")])
    extra = np.where(long, rng.integers(180, 730, len(code)), rng.integers(40, 240, len(code)))
    bis = von + length
    leave = periods.bis[rows]
    bis = np.where((bis > leave) & (rng.random(len(bis)) < 0.9), np.maximum(leave, von), bis)
    return Measures(
        np.concatenate([periods.person[rows], starts.person[supported]]),
        np.concatenate([art, code]),
        np.concatenate([von, starts.beginn[supported]]),
        np.concatenate([bis, starts.beginn[supported] + extra]),
        np.concatenate([periods.office[rows], starts.office[supported]]),
    )
