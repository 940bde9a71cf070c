"""Which rows of a file may be alike: a quick look at all rows, so that only few must be compared exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stage.found import Batch

Words: TypeAlias = npt.NDArray[np.uint64]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_DIGITS_OF_WORD = 18
_MISSING = np.uint64(0xD1B54A32D192ED03)


def alike(batch: Batch, columns: Sequence[str]) -> pa.Table:
    """Return the rows that may equal another row of their file in these columns, with their `file`; none that does is left out.

    Rows that are alike have the same fingerprint; the few others that have it, too, must be told apart by comparing them.
    """
    fingerprints = np.repeat(np.arange(1, batch.files + 1, dtype=np.uint64) * _FACTOR, np.diff(batch.edges))
    for name in columns:
        for words in _words(batch.rows.column(name)):
            fingerprints ^= words
            fingerprints *= _FACTOR
            fingerprints ^= fingerprints >> np.uint64(29)
    ordered = np.sort(fingerprints)
    shared = ordered[1:][ordered[1:] == ordered[:-1]]
    positions = np.flatnonzero(np.isin(fingerprints, shared)) if len(shared) else np.empty(0, np.int64)
    rows = batch.rows.take(pa.array(positions)) if len(shared) else batch.rows.slice(0, 0)
    for at, column in enumerate(rows.columns):
        if pa.types.is_dictionary(column.type):
            rows = rows.set_column(at, rows.column_names[at], column.cast(column.type.value_type))
    return rows.append_column("file", pa.array(batch.file_of(positions), pa.int64()))


def _words(column: pa.ChunkedArray) -> list[Words]:
    """Return what makes values different, as words of 64 bits."""
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], column.type)
    missing = pc.is_null(values).to_numpy(zero_copy_only=False) if values.null_count else None
    if pa.types.is_decimal(values.type):
        halves = np.frombuffer(values.buffers()[1], np.uint64).reshape(-1, 2)[
            values.offset : values.offset + len(values)
        ]
        found = list(halves.T[: 1 if values.type.precision <= _DIGITS_OF_WORD else 2])
    else:
        found = [_numbers(values).view(np.uint64)]
    return found if missing is None else [np.where(missing, _MISSING, words) for words in found]


def _numbers(values: pa.Array) -> npt.NDArray[np.int64]:
    """Return a number for each value, the same for the same; that of a missing one says nothing."""
    if pa.types.is_dictionary(values.type):
        values = values.indices
    elif pa.types.is_string(values.type):
        values = pc.dictionary_encode(values).indices
    elif pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    elif pa.types.is_date32(values.type):
        values = values.view(pa.int32())
    values = pc.fill_null(values, 0) if values.null_count else values
    return np.ascontiguousarray(values.to_numpy(), np.int64)
