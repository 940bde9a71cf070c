"""Estimates for single months that a jobcenter's deliveries leave out, made only if the switch `imputer` asks for it.

Works on the assembled cells of both routes; every estimate rests on own values alone, is exact until it is rounded, and is
marked as imputed. docs/method/imputation.md explains the rules to readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from pipeline.catalog import SEXES, Merkmal, parts_and_wholes
from pipeline.count.eckwerte import Cells, Ints
from pipeline.count.reconciling import HAVE

REASONS = ("nicht_geliefert", "unplausibel", "nicht_verfuegbar")
"""Reasons of gaps that are estimated; all others say something that an estimate would hide."""

ONE = 100
LAST_YEAR = 12
T, M, F = range(3)
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Estimates:
    """Estimates in hundredths, rounded but not yet bounded, and where there is one; arrays as in Cells."""

    value: Ints
    there: Bools


def imputed(
    cells: Cells, merkmale: Mapping[str, Merkmal], rank_of: Mapping[str, int], land_of: Mapping[str, str]
) -> Cells:
    """Return the cells with single gaps filled: stocks and euro sums from the months beside, events from last year's.

    `rank_of` gives the rank of a reason, `land_of` the Land of a unit. Source: methodology 3.11.
    """
    gaps = np.isin(cells.rank, [rank_of[reason] for reason in REASONS])
    _keep_units_of_need(gaps, cells, merkmale, rank_of["nicht_verfuegbar"])
    estimates = _Estimates(np.zeros_like(cells.value), np.zeros(cells.value.shape, np.bool_))
    for column, name in enumerate(cells.merkmale):
        merkmal = merkmale[name]
        unit = 1 if merkmal.kind == "euro" else ONE
        if merkmal.kind in ("stock", "euro"):
            _from_neighbours(estimates, cells, gaps, column, unit)
        elif merkmal.kind == "event" and "beschaeftigung" not in merkmal.needs:
            _from_last_year(estimates, cells, gaps, column, land_of)
    return _bounded(estimates, cells, merkmale)


def _keep_units_of_need(gaps: Bools, cells: Cells, merkmale: Mapping[str, Merkmal], unavailable: int) -> None:
    """Leave men and women of a euro sum alone where the total is known: their amounts belong to units of need only."""
    euro = np.array([merkmale[name].kind == "euro" for name in cells.merkmale])
    known = (cells.rank[:, :, :1] == HAVE) & euro
    gaps[:, :, M:] &= ~(known & (cells.rank[:, :, M:] == unavailable))


def _from_neighbours(estimates: _Estimates, cells: Cells, gaps: Bools, column: int, unit: int) -> None:
    """Estimate gaps of one month: the mean of the months before and after, at the edge the month before."""
    own = cells.rank[..., column] == HAVE
    last = len(cells.months) - 1
    for month, jc, sex in np.argwhere(gaps[1:, :, :, column]).tolist():
        here = month + 1
        if not own[month, jc, sex] or (here < last and not own[here + 1, jc, sex]):
            continue
        before = int(cells.value[month, jc, sex, column])
        after = int(cells.value[here + 1, jc, sex, column]) if here < last else before
        estimates.value[here, jc, sex, column] = rounded(Fraction(before + after, 2), unit)
        estimates.there[here, jc, sex, column] = True


def _from_last_year(estimates: _Estimates, cells: Cells, gaps: Bools, column: int, land_of: Mapping[str, str]) -> None:
    """Estimate gaps by the own count of the same month last year, carried on as the other jobcenters of the Land went on."""
    lands = np.array([land_of[unit] for unit in cells.units])
    own, value = cells.rank[..., column] == HAVE, cells.value[..., column]
    for month, jc, sex in np.argwhere(gaps[LAST_YEAR:, :, :, column]).tolist():
        here = month + LAST_YEAR
        if not own[month, jc, sex]:
            continue
        others = (lands == lands[jc]) & own[month, :, sex] & own[here, :, sex]
        others[jc] = False
        then, now = int(value[month, others, sex].sum()), int(value[here, others, sex].sum())
        if then == 0:
            continue
        estimates.value[here, jc, sex, column] = rounded(Fraction(int(value[month, jc, sex]) * now, then), ONE)
        estimates.there[here, jc, sex, column] = True


def rounded(hundredths: Fraction, unit: int) -> int:
    """Return the nearest multiple of `unit` hundredths, ties away from zero."""
    sign = -1 if hundredths < 0 else 1
    return sign * int((abs(hundredths) / unit + Fraction(1, 2)) // 1) * unit


def _bounded(estimates: _Estimates, cells: Cells, merkmale: Mapping[str, Merkmal]) -> Cells:
    """Return the cells with the estimates within what is known: no part above its whole, no men and women above all.

    Wholes come before their parts, T before M before F. What is known goes before what is estimated: an estimated
    whole is raised to its known parts, T to the known M and F.
    """
    value, rank, is_imputed = cells.value.copy(), cells.rank.copy(), np.zeros(cells.value.shape, np.bool_)
    pairs = [(cells.merkmale.index(part), cells.merkmale.index(whole)) for part, whole in parts_and_wholes(merkmale)]
    order = [column for column in range(len(cells.merkmale)) if column not in {part for part, _ in pairs}]
    order += list(dict.fromkeys(part for part, _ in reversed(pairs)))
    for month, jc in np.argwhere(estimates.there.any(axis=(2, 3))).tolist():
        floor = _known_floor(cells, month, jc, pairs)
        for column in order:
            wholes = [whole for part, whole in pairs if part == column]
            for sex in (T, M, F):
                at = (month, jc, sex, column)
                if not estimates.there[at]:
                    continue
                ceilings = [int(value[month, jc, sex, w]) for w in wholes if rank[month, jc, sex, w] == HAVE]
                if sex != T and rank[month, jc, T, column] == HAVE:
                    other = F if sex == M else M
                    settled = rank[month, jc, other, column] == HAVE
                    taken = int(value[month, jc, other, column]) if settled else floor[other][column]
                    ceilings.append(max(int(value[month, jc, T, column]) - taken, 0))
                value[at] = min([max(int(estimates.value[at]), floor[sex][column]), *ceilings])
                rank[at], is_imputed[at] = HAVE, True
    return replace(cells, value=value, rank=rank, imputed=is_imputed)


def _known_floor(cells: Cells, month: int, jc: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return per sex and merkmal what the own values of its parts, and for T those of M and F, add up to at least."""
    known = np.where(cells.rank[month, jc] == HAVE, cells.value[month, jc], 0)
    floor: list[list[int]] = [[0] * len(cells.merkmale) for _ in SEXES]
    for sex in (M, F):
        floor[sex] = known[sex].tolist()
        for part, whole in pairs:
            floor[sex][whole] = max(floor[sex][whole], floor[sex][part])
    floor[T] = [max(int(t), m + f) for t, m, f in zip(known[T], floor[M], floor[F], strict=True)]
    for part, whole in pairs:
        floor[T][whole] = max(floor[T][whole], floor[T][part])
    return floor
