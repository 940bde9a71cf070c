"""Hand-made base counts through the pipeline's calculation: table in, table out, no files.

A row of base counts is: merkmal, month or `first..last`, one value for all the months or one for each (or why it is missing).
An expected row is: reference month, area, indicator and version, numerator / denominator, what is shown (or why nothing is).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipeline.calculate import block_of, kennzahlen
from pipeline.catalog import Catalog, Jobcenter, load_catalog
from pipeline.months import add_months, month_range
from pipeline.store.schema import arrow_schema
from spec.cases import Case, rows

Row = dict[str, Any]
REACH_MONTHS = 30
LAND = "Saarland"
NOT_GIVEN = "nicht_geliefert"


def calculated(case: Case, switches: Mapping[str, str] | None = None) -> list[str]:
    """Return the rows that the expected table of a case asks for, as the pipeline calculates them (with switches)."""
    catalog = load_catalog().with_switches(switches or {})
    given = {name or "X": _cells(table) for name, table in case.given.items()}
    runs: dict[str, list[Row]] = {}
    found = []
    for line in case.expected:
        month, area, definition, *_ = line.split()
        indicator, _, version = definition.partition("@")
        run_month = add_months(month, catalog.indicators[indicator].lag_of(f"@{version}"))
        if run_month not in runs:
            runs[run_month] = _kennzahlen(given, run_month, catalog)
        (row,) = (
            r
            for r in runs[run_month]
            if (r["ref_month"], r["gebiet"], r["definition"], r["geschlecht"]) == (month, area, definition, "T")
        )
        sides = f"{_number(row['zaehler'])} / {_number(row['nenner_summe'], row['nenner_monate'])}"
        shown = row["grund"] or row["wert_anzeige"]
        found.append(f"{month} {area} {definition} {sides} {shown}")
    return found


def in_force(run_month: str, switches: Mapping[str, str] | None = None) -> set[str]:
    """Return the versions that are in force in the run for a month."""
    catalog = load_catalog().with_switches(switches or {})
    return {str(r["definition"]) for r in _kennzahlen({"X": {}}, run_month, catalog) if r["in_kraft"]}


def _cells(table: str) -> dict[tuple[str, str], str]:
    """Return (month, merkmal) -> value or reason."""
    cells: dict[tuple[str, str], str] = {}
    for line in rows(table):
        merkmal, span, *values = line.split()
        first, _, last = span.partition("..")
        months = month_range(first, last or first)
        each = values * len(months) if len(values) == 1 else values
        cells |= {(month, merkmal): value for month, value in zip(months, each, strict=True)}
    return cells


def _kennzahlen(given: Mapping[str, Mapping[tuple[str, str], str]], run_month: str, catalog: Catalog) -> list[Row]:
    schema = arrow_schema(catalog.results["eckwerte"])
    months = month_range(add_months(run_month, -REACH_MONTHS), run_month)
    tables = []
    for month in sorted({m for cells in given.values() for m, _ in cells} & set(months)):
        rows_of_month = [
            _eckwert(month, jobcenter, merkmal, cells.get((month, merkmal), NOT_GIVEN))
            for jobcenter, cells in given.items()
            for merkmal in catalog.merkmale
        ]
        tables.append(pa.Table.from_pylist(rows_of_month, schema=schema))
    block = block_of(tables, months, list(given), lambda unit, month: NOT_GIVEN, catalog)
    members = [Jobcenter(unit, unit, LAND, "zkT", ("00000",), date(2011, 1, 1), None) for unit in given]
    result = kennzahlen(block, run_month, members, frozenset(given), {}, catalog)
    found: list[Row] = result.to_pylist()
    return found


def _eckwert(month: str, jobcenter: str, merkmal: str, value: str) -> Row:
    number = not value.replace("_", "").isalpha()
    return {
        "ref_month": month,
        "jc_id": jobcenter,
        "geschlecht": "T",
        "merkmal": merkmal,
        "wert": Decimal(value).quantize(Decimal("0.01")) if number else None,
        "grund": None if number else value,
        "basis": "personen",
    }


def _number(value: object, divisor: int = 1) -> str:
    return "-" if value is None else f"{(Decimal(str(value)) / divisor).normalize():f}"
