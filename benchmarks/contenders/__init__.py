"""The contenders: one module each, with one function ``counts(country) -> table`` (or ``scan(country) -> rows`` for a bare scan).

Each is written as a good user of its tool would. None knows of the others; equality is judged by `benchmarks.equality`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Contender:
    """A module of this package, what the table calls it, and what must be installed for it (import name -> package)."""

    module: str
    title: str
    needs: Mapping[str, str]
    counts: bool = True


CONTENDERS: Mapping[str, Contender] = {
    "ours": Contender("ours", "ours (NumPy in order of persons, Ibis on DuckDB; by month)", {}),
    "sql": Contender("duckdb_sql", "hand-written DuckDB SQL", {}),
    "polars": Contender("with_polars", "Polars", {"polars": "polars"}),
    "pandas": Contender("with_pandas", "pandas", {}),
    "spark": Contender("with_spark", "PySpark local[2], Java included", {"pyspark": "pyspark"}),
    "scan": Contender("scan_duckdb", "bare scan, DuckDB", {}, counts=False),
    "scan-arrow": Contender("scan_arrow", "bare scan, PyArrow", {}, counts=False),
}
