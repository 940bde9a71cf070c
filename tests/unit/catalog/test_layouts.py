"""Layouts are data: what ships covers every base count, and a line that cannot be meant is refused with its file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline import catalog as catalog_package
from pipeline.catalog import CatalogError, Layout, load_catalog

CATALOG = load_catalog()
WIDE = ("ba_arbeitsmappe", "genesis", "interaktiv", "sgb2info")


def copied(tmp_path: Path) -> Path:
    root = tmp_path / "catalog"
    shutil.copytree(Path(catalog_package.__file__).parent, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


def with_line(tmp_path: Path, name: str, line: str) -> Path:
    root = copied(tmp_path)
    with (root / "layouts" / name).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return root


def layout(root: Path, name: str, month: str) -> Layout:
    return load_catalog(root).layouts.by_name[name].at(month)


@pytest.mark.parametrize("name", WIDE)
def test_a_shipped_layout_maps_every_base_count_and_sex_once_in_every_word(name: str) -> None:
    shipped = CATALOG.layouts.by_name[name]
    written = [(h.merkmal, h.path.rpartition(" > ")[2], h.geschlecht) for h in shipped.headers if h.merkmal]
    words = [(word.path, word.geschlecht) for word in shipped.words]
    assert {sex for _, sex in words} == {"T", "M", "F"}
    assert sorted(written) == sorted((merkmal, *word) for merkmal in CATALOG.merkmale for word in words)


def test_a_word_of_sex_holds_in_its_months_only(tmp_path: Path) -> None:
    root = with_line(tmp_path, "interaktiv.csv", "2018-07,2018-12,männlich,geschlecht,,M,vorübergehend")
    written = {month: layout(root, "interaktiv", month) for month in ("2018-06", "2018-07", "2018-12", "2019-01")}
    assert [month for month, found in written.items() if "Integrationen > männlich" in found.mapped()] == [
        "2018-07",
        "2018-12",
    ]


def test_a_count_has_a_word_for_every_sex_in_its_months(tmp_path: Path) -> None:
    root = copied(tmp_path)
    path = root / "layouts" / "interaktiv.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(",,Frauen,geschlecht,,F,\n", ""), encoding="utf-8")
    with pytest.raises(CatalogError, match=r"^interaktiv.csv, line \d+: erwerbsfähige .* no word for F holds"):
        load_catalog(root)


def test_the_layout_whose_columns_are_assumed_says_so() -> None:
    assert "ANGENOMMENER AUFBAU" in CATALOG.layouts.by_name["sgb2info"].text("anmerkung")


def test_a_line_holds_in_its_months_only(tmp_path: Path) -> None:
    root = with_line(tmp_path, "interaktiv.csv", "2018-07,2018-12,ELB > Insgesamt,wert,elb,T,früher anders")
    paths = {
        month: layout(root, "interaktiv", month).mapped() for month in ("2018-06", "2018-07", "2018-12", "2019-01")
    }
    assert [month for month, mapped in paths.items() if "ELB > Insgesamt" in mapped] == ["2018-07", "2018-12"]


def test_a_layout_without_facts_in_a_month_is_no_candidate(tmp_path: Path) -> None:
    root = copied(tmp_path)
    path = root / "layouts" / "layouts.csv"
    text = path.read_text(encoding="utf-8").replace("interaktiv,,,form,", "interaktiv,2018-07,,form,")
    path.write_text(text, encoding="utf-8")
    layouts = load_catalog(root).layouts
    assert "interaktiv" in {found.name for found in layouts.at("2018-07")}
    assert "interaktiv" not in {found.name for found in layouts.at("2018-06")}


def test_the_digest_of_the_catalog_covers_the_layouts(tmp_path: Path) -> None:
    root = with_line(tmp_path, "interaktiv.csv", "2018-07,,Quote,ignoriert,,,keine Zählung")
    assert load_catalog(root).digest != CATALOG.digest


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("layouts.csv", "interaktiv,,,spalten,3,", "unknown eigenschaft 'spalten'"),
        ("layouts.csv", "interaktiv,,,form,schief,", "form is 'schief'"),
        ("layouts.csv", "interaktiv,,,monat,^Stichtag,", "exactly one group"),
        ("layouts.csv", "interaktiv,,,ende,(,", "unterminated subpattern"),
        ("layouts.csv", "interaktiv,,,kopfzeile,oben,", "invalid literal"),
        ("layouts.csv", "interaktiv,2018-13,,ende,x,", "2018-13"),
        ("interaktiv.csv", ",,Quote,ignoriert,,,", "needs a reason"),
        ("interaktiv.csv", ",,Quote,wert,quote,T,", "unknown merkmal 'quote'"),
        ("layouts.csv", r"interaktiv,,,zeitangabe,^(?P<jahr>\d{4})$,", "named groups jahr and monat"),
        ("interaktiv.csv", ",,Quote,wert,,T,", "a sex (T, M or F) belongs to a merkmal"),
        ("interaktiv.csv", ",,Quote,wert,elb,D,", "a sex (T, M or F) belongs to a merkmal"),
        ("interaktiv.csv", ",,Quote,ignoriert,elb,T,weil", "a merkmal belongs to the role wert"),
        ("interaktiv.csv", ",,Integrationen > Frauen,wert,elb,F,", "stands twice for the same months"),
        ("interaktiv.csv", ",,Quote,summe,,,", "rolle is 'summe'"),
        ("interaktiv.csv", "2018-07,,Jobcenter,name,,,", "stands twice for the same months"),
        ("zeichen.csv", "?,zeichen,?,unbekannt", "one of the signs"),
        ("zeichen.csv", "?,geheim,,unbekannt", "art is 'geheim'"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, name: str, line: str, words: str
) -> None:
    with pytest.raises(CatalogError, match=rf"^{name}, line \d+: ") as error:
        load_catalog(with_line(tmp_path, name, line))
    assert words in str(error.value)
