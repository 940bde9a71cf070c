"""What staging one month costs, table by table, beside less work with the same files: CPU seconds, each in a process of its own.

``python -m benchmarks.staging DELIVERIES MONTH FOLDER`` fetches the month's deliveries (Parquet) into a store in FOLDER, stages
table by table and all together (also with little memory, and when nothing is new), and prints a table. Less work is:

    read        PyArrow reads all columns of all files
    copy        reads and writes them as staging writes, identifiers as they are
    unjudged    reads, makes pseudonyms, orders by person and writes: staging without types, rules and remarks
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table as Printed

from benchmarks.measuring import adopt_orphans, measured, tree_cpu
from pipeline import steps
from pipeline.catalog import Table
from pipeline.run import Run
from pipeline.stage import stage
from pipeline.stage.pseudonyms import pseudonyms
from pipeline.stage.sorting import Runs
from pipeline.store import write_parts

WHOLE: Mapping[str, Mapping[str, str]] = {
    "all": {},
    "all, MEMORY_LIMIT=500MB": {"KENNZAHLEN_MEMORY_LIMIT": "500MB"},
    "all, THREADS=1": {"KENNZAHLEN_THREADS": "1"},
    "all, nothing new": {},
}
SECRET = b"0123456789abcdef"
ROWS_AT_ONCE = 1 << 17
HELD = {"person": "person", "household": "bg"}


def _tables(run: Run, name: str) -> Iterator[pa.Table]:
    """Yield the delivered files of a table, read as staging reads them."""
    for delivery in run.deliveries["deliveries"]:
        if delivery["table"] == name and delivery["ref_month"] == run.month:
            with pq.ParquetFile(pa.BufferReader(run.store.snapshot(delivery["sha256"]).read_bytes())) as file:
                yield file.read(use_threads=False)


def _read(run: Run, table: Table, out: Path) -> int:
    return sum(rows.num_rows for rows in _tables(run, table.name))


def _copy(run: Run, table: Table, out: Path) -> int:
    identifiers = [column.name for column in table.columns if column.type in HELD]
    parts = [rows.replace_schema_metadata(None) for rows in _tables(run, table.name)]
    write_parts(out, parts, parts[0].schema, delta=(), plain=identifiers)
    return sum(rows.num_rows for rows in parts)


def _unjudged(run: Run, table: Table, out: Path) -> int:
    count, held, runs = 0, list[pa.Table](), Runs(1 << 29, out.with_suffix(".arrow"))
    for rows in _tables(run, table.name):
        count += rows.num_rows
        held.append(rows)
        if sum(part.num_rows for part in held) >= ROWS_AT_ONCE:
            runs.add(_with_pseudonyms(pa.concat_tables(held), table))
            held.clear()
    if held:
        runs.add(_with_pseudonyms(pa.concat_tables(held), table))
    write_parts(
        out, runs.merged(), pa.schema([(n, pa.null()) for n in _held_names(table)]), delta=("person",), plain=("bg",)
    )
    return count


def _held_names(table: Table) -> list[str]:
    return [HELD.get(column.type, column.name) for column in table.columns]


def _with_pseudonyms(rows: pa.Table, table: Table) -> pa.Table:
    columns = [
        pseudonyms(rows.column(c.name), SECRET, c.type.encode()) if c.type in HELD else rows.column(c.name)
        for c in table.columns
    ]
    return pa.table(columns, names=_held_names(table))


def _stage(run: Run, table: Table | None, out: Path) -> int:
    """Stage one table, or all; returns the rows accepted."""
    wanted = [d for d in run.deliveries["deliveries"] if table is None or d["table"] == table.name]
    return stage(run.store, run.month, wanted, run.zaehltage, run.catalog, run.settings).rows


KINDS: Mapping[str, Callable[[Run, Any, Path], int]] = {
    "read": _read,
    "copy": _copy,
    "unjudged": _unjudged,
    "stage": _stage,
}


def work(job: Mapping[str, str]) -> dict[str, Any]:
    """Do one measured thing in this process, with the memory that staging's processes use, and return what it cost."""
    run = steps.open_run(Path(job["store"]), job["month"], [])
    table = run.catalog.tables[job["table"]] if job["table"] else None
    out = Path(job["store"]) / "tmp" / "measured.parquet"
    pa.array(list(run.deliveries)[:1])  # the first array imports pandas
    begin, cpu = time.monotonic(), tree_cpu()
    rows = KINDS[job["kind"]](run, table, out)
    return {"rows": rows, "cpu_s": tree_cpu() - cpu, "wall_s": time.monotonic() - begin}


