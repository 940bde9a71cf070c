"""Stages the deliveries of a run: every table and month that is not staged yet, in order, each file written whole or not at all.

What a staged file holds is named by its content: deliveries, key of the pseudonyms, catalog and counting days. Equal content is
never staged twice, and a killed run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from multiprocessing import current_process, get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, Table
from pipeline.memory import give_back, tables_from_malloc
from pipeline.months import Zaehltage, add_months
from pipeline.progress import Progress
from pipeline.settings import Settings
from pipeline.stage.examining import Examined, examine_all
from pipeline.stage.found import BadRow, Batch, Remark
from pipeline.stage.pseudonyms import key_fingerprint, pseudonyms
from pipeline.stage.sorting import Runs
from pipeline.store import Finding, Store, read_json, write_findings, write_json, write_parts, write_table
from pipeline.store.register import PUBLISHED
from pipeline.store.schema import ARROW_TYPES

VERSION = 4

QUARANTINE = pa.schema(
    [
        ("rule", pa.string()),
        ("jc_id", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("message", pa.string()),
    ]
)


@dataclass(frozen=True)
class Staged:
    """What staging did: files made and reused, rows accepted and quarantined, deliveries rejected."""

    made: int
    reused: int
    rows: int
    quarantined: int
    rejected: int


@dataclass(frozen=True)
class _Job:
    """One table and month to stage; everything a worker process needs."""

    store: Store
    table: str
    month: str
    deliveries: tuple[Mapping[str, Any], ...]
    key: str
    secret: bytes
    stichtage: Mapping[str, Any]
    max_unpacked_bytes: int
    catalog: Catalog
    overflow: Path
    held_bytes: int

    @property
    def data_file(self) -> Path:
        return self.store.staged(self.table, self.month) / f"{self.key}.parquet"

    @property
    def report_file(self) -> Path:
        return self.data_file.with_suffix(".json")


def staged_schema(table: Table) -> pa.Schema:
    """Return the schema of a staged table: unit, row in the file, pseudonyms, declared columns in declared types."""
    columns = [] if table.unit == "statistik" else [pa.field("jc_id", pa.string())]
    columns.append(pa.field("row", pa.int32()))
    for column in table.columns:
        name = {"person": "person", "household": "bg"}.get(column.type, column.name)
        columns.append(pa.field(name, ARROW_TYPES[column.type]))
    return pa.schema(columns)


def stage(
    store: Store,
    month: str,
    deliveries: Sequence[Mapping[str, Any]],
    zaehltage: Zaehltage,
    catalog: Catalog,
    settings: Settings,
    *,
    progress: Progress | None = None,
) -> Staged:
    """Stage all `deliveries` (entries of deliveries.json) and write `staged.json` and the findings of the run for `month`."""
    secret = settings.load_key(store.root)
    jobs = _jobs(store, deliveries, zaehltage, catalog, settings, secret)
    todo = [job for job in jobs if not job.report_file.exists()]
    done = len(jobs) - len(todo)
    if progress:
        progress(done, len(jobs), "staged")
    with store.overflow("stage"):
        for count, job in enumerate(_run(todo, settings.threads), start=done + 1):
            if progress:
                progress(count, len(jobs), f"{job.table} {job.month}")
    result: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    totals = {"rows": 0, "quarantined": 0, "rejected": 0}
    for job in jobs:
        report = read_json(job.report_file)
        result.setdefault(job.table, {})[job.month] = {
            "file": str(job.data_file.relative_to(store.root)),
            "units": report["units"],
            "rejected": report["rejected"],
        }
        findings.extend(Finding(**f) for f in report["findings"])
        totals["rows"] += sum(u["rows"] for u in report["units"].values())
        totals["quarantined"] += sum(u["quarantined"] for u in report["units"].values())
        totals["rejected"] += len(report["rejected"])
    write_json(store.run(month) / "staged.json", result)
    write_findings(store.findings(month, "stage"), findings)
    return Staged(made=len(todo), reused=len(jobs) - len(todo), **totals)


def _run(jobs: Sequence[_Job], processes: int) -> Any:
    """Do the jobs, in processes of their own where that pays and this process may have any: those of Celery's pool may not."""
    if len(jobs) < 4 or processes < 2 or current_process().daemon:
        for job in jobs:
            _stage_one(job)
            yield job
        return
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(processes, mp_context=context, initializer=tables_from_malloc) as pool:
        with _main_program_hidden():
            futures = {pool.submit(_stage_one, job): job for job in jobs}
        for future in as_completed(futures):
            future.result()
            yield futures[future]


