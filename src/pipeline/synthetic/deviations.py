"""Where the published counts of jobcenters with persons differ from what their own deliveries say, as they do in life.

Persons counted twice, starts and entries recorded too late for the statistics, euros rounded to whole ones, and one unit with
the stock of the month before. Nothing of K2E3 is touched, so the invented ranks stay what they are.
"""

from __future__ import annotations

import numpy as np

from pipeline.synthetic.counting import ROW
from pipeline.synthetic.model import Int, Unit
from pipeline.synthetic.plan import Plan, stream

TWICE, LATE, ROUNDED = 0.03, 0.05, 0.1
"""Shares of months with a person counted twice, of months with late records per merkmal, of units with whole euros."""
LATE_MERKMALE = ("bs_gering", "elb_zugang")
FIRST_MONTHS = 2
"""Months that the person counts need before them; until then published counts stand in and must be right."""


def deviating(plan: Plan, unit: Unit, counts: Int) -> Int:
    """Return the published counts (positions × merkmale × T, M, F) of a unit whose own counts are `counts`; euros in cents."""
    rng = stream(plan.seed, "deviations", unit.jc_id)
    out = counts.copy()
    months = np.arange(unit.begin + FIRST_MONTHS, unit.end)
    for position in months[rng.random(len(months)) < TWICE]:
        sex = 1 + int(rng.integers(2))
        if out[position, ROW["elb"], sex]:
            out[position, ROW["elb"], [0, sex]] += 1
    for merkmal in LATE_MERKMALE:
        for position in months[rng.random(len(months)) < LATE]:
            sex = 1 + int(rng.integers(2))
            most = int(out[position, ROW[merkmal], sex]) // 10 + 1
            late = min(int(rng.integers(1, most + 1)), int(out[position, ROW[merkmal], sex]))
            out[position, ROW[merkmal], [0, sex]] -= late
    if rng.random() < ROUNDED:
        for merkmal in ("llu", "luh"):
            out[months, ROW[merkmal]] = (out[months, ROW[merkmal]] + 50) // 100 * 100
    if unit.jc_id == _careless(plan) and len(months) > FIRST_MONTHS:
        out[months[-2], ROW["elb"]] = counts[months[-2] - 1, ROW["elb"]]
    return out


def _careless(plan: Plan) -> str:
    """Return the unit for which the statistics once publish the stock of the month before."""
    units = [unit.jc_id for unit in plan.person_units]
    return units[plan.seed % len(units)] if units else ""
