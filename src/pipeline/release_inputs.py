"""What a verdict and a release rest on, as digests and addresses: the `eingaben` of a manifest. No time, no host."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pyarrow.parquet as pq

from pipeline.publish.findings import summed
from pipeline.publish.manifest import digest_of
from pipeline.run import Run
from pipeline.shipped import lock_file
from pipeline.store import read_findings


def lock_digest() -> str:
    """Return the sha-256 of the lock file; empty if there is none."""
    lock = lock_file()
    return digest_of(lock) if lock.exists() else ""


def rests_on(run: Run) -> dict[str, str]:
    """Return the digests of what a verdict speaks of: another run of the month may have begun before its publication."""
    paths = {"deliveries": run.store.run(run.month) / "deliveries.json", **run.store.opened(run.month)}
    return {name: digest_of(path) for name, path in paths.items()}


def manifest_inputs(run: Run) -> dict[str, Any]:
    """Return what a release rests on: deliveries and code lists by address and digest, what fetch found."""
    return {
        "lieferungen": [
            {key: d[key] for key in ("address", "ref_month", "table", "unit", "sha256")}
            for d in run.deliveries["deliveries"]
        ],
        "zurueckgewiesen": sorted(
            f"{month}/{table}/{unit}"
            for table, months in run.staged.items()
            for month, entry in months.items()
            for unit in entry["rejected"]
        ),
        "abrufbefunde": summed(read_findings(run.store.findings(run.month, "fetch")), notes=False),
        "codelisten": {name: entry["sha256"] for name, entry in run.deliveries["codelists"].items() if entry},
        "gebunden_an": run.compared["bound_by"],
        "berichtigungen": _published_corrections(run),
        "berichtigungen_sha256": run.deliveries.get("corrections_sha256", ""),
        "lock_sha256": lock_digest(),
    }


def _published_corrections(run: Run) -> list[dict[str, str]]:
    """Return the applied corrections; one whose cell is withheld, or one of whose numbers is small, is named without them."""
    applied = [c for c in run.decisions.corrections if c.id in run.counted["corrections"]]
    if not applied:
        return []
    keys = ("ref_month", "jc_id", "geschlecht", "merkmal")
    table = pq.read_table(
        run.store.opened(run.month)["eckwerte"],
        columns=[*keys, "wert"],
        filters=[("ref_month", "in", [c.ref_month for c in applied]), ("jc_id", "in", [c.jc_id for c in applied])],
    )
    open_cells = {tuple(row[k] for k in keys) for row in table.to_pylist() if row["wert"] is not None}
    below = int(run.catalog.switches["suppress_below"].value)
    numbers = ("expect", "value")
    shown = {c.id for c in applied if c.cell in open_cells and not c.tells_small_count(below)}
    return [{k: v for k, v in asdict(c).items() if c.id in shown or k not in numbers} for c in applied]
