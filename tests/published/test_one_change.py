"""One change anywhere in a published file never gives another figure silently: it is read as it stands, or named.

Files are changed cell by cell and line by line at random; what is staged is held against the cells that were written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.months import Zaehltage
from pipeline.stage.examining import Examined, examine
from pipeline.stage.found import RejectedError
from published import files
from published.country import LAST, cells_of, small_catalog
from published.files import SIGNS, Variation

CATALOG = small_catalog()
LIMIT = 50_000_000
Values = dict[tuple[str, str, str], tuple[Decimal | None, str]]
TRUE: Values = {(u, s, m): (None, v) if v in SIGNS else (Decimal(v), "") for u, s, m, v in cells_of(LAST)}
TEXTS = (
    "",
    " ",
    "0",
    "7",
    "1.234",
    "12,5",
    "1234",
    "-",
    "*",
    "x",
    "..",
    "n. v.",
    "Insgesamt",
    "Summe",
    "15088",
    "t04412",
)
TEXTS += (
    "t4412",
    "Juni 2018",
    "Männer",
    "Frauen",
    "Sachsen-Anhalt",
    "Integrationen",
    "© Statistik",
    "_____",
    "1)",
    "#NV",
)
WIDE = {
    "GENESIS table": files.genesis(cells_of(LAST), LAST),
    "interactive statistics": files.interactive(cells_of(LAST), LAST),
    "header only once": files.interactive(cells_of(LAST), LAST, Variation(sparse=True)),
    "long table": files.sgb2info_member(cells_of(LAST), LAST),
}


def read(content: bytes, suffix: str) -> tuple[Values, list[str]]:
    """Return the staged cells and the rules of what was found; a cell that two rows contradict has no value, it is named."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"statistik{suffix}"
        path.write_bytes(content)
        try:
            found: Examined = examine(path, suffix, CATALOG.tables["eckwerte"], LAST, CATALOG, Zaehltage({}), LIMIT)
        except RejectedError as error:
            return {}, [error.rule]
    rules = [bad.rule for bad in found.bad] + [remark.rule for remark in found.remarks]
    rows = found.accepted.to_pylist()
    said: dict[tuple[str, str, str], set[tuple[Decimal | None, str]]] = {}
    for r in rows:
        said.setdefault((r["jc_id"], r["geschlecht"], r["merkmal"]), set()).add((r["wert"], r["zeichen"] or ""))
    contradicted = {cell for cell, versions in said.items() if len(versions) > 1}
    assert bool(contradicted) == ("ROW-CONTRADICTION" in rules)
    return {cell: versions.pop() for cell, versions in said.items() if cell not in contradicted}, rules


def wrong(staged: Values) -> list[tuple[str, str, str]]:
    """Return the staged cells that do not say what was written; a dash is a zero, an absent cell is not wrong."""
    return [key for key, said in staged.items() if TRUE.get(key) != said]


def lost(staged: Values) -> bool:
    return not set(TRUE) <= set(staged)


def changed_field(content: bytes, line: int, field: int, text: str) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=";"))
    row = rows[line % len(rows)]
    if field < len(row):
        row[field] = text
    sink = io.StringIO(newline="")
    csv.writer(sink, delimiter=";", lineterminator="\r\n").writerows(rows)
    return sink.getvalue().encode()


def changed_lines(content: bytes, first: int, second: int, how: str) -> bytes:
    lines = content.splitlines(keepends=True)
    one, other = first % len(lines), second % len(lines)
    match how:
        case "without":
            del lines[one]
        case "twice":
            lines.insert(other, lines[one])
        case "swapped":
            lines[one], lines[other] = lines[other], lines[one]
        case "cut":
            del lines[one:]
    return b"".join(lines)


def shifted_column(content: bytes, column: int, other: int, how: str) -> bytes:
    """Remove, double or swap a column in all rows that have it, headers included."""
    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=";"))
    width = max(len(row) for row in rows)
    one, two = column % width, other % width
    for row in rows:
        if len(row) <= max(one, two):
            continue
        if how == "without":
            del row[one]
        elif how == "twice":
            row.insert(two, row[one])
        else:
            row[one], row[two] = row[two], row[one]
    sink = io.StringIO(newline="")
    csv.writer(sink, delimiter=";", lineterminator="\r\n").writerows(rows)
    return sink.getvalue().encode()


@given(
    name=st.sampled_from(sorted(WIDE)), line=st.integers(0, 60), field=st.integers(0, 56), text=st.sampled_from(TEXTS)
)
@example(name="interactive statistics", line=16, field=0, text="t04412")  # the key of another unit
@example(name="header only once", line=12, field=4, text="")  # the upper header of three columns
@example(name="GENESIS table", line=6, field=4, text="Frauen")
@settings(max_examples=150)
def test_one_changed_field_changes_its_own_cell_or_is_named(name: str, line: int, field: int, text: str) -> None:
    staged, rules = read(changed_field(WIDE[name], line, field, text), ".csv")
    assert len(wrong(staged)) <= 1, (name, line, field, text)
    other_month = (name, field, text) == ("long table", 0, "Juni 2018")  # its rows are a series, others are passed over
    assert not lost(staged) or rules or other_month, "what is not read is named"


@given(
    name=st.sampled_from(sorted(WIDE)),
    first=st.integers(0, 300),
    second=st.integers(0, 300),
    how=st.sampled_from(["without", "twice", "swapped", "cut"]),
)
@settings(max_examples=80)
def test_lines_that_are_lost_doubled_or_moved_change_no_figure(name: str, first: int, second: int, how: str) -> None:
    staged, _ = read(changed_lines(WIDE[name], first, second, how), ".csv")
    assert wrong(staged) == [], (name, first, second, how)


@given(
    name=st.sampled_from(sorted(set(WIDE) - {"header only once"})),
    column=st.integers(0, 60),
    other=st.integers(0, 60),
    how=st.sampled_from(["without", "twice", "swapped"]),
)
@settings(max_examples=80)
def test_columns_that_are_lost_doubled_or_moved_with_their_header_change_no_figure(
    name: str, column: int, other: int, how: str
) -> None:
    staged, rules = read(shifted_column(WIDE[name], column, other, how), ".csv")
    assert wrong(staged) == [], (name, column, other, how)
    assert not lost(staged) or rules


BOOK = files.workbook(cells_of(LAST), LAST)


def changed_book(change: Callable[[openpyxl.worksheet.worksheet.Worksheet], None]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(BOOK))
    change(book["Eckwerte"])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


@given(row=st.integers(1, 30), column=st.integers(1, 58), text=st.sampled_from([*TEXTS, 5, 43296, 12.5, None]))
@example(row=12, column=3, text=None)
@settings(max_examples=30)
def test_one_changed_cell_of_a_workbook_changes_its_own_cell_or_is_named(
    row: int, column: int, text: str | float | None
) -> None:
    def change(sheet: openpyxl.worksheet.worksheet.Worksheet) -> None:
        cell = sheet.cell(row, column)
        if not isinstance(cell, openpyxl.cell.MergedCell):
            cell.value = text

    staged, rules = read(changed_book(change), ".xlsx")
    assert len(wrong(staged)) <= 1, (row, column, text)
    assert not lost(staged) or rules


@given(at=st.integers(1, 58), what=st.sampled_from(["insert_rows", "delete_rows", "insert_cols", "delete_cols"]))
@settings(max_examples=20)
def test_a_row_or_column_more_or_less_changes_no_figure(at: int, what: str) -> None:
    staged, _ = read(changed_book(lambda sheet: getattr(sheet, what)(at)), ".xlsx")
    assert wrong(staged) == [], (at, what)
