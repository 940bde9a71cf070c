"""An explanation as JSON for programs: everything it holds, numbers as exact text, German keys as in the published tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from pipeline.explain.figure import FigureFound
from pipeline.publish.provenance.model import Neighbour, SideCounts, Standing


def as_json(found: FigureFound) -> dict[str, Any]:
    """Return the explanation as JSON-able values."""
    e = found.explanation
    overall = next((s for s in e.standings if s.group == "alle"), None)
    return {
        "release": str(found.release),
        "seite": found.page,
        "synthetisch": e.synthetic,
        "antwort": list(e.answer),
        "rechnung": e.formula,
        "kennzahl": {
            "kennzahl": e.indicator.name,
            "titel": e.title,
            "bedeutung": e.indicator.definition_of(e.version),
            "rechtsgrundlage": e.indicator.legal_basis,
            "definition": e.definition,
            "in_kraft": e.in_force,
            "ref_month": e.ref_month,
            "lauf": e.run_month,
            "ebene": e.area.level,
            "gebiet": e.area.key,
            "name": e.area.name,
            "geschlecht": e.sex,
            "zaehler": _text(e.numerator),
            "nenner_summe": _text(e.denominator),
            "nenner_monate": e.denominator_months,
            "wert": e.exact,
            "wert_anzeige": _text(e.value),
            "grund": e.reason or None,
            "hinweise": e.notes or None,
            "basis": e.basis,
        },
        "rang_anzeige": overall.rank if overall else None,
        "anzahl": overall.ranked if overall else None,
        "raenge": [_standing(s) for s in e.standings],
        "streubereich": [_text(v) for v in e.interval] if e.interval else None,
        "aenderung_vormonat": _text(e.month_change),
        "aenderung_vorjahr": _text(e.year_change),
        "seiten": [_side(s) for s in e.sides],
        "fehlt_weil": [
            {
                "seite": c.role,
                "merkmal": c.merkmal.name,
                "grund": c.reason,
                "basis": c.basis,
                "monate": list(c.months),
                "lieferungen": [asdict(lacking) for lacking in c.lacking],
            }
            for c in e.causes
        ],
        "geschaetzte_monate": list(e.imputed),
        "jobcenter": [_plain(asdict(m)) for m in e.members],
        "vorgaenger": [asdict(p) for p in e.parts],
        "lieferungen": [asdict(d) for d in found.deliveries],
        "codelisten": dict(found.evidence.code_lists),
        "befunde": [asdict(n) for n in e.findings],
        "berichtigungen": [dict(c) for c in e.corrections],
        "ausnahmen": [dict(w) for w in e.waivers],
        "abweichende_annahmen": [asdict(a) for a in e.assumptions],
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _standing(standing: Standing) -> dict[str, Any]:
    def named(who: Iterable[Neighbour]) -> list[dict[str, Any]]:
        return [_plain(asdict(n)) for n in who]

    return {
        "gruppe": standing.group,
        "rang_anzeige": standing.rank,
        "anzahl": standing.ranked,
        "rang_von": standing.first,
        "rang_bis": standing.last,
        "median": _text(standing.median),
        "davor": named(standing.above),
        "gleichauf": named(standing.tied),
        "dahinter": named(standing.below),
    }


def _side(counts: SideCounts) -> dict[str, Any]:
    return {
        "seite": counts.role,
        "merkmal": counts.merkmal.name,
        "bezeichnung": counts.merkmal.label.de,
        "operator": counts.side.operator,
        "von": counts.first,
        "bis": counts.last,
        "monate": [
            {"ref_month": c.month, "wert": _text(c.value), "grund": c.reason, "basis": c.basis} for c in counts.months
        ],
    }
