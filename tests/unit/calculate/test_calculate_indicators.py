"""The sixteen indicators from small tables of Eckwerte: windows, versions, levels and reasons."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.calculate import displayed, in_force, reihe, versions_for
from pipeline.calculate.indicators import side_values
from pipeline.catalog import Side
from pipeline.months import add_months, month_range
from unit.calculate.small_counts import CATALOG, UNITS, Cell, Counts, Key, block, calculated, plain, telling

RUN = "2018-07"
SAALEKREIS = "t04412"
RATES = [(name, i.versions["@2011"][1].operator) for name, i in CATALOG.indicators.items() if i.shown_as == "percent"]


def except_for(cells: Callable[[str, str, str, str], Cell | None], counts: Counts = telling) -> Counts:
    """Return counts in which `cells` decides some cells and leaves the others (None) alone."""

    def changed(month: str, unit: str, sex: str, merkmal: str) -> Cell:
        own = cells(month, unit, sex, merkmal)
        return counts(month, unit, sex, merkmal) if own is None else own

    return changed


def total(unit: str, sex: str, merkmal: str, first: str, last: str) -> int:
    return sum(telling(month, unit, sex, merkmal) for month in month_range(first, last))


WINDOWS = [
    ("K1@2011", "llu", ("2018-07", "2018-07"), "llu", ("2017-07", "2017-07"), 1),
    ("K1E1@2011", "luh", ("2018-07", "2018-07"), "luh", ("2017-07", "2017-07"), 1),
    ("K1E2@2011", "elb", ("2018-07", "2018-07"), "elb", ("2017-07", "2017-07"), 1),
    ("K1E3@2011", "elb_zugang", ("2017-08", "2018-07"), "elb", ("2017-08", "2018-07"), 1),
    ("K1E4@2011", "elb_abgang", ("2017-08", "2018-07"), "elb", ("2017-07", "2018-06"), 1),
    ("K2@2011", "int", ("2017-08", "2018-07"), "elb", ("2017-07", "2018-06"), 12),
    ("K2E1@2011", "bs_gering", ("2017-08", "2018-07"), "elb", ("2017-07", "2018-06"), 12),
    ("K2E2@2011", "bs_2am", ("2017-08", "2018-07"), "elb", ("2017-07", "2018-06"), 12),
    ("K2E3@2011", "svb_nach12", ("2016-04", "2017-03"), "int_svb", ("2016-04", "2017-03"), 1),
    ("K2E3@2019", "svb_kont6", ("2016-10", "2017-09"), "int_svb", ("2016-10", "2017-09"), 1),
    ("K2E4@2011", "int_allein", ("2017-08", "2018-07"), "alleinerz", ("2017-07", "2018-06"), 12),
    ("K3@2011", "lzb", ("2018-07", "2018-07"), "lzb", ("2017-07", "2017-07"), 1),
    ("K3E1@2011", "int_lzb", ("2017-08", "2018-07"), "lzb", ("2017-07", "2018-06"), 12),
    ("K3E2@2011", "lzb_amp", ("2018-07", "2018-07"), "lzb", ("2018-07", "2018-07"), 1),
    ("K3E3@2011", "lzb_zugang", ("2017-08", "2018-07"), "lzb", ("2017-08", "2018-07"), 1),
    ("K3E4@2011", "lzb_abgang", ("2017-08", "2018-07"), "lzb", ("2017-07", "2018-06"), 1),
]


@pytest.mark.parametrize("sex", ["T", "M", "F"])
@pytest.mark.parametrize(("definition", "above", "above_months", "below", "below_months", "months"), WINDOWS)
def test_an_indicator_reads_the_months_of_its_windows(
    definition: str,
    above: str,
    above_months: tuple[str, str],
    below: str,
    below_months: tuple[str, str],
    months: int,
    sex: str,
) -> None:
    row = plain(RUN)["jobcenter", SAALEKREIS, definition, sex]
    z, n = total(SAALEKREIS, sex, above, *above_months), total(SAALEKREIS, sex, below, *below_months)
    assert (row["zaehler"], row["nenner_summe"], row["nenner_monate"]) == (z, n, months)
    change = CATALOG.indicators[row["kennzahl"]].shown_as == "change"
    exact = (Fraction(z, n) - 1) * 100 if change else Fraction(z * months, n) * 100
    assert row["wert"] == float(exact)
    assert row["wert_anzeige"] == displayed(exact)
    assert row["grund"] is None
    assert row["basis"] == "personen"


def test_there_are_no_other_definitions_in_a_run() -> None:
    assert {key[2] for key in plain(RUN)} == {definition for definition, *_ in WINDOWS}


def test_only_k2e3_is_reported_for_four_months_before_the_run() -> None:
    for row in plain(RUN).values():
        assert row["ref_month"] == ("2018-03" if row["kennzahl"] == "K2E3" else RUN)


@pytest.mark.parametrize(
    ("run_month", "ref_month", "force"),
    [("2018-11", "2018-07", "@2011"), ("2018-12", "2018-08", "@2011"), ("2019-01", "2018-09", "@2019")],
)
def test_both_definitions_of_k2e3_are_computed_and_the_run_decides_which_is_in_force(
    run_month: str, ref_month: str, force: str
) -> None:
    rows = {d: plain(run_month)["bund", "bund", d, "T"] for d in ("K2E3@2011", "K2E3@2019")}
    assert {d: r["in_kraft"] for d, r in rows.items()} == {f"K2E3{v}": v == force for v in ("@2011", "@2019")}
    assert {r["ref_month"] for r in rows.values()} == {ref_month}
    assert all(r["wert"] is not None for r in rows.values())
    indicator = CATALOG.indicators["K2E3"]
    assert in_force(indicator, force, run_month, CATALOG)


@pytest.mark.parametrize(("month", "version"), [("2018-12", "@2011"), ("2019-01", "@2019"), ("2020-02", "@2019")])
@pytest.mark.parametrize("name", ["K2", "K2E1", "K2E2", "K2E4", "K3E1", "K3E2"])
def test_what_depends_on_the_support_lists_changes_its_version_in_2019(name: str, month: str, version: str) -> None:
    assert versions_for(CATALOG.indicators[name], month, CATALOG) == (version,)


@pytest.mark.parametrize("name", ["K1", "K1E1", "K1E2", "K1E3", "K1E4", "K3", "K3E3", "K3E4"])
def test_what_does_not_depend_on_the_support_lists_keeps_its_version(name: str) -> None:
    assert versions_for(CATALOG.indicators[name], "2019-01", CATALOG) == ("@2011",)


@pytest.mark.parametrize("month", ["2018-12", "2019-01"])
def test_every_indicator_but_k2e3_has_one_row_for_each_area_and_sex_and_it_is_in_force(month: str) -> None:
    rows = [r for r in plain(month).values() if r["kennzahl"] != "K2E3"]
    assert len(rows) == len({(r["ebene"], r["gebiet"], r["kennzahl"], r["geschlecht"]) for r in rows})
    assert all(r["in_kraft"] for r in rows)


MISSING = [
    ("2017-07", "elb", "K2@2011", (True, False)),
    ("2018-06", "elb", "K2@2011", (True, False)),
    ("2018-07", "elb", "K2@2011", (True, True)),
    ("2017-08", "int", "K2@2011", (False, True)),
    ("2018-07", "int", "K2@2011", (False, True)),
    ("2017-07", "int", "K2@2011", (True, True)),
    ("2017-07", "llu", "K1@2011", (True, False)),
    ("2018-07", "llu", "K1@2011", (False, True)),
    ("2017-08", "lzb", "K3E3@2011", (True, False)),
    ("2017-07", "lzb", "K3E3@2011", (True, True)),
    ("2016-04", "int_svb", "K2E3@2011", (True, False)),
    ("2017-04", "int_svb", "K2E3@2011", (True, True)),
]


@pytest.mark.parametrize(("month", "merkmal", "definition", "complete"), MISSING)
def test_one_missing_month_makes_its_side_missing_and_leaves_the_other_filled(
    month: str, merkmal: str, definition: str, complete: tuple[bool, bool]
) -> None:
    holed = except_for(lambda m, u, s, k: "nicht_geliefert" if (m, u, k) == (month, SAALEKREIS, merkmal) else None)
    row = calculated(RUN, holed)["jobcenter", SAALEKREIS, definition, "T"]
    whole = plain(RUN)["jobcenter", SAALEKREIS, definition, "T"]
    for side, filled in zip(("zaehler", "nenner_summe"), complete, strict=True):
        assert row[side] == (whole[side] if filled else None)
    if all(complete):
        assert row == whole
    else:
        assert (row["wert"], row["wert_anzeige"], row["grund"]) == (None, None, "nicht_geliefert")
        assert row["nenner_monate"] == whole["nenner_monate"]


def test_a_missing_cell_touches_neither_other_sexes_nor_other_jobcenters() -> None:
    holed = except_for(
        lambda m, u, s, k: "nicht_verfuegbar" if (m, u, s, k) == ("2018-01", SAALEKREIS, "M", "elb") else None
    )
    found = calculated(RUN, holed)
    for key, row in plain(RUN).items():
        if key[0] == "jobcenter" and not (key[1] == SAALEKREIS and key[3] == "M"):
            assert found[key] == row
    assert found["jobcenter", SAALEKREIS, "K2@2011", "M"]["grund"] == "nicht_verfuegbar"


REASONS = list(CATALOG.codelists["gruende"])


@pytest.mark.parametrize(("stronger", "weaker"), list(pairwise(REASONS[:-1])))
def test_of_two_reasons_the_first_of_the_contract_is_told(stronger: str, weaker: str) -> None:
    def cells(month: str, unit: str, sex: str, merkmal: str) -> Cell | None:
        if (month, merkmal) == ("2018-02", "elb"):
            return weaker
        if (month, merkmal) == ("2018-05", "int"):
            return stronger
        if (month, merkmal) == ("2018-06", "int"):
            return weaker
        return None

    assert calculated(RUN, except_for(cells))["jobcenter", SAALEKREIS, "K2@2011", "T"]["grund"] == stronger


def test_a_denominator_of_zero_is_a_reason_and_both_sides_stay() -> None:
    empty = except_for(lambda m, u, s, k: 0 if (u, k) == (SAALEKREIS, "alleinerz") else None)
    row = calculated(RUN, empty)["jobcenter", SAALEKREIS, "K2E4@2011", "T"]
    assert (row["wert"], row["wert_anzeige"], row["grund"], row["nenner_summe"]) == (None, None, "nenner_null", 0)
    assert row["zaehler"] == plain(RUN)["jobcenter", SAALEKREIS, "K2E4@2011", "T"]["zaehler"]


def test_a_missing_side_is_a_stronger_reason_than_a_denominator_of_zero() -> None:
    cells = {"alleinerz": 0, "int_allein": "zu_kurze_reihe"}
    row = calculated(RUN, except_for(lambda m, u, s, k: cells.get(k)))["jobcenter", SAALEKREIS, "K2E4@2011", "T"]
    assert (row["grund"], row["zaehler"], row["nenner_summe"]) == ("zu_kurze_reihe", None, 0)


def test_a_numerator_of_zero_is_a_value() -> None:
    row = calculated(RUN, except_for(lambda m, u, s, k: 0 if k == "int" else None))[
        "jobcenter", SAALEKREIS, "K2@2011", "T"
    ]
    assert (row["zaehler"], row["wert"], row["wert_anzeige"], row["grund"]) == (0, 0.0, Decimal("0.0"), None)


def test_months_without_any_eckwerte_have_the_reason_given() -> None:
    found = calculated(RUN, telling, without=month_range("2016-01", "2017-07"))
    assert found["jobcenter", SAALEKREIS, "K2@2011", "T"]["grund"] == "zu_kurze_reihe"
    assert found["jobcenter", SAALEKREIS, "K3E2@2011", "T"]["grund"] is None
    assert found["bund", "bund", "K2@2011", "T"]["grund"] == "zu_kurze_reihe"


def test_euro_sums_keep_their_cents() -> None:
    cents = except_for(lambda m, u, s, k: Decimal("123456789.01") if k == "llu" and m == RUN else None)
    row = calculated(RUN, cents)["jobcenter", SAALEKREIS, "K1@2011", "T"]
    assert row["zaehler"] == Decimal("123456789.01")


AREAS = [
    ("land", "Sachsen-Anhalt", ("t04412", "t04502")),
    ("kommunal", "kommunal", tuple(u for u in UNITS if CATALOG.jobcenters[u].traeger == "zkT")),
    ("vergleichstyp", "IIa", ("t03538", "t27708")),
    ("bund", "bund", UNITS),
]
TYPES = {"t03538": "IIa", "t27708": "IIa"}


@pytest.mark.parametrize("definition", [d for d, *_ in WINDOWS])
@pytest.mark.parametrize(("level", "area", "members"), AREAS)
def test_a_level_is_the_ratio_of_the_sums_of_its_members(
    level: str, area: str, members: tuple[str, ...], definition: str
) -> None:
    found = calculated_with_types()
    row = found[level, area, definition, "F"]
    parts = [found["jobcenter", unit, definition, "F"] for unit in members]
    z, n = sum(p["zaehler"] for p in parts), sum(p["nenner_summe"] for p in parts)
    assert (row["zaehler"], row["nenner_summe"], row["hinweise"]) == (z, n, "ausgelassen=0")
    change = CATALOG.indicators[row["kennzahl"]].shown_as == "change"
    exact = (Fraction(z) / Fraction(n) - (1 if change else 0)) * (1 if change else row["nenner_monate"]) * 100
    assert row["wert"] == float(exact)


@lru_cache(maxsize=1)
def calculated_with_types() -> dict[Key, dict[str, Any]]:
    return calculated(RUN, telling, types=TYPES)


def test_without_any_vergleichstyp_there_is_no_such_level() -> None:
    assert {key[0] for key in plain(RUN)} == {"jobcenter", "land", "kommunal", "bund"}


def test_a_member_that_lacks_one_side_is_left_out_with_both_and_counted() -> None:
    holed = except_for(
        lambda m, u, s, k: "nicht_geliefert" if (m, u, s, k) == ("2018-01", "t04502", "T", "int") else None
    )
    found = calculated(RUN, holed)
    land, bund = found["land", "Sachsen-Anhalt", "K2@2011", "T"], found["bund", "bund", "K2@2011", "T"]
    own = found["jobcenter", SAALEKREIS, "K2@2011", "T"]
    assert (land["zaehler"], land["nenner_summe"], land["hinweise"]) == (
        own["zaehler"],
        own["nenner_summe"],
        "ausgelassen=1",
    )
    assert bund["hinweise"] == "ausgelassen=1"
    assert found["land", "Sachsen-Anhalt", "K2@2011", "M"]["hinweise"] == "ausgelassen=0"
    assert found["jobcenter", "t04502", "K2@2011", "T"]["hinweise"] is None


def test_a_level_of_which_nobody_has_both_is_missing_with_the_strongest_reason() -> None:
    reason = {"t04412": "folgt_spaeter", "t04502": "unplausibel"}
    holed = except_for(lambda m, u, s, k: reason.get(u) if (m, k) == ("2018-01", "int") else None)
    row = calculated(RUN, holed)["land", "Sachsen-Anhalt", "K2@2011", "T"]
    assert (row["zaehler"], row["nenner_summe"], row["wert"]) == (None, None, None)
    assert (row["grund"], row["hinweise"]) == ("unplausibel", "ausgelassen=2")


def test_a_member_with_a_denominator_of_zero_is_part_of_the_sum() -> None:
    zero = except_for(lambda m, u, s, k: 0 if (u, k) == ("t04502", "alleinerz") else None)
    found = calculated(RUN, zero)
    row = found["land", "Sachsen-Anhalt", "K2E4@2011", "T"]
    parts = [found["jobcenter", u, "K2E4@2011", "T"] for u in ("t04412", "t04502")]
    assert (row["zaehler"], row["hinweise"]) == (sum(p["zaehler"] for p in parts), "ausgelassen=0")


def test_a_jobcenter_that_never_delivers_is_not_among_those_left_out() -> None:
    silent = except_for(lambda m, u, s, k: "zu_kurze_reihe" if u == "t04502" else None)
    part = tuple(u for u in UNITS if u != "t04502")
    found = calculated(RUN, silent, taking_part=part)
    assert found["land", "Sachsen-Anhalt", "K2@2011", "T"]["hinweise"] == "ausgelassen=0"
    assert calculated(RUN, silent)["land", "Sachsen-Anhalt", "K2@2011", "T"]["hinweise"] == "ausgelassen=1"


@pytest.mark.parametrize(
    ("basis", "said"), [({}, "personen"), ({"t04502": "eckwerte"}, "gemischt"), ({"t04502": "imputiert"}, "imputiert")]
)
def test_a_level_says_where_its_counts_come_from(basis: dict[str, str], said: str) -> None:
    found = calculated(RUN, telling, basis_of=basis)
    assert found["land", "Sachsen-Anhalt", "K2@2011", "T"]["basis"] == said
    assert found["jobcenter", "t04502", "K2@2011", "T"]["basis"] == basis.get("t04502", "personen")
    assert found["jobcenter", SAALEKREIS, "K2@2011", "T"]["basis"] == "personen"


def test_a_window_that_reaches_beyond_the_eckwerte_is_an_error() -> None:
    short = block(RUN, telling, reach=12)
    with pytest.raises(ValueError, match="do not cover 2017-07 to 2018-06"):
        side_values(short, Side("mean", "elb", (-12, -1)), RUN)


def test_the_series_ends_with_the_run_and_repeats_its_rows() -> None:
    reach = block(RUN, telling, reach=30)
    rows = reihe(reach, RUN, CATALOG, months=3).to_pylist()
    assert {r["ref_month"] for r in rows if r["kennzahl"] == "K2"} == {"2018-05", "2018-06", "2018-07"}
    assert {r["ref_month"] for r in rows if r["kennzahl"] == "K2E3"} == {"2018-01", "2018-02", "2018-03"}
    assert {r["ebene"] for r in rows} == {"jobcenter"}
    own = plain(RUN)["jobcenter", SAALEKREIS, "K2@2011", "T"]
    assert own in rows


COUNTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=56, max_size=56)


@settings(max_examples=25, deadline=None)
@given(COUNTS, st.booleans())
def test_men_and_women_are_never_more_than_everyone(triples: list[tuple[int, int, int]], gap: bool) -> None:
    first = add_months(RUN, -27)
    months = month_range(first, RUN)

    def counts(month: str, unit: str, sex: str, merkmal: str) -> Cell:
        place = months.index(month) * 2 + UNITS.index(unit) % 2
        men, women, others = triples[(place + list(CATALOG.merkmale).index(merkmal)) % len(triples)]
        if gap and (month, unit, merkmal) == ("2018-01", SAALEKREIS, "int"):
            return "nicht_geliefert"
        return {"T": men + women + others, "M": men, "F": women}[sex]

    found = calculated(RUN, counts)
    for (level, area, definition, sex), row in found.items():
        if sex != "T":
            continue
        men, women = found[level, area, definition, "M"], found[level, area, definition, "F"]
        for side in ("zaehler", "nenner_summe"):
            assert (men[side] is None) == (row[side] is None)
            if row[side] is not None:
                assert men[side] + women[side] <= row[side]
