"""Calibration: the reference reproduces the project's sample in every cell, and every worked case of it."""

from __future__ import annotations

import csv
import datetime as dt
import json
import zipfile
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from . import compute, count
from .eckwerte import Counting
from .zeit import ONE_DAY, add_months

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
MONTH = "2018-07"
REGISTRY = [
    {"jc_id": jc_id, "name": name, "land": land, "traeger": traeger, "valid_from": valid_from, "valid_to": ""}
    for jc_id, name, land, traeger, valid_from in (
        ("t04412", "Saalekreis", "Sachsen-Anhalt", "zkT", "2005-01-01"),
        ("t04448", "Mansfeld Südharz", "Sachsen-Anhalt", "gE", "2011-01-01"),
        ("t04502", "Magdeburg, Landeshauptstadt", "Sachsen-Anhalt", "gE", "2011-01-01"),
        ("t27708", "Diepholz", "Niedersachsen", "gE", "2011-01-01"),
    )
]
SILENT = {"jc_id": "t00001", "name": "never delivers", "land": "Niedersachsen", "traeger": "zkT"} | {
    "valid_from": "2005-01-01",
    "valid_to": "",
}
CASES = json.loads((SAMPLE / "cases.json").read_text(encoding="utf-8"))
CASE_IDS = [f"{number:03d}-{case['case']}" for number, case in enumerate(CASES)]


def as_text(value: Any) -> str:
    """Write a value the way the expected tables do."""
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return "" if value is None else str(value)


def expected(name: str, key: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, str]]:
    """Read an expected table by its key."""
    with (SAMPLE / name).open(encoding="utf-8", newline="") as handle:
        return {tuple(row[column] for column in key): row for row in csv.DictReader(handle)}


def by_key(rows: list[dict[str, Any]], key: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, str]]:
    """Bring computed rows into the form of the expected ones."""
    written = [{column: as_text(value) for column, value in row.items()} for row in rows]
    return {tuple(row[column] for column in key): row for row in written}


ECKWERTE_KEY = ("ref_month", "jc_id", "geschlecht", "merkmal")
KENNZAHLEN_KEY = ("ref_month", "ebene", "gebiet", "kennzahl", "definition", "geschlecht")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the sample's deliveries."""
    path = tmp_path_factory.mktemp("sample")
    with zipfile.ZipFile(SAMPLE / "lieferungen.zip") as archive:
        archive.extractall(path)
    return path


@pytest.fixture(scope="module")
def counting(tree: Path) -> Counting:
    """Count the sample once."""
    return count([tree], MONTH, REGISTRY)


def test_every_cell_of_both_tables(tree: Path) -> None:
    """All columns of all rows agree: value, reason, basis, notes, exact rational."""
    eckwerte, kennzahlen = compute([tree], MONTH, REGISTRY)
    assert by_key(eckwerte, ECKWERTE_KEY) == expected("eckwerte.csv", ECKWERTE_KEY)
    assert by_key(kennzahlen, KENNZAHLEN_KEY) == expected("kennzahlen.csv", KENNZAHLEN_KEY)


def test_a_jobcenter_that_never_delivers_changes_no_other_row(tree: Path) -> None:
    """It gets rows with reasons, but is not among those left out of its Land."""
    eckwerte, kennzahlen = compute([tree], MONTH, [*REGISTRY, SILENT])
    silent = [row for row in eckwerte if row["jc_id"] == SILENT["jc_id"]]
    assert {(row["wert"], row["grund"], row["basis"]) for row in silent} == {(None, "zu_kurze_reihe", "eckwerte")}
    got = by_key(kennzahlen, KENNZAHLEN_KEY)
    for key, row in expected("kennzahlen.csv", KENNZAHLEN_KEY).items():
        assert got[key] == row


def event_months(counting: Counting, kind: str, person: str) -> list[tuple[str, str]]:
    """Return (month, jobcenter) of all events of one person."""
    return [(month, unit) for month in counting.months for unit, p in counting.events(month, kind) if p == person]


EVENT_KIND = {"INT": "int", "SVB": "int_svb", "GER": "bs_gering", "OEG": "bs_2am"}


