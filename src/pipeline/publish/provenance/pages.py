"""The pages on origin: one per area, with a section for every figure, and below it once what its sections share.

Everything shown is taken from Explanations; here it is only arranged and written German.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.catalog import Merkmal
from pipeline.publish.provenance.addresses import FOLDER, anchor, area_page
from pipeline.publish.provenance.evidence import Evidence
from pipeline.publish.provenance.explaining import explained
from pipeline.publish.provenance.model import Area, Delivery, Explanation, MonthCount, Noted, SideCounts
from pipeline.publish.provenance.reading import findings_of_result
from pipeline.publish.provenance.sentences import TABLES, amount, months_text, period, value_text
from pipeline.publish.wording import ESTIMATED_SIGN, SEXES, Signs, german, month_name

SEVERITIES = {"critical": "Fehler", "error": "Fehler", "warning": "Warnung", "info": "Hinweis"}
ORIGINS = {"personen": "Personen", "eckwerte": "Statistik", "imputiert": "geschätzt", "": ""}
LEVELS = {
    "bund": "Deutschland und Gruppen",
    "kommunal": "Deutschland und Gruppen",
    "land": "Länder",
    "vergleichstyp": "Vergleichstypen",
    "jobcenter": "Jobcenter",
}
TablePage = Callable[[Explanation], str]
"""Returns the page and row where a figure stands in a comparison table, relative to the folder `site`."""


@dataclass(frozen=True, slots=True)
class Section:
    """One figure as shown: anchor, sex, value or sign, the answer, the formula, and what it was made of."""

    anchor: str
    sex: str
    value: str
    estimated: bool
    sign: str
    reason: str
    answer: tuple[str, ...]
    formula: str
    spread: str
    counts: tuple[tuple[str, str, str, str], ...]
    findings: int
    corrections: int
    target: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One indicator and version with its sections."""

    code: str
    title: str
    meaning: str
    legal_basis: str
    version: str
    in_force: bool
    month: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class CountTable:
    """A base count by month: rows of month, T, F and M as text, and origin; `origin` stands for all months if they agree."""

    anchor: str
    label: str
    unit: str
    origin: str
    rows: tuple[tuple[str, ...], ...]


def origin_page(evidence: Evidence, area: Area, table_page: TablePage) -> dict[str, Any]:
    """Return what the template `herkunft.html` needs for one area."""
    signs = Signs.of(evidence.catalog)
    said = [explained(evidence, key) for key in evidence.figures_of(area)]
    single = area.level == "jobcenter"
    findings = _once(n for e in said for n in e.findings) if single else ()
    result = findings_of_result(evidence, area.key) if single else ()
    return {
        "area": area,
        "chapters": _chapters(said, signs, table_page),
        "parts": _once(p for e in said for p in e.parts),
        "counts": _count_tables(said, signs) if single else (),
        "marks": _marks(said, signs),
        "deliveries": _deliveries(evidence, said) if single else (),
        "code_lists": sorted(evidence.code_lists.items()),
        "findings": [*_findings(result), *_findings(findings)],
        "corrections": [_correction(c, evidence) for c in _each(e.corrections for e in said)],
        "waivers": _each(e.waivers for e in said),
        "assumptions": said[0].assumptions if said else (),
        "members": sorted((m.name, area_page("jobcenter", m.jc_id)) for m in said[0].members) if said else (),
    }


def origin_index(evidence: Evidence) -> dict[str, Any]:
    """Return what the template `herkunft-index.html` needs: all areas by level, the jobcenters by Land."""
    levels: dict[str, list[tuple[str, str]]] = {}
    lands: dict[str, list[tuple[str, str]]] = {}
    for area in evidence.areas():
        entry = (area.name, area_page(area.level, area.key))
        if area.level == "jobcenter":
            lands.setdefault(evidence.catalog.jobcenters[area.key].land, []).append(entry)
        else:
            levels.setdefault(LEVELS[area.level], []).append(entry)
    return {"levels": list(levels.items()), "lands": sorted(lands.items())}


def page_path(area: Area) -> str:
    """Return the path of an area's page relative to the folder `site`."""
    return f"{FOLDER}/{area_page(area.level, area.key)}"


def _chapters(said: Iterable[Explanation], signs: Signs, table_page: TablePage) -> list[Chapter]:
    chapters: dict[str, list[Explanation]] = {}
    for e in said:
        chapters.setdefault(e.definition, []).append(e)
    return [
        Chapter(
            first.indicator.name,
            first.title,
            first.indicator.definition_of(first.version),
            first.indicator.legal_basis,
            first.version.removeprefix("@"),
            first.in_force,
            month_name(first.ref_month),
            tuple(_section(e, signs, table_page) for e in members),
        )
        for members in chapters.values()
        for first in members[:1]
    ]


