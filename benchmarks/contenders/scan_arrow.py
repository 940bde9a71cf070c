"""PyArrow reads the columns that the counts need, batch by batch, and does nothing with them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks.country import COLUMNS, Country

THREADS = 2


def scan(country: Country) -> int:
    """Read all columns of all files; returns the rows read."""
    pa.set_cpu_count(THREADS)
    pa.set_io_thread_count(THREADS)
    return sum(
        batch.num_rows
        for table, columns in COLUMNS.items()
        for batch in ds.dataset(country.files(table)).to_batches(columns=list(columns))
    )
