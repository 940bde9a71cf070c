"""Published files are read as they come: the same counts in every layout, and whatever is not understood is named by its cell."""

from __future__ import annotations

import dataclasses
import gzip
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import catalog as catalog_package
from pipeline.catalog import Catalog, load_catalog
from pipeline.stage.found import RejectedError
from pipeline.stage.published.regions import Registry
from unit.stage.published_files import (
    CATALOG,
    LABELS,
    MAGDEBURG,
    SAALEKREIS,
    SERIAL,
    Book,
    cells,
    examined,
    genesis,
    interactive,
    long_lines,
    values,
    zipped,
)

PALATINATE = ("07311", "07314", "07318", "07338")
BERLIN = sorted(j for j, entry in CATALOG.jobcenters.items() if entry.ags5 == ("11000",))


def expected(jc_id: str, numbers: list[int]) -> dict[tuple[str, str, str], str]:
    names = [(merkmal, sex) for merkmal in LABELS for sex in "TMF"]
    return {(jc_id, *name): f"{number}.00" for name, number in zip(names, numbers, strict=True)}


BOTH = expected("t04412", values()) | expected("t04502", values(1000))


def rejected(tmp_path: Path, content: bytes, suffix: str) -> RejectedError:
    with pytest.raises(RejectedError) as error:
        examined(tmp_path, content, suffix)
    return error.value


def replaced(index: int, value: Any, numbers: list[int] | None = None) -> list[Any]:
    changed: list[Any] = list(numbers or values())
    changed[index] = value
    return changed


def month_above(sheet: Any, serial: int = SERIAL) -> None:
    sheet["C11"] = serial
    sheet.merge_cells("C11:BD11")


def numbered(sheet: Any) -> None:
    for column in range(1, 57):
        sheet.cell(14, column, column)


@pytest.mark.parametrize(
    "book",
    [
        Book(),
        Book(title_rows=4),
        Book(title_rows=19),
        Book(merge=False),
        Book(third_level=SERIAL),
        Book(third_level="Juli 2018"),
        Book(third_level=date(2018, 7, 1)),
        Book(merge=False, touch=lambda sheet: sheet.merge_cells("A1:F1")),
        Book(merge=False, touch=month_above),
        Book(touch=numbered),
        Book(third_level="Anzahl"),
        Book(month="Berichtsmonat Juli 2018"),
        Book(labels={LABELS["elb"]: f"{LABELS['elb']} 1)", "Männer": "Männer²", "Frauen": "Frauen 1) 2)"}),
        Book(labels={LABELS["lzb"]: "Langzeitleistungs-\nbeziehende"}),
        Book(rows=[("t04412  Saalekreis, JC 3)", values()), ("Insgesamt", values()), (MAGDEBURG, values(1000))]),
        Book(
            rows=[
                ("Deutschland", values()),
                (SAALEKREIS, values()),
                ("15 Sachsen-Anhalt", values()),
                ("04502", values(1000)),
            ]
        ),
    ],
    ids=lambda book: "",
)
def test_a_workbook_is_read_wherever_its_header_stands_and_whatever_footnotes_it_has(
    book: Book, tmp_path: Path
) -> None:
    found = examined(tmp_path, book.content(), ".xlsx")
    assert cells(found) == BOTH
    assert (found.bad, found.remarks) == ((), ())


def test_the_month_may_stand_beside_its_word_as_excels_day_number(tmp_path: Path) -> None:
    def beside(sheet: Any) -> None:
        sheet["B3"] = SERIAL

    assert cells(examined(tmp_path, Book(month="Berichtsmonat", touch=beside).content(), ".xlsx")) == BOTH


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_genesis_is_read_in_both_encodings_with_kreise_as_jobcenters(encoding: str, tmp_path: Path) -> None:
    rows = [
        ("DG", "Deutschland", values(5000)),
        ("15", "  Sachsen-Anhalt", values(4000)),
        ("15088", "      Saalekreis, Landkreis", values()),
        ("15003", "      Magdeburg, Kreisfreie Stadt", values(1000)),
    ]
    content = genesis(rows, encoding=encoding)
    assert cells(examined(tmp_path, content, ".csv")) == BOTH
    assert cells(examined(tmp_path, gzip.compress(content), ".csv.gz"))[("t04412", "elb", "T")] == "100.00"


