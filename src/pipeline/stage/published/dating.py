"""Months as publishers write them, in the words that a layout declares; and where a file says its month.

The names of months, dates and Excel's day numbers are known here; how they are put into a cell is data of the layout.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

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
_YEAR = re.compile(r"(?:Jahr )?(?:19|20)\d{2}")
_EPOCH = date(1899, 12, 30)  # Excel's day 0 from March 1900 on
_SERIALS = range(36526, 73051)  # 2000-01-01 to 2099-12-31


def month_of(value: Value, layout: Layout) -> str:
    """Return the month (YYYY-MM) that a cell names in words of the layout (`zeitangabe`), or an empty text if it names none.

    A date, and the number of a day as Excel counts them, needs no words.
    """
    if isinstance(value, bool):
        return ""
    if isinstance(value, date):
        return f"{value.year:04}-{value.month:02}"
    if isinstance(value, int | float):
        return _of_serial(value)
    text = plain(value)
    if text.isdigit() and len(text) == 5:
        return _of_serial(int(text))
    return _of_text(text, layout.texts("zeitangabe"))


@lru_cache(maxsize=1024)
def _of_text(text: str, patterns: tuple[str, ...]) -> str:
    for pattern in patterns:
        if found := re.search(pattern, text):
            said = found["monat"]
            number = int(said) if said.isdecimal() else _NUMBER_OF.get(said.lower(), 0)
            return f"{found['jahr']}-{number:02}" if 1 <= number <= 12 else ""
    return ""


def is_year(value: Value) -> bool:
    """Tell whether a cell names a year and nothing nearer."""
    return not isinstance(value, bool | date) and bool(_YEAR.fullmatch(plain(value)))


def why_no_month(value: Value, layout: Layout) -> str:
    """Return why a cell names no month, as the end of a sentence about it."""
    if is_year(value):
        return "is a year; annual values are no monthly counts, ask the publisher for the counts of the month"
    return (
        f"is no month in the words of the layout {layout.name}; if it means one, enter how it is written as zeitangabe in "
        "layouts.csv"
    )


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
                    month = month_of(value, layout)
                    return (add_months(month, offset) if month else ""), sheet.place(row, at), plain(value)
    return "", "", ""
