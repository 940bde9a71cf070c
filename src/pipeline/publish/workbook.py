"""The workbook: cover, notes on signs, one sheet per indicator and version with real numbers; equal inputs, equal bytes.

One table per sheet from a fixed row on, no merged cells, nothing said by colour alone; signs stand as text.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from pipeline.catalog import Catalog, Merkmal
from pipeline.publish.comparison import Comparison, Entry
from pipeline.publish.edition import TITLE, Edition
from pipeline.publish.tablepage import origin_of, page_name, whose
from pipeline.publish.wording import (
    DIRECTIONS,
    ESTIMATED,
    ESTIMATED_SIGN,
    GOALS,
    ORDINANCE,
    RANK_RANGE,
    ROUNDED,
    SHARED_RANKS,
    Signs,
    german,
    month_name,
)

HEADER_ROW = 4
ROW_HEIGHT, NOTES_WIDTH = 15, 110
PLAIN, SIGNED, WHOLE, COUNT, EURO = "0.0", "+0.0;-0.0;0.0", "0", "#,##0", "#,##0.00"
LINK = "link"
SEX_COLUMNS = (("F", "Frauen, %"), ("M", "Männer, %"))

Found = Mapping[tuple[str, str, str], Comparison]


@dataclass(frozen=True)
class SheetColumn:
    """A column of an indicator's sheet: header, width, number format (empty: text, `LINK`: an address), cell of an entry."""

    header: str
    width: int
    number_format: str
    cell: Callable[[Entry], Any]


def write_workbook(path: Path, found: Found, catalog: Catalog, edition: Edition) -> None:
    """Write `vergleich.xlsx`; dates and properties are constants of the month."""
    signs = Signs.of(catalog)
    lines = [c for c in found.values() if c.sex == "T"]
    year, month = (int(part) for part in edition.month.split("-"))
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "strings_to_formulas": False})
    try:
        book.set_properties(
            {
                "title": f"{TITLE}, {edition.month}",
                "subject": edition.banner or "Vergleich der Jobcenter",
                "author": "Kennzahlenvergleich",
                "company": "",
                "comments": " ".join(t for t in (edition.banner, edition.source) if t),
                "keywords": edition.kind,
                "created": dt.datetime(year, month, 1),
            }
        )
        formats = _Formats(book)
        cover = book.add_worksheet("Deckblatt")
        notes = book.add_worksheet("Hinweise und Zeichen")
        for comparison in lines:
            sheet = book.add_worksheet(sheet_name(comparison))
            _indicator_sheet(sheet, comparison, found, catalog, edition, formats)
        _cover_sheet(cover, lines, edition, formats)
        _notes_sheet(notes, signs, catalog, edition, formats)
        cover.activate()
    finally:
        book.close()


def sheet_name(comparison: Comparison) -> str:
    """Return the sheet's name: `K2E3`, and `K2E3 (2019)` for a version that is not in force."""
    return comparison.code if comparison.in_force else f"{comparison.code} ({comparison.version.removeprefix('@')})"


class _Formats:
    """The few formats of the workbook, made once."""

    def __init__(self, book: Any) -> None:
        self.title = book.add_format({"bold": True, "font_size": 16, "font_color": "#16212B"})
        self.text = book.add_format({"valign": "top"})
        self.cell = book.add_format({"indent": 1})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.muted = book.add_format({"font_color": "#55616D"})
        self.banner = book.add_format({"bold": True, "font_color": "#9A3B00"})
        header = {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 2, "bottom_color": "#0A5872"}
        self.header = book.add_format({**header, "indent": 1})
        self.number_header = book.add_format({**header, "align": "right"})
        self.link = book.add_format({"font_color": "#0A5872", "underline": 1})
        self.sign = book.add_format({"align": "right"})
        self._numbers = {name: book.add_format({"num_format": name}) for name in (PLAIN, SIGNED, WHOLE, COUNT, EURO)}
        self.bold = {name: book.add_format({"num_format": name, "bold": True}) for name in (PLAIN, SIGNED)}

    def number(self, name: str) -> Any:
        """Return the format of a number, or of text for an empty name."""
        return self._numbers.get(name, self.text)


