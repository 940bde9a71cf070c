"""Runs the expressions on Spark, for countries that outgrow one machine: the states are computed and written by the executors.

The same expressions, the same states, the same bytes as DuckDB's. What a recount asks about few persons goes to a DuckDB beside
it, and so do the names of states. Executors need Python with PyArrow, and either the store's disk or a bucket
(`settings.spark_store`).
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ibis
import pyarrow as pa
import sqlglot
from sqlglot import exp

from pipeline.count.engine.bucket import Bucket
from pipeline.count.engine.duck import DuckDb
from pipeline.count.engine.executing import reading, refusing, writing
from pipeline.count.engine.protocol import Input, alike, as_table, delta_encoded, input_schema, write_state
from pipeline.count.inputs import INPUTS, Count
from pipeline.settings import EngineError, Settings
from pipeline.store.writing import replacing

FIXED = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
"""Settings of the session that the expressions rely on; nothing may change them."""
_SPARK = {
    "string": "string",
    "int64": "bigint",
    "boolean": "boolean",
    "date": "date",
    "decimal(12, 2)": "decimal(12, 2)",
}
_LITERAL = str.maketrans({character: f"\\{character}" for character in "\\{}[]*?"})
"""A path is no pattern: what Hadoop would take for one."""


class Spark:
    """A Spark session beside a DuckDB; raises EngineError without PySpark or Java, and if executors cannot use the store."""

    def __init__(self, settings: Settings, store: Path, spill: Path) -> None:
        settings.require_engine()
        self._duck = DuckDb(settings.memory_limit, settings.threads, spill)
        self._bucket = Bucket(settings.spark_store, store) if settings.spark_store else None
        self._session = _session(settings)
        self._store = store
        self._reached = self._bucket is not None or settings.spark_master.partition("[")[0] in ("", "local")
        self._statements: dict[str, str] = {}
        self._schemas: dict[str, pa.Schema] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._session.stop()
        finally:
            self._duck.__exit__(kind, error, trace)

    def sql(self, count: Count) -> str:
        """Return DuckDB's SQL of an expression: states have the same names, whichever engine computes them."""
        return self._duck.sql(count)

    def run(self, count: Count, inputs: Mapping[str, Input]) -> pa.Table:
        """Evaluate an expression on the driver, with DuckDB."""
        return self._duck.run(count, inputs)

    def run_to_file(self, count: Count, inputs: Mapping[str, Input], path: Path, *, sort: Sequence[str]) -> None:
        """Evaluate an expression into a Parquet file that one executor writes, ordered by `sort`."""
        self._reach()
        for alias, kind in count.reads.items():
            self._frame(kind, inputs[alias]).createOrReplaceTempView(alias)
        ordered = self._session.sql(self._statement(count)).repartition(1)
        ordered = ordered.sortWithinPartitions(*(_ascending(name) for name in sort))
        prefix = f".{path.name}.{uuid.uuid4().hex}"
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = self._bucket.folder(path.parent) if self._bucket else path.parent.absolute().as_uri()
        owner = None if self._bucket else os.geteuid()
        write = writing(folder, prefix, self._schema(count), delta_encoded(sort), owner)
        try:
            done = ordered.mapInArrow(write, "name string").collect()
            if not done:
                write_state(path, [self._schema(count).empty_table()], sort)
            elif self._bucket:
                self._bucket.take(done[0]["name"], path)
            else:
                with replacing(path) as aside:
                    (path.parent / done[0]["name"]).replace(aside)
        finally:
            for left in path.parent.glob(f"{prefix}.*"):
                left.unlink(missing_ok=True)

    def _reach(self) -> None:
        """Ask executors once whether they can use the store's disk; raises EngineError."""
        if self._reached:
            return
        tasks = self._session.sparkContext.defaultParallelism
        asked = self._session.range(0, tasks, 1, tasks)
        ask = refusing(str(self._store.absolute()), os.geteuid())
        why = sorted(
            {f"{row.host} {row.why}" for row in asked.mapInArrow(ask, "host string, why string").collect() if row.why}
        )
        if why:
            raise EngineError(
                f"executors cannot use the store: {'; '.join(why)}. KENNZAHLEN_SPARK_STORE names a bucket instead"
            )
        self._reached = True

    def _statement(self, count: Count) -> str:
        if count.name not in self._statements:
            self._statements[count.name] = spark_sql(count)
        return self._statements[count.name]

    def _schema(self, count: Count) -> pa.Schema:
        """Return the columns and types that DuckDB gives, which are those of the state."""
        if count.name not in self._schemas:
            self._schemas[count.name] = self._duck.run(count, dict.fromkeys(count.reads, ())).schema
        return self._schemas[count.name]

    def _frame(self, kind: str, value: Input) -> Any:
        table = as_table(kind, value)
        if table is not None:
            return self._session.createDataFrame(table.cast(input_schema(kind)))
        if self._bucket is not None:
            places = [(self._bucket.uploaded(file.path), json.dumps(dict(file.constants))) for file in value]
            listed = self._session.createDataFrame(places, "address string, constants string")
            return listed.repartition(len(places)).mapInArrow(reading(input_schema(kind)), _columns(kind))
        frames = [self._scan(kind, paths, constants) for constants, paths in alike(value)]
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.unionAll(frame)
        return whole

    def _scan(self, kind: str, paths: Sequence[Path], constants: Mapping[str, int]) -> Any:
        read = self._session.read.parquet(*(f"file://{str(path.absolute()).translate(_LITERAL)}" for path in paths))
        return read.selectExpr(
            *(
                f"CAST({constants.get(name, f'`{name}`')} AS {_SPARK[type_]}) AS `{name}`"
                for name, type_ in INPUTS[kind].items()
            )
        )


def spark_sql(count: Count) -> str:
    """Return the SQL of an expression as Spark reads it; days between dates are whole numbers of 32 bits."""
    tree = sqlglot.parse_one(str(ibis.to_sql(count.expression, dialect="pyspark")), read="spark")
    return tree.transform(_days_between).sql(dialect="spark")


def _days_between(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.DateDiff) and str(node.args.get("unit") or "DAY").upper() == "DAY":
        return exp.Anonymous(this="DATE_DIFF", expressions=[node.this, node.expression])
    return node


def _columns(kind: str) -> str:
    return ", ".join(f"`{name}` {_SPARK[type_]}" for name, type_ in INPUTS[kind].items())


def _ascending(name: str) -> Any:
    from pyspark.sql import functions

    return functions.col(f"`{name}`").asc_nulls_last()


def _session(settings: Settings) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("kennzahlen").master(settings.spark_master or f"local[{settings.threads}]")
    configuration = {
        "spark.pyspark.python": sys.executable,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": str(2 * settings.threads),
        **dict(settings.spark_conf),
        **FIXED,
    }
    for name, value in configuration.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    session.sparkContext.pythonExec = configuration["spark.pyspark.python"]  # read from there only by spark-submit
    return session


__all__ = ["Spark", "spark_sql"]
