"""Columns of staged files and states as NumPy arrays, and what is done with arrays in the order of persons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.count.engine.protocol import File, input_schema
from pipeline.count.inputs import FEMALE, MALE, OPEN_END, OTHER
from pipeline.store.decimals import decimal_array

SEXES = (OTHER, MALE, FEMALE)
"""Sexes by their number."""
_NUMBERED = pa.dictionary(pa.int32(), pa.string())


def read(files: Any, kind: str, columns: Sequence[str]) -> pa.Table:
    """Return columns of the files of a kind, texts as dictionaries; without files a table without rows."""
    schema, words = input_schema(kind), _words(kind, columns)
    tables = [pq.read_table(file.path, columns=list(columns), read_dictionary=words) for file in files]
    if tables:
        return pa.concat_tables(tables)
    kinds = [_NUMBERED if name in words else schema.field(name).type for name in columns]
    return pa.schema(list(zip(columns, kinds, strict=True))).empty_table()


def row_groups(path: Path, columns: Sequence[str], words: Sequence[str] = ()) -> Iterator[pa.Table]:
    """Yield the row groups of a file, one after the other; `words` are read as dictionaries."""
    with pq.ParquetFile(path, read_dictionary=list(words)) as opened:
        for number in range(opened.num_row_groups):
            yield opened.read_row_group(number, columns=list(columns))


def pieces(files: Any, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield the rows of a delivery in the order of persons, all of a person in one piece.

    Of files whose row groups ascend, as staging writes them, two row groups are held; others are read and sorted whole.
    """
    if len(files) != 1:
        yield by_person(read(files, kind, columns))
        return
    [file] = files
    with pq.ParquetFile(file.path, read_dictionary=_words(kind, columns)) as opened:
        if not opened.metadata.num_rows or not _ascend(opened.metadata):
            yield by_person(read(files, kind, columns))
            return
        held: list[pa.Table] = []
        for number in range(opened.num_row_groups):
            rows = pa.concat_tables([*held, by_person(opened.read_row_group(number, columns=list(columns)))])
            persons = rows["person"].to_numpy()
            last = int(np.searchsorted(persons, persons[-1])) if len(persons) else 0
            yield rows.slice(0, last)
            held = [rows.slice(last)]
        yield from held


def abreast(files: Sequence[File], columns: Sequence[str], words: Sequence[str] = ()) -> Iterator[list[pa.Table]]:
    """Yield rows of several files side by side, one range of persons after the other; all of a person are in one range.

    Some hundred thousand rows of each file are held. `words` are read as dictionaries. Raises OutOfOrderError.
    """
    with ExitStack() as stack:
        ahead = []
        for file in files:
            opened = pq.ParquetFile(file.path, read_dictionary=list(words), pre_buffer=False)
            ahead.append(_Ahead(file, stack.enter_context(opened), columns))
        while going_on := [one for one in ahead if one.more()]:
            bound = min(one.last for one in going_on)
            taken = [one.below(bound) for one in ahead]
            if any(map(len, taken)):
                yield taken
            else:  # a person fills all that is held
                for one in going_on:
                    one.longer()
        yield [one.held for one in ahead]


class OutOfOrderError(ValueError):
    """The rows of a file do not ascend by person, or some are nobody's."""


class _Ahead:
    """A file in reading; `held` are the rows that nobody has taken yet."""

    def __init__(self, file: File, opened: pq.ParquetFile, columns: Sequence[str]) -> None:
        self._path = file.path
        self._batches = opened.iter_batches(batch_size=_BATCH, columns=list(columns))
        self._ended = False
        self.held: pa.Table = opened.schema_arrow.empty_table().select(columns)

    @property
    def last(self) -> int:
        """Return the last person held."""
        person: int = self.held["person"][-1].as_py()
        return person

    def more(self) -> bool:
        """Hold a batch of rows or more; returns False, with all that is left held, where the file ends."""
        while not self._ended and len(self.held) < _BATCH:
            self.longer()
        return not self._ended

    def longer(self) -> None:
        """Hold a batch more, if there is one."""
        batch = next(self._batches, None)
        self._ended = batch is None
        if batch is not None:
            last = self.held["person"][-1:]
            self.held = pa.concat_tables([self.held, pa.Table.from_batches([batch])])
            persons = pa.chunked_array([*last.chunks, batch["person"]]).combine_chunks()
            if persons.null_count or not _ascending(persons.to_numpy()):
                raise OutOfOrderError(f"{self._path}: rows do not ascend by person")

    def below(self, person: int) -> pa.Table:
        """Take the rows of the persons below one."""
        cut = int(np.searchsorted(self.held["person"].to_numpy(), person))
        taken, self.held = self.held.slice(0, cut), self.held.slice(cut)
        return taken


_BATCH = 1 << 17


