"""Sheets of cells that know their address, and labels without what comes and goes in them.

A sheet of a workbook and a CSV file look the same from here on; no layout is known in this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

Value = str | int | float | bool | date | None
Area = tuple[int, int, int, int]
"""First row, first column, last row, last column; counted from 0, both ends inclusive."""

_FOOTNOTE = re.compile(r"(?:\s*\*?\d{1,2}\)|\s*\*\)|\s*[⁰¹²³⁴-⁹]+\)?)(?:\s*,)?$")
_HYPHENATED = re.compile(r"(?<=\w)-[ \t]*\n\s*(?=[a-zäöü])")
_SOFT_HYPHEN = "\u00ad"
_SHOWN = 60


@dataclass(frozen=True)
class Sheet:
    """Rows of cells of one sheet or CSV file; `member` is its file in a ZIP, `name` the sheet's, `lines` those of a CSV file."""

    member: str
    name: str
    rows: tuple[tuple[Value, ...], ...]
    merged: tuple[Area, ...] = ()
    lines: tuple[int, ...] = ()

    def value(self, row: int, column: int) -> Value:
        """Return the value of a cell; outside the sheet nothing stands."""
        if 0 <= row < len(self.rows) and 0 <= column < len(self.rows[row]):
            return self.rows[row][column]
        return None

    def text(self, row: int, column: int) -> str:
        """Return what a cell says, in one line."""
        return plain(self.value(row, column))

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return max((len(row) for row in self.rows), default=0)

    def first_text(self, row: int) -> str:
        """Return what the first filled cell of a row says."""
        return next((text for column in range(len(self.rows[row])) if (text := self.text(row, column))), "")

    def title_cells(self, before: int) -> Iterator[tuple[int, int, str]]:
        """Yield row, column and text of the filled cells of the rows before a row."""
        for row in range(min(before, len(self.rows))):
            for column in range(len(self.rows[row])):
                if text := self.text(row, column):
                    yield row, column, text

    @property
    def title(self) -> str:
        """Return how messages name the sheet: member and name."""
        return ": ".join(part for part in (self.member, self.name) if part)

    def place(self, row: int, column: int) -> str:
        """Return the address of a cell: ``1.1 Eckwerte!C14``, or line and column of a CSV file; its ZIP member before it."""
        if self.lines:
            line = self.lines[row] if row < len(self.lines) else row + 1
            address = f"line {line}, column {column + 1}"
        else:
            address = f"{self.name}!{letters(column)}{row + 1}"
        return f"{self.member}: {address}" if self.member else address


def letters(column: int) -> str:
    """Return the letters of a column counted from 0: A, …, Z, AA, …"""
    text = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def plain(value: Value) -> str:
    """Return a value as one line of text: without margins, whole numbers without a point."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join(str(value).split())


def label(value: Value) -> str:
    """Return a header text without line breaks, hyphens of syllables and footnote marks, which come and go between months."""
    if not isinstance(value, str):
        return plain(value)
    text = _HYPHENATED.sub("", value.replace(_SOFT_HYPHEN, ""))
    text = " ".join(text.split())
    while (bare := _FOOTNOTE.sub("", text).rstrip()) != text and bare:
        text = bare
    return text


def shown(value: Value) -> str:
    """Return a value for a finding, cut where it is long."""
    text = plain(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
