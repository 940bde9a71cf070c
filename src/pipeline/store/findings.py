"""Findings: what is wrong or remarkable, where exactly, by which rule. Never an original person identifier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.store.writing import write_table

Severity = Literal["critical", "error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning", "info")

SCHEMA = pa.schema(
    [
        ("rule", pa.string()),
        ("severity", pa.string()),
        ("step", pa.string()),
        ("table", pa.string()),
        ("ref_month", pa.string()),
        ("jc_id", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("count", pa.int64()),
        ("message", pa.string()),
        ("action", pa.string()),
    ]
)


@dataclass(frozen=True)
class Finding:
    """One finding. `row` is the data row of the file, 1 the first after the header; 0 where no row is meant.

    `jc_id` is the delivering unit (a jobcenter, `bst`, `statistik`) or empty; `count` says how many rows or cells are
    meant when one finding stands for many; `message` is one English sentence for the operator; `action` says in German
    what to do, as the rule's declaration has it.
    """

    rule: str
    severity: Severity
    step: str
    message: str
    table: str = ""
    ref_month: str = ""
    jc_id: str = ""
    file: str = ""
    row: int = 0
    column: str = ""
    value: str = ""
    count: int = 1
    action: str = ""


def write_findings(path: Path, findings: Iterable[Finding]) -> None:
    """Write findings as Parquet, ordered by severity, rule and place, so that equal findings give equal bytes."""
    ordered = sorted(
        set(findings),
        key=lambda f: (
            SEVERITIES.index(f.severity),
            f.rule,
            f.ref_month,
            f.table,
            f.jc_id,
            f.file,
            f.row,
            f.column,
            f.value,
            f.message,
            f.count,
        ),
    )
    columns = {name: [getattr(f, name) for f in ordered] for name in SCHEMA.names}
    write_table(path, pa.table(columns, schema=SCHEMA))


def read_findings(path: Path) -> list[Finding]:
    """Read findings written by `write_findings`; an absent file is no findings."""
    if not path.exists():
        return []
    read = pq.read_table(path, columns=[f.name for f in fields(Finding)])
    return [Finding(*row) for row in zip(*(column.to_pylist() for column in read.columns), strict=True)]
