"""The comparison of a small country: four sets, both directions, changes, medians, and what has no rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.calculate import displayed
from pipeline.catalog import Jobcenter, load_catalog
from pipeline.compare import ComparisonError, compare
from pipeline.months import add_months
from pipeline.store.schema import arrow_schema

CATALOG = load_catalog()
RUN = "2018-07"
SETS = ("alle", "kommunal", "vergleichstyp", "land")


def unit(jc_id: str, traeger: str, land: str) -> Jobcenter:
    return Jobcenter(jc_id, f"Jobcenter {jc_id}", land, traeger, ("00000",), date(2005, 1, 1), None)  # type: ignore[arg-type]


UNITS = (
    unit("a", "zkT", "Bremen"),
    unit("b", "zkT", "Hessen"),
    unit("c", "gE", "Hessen"),
    unit("d", "gE", "Bremen"),
    unit("e", "zkT", "Hessen"),
)
TYPES = {"a": "IIa", "c": "IIa", "e": "IIIb"}


@dataclass(frozen=True)
class Value:
    """One figure: both sides, or the reason why there is none."""

    z: int | None
    n: int | None
    reason: str | None = None

    def row(self, jc_id: str, definition: str, ref_month: str, sex: str, months: int, in_force: bool) -> dict[str, Any]:
        name = definition[: definition.index("@")]
        change = CATALOG.indicators[name].shown_as == "change"
        exact = None
        if self.z is not None and self.n:
            exact = (Fraction(self.z, self.n) - 1) * 100 if change else Fraction(self.z * months, self.n) * 100
        return {
            "ref_month": ref_month,
            "ebene": "jobcenter",
            "gebiet": jc_id,
            "kennzahl": name,
            "definition": definition,
            "in_kraft": in_force,
            "geschlecht": sex,
            "zaehler": None if self.z is None else Decimal(self.z),
            "nenner_summe": None if self.n is None else Decimal(self.n),
            "nenner_monate": months,
            "wert": None if exact is None else float(exact),
            "wert_anzeige": None if exact is None else displayed(exact),
            "grund": None if exact is not None else self.reason or "nenner_null",
            "hinweise": None,
            "basis": "personen",
        }


def kennzahlen(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=arrow_schema(CATALOG.results["kennzahlen"]))


def rows_of(
    values: Mapping[str, Value], definition: str = "K3E2@2011", ref_month: str = RUN, *, in_force: bool = True
) -> list[dict[str, Any]]:
    name = definition[: definition.index("@")]
    months = {"mean": 12}.get(CATALOG.indicators[name].versions["@2011"][1].operator, 1)
    return [value.row(jc_id, definition, ref_month, "T", months, in_force) for jc_id, value in values.items()]


def compared(
    rows: Sequence[Mapping[str, Any]],
    earlier: Sequence[Mapping[str, Any]] = (),
    *,
    run_month: str = RUN,
    types: Mapping[str, str] = TYPES,
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the comparison by (jobcenter, definition)."""
    table = compare(
        kennzahlen(rows),
        kennzahlen([*earlier, *rows]),
        UNITS,
        types,
        CATALOG.indicators,
        run_month=run_month,
        schema=arrow_schema(CATALOG.results["vergleich"]),
    )
    return {(r["jc_id"], r["definition"]): r for r in table.to_pylist()}


def column(found: Mapping[tuple[str, str], Mapping[str, Any]], name: str, definition: str = "K3E2@2011") -> list[Any]:
    return [found[u.jc_id, definition][name] for u in UNITS]


SHARES = {
    "a": Value(300, 400),
    "b": Value(280, 400),
    "c": Value(280, 400),
    "d": Value(100, 400),
    "e": Value(None, 400, "nicht_geliefert"),
}


def test_ties_share_the_smallest_rank_in_each_of_the_four_sets() -> None:
    found = compared(rows_of(SHARES))
    assert column(found, "rang_alle") == [1, 2, 2, 4, None]
    assert column(found, "rang_kommunal") == [1, 2, None, None, None]
    assert column(found, "rang_vergleichstyp") == [1, None, 2, None, None]
    assert column(found, "rang_land") == [1, 1, 1, 2, None]


def test_the_number_ranked_leaves_out_who_has_no_value() -> None:
    found = compared(rows_of(SHARES))
    assert column(found, "anzahl_alle") == [4, 4, 4, 4, 4]
    assert column(found, "anzahl_kommunal") == [2, 2, None, None, 2]
    assert column(found, "anzahl_vergleichstyp") == [2, None, 2, None, 0]
    assert column(found, "anzahl_land") == [2, 2, 2, 2, 2]


def test_who_has_no_value_keeps_the_reason_and_is_compared_in_nothing_else() -> None:
    row = compared(rows_of(SHARES))["e", "K3E2@2011"]
    assert row["grund"] == "nicht_geliefert"
    for name in ("wert", "wert_anzeige", "intervall_unten", "intervall_oben", "aenderung_vormonat"):
        assert row[name] is None
    for name in SETS:
        assert row[f"rang_{name}"] is row[f"rang_anzeige_{name}"] is row[f"rang_von_{name}"] is None