def _indicator_sheet(
    sheet: Any, comparison: Comparison, found: Found, catalog: Catalog, edition: Edition, formats: _Formats
) -> None:
    entries = comparison.members("alle")
    month = month_name(comparison.ref_month)
    sheet.write_string(0, 0, f"{comparison.code} {comparison.title}, {month}", formats.title)
    lines = [
        f"{comparison.meaning} {DIRECTIONS[comparison.indicator.better]}",
        _facts(comparison, edition),
    ]
    for row, line in enumerate(lines, start=2 if edition.synthetic else 1):
        sheet.write_string(row, 0, line, formats.muted)
    if edition.synthetic:
        sheet.write_string(1, 0, edition.banner, formats.banner)
    columns = [*_columns(comparison, found, Signs.of(catalog), catalog.merkmale), *_origins(comparison, edition)]
    last_row = HEADER_ROW + max(len(entries), 1)
    sheet.add_table(
        HEADER_ROW,
        0,
        last_row,
        len(columns) - 1,
        {
            "name": f"t_{comparison.code}_{comparison.version.removeprefix('@')}",
            "style": "Table Style Light 1",
            "columns": [
                {
                    "header": c.header,
                    "header_format": formats.header if c.number_format in ("", LINK) else formats.number_header,
                }
                for c in columns
            ],
        },
    )
    for index, column in enumerate(columns):
        sheet.set_column(index, index, column.width)
        for row, entry in enumerate(entries, start=HEADER_ROW + 1):
            _write_cell(sheet, row, index, column, entry, formats)
    sheet.set_row(HEADER_ROW, 48)
    name_index = next(i for i, c in enumerate(columns) if c.header == "Jobcenter")
    sheet.freeze_panes(HEADER_ROW + 1, name_index + 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEADER_ROW)
    sheet.set_header(f"&L{edition.banner or TITLE}&R&A, {edition.name}")
    sheet.set_footer("&LRänge und Streubereiche: eigene Berechnungen&RSeite &P von &N")


def _write_cell(sheet: Any, row: int, index: int, column: SheetColumn, entry: Entry, formats: _Formats) -> None:
    value = column.cell(entry)
    if value is None or value == "":
        return
    if column.number_format == LINK:
        sheet.write_url(row, index, value, formats.link, "Rechnung und Lieferungen")
    elif isinstance(value, str):
        sheet.write_string(row, index, value, formats.sign if column.number_format else formats.cell)
    else:
        bold = column.header.startswith("Wert") and column.number_format in formats.bold
        chosen = formats.bold[column.number_format] if bold else formats.number(column.number_format)
        sheet.write_number(row, index, float(value), chosen)


def _origins(comparison: Comparison, edition: Edition) -> Sequence[SheetColumn]:
    """Return the column with the address that explains each figure, if the pages have a public address."""
    if not edition.address:
        return []
    return [
        SheetColumn(
            "Herkunft", 24, LINK, lambda e: f"{edition.address}site/{origin_of(comparison, 'jobcenter', e.jc_id)}"
        )
    ]


def _facts(comparison: Comparison, edition: Edition) -> str:
    parts = [
        f"{comparison.legal_basis} der Verordnung",
        f"Fassung {comparison.version.removeprefix('@')} ({'' if comparison.in_force else 'nicht '}in Kraft)",
    ]
    signed = comparison.indicator.shown_as == "change"
    for words, value in (
        ("Deutschland", comparison.national.value),
        (f"Median {whose(comparison, 'alle')}", comparison.median("alle")),
        (f"Median {whose(comparison, 'kommunal')}", comparison.median("kommunal")),
    ):
        if value is not None:
            parts.append(f"{words}: {german(value, signed=signed)} %")
    return " · ".join([*parts, f"Veröffentlichung {edition.name}", edition.source])


