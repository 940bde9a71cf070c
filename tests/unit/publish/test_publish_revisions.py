"""The view of the page of changes counts what turned into what, and by which causes, from the table of changes alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipeline.catalog import load_catalog
from pipeline.publish.edition import Edition
from pipeline.publish.revisions import Reason, revisions
from pipeline.store.schema import arrow_schema

EDITION = Edition("2018-07", 2, True, "", "1", "d" * 64, "")
ROW: dict[str, Any] = {
    "tabelle": "kennzahlen",
    "ref_month": "2018-07",
    "ebene": "jobcenter",
    "groesse": "K2",
    "definition": "K2@2011",
    "geschlecht": "T",
    "release_alt": "2018-07.1",
    "ursache": "Lieferung",
    "ursachen": 0,
    "ursache_adresse": [],
    "ursache_alt": [],
    "ursache_neu": [],
}


def view(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return the view of some changes, each of a jobcenter of its own."""
    catalog = load_catalog()
    full = [{**ROW, "gebiet": f"t{number:05}", **row} for number, row in enumerate(rows)]
    return revisions(
        pa.Table.from_pylist(full, schema=arrow_schema(catalog.results["aenderungen"])), {}, catalog, EDITION
    )


def test_cells_withheld_opened_gone_and_new_are_counted_apart() -> None:
    turns = [("1.0", "geheim"), ("geheim", "2.0"), ("3.0", "nicht_geliefert"), ("unbekannt", "4.0"), (None, "5.0")]
    others = [("6.0", "7.0"), ("geheim", "nicht_geliefert"), ("folgt_spaeter", "nicht_geliefert")]
    found = view(*({"wert_alt": old, "wert_neu": new} for old, new in turns + others))
    assert found["turns"] == [
        ("jetzt geheim", 1),
        ("nicht mehr geheim", 1),
        ("jetzt ohne Wert", 1),
        ("neu mit Wert", 2),
    ]
    assert (found["total"], found["values"], found["units"]) == (8, 8, 8)


def test_a_moved_rank_is_no_changed_value() -> None:
    moved = {"wert_alt": "1.0", "wert_neu": "1.0", "rang_alt": 3, "rang_neu": 4, "ursache": "andere Jobcenter"}
    found = view(moved, {"wert_alt": "1.0", "wert_neu": "1.5", "rang_alt": 1, "rang_neu": 1})
    assert (found["values"], found["ranks"]) == (1, 1)
    assert found["kinds"] == [("Lieferung", 1), ("andere Jobcenter", 1)]


def test_causes_are_counted_with_shortened_digests_and_a_cell_names_two() -> None:
    addresses = ["2018-05/bestand/t1.csv", "2018-06/bestand/t1.csv", "2018-07/bestand/t1.csv", "programm"]
    causes = {
        "wert_alt": "1.0",
        "wert_neu": "2.0",
        "ursache": "Lieferung, Programmfassung",
        "ursachen": 25,
        "ursache_adresse": addresses,
        "ursache_alt": ["a" * 64, "", "c" * 64, "1+x"],
        "ursache_neu": ["b" * 64, "b" * 64, "", "2+y"],
    }
    few = {"ursachen": 1, **{f"ursache_{n}": causes[f"ursache_{n}"][:1] for n in ("adresse", "alt", "neu")}}
    found = view(causes, {"wert_alt": "1.0", "wert_neu": "2.0", **few})
    assert found["causes"][0] == (Reason(addresses[0], "a" * 12, "b" * 12), 2)
    assert (Reason(addresses[1], "", "b" * 12), 1) in found["causes"]
    assert (Reason("programm", "1+x", "2+y"), 1) in found["causes"]
    first = found["rows"][0]
    assert (first.kinds, first.addresses, first.more) == (causes["ursache"], tuple(addresses[:2]), 25 - 4 + 1)
    assert found["number_of_causes"] == 4


def test_a_change_without_a_known_cause_says_so() -> None:
    found = view({"wert_alt": "1.0", "wert_neu": "2.0", "ursache": None})
    assert found["kinds"] == [("nicht bekannt", 1)] and found["rows"][0].kinds == "nicht bekannt"
