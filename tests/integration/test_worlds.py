"""The pipeline and the independent reference agree in every cell and every reason on small nasty worlds."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from staged_worlds import staged_world, stages
from worlds_run import (
    computed_bytes,
    computed_eckwerte,
    computed_kennzahlen,
    differences,
    disagreements,
    expected_eckwerte,
    expected_kennzahlen,
    run_counting,
)

from reference import compute
from reference.worlds import World, make_world

SEEDS = (1, 3)
STAGED_SEEDS = (104,)


def assert_equal(world: World, store: Path) -> None:
    eckwerte, kennzahlen = compute(world.sources, world.run_month, world.registry)
    run = run_counting(store, world.run_month, world.sources, world.registry)
    expected, computed = expected_eckwerte(eckwerte), computed_eckwerte(run)
    assert differences(expected, computed) == []
    assert set(computed) == set(expected)
    expected, computed = expected_kennzahlen(kennzahlen), computed_kennzahlen(run)
    assert differences(expected, computed) == []
    assert set(computed) == set(expected)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_world_agrees_with_the_reference(seed: int, tmp_path: Path) -> None:
    assert_equal(make_world(seed, tmp_path / "world"), tmp_path / "store")


@pytest.mark.slow
def test_a_revision_in_the_same_tree_recounts_what_read_it(tmp_path: Path) -> None:
    world = make_world(8, tmp_path / "world", persons=60, features={"revisions"})
    first = run_counting(tmp_path / "store", world.run_month, world.sources, world.registry)
    before = computed_eckwerte(first)
    assert world.revise_in_place()
    assert_equal(world, tmp_path / "store")
    after = computed_eckwerte(run_counting(tmp_path / "store", world.run_month, world.sources, world.registry))
    assert before != after


@pytest.mark.slow
@pytest.mark.parametrize("seed", STAGED_SEEDS)
def test_every_stage_of_revisions_gives_the_reference_and_what_an_empty_store_gives(seed: int, tmp_path: Path) -> None:
    world = staged_world(seed, tmp_path / "world", persons=60)
    before: dict[str, bytes] = {}
    for number, stage in enumerate(stages(world, tmp_path)):
        run = run_counting(tmp_path / "store", world.run_month, stage.sources, world.registry)
        assert disagreements(run, stage.in_force, world.registry) == [], stage.what
        after = computed_bytes(run)
        assert after != before, stage.what
        if number % 2:
            fresh = run_counting(tmp_path / f"fresh{number}", world.run_month, stage.in_force, world.registry)
            assert computed_bytes(fresh) == after, stage.what
        before = after


@pytest.mark.slow
def test_row_order_and_a_duplicated_source_change_nothing(tmp_path: Path) -> None:
    world = make_world(12, tmp_path / "world", persons=60, history=30, features=())
    plain = computed_eckwerte(run_counting(tmp_path / "a", world.run_month, world.sources, world.registry))
    shuffler = random.Random(5)
    shuffled = 0
    for path in sorted(world.sources[0].rglob("*.csv")):
        header, *rows = path.read_bytes().splitlines(keepends=True)
        if path.parent != world.sources[0] and len(rows) > 1 and b'"' not in path.read_bytes():
            rows[-1] = rows[-1].rstrip(b"\r\n") + b"\n"
            shuffler.shuffle(rows)
            path.write_bytes(header + b"".join(rows))
            shuffled += 1
    assert shuffled
    twice = [world.sources[0], world.sources[0]]
    again = computed_eckwerte(run_counting(tmp_path / "b", world.run_month, twice, world.registry))
    assert again == plain
