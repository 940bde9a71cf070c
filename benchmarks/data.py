"""The benchmark's data, made once: deliveries of a synthetic country and stores in the states that the measured steps start from.

    DATA/deliveries/            all jobcenters deliver persons, 37 months
    DATA/before/                the month before has been run to its release; nothing of the month is there
    DATA/store/                 the month before is counted; the month is fetched and staged, nothing of it counted
    DATA/revised-TABLE/         the month is counted; a revised delivery of one unit is fetched and staged, not counted
    DATA/built.json             what making it cost

A measured step works in a copy of such a store: what is immutable is linked, what steps write is copied.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Any

import pyarrow.parquet as pq

from benchmarks.measuring import tree_cpu
from pipeline import steps
from pipeline.months import add_months, month_range

SEED = 1
FIRST, LAST = "2015-07", "2018-07"
MIDDLE = add_months(FIRST, 18)
WHOLE = ("fetch", "stage", "check_deliveries", "count", "calculate", "compare", "check_results", "publish")
"""The steps of a monthly run, in order."""
REVISED = {"leistungsbezug": MIDDLE, "aufnahme": LAST}
"""The tables of which one unit's delivery of a month is revised: the worst case in mid series, and the newest month."""


@dataclass(frozen=True)
class Data:
    """Where the data of one scale lie; `first` … `last` are its months."""

    folder: Path
    scale: float

    @property
    def deliveries(self) -> Path:
        """Return the delivery tree."""
        return self.folder / "deliveries"

    @property
    def before(self) -> Path:
        """Return the store in which the month before has been run to its release."""
        return self.folder / "before"

    @property
    def store(self) -> Path:
        """Return the store whose newest month is staged and not counted."""
        return self.folder / "store"

    def revised(self, table: str) -> Path:
        """Return the store with a revised delivery of a table, not counted yet."""
        return self.folder / f"revised-{table}"

    @property
    def built(self) -> dict[str, Any]:
        """Return what making the data cost."""
        content: dict[str, Any] = json.loads((self.folder / "built.json").read_text(encoding="utf-8"))
        return content


def build(root: Path, scale: float, commit: str, *, products: bool = True) -> Data:
    """Return the data of a scale below `root`, made unless they are there.

    Without `products` only what contenders need is made, in a folder of its own: nothing is counted, nothing revised.
    """
    folder = root / f"{FIRST}-{LAST}-scale-{scale:g}-seed-{SEED}"
    data = Data(folder, scale)
    if (data.folder / "built.json").exists():
        return data
    if not products:
        return _build_staged(Data(folder.with_name(f"{folder.name}-staged"), scale), commit)
    shutil.rmtree(data.folder, ignore_errors=True)
    data.folder.mkdir(parents=True)
    built = {"commit": commit, "synth": _synth(data)}
    _steps(data.before, add_months(LAST, -1), [data.deliveries], *WHOLE)
    copy_store(data.before, data.store, computed=True)
    _steps(data.store, LAST, [data.deliveries], "fetch", "stage")
    counted = data.folder / "counted"
    copy_store(data.store, counted, computed=True)
    _steps(counted, LAST, (), "count")
    for table, month in REVISED.items():
        revision = data.folder / f"revision-{table}"
        built[f"revised_{table}"] = _revise(data.deliveries, revision, table, month)
        copy_store(counted, data.revised(table), computed=True)
        _steps(data.revised(table), LAST, [data.deliveries, revision], "fetch", "stage")
    shutil.rmtree(counted)
    (data.folder / "built.json").write_text(json.dumps(built, indent=2), encoding="utf-8")
    return data


def _build_staged(data: Data, commit: str) -> Data:
    if not (data.folder / "built.json").exists():
        shutil.rmtree(data.folder, ignore_errors=True)
        data.folder.mkdir(parents=True)
        built = {"commit": commit, "synth": _synth(data)}
        _steps(data.store, LAST, [data.deliveries], "fetch", "stage")
        (data.folder / "built.json").write_text(json.dumps(built, indent=2), encoding="utf-8")
    return data


def _synth(data: Data) -> dict[str, Any]:
    """Write the deliveries with the product's own command and return rows and cost."""
    command = [
        sys.executable,
        "-m",
        "pipeline.cli",
        "synth",
        "--out",
        str(data.deliveries),
        "--from",
        FIRST,
        "--to",
        LAST,
    ]
    cpu, begin = tree_cpu(), time.monotonic()
    options = ["--scale", f"{data.scale:g}", "--seed", str(SEED), "--persons", "alle", "--json"]
    done = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, text=True)
    rows = json.loads(done.stdout.splitlines()[-1])["zeilen"]
    return {"rows": sum(rows.values()), "cpu_s": tree_cpu() - cpu, "wall_s": time.monotonic() - begin}


def _steps(store: Path, month: str, sources: Sequence[Path], *names: str) -> None:
    for name in names:
        steps.do(name, steps.open_run(store, month, [str(s) for s in sources]))


def _revise(deliveries: Path, out: Path, table: str, month: str) -> str:
    """Write the delivery of a unit of middle size without its last row; returns its address."""
    folder = deliveries / month / table
    sizes = {path: pq.read_metadata(path).num_rows for path in sorted(folder.glob("*.parquet"))}
    middle = median_low(sizes.values())
    path = next(p for p, rows in sizes.items() if rows == middle)
    content = pq.read_table(path)
    target = out / path.relative_to(deliveries)
    target.parent.mkdir(parents=True)
    pq.write_table(content.slice(0, content.num_rows - 1), target)
    for name in ("zaehltage.csv", "SYNTHETISCH.txt"):
        shutil.copyfile(deliveries / name, out / name)
    return str(path.relative_to(deliveries))


def copy_store(store: Path, to: Path, *, computed: bool, releases: bool = False) -> None:
    """Copy a store; what is immutable is linked. What has been computed and releases come along only if asked for."""
    left_out = {"tmp", *(() if computed else ("computed",)), *(() if releases else ("releases",))}
    for folder, _, names in os.walk(store):
        inside = Path(folder).relative_to(store)
        if left_out & {*inside.parts[:1]}:
            continue
        (to / inside).mkdir(parents=True, exist_ok=True)
        for name in names:
            source, target = Path(folder) / name, to / inside / name
            if name.endswith(".parquet") or "objects" in inside.parts:
                target.hardlink_to(source)
            else:
                shutil.copy2(source, target)


def delivered_bytes(data: Data, month: str | None = None) -> int:
    """Return the bytes of the deliveries of a month, or of all."""
    months = [month] if month else month_range(FIRST, LAST)
    return sum(path.stat().st_size for m in months for path in (data.deliveries / m).glob("*/*.parquet"))
