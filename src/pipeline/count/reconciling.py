"""The two routes side by side: what was counted from persons and what is published for the same cell, and what it rests on.

Nothing is decided here: person counts win in the Eckwerte whatever the difference; rules about it stand in expectations/.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
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
Rests = tuple[int, int, int]
"""Accepted rows, quarantined rows and rows with a remark."""

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
    months, units, sexes, merkmale = np.nonzero(routes.both)
    names = {i: (m, u, s, k) for i, (m, u, s, k) in enumerate(_names(routes, months, units, sexes, merkmale))}
    order = np.array(sorted(names, key=names.__getitem__), np.int64)
    at = tuple(axis[order] for axis in (months, units, sexes, merkmale)) if len(order) else (months,) * 4
    person, published = routes.person_value[at], routes.published_value[at]
    has_person, has_published = routes.person_rank[at] == HAVE, routes.published_rank[at] == HAVE
    have = has_person & has_published
    difference = np.where(have, person - published, 0)
    relative = have & (published != 0)
    reasons: list[str | None] = [None] * (HAVE + 1)
    for grund, row in catalog.codelists["gruende"].items():
        reasons[int(row["rang"])] = grund
    rests = _Rests(catalog.merkmale, territory, staged, findings)
    keys = [names[i] for i in order.tolist()]
    behind = [rests.of(month, unit, merkmal) for month, unit, _, merkmal in keys]
    corrected = {correction.cell for correction in applied}
    return pa.table(
        {
            "ref_month": pa.array([k[0] for k in keys], pa.string()),
            "jc_id": pa.array([k[1] for k in keys], pa.string()),
            "geschlecht": pa.array([k[2] for k in keys], pa.string()),
            "merkmal": pa.array([k[3] for k in keys], pa.string()),
            "wert_personen": decimal_array(person, has_person, 18, 2),
            "grund_personen": pa.array([reasons[rank] for rank in routes.person_rank[at].tolist()], pa.string()),
            "wert_veroeffentlicht": decimal_array(published, has_published, 18, 2),
            "grund_veroeffentlicht": pa.array([reasons[r] for r in routes.published_rank[at].tolist()], pa.string()),
            "differenz": decimal_array(difference, have, 18, 2),
            "differenz_prozent": decimal_array(tenths_of_percent(difference, published, relative), relative, 18, 1),
            "zeilen": pa.array([rows for rows, _, _ in behind], pa.int64()),
            "ausgesondert": pa.array([bad for _, bad, _ in behind], pa.int64()),
            "auffaellig": pa.array([remarks for _, _, remarks in behind], pa.int64()),
            "berichtigt": pa.array(
                [any((m, p, s, k) in corrected for p in territory.valid_parts(u, m)) for m, u, s, k in keys],
                pa.bool_(),
            ),
        },
        schema=arrow_schema(catalog.results["abgleich"]),
    )


def tenths_of_percent(difference: Ints, published: Ints, where: npt.NDArray[np.bool_]) -> Ints:
    """Return 1000 * difference / published as whole numbers, ties away from zero; 0 outside `where`."""
    below = np.where(where, np.abs(published), 1)
    above = np.where(where, difference * np.sign(published), 0)
    tenths: Ints = np.sign(above) * ((2000 * np.abs(above) + below) // (2 * below))
    return tenths


def _names(routes: Routes, *axes: Ints) -> list[tuple[str, str, str, str]]:
    months, units, sexes, merkmale = (axis.tolist() for axis in axes)
    return [
        (routes.months[m], routes.units[u], routes.sexes[s], routes.merkmale[k])
        for m, u, s, k in zip(months, units, sexes, merkmale, strict=True)
    ]


class _Rests:
    """What the count of a merkmal rests on: the newest own delivery of each table that it reads."""

    def __init__(
        self,
        merkmale: Mapping[str, Merkmal],
        territory: Territory,
        staged: Mapping[str, Mapping[str, Any]],
        findings: Iterable[Finding],
    ) -> None:
        self._newest = {name: newest_deliveries(merkmal) for name, merkmal in merkmale.items()}
        self._territory = territory
        self._staged = staged
        self._remarks: dict[tuple[str, str, str], int] = {}
        for finding in findings:
            if finding.severity != "error":
                place = (finding.table, finding.ref_month, finding.jc_id)
                self._remarks[place] = self._remarks.get(place, 0) + finding.count
        self._known: dict[tuple[str, str, str], Rests] = {}

    def of(self, month: str, unit: str, merkmal: str) -> Rests:
        """Return rows, quarantined rows and remarks behind a count."""
        key = (month, unit, merkmal)
        if key not in self._known:
            rows = bad = remarks = 0
            for table, shift in self._newest[merkmal]:
                read = add_months(month, shift)
                delivered = self._staged.get(table, {}).get(read, {}).get("units", {})
                for part in self._territory.valid_parts(unit, read):
                    entry = delivered.get(part, {})
                    rows, bad = rows + entry.get("rows", 0), bad + entry.get("quarantined", 0)
                    remarks += self._remarks.get((table, read, part), 0)
            self._known[key] = (rows, bad, remarks)
        return self._known[key]
