"""The same published counts give the same figures, in whatever layout they come; only the row in the file differs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integration.worlds_run import computed_eckwerte, computed_kennzahlen
from published import country, files
from published.country import LAST, cells_of, delivered
from published.files import Cell, Variation

HEADER_MOVED = Variation(moved=3, footnotes=True, blanks=True)


def mixed(cells: list[Cell], month: str) -> bytes:
    """Return a ZIP file in which every jobcenter's cells come in another layout."""
    of = {unit: [c for c in cells if c[0] == unit] for unit in country.UNITS}
    return files.zipped(
        {
            "LIESMICH.txt": b"Eckwerte, je Jobcenter eine Datei",
            "a/kanonisch.csv": files.canonical(of["t04412"]),
            "b/kreise.csv": files.genesis(of["t52302"], month, encoding="latin-1"),
            "c/interaktiv.csv": files.interactive(of["t11902"], month),
            "d/mappe.xlsx": files.workbook(of["t27708"], month),
            "dl_48a_daten_statistikba_1.csv": files.sgb2info_member(of["t41512"], month),
        }
    )


LAYOUTS: dict[str, tuple[country.Writer, str]] = {
    "BA workbook": (files.workbook, ".xlsx"),
    "GENESIS table": (files.genesis, ".csv"),
    "interactive statistics": (files.interactive, ".csv"),
    "ZIP of sgb2.info": (lambda cells, month: files.sgb2info(cells, month, earlier="2017-06"), ".zip"),
    "ZIP with a file of every layout": (mixed, ".zip"),
}
VARIATIONS: dict[str, tuple[country.Writer, str]] = {
    "header moved down, footnote marks, signs with trailing blanks": (
        lambda c, m: files.workbook(c, m, HEADER_MOVED),
        ".xlsx",
    ),
    "header moved up": (lambda c, m: files.workbook(c, m, Variation(moved=-3)), ".xlsx"),
    "month as Excel's day number over the header": (
        lambda c, m: files.workbook(c, m, Variation(month_in_header=True)),
        ".xlsx",
    ),
    "columns numbered under the header": (
        lambda c, m: files.workbook(c, m, Variation(numbered=True, month_in_header=True)),
        ".xlsx",
    ),
    "counts dealt out to three sheets": (lambda c, m: files.workbook(c, m, sheets=3), ".xlsx"),
    "GENESIS table in Latin-1": (lambda c, m: files.genesis(c, m, encoding="latin-1"), ".csv"),
    "GENESIS table with more titles, upper header only once": (
        lambda c, m: files.genesis(c, m, Variation(moved=4, sparse=True)),
        ".csv",
    ),
    "GENESIS table with dissolved Kreise": (
        lambda c, m: files.genesis(
            c, m, extra=[("03152", "Göttingen, Landkreis", "-"), ("03156", "Osterode am Harz, Landkreis", ".")]
        ),
        ".csv",
    ),
    "interactive statistics, upper header only once": (
        lambda c, m: files.interactive(c, m, Variation(moved=2, sparse=True, blanks=True)),
        ".csv",
    ),
}


@dataclass(frozen=True)
class Figures:
    """What a run of all months made of the deliveries."""

    staged: dict[str, list[Any]]
    eckwerte: dict[Any, Any]
    kennzahlen: dict[Any, Any]


def figures(root: Path, writer: country.Writer, suffix: str) -> Figures:
    run = country.run(root, delivered(writer, suffix), LAST)
    months = sorted(run.staged["eckwerte"])
    return Figures(
        {month: country.staged_rows(run, month) for month in months}, computed_eckwerte(run), computed_kennzahlen(run)
    )


@pytest.fixture(scope="module")
def as_agreed(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """Return the figures of the canonical files."""
    return figures(tmp_path_factory.mktemp("canonical"), lambda cells, _: files.canonical(cells), ".csv")


def test_canonical_files_bear_figures_and_reasons(as_agreed: Figures) -> None:
    assert len(as_agreed.staged) == 13
    values = as_agreed.eckwerte
    assert values[LAST, "t04412", "T", "elb"] == (Decimal(1221 + 811), "", "eckwerte")
    assert values[LAST, "t04412", "M", "bs_2am"] == (None, "geheim", "eckwerte")
    assert values[LAST, "t27708", "T", "lzb_amp"] == (None, "nicht_verfuegbar", "eckwerte")
    k2 = as_agreed.kennzahlen[LAST, "jobcenter", "t04412", "K2@2011", "T"]
    assert k2[3] is not None and not k2[5]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_rows_and_figures_of_the_canonical_file(
    name: str, as_agreed: Figures, tmp_path: Path
) -> None:
    writer, suffix = LAYOUTS[name]
    assert figures(tmp_path, writer, suffix) == as_agreed


@pytest.mark.parametrize("name", VARIATIONS)
def test_what_comes_and_goes_between_months_changes_no_row(name: str, as_agreed: Figures, tmp_path: Path) -> None:
    writer, suffix = VARIATIONS[name]
    tree = {f"{LAST}/eckwerte/statistik{suffix}": writer(cells_of(LAST), LAST)}
    run = country.run(tmp_path, tree, LAST, upto="stage")
    assert [f for f in country.findings(run) if f.severity != "info"] == []
    assert country.staged_rows(run) == as_agreed.staged[LAST]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_same_cells_give_the_same_bytes(name: str) -> None:
    writer, _ = LAYOUTS[name]
    assert writer(cells_of(LAST), LAST) == writer(cells_of(LAST), LAST)