def _section(e: Explanation, signs: Signs, table_page: TablePage) -> Section:
    spread = ""
    if e.interval:
        low, high = (german(v, signed=e.indicator.shown_as == "change") for v in e.interval)
        spread = f"{low} bis {high}\u00a0%"
    return Section(
        anchor(e.indicator.name, e.version, e.in_force, e.sex),
        SEXES[e.sex],
        value_text(e.indicator, e.value) if e.value is not None else "",
        e.value is not None and e.basis == "imputiert",
        signs.sign(e.reason) if e.value is None and e.reason else "",
        signs.words(e.reason) if e.value is None and e.reason else "",
        e.answer,
        e.formula,
        spread,
        tuple((s.role, s.merkmal.name, s.merkmal.label.de, period(s.first, s.last)) for s in e.sides),
        len(e.findings),
        len(e.corrections),
        table_page(e),
    )


def _count_tables(said: Iterable[Explanation], signs: Signs) -> list[CountTable]:
    """Return every base count that a section reads, each month once."""
    sides: dict[str, list[tuple[str, SideCounts]]] = {}
    for e in said:
        for side in e.sides:
            sides.setdefault(side.merkmal.name, []).append((e.sex, side))
    tables = []
    for name, members in sides.items():
        cells: dict[str, dict[str, MonthCount]] = {}
        for sex, side in members:
            for cell in side.months:
                cells.setdefault(cell.month, {})[sex] = cell
        merkmal = members[0][1].merkmal
        rows = tuple(
            (month, *(_cell(by_sex.get(sex), merkmal, signs) for sex in SEXES), _origin(by_sex))
            for month, by_sex in sorted(cells.items())
        )
        origins = {row[-1] for row in rows}
        origin = origins.pop() if len(origins) == 1 else ""
        tables.append(CountTable(f"z-{name}", merkmal.label.de, merkmal.unit, origin, rows))
    return tables


def _cell(cell: MonthCount | None, merkmal: Merkmal, signs: Signs) -> str:
    if cell is None:
        return ""
    if cell.value is None:
        return signs.sign(cell.reason)
    mark = f"\u00a0{ESTIMATED_SIGN}" if cell.basis == "imputiert" else ""
    return amount(cell.value, merkmal) + mark


def _origin(by_sex: Mapping[str, MonthCount]) -> str:
    """Return where the counts of a month come from."""
    return ", ".join(dict.fromkeys(ORIGINS[c.basis] for c in by_sex.values() if ORIGINS[c.basis]))


def _marks(said: Iterable[Explanation], signs: Signs) -> list[tuple[str, str]]:
    """Return the signs among the counts with their words."""
    cells = {c for e in said for s in e.sides for c in s.months}
    reasons = {c.reason for c in cells if c.value is None and c.reason}
    marks = sorted((signs.sign(reason), signs.words(reason)) for reason in reasons)
    estimated = any(c.value is not None and c.basis == "imputiert" for c in cells)
    return [*marks, (ESTIMATED_SIGN, "geschätzt")] if estimated else marks


def _deliveries(evidence: Evidence, said: Iterable[Explanation]) -> list[tuple[str, list[Delivery]]]:
    grouped: dict[str, list[Delivery]] = {}
    for delivery in evidence.deliveries(_once(r for e in said for r in e.reads)):
        grouped.setdefault(TABLES.get(delivery.table, delivery.table), []).append(delivery)
    return list(grouped.items())


def _findings(noted: Iterable[Noted]) -> list[tuple[str, str, str, str, str]]:
    """Return severity, title, what it is about, months and number; findings that differ only in their month stand together.

    The number is left out where that of a month is.
    """
    grouped: dict[tuple[str, str, str, str], list[Noted]] = {}
    for n in noted:
        grouped.setdefault((n.severity, n.title, n.table, n.unit), []).append(n)
    rows = []
    for (severity, title, table, unit), members in grouped.items():
        about = ", ".join(t for t in (TABLES.get(table, table), unit) if t)
        months = [n.month for n in sorted(members, key=lambda n: n.month) if n.month]
        numbers = [n.number for n in members if n.number is not None]
        number = german(sum(numbers)) if len(numbers) == len(members) else ""
        rows.append((SEVERITIES[severity], title, about, months_text(months) if months else "", number))
    return rows


def _correction(entry: Mapping[str, Any], evidence: Evidence) -> tuple[str, str, str, str]:
    """Return what was corrected, when, why and after which source."""
    merkmal = evidence.catalog.merkmale[entry["merkmal"]].label.de
    sex = "" if entry["geschlecht"] == "T" else f", {SEXES[entry['geschlecht']]}"
    return f"{merkmal}{sex}", month_name(entry["ref_month"]), entry["reason"], entry["source"]


def _once(items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))


def _each(lists: Iterable[Iterable[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Return the entries of some lists, each id once."""
    return list({entry["id"]: entry for entries in lists for entry in entries}.values())
