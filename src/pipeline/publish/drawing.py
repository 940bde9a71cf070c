"""Drawings as SVG text: swarm of all jobcenters, value with interval, sparkline, axes. Numbers in, markup out.

Colours and shapes are named by class and symbol and declared once in the page; nothing is drawn for a missing value.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

from pipeline.publish.history import Course
from pipeline.publish.wording import german

PLOT_WIDTH = 214
ROW_HEIGHT = 33
SPARK_STEP = 8
SPARK_HEIGHT = 48
TICK_STEPS = (1, 2, 5, 10)


def markup(text: str) -> Markup:
    """Declare text as markup: made here from numbers, fixed names and escaped words only."""
    return Markup(text)  # noqa: S704


@dataclass(frozen=True)
class Scale:
    """A linear scale from values to pixels; values outside are drawn at its ends."""

    low: float
    high: float
    width: int
    pad: int = 8

    def __call__(self, value: float | Decimal) -> float:
        """Return the x coordinate of a value."""
        span = self.high - self.low or 1.0
        share = (min(max(float(value), self.low), self.high) - self.low) / span
        return self.pad + share * (self.width - 2 * self.pad)

    def ticks(self, about: int) -> list[Decimal]:
        """Return round values inside the scale, about as many as asked for."""
        span = self.high - self.low
        if span <= 0:
            return [Decimal(str(round(self.low, 1)))]
        power = math.floor(math.log10(span / about))
        steps = [Decimal(s).scaleb(power) for s in TICK_STEPS]
        step = max(min(steps, key=lambda s: abs(float(s) - span / about)), Decimal("0.1"))
        first = math.ceil(self.low / float(step))
        last = math.floor(self.high / float(step) + 1e-9)
        return [step * i for i in range(first, last + 1)]


def interval_scale(
    values: Sequence[Decimal], lows: Sequence[Decimal], highs: Sequence[Decimal], width: int = PLOT_WIDTH
) -> Scale:
    """Return the scale of the interval column: all values inside, the widest hundredth of the intervals cut."""
    low = min(*values, _share(lows, 0.01, values))
    high = max(*values, _share(highs, 0.99, values))
    return Scale(float(low), float(high), width)


def axis(scale: Scale) -> Markup:
    """Draw the axis that stands in the header of the interval column."""
    marks = "".join(
        f'<text x="{_short(scale(t))}" y="11" text-anchor="middle">{_tick(t)}</text>'
        f'<path d="M{_short(scale(t))} 13v3"/>'
        for t in scale.ticks(5)
    )
    return markup(f'<svg class="ax" width="{scale.width}" height="16" aria-hidden="true">{marks}</svg>')


def interval(
    scale: Scale, value: Decimal, low: Decimal | None, high: Decimal | None, shape: str, median: bool
) -> Markup:
    """Draw a value with its interval against the line of the median; `shape` is the symbol g, b or n."""
    bar = ""
    if low is not None and high is not None:
        bar = f'<path d="M{_short(scale(low))} 16.5H{_short(scale(high))}"/>'
    line = '<use href="#m"/>' if median else ""
    return markup(
        f'<svg class="d" width="{scale.width}" height="{ROW_HEIGHT}" aria-hidden="true">'
        f'{line}{bar}<use href="#{shape}" x="{_short(scale(value))}"/></svg>'
    )


def sparkline(course: Course) -> Markup:
    """Draw the course of the displayed values; gaps stay gaps and a new definition starts a new line."""
    known = [float(v) for v in course.values if v is not None]
    if len(known) < 2:
        return Markup("")
    low, span = min(known), (max(known) - min(known)) or 1.0
    d, last = "", None
    for position, value in enumerate(course.values):
        if value is None:
            last = None
            continue
        y = round(SPARK_HEIGHT - 6 - (float(value) - low) / span * (SPARK_HEIGHT - 12))
        if last is None or position in course.breaks:
            d += f"M{4 + position * SPARK_STEP} {y}"
            isolated = position + 1 >= len(course.values) or course.values[position + 1] is None
            d += "h.1" if isolated else ""
        else:
            step = y - last
            d += f"l{SPARK_STEP}{step if step < 0 else f' {step}'}"
        last = y
    width = 8 + (len(course.values) - 1) * SPARK_STEP + 4
    end = "" if last is None else f'<circle cx="{width - 8}" cy="{last}" r="5"/>'
    return markup(
        f'<svg class="s" viewBox="0 0 {width} {SPARK_HEIGHT}" width="{width // 2}" height="{SPARK_HEIGHT // 2}" '
        f'aria-hidden="true"><path d="{d}"/>{end}</svg>'
    )


@dataclass(frozen=True)
class SwarmMark:
    """A vertical mark with words in a swarm: the median of a set."""

    value: Decimal
    words: str


@dataclass(frozen=True)
class Swarm:
    """One dot per jobcenter at its value, stacked without overlap; laid out once, drawn with any mark."""

    scale: Scale
    radius: float
    css: str
    placed: tuple[tuple[float, float, bool], ...]

    @classmethod
    def of(cls, points: Sequence[tuple[Decimal, bool]], *, width: int, radius: float, css: str) -> Swarm:
        """Lay out points: value and whether the jobcenter is kommunal (highlighted, on top)."""
        values = [float(value) for value, _ in points] or [0.0]
        low, high = min(values), max(values)
        if low == high:
            low, high = low - 1, high + 1
        scale = Scale(low, high, width, pad=14)
        return cls(scale, radius, css, tuple(_stacked(sorted(points), scale, radius)))

    def draw(self, mark: SwarmMark | None, label: str) -> Markup:
        """Draw the swarm; `label` is the text for screen readers. Nothing for no points."""
        if not self.placed:
            return Markup("")
        width = self.scale.width
        reach = max(abs(y) for _, y, _ in self.placed)
        top = 24 if mark else 6
        centre = top + reach + self.radius
        base = centre + reach + self.radius + 5
        dots = {False: "", True: ""}
        for x, y, kommunal in self.placed:
            dots[kommunal] += f"M{_short(x)} {_short(centre + y)}h0"
        size = _short(2 * self.radius - 0.5)
        parts = [
            f'<path class="{name}" stroke-width="{size}" d="{dots[kommunal]}"/>'
            for kommunal, name in ((False, "e"), (True, "z"))
            if dots[kommunal]
        ]
        for tick in self.scale.ticks(max(3, width // 110)):
            at = _short(self.scale(tick))
            parts.append(f'<path class="t" d="M{at} {_short(base)}v4"/>')
            parts.append(f'<text x="{at}" y="{_short(base + 17)}" text-anchor="middle">{_tick(tick)}</text>')
        parts.append(f'<path class="t" d="M{self.scale.pad} {_short(base)}H{width - self.scale.pad}"/>')
        if mark:
            x = self.scale(mark.value)
            anchor = "start" if x < width * 0.15 else "end" if x > width * 0.85 else "middle"
            parts.append(f'<path class="md" d="M{_short(x)} 18V{_short(base)}"/>')
            words = escape(mark.words)
            parts.append(f'<text class="mt" x="{_short(x)}" y="13" text-anchor="{anchor}">{words}</text>')
        return markup(
            f'<svg class="sw {self.css}" viewBox="0 0 {width} {_short(base + 22)}" role="img" '
            f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
        )


def _stacked(points: Sequence[tuple[Decimal, bool]], scale: Scale, radius: float) -> list[tuple[float, float, bool]]:
    """Place each point as near to the middle as the points beside it allow."""
    placed: list[tuple[float, float, bool]] = []
    xs: list[float] = []
    reach = 2 * radius
    for number, (value, kommunal) in enumerate(points):
        x = scale(value)
        taken = []
        for other_x, other_y, _ in placed[bisect_left(xs, x - reach + 1e-9) :]:
            half = math.sqrt(max(reach * reach - (x - other_x) ** 2, 0.0))
            taken.append((other_y - half, other_y + half))
        y = _nearest_gap(sorted(taken), number % 2 == 0)
        placed.append((x, y, kommunal))
        xs.append(x)
    return placed


def _nearest_gap(taken: Sequence[tuple[float, float]], upwards: bool) -> float:
    """Return the free y nearest to 0; `taken` are sorted open intervals."""
    start, end = 0.0, 0.0
    found = False
    low, high = -math.inf, -math.inf
    for first, last in [*taken, (math.inf, math.inf)]:
        if first < high - 1e-9:
            high = max(high, last)
            continue
        if low < -1e-9 and high > 1e-9:
            start, end, found = low, high, True
            break
        low, high = first, last
    if not found:
        return 0.0
    if math.isclose(-start, end, abs_tol=1e-6):
        return start if upwards else end
    return start if -start < end else end


def _share(values: Sequence[Decimal], share: float, otherwise: Sequence[Decimal]) -> Decimal:
    ordered = sorted(values or otherwise)
    return ordered[round(share * (len(ordered) - 1))]


def _tick(value: Decimal) -> str:
    return german(value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize())


def _short(number: float) -> str:
    text = f"{number:.1f}"
    return text[:-2] if text.endswith(".0") else text
