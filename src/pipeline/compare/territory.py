"""Totals of Länder, types, kommunal and Bund: which jobcenters hide each other, and which totals cannot be published.

Every hidden number of a jobcenter needs a partner, so that one can be higher by what the other is lower without changing
a published total. Decisions about a single jobcenter stand in `secrecy`; docs/method/geheimhaltung.md has the proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.catalog import Jobcenter
from pipeline.compare.chains import any_in_year
from pipeline.compare.cube import ONE, Cube
from pipeline.compare.exact import Bools, Ints
from pipeline.compare.secrecy import PAIR, SEXES_OF, TOTAL, Secrets

_LAST_CHOICE = np.int64(1) << 60
_NO_CHOICE = np.int64(1) << 61
_OTHER_TYPE = np.int64(1) << 58


@dataclass(frozen=True)
class Groups:
    """The groups that totals are published for: (level, name) and which jobcenters belong, [group, jobcenter]."""

    names: tuple[tuple[str, str], ...]
    members: Bools
    land: Ints
    kommunal: Bools
    vergleichstyp: Ints

    def rows(self, level: str) -> Ints:
        """Return the places of the groups of a level."""
        return np.array([i for i, (name, _) in enumerate(self.names) if name == level], dtype=np.int64)

    def land_of(self, jobcenter: int) -> int:
        """Return the place of the Land that a member belongs to."""
        return int(self.rows("land")[self.land[jobcenter]])

    def atoms(self) -> list[Ints]:
        """Return the jobcenters of each Land and Trägerform: within them a shift changes no total but that of types."""
        keys = [(int(land), bool(k)) for land, k in zip(self.land, self.kommunal, strict=True)]
        return [
            np.array([i for i, key in enumerate(keys) if key == atom], dtype=np.int64)
            for atom in sorted({key for key in keys if key[0] >= 0})
        ]


def groups_of(jc_ids: Sequence[str], jobcenters: Sequence[Jobcenter], vergleichstyp_of: Mapping[str, str]) -> Groups:
    """Return the groups of the member jobcenters; units of the table that are no members belong to none."""
    by_id = {jobcenter.jc_id: jobcenter for jobcenter in jobcenters}
    laender = sorted({jobcenter.land for jobcenter in jobcenters})
    types = sorted({vergleichstyp_of[jc_id] for jc_id in by_id if vergleichstyp_of.get(jc_id)})
    land = np.array([laender.index(by_id[i].land) if i in by_id else -1 for i in jc_ids], dtype=np.int64)
    kommunal = np.array([i in by_id and by_id[i].traeger == "zkT" for i in jc_ids], dtype=bool)
    typed = [types.index(vergleichstyp_of[i]) if i in by_id and vergleichstyp_of.get(i) else -1 for i in jc_ids]
    vergleichstyp = np.array(typed, dtype=np.int64)
    names = [("land", name) for name in laender] + [("vergleichstyp", name) for name in types]
    members = [land == i for i in range(len(laender))] + [vergleichstyp == i for i in range(len(types))]
    names += [("kommunal", "kommunal"), ("bund", "bund")]
    members += [kommunal, land >= 0]
    return Groups(tuple(names), np.array(members, dtype=bool), land, kommunal, vergleichstyp)


@dataclass(frozen=True)
class Shown:
    """Counts that earlier releases have shown, [merkmal, jobcenter, sex, month]: as they are now, or as they were."""

    known: Bools
    changed: Bools

    @staticmethod
    def nothing(cube: Cube) -> Shown:
        """Return what readers know before the first release."""
        none = np.zeros_like(cube.present)
        return Shown(none, none)


@dataclass(frozen=True)
class Protected:
    """Decisions of `within_jobcenters` with partners added; `totals` [group, merkmal, side, month] are not published.

    A total over several months is not published if it holds one of the months of `totals`.
    """

    secrets: Secrets
    totals: Bools


@dataclass(frozen=True)
class _Told:
    """What readers know from earlier releases of the counts [merkmal, jobcenter, month] of one side.

    `some`: at least one sex as it is now. `settled`: all of them, or one that was other than it is now; neither needs a
    partner, the latter as no total holds it.
    """

    some: Bools
    settled: Bools
    changed: Bools

    @staticmethod
    def of(cube: Cube, shown: Shown, side: int) -> _Told:
        sexes = SEXES_OF[side]
        there = cube.present[:, :, sexes]
        known = shown.known[:, :, sexes] & there
        changed = np.asarray(shown.changed[:, :, sexes].any(axis=2))
        every = np.asarray((known | ~there).all(axis=2))
        return _Told(np.asarray(known.any(axis=2)), every | changed, changed)


def _satisfied(values: Ints, chosen: Bools, side: int) -> Bools:
    """Return per month whether the chosen jobcenters of an atom hide each other; values [jobcenter, sex, month]."""
    count = chosen.sum(axis=0)
    sums = (values * chosen[:, None, :]).sum(axis=0)
    if side == TOTAL:
        return np.asarray((count > 1) & (sums[0] > count * ONE), dtype=bool)
    apart = (sums.min(axis=0) >= ONE) & (sums.sum(axis=0) > 3 * ONE)
    return np.asarray((count > 1) & apart, dtype=bool)


def _useless(cube: Cube, secrets: Secrets, merkmal: int, side: int) -> Bools:
    """Return [jobcenter, month] where men and women cannot be shifted: both are zero and the published T says so."""
    if side == TOTAL:
        return np.zeros(cube.values.shape[1:2] + cube.values.shape[3:], dtype=bool)
    published = ~(secrets.hidden[merkmal, :, TOTAL] | secrets.barred[merkmal, :, TOTAL])
    return np.asarray(published & (cube.values[merkmal, :, 1:].sum(axis=1) == 0), dtype=bool)


def _wholes_first(cube: Cube) -> list[int]:
    """Return the merkmale in an order in which a whole stands before its parts."""
    depth = dict.fromkeys(cube.merkmale, 0)
    for part, whole in reversed(cube.parts):
        depth[part] = max(depth[part], depth[whole] + 1)
    return [cube.merkmale.index(name) for name in sorted(cube.merkmale, key=depth.__getitem__)]


def _movable(cube: Cube, secrets: Secrets, merkmal: int, side: int) -> Bools:
    """Return [jobcenter, month] where a hidden count could also be higher: no published whole says that it cannot."""
    out = ~_useless(cube, secrets, merkmal, side)
    sexes = SEXES_OF[side]
    for part, whole in cube.parts:
        if cube.merkmale[merkmal] == part:
            w = cube.merkmale.index(whole)
            full = (cube.values[merkmal, :, sexes] >= cube.values[w, :, sexes]) & cube.present[w, :, sexes]
            out &= ~(full.any(axis=1) & ~secrets.hidden[w, :, side] & ~secrets.barred[w, :, side])
    return out


def _add_partners(
    cube: Cube, groups: Groups, secrets: Secrets, totals: Bools, atom: Ints, side: int, told: _Told
) -> None:
    """Bar for every month that needs it more jobcenters of the atom, those with the smallest sums so far first.

    Those whose count readers know from an earlier release hide nothing and need no partner.

    Where the atom has too few that help, the total of its Land is barred; `unsafe_totals` then withholds a second one. Where
    it has too few because readers know them, no total is given that holds a count in need of a partner.
    """
    sexes = SEXES_OF[side]
    types = groups.vergleichstyp[atom]
    for merkmal in _wholes_first(cube):
        counted: Bools = np.asarray(cube.present[merkmal, atom, sexes].any(axis=1))
        barred = secrets.barred[merkmal, atom, side] & counted
        if not barred.any():
            continue
        values = np.where(cube.present[merkmal, atom, sexes], cube.values[merkmal, atom, sexes], 0)
        movable = _movable(cube, secrets, merkmal, side)[atom] & ~told.some[merkmal, atom]
        usable = movable & np.asarray(cube.present[merkmal, atom, sexes].all(axis=1))
        so_far = np.cumsum(values.sum(axis=1), axis=1)
        first = np.argmax(barred, axis=0)
        so_far = so_far + np.where(types[:, None] != types[first][None, :], _OTHER_TYPE, 0)
        so_far = np.where(values.sum(axis=1) < 2 * ONE, so_far + _LAST_CHOICE, so_far)
        for _ in atom:
            in_need = barred & ~told.settled[merkmal, atom]
            exposed = in_need.any(axis=0) & ~_satisfied(values, barred & movable, side)
            size = np.where((usable & ~barred)[:, exposed], so_far[:, exposed], _NO_CHOICE)
            partner = size.argmin(axis=0)
            found = size[partner, np.arange(len(partner))] < _NO_CHOICE
            if not found.any():
                break
            barred[partner[found], np.flatnonzero(exposed)[found]] = True
        secrets.barred[merkmal, atom, side] |= barred
        useful, in_need = barred & ~told.some[merkmal, atom], barred & ~told.settled[merkmal, atom]
        exposed = (useful.sum(axis=0) > 1) & ~_satisfied(values, barred & movable, side)
        totals[groups.land_of(int(atom[0])), merkmal, side] |= exposed
        spent = exposed & told.some[merkmal, atom].any(axis=0)
        for place, unit in enumerate(atom.tolist()):
            totals[groups.members[:, unit], merkmal, side] |= spent & in_need[place]


def _lonely(cube: Cube, groups: Groups, secrets: Secrets, totals: Bools, side: int, told: _Told) -> None:
    """Pair jobcenters that are alone in their Land and Trägerform with one elsewhere; bar the totals that tell them apart.

    Those totals are the ones that hold exactly one of the two. Chosen is the partner that costs the fewest totals, then
    one that is hidden anyway, then the smallest.
    """
    sexes = SEXES_OF[side]
    counted = cube.present[:, :, sexes].any(axis=2)
    complete: Bools = np.asarray(cube.present[:, :, sexes].all(axis=2))
    barred: Bools = secrets.barred[:, :, side] & counted
    useful, in_need = barred & ~told.some, barred & ~told.settled
    alone = np.zeros(barred.shape, dtype=bool)
    for atom in groups.atoms():
        inside = useful[:, atom]
        alone[:, atom] = in_need[:, atom] & (np.sum(inside, axis=1, keepdims=True) == inside)
    movable = [_movable(cube, secrets, merkmal, side) for merkmal in range(len(cube.merkmale))]
    for merkmal, unit, month in np.argwhere(alone).tolist():
        apart = groups.members != groups.members[:, [unit]]
        cost = apart.sum(axis=0) * 4 - 2 * barred[merkmal, :, month]
        values = cube.values[merkmal, :, sexes, month].sum(axis=1)
        cost = cost + (values < 2 * ONE)
        usable = complete[merkmal, :, month] & (groups.land >= 0)
        usable &= movable[merkmal][:, month] & ~told.some[merkmal, :, month]
        usable[unit] = False
        if not usable.any():
            totals[groups.members[:, unit], merkmal, side, month] = True
            continue
        candidates = np.flatnonzero(usable & (cost == cost[usable].min()))
        partner = candidates[values[candidates].argmin()]
        secrets.barred[merkmal, partner, side, month] = True
        totals[apart[:, partner], merkmal, side, month] = True


def _types(cube: Cube, groups: Groups, secrets: Secrets, totals: Bools, side: int, told: _Told) -> None:
    """Bar the totals of types with hidden jobcenters in months in which a partner has another type."""
    rows = groups.rows("vergleichstyp")
    if not len(rows):
        return
    barred = secrets.barred[:, :, side] & cube.present[:, :, SEXES_OF[side]].any(axis=2)
    useful, in_need = barred & ~told.some, barred & ~told.settled
    unsafe = np.zeros((len(cube.merkmale), cube.months), dtype=bool)
    for atom in groups.atoms():
        for vergleichstyp in sorted(set(groups.vergleichstyp[atom].tolist())):
            inside = atom[groups.vergleichstyp[atom] == vergleichstyp]
            unsafe |= in_need[:, inside].any(axis=1) & (useful[:, inside].sum(axis=1) <= 1)
    for row in rows.tolist():
        totals[row, :, side] |= unsafe & barred[:, groups.members[row]].any(axis=1)


def protect(cube: Cube, groups: Groups, secrets: Secrets, shown: Shown) -> Protected:
    """Return the decisions with a partner for every hidden number, and the totals that remain unsafe.

    A hidden number that readers know as it was before a revision is in no total: the difference of two totals would tell what
    has become of it, whoever else is hidden in both.
    """
    work = Secrets(secrets.hidden.copy(), secrets.barred.copy())
    totals = np.zeros((len(groups.names), len(cube.merkmale), 2, cube.months), dtype=bool)
    for side in (TOTAL, PAIR):
        told = _Told.of(cube, shown, side)
        for atom in groups.atoms():
            _add_partners(cube, groups, work, totals, atom, side, told)
        _lonely(cube, groups, work, totals, side, told)
        _types(cube, groups, work, totals, side, told)
        revised = work.barred[:, :, side] & told.changed
        for row, members in enumerate(groups.members):
            totals[row, :, side] |= revised[:, members].any(axis=1)
        if side == TOTAL:
            work.barred[:, :, PAIR] |= work.barred[:, :, TOTAL]
    one_withheld = cube.withheld[:, :, 1] ^ cube.withheld[:, :, 2]
    for row in range(len(groups.names)):
        totals[row, :, PAIR] |= (one_withheld & cube.present[:, :, 0])[:, groups.members[row]].any(axis=1)
    return Protected(Secrets(work.hidden | work.barred, work.barred), totals)


@dataclass(frozen=True)
class Quantity:
    """One side of an indicator as published for every group: which jobcenters are in the total, and with what.

    `values`, `included` and `known` (readers have it from earlier releases) are [jobcenter, sex, month], `hidden` [jobcenter,
    side, month].
    """

    values: Ints
    included: Bools
    hidden: Bools
    known: Bools


def unsafe_totals(quantity: Quantity, groups: Groups, too_small: Bools, barred: Bools) -> Bools:
    """Return the totals [group, side, month] that are not published.

    `barred` is `Protected.totals` for this quantity, `too_small` [group, sex, month] tells totals that are secret in
    themselves. Added are totals with a single hidden jobcenter, and for a Land that would follow from the Bund and the
    other Länder, a second Land with hidden jobcenters; if there is none, the Bund.
    """
    weights = groups.members.astype(np.float64)
    out = barred.copy()
    for side in (TOTAL, PAIR):
        included = quantity.included[:, SEXES_OF[side]]
        concealed = included & quantity.hidden[:, side][:, None] & ~quantity.known[:, SEXES_OF[side]]
        count = np.tensordot(weights, concealed.astype(np.float64), axes=(1, 0)).astype(np.int64)
        sums = np.tensordot(weights, np.where(included, quantity.values[:, SEXES_OF[side]], 0), axes=(1, 0))
        out[:, side] |= (too_small[:, SEXES_OF[side]] | (count == 1)).any(axis=1)
        unknown = quantity.hidden[:, side] & ~quantity.known[:, SEXES_OF[side]].all(axis=1)
        _second_total(groups, out[:, side], count.max(axis=1), sums.sum(axis=1), unknown)
    out[:, PAIR] |= out[:, TOTAL]
    return out


def _second_total(groups: Groups, out: Bools, count: Ints, sums: np.ndarray, hidden: Bools) -> None:
    """Complete the withheld totals of one side, in place; all arrays [group or jobcenter, month]."""
    laender, types = groups.rows("land"), groups.rows("vergleichstyp")
    kommunal, bund = int(groups.rows("kommunal")[0]), int(groups.rows("bund")[0])
    concerned = out[laender].any(axis=0) & ~out[bund]
    for month in np.flatnonzero(concerned).tolist():
        withheld = laender[out[laender, month]]
        others = laender[~out[laender, month] & (count[laender, month] > 0)]
        if len(withheld) == 1 and not len(others):
            out[bund, month] = True
            continue
        if len(withheld) == 1:
            second = others[sums[others, month].argmin()]
            out[second, month] = True
            withheld = np.append(withheld, second)
        inside = hidden[:, month][None, :] & groups.members[withheld]
        by_body = np.array([(inside & groups.kommunal).any(axis=1), (inside & ~groups.kommunal).any(axis=1)])
        if not (by_body.sum(axis=1) == len(withheld)).any():
            out[kommunal, month] = True
        out[types, month] |= count[types, month] > 0
    mixed = out[types].any(axis=0) if len(types) else np.zeros(out.shape[1], dtype=bool)
    for month in np.flatnonzero(mixed).tolist():
        out[types, month] |= count[types, month] > 0
    if len(types):
        single = (out[types].sum(axis=0) == 1) & ~out[bund] & (groups.vergleichstyp[groups.land >= 0] >= 0).all()
        out[bund] |= single


def over_year(marked: Bools, months: int) -> Bools:
    """Return where a sum over `months` (1 or 12) months holds a marked month."""
    return marked if months == 1 else any_in_year(marked)
