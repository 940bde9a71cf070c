"""One small country in which every person is a worked case: its deliveries as a tree of CSV files, and what was counted.

A life is a table; its rows are

    ELB      jobcenter  from  [to]           employable beneficiary there, in stock on every counting day in between
    NEF      jobcenter  from  [to]           in stock, but not employable
    START    kind  day  [support=code] [abroad] [recorded=day]           recorded after two weeks unless said otherwise
    MEASURE  code  from  [to]                participation in a measure
    JOB      personengruppe  from  [to]      employment period of the employment statistics
    CLAIM    month  legal basis  euro        entitlement of the month
    BORN     day

The counting day (Stichtag) of every month is the 15th. What is known when is kept: the end of a period that lies after the
freeze day of a delivery is still open in it.
"""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import steps
from pipeline.catalog import Jobcenter
from pipeline.months import Zaehltage, add_months, first_day, last_day, month_range
from pipeline.stage.pseudonyms import pseudonyms
from spec.cases import LIVES, Case, rows

FIRST_MONTH, RUN_MONTH = "2016-02", "2019-02"
OPEN = date(9999, 12, 31)

JOBCENTERS = rows("""
    A          2016-02  2019-02
    B          2016-02  2019-02
    L06-A      2016-02  2018-03
    L06-B      2016-02  2018-03
    L07        2016-02  2018-03
    L08        2018-02  2018-03
    L09-none   2016-03  2018-03
    L09-one    2016-03  2018-03
    L09-turn   2016-12  2019-01
    L10        2016-03  2018-03
    N01        2016-02  2016-04
    N02        2016-02  2016-04
    N03        2016-02  2016-04
    N04        2016-02  2016-04
    N05        2016-02  2016-04
    N06        2016-02  2016-04
    N07        2016-02  2016-04
    N08-X      2016-02  2016-07
    N08-Y      2016-02  2016-07
    N09        2016-02  2016-04
    N10        2016-02  2016-04
    N11        2016-02  2016-04
    N12        2016-02  2016-04
    N13        2016-02  2016-08
    N14        2017-11  2019-02
    N15        2016-02  2016-04
    R07        2018-03  2018-03
""")
"""Jobcenter, first and last month it delivers. A case whose result is a count has a jobcenter of its own, which delivers
only the months that the case needs; nothing else is counted there."""

COLUMNS = {
    "bestand": ("person_id", "bg_id", "geschlecht", "geburtsdatum", "ist_elb", "ist_alleinerziehend"),
    "leistungsbezug": ("person_id", "bg_id", "von", "bis"),
    "aufnahme": ("person_id", "beginn", "art", "foerderung", "im_ausland", "recorded_on"),
    "massnahme": ("person_id", "massnahme_art", "von", "bis"),
    "leistung": ("bg_id", "person_id", "rechtsgrundlage", "anspruch_eur"),
    "beschaeftigung": ("person_id", "von", "bis", "personengruppe"),
}
EVENTS = ("int", "int_svb", "bs_gering", "bs_2am")

Row = tuple[str, ...]
Found = dict[str, Any]
Key = tuple[str, str, str]


# -- table in: lives ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Period:
    """What lasts from a first to a last day: a stay in a jobcenter (`what` is the jobcenter), a measure or a job."""

    what: str
    von: date
    bis: date
    is_elb: bool = True

    def covers(self, day: date) -> bool:
        """Tell whether the day lies in the period."""
        return self.von <= day <= self.bis

    def known_end(self, freeze: date) -> str:
        """Return the end as it is known on the freeze day, empty while the period is open."""
        return self.bis.isoformat() if self.bis <= freeze else ""


@dataclass(frozen=True)
class Start:
    """The start of an activity."""

    kind: str
    day: date
    support: str
    abroad: bool
    recorded: date


@dataclass
class Person:
    """One life."""

    person_id: str
    born: date = date(1980, 6, 1)
    stays: list[Period] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    measures: list[Period] = field(default_factory=list)
    jobs: list[Period] = field(default_factory=list)
    claims: list[tuple[str, str, str]] = field(default_factory=list)

    def jobcenter_on(self, day: date) -> str:
        """Return who delivers what happens to the person on the day: the last jobcenter entered until then."""
        earlier = [stay for stay in self.stays if stay.von <= day]
        return (earlier or self.stays)[-1].what


