"""Runs the expressions on DuckDB: binds Parquet files and small tables to their names, memory bounded, results as Arrow.

Each expression is translated to SQL once per process; a month is only another set of files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import ibis
import pyarrow as pa

from pipeline.count.engine.protocol import Input, alike, as_table, write_state
from pipeline.count.inputs import INPUTS, Count
from pipeline.store import scan_of

_DUCKDB = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "decimal(12, 2)": "DECIMAL(12, 2)",
}


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
                # Expressions put what is large on the left. Turned round, a left join scatters rows that come ordered by person,
                # and the grouping behind it costs three times as much.
                "disabled_optimizers": "build_side_probe_side",
                # What is given back within a query is not kept for the next one: memory is shared with what is made in order.
                "allocator_flush_threshold": "8MB",
                "allocator_bulk_deallocation_flush_threshold": "8MB",
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
        """Return the SQL of an expression, by which states are named too."""
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
        if count.in_order is None:
            tables: Iterable[pa.Table] = [self.run(count, inputs).sort_by([(name, "ascending") for name in sort])]
        else:
            tables = count.in_order(inputs)
        write_state(path, tables, sort)

    def _bind(self, alias: str, kind: str, value: Input) -> None:
        self._connection.execute(f'DROP VIEW IF EXISTS "{alias}"')
        table = as_table(kind, value)
        if table is not None:
            self._connection.register(alias, table)
            return
        selects = " UNION ALL ".join(self._select(paths, constants, kind) for constants, paths in alike(value))
        self._connection.execute(f'CREATE OR REPLACE TEMP VIEW "{alias}" AS {selects}')

    def _select(self, paths: Sequence[Path], constants: Mapping[str, int], kind: str) -> str:
        """Return a query over files with the same constants; one scan of many files is twice as fast as a union of scans."""
        columns = ", ".join(
            f'CAST({constants.get(name, chr(34) + name + chr(34))} AS {_DUCKDB[type_]}) AS "{name}"'
            for name, type_ in INPUTS[kind].items()
        )
        return f"SELECT {columns} FROM {scan_of(paths)}"


__all__ = ["DuckDb"]
