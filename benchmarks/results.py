"""The results of a benchmark: what was measured, whether the targets are met, two results side by side. Numbers in, tables out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

from rich.box import SIMPLE_HEAD
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

    @property
    def value(self) -> str:
        """Return what was measured as text with its unit; empty where it was not."""
        return "" if self.measured is None else short(self.measured, self.unit)


@dataclass(frozen=True)
class Declaration:
    """A target as `targets.toml` declares it; its comment says what the fields mean."""

    what: str
    measure: str
    of: Sequence[str]
    by: str = ""
    at_most: float | None = None
    at_least: float | None = None
    unit: str = ""
    fact: str = ""
    part: float = 1.0
    per: str = ""
    scales: tuple[float, float] = (1.0, 1.0)

    @property
    def needs(self) -> list[str]:
        """Return the names of the measurements that must be there, all in one run."""
        return [*self.of, *([self.by] if self.by else [])]

    @property
    def bound(self) -> str:
        """Return the bound as text."""
        if self.at_most is not None:
            return f"≤ {short(self.at_most, self._unit)}"
        if self.at_least is not None:
            return f"≥ {short(self.at_least, self._unit)}"
        raise ValueError(f"{TARGETS.name}: {self.what!r} has no bound; write at_most or at_least")

    @property
    def _unit(self) -> str:
        return self.unit or {"rss": "bytes", "cpu": "s CPU", "wall": "s"}.get(self.measure, "")

    def judge(self, results: Results) -> Target:
        """Judge one run. Growth is not judged by one run; see `judge_growth`."""
        if self.measure == "growth":
            return self._target(None, note="needs two scales: bench-compare")
        if missing := [name for name in self.needs if name not in results.measured]:
            return self._target(None, note=f"not measured: {', '.join(missing)}")
        return self._target(self._value(results.measured))

    def judge_growth(self, small: Results, large: Results) -> Target:
        """Judge what a unit of scale (or a row) costs in `large` against `small`, two runs of one commit on one machine."""
        if any(name not in results.measured for results in (small, large) for name in self.of):
            return self._target(None, note=f"not measured in both: {', '.join(self.of)}")
        costs = [
            sum(median(results.measured[name].cpu_s) for name in self.of) / results.circumstances[self.per]
            for results in (small, large)
        ]
        target, (a, b) = self._target(costs[1] / costs[0]), self.scales
        if machine(small) != machine(large):
            return replace(target, met=None, note=f"not judged: {machine(small)} and {machine(large)}")
        commits = [results.circumstances["commit"][:12] for results in (small, large)]
        if len(set(commits)) > 1:
            return replace(target, met=None, note=f"not judged: commits {' and '.join(commits)}")
        if (small.circumstances["scale"], large.circumstances["scale"]) != self.scales:
            return replace(target, met=None, note=f"not judged: set for scales {a:g} and {b:g}")
        return target

    def _target(self, value: float | None, note: str = "") -> Target:
        met = None
        if value is not None:
            met = (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)
        return Target(self.what, self.bound, value, self._unit, met, note)

    def _value(self, measured: Mapping[str, Measurement]) -> float:
        of = [measured[name] for name in self.of]
        if self.measure == "ratio":
            return sum(median(m.cpu_s) for m in of) / median(measured[self.by].cpu_s)
        if self.measure == "cpu":
            return sum(median(m.cpu_s) for m in of)
        if self.measure == "rate":
            return float(of[0].facts[self.fact]) / self.part / median(of[0].cpu_s)
        if self.measure == "rss":
            return float(max(max(m.peak_rss) for m in of))
        if self.measure == "wall":
            return median(of[0].wall_s)
        raise ValueError(f"{TARGETS.name}: {self.measure!r} is no measure; write ratio, cpu, rate, rss, wall or growth")


def declared() -> list[Declaration]:
    """Return the targets as they are declared. Raises TypeError for a field that no target has."""
    entries = tomllib.loads(TARGETS.read_text(encoding="utf-8"))["target"]
    return [Declaration(**entry | {"scales": tuple(entry.get("scales", (1.0, 1.0)))}) for entry in entries]


def targets(results: Results) -> list[Target]:
    """Return all targets as one run meets them."""
    return [declaration.judge(results) for declaration in declared()]


def growth(a: Results, b: Results) -> list[Target]:
    """Return the targets of growth as two runs of different scale, in any order, meet them."""
    small, large = sorted((a, b), key=lambda results: float(results.circumstances["scale"]))
    return [declaration.judge_growth(small, large) for declaration in declared() if declaration.measure == "growth"]


def machine(results: Results) -> str:
    """Return processor and cores that a run was measured on; CPU seconds of different machines are not compared."""
    found = results.circumstances["machine"]
    return f"{found['processor']}, {found['cores']} cores"


def short(value: float, unit: str) -> str:
    """Return a figure with its unit, three digits or whole thousands; bytes as GB."""
    if unit == "bytes":
        return f"{value / 1e9:.2f} GB"
    return f"{f'{value:,.0f}' if value >= 1000 else f'{value:.3g}'} {unit}".rstrip()


def as_tables(results: Results) -> Iterable[Table]:
    """Return what was measured and the targets, for a terminal."""
    missing = "\n".join(f"{name} is not installed: {text}" for name, text in results.not_installed.items())
    measured = Table(
        title=_title(results.circumstances),
        title_justify="left",
        caption=missing,
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
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
        measured.add_column(column, justify="right" if column else "left", no_wrap=bool(column))
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
    return measured, judged("Targets (set for scale 1)", targets(results))


def judged(title: str, found: Iterable[Target]) -> Table:
    """Return targets with what was measured and the verdict, for a terminal."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in ("", "target", "measured", ""):
        table.add_column(column, no_wrap=bool(column))
    for target in found:
        verdict = {True: "[green]met[/]", False: "[red]not met[/]", None: target.note}[target.met]
        table.add_row(target.what, target.bound, target.value, verdict)
    return table


def _title(circumstances: Mapping[str, Any]) -> str:
    c = circumstances
    return (
        f"scale {c['scale']:g}, {c['rows_read']:,} rows, {c['bytes_read'] / 1e6:,.0f} MB staged, {c['rounds']} round(s), "
        f"{c['cells_compared']:,} cells equal; {c['commit'][:12]}{'' if c['clean'] else ' with changes'}"
    )


def side_by_side(a: Results, b: Results) -> Table:
    """Return two results beside each other; slower or faster is what lies outside all rounds of the other, by row."""
    machines = sorted({machine(a), machine(b)})
    table = Table(
        title=f"A: {_title(a.circumstances)}\nB: {_title(b.circumstances)}",
        title_justify="left",
        caption=f"CPU seconds of different machines: {' and '.join(machines)}" if len(machines) > 1 else "",
        caption_justify="left",
        box=SIMPLE_HEAD,
    )
    rows = a.circumstances["rows_read"], b.circumstances["rows_read"]
    for column in ("", "A CPU s", "B CPU s", "B ÷ A", "per row", "A MB", "B MB", "beyond all rounds"):
        table.add_column(column, justify="right" if column else "left", no_wrap=bool(column))
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
