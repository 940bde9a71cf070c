"""What stays broken after the waivers: a waiver takes out the cells it names, nothing else, and is listed itself."""

from __future__ import annotations

from typing import Any

from pipeline.catalog import Rule, Waiver
from pipeline.check import broken_in
from pipeline.store import Finding

DECLARED = {"OWN": Rule("OWN", "warning", "Betrieb", "Eigene Regel", "Nachsehen.")}


def result(*cells: tuple[str, str], unexpected: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "rule_id": "RULE",
        "ref_month": "2018-07",
        "severity": "critical",
        "success": False,
        "blocking": True,
        "error": "",
        "titel": "Titel",
        "massnahme": "Handeln.",
        "unexpected": len(cells) if unexpected is None else unexpected,
        "cells": [{"jc_id": unit, "ref_month": month, "place": "", "value": "1"} for unit, month in cells],
    } | more


def waiver(units: tuple[str, ...] = (), months: tuple[str, ...] = (), rule: str = "RULE", id: str = "w") -> Waiver:
    return Waiver(id, rule, units, months, "weil", "Fachstatistik", "2018-12-31")


def verdict(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"rules": list(rules)}


def test_without_waivers_everything_stays_broken() -> None:
    found = broken_in(verdict(result(("a", ""), ("b", "2018-06"))), [], DECLARED, [])
    assert found.blocking
    assert found.waived == ()
    assert dict(found.rules[0]) == {
        "rule": "RULE",
        "severity": "critical",
        "blocking": True,
        "titel": "Titel",
        "massnahme": "Handeln.",
        "units": ["a", "b"],
        "count": 2,
    }


def test_a_waiver_that_names_all_broken_cells_lets_the_month_pass_and_is_listed() -> None:
    found = broken_in(verdict(result(("a", ""))), [], DECLARED, [waiver(("a",), ("2018-07",))])
    assert (found.rules, found.blocking) == ((), False)
    assert dict(found.waived[0]) == {
        "id": "w",
        "rule": "RULE",
        "severity": "critical",
        "titel": "Titel",
        "units": ["a"],
        "ref_months": ["2018-07"],
        "count": 1,
        "reason": "weil",
        "owner": "Fachstatistik",
        "expires": "2018-12-31",
    }


def test_other_units_months_and_rules_stay_broken() -> None:
    broken = verdict(result(("a", ""), ("b", ""), ("a", "2018-06")))
    found = broken_in(broken, [], DECLARED, [waiver(("a",), ("2018-07",)), waiver(rule="OTHER", id="x")])
    assert found.blocking
    assert (found.rules[0]["units"], found.rules[0]["count"]) == (["a", "b"], 2)
    assert [w["id"] for w in found.waived] == ["w"]


def test_cells_beyond_those_named_are_not_waived_for_a_single_unit() -> None:
    many = verdict(result(("a", ""), unexpected=5))
    assert broken_in(many, [], DECLARED, [waiver(("a",))]).rules[0]["count"] == 4
    assert broken_in(many, [], DECLARED, [waiver()]).rules == ()


def test_a_rule_on_the_whole_table_is_waived_only_as_a_whole() -> None:
    table = verdict(result(unexpected=0))
    assert broken_in(table, [], DECLARED, [waiver(("a",))]).blocking
    assert not broken_in(table, [], DECLARED, [waiver((), ("2018-07",))]).blocking
    assert broken_in(table, [], DECLARED, [waiver((), ("2018-06",))]).blocking


def test_a_rule_that_could_not_be_evaluated_cannot_be_waived() -> None:
    found = broken_in(verdict(result(error="no such column", severity="warning")), [], DECLARED, [waiver()])
    assert found.blocking
    assert found.rules[0]["severity"] == "critical"
    assert found.waived == ()


def test_findings_of_the_steps_are_waived_alike_and_information_is_left_out() -> None:
    findings = [
        Finding("OWN", "warning", "fetch", "m", jc_id="a", ref_month="2018-07", count=2),
        Finding("OWN", "warning", "fetch", "m", jc_id="b", ref_month="2018-07"),
        Finding("OWN", "info", "fetch", "m", jc_id="c", ref_month="2018-07"),
    ]
    found = broken_in(verdict(), findings, DECLARED, [waiver(("a",), rule="OWN")])
    assert [(r["rule"], r["units"], r["count"], r["blocking"]) for r in found.rules] == [("OWN", ["b"], 1, False)]
    assert [(w["units"], w["count"]) for w in found.waived] == [(["a"], 2)]


def test_a_critical_finding_of_a_step_stops_the_publication() -> None:
    found = broken_in(verdict(), [Finding("OWN", "critical", "count", "m")], DECLARED, [])
    assert found.blocking