def _columns(
    comparison: Comparison, found: Found, signs: Signs, merkmale: Mapping[str, Merkmal]
) -> Sequence[SheetColumn]:
    numerator, _ = comparison.indicator.versions[comparison.version]
    amount = EURO if merkmale[numerator.merkmal].kind == "euro" else COUNT
    value_format = SIGNED if comparison.indicator.shown_as == "change" else PLAIN
    ranks = [
        SheetColumn(f"Rang von {comparison.ranked('alle')}", 10, WHOLE, lambda e: e.places["alle"].rank),
        SheetColumn(
            f"Rang von {comparison.ranked('kommunal')} kommunalen", 14, WHOLE, lambda e: e.places["kommunal"].rank
        ),
    ]
    intervals = [
        SheetColumn("Streubereich von, %", 14, value_format, lambda e: e.low),
        SheetColumn("Streubereich bis, %", 14, value_format, lambda e: e.high),
    ] * comparison.has_intervals
    rank_ranges = [
        SheetColumn("Rang gesichert von", 15, WHOLE, lambda e: e.places["alle"].first),
        SheetColumn("Rang gesichert bis", 15, WHOLE, lambda e: e.places["alle"].last),
    ] * comparison.has_rank_ranges
    year_changes = [
        SheetColumn("zum Vorjahr, Pp", 15, SIGNED, lambda e: e.year_change),
    ] * comparison.has_year_changes
    columns = [
        SheetColumn("Jobcenter", 36, "", lambda e: e.name),
        SheetColumn("Schlüssel", 12, "", lambda e: e.jc_id),
        SheetColumn("Land", 23, "", lambda e: e.land),
        SheetColumn("Träger", 10, "", lambda e: "kommunal" if e.kommunal else "gE"),
    ]
    if any(e.vergleichstyp for e in comparison.entries):
        columns.append(SheetColumn("Vergleichstyp", 10, "", lambda e: e.vergleichstyp))
    columns += [
        SheetColumn("Wert, %", 9, value_format, lambda e: _value_or_sign(e, signs)),
        *intervals,
        SheetColumn("zum Vormonat, Pp", 15, SIGNED, lambda e: e.month_change),
        *year_changes,
    ]
    if comparison.ranks:
        columns = [
            *ranks,
            *columns,
            *rank_ranges,
            SheetColumn("Rang im Land", 11, WHOLE, lambda e: e.places["land"].rank),
            SheetColumn("Gereihte im Land", 13, WHOLE, lambda e: e.places["land"].ranked),
        ]
    for sex, header in SEX_COLUMNS:
        other = found.get((comparison.code, comparison.version, sex))
        if other is not None:
            by_id = {e.jc_id: e for e in other.entries}
            columns.append(SheetColumn(header, 10, value_format, _of_sex(by_id, signs)))
    columns += [
        SheetColumn("Zähler", 16, amount, lambda e: e.numerator),
        SheetColumn("Summe des Nenners", 17, amount, lambda e: e.denominator_sum),
        SheetColumn("Monate des Nenners", 13, WHOLE, lambda e: e.denominator_months),
    ]
    if any(e.reason for e in comparison.entries):
        columns.append(SheetColumn("Grund", 38, "", lambda e: signs.words(e.reason) if e.reason else ""))
    if any(e.estimated for e in comparison.entries):
        columns.append(SheetColumn("Schätzung", 11, "", lambda e: ESTIMATED_SIGN if e.estimated else ""))
    if any(e.notes for e in comparison.entries):
        columns.append(SheetColumn("Hinweise", 30, "", lambda e: e.notes))
    return columns


def _of_sex(by_id: Mapping[str, Entry], signs: Signs) -> Callable[[Entry], Any]:
    return lambda entry: _value_or_sign(by_id[entry.jc_id], signs) if entry.jc_id in by_id else None


def _value_or_sign(entry: Entry, signs: Signs) -> Decimal | str | None:
    return entry.value if entry.value is not None else signs.sign(entry.reason)


