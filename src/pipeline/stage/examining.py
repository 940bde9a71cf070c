"""One delivery from its bytes to accepted rows, bad rows and remarks: what staging does with a file, and nothing of where it goes.

Whoever wants to know what a file would give comes here too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from pipeline.catalog import Catalog, Table
from pipeline.months import Zaehltage
from pipeline.stage.found import BadRow, RawFile, RejectedError, Remark
from pipeline.stage.judging import judge_rows, reject_missing_values, reject_other_month
from pipeline.stage.published import read_published
from pipeline.stage.reading import read_file
from pipeline.stage.remarking import remarks
from pipeline.stage.typing_rows import type_columns
from pipeline.store.register import PUBLISHED


@dataclass(frozen=True)
class Examined:
    """A usable delivery: its good rows in declared types (with their number in `row`), the bad ones, and what is remarkable.

    `places` names the cell of each row number where the file has cells rather than rows.
    """

    accepted: pa.Table
    bad: tuple[BadRow, ...]
    remarks: tuple[Remark, ...]
    places: tuple[str, ...]

    def place(self, row: int) -> str:
        """Return the address of the cell of a row, empty if the file has none."""
        return self.places[row - 1] if 0 < row <= len(self.places) else ""


def examine(
    path: Path, suffix: str, table: Table, month: str, catalog: Catalog, zaehltage: Zaehltage, max_unpacked_bytes: int
) -> Examined:
    """Read and judge a delivery of `table` for `month`; raises RejectedError if it cannot be used."""
    raw = _read(path, suffix, table, month, catalog, zaehltage, max_unpacked_bytes)
    typed, bad_values = type_columns(raw.table, table)
    if table.name == PUBLISHED:
        try:
            reject_missing_values(typed, raw.rows, bad_values)
        except RejectedError as error:
            if not raw.places:
                raise
            raise RejectedError(error.rule, error.message, column=raw.places[error.row - 1]) from error
    good, bad_rows = judge_rows(raw.table, typed, raw.rows, bad_values, table, catalog)
    if raw.places:
        bad_rows = [replace(bad, place=raw.places[bad.row - 1]) for bad in bad_rows]
    bad_rows.extend(raw.bad)
    typed = typed.add_column(0, "row", raw.rows)
    accepted = typed.filter(good) if bad_rows else typed
    reject_other_month(accepted, table.name, month, zaehltage)
    found = [*raw.remarks, *remarks(accepted, table, month, zaehltage, catalog)]
    return Examined(accepted, tuple(bad_rows), tuple(found), raw.places)


def _read(
    path: Path, suffix: str, table: Table, month: str, catalog: Catalog, zaehltage: Zaehltage, max_unpacked_bytes: int
) -> RawFile:
    if table.name != PUBLISHED or suffix == ".parquet":
        return read_file(path, suffix, table, max_unpacked_bytes)
    return read_published(path, suffix, table, catalog, month, zaehltage.stichtag(month), max_unpacked_bytes)