@contextmanager
def _main_program_hidden() -> Iterator[None]:
    """Keep starting workers from importing the main program: Airflow's cannot be imported inside a task, it has no database."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _jobs(
    store: Store,
    deliveries: Sequence[Mapping[str, Any]],
    zaehltage: Zaehltage,
    catalog: Catalog,
    settings: Settings,
    secret: bytes,
) -> list[_Job]:
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for delivery in deliveries:
        groups.setdefault((delivery["ref_month"], delivery["table"]), []).append(delivery)
    jobs = []
    for (ref_month, table), members in sorted(groups.items()):
        members.sort(key=lambda d: str(d["unit"]))
        stichtage = {m: zaehltage.stichtag(m) for m in (add_months(ref_month, o) for o in (-2, -1, 0, 3))}
        content = {
            "version": VERSION,
            "table": repr(catalog.tables[table]),
            "lists": {
                c.codelist: sorted(catalog.codelists[c.codelist]) for c in catalog.tables[table].columns if c.codelist
            },
            "jobcenters": [repr(j) for _, j in sorted(catalog.jobcenters.items())] if table == PUBLISHED else [],
            "layouts": repr(catalog.layouts) if table == PUBLISHED else "",
            "rules": {name: repr(rule) for name, rule in sorted(catalog.rules.items())},
            "supports": repr(catalog.supports) if table in ("aufnahme", "massnahme") else "",
            "key": key_fingerprint(secret),
            "max_unpacked_bytes": settings.max_unpacked_bytes,
            "stichtage": {m: day.isoformat() for m, day in stichtage.items()},
            "deliveries": [(d["unit"], d["suffix"], d["sha256"]) for d in members],
        }
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]
        jobs.append(
            _Job(
                store,
                table,
                ref_month,
                tuple(members),
                key,
                secret,
                stichtage,
                settings.max_unpacked_bytes,
                catalog,
                store.tmp / "stage",
                bytes_of(settings.memory_limit) // (2 * settings.threads),
            )
        )
    return jobs


def bytes_of(size: str) -> int:
    """Return the bytes of a size as settings have it (2GB, 500MiB)."""
    number, unit, binary = re.findall(r"([0-9.]+) ?([KMGT])(I?)B", size.upper())[0]
    return int(Fraction(number) * (1024 if binary else 1000) ** ("KMGT".index(unit) + 1))


def _stage_one(job: _Job) -> None:
    table, schema = job.catalog.tables[job.table], staged_schema(job.catalog.tables[job.table])
    names = [str(delivery["unit"]) for delivery in job.deliveries]
    runs = Runs(job.held_bytes, job.overflow / f"{job.table}-{job.month}.arrow")
    quarantine: list[tuple[Mapping[str, Any], BadRow]] = []
    units: dict[str, Any] = {}
    rejected: dict[str, str] = {}
    findings: list[Finding] = []
    for found in examine_all(
        [(job.store.snapshot(delivery["sha256"]), delivery["suffix"]) for delivery in job.deliveries],
        table,
        job.month,
        job.catalog,
        Zaehltage(dict(job.stichtage)),
        job.max_unpacked_bytes,
        partial(_as_held, table=table, secret=job.secret, catalog=job.catalog),
    ):
        if found.accepted.num_rows:
            runs.add(_staged_columns(found, names, table, schema))
        remarks: dict[int, list[Remark]] = {}
        bad_rows: dict[int, set[int]] = {}
        for remark in found.remarks:
            remarks.setdefault(remark.file, []).append(remark)
        for bad in found.bad:
            bad_rows.setdefault(bad.file, set()).add(bad.row)
        quarantine.extend((job.deliveries[found.files[bad.file]], bad) for bad in found.bad)
        for file, position in enumerate(found.files):
            delivery = job.deliveries[position]
            if error := found.rejected.get(file):
                rejected[delivery["unit"]] = error.rule
                text = f"delivery rejected, it counts as missing: {error.message}"
                findings.append(_finding(error.rule, delivery, job, text, error.row, error.column, error.value))
                continue
            findings.extend(_remark_finding(found, remark, delivery, job) for remark in remarks.get(file, ()))
            units[delivery["unit"]] = {
                "rows": int(found.good.edges[file + 1] - found.good.edges[file]),
                "quarantined": len(bad_rows.get(file, ())),
                "sha256": delivery["sha256"],
            }
            if table.unit == "statistik":
                units[delivery["unit"]]["jobcenters"] = sorted(set(found.accepted.column("jc_id").to_pylist()))
    findings.extend(_quarantine_findings(quarantine, job))
    write_parts(job.data_file, runs.merged(), schema, delta=("person", "row"), plain=("bg",))
    if quarantine:
        write_table(job.data_file.with_suffix(".quarantine.parquet"), _quarantine_table(quarantine))
    write_json(job.report_file, {"units": units, "rejected": rejected, "findings": [asdict(f) for f in findings]})
    give_back()


def _as_held(batch: Batch, table: Table, secret: bytes, catalog: Catalog) -> Batch:
    """Return rows of persons with pseudonyms in the place of identifiers, and places on the list in the place of codes."""
    rows = batch.rows
    for column in table.columns:
        if column.type in ("person", "household"):
            made = pseudonyms(rows.column(column.name), secret, column.type.encode())
        elif table.unit != "statistik" and (
            listed := column.values or tuple(catalog.codelists.get(column.codelist, ()))
        ):
            codes = pa.array(listed, pa.string())
            places = pc.index_in(rows.column(column.name), codes).combine_chunks().cast(pa.int16())
            made = pa.DictionaryArray.from_arrays(places, codes)
        else:
            continue
        rows = rows.set_column(rows.column_names.index(column.name), column.name, made)
    return Batch(rows, batch.edges)


def _staged_columns(found: Examined, names: Sequence[str], table: Table, schema: pa.Schema) -> pa.Table:
    """Return the good rows with the columns of the staged table; few values of a text column are held as a dictionary."""
    rows = found.accepted
    columns = {{"person": "person", "household": "bg"}.get(c.type, c.name): rows.column(c.name) for c in table.columns}
    columns["row"] = rows.column("row")
    if "jc_id" not in columns and "jc_id" in schema.names:
        unit = np.repeat(np.array(found.files, np.int16), np.diff(found.good.edges))
        columns["jc_id"] = pa.DictionaryArray.from_arrays(pa.array(unit), pa.array(names, pa.string()))
    for name, values in columns.items():
        if not pa.types.is_dictionary(values.type):
            columns[name] = values.cast(schema.field(name).type)
    return pa.table({name: columns[name] for name in schema.names})


def _finding(
    rule: str,
    delivery: Mapping[str, Any],
    job: _Job,
    message: str,
    row: int,
    column: str,
    value: str = "",
    count: int = 1,
) -> Finding:
    declared = job.catalog.rules[rule]
    return Finding(
        rule=rule,
        severity=declared.severity,
        step="stage",
        message=message,
        table=job.table,
        ref_month=job.month,
        jc_id=delivery["unit"],
        file=delivery["address"],
        row=row,
        column=column,
        value=value,
        count=count,
        action=declared.action_de,
    )


def _remark_finding(examined: Examined, remark: Remark, delivery: Mapping[str, Any], job: _Job) -> Finding:
    """Return a remark as a finding; where the file has cells rather than rows, the cell takes the place of row and column."""
    place = examined.place(remark.row)
    row, column = (0, place) if place else (remark.row, remark.column)
    return _finding(remark.rule, delivery, job, remark.message, row, column, remark.value, remark.count)


def _quarantine_findings(quarantine: Sequence[tuple[Mapping[str, Any], BadRow]], job: _Job) -> list[Finding]:
    """Return one finding per unit, rule and column; it names the first row, the quarantine file names all."""
    groups: dict[tuple[str, str, str], list[tuple[Mapping[str, Any], BadRow]]] = {}
    for delivery, bad in quarantine:
        groups.setdefault((delivery["unit"], bad.rule, bad.column), []).append((delivery, bad))
    findings = []
    for (_, rule, column), members in groups.items():
        delivery, first = min(members, key=lambda m: m[1].row)
        text = f"{len(members)} row(s) quarantined, they do not count: {first.message}"
        row, named = (0, first.place) if first.place else (first.row, column)
        findings.append(_finding(rule, delivery, job, text, row, named, first.value, len(members)))
    return findings


def _quarantine_table(quarantine: Sequence[tuple[Mapping[str, Any], BadRow]]) -> pa.Table:
    ordered = sorted(quarantine, key=lambda q: (q[0]["unit"], q[1].row, q[1].rule, q[1].column))
    return pa.table(
        {
            "rule": [bad.rule for _, bad in ordered],
            "jc_id": [d["unit"] for d, _ in ordered],
            "file": [d["address"] for d, _ in ordered],
            "row": [bad.row for _, bad in ordered],
            "column": [bad.place or bad.column for _, bad in ordered],
            "value": [bad.value for _, bad in ordered],
            "message": [bad.message for _, bad in ordered],
        },
        schema=QUARANTINE,
    )