def test_interactive_statistics_write_thousands_with_dots_and_sums_are_passed_over(tmp_path: Path) -> None:
    content = interactive([(SAALEKREIS, replaced(0, "12.345")), (MAGDEBURG, ["x"] * 54)])
    found = examined(tmp_path, content, ".csv")
    assert cells(found)[("t04412", "elb", "T")] == "12345.00"
    assert cells(found)[("t04502", "luh", "F")] == "x"
    assert len(cells(found)) == 108
    assert found.bad == ()


def test_a_zip_holds_several_layouts_and_other_months_of_a_series_are_passed_over(tmp_path: Path) -> None:
    member = long_lines(
        [
            ("Juni 2018", "04502", "Magdeburg", "Insgesamt", LABELS["llu"], "1"),
            ("Juli 2018", "04502", "Magdeburg", "Insgesamt", LABELS["llu"], "1.234,50"),
            ("Juli 2018", "04502", "Magdeburg", "Frauen", LABELS["luh"], "* "),
        ]
    )
    canonical = b"jc_id,geschlecht,merkmal,wert,zeichen\nt03202,T,elb,7,\nt03202,M,elb,,*\n"
    members = {"dl_48a_daten_statistikba_1.csv": member, "b.xlsx": Book(rows=[(SAALEKREIS, values())]).content()}
    found = examined(tmp_path, zipped({**members, "c.csv": canonical, "LIESMICH.txt": b"x"}), ".zip")
    assert found.bad == ()
    assert cells(found) == expected("t04412", values()) | {
        ("t04502", "llu", "T"): "1234.50",
        ("t04502", "luh", "F"): "*",
        ("t03202", "elb", "T"): "7.00",
        ("t03202", "elb", "M"): "*",
    }


def test_a_layout_split_over_members_of_a_zip_is_complete_together(tmp_path: Path) -> None:
    def only(first: int, last: int) -> Callable[[Any], None]:
        def drop(sheet: Any) -> None:
            if last < 54:
                sheet.delete_cols(3 + last, 54 - last)
            if first:
                sheet.delete_cols(3, first)

        return drop

    halves = {f"{n}.xlsx": Book(merge=False, touch=only(*half)).content() for n, half in enumerate([(0, 27), (27, 54)])}
    assert cells(examined(tmp_path, zipped(halves), ".zip")) == BOTH
    error = rejected(tmp_path, zipped({"0.xlsx": halves["0.xlsx"]}), ".zip")
    assert (error.rule, error.column) == ("LAYOUT-HEADER", "0.xlsx: 1.1 Eckwerte!A12")


@pytest.mark.parametrize(
    ("written", "sign"),
    [
        ("*", "*"),
        ("* ", "*"),
        ("- ", "-"),
        ("–", "-"),
        ("x", "x"),
        (".", "."),
        ("...", "..."),
        ("…", "..."),
        ("/", "."),
    ],
)
def test_signs_keep_their_meaning_whatever_blanks_follow(written: str, sign: str, tmp_path: Path) -> None:
    found = examined(tmp_path, Book(rows=[(SAALEKREIS, replaced(4, written))]).content(), ".xlsx")
    assert cells(found)[("t04412", "alleinerz", "M")] == sign


@pytest.mark.parametrize("written", ["(123)", "123r", "r 123", "123 p"])
def test_a_marked_value_counts_and_is_remarked(written: str, tmp_path: Path) -> None:
    found = examined(tmp_path, Book(rows=[(SAALEKREIS, replaced(0, written))]).content(), ".xlsx")
    assert cells(found)[("t04412", "elb", "T")] == "123.00"
    (remark,) = found.remarks
    assert (remark.rule, found.place(remark.row)) == ("LAYOUT-MARK", "1.1 Eckwerte!C15")


@pytest.mark.parametrize(
    ("written", "rule", "column"),
    [
        ("abc", "ROW-CODE", "zeichen"),
        ("**", "ROW-CODE", "zeichen"),
        ("1.2345", "ROW-TYPE", "wert"),
        ("12,345", "ROW-TYPE", "wert"),
        ("1 234", "ROW-TYPE", "wert"),
        ("1e3", "ROW-TYPE", "wert"),
        (12.345, "ROW-TYPE", "wert"),
        (True, "ROW-TYPE", "wert"),
    ],
)
def test_what_is_neither_number_nor_sign_is_set_aside_with_its_cell(
    written: Any, rule: str, column: str, tmp_path: Path
) -> None:
    found = examined(tmp_path, Book(rows=[(SAALEKREIS, replaced(53, written))]).content(), ".xlsx")
    (bad,) = found.bad
    assert (bad.rule, bad.column, bad.place, bad.value) == (rule, column, "1.1 Eckwerte!BD15", str(written))
    assert len(cells(found)) == 53


