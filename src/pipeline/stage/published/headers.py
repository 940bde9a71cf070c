"""Headers of one to five levels: where they stand, which path each column has, and what the layout says of it.

Merged upper levels reach over their columns; months in a header, units and footnote marks are no part of a path.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pipeline.catalog import PATH_SEPARATOR, Header, Layout
from pipeline.stage.published.cells import Sheet, label
from pipeline.stage.published.dating import month_of

_SEARCHED_ROWS = 80
_LEVELS = 6
_KEYS = ("schluessel", "zeit", "land", "name")
_SAID_ONCE = ("wert", "schluessel", "zeit", "merkmal", "geschlecht")


@dataclass(frozen=True)
class HeadColumn:
    """A column under a header: its path, the cell to point at, what the layout says of it, and the month that the header names."""

    index: int
    path: str
    place: str
    header: Header | None
    month: str = ""
    month_place: str = ""


@dataclass(frozen=True)
class Head:
    """A header: rows `first` to `body` - 1 of the sheet, and its columns that say or hold anything."""

    first: int
    body: int
    columns: tuple[HeadColumn, ...]

    def of_role(self, role: str) -> HeadColumn | None:
        """Return the first column of a role."""
        return next((c for c in self.columns if c.header is not None and c.header.role == role), None)

    @property
    def counts(self) -> tuple[HeadColumn, ...]:
        """Return the columns that hold a merkmal."""
        return tuple(c for c in self.columns if c.header is not None and c.header.merkmal)

    @property
    def unknown(self) -> tuple[HeadColumn, ...]:
        """Return the columns that the layout neither maps nor ignores."""
        return tuple(c for c in self.columns if c.header is None)

    @property
    def twice(self) -> tuple[HeadColumn, ...]:
        """Return the columns that say the same as an earlier one."""
        earlier: set[tuple[str, ...]] = set()
        found = []
        for column in self.columns:
            if column.header is None or column.header.role not in _SAID_ONCE:
                continue
            said = (column.header.role, *column.header.cell, column.month)
            if said in earlier:
                found.append(column)
            earlier.add(said)
        return tuple(found)


def find_head(sheet: Sheet, layout: Layout) -> Head | None:
    """Return the header of a sheet by the words of a layout; None if none of its words is there."""
    mapped = layout.mapped()
    upper = {path.split(PATH_SEPARATOR, 1)[0] for path in mapped if not path.startswith("#")}
    rows = range(min(_SEARCHED_ROWS, len(sheet.rows)))
    scores = [len(upper & {label(v) for v in sheet.rows[row] if isinstance(v, str)}) for row in rows]
    if not scores or not max(scores):
        return None
    first = _up_to_top(sheet, scores.index(max(scores)), layout)
    body = _first_row_below(sheet, first, _key_columns(sheet, first, layout))
    columns = columns_of(sheet, first, body, layout)
    while body < len(sheet.rows) and _numbers_columns(sheet, body):
        body += 1
    return Head(first, body, columns)


def _up_to_top(sheet: Sheet, row: int, layout: Layout) -> int:
    """Return the uppermost row of the header that has the words in `row`: above may be key columns and the month."""
    words = {h.path for h in layout.headers if h.role in _KEYS}
    while row and any(
        (isinstance(value, str) and label(value) in words)
        or (column and not isinstance(value, str) and month_of(value, layout))
        for column, value in enumerate(sheet.rows[row - 1])
    ):
        row -= 1
    return row


def _numbers_columns(sheet: Sheet, row: int) -> bool:
    """Tell whether a row holds nothing but the numbers of the columns, as some tables have below their header."""
    numbers = [int(text) for column in range(len(sheet.rows[row])) if (text := sheet.text(row, column)).isdecimal()]
    filled = sum(bool(sheet.text(row, column)) for column in range(len(sheet.rows[row])))
    return len(numbers) == filled > 1 and numbers == list(range(numbers[0], numbers[0] + filled)) and numbers[0] <= 3


def _key_columns(sheet: Sheet, first: int, layout: Layout) -> tuple[int, dict[int, int]]:
    """Return the last header row that names a key column, and every key column with that row."""
    found: dict[int, int] = {}
    words = {h.path for h in layout.headers if h.role in _KEYS}
    for path in words:
        if path.startswith("#"):
            found[int(path[1:]) - 1] = first
    for row in range(first, min(first + _LEVELS, len(sheet.rows))):
        for column, value in enumerate(sheet.rows[row]):
            if isinstance(value, str) and label(value) in words:
                found.setdefault(column, row)
    return max(found.values(), default=first), found


def _first_row_below(sheet: Sheet, first: int, keys: tuple[int, dict[int, int]]) -> int:
    last, columns = keys
    below = range(last + 1, min(last + 1 + _LEVELS, len(sheet.rows)))
    if columns:
        return next((row for row in below if any(sheet.text(row, c) for c in columns)), last + 1)
    # The key column's header is not known either: the body begins where the first column is filled again.
    return next((row for row in below if sheet.text(row, 0)), first + 1)


def columns_of(sheet: Sheet, first: int, body: int, layout: Layout) -> tuple[HeadColumn, ...]:
    """Return the columns under the header rows `first` to `body` - 1, with what a layout says of their paths."""
    mapped, explained = layout.mapped(), layout.explained()
    words = {level for path in mapped for level in path.split(PATH_SEPARATOR)}
    merged = _merged(sheet, first, body)
    levels: list[list[str]] = []
    for row in range(first, body):
        levels.append(_filled(sheet, row, body, merged, levels))
    found = []
    for column in range(sheet.width):
        path: list[str] = []
        month, month_place, place, strange = "", "", sheet.place(first, column), ""
        for level, row in enumerate(range(first, body)):
            text = levels[level][column]
            if not text:
                continue
            own = sheet.value(row, column)
            if named := month_of(own if label(own) == text else text, layout):
                month, month_place = named, sheet.place(row, column)
            elif text not in explained and text not in path[-1:]:
                path.append(text)
                place = sheet.place(row, column)
                strange = strange or (place if text not in words else "")
        joined = PATH_SEPARATOR.join(path)
        header = mapped.get(joined) if joined else mapped.get(f"#{column + 1}")
        if joined or header is not None or any(sheet.text(row, column) for row in range(body, len(sheet.rows))):
            found.append(HeadColumn(column, joined, strange or place, header, month, month_place))
    return tuple(found)


def _merged(sheet: Sheet, first: int, body: int) -> dict[tuple[int, int], int]:
    """Return, for the cells of merged areas in the header's rows, the column where the area's text stands."""
    reach = {}
    for top, left, _, right in sheet.merged:
        if first <= top < body:
            for column in range(left + 1, right + 1):
                reach[top, column] = left
    return reach


def _filled(sheet: Sheet, row: int, body: int, merged: dict[tuple[int, int], int], above: list[list[str]]) -> list[str]:
    """Return the labels of a header row, an upper level filled to the right over its columns."""
    own = [label(sheet.value(row, column)) for column in range(sheet.width)]
    if any(at == row for at, _ in merged):
        return [own[merged.get((row, column), column)] for column in range(len(own))]
    lower = [any(sheet.text(r, column) for r in range(row + 1, body)) for column in range(len(own))]
    for column in range(1, len(own)):
        same_parent = all(level[column] == level[column - 1] for level in above)
        if not own[column] and own[column - 1] and lower[column] and lower[column - 1] and same_parent:
            own[column] = own[column - 1]
    return own


def missing_cells(layout: Layout, heads: list[Head]) -> list[tuple[str, str]]:
    """Return the (merkmal, sex) that the layout maps and no header names."""
    found = {c.header.cell for head in heads for c in head.counts if c.header is not None}
    return [cell for cell in layout.cells() if cell not in found]


def paths_of(layout: Layout) -> dict[tuple[str, str], str]:
    """Return the mapped path of each (merkmal, sex), the last declared one."""
    paths: dict[tuple[str, str], str] = defaultdict(str)
    for header in layout.headers:
        if header.merkmal:
            paths[header.cell] = header.path
    return dict(paths)
