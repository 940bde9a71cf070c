"""What changed between two releases of the same month: displayed values, reasons and ranks, and what can have caused it.

Only published (suppressed) tables are compared, so a difference says nothing the two releases did not say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.publish.causes import Causes, Cell, Told
from pipeline.publish.manifest import read_manifest
from pipeline.publish.opened import OpenedTables
from pipeline.store.schema import arrow_schema

KEY = ("tabelle", "ref_month", "ebene", "gebiet", "groesse", "definition", "geschlecht")


def changes_between(
    previous: Path | None,
    tables: OpenedTables,
    basis: Mapping[str, Any],
    catalog: Catalog,
    parts: Mapping[str, Sequence[str]],
) -> pa.Table:
    """Return the table `aenderungen` of the new tables against the release in `previous` (None: an empty table).

    `basis` is the foundation of the new release, `parts` are unit -> itself and the units it succeeds. The first
    causes of a cell are named; their number is always told.
    """
    schema = arrow_schema(catalog.results["aenderungen"])
    if previous is None:
        return schema.empty_table()
    manifest = read_manifest(previous)
    old = {name: pq.read_table(previous / f"{name}.parquet") for name in ("kennzahlen", "eckwerte", "vergleich")}
    pairs = [
        (_indicators(old["kennzahlen"], old["vergleich"]), _indicators(tables.kennzahlen, tables.vergleich)),
        (_counts(old["eckwerte"]), _counts(tables.eckwerte)),
    ]
    causes = Causes(manifest["grundlage"], basis, catalog, parts)
    members = _members(old["vergleich"], tables.vergleich)
    found = [row for before, after in pairs for row in _different(before, after)]
    revalued = {_ranking(row) for row in found if row["ebene"] == "jobcenter" and row["wert_alt"] != row["wert_neu"]}
    for row in found:
        if row["wert_alt"] == row["wert_neu"]:
            told = causes.of_rank(others_changed=_ranking(row) in revalued)
        else:
            told = causes.of(_cell(row, members))
        row.update(_columns(told), release_alt=str(manifest["release"]))
    found.sort(key=lambda row: tuple(row[name] for name in KEY))
    return pa.Table.from_pylist(found, schema=schema)


def _ranking(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what names the ranking that a cell takes part in."""
    return (row["tabelle"], row["ref_month"], row["definition"], row["geschlecht"])


def _cell(row: Mapping[str, Any], members: Mapping[tuple[str, str], frozenset[str]]) -> Cell:
    own = frozenset({row["gebiet"]})
    return Cell(
        row["tabelle"],
        row["definition"] or row["groesse"],
        row["ref_month"],
        row["geschlecht"],
        own if row["ebene"] == "jobcenter" else members.get((row["ebene"], row["gebiet"]), own),
        frozenset(row[name] or "" for name in ("herkunft_alt", "herkunft_neu")),
    )


def _columns(told: Told) -> dict[str, Any]:
    """Return the columns on the causes: kinds, number, and three lists of equal length."""
    return {
        "ursache": ", ".join(told.kinds) or None,
        "ursachen": told.number,
        "ursache_adresse": [cause.address for cause in told.named],
        "ursache_alt": [cause.old for cause in told.named],
        "ursache_neu": [cause.new for cause in told.named],
    }


def _members(*comparisons: pa.Table) -> dict[tuple[str, str], frozenset[str]]:
    """Return the jobcenters of each level above, those of either release."""
    found: dict[tuple[str, str], set[str]] = {}
    for table in comparisons:
        rows = table.select(["jc_id", "land", "traeger", "vergleichstyp"])
        for jc_id, land, traeger, typ in zip(*(rows.column(i).to_pylist() for i in range(4)), strict=True):
            areas = [("bund", "bund"), ("land", land)]
            areas += [("vergleichstyp", typ)] if typ else []
            areas += [("kommunal", "kommunal")] if traeger == "zkT" else []
            for area in areas:
                found.setdefault(area, set()).add(jc_id)
    return {area: frozenset(units) for area, units in found.items()}


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
            # An origin says what a cell read; without a value it may be what is missing that counts.
            "herkunft": pc.if_else(pc.is_valid(cells.column(value)), cells.column("basis"), ""),
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
