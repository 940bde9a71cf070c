"""CSV for machines (RFC 4180, UTF-8, comma, decimal point, LF) and CSV that a German Excel opens with a double click.

Both say in each row whether the data are official or invented (column `datenart`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.catalog import Table
from pipeline.publish.edition import Edition
from pipeline.publish.wording import Signs, month_name

KIND_COLUMN = "datenart"
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
)


def machine_text(value: Any) -> str:
    """Return a value as machines read it: empty for missing, decimal point, true and false, shortest exact float."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return str(value)


def excel_text(value: Any) -> str:
    """Return a value as German Excel reads it: decimal comma, ja and nein."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, Decimal | float):
        return str(value).replace(".", ",")
    return str(value)


def write_machine_csv(path: Path, table: pa.Table, edition: Edition) -> None:
    """Write all columns of a table and the column `datenart`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*table.column_names, KIND_COLUMN])
        for batch in table.to_batches(max_chunksize=50_000):
            columns = [[machine_text(v) for v in batch.column(i).to_pylist()] for i in range(batch.num_columns)]
            writer.writerows((*row, edition.kind) for row in zip(*columns, strict=True))


def write_excel_csv(path: Path, table: pa.Table, declared: Table, signs: Signs, edition: Edition) -> None:
    """Write the comparison for Excel in German: semicolon, decimal comma, byte order mark, signs for missing values."""
    labels = {c.name: c.label.de + (f" ({c.unit})" if c.unit else "") for c in declared.columns}
    header = [labels[name] for name in EXCEL_COLUMNS]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow([*header, "Datenart"])
        writer.writerows((*row, edition.kind) for row in _excel_rows(table, signs))


def _excel_rows(table: pa.Table, signs: Signs) -> Iterable[Sequence[str]]:
    for row in table.select(list(EXCEL_COLUMNS)).to_pylist():
        reason = row["grund"]
        texts = {name: excel_text(value) for name, value in row.items()}
        texts["ref_month"] = month_name(row["ref_month"]).replace("\u00a0", " ")
        if reason:
            texts["wert_anzeige"] = signs.sign(reason)
            texts["grund"] = signs.words(reason)
        yield [texts[name] for name in EXCEL_COLUMNS]
