"""The two routes side by side: what was counted from persons and what is published for the same cell, and what it rests on.

Nothing is decided here: person counts win in the Eckwerte whatever the difference; rules about it stand in expectations/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.catalog import Catalog, Correction, Merkmal, newest_deliveries
from pipeline.count.territory import Territory
from pipeline.months import add_months
from pipeline.store import Finding
from pipeline.store.decimals import decimal_array
from pipeline.store.schema import arrow_schema

Ints = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.int8]

HAVE = 99


@dataclass(frozen=True)
class Routes:
    """Both routes before one fills the other: arrays of shape (month, unit, sex, merkmal), `both` where both say something."""

    months: tuple[str, ...]
    units: tuple[str, ...]
    sexes: tuple[str, ...]
    merkmale: tuple[str, ...]
    person_value: Ints
    person_rank: Ranks
    published_value: Ints
    published_rank: Ranks
    both: npt.NDArray[np.bool_]


def abgleich(
    routes: Routes,
    catalog: Catalog,
    territory: Territory,
    staged: Mapping[str, Mapping[str, Any]],
    findings: Iterable[Finding],
    applied: Collection[Correction],
) -> pa.Table:
    """Return the reconciliation ordered by month, jobcenter, sex and merkmal (schema `result_abgleich`).

    `findings` are those of the step stage, `applied` the corrections that took effect.
    """
    axes = (routes.months, routes.units, routes.sexes, routes.merkmale)
    order = [np.array(sorted(range(len(axis)), key=axis.__getitem__), np.int64) for axis in axes]
    found = np.nonzero(routes.both[np.ix_(*order)])
    at = tuple(positions[index] for positions, index in zip(order, found, strict=True))
    month, unit, _, merkmal = at
    person, published = routes.person_value[at], routes.published_value[at]
    has_person, has_published = routes.person_rank[at] == HAVE, routes.published_rank[at] == HAVE
    have = has_person & has_published
    difference = np.where(have, person - published, 0)
    relative = have & (published != 0)
    reasons = reasons_by_rank(catalog)
    rows, quarantined, remarks = _rests(routes, catalog.merkmale, territory, staged, findings)[:, month, unit, merkmal]
    return pa.table(
        {
            "ref_month": taken(axes[0], at[0]),
            "jc_id": taken(axes[1], at[1]),
            "geschlecht": taken(axes[2], at[2]),
            "merkmal": taken(axes[3], at[3]),
            "wert_personen": decimal_array(person, has_person, 18, 2),
            "grund_personen": taken(reasons, routes.person_rank[at]),
            "wert_veroeffentlicht": decimal_array(published, has_published, 18, 2),
            "grund_veroeffentlicht": taken(reasons, routes.published_rank[at]),
            "differenz": decimal_array(difference, have, 18, 2),
            "differenz_prozent": decimal_array(tenths_of_percent(difference, published, relative), relative, 18, 1),
            "zeilen": rows,
            "ausgesondert": quarantined,
            "auffaellig": remarks,
            "berichtigt": _corrected(routes, territory, applied)[at],
        },
        schema=arrow_schema(catalog.results["abgleich"]),
    )


def tenths_of_percent(difference: Ints, published: Ints, where: npt.NDArray[np.bool_]) -> Ints:
    """Return 1000 * difference / published as whole numbers, ties away from zero; 0 outside `where`."""
    below = np.where(where, np.abs(published), 1)
    above = np.where(where, difference * np.sign(published), 0)
    tenths: Ints = np.sign(above) * ((2000 * np.abs(above) + below) // (2 * below))
    return tenths


def reasons_by_rank(catalog: Catalog) -> list[str | None]:
    """Return the reasons in the place of their rank; there is none where there is a value."""
    reasons: list[str | None] = [None] * (HAVE + 1)
    for grund, row in catalog.codelists["gruende"].items():
        reasons[int(row["rang"])] = grund
    return reasons


def taken(words: Sequence[str | None], index: npt.NDArray[np.generic]) -> pa.Array:
    """Return the words at the places `index`."""
    return pa.array(words, pa.string()).take(pa.array(index.astype(np.int64)))


def _corrected(routes: Routes, territory: Territory, applied: Iterable[Correction]) -> npt.NDArray[np.bool_]:
    """Return where a correction took effect, of shape (month, unit, sex, merkmal)."""
    corrected = np.zeros(routes.both.shape, np.bool_)
    for month, part, sex, merkmal in (correction.cell for correction in applied):
        unit = territory.unit_of(part)
        if month in routes.months and unit in routes.units and part in territory.valid_parts(unit, month):
            corrected[
                routes.months.index(month),
                routes.units.index(unit),
                routes.sexes.index(sex),
                routes.merkmale.index(merkmal),
            ] = True
    return corrected


def _rests(
    routes: Routes,
    merkmale: Mapping[str, Merkmal],
    territory: Territory,
    staged: Mapping[str, Mapping[str, Any]],
    findings: Iterable[Finding],
) -> Ints:
    """Return what the counts rest on, the newest own delivery of each table that they read.

    Accepted rows, quarantined rows and rows with a remark, of shape (3, month, unit, merkmal).
    """
    noted: dict[tuple[str, str], Counter[str]] = {}
    for finding in findings:
        if finding.severity != "error":
            noted.setdefault((finding.table, finding.ref_month), Counter())[finding.jc_id] += finding.count

    @cache
    def delivered(table: str, month: str) -> Ints:
        own, remarks = staged.get(table, {}).get(month, {}).get("units", {}), noted.get((table, month), Counter())
        told = {part: (entry["rows"], entry["quarantined"], remarks[part]) for part, entry in own.items()}
        told |= {part: (0, 0, count) for part, count in remarks.items() if part not in own}
        nothing = (0, 0, 0)
        parts = ([told.get(part, nothing) for part in territory.valid_parts(unit, month)] for unit in routes.units)
        return np.array([of[0] if len(of) == 1 else np.sum([nothing, *of], axis=0) for of in parts], np.int64)

    def behind(table: str, shift: int) -> Ints:
        return np.stack([delivered(table, add_months(month, shift)) for month in routes.months]).transpose(2, 0, 1)

    newest = {name: newest_deliveries(merkmale[name]) for name in routes.merkmale}
    deliveries = {delivery: behind(*delivery) for delivery in {d for read in newest.values() for d in read}}
    rests = np.zeros((3, len(routes.months), len(routes.units), len(routes.merkmale)), np.int64)
    for column, name in enumerate(routes.merkmale):
        for delivery in newest[name]:
            rests[..., column] += deliveries[delivery]
    return rests
