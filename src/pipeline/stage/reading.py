"""Reads one delivered file into an Arrow table with exactly the declared columns, or says why it cannot be used.

Values stay as delivered (text in CSV, typed in Parquet); turning them into declared types is the business of `typing_rows`.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Table
from pipeline.stage.found import BadRow, RawFile, RejectedError

_CHUNK = 1 << 20
_GZIP_WINDOW = 31
# ä, ö, ü, ß and their capitals, written as UTF-8, read as Latin-1 or Windows-1252, and written as UTF-8 again.
_DOUBLE_ENCODED = re.compile("Ã[\u00a4\u00b6\u00bc\u0084\u0096\u009c\u009f\u201e\u2013\u0153\u0178]")


def read_file(path: Path, suffix: str, table: Table, max_unpacked_bytes: int) -> RawFile:
    """Read a delivery; raises RejectedError. `max_unpacked_bytes` bounds what a compressed file may grow to."""
    if path.stat().st_size == 0:
        raise RejectedError("STAGE-UNREADABLE", "the file is empty (0 bytes)")
    if suffix == ".parquet":
        return _read_parquet(path, table, max_unpacked_bytes)
    return read_csv(csv_text(csv_bytes(path, suffix == ".csv.gz", max_unpacked_bytes)), table)


def _check_columns(found: list[str], table: Table) -> None:
    declared = set(table.column_names)
    missing = [name for name in table.column_names if name not in found]
    unknown = sorted({name for name in found if name not in declared})
    twice = sorted({name for name in found if found.count(name) > 1})
    problems = []
    if len(missing) == len(table.column_names) and not any(name in "".join(found) for name in missing):
        # Then the first row is data, and its values are not for display.
        raise RejectedError(
            "STAGE-COLUMNS", f"no column of table {table.name} is there; is the header row missing?", column=missing[0]
        )
    if missing:
        problems.append(f"missing: {', '.join(missing)}")
    if unknown:
        problems.append(f"unknown: {', '.join(repr(name[:40]) for name in unknown[:10])}")
    if twice:
        problems.append(f"twice: {', '.join(twice)}")
    if problems:
        column = (missing + twice + [""])[0]
        raise RejectedError(
            "STAGE-COLUMNS", f"columns do not fit table {table.name} ({'; '.join(problems)})", column=column
        )


def _read_parquet(path: Path, table: Table, max_unpacked_bytes: int) -> RawFile:
    try:
        with pq.ParquetFile(pa.BufferReader(path.read_bytes())) as file:
            metadata = file.metadata
            pages = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
            unpacked = max(pages, metadata.num_rows * metadata.num_columns)  # equal values take no room in a page
            if unpacked > max_unpacked_bytes:
                raise RejectedError(
                    "STAGE-TOO-LARGE", f"unpacks to {unpacked:,} bytes, allowed are {max_unpacked_bytes:,}"
                )
            _check_columns(list(file.schema_arrow.names), table)
            data = file.read(columns=list(table.column_names), use_threads=False)
            data.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:160]
        if "Invalid UTF8" in reason:
            raise RejectedError("STAGE-ENCODING", f"not UTF-8 ({reason}), Latin-1 perhaps") from error
        raise RejectedError("STAGE-UNREADABLE", f"not a readable Parquet file ({reason})") from error
    return RawFile(data.select(list(table.column_names)), pa.array(np.arange(1, data.num_rows + 1, dtype=np.int32)))


def _unpacked(path: Path, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    unzip = zlib.decompressobj(_GZIP_WINDOW)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            while chunk:
                part = unzip.decompress(chunk, _CHUNK)
                total += len(part)
                if total > max_bytes:
                    raise RejectedError("STAGE-TOO-LARGE", f"unpacks to more than {max_bytes:,} bytes")
                parts.append(part)
                chunk = unzip.unconsumed_tail
                if unzip.eof:
                    chunk = unzip.unused_data
                    if not chunk:
                        break
                    unzip = zlib.decompressobj(_GZIP_WINDOW)
    if not unzip.eof:
        raise RejectedError("STAGE-UNREADABLE", "the gzip file is truncated")
    return b"".join(parts)


def csv_bytes(path: Path, gzipped: bool, max_bytes: int) -> bytes:
    """Return the bytes of a CSV file, unpacked; raises RejectedError if they are more than `max_bytes` or torn."""
    try:
        content = _unpacked(path, max_bytes) if gzipped else path.read_bytes()
    except zlib.error as error:
        raise RejectedError("STAGE-UNREADABLE", f"not a readable gzip file ({error})") from error
    if len(content) > max_bytes:
        raise RejectedError("STAGE-TOO-LARGE", f"{len(content):,} bytes, allowed are {max_bytes:,}")
    return content


def csv_text(content: bytes) -> str:
    """Return the text of a CSV file in UTF-8; raises RejectedError for another encoding, and for what is no table."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start)
        raise RejectedError("STAGE-ENCODING", f"not UTF-8 (byte {error.start}), Latin-1 perhaps", row=row) from error
    return intact(text)


def intact(text: str) -> str:
    """Return the text if it is whole; raises RejectedError for destroyed characters, and for what is no table."""
    if "�" in text:
        row = text.count("\n", 0, text.index("�"))
        raise RejectedError("STAGE-ENCODING", "characters were destroyed before delivery (U+FFFD)", row=row)
    if twice := _DOUBLE_ENCODED.search(text):
        row = text.count("\n", 0, twice.start())
        raise RejectedError("STAGE-ENCODING", "umlauts were destroyed before delivery (UTF-8 encoded twice)", row=row)
    if "\0" in text:
        raise RejectedError("STAGE-UNREADABLE", "the file contains NUL bytes, it is no text")
    if text.lstrip()[:1] == "<":
        raise RejectedError("STAGE-UNREADABLE", "the file is a web page, not data")
    if not text.strip():
        raise RejectedError("STAGE-UNREADABLE", "the file has no header row")
    return text


def read_csv(text: str, table: Table) -> RawFile:
    """Read the text of a CSV file with exactly the declared columns; raises RejectedError."""
    malformed: list[BadRow] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader)
        _check_columns(header, table)
        width = len(header)

        def rows() -> Iterator[tuple[int, list[str]]]:
            number = 0
            for fields in reader:
                if not fields:
                    continue
                number += 1
                if len(fields) == width:
                    yield number, fields
                else:
                    malformed.append(
                        BadRow("ROW-TYPE", number, "", "", f"{len(fields)} fields, the header has {width}")
                    )

        pairs = list(rows())
    except csv.Error as error:
        raise RejectedError("STAGE-UNREADABLE", f"not readable as CSV ({error})") from error
    columns = list(zip(*(fields for _, fields in pairs), strict=True)) if pairs else [()] * width
    data = {name: pa.array(list(columns[header.index(name)]), pa.string()) for name in table.column_names}
    return RawFile(pa.table(data), pa.array([number for number, _ in pairs], pa.int32()), tuple(malformed))
