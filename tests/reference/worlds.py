"""Small, nasty, invented countries as delivery trees on disk, reproducible by seed.

`make_world(seed, directory)` invents jobcenters, persons and their lives, writes what the jobcenters would deliver, and
spoils it in the ways named in `FEATURES`. The truth about persons drives all tables; every inconsistency is one that a
feature put there. `World.revise_in_place()` and `World.revise_as_source()` write the revisions a second look would
bring. Nothing here counts anything.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from .deliveries import CODES, MERKMALE, PERSON_TABLES, RECHTSGRUNDLAGEN, SCHEMA, SINGLE_UNIT
from .zeit import ONE_DAY, Zaehltage, add_months, first_day, last_day, months_between

Row = dict[str, Any]
Address = tuple[str, str, str]
Span = tuple[str, str, dt.date, dt.date | None, bool]
"""Unit, unit of need, first day, last day, whether as ELB."""

FEATURES = {
    "zaehltage": "Stichtage between the 8th and the 20th, listed for some months only",
    "published": "jobcenters (gE) that appear only through the table eckwerte",
    "published_both": "jobcenters with persons and published counts",
    "signs": "all signs among the published counts, and rows missing",
    "published_conflict": "two published rows for one cell that disagree",
    "holes": "single deliveries missing: of persons, of beschaeftigung, of eckwerte",
    "late_start": "a jobcenter whose first delivery comes months after the others'",
    "stops": "a jobcenter that stops delivering before the run's month",
    "header_only": "deliveries of zero cases where there were some",
    "bad_rows": "rows that break what the contract says of a column",
    "rejected": "deliveries with a missing or unknown column, or unreadable",
    "revisions": "some deliveries incomplete or missing at first; their revisions are pending",
    "central_revisions": "months of beschaeftigung and eckwerte are among the revisions, whatever else is",
    "second_source": "some deliveries incomplete or missing at first, and revised by a second source",
    "rejected_revision": "a revision in the second source with a broken structure",
    "late_records": "starts recorded after the freeze day",
    "out_of_window": "rows outside the window of their delivery",
    "duplicates": "rows that stand twice in a delivery",
    "double_stock": "persons in the stock of two jobcenters on one day",
    "contradictions": "bestand rows of one person that contradict each other",
    "sexes": "sex D, missing, changing between months and units",
    "no_person": "leistung rows without a person",
    "orphans": "stock without periods, periods without stock, starts and measures of strangers",
    "merger": "a jobcenter merged into another by gebietsaenderungen.csv",
    "territory": "a jobcenter founded, or closed without successor, in mid series",
    "vergleichstyp": "registry rows with a Vergleichstyp",
    "columns": "columns in any order",
    "young": "persons born so late that some become LZB before they are seventeen",
    "ids": "identifiers with leading zeros, different only in upper and lower case, with umlauts",
}
CONTESTED = frozenset({"rejected_revision", "central_revisions", "young"})
"""Features whose reading is open, or that only stages of revisions or a switch need; never on unless asked for."""

LAENDER = ("Sachsen-Anhalt", "Niedersachsen", "Bayern")
NEW_LISTS = dt.date(2019, 1, 1)
FAR = dt.date(2099, 12, 31)
PERSONENGRUPPEN = (
    *("101", "102", "105", "106", "107", "109", "110", "119", "120", "121", "123", "140"),
    *("190", "202", "209", "210"),
)
CHANGING = ("buergerarbeit", "16i", "16e_alt", "16e_neu", "sozteil")
ARTEN = ("svb",) * 10 + ("gering",) * 5 + ("ausbildung", "selbst", "freiwilligendienst", "sonst") * 2


# --- persons -----------------------------------------------------------------------------------------------------


@dataclass
class Period:
    """A stay in one unit of need of one jobcenter, as ELB or as NEF."""

    unit: str
    bg_id: str
    von: dt.date
    bis: dt.date | None
    is_elb: bool = True
    end_known_on: dt.date = dt.date.min
    """The day from which on the end is known; before it the period is delivered as open."""

    def covers(self, day: dt.date) -> bool:
        """Tell whether a day lies in the stay."""
        return self.von <= day <= (self.bis or FAR)

    def overlaps(self, first: dt.date, last: dt.date) -> bool:
        """Tell whether the stay touches a span of days."""
        return self.von <= last and (self.bis or FAR) >= first


@dataclass
class Person:
    """One invented life."""

    person_id: str
    sex: str
    born: dt.date
    new_sex: tuple[dt.date, str] | None = None
    """A day from which on bestand says another sex."""
    periods: list[Period] = field(default_factory=list)
    alone: tuple[dt.date, dt.date] | None = None
    starts: list[tuple[list[str], Row]] = field(default_factory=list)
    """(units that deliver it, row of aufnahme)."""
    measures: list[tuple[str, Row]] = field(default_factory=list)
    jobs: list[Row] = field(default_factory=list)

    def is_alone(self, day: dt.date) -> bool:
        """Tell whether the person is a lone parent on a day."""
        return self.alone is not None and self.alone[0] <= day <= self.alone[1]


@dataclass
class World:
    """A generated country: where its trees lie, what run it is made for, and what it is made of."""

    seed: int
    sources: list[Path]
    run_month: str
    registry: list[dict[str, str]]
    features: frozenset[str]
    months: list[str]
    pending: dict[Address, tuple[list[Row], str]] = field(default_factory=dict)
    """Revisions that are not written yet: rows and file suffix by address."""

    def revise_in_place(self, only: Iterable[Address] | None = None) -> list[Address]:
        """Write the pending revisions (or only some) over the files of the first source; return the changed addresses.

        None of them has been revised by a later source, so every one of them takes effect.
        """
        return self._revise(self.sources[0], only)

    def revise_as_source(self, directory: Path, only: Iterable[Address] | None = None) -> list[Address]:
        """Write the pending revisions (or only some) as one more source, named last; return the changed addresses."""
        self.sources.append(directory)
        return self._revise(directory, only)

    def _revise(self, root: Path, only: Iterable[Address] | None) -> list[Address]:
        """Write pending revisions below a root."""
        written = sorted(self.pending if only is None else only)
        for address in written:
            rows, suffix = self.pending.pop(address)
            write_delivery(root, address, rows, suffix)
        return written


# --- writing -----------------------------------------------------------------------------------------------------


def _as_csv(value: Any) -> str:
    """Write one value as the contract wants it in CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _csv_bytes(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """Write rows as UTF-8 CSV with a header."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_as_csv(row[column]) for column in columns] for row in rows)
    return buffer.getvalue().encode("utf-8")


def _write_parquet(path: Path, columns: Sequence[str], rows: list[Row]) -> None:
    """Write rows as Parquet with the contract's types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"anspruch_eur": pa.decimal128(12, 2), "wert": pa.decimal128(18, 2)}
    types |= dict.fromkeys(("geburtsdatum", "von", "bis", "beginn", "recorded_on"), pa.date32())
    types |= dict.fromkeys(("ist_elb", "ist_alleinerziehend", "im_ausland"), pa.bool_())
    schema = pa.schema([(column, types.get(column, pa.string())) for column in columns])
    values = [{column: None if row[column] == "" else row[column] for column in columns} for row in rows]
    pq.write_table(pa.Table.from_pylist(values, schema=schema), path)


def _target(root: Path, address: Address, suffix: str) -> Path:
    """Return the path of a delivery, with any older file of the same delivery removed."""
    month, table, unit = address
    folder = root / month / table
    folder.mkdir(parents=True, exist_ok=True)
    for old in (".parquet", ".csv", ".csv.gz"):
        (folder / f"{unit}{old}").unlink(missing_ok=True)
    return folder / f"{unit}{suffix}"


def write_delivery(
    root: Path, address: Address, rows: list[Row], suffix: str, columns: Sequence[str] | None = None
) -> None:
    """Write one delivery; an older file of it in the same tree goes."""
    path = _target(root, address, suffix)
    columns = columns or list(SCHEMA[address[1]])
    if suffix == ".parquet":
        _write_parquet(path, columns, rows)
    else:
        content = _csv_bytes(columns, rows)
        path.write_bytes(gzip.compress(content, mtime=0) if suffix == ".csv.gz" else content)


# --- inventing ---------------------------------------------------------------------------------------------------


class Maker:
    """Everything that is decided by chance, in one fixed order."""

    def __init__(self, seed: int, run_month: str, history: int, features: frozenset[str]) -> None:
        """Fix the calendar of a world."""
        self.rng = random.Random(seed)
        self.features = features
        self.run_month = run_month
        self.months = months_between(add_months(run_month, 1 - history), run_month)
        self.listed = self._zaehltage()
        self.zeit = Zaehltage(self.listed)
        self.begin = first_day(self.months[0])
        self.end = last_day(run_month)
        self.registry: list[dict[str, str]] = []
        self.changes: list[tuple[str, str, dt.date]] = []
        self.person_units: list[str] = []
        self.published_units: list[str] = []
        self.persons: list[Person] = []

    def has(self, feature: str) -> bool:
        """Tell whether a feature is on."""
        return feature in self.features

    def chance(self, probability: float) -> bool:
        """Return true with a probability."""
        return self.rng.random() < probability

    def _zaehltage(self) -> dict[str, dt.date]:
        """List Stichtage for some months, also before and after the series."""
        if not self.has("zaehltage"):
            return {}
        around = months_between(add_months(self.months[0], -3), add_months(self.run_month, 4))
        return {m: dt.date(int(m[:4]), int(m[5:]), self.rng.randint(8, 20)) for m in around if self.chance(0.7)}

    # --- days --------------------------------------------------------------------------------------------------------

    def any_day(self) -> dt.date:
        """Return any day of the series."""
        return self.begin + self.rng.randrange((self.end - self.begin).days + 1) * ONE_DAY

    def any_stichtag(self) -> dt.date:
        """Return any Stichtag, the later ones more often."""
        last = len(self.months) - 1
        return self.zeit.stichtag(self.months[max(self.rng.randint(0, last), self.rng.randint(0, last))])

    def telling_day(self) -> dt.date:
        """Return a day near one where something is decided: Stichtag, month end, change of the lists, or any day."""
        draw = self.rng.random()
        if draw < 0.45:
            return self.any_stichtag() + self.rng.randint(-2, 2) * ONE_DAY
        if draw < 0.55:
            return last_day(self.rng.choice(self.months)) + self.rng.randint(-1, 2) * ONE_DAY
        if draw < 0.65 and self.begin < NEW_LISTS < self.end:
            return NEW_LISTS + self.rng.randint(-40, 45) * ONE_DAY
        return self.any_day()

    # --- jobcenters --------------------------------------------------------------------------------------------------

    def make_units(self) -> None:
        """Invent three to six jobcenters in several Laender, mergers and changes of territory included."""
        count = self.rng.randint(3, 6)
        for number in range(count):
            land = LAENDER[number % len(LAENDER)] if number < 2 else self.rng.choice(LAENDER)
            traeger = "zkT" if number == 0 or self.chance(0.35) else "gE"
            self._register(f"t{self.rng.randint(0, 9)}{number:02d}{self.rng.randint(10, 99)}", land, traeger)
            if self.has("vergleichstyp"):
                self.registry[-1]["vergleichstyp"] = self.rng.choice(("Ia", "IIb", ""))
        ids = [line["jc_id"] for line in self.registry]
        self.published_units = [ids[-1]] if self.has("published") else []
        if self.has("published") and count > 4:
            self.published_units.append(ids[-2])
        self.person_units = [unit for unit in ids if unit not in self.published_units]
        for line in self.registry:
            if line["jc_id"] in self.published_units:
                line["traeger"] = "gE"
        if self.has("territory"):
            self._found_or_close()
        if self.has("merger"):
            self._merge()

    def _register(self, jc_id: str, land: str, traeger: str, valid_from: str = "2005-01-01") -> dict[str, str]:
        """Add a jobcenter to the registry."""
        line = {"jc_id": jc_id, "name": f"Jobcenter {jc_id}", "land": land, "traeger": traeger}
        line |= {"valid_from": valid_from, "valid_to": ""}
        self.registry.append(line)
        return line

    def _found_or_close(self) -> None:
        """Let one more jobcenter begin or end in mid series, without successor or predecessor."""
        day = self.zeit.stichtag(self.rng.choice(self.months[3:])) + self.rng.randint(-1, 2) * ONE_DAY
        line = self._register("t99001", self.rng.choice(LAENDER), "zkT")
        if self.chance(0.5):
            line["valid_from"] = day.isoformat()
        else:
            line["valid_to"] = day.isoformat()
        self.person_units.append(line["jc_id"])

    def _merge(self) -> None:
        """Merge a jobcenter into an old one, two into a new one, or in a chain."""
        kind = self.rng.choice(("absorb", "new", "chain", "published"))
        ab = first_day(self.rng.choice([*self.months[2:], add_months(self.run_month, 1)]))
        if self.chance(0.3):
            ab = self.zeit.stichtag(self.rng.choice(self.months[2:])) + self.rng.randint(0, 1) * ONE_DAY
        if kind == "published" and self.published_units:
            pool, home = self.published_units, self.published_units[0]
        else:
            pool, home = self.person_units, self.person_units[0]
        land, traeger = next((x["land"], x["traeger"]) for x in self.registry if x["jc_id"] == home)
        alt = self._register("t99101", land, traeger)
        alt["valid_to"] = (ab - ONE_DAY).isoformat()
        pool.append("t99101")
        if kind in ("absorb", "published"):
            self.changes.append(("t99101", home, ab))
            return
        other = self._register("t99102", land, traeger)
        other["valid_to"] = alt["valid_to"]
        pool.append("t99102")
        new = self._register("t99103", land, traeger, ab.isoformat())
        self.changes += [("t99101", "t99103", ab), ("t99102", "t99103", ab)]
        later = ab + self.rng.randint(20, 400) * ONE_DAY
        if kind == "chain" and later <= self.end:
            new["valid_to"] = (later - ONE_DAY).isoformat()
            self.changes.append(("t99103", home, later))

    def deliverer(self, unit: str, month: str) -> str | None:
        """Return the unit that delivers for a unit's clients in a month: itself or a successor; None if closed."""
        day = self.zeit.stichtag(month)
        seen = unit
        while (change := next((c for c in self.changes if c[0] == seen and c[2] <= day), None)) is not None:
            seen = change[1]
        line = next(line for line in self.registry if line["jc_id"] == seen)
        valid = line["valid_from"] <= day.isoformat() <= (line["valid_to"] or "9999")
        return seen if valid else None

    # --- lives -------------------------------------------------------------------------------------------------------

    def make_persons(self, count: int) -> None:
        """Invent all persons."""
        for number in range(count):
            person = Person(self._person_id(number), self._sex(), self._birthday())
            self._live(person, number)
            if self.chance(0.35):
                switch = self.telling_day()
                choices = ((dt.date.min, FAR), (dt.date.min, switch), (switch, FAR))
                person.alone = self.rng.choice(choices)
            if self.has("sexes") and person.periods and self.chance(0.2):
                edge = self.rng.choice(person.periods)
                day = (edge.bis or edge.von) + self.rng.randint(-15, 35) * ONE_DAY
                person.new_sex = (day, self.rng.choice(("M", "F", "D", "")))
            self._begin_activities(person)
            self._join_measures(person)
            self.persons.append(person)

    def _person_id(self, number: int) -> str:
        """Return an identifier; nasty ones differ only in case or in leading zeros."""
        if not self.has("ids"):
            return f"{self.rng.randint(0, 99999):05d}P{number:04d}"
        twin = number // 2
        return self.rng.choice((f"0{twin}x", f"{twin}x")) + "aA"[number % 2] + self.rng.choice(("", "ä", "ß", "-1"))

    def _sex(self) -> str:
        """Return a sex; D and missing only where the feature is on."""
        if self.has("sexes") and self.chance(0.12):
            return self.rng.choice(("D", ""))
        return self.rng.choice(("M", "F"))

    def _birthday(self) -> dt.date:
        """Return a day of birth of a grown person, or of one who is about to be."""
        first, last = (1999, 2003) if self.has("young") else (1950, 2000)
        return dt.date(self.rng.randint(first, last), self.rng.randint(1, 12), self.rng.randint(1, 28))

    def _live(self, person: Person, number: int) -> None:
        """Give a person one of the kinds of histories that decide cases."""
        kinds = ["long", "gaps", "threshold", "mover", "back", "churn", "short", "two_bgs", "nef"]
        weights = [4, 4, 5, 3, 2, 4, 2, 2, 2]
        if self.has("double_stock"):
            kinds, weights = [*kinds, "double"], [*weights, 2]
        kind = self.rng.choices(kinds, weights)[0]
        home = self.rng.choice(self.person_units)
        bg = f"BG{number:04d}"
        spans: list[Span] = getattr(self, f"_life_{kind}")(home, bg)
        for unit, bg_id, von, bis, is_elb in spans:
            if bis is not None and von > bis:
                continue
            period = Period(unit, bg_id, von, bis, is_elb)
            if bis is not None:
                period.end_known_on = bis + self.rng.choice((-60, -10, 0, 5, 40, 92, 120, 130, 160)) * ONE_DAY
            person.periods.append(period)

    def _other(self, unit: str) -> str:
        """Return another jobcenter with persons, if there is one."""
        return self.rng.choice([u for u in self.person_units if u != unit] or [unit])

    def _early(self) -> dt.date:
        """Return a day before or early in the series."""
        return self.begin + self.rng.randint(-900, 200) * ONE_DAY

    def _late_end(self) -> dt.date | None:
        """Return no end, or one late in the series."""
        return None if self.chance(0.7) else self.telling_day()

    def _life_long(self, home: str, bg: str) -> list[Span]:
        """Receive for a long time."""
        return [(home, bg, self._early(), self._late_end(), True)]

    def _life_gaps(self, home: str, bg: str) -> list[Span]:
        """Receive for long, with gaps of one to nine days around Stichtage."""
        result: list[Span] = []
        von = self._early()
        gaps = sorted({self.any_stichtag() for _ in range(self.rng.randint(1, 3))})
        for stichtag in gaps:
            length = self.rng.choice((1, 2, 6, 7, 7, 7, 8, 8, 9))
            last = stichtag - self.rng.randint(0, length + 1) * ONE_DAY
            if last > von:
                result.append((home, bg, von, last, True))
                von = last + (length + 1) * ONE_DAY
        result.append((home, bg, von, self._late_end(), True))
        return result

    def _life_threshold(self, home: str, bg: str) -> list[Span]:
        """Reach about 638 days in the window of some late Stichtag, in one or two pieces and places."""
        month = self.rng.choice(self.months[-14:])
        stichtag = self.zeit.stichtag(month)
        wanted = self.rng.randint(636, 640)
        if self.chance(0.5):
            return [(home, bg, stichtag - (wanted - 1) * ONE_DAY, self._late_end(), True)]
        second = self.rng.randint(20, 600)
        window_start = stichtag - 729 * ONE_DAY
        first_end = window_start + (wanted - second - 1) * ONE_DAY
        first_begin = window_start - self.rng.choice((0, 1, 30)) * ONE_DAY
        elsewhere = self._other(home) if self.chance(0.4) else home
        return [
            (elsewhere, bg, first_begin, first_end, True),
            (home, bg, stichtag - (second - 1) * ONE_DAY, self._late_end(), True),
        ]

    def _life_mover(self, home: str, bg: str) -> list[Span]:
        """Move to another jobcenter, with a gap or an overlap."""
        last = self.telling_day()
        again = last + self.rng.choice((-12, -3, 0, 1, 1, 1, 2, 8, 9)) * ONE_DAY
        return [(home, bg, self._early(), last, True), (self._other(home), bg + "n", again, self._late_end(), True)]

    def _life_back(self, home: str, bg: str) -> list[Span]:
        """Leave for another jobcenter and come back, within seven days or later."""
        last = self.telling_day()
        away = self.rng.choice((3, 6, 7, 8, 9, 30))
        other = (self._other(home), bg + "n", last + ONE_DAY, last + away * ONE_DAY, True)
        return [
            (home, bg, self._early(), last, True),
            other,
            (home, bg, last + (away + 1) * ONE_DAY, self._late_end(), True),
        ]

    def _life_churn(self, home: str, bg: str) -> list[Span]:
        """Come and go."""
        result: list[Span] = []
        for number in range(self.rng.randint(1, 6)):
            von = self.telling_day()
            unit = home if self.chance(0.8) else self._other(home)
            result.append((unit, f"{bg}{number % 2}", von, von + self.rng.randint(0, 200) * ONE_DAY, True))
        return result

    def _life_short(self, home: str, bg: str) -> list[Span]:
        """Stay for a few days, perhaps between two Stichtage, perhaps twice."""
        von = self.telling_day()
        bis = von + self.rng.randint(0, 20) * ONE_DAY
        again = bis + self.rng.choice((8, 9, 10, 12)) * ONE_DAY
        return [(home, bg, von, bis, True), (home, bg, again, again + self.rng.randint(0, 15) * ONE_DAY, True)]

    def _life_two_bgs(self, home: str, bg: str) -> list[Span]:
        """Change the unit of need without leaving, or belong to two for a time."""
        last = self.telling_day()
        again = last + self.rng.choice((-30, -1, 0, 1, 8)) * ONE_DAY
        return [(home, bg, self._early(), last, True), (home, bg + "b", again, self._late_end(), True)]

    def _life_nef(self, home: str, bg: str) -> list[Span]:
        """Be NEF before, or for a few days in between."""
        last = self.telling_day()
        if self.chance(0.5):
            return [(home, bg, self._early(), last, False), (home, bg, last + ONE_DAY, self._late_end(), True)]
        until = last + self.rng.choice((5, 7, 8, 40)) * ONE_DAY
        return [
            (home, bg, self._early(), last, True),
            (home, bg, last + ONE_DAY, until, False),
            (home, bg, until + ONE_DAY, self._late_end(), True),
        ]

    def _life_double(self, home: str, bg: str) -> list[Span]:
        """Stand in two jobcenters' stock at the same time."""
        von = self.telling_day()
        second = (self._other(home), bg + "z", von, von + self.rng.randint(0, 700) * ONE_DAY, True)
        return [(home, bg, self._early(), self._late_end(), True), second]

    # --- activities --------------------------------------------------------------------------------------------------

    def _begin_activities(self, person: Person) -> None:
        """Let a person start jobs, trainings, self-employment; some are supported, abroad, or recorded late."""
        for _ in range(self.rng.choice((0, 1, 1, 2, 3, 5))):
            beginn = self.telling_day()
            if person.periods and self.chance(0.3):
                edge = self.rng.choice(person.periods)
                beginn = (edge.bis or edge.von) + self.rng.randint(-20, 30) * ONE_DAY
            units = sorted({p.unit for p in person.periods if p.overlaps(beginn - 60 * ONE_DAY, beginn + 60 * ONE_DAY)})
            units = units or [self.rng.choice(self.person_units)]
            if self.chance(0.25):
                units = [self.rng.choice(self.person_units)]
            row = {
                "person_id": person.person_id,
                "beginn": beginn,
                "art": self.rng.choice(ARTEN),
                "foerderung": self._support_code() if self.chance(0.5) else "",
                "im_ausland": self.chance(0.1),
                "recorded_on": self._recorded(beginn),
            }
            person.starts.append((units, row))
            if self.chance(0.2):
                person.starts.append((units, row | {"beginn": beginn + self.rng.choice((0, 1, 8, 30)) * ONE_DAY}))
            if row["art"] in ("svb", "ausbildung", "freiwilligendienst") and not self.chance(0.1):
                self._work(person, beginn)

    def _support_code(self) -> str:
        """Return a support code, those whose class changes in 2019 more often."""
        return self.rng.choice(CHANGING if self.chance(0.4) else sorted(CODES))

    def _recorded(self, beginn: dt.date) -> dt.date:
        """Return the day a start was recorded: soon, or close to the freeze day of its month or the next."""
        if self.chance(0.75):
            return beginn + self.rng.randint(-10, 60) * ONE_DAY
        month = f"{beginn:%Y-%m}"
        freeze = self.zeit.freeze(add_months(month, self.rng.randint(0, 1)))
        return freeze + self.rng.choice((-1, 0, 0, 1, 1, 30)) * ONE_DAY

    def _work(self, person: Person, beginn: dt.date) -> None:
        """Give a person employment periods after a start, ending around month ends, with gaps and other kinds."""
        von = beginn
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            ahead = add_months(f"{von:%Y-%m}", self.rng.choice((0, 1, 3, 5, 6, 6, 11, 12, 12, 13)))
            bis: dt.date | None = last_day(ahead) + self.rng.randint(-2, 1) * ONE_DAY
            if self.chance(0.35):
                bis = None
            if bis is not None and bis < von:
                bis = von
            gruppe = "101" if self.chance(0.55) else self.rng.choice(PERSONENGRUPPEN)
            person.jobs.append({"person_id": person.person_id, "von": von, "bis": bis, "personengruppe": gruppe})
            if self.chance(0.15):
                person.jobs.append(person.jobs[-1] | {"personengruppe": self.rng.choice(("109", "110", "190"))})
            if bis is None:
                return
            von = bis + self.rng.choice((1, 1, 2, 5, 15, 40, 200)) * ONE_DAY

    def _join_measures(self, person: Person) -> None:
        """Let a person take part in measures, at home or elsewhere."""
        for _ in range(self.rng.choice((0, 0, 1, 1, 2, 3))):
            von = self.telling_day()
            home = person.periods[0].unit if person.periods else self.person_units[0]
            unit = home if self.chance(0.8) else self.rng.choice(self.person_units)
            bis = None if self.chance(0.2) else von + self.rng.choice((0, 1, 20, 100, 300, 600)) * ONE_DAY
            row = {"person_id": person.person_id, "massnahme_art": self._support_code()}
            person.measures.append((unit, row | {"von": von, "bis": bis}))


# --- what is delivered -------------------------------------------------------------------------------------------


class Writer:
    """Turns the lives of a world into deliveries, and spoils them."""

    def __init__(self, maker: Maker) -> None:
        """Take over the invented world."""
        self.m = maker
        self.rng = maker.rng
        self.content: dict[Address, list[Row]] = {}

    def build(self) -> dict[Address, list[Row]]:
        """Return the rows of every delivery, still true to the lives except for contradictions inside."""
        for month in self.m.months:
            for unit in self.m.person_units:
                deliverer = self.m.deliverer(unit, month)
                if deliverer is not None:
                    for table in PERSON_TABLES:
                        rows = getattr(self, f"_{table}")(unit, month)
                        self.content.setdefault((month, table, deliverer), []).extend(rows)
            if month <= add_months(self.m.run_month, self.m.rng.choice((-4, -4, -4, -3))):
                self.content[month, "beschaeftigung", "bst"] = self._beschaeftigung(month)
        self._published()
        return self.content

    def _bestand(self, unit: str, month: str) -> list[Row]:
        """Return everybody in stock of a unit on S(month)."""
        day, rows = self.m.zeit.stichtag(month), []
        for person in self.m.persons:
            for period in person.periods:
                if period.unit == unit and period.covers(day):
                    if self.m.has("orphans") and self.m.chance(0.004):
                        continue
                    rows.append(self._bestand_row(person, period.bg_id, period.is_elb, day))
                    if not self.m.has("double_stock") and not self.m.has("contradictions"):
                        break
            if self.m.has("orphans") and self.m.chance(0.002):
                rows.append(self._bestand_row(person, "BGx", True, day))
        if self.m.has("contradictions"):
            rows += [self._contradict(row) for row in rows if self.m.chance(0.03)]
        return rows

    def _bestand_row(self, person: Person, bg_id: str, is_elb: bool, day: dt.date) -> Row:
        """Return one bestand row."""
        sex = person.sex
        if person.new_sex is not None and day >= person.new_sex[0]:
            sex = person.new_sex[1]
        if self.m.has("sexes") and self.m.chance(0.02):
            sex = self.rng.choice(("M", "F", "D", ""))
        return {
            "person_id": person.person_id,
            "bg_id": bg_id,
            "geschlecht": sex,
            "geburtsdatum": person.born,
            "ist_elb": is_elb,
            "ist_alleinerziehend": person.is_alone(day),
        }

    def _contradict(self, row: Row) -> Row:
        """Return a second row for a person that says something else."""
        changes: list[Row] = [
            {"ist_elb": not row["ist_elb"]},
            {"ist_alleinerziehend": not row["ist_alleinerziehend"]},
            {"geschlecht": self.rng.choice(("M", "F", "D", ""))},
            {"ist_elb": False, "ist_alleinerziehend": True},
            {"bg_id": row["bg_id"] + "q"},
        ]
        return row | self.rng.choice(changes)

    def _leistungsbezug(self, unit: str, month: str) -> list[Row]:
        """Return the ELB periods overlapping the window of a month, as known on the freeze day."""
        first = self.m.zeit.stichtag(add_months(month, -1)) - 7 * ONE_DAY
        last = self.m.zeit.stichtag(month) + 8 * ONE_DAY
        freeze, rows = self.m.zeit.freeze(month), []
        for person in self.m.persons:
            for period in person.periods:
                known = period.bis if period.end_known_on <= freeze else None
                touches = period.von <= last and (known or FAR) >= first
                stray = self.m.has("out_of_window") and self.m.chance(0.01)
                lost = self.m.has("orphans") and self.m.chance(0.003)
                if period.unit == unit and period.is_elb and (touches or stray) and not lost:
                    ids = {"person_id": person.person_id, "bg_id": period.bg_id}
                    rows.append(ids | {"von": period.von, "bis": known})
        return rows

    def _aufnahme(self, unit: str, month: str) -> list[Row]:
        """Return the starts of two windows, as known on the freeze day."""
        first = self.m.zeit.stichtag(add_months(month, -2)) + ONE_DAY
        last, freeze = self.m.zeit.stichtag(month), self.m.zeit.freeze(month)
        slack = ONE_DAY if self.m.has("out_of_window") else 0 * ONE_DAY
        rows = []
        for person in self.m.persons:
            for units, row in person.starts:
                in_time = row["recorded_on"] <= freeze or self.m.has("late_records")
                if unit in units and first - slack <= row["beginn"] <= last + slack and in_time:
                    rows.append(row)
        return rows

    def _massnahme(self, unit: str, month: str) -> list[Row]:
        """Return the participations that cover S(month)."""
        day = self.m.zeit.stichtag(month)
        slack = (2 if self.m.has("out_of_window") else 0) * ONE_DAY
        return [
            row
            for person in self.m.persons
            for where, row in person.measures
            if where == unit and row["von"] - slack <= day <= (row["bis"] or FAR) + slack
        ]

    def _leistung(self, unit: str, month: str) -> list[Row]:
        """Return the entitlements of everybody who is with a unit in the calendar month."""
        rows: list[Row] = []
        for person in self.m.persons:
            period = next(
                (p for p in person.periods if p.unit == unit and p.overlaps(first_day(month), last_day(month))), None
            )
            if period is None or self.m.chance(0.03):
                continue
            bases = {"20" if period.is_elb else "23", self.rng.choice(("22_1", "22_1", "22_1", "22_2"))}
            bases |= {base for base in sorted(RECHTSGRUNDLAGEN) if self.m.chance(0.05)}
            for base in sorted(bases):
                amount = Decimal(self.rng.randint(0, 90000)) / 100
                row = {"bg_id": period.bg_id, "person_id": person.person_id, "rechtsgrundlage": base}
                rows.append(row | {"anspruch_eur": amount.quantize(Decimal("0.01"))})
        if self.m.has("no_person"):
            worst = unit == self.m.person_units[-1]
            for row in rows:
                if self.m.chance(0.2 if worst and row["rechtsgrundlage"].startswith("22") else 0.0005):
                    row["person_id"] = ""
        return rows

    def _beschaeftigung(self, month: str) -> list[Row]:
        """Return every employment period overlapping a calendar month, of beneficiaries and strangers."""
        first, last = first_day(month), last_day(month)
        rows = [
            job
            for person in self.m.persons
            for job in person.jobs
            if job["von"] <= last and (job["bis"] or FAR) >= first
        ]
        stranger = {"person_id": "stranger", "von": first, "bis": None, "personengruppe": "101"}
        return [*rows, stranger] if self.m.has("orphans") else rows

    # --- published counts ----------------------------------------------------------------------------------------

    def _published(self) -> None:
        """Add the table eckwerte: plausible counts for the units that publish."""
        units = list(self.m.published_units)
        if self.m.has("published_both"):
            units.append(self.rng.choice(self.m.person_units))
        if not units:
            return
        size = {unit: self.rng.choice((0, 40, 400, 9000)) for unit in units}
        for month in self.m.months:
            rows: list[Row] = []
            for unit in units:
                deliverer = self.m.deliverer(unit, month)
                for merkmal in MERKMALE if deliverer else ():
                    rows += self._published_cells(str(deliverer), merkmal, size[unit])
            merged = {(row["jc_id"], row["geschlecht"], row["merkmal"]): row for row in rows}
            final = list(merged.values())
            if self.m.has("published_conflict") and final and self.m.chance(0.2):
                row = self.rng.choice(final)
                final.append(row | {"wert": (row["wert"] or Decimal(0)) + 1, "zeichen": ""})
                final.append(dict(self.rng.choice(final[:-1])))
            self.content[month, "eckwerte", "statistik"] = final

    def _published_cells(self, unit: str, merkmal: str, size: int) -> list[Row]:
        """Return the three cells of one published count, with signs and gaps."""
        share = 0.5 if merkmal == "elb" else 0.25 if merkmal in ("lzb", "alleinerz") else 0.03
        men, women = (self.rng.randint(0, int(size * share)) + int(size * share) for _ in range(2))
        other = self.rng.choice((0, 0, 1))
        values = {"T": men + women + other, "M": men, "F": women}
        cents = Decimal(self.rng.randint(0, 99)) / 100 if merkmal in ("llu", "luh") else Decimal(0)
        rows = []
        for sex, value in values.items():
            wert: Decimal | None = Decimal(value) + (cents if sex == "T" else 0)
            zeichen = ""
            if self.m.has("signs") and self.m.chance(0.01):
                continue
            if self.m.has("signs") and self.m.chance(0.015):
                zeichen = self.rng.choice(("-", "*", "x", ".", "..."))
                wert = wert if self.m.chance(0.2) else None
            rows.append({"jc_id": unit, "geschlecht": sex, "merkmal": merkmal, "wert": wert, "zeichen": zeichen})
        return rows

    # --- spoiling --------------------------------------------------------------------------------------------------

    def lose(self) -> None:
        """Take whole deliveries away: holes, late starts, ends."""
        victims = sorted({unit for _, table, unit in self.content if table in PERSON_TABLES})
        if self.m.has("holes"):
            for _ in range(self.rng.randint(1, 4)):
                self.content.pop((self.rng.choice(self.m.months), self.rng.choice(PERSON_TABLES), victims[-1]), None)
            for table in ("beschaeftigung", "eckwerte"):
                if self.m.chance(0.4):
                    self.content.pop((self.rng.choice(self.m.months), table, SINGLE_UNIT[table]), None)
        if self.m.has("late_start"):
            late, until = self.rng.choice(victims), self.m.months[self.rng.randint(1, 10)]
            tables = self.rng.choice((PERSON_TABLES, ("massnahme",), ("leistung", "aufnahme")))
            for address in [a for a in self.content if a[2] == late and a[1] in tables and a[0] < until]:
                del self.content[address]
        if self.m.has("stops"):
            ending, since = self.rng.choice(victims), self.m.months[-self.rng.randint(1, 4)]
            for address in [a for a in self.content if a[2] == ending and a[0] >= since]:
                del self.content[address]
        if self.m.has("header_only"):
            for _ in range(3):
                address = (self.rng.choice(self.m.months), self.rng.choice(PERSON_TABLES), self.rng.choice(victims))
                if address in self.content:
                    self.content[address] = []

    def double(self) -> None:
        """Repeat rows."""
        for address, rows in sorted(self.content.items()):
            if address[1] != "eckwerte" and rows and self.m.chance(0.1):
                rows.append(dict(self.rng.choice(rows)))

    def bad_row(self, table: str, row: Row, suffix: str) -> Row:
        """Return a row that breaks what the contract says of a column."""
        periods = [{"von": dt.date(2018, 5, 2), "bis": dt.date(2018, 5, 1)}]
        keys: list[Row] = [{"person_id": None}]
        typed: dict[str, list[Row]] = {
            "bestand": [*keys, {"geschlecht": "X"}, {"bg_id": None}],
            "leistungsbezug": [*keys, *periods, {"von": None}],
            "aufnahme": [*keys, {"art": "svB"}, {"foerderung": "16z"}, {"beginn": None}, {"recorded_on": None}],
            "massnahme": [*keys, *periods, {"massnahme_art": "16"}, {"massnahme_art": None}],
            "leistung": [{"bg_id": None}, {"rechtsgrundlage": "24_2"}, {"anspruch_eur": None}],
            "beschaeftigung": [*keys, *periods, {"personengruppe": "1010"}, {"personengruppe": "9"}],
            "eckwerte": [{"geschlecht": "D"}, {"merkmal": "k2"}, {"jc_id": None}, {"zeichen": "/"}],
        }
        written: dict[str, list[Row]] = {
            "bestand": [{"ist_elb": "ja"}, {"ist_elb": None}, {"geburtsdatum": "1990-02-30"}],
            "leistungsbezug": [{"bis": "offen"}, {"von": "01.05.2018"}],
            "aufnahme": [{"beginn": "2018-13-01"}, {"im_ausland": "nein"}, {"recorded_on": "gestern"}],
            "massnahme": [{"bis": "?"}],
            "leistung": [{"anspruch_eur": "12,50"}, {"anspruch_eur": "1.234"}, {"anspruch_eur": "viel"}],
            "beschaeftigung": [{"personengruppe": "1a1"}, {"bis": "2018-02-29"}],
            "eckwerte": [{"wert": "viele"}],
        }
        return row | self.rng.choice(typed[table] + (written[table] if suffix != ".parquet" else []))

    def write(self, root: Path) -> dict[Address, tuple[list[Row], str]]:
        """Write the first source; return the revisions that are still to come."""
        pending: dict[Address, tuple[list[Row], str]] = {}
        spoilt = self.rng.sample(sorted(self.content), 4) if self.m.has("rejected") else []
        revised = set(self.rng.sample(sorted(self.content), 12)) - set(spoilt)
        if not self.m.has("revisions") and not self.m.has("second_source"):
            revised = set()
        if self.m.has("central_revisions"):
            for table in sorted(SINGLE_UNIT):
                central = sorted(a for a in self.content if a[1] == table and a not in spoilt)
                revised |= set(self.rng.sample(central, min(4, len(central))))
        for address, rows in sorted(self.content.items()):
            suffix = self.rng.choice((".csv", ".csv", ".csv.gz", ".parquet"))
            if address in spoilt and not (address[1] in SINGLE_UNIT and self.m.chance(0.5)):
                self._write_broken(root, address, rows, suffix)
                continue
            if address in revised:
                pending[address] = (rows, self.rng.choice((".csv", ".csv.gz", ".parquet")))
                if self.m.chance(0.25):
                    continue
                kept = [row for row in rows if self.m.chance(0.8)]
                if self.m.has("central_revisions") and address[1] == "eckwerte":
                    kept = [self._as_published_first(row) for row in kept]
                write_delivery(root, address, kept, suffix)
                continue
            if self.m.has("bad_rows") and rows and self.m.chance(0.06):
                bad = self.bad_row(address[1], self.rng.choice(rows), suffix)
                rows.insert(self.rng.randint(0, len(rows)), bad)
            columns = list(SCHEMA[address[1]])
            if self.m.has("columns") and self.m.chance(0.2):
                self.rng.shuffle(columns)
            write_delivery(root, address, rows, suffix, columns)
        self._write_lists(root)
        return pending

    def _as_published_first(self, row: Row) -> Row:
        """Return a published count as it may have read before its revision: another value, another sign."""
        if not self.m.chance(0.2):
            return row
        if self.m.chance(0.5):
            return row | {"wert": None, "zeichen": self.rng.choice(("-", "*", "x", ".", "..."))}
        return row | {"wert": (row["wert"] or Decimal(0)) + 1, "zeichen": ""}

    def _write_broken(self, root: Path, address: Address, rows: list[Row], suffix: str) -> None:
        """Write a delivery whose structure is broken."""
        columns = list(SCHEMA[address[1]])
        kind = self.rng.choice(("missing", "unknown", "empty", "bytes", "wert"))
        if kind == "missing":
            write_delivery(root, address, rows, suffix, columns[:-1])
        elif kind == "unknown" or (kind == "wert" and (address[1] != "eckwerte" or not rows)):
            write_delivery(root, address, [row | {"extra": "1"} for row in rows], suffix, [*columns, "extra"])
        elif kind == "wert":
            write_delivery(root, address, [*rows, rows[0] | {"wert": None, "zeichen": ""}], suffix)
        else:
            content = b"" if kind == "empty" else b"person_id,\xff\xfe\n\x00"
            _target(root, address, suffix).write_bytes(content)

    def _write_lists(self, root: Path) -> None:
        """Write the code lists into the root of a source."""
        if self.m.listed:
            lines = [{"ref_month": month, "stichtag": day} for month, day in sorted(self.m.listed.items())]
            (root / "zaehltage.csv").write_bytes(_csv_bytes(("ref_month", "stichtag"), lines))
        if self.m.changes:
            lines = [{"alt": alt, "neu": neu, "ab": ab} for alt, neu, ab in self.m.changes]
            (root / "gebietsaenderungen.csv").write_bytes(_csv_bytes(("alt", "neu", "ab"), lines))


def features_of(seed: int) -> frozenset[str]:
    """Return the features that a seed switches on by itself: about six in ten of the uncontested ones."""
    rng = random.Random(f"features {seed}")
    return frozenset(name for name in sorted(FEATURES) if name not in CONTESTED and rng.random() < 0.6)


def make_world(
    seed: int,
    directory: Path,
    *,
    run_month: str | None = None,
    history: int | None = None,
    persons: int | None = None,
    features: Iterable[str] | None = None,
) -> World:
    """Write a world below a directory; whatever is not given is drawn from the seed."""
    rng = random.Random(f"world {seed}")
    chosen = features_of(seed) if features is None else frozenset(features)
    if unknown := chosen - set(FEATURES):
        raise ValueError(f"unknown features: {sorted(unknown)}")
    drawn_month = rng.choice(("2018-07", "2020-02", "2019-01", "2019-04"))
    drawn_history, drawn_persons = rng.randint(37, 45), rng.randint(60, 300)
    maker = Maker(seed, run_month or drawn_month, history or drawn_history, chosen)
    maker.make_units()
    maker.make_persons(persons or drawn_persons)
    writer = Writer(maker)
    writer.build()
    writer.lose()
    if maker.has("duplicates"):
        writer.double()
    root = directory / "eins"
    root.mkdir(parents=True)
    pending = writer.write(root)
    world = World(seed, [root], maker.run_month, maker.registry, chosen, maker.months, pending)
    if maker.has("second_source"):
        later = maker.rng.sample(sorted(pending), len(pending) // 2) if maker.has("revisions") else []
        kept = {address: world.pending.pop(address) for address in sorted(later)}
        world.revise_as_source(directory / "zwei")
        world.pending = kept
    if maker.has("rejected_revision"):
        second = directory / "kaputt"
        for address in maker.rng.sample(sorted(writer.content), 3):
            writer._write_broken(second, address, writer.content[address], ".csv")
        world.sources.append(second)
    return world
