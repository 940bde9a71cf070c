"""Atomic writes, the lock and the places of the store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.store import Store, StoreBusyError, read_json, write_bytes, write_json, write_table
from pipeline.store.writing import replacing


class PowerCutError(Exception):
    """Stands for whatever ends a write."""


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.json"
    write_json(path, {"old": 1})
    before = path.read_bytes()
    with pytest.raises(PowerCutError), replacing(path) as temporary:
        temporary.write_bytes(b"half of the ne")
        raise PowerCutError
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_first_write_that_fails_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(PowerCutError), replacing(path):
        raise PowerCutError
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"old": 1})
    with pytest.raises(TypeError):
        write_json(path, {"new": object()})
    assert read_json(path) == {"old": 1}


def test_readers_see_the_old_file_while_a_new_one_is_written(tmp_path: Path) -> None:
    path = tmp_path / "eckwerte.parquet"
    write_bytes(path, b"old")
    with replacing(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert list(tmp_path.glob("*.parquet")) == [path]
        assert temporary.name.startswith(".")
    assert path.read_bytes() == b"new"


def test_equal_values_give_equal_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    write_json(one, {"b": [1, 2], "a": "Göttingen"})
    write_json(two, {"a": "Göttingen", "b": [1, 2]})
    assert one.read_bytes() == two.read_bytes()
    assert "Göttingen" in one.read_text(encoding="utf-8")


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = pa.table({"person": pa.array([-5, 2**62, 2**62 + 1]), "text": ["a", None, ""]})
    write_table(tmp_path / "t.parquet", table)
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
    assert pq.read_metadata(tmp_path / "t.parquet").row_group(0).column(0).compression == "ZSTD"


def test_what_is_written_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_the_second_who_wants_to_write_is_told_who_does(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with store.locked("count 2018-07"):
        with (
            pytest.raises(StoreBusyError, match=r"another run is writing here.*host.*count 2018-07"),
            store.locked("fetch"),
        ):
            pytest.fail("two hold the lock")
        with pytest.raises(StoreBusyError, match="count 2018-07"), store.locked("again"):
            pytest.fail("a refused one took the lock away")
    with store.locked("fetch"):
        pass


def test_a_block_that_fails_gives_the_lock_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(PowerCutError), store.locked("count"):
        raise PowerCutError
    with store.locked("count"):
        pass


def test_a_killed_process_leaves_the_lock_to_the_next(tmp_path: Path) -> None:
    holder = (
        "import os, signal, sys; from pathlib import Path; from pipeline.store import Store\n"
        "with Store(Path(sys.argv[1])).locked('killed run'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusyError, match="killed run"), Store(tmp_path).locked("count"):
            pytest.fail("two processes hold the lock")
        process.kill()
        process.wait()
    with Store(tmp_path).locked("count"):
        pass


def test_the_store_has_the_places_of_the_contract() -> None:
    store = Store(Path("STORE"))
    assert store.eckwerte("2018-07") == Path("STORE/computed/eckwerte/ref_month=2018-07/eckwerte.parquet")
    assert store.computed("kennzahlen", "2018-07") == Path("STORE/computed/kennzahlen/lauf=2018-07/kennzahlen.parquet")
    assert store.release("2018-07", 2) == Path("STORE/releases/2018-07/2")
    assert store.pointer == Path("STORE/releases/aktuell")
    assert store.snapshot("ab12") == Path("STORE/snapshots/objects/ab/ab12")
