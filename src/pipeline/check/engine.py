"""Runs a suite on one frame with Great Expectations and turns its answer into rule results.

The only place that knows the shape of a Great Expectations result; what the frame holds is decided by the callers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from pipeline.check.suites import DeclaredRule, Suite
from pipeline.check.verdict import Cell, RuleResult

CELLS_NAMED = 50
ERROR_LENGTH = 200
LARGE = 1e15
LARGE_WITH_DIGITS = 1e5
JC_COLUMN = "jc_id"
MONTH_COLUMN = "ref_month"


class Engine:
    """One ephemeral Great Expectations context for a whole check; making it and importing the library is what costs."""

    def __init__(self) -> None:
        import great_expectations as gx

        context: Any = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        source = context.data_sources.add_pandas("memory")
        self._batches = source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")

    def evaluate(
        self,
        suite: Suite,
        frame: Any,
        *,
        ref_month: str,
        key: Sequence[str],
        parameters: Mapping[str, Any] | None = None,
    ) -> tuple[RuleResult, ...]:
        """Evaluate every rule of the suite on a pandas frame and return one result per declared rule, in declared order.

        `key` are the columns that name a row; a rule Great Expectations does not answer is returned as an error.
        """
        batch = self._batches.get_batch({"dataframe": frame})
        answer = batch.validate(
            suite.as_gx(),
            expectation_parameters=dict(parameters or {}),
            result_format={
                "result_format": "SUMMARY",
                "partial_unexpected_count": CELLS_NAMED,
                "unexpected_index_column_names": list(key),
                "include_unexpected_rows": False,
            },
        )
        by_id = {result.expectation_config.meta["rule_id"]: result for result in answer.results}
        return tuple(_result(suite, rule, by_id.get(rule.rule_id), ref_month, key) for rule in suite.rules)


def unanswered(suite: Suite, problem: Exception, *, ref_month: str, key: Sequence[str]) -> tuple[RuleResult, ...]:
    """Return an error for every rule of a suite whose frame could not be made; each of them blocks."""
    text = f"{type(problem).__name__}: {problem}".splitlines()[0][:ERROR_LENGTH]
    return tuple(replace(_result(suite, rule, None, ref_month, key), error=text) for rule in suite.rules)


def _result(suite: Suite, rule: DeclaredRule, answer: Any, ref_month: str, key: Sequence[str]) -> RuleResult:
    error = "Great Expectations gave no answer for this rule" if answer is None else _error(answer.exception_info)
    details: Mapping[str, Any] = {} if answer is None else answer.result or {}
    columns = _columns(rule.kwargs)
    unexpected = int(details.get("unexpected_count") or 0)
    failed = answer is None or bool(error) or not answer.success
    named = details.get("partial_unexpected_index_list") or [] if failed else []
    return RuleResult(
        rule_id=rule.rule_id,
        layer=suite.layer,
        table=suite.table,
        ref_month=ref_month,
        severity=rule.severity,
        success=not failed,
        column=", ".join(columns),
        description=rule.description,
        owner=rule.owner,
        runbook=rule.runbook,
        title_de=rule.title_de,
        action_de=rule.action_de,
        unexpected=unexpected,
        observed=shown(details.get("observed_value")),
        cells=tuple(_cell(row, columns, key) for row in named),
        error=error,
    )


def _columns(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    if "column_A" in kwargs:
        return (kwargs["column_A"], kwargs["column_B"])
    if "column_list" in kwargs:
        return tuple(kwargs["column_list"])
    return (kwargs["column"],) if "column" in kwargs else ()


def _cell(row: Mapping[str, Any], columns: Sequence[str], key: Sequence[str]) -> Cell:
    place = "/".join(shown(row[name]) for name in key if name not in (JC_COLUMN, MONTH_COLUMN))
    value = ", ".join(shown(row.get(name)) for name in columns)
    return Cell(shown(row.get(JC_COLUMN)), shown(row.get(MONTH_COLUMN)), place, value)


def shown(value: Any) -> str:
    """Return a value as text that does not depend on the library that held it: six digits or whole cents, missing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "true" if value else "false"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        if math.isnan(number):
            return ""
        if number.is_integer() and abs(number) < LARGE:
            return str(int(number))
        return f"{number:.6g}" if abs(number) < LARGE_WITH_DIGITS else f"{number:.2f}"
    if isinstance(value, list | tuple | set):
        return ", ".join(shown(entry) for entry in value)
    text = str(value)
    return "" if text in ("<NA>", "NaT") else text


def _error(info: Any) -> str:
    """Return the engine's first error; the information is flat, or one entry for each metric that failed."""
    if not isinstance(info, Mapping):
        return ""
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, Mapping)]
    for entry in entries:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "unknown error").splitlines()[0][:ERROR_LENGTH]
    return ""
