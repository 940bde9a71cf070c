"""The step: from staged deliveries to the Eckwerte of every month up to the run's, unsuppressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Catalog, Correction, Gebietsaenderung
from pipeline.count.correcting import corrected
from pipeline.count.eckwerte import Assembler, Cells, eckwerte_table, small_euro_cells
from pipeline.count.imputing import imputed
from pipeline.count.outlasting import AddressOf, after_end
from pipeline.count.reconciling import Routes, abgleich
from pipeline.count.territory import Territory, in_effect, successors
from pipeline.memory import give_back
from pipeline.months import Zaehltage, add_months, month_range
from pipeline.progress import Progress
from pipeline.settings import Settings
from pipeline.store import Finding, Store, read_findings, write_findings, write_json, write_table

if TYPE_CHECKING:
    from pipeline.count.states import Counting


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


def territories_before(
    month: str,
    staged: Mapping[str, Mapping[str, Any]],
    zaehltage: Zaehltage,
    catalog: Catalog,
    changes: tuple[Gebietsaenderung, ...],
    first_run_months: int,
) -> tuple[Territory, ...]:
    """Return the territories of the last runs before a change among units with counts, oldest first.

    They know the deliveries up to their month only. Before `first_run_months` of the series no run can have been published.
    """
    delivered = [m for months in staged.values() for m, entry in months.items() if entry["units"]]
    if not delivered:
        return ()
    found = []
    for before in month_range(add_months(min(delivered), first_run_months - 1), add_months(month, -1)):
        known = {c.alt for c in in_effect(changes, before, zaehltage)}
        ending = {c.alt for c in in_effect(changes, add_months(before, 1), zaehltage)} - known
        if not ending:
            continue
        territory = territory_of(before, _until(staged, before), zaehltage, catalog, changes)
        if ending & (territory.person_units | territory.published):
            found.append(territory)
    return tuple(found)


def _until(staged: Mapping[str, Mapping[str, Any]], last: str) -> dict[str, dict[str, Any]]:
    return {table: {m: e for m, e in months.items() if m <= last} for table, months in staged.items()}


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


@dataclass(frozen=True)
class _Assembled:
    """The cells of a territory with what was noticed on the way."""

    months: list[str]
    cells: Cells
    small: list[tuple[str, str, str, str]]
    applied: Sequence[Correction]
    about_corrections: Sequence[Finding]
    routes: Routes

    def tables(self, catalog: Catalog) -> Iterator[tuple[str, pa.Table]]:
        """Yield month and Eckwerte."""
        for position, m in enumerate(self.months):
            yield m, eckwerte_table(self.cells, position, catalog)


def _assembled(
    counting: Counting,
    staged: Mapping[str, Mapping[str, Any]],
    corrections: Sequence[Correction],
    progress: Progress | None = None,
) -> _Assembled:
    """Count the months of a territory and assemble its cells."""
    territory, catalog = counting.territory, counting.catalog
    months, files, check_months = scope(territory.run_month, staged, territory)
    counts: dict[str, dict[str, pa.Table]] = {}
    if territory.units_with_persons:
        for done, m in enumerate(months, start=1):
            computed = counting.made.computed
            counts[m] = counting.counts(m, check_months)
            if counting.made.computed > computed:
                give_back()
            if progress:
                progress(done, len(months), m)
    assembler = Assembler(catalog, territory, months)
    assembler.person_route(counts)
    published = {m: pq.read_table(counting.store.root / file) for m, file in files.get("eckwerte", {}).items()}
    published, applied, about_corrections = corrected(published, corrections, catalog)
    assembler.published_route(published)
    cells = assembler.cells()
    if catalog.switches["imputer"].value == "on":
        rank_of = {grund: int(row["rang"]) for grund, row in catalog.codelists["gruende"].items()}
        cells = imputed(cells, catalog.merkmale, rank_of, {u: catalog.jobcenters[u].land for u in cells.units})
    small = small_euro_cells(
        {m: tables["payments"] for m, tables in counts.items()},
        catalog.merkmale.values(),
        int(catalog.switches["suppress_below"].value),
        dominance=bool(catalog.switches["dominance"].value),
    )
    return _Assembled(months, cells, small, applied, about_corrections, assembler.routes())


def count(
    store: Store,
    month: str,
    staged: Mapping[str, Mapping[str, Any]],
    territory: Territory,
    catalog: Catalog,
    settings: Settings,
    *,
    address_of: AddressOf,
    earlier: Sequence[Territory] = (),
    corrections: Sequence[Correction] = (),
    progress: Progress | None = None,
) -> Counted:
    """Count all months up to the run's, write `computed/eckwerte/…` and what later steps need to know (`count.json`).

    `address_of` names the files in findings. `corrections` change cells of the published counts before they enter the
    Eckwerte. `earlier` are the territories that releases before this one may have shown (`territories_before`); their counts
    bind what this one may publish.
    """
    from pipeline.count.engine import opened
    from pipeline.count.states import Counting

    with (
        store.overflow("count") as overflow,
        opened(settings, store.root, overflow) as engine,
    ):

        def counting_on(where: Territory) -> Counting:
            _, files, _ = scope(where.run_month, _until(staged, where.run_month), where)
            return Counting(store, engine, catalog, where.zaehltage, where, files)

        counting = counting_on(territory)
        found = _assembled(counting, staged, corrections, progress)
        if territory.units_with_persons and counting.long_term_known(month):
            counting.days_summed(month)  # with which the next month begins
        before = [_assembled(counting_on(t), _until(staged, t.run_month), corrections) for t in earlier]
    for m, table in found.tables(catalog):
        write_table(store.eckwerte(m), table)
    remarks = read_findings(store.findings(month, "stage"))
    side_by_side = abgleich(found.routes, catalog, territory, staged, remarks, found.applied)
    write_table(store.computed("abgleich", month), side_by_side)
    for then, older in zip(earlier, before, strict=True):
        table = pa.concat_tables([t for _, t in older.tables(catalog)])
        write_table(store.eckwerte_before(month, then.run_month), table)
    taking_part = territory.units_with_persons | {territory.unit_of(jc_id) for jc_id in territory.published}
    without = [j.jc_id for j in territory.members if j.jc_id not in taking_part]
    write_json(
        store.run(month) / "count.json",
        {
            "months": found.months,
            "units": list(territory.units),
            "members": [j.jc_id for j in territory.members],
            "without_delivery": without,
            "corrections": [correction.id for correction in found.applied],
            "small_euro_cells": found.small,
            "earlier": [
                {"month": then.run_month, "small_euro_cells": older.small}
                for then, older in zip(earlier, before, strict=True)
            ],
        },
    )
    rule = catalog.rules["COUNT-NO-DELIVERY"]
    write_findings(
        store.findings(month, "count"),
        [
            *found.about_corrections,
            *after_end(staged, territory, catalog, address_of),
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
        found.months[0],
        len(found.months),
        counting.made.computed,
        counting.made.reused,
        len(territory.members),
        len(without),
    )
