"""The print version: one tagged PDF (PDF/UA-1) per indicator and version, the kommunale Jobcenter in order of rank.

Set with Typst from the same comparison as the page; only bundled fonts, no date, so equal inputs give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import typst

from pipeline.catalog import Catalog
from pipeline.publish.comparison import Comparison, Entry, Group, shared_ranks
from pipeline.publish.drawing import interval_scale
from pipeline.publish.edition import Edition
from pipeline.publish.tablepage import SHAPES, value_text, whose, year_change_text
from pipeline.publish.wording import (
    DIRECTIONS,
    ESTIMATED,
    ESTIMATED_SIGN,
    GOALS,
    NO_COMPARISON,
    RANK_RANGE,
    SHORT_LAND,
    Signs,
    month_name,
)

TEMPLATE = "tabelle.typ"


def pdf_name(comparison: Comparison) -> str:
    """Return the file name of the print version: `K2E3.pdf`, `K2E3-2019.pdf`."""
    version = "" if comparison.in_force else f"-{comparison.version.removeprefix('@')}"
    return f"{comparison.code}{version}.pdf"


def write_printed(
    folder: Path, found: Mapping[tuple[str, str, str], Comparison], catalog: Catalog, edition: Edition
) -> None:
    """Write the PDF of every comparison for both sexes together into `folder`."""
    folder.mkdir()
    signs = Signs.of(catalog)
    package = resources.files("pipeline.publish")
    source = (package / "templates" / TEMPLATE).read_bytes()
    with resources.as_file(package / "assets") as fonts:
        for comparison in found.values():
            if comparison.sex == "T":
                view = json.dumps(_view(comparison, signs, edition), ensure_ascii=False, sort_keys=True)
                content = typst.compile(  # type: ignore[misc]  # its Input variable cannot be inferred from bytes
                    source,
                    font_paths=[str(fonts)],
                    ignore_system_fonts=True,
                    sys_inputs={"data": view},
                    pdf_standards=["ua-1"],
                    timestamp=0,
                )
                (folder / pdf_name(comparison)).write_bytes(content)


def _view(comparison: Comparison, signs: Signs, edition: Edition) -> dict[str, Any]:
    group: Group = "kommunal" if any(e.kommunal for e in comparison.entries) else "alle"
    members = comparison.members(group)
    shown = [e for e in members if e.value is not None]
    scale = interval_scale(
        [e.value for e in shown if e.value is not None] or [Decimal(0)],
        [e.low for e in shown if e.low is not None],
        [e.high for e in shown if e.high is not None],
    )
    median = comparison.median(group)
    shared = shared_ranks(members, group)
    month = month_name(comparison.ref_month)
    facts = [("Bezugsmonat:", month)]
    for words, value in (
        ("Deutschland:", comparison.national.value),
        *((f"Median {whose(comparison, g)}:", comparison.median(g)) for g in dict.fromkeys((group, "alle"))),
    ):
        if value is not None:
            mark = f"\u00a0{ESTIMATED_SIGN}" if words == "Deutschland:" and comparison.national.estimated else ""
            facts.append((words, f"{value_text(comparison, value)}\u00a0%{mark}"))
    version = f"Fassung {comparison.version.removeprefix('@')}{'' if comparison.in_force else ', nicht in Kraft'}"
    return {
        "title": " – ".join(t for t in (f"{comparison.code} {comparison.title}, {month}", edition.banner) if t),
        "keywords": [edition.kind, comparison.code],
        "banner": edition.banner,
        "running": f"{comparison.code} · {month} · Veröffentlichung {edition.name}",
        "foot": edition.source,
        "kicker": f"{comparison.code} · Ziel {comparison.indicator.goal}, {GOALS[comparison.indicator.goal]} · "
        f"{comparison.legal_basis} der Verordnung · {version}",
        "heading": comparison.title,
        "definition": (f"{comparison.meaning} {DIRECTIONS[comparison.indicator.better]}"),
        "facts": facts,
        "ranks": comparison.ranks,
        "years": comparison.has_year_changes,
        "ranges": comparison.has_rank_ranges,
        "plot_head": f"{'Wert mit Streubereich (95 %)' if comparison.has_intervals else 'Wert'},\nLinie: Median",
        "low": scale.low,
        "high": scale.high,
        "median": None if median is None else float(median),
        "rank_head": f"Rang\nvon\u00a0{comparison.ranked(group)}",
        "rank_all_head": f"Rang\nvon\u00a0{comparison.ranked('alle')}",
        "range_head": f"gesichert\n(von\u00a0{comparison.ranked('alle')})",
        "rows": [_row(comparison, e, group, shared, signs) for e in members],
        "legend": _legend(comparison, members, signs),
    }


def _row(comparison: Comparison, entry: Entry, group: Group, shared: frozenset[int], signs: Signs) -> dict[str, Any]:
    place, overall = entry.places[group], entry.places["alle"]
    return {
        "name": entry.name,
        "small": " · ".join(t for t in (SHORT_LAND.get(entry.land, entry.land), entry.vergleichstyp) if t),
        "rank": "" if place.rank is None else f"{place.rank}{'=' if place.rank in shared else ''}",
        "shown": _shown(comparison, entry, signs),
        "reason": signs.words(entry.reason) if entry.value is None else "",
        "value": _float(entry.value),
        "low": _float(entry.low) if entry.high is not None else None,
        "high": _float(entry.high) if entry.low is not None else None,
        "shape": SHAPES[comparison.status(entry, group)],
        "year": "" if entry.value is None else year_change_text(entry),
        "rank_all": "" if overall.rank is None else str(overall.rank),
        "range": "" if overall.first is None or overall.last is None else f"{overall.first}–{overall.last}",
    }


def _shown(comparison: Comparison, entry: Entry, signs: Signs) -> str:
    if entry.value is None:
        return signs.sign(entry.reason)
    return value_text(comparison, entry.value) + (f"\u00a0{ESTIMATED_SIGN}" if entry.estimated else "")


def _legend(comparison: Comparison, members: tuple[Entry, ...], signs: Signs) -> str:
    parts = []
    if comparison.ranks:
        parts.append(
            "Rang 1 = bester Wert, nach dem angezeigten Wert; = geteilter Rang. Ränge und Streubereiche: eigene "
            "Berechnungen."
        )
    else:
        parts.append("Ohne Wertung, daher kein Rang; in der Reihenfolge des Alphabets.")
    if comparison.ranks and comparison.has_intervals:
        parts.append(
            "Gefüllter Punkt: gesichert besser als der Median, Raute: gesichert schlechter, offener Punkt: nicht "
            "gesichert verschieden."
        )
    if comparison.has_rank_ranges:
        parts.append(f"Gesichert: {RANK_RANGE}")
    if comparison.has_year_changes:
        parts.append("Pp: Prozentpunkte.")
        if any(e.value is not None and e.year_change is None for e in members):
            parts.append(f"{NO_COMPARISON}\u00a0 kein Vergleich mit dem Vorjahr möglich.")
    else:
        parts.append("Ein Vergleich mit dem Vorjahr ist noch nicht möglich.")
    reasons = sorted({(signs.sign(e.reason), signs.words(e.reason)) for e in members if e.value is None})
    parts += [f"{sign}\u00a0 {words}." for sign, words in reasons]
    if any(e.estimated for e in members) or comparison.national.estimated:
        parts.append(f"{ESTIMATED_SIGN}\u00a0 {ESTIMATED}.")
    return " ".join(parts)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
