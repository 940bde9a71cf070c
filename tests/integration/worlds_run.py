"""Runs the pipeline's counting on a world of the independent reference, with the world's own registry of jobcenters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import steps
from pipeline.catalog import Catalog, Jobcenter, load_catalog
from reference import compute

Cells = dict[tuple[str, ...], tuple[Any, ...]]
COUNTING = ("fetch", "stage", "count", "calculate")


def catalog_of(registry: Sequence[Mapping[str, str]]) -> Catalog:
    """Return the shipped catalog with the jobcenters (and types) of a registry instead of the real ones."""
    jobcenters = {
        row["jc_id"]: Jobcenter(
            row["jc_id"],
            row["name"],
            row["land"],
            row["traeger"],  # type: ignore[arg-type]
            ("00000",),
            date.fromisoformat(row["valid_from"]),
            date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        )
        for row in registry
    }
    types = tuple((r["jc_id"], r["vergleichstyp"], None, None) for r in registry if r.get("vergleichstyp"))
    return replace(load_catalog(), jobcenters=jobcenters, gebietsaenderungen=(), vergleichstypen=types)


def run_counting(
    store: Path,
    month: str,
    sources: Sequence[Path],
    registry: Sequence[Mapping[str, str]],
    switches: Mapping[str, Any] | None = None,
) -> steps.Run:
    """Do fetch, stage, count and calculate in this process and return the run."""
    texts = [
        f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in (switches or {}).items()
    ]
    opened = steps.open_run(store, month, [str(s) for s in sources], switches=texts)
    opened = replace(opened, declared=catalog_of(registry))
    opened = replace(opened, settings=replace(opened.settings, threads=1))
    for name in COUNTING:
        steps.do(name, opened)
    return opened


def computed_eckwerte(run: steps.Run) -> Cells:
    """Return the computed Eckwerte, keyed by month, jobcenter, sex and merkmal."""
    return {
        (r["ref_month"], r["jc_id"], r["geschlecht"], r["merkmal"]): (r["wert"], r["grund"] or "", r["basis"])
        for month in run.counted["months"]
        for r in pq.read_table(run.store.eckwerte(month)).to_pylist()
    }


def computed_kennzahlen(run: steps.Run) -> Cells:
    """Return the computed indicators, keyed by month, level, area, version and sex."""
    return {
        (r["ref_month"], r["ebene"], r["gebiet"], r["definition"], r["geschlecht"]): (
            r["zaehler"],
            r["nenner_summe"],
            r["nenner_monate"],
            r["wert"],
            r["wert_anzeige"],
            r["grund"] or "",
            r["hinweise"] or "",
            r["basis"],
            r["in_kraft"],
        )
        for r in pq.read_table(run.store.computed("kennzahlen", run.month)).to_pylist()
    }


def expected_eckwerte(rows: Sequence[Mapping[str, Any]]) -> Cells:
    """Return the reference's Eckwerte in the same shape."""
    return {
        (r["ref_month"], r["jc_id"], r["geschlecht"], r["merkmal"]): (_number(r["wert"]), r["grund"] or "", r["basis"])
        for r in rows
    }


def expected_kennzahlen(rows: Sequence[Mapping[str, Any]]) -> Cells:
    """Return the reference's indicators in the same shape."""
    return {
        (r["ref_month"], r["ebene"], r["gebiet"], r["definition"], r["geschlecht"]): (
            _number(r["zaehler"]),
            _number(r["nenner_summe"]),
            int(r["nenner_monate"]),
            r["wert"],
            _number(r["wert_anzeige"]),
            r["grund"] or "",
            r["hinweise"] or "",
            r["basis"],
            r["in_kraft"],
        )
        for r in rows
    }


def _number(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    return Decimal(value.numerator) / Decimal(value.denominator) if hasattr(value, "numerator") else Decimal(str(value))


def computed_bytes(run: steps.Run) -> dict[str, bytes]:
    """Return the computed tables of a run by place in the store, as bytes."""
    paths = [run.store.eckwerte(month) for month in run.counted["months"]]
    paths += [run.store.computed(name, run.month) for name in ("kennzahlen", "reihe")]
    return {str(path.relative_to(run.store.root)): path.read_bytes() for path in paths}


def disagreements(
    run: steps.Run,
    sources: Sequence[Path],
    registry: Sequence[Mapping[str, str]],
    switches: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return one line for each cell of a run in which the reference, reading `sources`, says something else."""
    eckwerte, kennzahlen = compute(list(sources), run.month, [dict(row) for row in registry], switches)
    found = []
    for expected, computed in (
        (expected_eckwerte(eckwerte), computed_eckwerte(run)),
        (expected_kennzahlen(kennzahlen), computed_kennzahlen(run)),
    ):
        found += differences(expected, computed)
        found += [f"{' '.join(key)}: not expected" for key in sorted(set(computed) - set(expected))]
    return found


def differences(expected: Cells, computed: Cells) -> list[str]:
    """Return one line for each expected cell that is absent or different."""
    return [
        f"{' '.join(map(str, key))}: expected {value}, computed {computed.get(key)}"
        for key, value in sorted(expected.items())
        if computed.get(key) != value
    ]
