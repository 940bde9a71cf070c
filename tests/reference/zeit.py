"""Months and days: the calendar arithmetic of the reference implementation (contract, section 1)."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from functools import cache

MONTH_PATTERN = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")
DAY_PATTERN = re.compile(r"^\d{4}-\d{2}-\d{2}$")
ONE_DAY = dt.timedelta(days=1)


@cache
def add_months(month: str, count: int) -> str:
    """Return the month `count` months after `month` (before it, if negative)."""
    year, number = int(month[:4]), int(month[5:])
    position = year * 12 + (number - 1) + count
    return f"{position // 12:04d}-{position % 12 + 1:02d}"


def months_between(first: str, last: str) -> list[str]:
    """Return all months from `first` to `last`, both included."""
    result = []
    month = first
    while month <= last:
        result.append(month)
        month = add_months(month, 1)
    return result


def last_day(month: str) -> dt.date:
    """Return the last calendar day of a month: the check day of the employment statistics."""
    year, number = int(month[:4]), int(month[5:])
    return dt.date(year, number, calendar.monthrange(year, number)[1])


def first_day(month: str) -> dt.date:
    """Return the first calendar day of a month."""
    return dt.date(int(month[:4]), int(month[5:]), 1)


def days(first: dt.date, last: dt.date) -> list[dt.date]:
    """Return every day from `first` to `last`, both included; empty if `first` is after `last`."""
    result = []
    day = first
    while day <= last:
        result.append(day)
        day += ONE_DAY
    return result


class Zaehltage:
    """The Stichtage: S(m), the window W(m) and the freeze day of every month."""

    def __init__(self, listed: dict[str, dt.date]) -> None:
        """Take the months that the code list names; every other month has the 15th."""
        self._listed = dict(listed)

    def stichtag(self, month: str) -> dt.date:
        """Return S(m)."""
        return self._listed.get(month, dt.date(int(month[:4]), int(month[5:]), 15))

    def freeze(self, month: str) -> dt.date:
        """Return freeze(m) = S(m+3)."""
        return self.stichtag(add_months(month, 3))

    def window(self, month: str) -> tuple[dt.date, dt.date]:
        """Return the first and last day of W(m): the day after S(m-1), and S(m)."""
        return self.stichtag(add_months(month, -1)) + ONE_DAY, self.stichtag(month)