def _cover_sheet(sheet: Any, lines: Sequence[Comparison], edition: Edition, formats: _Formats) -> None:
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 16)
    sheet.set_column(1, 1, 74)
    sheet.set_column(2, 2, 52)
    sheet.set_column(3, 4, 16)
    sheet.write_string(0, 0, f"{TITLE}: Vergleich der Jobcenter, {edition.month_text}", formats.title)
    if edition.synthetic:
        sheet.write_string(1, 0, edition.banner, formats.banner)
    rows = [
        ("Veröffentlichung", edition.name),
        ("Quelle", edition.source),
        ("Rechtsgrundlage", ORDINANCE),
        ("Rechtliches", edition.licence),
        ("Grundlage", f"sha256:{edition.digest}"),
        ("Programm", edition.code),
    ]
    if edition.checks:
        rows.append(("Prüfungen", edition.checks))
    if edition.estimates:
        rows.append(("Schätzungen", edition.estimates))
    for row, (key, text) in enumerate(rows, start=2):
        sheet.write_string(row, 0, key, formats.muted)
        sheet.write_string(row, 1, text, formats.text)
    row = 2 + len(rows)
    sheet.write_string(row, 0, "Seiten", formats.muted)
    sheet.write_url(
        row, 1, f"{edition.address or 'external:'}site/index.html", formats.link, "Seiten zum Suchen und Sortieren"
    )
    row += 1
    sheet.write_url(row, 1, "internal:'Hinweise und Zeichen'!A1", formats.link, "Hinweise und Zeichen")
    row += 2
    for index, header in enumerate(("Blatt", "Kennzahl", "Ziel", "Bezugsmonat", "Seite")):
        sheet.write_string(row, index, header, formats.header)
    for comparison in lines:
        row += 1
        name = sheet_name(comparison)
        sheet.write_url(row, 0, f"internal:'{name}'!A1", formats.link, name)
        goal = comparison.indicator.goal
        sheet.write_string(row, 1, comparison.title, formats.cell)
        sheet.write_string(row, 2, f"{goal}: {GOALS[goal]}", formats.cell)
        sheet.write_string(row, 3, month_name(comparison.ref_month), formats.cell)
        page = page_name(comparison, "kommunal")
        sheet.write_url(row, 4, f"{edition.address or 'external:'}site/{page}", formats.link, page)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)


def _notes_sheet(sheet: Any, signs: Signs, catalog: Catalog, edition: Edition, formats: _Formats) -> None:
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, NOTES_WIDTH)
    sheet.write_string(0, 0, "Hinweise und Zeichen", formats.title)
    if edition.synthetic:
        sheet.write_string(1, 0, edition.banner, formats.banner)
    sheet.write_string(3, 0, "Zeichen", formats.header)
    sheet.write_string(3, 1, "Bedeutung", formats.header)
    shared = SHARED_RANKS[str(catalog.switches["rank_ties"].value)]
    rounded = ROUNDED[str(catalog.switches["rounding_mode"].value)]
    notes = [
        *signs.by_reason.values(),
        *[(ESTIMATED_SIGN, f"{ESTIMATED} (Spalte Schätzung)")] * bool(edition.estimates),
        ("Pp", "Prozentpunkte"),
        ("gE", "gemeinsame Einrichtung von Kommune und Agentur für Arbeit"),
        ("Rang", f"1 ist der beste Wert; nach dem angezeigten Wert, {shared}."),
        ("", "Gereiht wird nur, wer einen Wert hat. Ränge sind eigene Berechnungen; die Verordnung reiht niemanden."),
        (
            "Streubereich",
            "95 %, Zufallsstreuung der Fallzahlen; die Kennzahlen sind Vollzählungen, kein Stichprobenfehler.",
        ),
        ("gesichert", RANK_RANGE),
        ("Quotient", "Wert = Zähler geteilt durch (Summe des Nenners geteilt durch Monate des Nenners), in Prozent;"),
        ("", f"bei Veränderungen (K1, K1E1, K1E2, K3) minus 100. Gerundet wird zuletzt, {rounded}."),
    ]
    for row, (sign, words) in enumerate(notes, start=4):
        sheet.write_string(row, 0, sign, formats.text)
        sheet.write_string(row, 1, words, formats.wrapped)
        sheet.set_row(row, ROW_HEIGHT * math.ceil(len(words) / NOTES_WIDTH))
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
