"""From deliveries to suppressed tables over a merger: the release after it keeps what the one before kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from merged_world import PART_A, PART_B, Merger, twin
from worlds_run import run_counting

from pipeline import steps
from reference.worlds import make_world
from reference.zeit import add_months

RUN = "2019-02"
pytestmark = pytest.mark.thorough


def opened(run: steps.Run, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(run.store.opened(run.month)[name]).to_pylist()
    return rows


@pytest.mark.slow
def test_the_first_release_after_a_merger_hides_what_the_last_before_it_hid(tmp_path: Path) -> None:
    before = add_months(RUN, -1)
    world = make_world(61, tmp_path / "w", run_month=RUN, history=40, persons=200, features={"published"})
    unit = world.registry[0]["jc_id"]
    sources, registry = twin(world, Merger(unit, date(2019, 2, 1)), tmp_path)
    last = run_counting(tmp_path / "store", before, sources, registry)
    steps.compare(replace(last))
    assert last.counted["earlier"] == []
    first = run_counting(tmp_path / "store", RUN, sources, registry)
    steps.compare(replace(first))
    assert [then["month"] for then in first.counted["earlier"]] == [before]

    parts = [row for row in opened(last, "eckwerte") if row["jc_id"] in (PART_A, PART_B)]
    key = ("merkmal", "geschlecht", "ref_month")
    hidden = {tuple(row[k] for k in key) for row in parts if row["grund"] == "geheim"}
    cells = {tuple(row[k] for k in key): row for row in opened(first, "eckwerte") if row["jc_id"] == unit}
    assert len(hidden) > 100
    assert {cells[cell]["grund"] for cell in hidden} == {"geheim"}
    others = {tuple(row[k] for k in key) for row in parts if row["wert"] is not None} - hidden
    assert any(cells[cell]["wert"] is not None for cell in others)

    alone = run_counting(tmp_path / "fresh", RUN, sources, registry)
    steps.compare(replace(alone))
    for name, path in first.store.opened(RUN).items():
        assert alone.store.opened(RUN)[name].read_bytes() == path.read_bytes(), name


@pytest.mark.slow
def test_a_merger_before_the_first_possible_run_binds_nothing(tmp_path: Path) -> None:
    world = make_world(62, tmp_path / "w", run_month=RUN, history=40, persons=20, features=())
    sources, registry = twin(world, Merger(world.registry[0]["jc_id"], date(2018, 6, 1)), tmp_path)
    assert run_counting(tmp_path / "store", RUN, sources, registry).counted["earlier"] == []
