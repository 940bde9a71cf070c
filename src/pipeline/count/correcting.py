"""Corrections of published counts: a reviewed entry takes the place of a delivered cell, as long as it is delivered as expected.

The staged delivery stays as it came; only what enters the Eckwerte is corrected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pyarrow as pa

from pipeline.catalog import Catalog, Correction
from pipeline.store import Finding


def corrected(
    deliveries: Mapping[str, pa.Table], corrections: Sequence[Correction], catalog: Catalog
) -> tuple[dict[str, pa.Table], list[Correction], list[Finding]]:
    """Return the staged `eckwerte` by month with the corrections applied, the applied ones, and findings on all of them.

    A correction whose cell is not delivered as expected is left out; its finding is critical and stops the publication.
    """
    tables = dict(deliveries)
    applied: list[Correction] = []
    findings: list[Finding] = []

    def find(rule: str, entry: Correction, message: str, value: str) -> None:
        declared = catalog.rules[rule]
        findings.append(
            Finding(
                rule,
                declared.severity,
                "count",
                f"correction {entry.id}: {message}",
                table="eckwerte",
                ref_month=entry.ref_month,
                jc_id=entry.jc_id,
                column=f"{entry.merkmal} {entry.geschlecht}",
                value=value,
                action=declared.action_de,
            )
        )

    for entry in corrections:
        table = tables.get(entry.ref_month)
        if table is None:
            find("CORRECTION-UNUSED", entry, f"nothing is delivered for {entry.ref_month}", "")
            continue
        rows = [i for i, cell in enumerate(_cells(table)) if cell == entry.cell[1:]]
        found = sorted({_said(table, row) for row in rows})
        if found != [_canonical(entry.expect)]:
            text = " and ".join(found) or "nothing"
            find(
                "CORRECTION-REPAIRED",
                entry,
                f"expects {entry.expect} but {text} is delivered; it is not applied. Remove the entry if the publisher has "
                "repaired the error, else review it",
                text,
            )
            continue
        tables[entry.ref_month] = _with_value(table, rows, entry.value, catalog)
        applied.append(entry)
        find(
            "CORRECTION-APPLIED", entry, f"{entry.value} counts instead of {entry.expect}: {entry.reason}", entry.expect
        )
    return tables, applied, findings


def _cells(table: pa.Table) -> list[tuple[str, ...]]:
    return list(zip(*(table.column(name).to_pylist() for name in ("jc_id", "geschlecht", "merkmal")), strict=True))


def _canonical(text: str) -> str:
    """Return a number without idle zeros, a sign as it is."""
    try:
        value = Decimal(text)
    except ArithmeticError:
        return text
    return f"{value.normalize():f}" if value.is_finite() else text


def _said(table: pa.Table, row: int) -> str:
    sign = table.column("zeichen")[row].as_py()
    return str(sign) if sign is not None else _canonical(str(table.column("wert")[row].as_py()))


def _with_value(table: pa.Table, rows: Sequence[int], value: str, catalog: Catalog) -> pa.Table:
    is_sign = value in catalog.codelists["zeichen"]
    for name, new in (("wert", None if is_sign else Decimal(value)), ("zeichen", value if is_sign else None)):
        position = table.column_names.index(name)
        values = table.column(name).to_pylist()
        for row in rows:
            values[row] = new
        table = table.set_column(position, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    return table