def test_amounts_of_a_workbook_are_exact(tmp_path: Path) -> None:
    found = examined(
        tmp_path, Book(rows=[(SAALEKREIS, replaced(48, 7203456.1, replaced(53, 0.29)))]).content(), ".xlsx"
    )
    assert cells(found)[("t04412", "llu", "T")] == "7203456.10"
    assert cells(found)[("t04412", "luh", "F")] == "0.29"


def test_an_empty_value_rejects_the_delivery_and_names_the_cell(tmp_path: Path) -> None:
    error = rejected(tmp_path, Book(rows=[(SAALEKREIS, values()), (MAGDEBURG, replaced(7, None))]).content(), ".xlsx")
    assert (error.rule, error.column) == ("STAGE-NO-VALUE", "1.1 Eckwerte!J16")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("t4412 Saalekreis, JC", "did you mean t04412 (leading zero lost)?"),
        ("t99999 Nirgendwo, JC", "is not in the registry"),
        ("Saalekreis, JC", "joined on keys, not on names; did you mean t04412?"),
        (4412, "did you mean t04412 (leading zero lost)?"),
        (None, "has no key"),
    ],
)
def test_a_key_that_names_no_jobcenter_takes_out_its_row_only(written: Any, words: str, tmp_path: Path) -> None:
    found = examined(tmp_path, Book(rows=[(MAGDEBURG, values(1000)), (written, values())]).content(), ".xlsx")
    assert cells(found) == expected("t04502", values(1000))
    (bad,) = found.bad
    assert (bad.rule, bad.place) == ("ROW-JOBCENTER", "1.1 Eckwerte!B16")
    assert words in bad.message


def test_a_key_that_is_lost_on_the_first_row_of_a_land_is_no_subtotal(tmp_path: Path) -> None:
    found = examined(tmp_path, Book(rows=[(None, values()), (MAGDEBURG, values(1000))]).content(), ".xlsx")
    assert cells(found) == expected("t04502", values(1000))
    assert [(bad.rule, bad.place) for bad in found.bad] == [("ROW-JOBCENTER", "1.1 Eckwerte!B15")]


def test_a_key_of_the_ba_means_the_version_of_the_jobcenter_that_is_valid(tmp_path: Path) -> None:
    keys = ("t09810 Wartburgkreis, JC", "mse-nord Mecklenburgische Seenplatte Nord", "t43102 Main - Kinzig - Kreis, JC")
    for month, meant in (
        ("2018-07", {"t09810@2011", "mse-nord", "t43102@2005"}),
        ("2026-01", {"t09810@2022", "mse-nord", "t43102"}),
    ):
        book = Book(rows=[(key, values()) for key in keys], month=f"Berichtsmonat: {month}")
        assert {key[0] for key in cells(examined(tmp_path, book.content(), ".xlsx", month))} == meant


# -- Kreise ------------------------------------------------------------------------------------------------------------


def of_kreise(**rows: Any) -> bytes:
    return genesis([(key[1:], f"      Kreis {key[1:]}", numbers) for key, numbers in rows.items()])


def test_a_jobcenter_over_several_kreise_is_their_sum_and_the_strongest_sign_wins(tmp_path: Path) -> None:
    parts = {f"k{key}": [10**n] * 54 for n, key in enumerate(PALATINATE)}
    parts["k07311"] = ["-", "*", "...", "-", "4,50", "x", *[1] * 48]
    parts["k07314"] = ["-", "x", "5", 10, "0,55", "*", *[10] * 48]
    found = cells(examined(tmp_path, of_kreise(**parts), ".csv"))
    told = [found[("t52302", merkmal, sex)] for merkmal in ("elb", "alleinerz") for sex in "TMF"]
    assert told == ["1100.00", "x", "...", "1110.00", "1105.05", "x"]
    assert found[("t52302", "luh", "F")] == "1111.00"


def test_all_kreise_without_anybody_are_a_zero(tmp_path: Path) -> None:
    found = cells(examined(tmp_path, of_kreise(**{f"k{key}": ["-"] * 54 for key in PALATINATE}), ".csv"))
    assert set(found.values()) == {"-"}


