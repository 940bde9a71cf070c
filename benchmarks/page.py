"""The page of the benchmark in the docs: targets, curves over the scale, what was measured. Result files in, texts out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from string import ascii_lowercase
from typing import Self

from benchmarks.contenders import CONTENDERS
from benchmarks.drawing import Figure, Line, Point, draw
from benchmarks.results import Declaration, Measurement, Results, Target, declared, machine, short

SCALES = (0.01, 0.05, 0.2, 1.0)
LABELS = {
    "ours": "ours",
    "sql": "SQL by hand",
    "polars": "Polars",
    "pandas": "pandas",
    "spark": "PySpark",
    "scan": "bare scan, DuckDB",
    "scan-arrow": "bare scan, PyArrow",
}
"""Contender -> what stands at its line."""
REASONS = Path("docs/decisions/0004-scale.md")
ABSENT = "–"
HEAD = """\
# What counting costs, and how it grows

<!-- Written by `make bench-page`. Change benchmarks/results, benchmarks/targets.toml or benchmarks/page.py and write it anew. -->

All of this was measured by [the benchmark]({readme}) on **synthetic data**: an invented country in which
all jobcenters deliver persons, 37 months of it. Scale 1 is the country. How each contender counts is said there. Where several
[runs](#runs) measured one scale, a figure is that of the newest run that has it, and a small letter names the run unless it is the
newest of its scale. A ratio is one run's; only growth needs two.
"""
TARGETS = """\
## Targets

They are set for scale 1 on two cores; the verdict is that of the largest scale measured. {absent} was not measured. Why a target is
not met, and what was tried, stands in [decision 4]({reasons}).
"""
GROWTH = """\
Growth is what the full history costs at a scale, divided by what it costs at 0.05, in two runs of one commit on one machine. Below
about 0.05 the smallest jobcenters no longer shrink, so that rows grow more slowly than the scale; therefore both are judged.
"""
MEASURED = """\
## Measured

CPU seconds, median of the rounds, and the greatest memory of the process tree.
"""


@dataclass(frozen=True)
class Run:
    """A result file with the letter that figures from it bear."""

    path: Path
    results: Results
    letter: str

    @property
    def scale(self) -> float:
        """Return the scale it was measured at."""
        return float(self.results.circumstances["scale"])


@dataclass(frozen=True)
class Runs:
    """The runs a page is made of, by scale and, within one, the newest first."""

    runs: Sequence[Run]

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Self:
        """Read result files in any order. Raises ValueError if there is none, or too many for a letter each."""
        found = [(path, Results.read(path)) for path in sorted(paths, key=lambda path: path.name)]
        if not 0 < len(found) <= len(ascii_lowercase):
            raise ValueError(f"{len(found)} results: a page is made of 1 to {len(ascii_lowercase)}")
        if undated := [path.name for path, results in found if "measured_at" not in results.circumstances]:
            raise ValueError(
                f"{', '.join(undated)}: no measured_at among the circumstances; write 'YYYY-MM-DD hh:mm UTC'"
            )
        found.sort(key=lambda pair: str(pair[1].circumstances["measured_at"]), reverse=True)
        found.sort(key=lambda pair: float(pair[1].circumstances["scale"]))
        return cls([Run(*pair, letter) for pair, letter in zip(found, ascii_lowercase, strict=False)])

    @property
    def scales(self) -> list[float]:
        """Return the scales of the page: those of the issue and whatever else was measured."""
        return sorted({*SCALES, *(run.scale for run in self.runs)})

    def at(self, scale: float) -> list[Run]:
        """Return the runs of a scale, the newest first."""
        return [run for run in self.runs if run.scale == scale]

    def newest(self, scale: float, names: Iterable[str], like: Results | None = None) -> Run | None:
        """Return the newest run of a scale that measured all of `names`; one of the machine and the code of `like` goes before."""
        wanted = set(names)
        fits = [run for run in self.at(scale) if wanted <= run.results.measured.keys()]
        if like is None:
            return next(iter(fits), None)
        place, code = machine(like), like.circumstances["commit"]
        return max(
            fits,
            key=lambda run: (machine(run.results) == place, run.results.circumstances["commit"] == code),
            default=None,
        )

    def marked(self, text: str, *used: Run) -> str:
        """Return a figure with the letters of those of its runs that are not the newest of their scale."""
        letters = [run.letter for run in used if run != self.at(run.scale)[0]]
        return f"{text}<sup>{','.join(letters)}</sup>" if letters else text


def page(runs: Runs, out: Path, repository: Path) -> dict[Path, str]:
    """Return the files of the page: `out` and its figures beside it. Links are relative to `out`."""

    def link(path: Path) -> str:
        return Path(os.path.relpath(path, out.parent)).as_posix()

    pictures = {out.with_name(f"{out.stem}-{name}.svg"): figure for name, figure in figures(runs).items()}
    reasons = link(repository / REASONS)
    parts = [
        HEAD.format(readme=link(repository / "benchmarks/README.md")),
        TARGETS.format(absent=ABSENT, reasons=reasons),
        _target_table(runs, reasons),
        GROWTH,
        "## Curves\n",
        *(f"![{figure.words}]({path.name})\n" for path, figure in pictures.items()),
        MEASURED,
        _measured_table(runs),
        "## Runs\n",
        "\n".join(_described(run, link(run.path)) for run in runs.runs) + "\n",
    ]
    return {out: "\n".join(parts), **{path: draw(figure) for path, figure in pictures.items()}}


# -- targets ----------------------------------------------------------------------------------------------------------


def _target_table(runs: Runs, reasons: str) -> str:
    rows = []
    for declaration in declared():
        judged = {scale: judge(declaration, runs, scale) for scale in runs.scales}
        cells = [runs.marked(target.value, *used) if used else ABSENT for target, used in judged.values()]
        rows.append([declaration.what, declaration.bound, *cells, _verdict(judged, reasons)])
    return _table(["", "bound", *(f"{scale:g}" for scale in runs.scales), "verdict"], rows)


def judge(declaration: Declaration, runs: Runs, scale: float) -> tuple[Target, Sequence[Run]]:
    """Return a target at a scale with the runs it was judged by: none where it was not measured, two for growth."""
    run = runs.newest(scale, declaration.needs)
    if run is None:
        return Target(declaration.what, declaration.bound, None, "", None, "not measured"), ()
    if declaration.measure != "growth":
        return declaration.judge(run.results), (run,)
    first = declaration.scales[0]
    before = runs.newest(first, declaration.needs, like=run.results)
    if before is None:
        return Target(declaration.what, declaration.bound, None, "", None, f"needs a result of scale {first:g}"), ()
    return declaration.judge_growth(before.results, run.results), (run, before)


def _verdict(judged: Mapping[float, tuple[Target, Sequence[Run]]], reasons: str) -> str:
    measured = [(scale, target) for scale, (target, used) in judged.items() if used]
    if not measured:
        return "not measured"
    scale, target = max(measured, key=lambda pair: pair[0])
    words = {True: "met", False: f"[not met]({reasons})", None: target.note}[target.met]
    return words if scale == 1 or target.met is None else f"{words} at {scale:g}"


# -- curves -----------------------------------------------------------------------------------------------------------


def figures(runs: Runs) -> dict[str, Figure]:
    """Return the figures by name: CPU seconds, memory, and CPU seconds per million rows, each by contender over the scale."""

    def millions(run: Run) -> float:
        return float(run.results.circumstances["rows_read"]) / 1e6

    below = {
        scale: f"{millions(at[0]):,.0f} M rows" if (at := runs.at(scale)) else "not measured" for scale in runs.scales
    }

    def figure(
        title: str,
        subtitle: str,
        value: Callable[[Run, Measurement], float],
        shown: Callable[[float], str] = lambda seconds: short(seconds, "s"),
        bound: tuple[float, str] | None = None,
    ) -> Figure:
        lines = _lines(runs, value)
        hollow = "; hollow: of an older run" if any(p.hollow for line in lines for p in line.points) else ""
        return Figure(title, f"{subtitle}; synthetic data{hollow}", lines, below, shown, bound)

    return {
        "cpu": figure(
            "CPU seconds of counting 37 months",
            "All base counts of the contract, median of the rounds",
            lambda _, m: median(m.cpu_s),
        ),
        "memory": figure(
            "Peak memory of counting 37 months",
            "Resident memory of the process tree, greatest of the rounds",
            lambda _, m: float(max(m.peak_rss)),
            shown=lambda size: f"{size / 1e9:.3g} GB",
            bound=(2e9, "2 GB: what a step of ours may take"),
        ),
        "per-row": figure(
            "CPU seconds per million rows",
            "A level line: the cost grows as the rows do",
            lambda run, m: median(m.cpu_s) / millions(run),
        ),
    }


def _lines(runs: Runs, value: Callable[[Run, Measurement], float]) -> list[Line]:
    lines = []
    for name in CONTENDERS:
        points = [
            Point(scale, value(run, run.results.measured[name]), hollow=run != runs.at(scale)[0])
            for scale in runs.scales
            if (run := runs.newest(scale, [name]))
        ]
        if points:
            lines.append(Line(name, LABELS[name], points))
    return lines


# -- what was measured, and by whom -----------------------------------------------------------------------------------


def _measured_table(runs: Runs) -> str:
    titles: dict[str, str] = {}
    for run in (run for scale in reversed(runs.scales) for run in runs.at(scale)):
        for name, found in run.results.measured.items():
            titles.setdefault(name, found.title)
    rows = []
    for name in dict.fromkeys((*(n for n in CONTENDERS if n in titles), *titles)):
        cells = []
        for scale in runs.scales:
            newest = runs.newest(scale, [name])
            cells.append(runs.marked(_cost(newest.results.measured[name]), newest) if newest else ABSENT)
        rows.append([titles[name], *cells])
    return _table(["", *(f"{scale:g}" for scale in runs.scales)], rows)


def _cost(found: Measurement) -> str:
    memory = f" · {short(max(found.peak_rss), 'bytes')}" if found.peak_rss else ""
    return f"{short(median(found.cpu_s), 's')}{memory}"


def _described(run: Run, link: str) -> str:
    c = run.results.circumstances
    versions = ", ".join(f"{name} {version}" for name, version in c["versions"].items())
    return (
        f"- **{run.letter}**: [{run.path.name}]({link}), scale {run.scale:g}, {c['rows_read']:,} rows, {c['rounds']} round(s), "
        f"{c['cells_compared']:,} cells equal; {c['measured_at']}, commit `{c['commit'][:12]}`"
        f"{'' if c['clean'] else ' with changes'}; {machine(run.results)}, {c['machine']['memory_bytes'] / 1e9:.0f} GB, "
        f"load {c['machine']['load'][0]:g} at the end; {versions}"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = ["---:" if any(character.isdigit() for character in name) or name == "bound" else "---" for name in head]
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
