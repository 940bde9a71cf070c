"""A revised or late delivery: what the plan foretells is what the run does, and only what reads the delivery changes."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from integration.worlds_run import Cells, computed_eckwerte
from pipeline import steps
from pipeline.cli import app
from pipeline.months import add_months, month_range
from pipeline.planning import Plan, as_json, as_lines, plan

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
EARLIER, MONTH, FOLLOWING = "2018-05", "2018-06", "2018-07"
LATE = Path("2017-03/leistungsbezug/t04448.csv")
COUNTING = ("fetch", "stage", "count")
pytestmark = pytest.mark.slow

States = set[tuple[str, str]]


@dataclass(frozen=True)
class World:
    """A source and a store in which 2018-06 has been counted; the source may be changed."""

    source: Path
    root: Path

    def run(self, month: str = MONTH, switches: tuple[str, ...] = ()) -> steps.Run:
        opened = steps.open_run(self.root, month, [str(self.source)], switches=switches)
        return replace(opened, settings=replace(opened.settings, threads=1))

    def count(self, month: str = MONTH, switches: tuple[str, ...] = ()) -> dict[str, Any]:
        """Do fetch, stage and count; return their summaries."""
        opened = self.run(month, switches)
        return {name: steps.do(name, opened) for name in COUNTING}

    def cells(self, month: str = MONTH) -> Cells:
        return computed_eckwerte(self.run(month))

    def states(self) -> set[Path]:
        return set((self.root / "computed" / "zwischenstand").glob("*/*.parquet"))

    def in_force(self) -> dict[str, bytes]:
        """Return everything that says what is in force or computed, as bytes."""
        places = ("computed", "runs", "releases", "snapshots/register.jsonl")
        paths = [p for place in places for p in [self.root / place, *(self.root / place).rglob("*")] if p.is_file()]
        return {str(p.relative_to(self.root)): p.read_bytes() for p in paths}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a counted world that lacks one delivery; it is never changed."""
    folder = tmp_path_factory.mktemp("counted")
    world = World(folder / "source", folder / "store")
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(world.source)
    (world.source / LATE).unlink()
    world.count()
    return world


@pytest.fixture
def world(counted: World, tmp_path: Path) -> Iterator[World]:
    """Return a copy of the counted world that a test may change."""
    copied = World(tmp_path / "source", tmp_path / "store")
    shutil.copytree(counted.source, copied.source)
    shutil.copytree(counted.root, copied.root)
    yield copied
    shutil.rmtree(tmp_path)


def without_a_row(world: World, address: str, row: int = 1) -> None:
    """Revise a delivery: a row is no longer there."""
    path = world.source / address
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    del lines[row]
    path.write_text("".join(lines), encoding="utf-8")


def bring_late(world: World) -> None:
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extract(LATE.as_posix(), world.source)


def list_a_day(world: World) -> None:
    (world.source / "zaehltage.csv").write_text("ref_month,stichtag\n2018-02,2018-02-13\n", encoding="utf-8")


def break_a_file(world: World) -> None:
    (world.source / "2018-01/bestand/t04412.csv").write_bytes(b"person_id;\xff\n")


def merge(world: World) -> None:
    text = "alt,neu,ab\nt04502,t04412,2018-03-01\n"
    (world.source / "gebietsaenderungen.csv").write_text(text, encoding="utf-8")


CHANGES: Mapping[str, tuple[Callable[[World], None], str]] = {
    "nothing": (lambda world: None, MONTH),
    "a revised month of a unit": (lambda world: without_a_row(world, "2018-01/bestand/t04412.csv"), MONTH),
    "a late delivery": (bring_late, MONTH),
    "a revised month of employment": (lambda world: without_a_row(world, "2017-10/beschaeftigung/bst.csv"), MONTH),
    "another counting day": (list_a_day, MONTH),
    "a merger that takes effect": (merge, MONTH),
    "a broken revision": (break_a_file, MONTH),
    "a new month": (lambda world: None, FOLLOWING),
    "an earlier month": (lambda world: None, EARLIER),
}


def foreseen(planned: Plan) -> States:
    return {(name, month) for name, months in planned.recounted.items() for month in months}


@pytest.mark.parametrize("change", CHANGES)
def test_the_plan_foretells_every_state_and_changes_nothing(change: str, world: World) -> None:
    act, month = CHANGES[change]
    act(world)
    before, states = world.in_force(), world.states()
    planned = plan(world.run(month))
    again = plan(world.run(month))
    assert world.in_force() == before
    assert replace(planned, pulled=0, staged=0) == again
    assert as_lines(planned) and as_json(planned)["computed"] == planned.computed

    done = world.count(month)
    made = {(p.parent.name, p.name[:7]) for p in world.states() - states}
    assert (done["count"]["computed"], done["count"]["reused"]) == (planned.computed, planned.reused)
    # Days summed up for the month that comes next are no state: the plan does not tell of them.
    assert {(name, m) for name, m in made if name != "window_days"} == foreseen(planned)
    assert {m for name, m in made if name == "window_days"} <= {month, *planned.recounted.get("long_term", ())}
    assert (done["fetch"]["pulled"], done["stage"]["made"]) == (0, 0)
    assert (planned.computed > 0) == (change not in ("nothing", "an earlier month"))
    settled = plan(world.run(month))
    assert (settled.changes, settled.settings, settled.computed) == ((), (), 0)


