"""Months as publishers write them: words, numbers, days, Excel's day numbers; and where a file says its month."""

from __future__ import annotations

import re
from datetime import date, timedelta

from pipeline.catalog import Layout
from pipeline.months import add_months
from pipeline.stage.published.cells import Sheet, Value, plain

_NAMES = (
    ("januar", "jan", "jänner"),
    ("februar", "feb"),
    ("märz", "mär", "mrz", "maerz"),
    ("april", "apr"),
    ("mai",),
    ("juni", "jun"),
    ("juli", "jul"),
    ("august", "aug"),
    ("september", "sep", "sept"),
    ("oktober", "okt"),
    ("november", "nov"),
    ("dezember", "dez"),
)
_NUMBER_OF = {name: number for number, names in enumerate(_NAMES, start=1) for name in names}
_PATTERNS = (
    re.compile(r"(?P<name>[A-Za-zä]+)\.? (?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})(?:-\d{2})?(?:[ T]00:00:00)?"),
    re.compile(r"\d{1,2}\.(?P<month>\d{1,2})\.(?P<year>\d{4})"),
    re.compile(r"\d{1,2}\. (?P<name>[A-Za-zä]+) (?P<year>\d{4})"),
    re.compile(r"(?P<month>\d{1,2})[./](?P<year>\d{4})"),
)
_EPOCH = date(1899, 12, 30)  # Excel's day 0 from March 1900 on
_SERIALS = range(36526, 73051)  # 2000-01-01 to 2099-12-31


def month_of(value: Value) -> str:
    """Return the month (YYYY-MM) that a cell names, or an empty text if it names none."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, date):
        return f"{value.year:04}-{value.month:02}"
    if isinstance(value, int | float):
        return _of_serial(value)
    text = plain(value)
    if text.isdigit() and len(text) == 5:
        return _of_serial(int(text))
    for pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            number = _NUMBER_OF.get((parts.get("name") or "").lower(), 0) or int(parts.get("month") or 0)
            return f"{parts['year']}-{number:02}" if 1 <= number <= 12 else ""
    return ""


def _of_serial(number: float) -> str:
    if int(number) != number or int(number) not in _SERIALS:
        return ""
    day = _EPOCH + timedelta(days=int(number))
    return f"{day.year:04}-{day.month:02}"


def title_month(sheet: Sheet, layout: Layout, before: int) -> tuple[str, str, str]:
    """Return the data month that the title block says, the cell's place and its text; empty texts if it says none.

    The month may stand behind its word or in a cell to the right; a layout's `monat_versatz` leads from the month of the file to
    that of the data.
    """
    offset = int(layout.text("monat_versatz", "0"))
    for pattern in layout.texts("monat"):
        for row, column, text in sheet.title_cells(before):
            found = re.search(pattern, text)
            if not found:
                continue
            said: list[tuple[int, Value]] = [(column, found.group(1))]
            said += [(right, sheet.value(row, right)) for right in range(column + 1, len(sheet.rows[row]))]
            for at, value in said:
                if plain(value):
                    month = month_of(value)
                    return (add_months(month, offset) if month else ""), sheet.place(row, at), plain(value)
    return "", "", ""
