"""The suppressed tables of a run as they come from the step before: read strictly, ordered by key.

Nothing unsuppressed is ever read by this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.store import OPENED
from pipeline.store.schema import arrow_schema

PUBLISHED = ("kennzahlen", "eckwerte", "vergleich", "abgleich")


class OpenedTableError(ValueError):
    """A suppressed table is missing or does not have its declared columns; the text names the file."""


@dataclass(frozen=True)
class OpenedTables:
    """The suppressed tables; `reihe` holds some 25 reference months per indicator, jobcenter level only."""

    kennzahlen: pa.Table
    eckwerte: pa.Table
    vergleich: pa.Table
    reihe: pa.Table
    abgleich: pa.Table


def require_opened(paths: dict[str, Path]) -> None:
    """Raise OpenedTableError if one of the tables is missing."""
    for path in paths.values():
        if not path.is_file():
            raise OpenedTableError(f"{path}: the suppressed table is missing; run the step compare first")


def read_opened(paths: dict[str, Path], catalog: Catalog) -> OpenedTables:
    """Read the tables in declared columns and order of key; raises OpenedTableError."""
    return OpenedTables(**{name: _read(path, catalog, OPENED[name]) for name, path in paths.items()})


def _read(path: Path, catalog: Catalog, declared: str) -> pa.Table:
    table = catalog.results[declared]
    schema = arrow_schema(table)
    raw = pq.read_table(path)
    if set(raw.column_names) != set(schema.names):
        missing = sorted(set(schema.names) - set(raw.column_names))
        unknown = sorted(set(raw.column_names) - set(schema.names))
        raise OpenedTableError(
            f"{path}: missing columns {missing}, unknown columns {unknown}; the table must be {declared}"
        )
    ordered = raw.select(schema.names).cast(schema)
    return ordered.take(pc.sort_indices(ordered, sort_keys=[(name, "ascending") for name in table.key]))


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """Return the values of a column as a list in which equal values are one object: half a million rows stay small."""
    encoded = column.combine_chunks().dictionary_encode()
    values = [*encoded.dictionary.to_pylist(), None]
    return [values[-1 if index is None else index] for index in encoded.indices.to_pylist()]


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of a table, equal values of a column as one object."""
    names = table.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*map(values_of, table.columns), strict=True)]