@pytest.mark.parametrize("case", CASES, ids=CASE_IDS)
def test_case(counting: Counting, case: dict[str, Any]) -> None:
    """A worked case comes out as the sample says."""
    person, jc, month = case["person"], case["jc"], case.get("month", "")
    for field, kind in EVENT_KIND.items():
        if field in case:
            found = event_months(counting, kind, person)
            if month:  # the case speaks of one month only (N13 has a second event later)
                found = [(m, unit) for m, unit in found if m == month]
            assert found == [(m, jc) for m in case[field]], field
    if "AE" in case:
        alone = [m for m in counting.months for _, p, _ in counting.counted(m, "int_allein") if p == person]
        assert alone == case["AE"]
    if "movement" in case:
        old, new, moved = case["movement"]
        assert (old, person) in counting.exits(moved)
        assert (new, person) in counting.entries(moved)
    for field, merkmal in (("nach12", "svb_nach12"), ("kont6", "svb_kont6")):
        if field in case and not counting.blocked(jc, month, merkmal, False):  # else the check month is to come
            kept = {(unit, p) for unit, p, _ in counting.counted(month, merkmal)}
            assert ((jc, person) in kept) is case[field], field
    if "LZB" in case:
        assert ((jc, person) in counting.lzb_stock(month)) is case["LZB"]
    if "AMP" in case:
        assert (jc, person) in counting.lzb_stock(month)
        assert ((jc, person) in {(u, p) for u, p, _ in counting.counted(month, "lzb_amp")}) is case["AMP"]
    if "moved" in case:
        assert_moved_without_lzb_movement(counting, person, month, case["moved"])
    assert_movements(counting, case)


def assert_moved_without_lzb_movement(counting: Counting, person: str, month: str, moved: list[str]) -> None:
    """An LZB who changes the jobcenter leaves and enters as ELB, but not as LZB."""
    old, new = moved
    assert (old, person) in counting.lzb_stock(add_months(month, -1))
    assert (old, person) in counting.exits(month)
    assert (new, person) in counting.entries(month)
    for merkmal in ("lzb_zugang", "lzb_abgang"):
        assert person not in {p for _, p, _ in counting.counted(month, merkmal)}


def assert_movements(counting: Counting, case: dict[str, Any]) -> None:
    """Entries and exits around the month of the case are as many as it says."""
    key, month = (case["jc"], case["person"]), case.get("month", "")
    around = [add_months(month, shift) for shift in (-1, 0, 1)] if month else []
    entries = Counter(m for m in around for _ in range(counting.entries(m).count(key)))
    exits = Counter(m for m in around for _ in range(counting.exits(m).count(key)))
    if "moves" in case:
        assert (entries.total(), exits.total()) == (case["moves"], case["moves"])
    if "gap" in case:
        last = dt.date.fromisoformat(case["last"])
        first_free, first_again = last + ONE_DAY, last + (case["gap"] + 1) * ONE_DAY
        seen = counting.zeit.stichtag(MONTH)
        moved = case["gap"] > 7
        assert (exits.total(), entries.total()) == (moved and first_free <= seen, moved and first_again <= seen)
    if "entries" in case:
        assert (entries[month], exits[month]) == (case["entries"], case["exits"])
    if "entry" in case:
        assert entries == ({month: 1} if month <= MONTH else {})
    if "exit" in case:
        assert exits == ({month: 1} if month <= MONTH else {})


@pytest.mark.parametrize("case", [case for case in CASES if case["case"].endswith("-without-stock")])
def test_periods_without_stock(counting: Counting, case: dict[str, Any]) -> None:
    """A person missing in one month's bestand is not counted as ELB or LZB there, and makes no movement."""
    key, month = (case["jc"], case["person"]), case["month"]
    assert key not in counting.elb_stock(month)
    assert key in counting.elb_stock(add_months(month, -1)) & counting.elb_stock(add_months(month, 1))
    assert key not in counting.entries(month) + counting.exits(month)


@pytest.mark.parametrize("case", [case for case in CASES if case["case"].endswith("-without-periods")])
def test_stock_without_periods(counting: Counting, case: dict[str, Any]) -> None:
    """A person in stock without any period is ELB, but never LZB and never moves."""
    key = (case["jc"], case["person"])
    assert key in counting.elb_stock(case["month"])
    assert not any(key in counting.lzb_stock(m) or key in counting.entries(m) for m in counting.months)
