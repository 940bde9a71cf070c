"""Published files as publishers write them: the same cells in every layout, each with the variations met in practice.

Only files are made here; what becomes of them is for the tests. The same arguments give the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import xlsxwriter

from pipeline.catalog import Catalog, load_catalog
from pipeline.months import last_day

Cell = tuple[str, str, str, str]
"""Jobcenter, sex, merkmal, and what the publisher says: a number with a decimal point, or a sign of the contract."""
Place = tuple[str, str, str]
Grid = list[list[object]]

SEXES = {"T": "Insgesamt", "M": "Männer", "F": "Frauen"}
MONTH_NAMES = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
SIGNS = ("-", "*", "x", ".", "...")
EXCEL_EPOCH = date(1899, 12, 30)
COPYRIGHT = "© Statistik der Bundesagentur für Arbeit"
TITLE_ROWS = 11
"""Rows above the header of a BA workbook; the header is in rows 12 and 13, the body begins in row 15."""


@dataclass(frozen=True)
class Variation:
    """How a file differs from its usual shape; a builder honours what its layout has.

    `moved` rows more (or fewer) above the header; `footnotes` and `blanks` decorate labels and signs; `month_in_header` adds a
    third header level with the month as Excel's day number; `numbered` a row with the numbers of the columns; `said` is the month
    that the file says of itself. `renamed` headers, `dropped` merkmal labels, `added` columns of another merkmal; `keys` is what
    stands in a unit's cell instead, `values` what stands in a value's cell instead; `sparse` writes an upper level of a CSV header
    only over its first column.
    """

    moved: int = 0
    footnotes: bool = False
    blanks: bool = False
    month_in_header: bool = False
    numbered: bool = False
    sparse: bool = False
    said: str = ""
    sheet: str = "Eckwerte"
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    added: tuple[str, ...] = ()
    keys: Mapping[str, str | None] = field(default_factory=dict)
    values: Mapping[Place, object] = field(default_factory=dict)


USUAL = Variation()


def month_name(month: str) -> str:
    """Return a month as publishers write it: ``Juli 2018``."""
    return f"{MONTH_NAMES[int(month[5:]) - 1]} {month[:4]}"


def german(value: str) -> str:
    """Return a number as German files write it (``1.234,50``); signs stay."""
    if value in SIGNS:
        return value
    return f"{Decimal(value):,}".translate(str.maketrans(",.", ".,"))


def canonical(cells: Iterable[Cell]) -> bytes:
    """Return the cells as the file of the data contract."""
    lines = ["jc_id,geschlecht,merkmal,wert,zeichen"]
    for jc_id, sex, merkmal, value in cells:
        lines.append(f"{jc_id},{sex},{merkmal},{'' if value in SIGNS else value},{value if value in SIGNS else ''}")
    return ("\n".join(lines) + "\n").encode()


# -- the rectangle of a wide table -------------------------------------------------------------------------------------


class AsItStands(str):
    """A text that a builder writes as it is, even where it looks like a number."""

    __slots__ = ()


@dataclass(frozen=True)
class _Wide:
    """Cells as a rectangle: units in order of appearance, merkmale in order of appearance, three sexes each."""

    catalog: Catalog
    units: tuple[str, ...]
    merkmale: tuple[str, ...]
    cells: Mapping[Place, str]
    variation: Variation

    def upper(self, merkmal: str, position: int) -> str:
        text = self.catalog.merkmale[merkmal].label.de
        text = self.variation.renamed.get(text, text)
        return f"{text} {position + 1})" if self.variation.footnotes else text

    @property
    def columns(self) -> list[tuple[str, str, str]]:
        """Return upper header, lower header and merkmal of each column; an added column has no merkmal."""
        found = []
        for position, merkmal in enumerate(self.merkmale):
            if self.catalog.merkmale[merkmal].label.de not in self.variation.dropped:
                found += [(self.upper(merkmal, position), self.sex(sex), merkmal + sex) for sex in SEXES]
        found += [(title, self.sex(sex), "") for title in self.variation.added for sex in SEXES]
        return found

    def sex(self, sex: str) -> str:
        return self.variation.renamed.get(SEXES[sex], SEXES[sex])

    def row(self, unit: str) -> list[object]:
        """Return the values of a unit, in order of the columns: a text of a sign or number, or what stands there instead."""
        found: list[object] = []
        for _, _, column in self.columns:
            place = (unit, column[-1:], column[:-1])
            if not column:
                found.append("1")
            elif place in self.variation.values:
                instead = self.variation.values[place]
                found.append(AsItStands(instead) if isinstance(instead, str) else instead)
            else:
                value = self.cells[place]
                found.append(f"{value} " if self.variation.blanks and value in SIGNS else value)
        return found

    def total(self, units: Iterable[str]) -> list[object]:
        """Return the sum of the units, as publishers print it; signs count nothing."""
        found: list[object] = []
        for _, _, column in self.columns:
            known = [self.cells[unit, column[-1], column[:-1]] for unit in units] if column else ["1"]
            found.append(str(sum((Decimal(v) for v in known if v not in SIGNS), Decimal(0))))
        return found


def _wide(cells: Sequence[Cell], variation: Variation) -> _Wide:
    by_place = {(jc_id, sex, merkmal): value for jc_id, sex, merkmal, value in cells}
    units, merkmale = dict.fromkeys(c[0] for c in cells), dict.fromkeys(c[2] for c in cells)
    holes = [(u, s, m) for u in units for m in merkmale for s in SEXES if (u, s, m) not in by_place]
    assert not holes, f"a wide table has no empty cell: {holes[:3]}"
    return _Wide(load_catalog(), tuple(units), tuple(merkmale), by_place, variation)


def _by_land(wide: _Wide) -> dict[str, list[str]]:
    lands: dict[str, list[str]] = {}
    for unit in wide.units:
        lands.setdefault(wide.catalog.jobcenters[unit].land, []).append(unit)
    return lands


def _key_cell(wide: _Wide, unit: str) -> str | None:
    jobcenter = wide.catalog.jobcenters[unit]
    return wide.variation.keys.get(unit, f"{unit.partition('@')[0]} {jobcenter.name}, JC")


# -- workbooks ---------------------------------------------------------------------------------------------------------


def workbook(cells: Sequence[Cell], month: str, variation: Variation = USUAL, *, sheets: int = 1) -> bytes:
    """Return a workbook of the BA: titles, header of two or three levels, a group of rows per Land, footer, other sheets.

    With several `sheets` the merkmale are dealt out to as many data sheets, named ``1.1 Eckwerte`` and so on.
    """
    merkmale = list(dict.fromkeys(c[2] for c in cells))
    size = -(-len(merkmale) // sheets)
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    book.set_properties({"created": datetime(2018, 11, 20)})
    _text_sheet(book, "Inhalt", ["Inhaltsverzeichnis", "Tabelle", "Eckwerte der Jobcenter", "Hinweise"])
    for number in range(sheets):
        chosen = set(merkmale[number * size : (number + 1) * size])
        name = variation.sheet if sheets == 1 else f"1.{number + 1} {variation.sheet}"
        part = [c for c in cells if c[2] in chosen]
        _data_sheet(book, name, _wide(part, variation), month)
    _text_sheet(book, "Hinweise", ["Hinweise", "Es gilt die Statistische Geheimhaltung nach § 16 BStatG.", "* 1 bis 2"])
    book.close()
    return sink.getvalue()


def _text_sheet(book: xlsxwriter.Workbook, name: str, lines: Sequence[str]) -> None:
    sheet = book.add_worksheet(name)
    for row, line in enumerate(lines):
        sheet.write_string(2 * row, 0, line)


def _data_sheet(book: xlsxwriter.Workbook, name: str, wide: _Wide, month: str) -> None:
    variation = wide.variation
    sheet = book.add_worksheet(name)
    said = month_name(variation.said or month)
    titles = ["Eckwerte der Jobcenter", "Deutschland, Länder und Jobcenter", f"Berichtsmonat: {said}"]
    titles += ["Erstellungsdatum: 20.11.2018", "", "Zurück zum Inhalt"]
    for row, text in enumerate(titles):
        if text:
            sheet.write_string(row, 0, text)
    top = TITLE_ROWS + variation.moved
    levels = 3 if variation.month_in_header else 2
    columns = wide.columns
    for column, title in enumerate(("Land", "Jobcenter")):
        sheet.merge_range(top, column, top + levels - 1, column, variation.renamed.get(title, title))
    row = top
    if variation.month_in_header:
        serial = (date.fromisoformat(f"{variation.said or month}-15") - EXCEL_EPOCH).days
        sheet.merge_range(row, 2, row, len(columns) + 1, serial)
        row += 1
    for first in range(0, len(columns), len(SEXES)):
        sheet.merge_range(row, first + 2, row, first + len(SEXES) + 1, columns[first][0])
    for column, (_, lower, _) in enumerate(columns, start=2):
        sheet.write_string(row + 1, column, lower)
    if variation.numbered:
        for column in range(len(columns) + 2):
            sheet.write_number(row + 2, column, column + 1)
    row += 3
    _write_row(sheet, row, ["Insgesamt", None, *wide.total(wide.units)])
    for land, units in _by_land(wide).items():
        row += 1
        _write_row(sheet, row, [land, "Insgesamt", *wide.total(units)])
        for unit in units:
            row += 1
            _write_row(sheet, row, [None, _key_cell(wide, unit), *wide.row(unit)])
    if variation.footnotes:
        row += 1
        sheet.write_string(row, 0, "1) Bestand am Stichtag")
    sheet.write_string(row + 1, 0, COPYRIGHT)
    sheet.write_string(row + 2, 0, "Erstellungsdatum: 20.11.2018, Statistik-Service Ost, Auftragsnummer 271828")


def _write_row(sheet: xlsxwriter.worksheet.Worksheet, row: int, values: Sequence[object]) -> None:
    for column, value in enumerate(values):
        if isinstance(value, str) and value and column > 1 and _is_number(value):
            sheet.write_number(row, column, float(value))
        elif isinstance(value, str) and value:
            sheet.write_string(row, column, value)
        elif isinstance(value, int | float):
            sheet.write_number(row, column, value)


def _is_number(text: str) -> bool:
    return not isinstance(text, AsItStands) and text.removeprefix("-").replace(".", "", 1).isdigit()


# -- CSV files with titles and footers ---------------------------------------------------------------------------------


def genesis(
    cells: Sequence[Cell],
    month: str,
    variation: Variation = USUAL,
    *,
    encoding: str = "utf-8",
    destroyed: bool = False,
    without_zero: bool = False,
    extra: Sequence[tuple[str, str, str]] = (),
    period: str = "",
) -> bytes:
    """Return a table of the GENESIS family by Kreis: names indented, keys of 2, 3 and 5 digits, a footer after a line.

    A jobcenter of several Kreise is written as those, the count dealt out to them. `destroyed` replaces umlauts as a broken
    conversion does; `without_zero` writes keys as the numbers that a spreadsheet makes of them; `extra` are further Kreise as
    key, name and the sign or number in all their cells; `period` is what the cells of the time say instead of the last day.
    """
    wide = _wide(cells, variation)
    kreise = {
        key: (wide.catalog.jobcenters[unit].name, _dealt(wide.row(unit), at, len(keys)))
        for unit in wide.units
        for keys in [wide.catalog.jobcenters[unit].ags5]
        for at, key in enumerate(keys)
    }
    kreise |= {key: (name, [value] * len(wide.columns)) for key, name, value in extra}
    width = len(wide.columns) + 3
    said = period or last_day(variation.said or month).strftime("%d.%m.%Y")
    rows: Grid = [["GENESIS-Tabelle: 22811-90-01-4"]]
    titles = ["Eckwerte der Grundsicherung für Arbeitsuchende", "regionale Tiefe: Kreise und krfr. Städte", ""]
    titles += ["Statistik der Grundsicherung"] * (1 + variation.moved)
    rows += [[title, *[""] * (width - 1)] for title in titles]
    rows += _csv_header(wide, ["", "", ""])
    rows.append(["", "", "", *["Anzahl"] * len(wide.columns)])
    rows.append([said, "DG", "Deutschland", *_printed(wide.total(wide.units))])
    for key in sorted({k[:2] for k in kreise}):
        rows.append([said, key, f"  Land {key}", *["."] * len(wide.columns)])
        for below in sorted(k for k in kreise if k.startswith(key)):
            name, values = kreise[below]
            shown = variation.keys.get(below, str(int(below)) if without_zero else below)
            rows.append([said, shown, f"      {name}", *_printed(values)])
    rows += [["__________"], ["© Statistische Ämter des Bundes und der Länder"], ["Stand: 20.11.2018 / 15:30:38"]]
    content = _semicolons(rows)
    if destroyed:
        content = content.translate({ord(c): "\ufffd" for c in "äöüÄÖÜß§"})
    return content.encode(encoding, "replace")


def _dealt(values: Sequence[object], at: int, parts: int) -> list[object]:
    """Return the share of one of `parts` Kreise: a count is dealt out to the last unit, the first gets the rest."""
    found: list[object] = []
    for value in values:
        if parts == 1 or not isinstance(value, str) or not _is_number(value):
            found.append(value)
            continue
        each = int(Decimal(value) / parts)
        found.append(str(Decimal(value) - each * (parts - 1) if at == 0 else each))
    return found


def interactive(cells: Sequence[Cell], month: str, variation: Variation = USUAL) -> bytes:
    """Return a CSV export of the interactive statistics: twelve leading lines, thousands dots, sums, two trailing lines."""
    wide = _wide(cells, variation)
    said = last_day(variation.said or month).strftime("%d.%m.%Y")
    rows: Grid = [["Interaktive Statistik: Eckwerte der Jobcenter"], [], ["Thema", "Grundsicherung"]]
    rows += [["Stichtag", said], ["Gebietsstand", month_name(variation.said or month)], ["Region", "Jobcenter"]]
    rows += [["Auswahl", "alle"]] * (6 + variation.moved)
    rows += _csv_header(wide, ["Jobcenter"])
    for land, units in _by_land(wide).items():
        rows += [[_key_cell(wide, unit) or "", *_printed(wide.row(unit))] for unit in units]
        rows.append([f"Summe: {land}", *_printed(wide.total(units))])
    rows.append(["Summe: Deutschland", *_printed(wide.total(wide.units))])
    rows += [[COPYRIGHT], ["Datenstand: November 2018"]]
    return _semicolons(rows).encode()


def _printed(values: Sequence[object]) -> list[object]:
    """Return values with numbers as Germans write them."""
    return [german(v) if isinstance(v, str) and _is_number(v) else v for v in values]


def _csv_header(wide: _Wide, left: list[object]) -> Grid:
    upper: list[object] = []
    for position, (title, _, _) in enumerate(wide.columns):
        upper.append("" if wide.variation.sparse and position % len(SEXES) else title)
    left = [wide.variation.renamed.get(str(text), text) for text in left]
    return [[*left, *upper], [*[""] * len(left), *(lower for _, lower, _ in wide.columns)]]


def _semicolons(rows: Grid) -> str:
    """Return rows as text with `;`, with quotes where a field needs them."""
    lines = []
    for row in rows:
        fields = [str(value) for value in row]
        lines.append(";".join(f'"{text}"' if ";" in text or '"' in text else text for text in fields))
    return "\r\n".join(lines) + "\r\n"


# -- ZIP files ---------------------------------------------------------------------------------------------------------


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a ZIP file of members by name, with a fixed time."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2018, 11, 20, 9, 0, 0)), content)
    return sink.getvalue()


def sgb2info_member(cells: Iterable[Cell], month: str, variation: Variation = USUAL) -> bytes:
    """Return the long table as sgb2.info is assumed to publish it (the genuine columns are unknown)."""
    catalog = load_catalog()
    head = ("Berichtsmonat", "Traegernummer", "Traeger", "Geschlecht", "Merkmal", "Wert")
    lines = [";".join(variation.renamed.get(name, name) for name in (*head, *variation.added))]
    for jc_id, sex, merkmal, value in cells:
        label = catalog.merkmale[merkmal].label.de
        label = variation.renamed.get(label, label)
        key = variation.keys.get(jc_id, jc_id.removeprefix("t"))
        shown = variation.values.get((jc_id, sex, merkmal), german(value))
        fields = [month_name(variation.said or month), key, catalog.jobcenters[jc_id].name, SEXES[sex], label, shown]
        lines.append(";".join(str(f) for f in (*fields, *("1" for _ in variation.added))))
    return ("\r\n".join(lines) + "\r\n").encode()


def sgb2info(cells: Sequence[Cell], month: str, variation: Variation = USUAL, *, earlier: str = "") -> bytes:
    """Return the monthly ZIP of sgb2.info: one member per sex, each perhaps with the same cells of an `earlier` month before."""
    members = {}
    for sex, name in SEXES.items():
        part = [c for c in cells if c[1] == sex]
        content = sgb2info_member(part, month, variation)
        if earlier:
            head, _, rest = sgb2info_member(part, earlier, variation).partition(b"\r\n")
            content = head + b"\r\n" + rest + content.partition(b"\r\n")[2]
        members[f"dl_48a_daten_statistikba_{name.lower().replace('ä', 'ae')}.csv"] = content
    return zipped(members)
