"""What engines do besides counting: which files they read and write, for whom, and what a bucket holds. No Spark is started."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from pipeline.count.engine import DuckDb, File, input_schema, write_state
from pipeline.count.engine import bucket as bucket_module
from pipeline.count.engine.bucket import Bucket
from pipeline.count.engine.executing import reading, refusing, writing
from pipeline.count.inputs import Count, tables
from unit.count.s3_bucket import s3_bucket

FOLDERS = ["a[b]", "a*", "a?b", "a{b}", "Jobcenter Süd 100%25", "it's", "person=5", "a#b"]
DECOYS = ["ab", "abb", "axb"]
OTHER_USER = 65534


def everybody() -> Count:
    reads = {"lzb": "lzb"}
    return Count("everybody", reads, tables(**reads)["lzb"])


def persons(*numbers: int) -> pa.Table:
    return pa.table({"person": numbers}, schema=input_schema("lzb"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_path_of_a_store_is_no_pattern(tmp_path: Path, folder: str) -> None:
    for number, name in enumerate([*DECOYS, folder], start=1):
        write_state(tmp_path / name / "lzb.parquet", [persons(number)], ("person",))
    with DuckDb("200MB", 1, tmp_path / "spill") as engine:
        found = engine.run(everybody(), {"lzb": [File(tmp_path / folder / "lzb.parquet")]})
    assert found.to_pydict() == {"person": [len(DECOYS) + 1]}


# -- what executors do ---------------------------------------------------------------------------------------------------


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Let new files be everybody's, as a worker's environment may have it."""
    before = os.umask(0)
    yield
    os.umask(before)


def written(folder: Path, batches: list[pa.RecordBatch], owner: int | None) -> list[Path]:
    write = writing(folder.as_uri(), ".state", input_schema("lzb"), ("person",), owner)
    return [folder / name for batch in write(iter(batches)) for name in batch["name"].to_pylist()]


def test_an_executor_writes_the_bytes_of_a_state_for_its_user_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_umask: None
) -> None:
    monkeypatch.setattr("pipeline.count.engine.executing.ROW_GROUP_ROWS", 4)
    whole = persons(*range(11))
    parts = [whole.slice(at, size).to_batches()[0] for at, size in ((0, 3), (3, 6), (9, 2))]
    [found] = written(tmp_path, parts, os.geteuid())
    write_state(tmp_path / "expected.parquet", [whole], ("person",))
    assert found.read_bytes() == (tmp_path / "expected.parquet").read_bytes()
    assert pq.read_metadata(found).num_row_groups == 3
    assert "DELTA_BINARY_PACKED" in pq.read_metadata(found).row_group(0).column(0).encodings
    assert stat.S_IMODE(found.stat().st_mode) == 0o600


def test_an_executor_without_rows_writes_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, [], os.geteuid()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_for_the_user_of_the_store_or_is_not_written(tmp_path: Path) -> None:
    batches = persons(1).to_batches()
    if os.geteuid() == 0:
        [found] = written(tmp_path, batches, OTHER_USER)
        assert (found.stat().st_uid, stat.S_IMODE(found.stat().st_mode)) == (OTHER_USER, 0o600)
        return
    with pytest.raises(PermissionError):
        written(tmp_path, batches, OTHER_USER)
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]


def why(folder: Path, owner: int) -> str:
    [batch] = refusing(str(folder), owner)(iter([pa.RecordBatch.from_pydict({"id": [1]})]))
    return str(batch["why"][0])


def test_an_executor_says_why_it_cannot_use_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert why(tmp_path, os.geteuid()) == ""
    assert why(tmp_path / "elsewhere", os.geteuid()) == f"does not see {tmp_path / 'elsewhere'}"
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    assert why(tmp_path, 4712) == "runs as user 4711, but the files of the store are for user 4712 alone"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert why(tmp_path, 4712) == ""


# -- the bucket ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a bucket on a server of its own."""
    with s3_bucket(monkeypatch) as (_, place):
        yield place


def content(place: str) -> bytes:
    system, path = fs.FileSystem.from_uri(place)
    with system.open_input_file(path) as file:
        return bytes(file.read())


def test_a_file_of_the_same_name_and_size_is_the_same_only_with_the_same_content(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "staged" / "bestand" / "ref_month=2018-06" / "a.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"first")
    first = Bucket(address, tmp_path).uploaded(path)
    path.write_bytes(b"other")
    other = Bucket(address, tmp_path).uploaded(path)
    assert (content(first), content(other)) == (b"first", b"other")

    monkeypatch.setattr(bucket_module.fs, "copy_files", lambda *_: pytest.fail("it is there"))
    assert Bucket(address, tmp_path).uploaded(path) == other


def test_a_file_that_is_shorter_in_the_bucket_is_uploaded_again(tmp_path: Path, address: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"whole")
    place = Bucket(address, tmp_path).uploaded(path)
    system, name = fs.FileSystem.from_uri(place)
    with system.open_output_stream(name) as file:
        file.write(b"who")
    assert Bucket(address, tmp_path).uploaded(path) == place
    assert content(place) == b"whole"


def test_what_an_executor_writes_to_the_bucket_gets_the_name_that_others_look_for(tmp_path: Path, address: str) -> None:
    bucket, path = Bucket(address, tmp_path), tmp_path / "computed" / "zwischenstand" / "lzb" / "2018-06-abc.parquet"
    write = writing(bucket.folder(path.parent), ".state", input_schema("lzb"), ("person",), None)
    [batch] = write(iter(persons(1, 2).to_batches()))
    bucket.take(str(batch["name"][0]), path)
    assert pq.read_table(path).to_pydict() == {"person": [1, 2]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    place = Bucket(address, tmp_path).uploaded(path)
    assert bucket.uploaded(path) == place
    rows = pa.RecordBatch.from_pydict({"address": [place], "constants": ['{"monat": 7}']})
    read = list(reading(input_schema("oegb_personen"))(iter([rows])))
    assert pa.Table.from_batches(read).to_pydict() == {"person": [1, 2], "monat": [7, 7]}
    system, root = fs.FileSystem.from_uri(address)
    kept = [info.path for info in system.get_file_info(fs.FileSelector(root, recursive=True)) if info.is_file]
    assert len(kept) == 1