@pytest.mark.parametrize(
    ("definition", "expected"),
    [("K3E2@2011", [1, 2, 2, 4, None]), ("K3E3@2011", [4, 2, 2, 1, None]), ("K2E1@2011", [None] * 5)],
)
def test_the_better_end_is_the_indicators_own(definition: str, expected: list[int | None]) -> None:
    assert column(compared(rows_of(SHARES, definition)), "rang_alle", definition) == expected


def test_an_indicator_without_a_direction_has_a_median_but_no_rank_range_or_number() -> None:
    found = compared(rows_of(SHARES, "K2E1@2011"))
    for name in SETS:
        for kind in ("rang", "rang_anzeige", "anzahl", "rang_von", "rang_bis"):
            assert column(found, f"{kind}_{name}", "K2E1@2011") == [None] * 5
    assert column(found, "median_alle", "K2E1@2011") == [Decimal("840.0")] * 5


def test_the_rank_of_a_change_goes_by_the_change_and_has_no_range() -> None:
    falls = {"a": Value(90, 100), "b": Value(110, 100), "c": Value(9, 10), "d": Value(100, 100), "e": Value(7, 0)}
    found = compared(rows_of(falls, "K1E2@2011"))
    assert column(found, "rang_alle", "K1E2@2011") == [1, 4, 1, 3, None]
    assert column(found, "rang_von_alle", "K1E2@2011") == [None] * 5
    assert column(found, "intervall_unten", "K1E2@2011") == [None] * 5
    assert found["e", "K1E2@2011"]["grund"] == "nenner_null"


def test_the_median_of_a_change_is_a_change() -> None:
    values = {u.jc_id: Value(n, 100) for u, n in zip(UNITS, (90, 95, 98, 104, 110), strict=True)}
    assert column(compared(rows_of(values, "K3@2011")), "median_alle", "K3@2011") == [Decimal("-2.0")] * 5


def test_two_ranks_differ_where_the_displayed_values_are_equal_and_the_exact_ones_are_not() -> None:
    close = {
        "a": Value(7430, 10000),
        "b": Value(7431, 10000),
        "c": Value(7429, 10000),
        "d": Value(1, 10),
        "e": Value(0, 5),
    }
    found = compared(rows_of(close))
    assert column(found, "wert_anzeige")[:3] == [Decimal("74.3")] * 3
    assert column(found, "rang_alle") == [2, 1, 3, 4, 5]
    assert column(found, "rang_anzeige_alle") == [1, 1, 1, 4, 5]


def test_a_set_of_one_ranks_it_first() -> None:
    found = compared(rows_of({**SHARES, "e": Value(1, 400)}))
    assert (found["e", "K3E2@2011"]["rang_vergleichstyp"], found["e", "K3E2@2011"]["anzahl_vergleichstyp"]) == (1, 1)


def test_without_types_nobody_is_compared_within_one() -> None:
    found = compared(rows_of(SHARES), types={})
    for kind in ("rang", "anzahl", "median", "rang_von"):
        assert column(found, f"{kind}_vergleichstyp") == [None] * 5


def test_the_median_of_an_even_number_is_exact_and_rounded_once() -> None:
    # 10.04 and 10.06 both lie near 10.0 and 10.1; their mean 10.05 is a tie and goes up.
    values = {"a": Value(1004, 10000), "b": Value(1006, 10000), "c": Value(0, 1), "d": Value(1, 1)}
    found = compared(rows_of({**values, "e": Value(None, None, "geheim")}))
    assert column(found, "median_alle") == [Decimal("10.1")] * 5


COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), min_size=5, max_size=5)


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.sampled_from(["K3E2@2011", "K3E3@2011", "K2@2011", "K2E3@2011"]))
def test_the_interval_contains_the_value_and_the_rank_range_the_rank(
    pairs: list[tuple[int, int]], definition: str
) -> None:
    values = {u.jc_id: Value(z, n) for u, (z, n) in zip(UNITS, pairs, strict=True)}
    for row in compared(rows_of(values, definition)).values():
        if row["wert_anzeige"] is None:
            continue
        assert row["intervall_unten"] <= row["wert_anzeige"] <= row["intervall_oben"]
        for name in SETS:
            if row[f"rang_{name}"] is not None:
                assert row[f"rang_von_{name}"] <= row[f"rang_{name}"] <= row[f"rang_bis_{name}"]
                assert row[f"rang_von_{name}"] >= 1
                assert row[f"rang_bis_{name}"] <= row[f"anzahl_{name}"]


