"""Months, counting days (Zähltage) and the windows between them.

A month is the text ``YYYY-MM``. Nothing here knows a file or a clock; the counting days come in as a mapping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
DEFAULT_STICHTAG_DAY = 15


class MonthError(ValueError):
    """A text that should be a month is none."""


def month_number(month: str) -> int:
    """Return the months since year 0, so that differences are months."""
    match = _MONTH.fullmatch(month)
    if match is None:
        raise MonthError(f"{month!r} is not a month: write YYYY-MM, for example 2018-07")
    return int(match[1]) * 12 + int(match[2]) - 1


def month_text(number: int) -> str:
    """Return ``YYYY-MM`` for months since year 0."""
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def add_months(month: str, offset: int) -> str:
    """Return the month `offset` months after `month`."""
    return month_text(month_number(month) + offset)


def month_range(first: str, last: str) -> list[str]:
    """Return all months from `first` to `last`, both included; empty if `last` is earlier."""
    return [month_text(n) for n in range(month_number(first), month_number(last) + 1)]


def first_day(month: str) -> date:
    """Return the first calendar day of the month."""
    number = month_number(month)
    return date(number // 12, number % 12 + 1, 1)


def last_day(month: str) -> date:
    """Return the last calendar day of the month: the check day of the employment statistics."""
    return first_day(add_months(month, 1)) - timedelta(days=1)


def month_of(day: date) -> str:
    """Return the calendar month of a day."""
    return f"{day.year:04d}-{day.month:02d}"


@dataclass(frozen=True)
class Window:
    """The days of a reference month: after S(m-1) up to and including S(m); both ends inclusive here."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Return the number of days in the window."""
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        """Yield every day of the window."""
        return (self.first + timedelta(days=i) for i in range(self.days))


@dataclass(frozen=True)
class Zaehltage:
    """The statistical counting days: listed ones, every other month has the 15th (contract, section 1)."""

    listed: Mapping[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a counting day outside its month: windows would overlap or run backwards."""
        for month, day in self.listed.items():
            if month_of(day) != month:
                raise MonthError(f"zaehltage.csv: the Stichtag of {month} is {day}, a day of another month")

    def stichtag(self, month: str) -> date:
        """Return S(m)."""
        listed = self.listed.get(month)
        return listed if listed is not None else first_day(month).replace(day=DEFAULT_STICHTAG_DAY)

    def window(self, month: str) -> Window:
        """Return W(m)."""
        return Window(self.stichtag(add_months(month, -1)) + timedelta(days=1), self.stichtag(month))

    def freeze(self, month: str) -> date:
        """Return freeze(m) = S(m+3), the day up to which records for m are taken into account."""
        return self.stichtag(add_months(month, 3))
