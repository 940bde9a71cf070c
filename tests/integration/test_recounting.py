"""What a revised delivery changes is counted again for the persons it changes, and is what counting everything anew would give."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from integration.tiny_runs import LAST, OTHERWISE, computed, opened, tiny_source
from pipeline import steps
from pipeline.count.inputs import Count
from pipeline.count.recounting import Recounting

FIRST, MIDDLE, LATE = "2015-12", "2017-02", "2018-05"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_source(tmp_path_factory.mktemp("recounting") / "source", FIRST)


@pytest.fixture(scope="module")
def counted(source: Path) -> Callable[..., Path]:
    """Return what gives a store that is counted with some switches; it is never changed."""
    made: dict[tuple[str, ...], Path] = {}

    def store(*switches: str) -> Path:
        if switches not in made:
            made[switches] = source.parent / f"counted-{len(made)}"
            for step in (steps.fetch, steps.stage, steps.count):
                step(opened(made[switches], source, switches=switches))
        return made[switches]

    return store


def revised(source: Path, out: Path, table: str, month: str, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Write the largest delivery of a table and month, changed, into a source of its own."""
    path = max((source / month / table).glob("*.parquet"), key=lambda p: p.stat().st_size)
    target = out / path.relative_to(source)
    target.parent.mkdir(parents=True)
    pq.write_table(change(pq.read_table(path)), target)
    for name in ("zaehltage.csv", "SYNTHETISCH.txt"):
        shutil.copyfile(source / name, out / name)
    return out


def without_some(table: pa.Table) -> pa.Table:
    """Return a delivery without the rows of its last persons, and with the first row twice."""
    last = set(table["person_id"].to_pylist()[-6:])
    kept = table.filter(pc.invert(pc.is_in(table["person_id"], pa.array(sorted(last)))))
    return pa.concat_tables([kept, kept.slice(0, 1)])


def without_most(table: pa.Table) -> pa.Table:
    return table.slice(0, len(table) // 4)


def recounted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Note how many states of each name are made from one that is there."""
    seen: dict[str, int] = {}
    make = Recounting.make

    def noting(self: Recounting, count: Count, inputs: Mapping[str, Any], path: Path, sort: Any) -> bool:
        done = make(self, count, inputs, path, sort)
        seen[count.name] = seen.get(count.name, 0) + done
        return done

    monkeypatch.setattr(Recounting, "make", noting)
    return seen


def both_ways(store: Path, tmp_path: Path, *sources: Path, switches: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Count a revised delivery on top of what is counted, and from nothing; return the files, which are the same."""
    again, anew = tmp_path / "again", tmp_path / "anew"
    for copy in (again, anew):
        shutil.copytree(store, copy)
    shutil.rmtree(anew / "computed")
    for copy in (again, anew):
        for step in (steps.fetch, steps.stage, steps.count):
            step(opened(copy, *sources, switches=switches))
    of_again, of_anew = computed(again), computed(anew)
    # Days summed up are no state: of them a revision makes those that the month to come begins with.
    left_out = of_anew.keys() - of_again.keys()
    assert all(name.startswith("zwischenstand/window_days/") and f"/{LAST}-" not in name for name in left_out)
    assert [name for name, content in of_anew.items() if name not in left_out and of_again[name] != content] == []
    return of_anew


@pytest.mark.parametrize(
    ("revisions", "expected"),
    [
        (
            {"leistungsbezug": MIDDLE, "massnahme": LATE},
            {"day_masks", "movements", "window_days", "long_term", "long_term_counts", "long_term_movements"},
        ),
        (
            {"bestand": LATE, "aufnahme": MIDDLE, "beschaeftigung": MIDDLE},
            {"stock", "stock_counts", "events", "event_counts", "employed", "sustained", "continuous"},
        ),
    ],
)
def test_a_revision_is_counted_for_its_persons(
    revisions: dict[str, str],
    expected: set[str],
    source: Path,
    counted: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = counted()
    seen = recounted(monkeypatch)
    before = computed(store)
    sources = [
        revised(source, tmp_path / f"revision-{table}", table, month, without_some)
        for table, month in revisions.items()
    ]
    after = both_ways(store, tmp_path, source, *sources)
    assert expected <= {name for name, times in seen.items() if times}
    assert any(after[name] != content for name, content in before.items() if name.startswith("eckwerte"))


def test_a_revision_with_other_readings_is_counted_for_its_persons(
    source: Path, counted: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = counted(*OTHERWISE)
    seen = recounted(monkeypatch)
    sources = [
        revised(source, tmp_path / f"revision-{table}", table, month, without_some)
        for table, month in (
            ("leistungsbezug", MIDDLE),
            ("aufnahme", LATE),
            ("beschaeftigung", MIDDLE),
            ("bestand", LATE),
        )
    ]
    both_ways(store, tmp_path, source, *sources, switches=OTHERWISE)
    made = {name for name, times in seen.items() if times}
    assert {"stock", "events", "day_masks", "window_days", "long_term", "sustained"} <= made


def test_a_delivery_that_is_mostly_new_is_counted_whole(
    source: Path, counted: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = recounted(monkeypatch)
    revision = revised(source, tmp_path / "revision", "bestand", LATE, without_most)
    both_ways(counted(), tmp_path, source, revision)
    assert seen["stock"] == 0


def test_a_state_without_its_inputs_is_no_base(
    source: Path, counted: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    shutil.copytree(counted(), store)
    (note,) = (store / "computed" / "zwischenstand" / "stock").glob(f"{LATE}-*.json")
    content = json.loads(note.read_text(encoding="utf-8"))
    (relative, _), *_ = content["inputs"]["bestand"]["files"]
    seen = recounted(monkeypatch)
    revision = revised(source, tmp_path / "revision", "bestand", LATE, without_some)
    for step in (steps.fetch, steps.stage):
        step(opened(store, source, revision))
    (store / relative).unlink()
    steps.count(opened(store, source, revision))
    assert seen["stock"] == 0