def _measured(job: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, Any]:
    """Do a thing in a process of its own; adds its largest memory, imports and all."""
    log = Path(job["store"]) / "tmp" / "measured.log"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("KENNZAHLEN_")}  # noqa: TID251 - handed to a process
    cost = measured([sys.executable, "-m", "benchmarks.staging", json.dumps(job)], inherited | dict(environment), log)
    text = log.read_text(encoding="utf-8")
    if cost.status:
        raise SystemExit(f"{job}: {text[-2000:]}")
    result: dict[str, Any] = json.loads(text.splitlines()[-1])
    return result | {"peak_rss": cost.peak_rss}


def _things(run: Run, tables: list[str]) -> Iterator[tuple[str, str, str, Mapping[str, str]]]:
    """Yield what is measured: name, kind, table, environment."""
    for table in tables:
        for kind in KINDS:
            yield table, kind, table, {}
    for name, environment in WHOLE.items():
        yield name, "stage", "", environment


def measure(
    deliveries: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="a delivery tree of Parquet files")],
    month: Annotated[str, typer.Argument(help="the month to stage; no other is fetched")],
    folder: Annotated[Path, typer.Argument(help="a folder of its own for the store")],
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="how often everything is measured")] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="file of the results as JSON")] = None,
) -> None:
    """Measure and print; bytes are those of the delivered files."""
    adopt_orphans()
    store = folder.absolute() / "store"
    if not (store / "runs" / month).exists():
        steps.fetch(steps.open_run(store, month, [str(deliveries.absolute())]))
    run = steps.open_run(store, month, [])
    delivered = [d for d in run.deliveries["deliveries"] if d["ref_month"] == month and d["table"] != "eckwerte"]
    size = {
        t: sum(run.store.snapshot(d["sha256"]).stat().st_size for d in delivered if d["table"] == t)
        for t in _of(delivered)
    }
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for name, kind, table, environment in _things(run, list(size)):
            if kind == "stage" and name != "all, nothing new":
                shutil.rmtree(store / "staged", ignore_errors=True)
            (store / "tmp").mkdir(exist_ok=True)
            job = {"kind": kind, "table": table, "month": month, "store": str(store)}
            found.setdefault((name, kind), []).append(
                _measured(job, environment) | {"bytes": size.get(table, sum(size.values()))}
            )
    _print(found)
    if out:
        out.write_text(json.dumps({f"{name}: {kind}": results for (name, kind), results in found.items()}, indent=2))


def _of(delivered: list[dict[str, Any]]) -> list[str]:
    return sorted({d["table"] for d in delivered})


def _print(found: Mapping[tuple[str, str], list[dict[str, Any]]]) -> None:
    printed = Printed("what", "how", "M rows", "MB", "CPU s", "wall s", "M rows/s", "MB/s", "÷ read", "RSS MB")
    for (name, kind), results in found.items():
        cpu = median(r["cpu_s"] for r in results)
        rows, size = results[0]["rows"], results[0]["bytes"]
        read = found.get((name, "read"))
        least = (
            median(r["cpu_s"] for r in read)
            if read
            else sum(median(r["cpu_s"] for r in other) for (_, how), other in found.items() if how == "read")
        )
        printed.add_row(
            name,
            kind,
            f"{rows / 1e6:.2f}",
            f"{size / 1e6:.1f}",
            f"{cpu:.2f}",
            f"{median(r['wall_s'] for r in results):.2f}",
            f"{rows / 1e6 / cpu:.2f}",
            f"{size / 1e6 / cpu:.1f}",
            f"{cpu / least:.1f}",
            f"{max(r['peak_rss'] for r in results) / 1e6:.0f}",
        )
    Console(width=120).print(printed)


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].startswith("{"):
        sys.stdout.write(json.dumps(work(json.loads(sys.argv[1]))) + "\n")
    else:
        typer.run(measure)
