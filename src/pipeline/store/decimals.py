"""Exact decimals in Arrow columns from 64-bit integers and back, without a Python object per value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def decimal_array(integers: Ints, present: Bools, precision: int, scale: int) -> pa.Array:
    """Return decimal128(precision, scale) from integers in units of the last digit; null where not `present`."""
    words = np.empty((len(integers), 2), np.int64)
    words[:, 0] = integers
    words[:, 1] = integers >> 63
    validity = pa.array(present).buffers()[1] if len(present) else None
    kind = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(kind, len(integers), [validity, pa.py_buffer(words.tobytes())])


def unscaled(column: pa.ChunkedArray) -> tuple[Ints, Bools]:
    """Return a decimal128 column as (integers in units of its last decimal, mask of the values that are there).

    Missing values read 0. Declared columns hold at most 18 digits, which fit the lower 64 bits that are read here.
    """
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    count = len(array)
    present = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    if count == 0:
        return np.zeros(0, dtype=np.int64), present
    buffer = array.buffers()[1]
    words = np.frombuffer(buffer, dtype="<i8")[2 * array.offset : 2 * (array.offset + count) : 2]
    return np.where(present, words, 0).astype(np.int64), present
