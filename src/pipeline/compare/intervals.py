"""Streubereiche: how far an indicator could lie elsewhere through the chance variation of its counts alone.

Formulas only (95 %, both in closed form); which indicator has which is told from the two sides the catalog declares.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from pipeline.catalog import Indicator

Floats = npt.NDArray[np.float64]
Variation = Literal["proportion", "events", "none"]

Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def variation(indicator: Indicator, version: str) -> Variation:
    """Tell what varies by chance: a share of N, a number of events, or nothing we have a model for (changes)."""
    numerator, denominator = indicator.versions[version]
    if indicator.shown_as == "change":
        return "none"
    if numerator.is_share_of(denominator):
        return "proportion"
    return "events"


def wilson(part: Floats, whole: Floats) -> tuple[Floats, Floats]:
    """Return the Wilson score interval of part/whole as two shares between 0 and 1.

    A published part may be more than its whole; it counts as all of it here, and the caller widens the interval to the value.
    """
    share = np.minimum(part / whole, 1.0)
    square = Z95 * Z95
    centre = share + square / (2 * whole)
    half = Z95 * np.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    scale = 1 + square / whole
    return np.maximum((centre - half) / scale, 0.0), np.minimum((centre + half) / scale, 1.0)


def byar(events: Floats) -> tuple[Floats, Floats]:
    """Return Byar's approximation of the exact Poisson interval of a count, in events."""
    low = np.where(events > 0, events, 1.0)
    low_root = 1 - 1 / (9 * low) - Z95 / (3 * np.sqrt(low))
    high = events + 1
    high_root = 1 - 1 / (9 * high) + Z95 / (3 * np.sqrt(high))
    lower = np.where(events > 0, np.maximum(low * low_root * low_root * low_root, 0.0), 0.0)
    return lower, high * high_root * high_root * high_root


def interval(kind: Variation, zaehler: Floats, nenner_summe: Floats, nenner_monate: Floats) -> tuple[Floats, Floats]:
    """Return lower and upper end in percent for rows whose denominator is positive; NaN where there is no model."""
    if kind == "none":
        nothing = np.full(len(zaehler), np.nan)
        return nothing, nothing
    if kind == "proportion":
        lower, upper = wilson(zaehler, nenner_summe)
        return 100 * lower, 100 * upper
    lower, upper = byar(zaehler)
    factor = 100 * nenner_monate / nenner_summe
    return lower * factor, upper * factor
