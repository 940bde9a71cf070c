"""How far the hidden counts of a jobcenter can be shifted together: men and women, parts and wholes go along with each other.

A series of which only sums over twelve months are published may hide nothing, although it could be shifted if it stood alone:
a published T ties men to women, a part that cannot fall keeps its whole from falling. A shift moves several series by the same
number, in one calendar month up and in another one down. It changes no published number, so whatever it moves is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pipeline.catalog import SEXES
from pipeline.compare.chains import FAR, YEAR, least, rooms
from pipeline.compare.cube import Cube
from pipeline.compare.exact import Bools, Ints

_SEXES_MOVED = ((1, 1, 0), (1, 0, 1), (0, 1, -1))
"""T, M and F of a shift: T goes with men or with women, or stays, and men and women move against each other."""


Pair = tuple[int, int]
"""(part, whole), places in the cube."""


@dataclass(frozen=True)
class _Shift:
    """A move of some merkmale (their places in the cube), by sex 1, 0 or -1."""

    merkmale: tuple[int, ...]
    sexes: tuple[int, int, int]

    @property
    def cells(self) -> list[tuple[int, int, int]]:
        """Return (merkmal, sex, direction) of the series that move."""
        return [(m, sex, way) for m in self.merkmale for sex, way in enumerate(self.sexes) if way]

    def distance(self, values: Ints, heard: Bools, pairs: Sequence[Pair], sign: int) -> Ints:
        """Return [jobcenter, month] how far all counts can go (sign 1) or go back (-1) at once.

        None falls below zero, no part exceeds its whole; `pairs` are places of parts and wholes.
        """
        out = np.full(values.shape[1::2], FAR)
        for merkmal, sex, way in self.cells:
            if way * sign < 0:
                out = np.minimum(out, np.where(heard[merkmal, :, sex], values[merkmal, :, sex], FAR))
            for part, whole in pairs:
                nearing = (merkmal == part and whole not in self.merkmale and way * sign > 0) or (
                    merkmal == whole and part not in self.merkmale and way * sign < 0
                )
                if nearing:
                    both = heard[part, :, sex] & heard[whole, :, sex]
                    rest = values[whole, :, sex] - values[part, :, sex]
                    out = np.minimum(out, np.where(both, rest, FAR))
        return out

    def rooms(self, values: Ints, present: Bools, heard: Bools, pairs: Sequence[Pair]) -> Ints:
        """Return [calendar month, jobcenter, month] how many further values the counts that move have (`chains.rooms`)."""
        there = [present[merkmal, :, sex] for merkmal, sex, _ in self.cells]
        some, every = np.logical_or.reduce(there), np.logical_and.reduce(there)
        missing = least(np.zeros_like(values[0, :, 0]), every) > 0
        down, up = (
            np.where(missing, 0, np.minimum(least(self.distance(values, heard, pairs, sign), some), FAR))
            for sign in (-1, 1)
        )
        return rooms(down, up)


def _family(cube: Cube, merkmal: int) -> tuple[list[int], list[Pair]]:
    """Return the merkmale of events that a merkmal is a part or a whole of, however far, and all their pairs."""
    pairs = {(cube.merkmale.index(part), cube.merkmale.index(whole)) for part, whole in cube.event_parts}
    while more := {(part, whole) for part, middle in pairs for other, whole in pairs if middle == other} - pairs:
        pairs |= more
    family = {merkmal}
    while grown := {m for pair in pairs if family & set(pair) for m in pair} - family:
        family |= grown
    return sorted(family), sorted(pair for pair in pairs if pair[0] in family)


def movable_counts(cube: Cube, merkmal: int, hidden: Bools, barred: Bools, needed: int) -> Bools:
    """Return [sex, calendar month, jobcenter, month]: some shift moves the merkmal (its place), among its parts and wholes.

    A shift moves only series of which no month is published, and leaves every count of the calendar month so far `needed`
    further values; `hidden` and `barred` as in `secrecy.Secrets`. Series of which nothing is published limit no other: they
    have partners elsewhere (`territory`).
    """
    out = np.zeros((len(SEXES), YEAR, len(cube.jc_ids), cube.months), dtype=bool)
    of_sex = (0, 1, 1)
    closed = np.asarray(hidden.all(axis=3))[:, :, of_sex]
    heard = cube.present & ~np.asarray(barred.all(axis=3))[:, :, of_sex, None]
    family, pairs = _family(cube, merkmal)
    others = [m for m in family if m != merkmal]
    together = [(merkmal, *more) for size in range(len(family)) for more in combinations(others, size)]
    for shift in (_Shift(moved, sexes) for moved in together for sexes in _SEXES_MOVED):
        allowed = np.array([closed[m, :, sex] for m, sex, _ in shift.cells]).all(axis=0)
        if allowed.any():
            room = shift.rooms(cube.values[:, allowed], cube.present[:, allowed], heard[:, allowed], pairs)
            for sex in np.flatnonzero(shift.sexes).tolist():
                out[sex][:, allowed] |= room >= needed
    return out
