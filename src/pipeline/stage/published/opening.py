"""Opens published files: bytes into sheets of cells, and ZIP files into their members, with limits on what they may unpack to.

Nothing here knows a layout, apart from the separator and the encodings that a CSV layout declares.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.stage.found import RejectedError
from pipeline.stage.published.cells import Area, Sheet, Value
from pipeline.stage.reading import csv_bytes, intact

_MAX_CELLS = 10_000_000
_CHUNK = 1 << 20
_PASSED_OVER = re.compile(r"(?:README|LIESMICH)[^/]*", re.IGNORECASE)
_CELL_REFERENCE = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
_ENCRYPTED = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Part:
    """A CSV file or workbook: its bytes, and its name if it lies in a ZIP."""

    member: str
    kind: str
    content: bytes


def parts_of(path: Path, suffix: str, max_bytes: int) -> tuple[Part, ...]:
    """Return the files of a delivery, those of a ZIP by name; raises RejectedError."""
    if path.stat().st_size == 0:
        raise RejectedError("STAGE-UNREADABLE", "the file is empty (0 bytes)")
    if suffix in (".csv", ".csv.gz"):
        return (Part("", "csv", csv_bytes(path, suffix == ".csv.gz", max_bytes)),)
    if path.stat().st_size > max_bytes:
        raise RejectedError("STAGE-TOO-LARGE", f"{path.stat().st_size:,} bytes, allowed are {max_bytes:,}")
    if suffix == ".xlsx":
        return (Part("", "xlsx", path.read_bytes()),)
    return _members(path, max_bytes)


def _members(path: Path, max_bytes: int) -> tuple[Part, ...]:
    parts: list[Part] = []
    left = max_bytes
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir()]
            names = [e.filename for e in entries]
            for entry in sorted(entries, key=lambda e: e.filename):
                kind = _kind_of_member(entry, names)
                if not kind:
                    continue
                content = _unpacked(archive, entry, left)
                left -= len(content)
                parts.append(Part(entry.filename, kind, content))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise RejectedError("STAGE-UNREADABLE", f"not a readable ZIP file ({error})") from error
    if not parts:
        raise RejectedError("STAGE-UNREADABLE", "the ZIP file holds neither CSV files nor workbooks")
    return tuple(parts)


def _kind_of_member(entry: zipfile.ZipInfo, names: list[str]) -> str:
    name = entry.filename
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name:
        raise RejectedError("STAGE-UNREADABLE", "a member of the ZIP file points outside of it", value=name[:60])
    if names.count(name) > 1:
        raise RejectedError("STAGE-UNREADABLE", "a name stands twice in the ZIP file", column=name)
    if entry.flag_bits & 0x1:
        raise RejectedError("STAGE-UNREADABLE", "a member of the ZIP file is encrypted", column=name)
    kind = pure.suffix.lower().removeprefix(".")
    if kind in ("csv", "xlsx"):
        return kind
    if kind == "zip":
        raise RejectedError(
            "STAGE-UNREADABLE", "a ZIP file in a ZIP file is not opened; deliver one level", column=name
        )
    if _PASSED_OVER.fullmatch(pure.name):
        return ""
    raise RejectedError("LAYOUT-UNKNOWN", "a member of the ZIP file is neither a CSV file nor a workbook", column=name)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int) -> bytes:
    content = bytearray()
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK):
            content += chunk
            if len(content) > left:
                raise RejectedError(
                    "STAGE-TOO-LARGE", "the ZIP file unpacks to more than allowed", column=entry.filename
                )
    return bytes(content)


def workbook_sheets(part: Part, max_bytes: int) -> tuple[Sheet, ...]:
    """Return all sheets of a workbook in its order; raises RejectedError."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum

    _guard_workbook(part, max_bytes)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(part.content)) as book:
            sheets = []
            for entry in book.sheets_metadata:
                name = entry.name
                if entry.typ != SheetTypeEnum.WorkSheet:  # a chart has no cells; its name must still be known
                    sheets.append(Sheet(part.member, name, ()))
                    continue
                sheet = book.get_sheet_by_name(name)
                rows = tuple(tuple(_value(v) for v in row) for row in sheet.to_python(skip_empty_area=False))
                areas: list[Area] = [(*start, *end) for start, end in sheet.merged_cell_ranges or ()]
                sheets.append(Sheet(part.member, name, rows, tuple(areas)))
    except CalamineError as error:
        raise RejectedError("STAGE-UNREADABLE", f"not a readable workbook ({error})", column=part.member) from error
    return tuple(sheets)


def _guard_workbook(part: Part, max_bytes: int) -> None:
    """Reject a workbook that unpacks to too much, or whose few cells lie so far apart that the sheet would not fit in memory."""
    if part.content.startswith(_ENCRYPTED):
        raise RejectedError("STAGE-UNREADABLE", "the workbook is encrypted or of an old format", column=part.member)
    left = max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(part.content)) as archive:
            for entry in archive.infolist():
                content = _unpacked(archive, entry, left)
                left -= len(content)
                if entry.filename.startswith("xl/worksheets/") and _spanned_cells(content) > _MAX_CELLS:
                    raise RejectedError("STAGE-TOO-LARGE", "the cells of a sheet lie too far apart", column=part.member)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise RejectedError("STAGE-UNREADABLE", f"not a readable workbook ({error})", column=part.member) from error


def _spanned_cells(sheet: bytes) -> int:
    width = height = 0
    for found in _CELL_REFERENCE.finditer(sheet):
        column = 0
        for letter in found.group(1):
            column = column * 26 + letter - 64
        width, height = max(width, column), max(height, int(found.group(2)))
    return width * height


def _value(value: Any) -> Value:
    if isinstance(value, datetime):
        return value.date() if value.time() == datetime.min.time() else str(value)
    if isinstance(value, str | int | float | date):
        return value if value != "" else None
    return str(value)


def csv_sheet(part: Part, separator: str, encodings: tuple[str, ...]) -> Sheet:
    """Return a CSV file as a sheet; `encodings` are tried in their order. Raises RejectedError."""
    text = decoded(part, encodings)
    rows, lines = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = 1
    try:
        for fields in reader:
            rows.append(tuple(field if field.strip() else None for field in fields))
            lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise RejectedError("STAGE-UNREADABLE", f"not readable as CSV ({error})", column=part.member) from error
    return Sheet(part.member, "", tuple(rows), (), tuple(lines))


def decoded(part: Part, encodings: tuple[str, ...]) -> str:
    """Return the text of a CSV file in the first of the encodings that fits; raises RejectedError."""
    try:
        return _decoded(part.content, encodings)
    except RejectedError as error:
        where = f"line {error.row + 1}" if error.row else ""
        column = ": ".join(text for text in (part.member, where) if text)
        raise RejectedError(error.rule, error.message, column=column) from error


def _decoded(content: bytes, encodings: tuple[str, ...]) -> str:
    for encoding in encodings or ("utf-8",):
        try:
            text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "utf-8" and (control := re.search(r"[\x80-\x9f]", text)):
            row = text.count("\n", 0, control.start())
            raise RejectedError("STAGE-ENCODING", f"neither UTF-8 nor {encoding}", row=row)
        return intact(text)
    names = " nor ".join(encodings) or "utf-8"
    raise RejectedError("STAGE-ENCODING", f"the text is not {names}; the layout allows nothing else")
