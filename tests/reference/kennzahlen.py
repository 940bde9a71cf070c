"""The sixteen indicators as exact arithmetic on the Eckwerte (contract, section 4)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .eckwerte import Cell, Counting, as_day, strongest
from .schalter import Switches
from .zeit import add_months, months_between


@dataclass(frozen=True)
class Formula:
    """One indicator: which Eckwerte of which months are divided by which."""

    kennzahl: str
    zaehler: str
    zaehler_months: tuple[int, int]
    """First and last month of the numerator, relative to ref_month."""
    nenner: str
    nenner_months: tuple[int, int]
    nenner_monate: int = 1
    is_change: bool = False
    definition: str = ""
    """`2011` or `2019` if fixed; empty if it follows from the month."""
    uses_support_lists: bool = False


FORMULAS = (
    Formula("K1", "llu", (0, 0), "llu", (-12, -12), is_change=True),
    Formula("K1E1", "luh", (0, 0), "luh", (-12, -12), is_change=True),
    Formula("K1E2", "elb", (0, 0), "elb", (-12, -12), is_change=True),
    Formula("K1E3", "elb_zugang", (-11, 0), "elb", (-11, 0)),
    Formula("K1E4", "elb_abgang", (-11, 0), "elb", (-12, -1)),
    Formula("K2", "int", (-11, 0), "elb", (-12, -1), 12, uses_support_lists=True),
    Formula("K2E1", "bs_gering", (-11, 0), "elb", (-12, -1), 12, uses_support_lists=True),
    Formula("K2E2", "bs_2am", (-11, 0), "elb", (-12, -1), 12, uses_support_lists=True),
    Formula("K2E3", "svb_nach12", (-23, -12), "int_svb", (-23, -12), definition="2011"),
    Formula("K2E3", "svb_kont6", (-17, -6), "int_svb", (-17, -6), definition="2019"),
    Formula("K2E4", "int_allein", (-11, 0), "alleinerz", (-12, -1), 12, uses_support_lists=True),
    Formula("K3", "lzb", (0, 0), "lzb", (-12, -12), is_change=True),
    Formula("K3E1", "int_lzb", (-11, 0), "lzb", (-12, -1), 12, uses_support_lists=True),
    Formula("K3E2", "lzb_amp", (0, 0), "lzb", (0, 0), uses_support_lists=True),
    Formula("K3E3", "lzb_zugang", (-11, 0), "lzb", (-11, 0)),
    Formula("K3E4", "lzb_abgang", (-11, 0), "lzb", (-12, -1)),
)


@dataclass(frozen=True)
class Sides:
    """Numerator and denominator of one jobcenter, each with its value or the reason why there is none."""

    zaehler: Decimal | None
    nenner: Decimal | None
    grund: str
    bases: frozenset[str]

    @property
    def is_complete(self) -> bool:
        """Tell whether both sides have a value (zero is one)."""
        return self.zaehler is not None and self.nenner is not None


def switched(formula: Formula, by: Switches) -> Formula:
    """Return K2E3 with the months that the switches give it; every other formula is fixed."""
    if formula.kennzahl == "K2E3" and not by["k2e3_cohort"]:
        formula = replace(formula, nenner_months=(-11, 0))
    return formula


def lag_of(formula: Formula, by: Switches) -> int:
    """Return how many months before the run's the last check month of an indicator lies."""
    if formula.kennzahl != "K2E3":
        return 0
    return int(by["k2e3neu_lag"]) - 4 if formula.definition == "2019" else 4


def ref_month_of(formula: Formula, run_month: str, by: Switches) -> str:
    """Return the reference month that a run yields an indicator for."""
    earlier = 6 if formula.definition == "2019" and by["k2e3neu_label"] == "integration_month" else 0
    return add_months(run_month, -lag_of(formula, by) - earlier)


def definition_of(formula: Formula, run_month: str, by: Switches) -> str:
    """Return the name of the definition that a run's value follows."""
    if formula.definition:
        return f"{formula.kennzahl}@{formula.definition}"
    new = formula.uses_support_lists and ref_month_of(formula, run_month, by) >= by["list2019_from"]
    return f"{formula.kennzahl}@{'2019' if new else '2011'}"


def is_in_force(formula: Formula, run_month: str, by: Switches) -> bool:
    """Tell whether a definition is the one in force for a run."""
    if formula.kennzahl != "K2E3":
        return True
    return (formula.definition == "2019") == (run_month >= by["k2e3_switch"])


def window_sum(
    counting: Counting, unit: str, merkmal: str, months: list[str], sex: str
) -> tuple[Decimal | None, list[Cell]]:
    """Sum one Eckwert over a window; one missing month makes the sum missing."""
    cells = [counting.cell(unit, month, merkmal, sex) for month in months]
    values = [cell.wert for cell in cells if cell.wert is not None]
    return (sum(values, Decimal(0)) if len(values) == len(cells) else None), cells


