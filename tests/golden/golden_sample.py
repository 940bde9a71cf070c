"""The sample's run for 2018-07 as text: what was computed, and what of it is published."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import steps
from pipeline.catalog import load_catalog

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "data" / "sample"
MONTH = "2018-07"
UNITS = ("t04412", "t04448", "t04502", "t27708")
KEYS = {
    "eckwerte": ("ref_month", "jc_id", "geschlecht", "merkmal"),
    "kennzahlen": ("ebene", "gebiet", "definition", "geschlecht"),
    "vergleich": ("jc_id", "definition", "geschlecht"),
}
GOLDEN_MONTHS = ("2017-07", "2018-03", "2018-07")
"""The months whose published Eckwerte are kept as golden text; all of them would be ten times the rows."""

Rows = list[dict[str, Any]]


def run_sample(folder: Path) -> steps.Run:
    """Take the sample from deliveries to suppressed tables, below `folder`; the country has its four jobcenters only."""
    with zipfile.ZipFile(SAMPLE / "lieferungen.zip") as archive:
        archive.extractall(folder / "lieferungen")
    full = load_catalog()
    catalog = replace(full, jobcenters={unit: full.jobcenters[unit] for unit in UNITS}, gebietsaenderungen=())
    run = replace(steps.open_run(folder / "store", MONTH, [str(folder / "lieferungen")]), declared=catalog)
    run = replace(run, settings=replace(run.settings, threads=1))
    for name in ("fetch", "stage", "count", "calculate", "compare"):
        steps.do(name, run)
    return run


def computed(run: steps.Run) -> dict[str, Rows]:
    """Return the unsuppressed tables."""
    months = [pq.read_table(run.store.eckwerte(month)).to_pylist() for month in run.counted["months"]]
    kennzahlen = pq.read_table(run.store.computed("kennzahlen", MONTH)).to_pylist()
    return {"eckwerte": [row for month in months for row in month], "kennzahlen": kennzahlen}


def published(run: steps.Run) -> dict[str, Rows]:
    """Return the suppressed tables, ordered by their keys; of the Eckwerte the golden months."""
    tables = {}
    for name, key in KEYS.items():
        rows = pq.read_table(run.store.opened(MONTH)[name]).to_pylist()
        kept = [row for row in rows if name != "eckwerte" or row["ref_month"] in GOLDEN_MONTHS]
        tables[name] = sorted(kept, key=lambda row: tuple(row[column] for column in key))
    return tables


def as_text(value: Any) -> str:
    """Write a value so that equal values, and only they, are equal texts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else repr(value) if isinstance(value, float) else str(value)


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as CSV with a header."""
    buffer = io.StringIO(newline="")
    listed = list(rows)
    writer = csv.DictWriter(buffer, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: as_text(value) for name, value in row.items()} for row in listed)
    return buffer.getvalue()