def test_a_change_is_the_exact_difference_rounded_once() -> None:
    # 10.04 - 9.96 = 0.08 shows 0.1, while the displayed values 10.0 and 10.0 differ by nothing.
    now = {u.jc_id: Value(1004, 10000) for u in UNITS}
    before = {u.jc_id: Value(996, 10000) for u in UNITS}
    year = {u.jc_id: Value(3, 10) for u in UNITS}
    earlier = [
        *rows_of(before, ref_month="2018-06"),
        *rows_of(year, ref_month="2017-07"),
        *rows_of({u.jc_id: Value(1, 2) for u in UNITS}, ref_month="2017-06"),
    ]
    found = compared(rows_of(now), earlier)
    assert column(found, "aenderung_vormonat") == [Decimal("0.1")] * 5
    assert column(found, "aenderung_vorjahr") == [Decimal("-20.0")] * 5


def test_a_change_needs_a_value_in_both_months() -> None:
    before = {**SHARES, "a": Value(None, 400, "unbekannt"), "e": Value(1, 400)}
    del before["d"]
    found = compared(rows_of(SHARES), rows_of(before, ref_month="2018-06"))
    assert column(found, "aenderung_vormonat") == [None, Decimal("0.0"), Decimal("0.0"), None, None]
    assert column(found, "aenderung_vorjahr") == [None] * 5


def test_an_unchanged_value_changes_by_zero_and_never_by_minus_zero() -> None:
    almost = {u.jc_id: Value(2801, 4000) for u in UNITS}
    found = compared(rows_of({u.jc_id: Value(2800, 4000) for u in UNITS}), rows_of(almost, ref_month="2018-06"))
    assert {str(v) for v in column(found, "aenderung_vormonat")} == {"0.0"}


@pytest.mark.parametrize(("offset", "name"), [(-1, "aenderung_vormonat"), (-12, "aenderung_vorjahr")])
def test_a_version_that_took_over_in_2019_continues_the_one_it_replaced(offset: int, name: str) -> None:
    ref = "2019-01"
    now = rows_of({u.jc_id: Value(30, 400) for u in UNITS}, "K2@2019", ref)
    before = rows_of({u.jc_id: Value(20, 400) for u in UNITS}, "K2@2011", add_months(ref, offset))
    found = compared(now, before, run_month=ref)
    assert column(found, name, "K2@2019") == [Decimal("30.0")] * 5


def test_each_definition_of_k2e3_continues_itself_across_the_switch() -> None:
    ref = "2018-09"
    rows: list[dict[str, Any]] = []
    for month, old, new in (("2018-08", 60, 40), (ref, 61, 38)):
        switched = month == ref
        rows += rows_of({u.jc_id: Value(old, 100) for u in UNITS}, "K2E3@2011", month, in_force=not switched)
        rows += rows_of({u.jc_id: Value(new, 100) for u in UNITS}, "K2E3@2019", month, in_force=switched)
    found = compared([r for r in rows if r["ref_month"] == ref], rows, run_month="2019-01")
    assert column(found, "aenderung_vormonat", "K2E3@2011") == [Decimal("1.0")] * 5
    assert column(found, "aenderung_vormonat", "K2E3@2019") == [Decimal("-2.0")] * 5


def test_a_change_of_a_change_is_in_percentage_points() -> None:
    now, before = {u.jc_id: Value(98, 100) for u in UNITS}, {u.jc_id: Value(103, 100) for u in UNITS}
    found = compared(rows_of(now, "K3@2011"), rows_of(before, "K3@2011", "2018-06"))
    assert column(found, "aenderung_vormonat", "K3@2011") == [Decimal("-5.0")] * 5


def test_rows_of_higher_levels_and_of_strangers_are_not_ranked() -> None:
    rows = rows_of(SHARES)
    land = {**rows[0], "ebene": "land", "gebiet": "Hessen"}
    stranger = {**rows[0], "gebiet": "closed"}
    found = compared([*rows, land, stranger])
    assert {key[0] for key in found} == {u.jc_id for u in UNITS}
    assert column(found, "anzahl_alle") == [4] * 5


def test_a_member_without_any_row_is_an_error_that_names_it() -> None:
    with pytest.raises(ComparisonError, match=r"no row for 1 jobcenters.*\bd$"):
        compared([r for r in rows_of(SHARES) if r["gebiet"] != "d"])


def test_an_indicator_that_is_not_declared_is_an_error() -> None:
    with pytest.raises(ComparisonError, match="'K9'"):
        compared([{**r, "kennzahl": "K9", "definition": "K9@2011"} for r in rows_of(SHARES)])


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [*rows_of(SHARES), *rows_of(SHARES, "K1E2@2011")]
    assert compared(rows) == compared(list(reversed(rows)))


def test_names_and_places_come_from_the_registry() -> None:
    row = compared(rows_of(SHARES))["b", "K3E2@2011"]
    assert (row["lauf"], row["name"], row["land"], row["traeger"], row["vergleichstyp"]) == (
        RUN,
        "Jobcenter b",
        "Hessen",
        "zkT",
        None,
    )
