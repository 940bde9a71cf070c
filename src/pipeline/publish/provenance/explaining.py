"""Takes a figure of a release apart: from the evidence to one Explanation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.catalog import Indicator
from pipeline.months import add_months
from pipeline.publish.comparison import Comparison, Entry
from pipeline.publish.provenance import sentences
from pipeline.publish.provenance.evidence import Evidence, FigureKey
from pipeline.publish.provenance.model import (
    Area,
    Assumption,
    Explanation,
    Member,
    MonthCount,
    Neighbour,
    SideCounts,
    Standing,
)
from pipeline.publish.provenance.reading import causes_of, findings_on, reads_of
from pipeline.publish.provenance.territory import span

ROLES = ("Zähler", "Nenner")
SETS = {"alle": "Jobcentern", "kommunal": "kommunalen", "vergleichstyp": "im Vergleichstyp", "land": "im Land"}
_LEFT_OUT = re.compile(r"\bausgelassen=(\d+)")


def explained(evidence: Evidence, key: FigureKey) -> Explanation:
    """Take one figure apart; raises KeyError if the release has none of that key."""
    row = evidence.figures[key]
    indicator = evidence.catalog.indicators[row["kennzahl"]]
    version = row["definition"].removeprefix(row["kennzahl"])
    area = Area(key.level, key.area, evidence.name_of(key.level, key.area))
    single = key.level == "jobcenter"
    entries = evidence.entries.get((indicator.name, version, key.sex), {})
    members = () if single else _members(area, entries)
    units = (key.area,) if single else tuple(m.jc_id for m in members)
    by_unit = {unit: _sides(unit, key.sex, indicator, version, row["ref_month"], evidence) for unit in units}
    sides = by_unit[key.area] if single else _sides(None, key.sex, indicator, version, row["ref_month"], evidence)
    every = [side for pair in by_unit.values() for side in pair]
    reads = reads_of(evidence, units, key.sex, every)
    reason, has_value = row["grund"] or "", row["wert_anzeige"] is not None
    causes = causes_of(evidence, key.area, key.sex, sides, reason) if single and reason else ()
    imputed = tuple(sorted({c.month for side in every for c in side.months if c.basis == "imputiert"}))
    entry = entries.get(key.area) if single else None
    comparison = evidence.found.get((indicator.name, version, key.sex))
    standings = _standings(evidence, comparison, entry) if comparison and entry else ()
    parts = evidence.ancestry.parts(key.area, {m for r in reads for m in r.months}) if single else ()
    own = {part for unit in units for part in evidence.units_of(unit)}
    said = [
        *_answer(evidence, row, area, sides, causes),
        *sentences.member_sentences(members, left_out(row["hinweise"] or ""), has_value),
        *sentences.standing_sentences(standings),
        sentences.change_sentence(entry.month_change, entry.year_change) if entry else "",
        sentences.merger_sentence(parts, area),
        sentences.imputed_sentence(imputed),
        sentences.partly_withheld(sides, has_value),
    ]
    return Explanation(
        release=evidence.release,
        run_month=evidence.run_month,
        synthetic=evidence.synthetic,
        area=area,
        indicator=indicator,
        version=version,
        in_force=bool(row["in_kraft"]),
        sex=key.sex,
        ref_month=row["ref_month"],
        value=row["wert_anzeige"],
        exact=row["wert"],
        reason=reason,
        numerator=row["zaehler"],
        denominator=row["nenner_summe"],
        denominator_months=row["nenner_monate"],
        notes=row["hinweise"] or "",
        basis=row["basis"],
        answer=tuple(text for text in said if text),
        formula=_formula(indicator, sides, row),
        sides=sides,
        causes=causes,
        imputed=imputed,
        standings=standings,
        interval=(entry.low, entry.high) if entry and entry.low is not None and entry.high is not None else None,
        month_change=entry.month_change if entry else None,
        year_change=entry.year_change if entry else None,
        members=members,
        parts=parts,
        reads=reads,
        findings=findings_on(evidence, tuple(sorted(own)), reads),
        corrections=tuple(c for c in evidence.corrections if c["jc_id"] in own and _touches(c, key.sex, sides)),
        waivers=tuple(w for w in evidence.waivers if not own.isdisjoint(w["units"])),
        assumptions=_assumptions(evidence),
    )


def left_out(notes: str) -> int:
    """Return how many jobcenters a level above leaves out, as its notes say."""
    match = _LEFT_OUT.search(notes)
    return int(match[1]) if match else 0


def _sides(
    unit: str | None, sex: str, indicator: Indicator, version: str, ref_month: str, evidence: Evidence
) -> tuple[SideCounts, SideCounts]:
    """Return numerator and denominator with the counts of a jobcenter, or without any."""
    made = []
    for role, side in zip(ROLES, indicator.versions[version], strict=True):
        key = ("side", role, side, unit, sex, ref_month)
        known = evidence.memory.get(key)
        if known is None:
            first, last = (add_months(ref_month, offset) for offset in side.months)
            cells = evidence.counts.get(unit or "", {}).get((side.merkmal, sex), {})
            months = (
                tuple(cells.get(m) or MonthCount(m, None, "zu_kurze_reihe", "") for m in span(first, last))
                if unit is not None
                else ()
            )
            known = SideCounts(role, side, evidence.catalog.merkmale[side.merkmal], first, last, months)
            evidence.memory[key] = known
        made.append(known)
    return made[0], made[1]


def _members(area: Area, entries: Mapping[str, Entry]) -> tuple[Member, ...]:
    """Return the jobcenters of a level above, ordered by id."""
    belongs: Mapping[str, Callable[[Entry], bool]] = {
        "bund": lambda e: True,
        "kommunal": lambda e: e.kommunal,
        "land": lambda e: e.land == area.key,
        "vergleichstyp": lambda e: e.vergleichstyp == area.key,
    }
    return tuple(
        Member(e.jc_id, e.name, e.numerator, e.denominator_sum, e.reason)
        for _, e in sorted(entries.items())
        if belongs[area.level](e)
    )


def _answer(
    evidence: Evidence,
    row: Mapping[str, Any],
    area: Area,
    sides: tuple[SideCounts, SideCounts],
    causes: tuple[Any, ...],
) -> list[str]:
    """Return the sentences that say the value, or why there is none."""
    above, below, value = row["zaehler"], row["nenner_summe"], row["wert_anzeige"]
    indicator = evidence.catalog.indicators[row["kennzahl"]]
    if value is not None and above is not None and below is not None:
        version = row["definition"].removeprefix(row["kennzahl"])
        months = row["nenner_monate"]
        return [
            sentences.answer(
                indicator, version, row["geschlecht"], row["ref_month"], value, sides, above, below, months
            )
        ]
    reason = row["grund"] or ""
    if reason == "geheim":
        euro = any(side.merkmal.kind == "euro" for side in sides)
        return sentences.withheld_sentences(area, row["geschlecht"], above, below, euro=euro)
    words = evidence.catalog.codelists["gruende"][reason]["bedeutung_de"] if reason else "ohne Angabe eines Grundes"
    return sentences.missing_sentences(reason, words, causes, area)


def _formula(indicator: Indicator, sides: Sequence[SideCounts], row: Mapping[str, Any]) -> str:
    above, below, value = row["zaehler"], row["nenner_summe"], row["wert_anzeige"]
    if value is None or above is None or not below:
        return ""
    return sentences.formula(indicator, sides, value, above, below, row["nenner_monate"])


def _touches(correction: Mapping[str, Any], sex: str, sides: Sequence[SideCounts]) -> bool:
    return correction["geschlecht"] == sex and any(
        correction["merkmal"] == s.merkmal.name and s.first <= correction["ref_month"] <= s.last for s in sides
    )


def _assumptions(evidence: Evidence) -> tuple[Assumption, ...]:
    known: tuple[Assumption, ...] | None = evidence.memory.get("assumptions")
    if known is None:
        switches = evidence.catalog.switches
        known = evidence.memory["assumptions"] = tuple(
            Assumption(name, str(value), str(switches[name].default), switches[name].reason)
            for name, value in evidence.catalog.selection.items()
        )
    return known


# -- where a jobcenter stands ------------------------------------------------------------------------------------------


def _standings(evidence: Evidence, comparison: Comparison, entry: Entry) -> tuple[Standing, ...]:
    """Return the places of a jobcenter in the four sets, with who shares its rank and who stands beside it."""
    found = []
    labels = {"alle": "", "kommunal": "", "vergleichstyp": entry.vergleichstyp, "land": entry.land}
    for group, label in SETS.items():
        place = entry.places[group]
        if place.rank is None or place.ranked is None:
            continue
        ladder = _ladder(evidence, comparison, group, labels[group])
        ranks = [rank for rank, _ in ladder]
        at = ranks.index(place.rank)
        tied = tuple(n for n in ladder[at][1] if n.jc_id != entry.jc_id)
        found.append(
            Standing(
                group,
                label,
                place.rank,
                place.ranked,
                place.first,
                place.last,
                place.median,
                ladder[at - 1][1] if at else (),
                tied,
                ladder[at + 1][1] if at + 1 < len(ladder) else (),
            )
        )
    return tuple(found)


def _ladder(
    evidence: Evidence, comparison: Comparison, group: str, label: str
) -> list[tuple[int, tuple[Neighbour, ...]]]:
    """Return the ranks of a set in order, each with the jobcenters that hold it."""
    key = ("ladder", comparison.definition, comparison.sex, group, label)
    known: list[tuple[int, tuple[Neighbour, ...]]] | None = evidence.memory.get(key)
    if known is None:
        steps: dict[int, list[Neighbour]] = {}
        for e in comparison.entries:
            rank = e.places[group].rank
            inside = {"vergleichstyp": e.vergleichstyp, "land": e.land}.get(group, "") == label
            if rank is not None and e.value is not None and inside:
                steps.setdefault(rank, []).append(Neighbour(e.jc_id, e.name, e.value))
        known = evidence.memory[key] = [(rank, tuple(steps[rank])) for rank in sorted(steps)]
    return known
