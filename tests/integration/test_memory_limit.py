"""What a count holds under a real limit of memory: what is made in order needs pieces of the deliveries, not all of their persons,
and what DuckDB evaluates spills to disk where KENNZAHLEN_MEMORY_LIMIT says so. What was killed goes on.

Two months of a few jobcenters, each person delivered many times under other names: 5.2 million persons in a month, 44 million rows.
"""

from __future__ import annotations

import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from integration.memory_cage import Cage, Ended, memory_cage
from pipeline import steps
from pipeline.store import Store
from pipeline.synthetic import generate
from unit.synthetic.tiny_country import tiny_catalog

pytestmark = pytest.mark.thorough

FIRST, MONTH = "2018-06", "2018-07"
COPIES, COPY_BITS = 1700, 11
NAMES = ("person", "bg")
SETTING = "200MB"
ENOUGH, TOO_LITTLE = (590 << 20, 1900 << 20), (400 << 20, 1300 << 20)
"""Limits of a control group and, where there is none, of data. A count needs more than 490 MiB and 1500 of data."""
FOR_ONE = 410 << 20, 1600 << 20
"""Payments as DuckDB evaluates them: 320 MiB are enough with the setting; without it 500, and 1700 of data, are too little."""
EXPRESSION = """
import sys
from pathlib import Path

from pipeline.catalog import load_catalog
from pipeline.count.engine import DuckDb, File
from pipeline.count.lists import code_list
from pipeline.count.payments import payments
from pipeline.count.readings import Readings

setting, leistung, now, then, out, spill = sys.argv[1:]
inputs = {
    "leistung": [File(Path(leistung))],
    "gebiet": [],
    "rechtsgrundlagen": code_list("rechtsgrundlagen", load_catalog()),
    "stock": [File(Path(now))],
    "stock_1": [File(Path(then))],
}
with DuckDb(setting, 2, Path(spill)) as engine:
    engine.run_to_file(payments(Readings()), inputs, Path(out), sort=("jc", "sex", "summe"))
"""


def multiplied(table: pa.Table) -> pa.Table:
    """Return a staged table in which every person and unit of need is there many times, each time by another name."""
    rows = pa.array(np.repeat(np.arange(table.num_rows), COPIES))
    copy = pa.array(np.tile(np.arange(COPIES), table.num_rows))
    many = table.take(rows)
    for name in (n for n in NAMES if n in table.schema.names):
        names = pc.bit_wise_or(pc.shift_left(pc.shift_right(many[name], COPY_BITS), COPY_BITS), copy)
        many = many.set_column(many.schema.get_field_index(name), many.schema.field(name), names)
    return many.sort_by("person") if "person" in many.schema.names else many


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store up to the step stage."""
    folder = tmp_path_factory.mktemp("large")
    generate(folder / "source", FIRST, MONTH, scale=0.02, seed=4, workers=1, everyone=True, catalog=tiny_catalog())
    store = Store(folder / "store")
    for step in (steps.fetch, steps.stage):
        run = steps.open_run(store.root, MONTH, [str(folder / "source")])
        step(replace(run, settings=replace(run.settings, threads=1)))
    for path in sorted((store.root / "staged").rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        if set(NAMES) & set(table.schema.names):
            pq.write_table(multiplied(table), path, compression="zstd")
    return store


@pytest.fixture
def store(staged: Store, tmp_path: Path) -> Store:
    shutil.copytree(staged.root, tmp_path / "store")
    return Store(tmp_path / "store")


def counted(store: Store, cage: Cage, setting: str) -> Ended:
    command = [sys.executable, "-m", "pipeline.cli", "count", "--month", MONTH, "--store", str(store.root)]
    environment = {"KENNZAHLEN_MEMORY_LIMIT": setting, "KENNZAHLEN_THREADS": "2"}
    return cage.run(command, environment, store.root / "count.log", store.tmp)


def eckwerte(store: Store) -> dict[str, bytes]:
    return {month: store.eckwerte(month).read_bytes() for month in (FIRST, MONTH)}


@pytest.fixture(scope="module")
def free(staged: Store, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store counted with as much memory as there is."""
    store = Store(tmp_path_factory.mktemp("free") / "store")
    shutil.copytree(staged.root, store.root)
    ended = counted(store, Cage("none", lambda: None), "8GB")
    assert ended.code == 0, ended.output
    return store


@pytest.mark.parametrize("setting", ["8GB", SETTING])
def test_a_count_needs_memory_for_pieces_of_its_deliveries(store: Store, free: Store, setting: str) -> None:
    with memory_cage(*ENOUGH) as cage:
        ended = counted(store, cage, setting)
    assert ended.code == 0, ended.output
    assert eckwerte(store) == eckwerte(free)


def test_a_count_that_is_killed_leaves_nothing_half_and_goes_on(store: Store, free: Store) -> None:
    with memory_cage(*TOO_LITTLE) as cage:
        assert_ended_by_limit(counted(store, cage, SETTING), cage)
    assert not any(store.eckwerte(month).exists() for month in (FIRST, MONTH))
    with memory_cage(*ENOUGH) as cage:
        again = counted(store, cage, SETTING)
    assert again.code == 0, again.output
    assert eckwerte(store) == eckwerte(free)


def test_an_expression_spills_with_the_setting_and_is_killed_without(free: Store, tmp_path: Path) -> None:
    [leistung] = (free.root / "staged" / "leistung").glob(f"*{MONTH}/*.parquet")
    now, then, expected = (
        one(free.cells(name), month) for name, month in (("stock", MONTH), ("stock", FIRST), ("payments", MONTH))
    )
    out, spill = tmp_path / "out.parquet", tmp_path / "spill"
    spill.mkdir()
    paths = [str(path) for path in (leistung, now, then, out, spill)]
    with memory_cage(*FOR_ONE) as cage:
        ended = cage.run([sys.executable, "-c", EXPRESSION, "8GB", *paths], {}, tmp_path / "log", spill)
        assert_ended_by_limit(ended, cage)
        assert not out.exists()
        ended = cage.run([sys.executable, "-c", EXPRESSION, SETTING, *paths], {}, tmp_path / "log", spill)
    assert ended.code == 0, ended.output
    assert ended.most_on_disk > 10 << 20
    assert out.read_bytes() == expected.read_bytes()


def one(folder: Path, month: str) -> Path:
    """Return the only state of a month."""
    [found] = folder.glob(f"{month}-*.parquet")
    return found


def assert_ended_by_limit(ended: Ended, cage: Cage) -> None:
    if cage.what == "control group":
        assert ended.code == -signal.SIGKILL, ended.output
    else:
        assert ended.code != 0, ended.output
