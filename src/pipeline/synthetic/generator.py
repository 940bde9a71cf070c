"""Makes the delivery tree: office by office, each from its own random stream, so that workers and memory stay independent.

Persons who move between offices are drawn first and lent to every office they know; all others live and are written in one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import current_process, get_context
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from pipeline.catalog import Catalog, load_catalog
from pipeline.progress import Progress
from pipeline.synthetic import tables
from pipeline.synthetic.codes import Classes, classes_of
from pipeline.synthetic.counting import ROW, Status, count_unit, delivered_rows, status_of
from pipeline.synthetic.deviations import deviating
from pipeline.synthetic.employment import employed, needed_months, notified
from pipeline.synthetic.households import elb_periods
from pipeline.synthetic.model import PAD, Calendar, Flag, Int, Jobs, Population, Unit, joined, stacked
from pipeline.synthetic.payments import payments_of, sums_of
from pipeline.synthetic.plan import Plan, SyntheticError, make_plan
from pipeline.synthetic.population import calibrated, draw_block
from pipeline.synthetic.published import eckwerte, modelled, signs_of
from pipeline.synthetic.stock import Stock, matrix, stock_of

PERSON_TABLES = ("bestand", "leistungsbezug", "aufnahme", "massnahme", "leistung")
JOBS_IN_MEMORY = 4_000_000
ROWS_AT_ONCE = 400_000
"""Stock rows of a unit that are turned into deliveries at once; bounds the memory of a worker."""


@dataclass(frozen=True, eq=False)
class Work:
    """The part of the country one worker makes: offices that belong together, their units, and the movers they know."""

    plan: Plan
    classes: Classes
    units: tuple[Unit, ...]
    offices: tuple[int, ...]
    movers: Population
    out: Path


@dataclass(frozen=True, eq=False)
class Done:
    """What comes back: counts of the units, notifications of the persons who stay (by person number), rows written."""

    counts: dict[str, Int]
    anonymous: dict[str, Flag]
    jobs: Jobs
    persons: int
    rows: dict[str, int]


def make_part(work: Work) -> Done:
    """Draw, calibrate, count and write the persons of some offices."""
    plan, calendar = work.plan, work.plan.calendar
    blocks = [draw_block(plan, index, work.classes, moving=False) for index in work.offices]
    population = joined([*blocks, work.movers])
    block = np.repeat(np.arange(len(blocks) + 1), [len(p.people) for p in (*blocks, work.movers)])
    stock = stock_of(population, calendar, plan.seed)
    for i, index in enumerate(work.offices):
        population = calibrated(plan, work.classes, index, population, stock, block == i)
    insured = employed(len(population.people), calendar, population.jobs)
    status = status_of(population, stock, calendar, work.classes, insured)
    done = [_deliver(work, population, stock, status, unit) for unit in work.units]
    stays = block < len(blocks)
    jobs = population.jobs.take(stays[population.jobs.person])
    return Done(
        {u.jc_id: counts for u, (counts, _, _) in zip(work.units, done, strict=True)},
        {u.jc_id: nameless for u, (_, nameless, _) in zip(work.units, done, strict=True)},
        _numbered(jobs, population, calendar),
        int(stays.sum()),
        {name: sum(rows[name] for _, _, rows in done) for name in PERSON_TABLES},
    )


def _deliver(
    work: Work, population: Population, stock: Stock, status: Status, unit: Unit
) -> tuple[Int, Flag, dict[str, int]]:
    """Write the person tables of a unit and return its counts, which euro sums have nameless rows, and rows written."""
    plan, calendar = work.plan, work.plan.calendar
    counts = count_unit(population, stock, status, calendar, unit.offices)
    nameless = np.zeros(2, dtype=np.bool_)
    rows = dict.fromkeys(PERSON_TABLES, 0)
    periods = elb_periods(population.people, population.presence)
    periods = periods.take(np.isin(periods.office, unit.offices))
    starts = population.starts
    told = starts.everywhere & _knows(population, unit)[starts.person]
    starts = starts.take(told | np.isin(starts.office, unit.offices))
    measures = population.measures.take(np.isin(population.measures.office, unit.offices))
    own_stock = stock.take(np.isin(stock.office, unit.offices))
    own_rows = matrix(own_stock, np.ones(len(own_stock), dtype=np.bool_), *status.row.shape)
    known = delivered_rows(status, calendar)
    edge = np.searchsorted(own_stock.position, np.arange(len(calendar.months) + 1))
    step = max(1, ROWS_AT_ONCE // max(1, int(np.diff(edge).max())))
    for low in range(unit.begin, unit.end, step):
        span = range(low, min(low + step, unit.end))
        here = own_stock.take(np.arange(edge[span.start], edge[span.stop]))
        paid = payments_of(plan, population, here, own_rows, unit, span)
        sums, hidden = sums_of(paid, population, known, len(calendar.months))
        counts[span.start : span.stop, [ROW["llu"], ROW["luh"]]] = sums[span.start : span.stop]
        nameless |= hidden
        deliveries = (
            tables.bestand(population, here, calendar, span),
            tables.leistungsbezug(population, periods, calendar, span),
            tables.aufnahme(population, starts, calendar, span),
            tables.massnahme(population, measures, calendar, span),
            tables.leistung(population, paid, span),
        )
        for name, months in zip(PERSON_TABLES, deliveries, strict=True):
            for position, content in months:
                path = f"{work.out}/{calendar.months[position]}/{name}/{unit.jc_id}.parquet"
                rows[name] += tables.write(content, path)
    return counts, nameless, rows


def _knows(population: Population, unit: Unit) -> Flag:
    """Tell which persons have ever been present in an office of the unit."""
    there = np.zeros(len(population.people), dtype=np.bool_)
    there[population.presence.person[np.isin(population.presence.office, unit.offices)]] = True
    return there


def _numbered(jobs: Jobs, population: Population, calendar: Calendar) -> Jobs:
    """Return the notifications made of jobs, with person numbers in the place of rows."""
    made = notified(jobs, calendar)
    return made.with_column(person=population.people.number[made.person])


def parts_of(plan: Plan, classes: Classes, movers: Population, out: Path) -> Iterator[Work]:
    """Yield the parts of the country: an office alone, or several that one unit has at some time."""
    parent = {o: o for o in plan.person_offices}
    for unit in plan.person_units:
        root = min(parent[o] for o in unit.offices)
        joined_to = {parent[o] for o in unit.offices}
        parent = {o: root if p in joined_to else p for o, p in parent.items()}
    presence = movers.presence
    for root in sorted(set(parent.values())):
        offices = tuple(o for o, p in parent.items() if p == root)
        units = tuple(u for u in plan.person_units if set(u.offices) <= set(offices))
        guests = np.zeros(len(movers.people), dtype=np.bool_)
        guests[presence.person[np.isin(presence.office, offices)]] = True
        yield Work(plan, classes, units, offices, movers.chosen(guests), out)


def generate(
    out: Path,
    first: str,
    last: str,
    *,
    scale: float,
    seed: int,
    progress: Progress | None = None,
    workers: int = 2,
    everyone: bool = False,
    catalog: Catalog | None = None,
) -> dict[str, Any]:
    """Write a synthetic delivery tree for the months `first` … `last` into the new directory `out` and return a summary.

    `scale` multiplies all persons and published counts (at most 1); equal arguments give equal bytes in every file.
    With `everyone` all jobcenters deliver persons, not only the kommunale ones.
    Raises SyntheticError if `out` has content already or the arguments make no country. The tree appears at once, at the end.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SyntheticError(f"{out} already has content: choose a new or an empty directory")
    catalog = catalog or load_catalog()
    plan = make_plan(catalog, first, last, scale=scale, seed=seed, everyone=everyone)
    classes = classes_of(catalog)
    report = progress or (lambda done, total, what: None)
    aside = out.with_name(out.name + ".teil")
    if aside.exists():
        rmtree(aside)
    _make_directories(plan, aside)
    whose = " --persons alle" if everyone else ""
    _write_notes(plan, aside, f"--from {first} --to {last} --scale {scale} --seed {seed}{whose}")
    movers = joined([draw_block(plan, o, classes, moving=True) for o in plan.person_offices])
    work = list(parts_of(plan, classes, movers, aside))
    total = len(work) + plan.calendar.count + 1
    report(1, total, "Umzüge")
    counts: dict[str, Int] = {}
    anonymous: dict[str, Flag] = {}
    rows = dict.fromkeys((*PERSON_TABLES, "beschaeftigung", "eckwerte"), 0)
    persons = len(movers.people)
    with Notifications(plan.calendar, aside) as notifications:
        for i, done in enumerate(_results(work, workers)):
            counts |= done.counts
            anonymous |= done.anonymous
            persons += done.persons
            for name, number in done.rows.items():
                rows[name] += number
            notifications.add(done.jobs)
            report(i + 2, total, "Personen der Jobcenter")
        notifications.add(_numbered(movers.jobs, movers, plan.calendar))
    rows["beschaeftigung"] = notifications.rows
    for i, number in enumerate(_publish(plan, counts, anonymous, aside)):
        rows["eckwerte"] += number
        report(len(work) + 2 + i, total, "Veröffentlichte Eckwerte")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside.replace(out)
    return {
        "synthetisch": True,
        "von": first,
        "bis": last,
        "monate": plan.calendar.count,
        "scale": scale,
        "seed": seed,
        "personen": persons,
        "jobcenter_mit_personen": len(plan.person_units),
        "jobcenter_nur_eckwerte": len(plan.published_units),
        "zeilen": rows,
    }


