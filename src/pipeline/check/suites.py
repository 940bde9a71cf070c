"""Loads expectation suites strictly: what a file declares is what Great Expectations will run, or nothing runs.

Evaluating a suite belongs to `engine`, the meaning of a frame's columns to `deliveries`, `results` and `release`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

RuleSeverity = Literal["critical", "warning", "info"]
RULE_SEVERITIES: tuple[RuleSeverity, ...] = ("critical", "warning", "info")
EXPECTATION_FIELDS = frozenset(["type", "kwargs", "severity", "meta", "description"])
META_FIELDS = ("rule_id", "owner", "runbook", "titel", "massnahme")


class SuiteError(ValueError):
    """A suite file is not what Great Expectations would really run; the text names file and rule."""


@dataclass(frozen=True)
class DeclaredRule:
    """One expectation of a suite with what an operator needs: title and measure in German, description in English."""

    rule_id: str
    severity: RuleSeverity
    type: str
    kwargs: Mapping[str, Any]
    description: str
    owner: str
    runbook: str
    title_de: str
    action_de: str


@dataclass(frozen=True)
class Suite:
    """A suite: `layer` is the folder, `table` the frame it speaks of, `raw` the JSON exactly as it stands in the file."""

    name: str
    layer: str
    table: str
    rules: tuple[DeclaredRule, ...]
    raw: Mapping[str, Any]

    def as_gx(self) -> Any:
        """Return the suite as Great Expectations builds it; every call gives a new one, because it is changed in use."""
        import great_expectations as gx

        return gx.ExpectationSuite(**deepcopy(dict(self.raw)))

    def singles(self) -> Iterator[Suite]:
        """Yield a suite of one rule for each rule, in declared order."""
        for rule, entry in zip(self.rules, self.raw["expectations"], strict=True):
            yield replace(self, rules=(rule,), raw={**self.raw, "expectations": [entry]})


def load_suite(path: Path) -> Suite:
    """Load `<layer>/<table>.json` strictly; raises SuiteError naming the file and the rule.

    Great Expectations drops expectations of unknown type or severity with a log line only, and takes `critical` where no
    severity stands: both are errors here.
    """
    source = f"{path.parent.name}/{path.name}"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SuiteError(f"{source}: the suite is missing; restore the file from the repository") from error
    except ValueError as error:
        raise SuiteError(f"{source}: not JSON ({error})") from error
    if not isinstance(raw, dict) or set(raw) != {"name", "meta", "expectations"}:
        raise SuiteError(f"{source}: a suite has exactly the fields name, meta and expectations")
    if raw["name"] != f"{path.parent.name}/{path.stem}":
        raise SuiteError(f"{source}: the suite's name is {raw['name']!r}, it must be {path.parent.name}/{path.stem}")
    if not raw["expectations"]:
        raise SuiteError(f"{source}: no expectation is declared")
    rules = tuple(_rule(source, entry) for entry in raw["expectations"])
    _refuse_duplicates(source, rules)
    if not any(rule.type == "expect_table_row_count_to_be_between" for rule in rules):
        raise SuiteError(f"{source}: no rule on the number of rows, so an empty frame would pass silently")
    suite = Suite(raw["name"], path.parent.name, path.stem, rules, raw)
    _compare_with_gx(source, suite)
    return suite


def load_layer(folder: Path, tables: Iterable[str]) -> dict[str, Suite]:
    """Load the suites of one layer; raises SuiteError for a missing, an unexpected or a doubly declared one."""
    expected = list(tables)
    unexpected = sorted({file.stem for file in folder.glob("*.json")} - set(expected))
    if unexpected:
        raise SuiteError(f"{folder.name}/{unexpected[0]}.json: no frame of this name is ever checked; remove the file")
    suites = {table: load_suite(folder / f"{table}.json") for table in expected}
    _refuse_duplicates(folder.name, tuple(rule for suite in suites.values() for rule in suite.rules))
    return suites


def rule_ids(folder: Path) -> frozenset[str]:
    """Return the ids of all rules declared in the suites of a folder, without asking Great Expectations."""
    found = set()
    for path in sorted(folder.glob("*/*.json")):
        found |= {entry["meta"]["rule_id"] for entry in json.loads(path.read_text(encoding="utf-8"))["expectations"]}
    return frozenset(found)


def _rule(source: str, entry: Mapping[str, Any]) -> DeclaredRule:
    meta = entry.get("meta") or {}
    rule_id = str(meta.get("rule_id") or entry.get("type") or "?")
    place = f"{source}, rule {rule_id}"
    unknown = sorted(set(entry) - EXPECTATION_FIELDS)
    if unknown:
        raise SuiteError(f"{place}: unknown field {unknown[0]!r}")
    missing = [field for field in META_FIELDS if not meta.get(field)]
    if missing:
        raise SuiteError(f"{place}: meta.{missing[0]} is missing")
    if entry.get("severity") not in RULE_SEVERITIES:
        raise SuiteError(
            f"{place}: severity is {entry.get('severity')!r}, it must be written out: {', '.join(RULE_SEVERITIES)}"
        )
    if not entry.get("description"):
        raise SuiteError(
            f"{place}: description is missing; say what is impossible or implausible and why the threshold"
        )
    return DeclaredRule(
        rule_id,
        cast(RuleSeverity, entry["severity"]),
        str(entry.get("type", "")),
        entry.get("kwargs") or {},
        entry["description"],
        meta["owner"],
        meta["runbook"],
        meta["titel"],
        meta["massnahme"],
    )


def _refuse_duplicates(source: str, rules: tuple[DeclaredRule, ...]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.rule_id in seen:
            raise SuiteError(f"{source}, rule {rule.rule_id}: the rule id stands twice")
        seen.add(rule.rule_id)


def _compare_with_gx(source: str, suite: Suite) -> None:
    try:
        kept = [expectation.meta["rule_id"] for expectation in suite.as_gx().expectations]
    except Exception as error:
        raise SuiteError(f"{source}: Great Expectations refuses the suite ({type(error).__name__}: {error})") from error
    dropped = [rule.rule_id for rule in suite.rules if rule.rule_id not in kept]
    if dropped or len(kept) != len(suite.rules):
        raise SuiteError(
            f"{source}, rule {', '.join(dropped) or '?'}: Great Expectations drops it silently; check type and severity"
        )
