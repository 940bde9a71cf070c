"""A release is whole, immutable, numbered, and equal inputs give equal bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.publish import broken_files, read_manifest
from pipeline.publish.opened import OpenedTableError
from unit.publish.country import INPUTS, MONTH, SAALEKREIS, VERDICT, country, publish_country

SMALL: dict[str, Any] = {"units": 12, "history": 14, "indicators": ("K1", "K2E1", "K2E3")}


def _bytes(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    first = publish_country(country(**SMALL).write(tmp_path / "a"), country(**SMALL))
    second = publish_country(country(**SMALL).write(tmp_path / "elsewhere" / "b"), country(**SMALL))
    assert _bytes(first.folder) == _bytes(second.folder)


def test_repeated_publish_changes_nothing_and_repairs_the_pointer(tmp_path: Path) -> None:
    world = country(**SMALL)
    store = world.write(tmp_path)
    first = publish_country(store, world)
    before = {p: p.stat().st_mtime_ns for p in first.folder.rglob("*")}
    store.pointer.unlink()
    second = publish_country(store, world)
    assert second.unchanged and not first.unchanged
    assert (second.number, second.page) == (1, first.page)
    assert {p: p.stat().st_mtime_ns for p in first.folder.rglob("*")} == before
    assert store.pointer.readlink() == Path(f"{MONTH}/1")


@pytest.mark.parametrize(
    "change",
    [
        {"manifest_inputs": {**INPUTS, "lieferungen": {"2018-07/bestand/t04412": "f" * 64}}},
        {"verdict": {**VERDICT, "warnungen": 3}},
        {"synthetic": False},
        {"site_url": "https://example.org/kennzahlen"},
    ],
)
def test_another_input_gives_the_next_number_and_keeps_the_old_release(
    tmp_path: Path, change: dict[str, object]
) -> None:
    world = country(**SMALL)
    store = world.write(tmp_path)
    old = publish_country(store, world)
    content = _bytes(old.folder)
    new = publish_country(store, world, **change)
    assert (new.number, new.unchanged) == (2, False)
    assert _bytes(old.folder) == content
    assert store.pointer.readlink() == Path(f"{MONTH}/2")


def test_changed_tables_give_the_next_number(tmp_path: Path) -> None:
    world = country(**SMALL)
    store = world.write(tmp_path)
    publish_country(store, world)
    changed = world.with_value(SAALEKREIS, "K2E3", "55.0")
    assert publish_country(changed.write(tmp_path), changed).number == 2


def test_rerun_of_an_older_month_does_not_move_the_pointer_back(tmp_path: Path) -> None:
    new, old = country(**SMALL), country(month="2018-06", **SMALL)
    publish_country(new.write(tmp_path), new)
    store = old.write(tmp_path)
    published = publish_country(store, old)
    assert published.current == f"{MONTH}/1"
    assert store.pointer.readlink() == Path(f"{MONTH}/1")
    assert (store.release("2018-06", 1) / "manifest.json").is_file()


def test_damaged_newest_release_is_not_taken_for_unchanged(tmp_path: Path) -> None:
    world = country(**SMALL)
    store = world.write(tmp_path)
    first = publish_country(store, world)
    (first.folder / "vergleich.csv").unlink()
    assert broken_files(first.folder) == ["vergleich.csv is missing"]
    assert publish_country(store, world).number == 2


def test_manifest_names_every_file_with_its_digest_and_nothing_of_the_machine(tmp_path: Path) -> None:
    world = country(**SMALL)
    published = publish_country(world.write(tmp_path), world)
    manifest = read_manifest(published.folder)
    assert broken_files(published.folder) == []
    basis = manifest["grundlage"]
    assert basis["eingaben"] == json.loads(json.dumps(INPUTS))
    assert basis["katalog_sha256"] == world.catalog.digest
    assert basis["schalter"]["suppress_below"] == 3
    assert basis["pruefung"] == dict(VERDICT)
    assert manifest["dateien"].keys() >= {"vergleich.parquet", "site/K2E3.html", "datapackage.json", "vergleich.xlsx"}
    for name, content in _bytes(published.folder).items():
        assert str(tmp_path).encode() not in content, name


def test_released_files_are_read_only_and_no_leftover_stays(tmp_path: Path) -> None:
    world = country(**SMALL)
    store = world.write(tmp_path)
    leftover = store.releases / ".tmp-2018-07-9"
    leftover.mkdir(parents=True)
    (leftover / "half").write_text("x")
    published = publish_country(store, world)
    assert all(p.stat().st_mode & 0o777 == 0o444 for p in published.folder.rglob("*") if p.is_file())
    assert sorted(p.name for p in store.releases.iterdir()) == [MONTH, "aktuell", "ausgaben.jsonl"]


def test_missing_suppressed_table_says_what_to_do(tmp_path: Path) -> None:
    world = country(**SMALL)
    store = world.write(tmp_path)
    (store.computed("offen", MONTH).parent / "reihe.parquet").unlink()
    with pytest.raises(
        OpenedTableError, match=r"reihe\.parquet: the suppressed table is missing; run the step compare"
    ):
        publish_country(store, world)
    assert not store.pointer.exists()


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.05, 0.4, 1.0, 2.0])
def test_killed_publish_leaves_the_last_release_and_the_next_one_finishes(tmp_path: Path, delay: float) -> None:
    world = country(**SMALL)
    store = world.write(tmp_path)
    good = publish_country(store, world)
    content = _bytes(good.folder)
    changed = world.with_value(SAALEKREIS, "K2E3", "55.0")
    changed.write(tmp_path)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from pipeline.store import Store\n"
        "from unit.publish.country import country, publish_country\n"
        f"w = country(**{SMALL!r})\n"
        "print('ready', flush=True)\n"
        "publish_country(Store(Path(sys.argv[2])), w, progress=lambda *a: print(a, flush=True))\n"
    )
    tests = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tests), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(delay)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert _bytes(good.folder) == content
    current = store.pointer.resolve()
    assert current.parent.name == MONTH and broken_files(current) == []
    again = publish_country(store, changed)
    assert again.number == 2
    assert broken_files(again.folder) == []
    fresh = publish_country(world.write(tmp_path / "fresh"), world)
    other = publish_country(changed.write(tmp_path / "fresh"), changed)
    assert (fresh.number, other.number) == (1, 2)
    assert _bytes(other.folder) == _bytes(again.folder)
