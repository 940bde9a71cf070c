"""Deliveries from their bytes to accepted rows, bad rows and remarks: what staging does with files, and nothing of where they go.

Whoever wants to know what a file would give comes here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from pipeline.catalog import Catalog, Table
from pipeline.months import Zaehltage
from pipeline.stage.found import BadRow, Batch, RawFile, RejectedError, Remark
from pipeline.stage.judging import judge_rows, made_for_other_month, reject_missing_values
from pipeline.stage.published import read_published
from pipeline.stage.reading import read_file
from pipeline.stage.remarking import remarks
from pipeline.stage.typing_rows import type_columns
from pipeline.store.register import PUBLISHED

ROWS_AT_ONCE = 1 << 17
"""Rows of several files that are examined together; bounds the memory for identifiers, which are texts."""
Offered: TypeAlias = tuple[Path, str]
"""Bytes and suffix of a delivery."""
Identify: TypeAlias = Callable[[Batch], Batch]
"""Puts other identifiers in the place of those delivered."""


@dataclass(frozen=True)
class Examined:
    """Some of the deliveries offered, `files` by their position: good rows, bad rows, remarks, and which cannot be used at all.

    The good rows are in declared types with their number in `row`; those of `files[i]` are number i of the batch, which is also
    what bad rows and remarks call it. `places` names the cell of each row number where a file has cells rather than rows.
    """

    files: tuple[int, ...]
    good: Batch
    bad: tuple[BadRow, ...]
    remarks: tuple[Remark, ...]
    rejected: Mapping[int, RejectedError]
    places: tuple[str, ...] = ()

    @property
    def accepted(self) -> pa.Table:
        """Return the good rows."""
        return self.good.rows

    def place(self, row: int) -> str:
        """Return the address of the cell of a row, empty if the file has none."""
        return self.places[row - 1] if 0 < row <= len(self.places) else ""


def examine(
    path: Path, suffix: str, table: Table, month: str, catalog: Catalog, zaehltage: Zaehltage, max_unpacked_bytes: int
) -> Examined:
    """Read and judge one delivery of `table` for `month`; raises RejectedError if it cannot be used."""
    (found,) = examine_all([(path, suffix)], table, month, catalog, zaehltage, max_unpacked_bytes)
    if 0 in found.rejected:
        raise found.rejected[0]
    return found


def examine_all(
    offered: Sequence[Offered],
    table: Table,
    month: str,
    catalog: Catalog,
    zaehltage: Zaehltage,
    max_unpacked_bytes: int,
    identify: Identify = lambda batch: batch,
) -> Iterator[Examined]:
    """Read and judge deliveries of `table` for `month`, in their order, many small ones together.

    Only good rows are identified anew; what is said of bad rows and remarks holds no identifier.
    """
    judged = partial(_examined, table=table, month=month, catalog=catalog, zaehltage=zaehltage, identify=identify)
    together: dict[int, RawFile] = {}
    for position, (path, suffix) in enumerate(offered):
        raw: RawFile | RejectedError
        try:
            raw = _read(path, suffix, table, month, catalog, zaehltage, max_unpacked_bytes)
        except RejectedError as error:
            raw = error
        if together and not (isinstance(raw, RawFile) and _fits(raw, list(together.values()))):
            yield judged(together)
            together = {}
        if isinstance(raw, RawFile):
            together[position] = raw
        else:
            yield Examined((position,), Batch.of([_nothing(table)]), (), (), {0: raw})
    if together:
        yield judged(together)


def _fits(raw: RawFile, others: Sequence[RawFile]) -> bool:
    """Tell whether a file has the shape of others and room among them; cells have addresses in one file only."""
    rows = sum(other.table.num_rows for other in others) + raw.table.num_rows
    return raw.table.schema == others[0].table.schema and rows <= ROWS_AT_ONCE and not (raw.places or others[0].places)


def _nothing(table: Table) -> pa.Table:
    return pa.table({name: pa.array([], pa.null()) for name in ("row", *table.column_names)})


def _examined(
    files: Mapping[int, RawFile],
    table: Table,
    month: str,
    catalog: Catalog,
    zaehltage: Zaehltage,
    identify: Identify,
) -> Examined:
    positions = tuple(files)
    raw = Batch.of([file.table.append_column("row", file.rows) for file in files.values()])
    places = next(iter(files.values())).places
    try:
        typed, bad_values = type_columns(raw.rows, table)
        if table.name == PUBLISHED:
            reject_missing_values(typed, raw.rows.column("row"), bad_values)
    except RejectedError as error:
        if places and error.row:
            error = RejectedError(error.rule, error.message, column=places[error.row - 1])
        return Examined(
            positions, Batch.of([_nothing(table)] * len(files)), (), (), dict.fromkeys(range(len(files)), error)
        )
    good, bad = judge_rows(raw, typed, bad_values, table, catalog)
    if places:
        bad = [replace(row, place=places[row.row - 1]) for row in bad]
    bad += [replace(row, file=file) for file, read in enumerate(files.values()) for row in read.bad]
    batch = Batch(typed.add_column(0, "row", raw.rows.column("row")), raw.edges).filtered(good)
    rejected = made_for_other_month(batch, table.name, month, zaehltage)
    if rejected:
        usable = np.array([file not in rejected for file in range(batch.files)])
        batch = batch.filtered(np.repeat(usable, np.diff(batch.edges)))
        bad = [row for row in bad if row.file not in rejected]
    batch = identify(batch)
    found = [replace(remark, file=file) for file, read in enumerate(files.values()) for remark in read.remarks]
    found += remarks(batch, table, month, zaehltage, catalog)
    return Examined(positions, batch, tuple(bad), tuple(found), rejected, places)


def _read(
    path: Path, suffix: str, table: Table, month: str, catalog: Catalog, zaehltage: Zaehltage, max_unpacked_bytes: int
) -> RawFile:
    if table.name != PUBLISHED or suffix == ".parquet":
        return read_file(path, suffix, table, max_unpacked_bytes)
    return read_published(path, suffix, table, catalog, month, zaehltage.stichtag(month), max_unpacked_bytes)
