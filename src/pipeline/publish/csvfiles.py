"""CSV for machines (RFC 4180, UTF-8, comma, decimal point, LF) and CSV that a German Excel opens with a double click.

Both say in each row whether the data are official or invented (column `datenart`).
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Table
from pipeline.publish.edition import Edition
from pipeline.publish.wording import SEXES, Signs, month_name

KIND_COLUMN = "datenart"
ROWS_AT_ONCE = 50_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
EXCEL_COLUMNS = (
    "ref_month",
    "kennzahl",
    "definition",
    "in_kraft",
    "geschlecht",
    "jc_id",
    "name",
    "land",
    "traeger",
    "vergleichstyp",
    "wert_anzeige",
    "grund",
    "intervall_unten",
    "intervall_oben",
    "aenderung_vormonat",
    "aenderung_vorjahr",
    "rang_anzeige_alle",
    "anzahl_alle",
    "rang_von_alle",
    "rang_bis_alle",
    "rang_anzeige_kommunal",
    "anzahl_kommunal",
    "rang_anzeige_vergleichstyp",
    "anzahl_vergleichstyp",
    "rang_anzeige_land",
    "anzahl_land",
    "zaehler",
    "nenner_summe",
    "nenner_monate",
    "hinweise",
    "basis",
)


def write_machine_csv(path: Path, table: pa.Table, edition: Edition) -> None:
    """Write all columns of a table and the column `datenart`; floats with the shortest exact digits; gzip for `.gz`."""
    content = io.BytesIO()
    content.write((",".join([*table.column_names, KIND_COLUMN]) + "\n").encode("utf-8"))
    for start in range(0, table.num_rows, ROWS_AT_ONCE):
        rows = table.slice(start, ROWS_AT_ONCE)
        columns = [_texts(rows.column(name), ("true", "false")) for name in rows.column_names]
        content.write(_lines([*columns, _constant(edition.kind, rows.num_rows)], ",", "\n").encode("utf-8"))
    whole = content.getvalue()
    path.write_bytes(gzip.compress(whole, mtime=0) if path.suffix == ".gz" else whole)


def write_excel_csv(path: Path, table: pa.Table, declared: Table, signs: Signs, edition: Edition) -> None:
    """Write the comparison for Excel in German: semicolon, decimal comma, byte order mark, signs for missing values.

    Counts stand as whole numbers, sexes and reasons in words.
    """
    labels = {c.name: c.label.de + (f" ({c.unit})" if c.unit else "") for c in declared.columns}
    columns = {}
    for name in EXCEL_COLUMNS:
        texts = _texts(table.column(name), ("ja", "nein"))
        if not pa.types.is_string(table.schema.field(name).type):
            texts = pc.replace_substring(pc.replace_substring_regex(texts, r"\.00$", ""), ".", ",")
        columns[name] = texts
    columns["ref_month"] = _translated(columns["ref_month"], lambda month: month_name(month).replace("\u00a0", " "))
    columns["geschlecht"] = _translated(columns["geschlecht"], lambda sex: SEXES[sex])
    missing = pc.not_equal(columns["grund"], "")
    sign = _translated(columns["grund"], lambda reason: signs.sign(reason) if reason else "")
    columns["wert_anzeige"] = pc.if_else(missing, sign, columns["wert_anzeige"])
    columns["grund"] = _translated(columns["grund"], lambda reason: signs.words(reason) if reason else "")
    header = [*(labels[name] for name in EXCEL_COLUMNS), "Datenart"]
    lines = _lines([*columns.values(), _constant(edition.kind, table.num_rows)], ";", "\r\n")
    path.write_bytes(BYTE_ORDER_MARK + (";".join(header) + "\r\n" + lines).encode("utf-8"))


def _texts(column: pa.ChunkedArray, booleans: tuple[str, str]) -> pa.Array:
    """Return a column as text: empty for missing, decimal point, the given words for true and false."""
    if pa.types.is_boolean(column.type):
        texts = pc.if_else(column, *booleans)
    elif pa.types.is_floating(column.type):
        texts = pa.array([None if v is None else repr(v) for v in column.to_pylist()], pa.string())
    else:
        texts = pc.cast(column, pa.string())
    texts = pc.fill_null(texts, "")
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _translated(column: pa.Array, words: Callable[[str], str]) -> pa.Array:
    encoded = column.dictionary_encode()
    return pa.array([words(v) for v in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def _constant(text: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), rows)


def _lines(columns: Sequence[pa.Array], separator: str, end: str) -> str:
    """Join columns to lines; a field is quoted only if it contains the separator, a quote or a line end."""
    special = f'[{separator}"\\r\\n]'
    lines = pc.binary_join_element_wise(*(_quoted(column, special) for column in columns), separator).to_pylist()
    return "".join(line + end for line in lines)


def _quoted(column: pa.Array, special: str) -> pa.Array:
    needs = pc.match_substring_regex(column, special)
    if not pc.any(needs).as_py():
        return column
    inner = pc.replace_substring(column, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', inner, '"', ""), column)
