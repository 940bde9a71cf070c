"""What the synthetic country consists of: calendar, sizes from official figures, who delivers when, and the wanted K2E3 rates.

Everything is a pure function of the arguments, the catalog and the small data files beside this module; no person is drawn here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Catalog, Jobcenter
from pipeline.months import first_day, month_number, month_range
from pipeline.synthetic.model import PAD, Calendar, Int, Office, Unit, day_from

SAALEKREIS = "t04412"
FLOOR_ELB, FLOOR_ELB_TENTH, TENTH = 250.0, 600.0, 0.1
"""No jobcenter is smaller; from a tenth of the country on none is so small that the disclosure rules leave it no K2E3."""
FLOOR_ELB_CASE = 300.0
NATIONAL_RATE = 0.675
RATE_SPREAD = 0.036
LOWEST_RATE, HIGHEST_RATE = 0.565, 0.733
BEST_PERSONS, BEST_PUBLISHED = (0.756, 0.7485), (0.7595, 0.7515)
"""Wanted K2E3 of the four jobcenters that stand before the case: two that deliver persons, two that do not."""


class SyntheticError(ValueError):
    """The arguments ask for a country that cannot be made; the text says what to change."""


@dataclass(frozen=True)
class Source:
    """Figures of one jobcenter before scaling: yearly ELB, shares between 0 and 1, euros a month for a unit of need."""

    elb: dict[int, float]
    women: float
    under_25: float
    over_55: float
    lone: float
    single_bg: float
    child_bg: float
    alg2_eur: float
    housing_eur: float


@dataclass(frozen=True, eq=False)
class Plan:
    """The country: `person_units` deliver persons, `published_units` only appear in the published counts."""

    calendar: Calendar
    seed: int
    offices: tuple[Office, ...]
    person_units: tuple[Unit, ...]
    published_units: tuple[Unit, ...]
    cohort: tuple[int, int] | None

    @property
    def person_offices(self) -> tuple[int, ...]:
        """Return the offices that keep persons, in order."""
        return tuple(sorted({o for u in self.person_units for o in u.offices}))


def stream(seed: int, *what: str | int) -> np.random.Generator:
    """Return the random stream for a purpose; equal seed and purpose give equal numbers, whatever else is drawn."""
    key = blake2b("\x1f".join(str(w) for w in what).encode(), digest_size=8).digest()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, int.from_bytes(key, "little")])))


def irregular_zaehltage(months: Iterable[str]) -> dict[str, date]:
    """Return the months whose Zähltag is not the 15th: weekends, Decembers and a few others, from the 10th to the 18th."""
    listed = {}
    for month in months:
        fifteenth = first_day(month).replace(day=15)
        day = {5: 14, 6: 17}.get(fifteenth.weekday(), 15)
        if fifteenth.month == 12:
            day = 12
        elif fifteenth.month == 6 and fifteenth.year % 2 == 0:
            day = 10
        elif fifteenth.month == 9 and fifteenth.year % 2 == 1:
            day = 18
        if day != 15:
            listed[month] = fifteenth.replace(day=day)
    return listed


def _csv(name: str) -> list[dict[str, str]]:
    file = resources.files("pipeline.synthetic") / "data" / name
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def _sources() -> dict[str, Source]:
    found = {}
    for row in _csv("kreise.csv"):
        percent = {k: float(v) / 100 for k, v in row.items() if k.endswith("_prozent")}
        found[row["ags5"]] = Source(
            {int(k[4:]): float(v) for k, v in row.items() if k.startswith("elb_")},
            percent["frauen_prozent"],
            percent["u25_prozent"],
            percent["ab55_prozent"],
            percent["alleinerz_prozent"],
            percent["bg_1_person_prozent"],
            percent["bg_mit_kind_prozent"],
            float(row["alg2_eur_je_bg"]),
            float(row["unterkunft_eur_je_bg"]),
        )
    return found


def _combined(parts: Sequence[tuple[Source, float]]) -> Source:
    """Return the figures of several Kreise together; shares are weighted with the ELB of 2017."""
    weights = [s.elb[2017] * share for s, share in parts]
    total = sum(weights)

    def mean(name: str) -> float:
        return float(sum(getattr(s, name) * w for (s, _), w in zip(parts, weights, strict=True)) / total)

    names = ("women", "under_25", "over_55", "lone", "single_bg", "child_bg", "alg2_eur", "housing_eur")
    years = parts[0][0].elb
    return Source({y: sum(s.elb[y] * share for s, share in parts) for y in years}, *(mean(n) for n in names))


def _source_of(jobcenter: Jobcenter, kreise: dict[str, Source], parts: dict[str, tuple[str, float]]) -> Source:
    if jobcenter.jc_id in parts:
        ags5, share = parts[jobcenter.jc_id]
        return _combined([(kreise[ags5], share)])
    try:
        return _combined([(kreise[a], 1.0) for a in jobcenter.ags5])
    except KeyError as error:
        raise SyntheticError(
            f"{jobcenter.jc_id}: no size is known for the Kreis {error}; add it to kreise.csv or anteile.csv"
        ) from error


def _stock_path(source: Source, calendar: Calendar, factor: float) -> NDArray[np.float64]:
    """Return the wanted ELB stock at every position: yearly means joined by lines, a small season on top."""
    years = sorted(source.elb)
    at = np.array([month_number(m) for m in calendar.months], dtype=np.float64)
    path = np.interp(at, [y * 12 + 5.5 for y in years], [source.elb[y] for y in years])
    season = 1 + 0.006 * np.cos((at % 12 - 1.5) / 12 * 2 * np.pi)
    return np.asarray(path * season * factor, dtype=np.float64)


def _parts_of(unit: Jobcenter, catalog: Catalog, begin: date) -> tuple[str, ...]:
    """Return the offices of a unit: its predecessors as far as they still existed at the beginning, else itself."""
    found: list[str] = []
    for change in catalog.gebietsaenderungen:
        old = catalog.jobcenters[change.alt]
        if change.neu == unit.jc_id and old.valid_to is not None and old.valid_to >= begin:
            found += _parts_of(old, catalog, begin)
    return tuple(sorted(found)) or (unit.jc_id.split("@")[0],)


def _targets(units: Sequence[Jobcenter], elb: dict[str, float], merged: frozenset[str], seed: int) -> dict[str, float]:
    """Return the wanted K2E3 of every jobcenter: four before the case (none of them merged), all others below it.

    The country as a whole comes to its mean, weighted with `elb`.
    """
    rng = stream(seed, "k2e3")
    names = sorted(u.jc_id for u in units)
    drawn = dict(zip(names, rng.normal(NATIONAL_RATE, RATE_SPREAD, len(names)), strict=True))
    for traeger, best in (("zkT", BEST_PERSONS), ("gE", BEST_PUBLISHED)):
        whole = [u for u in units if u.traeger == traeger and u.jc_id not in {SAALEKREIS, *merged}]
        mine = sorted(whole, key=lambda u: elb[u.jc_id])
        candidates = [u.jc_id for u in mine[len(mine) * 11 // 20 : -(len(mine) // 10) or None]]
        if len(candidates) >= len(best):
            for name, rate in zip(rng.choice(candidates, len(best), replace=False), best, strict=True):
                drawn[str(name)] = rate + 1
    fixed = {n: r - 1 for n, r in drawn.items() if r > 1}
    if SAALEKREIS in drawn:
        fixed[SAALEKREIS] = 0.743
    free = [n for n in names if n not in fixed]
    weight = np.array([elb[n] for n in free])
    rest = NATIONAL_RATE * sum(elb[n] for n in names) - sum(fixed[n] * elb[n] for n in fixed)
    rates = np.array([drawn[n] for n in free])
    for _ in range(20):
        rates = np.clip(rates + (rest / weight.sum() - np.average(rates, weights=weight)), LOWEST_RATE, HIGHEST_RATE)
    return fixed | dict(zip(free, rates.tolist(), strict=True))


def _units(jobcenters: Sequence[Jobcenter], calendar: Calendar) -> list[tuple[Jobcenter, int, int]]:
    """Return who is valid on S(m) at which positions."""
    found = []
    for jobcenter in jobcenters:
        at = [p for p in calendar.delivered if jobcenter.valid_on(day_from(int(calendar.stichtag[p])))]
        if at:
            found.append((jobcenter, at[0], at[-1] + 1))
    return found


def make_plan(catalog: Catalog, first: str, last: str, *, scale: float, seed: int, everyone: bool = False) -> Plan:
    """Return the country for the delivered months `first` … `last`; `scale` multiplies all persons and published counts.

    With `everyone` all jobcenters deliver persons, otherwise only the kommunale ones (zkT).

    Raises SyntheticError for a scale that is not positive or months in the wrong order.
    """
    if not 0 < scale <= 1:
        raise SyntheticError(f"scale is {scale}: choose a number above 0 and up to 1")
    if month_number(last) < month_number(first):
        raise SyntheticError(f"--to {last} lies before --from {first}")
    months = month_range(first, last)
    around = Calendar.of(first, last, {}).months
    calendar = Calendar.of(first, last, irregular_zaehltage(around))
    begin = day_from(int(calendar.stichtag[PAD]))
    kreise, parts = _sources(), {r["jc_id"]: (r["ags5"], float(r["anteil"])) for r in _csv("anteile.csv")}
    valid = _units(sorted(catalog.jobcenters.values(), key=lambda j: j.jc_id), calendar)
    by_name: dict[str, Jobcenter] = {}
    target_of: dict[str, float] = {}
    latest = [j for j, _, end in valid if end == PAD + len(months)]
    elb_2017 = {j.jc_id: _source_of(j, kreise, parts).elb[2017] for j in latest}
    merged = frozenset(j.jc_id for j in latest if len(_parts_of(j, catalog, begin)) > 1)
    targets = _targets(latest, elb_2017, merged, seed)
    for jobcenter, _, _ in valid:
        for name in _parts_of(jobcenter, catalog, begin):
            by_name[name] = catalog.jobcenters.get(name, jobcenter)
            target_of[name] = targets.get(jobcenter.jc_id, target_of.get(name, NATIONAL_RATE))
    numbers = {n: i for i, n in enumerate(sorted({j.split("@")[0] for j in catalog.jobcenters}))}
    offices = []
    for name in sorted(by_name):
        jobcenter = by_name[name]
        source = _source_of(jobcenter, kreise, parts)
        floor = FLOOR_ELB_CASE if name == SAALEKREIS else FLOOR_ELB_TENTH if scale >= TENTH else FLOOR_ELB
        factor = max(scale, min(1.0, floor / source.elb[2017]))
        offices.append(
            Office(
                name,
                numbers[name],
                jobcenter.land,
                _stock_path(source, calendar, factor),
                source.women,
                source.under_25,
                source.over_55,
                source.lone,
                source.single_bg,
                source.child_bg,
                source.alg2_eur / 352.0,
                source.housing_eur,
                target_of[name],
                numbers[name] % 29 == 7,
            )
        )
    index = {o.name: i for i, o in enumerate(offices)}
    units = [
        (j.traeger, Unit(j.jc_id, tuple(index[n] for n in _parts_of(j, catalog, begin)), a, b)) for j, a, b in valid
    ]
    last_cohort = PAD + len(months) - 1 - 4 - 12
    return Plan(
        calendar,
        seed,
        tuple(offices),
        tuple(u for t, u in units if everyone or t == "zkT"),
        tuple(u for t, u in units if not everyone and t == "gE"),
        (last_cohort - 11, last_cohort) if last_cohort - 11 >= PAD else None,
    )


def positions_of(calendar: Calendar, days: Int) -> Int:
    """Return the position m of every day with S(m-1) < day ≤ S(m); 0 before the calendar, its length after it."""
    return np.searchsorted(calendar.stichtag, days, side="left").astype(np.int64)
