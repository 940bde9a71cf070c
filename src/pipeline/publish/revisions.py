"""The view of what changed against the previous release of the month, in words and German numbers: causes first, then cells.

The full list is the file aenderungen.parquet; the page shows the first of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.publish.causes import KINDS, PROGRAM_ADDRESSES
from pipeline.publish.comparison import Comparison
from pipeline.publish.edition import Edition
from pipeline.publish.wording import SEXES, Signs, german, month_name

SHOWN = 400
CAUSES_SHOWN = 12
CAUSES_OF_A_CELL = 2
SHORT_DIGEST, DIGEST = 12, 64
AREAS = {"bund": "Deutschland", "kommunal": "kommunale Jobcenter"}
UNKNOWN = "nicht bekannt"
WITHHELD = "geheim"
_TURNS = {
    ("value", WITHHELD): "jetzt geheim",
    (WITHHELD, "value"): "nicht mehr geheim",
    ("value", "missing"): "jetzt ohne Wert",
    ("missing", "value"): "neu mit Wert",
}


@dataclass(frozen=True)
class Reason:
    """One cause as shown: its address, what it was and what it is now; digests are shortened, full ones are in the file."""

    address: str
    before: str
    after: str


@dataclass(frozen=True)
class Revision:
    """One changed cell as shown, with the addresses of its first causes; `more` counts those that are not named."""

    area: str
    subject: str
    month: str
    sex: str
    before: str
    after: str
    rank_before: str
    rank_after: str
    kinds: str
    addresses: tuple[str, ...]
    more: int


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
        "values": sum(1 for r in rows if r["wert_alt"] != r["wert_neu"]),
        "units": len({r["gebiet"] for r in rows if r["ebene"] == "jobcenter"}),
        "ranks": sum(1 for r in rows if r["rang_alt"] != r["rang_neu"]),
        "turns": _turns(rows),
        "kinds": kinds_counted(rows),
        "causes": _most_frequent(rows),
        "number_of_causes": len({a for r in rows for a in r["ursache_adresse"]}),
        "rows": [_revision(row, names, superseded, catalog, signs) for row in rows[:SHOWN]],
    }


def kinds_counted(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return each kind of cause with the number of changed cells that name it, in the order of the kinds."""
    counted = Counter(kind for row in rows for kind in (row["ursache"] or UNKNOWN).split(", "))
    return [(kind, counted[kind]) for kind in (*KINDS, UNKNOWN) if counted[kind]]


def _turns(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Return how many cells are withheld now, no longer withheld, without a value now, or with one for the first time."""
    counted: Counter[str] = Counter()
    for row in rows:
        before, after = (_state(row[name]) for name in ("wert_alt", "wert_neu"))
        counted[_TURNS.get((before, after), "")] += 1
    return [(turn, counted[turn]) for turn in _TURNS.values() if counted[turn]]


def _state(text: str | None) -> str:
    if text is None or text == WITHHELD:
        return text or "missing"
    try:
        Decimal(text)
    except InvalidOperation:
        return "missing"
    return "value"


def _most_frequent(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Reason, int]]:
    """Return the causes that most cells name, with the number of these cells."""
    counted = Counter(cause for row in rows for cause in _causes(row))
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [(_reason(*cause), number) for cause, number in ordered[:CAUSES_SHOWN]]


def _causes(row: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return list(zip(row["ursache_adresse"], row["ursache_alt"], row["ursache_neu"], strict=True))


def _reason(address: str, before: str, after: str) -> Reason:
    return Reason(address, *(text[:SHORT_DIGEST] if len(text) == DIGEST else text for text in (before, after)))


def _revision(
    row: Mapping[str, Any], names: Mapping[str, str], superseded: Collection[str], catalog: Catalog, signs: Signs
) -> Revision:
    subject, area = row["groesse"], row["gebiet"]
    if row["definition"] in superseded:
        subject = f"{subject}, Fassung {row['definition'].partition('@')[2]}"
    if row["tabelle"] == "eckwerte":
        merkmal = catalog.merkmale.get(subject)
        subject = merkmal.label.de if merkmal else subject
    # That program and catalog are others is said by the kind; the table of causes has their digests.
    addresses = [a for a in row["ursache_adresse"] if a.partition("/")[0] not in PROGRAM_ADDRESSES]
    unnamed = row["ursachen"] - len(row["ursache_adresse"]) + max(0, len(addresses) - CAUSES_OF_A_CELL)
    return Revision(
        names.get(area, AREAS.get(area, area)),
        subject,
        month_name(row["ref_month"]),
        SEXES.get(row["geschlecht"], row["geschlecht"]),
        _shown(row["wert_alt"], signs),
        _shown(row["wert_neu"], signs),
        _rank(row["rang_alt"]),
        _rank(row["rang_neu"]),
        row["ursache"] or UNKNOWN,
        tuple(addresses[:CAUSES_OF_A_CELL]),
        unnamed,
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
