"""The engine answers for every rule: an error is never a pass, an empty frame neither, and cells are named in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.check import Cell, RuleResult, Verdict, load_suite
from pipeline.check.engine import CELLS_NAMED, Engine, shown
from pipeline.check.suites import Suite

META = {"owner": "Fachstatistik", "runbook": "docs/operate/regeln.md#X", "titel": "Titel", "massnahme": "Handeln."}


def _rule(rule_id: str, kind: str, severity: str = "warning", **kwargs: Any) -> dict[str, Any]:
    meta = {"rule_id": rule_id, **META}
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": meta, "description": "Shares stay small."}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.mktemp("suites") / "lieferung"
    folder.mkdir()
    rules = [
        _rule("ROWS", "expect_table_row_count_to_be_between", min_value=1),
        _rule("SHARE", "expect_column_values_to_be_between", column="share", max_value=0.05),
        _rule(
            "PAIR",
            "expect_column_pair_values_a_to_be_greater_than_b",
            column_A="whole",
            column_B="part",
            or_equal=True,
        ),
        _rule("FLAG", "expect_column_values_to_be_in_set", "info", column="valid", value_set=[True]),
    ]
    raw = {"name": "lieferung/probe", "meta": {}, "expectations": rules}
    (folder / "probe.json").write_text(json.dumps(raw), encoding="utf-8")
    return load_suite(folder / "probe.json")


def _frame(**columns: Any) -> pd.DataFrame:
    good = {"jc_id": ["a", "b"], "share": [0.01, 0.02], "whole": [2, 2], "part": [1, 2], "valid": [True, True]}
    return pd.DataFrame(good | columns)


def _verdict(engine: Engine, suite: Suite, frame: pd.DataFrame, declared: int | None = None) -> Verdict:
    results = engine.evaluate(suite, frame, ref_month="2018-07", key=["jc_id"])
    return Verdict("deliveries", "2018-07", len(suite.rules) if declared is None else declared, results)


def test_results_stand_in_declared_order_whatever_the_engine_does(engine: Engine, suite: Suite) -> None:
    results = _verdict(engine, suite, _frame(share=[0.9, 0.0])).rules
    assert [r.rule_id for r in results] == ["ROWS", "SHARE", "PAIR", "FLAG"]
    assert [r.success for r in results] == [True, False, True, True]


def test_a_missing_column_is_an_error_and_blocks_even_for_an_information(engine: Engine, suite: Suite) -> None:
    verdict = _verdict(engine, suite, _frame().drop(columns="valid"))
    flag = verdict.rules[-1]
    assert "valid" in flag.error
    assert not flag.success
    assert verdict.blocking
    assert verdict.counts == {"critical": 0, "error": 1, "info": 0, "passed": 3, "warning": 0}
    (finding,) = verdict.to_findings()
    assert (finding.severity, finding.rule) == ("critical", "FLAG")
    assert finding.message.startswith("the rule could not be evaluated")


def test_an_empty_frame_does_not_pass(engine: Engine, suite: Suite) -> None:
    verdict = _verdict(engine, suite, _frame().iloc[:0])
    assert [r.rule_id for r in verdict.failed] == ["ROWS"]
    (finding,) = verdict.to_findings()
    assert finding.value == "0"


def test_a_rule_without_an_answer_blocks(engine: Engine, suite: Suite) -> None:
    verdict = _verdict(engine, suite, _frame(), declared=5)
    assert verdict.blocking
    assert [f.rule for f in verdict.to_findings()] == ["CHECK-NOT-EVALUATED"]


def test_a_pair_names_both_values_and_the_unit(engine: Engine, suite: Suite) -> None:
    result = _verdict(engine, suite, _frame(part=[3, 1])).rules[2]
    assert result.cells == (Cell("a", "", "", "2, 3"),)
    assert result.column == "whole, part"


def test_at_most_fifty_cells_are_named_and_the_rest_is_counted(engine: Engine, suite: Suite) -> None:
    n = 120
    frame = pd.DataFrame(
        {"jc_id": [f"u{i:03}" for i in range(n)], "share": 0.5, "whole": 1, "part": 1, "valid": [True] * n}
    )
    verdict = _verdict(engine, suite, frame)
    assert len(verdict.rules[1].cells) == CELLS_NAMED
    assert verdict.rules[1].unexpected == n
    assert sum(f.count for f in verdict.to_findings()) == n


def test_a_warning_does_not_block_and_a_critical_rule_does() -> None:
    def result(severity: Any) -> RuleResult:
        return RuleResult("R", "l", "t", "2018-07", severity, False, "c", "d.", "o", "r", "T", "M")

    assert not Verdict("x", "2018-07", 1, (result("warning"),)).blocking
    assert not Verdict("x", "2018-07", 1, (result("info"),)).blocking
    assert Verdict("x", "2018-07", 1, (result("critical"),)).blocking


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (pd.NA, ""),
        (True, "true"),
        (3, "3"),
        (0.1666666666, "0.166667"),
        (1234567.0, "1234567"),
        (1234567.891, "1234567.89"),
        (float("inf"), "inf"),
        (["a", 1], "a, 1"),
        ("x", "x"),
    ],
)
def test_values_are_shown_the_same_whatever_library_held_them(value: Any, text: str) -> None:
    assert shown(value) == text


def test_great_expectations_is_not_imported_by_importing_the_package(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import sys, pipeline.check; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