def test_a_jobcenter_one_of_whose_kreise_is_absent_gets_no_row(tmp_path: Path) -> None:
    found = examined(tmp_path, of_kreise(**{f"k{key}": values() for key in PALATINATE[:3]}, k15088=values()), ".csv")
    assert {key[0] for key in cells(found)} == {"t04412"}
    (remark,) = found.remarks
    assert remark.rule == "LAYOUT-KREIS"
    assert "t52302 lies in several Kreise, of which 07338 is absent" in remark.message


def test_a_kreis_shared_by_jobcenters_is_named_and_not_attributed(tmp_path: Path) -> None:
    found = examined(tmp_path, genesis([("11", "  Berlin", values()), ("15088", "    Saalekreis", values())]), ".csv")
    assert {key[0] for key in cells(found)} == {"t04412"}
    (remark,) = found.remarks
    assert (remark.rule, found.place(remark.row)) == ("LAYOUT-KREIS", "line 7, column 4")
    assert len(BERLIN) == 12
    assert all(jc_id in remark.message for jc_id in BERLIN)


def test_a_bad_cell_of_one_kreis_takes_out_that_sum_only(tmp_path: Path) -> None:
    parts: dict[str, Any] = {f"k{key}": values() for key in PALATINATE}
    parts["k07318"] = replaced(3, "?")
    found = examined(tmp_path, of_kreise(**parts), ".csv")
    assert len(cells(found)) == 53
    assert ("t52302", "alleinerz", "T") not in cells(found)
    assert [(bad.rule, bad.place) for bad in found.bad] == [("ROW-CODE", "line 9, column 7")]


def test_a_dissolved_kreis_is_passed_over_unless_it_counts_something(tmp_path: Path) -> None:
    quiet = examined(tmp_path, of_kreise(k15088=values(), k03152=["-"] * 54, k15101=["."] * 54), ".csv")
    assert {key[0] for key in cells(quiet)} == {"t04412"}
    assert [(r.rule, r.count) for r in quiet.remarks] == [("LAYOUT-DISSOLVED", 2)]
    loud = examined(tmp_path, of_kreise(k15088=values(), k03152=replaced(1, 5, ["-"] * 54)), ".csv")  # type: ignore[arg-type]
    assert [(bad.rule, bad.value, bad.place) for bad in loud.bad] == [("ROW-JOBCENTER", "03152", "line 8, column 5")]


def test_a_lost_leading_zero_is_named_and_never_repaired(tmp_path: Path) -> None:
    found = examined(tmp_path, of_kreise(k1001=values(), k15088=values()), ".csv")
    assert {key[0] for key in cells(found)} == {"t04412"}
    (bad,) = found.bad
    assert (bad.rule, bad.value, bad.place) == ("ROW-JOBCENTER", "1001", "line 7, column 2")
    assert "did you mean 01001 (leading zero lost)?" in bad.message


# -- what rejects a file -----------------------------------------------------------------------------------------------


def with_cell(address: str, value: Any) -> bytes:
    def touch(sheet: Any) -> None:
        sheet[address] = value

    return Book(touch=touch).content()


STRUCTURE = [
    (
        Book(labels={LABELS["lzb"]: "Langzeitbezug"}).content(),
        "LAYOUT-HEADER",
        "1.1 Eckwerte!O12",
        "'Langzeitbezug > Insgesamt'",
    ),
    (with_cell("BE13", "Diverse"), "LAYOUT-HEADER", "1.1 Eckwerte!BE13", "'Diverse'"),
    (with_cell("BE15", 5), "LAYOUT-HEADER", "1.1 Eckwerte!BE12", "a column without a header"),
    (with_cell("D13", "Insgesamt"), "LAYOUT-HEADER", "1.1 Eckwerte!D13", "stands twice"),
    (with_cell("A12", "Jobcenter"), "LAYOUT-HEADER", "1.1 Eckwerte!B12", "stands twice"),
    (with_cell("B12", "Träger"), "LAYOUT-HEADER", "1.1 Eckwerte!B12", "'Träger'"),
    (Book(sheet="1.1 Eckdaten").content(), "LAYOUT-UNKNOWN", "1.1 Eckdaten!A1", "neither a data sheet"),
    (Book(more_sheets=("Inhalt", "Quoten")).content(), "LAYOUT-UNKNOWN", "Quoten!A1", "neither a data sheet"),
    (Book(month="Berichtsmonat: Juni 2018").content(), "STAGE-MONTH", "1.1 Eckwerte!A3", "2018-06"),
    (Book(month="Berichtsmonat: demnächst").content(), "STAGE-MONTH", "1.1 Eckwerte!A3", "no month"),
    (Book(third_level=SERIAL - 30).content(), "STAGE-MONTH", "1.1 Eckwerte!C14", "2018-06"),
    (Book(touch=lambda s: month_above(s, SERIAL - 30)).content(), "STAGE-MONTH", "1.1 Eckwerte!C11", "2018-06"),
    (
        Book(more_sheets=("Inhalt", "Hinweise"), chart="Diagramm").content(),
        "LAYOUT-UNKNOWN",
        "Diagramm!A1",
        "neither a",
    ),
    (Book(month="Juli 2018").content(), "LAYOUT-UNKNOWN", "", "the nearest is ba_arbeitsmappe"),
]


