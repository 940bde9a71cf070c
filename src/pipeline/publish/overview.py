"""The view of the first page: the four lead indicators drawn large, and all indicators goal by goal with their best.

It only arranges what the comparisons say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from pipeline.publish import drawing
from pipeline.publish.comparison import Comparison
from pipeline.publish.tablepage import origin_of, page_name, value_text
from pipeline.publish.wording import month_name

LEAD = ("K1", "K2", "K2E3", "K3")
NAMED_BEST = 2
SWARMS = ((560, 2.6, "wide"), (340, 1.9, "small"))


@dataclass(frozen=True)
class Line:
    """One indicator in the overview; texts without unit, empty where there is nothing to say."""

    code: str
    title: str
    page: str
    goal: int
    month: str
    national: str
    national_origin: str
    median_all: str
    median_kommunal: str
    best_value: str
    best: tuple[tuple[str, str], ...]
    best_more: int
    ranks: bool
    estimated: bool
    swarm: Markup


def overview(found: Mapping[tuple[str, str, str], Comparison], changes: pa.Table) -> dict[str, Any]:
    """Return what the template `index.html` needs."""
    lines = [_line(c) for c in found.values() if c.sex == "T" and c.in_force]
    goals = sorted({line.goal for line in lines})
    missing = sum(1 for c in found.values() if c.sex == "T" and c.in_force for e in c.entries if e.value is None)
    return {
        "goals": [(goal, [line for line in lines if line.goal == goal]) for goal in goals],
        "lead": [line for line in lines if line.code in LEAD],
        "missing": missing,
        "changed": changes.num_rows,
    }


def _line(comparison: Comparison) -> Line:
    best = [e for e in comparison.entries if e.places["kommunal"].rank == 1]
    page = page_name(comparison, "kommunal")
    named = tuple((e.name, f"{page}#{e.jc_id}") for e in best[:NAMED_BEST]) if len(best) <= NAMED_BEST else ()

    def text(value: Decimal | None) -> str:
        return "" if value is None else value_text(comparison, value)

    return Line(
        comparison.code,
        comparison.title,
        page,
        comparison.indicator.goal,
        month_name(comparison.ref_month),
        text(comparison.national.value),
        origin_of(comparison, "bund", "bund"),
        text(comparison.median("alle")),
        text(comparison.median("kommunal")),
        text(best[0].value) if best else "",
        named,
        0 if named else len(best),
        comparison.ranks,
        comparison.national.estimated,
        _swarms(comparison) if comparison.code in LEAD else Markup(""),
    )


def _swarms(comparison: Comparison) -> Markup:
    """Draw the values of all jobcenters, for wide and for narrow screens."""
    points = [(e.value, e.kommunal) for e in comparison.entries if e.value is not None]
    label = f"Verteilung der Werte von {len(points)} Jobcentern"
    drawn = (drawing.Swarm.of(points, width=width, radius=radius, css=css) for width, radius, css in SWARMS)
    return Markup("").join(swarm.draw(None, label) for swarm in drawn)
