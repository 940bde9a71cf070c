"""The tree itself: layout, windows of the contract, marks, identifiers, the difficulties promised, and equal bytes."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.synthetic import MARKER_FILE, SyntheticError, generate
from unit.synthetic.slow_count import SlowCount, add
from unit.synthetic.tiny_country import LAST, PREDECESSORS, tiny_catalog

SHORT = ("2016-09", "2016-12")


@pytest.fixture(scope="module")
def tree(tiny_tree: Path) -> SlowCount:
    return SlowCount(tiny_tree, PREDECESSORS)


def every(tree: SlowCount, table: str) -> list[tuple[str, dict[str, Any]]]:
    return [(m, row) for m in tree.months for row in tree.rows(m, table)]


def stichtag(tree: SlowCount, month: str) -> date:
    return date.fromordinal(tree.s(month))


def digest(root: Path) -> str:
    total = sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        total.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    digests = []
    for name, seed, workers in (("a", 1, 1), ("b", 1, 2), ("c", 2, 1)):
        out = tmp_path / name
        generate(out, *SHORT, scale=0.001, seed=seed, workers=workers, catalog=tiny_catalog())
        digests.append(digest(out))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_every_file_says_that_it_is_synthetic(tiny_tree: Path) -> None:
    assert "erfunden" in (tiny_tree / MARKER_FILE).read_text(encoding="utf-8")
    for path in tiny_tree.glob("*/*/*.parquet"):
        metadata = pq.read_schema(path).metadata
        assert metadata[b"synthetisch"] == b"ja"
        assert "erfunden" in metadata[b"hinweis"].decode()


def test_columns_are_those_of_the_catalog(tiny_tree: Path) -> None:
    tables = tiny_catalog().tables
    for path in tiny_tree.glob(f"{LAST}/*/*.parquet"):
        assert tuple(pq.read_schema(path).names) == tables[path.parent.name].column_names
    for path in tiny_tree.glob(f"{add(LAST, -4)}/beschaeftigung/*.parquet"):
        assert tuple(pq.read_schema(path).names) == tables["beschaeftigung"].column_names


def test_units_deliver_while_they_are_valid(tree: SlowCount) -> None:
    for month in tree.months:
        merged = month >= "2016-11"
        expected = {"t04412", "t03538", "t03444"} | ({"t23102"} if merged else PREDECESSORS["t23102"])
        for table in ("bestand", "leistungsbezug", "aufnahme", "massnahme", "leistung"):
            assert set(tree.files[month, table]) == expected
        assert set(tree.files[month, "eckwerte"]) == {"statistik"}
        assert bool(tree.files[month, "beschaeftigung"]) == (month <= add(LAST, -4))


def test_persons_continue_through_the_merger(tree: SlowCount) -> None:
    before = {r["person_id"] for r in tree.rows("2016-10", "bestand", "t23102")}
    after = {r["person_id"] for r in tree.rows("2016-11", "bestand", "t23102")}
    assert len(before & after) > 0.9 * len(before)


def test_deliveries_keep_to_their_windows(tree: SlowCount) -> None:
    week, near = timedelta(days=7), timedelta(days=8)
    for month, row in every(tree, "leistungsbezug"):
        assert row["von"] <= stichtag(tree, month) + near
        assert row["bis"] is None or row["bis"] >= max(row["von"], stichtag(tree, add(month, -1)) - week)
        assert row["bis"] is None or row["bis"] <= stichtag(tree, add(month, 3))
    for month, row in every(tree, "aufnahme"):
        assert stichtag(tree, add(month, -2)) < row["beginn"] <= stichtag(tree, month)
    for month, row in every(tree, "massnahme"):
        assert row["von"] <= stichtag(tree, month) <= (row["bis"] or date.max)
    for month, row in every(tree, "beschaeftigung"):
        first = date.fromisoformat(f"{month}-01")
        assert row["von"] <= tree.check_day(month)
        assert first <= (row["bis"] or date.max) and row["von"] <= (row["bis"] or date.max)
    for _, row in every(tree, "leistung"):
        assert row["anspruch_eur"] > 0


def test_a_period_that_overlaps_the_window_is_in_every_delivery_it_belongs_to(tree: SlowCount) -> None:
    months = defaultdict(set)
    ends: dict[tuple[str, date, str], date | None] = {}
    for month in tree.months:
        for unit, rows in tree.files[month, "leistungsbezug"].items():
            for row in rows:
                place = "t23102" if unit.startswith("zkt-") else unit
                key = (row["person_id"], row["von"], row["bg_id"] + place)
                months[key].add(month)
                ends[key] = row["bis"]
    for key, seen in months.items():
        expected = {
            m
            for m in tree.months
            if key[1] <= stichtag(tree, m) + timedelta(days=8)
            and (ends[key] or date.max) >= stichtag(tree, add(m, -1)) - timedelta(days=7)
        }
        assert seen == expected


def test_an_identifier_is_one_person(tree: SlowCount) -> None:
    facts = defaultdict(set)
    units_of_need = defaultdict(set)
    for month, row in every(tree, "bestand"):
        assert row["person_id"].startswith("SYN") and row["bg_id"].startswith("SYNBG")
        facts[row["person_id"]].add((row["geburtsdatum"], row["geschlecht"]))
        units_of_need[month, row["person_id"]].add(row["bg_id"])
        assert row["geburtsdatum"] <= stichtag(tree, month)
        if row["ist_elb"]:
            age = stichtag(tree, month).year - row["geburtsdatum"].year
            assert 15 <= age <= 66
    assert all(len(f) == 1 for f in facts.values())
    known = set(facts) | {r["person_id"] for _, r in every(tree, "leistungsbezug")}
    strangers = {r["person_id"] for _, r in every(tree, "beschaeftigung")} - known
    assert len(strangers) < 0.1 * len(known), "employment of persons seen nowhere"


def test_one_row_for_each_person_in_the_stock_of_a_unit(tree: SlowCount) -> None:
    for month in tree.months:
        for rows in tree.files[month, "bestand"].values():
            assert len({r["person_id"] for r in rows}) == len(rows)


def test_stock_and_periods_agree_but_for_a_few(tree: SlowCount) -> None:
    for month in tree.months[::6]:
        day = stichtag(tree, month)
        covered = {
            r["person_id"] for r in tree.rows(month, "leistungsbezug") if r["von"] <= day <= (r["bis"] or date.max)
        }
        stock = set(tree.stock(month))
        assert len(covered ^ stock) <= 0.02 * len(stock)


def test_stocks_do_not_jump(tree: SlowCount) -> None:
    for unit in ("t04412", "t23102", "t03538", "t03444"):
        sizes = [len(tree.stock(m, unit)) for m in tree.months]
        assert all(abs(after / before - 1) < 0.15 for before, after in pairwise(sizes)), unit


def test_the_difficulties_are_inside(tree: SlowCount) -> None:
    starts = every(tree, "aufnahme")
    assert {r["art"] for _, r in starts} >= {"svb", "ausbildung", "selbst", "gering", "freiwilligendienst", "sonst"}
    assert any(r["im_ausland"] for _, r in starts)
    assert any(r["recorded_on"] > stichtag(tree, add(m, 3)) for m, r in starts)
    assert {r["foerderung"] for _, r in starts} >= {None, "16_egz", "16b", "16d", "16e_alt", "sozteil", "vb"}
    measures = {r["massnahme_art"] for _, r in every(tree, "massnahme")}
    assert measures >= {"16_egz", "16b", "16d", "16e_alt", "16f", "vb", "sozteil", "esf_lza", "16_sonst"}
    stock = every(tree, "bestand")
    assert {r["geschlecht"] for _, r in stock} >= {"M", "F", None}
    assert {r["ist_elb"] for _, r in stock} == {True, False}
    lawful = {"20", "21", "22_1", "22_2", "22_6", "22_8", "23", "24_1", "24_3", "26", "28"}
    assert {r["rechtsgrundlage"] for _, r in every(tree, "leistung")} == lawful
    groups = {r["personengruppe"] for _, r in every(tree, "beschaeftigung")}
    assert groups >= {"101", "102", "105", "106", "109", "110", "121", "209"}
    became = {r["person_id"] for _, r in stock if r["ist_elb"]} & {r["person_id"] for _, r in stock if not r["ist_elb"]}
    assert became, "nobody turned 15"


def test_movers_are_in_the_files_of_both_jobcenters(tree: SlowCount) -> None:
    units = defaultdict(set)
    for month in tree.months:
        for unit, rows in tree.files[month, "bestand"].items():
            for row in rows:
                units[row["person_id"]].add("t23102" if unit.startswith("zkt-") else unit)
    assert sum(1 for u in units.values() if len(u) > 1) >= 5


def test_short_interruptions_lie_around_counting_days(tree: SlowCount) -> None:
    spans = defaultdict(set)
    for _, row in every(tree, "leistungsbezug"):
        if row["bis"]:
            spans[row["person_id"]].add((row["von"], row["bis"]))
    starts = defaultdict(set)
    for _, row in every(tree, "leistungsbezug"):
        starts[row["person_id"]].add(row["von"])
    gaps = [(von - bis).days - 1 for p, ended in spans.items() for _, bis in ended for von in starts[p] if von > bis]
    assert any(1 <= g <= 7 for g in gaps) and any(8 <= g <= 20 for g in gaps)


def test_employment_is_notified_year_by_year(tree: SlowCount) -> None:
    for _, row in every(tree, "beschaeftigung"):
        assert row["bis"] is None or row["von"].year == row["bis"].year


def test_an_existing_directory_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "keep.txt").write_text("mine")
    with pytest.raises(SyntheticError, match="already has content"):
        generate(tmp_path, *SHORT, scale=0.001, seed=1, catalog=tiny_catalog())
    assert (tmp_path / "keep.txt").read_text() == "mine"


@pytest.mark.parametrize(("first", "last", "scale"), [("2016-12", "2016-01", 0.01), ("2016-01", "2016-02", 0.0)])
def test_senseless_arguments_are_refused(tmp_path: Path, first: str, last: str, scale: float) -> None:
    with pytest.raises(SyntheticError):
        generate(tmp_path / "x", first, last, scale=scale, seed=1, catalog=tiny_catalog())


def test_progress_runs_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    summary = generate(
        tmp_path / "x",
        *SHORT,
        scale=0.001,
        seed=1,
        workers=1,
        catalog=tiny_catalog(),
        progress=lambda done, total, what: seen.append((done, total, what)),
    )
    assert [s[0] for s in seen] == list(range(1, seen[-1][1] + 1))
    assert summary["zeilen"]["bestand"] > 0
