"""Runs the expressions on Spark, for countries that outgrow one machine: the states are computed and written by the executors.

The same expressions, the same states, the same bytes as DuckDB's. What a recount asks about few persons stays with DuckDB, and so
do the names of states. Executors need Python with PyArrow, and either the store's disk or a bucket (`settings.spark_store`).
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import ibis
import pyarrow as pa
import sqlglot
from sqlglot import exp

from pipeline.count.engine import DuckDb, Input, alike, input_schema, write_state
from pipeline.count.inputs import INPUTS, Count
from pipeline.settings import Settings
from pipeline.store.writing import ROW_GROUP_ROWS, replacing

FIXED = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
"""Settings of the session that the expressions rely on; nothing may change them."""
_SPARK = {
    "string": "string",
    "int64": "bigint",
    "boolean": "boolean",
    "date": "date",
    "decimal(12, 2)": "decimal(12, 2)",
}


class Spark(DuckDb):
    """A Spark session beside a DuckDB connection; raises EngineError without PySpark or Java."""

    def __init__(self, settings: Settings, store: Path, spill: Path) -> None:
        settings.require_engine()
        super().__init__(settings.memory_limit, settings.threads, spill)
        self._session = _session(settings)
        self._bucket = _Bucket(settings.spark_store, store) if settings.spark_store else None
        self._statements: dict[str, str] = {}
        self._schemas: dict[str, pa.Schema] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.stop()
        super().__exit__(kind, error, trace)

    def run_to_file(self, count: Count, inputs: Mapping[str, Input], path: Path, *, sort: Sequence[str]) -> None:
        """Evaluate an expression into a Parquet file that one executor writes, ordered by `sort`."""
        for alias, kind in count.reads.items():
            self._frame(kind, inputs[alias]).createOrReplaceTempView(alias)
        ordered = self._session.sql(self._statement(count)).repartition(1)
        ordered = ordered.sortWithinPartitions(*(_ascending(name) for name in sort))
        delta = tuple(name for name in sort if name == "person")
        prefix = f".{path.name}.{uuid.uuid4().hex}"
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = self._bucket.address(path.parent) if self._bucket else path.parent.absolute().as_uri()
        try:
            done = ordered.mapInArrow(_writer(folder, prefix, self._schema(count), delta), "name string").collect()
            if not done:
                write_state(path, self._schema(count).empty_table(), sort)
            elif self._bucket:
                self._bucket.take(path.parent / done[0]["name"], path)
            else:
                with replacing(path) as aside:
                    (path.parent / done[0]["name"]).replace(aside)
                    aside.chmod(0o600)
        finally:
            for left in path.parent.glob(f"{prefix}.*"):
                left.unlink(missing_ok=True)

    def _statement(self, count: Count) -> str:
        if count.name not in self._statements:
            self._statements[count.name] = spark_sql(count)
        return self._statements[count.name]

    def _schema(self, count: Count) -> pa.Schema:
        """Return the columns and types that DuckDB gives, which are those of the state."""
        if count.name not in self._schemas:
            self._schemas[count.name] = super().run(count, dict.fromkeys(count.reads, ())).schema
        return self._schemas[count.name]

    def _frame(self, kind: str, value: Input) -> Any:
        if isinstance(value, pa.Table):
            return self._session.createDataFrame(value.cast(input_schema(kind)))
        if not value:
            return self._session.createDataFrame([], _columns(kind))
        if self._bucket is not None:
            places = [(self._bucket.uploaded(file.path), json.dumps(dict(file.constants))) for file in value]
            listed = self._session.createDataFrame(places, "address string, constants string")
            return listed.repartition(len(places)).mapInArrow(_reader(input_schema(kind)), _columns(kind))
        frames = [self._scan(kind, paths, constants) for constants, paths in alike(value)]
        whole = frames[0]
        for frame in frames[1:]:
            whole = whole.unionAll(frame)
        return whole

    def _scan(self, kind: str, paths: Sequence[Path], constants: Mapping[str, int]) -> Any:
        read = self._session.read.parquet(*(f"file://{path.absolute()}" for path in paths))
        return read.selectExpr(
            *(
                f"CAST({constants.get(name, f'`{name}`')} AS {_SPARK[type_]}) AS `{name}`"
                for name, type_ in INPUTS[kind].items()
            )
        )


class _Bucket:
    """A copy of the store's immutable files on S3, which executors read and write; a file's name tells its content."""

    def __init__(self, address: str, store: Path) -> None:
        from pyarrow import fs

        self._base, mark, query = address.partition("?")
        self._base, self._query = self._base.rstrip("/"), mark + query
        self._store = store
        self._system, self._root = fs.FileSystem.from_uri(address)
        self._there: set[Path] = set()

    def address(self, path: Path) -> str:
        """Return where a file or folder of the store lies in the bucket."""
        return f"{self._base}/{self._inside(path)}{self._query}"

    def _inside(self, path: Path) -> str:
        return quote(str(path.relative_to(self._store)), safe="/=")

    def _place(self, path: Path) -> str:
        return f"{self._root.rstrip('/')}/{path.relative_to(self._store)}"

    def uploaded(self, path: Path) -> str:
        """Return the address of a file of the store, uploaded unless it is there with its size."""
        from pyarrow import fs

        if path not in self._there:
            if self._system.get_file_info(self._place(path)).size != path.stat().st_size:
                fs.copy_files(str(path.absolute()), self._place(path), fs.LocalFileSystem(), self._system)
            self._there.add(path)
        return self.address(path)

    def take(self, written: Path, path: Path) -> None:
        """Copy what an executor has written into the store, and give it its name in the bucket."""
        from pyarrow import fs

        with replacing(path) as aside:
            fs.copy_files(self._place(written), str(aside), self._system, fs.LocalFileSystem())
        self._system.move(self._place(written), self._place(path))
        self._there.add(path)


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


# -- what executors do: these functions travel as they are, so they know nothing of this package -------------------------


def _writer(
    folder: str, prefix: str, schema: pa.Schema, delta: tuple[str, ...]
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what writes the batches of a task into one Parquet file below `folder` and yields its name; nothing without rows.

    Options and row groups are those of `write_table`, so that equal rows are equal bytes; one row group is held.
    """
    rows = ROW_GROUP_ROWS

    def write(batches: Iterator[Any]) -> Iterator[Any]:
        import uuid

        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyarrow import fs

        tables = (pa.Table.from_batches([b]).select(schema.names).cast(schema) for b in batches if b.num_rows)
        first = next(tables, None)
        if first is None:
            return
        system, root = fs.FileSystem.from_uri(folder)
        name = f"{prefix}.{uuid.uuid4().hex}.tmp"
        with (
            system.open_output_stream(f"{root}/{name}") as file,
            pq.ParquetWriter(
                file,
                schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=[name for name in schema.names if name not in delta],
                column_encoding=dict.fromkeys(delta, "DELTA_BINARY_PACKED") or None,
                store_schema=True,
            ) as out,
        ):
            held, size = [first], first.num_rows
            for table in tables:
                held.append(table)
                size += table.num_rows
                if size >= rows:
                    whole = pa.concat_tables(held).combine_chunks()
                    full = size - size % rows
                    out.write_table(whole.slice(0, full), row_group_size=rows)
                    held, size = [whole.slice(full)], size - full
            if size:
                out.write_table(pa.concat_tables(held).combine_chunks(), row_group_size=rows)
        yield pa.RecordBatch.from_pydict({"name": [name]})

    return write


def _reader(schema: pa.Schema) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what reads the files that a task's rows name (address, constants as JSON) into batches of a schema."""

    def read(batches: Iterator[Any]) -> Iterator[Any]:
        import json

        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyarrow import fs

        for row in (row for batch in batches for row in batch.to_pylist()):
            system, place = fs.FileSystem.from_uri(row["address"])
            constants = json.loads(row["constants"])
            with system.open_input_file(place) as file:
                for batch in pq.ParquetFile(file).iter_batches(columns=[n for n in schema.names if n not in constants]):
                    columns = [
                        pa.repeat(pa.scalar(constants[f.name], f.type), batch.num_rows)
                        if f.name in constants
                        else batch.column(f.name).cast(f.type)
                        for f in schema
                    ]
                    yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return read


__all__ = ["Spark", "spark_sql"]
