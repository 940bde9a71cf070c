"""An independent, slow reference for counting and indicators, written from the contract and methodology alone.

It shares no code with the pipeline. `compute` reads delivery trees and returns both result tables as lists of dicts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import kennzahlen
from .deliveries import load
from .eckwerte import Counting

Rows = list[dict[str, Any]]


def count(sources: list[Path], month: str, registry: Rows) -> Counting:
    """Read the sources and return the counting of a run, for questions about single persons."""
    return Counting(load(sources, month, {line["jc_id"] for line in registry}), registry)


def compute(sources: list[Path], month: str, registry: Rows) -> tuple[Rows, Rows]:
    """Return (eckwerte rows, kennzahlen rows) of the run for a month.

    `registry` rows have jc_id, name, land, traeger (gE or zkT), valid_from, valid_to (empty if open), and optionally
    vergleichstyp.
    """
    counting = count(sources, month, registry)
    return counting.rows(), kennzahlen.rows(counting, registry)