def test_a_plan_for_an_empty_store_counts_everything_and_makes_no_run(world: World) -> None:
    empty = World(world.source, world.root.parent / "empty")
    planned = plan(empty.run())
    assert {c.kind for c in planned.changes} == {"new"}
    assert (planned.reused, planned.compared_with, planned.release.expected) == (0, "an empty store", f"{MONTH}.1")
    assert not empty.run().store.runs.exists() and not empty.run().store.register_file.exists()
    assert empty.count()["count"]["computed"] == planned.computed


def test_a_late_delivery_recounts_what_the_merkmale_need_and_nothing_else(world: World) -> None:
    before = world.cells()
    bring_late(world)
    planned = plan(world.run())
    late = [c for c in planned.changes if c.kind == "late"]
    assert [(c.address, c.old) for c in late] == [(LATE.as_posix(), "")]
    k, first_lzb = "2017-03", "2017-07"
    reading = planned.readings["leistungsbezug", k]
    assert reading.units == ("t04448",)
    assert reading.months == {
        "elb_zugang": (k, k),
        "elb_abgang": (k, k),
        **dict.fromkeys(("lzb", "lzb_zugang", "lzb_abgang", "lzb_amp"), (k, MONTH)),
        "int_lzb": (add_months(k, 1), MONTH),
    }
    # Long-term receipt is known from 24 months after the first delivery on; the window ends with the run's month.
    recounted = planned.merkmale
    assert recounted["elb_zugang"] == recounted["elb_abgang"] == (k,)
    assert recounted["lzb"] == recounted["lzb_amp"] == tuple(month_range(first_lzb, MONTH))
    after = tuple(month_range(add_months(first_lzb, 1), MONTH))
    assert recounted["lzb_zugang"] == recounted["lzb_abgang"] == recounted["int_lzb"] == after
    assert not {"elb", "alleinerz", "llu", "luh"} & recounted.keys()

    world.count()
    needs = world.run().catalog.merkmale
    changed = {key for key, value in world.cells().items() if before[key] != value}
    for month, unit, _, merkmal in changed:
        offset = needs[merkmal].needs["leistungsbezug"]
        assert add_months(month, offset[0]) <= k <= add_months(month, offset[1]), (month, unit, merkmal)
    own = {(month, merkmal) for month, unit, _, merkmal in changed if unit == "t04448"}
    assert {(k, "elb_zugang"), (k, "elb_abgang"), (first_lzb, "lzb"), (MONTH, "lzb"), (after[0], "int_lzb")} <= own


@pytest.mark.parametrize(
    ("address", "table"),
    [
        ("2017-10/beschaeftigung/bst.csv", "beschaeftigung"),
        ("2018-01/bestand/t04412.csv", "bestand"),
        ("2017-11/leistung/t04502.csv", "leistung"),
        ("2018-02/massnahme/t27708.csv", "massnahme"),
    ],
)
def test_a_revision_changes_only_cells_whose_merkmal_reads_the_table_and_month(
    address: str, table: str, world: World
) -> None:
    before, k = world.cells(), address[:7]
    lines = (world.source / address).read_text(encoding="utf-8").splitlines(keepends=True)
    (world.source / address).write_text("".join([lines[0], *lines[1::2]]), encoding="utf-8")
    world.count()
    changed = {key for key, value in world.cells().items() if before[key] != value}
    assert changed
    merkmale = world.run().catalog.merkmale
    for month, unit, sex, name in changed:
        first, last = merkmale[name].reads(sex)[table]
        assert add_months(month, first) <= k <= add_months(month, last), (month, unit, sex, name)


def test_the_command_plans_and_does_not_run(world: World) -> None:
    bring_late(world)
    before = world.in_force()
    arguments = ["--month", MONTH, "--source", str(world.source), "--store", str(world.root)]
    ended = CliRunner().invoke(app, ["run", "--plan", "--json", *arguments])
    assert ended.exit_code == 0 and world.in_force() == before
    *lines, last = ended.stdout.splitlines()
    said = json.loads(last)
    assert lines[0].startswith(f"Plan of a run of {MONTH}, compared with the last run of {MONTH}")
    assert any(line.split() == [LATE.as_posix(), "none", "→", said["changes"][0]["new"][:12]] for line in lines)
    assert (
        f"Counting: {said['computed']} of {said['computed'] + said['reused']} states would be computed" in ended.stdout
    )


def test_a_rejected_revision_is_foretold_with_its_rule(world: World) -> None:
    break_a_file(world)
    planned = plan(world.run())
    (change,) = planned.changes
    assert (change.kind, change.address, change.why) == ("rejected", "2018-01/bestand/t04412.csv", "STAGE-ENCODING")


def test_a_switch_is_a_difference_and_the_plan_follows_it(world: World) -> None:
    planned = plan(world.run(switches=("lzb_min_days=639",)))
    done = world.count(switches=("lzb_min_days=639",))
    assert [(s.kind, s.name, s.old, s.new) for s in planned.settings] == [("switch", "lzb_min_days", "638", "639")]
    assert done["count"]["computed"] == planned.computed > 0


def test_deliveries_of_later_months_never_matter(world: World) -> None:
    world.count(FOLLOWING)
    with_later = world.count(EARLIER)
    cells = world.cells(EARLIER)
    for path in world.source.glob("20*"):
        if path.name > EARLIER:
            shutil.rmtree(path)
    fresh = World(world.source, world.root.parent / "fresh")
    fresh.count(EARLIER)
    assert fresh.cells(EARLIER) == cells
    assert with_later["fetch"]["in_force"] == len(list(world.source.glob("*/*/*.csv")))
