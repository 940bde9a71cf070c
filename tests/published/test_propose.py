"""A publisher changes a file: the run rejects it, `kennzahlen layout propose` names what moved, its lines make it readable."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import catalog as catalog_package
from pipeline import cli
from pipeline.catalog import Catalog, load_catalog
from published import country, files
from published.country import LAST, cells_of, small_catalog
from published.files import Variation

CELLS = cells_of(LAST)
INT = "Integrationen"
DATA = Path(__file__).parents[1] / "data" / "published"


@dataclass(frozen=True)
class Change:
    """A changed file, the rule and cell by which staging rejects it, and what the proposal must say."""

    content: bytes
    suffix: str
    rule: str
    place: str
    words: tuple[str, ...]


CHANGES = {
    "sheet renamed": Change(
        files.workbook(CELLS, LAST, Variation(sheet="Tabelle 4", moved=2)),
        ".xlsx",
        "LAYOUT-UNKNOWN",
        "Tabelle 4!A1",
        ("sheet renamed: Tabelle 4", "header row 12 → 14"),
    ),
    "header renamed": Change(
        files.workbook(CELLS, LAST, Variation(renamed={INT: "Integrationen (gesamt)"})),
        ".xlsx",
        "LAYOUT-HEADER",
        "Eckwerte!AA12",
        ("Eckwerte!AA12: 'Integrationen > Insgesamt' → 'Integrationen (gesamt) > Insgesamt'",),
    ),
    "sexes renamed": Change(
        files.workbook(CELLS, LAST, Variation(renamed={"Männer": "männlich", "Frauen": "weiblich"})),
        ".xlsx",
        "LAYOUT-HEADER",
        "Eckwerte!D13",
        ("first at Eckwerte!D13: 'Männer' → 'männlich'", "first at Eckwerte!E13: 'Frauen' → 'weiblich'"),
    ),
    "column new": Change(
        files.workbook(CELLS, LAST, Variation(added=("Bedarfsgemeinschaften",))),
        ".xlsx",
        "LAYOUT-HEADER",
        "Eckwerte!BE12",
        ("new header at Eckwerte!BE12: 'Bedarfsgemeinschaften > Insgesamt'",),
    ),
    "GENESIS header renamed in Latin-1": Change(
        files.genesis(CELLS, LAST, Variation(renamed={INT: "Integrationen (gesamt)"}), encoding="latin-1"),
        ".csv",
        "LAYOUT-HEADER",
        "line 6, column 28",
        ("line 6, column 28: 'Integrationen > Insgesamt' → 'Integrationen (gesamt) > Insgesamt'",),
    ),
    "interactive statistics with another key column and a new column": Change(
        files.interactive(CELLS, LAST, Variation(renamed={"Jobcenter": "Träger"}, added=("Bedarfsgemeinschaften",))),
        ".csv",
        "LAYOUT-HEADER",
        "line 13, column 1",
        ("'Jobcenter' → 'Träger'", "new header at line 13, column 56: 'Bedarfsgemeinschaften > Insgesamt'"),
    ),
    "ZIP of sgb2.info with other column names and merkmale": Change(
        files.sgb2info(CELLS, LAST, Variation(renamed={"Merkmal": "Kennziffer", INT: "Integrationen (gesamt)"})),
        ".zip",
        "LAYOUT-HEADER",
        "dl_48a_daten_statistikba_frauen.csv: line 1, column 5",
        ("'Merkmal' → 'Kennziffer'",),
    ),
}


def proposed(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str
) -> dict[str, Any]:
    """Return what `kennzahlen layout propose FILE --json` says."""
    monkeypatch.setattr(sys, "argv", ["kennzahlen", "layout", "propose", str(path), *options, "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def with_lines(root: Path, drafts: dict[str, list[str]]) -> Catalog:
    """Return the small country's catalog from a copy of the shipped one with the lines appended, as its keeper would."""
    own = Path(catalog_package.__file__).parent
    if not root.exists():
        shutil.copytree(own, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, lines in drafts.items():
        with (root / "layouts" / name).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
    return replace(small_catalog(), layouts=load_catalog(root).layouts)


def test_keys_without_their_zero_are_no_header_of_a_new_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["Schluessel;Gemeindeschluessel;Kreis;Faelle", "------;1001;Flensburg;8,156", "------;1002;Kiel;24,621"]
    lines += [f"------;{key};Kreis;{key}" for key in (1003, 1004, 1051, 1053, 1054, 15088, 15089)]
    path = tmp_path / "statistik.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["kennzahlen", "layout", "propose", str(path), "--month", LAST, "--json"])
    with pytest.raises(SystemExit):
        cli.main()
    drafts = json.loads(capsys.readouterr().out.splitlines()[-1])["drafts"]
    assert f"{LAST},,Gemeindeschluessel,schluessel,,," in drafts["neu.csv"]


SAID: dict[str, tuple[bytes, str, str, tuple[str, ...]]] = {
    "a word that may count others, too": (
        files.genesis(CELLS, LAST, Variation(renamed={"Frauen": "weiblich und divers"})),
        ".csv",
        LAST,
        (
            "word of sex unknown, first at line 7, column 6: 'weiblich und divers' may count others, too; nothing is "
            "drafted, ask the publisher",
        ),
    ),
    "years": (
        files.genesis(CELLS, LAST, period="2018"),
        ".csv",
        LAST,
        (
            "line 9, column 1: '2018' is a year; annual values are no monthly counts, ask the publisher for the counts of "
            "the month",
        ),
    ),
    "another month": (
        files.workbook(cells_of("2018-06"), "2018-06"),
        ".xlsx",
        LAST,
        ("Eckwerte: the file speaks of 2018-06, not of 2018-07",),
    ),
    "a genuine table of another subject": (
        (DATA / "46251-01-02-4_excerpt.csv").read_bytes(),
        ".csv",
        "2020-01",
        (
            "has the title of genesis and none of its header words; lines for it are drafted by the likeness of words",
            "no header resembles a base count; as drafted nothing would be counted",
        ),
    ),
    "a genuine list of years": (
        (DATA / "elb_2012_2014.csv").read_bytes(),
        ".csv",
        LAST,
        (
            "has no header word of a known layout; a new one is drafted by the likeness of words",
            "no header resembles a base count; as drafted nothing would be counted",
            "line 2, column 2: the column holds years; annual values are no monthly counts",
        ),
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_the_proposal_says_what_stands_against_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content, suffix, month, sentences = SAID[name]
    path = tmp_path / f"statistik{suffix}"
    path.write_bytes(content)
    said = proposed(path, monkeypatch, capsys, "--month", month)
    assert tuple(said["changes"]) == sentences
    assert not any(",geschlecht,," in line or ",wert," in line for lines in said["drafts"].values() for line in lines)


def test_a_count_that_is_absent_is_named_once_whatever_words_its_sex_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "statistik.csv"
    path.write_bytes(files.genesis(CELLS, LAST, Variation(dropped=frozenset({INT}))))
    assert proposed(path, monkeypatch, capsys)["absent"] == [
        f"{INT} > {word}" for word in ("Insgesamt", "männlich", "weiblich")
    ]


def canonical_rows(root: Path) -> list[tuple[Any, ...]]:
    run = country.run(root, {f"{LAST}/eckwerte/statistik.csv": files.canonical(CELLS)}, LAST, upto="stage")
    return country.staged_rows(run)


@pytest.mark.parametrize("name", CHANGES)
def test_the_proposal_says_what_changed_and_its_lines_make_the_file_readable(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change = CHANGES[name]
    tree = {f"{LAST}/eckwerte/statistik{change.suffix}": change.content}
    rejected = country.run(tmp_path / "rejected", tree, LAST, upto="stage")
    (finding,) = [f for f in country.findings(rejected) if f.severity != "info"]
    assert (finding.rule, finding.column) == (change.rule, change.place)

    path = tmp_path / f"statistik{change.suffix}"
    path.write_bytes(change.content)
    said = proposed(path, monkeypatch, capsys)
    for words in change.words:
        assert any(words in sentence for sentence in said["changes"]), said["changes"]
    assert said["month"] == LAST

    catalog = with_lines(tmp_path / "catalog", said["drafts"])
    read = country.run(tmp_path / "read", tree, LAST, upto="stage", catalog=catalog)
    assert [f for f in country.findings(read) if f.severity != "info"] == []
    assert country.staged_rows(read) == canonical_rows(tmp_path / "canonical")
