"""What changed between two releases of the same month: displayed values, reasons and ranks, and the likely cause.

Only published (suppressed) tables are compared, so a difference says nothing the two releases did not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.publish.manifest import deliveries, read_manifest
from pipeline.publish.opened import OpenedTables
from pipeline.store.schema import arrow_schema

NATIONAL_UNITS = ("bst", "statistik")
SHOWN_CAUSES = 3

Key = tuple[str, str, str, str, str, str, str]


@dataclass(frozen=True)
class Shown:
    """What a release shows for a cell: the displayed value or the reason, and the rank among all."""

    text: str | None
    rank: int | None


ABSENT = Shown(None, None)


def changes_between(
    previous: Path | None, tables: OpenedTables, inputs: Mapping[str, Any], catalog: Catalog
) -> pa.Table:
    """Return the table `aenderungen` of the new tables against the release in `previous` (None: an empty table)."""
    schema = arrow_schema(catalog.results["aenderungen"])
    if previous is None:
        return schema.empty_table()
    manifest = read_manifest(previous)
    old = _cells(*(pq.read_table(previous / f"{name}.parquet") for name in ("kennzahlen", "eckwerte", "vergleich")))
    new = _cells(tables.kennzahlen, tables.eckwerte, tables.vergleich)
    changed = _changed_deliveries(deliveries(manifest["grundlage"]["eingaben"]), deliveries(inputs))
    rows = []
    for key in sorted(set(old) | set(new)):
        before, after = old.get(key, ABSENT), new.get(key, ABSENT)
        if before == after:
            continue
        table, month, level, area, subject, version, sex = key
        rows.append(
            {
                "tabelle": table,
                "ref_month": month,
                "ebene": level,
                "gebiet": area,
                "groesse": subject,
                "definition": version,
                "geschlecht": sex,
                "wert_alt": before.text,
                "wert_neu": after.text,
                "rang_alt": before.rank,
                "rang_neu": after.rank,
                "release_alt": str(manifest["release"]),
                "ursache": _cause(changed, area if level == "jobcenter" else "") or None,
            }
        )
    return pa.Table.from_pylist(rows, schema=schema)


def _cells(kennzahlen: pa.Table, eckwerte: pa.Table, vergleich: pa.Table) -> dict[Key, Shown]:
    ranks: dict[tuple[str, ...], int] = {}
    names = ["ref_month", "jc_id", "kennzahl", "definition", "geschlecht", "rang_anzeige_alle"]
    for *key, rank in _rows(vergleich, names):
        ranks[tuple(key)] = rank
    cells: dict[Key, Shown] = {}
    names = ["ref_month", "ebene", "gebiet", "kennzahl", "definition", "geschlecht", "wert_anzeige", "grund"]
    for month, level, area, subject, version, sex, value, reason in _rows(kennzahlen, names):
        rank = ranks.get((month, area, subject, version, sex)) if level == "jobcenter" else None
        cells["kennzahlen", month, level, area, subject, version, sex] = Shown(_text(value, reason), rank)
    for month, area, subject, sex, value, reason in _rows(
        eckwerte, ["ref_month", "jc_id", "merkmal", "geschlecht", "wert", "grund"]
    ):
        cells["eckwerte", month, "jobcenter", area, subject, "", sex] = Shown(_text(value, reason), None)
    return cells


def _rows(table: pa.Table, names: list[str]) -> Any:
    return zip(*(table.column(name).to_pylist() for name in names), strict=True)


def _text(value: Any, reason: str | None) -> str | None:
    return str(value) if value is not None else reason


def _changed_deliveries(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return sorted(address for address in set(old) | set(new) if old.get(address) != new.get(address))


def _cause(changed: list[str], jobcenter: str) -> str:
    """Name the changed deliveries that this cell can have read; for higher levels all of them."""
    units = {jobcenter, *NATIONAL_UNITS}
    own = [a for a in changed if not jobcenter or a.rsplit("/", 1)[-1] in units] or changed
    more = len(own) - SHOWN_CAUSES
    return ", ".join(own[:SHOWN_CAUSES]) + (f" und {more} weitere" if more > 0 else "")