def person_of(person_id: str, life: str) -> Person:
    """Read the table of a life."""
    person = Person(person_id)
    for line in rows(life):
        what, *values = line.split()
        if what in ("ELB", "NEF"):
            person.stays.append(_period(values, is_elb=what == "ELB"))
        elif what == "MEASURE":
            person.measures.append(_period(values))
        elif what == "JOB":
            person.jobs.append(_period(values))
        elif what == "START":
            person.starts.append(_start(values))
        elif what == "CLAIM":
            month, legal_basis, euro = values
            person.claims.append((month, legal_basis, euro))
        elif what == "BORN":
            person.born = date.fromisoformat(values[0])
        else:
            raise ValueError(f"{person_id}: a life has no row {line!r}")
    return person


def _period(values: Sequence[str], *, is_elb: bool = True) -> Period:
    what, von, *bis = values
    return Period(what, date.fromisoformat(von), date.fromisoformat(bis[0]) if bis else OPEN, is_elb)


def _start(values: Sequence[str]) -> Start:
    kind, day, *more = values
    said = {word.partition("=")[0]: word.partition("=")[2] for word in more}
    if unknown := said.keys() - {"support", "abroad", "recorded"}:
        raise ValueError(f"a start has no {', '.join(sorted(unknown))}")
    begin = date.fromisoformat(day)
    recorded = said.get("recorded")
    return Start(
        kind,
        begin,
        said.get("support", ""),
        "abroad" in said,
        date.fromisoformat(recorded) if recorded else begin + timedelta(days=14),
    )


# -- the deliveries ----------------------------------------------------------------------------------------------------


def write_deliveries(root: Path, persons: Sequence[Person]) -> None:
    """Write what the jobcenters and the employment statistics deliver, as the data contract says."""
    filled: dict[Key, list[Row]] = defaultdict(list)
    for person in persons:
        for key, row in _deliveries_of(person):
            filled[key].append(row)
    delivered: set[Key] = {(m, "beschaeftigung", "bst") for m in month_range(FIRST_MONTH, RUN_MONTH)}
    for line in JOBCENTERS:
        unit, first, last = line.split()
        delivered |= {
            (m, table, unit)
            for m in month_range(first, last)
            for table in ("bestand", "leistungsbezug", "aufnahme", "massnahme")
        }
    delivered |= {key for key in filled if key[1] == "leistung"}
    for month, table, unit in sorted(delivered):
        path = root / month / table / f"{unit}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS[table])
            writer.writerows(filled[month, table, unit])


def _deliveries_of(person: Person) -> Iterator[tuple[Key, Row]]:
    zaehltage = Zaehltage()
    name, bg = person.person_id, f"bg/{person.person_id}"
    for month in month_range(FIRST_MONTH, RUN_MONTH):
        now, before = zaehltage.stichtag(month), zaehltage.stichtag(add_months(month, -1))
        two_before, freeze = zaehltage.stichtag(add_months(month, -2)), zaehltage.freeze(month)
        for stay in person.stays:
            if stay.covers(now):
                elb = "true" if stay.is_elb else "false"
                yield (month, "bestand", stay.what), (name, bg, "F", person.born.isoformat(), elb, "false")
            seen = stay.von <= now + timedelta(days=8) and stay.bis >= before - timedelta(days=7)
            if stay.is_elb and seen:
                row = (name, bg, stay.von.isoformat(), stay.known_end(freeze))
                yield (month, "leistungsbezug", stay.what), row
        for start in person.starts:
            if two_before < start.day <= now:
                abroad = "true" if start.abroad else "false"
                what = (start.day.isoformat(), start.kind, start.support, abroad, start.recorded.isoformat())
                yield (month, "aufnahme", person.jobcenter_on(start.day)), (name, *what)
        for measure in person.measures:
            if measure.covers(now):
                row = (name, measure.what, measure.von.isoformat(), measure.known_end(freeze))
                yield (month, "massnahme", person.jobcenter_on(now)), row
        for job in person.jobs:
            if job.von <= last_day(month) and job.bis >= first_day(month):
                yield (month, "beschaeftigung", "bst"), (name, job.von.isoformat(), job.known_end(freeze), job.what)
        for claimed, legal_basis, euro in person.claims:
            if claimed == month:
                yield (month, "leistung", person.jobcenter_on(now)), (bg, name, legal_basis, euro)


# -- table out: what was counted ---------------------------------------------------------------------------------------


