"""Small published files in memory: a workbook in the style of the BA, CSV files of both statistics, a ZIP file of several."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.catalog import Catalog, load_catalog
from pipeline.months import Zaehltage
from pipeline.stage.examining import Examined, examine

MONTH = "2018-07"
SEXES = {"T": "Insgesamt", "M": "Männer", "F": "Frauen"}
CATALOG = load_catalog()
LABELS = {name: merkmal.label.de for name, merkmal in CATALOG.merkmale.items()}
SAALEKREIS = "t04412 Saalekreis, JC"
MAGDEBURG = "t04502 Magdeburg, JC"
LIMIT = 50_000_000

Row = tuple[str | int | None, Sequence[Any]]


def examined(tmp_path: Path, content: bytes, suffix: str, month: str = MONTH, catalog: Catalog = CATALOG) -> Examined:
    """Read a delivery as staging does."""
    path = tmp_path / f"statistik{suffix}"
    path.write_bytes(content)
    return examine(path, suffix, catalog.tables["eckwerte"], month, catalog, Zaehltage({}), LIMIT)


def cells(found: Examined) -> dict[tuple[str, str, str], str]:
    """Return what the accepted rows say: the sign if there is one, else the value."""
    return {
        (row["jc_id"], row["merkmal"], row["geschlecht"]): row["zeichen"] or str(row["wert"])
        for row in found.accepted.to_pylist()
    }


def values(first: int = 100) -> list[int]:
    """Return a row of 54 different counts."""
    return list(range(first, first + 54))


def header() -> list[tuple[str, str]]:
    """Return (merkmal label, sex label) of the 54 columns."""
    return [(text, sex) for text in LABELS.values() for sex in SEXES.values()]


@dataclass
class Book:
    """A workbook in the style of the BA; every variation is a field."""

    rows: Sequence[Row] = ((SAALEKREIS, values()), (MAGDEBURG, values(1000)))
    title_rows: int = 11
    sheet: str = "1.1 Eckwerte"
    month: Any = "Berichtsmonat: Juli 2018"
    labels: Mapping[str, str] = field(default_factory=dict)
    third_level: Any = None
    merge: bool = True
    more_sheets: tuple[str, ...] = ("Inhalt", "Hinweise")
    footer: tuple[str, ...] = (
        "© Statistik der Bundesagentur für Arbeit",
        "Erstellungsdatum: 20.11.2018, Auftragsnummer 334605",
    )
    touch: Callable[[Worksheet], None] | None = None
    swapped: bool = False
    chart: str = ""

    def content(self) -> bytes:
        """Return the bytes of the workbook."""
        book = Workbook()
        front, *others = [book.active, *(book.create_sheet(name) for name in (*self.more_sheets[1:], self.sheet))]
        front.title = self.more_sheets[0]
        sheet = others[-1]
        sheet["A1"] = "Eckwerte der Grundsicherung SGB II"
        sheet["A3"] = self.month
        top = self.title_rows + 1
        sheet.cell(top, 1, "Land")
        sheet.cell(top, 2, "Jobcenter")
        for index, (text, sex) in enumerate(header()):
            column = 3 + index
            if index % 3 == 0:
                sheet.cell(top, column, self.labels.get(text, text))
                if self.merge:
                    sheet.merge_cells(start_row=top, end_row=top, start_column=column, end_column=column + 2)
            sheet.cell(top + 1, column, self.labels.get(sex, sex))
            if self.third_level is not None:
                sheet.cell(top + 2, column, self.third_level)
        row = top + 3
        for number, (region, numbers) in enumerate(self.rows):
            if number == 0:
                sheet.cell(row, 1, "Sachsen-Anhalt")
            sheet.cell(row, 2, region)
            for index, value in enumerate(_swapped(numbers) if self.swapped else numbers):
                sheet.cell(row, 3 + index, value)
            row += 1
        for line in self.footer:
            row += 1
            sheet.cell(row, 1, line)
        if self.touch:
            self.touch(sheet)
        if self.chart:
            book.create_chartsheet(self.chart)
        buffer = io.BytesIO()
        book.save(buffer)
        return buffer.getvalue()


def _swapped(numbers: Sequence[Any]) -> list[Any]:
    """Return the values with men and women in the other order of columns."""
    return [numbers[index + (0, 1, -1)[index % 3]] for index in range(len(numbers))]


def genesis(
    rows: Sequence[tuple[str, str, Sequence[Any]]],
    period: str = "Juli 2018",
    encoding: str = "utf-8",
    unit: str = "Anzahl",
    labels: Mapping[str, str] | None = None,
) -> bytes:
    """Return a CSV file in the style of GENESIS; `rows` are key, name and values, `labels` other words of the header."""
    words = labels or {}
    lines = [
        "GENESIS-Tabelle: 22811-48-01-4",
        "Grundsicherung für Arbeitsuchende: Eckwerte" + ";" * 56,
        "Kreise und kreisfreie Städte" + ";" * 56,
        ";;;" + ";".join(words.get(text, text) if sex == "Insgesamt" else "" for text, sex in header()),
        ";;;" + ";".join(words.get(sex, sex) for _, sex in header()),
        ";;;" + ";".join(unit for _ in header()),
        *(f"{period};{key};{name};" + ";".join(str(v) for v in numbers) for key, name, numbers in rows),
        "__________",
        "Länder und Kreise: Gebietsstand des Monats",
        "(C)opyright Statistische Ämter",
        "Stand: 19.11.2018 / 15:30:38",
    ]
    return ("\n".join(lines) + "\n").encode(encoding)


def interactive(rows: Sequence[Row], stichtag: str = "Stichtag;15.07.2018") -> bytes:
    """Return a CSV file in the style of the interactive statistics."""
    lines = [
        "Grundsicherung für Arbeitsuchende",
        "Eckwerte",
        "",
        stichtag,
        "Gebietsstand;Juli 2018",
        *[""] * 7,
        "Jobcenter;" + ";".join(text if sex == "Insgesamt" else "" for text, sex in header()),
        ";" + ";".join(sex for _, sex in header()),
        *(f"{region};" + ";".join(str(v) for v in numbers) for region, numbers in rows),
        "Summe: 2 Jobcenter;" + ";".join("9.999" for _ in header()),
        "© Statistik der Bundesagentur für Arbeit",
        "Erstellungsdatum: 20.11.2018",
    ]
    return ("\n".join(lines) + "\n").encode()


def long_lines(rows: Sequence[tuple[str, str, str, str, str, str]]) -> bytes:
    """Return a member of the ZIP of sgb2.info as we assume it."""
    head = "Berichtsmonat;Traegernummer;Traeger;Geschlecht;Merkmal;Wert"
    return ("\n".join([head, *(";".join(row) for row in rows)]) + "\n").encode()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a ZIP file with the members; always the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


SERIAL = (date(2018, 7, 1) - date(1899, 12, 30)).days
