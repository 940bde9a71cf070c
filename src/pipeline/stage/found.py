"""What reading a file can find: its rows, bad rows, remarks, or that it cannot be used at all.

Only the shapes stand here; which rule is broken is decided by those who read and judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints: TypeAlias = npt.NDArray[np.int64]


_LARGE = 8_192
"""Rows of a file from which on a call of a library costs little beside them: such files need not be copied together."""


class RejectedError(Exception):
    """The delivery has a broken structure: it is rejected as a whole and counts as missing.

    `column` names a column or a place (``1.1 Eckwerte!C14``), `value` what stands there.
    """

    def __init__(self, rule: str, message: str, *, column: str = "", row: int = 0, value: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.column = column
        self.row = row
        self.value = value


@dataclass(frozen=True)
class BadRow:
    """One broken rule of one row. `value` never holds an identifier; `place` is the cell where rows are no lines of a table.

    `file` is the position of the row's file in its batch.
    """

    rule: str
    row: int
    column: str
    value: str
    message: str
    place: str = ""
    file: int = 0


@dataclass(frozen=True)
class Remark:
    """What is remarkable about `count` rows of one file of a batch; row, column and value are those of the first."""

    rule: str
    row: int
    column: str
    value: str
    message: str
    count: int
    file: int = 0


@dataclass(frozen=True)
class RawFile:
    """The rows of one file: `table` has the declared columns, `rows` their numbers in the file; `bad` rows are not among them.

    `places` names the cell of each row's value where the file has cells rather than rows, else it is empty.
    """

    table: pa.Table
    rows: pa.Array
    bad: tuple[BadRow, ...] = ()
    remarks: tuple[Remark, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Rows of several files, one file after the other: file i has the rows `edges[i]` to `edges[i + 1]`.

    Staging works on many small files at once, because every call of a library costs the same for ten rows as for ten thousand.
    """

    rows: pa.Table
    edges: Ints

    @classmethod
    def of(cls, tables: list[pa.Table]) -> Batch:
        """Return the rows of tables of one shape."""
        lengths = [table.num_rows for table in tables]
        rows = pa.concat_tables(tables)
        return cls(rows if rows.num_rows > _LARGE * len(tables) else rows.combine_chunks(), np.cumsum([0, *lengths]))

    @property
    def files(self) -> int:
        """Return how many files there are."""
        return len(self.edges) - 1

    def file_of(self, positions: npt.NDArray[Any]) -> Ints:
        """Return the file of rows given by their positions."""
        return np.searchsorted(self.edges, positions, side="right") - 1

    def filtered(self, keep: npt.NDArray[np.bool_]) -> Batch:
        """Return the rows to keep; every file stays, an emptied one without rows."""
        if keep.all():
            return self
        return Batch(self.rows.filter(pa.array(keep)), np.concatenate([[0], np.cumsum(keep)])[self.edges])
