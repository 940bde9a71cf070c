"""Curves as SVG text: both axes logarithmic, one line per contender, its name at its end. Numbers in, markup out.

A figure brings its own background, light or dark as its reader prefers, so that it is legible wherever it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 470
LEFT, RIGHT, TOP, BOTTOM = 66, 580, 78, 398
LABEL_GAP = 17
TICKS = {1.2: (1, 2, 5), 3: (1, 3)}
"""How many decades the values span at most -> multiples of powers of ten that are marked; beyond, the powers alone."""
STYLE = """
svg{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
--surface:#fcfcfa;--edge:#dcdbd6;--ink:#1b1b1a;--soft:#63625d;--grid:#e9e8e3;
--ours:#1556c5;--sql:#8a5800;--polars:#0a7558;--pandas:#a02c72;--spark:#bd3f0b;--scan:#6a6965}
@media (prefers-color-scheme:dark){svg{--surface:#1b1b1a;--edge:#3c3b38;--ink:#f0efea;--soft:#a9a8a1;--grid:#302f2d;
--ours:#82b1ff;--sql:#e2b55c;--polars:#54cba2;--pandas:#f093c6;--spark:#ff9a6b;--scan:#a9a8a1}}
.surface{fill:var(--surface);stroke:var(--edge)}
.title{font-size:16px;font-weight:600;fill:var(--ink)}
.soft{fill:var(--soft)}
.small{font-size:11.5px}
.grid{stroke:var(--grid);fill:none}
.bound{stroke:var(--ink);stroke-dasharray:2 4;fill:none}
.line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.dot{fill:currentColor;stroke:var(--surface);stroke-width:1.5}
.hollow{fill:var(--surface);stroke:currentColor;stroke-width:2}
.lead{fill:none;stroke:currentColor;opacity:.55}
.label{fill:currentColor;font-weight:600;stroke:var(--surface);stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.ours{color:var(--ours)}.ours .line{stroke-width:3.5}
.sql{color:var(--sql)}.polars{color:var(--polars)}.pandas{color:var(--pandas)}.spark{color:var(--spark)}
.scan,.scan-arrow{color:var(--scan)}.scan-arrow .line{stroke-dasharray:5 5}
""".strip()


@dataclass(frozen=True)
class Point:
    """A value at a scale; `hollow` if it is of an older run than other values of this scale."""

    scale: float
    value: float
    hollow: bool = False


@dataclass(frozen=True)
class Line:
    """The points of one contender in order of scale; `name` is its class in `STYLE`, `label` what is written at its end."""

    name: str
    label: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Figure:
    """What is drawn: values as `shown` writes them, below every scale a second text, and at most one bound with its words."""

    title: str
    subtitle: str
    lines: Sequence[Line]
    scales: Mapping[float, str]
    shown: Callable[[float], str]
    bound: tuple[float, str] | None = None

    @property
    def words(self) -> str:
        """Return what the figure shows as text: every line's values."""
        told = [
            f"{line.label} " + ", ".join(f"{self.shown(p.value)} at {p.scale:g}" for p in line.points)
            for line in self.lines
        ]
        return f"{self.title}. By scale: {'; '.join(told)}."


def draw(figure: Figure) -> str:
    """Return the figure as an SVG document; equal figures give equal text. Raises ValueError if there is nothing to draw."""
    values = [point.value for line in figure.lines for point in line.points]
    if not values:
        raise ValueError(f"{figure.title}: no line has a point")
    values += [figure.bound[0]] if figure.bound else []
    across = _Logarithmic(min(figure.scales), max(figure.scales), LEFT + 16, RIGHT - 8)
    upwards = _Logarithmic(min(values), max(values), BOTTOM - 14, TOP + 14)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">',
        f"<title>{escape(figure.title)}</title>",
        f"<desc>{escape(figure.words)}</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="surface" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
        f'<text class="title" x="20" y="31">{escape(figure.title)}</text>',
        f'<text class="soft" x="20" y="51">{escape(figure.subtitle)}</text>',
        *_axes(figure, across, upwards, ticks(min(values), max(values))),
        *(_curve(line, across, upwards) for line in reversed(figure.lines)),
        *_labels(figure.lines, across, upwards),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


@dataclass(frozen=True)
class _Logarithmic:
    """A logarithmic axis from `low` and `high` to the pixels `start` and `end`; a single value lies in the middle."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = math.log(self.high / self.low)
        share = math.log(value / self.low) / span if span else 0.5
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float) -> list[float]:
    """Return round values from `low` to `high`, both positive: fewer of each decade, the more decades there are."""
    decades = math.log10(high / low)
    multiples = next((found for most, found in TICKS.items() if decades <= most), (1,))
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for p in powers for m in multiples if low <= (tick := float(f"{m}e{p}")) <= high]


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places at least `gap` apart, within `low` to `high` if there is room, as near to `wanted` as that allows.

    Both are ascending. Neighbours too close form a block around the mean of what they want.
    """
    blocks: list[list[float]] = []
    for number, place in enumerate(wanted):
        blocks.append([place - number * gap])
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    level = [_mean(block) for block in blocks for _ in block]
    highest = high - gap * (len(wanted) - 1)
    return [max(min(place, highest), low) + number * gap for number, place in enumerate(level)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _axes(figure: Figure, across: _Logarithmic, upwards: _Logarithmic, marked: Sequence[float]) -> list[str]:
    parts = []
    for tick in marked:
        y = _px(upwards(tick))
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{RIGHT}"/>')
        parts.append(
            f'<text class="soft small" x="{LEFT - 8}" y="{y}" dy=".35em" text-anchor="end">{escape(figure.shown(tick))}</text>'
        )
    for scale, words in figure.scales.items():
        x = _px(across(scale))
        parts.append(f'<path class="grid" d="M{x} {TOP}V{BOTTOM}"/>')
        parts.append(f'<text class="soft" x="{x}" y="{BOTTOM + 19}" text-anchor="middle">{scale:g}</text>')
        parts.append(f'<text class="soft small" x="{x}" y="{BOTTOM + 35}" text-anchor="middle">{escape(words)}</text>')
    middle = _px((across.start + across.end) / 2)
    parts.append(
        f'<text class="soft" x="{middle}" y="{BOTTOM + 57}" text-anchor="middle">scale (1 is the country)</text>'
    )
    if figure.bound:
        value, words = figure.bound
        y = _px(upwards(value))
        parts.append(f'<path class="bound" d="M{LEFT} {y}H{RIGHT}"/>')
        parts.append(f'<text class="soft small" x="{LEFT + 4}" y="{y}" dy="-.5em">{escape(words)}</text>')
    return parts


def _curve(line: Line, across: _Logarithmic, upwards: _Logarithmic) -> str:
    places = [(_px(across(p.scale)), _px(upwards(p.value)), p.hollow) for p in line.points]
    path = "M" + "L".join(f"{x} {y}" for x, y, _ in places)
    dots = "".join(
        f'<circle class="{"hollow" if hollow else "dot"}" cx="{x}" cy="{y}" r="{5 if line.name == "ours" else 4}"/>'
        for x, y, hollow in places
    )
    return f'<g class="{line.name}"><path class="line" d="{path}"/>{dots}</g>'


def _labels(lines: Sequence[Line], across: _Logarithmic, upwards: _Logarithmic) -> list[str]:
    """Write every line's name to the right of its last point; names that would touch move apart and are led to their points."""
    ends: dict[float, list[tuple[float, Line]]] = {}
    for line in lines:
        ends.setdefault(line.points[-1].scale, []).append((upwards(line.points[-1].value), line))
    parts = []
    for scale, group in sorted(ends.items()):
        x = across(scale)
        ordered = sorted(group, key=lambda end: (end[0], end[1].label))
        places = spread([y for y, _ in ordered], LABEL_GAP, TOP, BOTTOM - 4)
        moved = any(abs(place - y) > 3 for (y, _), place in zip(ordered, places, strict=True))
        start = _px(x + (23 if moved else 12))
        for (y, line), place in zip(ordered, places, strict=True):
            lead = f'<path class="lead" d="M{_px(x + 7)} {_px(y)}L{_px(x + 20)} {_px(place)}"/>' if moved else ""
            name = f'<text class="label" x="{start}" y="{_px(place)}" dy=".35em">{escape(line.label)}</text>'
            parts.append(f'<g class="{line.name}">{lead}{name}</g>')
    return parts


def _px(number: float) -> str:
    text = f"{number:.1f}"
    return text.removesuffix(".0")
