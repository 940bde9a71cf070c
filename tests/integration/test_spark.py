"""Spark counts what DuckDB counts, byte for byte: in local mode, on a cluster of two workers, and over a bucket.

PySpark lies where `make bench` puts it (tests/conftest.py); without it, or without Java, these tests skip and say so.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from integration.tiny_runs import LAST, OTHERWISE, computed, opened, tiny_source
from pipeline import steps
from pipeline.catalog import Catalog, parse_selection
from pipeline.cli import main
from pipeline.count import engine
from pipeline.count.counting import scope
from pipeline.count.engine import DuckDb, File, Input, input_schema, write_state
from pipeline.count.expressions import all_counts
from pipeline.count.inputs import Count, tables
from pipeline.count.readings import Readings
from pipeline.count.states import Counting
from pipeline.settings import EngineError, Settings, SettingsError, load_settings
from unit.count.s3_bucket import keys, s3_bucket

needs_spark = pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None or shutil.which("java") is None,
    reason="PySpark (requirements-bench.lock) or Java is not installed",
)


def both(
    folder: Path, first: str, *, switches: tuple[str, ...] = (), continued: bool = False, **settings: Any
) -> dict[str, bytes]:
    """Count the same deliveries with DuckDB and with Spark, and compare every file; returns them.

    `continued`: DuckDB has counted the months before, Spark counts the last one.
    """
    source, duckdb, spark = folder / "source", folder / "duckdb", folder / "spark"
    tiny_source(source, first)
    for step in (steps.fetch, steps.stage):
        step(opened(duckdb, source, switches=switches))
    shutil.copytree(duckdb, spark)
    steps.count(opened(duckdb))
    if continued:
        shutil.copytree(duckdb / "computed", spark / "computed")
        for path in (spark / "computed").rglob(f"{LAST}*"):
            path.unlink()
    steps.count(opened(spark, engine="spark", **settings))
    expected, found = computed(duckdb), computed(spark)
    assert any(name.startswith("zwischenstand/") and name.endswith(".parquet") for name in expected)
    assert sorted(found) == sorted(expected)
    assert [name for name, content in expected.items() if found[name] != content] == []
    return expected


@needs_spark
@pytest.mark.thorough
@pytest.mark.parametrize("switches", [(), OTHERWISE], ids=["as decided", "otherwise"])
def test_spark_goes_on_with_what_duckdb_has_counted(tmp_path: Path, switches: tuple[str, ...]) -> None:
    found = both(tmp_path, "2015-12", switches=switches, continued=True)
    assert any(name.startswith(f"zwischenstand/long_term_movements/{LAST}") for name in found)


# -- every expression, in every reading ----------------------------------------------------------------------------------

CHECKED = "2017-02"
"""A month whose check months of the next year are known."""
TOGETHER = (
    "check_day=zaehltag",
    "month_test=any_day",
    "oegb_at_check=fails",
    "gering_ausschliesslich=true",
    "job_change_counts=false",
    "k2e1_person_rule=one_per_person",
    "newcomer_scope=jobcenter",
    "lzb_min_age=17",
    "suppress_below=5",
)


def single_switches(catalog: Catalog) -> list[tuple[str, ...]]:
    """Return each selection of one switch under which an expression is another."""
    return [
        (f"{name}={str(value).lower()}",)
        for name, switch in catalog.switches.items()
        if isinstance(switch.alternatives, tuple)
        for value in switch.alternatives
        if Readings.of(catalog.with_switches({name: value}).switches) != Readings()
    ]


class Noting(DuckDb):
    """DuckDB that notes, for each SQL, the last state with rows that it has computed, and from what."""

    def __init__(self, spill: Path, noted: dict[str, tuple[Count, Mapping[str, Input], Path, Sequence[str]]]) -> None:
        super().__init__("500MB", 1, spill)
        self._noted = noted

    def run_to_file(self, count: Count, inputs: Mapping[str, Input], path: Path, *, sort: Sequence[str]) -> None:
        super().run_to_file(count, inputs, path, sort=sort)
        if self.sql(count) not in self._noted or pq.read_metadata(path).num_rows:
            self._noted[self.sql(count)] = (count, inputs, path, sort)


@needs_spark
@pytest.mark.thorough
def test_spark_computes_every_expression_in_every_reading(tmp_path: Path) -> None:
    """States are compared, of which Eckwerte are sums: one of each expression, the last that has rows."""
    source, store = tiny_source(tmp_path / "source", "2016-05"), tmp_path / "store"
    for step in (steps.fetch, steps.stage):
        step(opened(store, source))
    run = opened(store)
    _, files, check_months = scope(run.month, run.staged, run.territory)
    noted: dict[str, tuple[Count, Mapping[str, Input], Path, Sequence[str]]] = {}
    for switches in [(), OTHERWISE, TOGETHER, *single_switches(run.catalog)]:
        catalog = run.catalog.with_switches(parse_selection(switches))
        with Noting(tmp_path / "spill", noted) as duckdb:
            counting = Counting(run.store, duckdb, catalog, run.territory.zaehltage, run.territory, files)
            for month in (CHECKED, LAST):
                counting.count_states(month, check_months)
    assert {count.name for count, *_ in noted.values()} == set(all_counts(Readings()))
    assert len(noted) > 2 * len(all_counts(Readings()))

    unlike = []
    with engine.opened(Settings(engine="spark"), tmp_path, tmp_path / "spill") as spark:
        for number, (count, inputs, path, sort) in enumerate(noted.values()):
            found = tmp_path / "spark" / f"{number}.parquet"
            spark.run_to_file(replace(count, name=f"{count.name}-{number}"), inputs, found, sort=sort)
            assert pq.read_metadata(path).num_rows, f"no state of {count.name} has rows"
            if found.read_bytes() != path.read_bytes():
                unlike.append(f"{count.name}: {path}")
    assert unlike == []


# -- where files lie, and whose they are ---------------------------------------------------------------------------------


def everybody() -> Count:
    reads = {"lzb": "lzb"}
    return Count("everybody", reads, tables(**reads)["lzb"])


def persons(path: Path, *numbers: int) -> Path:
    """Write a state of persons."""
    write_state(path, [pa.table({"person": numbers}, schema=input_schema("lzb"))], ("person",))
    return path


@needs_spark
@pytest.mark.thorough
def test_the_path_of_a_store_is_no_pattern_for_spark(tmp_path: Path) -> None:
    folders = ["a[b]", "a*", "a?b", "a{b}", "a\\b", "Jobcenter Süd 100%25", "person=5", "a#b"]
    for number, name in enumerate(["ab", "abb", "axb", *folders]):
        persons(tmp_path / name / "lzb.parquet", number)
    with engine.opened(Settings(engine="spark"), tmp_path, tmp_path / "spill") as spark:
        for name in folders:
            file, out = tmp_path / name / "lzb.parquet", tmp_path / name / "out.parquet"
            spark.run_to_file(everybody(), {"lzb": [File(file)]}, out, sort=("person",))
            assert out.read_bytes() == file.read_bytes()
            assert stat.S_IMODE(out.stat().st_mode) == 0o600
            assert sorted(path.name for path in out.parent.iterdir()) == ["lzb.parquet", "out.parquet"]


def python_of(user: int) -> str:
    """Return an interpreter of this version that a user may run; skips the test without one."""
    for path in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([path, "-c", ""], user=user, cwd="/", check=True)
            return path
    return str(pytest.skip(f"user {user} may run no Python of this version"))


@needs_spark
@pytest.mark.thorough
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a worker as another user")
def test_executors_of_another_user_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        file = persons(Path(folder) / "lzb.parquet", 1)
        limits = (*LIMITS, ("spark.pyspark.python", python_of(65534)))
        with (
            cluster_below(Path(folder), workers=1, user=65534) as address,
            engine.opened(
                Settings(engine="spark", spark_master=address, spark_conf=limits), Path(folder), tmp_path / "spill"
            ) as spark,
            pytest.raises(EngineError, match="runs as user 65534, but the files of the store are for user 0 alone"),
        ):
            spark.run_to_file(everybody(), {"lzb": [File(file)]}, Path(folder) / "out.parquet", sort=("person",))
        assert not (Path(folder) / "out.parquet").exists()


# -- a cluster -----------------------------------------------------------------------------------------------------------

LIMITS = (("spark.driver.host", "127.0.0.1"), ("spark.executor.memory", "600m"), ("spark.executor.cores", "1"))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def cluster_below(folder: Path, *, workers: int, user: int | None = None) -> Iterator[str]:
    """Yield the address of a standalone cluster on this machine; its workers run as `user`."""
    home = Path(importlib.util.find_spec("pyspark").origin).parent  # type: ignore[union-attr,arg-type]
    port = free_port()
    address = f"spark://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(home.parent), str(Path(pa.__file__).parents[1])]),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    master = ["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    worker = ["worker.Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g", address]
    started = []
    try:
        for number, (name, *arguments) in enumerate([master, *[worker] * workers]):
            work = ["--work-dir", str(folder / f"work-{number}")] if number else []
            log = (folder / f"{number}.log").open("wb")
            command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *work, *arguments]
            started.append(
                subprocess.Popen(
                    command, env=environment, stdout=log, stderr=log, cwd=folder, user=user if number else None
                )
            )
            log.close()
        deadline = time.monotonic() + 120
        while (folder / "0.log").read_text().count("Registering worker") < workers:
            assert time.monotonic() < deadline, (folder / "0.log").read_text()
            time.sleep(0.5)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(60)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a cluster of two workers."""
    with cluster_below(tmp_path_factory.mktemp("cluster"), workers=2) as address:
        yield address


