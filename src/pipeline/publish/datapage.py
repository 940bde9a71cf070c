"""The view of the page on data and method: the columns of the tables and the rules that the data broke.

Columns come from the catalog's declarations, rules from the verdict as it is; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.catalog import Catalog
from pipeline.publish.comparison import Comparison

TABLES = ("vergleich", "kennzahlen", "eckwerte", "aenderungen")
COLUMN_TYPES = {
    "month": "Monat, JJJJ-MM",
    "text": "Text",
    "bool": "ja oder nein",
    "integer": "ganze Zahl",
    "number": "Zahl, zwei Stellen",
    "percent1": "Zahl, eine Stelle",
    "float": "Zahl, ungerundet",
}
SEVERITIES = {"critical": "Fehler", "error": "Fehler", "warning": "Warnung", "info": "Hinweis"}
NAMED_UNITS = 5


@dataclass(frozen=True)
class BrokenRule:
    """A rule that the data broke, as readers see it."""

    title: str
    severity: str
    units: str


def data_page(
    verdict: Mapping[str, Any], found: Mapping[tuple[str, str, str], Comparison], catalog: Catalog
) -> dict[str, Any]:
    """Return what the template `daten.html` needs beyond what all pages know."""
    names = {e.jc_id: e.name for c in found.values() for e in c.entries}
    order = list(SEVERITIES)
    broken = sorted(verdict.get("broken", ()), key=lambda rule: (order.index(rule["severity"]), rule["titel"]))
    return {
        "tables": [catalog.results[name] for name in TABLES],
        "COLUMN_TYPES": COLUMN_TYPES,
        "broken": [
            BrokenRule(rule["titel"], SEVERITIES[rule["severity"]], _named(rule["units"], names)) for rule in broken
        ],
    }


def _named(units: list[str], names: Mapping[str, str]) -> str:
    """Name a few jobcenters and count the others."""
    shown = "; ".join(names.get(unit, unit) for unit in units[:NAMED_UNITS])
    more = len(units) - NAMED_UNITS
    return f"{shown} und {more} weitere" if more > 0 else shown
