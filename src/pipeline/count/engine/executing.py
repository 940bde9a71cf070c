"""How states are written, here and on Spark's executors, and what else these do.

The inner functions travel to them as they are, so they know nothing of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import pyarrow as pa

from pipeline.store.writing import ROW_GROUP_ROWS

FORM = 2
"""Part of the names of states: another number where the same rows become other bytes."""
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


def state_writer(schema: pa.Schema, delta: tuple[str, ...]) -> Callable[[Any, Iterable[pa.Table]], None]:
    """Return what writes tables that follow each other into a path or an open file; one row group is held.

    Equal rows give equal bytes, however they came: row groups are full but for the last; texts, which may come as dictionaries, are
    numbers of a dictionary that holds what the row group has, in order. Columns `delta` are stored as differences of neighbours.
    """
    full = ROW_GROUP_ROWS

    def write(file: Any, tables: Iterable[pa.Table]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        numbered = pa.dictionary(pa.int32(), pa.string())
        words = [i for i, field in enumerate(schema) if field.type == pa.string()]
        stored = schema
        for i in words:
            stored = stored.set(i, schema.field(i).with_type(numbered))

        def numbers(column: pa.ChunkedArray) -> pa.Array:
            texts = column.combine_chunks()
            if not pa.types.is_dictionary(texts.type):
                texts = texts.dictionary_encode()
            there = pc.unique(texts.dictionary.take(pc.unique(texts.indices).drop_null()))
            there = there.take(pc.sort_indices(there))
            return pa.DictionaryArray.from_arrays(
                pc.index_in(texts.dictionary, value_set=there).take(texts.indices), there
            )

        with pq.ParquetWriter(
            file,
            stored,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in schema.names if name not in delta],
            column_encoding=dict.fromkeys(delta, "DELTA_BINARY_PACKED") or None,
            write_statistics=list(delta),
            store_schema=False,
        ) as out:

            def put(group: pa.Table) -> None:
                for i in words:
                    group = group.set_column(i, stored.field(i), numbers(group.column(i)))
                out.write_table(group.cast(stored).combine_chunks(), row_group_size=full)

            held, size = [], 0
            for table in tables:
                held.append(table)
                size += table.num_rows
                if size >= full:
                    whole = pa.concat_tables(held)
                    for at in range(0, size - size % full, full):
                        put(whole.slice(at, full))
                    held, size = [whole.slice(size - size % full)], size % full
            if size:
                put(pa.concat_tables(held))

    return write


def writing(folder: str, prefix: str, schema: pa.Schema, delta: tuple[str, ...], owner: int | None) -> OnBatches:
    """Return what writes the batches of a task into one state below `folder` and yields its name; nothing without rows.

    On a disk the file is for the user `owner` alone from its first byte on; raises PermissionError where the executor may not give
    it to that user.
    """
    write_tables = state_writer(schema, delta)

    def write(batches: Iterator[Any]) -> Iterator[Any]:
        import itertools
        import os
        import uuid

        import pyarrow as pa
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
        with system.open_output_stream(f"{root}/{name}") as file:
            write_tables(file, itertools.chain([first], tables))
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


__all__ = ["FORM", "reading", "refusing", "state_writer", "writing"]
