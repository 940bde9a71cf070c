"""What changed between two releases of the same month: displayed values, reasons and ranks, and the likely cause.

Only published (suppressed) tables are compared, so a difference says nothing the two releases did not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.publish.manifest import deliveries, read_manifest
from pipeline.publish.opened import OpenedTables
from pipeline.store.schema import arrow_schema

NATIONAL_UNITS = ("bst", "statistik")
SHOWN_CAUSES = 3

KEY = ("tabelle", "ref_month", "ebene", "gebiet", "groesse", "definition", "geschlecht")


def changes_between(
    previous: Path | None, tables: OpenedTables, inputs: Mapping[str, Any], catalog: Catalog
) -> pa.Table:
    """Return the table `aenderungen` of the new tables against the release in `previous` (None: an empty table)."""
    schema = arrow_schema(catalog.results["aenderungen"])
    if previous is None:
        return schema.empty_table()
    manifest = read_manifest(previous)
    old = {name: pq.read_table(previous / f"{name}.parquet") for name in ("kennzahlen", "eckwerte", "vergleich")}
    pairs = [
        (_indicators(old["kennzahlen"], old["vergleich"]), _indicators(tables.kennzahlen, tables.vergleich)),
        (_counts(old["eckwerte"]), _counts(tables.eckwerte)),
    ]
    changed = _changed_deliveries(deliveries(manifest["grundlage"]["eingaben"]), deliveries(inputs))
    found = [row for before, after in pairs for row in _different(before, after)]
    for row in found:
        row["release_alt"] = str(manifest["release"])
        row["ursache"] = _cause(changed, row["gebiet"] if row["ebene"] == "jobcenter" else "") or None
    found.sort(key=lambda row: tuple(row[name] for name in KEY))
    return pa.Table.from_pylist(found, schema=schema)


def _indicators(kennzahlen: pa.Table, vergleich: pa.Table) -> pa.Table:
    """Return key, shown text and rank of every indicator cell."""
    join = ["ref_month", "gebiet", "kennzahl", "definition", "geschlecht"]
    ranks = vergleich.rename_columns({"jc_id": "gebiet"}).select([*join, "rang_anzeige_alle"])
    cells = kennzahlen.join(
        ranks.append_column("ebene", pa.repeat(pa.scalar("jobcenter"), ranks.num_rows)), ["ebene", *join]
    )
    return _shown("kennzahlen", cells, cells.column("kennzahl"), cells.column("definition"), "rang_anzeige_alle")


def _counts(eckwerte: pa.Table) -> pa.Table:
    """Return key and shown text of every base count."""
    rows = eckwerte.num_rows
    cells = eckwerte.rename_columns({"jc_id": "gebiet"}).append_column("ebene", pa.repeat(pa.scalar("jobcenter"), rows))
    cells = cells.append_column("rang", pa.nulls(rows, pa.int64()))
    return _shown("eckwerte", cells, cells.column("merkmal"), pa.repeat(pa.scalar(""), rows), "rang")


def _shown(name: str, cells: pa.Table, subject: Any, version: Any, rank: str) -> pa.Table:
    value = "wert_anzeige" if name == "kennzahlen" else "wert"
    text = pc.coalesce(pc.cast(cells.column(value), pa.string()), cells.column("grund"))
    return pa.table(
        {
            "tabelle": pa.repeat(pa.scalar(name), cells.num_rows),
            "ref_month": cells.column("ref_month"),
            "ebene": cells.column("ebene"),
            "gebiet": cells.column("gebiet"),
            "groesse": subject,
            "definition": version,
            "geschlecht": cells.column("geschlecht"),
            "wert": text,
            "rang": pc.cast(cells.column(rank), pa.int64()),
        }
    )


def _different(before: pa.Table, after: pa.Table) -> list[dict[str, Any]]:
    """Return the cells whose text or rank differ; a cell that only one side has is missing in the other."""
    both = before.join(after, list(KEY), join_type="full outer", left_suffix="_alt", right_suffix="_neu")
    same = pc.and_(
        _equal(both.column("wert_alt"), both.column("wert_neu")),
        _equal(both.column("rang_alt"), both.column("rang_neu")),
    )
    return list(both.filter(pc.invert(same)).to_pylist())


def _equal(left: Any, right: Any) -> Any:
    """Compare columns; two missing values are equal."""
    missing = pc.and_(pc.is_null(left), pc.is_null(right))
    return pc.or_(missing, pc.fill_null(pc.equal(left, right), False))


def _changed_deliveries(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return sorted(address for address in set(old) | set(new) if old.get(address) != new.get(address))


def _cause(changed: list[str], jobcenter: str) -> str:
    """Name the changed deliveries that this cell can have read; for higher levels all of them."""
    units = {jobcenter, *NATIONAL_UNITS}
    own = [a for a in changed if not jobcenter or a.rsplit("/", 1)[-1] in units] or changed
    more = len(own) - SHOWN_CAUSES
    return ", ".join(own[:SHOWN_CAUSES]) + (f" und {more} weitere" if more > 0 else "")