@pytest.mark.parametrize(("content", "rule", "place", "words"), STRUCTURE)
def test_a_workbook_whose_structure_has_changed_is_rejected_and_the_cell_named(
    content: bytes, rule: str, place: str, words: str, tmp_path: Path
) -> None:
    error = rejected(tmp_path, content, ".xlsx")
    assert (error.rule, error.column) == (rule, place)
    assert words in error.message


def test_a_table_that_goes_on_below_its_footer_is_rejected(tmp_path: Path) -> None:
    content = interactive([(SAALEKREIS, values()), ("© Bundesagentur", values()), (MAGDEBURG, values())])
    error = rejected(tmp_path, content, ".csv")
    assert (error.rule, error.column) == ("LAYOUT-UNKNOWN", "line 17, column 1")


@pytest.mark.parametrize(
    ("content", "rule", "place"),
    [
        (interactive([(SAALEKREIS, values())], "Stichtag;15.06.2018"), "STAGE-MONTH", "line 4, column 2"),
        (genesis([("15088", "Saalekreis", values())], period="Juni 2018"), "STAGE-MONTH", "line 7, column 1"),
        (genesis([("15088", "Saalekreis", values())], period="2018"), "STAGE-MONTH", "line 7, column 1"),
        (genesis([("15088", "Saalekreis", values())], unit="1000 Personen"), "LAYOUT-HEADER", "line 6, column 4"),
        (genesis([("15088", "G\ufffdttingen", values())]), "STAGE-ENCODING", "line 7"),
        (genesis([("15088", "GÃ¶ttingen", values())]), "STAGE-ENCODING", "line 7"),
        (interactive([(SAALEKREIS, values())]).decode().encode("latin-1"), "STAGE-ENCODING", ""),
        (b"a;b\n1;2\n", "LAYOUT-UNKNOWN", ""),
        (b"<html>", "STAGE-UNREADABLE", ""),
        (b"", "STAGE-UNREADABLE", ""),
        (b"jc_id,geschlecht,merkmal,wert\nt04412,T,elb,5\n", "STAGE-COLUMNS", "zeichen"),
        (b"t04412,T,elb,5,\n", "STAGE-COLUMNS", "jc_id"),
        (b"jc_id;geschlecht;merkmal;wert;zeichen\n", "STAGE-COLUMNS", "jc_id"),
    ],
)
def test_a_csv_file_that_cannot_be_used_is_rejected_by_its_rule(
    content: bytes, rule: str, place: str, tmp_path: Path
) -> None:
    error = rejected(tmp_path, content, ".csv")
    assert (error.rule, error.column) == (rule, place)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (zipped({"../b.xlsx": Book().content()}), "STAGE-UNREADABLE"),
        (zipped({"/b.xlsx": Book().content()}), "STAGE-UNREADABLE"),
        (zipped({"b.zip": zipped({"b.xlsx": Book().content()})}), "STAGE-UNREADABLE"),
        (zipped({"LIESMICH.txt": b""}), "STAGE-UNREADABLE"),
        (zipped({"b.pdf": b"%PDF"}), "LAYOUT-UNKNOWN"),
        (zipped({"b.csv": b"jc_id,geschlecht,merkmal,wert,zeichen\n" + b"\n" * 60_000_000}), "STAGE-TOO-LARGE"),
        (zipped({"b.xlsx": b"PK"}), "STAGE-UNREADABLE"),
        (b"PK\x03\x04", "STAGE-UNREADABLE"),
    ],
)
def test_a_zip_file_with_tricks_is_rejected(content: bytes, rule: str, tmp_path: Path) -> None:
    assert rejected(tmp_path, content, ".zip").rule == rule


