"""The shapes a synthetic country is made of: calendar, offices, units, and struct-of-arrays tables of persons.

All days are integers, days since 1970-01-01; nothing is drawn, counted or written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.months import Zaehltage, add_months, last_day, month_number, month_range

Int = NDArray[np.int64]
Small = NDArray[np.int32]
Flag = NDArray[np.bool_]

PAD = 3
"""Months kept before the first and after the last delivered month (history for the counts, freeze days)."""

FAR = 2_932_896
"""The day 9999-12-31: no end, never."""

EPOCH = date(1970, 1, 1).toordinal()
MALE, FEMALE, DIVERSE, UNKNOWN = 0, 1, 2, 3
SEX_CODES = ("M", "F", "D", None)


def day_number(day: date) -> int:
    """Return days since 1970-01-01."""
    return day.toordinal() - EPOCH


def day_from(number: int) -> date:
    """Return the calendar day of days since 1970-01-01."""
    return date.fromordinal(number + EPOCH)


@dataclass(frozen=True, eq=False)
class Calendar:
    """The months from `first` - PAD to `last` + PAD; delivered months stand at positions PAD … PAD + count - 1."""

    months: tuple[str, ...]
    count: int
    stichtag: Int
    month_end: Int
    listed: dict[str, date]

    @classmethod
    def of(cls, first: str, last: str, listed: dict[str, date]) -> Calendar:
        """Build the calendar of the delivered months `first` … `last`; `listed` are irregular Zähltage."""
        months = tuple(month_range(add_months(first, -PAD), add_months(last, PAD)))
        days = Zaehltage(listed)
        return cls(
            months,
            len(months) - 2 * PAD,
            np.array([day_number(days.stichtag(m)) for m in months], dtype=np.int64),
            np.array([day_number(last_day(m)) for m in months], dtype=np.int64),
            listed,
        )

    @property
    def delivered(self) -> range:
        """Return the positions of the delivered months."""
        return range(PAD, PAD + self.count)

    @property
    def begin(self) -> int:
        """Return the day at which the simulation starts: S(first - PAD)."""
        return int(self.stichtag[0])

    @property
    def end(self) -> int:
        """Return the last day anything can be delivered: freeze of the last month."""
        return int(self.stichtag[-1])

    def freeze(self, position: int) -> int:
        """Return freeze(m) = S(m+3) of a delivered month."""
        return int(self.stichtag[position + 3])

    def position(self, month: str) -> int:
        """Return the position of a month; it may lie outside of the calendar."""
        return month_number(month) - month_number(self.months[0])


@dataclass(frozen=True, eq=False)
class Office:
    """A place that keeps persons for all its life; `elb` is the wanted stock at every position, already scaled."""

    name: str
    number: int
    land: str
    elb: NDArray[np.float64]
    women: float
    under_25: float
    over_55: float
    lone: float
    single_bg: float
    child_bg: float
    llu_factor: float
    luh_eur: float
    target: float
    anonymous_housing: bool


@dataclass(frozen=True)
class Unit:
    """A jobcenter that delivers for `offices` at the positions `begin` … `end` - 1."""

    jc_id: str
    offices: tuple[int, ...]
    begin: int
    end: int


T = TypeVar("T", bound="Columns")


@dataclass(frozen=True, eq=False)
class Columns:
    """A table as one array per column, all of the same length."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(getattr(self, fields(self)[0].name))

    def take(self: T, rows: NDArray[Any]) -> T:
        """Return the rows chosen by a mask or by positions."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def with_column(self: T, **columns: NDArray[Any]) -> T:
        """Return the table with columns replaced."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self)(**(kept | columns))


def stacked(tables: Sequence[T]) -> T:
    """Return the rows of all tables, one after the other."""
    kind = type(tables[0])
    return kind(**{f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(kind)})


@dataclass(frozen=True, eq=False)
class People(Columns):
    """One row per person; `elb_from` is the first day as ELB, `lone_*` the days as lone parent (from > until: never)."""

    number: Int
    sex: NDArray[np.int8]
    birth: Int
    elb_from: Int
    lone_from: Int
    lone_until: Int
    long_term: Flag
    linked: Flag
    pay_permille: Small
    heads: Small
    adult: Flag


@dataclass(frozen=True, eq=False)
class Presence(Columns):
    """Periods in a unit of need; `last` marks those that end with leaving the benefit."""

    person: Int
    office: Small
    bg: Int
    von: Int
    bis: Int
    last: Flag


@dataclass(frozen=True, eq=False)
class Starts(Columns):
    """Starts of activities; `everywhere`: delivered by every office the person knows, not only by `office`."""

    person: Int
    beginn: Int
    art: NDArray[np.int8]
    foerderung: NDArray[np.int8]
    abroad: Flag
    recorded: Int
    office: Small
    everywhere: Flag


@dataclass(frozen=True, eq=False)
class Measures(Columns):
    """Participations in measures."""

    person: Int
    art: NDArray[np.int8]
    von: Int
    bis: Int
    office: Small


@dataclass(frozen=True, eq=False)
class Jobs(Columns):
    """Employment periods as the employer sees them, before the yearly notifications split them."""

    person: Int
    von: Int
    bis: Int
    personengruppe: Small


@dataclass(frozen=True, eq=False)
class Population:
    """Persons and everything that happens to them; `person` columns are rows of `people`."""

    people: People
    presence: Presence
    starts: Starts
    measures: Measures
    jobs: Jobs

    def chosen(self, keep: Flag) -> Population:
        """Return the persons of the mask with their events, renumbered."""
        row = np.cumsum(keep) - 1

        def of(table: T) -> T:
            person: Int = getattr(table, "person")  # noqa: B009 - every event table has it, Columns does not
            inner = table.take(keep[person])
            return inner.with_column(person=row[getattr(inner, "person")])  # noqa: B009

        return Population(self.people.take(keep), of(self.presence), of(self.starts), of(self.measures), of(self.jobs))


def joined(parts: Sequence[Population]) -> Population:
    """Return the persons of all parts in one population."""
    offsets = np.cumsum([0, *(len(p.people) for p in parts)])

    def of(name: str) -> Any:
        tables = [getattr(p, name) for p in parts]
        return stacked([t.with_column(person=t.person + o) for t, o in zip(tables, offsets, strict=False)])

    return Population(stacked([p.people for p in parts]), of("presence"), of("starts"), of("measures"), of("jobs"))
