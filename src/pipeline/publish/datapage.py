"""The view of the page on data and method: columns, corrections, waivers and the rules that the data broke.

Columns come from the catalog's declarations, rules from the verdict as it is; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.catalog import Catalog
from pipeline.publish.comparison import Comparison
from pipeline.publish.wording import ROUNDED, SEXES, SHARED_RANKS, german, month_name

TABLES = ("vergleich", "kennzahlen", "eckwerte", "abgleich", "aenderungen", "befunde")
COLUMN_TYPES = {
    "month": "Monat, JJJJ-MM",
    "text": "Text",
    "texts": "Liste von Texten",
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


@dataclass(frozen=True)
class Correction:
    """A corrected published count, as readers see it; `before` is what was delivered, `after` what counts."""

    area: str
    month: str
    subject: str
    before: str
    after: str
    reason: str
    source: str


@dataclass(frozen=True)
class Waiver:
    """A rule that was broken and waived, as readers see it."""

    title: str
    units: str
    reason: str
    expires: str


def data_page(
    verdict: Mapping[str, Any],
    inputs: Mapping[str, Any],
    found: Mapping[tuple[str, str, str], Comparison],
    catalog: Catalog,
) -> dict[str, Any]:
    """Return what the template `daten.html` needs beyond what all pages know."""
    names = {e.jc_id: e.name for c in found.values() for e in c.entries}
    order = list(SEVERITIES)
    broken = sorted(verdict.get("broken", ()), key=lambda rule: (order.index(rule["severity"]), rule["titel"]))
    return {
        "shared_ranks": SHARED_RANKS[str(catalog.switches["rank_ties"].value)],
        "rounded": ROUNDED[str(catalog.switches["rounding_mode"].value)],
        "tables": [catalog.results[name] for name in TABLES],
        "COLUMN_TYPES": COLUMN_TYPES,
        "broken": [
            BrokenRule(rule["titel"], SEVERITIES[rule["severity"]], _named(rule["units"], names)) for rule in broken
        ],
        "corrections": [_correction(c, names, catalog) for c in inputs.get("berichtigungen", ())],
        "waivers": [
            Waiver(w["titel"], _named([u for u in w["units"] if u], names), w["reason"], w["expires"])
            for w in verdict.get("ausnahmen", ())
        ],
    }


def _correction(entry: Mapping[str, str], names: Mapping[str, str], catalog: Catalog) -> Correction:
    sex = "" if entry["geschlecht"] == "T" else f", {SEXES[entry['geschlecht']]}"
    return Correction(
        names.get(entry["jc_id"], entry["jc_id"]),
        month_name(entry["ref_month"]),
        f"{catalog.merkmale[entry['merkmal']].label.de}{sex}",
        _said(entry.get("expect")),
        _said(entry.get("value")),
        entry["reason"],
        entry["source"],
    )


def _said(text: str | None) -> str:
    """Return a number in German digits, a sign as it is, and words for what is not published."""
    try:
        value = Decimal(text or "")
    except ArithmeticError:
        return text or "nicht veröffentlicht"
    return german(value if value % 1 else value.quantize(Decimal(1)))


def _named(units: list[str], names: Mapping[str, str]) -> str:
    """Name a few jobcenters and count the others."""
    shown = "; ".join(names.get(unit, unit) for unit in units[:NAMED_UNITS])
    more = len(units) - NAMED_UNITS
    return f"{shown} und {more} weitere" if more > 0 else shown
