"""Puts staged rows in the order of persons without holding more than a part of them: sorted runs, merged range by range.

Pseudonyms are spread evenly over all numbers, so that equal ranges hold about equally many rows; the result does not rest on it.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints: TypeAlias = npt.NDArray[np.int64]

ROWS_OF_RANGE = 1 << 17
"""About how many rows are put in order at once: as many as the processor's cache holds."""
_SIGN = np.uint64(1 << 63)


class Runs:
    """Rows of one table that come in batches and leave in the order of `person`, those of a person in the order they came.

    Rows without a person leave last; a table without persons leaves as it came. Runs of more than `at_most` bytes are moved to the
    file `overflow`.
    """

    def __init__(self, at_most: int, overflow: Path) -> None:
        self._at_most = at_most
        self._overflow = overflow
        self._held: list[pa.RecordBatch] = []
        self._bytes = 0
        self._file: pa.ipc.RecordBatchFileWriter | None = None

    def add(self, rows: pa.Table) -> None:
        """Take in the next rows; all batches have the same schema and the same dictionaries."""
        for batch in _in_order(rows.combine_chunks()).to_batches():
            self._held.append(batch)
            self._bytes += batch.nbytes
        if self._bytes > self._at_most:
            self._spill()

    def merged(self) -> Iterator[pa.Table]:
        """Yield all rows in order, about `ROWS_OF_RANGE` at a time; ends the taking in."""
        if self._file is None:
            yield from _merged(self._held)
            return
        self._spill()
        self._file.close()
        with self._overflow.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped)))
        for rows in _merged([reader.get_batch(i) for i in range(reader.num_record_batches)]):
            yield rows
            mapped.madvise(mmap.MADV_DONTNEED)  # what was read stays in the page cache, but not in our memory

    def _spill(self) -> None:
        """Move what is held to the file, in order: then what is needed next lies together."""
        for rows in _merged(self._held):
            if self._file is None:
                self._overflow.touch(0o600)
                self._file = pa.ipc.new_file(self._overflow, rows.schema)
            self._file.write_table(rows)
        self._held, self._bytes = [], 0


def _merged(runs: Sequence[pa.RecordBatch]) -> Iterator[pa.Table]:
    if not runs or "person" not in runs[0].schema.names or len(runs) == 1:
        yield from (pa.Table.from_batches([run]) for run in runs)
        return
    known = [len(run) - run.column("person").null_count for run in runs]
    persons = [run.column("person")[:n].to_numpy() for run, n in zip(runs, known, strict=True)]
    ranges = -(-sum(known) // ROWS_OF_RANGE)
    width = -(-(1 << 64) // max(1, ranges))
    limits = np.array([i * width - (1 << 63) for i in range(1, ranges)], np.int64)
    edges = [[0, *np.searchsorted(own, limits).tolist(), n] for own, n in zip(persons, known, strict=True)]
    for i in range(ranges):
        pieces = [run[edge[i] : edge[i + 1]] for run, edge in zip(runs, edges, strict=True) if edge[i] < edge[i + 1]]
        yield _in_order(pa.Table.from_batches(pieces, runs[0].schema).combine_chunks())
    yield from (pa.Table.from_batches([run.slice(n)]) for run, n in zip(runs, known, strict=True) if n < len(run))


def _in_order(rows: pa.Table) -> pa.Table:
    """Return rows ordered by person, those of a person (and those without one, at the end) in the order they came."""
    if "person" not in rows.column_names or not rows.num_rows:
        return rows
    person = pc.fill_null(rows.column("person"), 0).to_numpy()
    if not rows.column("person").null_count:
        return rows.take(pa.array(stable_order(person)))
    known = pc.is_valid(rows.column("person")).to_numpy()
    places = np.flatnonzero(known)
    return rows.take(pa.array(np.concatenate([places[stable_order(person[places])], np.flatnonzero(~known)])))


def stable_order(numbers: Ints) -> Ints:
    """Return the stable order of numbers.

    The upper bits of a number and its place make one word, and words are sorted several times faster than places. Numbers that
    are alike in these bits alone are rare and may come out of order; then everything is sorted in the plain way.
    """
    low = np.uint64((1 << max(0, len(numbers) - 1).bit_length()) - 1)
    words = (numbers.view(np.uint64) ^ _SIGN) & ~low
    words |= np.arange(len(numbers), dtype=np.uint64)
    words.sort()
    order = (words & low).view(np.int64)
    ordered = numbers[order]
    if (ordered[1:] < ordered[:-1]).any():
        return np.argsort(numbers, kind="stable")
    return order
