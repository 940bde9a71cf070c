"""What releases before a change of the jobcenters' territory have shown: it binds every later release.

Only how decisions of an older territory reach the units of a newer one stands here; the decisions are made in `disclosure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from pipeline.catalog import Jobcenter
from pipeline.compare.cube import Cube
from pipeline.compare.exact import Bools
from pipeline.compare.secrecy import Secrets
from pipeline.compare.territory import Groups

EuroCell = tuple[str, str, str, str]
"""ref_month, jc_id, geschlecht, merkmal of a euro sum that rests on too few or too unequal Bedarfsgemeinschaften."""


@dataclass(frozen=True)
class Generation:
    """A state of the territory with all counts that releases under it could show, the last of them included.

    `eckwerte` has the columns of result_eckwerte.yml, `jobcenters` are the members then, `successor_of` says what has become
    of units of older generations.
    """

    eckwerte: pa.Table
    jobcenters: Sequence[Jobcenter]
    vergleichstyp_of: Mapping[str, str]
    successor_of: Mapping[str, str] = field(default_factory=dict)
    small_euro_cells: frozenset[EuroCell] = frozenset()


@dataclass(frozen=True)
class Carried:
    """How the units and groups of an older block lie in a newer one; both blocks begin in the same month."""

    old: Cube
    new: Cube
    unit_of: Sequence[int | None]
    group_of: Sequence[int | None]
    group_count: int

    @staticmethod
    def between(
        old: Cube, old_groups: Groups, new: Cube, new_groups: Groups, successor_of: Mapping[str, str]
    ) -> Carried:
        """Return the mapping; a unit that has no successor in the newer block leads nowhere."""
        if old.first_month != new.first_month or old.merkmale != new.merkmale:
            raise ValueError("two generations of the territory must begin in the same month and have the same merkmale")
        place = {jc_id: i for i, jc_id in enumerate(new.jc_ids)}
        group = {name: i for i, name in enumerate(new_groups.names)}
        return Carried(
            old,
            new,
            [place.get(successor_of.get(jc_id, jc_id)) for jc_id in old.jc_ids],
            [group.get(name) for name in old_groups.names],
            len(group),
        )

    def units(self, marked: Bools, axis: int) -> Bools:
        """Return marks [.., unit, .., month] of the older block on the newer one's units and months."""
        return self._moved(marked, axis, self.unit_of, len(self.new.jc_ids))

    def groups(self, marked: Bools) -> Bools:
        """Return marks [group, .., month] of the older block on the newer one's groups and months."""
        return self._moved(marked, 0, self.group_of, self.group_count)

    def _moved(self, marked: Bools, axis: int, target: Sequence[int | None], size: int) -> Bools:
        shape = list(marked.shape)
        shape[axis], shape[-1] = size, self.new.months
        out = np.zeros(shape, dtype=bool)
        months = min(marked.shape[-1], self.new.months)
        source, moved = np.moveaxis(marked, axis, 0), np.moveaxis(out, axis, 0)
        for i, place in enumerate(target):
            if place is not None:
                moved[place, ..., :months] |= source[i, ..., :months]
        return out

    def secrets(self, own: Secrets, before: Secrets) -> Secrets:
        """Return the decisions of the newer block with what was decided before.

        What was hidden stays hidden. Of a part whose months were all hidden only sums were published; months of its
        successor beside sums over both would give its months away, so the successor publishes sums only as well.
        """
        hidden, barred = before.hidden, before.barred
        sums_only = (hidden & ~barred).any(axis=-1, keepdims=True) & hidden.all(axis=-1, keepdims=True)
        series = self.units(np.broadcast_to(sums_only, hidden.shape), 1).any(axis=-1, keepdims=True)
        return Secrets(
            own.hidden | self.units(hidden, 1) | series,
            own.barred | self.units(barred, 1),
        )
