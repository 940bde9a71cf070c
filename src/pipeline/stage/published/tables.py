"""The body of a table, row by row: wide (a column per merkmal and sex) or long (a row per count), until its footer.

Subtotals are passed over by the patterns of the layout; a row whose key cannot be understood is bad, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.catalog import PATH_SEPARATOR, Layout
from pipeline.stage.found import RejectedError
from pipeline.stage.published.cells import Sheet, label
from pipeline.stage.published.dating import month_of, title_month, why_no_month
from pipeline.stage.published.headers import Head, HeadColumn
from pipeline.stage.published.regions import Registry, UnknownKeyError
from pipeline.stage.published.rows import Rows

_NO_STATEMENT = ("", "-", ".", "x")


def read_wide(sheet: Sheet, layout: Layout, head: Head, rows: Rows) -> None:
    """Read a table with a column per merkmal and sex into `rows`; raises RejectedError."""
    key_column = _column(head, "schluessel")
    style = layout.text("zahlen", "deutsch")
    whole_lands = _lands_that_are_a_kreis(sheet, head, rows.registry, layout)
    for row in _body(sheet, layout, head, rows):
        text = sheet.text(row, key_column.index)
        place = sheet.place(row, key_column.index)
        kreis = layout.text("schluesselart") == "kreis"
        try:
            unit = _kreis(text, whole_lands, rows.registry) if kreis else rows.registry.jobcenter(text)
        except UnknownKeyError as error:
            rows.bad("ROW-JOBCENTER", "jc_id", text, str(error), place)
            continue
        if unit == "":
            continue
        if unit is None:
            _dissolved(sheet, head, row, text, place, rows, style)
            continue
        take = rows.count_kreis if kreis else rows.count
        for column in head.counts:
            assert column.header is not None
            value, where = sheet.value(row, column.index), sheet.place(row, column.index)
            take(unit, column.header.cell, value, style, where)


def read_long(sheet: Sheet, layout: Layout, head: Head, rows: Rows) -> None:
    """Read a table with a row per count into `rows`; raises RejectedError."""
    key, merkmal, sex = (_column(head, role) for role in ("schluessel", "merkmal", "geschlecht"))
    value = next(c for c in head.columns if c.header is not None and c.header.role == "wert" and not c.header.merkmal)
    mapped = layout.mapped()
    for row in _body(sheet, layout, head, rows):
        text = sheet.text(row, key.index)
        try:
            jc_id = rows.registry.jobcenter(text)
        except UnknownKeyError as error:
            rows.bad("ROW-JOBCENTER", "jc_id", text, str(error), sheet.place(row, key.index))
            continue
        path = PATH_SEPARATOR.join(label(sheet.value(row, c.index)) for c in (merkmal, sex))
        found = mapped.get(path)
        if found is not None and found.role == "ignoriert":
            continue
        if found is None or not found.merkmal:
            sexes = layout.sexes_for(path)
            column, code = ("geschlecht", sex) if sexes else ("merkmal", merkmal)
            message = f"merkmal and sex {path!r} are not mapped in the layout {layout.name}{sexes}"
            rows.bad("ROW-CODE", column, sheet.text(row, code.index), message, sheet.place(row, code.index))
            continue
        place = sheet.place(row, value.index)
        rows.count(jc_id, found.cell, sheet.value(row, value.index), layout.text("zahlen", "deutsch"), place)


def months_said(sheet: Sheet, layout: Layout, head: Head) -> tuple[set[str], dict[str, str]]:
    """Return the months that title, header and rows speak of, and why other times are none, each with its first cell."""
    said, where, text = title_month(sheet, layout, head.first)
    months = {said, *(column.month for column in head.columns)}
    strange = {f"{text!r} {why_no_month(text, layout)}": where} if text and not said else {}
    key, time = head.of_role("schluessel"), head.of_role("zeit")
    if key is not None and time is not None:
        for row in range(head.body, len(sheet.rows)):
            if not sheet.text(row, key.index):
                continue
            value = sheet.value(row, time.index)
            months.add(month := month_of(value, layout))
            if not month:
                why = f"{sheet.text(row, time.index)!r} {why_no_month(value, layout)}"
                strange.setdefault(why, sheet.place(row, time.index))
    return months - {""}, strange


def _column(head: Head, role: str) -> HeadColumn:
    found = head.of_role(role)
    assert found is not None  # the header was judged before
    return found


def _body(sheet: Sheet, layout: Layout, head: Head, rows: Rows) -> Iterator[int]:
    """Yield the rows of the body that speak of the month and of a region; raises RejectedError if none does."""
    ends = [re.compile(pattern) for pattern in layout.texts("ende")]
    passed = [re.compile(pattern) for pattern in _with_lands(layout.texts("zeile_uebergehen"), rows.registry)]
    passed_lands = [re.compile(pattern) for pattern in _with_lands(layout.texts("land_uebergehen"), rows.registry)]
    key, land, time = (head.of_role(role) for role in ("schluessel", "land", "zeit"))
    months: set[str] = set()
    for row in range(head.body, len(sheet.rows)):
        first = sheet.first_text(row)
        if not first:
            continue
        if any(pattern.search(first) for pattern in ends):
            _reject_table_below(sheet, layout, head, row, rows.registry)
            break
        said_key = sheet.text(row, key.index) if key else ""
        said_land = sheet.text(row, land.index) if land else ""
        # A Land beside an empty key is no subtotal: it may be the first row of its group, its key lost.
        patterns, named = (passed, said_key) if said_key else (passed_lands, said_land)
        if any(pattern.search(named) for pattern in patterns):
            continue
        if time is not None:
            month = month_of(sheet.value(row, time.index), layout)
            place = sheet.place(row, time.index)
            if not month:
                text = sheet.text(row, time.index)
                why = why_no_month(sheet.value(row, time.index), layout)
                raise RejectedError("STAGE-MONTH", why, column=place, value=text)
            months.add(month)
            if month != rows.month:
                if layout.text("monat_zeilen") != "nur_berichtsmonat":
                    raise RejectedError(
                        "STAGE-MONTH", f"the row says {month}, delivered for {rows.month}", column=place, value=month
                    )
                continue
        yield row
    if time is not None and rows.month not in months:
        text = f"{min(months)} to {max(months)}" if months else "no month at all"
        raise RejectedError(
            "STAGE-MONTH",
            f"no row belongs to {rows.month}; the file has {text}",
            column=sheet.place(head.body, time.index),
            value=sheet.text(head.body, time.index),
        )


def _with_lands(patterns: tuple[str, ...], registry: Registry) -> list[str]:
    lands = "|".join(re.escape(name) for name in registry.land_names)
    return [pattern.replace("{land}", f"(?:{lands})") for pattern in patterns]


def _reject_table_below(sheet: Sheet, layout: Layout, head: Head, end: int, registry: Registry) -> None:
    """Reject a table that goes on below what looks like its footer: a footer word in the middle must not hide rows."""
    key = _column(head, "schluessel")
    for row in range(end + 1, len(sheet.rows)):
        text = sheet.text(row, key.index)
        if not text or not any(sheet.text(row, column.index) for column in head.counts):
            continue
        try:
            unit = registry.kreis(text) if layout.text("schluesselart") == "kreis" else registry.jobcenter(text)
        except UnknownKeyError:
            continue
        raise RejectedError(
            "LAYOUT-UNKNOWN",
            f"the table of the layout {layout.name} ends at {sheet.place(end, 0)}, but {unit or text} stands below",
            column=sheet.place(row, key.index),
            value=text,
        )


def _lands_that_are_a_kreis(sheet: Sheet, head: Head, registry: Registry, layout: Layout) -> dict[str, str]:
    """Return Land key -> Kreis key for a Land that is one Kreis (Hamburg, Berlin) and stands in the table as a Land only."""
    if layout.text("schluesselart") != "kreis":
        return {}
    key = _column(head, "schluessel")
    keys = {sheet.text(row, key.index) for row in range(head.body, len(sheet.rows))}
    found = {land: registry.single_kreis(land) for land in keys if len(land) == 2 and land.isdigit()}
    return {land: kreis for land, kreis in found.items() if kreis and kreis not in keys}


def _kreis(key: str, whole_lands: dict[str, str], registry: Registry) -> str | None:
    """Return a Kreis of the day, an empty text for what lies above or below Kreise, None for no Kreis of the day."""
    if key in whole_lands:
        return whole_lands[key]
    if registry.is_other_level(key):
        return ""
    return key if registry.kreis(key) else None


def _dissolved(sheet: Sheet, head: Head, row: int, key: str, place: str, rows: Rows, style: str) -> None:
    """Remark on a Kreis that is not valid on the Stichtag; if it counts anything, the row is bad."""
    for column in head.counts:
        found = rows.says(sheet.value(row, column.index), style)
        if found.rule or found.zeichen not in _NO_STATEMENT or found.wert not in ("", "0"):
            where = sheet.place(row, column.index)
            message = f"Kreis {key} is in no jobcenter's territory on the Stichtag, but it counts something"
            rows.bad("ROW-JOBCENTER", "jc_id", key, message, where)
            return
    rows.note("LAYOUT-DISSOLVED", "not valid on the Stichtag and without figures; ignored", key, place)
