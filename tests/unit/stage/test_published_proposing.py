"""For a changed file the proposal says what moved; its drafted lines, put into the catalog, make the file readable."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import catalog as catalog_package
from pipeline import cli
from pipeline.catalog import Catalog, load_catalog
from pipeline.months import Zaehltage
from pipeline.stage.examining import examine
from pipeline.stage.found import RejectedError
from pipeline.stage.published import Proposal, propose, published_month
from unit.stage.published_files import (
    CATALOG,
    LABELS,
    LIMIT,
    MONTH,
    SAALEKREIS,
    SERIAL,
    Book,
    cells,
    genesis,
    interactive,
    long_lines,
    values,
    zipped,
)

NEW = "Personen ohne Angabe"


def written(tmp_path: Path, content: bytes, suffix: str) -> Path:
    path = tmp_path / f"statistik{suffix}"
    path.write_bytes(content)
    return path


def proposed(path: Path) -> Proposal:
    return propose(path, path.suffix, CATALOG, MONTH, LIMIT)


def with_drafts(tmp_path: Path, proposal: Proposal) -> Catalog:
    """Return the catalog with the drafted lines appended, as somebody who has reviewed them would."""
    root = tmp_path / "catalog"
    shutil.copytree(Path(catalog_package.__file__).parent, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, lines in proposal.drafts.items():
        with (root / "layouts" / name).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
    return load_catalog(root)


def read(path: Path, catalog: Catalog, month: str = MONTH) -> dict[tuple[str, str, str], str]:
    table = catalog.tables["eckwerte"]
    return cells(examine(path, path.suffix, table, month, catalog, Zaehltage({}), LIMIT))


def added(sheet: Any) -> None:
    sheet["BE12"], sheet["BE13"], sheet["BE15"], sheet["BE16"] = NEW, "Insgesamt", 1, 2


CHANGED = {
    "sheet renamed": Book(sheet="1.1 Eckdaten"),
    "header renamed": Book(labels={LABELS["elb"]: "ELB", LABELS["lzb_zugang"]: "Zugänge in LZB"}),
    "sexes renamed": Book(labels={"Männer": "männlich", "Frauen": "weiblich", "Insgesamt": "zusammen"}),
    "sexes renamed in another order": Book(labels={"Männer": "weiblich", "Frauen": "männlich"}, swapped=True),
    "key column renamed": Book(labels={}, touch=lambda sheet: sheet.__setitem__("B12", "Träger")),
    "column added": Book(touch=added),
    "sheet added": Book(more_sheets=("Inhalt", "Vorwort")),
    "level added": Book(third_level="Bestand"),
    "all at once": Book(sheet="Eckdaten", title_rows=14, labels={LABELS["llu"]: "LLU", "Männer": "männlich"}),
}


@pytest.mark.parametrize("book", CHANGED.values(), ids=CHANGED)
def test_the_drafted_lines_make_a_changed_workbook_readable(book: Book, tmp_path: Path) -> None:
    path = written(tmp_path, book.content(), ".xlsx")
    with pytest.raises(RejectedError):
        read(path, CATALOG)
    usual = written(tmp_path / "..", Book().content(), ".xlsx")
    assert read(path, with_drafts(tmp_path, proposed(path))) == read(usual, CATALOG)


def test_the_drafted_lines_hold_from_the_month_on_and_older_files_stay_readable(tmp_path: Path) -> None:
    path = written(tmp_path, CHANGED["header renamed"].content(), ".xlsx")
    catalog = with_drafts(tmp_path, proposed(path))
    path.write_bytes(dataclasses.replace(CHANGED["header renamed"], month="Berichtsmonat: Juni 2018").content())
    with pytest.raises(RejectedError, match="neither mapped nor ignored"):
        read(path, catalog, "2018-06")
    path.write_bytes(Book(month="Berichtsmonat: Juni 2018").content())
    assert len(read(path, catalog, "2018-06")) == 108
    path.write_bytes(Book().content())
    assert len(read(path, catalog)) == 108


def test_a_moved_header_and_a_renamed_one_are_told_with_their_cells(tmp_path: Path) -> None:
    book = Book(title_rows=13, labels={LABELS["elb"]: "ELB"})
    found = proposed(written(tmp_path, book.content(), ".xlsx"))
    assert "1.1 Eckwerte: header row 12 → 14; it is found by its words, nothing to do" in found.changes
    old = f"{LABELS['elb']} > Insgesamt"
    assert f"header text changed at 1.1 Eckwerte!C14: {old!r} → 'ELB > Insgesamt'" in found.changes
    (sheet,) = [s for s in found.sheets if s.state == "known"]
    assert (sheet.header_row, sheet.usual_row, sheet.month) == (14, 12, MONTH)
    assert sheet.unknown[0] == ("1.1 Eckwerte!C14", "ELB > Insgesamt", old)
    assert found.absent == ()


def test_a_new_header_is_drafted_as_ignored_for_review_and_a_renamed_one_never(tmp_path: Path) -> None:
    def both(sheet: Any) -> None:
        added(sheet)
        sheet["C12"] = "ELB"

    drafts = proposed(written(tmp_path, Book(touch=both).content(), ".xlsx")).drafts["ba_arbeitsmappe.csv"]
    assert [line for line in drafts if ",ignoriert," in line] == [line for line in drafts if NEW in line] != []


def test_a_level_that_may_change_the_scale_is_never_drafted(tmp_path: Path) -> None:
    content = genesis([("15088", "Saalekreis", values())], unit="Tsd. Personen")
    found = proposed(written(tmp_path, content, ".csv"))
    assert found.drafts == {}
    assert "may change what the numbers mean" in found.changes[-1]


def test_an_absent_header_is_named_and_nothing_is_drafted_for_it(tmp_path: Path) -> None:
    found = proposed(written(tmp_path, Book(merge=False, touch=lambda s: s.delete_cols(3, 3)).content(), ".xlsx"))
    assert found.absent == tuple(f"{LABELS['elb']} > {sex}" for sex in ("Insgesamt", "Männer", "Frauen"))
    assert found.drafts == {}


def test_a_renamed_merkmal_in_the_rows_of_a_long_table_is_drafted(tmp_path: Path) -> None:
    rows = [
        ("Juli 2018", "04412", "S", sex, LABELS[m], "5") for m in ("elb", "lzb", "llu") for sex in ("Männer", "Frauen")
    ]
    rows += [("Juli 2018", "04412", "S", "Männer", "Bezug über zwei Jahre", "5")]
    path = written(tmp_path, zipped({"dl_48a_daten_statistikba_1.csv": long_lines(rows)}), ".zip")
    found = proposed(path)
    assert found.drafts["sgb2info.csv"][0].startswith("2018-07,,Bezug über zwei Jahre > Männer,")
    assert "(and" not in found.changes[0]


def test_a_new_merkmal_in_the_rows_of_a_long_table_is_set_aside_until_it_is_ignored_by_name(tmp_path: Path) -> None:
    rows = [("Juli 2018", "04412", "S", "Männer", text, "5") for text in (*LABELS.values(), NEW)]
    path = written(tmp_path, long_lines(rows), ".csv")
    table = CATALOG.tables["eckwerte"]
    found = examine(path, ".csv", table, MONTH, CATALOG, Zaehltage({}), LIMIT)
    assert [(bad.rule, bad.place, bad.value) for bad in found.bad] == [("ROW-CODE", "line 20, column 5", NEW)]
    catalog = with_drafts(tmp_path, proposed(path))
    after = examine(path, ".csv", table, MONTH, catalog, Zaehltage({}), LIMIT)
    assert (after.bad, cells(after)) == ((), cells(found))


def test_a_known_file_needs_nothing(tmp_path: Path) -> None:
    for name, content in {
        "b.xlsx": Book(third_level=SERIAL).content(),
        "g.csv": genesis([("15088", "Saalekreis", values())]),
        "i.csv": interactive([(SAALEKREIS, values())]),
        "z.zip": zipped({"x.csv": b"jc_id,geschlecht,merkmal,wert,zeichen\n"}),
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        found = proposed(path)
        assert (found.drafts, found.absent) == ({}, ()), name
        assert {sheet.state for sheet in found.sheets} <= {"known", "ignored"}, name


OTHER_WORDS = {text: f"Zahl der {text}" for text in LABELS.values()} | {"Männer": "männlich"}
NEW_FILES = {
    "workbook": (Book(labels=OTHER_WORDS, month="Erhebungsmonat: Juli 2018").content(), ".xlsx"),
    "workbook whose titles are known": (Book(labels=OTHER_WORDS).content(), ".xlsx"),
    "table by Kreis": (
        genesis([("15", "Land", values()), ("15088", "S", values()), ("15003", "M", values(1000))], labels=OTHER_WORDS)
        .decode()
        .replace("GENESIS-Tabelle", "Tabelle")
        .encode("latin-1"),
        ".csv",
    ),
}


@pytest.mark.parametrize(("content", "suffix"), NEW_FILES.values(), ids=NEW_FILES)
def test_the_draft_for_a_file_in_other_words_makes_it_readable(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = written(tmp_path, content, suffix)
    with pytest.raises(RejectedError) as error:
        read(path, CATALOG)
    assert error.value.rule in ("LAYOUT-UNKNOWN", "LAYOUT-HEADER")
    usual = written(tmp_path / "..", Book().content(), ".xlsx")
    assert read(path, with_drafts(tmp_path, proposed(path))) == read(usual, CATALOG)


def test_a_count_in_other_units_is_never_drafted_by_the_likeness_of_words(tmp_path: Path) -> None:
    words = OTHER_WORDS | {LABELS["elb"]: f"Zahl der {LABELS['elb']} in Tsd."}
    lines = proposed(written(tmp_path, Book(labels=words).content(), ".xlsx")).drafts["ba_arbeitsmappe.csv"]
    assert {",ignoriert," in line for line in lines if "Tsd." in line} == {True}


# -- the command -------------------------------------------------------------------------------------------------------

Said = tuple[int, str]
Command = Callable[..., Said]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["kennzahlen", "layout", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), capsys.readouterr().out

    return run


def test_propose_prints_lines_for_the_catalog_and_takes_the_month_from_the_file(
    tmp_path: Path, command: Command
) -> None:
    path = written(tmp_path, CHANGED["sheet renamed"].content(), ".xlsx")
    code, out = command("propose", str(path))
    assert code == 0
    assert "ba_arbeitsmappe,2018-07,,blatt,^1\\.1 Eckdaten$,umbenanntes Datenblatt" in out.splitlines()
    code, out = command("propose", str(path), "--json")
    told = json.loads(out.splitlines()[-1])
    assert (code, told["exit"], told["month"], [s["state"] for s in told["sheets"]].count("renamed")) == (
        0,
        0,
        MONTH,
        1,
    )


def test_propose_fails_for_a_file_that_resembles_nothing(tmp_path: Path, command: Command) -> None:
    path = written(tmp_path, b"a;b\n1;2\n", ".csv")
    assert command("propose", str(path), "--month", MONTH)[0] == 1
    assert command("propose", str(path))[0] == 2
    assert command("propose", str(written(tmp_path, b"x", ".pdf")))[0] == 2
    assert command("propose", str(written(tmp_path, b"x", ".xlsx")), "--month", MONTH)[0] == 1


def test_check_lists_bad_rows_with_their_cells(tmp_path: Path, command: Command) -> None:
    book = Book(rows=[(SAALEKREIS, ["?", *values()[1:]])])
    code, out = command("check", str(written(tmp_path, book.content(), ".xlsx")), "--json")
    assert code == 0
    assert "2018-07, 53 rows of 1 jobcenters, 1 bad rows" in out
    (bad,) = json.loads(out.splitlines()[-1])["bad"]
    assert (bad["rule"], bad["column"], bad["value"]) == ("ROW-CODE", "1.1 Eckwerte!C15", "?")


def test_check_fails_for_a_file_that_staging_would_reject(tmp_path: Path, command: Command) -> None:
    code, out = command("check", str(written(tmp_path, CHANGED["sheet renamed"].content(), ".xlsx")), "--json")
    told = json.loads(out.splitlines()[-1])
    assert (code, told["rule"], told["place"]) == (1, "LAYOUT-UNKNOWN", "1.1 Eckdaten!A1")


def test_the_month_of_a_series_is_its_latest(tmp_path: Path) -> None:
    rows = [(f"{m} 2018", "04412", "S", "Männer", LABELS["elb"], "5") for m in ("Juni", "Juli", "Mai")]
    path = written(tmp_path, long_lines(rows), ".csv")
    assert published_month(path, ".csv", CATALOG, LIMIT) == MONTH
