"""What earlier releases in the store have shown of the same cells: a release made from revised deliveries is bound by it.

Two releases decided each for itself may hide different partners of one secret count; side by side they would tell it. So what
was hidden stays hidden, and new partners are looked for among cells that nobody has seen with the value they have now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import SEXES
from pipeline.compare.cube import Cube, codes, month_codes
from pipeline.compare.exact import Bools
from pipeline.compare.secrecy import PAIR, SEXES_OF, TOTAL, Secrets
from pipeline.compare.territory import Groups, Shown
from pipeline.store.decimals import unscaled

GEHEIM = "geheim"
COLUMNS = ("zaehler", "nenner_summe")


@dataclass(frozen=True, eq=False)
class Released:
    """The published Eckwerte and Kennzahlen of an earlier release, as its files have them."""

    name: str
    eckwerte: pa.Table
    kennzahlen: pa.Table


@dataclass(frozen=True)
class Seen:
    """What releases have shown and hidden, in terms of a block.

    `hidden` is [merkmal, jobcenter, side, month]. `units` and `totals` are sides that were hidden, by version: numerator and
    denominator as [jobcenter or group, sex, month].
    """

    hidden: Bools
    shown: Shown
    units: Mapping[str, tuple[Bools, Bools]]
    totals: Mapping[str, tuple[Bools, Bools]]

    def bind(self, own: Secrets) -> Secrets:
        """Return decisions in which whatever was hidden is hidden."""
        return Secrets(own.hidden | self.hidden, own.barred)


def seen_in(releases: Sequence[Released], cube: Cube, groups: Groups, definitions: Sequence[str]) -> Seen:
    """Return what the releases say about the cells of a block and about its groups; units it does not have are left out."""
    sides = (len(cube.merkmale), len(cube.jc_ids), 2, cube.months)
    by_sex = cube.values.shape
    hidden_cells, changed, known = (np.zeros(by_sex, dtype=bool) for _ in range(3))
    units, totals = (
        {name: (_none(count, cube), _none(count, cube)) for name in definitions}
        for count in (len(cube.jc_ids), len(groups.names))
    )
    for release in releases:
        places = cube.places(release.eckwerte)
        inside = np.logical_and.reduce([place >= 0 for place in places]) & (places[3] < cube.months)
        at = tuple(place[inside] for place in places)
        values, filled = (array[inside] for array in unscaled(release.eckwerte.column("wert")))
        secret = _is_secret(release.eckwerte)[inside]
        hidden_cells[at] |= secret
        same = cube.present[at] & (values == cube.values[at])
        known[at] |= filled & same
        changed[at] |= filled & ~same
        _enter_sides(release.kennzahlen, cube, groups, definitions, units, totals)
    hidden = np.zeros(sides, dtype=bool)
    for side in (TOTAL, PAIR):
        hidden[:, :, side] = hidden_cells[:, :, SEXES_OF[side]].any(axis=2)
    hidden[:, :, PAIR] |= hidden[:, :, TOTAL]
    return Seen(hidden, Shown(known, changed), units, totals)


def _none(count: int, cube: Cube) -> Bools:
    return np.zeros((count, len(SEXES), cube.months), dtype=bool)


def _is_secret(table: pa.Table) -> Bools:
    return np.asarray(pc.fill_null(pc.equal(table.column("grund"), GEHEIM), False).to_numpy(), dtype=bool)


def _enter_sides(
    table: pa.Table,
    cube: Cube,
    groups: Groups,
    definitions: Sequence[str],
    units: Mapping[str, tuple[Bools, Bools]],
    totals: Mapping[str, tuple[Bools, Bools]],
) -> None:
    secret = _is_secret(table)
    definition = codes(table.column("definition"), definitions)
    sex, month = codes(table.column("geschlecht"), SEXES), month_codes(table.column("ref_month")) - cube.first_month
    inside = secret & (definition >= 0) & (sex >= 0) & (month >= 0) & (month < cube.months)
    group_at = {name: place for place, name in enumerate(groups.names)}
    unit_at = {jc_id: place for place, jc_id in enumerate(cube.jc_ids)}
    empty = [np.asarray(table.column(name).is_null().to_numpy(), dtype=bool) for name in COLUMNS]
    levels, areas = table.column("ebene").to_pylist(), table.column("gebiet").to_pylist()
    for row in np.flatnonzero(inside).tolist():
        level, area = levels[row], areas[row]
        place = unit_at.get(area) if level == "jobcenter" else group_at.get((level, area))
        if place is not None:
            marked = (units if level == "jobcenter" else totals)[definitions[definition[row]]]
            for i in (0, 1):
                marked[i][place, sex[row], month[row]] |= empty[i][row]
