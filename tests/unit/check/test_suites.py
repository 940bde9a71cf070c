"""Suites are loaded strictly: nothing that Great Expectations would drop in silence gets through."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from declared import EXPECTATIONS

from pipeline.catalog import load_catalog
from pipeline.check import SuiteError, load_suite
from pipeline.check.suites import load_layer

FILES = sorted(EXPECTATIONS.rglob("*.json"))
RUNBOOK = EXPECTATIONS.parent / "docs" / "operate" / "regeln.md"
Change = Callable[[dict[str, Any]], None]


def _written(tmp_path: Path, change: Change) -> Path:
    raw = json.loads((EXPECTATIONS / "lieferung" / "bestand.json").read_text(encoding="utf-8"))
    change(raw)
    path = tmp_path / "lieferung" / "bestand.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def _in_rule(number: int, **values: Any) -> Change:
    def change(raw: dict[str, Any]) -> None:
        entry = raw["expectations"][number]
        for name, value in values.items():
            entry[name] = value

    return change


def _without(number: int, name: str) -> Change:
    return lambda raw: raw["expectations"][number].pop(name)


def _without_meta(number: int, name: str) -> Change:
    return lambda raw: raw["expectations"][number]["meta"].pop(name)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_suite_of_the_project_loads_with_all_its_rules(path: Path) -> None:
    suite = load_suite(path)
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert len(suite.rules) == len(raw["expectations"]) == len(suite.as_gx().expectations)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_in_rule(2, type="expect_column_values_to_be_betwixt"), "BESTAND-QUARANTINE: Great Expectations drops it"),
        (_in_rule(2, severity="fatal"), "BESTAND-QUARANTINE: severity is 'fatal'"),
        (_without(2, "severity"), "BESTAND-QUARANTINE: severity is None"),
        (_without(2, "description"), "BESTAND-QUARANTINE: description is missing"),
        (_without_meta(2, "rule_id"), r"expect_column_values_to_be_between: meta\.rule_id is missing"),
        (_without_meta(2, "owner"), r"BESTAND-QUARANTINE: meta\.owner is missing"),
        (_without_meta(2, "runbook"), r"BESTAND-QUARANTINE: meta\.runbook is missing"),
        (_without_meta(2, "titel"), r"BESTAND-QUARANTINE: meta\.titel is missing"),
        (_without_meta(2, "massnahme"), r"BESTAND-QUARANTINE: meta\.massnahme is missing"),
        (_in_rule(2, window="last"), "BESTAND-QUARANTINE: unknown field 'window'"),
        (_in_rule(2, kwargs={"column": "n_rows", "maximum": 1}), "Great Expectations refuses the suite"),
        (
            lambda raw: raw["expectations"].append(raw["expectations"][2]),
            "BESTAND-QUARANTINE: the rule id stands twice",
        ),
        (lambda raw: raw["expectations"].pop(0), "an empty frame would pass silently"),
        (lambda raw: raw.update(expectations=[]), "no expectation is declared"),
        (lambda raw: raw.update(name="lieferung/bestnad"), "the suite's name is 'lieferung/bestnad'"),
        (lambda raw: raw.update(notes="x"), "exactly the fields"),
    ],
)
def test_a_suite_that_would_not_run_as_declared_is_refused_by_name(
    change: Change, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SuiteError, match=message) as error:
        load_suite(_written(tmp_path, change))
    assert "lieferung/bestand.json" in str(error.value)


def test_a_missing_a_broken_and_a_stray_file_are_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, lambda raw: None)
    with pytest.raises(SuiteError, match=r"lieferung/aufnahme\.json: the suite is missing"):
        load_layer(path.parent, ["bestand", "aufnahme"])
    with pytest.raises(SuiteError, match=r"lieferung/bestand\.json: no frame of this name"):
        load_layer(path.parent, [])
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"lieferung/bestand\.json: not JSON"):
        load_suite(path)


def test_rule_ids_are_unique_across_all_suites_and_the_catalog() -> None:
    ids = [rule.rule_id for path in FILES for rule in load_suite(path).rules]
    assert len(ids) == len(set(ids))
    assert not set(ids) & set(load_catalog().rules)


def test_the_catalog_declares_no_rule_that_nothing_raises_or_no_test_shows() -> None:
    for folder in (EXPECTATIONS.parent / "src", EXPECTATIONS.parent / "tests"):
        text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
        assert [rule_id for rule_id in load_catalog().rules if f'"{rule_id}"' not in text] == []


def test_every_rule_has_its_anchor_in_the_runbook_and_every_anchor_a_rule() -> None:
    anchors = re.findall(r'<a id="([^"]+)"></a>', RUNBOOK.read_text(encoding="utf-8"))
    rules = [rule for path in FILES for rule in load_suite(path).rules]
    assert [r.runbook for r in rules] == [f"docs/operate/regeln.md#{r.rule_id}" for r in rules]
    known = {rule.rule_id for rule in rules} | set(load_catalog().rules) | {"CHECK-NOT-EVALUATED"}
    assert sorted(anchors) == sorted(known)


def test_the_runbook_says_what_the_suites_say() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    for path in FILES:
        for rule in load_suite(path).rules:
            assert f"### {rule.rule_id}: {rule.title_de}\n" in text
            assert f"**Was tun:** {rule.action_de}\n" in text
    for declared in load_catalog().rules.values():
        assert f"### {declared.rule_id}: {declared.title_de}\n" in text
        assert f"**Was tun:** {declared.action_de}\n" in text


def test_lists_in_the_suites_are_those_of_the_catalog() -> None:
    catalog = load_catalog()
    lists = {
        ("ergebnis/eckwerte", "merkmal"): list(catalog.merkmale),
        ("ergebnis/eckwerte", "grund"): list(catalog.codelists["gruende"]),
        ("ergebnis/kennzahlen", "grund"): list(catalog.codelists["gruende"]),
        ("ergebnis/kennzahlen", "kennzahl"): list(catalog.indicators),
    }
    for (name, column), values in lists.items():
        suite = load_suite(EXPECTATIONS / f"{name}.json")
        sets = [
            r.kwargs["value_set"] for r in suite.rules if r.kwargs.get("column") == column and "value_set" in r.kwargs
        ]
        assert [sorted(entry) for entry in sets] == [sorted(values)]
    ranged = {r.rule_id for r in load_suite(EXPECTATIONS / "ergebnis/kennzahlen.json").rules if "RANGE" in r.rule_id}
    assert ranged == {f"KZ-RANGE-{name}" for name in catalog.indicators}


def test_nothing_about_deliveries_is_critical() -> None:
    for path in FILES:
        if path.parent.name == "lieferung":
            assert {rule.severity for rule in load_suite(path).rules} <= {"warning", "info"}
