"""A broken catalog is refused with the file and the line; text stays text."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from pipeline.catalog import CatalogError, load_catalog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the shipped catalog that a test may break."""
    copy = tmp_path / "catalog"
    with resources.as_file(resources.files("pipeline.catalog")) as shipped:
        shutil.copytree(shipped, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return copy


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def appended(line: str) -> Callable[[str], str]:
    return lambda text: text.rstrip("\n") + "\n" + line + "\n"


SAALEKREIS = "t04412,Saalekreis,Sachsen-Anhalt,zkT,15088"
BROKEN = [
    ("codelists/jobcenters.csv", replaced(SAALEKREIS, "t04412,Saalekreis,zkT,15088"), "fields, the header has 12"),
    ("codelists/jobcenters.csv", replaced(SAALEKREIS, SAALEKREIS.replace("zkT", "ZKT")), "traeger is 'ZKT'"),
    ("codelists/jobcenters.csv", replaced("gE,02000,", "gE,2000,"), "ags5 is '2000'.*leading zero"),
    ("codelists/jobcenters.csv", replaced(",2005-01-01,", ",01.01.2005,"), "01.01.2005"),
    ("codelists/jobcenters.csv", replaced("jc_id,name,land", "jc_id,name,bundesland"), "line 1: the column land"),
    (
        "codelists/jobcenters.csv",
        appended("t04412,Saalekreis,Sachsen-Anhalt,zkT,15088,0,,2012-01-01,,assumed,,"),
        "line 426: t04412 stands twice",
    ),
    ("codelists/gebietsaenderungen.csv", appended("t99999,t04412,2020-01-01"), "line 21: t99999 is not in jobcenters"),
    ("codelists/gebietsaenderungen.csv", appended("t04412,t04502,2020-13-01"), "line 21: "),
    ("codelists/foerderung.csv", replaced("16b,,,true", "16b,,,ja"), "line 3: 'ja' is neither true nor false"),
    (
        "codelists/foerderung.csv",
        appended("16b,,,true,true,false,false,false,false,a,b,c"),
        "line 16: 16b stands twice",
    ),
    ("codelists/zaehltage.csv", appended("2018-07,2018-08-14"), "line 2: .*day of another month"),
    ("codelists/zaehltage.csv", appended("2018-07,2018-07-12\n2018-07,2018-07-13"), "line 3: 2018-07 stands twice"),
    ("codelists/zaehltage.csv", lambda text: "", "line 1: the header row is missing"),
    ("indicators.yml", replaced("better: lower", "better: less"), r"line \d+: better is 'less', allowed are higher"),
    ("indicators.yml", replaced("  legal_basis: § 4 Abs. 1\n", ""), r"line \d+: legal_basis is missing"),
    ("indicators.yml", replaced("at: llu", "at: llo"), r"line 12: a side needs one of at, sum, mean.*llo"),
    ("indicators.yml", replaced("months: [-12, -12]", "months: [-12]"), r"line \d+: not enough values"),
    ("indicators.yml", replaced("\nK1E1:", "\nK1:"), r"line \d+: K1 stands twice"),
    ("indicators.yml", replaced("goal: 1", "goal: [1"), r"line \d+: "),
    ("merkmale.yml", replaced("kind: stock", "kind: shelf"), r"line \d+: kind is 'shelf'"),
    ("rules.yml", replaced("severity: error,", "severity: fatal,"), r"line \d+: severity is 'fatal'"),
    ("switches.yml", replaced("alternatives: [], ", ""), r"line \d+: alternatives is missing"),
    (
        "tables/bestand.yml",
        replaced("type: date", "type: datum"),
        r"line \d+: column geburtsdatum has the unknown type",
    ),
    (
        "tables/leistung.yml",
        replaced("codelist: rechtsgrundlagen", "codelist: paragraphen"),
        r"line \d+: column rechtsgrundlage names the unknown code list 'paragraphen'",
    ),
    ("tables/leistung.yml", replaced("name: leistung\n", ""), r"line \d+: name is missing"),
]


@pytest.mark.parametrize(("file", "breaking", "said"), BROKEN, ids=[f"{f}-{i}" for i, (f, _, _) in enumerate(BROKEN)])
def test_a_broken_file_is_refused_with_file_and_line(
    folder: Path, file: str, breaking: Callable[[str], str], said: str
) -> None:
    path = folder / file
    path.write_text(breaking(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(CatalogError, match=said) as error:
        load_catalog(folder)
    assert str(error.value).startswith(f"{path.name}, line ")


@pytest.mark.parametrize(
    ("whole", "said"),
    [("elbe", "lzb is part of 'elbe', which is not declared"), ("lzb_amp", "lzb is part of lzb in a circle or twice")],
)
def test_a_part_of_nothing_and_a_part_of_itself_are_refused(folder: Path, whole: str, said: str) -> None:
    path = folder / "merkmale.yml"
    text = path.read_text(encoding="utf-8")
    changed = text.replace(
        "kind: stock, part_of: [elb], legal_basis: § 6", f"kind: stock, part_of: [{whole}], legal_basis: § 6"
    )
    assert changed != text
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(CatalogError, match=f"merkmale.yml: {said}"):
        load_catalog(folder)


def test_a_copy_of_the_catalog_is_the_catalog(folder: Path) -> None:
    copy, shipped = load_catalog(folder), load_catalog()
    assert copy == shipped
    assert copy.digest == shipped.digest


def test_the_digest_changes_with_every_file(folder: Path) -> None:
    for path in sorted(folder.rglob("*.csv")):
        before = load_catalog.__wrapped__(folder).digest
        path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
        assert load_catalog.__wrapped__(folder).digest != before


def test_a_vergleichstyp_that_an_operator_enters_holds_for_its_time(folder: Path) -> None:
    path = folder / "codelists" / "vergleichstypen.csv"
    path.write_text(path.read_text(encoding="utf-8") + "t04412,IIIa,2018-01-01,2018-12-31\nt04412,IIIb,2019-01-01,\n")
    catalog = load_catalog(folder)
    days = (date(2017, 12, 31), date(2018, 1, 1), date(2018, 12, 31), date(2019, 1, 1), date(2030, 1, 1))
    assert [catalog.vergleichstyp("t04412", day) for day in days] == ["", "IIIa", "IIIa", "IIIb", "IIIb"]
    assert catalog.vergleichstyp("t04502", date(2018, 7, 15)) == ""


def test_a_counting_day_that_an_operator_enters_is_used(folder: Path) -> None:
    path = folder / "codelists" / "zaehltage.csv"
    path.write_text(path.read_text(encoding="utf-8") + "2018-07,2018-07-12\n")
    assert load_catalog(folder).zaehltage.stichtag("2018-07") == date(2018, 7, 12)


@pytest.mark.parametrize("text", ["01051", "2019-01", "off", "no", "1e3", "0x10", "~", "12:30"])
def test_what_looks_like_a_number_a_day_or_nothing_stays_text_in_yaml(folder: Path, text: str) -> None:
    path = folder / "switches.yml"
    path.write_text(
        f"one: {{default: {text}, alternatives: [], source: s, reason: as written, changes: c}}\n", encoding="utf-8"
    )
    assert load_catalog(folder).switches["one"].default == text
