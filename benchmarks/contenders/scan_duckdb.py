"""The limit: DuckDB reads the columns that the counts need, and does nothing with them."""

from __future__ import annotations

import duckdb

from benchmarks.country import COLUMNS, Country

THREADS, MEMORY = 2, "2GB"


def scan(country: Country) -> int:
    """Read all columns of all files; returns the rows read."""
    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY, "preserve_insertion_order": False})
    rows = 0
    for table, columns in COLUMNS.items():
        last = ", ".join(f"max({column})" for column in columns)
        found = connection.sql(
            f"SELECT count(*), {last} FROM read_parquet($files)", params={"files": country.files(table)}
        )
        rows += found.fetchall()[0][0]
    return rows
