"""The words of GENESIS for sex and time are data of its layout: what is written there is read, and no other word is guessed."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from pipeline import steps
from pipeline.catalog import Catalog
from pipeline.catalog.layouts import Validity
from pipeline.store import Finding
from published import country, files
from published.country import LAST, cells_of, small_catalog
from published.files import Variation

GENUINE = {"Männer": "männlich", "Frauen": "weiblich"}


def staged(
    root: Path, content: bytes, suffix: str = ".csv", catalog: Catalog | None = None
) -> tuple[steps.Run, list[Finding]]:
    """Stage one file and return the run and what was found that is more than a note."""
    run = country.run(root, {f"{LAST}/eckwerte/statistik{suffix}": content}, LAST, upto="stage", catalog=catalog)
    return run, [f for f in country.findings(run) if f.severity != "info"]


def genesis(renamed: Mapping[str, str] = GENUINE, period: str = "") -> bytes:
    return files.genesis(cells_of(LAST), LAST, Variation(renamed=renamed), encoding="latin-1", period=period)


@pytest.fixture(scope="module")
def as_agreed(tmp_path_factory: pytest.TempPathFactory) -> object:
    run, found = staged(tmp_path_factory.mktemp("canonical"), files.canonical(cells_of(LAST)))
    assert found == []
    return country.staged_rows(run)


@pytest.mark.parametrize(
    "period", ["", "2018-07", "2018-07-31", "Juli 2018", "31. Juli 2018", "Stichtag 31.07.2018", "07/2018"]
)
def test_the_words_of_genesis_give_the_rows_of_the_canonical_file(
    period: str, as_agreed: object, tmp_path: Path
) -> None:
    run, found = staged(tmp_path, genesis(period=period))
    assert found == []
    assert country.staged_rows(run) == as_agreed


PERIODS = {
    "2018": "annual values are no monthly counts",
    "Jahr 2018": "annual values are no monthly counts",
    "Ende Juli 2018": "zeitangabe in layouts.csv",
    "3. Quartal 2018": "zeitangabe in layouts.csv",
    "2018-13": "zeitangabe in layouts.csv",
}


@pytest.mark.parametrize("period", PERIODS)
def test_a_time_that_is_no_month_in_the_words_of_the_layout_rejects_the_file_and_says_why(
    period: str, tmp_path: Path
) -> None:
    run, found = staged(tmp_path, genesis(period=period))
    assert [(f.rule, f.column, f.value) for f in found] == [("STAGE-MONTH", "line 9, column 1", period)]
    assert PERIODS[period] in found[0].message
    assert run.staged["eckwerte"][LAST]["units"] == {}


def workbook_cell(cell: str, text: str | int) -> bytes:
    book = openpyxl.load_workbook(
        io.BytesIO(files.workbook(cells_of(LAST), LAST, Variation(month_in_header=cell == "C12")))
    )
    book["Eckwerte"][cell] = text
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


@pytest.mark.parametrize(("cell", "text"), [("A3", "Berichtsmonat: 2018"), ("C12", 2018), ("C12", "2018")])
def test_a_workbook_of_a_year_is_rejected_and_told_why(cell: str, text: str | int, tmp_path: Path) -> None:
    _, found = staged(tmp_path, workbook_cell(cell, text), ".xlsx")
    assert [(f.rule, f.column) for f in found] == [("STAGE-MONTH", f"Eckwerte!{cell}")]
    assert "is a year; annual values are no monthly counts" in found[0].message


def test_a_word_of_sex_that_the_layout_does_not_know_rejects_a_wide_table_and_names_those_it_knows(
    tmp_path: Path,
) -> None:
    run, found = staged(tmp_path, genesis({**GENUINE, "Frauen": "weiblich und divers"}))
    assert [(f.rule, f.column) for f in found] == [("LAYOUT-HEADER", "line 7, column 6")]
    assert found[0].value == "erwerbsfähige Leistungsberechtigte > weiblich und divers"
    assert "its words of sex are Insgesamt, Männer, Frauen, männlich, weiblich" in found[0].message
    assert run.staged["eckwerte"][LAST]["units"] == {}


def test_a_word_of_sex_that_the_layout_does_not_know_sets_the_rows_of_a_long_table_aside(tmp_path: Path) -> None:
    content = files.sgb2info_member(cells_of(LAST), LAST).replace(b";Frauen;", b";divers;")
    _, found = staged(tmp_path, content)
    assert {(f.rule, f.value) for f in found} == {("ROW-CODE", "divers")}
    assert found[0].column == "line 4, column 4"
    assert "its words of sex are Insgesamt, Männer, Frauen" in found[0].message


def test_a_word_of_sex_holds_in_its_months_only(tmp_path: Path) -> None:
    catalog = small_catalog()
    layout = catalog.layouts.by_name["genesis"]
    until = Validity("", "2018-06")
    changed = replace(
        layout,
        headers=tuple(replace(h, validity=until) if h.path.endswith("weiblich") else h for h in layout.headers),
        words=tuple(replace(w, validity=until) if w.path == "weiblich" else w for w in layout.words),
    )
    layouts = replace(catalog.layouts, by_name={**catalog.layouts.by_name, layout.name: changed})
    _, found = staged(tmp_path, genesis(), catalog=replace(catalog, layouts=layouts))
    assert [(f.rule, f.column) for f in found] == [("LAYOUT-HEADER", "line 7, column 6")]


def test_both_words_of_one_sex_in_one_file_are_a_header_that_stands_twice(tmp_path: Path) -> None:
    _, found = staged(tmp_path, genesis({"Männer": "weiblich"}))
    assert [(f.rule, f.column) for f in found] == [("LAYOUT-HEADER", "line 7, column 6")]
    assert "stands twice" in found[0].message
