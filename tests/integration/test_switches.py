"""Every switch in both positions: the pipeline and the independent reference agree in every cell, and something does change.

The world is one of the reference's, with everything that decides cases; the store is the same for all alternatives, so what a
switch does not touch is reused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from worlds_run import Cells, computed_eckwerte, computed_kennzahlen, disagreements, run_counting

from pipeline.catalog import load_catalog
from reference.schalter import DEFAULTS
from reference.worlds import World, make_world

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

FEATURES = {
    "zaehltage",
    "sexes",
    "double_stock",
    "contradictions",
    "duplicates",
    "orphans",
    "merger",
    "late_records",
    "young",
}
MONTHS = {"list2019_from": "2018-10", "k2e3_switch": "2019-06"}
"""What is selected where any month can be."""

SELECTIONS = [
    {name: value}
    for name, switch in load_catalog().switches.items()
    if name in DEFAULTS
    for value in ((MONTHS[name],) if switch.alternatives == "month" else switch.alternatives)
]
TOGETHER = [
    {"check_day": "anniversary", "oegb_at_check": "fails", "window_bounds": "closed_left"},
    {"check_day": "anniversary", "month_test": "any_day", "dual_training_in_svb": True},
    {"check_day": "zaehltag", "oegb_at_check": "fails", "zaehltag_calendar": 15},
    {"job_change_counts": False, "gering_ausschliesslich": True, "k2e1_person_rule": "one_per_person"},
    {"window_bounds": "closed_left", "exit_day": "last_day", "require_start_ge_entry": True},
    {"group_at_vorstichtag": False, "newcomer_scope": "jobcenter", "lzb_min_age": 17, "lzb_min_days": 639},
    {"k2e3_cohort": False, "k2e3neu_label": "integration_month", "k2e3neu_lag": 4, "gebietsstand": "delivered"},
]


@dataclass
class Both:
    """A world with the store it is counted in, and the cells of its default run."""

    world: World
    store: Path
    default: tuple[Cells, Cells] | None = field(default=None)

    def cells(self, switches: Mapping[str, Any]) -> tuple[Cells, Cells]:
        run = run_counting(self.store, self.world.run_month, self.world.sources, self.world.registry, switches)
        assert disagreements(run, self.world.sources, self.world.registry, switches)[:20] == []
        return computed_eckwerte(run), computed_kennzahlen(run)

    def defaults(self) -> tuple[Cells, Cells]:
        if self.default is None:
            self.default = self.cells({})
        return self.default


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    place = tmp_path_factory.mktemp("switches")
    world = make_world(21, place / "world", run_month="2019-04", history=43, persons=220, features=FEATURES)
    return Both(world, place / "store")


@pytest.mark.parametrize("switches", SELECTIONS, ids=lambda s: "".join(f"{k}={v}" for k, v in s.items()))
def test_an_alternative_agrees_with_the_reference_and_changes_something(both: Both, switches: dict[str, Any]) -> None:
    assert both.cells(switches) != both.defaults()


@pytest.mark.parametrize("switches", TOGETHER, ids="+".join)
def test_alternatives_together_agree_with_the_reference(both: Both, switches: dict[str, Any]) -> None:
    assert both.cells(switches) != both.defaults()