class Country:
    """The deliveries of all cases, fetched, staged and counted once by the pipeline itself.

    `store` starts as a copy of `earlier`, if there is one: what the switches do not touch is found there.
    """

    def __init__(self, source: Path, store: Path, switches: Sequence[str] = (), earlier: Path | None = None) -> None:
        self._source = source
        if earlier is not None:
            shutil.copytree(earlier, store)
        self._before = set(store.rglob("*.parquet"))
        opened = steps.open_run(store, RUN_MONTH, [str(source)], switches=switches)
        catalog = replace(
            opened.declared,
            jobcenters={
                unit: Jobcenter(unit, f"Jobcenter {unit}", "Saarland", "zkT", ("00000",), date(2011, 1, 1), None)
                for unit in (line.split()[0] for line in JOBCENTERS)
            },
            gebietsaenderungen=(),
            vergleichstypen=(),
        )
        self._run = replace(opened, declared=catalog, settings=replace(opened.settings, threads=1))
        steps.fetch(replace(self._run))
        self.staged = steps.stage(replace(self._run))
        steps.count(replace(self._run))
        self._key = self._run.settings.load_key(self._run.store.root)

    @classmethod
    def of(cls, folder: Path, cases: Iterable[Case]) -> Country:
        """Write the deliveries of the persons of all cases below a folder, and count them."""
        lives = [(c.person_id(name), life) for c in cases if c.kind == LIVES for name, life in c.given.items() if life]
        write_deliveries(folder / "source", [person_of(person_id, life) for person_id, life in lives])
        return cls(folder / "source", folder / "store")

    def under(self, switch: str, store: Path) -> Country:
        """Return the same country counted with a switch in another position, in a store of its own."""
        return Country(self._source, store, [switch], self._run.store.root)

    def without_row(self, table: str, person_ids: Iterable[str]) -> list[str]:
        """Return the persons who have no row in any delivery of a table that was taken in."""
        files = [self._run.store.root / entry["file"] for entry in self._run.staged[table].values()]
        persons = {person for file in files for person in pq.read_table(file).column("person").to_pylist()}
        return [person_id for person_id in person_ids if self._pseudonym(person_id) not in persons]

    def events(self, case: Case) -> list[str]:
        """Return every event of the persons of a case: month, credited jobcenter, what it counts as."""
        found = []
        for name in case.given:
            person = self._pseudonym(case.person_id(name))
            for month, row in self._events.get(person, []):
                kinds = " ".join(kind for kind in EVENTS if row[kind])
                found.append(" ".join(f"{name} {month} {row['jc']} {kinds}".split()))
        return found

    def long_term(self, case: Case) -> list[str]:
        """Return on 2018-03-15: days as ELB since 2016-03-16 (730 days), in stock as ELB or not, LZB or not."""
        month = "2018-03"
        found = []
        for name in case.given:
            person = self._pseudonym(case.person_id(name))
            masks = [self._of(person, "day_masks", m) for m in month_range(add_months(month, -23), month)]
            days = sum(row["mask"].bit_count() for mask in masks for row in mask)
            stock = "ELB" if any(row["elb"] for row in self._of(person, "stock", month)) else "-"
            lzb = "LZB" if self._of(person, "long_term", month) else "-"
            found.append(" ".join(f"{name} {month} {days} {stock} {lzb}".split()))
        return found

    def eckwerte(self, case: Case) -> list[str]:
        """Return the base counts that the expected table of a case names: month, jobcenter, merkmal and value in turn."""
        found = []
        for line in case.expected:
            month, jobcenter, *pairs = line.split()
            cells = [f"{merkmal} {self._eckwert(month, jobcenter, merkmal)}" for merkmal in pairs[::2]]
            found.append(f"{month} {jobcenter} {' '.join(cells)}")
        return found

    def _eckwert(self, month: str, jobcenter: str, merkmal: str) -> str:
        (cell,) = (
            cell
            for cell in pq.read_table(self._run.store.eckwerte(month)).to_pylist()
            if (cell["jc_id"], cell["merkmal"], cell["geschlecht"]) == (jobcenter, merkmal, "T")
        )
        return cell["grund"] or f"{cell['wert'].normalize():f}"

    def _pseudonym(self, person_id: str) -> int:
        number: int = pseudonyms(pa.chunked_array([[person_id]]), self._key, b"person")[0].as_py()
        return number

    @cached_property
    def _events(self) -> dict[int, list[tuple[str, Found]]]:
        found: dict[int, list[tuple[str, Found]]] = defaultdict(list)
        for month in month_range(FIRST_MONTH, RUN_MONTH):
            for row in self._state("events", month):
                found[row["person"]].append((month, row))
        return found

    def _of(self, person: int, state: str, month: str) -> list[Found]:
        return [row for row in self._state(state, month) if row["person"] == person]

    def _state(self, name: str, month: str) -> list[Found]:
        found = set(self._run.store.cells(name).glob(f"{month}-*.parquet"))
        (path,) = found - self._before or found
        kept: list[Found] = pq.read_table(path).to_pylist()
        return kept
