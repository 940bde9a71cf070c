"""The results of a benchmark: what was measured, whether the targets are met, two results side by side. Numbers in, tables out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

from rich.table import Table

TARGETS = Path(__file__).with_name("targets.toml")


@dataclass
class Measurement:
    """One thing measured in several rounds.

    `cpu_s` is what the measured stretch cost, imports left out; `process_cpu_s` all of the process with its descendants.
    Memory in bytes: `peak_rss` of the process tree (sampled) during the stretch, `largest_process` ``ru_maxrss`` of any process.
    """

    title: str
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    process_cpu_s: list[float] = field(default_factory=list)
    peak_rss: list[int] = field(default_factory=list)
    largest_process: list[int] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """A run of the benchmark: circumstances (scale, commit, machine, versions, rows and bytes read) and what was measured."""

    circumstances: Mapping[str, Any]
    measured: Mapping[str, Measurement]
    not_installed: Mapping[str, str]

    def write(self, path: Path) -> None:
        """Write the results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = asdict(self) | {"targets": [asdict(t) | {"met": t.met} for t in targets(self)]}
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read results that `write` wrote."""
        content = json.loads(path.read_text(encoding="utf-8"))
        measured = {name: Measurement(**m) for name, m in content["measured"].items()}
        return cls(content["circumstances"], measured, content["not_installed"])


@dataclass(frozen=True)
class Target:
    """A target with what was measured; `measured` is None where a measurement is missing, then `note` says which."""

    what: str
    bound: str
    measured: float | None
    unit: str
    met: bool | None
    note: str = ""


def targets(results: Results) -> list[Target]:
    """Return all targets as the results meet them."""
    declared = tomllib.loads(TARGETS.read_text(encoding="utf-8"))["target"]
    return [_judged(entry, results) for entry in declared]


def _judged(entry: Mapping[str, Any], results: Results) -> Target:
    bound, at_most = (entry["at_most"], True) if "at_most" in entry else (entry["at_least"], False)
    unit = entry.get("unit", {"rss": "bytes", "cpu": "s CPU", "wall": "s"}.get(entry["measure"], ""))
    shown = f"{'≤' if at_most else '≥'} {_short(bound, unit)}"
    needed = [*entry["of"], *([entry["by"]] if "by" in entry else [])]
    missing = [name for name in needed if name not in results.measured]
    if entry["measure"] == "growth":
        return Target(entry["what"], shown, None, unit, None, "needs two results: make bench-compare")
    if missing:
        return Target(entry["what"], shown, None, unit, None, f"not measured: {', '.join(missing)}")
    value = _value(entry, results.measured)
    return Target(entry["what"], shown, value, unit, value <= bound if at_most else value >= bound)


def _value(entry: Mapping[str, Any], measured: Mapping[str, Measurement]) -> float:
    of = [measured[name] for name in entry["of"]]
    kind = entry["measure"]
    if kind == "ratio":
        return sum(median(m.cpu_s) for m in of) / median(measured[entry["by"]].cpu_s)
    if kind == "cpu":
        return sum(median(m.cpu_s) for m in of)
    if kind == "rate":
        return float(of[0].facts[entry["fact"]]) / float(entry["per"]) / median(of[0].cpu_s)
    if kind == "rss":
        return float(max(max(m.peak_rss) for m in of))
    if kind == "wall":
        return median(of[0].wall_s)
    raise ValueError(f"{TARGETS.name}: {kind!r} is no measure; write ratio, cpu, rate, rss, wall or growth")


def _short(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 1e9:.2f} GB"
    return f"{value:.3g} {unit}".rstrip()


def as_tables(results: Results) -> Iterable[Table]:
    """Return what was measured and the targets, for a terminal."""
    missing = "\n".join(f"{name} is not installed: {text}" for name, text in results.not_installed.items())
    measured = Table(title=_title(results.circumstances), title_justify="left", caption=missing, caption_justify="left")
    for column in (
        "",
        "CPU s",
        "least",
        "÷ ours",
        "÷ scan",
        "wall s",
        "RSS MB",
        "largest MB",
        "all CPU s",
    ):
        measured.add_column(column, justify="right" if column else "left", no_wrap=True)
    base = {name: median(m.cpu_s) for name, m in results.measured.items() if m.cpu_s}
    for name, m in results.measured.items():
        measured.add_row(
            m.title,
            f"{base[name]:.2f}",
            f"{min(m.cpu_s):.2f}",
            *(f"{base[name] / base[other]:.2f}" if base.get(other) else "" for other in ("ours", "scan")),
            f"{median(m.wall_s):.2f}",
            *(f"{median(values) / 1e6:.0f}" if values else "" for values in (m.peak_rss, m.largest_process)),
            f"{median(m.process_cpu_s):.2f}" if m.process_cpu_s else "",
        )
    for name in results.not_installed:
        measured.add_row(name, "not installed", *[""] * 7)
    judged = Table(title="Targets (set for scale 1)", title_justify="left")
    for column in ("", "target", "measured", ""):
        judged.add_column(column)
    for target in targets(results):
        value = "" if target.measured is None else _short(target.measured, target.unit)
        verdict = {True: "[green]met[/]", False: "[red]not met[/]", None: target.note}[target.met]
        judged.add_row(target.what, target.bound, value, verdict)
    return measured, judged


def _title(circumstances: Mapping[str, Any]) -> str:
    c = circumstances
    return (
        f"scale {c['scale']:g}, {c['rows_read']:,} rows, {c['bytes_read'] / 1e6:,.0f} MB staged, {c['rounds']} round(s), "
        f"{c['cells_compared']:,} cells equal; {c['commit'][:12]}{'' if c['clean'] else ' with changes'}"
    )


def side_by_side(a: Results, b: Results) -> Table:
    """Return two results beside each other; slower or faster is what lies outside all rounds of the other."""
    table = Table(title=f"A: {_title(a.circumstances)}\nB: {_title(b.circumstances)}", title_justify="left")
    rows = a.circumstances["rows_read"], b.circumstances["rows_read"]
    for column in ("", "A CPU s", "B CPU s", "B ÷ A", "B ÷ A per row", "A MB", "B MB", "outside the spread"):
        table.add_column(column, justify="left" if not column else "right")
    for name in [*a.measured, *(n for n in b.measured if n not in a.measured)]:
        first, second = a.measured.get(name), b.measured.get(name)
        if first is None or second is None:
            table.add_row(name, *[""] * 6, f"only in {'A' if second is None else 'B'}")
            continue
        factor = median(second.cpu_s) / median(first.cpu_s)
        per_row = factor * rows[0] / rows[1]
        table.add_row(
            first.title,
            f"{median(first.cpu_s):.2f}",
            f"{median(second.cpu_s):.2f}",
            f"{factor:.2f}",
            f"{per_row:.2f}",
            *(f"{median(m.peak_rss) / 1e6:.0f}" if m.peak_rss else "" for m in (first, second)),
            outside(_per_row(a, name), _per_row(b, name)),
        )
    return table


def regressions(a: Results, b: Results) -> list[str]:
    """Return the names of what both results measured and every round of `b` did slower, per row, than all of `a`."""
    both = [name for name in a.measured if name in b.measured]
    return [name for name in both if outside(_per_row(a, name), _per_row(b, name)) == "slower"]


def _per_row(results: Results, name: str) -> list[float]:
    return [cpu / results.circumstances["rows_read"] for cpu in results.measured[name].cpu_s]


def outside(before: Sequence[float], after: Sequence[float]) -> str:
    """Say whether every round of `after` was slower or faster than every one of `before`; empty if they overlap.

    A single round has no spread to lie outside of.
    """
    if min(len(before), len(after)) < 2:
        return "one round only"
    if min(after) > max(before):
        return "slower"
    return "faster" if max(after) < min(before) else ""
