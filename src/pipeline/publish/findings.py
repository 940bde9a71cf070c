"""The findings of a run as they may be published: rule, place and severity; never a value, a row, a file or a small count.

They are summed per rule, step, table, month and unit. What the steps found in full stays under `runs/` for the operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.store import Finding, Store, read_findings
from pipeline.store.schema import arrow_schema

STEPS = ("fetch", "stage", "check", "count", "check-results")


def published_findings(store: Store, month: str, catalog: Catalog, verdict: Mapping[str, Any]) -> pa.Table:
    """Return the table `befunde` of a run, ordered by its key; `verdict` knows the titles of the rules that are evaluated.

    What fetch merely notes (severity info) is left out: it tells the history of a store, not the data of the month. Raises
    KeyError for a rule without a title.
    """
    titles = {name: rule.title_de for name, rule in catalog.rules.items()}
    titles |= {entry["rule"]: entry["titel"] for key in ("broken", "ausnahmen") for entry in verdict.get(key, ())}
    least = int(catalog.switches["suppress_below"].value)
    rows = []
    for step in STEPS:
        for entry in summed(read_findings(store.findings(month, step)), notes=step != "fetch"):
            rows.append(
                {
                    "regel": entry["rule"],
                    "titel": titles[entry["rule"]],
                    "schwere": entry["severity"],
                    "schritt": step,
                    "tabelle": entry["table"] or None,
                    "ref_month": entry["ref_month"] or None,
                    "jc_id": entry["jc_id"] or None,
                    "anzahl": entry["count"] if entry["count"] >= least else None,
                }
            )
    rows.sort(key=lambda row: [row[name] or "" for name in catalog.results["befunde"].key])
    return pa.Table.from_pylist(rows, schema=arrow_schema(catalog.results["befunde"]))


def summed(findings: Iterable[Finding], *, notes: bool) -> list[dict[str, Any]]:
    """Return rule, severity, table, ref_month, jc_id and count of findings, summed and in order; `notes` keeps severity info."""
    counts: dict[tuple[str, str, str, str, str], int] = {}
    for f in findings:
        if notes or f.severity != "info":
            key = (f.rule, f.severity, f.table, f.ref_month, f.jc_id)
            counts[key] = counts.get(key, 0) + f.count
    names = ("rule", "severity", "table", "ref_month", "jc_id")
    return [dict(zip(names, key, strict=True)) | {"count": count} for key, count in sorted(counts.items())]
