"""What an engine is, what it is given, and what all of them do alike: the same rows become the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import pyarrow as pa

from pipeline.count.engine.executing import state_writer
from pipeline.count.inputs import INPUTS, Count
from pipeline.store.writing import replacing


@dataclass(frozen=True)
class File:
    """A Parquet file as input, with constant columns that it does not hold itself."""

    path: Path
    constants: Mapping[str, int] = field(default_factory=dict)


Input: TypeAlias = "Sequence[File] | Any"


class Engine(Protocol):
    """Evaluates expressions over files and small tables; a context that ends what it has opened."""

    def __enter__(self) -> Self:
        """Return the engine."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what was opened."""

    def sql(self, count: Count) -> str:
        """Return the text that names an expression in the keys of states: DuckDB's SQL, whichever engine counts."""

    def run(self, count: Count, inputs: Mapping[str, Input]) -> pa.Table:
        """Evaluate an expression in this process; an input without files is an empty table of its declared columns."""

    def run_to_file(self, count: Count, inputs: Mapping[str, Input], path: Path, *, sort: Sequence[str]) -> None:
        """Evaluate an expression into a Parquet file, ordered by `sort`; persons are delta-encoded."""


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


def as_table(kind: str, value: Input) -> pa.Table | None:
    """Return an input that is a table, an empty one where there are no files; None where there are files to scan."""
    if isinstance(value, pa.Table):
        return value
    return None if value else input_schema(kind).empty_table()


def alike(files: Sequence[File]) -> list[tuple[Mapping[str, int], list[Path]]]:
    """Return constants and the paths of the files that have them, in order: such files are one scan."""
    found: dict[tuple[tuple[str, int], ...], list[Path]] = {}
    for file in files:
        found.setdefault(tuple(sorted(file.constants.items())), []).append(file.path)
    return [(dict(constants), paths) for constants, paths in found.items()]


def delta_encoded(sort: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a state, ordered by `sort`, that are stored as differences of neighbours."""
    return tuple(name for name in sort if name == "person")


def write_state(path: Path, tables: Iterable[pa.Table], sort: Sequence[str]) -> None:
    """Write a state of tables, one at least, whose rows stand in the order `sort`; equal rows give equal bytes.

    Raises ValueError without a table.
    """
    following = iter(tables)
    first = next(following, None)
    if first is None:
        raise ValueError(f"{path}: a state is written of one table at least")
    kinds = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in first.schema]
    schema = pa.schema(list(zip(first.column_names, kinds, strict=True)))
    with replacing(path) as aside:
        state_writer(schema, delta_encoded(sort))(aside, chain([first], following))


__all__ = ["Engine", "File", "Input", "alike", "as_table", "delta_encoded", "input_schema", "write_state"]
