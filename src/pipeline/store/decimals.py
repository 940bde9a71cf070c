"""Exact decimals in Arrow columns from 64-bit integers, without a Python object per value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def decimal_array(
    unscaled: npt.NDArray[np.int64], present: npt.NDArray[np.bool_], precision: int, scale: int
) -> pa.Array:
    """Return decimal128(precision, scale) from integers in units of the last digit; null where not `present`."""
    words = np.empty((len(unscaled), 2), np.int64)
    words[:, 0] = unscaled
    words[:, 1] = unscaled >> 63
    validity = pa.array(present).buffers()[1] if len(present) else None
    kind = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(kind, len(unscaled), [validity, pa.py_buffer(words.tobytes())])
