"""Spark counts what DuckDB counts, byte for byte: in local mode, on a cluster of two workers, and over a bucket.

PySpark lies where `make bench` puts it (tests/conftest.py); without it, or without Java, these tests skip and say so.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.tiny_runs import LAST, OTHERWISE, computed, opened, tiny_source
from pipeline import steps
from pipeline.cli import main
from pipeline.settings import EngineError, Settings, SettingsError, load_settings

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


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a standalone cluster with two workers on this machine."""
    home = Path(importlib.util.find_spec("pyspark").origin).parent  # type: ignore[union-attr,arg-type]
    folder, port = tmp_path_factory.mktemp("cluster"), free_port()
    address = f"spark://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(home.parent),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    master = ["master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"]
    worker = ["worker.Worker", "--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g", address]
    started = []
    try:
        for number, (name, *arguments) in enumerate([master, worker, worker]):
            work = ["--work-dir", str(folder / f"work-{number}")] if number else []
            log = (folder / f"{number}.log").open("wb")
            command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *work, *arguments]
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder))
            log.close()
        deadline = time.monotonic() + 120
        while (folder / "0.log").read_text().count("Registering worker") < 2:
            assert time.monotonic() < deadline, (folder / "0.log").read_text()
            time.sleep(0.5)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(60)


LIMITS = (("spark.driver.host", "127.0.0.1"), ("spark.executor.memory", "600m"), ("spark.executor.cores", "1"))


@needs_spark
@pytest.mark.thorough
def test_two_workers_count_what_duckdb_counts(tmp_path: Path, cluster: str) -> None:
    both(tmp_path, "2018-04", spark_master=cluster, spark_conf=LIMITS)


@needs_spark
@pytest.mark.thorough
def test_two_workers_count_over_a_bucket(tmp_path: Path, cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1")
        client.create_bucket(Bucket="kennzahlen")
        place = f"s3://kennzahlen/store?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        both(tmp_path, "2018-04", spark_master=cluster, spark_conf=LIMITS, spark_store=place)
        kept = client.list_objects_v2(Bucket="kennzahlen", Prefix="store/")["Contents"]
        assert any("/computed/zwischenstand/" in entry["Key"] for entry in kept)
        assert not any(entry["Key"].endswith(".tmp") for entry in kept)
    finally:
        server.stop()


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
