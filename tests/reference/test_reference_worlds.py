"""The generator of worlds does what it says, and the reference can count every world."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from . import compute, count, deliveries
from .deliveries import DeliveryError
from .worlds import CONTESTED, FEATURES, features_of, make_world

EARLY = {"zu_kurze_reihe", "folgt_spaeter"}
"""Reasons that a complete series has, too."""


def tree_bytes(root: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """A world depends on its seed alone."""
    make_world(11, tmp_path / "a", history=12, persons=60)
    make_world(11, tmp_path / "b", history=12, persons=60)
    assert tree_bytes(tmp_path / "a") == tree_bytes(tmp_path / "b")


def test_seeds_reach_every_uncontested_feature() -> None:
    """A handful of seeds switches everything on and everything off."""
    drawn = [features_of(seed) for seed in range(12)]
    assert frozenset().union(*drawn) == frozenset(FEATURES) - CONTESTED
    assert frozenset.intersection(*drawn) == frozenset()


@pytest.mark.parametrize("run_month", ["2018-07", "2020-02"])
def test_plain_world_is_complete(tmp_path: Path, run_month: str) -> None:
    """Without features nothing is missing but what comes too early or too late."""
    world = make_world(3, tmp_path, run_month=run_month, history=40, persons=70, features=())
    counting = count(world.sources, run_month, world.registry)
    assert not counting.d.rejected
    assert not counting.d.quarantined
    assert {row["grund"] for row in counting.rows() if row["grund"]} <= EARLY
    _, kennzahlen = compute(world.sources, run_month, world.registry)
    assert {row["grund"] for row in kennzahlen} <= {"", "nenner_null"}


@pytest.mark.parametrize("feature", sorted(FEATURES))
def test_each_feature_alone(tmp_path: Path, feature: str) -> None:
    """Every feature gives a world that can be counted, with cells that add up."""
    world = make_world(5, tmp_path, history=15, persons=60, features={feature})
    eckwerte, kennzahlen = compute(world.sources, world.run_month, world.registry)
    assert len(eckwerte) == len({(r["ref_month"], r["jc_id"], r["geschlecht"], r["merkmal"]) for r in eckwerte})
    assert kennzahlen
    for row in eckwerte + kennzahlen:
        value = row["wert"]
        assert (value is None) == bool(row["grund"])
    cells = {(r["ref_month"], r["jc_id"], r["merkmal"], r["geschlecht"]): r for r in eckwerte}
    for (month, jc_id, merkmal, sex), total in cells.items():
        men, women = (cells[month, jc_id, merkmal, other] for other in "MF")
        rows = (total, men, women)
        if sex == "T" and all(r["wert"] is not None and r["basis"] == "personen" for r in rows):
            assert total["wert"] >= men["wert"] + women["wert"]


def test_bad_rows_and_broken_deliveries_are_seen(tmp_path: Path) -> None:
    """What the features spoil is quarantined or rejected, and nothing else."""
    world = make_world(6, tmp_path, history=20, persons=60, features={"bad_rows", "rejected"})
    counting = count(world.sources, world.run_month, world.registry)
    assert len(counting.d.rejected) >= 1
    assert sum(map(len, counting.d.quarantined.values())) > 10
    holes = Counter(row["grund"] for row in counting.rows())["nicht_geliefert"]
    assert holes > 0


def test_revisions_take_effect(tmp_path: Path) -> None:
    """A second stage in the same tree gives what a second source gives."""
    world = make_world(8, tmp_path / "w", history=15, persons=60, features={"revisions"})
    before = compute(world.sources, world.run_month, world.registry)
    shutil.copytree(tmp_path / "w", tmp_path / "copy")
    twin = make_world(8, tmp_path / "twin", history=15, persons=60, features={"revisions"})
    assert world.revise_in_place() == twin.revise_as_source(tmp_path / "twin" / "zwei")
    after = compute(world.sources, world.run_month, world.registry)
    assert after != before
    assert compute(twin.sources, twin.run_month, twin.registry) == after


def test_two_files_for_one_delivery(tmp_path: Path) -> None:
    """They are an error, unless the run does not read their month."""
    world = make_world(9, tmp_path, run_month="2018-07", history=6, persons=60, features=())
    unit = next(path for path in sorted((world.sources[0] / "2018-07" / "bestand").iterdir()))
    for suffix in (".csv", ".csv.gz", ".parquet"):
        twin = unit.with_name(unit.name.split(".")[0] + suffix)
        if not twin.exists():
            twin.write_bytes(unit.read_bytes())
    with pytest.raises(DeliveryError):
        compute(world.sources, "2018-07", world.registry)
    compute(world.sources, "2018-06", world.registry)


def test_rejected_revision_readings_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken revision counts as missing, or (other reading) leaves the older delivery in place."""
    world = make_world(10, tmp_path, history=12, persons=60, features={"rejected_revision"})
    plain = compute(world.sources[:1], world.run_month, world.registry)
    assert compute(world.sources, world.run_month, world.registry) != plain
    monkeypatch.setattr(deliveries, "REJECTED_REVISION_FALLS_BACK", True)
    assert compute(world.sources, world.run_month, world.registry) == plain


def test_pending_revisions_can_be_written_in_parts(tmp_path: Path) -> None:
    """Central deliveries are among them, and what is written is not pending any more."""
    world = make_world(8, tmp_path, history=15, persons=60, features={"revisions", "central_revisions", "published"})
    assert {table for _, table, _ in world.pending} >= {"beschaeftigung", "eckwerte"}
    some = sorted(world.pending)[:3]
    assert world.revise_in_place(some) == some
    assert not set(some) & set(world.pending)
    assert world.pending