@needs_spark
@pytest.mark.thorough
def test_two_workers_count_what_duckdb_counts(tmp_path: Path, cluster: str) -> None:
    both(tmp_path, "2018-04", spark_master=cluster, spark_conf=LIMITS)


@needs_spark
@pytest.mark.thorough
def test_two_workers_count_over_a_bucket(tmp_path: Path, cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_bucket(monkeypatch) as (client, place):
        both(tmp_path, "2018-04", spark_master=cluster, spark_conf=LIMITS, spark_store=place)
        kept = keys(client)
        assert any("/computed/zwischenstand/" in key for key in kept)
        assert not any(key.endswith(".tmp") for key in kept)


def test_without_pyspark_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.settings.find_spec", lambda name: None)
    command = ["kennzahlen", "count", "--month", LAST, "--store", str(tmp_path), "--engine", "spark"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "pip install 'kennzahlen-48a[spark]'" in capsys.readouterr().err


def test_without_java_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.settings.find_spec", lambda name: object())
    monkeypatch.setattr("pipeline.settings.shutil.which", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(EngineError, match="openjdk-17-jre-headless"):
        Settings(engine="spark").require_engine()


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(EngineError, match="'flink' is no engine; there are duckdb, spark"):
        Settings(engine="flink").require_engine()


def test_further_configuration_is_a_list_of_names_and_values() -> None:
    found = load_settings({"KENNZAHLEN_SPARK_CONF": "spark.executor.memory=4g; spark.executor.cores=2"})
    assert found.spark_conf == (("spark.executor.memory", "4g"), ("spark.executor.cores", "2"))
    with pytest.raises(SettingsError, match=r"KENNZAHLEN_SPARK_CONF: 'spark[.]executor[.]memory' is not name=value"):
        load_settings({"KENNZAHLEN_SPARK_CONF": "spark.executor.memory"})
