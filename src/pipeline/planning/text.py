"""A plan as lines for the operator, and as JSON for programs; both say the same.

Nothing is found out here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pipeline.months import add_months
from pipeline.planning.differences import KINDS, Change
from pipeline.planning.plan import Plan, Reading

LISTED = 20
DIGITS = 12
WORDS = {
    "revised": "revised",
    "late": "late (an earlier run has done without)",
    "new": "new",
    "withdrawn": "no longer there",
    "rejected": "there, but of no use: counts as missing",
}


def as_lines(plan: Plan) -> list[str]:
    """Return the plan as text."""
    lines = [f"Plan of a run of {plan.month}, compared with {plan.compared_with}; nothing of it is done.", ""]
    lines += _change_lines(plan)
    for setting in plan.settings:
        lines.append(
            f"{setting.kind} {setting.name}: {_short(setting.old) or 'none'} → {_short(setting.new) or 'none'}"
        )
    if plan.settings:
        lines.append("")
    if len(plan.readings) > LISTED:
        lines += [f"Which base counts read the {len(plan.readings)} changed tables and months is named by --json.", ""]
    elif plan.readings:
        for (table, month), reading in plan.readings.items():
            lines += _reading_lines(table, month, reading)
        lines.append("")
    return [*lines, *_count_lines(plan), *_release_lines(plan)]


def as_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as JSON-able values."""
    readings = [{"table": table, "ref_month": month, **asdict(r)} for (table, month), r in plan.readings.items()]
    return {**asdict(plan), "readings": readings}


def _change_lines(plan: Plan) -> list[str]:
    if not plan.changes and not plan.settings:
        return ["Nothing differs: same deliveries, code lists, switches, corrections and waivers.", ""]
    if not plan.changes:
        return ["Deliveries: no difference.", ""]
    lines = []
    for kind in KINDS:
        group = [c for c in plan.changes if c.kind == kind]
        if group:
            lines.append(f"{len(group)} {'delivery' if len(group) == 1 else 'deliveries'} {WORDS[kind]}")
            lines += [f"  {line}" for line in (map(_change_line, group) if len(group) <= LISTED else _summed(group))]
    return [*lines, ""]


def _change_line(change: Change) -> str:
    digests = f"{_short(change.old) or 'none'} → {_short(change.new) or 'none'}"
    return f"{change.address:<44} {digests}{'  ' + change.why if change.why else ''}"


def _summed(changes: Iterable[Change]) -> list[str]:
    """Return one line for each table and row of months: there may be twenty thousand deliveries."""
    units: dict[str, set[str]] = defaultdict(set)
    months: dict[str, set[str]] = defaultdict(set)
    number: dict[str, int] = defaultdict(int)
    for change in changes:
        units[change.table].add(change.unit)
        months[change.table].add(change.ref_month)
        number[change.table] += 1
    return [
        f"{table:<16} {spans(months[table])}: {number[table]} of {len(units[table])} unit(s); --json names each"
        for table in sorted(number)
    ]


def _reading_lines(table: str, month: str, reading: Reading) -> list[str]:
    spans_of: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, span in reading.months.items():
        spans_of[span].append(f"{name} (M, F)" if name in reading.by_sex else name)
    if table == "beschaeftigung":
        who = "all units that deliver persons"
    elif table == "eckwerte":
        who = "units without a person count"
    else:
        who = ", ".join(reading.units) if len(reading.units) <= LISTED else f"{len(reading.units)} units"
    texts = [f"{', '.join(names)} of {_span(*span)}" for span, names in spans_of.items()]
    lines = [f"{month}/{table} is read by {who} in {'; '.join(texts) or 'no base count up to the month of the run'}"]
    if reading.others:
        lines.append(f"  and perhaps by other jobcenters: {reading.others}")
    return lines


def _count_lines(plan: Plan) -> list[str]:
    lines = [
        f"Counting: {plan.computed} of {plan.computed + plan.reused} states would be computed, {plan.reused} are there. "
        f"({plan.pulled} file(s) pulled and {plan.staged} table(s) typed by this plan; the run finds them.)"
    ]
    lines += [f"  {name:<22} {spans(months)}" for name, months in plan.recounted.items()]
    by_span: dict[str, list[str]] = defaultdict(list)
    for name, months in plan.merkmale.items():
        by_span[spans(months)].append(name)
    lines += [f"  counted again: {', '.join(names)} of {span}" for span, names in by_span.items()]
    return [*lines, ""]


def _release_lines(plan: Plan) -> list[str]:
    release = plan.release
    if release.expected == release.newest:
        lines = [
            f"Release: {release.newest} stays: nothing it rests on differs, unless the checks find something else."
        ]
    else:
        word = "would follow" if release.certain else "may follow"
        lines = [
            f"Release: {release.expected} {word}{' ' + release.newest if release.newest else ''}, "
            f"if the checks pass ({', '.join(release.reasons)})."
        ]
    for month, differ in plan.also.items():
        named = ", ".join(differ[:3]) + (f" and {len(differ) - 3} more" if len(differ) > 3 else "")
        lines.append(f"Also affected if run again: {month} ({named})")
    return lines


def spans(months: Iterable[str]) -> str:
    """Return sorted months as spans, ``2018-01 to 2018-03, 2018-05``."""
    ordered = sorted(months)
    runs: list[list[str]] = []
    for month in ordered:
        if runs and add_months(runs[-1][-1], 1) == month:
            runs[-1].append(month)
        else:
            runs.append([month])
    return ", ".join(_span(run[0], run[-1]) for run in runs)


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _short(text: str) -> str:
    return text[:DIGITS] if len(text) == 64 else text
