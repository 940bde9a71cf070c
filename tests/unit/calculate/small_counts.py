"""Eckwerte of four jobcenters as a table of functions, and the indicators calculated from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa

from pipeline.calculate import Block, block_of, kennzahlen
from pipeline.catalog import load_catalog
from pipeline.months import add_months, month_range
from pipeline.store.schema import arrow_schema

CATALOG = load_catalog()
UNITS = ("t03538", "t04412", "t04502", "t27708")
"""A kommunales Jobcenter of another Land, Saalekreis and Magdeburg of one Land, and a gE of a third."""

Cell = int | Decimal | str
"""A value, or the reason why there is none."""
Counts = Callable[[str, str, str, str], Cell]
"""Cell of (month, unit, sex, merkmal)."""
Key = tuple[str, str, str, str]


def eckwerte(months: Sequence[str], counts: Counts, basis_of: Mapping[str, str]) -> list[pa.Table]:
    """Return one table of Eckwerte for each month."""
    schema = arrow_schema(CATALOG.results["eckwerte"])
    tables = []
    for month in months:
        rows: list[dict[str, Any]] = []
        for unit in UNITS:
            for sex in "TMF":
                for merkmal in CATALOG.merkmale:
                    cell = counts(month, unit, sex, merkmal)
                    reason = cell if isinstance(cell, str) else None
                    rows.append(
                        {
                            "ref_month": month,
                            "jc_id": unit,
                            "geschlecht": sex,
                            "merkmal": merkmal,
                            "wert": None if reason else Decimal(cell),
                            "grund": reason,
                            "basis": basis_of.get(unit, "personen"),
                        }
                    )
        tables.append(pa.Table.from_pylist(rows, schema=schema))
    return tables


def block(
    run_month: str,
    counts: Counts,
    *,
    reach: int = 28,
    without: Sequence[str] = (),
    basis_of: Mapping[str, str] | None = None,
) -> Block:
    """Return the block of the `reach` months up to the run's; months in `without` have no table at all."""
    months = month_range(add_months(run_month, 1 - reach), run_month)
    tables = eckwerte([m for m in months if m not in without], counts, basis_of or {})
    return block_of(tables, months, UNITS, lambda unit, month: "zu_kurze_reihe", CATALOG)


def calculated(
    run_month: str,
    counts: Counts,
    *,
    taking_part: Sequence[str] = UNITS,
    types: dict[str, str] | None = None,
    **more: Any,
) -> dict[Key, dict[str, Any]]:
    """Return the indicator rows by (level, area, definition, sex)."""
    members = [CATALOG.jobcenters[unit] for unit in UNITS]
    table = kennzahlen(
        block(run_month, counts, **more), run_month, members, frozenset(taking_part), types or {}, CATALOG
    )
    rows = table.to_pylist()
    found = {(r["ebene"], r["gebiet"], r["definition"], r["geschlecht"]): r for r in rows}
    assert len(found) == len(rows)
    return found


@lru_cache(maxsize=8)
def plain(run_month: str) -> dict[Key, dict[str, Any]]:
    """Return the indicators of a country where every count differs and none is missing."""
    return calculated(run_month, telling)


def telling(month: str, unit: str, sex: str, merkmal: str) -> int:
    """Return a count that says of which cell it is: a shifted month, unit, sex or merkmal changes every sum."""
    year, number = int(month[:4]), int(month[5:])
    moment = (year - 2014) * 12 + number
    size = 1 + UNITS.index(unit)
    part = {"T": 10, "M": 4, "F": 5}[sex]
    return (1000 + moment * moment + 7 * list(CATALOG.merkmale).index(merkmal)) * size * part
