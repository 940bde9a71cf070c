"""Releases under selections: the manifest says what was selected, the checks hold, and the release can be computed anew."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from test_switches import SELECTIONS

from pipeline import steps
from pipeline.catalog import load_catalog
from pipeline.verify import verify

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
MONTH = "2018-07"
pytestmark = [pytest.mark.slow, pytest.mark.thorough]

COMPARING = [
    "rank_ties=max",
    "rank_ties=dense",
    "zero_open=false",
    "suppress_below=5",
    "suppress_below=10",
    "suppress_complement=false",
    "suppress_room=2",
    "suppress_least_sum=24",
]
"""The alternatives that change nothing but what is shown; `dominance` is tested where
the sums are judged, all others are in test_switches and test_imputation."""

RELEASED = [
    ["rank_ties=dense", "rounding_mode=half_even"],
    ["rank_ties=max", "gebietsstand=delivered", "zaehltag_calendar=15"],
    ["zero_open=false", "suppress_below=5"],
    ["k3e2_person=each", "check_day=anniversary", "k2e3neu_label=integration_month", "k2e3_cohort=false"],
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("switched")
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(place / "lieferungen")
    return place / "lieferungen"


@pytest.fixture(scope="module")
def store(source: Path) -> Iterator[Path]:
    yield source.parent / "store"


def opened_tables(source: Path, store: Path, *switches: str) -> dict[str, Any]:
    run = steps.open_run(store, MONTH, [str(source)], switches=switches)
    for step in steps.STEPS[: steps.STEPS.index("compare") + 1]:
        steps.do(step, run)
    return {name: pq.read_table(path) for name, path in run.store.opened(MONTH).items()}


def differ(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return any(not table.equals(other[name]) for name, table in one.items())


@pytest.fixture(scope="module")
def default(source: Path, store: Path) -> dict[str, Any]:
    return opened_tables(source, store)


@pytest.mark.parametrize("switch", COMPARING)
def test_an_alternative_changes_what_is_shown(switch: str, source: Path, store: Path, default: dict[str, Any]) -> None:
    assert differ(opened_tables(source, store, switch), default)


def test_no_zero_and_no_count_below_the_limit_is_shown_where_they_are_secret(source: Path, store: Path) -> None:
    rows = opened_tables(source, store, "zero_open=false", "suppress_below=5")["eckwerte"].to_pylist()
    counts = [r["wert"] for r in rows if r["merkmal"] not in ("llu", "luh") and r["wert"] is not None]
    assert min(counts) == 5
    assert any(r["grund"] == "geheim" for r in rows)


@pytest.mark.parametrize("switches", RELEASED, ids="+".join)
def test_a_release_says_what_was_selected_and_can_be_computed_anew(
    switches: list[str], source: Path, store: Path
) -> None:
    published = steps.run_all(steps.open_run(store, MONTH, [str(source)], switches=switches))
    manifest = json.loads((Path(published["release"]) / "manifest.json").read_text(encoding="utf-8"))
    said = {n: str(v).lower() for n, v in manifest["grundlage"]["schalter"].items()}
    selected = dict(switch.split("=") for switch in switches)
    assert {name: said[name] for name in selected} == selected
    defaults = {n: str(s.default).lower() for n, s in load_catalog().switches.items() if n not in selected}
    assert {n: v for n, v in said.items() if n not in selected} == defaults
    assert verify(store, f"{MONTH}.{published['number']}").problems == ()


def test_every_declared_alternative_is_shown_to_change_something() -> None:
    """In the cells of a world, in what is shown, or where sums of euros are judged and gaps are filled."""
    shown = {switch.split("=")[0] for switch in COMPARING} | {name for selection in SELECTIONS for name in selection}
    selectable = {name for name, switch in load_catalog().switches.items() if switch.alternatives}
    assert selectable - shown == {"dominance", "imputer"}
    for name in {switch.split("=")[0] for switch in COMPARING}:
        tried = [switch.partition("=")[2] for switch in COMPARING if switch.startswith(f"{name}=")]
        alternatives = load_catalog().switches[name].alternatives
        assert tried == [str(value).lower() for value in alternatives], name
