"""Disclosure control: the four tables of a run as they may be published.

Which numbers are secret is decided in `secrecy` and `territory`; here the decisions reach every table and column from
which a hidden number could be read, and the comparison is made again from what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import SEXES, Indicator, Jobcenter, Merkmal, Side
from pipeline.compare.chains import year_sums
from pipeline.compare.comparison import Presentation, compare
from pipeline.compare.cube import Cube, codes, cube_of, month_codes
from pipeline.compare.earlier import Carried, EuroCell, Generation
from pipeline.compare.exact import Bools, Ints
from pipeline.compare.released import GEHEIM, Released, seen_in
from pipeline.compare.secrecy import Rules, Secrets, is_count, primary, resting_on, small, within_jobcenters
from pipeline.compare.territory import Groups, Protected, Quantity, Shown, groups_of, over_year, protect, unsafe_totals
from pipeline.months import month_number

_WEAKER = ("unbekannt", "folgt_spaeter", "zu_kurze_reihe", "nenner_null")
"""Reasons that come after `geheim` in contract section 5: a hidden side replaces them."""

_SIDE_OF_SEX = np.array([0, 1, 1])


@dataclass(frozen=True)
class Disclosed:
    """The published tables, per merkmal how many values are hidden (secret in themselves, and to protect those), and the
    names of the earlier releases that bound the decisions.
    """

    eckwerte: pa.Table
    kennzahlen: pa.Table
    vergleich: pa.Table
    reihe: pa.Table
    summary: dict[str, dict[str, int]]
    bound_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Part:
    """A side of an indicator version in terms of the block: merkmal, months summed, offset of the last of them."""

    merkmal: int
    months: int
    last: int

    @staticmethod
    def of(side: Side, cube: Cube) -> _Part:
        first, last = side.months
        if last - first + 1 not in (1, 12):
            raise ValueError(
                f"{side.merkmal}: sums over {last - first + 1} months have no disclosure rule; 1 or 12 have"
            )
        return _Part(cube.merkmale.index(side.merkmal), last - first + 1, last)


def _sums(cube: Cube, part: _Part) -> tuple[Ints, Bools]:
    """Return values and presence of a side [jobcenter, sex, month of the last count]."""
    values, present = cube.values[part.merkmal], cube.present[part.merkmal]
    return (values, present) if part.months == 1 else year_sums(values, present)


def _shifted(array: np.ndarray, by: int, fill: bool | int) -> np.ndarray:
    """Return array[..., t + by] for each t, `fill` where that is outside."""
    out = np.full_like(array, fill)
    size = array.shape[-1]
    first, last = max(0, -by), min(size, size - by)
    if first < last:
        out[..., first:last] = array[..., first + by : last + by]
    return out


@dataclass(frozen=True)
class _Sides:
    """Hidden sides of one indicator version, by reference month: of jobcenters [jobcenter, sex, month], of totals
    [group, sex, month]; first the numerator's, then the denominator's.
    """

    units: tuple[Bools, Bools]
    totals: tuple[Bools, Bools]

    def with_hidden(self, units: tuple[Bools, Bools], totals: tuple[Bools, Bools]) -> _Sides:
        """Return these with further hidden sides."""
        return _Sides(
            (self.units[0] | units[0], self.units[1] | units[1]),
            (self.totals[0] | totals[0], self.totals[1] | totals[1]),
        )

    def bound_by(self, before: _Sides, carried: Carried) -> _Sides:
        """Return these with what was hidden on an older territory."""
        units = [now | carried.units(then, 0) for now, then in zip(self.units, before.units, strict=True)]
        totals = [now | carried.groups(then) for now, then in zip(self.totals, before.totals, strict=True)]
        return _Sides((units[0], units[1]), (totals[0], totals[1]))


def _sides(
    cube: Cube,
    groups: Groups,
    protected: Protected,
    pair: tuple[Side, Side],
    rules: Rules,
    counts: Bools,
    known: Bools,
) -> _Sides:
    """Decide for one indicator version and all reference months of the block."""
    parts = (_Part.of(pair[0], cube), _Part.of(pair[1], cube))
    values, present, hidden, told = [], [], [], []
    for part in parts:
        total, there = _sums(cube, part)
        barred = protected.secrets.hidden if part.months == 1 else protected.secrets.barred
        values.append(_shifted(total, part.last, 0))
        present.append(_shifted(there, part.last, False))
        hidden.append(_shifted(over_year(barred[part.merkmal], part.months), part.last, True))
        told.append(_shifted(~over_year(~known[part.merkmal], part.months), part.last, False))
    both = present[0] & present[1]
    weights = groups.members.astype(np.float64)
    sums = [np.rint(np.tensordot(weights, np.where(both, v, 0), axes=(1, 0))).astype(np.int64) for v in values]
    teilmenge = pair[0].is_share_of(pair[1]) and rules.complement
    units, totals = [], []
    for i, part in enumerate(parts):
        none = np.zeros(sums[i].shape, dtype=bool)
        too_small = small(sums[i], rules.below, zero=rules.zero) if counts[part.merkmal] else none
        if i == 0 and teilmenge:
            too_small = too_small | small(sums[1] - sums[0], rules.below, zero=rules.zero)
        barred = _shifted(over_year(protected.totals[:, part.merkmal], part.months), part.last, True)
        quantity = Quantity(values[i], both, hidden[i], told[i])
        totals.append(unsafe_totals(quantity, groups, too_small, barred)[:, _SIDE_OF_SEX])
        own = hidden[i][:, _SIDE_OF_SEX]
        if i == 1 and counts[part.merkmal]:
            least = rules.below * (part.months if pair[1].operator == "mean" else 1)
            own = own | (present[1] & small(values[1], least, zero=rules.zero))
        units.append(own)
    return _Sides((units[0], units[1]), (totals[0], totals[1]))


def _masked(column: pa.ChunkedArray, hide: Bools) -> pa.ChunkedArray:
    return pc.if_else(pa.array(hide), pa.scalar(None, column.type), column)


def _without(table: pa.Table, hide: Mapping[str, Bools], hidden_rows: Bools) -> pa.Table:
    """Return the table with columns emptied where told, and `geheim` as the reason of rows that lost their value."""
    for name, mask in hide.items():
        place = table.column_names.index(name)
        table = table.set_column(place, table.schema.field(name), _masked(table.column(name), mask))
    place = table.column_names.index("grund")
    grund = table.column("grund")
    replace = pc.or_(pc.is_null(grund), pc.is_in(grund, pa.array(_WEAKER)))
    reason = pc.if_else(pc.and_(pa.array(hidden_rows), replace), pa.scalar(GEHEIM, pa.string()), grund)
    return table.set_column(place, table.schema.field("grund"), reason)


def _hide_kennzahlen(table: pa.Table, cube: Cube, groups: Groups, sides: Mapping[str, _Sides]) -> pa.Table:
    """Return Kennzahlen (of the run or of the series) without what is hidden in their numerators and denominators."""
    names = list(sides)
    definition = codes(table.column("definition"), names)
    if (definition < 0).any():
        raise ValueError("kennzahlen has a definition that indicators.yml does not declare")
    sex = codes(table.column("geschlecht"), SEXES)
    month = month_codes(table.column("ref_month")) - cube.first_month
    at_unit = np.asarray(pc.equal(table.column("ebene"), "jobcenter").to_numpy(), dtype=bool)
    unit = codes(table.column("gebiet"), cube.jc_ids)
    group = np.full(len(table), -1, dtype=np.int64)
    for level in sorted({level for level, _ in groups.names}):
        rows = groups.rows(level)
        found = codes(table.column("gebiet"), [groups.names[i][1] for i in rows.tolist()])
        at_level = np.asarray(pc.equal(table.column("ebene"), level).to_numpy(), dtype=bool) & (found >= 0)
        group[at_level] = rows[found[at_level]]
    has_wert = np.asarray(table.column("wert").is_valid().to_numpy(), dtype=bool)
    hidden = []
    for i, column in enumerate(("zaehler", "nenner_summe")):
        filled = np.asarray(table.column(column).is_valid().to_numpy(), dtype=bool)
        mask = np.ones(len(table), dtype=bool)
        for place, name in enumerate(names):
            for of_units, index, decisions in (
                (at_unit, unit, sides[name].units[i]),
                (~at_unit, group, sides[name].totals[i]),
            ):
                rows = np.flatnonzero((definition == place) & of_units & (index >= 0) & (month >= 0))
                rows = rows[month[rows] < decisions.shape[2]]
                mask[rows] = decisions[index[rows], sex[rows], month[rows]]
        hidden.append(mask & filled)
    either = hidden[0] | hidden[1]
    return _without(
        table,
        {"zaehler": hidden[0], "nenner_summe": hidden[1], "wert": either & has_wert, "wert_anzeige": either & has_wert},
        either,
    )


def _given(cube: Cube, cells: frozenset[EuroCell]) -> Bools:
    out = np.zeros(cube.values.shape, dtype=bool)
    for ref_month, jc_id, sex, merkmal in sorted(cells):
        month = month_number(ref_month) - cube.first_month
        if jc_id in cube.jc_ids and 0 <= month < cube.months:
            out[cube.merkmale.index(merkmal), cube.jc_ids.index(jc_id), SEXES.index(sex), month] = True
    return out & cube.present


def _decided(
    cube: Cube,
    groups: Groups,
    merkmale: Mapping[str, Merkmal],
    given: Bools,
    rules: Rules,
    bound: Callable[[Secrets], Secrets],
    shown: Shown,
) -> tuple[Bools, Protected]:
    """Return the cells that are secret in themselves and all decisions; `bound` adds what was decided before.

    What earlier releases have `shown` hides no other count.

    Estimates made from hidden counts are secret, too; hiding them may hide counts that other estimates were made from.
    """
    while True:
        secret = primary(cube, merkmale, given, rules)
        protected = protect(cube, groups, bound(within_jobcenters(cube, merkmale, secret, rules, shown.known)), shown)
        hidden = protected.secrets.hidden[:, :, _SIDE_OF_SEX] & cube.present
        telling = resting_on(cube, merkmale, hidden) & ~hidden
        if not telling.any():
            return secret, protected
        given = given | telling


@dataclass(frozen=True)
class _Decisions:
    """All decisions about a generation of the territory; `secret` are the cells secret in themselves."""

    cube: Cube
    groups: Groups
    secret: Bools
    protected: Protected
    sides: Mapping[str, _Sides]


def _decide(
    generation: Generation,
    before: _Decisions | None,
    indicators: Mapping[str, Indicator],
    merkmale: Mapping[str, Merkmal],
    rules: Rules,
    released: Sequence[Released] = (),
) -> _Decisions:
    """Decide about a generation; what was decided about the one before binds it, and what the releases have shown."""
    cube = cube_of(generation.eckwerte, merkmale, indicators, [j.jc_id for j in generation.jobcenters])
    groups = groups_of(cube.jc_ids, generation.jobcenters, generation.vergleichstyp_of)
    given, counts = _given(cube, generation.small_euro_cells), is_count(cube, merkmale)

    names = [f"{name}{version}" for name, indicator in indicators.items() for version in indicator.versions]
    seen = seen_in(released, cube, groups, names) if released else None
    carried = None
    if before is not None:
        carried = Carried.between(before.cube, before.groups, cube, groups, generation.successor_of)

    def bound(own: Secrets) -> Secrets:
        if before is not None and carried is not None:
            own = carried.secrets(own, before.protected.secrets)
        return seen.bind(own) if seen is not None else own

    shown = seen.shown if seen is not None else Shown.nothing(cube)
    secret, protected = _decided(cube, groups, merkmale, given, rules, bound, shown)
    if before is not None and carried is not None:
        protected = Protected(protected.secrets, protected.totals | carried.groups(before.protected.totals))
    decided = {
        f"{name}{version}": _sides(cube, groups, protected, pair, rules, counts, shown.known)
        for name, indicator in indicators.items()
        for version, pair in indicator.versions.items()
    }
    if before is not None and carried is not None:
        decided = {name: now.bound_by(before.sides[name], carried) for name, now in decided.items()}
    if seen is not None:
        decided = {name: now.with_hidden(seen.units[name], seen.totals[name]) for name, now in decided.items()}
    return _Decisions(cube, groups, secret, protected, decided)


def _first_telling(decisions: _Decisions, released: Sequence[Released]) -> Released | None:
    """Return the first release beside which decisions would tell something, None if there is none."""
    return next((release for release in released if _differs(decisions, release)), None)


def _differs(decisions: _Decisions, release: Released) -> bool:
    """Tell whether decisions show what a release has hidden, or hide what it has shown with another choice."""
    cube, groups, sides = decisions.cube, decisions.groups, decisions.sides
    seen = seen_in([release], cube, groups, list(sides))
    now = decisions.protected.secrets.hidden
    hidden = now[:, :, _SIDE_OF_SEX] & cube.present
    was_hidden = seen.hidden[:, :, _SIDE_OF_SEX] & cube.present
    if ((was_hidden & ~hidden) | (hidden & (seen.shown.known | seen.shown.changed))).any():
        return True
    return any(
        (then & ~side).any()
        for name, own in sides.items()
        for earlier, mine in ((seen.units[name], own.units), (seen.totals[name], own.totals))
        for then, side in zip(earlier, mine, strict=True)
    )


def disclose(
    eckwerte: pa.Table,
    kennzahlen: pa.Table,
    reihe: pa.Table,
    jobcenters: Sequence[Jobcenter],
    vergleichstyp_of: Mapping[str, str],
    *,
    indicators: Mapping[str, Indicator],
    merkmale: Mapping[str, Merkmal],
    run_month: str,
    vergleich_schema: pa.Schema,
    small_euro_cells: frozenset[EuroCell] = frozenset(),
    rules: Rules | None = None,
    shown: Presentation | None = None,
    earlier: Sequence[Generation] = (),
    successor_of: Mapping[str, str] | None = None,
    released: Sequence[Released] = (),
) -> Disclosed:
    """Return the four tables of a run with everything suppressed from which a hidden count could be computed.

    `eckwerte` are all months counted so far (columns of result_eckwerte.yml), not only those of the run: what earlier
    releases showed must stay safe, and with the whole history every release decides about a month alike. `kennzahlen`
    and `reihe` are as in `compare`; the comparison is computed again from what is published, so that ranks and medians
    know nothing else. `earlier` are the territories that releases before this one may have shown, oldest first, and
    `successor_of` says what has become of their units: a merged unit must not tell what its parts kept. `released` are
    releases that readers already have, in a fixed order; those that would tell something beside this one bind it, and are
    named in `bound_by`. Hidden values are empty with the reason `geheim`. Source: contract section 5, methodology 3.12.
    """
    rules = rules if rules is not None else Rules()
    decisions: _Decisions | None = None
    for generation in earlier:
        decisions = _decide(generation, decisions, indicators, merkmale, rules)
    now = Generation(eckwerte, jobcenters, vergleichstyp_of, successor_of or {}, small_euro_cells)
    before, binding = decisions, list[Released]()
    decisions = _decide(now, before, indicators, merkmale, rules)
    while (found := _first_telling(decisions, [r for r in released if r not in binding])) is not None:
        binding.append(found)
        decisions = _decide(now, before, indicators, merkmale, rules, binding)
    cube, groups, secret, sides = decisions.cube, decisions.groups, decisions.secret, decisions.sides
    hidden = decisions.protected.secrets.hidden[:, :, _SIDE_OF_SEX] & cube.present
    mask = hidden[cube.places(eckwerte)]
    open_kennzahlen = _hide_kennzahlen(kennzahlen, cube, groups, sides)
    open_reihe = _hide_kennzahlen(reihe, cube, groups, sides)
    vergleich = compare(
        open_kennzahlen,
        open_reihe,
        jobcenters,
        vergleichstyp_of,
        indicators,
        run_month=run_month,
        schema=vergleich_schema,
        shown=shown,
    )
    summary = {
        name: {
            "cells": int(cube.present[i].sum()),
            "primary": int((hidden[i] & secret[i]).sum()),
            "secondary": int((hidden[i] & ~secret[i]).sum()),
        }
        for i, name in enumerate(cube.merkmale)
        if hidden[i].any()
    }
    opened = _without(eckwerte, {"wert": mask}, mask)
    return Disclosed(opened, open_kennzahlen, vergleich, open_reihe, summary, tuple(r.name for r in binding))


__all__ = ["Disclosed", "EuroCell", "Generation", "Released", "disclose"]
