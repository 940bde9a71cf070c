"""What is broken, rule by rule: the short form of a verdict that pages, mails and exit messages list, waivers applied.

A waiver changes neither data nor the verdict's results: it takes the named cells out of what stops or warns, and is listed itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.catalog import Rule, Waiver
from pipeline.check.verdict import Verdict
from pipeline.store import Finding

ORDER = ("critical", "error", "warning", "info")


@dataclass
class _Entry:
    """What is known of one rule: how often it is broken and where."""

    severity: str
    titel: str
    massnahme: str
    blocking: bool = False
    units: set[str] = field(default_factory=set)
    count: int = 0

    def add(self, count: int, units: Iterable[str], *, blocking: bool) -> None:
        """Count further breaks."""
        self.count += count
        self.units |= {unit for unit in units if unit}
        self.blocking = self.blocking or blocking


@dataclass(frozen=True)
class Broken:
    """The rules that stay broken, and the waivers that took effect; both as JSON-able values in a fixed order."""

    rules: tuple[Mapping[str, Any], ...]
    waived: tuple[Mapping[str, Any], ...]

    @property
    def blocking(self) -> bool:
        """Tell whether a rule that stops the publication stays broken."""
        return any(rule["blocking"] for rule in self.rules)


def broken_in(
    verdict: Mapping[str, Any],
    findings: Iterable[Finding],
    declared: Mapping[str, Rule],
    waivers: Sequence[Waiver],
) -> Broken:
    """Sum up a verdict (`Verdict.to_json`) and the findings of the steps' own rules; mere information is left out."""
    entries: dict[str, _Entry] = {}
    waived: dict[str, _Entry] = {}

    def enter(name: str, severity: str, titel: str, massnahme: str, breaks: _Breaks, *, blocking: bool) -> None:
        if not breaks.stays and not breaks.covered:
            return
        if breaks.stays:
            entry = entries.setdefault(name, _Entry(severity, titel, massnahme))
            entry.add(breaks.stays, breaks.units, blocking=blocking)
        for waiver_id, (count, units) in breaks.covered.items():
            waived.setdefault(waiver_id, _Entry(severity, titel, massnahme)).add(count, units, blocking=blocking)

    for rule in verdict["rules"]:
        if rule["success"] and not rule["error"]:
            continue
        severity = "critical" if rule["error"] else rule["severity"]
        breaks = _of_result(rule, waivers)
        enter(rule["rule_id"], severity, rule["titel"], rule["massnahme"], breaks, blocking=rule["blocking"])
    own: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.severity != "info":
            own.setdefault(finding.rule, []).append(finding)
    for name in sorted(own):
        rule = declared[name]
        breaks = _of_findings(own[name], waivers)
        severity = min((f.severity for f in own[name]), key=ORDER.index)
        enter(name, severity, rule.title_de, rule.action_de, breaks, blocking=severity == "critical")
    return Broken(
        tuple(
            {
                "rule": name,
                "severity": e.severity,
                "blocking": e.blocking,
                "titel": e.titel,
                "massnahme": e.massnahme,
                "units": sorted(e.units),
                "count": e.count,
            }
            for name, e in entries.items()
        ),
        tuple(_waived(w, waived[w.id]) for w in sorted(waivers, key=lambda w: w.id) if w.id in waived),
    )


def with_broken(
    verdict: Verdict, findings: Iterable[Finding], declared: Mapping[str, Rule], waivers: Sequence[Waiver]
) -> dict[str, Any]:
    """Return a verdict as JSON with what is broken after the waivers; a rule that was not evaluated always blocks."""
    content = verdict.to_json()
    broken = broken_in(content, findings, declared, waivers)
    return content | {
        "blocking": broken.blocking or verdict.evaluated != verdict.declared,
        "broken": [dict(rule) for rule in broken.rules],
        "waived": [dict(waiver) for waiver in broken.waived],
    }


@dataclass(frozen=True)
class _Breaks:
    """How often a rule stays broken and at which units, and by waiver how often and where it is waived."""

    stays: int
    units: frozenset[str]
    covered: Mapping[str, tuple[int, frozenset[str]]]


def _of_result(rule: Mapping[str, Any], waivers: Sequence[Waiver]) -> _Breaks:
    """Split a broken rule; cells beyond those named are waived only by a waiver that speaks of all units and months."""
    places = [(cell["jc_id"], cell["ref_month"] or rule["ref_month"], 1) for cell in rule["cells"]]
    rest = max(rule["unexpected"], 1) - len(places)
    if rest > 0:
        places.append(("", "" if places else rule["ref_month"], rest))
    return _split(rule["rule_id"], places, () if rule["error"] else waivers)


def _of_findings(findings: Sequence[Finding], waivers: Sequence[Waiver]) -> _Breaks:
    return _split(findings[0].rule, [(f.jc_id, f.ref_month, f.count) for f in findings], waivers)


def _split(rule: str, places: Sequence[tuple[str, str, int]], waivers: Sequence[Waiver]) -> _Breaks:
    stays, units = 0, set()
    covered: dict[str, tuple[int, frozenset[str]]] = {}
    for unit, month, count in places:
        waiver = next((w for w in waivers if w.covers(rule, unit, month)), None)
        if waiver is None:
            stays += count
            units.add(unit)
        else:
            before, known = covered.get(waiver.id, (0, frozenset()))
            covered[waiver.id] = (before + count, known | {unit})
    return _Breaks(stays, frozenset(units), covered)


def _waived(waiver: Waiver, entry: _Entry) -> dict[str, Any]:
    return {
        "id": waiver.id,
        "rule": waiver.rule,
        "severity": entry.severity,
        "titel": entry.titel,
        "units": sorted(entry.units),
        "ref_months": list(waiver.ref_months),
        "count": entry.count,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires": waiver.expires,
    }
