"""An independent, slow reference for counting and indicators, written from the contract and methodology alone.

It shares no code with the pipeline. `compute` reads delivery trees and returns both result tables as lists of dicts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import kennzahlen
from .deliveries import load
from .eckwerte import Counting
from .schalter import Switches

Rows = list[dict[str, Any]]


def count(sources: list[Path], month: str, registry: Rows, switches: Switches | None = None) -> Counting:
    """Read the sources and return the counting of a run, for questions about single persons."""
    return Counting(load(sources, month, {line["jc_id"] for line in registry}), registry, switches)


def compute(sources: list[Path], month: str, registry: Rows, switches: Switches | None = None) -> tuple[Rows, Rows]:
    """Return (eckwerte rows, kennzahlen rows) of the run for a month, with the switches (methodology 3.13) that are named.

    `registry` rows have jc_id, name, land, traeger (gE or zkT), valid_from, valid_to (empty if open), and optionally
    vergleichstyp.
    """
    counting = count(sources, month, registry, switches)
    return counting.rows(), kennzahlen.rows(counting, registry)
