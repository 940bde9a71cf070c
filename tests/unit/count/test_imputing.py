"""Estimates of missing months: which gaps are filled, from what, how they are rounded and what bounds them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import SEXES, load_catalog, parts_and_wholes
from pipeline.count.eckwerte import Cells
from pipeline.count.imputing import imputed, rounded
from pipeline.count.reconciling import HAVE
from pipeline.months import month_range

CATALOG = load_catalog()
MERKMALE = tuple(CATALOG.merkmale)
RANK = {grund: int(row["rang"]) for grund, row in CATALOG.codelists["gruende"].items()}
MONTHS = tuple(month_range("2017-01", "2018-07"))
UNITS = ("a", "b", "c", "d")
LAND = {"a": "Hessen", "b": "Hessen", "c": "Hessen", "d": "Bremen"}
Cell = tuple[str, str, str, str]
LATE = ("elb_zugang", "elb_abgang", "lzb_zugang", "lzb_abgang", "svb_nach12", "svb_kont6")


def cells_of(values: dict[Cell, int], gaps: dict[Cell, str], everywhere: int = 1000) -> Cells:
    """Return cells with `everywhere` men, as many women and no others in each but the named ones; gaps have a reason."""
    shape = (len(MONTHS), len(UNITS), len(SEXES), len(MERKMALE))
    cells = Cells(
        MONTHS,
        UNITS,
        MERKMALE,
        np.full(shape, everywhere * 100, np.int64),
        np.full(shape, HAVE, np.int8),
        np.zeros(shape, np.bool_),
        np.zeros(shape, np.bool_),
    )
    cells.value[:, :, 0] *= 2
    for key, persons in values.items():
        cells.value[at(key)] = persons * 100
    for key, reason in gaps.items():
        cells.value[at(key)], cells.rank[at(key)] = 0, RANK[reason]
    return cells


def at(key: Cell) -> tuple[int, int, int, int]:
    month, unit, sex, merkmal = key
    return MONTHS.index(month), UNITS.index(unit), SEXES.index(sex), MERKMALE.index(merkmal)


def estimate(values: dict[Cell, int], gaps: dict[Cell, str], key: Cell) -> float | str:
    """Return the persons (euros) estimated for a cell, or the reason that stays."""
    result = imputed(cells_of(values, gaps), CATALOG.merkmale, RANK, LAND)
    assert bool(result.imputed[at(key)]) == (result.rank[at(key)] == HAVE)
    if result.rank[at(key)] != HAVE:
        return next(grund for grund, rank in RANK.items() if rank == result.rank[at(key)])
    return float(result.value[at(key)] / 100)


def test_a_single_month_of_a_stock_is_the_mean_of_its_neighbours_rounded_up_at_the_half() -> None:
    key = ("2018-03", "a", "T", "elb")
    around = {("2018-02", "a", "T", "elb"): 3000, ("2018-04", "a", "T", "elb"): 3101}
    assert estimate(around, {key: "nicht_geliefert"}, key) == 3051


def test_euros_are_rounded_to_cents() -> None:
    key = ("2018-03", "a", "T", "llu")
    cells = cells_of({}, {key: "nicht_geliefert"})
    cells.value[at(("2018-02", "a", "T", "llu"))] = 300_001
    cells.value[at(("2018-04", "a", "T", "llu"))] = 300_002
    result = imputed(cells, CATALOG.merkmale, RANK, LAND)
    assert result.value[at(key)] == 300_002


def test_the_month_of_the_run_is_carried_forward() -> None:
    key = ("2018-07", "a", "T", "elb")
    assert estimate({("2018-06", "a", "T", "elb"): 2345}, {key: "nicht_geliefert"}, key) == 2345


@pytest.mark.parametrize("beside", ["2018-02", "2018-04"])
def test_a_longer_gap_stays(beside: str) -> None:
    key = ("2018-03", "a", "T", "elb")
    gaps = {key: "nicht_geliefert", (beside, "a", "T", "elb"): "nicht_geliefert"}
    assert estimate({}, gaps, key) == "nicht_geliefert"


def test_the_first_month_of_all_stays() -> None:
    key = ("2017-01", "a", "T", "elb")
    assert estimate({}, {key: "nicht_geliefert"}, key) == "nicht_geliefert"


@pytest.mark.parametrize("reason", sorted(set(RANK) - {""}))
def test_only_gaps_of_delivery_are_filled(reason: str) -> None:
    key = ("2018-03", "a", "T", "elb")
    filled = reason in ("nicht_geliefert", "unplausibel", "nicht_verfuegbar")
    assert estimate({}, {key: reason}, key) == (2000 if filled else reason)


@pytest.mark.parametrize("merkmal", LATE)
def test_movements_and_sustained_integrations_are_never_estimated(merkmal: str) -> None:
    key = ("2018-03", "a", "T", merkmal)
    assert estimate({}, {key: "nicht_geliefert"}, key) == "nicht_geliefert"


def test_events_follow_the_other_jobcenters_of_the_land_since_last_year() -> None:
    key = ("2018-03", "a", "T", "int")
    values = {("2017-03", "a", "T", "int"): 30, ("2018-03", "d", "T", "int"): 1}
    values |= {("2017-03", "b", "T", "int"): 40, ("2018-03", "b", "T", "int"): 44}
    values |= {("2017-03", "c", "T", "int"): 20, ("2018-03", "c", "T", "int"): 21}
    parts = {("2018-03", "a", "T", part): "geheim" for part in ("int_svb", "int_allein", "int_lzb")}
    parts |= {("2018-03", "a", "T", part): "folgt_spaeter" for part in ("svb_nach12", "svb_kont6")}
    sexes = {("2018-03", "a", s, m): "geheim" for s in "MF" for m in MERKMALE if m.startswith(("int", "svb"))}
    gaps = {key: "nicht_geliefert", **parts, **sexes}
    assert estimate(values, gaps, key) == 33  # 30 * 65 / 60 = 32.5
    assert estimate(values, gaps | {("2018-03", "c", "T", "int"): "nicht_geliefert"}, key) == 33  # 30 * 44 / 40


def test_events_without_a_year_before_or_without_others_stay() -> None:
    key = ("2018-03", "a", "T", "int")
    gap = {key: "nicht_geliefert"}
    assert estimate({}, gap | {("2017-03", "a", "T", "int"): "unbekannt"}, key) == "nicht_geliefert"
    zero = {("2017-03", "b", "T", "int"): 0, ("2017-03", "c", "T", "int"): 0}
    assert estimate(zero, gap, key) == "nicht_geliefert"
    alone = ("2018-03", "d", "T", "int")
    assert estimate({}, {alone: "nicht_geliefert"}, alone) == "nicht_geliefert"


def test_an_estimate_is_no_basis_of_another() -> None:
    key = ("2018-03", "a", "T", "int")
    gaps = {key: "nicht_geliefert", ("2017-03", "a", "T", "elb"): "nicht_geliefert"}
    both = {("2018-03", u, "T", "int"): "nicht_geliefert" for u in "abc"}
    assert estimate({}, gaps | both, key) == "nicht_geliefert"


def test_amounts_of_units_of_need_have_no_sex_even_if_the_months_beside_have() -> None:
    key = ("2018-03", "a", "M", "llu")
    assert estimate({}, {key: "nicht_verfuegbar"}, key) == "nicht_verfuegbar"
    outage = {key: "nicht_verfuegbar", ("2018-03", "a", "T", "llu"): "nicht_verfuegbar"}
    assert estimate({}, outage, key) != "nicht_verfuegbar"


def test_a_part_is_capped_by_its_whole() -> None:
    key = ("2018-03", "a", "T", "lzb")
    assert estimate({("2018-03", "a", "T", "elb"): 900}, {key: "nicht_geliefert"}, key) == 900


def test_women_get_what_the_total_leaves() -> None:
    gaps = {("2018-03", "a", s, "elb"): "nicht_geliefert" for s in "TMF"}
    values = {(m, "a", "T", "elb"): 11 for m in ("2018-02", "2018-04")}
    values |= {("2018-02", "a", s, "elb"): 5 for s in "MF"} | {("2018-04", "a", s, "elb"): 6 for s in "MF"}
    values |= {("2018-03", "a", s, m): 0 for s in "TMF" for m in ("lzb", "lzb_amp", "alleinerz")}
    got = [estimate(values, gaps, ("2018-03", "a", sex, "elb")) for sex in "TMF"]
    assert got == [11, 6, 5]


@st.composite
def spoiled(draw: st.DrawFn) -> Cells:
    """Return consistent counts of one jobcenter and month with some of its cells missing in that month."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    cells = cells_of({}, {}, everywhere=0)
    for month in range(len(MONTHS)):
        for unit in range(len(UNITS)):
            for sex in (1, 2):
                for column, name in enumerate(MERKMALE):
                    if not CATALOG.merkmale[name].part_of:
                        cells.value[month, unit, sex, column] = random.integers(0, 40) * 100
                for part, whole in reversed(parts_and_wholes(CATALOG.merkmale)):
                    most = cells.value[month, unit, sex, MERKMALE.index(whole)] // 100
                    cells.value[month, unit, sex, MERKMALE.index(part)] = random.integers(0, most + 1) * 100
            cells.value[month, unit, 0] = cells.value[month, unit, 1] + cells.value[month, unit, 2]
    gone = random.random(cells.rank[14, 0].shape) < draw(st.sampled_from([0.1, 0.5, 0.9, 1.0]))
    cells.rank[14, 0][gone], cells.value[14, 0][gone] = RANK["nicht_geliefert"], 0
    return cells


@given(spoiled())
def test_what_is_estimated_contradicts_nothing_that_is_known(cells: Cells) -> None:
    result = imputed(cells, CATALOG.merkmale, RANK, LAND)
    value, there = result.value[14, 0], result.rank[14, 0] == HAVE
    assert (value[there] >= 0).all()
    for column in range(len(MERKMALE)):
        if there[:, column].all():
            assert value[1, column] + value[2, column] <= value[0, column]
    for part, whole in parts_and_wholes(CATALOG.merkmale):
        p, w = MERKMALE.index(part), MERKMALE.index(whole)
        both = there[:, p] & there[:, w]
        assert (value[both, p] <= value[both, w]).all()
    known = cells.rank == HAVE
    assert (result.value[known] == cells.value[known]).all()


@given(st.fractions(-(10**9), 10**9), st.sampled_from([1, 100]))
def test_rounding_goes_to_the_nearest_and_away_from_zero_at_the_half(exact: Fraction, unit: int) -> None:
    got = rounded(exact, unit)
    assert got % unit == 0
    assert abs(got - exact) * 2 <= unit
    if abs(got - exact) * 2 == unit:
        assert abs(got) > abs(exact)
