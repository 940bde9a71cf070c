"""What a step says when an earlier one has stopped the month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import steps
from pipeline.store import write_json

MONTH = "2018-07"


def rule(name: str, *, blocking: bool) -> dict[str, Any]:
    return {"rule": name, "blocking": blocking, "titel": name, "massnahme": "", "units": [], "count": 1}


def test_publishing_a_stopped_month_names_the_rules_of_both_checks(tmp_path: Path) -> None:
    run = steps.open_run(tmp_path / "store", MONTH)
    folder = run.store.run(MONTH)
    write_json(folder / "verdict-deliveries.json", {"broken": [rule("CROSS-NOTHING", blocking=True)]})
    write_json(folder / "verdict.json", {"publication": "stopped", "broken": [rule("VG-JUMP", blocking=False)]})
    with pytest.raises(steps.QualityStop, match=r"nothing is published: CROSS-NOTHING$") as stop:
        steps.publish(run)
    assert [entry["rule"] for entry in stop.value.verdict["broken"]] == ["CROSS-NOTHING", "VG-JUMP"]


def test_a_step_whose_earlier_step_has_not_run_says_which(tmp_path: Path) -> None:
    with pytest.raises(steps.StepError, match="run the step check_results first"):
        steps.publish(steps.open_run(tmp_path / "store", MONTH))