def test_a_workbook_whose_cells_lie_too_far_apart_is_not_opened(tmp_path: Path) -> None:
    assert rejected(tmp_path, with_cell("XFD1048576", 1), ".xlsx").rule == "STAGE-TOO-LARGE"


# -- what the catalog may say otherwise --------------------------------------------------------------------------------


def catalog_with(tmp_path: Path, line: str) -> Catalog:
    root = tmp_path / "catalog"
    shutil.copytree(Path(catalog_package.__file__).parent, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (root / "layouts" / "layouts.csv").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return load_catalog(root)


def test_a_layout_may_declare_that_its_file_speaks_of_an_earlier_month(tmp_path: Path) -> None:
    catalog = catalog_with(tmp_path, "ba_arbeitsmappe,,,monat_versatz,-3,Werte mit drei Monaten Wartezeit")
    content = Book(month="Berichtsmonat: Oktober 2018").content()
    assert cells(examined(tmp_path, content, ".xlsx", catalog=catalog)) == BOTH
    assert rejected(tmp_path, content, ".xlsx").rule == "STAGE-MONTH"


def test_a_file_that_two_layouts_recognise_is_read_by_neither(tmp_path: Path) -> None:
    twin = dataclasses.replace(CATALOG.layouts.by_name["interaktiv"], name="zwilling")
    layouts = dataclasses.replace(CATALOG.layouts, by_name={**CATALOG.layouts.by_name, "zwilling": twin})
    doubled = dataclasses.replace(CATALOG, layouts=layouts)
    with pytest.raises(RejectedError, match="fits the layouts interaktiv and zwilling alike") as error:
        examined(tmp_path, interactive([(SAALEKREIS, values())]), ".csv", catalog=doubled)
    assert error.value.rule == "LAYOUT-UNKNOWN"


# -- whatever comes ----------------------------------------------------------------------------------------------------

PIECES = ("", "x", "-", "?", "1e5", "Insgesamt", "t04412", "15", "Juli 2018", "43282", '"', "Männer", "9" * 20)
WHOLE = {
    "GENESIS": genesis(
        [("15", "Land", values()), ("15088", "Saalekreis", values()), ("03152", "Göttingen", ["-"] * 54)]
    ),
    "interactive": interactive([(SAALEKREIS, values()), (MAGDEBURG, values(1000))]),
    "long": long_lines(
        [("Juli 2018", "04412", "S", sex, LABELS[m], "5") for m in LABELS for sex in ("Männer", "Frauen")]
    ),
}


@pytest.mark.parametrize("name", WHOLE)
@given(data=st.data())
def test_a_damaged_file_is_read_or_rejected_by_a_declared_rule(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = WHOLE[name].decode().split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(("drop", "double", "cell", "cut"))):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
            case "cell":
                fields = lines[at].split(";")
                fields[data.draw(st.integers(0, len(fields) - 1))] = data.draw(st.sampled_from(PIECES))
                lines[at] = ";".join(fields)
            case "cut":
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    try:
        found = examined(tmp_path_factory.mktemp("damaged"), "\n".join(lines).encode(), ".csv")
    except RejectedError as error:
        assert error.rule in CATALOG.rules
        return
    assert {bad.rule for bad in found.bad} | {remark.rule for remark in found.remarks} <= set(CATALOG.rules)
    assert all(row["wert"] is not None or row["zeichen"] for row in found.accepted.to_pylist())
    assert all(bad.place for bad in found.bad)


@pytest.mark.parametrize("month", ["2012-06", "2015-07", "2018-07", "2021-12", "2024-01", "2026-01"])
def test_every_jobcenter_of_the_day_is_meant_by_its_number_without_a_version(month: str) -> None:
    registry = Registry(CATALOG.jobcenters, CATALOG.zaehltage.stichtag(month))
    meant = {jc_id: registry.jobcenter(f"{jc_id.partition('@')[0]} Name, JC") for jc_id in registry.valid}
    assert {jc_id: found for jc_id, found in meant.items() if jc_id != found} == {}