def sides_of(counting: Counting, unit: str, formula: Formula, sex: str) -> Sides:
    """Compute both sides of an indicator for one jobcenter."""
    formula = switched(formula, counting.by)
    ref_month = add_months(counting.run_month, -lag_of(formula, counting.by))
    zaehler_months, nenner_months = (
        months_between(add_months(ref_month, first), add_months(ref_month, last))
        for first, last in (formula.zaehler_months, formula.nenner_months)
    )
    zaehler, upper = window_sum(counting, unit, formula.zaehler, zaehler_months, sex)
    nenner, lower = window_sum(counting, unit, formula.nenner, nenner_months, sex)
    cells = upper + lower
    return Sides(zaehler, nenner, strongest(cell.grund for cell in cells), frozenset(cell.basis for cell in cells))


def percent(formula: Formula, zaehler: Decimal, nenner: Decimal) -> Fraction:
    """Return the exact value of an indicator in percent."""
    quotient = Fraction(zaehler) / (Fraction(nenner) / formula.nenner_monate)
    return (quotient - 1) * 100 if formula.is_change else quotient * 100


def displayed(value: Fraction, by: Switches) -> Decimal:
    """Round to one decimal, ties away from zero (or to the even tenth); never minus zero."""
    tenths = round(abs(value) * 10) if by["rounding_mode"] == "half_even" else int(abs(value) * 10 + Fraction(1, 2))
    rounded = Decimal(tenths) / 10
    return (-rounded if value < 0 and tenths else rounded).quantize(Decimal("0.1"))


def one_basis(bases: frozenset[str]) -> str:
    """Return the single basis of the cells, or what a mixture is called."""
    if "imputiert" in bases:
        return "imputiert"
    return next(iter(bases)) if len(bases) == 1 else "gemischt"


def _row(
    formula: Formula, counting: Counting, area: tuple[str, str], sex: str, *, sides: Sides, hinweise: str = ""
) -> dict[str, Any]:
    """Build one row of the table of indicators."""
    run_month, by = counting.run_month, counting.by
    exact, grund = None, sides.grund
    if sides.is_complete:
        assert sides.zaehler is not None and sides.nenner is not None
        grund = "" if sides.nenner else "nenner_null"
        exact = percent(formula, sides.zaehler, sides.nenner) if sides.nenner else None
    return {
        "ref_month": ref_month_of(formula, run_month, by),
        "ebene": area[0],
        "gebiet": area[1],
        "kennzahl": formula.kennzahl,
        "definition": definition_of(formula, run_month, by),
        "in_kraft": is_in_force(formula, run_month, by),
        "geschlecht": sex,
        "zaehler": sides.zaehler,
        "nenner_summe": sides.nenner,
        "nenner_monate": formula.nenner_monate,
        "wert": None if exact is None else exact.numerator / exact.denominator,
        "wert_anzeige": None if exact is None else displayed(exact, by),
        "grund": grund,
        "hinweise": hinweise,
        "basis": one_basis(sides.bases),
        "wert_exakt": exact,
    }


def members(counting: Counting, registry: list[dict[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """Return the member jobcenters on S(run month) of every area above the jobcenter."""
    stichtag = counting.zeit.stichtag(counting.run_month)
    result: dict[tuple[str, str], list[str]] = {}
    for line in registry:
        unit = line["jc_id"]
        valid = as_day(line["valid_from"], dt.date.min) <= stichtag <= as_day(line["valid_to"], dt.date.max)
        if not valid or unit not in counting.units:
            continue
        areas = [("land", line["land"]), ("bund", "bund")]
        if line["traeger"] == "zkT":
            areas.append(("kommunal", "kommunal"))
        if line.get("vergleichstyp"):
            areas.append(("vergleichstyp", line["vergleichstyp"]))
        for area in areas:
            result.setdefault(area, []).append(unit)
    return result


def summed(counting: Counting, units: list[str], formula: Formula, sex: str) -> tuple[Sides, str]:
    """Add up the jobcenters of an area that have both sides, and say how many were left out."""
    known = [unit for unit in units if counting.ever_delivered(unit)]
    all_sides = [sides_of(counting, unit, formula, sex) for unit in known]
    complete = [sides for sides in all_sides if sides.is_complete]
    hinweise = f"ausgelassen={len(known) - len(complete)}"
    if complete:
        zaehler = sum((sides.zaehler for sides in complete if sides.zaehler is not None), Decimal(0))
        nenner = sum((sides.nenner for sides in complete if sides.nenner is not None), Decimal(0))
        return Sides(zaehler, nenner, "", frozenset().union(*(sides.bases for sides in complete))), hinweise
    if not all_sides:
        all_sides = [sides_of(counting, unit, formula, sex) for unit in units]
    grund = strongest(sides.grund for sides in all_sides)
    return Sides(None, None, grund, frozenset().union(*(sides.bases for sides in all_sides))), hinweise


def rows(counting: Counting, registry: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the whole table of indicators of a run."""
    areas = members(counting, registry)
    result = []
    for formula in FORMULAS:
        for sex in ("T", "M", "F"):
            for unit in counting.units:
                sides = sides_of(counting, unit, formula, sex)
                result.append(_row(formula, counting, ("jobcenter", unit), sex, sides=sides))
            for area, units in sorted(areas.items()):
                sides, hinweise = summed(counting, units, formula, sex)
                result.append(_row(formula, counting, area, sex, sides=sides, hinweise=hinweise))
    return result
