"""Imputation agrees with the independent reference in every cell, and switched off it changes no byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from worlds_run import (
    COUNTING,
    catalog_of,
    computed_bytes,
    computed_eckwerte,
    computed_kennzahlen,
    differences,
    expected_eckwerte,
    expected_kennzahlen,
)

from pipeline import steps
from reference import kennzahlen
from reference.deliveries import load
from reference.imputation import Imputed
from reference.worlds import World, make_world

WITH_HOLES = {"holes", "published", "published_both", "signs", "published_conflict", "rejected", "no_person", "merger"}


def counted(world: World, store: Path, *switches: str) -> steps.Run:
    run = steps.open_run(store, world.run_month, [str(s) for s in world.sources], switches=switches)
    run = replace(run, declared=catalog_of(world.registry), settings=replace(run.settings, threads=1))
    for name in COUNTING:
        steps.do(name, run)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 9])
def test_estimates_agree_with_the_reference(seed: int, tmp_path: Path) -> None:
    world = make_world(seed, tmp_path / "world", persons=60, history=40, features=WITH_HOLES)
    counting = Imputed(load(world.sources, world.run_month, {r["jc_id"] for r in world.registry}), world.registry)
    expected = expected_eckwerte(counting.rows())
    run = counted(world, tmp_path / "store", "imputer=on")
    computed = computed_eckwerte(run)
    assert differences(expected, computed) == []
    assert set(computed) == set(expected)
    assert sum(basis == "imputiert" for _, _, basis in computed.values()) > 20
    indicators = expected_kennzahlen(kennzahlen.rows(counting, world.registry))
    assert differences(indicators, computed_kennzahlen(run)) == []
    assert any(row[7] == "imputiert" for row in indicators.values())


@pytest.mark.slow
def test_switched_off_nothing_is_estimated_and_switching_back_leaves_no_trace(tmp_path: Path) -> None:
    world = make_world(4, tmp_path / "world", persons=60, history=30, features=WITH_HOLES)
    plain = counted(world, tmp_path / "store")
    assert "imputiert" not in {basis for _, _, basis in computed_eckwerte(plain).values()}
    before = computed_bytes(plain)
    assert computed_bytes(counted(world, tmp_path / "store", "imputer=on")) != before
    assert computed_bytes(counted(world, tmp_path / "store")) == before
