"""The page on the reconciliation: what is counted, which differences come first, and what they are said to rest on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipeline.catalog import load_catalog
from pipeline.publish.reconciliation import LARGEST, reconciliation
from pipeline.store.schema import arrow_schema

CATALOG = load_catalog()
NAMES = {"t04412": "Saalekreis"}
DIGESTS = {"2018-07/bestand/t04412": "a" * 64, "2018-07/bestand/alt": "c" * 64, "2018-07/eckwerte/statistik": "b" * 64}
PARTS = {"t04412": ("t04412", "alt")}


def row(persons: str, published: str, merkmal: str = "elb", **more: Any) -> dict[str, Any]:
    own, other = Decimal(persons), Decimal(published)
    percent = (100 * (own - other) / other).quantize(Decimal("0.1")) if other else None
    cell = {"ref_month": "2018-07", "jc_id": "t04412", "geschlecht": "T", "merkmal": merkmal, "berichtigt": False}
    values = {"wert_personen": own, "wert_veroeffentlicht": other, "differenz": own - other}
    return {**cell, **values, "differenz_prozent": percent, **more}


def view(rows: list[dict[str, Any]], findings: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    abgleich = pa.Table.from_pylist(rows, schema=arrow_schema(CATALOG.results["abgleich"]))
    befunde = pa.Table.from_pylist(findings or [], schema=arrow_schema(CATALOG.results["befunde"]))
    return reconciliation(abgleich, befunde, DIGESTS, PARTS, NAMES, CATALOG)


def test_a_release_without_both_routes_compares_nothing() -> None:
    nothing = view([])
    assert nothing["compared"] == nothing["different"] == 0
    assert nothing["agreements"] == nothing["lists"] == []


def test_equal_and_different_cells_are_counted_by_merkmal() -> None:
    found = view([row("100", "100"), row("99", "100"), row("5", "5", "int")])
    assert (found["compared"], found["equal"], found["different"], found["units"]) == (3, 2, 1, 1)
    assert [(a.label, a.compared, a.equal, a.different, a.most) for a in found["agreements"]] == [
        ("erwerbsfähige Leistungsberechtigte", 2, 1, 1, "1,0\u00a0%"),
        ("Integrationen", 1, 1, 0, ""),
    ]


def test_differences_stand_in_order_of_their_size_and_euros_apart() -> None:
    rows = [row("110", "100"), row("2100", "2000"), row("30", "20"), row("500.50", "400", "llu"), row("7", "7")]
    lists = dict(view(rows)["lists"])
    relative, absolute, euros = lists.values()
    assert [d.percent for d in relative] == ["+25,1", "+10,0", "+5,0"]  # 20 is too few for a share
    assert [d.difference for d in absolute] == ["+100", "+10", "+10"]
    assert [(d.persons, d.published, d.difference) for d in euros] == [("500,50", "400,00", "+100,50")]


def test_no_list_is_longer_than_it_says() -> None:
    found = dict(view([row(str(1000 + i), "1000") for i in range(1, 30)])["lists"])
    assert {len(rows) for rows in found.values()} == {LARGEST}
    assert next(iter(found.values()))[0].difference == "+29"


def test_a_difference_names_deliveries_rows_and_findings() -> None:
    findings = [
        {
            "regel": "ROW-CODE",
            "titel": "Schlüssel steht auf keiner Liste",
            "schwere": "error",
            "schritt": "stage",
            "tabelle": "bestand",
            "ref_month": "2018-07",
            "jc_id": "alt",
            "anzahl": 4,
        }
    ]
    found = view([row("90", "100", zeilen=120, ausgesondert=4, berichtigt=True)], findings)
    difference = found["lists"][0][1][0]
    assert difference.area == "Saalekreis"
    assert difference.deliveries == (
        ("2018-07/bestand/t04412", "a" * 12),
        ("2018-07/bestand/alt", "c" * 12),
        ("2018-07/eckwerte/statistik", "b" * 12),
    )
    assert difference.remarks == (
        "rund 120 Zeilen",
        "4 ausgesondert",
        "veröffentlichter Wert berichtigt",
        "bestand: Schlüssel steht auf keiner Liste (4 Zeilen)",
    )
