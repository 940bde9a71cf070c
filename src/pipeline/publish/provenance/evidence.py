"""What a release says, indexed for explanations: figures, base counts by month, comparisons, deliveries, findings, decisions.

Built from the suppressed tables and the foundation, either while a release is made or from the files of one that lies there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, Gebietsaenderung, read_gebietsaenderungen, read_zaehltage
from pipeline.months import Zaehltage, add_months, month_range
from pipeline.publish.comparison import Comparison, Entry
from pipeline.publish.opened import rows_of, values_of
from pipeline.publish.provenance.model import Area, Delivery, MonthCount, Noted, Reads
from pipeline.publish.provenance.territory import Ancestry
from pipeline.store import Store

RESULT_TABLES = ("abdeckung", "bilanz", "eckwerte", "gesamt", "kennzahlen", "reihe", "vergleich")
AREA_NAMES = {"bund": "Deutschland", "kommunal": "Alle kommunalen Jobcenter"}

Counts = Mapping[tuple[str, str], Mapping[str, MonthCount]]
"""Merkmal and sex -> month -> count, of one jobcenter."""


class FigureKey(NamedTuple):
    """What names a figure of a release."""

    level: str
    area: str
    definition: str
    sex: str


@dataclass(frozen=True)
class Evidence:
    """What explanations rest on. `delivered` are the used deliveries by table, month and unit; `catalog` is that of the run."""

    release: str
    run_month: str
    synthetic: bool
    catalog: Catalog
    ancestry: Ancestry
    figures: Mapping[FigureKey, Mapping[str, Any]]
    counts: Mapping[str, Counts]
    found: Mapping[tuple[str, str, str], Comparison]
    delivered: Mapping[tuple[str, str, str], Delivery]
    findings: Mapping[str, tuple[Noted, ...]]
    corrections: tuple[Mapping[str, Any], ...]
    waivers: tuple[Mapping[str, Any], ...]
    code_lists: Mapping[str, str]
    entries: Mapping[tuple[str, str, str], Mapping[str, Entry]]
    memory: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def name_of(self, level: str, key: str) -> str:
        """Return the German name of an area."""
        if level == "jobcenter":
            jobcenter = self.catalog.jobcenters.get(key)
            return jobcenter.name if jobcenter else key
        if level == "vergleichstyp":
            return f"Vergleichstyp {key}"
        return AREA_NAMES.get(key, key)

    def areas(self) -> tuple[Area, ...]:
        """Return the areas that have figures: Germany first, the jobcenters last, by name within a level."""
        order = ("bund", "kommunal", "land", "vergleichstyp", "jobcenter")
        known = {(k.level, k.area) for k in self.figures}
        areas = [Area(level, key, self.name_of(level, key)) for level, key in known]
        return tuple(sorted(areas, key=lambda a: (order.index(a.level), a.name, a.key)))

    def figures_of(self, area: Area) -> list[FigureKey]:
        """Return the figures of an area: indicators and versions as declared, sexes T, F, M."""
        return [
            key
            for name, indicator in self.catalog.indicators.items()
            for version in indicator.versions
            for sex in ("T", "F", "M")
            if (key := FigureKey(area.level, area.key, name + version, sex)) in self.figures
        ]

    def units_of(self, unit: str) -> tuple[str, ...]:
        """Return a jobcenter and all units it succeeds."""
        key = ("units", unit)
        if key not in self.memory:
            self.memory[key] = self.ancestry.units(unit)
        units: tuple[str, ...] = self.memory[key]
        return units

    def parts_of(self, unit: str, month: str) -> tuple[str, ...]:
        """Return the units whose deliveries of a month make the counts of a jobcenter."""
        key = ("parts", unit, month)
        if key not in self.memory:
            self.memory[key] = self.ancestry.existing(unit, month)
        parts: tuple[str, ...] = self.memory[key]
        return parts

    def deliveries(self, reads: Iterable[Reads]) -> list[Delivery]:
        """Return the used deliveries that were read, each once, by table, month and unit."""
        keys = {(read.table, month, unit) for read in reads for month in read.months for unit in read.units}
        return [self.delivered[key] for key in sorted(keys & self.delivered.keys())]


def evidence_of(
    store: Store,
    release: str,
    foundation: Mapping[str, Any],
    kennzahlen: pa.Table,
    eckwerte: pa.Table,
    befunde: pa.Table,
    found: Mapping[tuple[str, str, str], Comparison],
    catalog: Catalog,
    *,
    units: Collection[str] | None = None,
) -> Evidence:
    """Index a release; `units` limits the base counts to some jobcenters (None: all).

    `foundation` is the part `grundlage` of the manifest, `catalog` the shipped one or already that of the run. Code lists
    that came with the deliveries are read from the store by their digest; where the bytes are gone the catalog's own stand in.
    """
    inputs, check = foundation["eingaben"], foundation["pruefung"]
    lists = dict(inputs.get("codelisten", {}))
    zaehltage, changes = _code_lists(store, lists, catalog)
    run_month = foundation["monat"]
    run_catalog = catalog.with_switches(_selected(foundation["schalter"], catalog))
    figures = {
        FigureKey(row["ebene"], row["gebiet"], row["definition"], row["geschlecht"]): row for row in rows_of(kennzahlen)
    }
    return Evidence(
        release,
        run_month,
        foundation["datenart"] == "synthetisch",
        run_catalog,
        Ancestry.of(run_month, catalog.jobcenters, zaehltage, changes),
        figures,
        _counts(eckwerte, figures, run_catalog, units),
        found,
        _delivered(inputs),
        _findings(befunde),
        tuple(inputs.get("berichtigungen", ())),
        tuple(check.get("ausnahmen", ())),
        lists,
        {key: {e.jc_id: e for e in comparison.entries} for key, comparison in found.items()},
    )


def _selected(values: Mapping[str, str | int | bool], catalog: Catalog) -> dict[str, str | int | bool]:
    """Return the switches that stood elsewhere than the catalog has them; a switch that is no more changes nothing today."""
    known = catalog.switches
    return {name: value for name, value in values.items() if name in known and value != known[name].value}


def _code_lists(
    store: Store, lists: Mapping[str, str], catalog: Catalog
) -> tuple[Zaehltage, tuple[Gebietsaenderung, ...]]:
    def kept(name: str) -> bytes | None:
        digest = lists.get(name, "")
        path = store.snapshot(digest)
        return path.read_bytes() if digest and path.exists() else None

    days, changes = kept("zaehltage"), kept("gebietsaenderungen")
    return (
        catalog.zaehltage if days is None else read_zaehltage(days),
        catalog.gebietsaenderungen if changes is None else read_gebietsaenderungen(changes, catalog.jobcenters),
    )


def _counts(
    eckwerte: pa.Table, figures: Mapping[FigureKey, Mapping[str, Any]], catalog: Catalog, units: Collection[str] | None
) -> dict[str, dict[tuple[str, str], dict[str, MonthCount]]]:
    """Return the base counts that any figure reads, by jobcenter."""
    needed: dict[str, set[str]] = {}
    for kennzahl, definition, month in {(r["kennzahl"], r["definition"], r["ref_month"]) for r in figures.values()}:
        for side in catalog.indicators[kennzahl].versions[definition.removeprefix(kennzahl)]:
            first, last = (add_months(month, offset) for offset in side.months)
            needed.setdefault(side.merkmal, set()).update(month_range(first, last))
    counts: dict[str, dict[tuple[str, str], dict[str, MonthCount]]] = {}
    for merkmal, months in needed.items():
        wanted = pc.and_(
            pc.equal(eckwerte["merkmal"], merkmal), pc.is_in(eckwerte["ref_month"], pa.array(sorted(months)))
        )
        if units is not None:
            wanted = pc.and_(wanted, pc.is_in(eckwerte["jc_id"], pa.array(sorted(units), pa.string())))
        table = eckwerte.filter(wanted)
        columns = (
            values_of(table.column(name)) for name in ("jc_id", "geschlecht", "ref_month", "wert", "grund", "basis")
        )
        for unit, sex, month, value, reason, basis in zip(*columns, strict=True):
            cells = counts.setdefault(unit, {}).setdefault((merkmal, sex), {})
            cells[month] = MonthCount(month, value, reason or "", basis)
    return counts


def _delivered(inputs: Mapping[str, Any]) -> dict[tuple[str, str, str], Delivery]:
    rejected = set(inputs.get("zurueckgewiesen", ()))
    raw = inputs.get("lieferungen", ())
    if isinstance(raw, Mapping):
        raw = [
            dict(zip(("ref_month", "table", "unit"), address.split("/"), strict=True), address=address, sha256=digest)
            for address, digest in raw.items()
        ]
    return {
        (d["table"], d["ref_month"], d["unit"]): Delivery(
            d["table"],
            d["ref_month"],
            d["unit"],
            d["address"],
            d["sha256"],
            f"{d['ref_month']}/{d['table']}/{d['unit']}" in rejected,
        )
        for d in raw
    }


def _findings(befunde: pa.Table) -> dict[str, tuple[Noted, ...]]:
    """Return the findings by unit; those that name no unit stand under the empty text."""
    by_unit: dict[str, list[Noted]] = {}
    for r in befunde.to_pylist():
        unit = r["jc_id"] or ""
        noted = Noted(
            r["regel"],
            r["titel"],
            r["schwere"],
            r["schritt"],
            r["tabelle"] or "",
            r["ref_month"] or "",
            unit,
            r["anzahl"],
        )
        by_unit.setdefault(unit, []).append(noted)
    return {unit: tuple(noted) for unit, noted in by_unit.items()}