def _ascend(metadata: pq.FileMetaData) -> bool:
    """Tell whether the persons of each row group are not below those of the one before."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    place = metadata.schema.names.index("person")
    ranges = [group.column(place).statistics for group in groups if group.num_rows]
    known = all(found is not None and found.has_min_max for found in ranges)
    return known and all(before.max <= after.min for before, after in pairwise(ranges))


def _words(kind: str, columns: Sequence[str]) -> list[str]:
    schema = input_schema(kind)
    return [name for name in columns if schema.field(name).type == pa.string()]


def days_of(column: pa.ChunkedArray) -> Any:
    """Return dates as numbers of days; an open end is the latest."""
    return column.cast(pa.int32()).fill_null(_OPEN_END).to_numpy()


def day_of(value: date) -> int:
    """Return the number of a day."""
    return value.toordinal() - _EPOCH


_EPOCH = date(1970, 1, 1).toordinal()
_OPEN_END = day_of(date.fromisoformat(OPEN_END))


def whole(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return a dictionary column as one array."""
    return column.unify_dictionaries().combine_chunks()


def numbers(column: pa.ChunkedArray, number: Callable[[str], int]) -> Any:
    """Return the numbers of the texts of a dictionary column."""
    encoded = whole(column)
    return np.array([number(text) for text in encoded.dictionary.to_pylist()], np.int64)[encoded.indices.to_numpy()]


def by_person(rows: pa.Table) -> pa.Table:
    """Return rows in the order of persons."""
    persons = rows["person"].to_numpy()
    if _ascending(persons):
        return rows
    return rows.take(pa.array(np.argsort(persons, kind="stable")))


def _ascending(numbers: Any) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())


class Units:
    """Numbers of the units on the territory of the run, by their delivering units."""

    def __init__(self, gebiet: Any) -> None:
        alt, neu = (gebiet[name].to_pylist() for name in ("alt", "neu")) if len(gebiet) else ([], [])
        self._neu: dict[str, str] = dict(zip(alt, neu, strict=True))
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def of(self, jc_id: str) -> str:
        """Return the unit that a delivering unit belongs to."""
        return self._neu.get(jc_id, jc_id)

    def number(self, jc_id: str) -> int:
        """Return the number of that unit."""
        return self._numbers.setdefault(self.of(jc_id), len(self._numbers))

    def named(self, units: Any) -> pa.Array:
        """Return the units of numbers."""
        return pa.array(list(self._numbers), pa.string()).take(pa.array(units))


def unlike_before(values: Any) -> Any:
    """Tell of each value whether it differs from the one before; the first does."""
    return np.append(np.ones(min(1, len(values)), bool), values[1:] != values[:-1])


def places(known: Any, asked: Any) -> tuple[Any, Any]:
    """Return where each number stands, or would stand, among `known`, which ascend, and whether it does."""
    place = np.searchsorted(known, asked)
    if not len(known):
        return place, np.zeros(len(asked), bool)
    return place, known[np.minimum(place, len(known) - 1)] == asked


def as_summed(integers: Any) -> pa.Array:
    """Return integers as the type that DuckDB's sums of integers have."""
    return decimal_array(integers, np.ones(len(integers), bool), 38, 0)


Stock: TypeAlias = tuple[Any, Any]
"""The persons of a stock, ascending, and the numbers of the sexes that their units agree on."""


class Stocks:
    """The sexes of those in stock; two stocks are kept, since a month's is the one before of the next month."""

    def __init__(self) -> None:
        self._of = lru_cache(maxsize=2)(_stock)

    def now_and_then(self, inputs: Mapping[str, Any]) -> tuple[Stock, Stock]:
        """Return those of the inputs `stock` and `stock_1`."""
        # The later one is asked for last and so kept.
        then, now = (self._of(tuple(file.path for file in inputs[name])) for name in ("stock_1", "stock"))
        return now, then


def _stock(paths: tuple[Path, ...]) -> Stock:
    persons, sexes = [np.empty(0, np.int64)], [np.empty(0, np.int8)]
    for rows in (rows for path in paths for rows in row_groups(path, ["person", "sex", "einig", "erste"], ["sex"])):
        first = rows["erste"].to_numpy()
        persons.append(rows["person"].to_numpy()[first])
        sexes.append((numbers(rows["sex"], SEXES.index).astype(np.int8) * rows["einig"].to_numpy())[first])
    return np.concatenate(persons), np.concatenate(sexes)


def sexes_of(asked: Any, *stocks: Stock) -> Any:
    """Return the numbers of the sexes of persons: of the first stock that has them, else of OTHER."""
    sexes, left = np.zeros(len(asked), np.int8), np.arange(len(asked))
    for persons, known in stocks:
        place, found = places(persons, asked[left])
        sexes[left[found]] = known[place[found]]
        left = left[~found]
    return sexes


__all__ = [
    "SEXES",
    "OutOfOrderError",
    "Stock",
    "Stocks",
    "Units",
    "abreast",
    "as_summed",
    "by_person",
    "day_of",
    "days_of",
    "numbers",
    "pieces",
    "places",
    "read",
    "row_groups",
    "sexes_of",
    "unlike_before",
    "whole",
]
