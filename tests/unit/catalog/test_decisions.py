"""Corrections and waivers are read strictly: whoever gets one wrong is told the file, the line and the entry."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipeline.catalog import CatalogError, Decisions, load_catalog, read_decisions

CORRECTION = """\
- id: eins
  ref_month: 2018-05
  jc_id: t04412
  geschlecht: T
  merkmal: lzb_amp
  expect: 1000
  value: 16
  reason: Spalten vertauscht
  source: Schreiben vom 2018-09-03
  owner: Fachstatistik
  reviewed_on: 2018-09-05
"""
WAIVER = """\
- id: zwei
  rule: A-RULE
  units: [t04412]
  ref_months: [2018-07]
  reason: Wechsel des Fachverfahrens
  owner: Fachstatistik
  expires: 2018-12-31
"""
CATALOG = load_catalog()


def read(folder: Path, corrections: str = "", waivers: str = "") -> Decisions:
    (folder / "corrections.yml").write_text(corrections, encoding="utf-8")
    (folder / "waivers.yml").write_text(waivers, encoding="utf-8")
    return read_decisions(folder, CATALOG, {"A-RULE"})


def test_nothing_decided_is_fine(tmp_path: Path) -> None:
    assert read_decisions(tmp_path, CATALOG, ()) == Decisions()
    assert read(tmp_path, "# only a comment\n[]\n", "") == Decisions()


def test_the_shipped_decisions_can_be_read() -> None:
    folder = Path(__file__).parents[3] / "corrections"
    assert {p.name for p in folder.iterdir()} == {"corrections.yml", "waivers.yml"}
    assert read_decisions(folder, CATALOG, CATALOG.rules) == Decisions()


def test_entries_are_read_as_text_and_survive_json(tmp_path: Path) -> None:
    decisions = read(tmp_path, CORRECTION, WAIVER)
    correction, waiver = decisions.corrections[0], decisions.waivers[0]
    assert correction.cell == ("2018-05", "t04412", "T", "lzb_amp")
    assert (correction.expect, correction.value) == ("1000", "16")
    assert (waiver.units, waiver.ref_months, waiver.expires) == (("t04412",), ("2018-07",), "2018-12-31")
    assert Decisions.of_json({"month": "2018-07", **decisions.as_json()}) == decisions


def test_a_correction_tells_when_one_of_its_numbers_is_small(tmp_path: Path) -> None:
    for old, new, small in (
        ("16", "2", True),
        ("1000", "1", True),
        ("16", "0", False),
        ("16", "3", False),
        ("16", "x", False),
    ):
        entry = read(tmp_path, CORRECTION.replace(f": {old}\n", f": {new}\n")).corrections[0]
        assert entry.tells_small_count(3) is small


def test_a_waiver_holds_on_its_last_day_and_not_on_the_next(tmp_path: Path) -> None:
    decisions = read(tmp_path, CORRECTION, WAIVER)
    assert decisions.on(date(2018, 12, 31)) == (decisions, ())
    left, expired = decisions.on(date(2019, 1, 1))
    assert left == Decisions(decisions.corrections, ())
    assert expired == decisions.waivers


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value: 16", "value: 1000", "the same"),
        ("value: 16", "value: 16.005", "neither a number with at most two decimals nor a sign"),
        ("value: 16", "value: -1", "neither a number"),
        ("value: 16", "value: NaN", "neither a number"),
        ("expect: 1000", 'expect: "#"', "neither a number"),
        ("t04412", "4412", "registry"),
        ("geschlecht: T", "geschlecht: D", "allowed are T, M, F"),
        ("lzb_amp", "lzb_anp", "not known"),
        ("2018-05", "2018-5", "2018-5"),
        ("source: Schreiben vom 2018-09-03", 'source: " "', "source is empty"),
        ("owner: Fachstatistik", 'owner: ""', "owner is empty"),
        ("reviewed_on: 2018-09-05", "reviewed_on: gestern", "gestern"),
        ("  merkmal: lzb_amp\n", "", "merkmal is missing"),
        ("  merkmal: lzb_amp\n", "  merkmal: lzb_amp\n  note: x\n", "note is no field"),
        (CORRECTION, "id: eins\n", "list of entries"),
        (CORRECTION, CORRECTION + CORRECTION, "stands twice"),
        (CORRECTION, CORRECTION + CORRECTION.replace("eins", "zwei"), "stands twice"),
    ],
)
def test_a_wrong_correction_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=said) as error:
        read(tmp_path, CORRECTION.replace(old, new))
    assert "corrections.yml" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("A-RULE", "B-RULE", "there is no rule 'B-RULE'"),
        ("t04412", "t4412", "registry"),
        ("2018-07", "2018-13", "2018-13"),
        ("expires: 2018-12-31", "expires: never", "never"),
        ("  expires: 2018-12-31\n", "", "expires is missing"),
        ("reason: Wechsel des Fachverfahrens", 'reason: ""', "reason is empty"),
        (WAIVER, WAIVER + WAIVER, "stands twice"),
    ],
)
def test_a_wrong_waiver_is_refused(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=said) as error:
        read(tmp_path, "", WAIVER.replace(old, new))
    assert "waivers.yml" in str(error.value)
