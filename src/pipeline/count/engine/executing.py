"""What Spark's executors do. The inner functions travel to them as they are, so they know nothing of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pyarrow as pa

from pipeline.store.writing import ROW_GROUP_ROWS

OnBatches: TypeAlias = Callable[[Iterator[Any]], Iterator[Any]]


def refusing(folder: str, owner: int) -> OnBatches:
    """Return what yields, in each task, the host and why it cannot use a folder of the user `owner`; an empty text if it can."""

    def refuse(batches: Iterator[Any]) -> Iterator[Any]:
        import os
        import socket

        import pyarrow as pa

        for _ in batches:
            pass
        why = ""
        if not os.path.isdir(folder):  # noqa: PTH112
            why = f"does not see {folder}"
        elif os.geteuid() not in (0, owner):
            why = f"runs as user {os.geteuid()}, but the files of the store are for user {owner} alone"
        yield pa.RecordBatch.from_pydict({"host": [socket.gethostname()], "why": [why]})

    return refuse


def writing(folder: str, prefix: str, schema: pa.Schema, delta: tuple[str, ...], owner: int | None) -> OnBatches:
    """Return what writes the batches of a task into one Parquet file below `folder` and yields its name; nothing without rows.

    Options and row groups are those of `write_table`, so that equal rows are equal bytes; one row group is held. On a disk the file
    is for the user `owner` alone from its first byte on; raises PermissionError where the executor may not give it to that user.
    """
    rows = ROW_GROUP_ROWS

    def write(batches: Iterator[Any]) -> Iterator[Any]:
        import os
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
        if owner is not None:
            handle = os.open(f"{root}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.fchown(handle, owner, -1)
            finally:
                os.close(handle)
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


def reading(schema: pa.Schema) -> OnBatches:
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


__all__ = ["reading", "refusing", "writing"]
