"""Staged rows leave ordered by person, those of a person in the order they came, whatever the memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import sorting
from pipeline.stage.sorting import Runs, stable_order
from pipeline.stage.staging import bytes_of
from pipeline.store import write_parts, writing

BIG = (1 << 63) - 1
SCHEMA = pa.schema([("person", pa.int64()), ("row", pa.int32()), ("art", pa.dictionary(pa.int16(), pa.string()))])
PERSONS = st.one_of(st.none(), st.sampled_from([0, 1, 2, -1, BIG, -BIG - 1]), st.integers(-BIG - 1, BIG))


def batches(persons: list[list[int | None]]) -> list[pa.Table]:
    """Return tables of these persons, rows numbered through, all with one dictionary."""
    made, first = [], 0
    for own in persons:
        rows = range(first, first + len(own))
        art = pa.DictionaryArray.from_arrays(
            pa.array([r % 3 if r % 4 else None for r in rows], pa.int16()), ["a", "b", "c"]
        )
        made.append(
            pa.table({"person": pa.array(own, pa.int64()), "row": pa.array(rows, pa.int32()), "art": art}, SCHEMA)
        )
        first += len(own)
    return made


@given(st.lists(st.lists(PERSONS, min_size=1, max_size=12), min_size=1, max_size=5), st.sampled_from([0, 150, 10_000]))
def test_rows_are_ordered_by_person_and_then_as_they_came(persons: list[list[int | None]], at_most: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(sorting, "ROWS_OF_RANGE", 4)
        tables = batches(persons)
        runs = Runs(at_most, Path(folder) / "overflow.arrow")
        for table in tables:
            runs.add(table)
        found = [row for part in runs.merged() for row in part.to_pylist()]
        overflow = Path(folder) / "overflow.arrow"
        assert at_most or overflow.stat().st_mode & 0o777 == 0o600
    rows = [row for table in tables for row in table.to_pylist()]
    assert found == sorted(rows, key=lambda row: (row["person"] is None, row["person"] or 0))


def test_numbers_alike_in_their_upper_bits_are_in_order_too() -> None:
    numbers = np.array([5, 3, 4, 3, 0, 5] * 9, np.int64) + (1 << 40)
    assert stable_order(numbers).tolist() == np.argsort(numbers, kind="stable").tolist()


@pytest.mark.parametrize("numbers", [[], [7], [-1, -BIG - 1, BIG, 0]])
def test_few_numbers_have_an_order(numbers: list[int]) -> None:
    assert stable_order(np.array(numbers, np.int64)).tolist() == sorted(range(len(numbers)), key=lambda i: numbers[i])


@pytest.mark.parametrize(("size", "expected"), [("2GB", 2 * 10**9), ("0.5 kib", 512), ("500MB", 500 * 10**6)])
def test_a_size_is_understood_as_settings_write_it(size: str, expected: int) -> None:
    assert bytes_of(size) == expected


@pytest.mark.parametrize(("sizes", "groups"), [([], [0]), ([3], [3]), ([4], [4]), ([3, 6, 1], [4, 4, 2])])
def test_parts_become_one_file_with_plain_columns(
    sizes: list[int], groups: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROW_GROUP_ROWS", 4)
    parts = batches([list(range(size)) for size in sizes])
    plain = pa.schema([("person", pa.int64()), ("row", pa.int32()), ("art", pa.string())])
    path = tmp_path / "parts.parquet"
    write_parts(path, iter(parts), plain, delta=("person", "row"), plain=())
    expected = pa.concat_tables([plain.empty_table(), *(part.cast(plain) for part in parts)])
    assert pq.read_schema(path).equals(plain)
    assert pq.read_table(path).equals(expected)
    metadata = pq.read_metadata(path)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == groups
