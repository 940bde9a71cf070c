"""A small country of which only published counts are delivered, with what makes files hard: several Kreise, signs, leading zeros.

The counts are made by a formula, whole for the country's months; how they are written to files is the business of `files`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import steps
from pipeline.catalog import Catalog, load_catalog
from pipeline.months import month_range
from pipeline.store import Finding, read_findings
from published.files import Cell

UNITS = ("t04412", "t52302", "t11902", "t27708", "t41512")
"""Saalekreis; one of four Kreise; one whose Kreis is 01001; two more."""
FIRST, LAST = "2017-07", "2018-07"

Tree = Mapping[str, bytes]
Writer = Callable[[Sequence[Cell], str], bytes]


def small_catalog() -> Catalog:
    """Return the shipped catalog with the registry of the small country."""
    full = load_catalog()
    return replace(full, jobcenters={j: full.jobcenters[j] for j in UNITS}, gebietsaenderungen=())


def cells_of(month: str, units: Sequence[str] = UNITS) -> list[Cell]:
    """Return the published cells of a month: men and women make the total; every sign stands somewhere."""
    since = month_range(FIRST, month)
    found: list[Cell] = []
    for number, unit in enumerate(units, start=1):
        for position, (name, merkmal) in enumerate(load_catalog().merkmale.items()):
            men = 400 * number + 17 * len(since) - 11 * position
            women = 380 * number - 13 * len(since) + 7 * position
            if name in ("elb", "lzb"):
                men, women = men + 600, women + 600
            cents = ".25" if merkmal.kind == "euro" else ""
            values = {"T": str(men + women), "M": f"{men}{cents}", "F": f"{women}{cents}"}
            if merkmal.kind == "euro":
                values["T"] = f"{men + women}.50"
            values |= _SIGNS.get((unit, name), {})
            found += [(unit, sex, name, values[sex]) for sex in values]
    return found


_SIGNS = {
    ("t04412", "bs_2am"): {"M": "*", "F": "*"},
    ("t52302", "bs_2am"): {"T": "-", "M": "-", "F": "-"},
    ("t52302", "bs_gering"): {"T": "5", "M": "5", "F": "0"},
    ("t11902", "svb_kont6"): {"T": "...", "M": "...", "F": "..."},
    ("t27708", "lzb_amp"): {"T": "x", "M": "x", "F": "x"},
    ("t41512", "int_allein"): {"T": ".", "M": ".", "F": "."},
}


def delivered(writer: Writer, suffix: str) -> dict[str, bytes]:
    """Return the deliveries of all months as `writer` writes them."""
    return {f"{m}/eckwerte/statistik{suffix}": writer(cells_of(m), m) for m in month_range(FIRST, LAST)}


def run(root: Path, tree: Tree, month: str, upto: str = "calculate", catalog: Catalog | None = None) -> steps.Run:
    """Write the tree below a root, do the steps from fetch to `upto` in this process and return the run."""
    source = root / "source"
    for address, content in tree.items():
        (source / address).parent.mkdir(parents=True, exist_ok=True)
        (source / address).write_bytes(content)
    opened = steps.open_run(root / "store", month, [str(source)])
    opened = replace(opened, declared=catalog or small_catalog(), settings=replace(opened.settings, threads=1))
    for name in ("fetch", "stage", "count", "calculate"):
        steps.do(name, opened)
        if name == upto:
            break
    return opened


def findings(run: steps.Run, step: str = "stage") -> list[Finding]:
    """Return the findings of a step of a run."""
    return list(read_findings(run.store.findings(run.month, step)))


def staged_rows(run: steps.Run, month: str = "") -> list[tuple[Any, ...]]:
    """Return the staged Eckwerte of a month as cells with value and sign, in order; the row in the file is left out."""
    staged = run.staged["eckwerte"][month or run.month]
    rows = pq.read_table(run.store.root / staged["file"]).to_pylist()
    return sorted((r["jc_id"], r["geschlecht"], r["merkmal"], r["wert"], r["zeichen"] or "") for r in rows)
