"""The step: from staged deliveries to the Eckwerte of every month up to the run's, unsuppressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Catalog, Correction, Gebietsaenderung
from pipeline.count.correcting import corrected
from pipeline.count.eckwerte import Assembler, eckwerte_table, small_euro_cells
from pipeline.count.imputing import imputed
from pipeline.count.territory import Territory, in_effect, successors
from pipeline.months import Zaehltage, month_range
from pipeline.settings import Settings
from pipeline.store import Finding, Store, write_findings, write_json, write_table


@dataclass(frozen=True)
class Counted:
    """What counting did: months written, states computed and reused, members and members without any delivery."""

    first_month: str
    months: int
    computed: int
    reused: int
    members: int
    without_delivery: int


class NothingDeliveredError(ValueError):
    """No delivery at all can be counted."""


def territory_of(
    month: str,
    staged: Mapping[str, Mapping[str, Any]],
    zaehltage: Zaehltage,
    catalog: Catalog,
    changes: tuple[Gebietsaenderung, ...],
) -> Territory:
    """Return units and availability of a run from `staged.json`."""
    delivered = {
        table: {m: frozenset(entry["units"]) for m, entry in months.items()} for table, months in staged.items()
    }
    effective = in_effect(changes, month, zaehltage)
    return Territory(
        month,
        zaehltage,
        catalog.jobcenters,
        successors(effective),
        {change.alt: change.ab for change in effective},
        delivered,
        catalog.person_tables,
        frozenset(
            jc_id
            for entry in staged.get("eckwerte", {}).values()
            for unit in entry["units"].values()
            for jc_id in unit["jobcenters"]
        ),
    )


Files = dict[str, dict[str, str]]


def scope(
    month: str, staged: Mapping[str, Mapping[str, Any]], territory: Territory
) -> tuple[list[str], Files, frozenset[str]]:
    """Return what a run counts: the months, the staged files by table and month, and the months with employment data.

    Raises NothingDeliveredError.
    """
    if not territory.first_month:
        raise NothingDeliveredError(f"no delivery up to {month} could be read; see the findings of fetch and stage")
    months = month_range(min(territory.first_month.values()), month)
    files = {t: {m: entry["file"] for m, entry in by_month.items() if entry["units"]} for t, by_month in staged.items()}
    return months, files, frozenset(files.get("beschaeftigung", {}))


def count(
    store: Store,
    month: str,
    staged: Mapping[str, Mapping[str, Any]],
    territory: Territory,
    catalog: Catalog,
    settings: Settings,
    *,
    corrections: Sequence[Correction] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> Counted:
    """Count all months up to the run's, write `computed/eckwerte/…` and what later steps need to know (`count.json`).

    `corrections` change cells of the published counts before they enter the Eckwerte.
    """
    from pipeline.count.engine import DuckDb
    from pipeline.count.states import Counting

    months, files, check_months = scope(month, staged, territory)
    counts: dict[str, dict[str, pa.Table]] = {}
    with (
        store.overflow("count") as overflow,
        DuckDb(settings.memory_limit, settings.threads, overflow) as engine,
    ):
        counting = Counting(store, engine, catalog, territory.zaehltage, territory, files)
        if territory.units_with_persons:
            for done, m in enumerate(months, start=1):
                counts[m] = counting.counts(m, check_months)
                if progress:
                    progress(done, len(months), m)
    assembler = Assembler(catalog, territory, months)
    assembler.person_route(counts)
    published = {m: pq.read_table(store.root / file) for m, file in files.get("eckwerte", {}).items()}
    published, applied, about_corrections = corrected(published, corrections, catalog)
    assembler.published_route(published)
    cells = assembler.cells()
    if catalog.switches["imputer"].value == "on":
        rank_of = {grund: int(row["rang"]) for grund, row in catalog.codelists["gruende"].items()}
        cells = imputed(cells, catalog.merkmale, rank_of, {u: catalog.jobcenters[u].land for u in cells.units})
    for position, m in enumerate(months):
        write_table(store.eckwerte(m), eckwerte_table(cells, position, catalog))
    taking_part = territory.units_with_persons | {territory.unit_of(jc_id) for jc_id in territory.published}
    without = [j.jc_id for j in territory.members if j.jc_id not in taking_part]
    least = int(catalog.switches["suppress_below"].value)
    payments = {m: tables["payments"] for m, tables in counts.items()}
    write_json(
        store.run(month) / "count.json",
        {
            "months": months,
            "units": list(territory.units),
            "members": [j.jc_id for j in territory.members],
            "without_delivery": without,
            "corrections": [correction.id for correction in applied],
            "small_euro_cells": small_euro_cells(
                payments, catalog.merkmale.values(), least, dominance=bool(catalog.switches["dominance"].value)
            ),
        },
    )
    rule = catalog.rules["COUNT-NO-DELIVERY"]
    write_findings(
        store.findings(month, "count"),
        [
            *about_corrections,
            *(
                Finding(
                    rule.rule_id,
                    rule.severity,
                    "count",
                    "no delivery by any route, left out of all sums",
                    jc_id=jc_id,
                    action=rule.action_de,
                )
                for jc_id in without
            ),
        ],
    )
    return Counted(
        months[0],
        len(months),
        counting.progress.computed,
        counting.progress.reused,
        len(territory.members),
        len(without),
    )
