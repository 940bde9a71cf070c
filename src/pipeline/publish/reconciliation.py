"""The view of the page on the reconciliation: how far person counts and published ones agree, and the largest differences.

A difference is explained by the records it rests on: deliveries with digests, rows that did not count, what was found in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, newest_deliveries
from pipeline.months import add_months
from pipeline.publish.wording import SEXES, german, month_name

LARGEST = 8
LEAST_FOR_SHARES = 50
"""Published counts below are left out of the list of relative differences: one person is too much of them."""
SHORT_DIGEST = 12
STATISTICS = "statistik"

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Agreement:
    """How many cells of a base count were compared, and how they agree; texts as shown."""

    label: str
    compared: int
    equal: int
    different: int
    most: str


@dataclass(frozen=True)
class Difference:
    """One difference with what it rests on; texts as shown, `deliveries` are address and shortened digest."""

    area: str
    jc_id: str
    month: str
    subject: str
    persons: str
    published: str
    difference: str
    percent: str
    deliveries: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def reconciliation(
    abgleich: pa.Table,
    findings: pa.Table,
    digests: Mapping[str, str],
    parts: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    catalog: Catalog,
) -> dict[str, Any]:
    """Return what the template `abgleich.html` needs.

    `abgleich` is the published table, `findings` the table befunde, `digests` the deliveries (address without suffix to
    sha-256), `parts` unit -> itself and the units it succeeds, `names` jobcenter -> name.
    """
    rests = _Rests(findings, digests, parts, catalog)
    euro = pa.array([name for name, merkmal in catalog.merkmale.items() if merkmal.kind == "euro"], pa.string())
    is_euro = pc.is_in(abgleich.column("merkmal"), euro)
    large = pc.greater_equal(pc.abs(abgleich.column("wert_veroeffentlicht")), LEAST_FOR_SHARES)
    total = pc.equal(abgleich.column("geschlecht"), "T")
    units = pc.count_distinct(abgleich.column("jc_id")).as_py()

    def largest(mask: pa.ChunkedArray, column: str) -> list[Difference]:
        return [_difference(row, rests, names, catalog) for row in _largest(abgleich.filter(mask), column)]

    different = pc.sum(pc.not_equal(abgleich.column("differenz"), 0)).as_py() or 0
    return {
        "compared": abgleich.num_rows,
        "equal": abgleich.num_rows - different,
        "different": different,
        "units": units,
        "agreements": _agreements(abgleich, catalog),
        "lists": [
            (title, rows)
            for title, rows in (
                ("Größte Unterschiede in Prozent", largest(pc.and_(total, large), "differenz_prozent")),
                (
                    "Größte Unterschiede in Personen und Ereignissen",
                    largest(pc.and_(total, pc.invert(is_euro)), "differenz"),
                ),
                ("Größte Unterschiede in Euro", largest(pc.and_(total, is_euro), "differenz")),
            )
            if rows
        ],
        "least": LEAST_FOR_SHARES,
        "few": 3,
    }


def _agreements(abgleich: pa.Table, catalog: Catalog) -> list[Agreement]:
    found = []
    for name, merkmal in catalog.merkmale.items():
        rows = abgleich.filter(pc.equal(abgleich.column("merkmal"), name))
        if not rows.num_rows:
            continue
        different = pc.sum(pc.not_equal(rows.column("differenz"), 0)).as_py()
        most = pc.max(pc.abs(rows.column("differenz_prozent"))).as_py()
        text = f"{german(most)}\u00a0%" if different and most is not None else ""
        found.append(Agreement(merkmal.label.de, rows.num_rows, rows.num_rows - different, different, text))
    return found


def _largest(rows: pa.Table, column: str) -> list[dict[str, Any]]:
    """Return the rows with the largest differences, the newest and then the first first."""
    apart = rows.filter(pc.fill_null(pc.not_equal(rows.column(column), 0), False))
    apart = apart.append_column("size", pc.abs(apart.column(column)))
    order = [("size", "descending"), ("ref_month", "descending"), ("jc_id", "ascending"), ("merkmal", "ascending")]
    chosen = apart.take(pc.sort_indices(apart, sort_keys=order)[:LARGEST])
    found: list[dict[str, Any]] = chosen.to_pylist()
    return found


def _difference(row: Mapping[str, Any], rests: _Rests, names: Mapping[str, str], catalog: Catalog) -> Difference:
    merkmal = catalog.merkmale[row["merkmal"]]
    sex = "" if row["geschlecht"] == "T" else f", {SEXES[row['geschlecht']]}"
    amount = _euros if merkmal.kind == "euro" else _persons
    percent = row["differenz_prozent"]
    return Difference(
        names.get(row["jc_id"], row["jc_id"]),
        row["jc_id"],
        month_name(row["ref_month"]),
        merkmal.label.de + sex,
        amount(row["wert_personen"], False),
        amount(row["wert_veroeffentlicht"], False),
        amount(row["differenz"], True),
        "" if percent is None else german(percent, signed=True),
        *rests.of(row),
    )


def _persons(value: Decimal, signed: bool) -> str:
    return german(value if value % 1 else value.quantize(Decimal(1)), signed=signed)


def _euros(value: Decimal, signed: bool) -> str:
    return german(value, signed=signed)


class _Rests:
    """The records behind a count: the newest own delivery of each table it reads, and the publisher's of the month."""

    def __init__(
        self, findings: pa.Table, digests: Mapping[str, str], parts: Mapping[str, Sequence[str]], catalog: Catalog
    ) -> None:
        self._digests, self._parts, self._catalog = digests, parts, catalog
        self._findings: dict[Key, list[str]] = {}
        for row in findings.to_pylist():
            if row["schritt"] == "stage" and row["ref_month"] and row["tabelle"] and row["jc_id"]:
                number = "" if row["anzahl"] is None else f" ({german(row['anzahl'])} Zeilen)"
                place = (row["ref_month"], row["tabelle"], row["jc_id"])
                self._findings.setdefault(place, []).append(f"{row['tabelle']}: {row['titel']}{number}")

    def of(self, row: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
        """Return address and digest of each delivery, and what is known about their rows."""
        reads: list[Key] = [
            (add_months(row["ref_month"], shift), table, unit)
            for table, shift in newest_deliveries(self._catalog.merkmale[row["merkmal"]])
            for unit in self._parts.get(row["jc_id"], (row["jc_id"],))
        ]
        reads.append((row["ref_month"], "eckwerte", STATISTICS))
        deliveries = tuple(
            (address, self._digests[address][:SHORT_DIGEST])
            for address in ("/".join(read) for read in reads)
            if address in self._digests
        )
        remarks = [_counted(row["zeilen"], "Zeilen", "rund "), _counted(row["ausgesondert"], "ausgesondert")]
        remarks += [_counted(row["auffaellig"], "auffällig")]
        if row["berichtigt"]:
            remarks.append("veröffentlichter Wert berichtigt")
        found = [text for read in reads for text in self._findings.get(read, ())]
        return deliveries, (*(r for r in remarks if r), *dict.fromkeys(found))


def _counted(number: int | None, what: str, about: str = "") -> str:
    return "" if number is None else f"{about}{german(number)} {what}"