def _results(work: Sequence[Work], workers: int) -> Iterator[Done]:
    """Yield the parts in order, made here or by worker processes."""
    if workers <= 1 or len(work) < 4 or current_process().daemon or not _main_can_be_imported():
        yield from map(make_part, work)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(make_part, work)


def _main_can_be_imported() -> bool:
    """Tell whether worker processes can start: a program read from standard input cannot be imported by them."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    return file is None or Path(file).is_file()


class Notifications:
    """The files of the table `beschaeftigung`, all open at once; rows are kept back until enough came together."""

    def __init__(self, calendar: Calendar, out: Path) -> None:
        self._calendar = calendar
        self._out = out
        self._files = ExitStack()
        self._waiting: list[Jobs] = []
        self._writers: dict[int, pq.ParquetWriter] = {}
        self.rows = 0

    def __enter__(self) -> Notifications:
        return self

    def add(self, jobs: Jobs) -> None:
        """Take the notifications of some persons."""
        self._waiting.append(jobs)
        if sum(len(j) for j in self._waiting) > JOBS_IN_MEMORY:
            self._flush()

    def _flush(self) -> None:
        jobs = stacked(self._waiting)
        self._waiting = []
        for position in needed_months(self._calendar):
            content = tables.beschaeftigung(jobs, self._calendar, position)
            if position not in self._writers:
                path = f"{self._out}/{self._calendar.months[position]}/beschaeftigung/bst.parquet"
                self._writers[position] = self._files.enter_context(tables.opened(path, content.schema))
            self._writers[position].write_table(content)
            self.rows += content.num_rows

    def __exit__(self, *error: object) -> None:
        if self._waiting and error[0] is None:
            self._flush()
        self._files.close()


def _publish(plan: Plan, counts: dict[str, Int], anonymous: dict[str, Flag], out: Path) -> Iterator[int]:
    """Write the published counts of every month and yield their rows."""
    calendar = plan.calendar
    model = {o: modelled(plan, plan.offices[o]) for u in plan.published_units for o in u.offices}
    signs = signs_of(calendar)
    only = [u.jc_id for u in plan.published_units]
    outage = only[plan.seed % len(only)] if only and calendar.count > 30 else ""
    withheld = frozenset(only[5::150])
    told = {u.jc_id: deviating(plan, u, counts[u.jc_id]) for u in plan.person_units}
    for position in calendar.delivered:
        cells = {u.jc_id: told[u.jc_id][position] for u in plan.person_units if u.begin <= position < u.end}
        for unit in plan.published_units:
            if unit.begin <= position < unit.end:
                cells[unit.jc_id] = sum(
                    (model[o][position] for o in unit.offices), start=np.zeros_like(signs[0][:, None])
                )
        missing = outage if position == PAD + 2 else ""
        content = eckwerte(sorted(cells.items()), anonymous, signs[position], missing, withheld)
        yield tables.write(content, f"{out}/{calendar.months[position]}/eckwerte/statistik.parquet")


def _make_directories(plan: Plan, out: Path) -> None:
    calendar = plan.calendar
    employment = needed_months(calendar)
    for position in calendar.delivered:
        for name in (*PERSON_TABLES, "eckwerte", *(["beschaeftigung"] if position in employment else [])):
            (out / calendar.months[position] / name).mkdir(parents=True)


def _write_notes(plan: Plan, out: Path, options: str) -> None:
    """Write the marker, which tells the command, and the list of irregular Zähltage."""
    text = (
        f"{tables.MARKER_TEXT}\n\nErzeugt mit: kennzahlen synth {options}\n"
        "Größen der Kreise: INKAR, © BBSR Bonn, dl-de/by-2-0, eigene Berechnung.\n"
    )
    (out / tables.MARKER_FILE).write_bytes(text.encode())
    lines = ["ref_month,stichtag", *(f"{m},{d.isoformat()}" for m, d in sorted(plan.calendar.listed.items()))]
    (out / "zaehltage.csv").write_bytes(("\n".join(lines) + "\n").encode())
