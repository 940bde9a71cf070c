"""Code lists that come with the deliveries: bytes in, counting days and territorial changes out.

They replace the catalog's own lists as a whole; where the bytes lie and which list is in force is decided elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Container, Iterator, Sequence
from datetime import date

from pipeline.catalog.model import Gebietsaenderung
from pipeline.months import Zaehltage, month_number


class CodeListError(ValueError):
    """A code list that came with the deliveries cannot be used; the text names list and line."""


def read_zaehltage(content: bytes) -> Zaehltage:
    """Return the counting days of `zaehltage.csv`; raises CodeListError, and MonthError for a day of another month."""
    listed: dict[str, date] = {}
    for line, (month, day) in _rows("zaehltage.csv", content, ("ref_month", "stichtag")):
        try:
            month_number(month)
            stichtag = date.fromisoformat(day)
        except ValueError as error:
            raise CodeListError(f"zaehltage.csv, line {line}: {error}") from error
        if listed.setdefault(month, stichtag) != stichtag:
            raise CodeListError(f"zaehltage.csv, line {line}: {month} has the Stichtag {listed[month]} already")
    return Zaehltage(listed)


def read_gebietsaenderungen(content: bytes, jobcenters: Container[str]) -> tuple[Gebietsaenderung, ...]:
    """Return the changes of `gebietsaenderungen.csv`; raises CodeListError, also for units that are not in `jobcenters`."""
    changes = []
    for line, (old, new, day) in _rows("gebietsaenderungen.csv", content, ("alt", "neu", "ab")):
        for unit in (old, new):
            if unit not in jobcenters:
                raise CodeListError(f"gebietsaenderungen.csv, line {line}: {unit!r} is not in the registry")
        try:
            changes.append(Gebietsaenderung(old, new, date.fromisoformat(day)))
        except ValueError as error:
            raise CodeListError(f"gebietsaenderungen.csv, line {line}: {error}") from error
    return tuple(changes)


def _rows(name: str, content: bytes, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield line and fields of every row; empty lines are passed over."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CodeListError(f"{name} is not UTF-8 (byte {error.start}); deliver it again in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    if header != list(columns):
        raise CodeListError(f"{name}, line 1: the header is {header}, it must be {list(columns)}")
    for fields in reader:
        if fields and len(fields) != len(columns):
            raise CodeListError(f"{name}, line {reader.line_num}: {len(fields)} fields instead of {len(columns)}")
        if fields:
            yield reader.line_num, fields
