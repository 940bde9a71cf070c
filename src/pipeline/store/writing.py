"""Atomic writes: a file is there whole or not at all, and so is a line of a log. Every writer of the project comes here.

What is written is for its owner alone (mode 0600); a release is opened to readers when it is sealed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed over `path`, on error removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically: sorted keys, two spaces, UTF-8, newline at the end; equal values give equal bytes."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(value, file, ensure_ascii=False, sort_keys=True, indent=2)
        file.write("\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Append lines durably; a torn last line of a killed process is cut off first, so whole lines stay whole."""
    content = "".join(f"{line}\n" for line in lines).encode("utf-8")
    if not content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file written by `append_lines`, without a torn last one; an absent file has none."""
    if path.exists():
        with path.open("rb") as file:
            yield from (line[:-1] for line in file if line.endswith(b"\n"))


def write_table(path: Path, table: pa.Table) -> None:
    """Write Parquet atomically with the project's options: zstd-1, dictionaries."""
    with replacing(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=1,
            use_dictionary=table.column_names,
            row_group_size=ROW_GROUP_ROWS,
            store_schema=True,
        )


def _is_words(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_boolean(kind))


def write_parts(
    path: Path, parts: Iterable[pa.Table], schema: pa.Schema, *, delta: Collection[str], plain: Collection[str]
) -> None:
    """Write Parquet atomically from tables that follow each other, as `write_table` does, but faster; one row group is held.

    `schema` is what readers find: the values of a column that comes as a dictionary, not the dictionary. For `plain` columns, whose
    numbers hardly repeat, no dictionary is tried. Decimals are stored as integers, statistics kept of numbers and days only.
    """
    following = iter(parts)
    first = next(following, schema.empty_table())
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(
            temporary,
            first.schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in schema.names if name not in delta and name not in plain],
            column_encoding={n: "DELTA_BINARY_PACKED" for n in delta if n in schema.names} or None,
            write_statistics=[field.name for field in schema if not _is_words(field.type)],
            store_schema=False,
            store_decimal_as_integer=True,
        ) as writer,
    ):
        held = first
        for part in following:
            while held.num_rows > ROW_GROUP_ROWS:
                writer.write_table(held.slice(0, ROW_GROUP_ROWS), ROW_GROUP_ROWS)
                held = held.slice(ROW_GROUP_ROWS)
            held = pa.concat_tables([held, part])
        writer.write_table(held, ROW_GROUP_ROWS)
