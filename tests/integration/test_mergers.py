"""A series over a merger equals the series of a country in which the merged unit had always existed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from merged_world import PART_A, PART_B, Merger, read_world, twin, without_part
from worlds_run import Cells, computed_eckwerte, computed_kennzahlen, differences, disagreements, run_counting

from pipeline.store import read_findings
from reference.worlds import World, make_world
from reference.zeit import add_months

NASTY = frozenset(
    {
        *("zaehltage", "holes", "header_only", "late_records", "out_of_window", "duplicates", "double_stock", "ids"),
        *("contradictions", "sexes", "no_person", "orphans", "columns", "published", "signs", "published_conflict"),
        "vergleichstyp",
    }
)
RUN = "2019-02"


def country(seed: int, place: Path, features: frozenset[str] = NASTY, **more: Any) -> World:
    options = {"run_month": RUN, "history": 40, "persons": 70} | more
    return make_world(seed, place / "world", features=features, **options)


def day_in(month: str, day: int = 1) -> date:
    return date(int(month[:4]), int(month[5:]), day)


@dataclass(frozen=True)
class Counted:
    """Both tables of a run."""

    eckwerte: Cells
    kennzahlen: Cells


def counted(store: Path, month: str, sources: list[Path], registry: list[dict[str, str]]) -> Counted:
    run = run_counting(store, month, sources, registry)
    return Counted(computed_eckwerte(run), computed_kennzahlen(run))


def assert_same(whole: Counted, parts: Counted) -> None:
    assert differences(whole.eckwerte, parts.eckwerte) == []
    assert set(parts.eckwerte) == set(whole.eckwerte)
    assert differences(whole.kennzahlen, parts.kennzahlen) == []
    assert set(parts.kennzahlen) == set(whole.kennzahlen)


def values_of(cells: Cells, unit: str) -> int:
    return sum(1 for key, cell in cells.items() if key[1] == unit and cell[0] is not None and cell[0] > 0)


CASES = [
    (41, "new", "2018-01", 1),
    (42, "absorb", "2018-01", 1),
    (43, "chain", "2018-06", 1),
    (44, "new", RUN, 15),
    (45, "new", "2016-02", 28),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "kind", "month", "day"),
    [
        pytest.param(*case, id=f"{case[1]} {case[2]}", marks=[pytest.mark.thorough] if number > 1 else [])
        for number, case in enumerate(CASES)
    ],
)
def test_person_counts_over_a_merger_are_those_of_a_unit_that_always_existed(
    seed: int, kind: str, month: str, day: int, tmp_path: Path
) -> None:
    world = country(seed, tmp_path, NASTY - {"zaehltage"} if month == RUN else NASTY)
    unit = world.registry[0]["jc_id"]
    merger = Merger(unit, day_in(month, day), kind, day_in(add_months(month, -11), 20))
    whole = counted(tmp_path / "whole", RUN, world.sources, world.registry)
    sources, registry = twin(world, merger, tmp_path)
    run = run_counting(tmp_path / "parts", RUN, sources, registry)
    parts = Counted(computed_eckwerte(run), computed_kennzahlen(run))
    assert values_of(whole.eckwerte, unit) > 300
    assert_same(whole, parts)
    assert disagreements(run, sources, registry) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [46, 47])
def test_published_counts_of_the_parts_are_added_up(seed: int, tmp_path: Path) -> None:
    world = country(seed, tmp_path, frozenset({"published", "signs", "published_conflict"}), persons=20)
    unit = world.registry[-1]["jc_id"]
    whole = counted(tmp_path / "whole", RUN, world.sources, world.registry)
    sources, registry = twin(world, Merger(unit, day_in("2018-01")), tmp_path)
    parts = counted(tmp_path / "parts", RUN, sources, registry)
    assert values_of(whole.eckwerte, unit) > 1000
    assert_same(whole, parts)


@pytest.mark.slow
def test_a_change_that_has_not_taken_effect_leaves_the_parts_alone_and_the_next_run_counts_them_together(
    tmp_path: Path,
) -> None:
    world = country(48, tmp_path, frozenset())
    unit, before = world.registry[0]["jc_id"], add_months(RUN, -1)
    sources, registry = twin(world, Merger(unit, day_in(RUN, 2)), tmp_path)
    early = run_counting(tmp_path / "parts", before, sources, registry)
    alone = computed_eckwerte(early)
    assert {PART_A, PART_B} <= {key[1] for key in alone}
    assert unit not in {key[1] for key in alone}
    assert disagreements(early, sources, registry) == []
    whole = counted(tmp_path / "whole", RUN, world.sources, world.registry)
    moved = [
        month
        for month in {key[0] for key in alone}
        if sum(alone[month, part, "T", "elb_zugang"][0] or 0 for part in (PART_A, PART_B))
        > (whole.eckwerte[month, unit, "T", "elb_zugang"][0] or 0)
    ]
    assert moved, "nobody moved between the parts"
    assert_same(whole, counted(tmp_path / "parts", RUN, sources, registry))


@pytest.mark.slow
@pytest.mark.parametrize("table", ["bestand", "leistungsbezug", "leistung"])
def test_a_part_that_did_not_deliver_blocks_what_the_whole_unit_would_have_blocked(table: str, tmp_path: Path) -> None:
    world = country(49, tmp_path, frozenset(), persons=40)
    unit, month = world.registry[0]["jc_id"], add_months(RUN, -14)
    sources, registry = twin(world, Merger(unit, day_in("2018-06")), tmp_path)
    without_part(sources, (month, table, PART_B))
    run = run_counting(tmp_path / "parts", RUN, sources, registry)
    parts = computed_eckwerte(run)
    assert disagreements(run, sources, registry) == []
    for path in (world.sources[0] / month / table).glob(f"{unit}.*"):
        path.unlink()
    whole = counted(tmp_path / "whole", RUN, world.sources, world.registry).eckwerte
    reasons = {key: cell[1] for key, cell in whole.items() if key[1] == unit}
    assert {key: cell[1] for key, cell in parts.items() if key[1] == unit} == reasons
    assert "nicht_geliefert" in reasons.values()
    missing = [f for f in read_findings(run.store.findings(RUN, "fetch")) if f.rule == "FETCH-MISSING"]
    assert [(f.ref_month, f.table, f.jc_id) for f in missing] == [(month, table, PART_B)]


@pytest.mark.slow
def test_a_change_recounts_the_months_that_its_parts_delivered_and_nothing_else(tmp_path: Path) -> None:
    world = country(51, tmp_path, frozenset({"published"}), history=8, persons=20)
    for position, recounted in ((0, True), (-1, False)):
        place = tmp_path / str(position)
        merger = Merger(world.registry[position]["jc_id"], day_in(RUN))
        sources, registry = twin(world, merger, place)
        changes = sources[0] / "gebietsaenderungen.csv"
        listed = changes.read_bytes()
        changes.write_text("alt,neu,ab\n", encoding="utf-8")
        run_counting(place / "store", RUN, sources, registry)
        changes.write_bytes(listed)
        store = run_counting(place / "store", RUN, sources, registry).store
        by_month = {month: len(list(store.cells("stock").glob(f"{month}-*.parquet"))) for month in world.months}
        before = [count for month, count in by_month.items() if month != RUN]
        assert before == [2 if recounted else 1] * 7
        assert by_month[RUN] == 1


def test_a_successor_that_does_not_deliver_is_missing_by_name(tmp_path: Path) -> None:
    world = country(50, tmp_path, frozenset(), history=4, persons=20)
    unit = world.registry[0]["jc_id"]
    sources, registry = twin(world, Merger(unit, day_in(RUN)), tmp_path)
    for path in sources[0].glob(f"{RUN}/*/{unit}.*"):
        path.unlink()
    run = run_counting(tmp_path / "store", RUN, sources, registry)
    missing = [f for f in read_findings(run.store.findings(RUN, "fetch")) if f.rule == "FETCH-MISSING"]
    assert {(f.ref_month, f.jc_id) for f in missing} == {(RUN, unit)}
    assert len(missing) == 5
    assert computed_eckwerte(run)[RUN, unit, "T", "elb"] == (None, "nicht_geliefert", "personen")
    assert read_world(world).accepted[RUN, "bestand", unit]
