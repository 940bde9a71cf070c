"""What the suites in `expectations/` declare, read without Great Expectations, and suites cut down to one rule."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pipeline.check import Suite

EXPECTATIONS = Path(__file__).parents[3] / "expectations"


def declared(layer: str, tables: Iterable[str]) -> list[tuple[str, str]]:
    """Return (table, rule id) of every expectation of a layer."""
    return [
        (table, entry["meta"]["rule_id"])
        for table in tables
        for entry in json.loads((EXPECTATIONS / layer / f"{table}.json").read_text(encoding="utf-8"))["expectations"]
    ]


def only(suite: Suite, rule_id: str) -> Suite:
    """Return the suite with one rule only: a tenth of the time, the same answer."""
    kept = [entry for entry in suite.raw["expectations"] if entry["meta"]["rule_id"] == rule_id]
    rules = tuple(rule for rule in suite.rules if rule.rule_id == rule_id)
    return replace(suite, rules=rules, raw={**suite.raw, "expectations": kept})
