"""What reading a file can find: its rows, bad rows, remarks, or that it cannot be used at all.

Only the shapes stand here; which rule is broken is decided by those who read and judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


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
    """One broken rule of one row. `value` never holds an identifier; `place` is the cell where rows are no lines of a table."""

    rule: str
    row: int
    column: str
    value: str
    message: str
    place: str = ""


@dataclass(frozen=True)
class Remark:
    """What is remarkable about `count` rows of one file; row, column and value are those of the first."""

    rule: str
    row: int
    column: str
    value: str
    message: str
    count: int


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
