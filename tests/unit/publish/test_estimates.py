"""Estimates are marked wherever a value with one is shown, and nowhere else."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from country import SAALEKREIS, country, publish_country

ESTIMATED = "enthält geschätzte (imputierte) Monate"
SENTENCE = "Enthält Schätzungen: 2 von"


def released(root: Path, *, estimated: bool) -> Path:
    plain = country(units=6, indicators=("K2",))

    def basis(row: Mapping[str, Any], key: str, areas: tuple[str, ...]) -> Mapping[str, Any]:
        return {**row, "basis": "imputiert"} if estimated and row[key] in areas else row

    eckwerte = [dict(row) for row in plain.eckwerte]
    for row in [r for r in eckwerte if r["jc_id"] == SAALEKREIS][: 2 * estimated]:
        row["basis"] = "imputiert"
    changed = replace(
        plain,
        eckwerte=eckwerte,
        vergleich=[basis(r, "jc_id", (SAALEKREIS,)) for r in plain.vergleich],
        kennzahlen=[basis(r, "gebiet", (SAALEKREIS, "bund")) for r in plain.kennzahlen],
    )
    return publish_country(changed.write(root), changed).folder


@pytest.fixture(scope="module")
def with_estimates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(tmp_path_factory.mktemp("with"), estimated=True)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(tmp_path_factory.mktemp("without"), estimated=False)


def page(folder: Path, name: str) -> str:
    return (folder / "site" / name).read_text(encoding="utf-8")


def test_a_table_marks_the_row_and_germany_and_says_what_the_sign_means(with_estimates: Path) -> None:
    text = page(with_estimates, "K2-alle.html")
    assert text.count('class="est"') == 2
    own = text[text.index(f'id="{SAALEKREIS}"') :].split("</tr>")[0]
    assert 'class="est"' in own
    assert f"<b>i</b> {ESTIMATED}" in text


def test_first_page_and_data_page_say_how_many(with_estimates: Path) -> None:
    assert SENTENCE in page(with_estimates, "index.html")
    assert SENTENCE in page(with_estimates, "daten.html")
    assert json.loads((with_estimates / "manifest.json").read_text())["schaetzungen"].startswith(SENTENCE)


def test_workbook_and_excel_csv_tell_them_apart(with_estimates: Path) -> None:
    book = openpyxl.load_workbook(with_estimates / "vergleich.xlsx", read_only=True)
    cells = [list(row) for row in book["K2"].iter_rows(min_row=5, values_only=True)]
    column, name = cells[0].index("Schätzung"), cells[0].index("Schlüssel")
    assert {row[name]: row[column] for row in cells[1:] if row[column]} == {SAALEKREIS: "i"}
    assert any(row[0] == "i" for row in book["Hinweise und Zeichen"].iter_rows(values_only=True))
    with (with_estimates / "vergleich-excel.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert {r["Schlüssel"] for r in rows if r["Herkunft"] == "imputiert"} == {SAALEKREIS}


def test_a_release_without_estimates_says_nothing_of_them(without: Path) -> None:
    for name in ("K2-alle.html", "index.html"):
        assert 'class="est"' not in page(without, name)
        assert ESTIMATED not in page(without, name)
    assert "schaetzungen" not in json.loads((without / "manifest.json").read_text())
    sheet = openpyxl.load_workbook(without / "vergleich.xlsx")["K2"]
    assert "Schätzung" not in next(sheet.iter_rows(min_row=5, values_only=True))
