"""What the rules said: one result per declared rule, attributed to units or cells, as findings and as JSON.

No Great Expectations and no files here; whoever reads a verdict needs neither.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipeline.check.suites import RuleSeverity
from pipeline.store import Finding


@dataclass(frozen=True)
class Cell:
    """One row of a checked frame that breaks a rule: `place` are its other key columns, `value` what was found."""

    jc_id: str
    ref_month: str
    place: str
    value: str


@dataclass(frozen=True)
class RuleResult:
    """What one declared rule said about one frame.

    `unexpected` counts all rows that break the rule, `cells` names the first of them (all, up to the engine's bound);
    both are empty for rules on the table as a whole. `error` is the engine's, if it could not evaluate the rule.
    """

    rule_id: str
    layer: str
    table: str
    ref_month: str
    severity: RuleSeverity
    success: bool
    column: str
    description: str
    owner: str
    runbook: str
    title_de: str
    action_de: str
    unexpected: int = 0
    observed: str = ""
    cells: tuple[Cell, ...] = ()
    error: str = ""

    @property
    def blocking(self) -> bool:
        """Tell whether the result stops the publication: a critical rule is broken, or any rule could not be evaluated."""
        return bool(self.error) or (not self.success and self.severity == "critical")


@dataclass(frozen=True)
class Verdict:
    """All results of a layer. `declared` counts the rules that should have been evaluated, `rules` are those that were."""

    layer: str
    month: str
    declared: int
    rules: tuple[RuleResult, ...]

    @property
    def evaluated(self) -> int:
        """Return the number of results; a rule the engine could not answer has one too, which blocks."""
        return len(self.rules)

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """Return the results that are broken or could not be evaluated, in declared order."""
        return tuple(rule for rule in self.rules if not rule.success or rule.error)

    @property
    def blocking(self) -> bool:
        """Tell whether publication must stop; a rule without an answer counts as broken."""
        return self.evaluated != self.declared or any(rule.blocking for rule in self.rules)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rules passed, failed by severity, and could not be evaluated."""
        failed = Counter(rule.severity for rule in self.rules if not rule.success and not rule.error)
        errors = sum(1 for rule in self.rules if rule.error)
        return {
            "critical": failed["critical"],
            "error": errors,
            "info": failed["info"],
            "passed": len(self.rules) - len(self.failed),
            "warning": failed["warning"],
        }

    def to_findings(self) -> list[Finding]:
        """Return one finding for each named unit or cell of a broken rule, and one for those beyond the bound."""
        findings = [finding for rule in self.failed for finding in _findings(rule)]
        if self.evaluated != self.declared:
            findings.append(
                Finding(
                    "CHECK-NOT-EVALUATED",
                    "critical",
                    "check",
                    f"{self.declared} rules are declared for {self.layer} but {self.evaluated} were evaluated",
                    ref_month=self.month,
                )
            )
        return findings

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON-able values without times: equal inputs give equal text."""
        return {
            "layer": self.layer,
            "month": self.month,
            "declared": self.declared,
            "evaluated": self.evaluated,
            "blocking": self.blocking,
            "counts": self.counts,
            "rules": [_rule_json(rule) for rule in self.rules],
        }


def _findings(rule: RuleResult) -> list[Finding]:
    severity = "critical" if rule.error else rule.severity
    common: dict[str, Any] = {"table": rule.table, "column": rule.column, "action": rule.action_de}
    if rule.error:
        message = f"the rule could not be evaluated: {rule.error}"
        return [Finding(rule.rule_id, severity, "check", message, ref_month=rule.ref_month, **common)]
    if not rule.cells:
        return [
            Finding(
                rule.rule_id,
                severity,
                "check",
                f"{rule.description} Found: {rule.observed or 'nothing'}.",
                ref_month=rule.ref_month,
                value=rule.observed,
                count=max(rule.unexpected, 1),
                **common,
            )
        ]
    findings = [
        Finding(
            rule.rule_id,
            severity,
            "check",
            f"{rule.description} Found: {rule.column} = {cell.value}{' at ' + cell.place if cell.place else ''}.",
            ref_month=cell.ref_month or rule.ref_month,
            jc_id=cell.jc_id,
            value=cell.value,
            **common,
        )
        for cell in rule.cells
    ]
    rest = rule.unexpected - len(rule.cells)
    if rest > 0:
        message = f"{rule.description} {rest} more rows break this rule than are listed."
        findings.append(
            Finding(rule.rule_id, severity, "check", message, ref_month=rule.ref_month, count=rest, **common)
        )
    return findings


def _rule_json(rule: RuleResult) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        "layer": rule.layer,
        "table": rule.table,
        "ref_month": rule.ref_month,
        "severity": rule.severity,
        "success": rule.success,
        "blocking": rule.blocking,
        "column": rule.column,
        "unexpected": rule.unexpected,
        "observed": rule.observed,
        "error": rule.error,
        "owner": rule.owner,
        "runbook": rule.runbook,
        "titel": rule.title_de,
        "massnahme": rule.action_de,
        "description": rule.description,
        "cells": [{"jc_id": c.jc_id, "ref_month": c.ref_month, "place": c.place, "value": c.value} for c in rule.cells],
    }
