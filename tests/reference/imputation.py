"""Imputation (methodology 3.11) on top of the reference's cells, written from its text alone; slow and recursive.

A cell asks for its own series, for other jobcenters and for its wholes one at a time; nothing is an array.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from .eckwerte import Cell, Counting, remembered
from .zeit import add_months

GAPS = {"nicht_geliefert", "unplausibel", "nicht_verfuegbar"}
STOCKS = ("elb", "alleinerz", "lzb", "lzb_amp")
EUROS = ("llu", "luh")
EVENTS = ("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb")
WHOLE = {
    "alleinerz": "elb",
    "lzb": "elb",
    "lzb_amp": "lzb",
    "int_svb": "int",
    "int_allein": "int",
    "int_lzb": "int",
    "svb_nach12": "int_svb",
    "svb_kont6": "int_svb",
}
OTHER = {"M": "F", "F": "M"}


class Imputed(Counting):
    """A counting whose gaps of single months are estimated."""

    def __init__(self, deliveries: Any, registry: list[dict[str, Any]]) -> None:
        """Remember the Land of each unit."""
        super().__init__(deliveries, registry)
        self.land = {line["jc_id"]: line["land"] for line in registry}

    def own(self, unit: str, month: str, merkmal: str, sex: str) -> Decimal | None:
        """Return what was delivered or published for a cell, never an estimate."""
        return super().cell(unit, month, merkmal, sex).wert if month in self.months else None

    @remembered
    def estimated(self, unit: str, month: str, merkmal: str, sex: str) -> Cell:
        """Return a cell, estimated where its gap is one that is estimated."""
        found = super().cell(unit, month, merkmal, sex)
        if found.wert is not None or found.grund not in GAPS:
            return found
        of_need_only = merkmal in EUROS and sex != "T" and found.grund == "nicht_verfuegbar"
        if of_need_only and self.own(unit, month, merkmal, "T") is not None:
            return found
        exact = self.estimate(unit, month, merkmal, sex)
        if exact is None:
            return found
        value = nearest(exact, "0.01" if merkmal in EUROS else "1")
        value = max(value, self.at_least(unit, month, merkmal, sex))
        if merkmal in WHOLE:
            whole = self.cell(unit, month, WHOLE[merkmal], sex).wert
            value = value if whole is None else min(value, whole)
        if sex != "T":
            value = min(value, self.left_by_the_other(unit, month, merkmal, sex, value))
        return Cell(value, "", "imputiert")

    def cell(self, unit: str, month: str, merkmal: str, sex: str) -> Cell:
        """Return one Eckwert; see `estimated`."""
        return self.estimated(unit, month, merkmal, sex)

    def estimate(self, unit: str, month: str, merkmal: str, sex: str) -> Fraction | None:
        """Return the exact estimate of a cell, or None where there is nothing to rest it on."""
        if merkmal in STOCKS + EUROS:
            before = self.own(unit, add_months(month, -1), merkmal, sex)
            after = before if month == self.run_month else self.own(unit, add_months(month, 1), merkmal, sex)
            return None if before is None or after is None else (Fraction(before) + Fraction(after)) / 2
        if merkmal not in EVENTS:
            return None
        last_year = add_months(month, -12)
        base = self.own(unit, last_year, merkmal, sex)
        if base is None:
            return None
        now = then = Decimal(0)
        for other in self.units:
            if other == unit or self.land[other] != self.land[unit]:
                continue
            here, there = self.own(other, month, merkmal, sex), self.own(other, last_year, merkmal, sex)
            if here is not None and there is not None:
                now, then = now + here, then + there
        return Fraction(base) * Fraction(now) / Fraction(then) if then else None

    def at_least(self, unit: str, month: str, merkmal: str, sex: str) -> Decimal:
        """Return what the known values of a cell, of its parts and of men and women say that it must reach."""
        known = [self.own(unit, month, merkmal, sex) or Decimal(0)]
        known += [self.at_least(unit, month, part, sex) for part, whole in WHOLE.items() if whole == merkmal]
        if sex == "T":
            known.append(sum((self.at_least(unit, month, merkmal, s) for s in "MF"), Decimal(0)))
        return max(known)

    def left_by_the_other(self, unit: str, month: str, merkmal: str, sex: str, value: Decimal) -> Decimal:
        """Return what the total leaves for men, or women; men are estimated before women."""
        total = self.cell(unit, month, merkmal, "T").wert
        if total is None:
            return value
        other = self.own(unit, month, merkmal, OTHER[sex])
        if other is None and sex == "F":
            other = self.cell(unit, month, merkmal, "M").wert
        if other is None:
            other = self.at_least(unit, month, merkmal, OTHER[sex])
        return max(total - other, Decimal(0))


def nearest(exact: Fraction, step: str) -> Decimal:
    """Return the nearest multiple of a step, ties away from zero."""
    size = Fraction(step)
    steps = int(abs(exact) / size + Fraction(1, 2))
    return (Decimal(steps) * Decimal(step)) * (-1 if exact < 0 else 1)
