"""The steps in their order: what each sees of those before, and what it says when one of them has stopped the month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline import steps
from pipeline.store import StoreBusyError, write_json

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


def test_a_step_sees_what_the_steps_before_have_just_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = steps.open_run(tmp_path / "store", MONTH)

    def fetch(run: steps.Run) -> steps.Summary:
        write_json(run.store.run(MONTH) / "deliveries.json", {"number": len(seen)})
        return {}

    def stage(run: steps.Run) -> steps.Summary:
        return {"number": run.deliveries["number"]}

    monkeypatch.setattr(steps, "fetch", fetch)
    monkeypatch.setattr(steps, "stage", stage)
    seen: list[steps.Summary] = []
    for _ in range(2):
        steps.do("fetch", run)
        seen.append(steps.do("stage", run))
    assert seen == [{"number": 0}, {"number": 1}]


def test_all_steps_are_done_in_order_under_one_lock(tmp_path: Path) -> None:
    done: list[str] = []

    def do(name: str, run: steps.Run) -> steps.Summary:
        assert run.holds_lock
        with pytest.raises(StoreBusyError), run.store.locked("another run"):
            pass
        done.append(name)
        return {"name": name}

    found = steps.run_all(steps.open_run(tmp_path / "store", MONTH), do)
    assert tuple(done) == steps.STEPS
    assert found == {"name": "publish", "steps": {name: {"name": name} for name in steps.STEPS}}
