"""Whatever is wrong with a delivery is named with unit, file, row, value, rule and remedy, and everything else counts as before."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from integration.spoiled_country import (
    EXTRA,
    GIVEN_AWAY,
    HTML,
    MAX_UNPACKED_BYTES,
    MONTH,
    QUARANTINED,
    REJECTED,
    REMARKABLE,
    SPOILS,
    Spoil,
    cleaned,
    sample,
    spoilt,
    write,
)
from pipeline import steps
from pipeline.catalog import load_catalog
from pipeline.months import month_number
from pipeline.store import Finding, Store, read_findings

pytestmark = pytest.mark.slow

Cells = dict[tuple[str, str, str, str], tuple[Any, ...]]


@dataclass(frozen=True)
class Counted:
    """What a run left: its store, its Eckwerte, its findings."""

    store: Store
    cells: Cells
    findings: frozenset[Finding]

    @classmethod
    def read(cls, store: Store) -> Counted:
        cells = {
            (r["ref_month"], r["jc_id"], r["geschlecht"], r["merkmal"]): (r["wert"], r["grund"], r["basis"])
            for file in (store.root / "computed" / "eckwerte").rglob("*.parquet")
            for r in pq.read_table(file).to_pylist()
        }
        found = [f for step in ("fetch", "stage", "check") for f in read_findings(store.findings(MONTH, step))]
        return cls(store, cells, frozenset(found))


def counted_in_this_process(root: Path, tree: dict[str, bytes]) -> Counted:
    run = steps.open_run(root / "store", MONTH, [str(write(root / "deliveries", tree))])
    run = replace(run, settings=replace(run.settings, threads=1))
    for step in (steps.fetch, steps.stage, steps.count):
        step(replace(run))
    return Counted.read(run.store)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return counted_in_this_process(tmp_path_factory.mktemp("good"), sample())


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    return counted_in_this_process(tmp_path_factory.mktemp("clean"), cleaned(sample()))


@dataclass(frozen=True)
class Ended:
    """How the command ended on the spoilt tree."""

    code: int
    said: str
    summary: dict[str, Any]
    counted: Counted

    @property
    def new(self) -> frozenset[Finding]:
        return self.counted.findings


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    root = tmp_path_factory.mktemp("bad")
    deliveries = write(root / "deliveries", spoilt(sample()))
    command = [sys.executable, "-m", "pipeline.cli", "run", "--json", "--month", MONTH]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KENNZAHLEN_")}
    environment["KENNZAHLEN_MAX_UNPACKED_BYTES"] = str(MAX_UNPACKED_BYTES)
    done = subprocess.run(
        [*command, "--source", str(deliveries), "--store", str(root / "store")],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.stdout.strip(), said
    return Ended(done.returncode, said, json.loads(done.stdout.splitlines()[-1]), Counted.read(Store(root / "store")))


def named(spoil: Spoil, bad: Ended, good: Counted) -> Finding:
    """Return the one finding that the spoil adds."""
    found = [
        f
        for f in bad.new - good.findings
        if (f.rule, f.column) == (spoil.rule, spoil.column) and f.file in (spoil.file, spoil.address)
    ]
    assert len(found) == 1, found
    return found[0]


def names(spoils: tuple[Spoil, ...]) -> Any:
    return pytest.mark.parametrize("spoil", spoils, ids=[s.what for s in spoils])


def test_every_spoil_lies_in_another_delivery_of_the_good_tree() -> None:
    assert len({s.address for s in SPOILS}) == len(SPOILS)
    assert {s.address for s in SPOILS} <= sample().keys()


def test_the_run_goes_on_and_publishes(bad: Ended) -> None:
    assert (bad.code, bad.summary["exit"], bad.summary["number"]) == (0, 0, 1), bad.said
    assert bad.summary["steps"]["stage"]["rejected"] == sum(s.rule.startswith("STAGE") for s in REJECTED)
    assert bad.summary["steps"]["stage"]["quarantined"] == len(QUARANTINED)


@names(REJECTED)
def test_unusable_delivery_is_named_and_counts_as_missing(spoil: Spoil, bad: Ended, good: Counted) -> None:
    finding = named(spoil, bad, good)
    assert finding.severity in ("error", "warning")
    assert spoil.words in finding.message
    assert finding.action == load_catalog().rules[spoil.rule].action_de
    assert finding.row == spoil.row
    assert finding.jc_id == spoil.delivering.strip("-")
    month, table, unit = spoil.place
    if spoil.rule.startswith("STAGE"):
        staged = json.loads((bad.counted.store.run(MONTH) / "staged.json").read_bytes())[table][month]
        assert staged["rejected"][unit] == spoil.rule
        assert unit not in staged["units"]
    else:
        missing = {(f.ref_month, f.table, f.jc_id) for f in bad.new if f.rule == "FETCH-MISSING"}
        assert spoil.place in missing


@names(QUARANTINED)
def test_bad_row_is_named_and_lies_in_quarantine(spoil: Spoil, bad: Ended, good: Counted) -> None:
    finding = named(spoil, bad, good)
    assert (finding.severity, finding.jc_id, finding.row, finding.count) == ("error", spoil.delivering, spoil.row, 1)
    assert spoil.words in finding.message
    assert "do not count" in finding.message
    assert finding.action == load_catalog().rules[spoil.rule].action_de
    assert finding.value.endswith("withheld)") if spoil.value == "*withheld*" else finding.value == spoil.value
    month, table, unit = spoil.place
    (file,) = bad.counted.store.staged(table, month).glob("*.quarantine.parquet")
    rows = [r for r in pq.read_table(file).to_pylist() if r["file"] == spoil.file]
    assert [(r["rule"], r["jc_id"], r["row"], r["column"], r["value"]) for r in rows] == [
        (spoil.rule, unit, spoil.row, spoil.column, finding.value)
    ]


@names(REMARKABLE)
def test_remarkable_row_is_named_and_kept(spoil: Spoil, bad: Ended, good: Counted) -> None:
    finding = named(spoil, bad, good)
    last = len(spoilt(sample())[spoil.file].splitlines()) - 1
    assert (finding.severity, finding.jc_id) == (load_catalog().rules[spoil.rule].severity, spoil.delivering)
    assert (finding.row, finding.value) == (spoil.row if spoil.row > 0 else last, spoil.value)
    assert spoil.words in finding.message
    assert finding.action == load_catalog().rules[spoil.rule].action_de
    report = json.loads((bad.counted.store.run(MONTH) / "staged.json").read_bytes())
    month, table, unit = spoil.place
    assert report[table][month]["units"][unit] == {
        "rows": last,
        "quarantined": 0,
        "sha256": report[table][month]["units"][unit]["sha256"],
    }


def test_nothing_else_is_found(bad: Ended, good: Counted) -> None:
    spoilt_files = {f for s in SPOILS for f in (s.file, s.address)}
    others = [f for f in bad.new - good.findings if f.step != "check" and f.file not in spoilt_files]
    places = {s.place for s in REJECTED if s.rule.startswith("FETCH")}
    assert [f for f in others if f.rule != "FETCH-MISSING" or (f.ref_month, f.table, f.jc_id) not in places] == []


def test_absurd_amount_of_the_month_is_also_found_by_the_checks(bad: Ended, good: Counted) -> None:
    absurd = [f for f in bad.new if f.rule == "LEISTUNG-ABSURD"]
    assert [(f.jc_id, f.ref_month) for f in absurd] == [("t27708", MONTH)]


def test_all_cells_are_those_of_the_tree_without_bad_rows_and_unusable_deliveries(bad: Ended, clean: Counted) -> None:
    assert bad.counted.cells == clean.cells


def test_header_only_is_a_delivery_of_zero_cases(bad: Ended, good: Counted) -> None:
    cell = ("2018-06", "t27708", "T", "llu")
    assert good.cells[cell][0] > 0
    assert bad.counted.cells[cell] == (0, None, "personen")


def reached(spoil: Spoil, cell: tuple[str, str, str, str]) -> bool:
    """Tell whether a cell reads the spoilt delivery, by what the catalog declares that its merkmal needs."""
    ref_month, jc_id, sex, merkmal = cell
    month, table, unit = spoil.place
    if table == "eckwerte":
        return ref_month == month
    declared = load_catalog().merkmale[merkmal]
    needs = declared.needs if sex == "T" else {**declared.needs, **declared.needs_by_sex}
    if table not in needs or unit not in (jc_id, "bst"):
        return False
    first, last = needs[table]
    return first <= month_number(month) - month_number(ref_month) <= last


def test_cells_that_do_not_read_a_spoilt_delivery_are_those_of_the_good_tree(bad: Ended, good: Counted) -> None:
    assert bad.counted.cells.keys() == good.cells.keys()
    changed = {cell for cell, content in good.cells.items() if bad.counted.cells[cell] != content}
    own = {cell for cell in changed if any(reached(s, cell) for s in SPOILS)}
    assert own
    # Starts, measures and periods are looked for in the files of all units: a gap elsewhere may move a count, never block it.
    for cell in changed - own:
        assert any(reached(s, (cell[0], s.place[2], *cell[2:])) for s in SPOILS), cell
        assert bad.counted.cells[cell][1:] == good.cells[cell][1:], cell
        assert abs(bad.counted.cells[cell][0] - good.cells[cell][0]) <= 2, cell
    assert len(changed - own) < 10


def test_one_bad_row_changes_a_cell_at_most_by_that_row(bad: Ended, good: Counted) -> None:
    for spoil in QUARANTINED:
        month, table, unit = spoil.place
        if table == "bestand":
            before, after = (c.cells[month, unit, "T", "elb"][0] for c in (good, bad.counted))
            assert before - 1 <= after <= before, spoil.what


# -- no identifier leaves the snapshots --------------------------------------------------------------------------------

LOOKS_PERSONAL = re.compile(rb"\d{9,10}[PR]\d{3,5}")
WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")


def identifiers() -> frozenset[bytes]:
    found = set()
    for address, content in sample().items():
        head, *rows = (line.split(b",") for line in content.splitlines())
        for column in (b"person_id", b"bg_id"):
            if address not in EXTRA and column in head:
                found |= {row[head.index(column)] for row in rows}
    return frozenset(found - {b""})


def written(path: Path) -> Iterator[bytes]:
    """Yield everything a file says, unpacked."""
    content = path.read_bytes()
    yield content
    if content[:4] == b"PAR1":
        table = pq.read_table(path)
        yield str(table.schema).encode()
        for column in table.columns:
            if pa.types.is_string(column.type):
                yield "\n".join(v for v in column.unique().to_pylist() if v is not None).encode()
    elif content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    elif content[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.read(name)


def test_no_identifier_of_a_person_or_household_is_outside_the_snapshots(bad: Ended) -> None:
    known = identifiers()
    assert len(known) > 2000
    root = bad.counted.store.root
    files = [p for p in root.rglob("*") if p.is_file() and p.relative_to(root).parts[0] != "snapshots"]
    assert any("quarantine" in p.name for p in files)
    texts = [(p, text) for p in files for text in written(p)] + [(Path("terminal"), bad.said.encode())]
    for path, text in texts:
        assert not LOOKS_PERSONAL.search(text), path
        assert not known.intersection(WORD.findall(text)), path
        assert b"MLLER" not in text.replace("Ü".encode(), b"").replace("Ü".encode("latin-1"), b""), path
    assert GIVEN_AWAY == "BGMÜLLER"


def test_register_and_bookkeeping_of_the_snapshots_name_nobody_either(bad: Ended) -> None:
    known = identifiers()
    for path in (bad.counted.store.root / "snapshots").glob("*.json*"):
        assert not known.intersection(WORD.findall(path.read_bytes())), path


# -- code lists: every figure depends on them, so a bad one stops the run ----------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("zaehltage", b"", "zaehltage.csv, line 1: the header is []"),
        ("zaehltage", b"monat,stichtag\n", "zaehltage.csv, line 1: the header is ['monat', 'stichtag']"),
        ("zaehltage", b"ref_month,stichtag\n2018-7,2018-07-12\n", "zaehltage.csv, line 2: '2018-7'"),
        ("zaehltage", b"ref_month,stichtag\n\n2018-07,12.07.2018\n", "zaehltage.csv, line 3: "),
        ("zaehltage", b"ref_month,stichtag\n2018-07,2018-08-12\n", "2018-08-12, a day of another month"),
        (
            "zaehltage",
            b"ref_month,stichtag\n2018-07,2018-07-12\n2018-07,2018-07-13\n",
            "line 3: 2018-07 has the Stichtag",
        ),
        ("zaehltage", b"ref_month,stichtag\n2018-07,2018-07-12,x\n", "zaehltage.csv, line 2: 3 fields instead of 2"),
        ("zaehltage", "ref_month,stichtag\nJänner,2018-07-12\n".encode("latin-1"), "zaehltage.csv is not UTF-8"),
        ("zaehltage", HTML, "zaehltage.csv is offered but cannot be pulled"),
        ("gebietsaenderungen", b"alt,neu,ab\nt04412,t4502,2018-07-01\n", "gebietsaenderungen.csv, line 2: 't4502'"),
        ("gebietsaenderungen", b"alt,neu,ab\nt04412,t04502,gestern\n", "gebietsaenderungen.csv, line 2: "),
    ],
)
def test_bad_code_list_stops_the_run_and_is_named(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    few = {a: c for a, c in sample().items() if a.startswith(f"{MONTH}/massnahme/")}
    run = steps.open_run(tmp_path / "store", MONTH, [str(write(tmp_path / "tree", {**few, f"{name}.csv": content}))])
    with pytest.raises((ValueError, RuntimeError)) as stop:
        steps.fetch(run)
        steps.stage(run)
        assert run.gebietsaenderungen
    assert words in str(stop.value)
