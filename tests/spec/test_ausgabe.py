"""Ausgabe: what is shown of counts and quotients, and in which order (methodology section 4, cases O01 to O07 and X05).

Counts are the same in every month, unless months are named, so that one line per jobcenter says all. The merger of O08 is
counted, not shown: `tests/integration/test_readings.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipeline.compare import compare
from pipeline.months import month_range
from unit.compare.world import CATALOG, World, jobcenter, schema

RUN = "2018-07"
MONTHS = month_range("2015-07", RUN)
Cell = int | str | Mapping[str, int]
"""A count, the reason why there is none, or the counts of the months that have any."""
Counts = Mapping[str, Mapping[str, Cell]]
"""Per jobcenter and merkmal (with `/M` or `/F` for one sex) what is counted."""


def world(counts: Counts, traeger: str = "gE") -> World:
    """Return a Land of these jobcenters, counted alike in all 37 months."""
    rows: list[dict[str, Any]] = []
    for jc_id, cells in counts.items():
        for name, cell in cells.items():
            merkmal, _, sex = name.partition("/")
            for month in MONTHS:
                count = cell.get(month, 0) if isinstance(cell, Mapping) else cell
                rows.append(
                    {
                        "ref_month": month,
                        "jc_id": jc_id,
                        "geschlecht": sex or "T",
                        "merkmal": merkmal,
                        "wert": None if isinstance(count, str) else Decimal(count),
                        "grund": count if isinstance(count, str) else None,
                        "basis": "personen",
                    }
                )
    units = tuple(jobcenter(jc_id, "Land", traeger) for jc_id in counts)
    return World(units, {}, pa.Table.from_pylist(rows, schema=schema("eckwerte")), {})


def shares(quotients: Mapping[str, tuple[int, int]]) -> World:
    """Return a Land whose K3E2 is told per jobcenter: LZB in an active measure, and all LZB."""
    return world({jc_id: {"lzb_amp": part, "lzb": whole} for jc_id, (part, whole) in quotients.items()})


def shown(country: World, definition: str, level: str = "jobcenter") -> dict[str, dict[str, Any]]:
    """Return the published rows of an indicator by area."""
    rows = country.disclosed(RUN).kennzahlen.to_pylist()
    kept = [r for r in rows if (r["ebene"], r["definition"], r["geschlecht"]) == (level, definition, "T")]
    return {row["gebiet"]: row for row in kept}


def compared(country: World, definition: str) -> dict[str, dict[str, Any]]:
    """Return the comparison of an indicator by jobcenter, before anything is suppressed."""
    _, kennzahlen, reihe = country.tables(RUN)
    table = compare(
        kennzahlen, reihe, country.jobcenters, {}, CATALOG.indicators, run_month=RUN, schema=schema("vergleich")
    )
    kept = [r for r in table.to_pylist() if (r["definition"], r["geschlecht"]) == (definition, "T")]
    return {row["jc_id"]: row for row in kept}


LARGE = {"b": (30, 300), "c": (40, 400), "d": (50, 500)}


def test_o01_a_numerator_of_two_is_suppressed() -> None:
    rows = shown(shares({"a": (2, 40), **LARGE}), "K3E2@2011")
    assert (rows["a"]["zaehler"], rows["a"]["wert_anzeige"], rows["a"]["grund"]) == (None, None, "geheim")
    assert rows["d"]["wert_anzeige"] == Decimal("10.0")


def test_o02_a_complement_of_one_is_suppressed() -> None:
    cohort = {"svb_nach12": {"2016-06": 39}, "int_svb": {"2016-06": 40}}
    others = {jc_id: {"svb_nach12": 10 * size, "int_svb": 20 * size} for size, jc_id in enumerate("bcd", start=1)}
    rows = shown(world({"a": cohort, **others}), "K2E3@2011")
    assert (rows["a"]["zaehler"], rows["a"]["wert_anzeige"], rows["a"]["grund"]) == (None, None, "geheim")
    assert rows["d"]["wert_anzeige"] == Decimal("50.0")


def test_o03_zero_is_shown() -> None:
    row = shown(shares({"a": (0, 40), **LARGE}), "K3E2@2011")["a"]
    assert (row["zaehler"], row["wert_anzeige"], row["grund"]) == (Decimal(0), Decimal("0.0"), None)


def test_o04_where_one_of_three_counts_of_a_land_is_suppressed_a_second_one_is() -> None:
    rows = world({"a": {"lzb": 2}, "b": {"lzb": 30}, "c": {"lzb": 400}}).disclosed(RUN).eckwerte.to_pylist()
    counts = {r["jc_id"]: (r["wert"], r["grund"]) for r in rows if r["ref_month"] == RUN}
    assert counts == {"a": (None, "geheim"), "b": (None, "geheim"), "c": (Decimal(400), None)}


def test_o05_who_delivers_nothing_has_no_value_and_the_land_says_that_it_leaves_him_out() -> None:
    missing = {"lzb_amp": "nicht_geliefert", "lzb": "nicht_geliefert"}
    present = {jc_id: {"lzb_amp": part, "lzb": whole} for jc_id, (part, whole) in LARGE.items()}
    country = world({"a": missing, **present}, traeger="zkT")
    assert shown(country, "K3E2@2011")["a"]["grund"] == "nicht_geliefert"
    row = shown(country, "K3E2@2011", "land")["Land"]
    assert (row["zaehler"], row["nenner_summe"], row["hinweise"]) == (Decimal(120), Decimal(1200), "ausgelassen=1")


def test_o06_men_and_women_need_not_add_up_to_the_total() -> None:
    sexes = {"elb": 240, "elb/M": 150, "elb/F": 89}
    rows = world({"a": sexes, "b": sexes}).disclosed(RUN).eckwerte.to_pylist()
    counts = {r["geschlecht"]: r["wert"] for r in rows if (r["ref_month"], r["jc_id"]) == (RUN, "a")}
    assert counts == {"T": Decimal(240), "M": Decimal(150), "F": Decimal(89)}


def test_o07_two_values_that_are_shown_alike_have_different_exact_ranks() -> None:
    rows = compared(shares({"a": (2041, 10_000), "b": (2044, 10_000)}), "K3E2@2011")
    assert [rows[jc_id]["wert_anzeige"] for jc_id in "ab"] == [Decimal("20.4")] * 2
    assert [rows[jc_id]["rang_alle"] for jc_id in "ab"] == [2, 1]
    assert [rows[jc_id]["rang_anzeige_alle"] for jc_id in "ab"] == [1, 1]


def test_x05_with_four_above_and_402_below_the_rank_is_5_of_407() -> None:
    values = {"t04412": 743, **{f"a{i}": 744 + i for i in range(4)}, **{f"b{i}": 742 - i % 180 for i in range(402)}}
    rows = compared(world({j: {"svb_nach12": v, "int_svb": 1000} for j, v in values.items()}), "K2E3@2011")
    row = rows["t04412"]
    assert (row["wert_anzeige"], row["rang_alle"], row["anzahl_alle"]) == (Decimal("74.3"), 5, 407)
