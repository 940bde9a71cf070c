"""The data files of a release agree with each other and say what they are."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import shutil
import subprocess
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest

from pipeline.publish.wording import SYNTHETIC
from unit.publish.conftest import World
from unit.publish.country import HIDDEN, MISSING, SAALEKREIS, country, publish_country

TABLES = {"kennzahlen": "kennzahlen.csv", "eckwerte": "eckwerte.csv.gz", "vergleich": "vergleich.csv"}


def _csv(path: Path, **options: Any) -> list[dict[str, str]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), **options))


@pytest.mark.parametrize("name", TABLES)
def test_machine_csv_says_exactly_what_parquet_says(world: World, name: str) -> None:
    table = pq.read_table(world.folder / f"{name}.parquet")
    rows = _csv(world.folder / TABLES[name])
    assert len(rows) == table.num_rows
    assert list(rows[0]) == [*table.column_names, "datenart"]
    for expected, row in zip(table.to_pylist(), rows, strict=True):
        assert row.pop("datenart") == "synthetisch"
        for column, value in expected.items():
            text = row[column]
            if value is None:
                assert text == ""
            elif isinstance(value, bool):
                assert text == str(value).lower()
            elif isinstance(value, float):
                assert float(text) == value
            else:
                assert text == str(value)


def test_machine_csv_has_no_byte_order_mark_and_unix_lines(world: World) -> None:
    content = (world.folder / "vergleich.csv").read_bytes()
    assert content[:5] == b"lauf," and b"\r" not in content and content.endswith(b"\n")


def test_excel_csv_is_german_and_shows_signs(world: World) -> None:
    content = (world.folder / "vergleich-excel.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf") and content.count(b"\r\n") == content.count(b"\n")
    rows = _csv(world.folder / "vergleich-excel.csv", delimiter=";")
    assert {len(r) for r in rows} == {32}
    wanted = ("K2E3", "ja", "insgesamt")
    chosen = {r["Schlüssel"]: r for r in rows if (r["Kennzahl"], r["in Kraft"], r["Geschlecht"]) == wanted}
    assert {r["Geschlecht"] for r in rows} == {"insgesamt", "Frauen", "Männer"}
    assert chosen[SAALEKREIS]["angezeigter Wert (Prozent)"] == "74,3"
    assert chosen[SAALEKREIS]["Jobcenter"] == "Saalekreis"
    assert not any(r["Zähler (Personen, Ereignisse oder EUR)"].endswith(",00") for r in rows)
    assert chosen[SAALEKREIS]["Bezugsmonat"] == "März 2018"
    assert chosen[HIDDEN]["angezeigter Wert (Prozent)"] == "*"
    assert chosen[HIDDEN]["Grund für fehlenden Wert"] == "geheim zu halten"
    assert chosen[MISSING]["angezeigter Wert (Prozent)"] == "x"
    assert {r["Datenart"] for r in rows} == {"synthetisch"}


@pytest.mark.parametrize("name", [*TABLES, "aenderungen"])
def test_parquet_carries_labels_units_and_origin(world: World, name: str) -> None:
    schema = pq.read_schema(world.folder / f"{name}.parquet")
    declared = world.country.catalog.results[name]
    assert schema.names == list(declared.column_names)
    for column in declared.columns:
        metadata = schema.field(column.name).metadata
        assert metadata[b"label_de"].decode() == column.label.de
        assert metadata[b"unit"].decode() == column.unit
        assert column.label.de and column.label.en
        assert column.unit or column.type not in ("number", "percent1", "float"), column.name
    assert schema.metadata[b"synthetisch"] == b"ja"
    assert schema.metadata[b"hinweis"].decode() == SYNTHETIC
    assert {b"title", b"source", b"licence", b"release"} <= schema.metadata.keys()


@pytest.mark.parametrize("name", TABLES)
def test_parquet_rows_are_in_order_of_the_key(world: World, name: str) -> None:
    key = world.country.catalog.results[name].key
    rows = [tuple(r[k] for k in key) for r in pq.read_table(world.folder / f"{name}.parquet").to_pylist()]
    assert rows == sorted(rows) and len(set(rows)) == len(rows)


def test_data_package_describes_every_file_with_its_digest(world: World) -> None:
    package = json.loads((world.folder / "datapackage.json").read_text())
    assert package["version"] == "2018-07.1" and "synthetisch" in package["keywords"]
    described = {r["path"] for r in package["resources"]}
    present = {p.relative_to(world.folder).as_posix() for p in world.folder.rglob("*") if p.is_file()}
    assert described == {p for p in present if not p.startswith("site/") and not p.endswith(".json")}
    for resource in package["resources"]:
        content = (world.folder / resource["path"]).read_bytes()
        assert resource["hash"] == f"sha256:{sha256(content).hexdigest()}"
        assert resource["bytes"] == len(content)
    assert len({r["name"] for r in package["resources"]}) == len(package["resources"])
    fields = {r["path"]: [f["name"] for f in r["schema"]["fields"]] for r in package["resources"] if "schema" in r}
    for file in TABLES.values():
        assert fields[file] == list(_csv(world.folder / file)[0])
    assert package["licenses"] == [
        {"name": "other-closed", "title": "Erfundene Zahlen: nur zum Erproben der Software, nicht zitieren."}
    ]


@pytest.mark.parametrize("name", TABLES)
def test_values_obey_the_constraints_of_the_data_package(world: World, name: str) -> None:
    package = json.loads((world.folder / "datapackage.json").read_text())
    schema = next(r["schema"] for r in package["resources"] if r["path"] == TABLES[name])
    rows = _csv(world.folder / TABLES[name])
    constraints = {f["name"]: f.get("constraints", {}) for f in schema["fields"]}
    for column, rules in constraints.items():
        values = {row[column] for row in rows}
        assert "" not in values or not rules.get("required"), column
        assert "enum" not in rules or values - {""} <= set(rules["enum"]), column
    assert {"geheim", "folgt_spaeter"} <= set(constraints["grund"]["enum"])
    keys = {tuple(row[k] for k in schema["primaryKey"]) for row in rows}
    assert len(keys) == len(rows)


def test_every_file_says_that_the_data_are_synthetic(world: World) -> None:
    for path in sorted(world.folder.rglob("*")):
        if path.suffix in (".html", ".json"):
            assert SYNTHETIC in path.read_text(), path
        elif path.suffix == ".csv":
            assert all(
                line.endswith(("synthetisch", "datenart", "Datenart")) for line in path.read_text().split("\n")[:-1]
            )
        elif path.suffix == ".parquet":
            assert pq.read_schema(path).metadata[b"synthetisch"] == b"ja"
    book = openpyxl.load_workbook(world.folder / "vergleich.xlsx")
    assert all(sheet["A2"].value == SYNTHETIC for sheet in book.worksheets)


def test_official_data_are_not_called_synthetic(tmp_path: Path) -> None:
    made = country(units=12, history=3, indicators=("K2E3",))
    folder = publish_country(made.write(tmp_path), made, synthetic=False).folder
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".csv"):
            assert SYNTHETIC not in path.read_text() and "synthetisch" not in path.read_text().lower(), path
    assert pq.read_schema(folder / "vergleich.parquet").metadata[b"synthetisch"] == b"nein"
    book = openpyxl.load_workbook(folder / "vergleich.xlsx")
    assert not any("SYNTHETISCH" in str(c.value) for s in book.worksheets for row in s.iter_rows() for c in row)


def test_workbook_has_one_sheet_per_version_with_real_numbers(world: World) -> None:
    book = openpyxl.load_workbook(world.folder / "vergleich.xlsx")
    expected = [n for i in world.country.catalog.indicators for n in ([i, f"{i} (2019)"] if i == "K2E3" else [i])]
    assert book.sheetnames == ["Deckblatt", "Hinweise und Zeichen", *expected]
    for sheet in book.worksheets:
        assert not sheet.merged_cells.ranges
    sheet = book["K2E3"]
    assert sheet["A1"].value == "K2E3 Nachhaltigkeit der Integrationen, März\u00a02018"
    assert sheet.freeze_panes == "D6" and len(sheet.tables) == 1
    assert next(iter(sheet.tables.values())).autoFilter is not None
    header = [c.value for c in sheet[5]]
    rows = {r[header.index("Schlüssel")].value: dict(zip(header, r, strict=True)) for r in sheet.iter_rows(min_row=6)}
    saalekreis = rows[SAALEKREIS]
    assert saalekreis["Wert, %"].value == 74.3 and saalekreis["Wert, %"].number_format == "0.0"
    assert saalekreis["zum Vorjahr, Pp"].number_format == "+0.0;-0.0;0.0"
    assert isinstance(saalekreis["Rang von 22"].value, int)
    assert rows[HIDDEN]["Wert, %"].value == "*" and rows[HIDDEN]["Grund"].value == "geheim zu halten"
    for row in rows.values():
        for name in ("Wert, %", "Frauen, %", "Männer, %"):
            assert isinstance(row[name].value, float | int) or row[name].value in ("*", "x", ".", "...")
    links = {
        (c.hyperlink.target or c.hyperlink.location).replace(chr(92), "/")
        for row in book["Deckblatt"].iter_rows()
        for c in row
        if c.hyperlink
    }
    assert "site/K2E3.html" in links and any("K2E3" in link and "A1" in link for link in links)


def test_workbook_values_are_those_of_parquet(world: World) -> None:
    book = openpyxl.load_workbook(world.folder / "vergleich.xlsx")
    rows = pq.read_table(world.folder / "vergleich.parquet").to_pylist()
    for name in ("K1", "K2E3", "K3E4"):
        sheet = book[name]
        header = [c.value for c in sheet[5]]
        shown = {
            r[header.index("Schlüssel")].value: r[header.index("Wert, %")].value for r in sheet.iter_rows(min_row=6)
        }
        expected = {
            r["jc_id"]: r["wert_anzeige"]
            for r in rows
            if r["kennzahl"] == name and r["in_kraft"] and r["geschlecht"] == "T"
        }
        assert shown.keys() == expected.keys()
        for unit, value in expected.items():
            assert isinstance(shown[unit], str) if value is None else Decimal(str(shown[unit])) == value


def test_print_version_is_tagged_german_and_complete(world: World) -> None:
    content = (world.folder / "pdf" / "K2E3.pdf").read_bytes()
    assert content.startswith(b"%PDF-1.7") and b"/MarkInfo" in content and b"/Lang" in content
    assert b"/CreationDate" not in content
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed; the text of the PDF was not read")
    text = subprocess.run(
        ["pdftotext", "-layout", str(world.folder / "pdf" / "K2E3.pdf"), "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert SYNTHETIC in text
    rows = pq.read_table(world.folder / "vergleich.parquet").to_pylist()
    for row in rows:
        if row["kennzahl"] == "K2E3" and row["in_kraft"] and row["geschlecht"] == "T" and row["traeger"] == "zkT":
            assert row["name"] in text
            assert row["wert_anzeige"] is None or str(row["wert_anzeige"]).replace(".", ",") in text


def _ranks(folder: Path) -> dict[str, int | None]:
    return {
        r["jc_id"]: r["rang_anzeige_alle"]
        for r in pq.read_table(folder / "vergleich.parquet").to_pylist()
        if (r["kennzahl"], r["definition"], r["geschlecht"]) == ("K2E3", "K2E3@2011", "T")
    }


def test_changes_name_value_rank_and_cause(tmp_path: Path) -> None:
    made = country(units=12, history=3, indicators=("K2", "K2E3"))
    store = made.write(tmp_path)
    first = publish_country(store, made)
    assert pq.read_table(first.folder / "aenderungen.parquet").num_rows == 0
    changed = made.with_value(SAALEKREIS, "K2E3", "55.0")
    starts = "2017-03/aufnahme/t04412"
    inputs = {"2018-07/bestand/t04412": "e" * 64, "2018-07/eckwerte/statistik": "b" * 64, starts: "f" * 64}
    second = publish_country(changed.write(tmp_path), changed, manifest_inputs={"lieferungen": inputs})
    rows = pq.read_table(second.folder / "aenderungen.parquet").to_pylist()
    own = next(r for r in rows if r["gebiet"] == SAALEKREIS and r["definition"] == "K2E3@2011")
    assert (own["wert_alt"], own["wert_neu"]) == ("74.3", "55.0")
    ranks = [_ranks(f)[SAALEKREIS] for f in (first.folder, second.folder)]
    assert [own["rang_alt"], own["rang_neu"]] == ranks and ranks[0] < 3 < ranks[1]
    assert own["release_alt"] == "2018-07.1"
    # The stock of 2018-07 changed, too, but the sustainability of integrations of 2018-03 does not read it.
    assert (own["ursache"], own["ursachen"], own["ursache_adresse"]) == ("Lieferung", 1, [starts])
    assert (own["ursache_alt"], own["ursache_neu"]) == ([""], ["f" * 64])
    others = [r for r in rows if r["gebiet"] != SAALEKREIS]
    assert {(r["ursache"], r["ursachen"], *r["ursache_adresse"]) for r in others} == {("andere Jobcenter", 0)}
    assert others and all(r["wert_alt"] == r["wert_neu"] and r["rang_neu"] == r["rang_alt"] - 1 for r in others)
    page = (second.folder / "site" / "aenderungen.html").read_text()
    assert "74,3" in page and "55,0" in page and "Saalekreis" in page
    assert f"<code>{starts}</code>" in page and "f" * 12 in page and "f" * 13 not in page
    assert re.findall(r"<li>(Lieferung|andere Jobcenter): <b>(\d+)</b></li>", page) == [
        ("Lieferung", str(len(rows) - len(others))),
        ("andere Jobcenter", str(len(others))),
    ]
    assert {"K2E3", "K2E3, Fassung 2019"} <= set(re.findall(r'<td class="l">(K2E3[^<]*)</td>', page))
