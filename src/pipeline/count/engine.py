"""Runs the expressions on DuckDB: binds Parquet files and small tables to their names, memory bounded, results as Arrow.

Each expression is translated to SQL once per process; a month is only another set of files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import duckdb
import ibis
import pyarrow as pa

from pipeline.count.inputs import INPUTS, Count
from pipeline.store import write_table


@dataclass(frozen=True)
class File:
    """A Parquet file as input, with constant columns that it does not hold itself."""

    path: Path
    constants: Mapping[str, int] = field(default_factory=dict)


Input: TypeAlias = "Sequence[File] | Any"
_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "decimal(12, 2)": pa.decimal128(12, 2),
}


def input_schema(kind: str) -> pa.Schema:
    """Return the Arrow schema of an input kind."""
    return pa.schema([(name, _ARROW[type_]) for name, type_ in INPUTS[kind].items()])


class DuckDb:
    """A connection with bounded memory; spills to `spill`, which lies inside the store."""

    def __init__(self, memory_limit: str, threads: int, spill: Path) -> None:
        spill.mkdir(parents=True, exist_ok=True)
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory_limit,
                "threads": threads,
                "temp_directory": str(spill),
                "preserve_insertion_order": False,
            },
        )
        self._sql: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def sql(self, count: Count) -> str:
        """Return the SQL of an expression."""
        if count.name not in self._sql:
            self._sql[count.name] = str(ibis.to_sql(count.expression, dialect="duckdb"))
        return self._sql[count.name]

    def run(self, count: Count, inputs: Mapping[str, Input]) -> pa.Table:
        """Evaluate an expression; an input without files is an empty table of its declared columns."""
        for alias, kind in count.reads.items():
            self._bind(alias, kind, inputs[alias])
        result: pa.Table = self._connection.sql(self.sql(count)).to_arrow_table()
        return result

    def run_to_file(self, count: Count, inputs: Mapping[str, Input], path: Path, *, sort: Sequence[str]) -> None:
        """Evaluate an expression into a Parquet file, ordered by `sort`; persons are delta-encoded."""
        table = self.run(count, inputs).sort_by([(name, "ascending") for name in sort])
        write_table(path, table, delta=tuple(name for name in sort if name == "person"))

    def _bind(self, alias: str, kind: str, value: Input) -> None:
        self._connection.execute(f'DROP VIEW IF EXISTS "{alias}"')
        if isinstance(value, pa.Table):
            self._connection.register(alias, value)
            return
        if not value:
            self._connection.register(alias, input_schema(kind).empty_table())
            return
        selects = " UNION ALL ".join(self._select(file, kind) for file in value)
        self._connection.execute(f'CREATE OR REPLACE TEMP VIEW "{alias}" AS {selects}')

    def _select(self, file: File, kind: str) -> str:
        columns = ", ".join(
            f'CAST({file.constants.get(name, chr(34) + name + chr(34))} AS {_DUCKDB[type_]}) AS "{name}"'
            for name, type_ in INPUTS[kind].items()
        )
        quoted = str(file.path).replace("'", "''")
        return f"SELECT {columns} FROM read_parquet('{quoted}')"


_DUCKDB = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "decimal(12, 2)": "DECIMAL(12, 2)",
}
