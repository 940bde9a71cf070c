"""The view of what changed against the previous release of the month, in words and German numbers.

The full list is the file aenderungen.parquet; the page shows the first of it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.publish.comparison import Comparison
from pipeline.publish.edition import Edition
from pipeline.publish.wording import SEXES, Signs, german, month_name

SHOWN = 400
AREAS = {"bund": "Deutschland", "kommunal": "kommunale Jobcenter"}


@dataclass(frozen=True)
class Revision:
    """One changed cell as shown."""

    area: str
    subject: str
    month: str
    sex: str
    before: str
    after: str
    rank_before: str
    rank_after: str
    cause: str


def revisions(
    changes: pa.Table, found: Mapping[tuple[str, str, str], Comparison], catalog: Catalog, edition: Edition
) -> dict[str, Any]:
    """Return what the template `aenderungen.html` needs: indicators first, at most `SHOWN` rows."""
    signs = Signs.of(catalog)
    names = {e.jc_id: e.name for c in found.values() for e in c.entries}
    superseded = {c.definition for c in found.values() if not c.in_force}
    rows = sorted(changes.to_pylist(), key=lambda r: r["tabelle"] != "kennzahlen")
    return {
        "previous": f"{edition.month}.{edition.number - 1}" if edition.number > 1 else "",
        "total": len(rows),
        "units": len({r["gebiet"] for r in rows if r["ebene"] == "jobcenter"}),
        "ranks": sum(1 for r in rows if r["rang_alt"] != r["rang_neu"]),
        "rows": [_revision(row, names, superseded, catalog, signs) for row in rows[:SHOWN]],
    }


def _revision(
    row: Mapping[str, Any], names: Mapping[str, str], superseded: Collection[str], catalog: Catalog, signs: Signs
) -> Revision:
    subject, area = row["groesse"], row["gebiet"]
    if row["definition"] in superseded:
        subject = f"{subject}, Fassung {row['definition'].partition('@')[2]}"
    if row["tabelle"] == "eckwerte":
        merkmal = catalog.merkmale.get(subject)
        subject = merkmal.label.de if merkmal else subject
    return Revision(
        names.get(area, AREAS.get(area, area)),
        subject,
        month_name(row["ref_month"]),
        SEXES.get(row["geschlecht"], row["geschlecht"]),
        _shown(row["wert_alt"], signs),
        _shown(row["wert_neu"], signs),
        _rank(row["rang_alt"]),
        _rank(row["rang_neu"]),
        row["ursache"] or "",
    )


def _shown(text: str | None, signs: Signs) -> str:
    if text is None:
        return "nicht enthalten"
    try:
        return german(Decimal(text))
    except InvalidOperation:
        return f"{signs.sign(text)} ({signs.words(text)})"


def _rank(rank: int | None) -> str:
    return "" if rank is None else str(rank)
