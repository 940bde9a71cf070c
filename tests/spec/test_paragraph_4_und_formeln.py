# ruff: noqa: N802 - a test bears the id of its case
"""§ 4 and the quotients of all paragraphs: windows, means, changes, rounding, missing values (cases R01 to R13).

Base counts come in; an expected row reads: reference month, area, indicator, numerator / denominator, what is shown. `X` is
the jobcenter unless the case names others.
"""

from __future__ import annotations

import pytest

from pipeline.catalog import load_catalog
from spec.cases import Case, case
from spec.formulas import calculated
from spec.world import Country


@case(
    "R01",
    "20 Integrationen in each of twelve months; 1,000 ELB in the twelve months before, 1,120 in the month itself.",
    eckwerte="""
        int  2017-08..2018-07  20
        elb  2017-07..2018-06  1000
        elb  2018-07           1120
    """,
    expected="2018-07  X  K2@2011  240 / 1000  24.0",
)
def test_R01_the_denominator_is_the_mean_of_the_twelve_months_before(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R02",
    "ELB fall by 20 a month from 1,300 to 1,080, and to 1,060 in the month itself; 25 Integrationen a month.",
    eckwerte="""
        int  2017-08..2018-07  25
        elb  2017-07..2018-07  1300 1280 1260 1240 1220 1200 1180 1160 1140 1120 1100 1080 1060
    """,
    expected="2018-07  X  K2@2011  300 / 1190  25.2",
)
def test_R02_a_falling_stock_does_not_shift_the_mean(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R03",
    "The Bund in June 2023: 790,783 Integrationen in twelve months, 3,870,702 ELB on average.",
    eckwerte="""
        int  2022-07..2023-05  0
        int  2023-06           790783
        elb  2022-06..2023-05  3870702
    """,
    expected="2023-06  bund  K2@2019  790783 / 3870702  20.4",
)
def test_R03_the_published_national_rate_is_reproduced(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R04",
    "Two jobcenters of a Land: 240 per 1,000 and 90 per 600.",
    eckwerte={
        "X": """
            int  2017-08..2018-07  20
            elb  2017-07..2018-06  1000
        """,
        "Y": """
            int  2017-08..2018-07  7.5
            elb  2017-07..2018-06  600
        """,
    },
    expected="""
        2018-07  X         K2@2011  240 / 1000  24.0
        2018-07  Y         K2@2011  90 / 600    15.0
        2018-07  Saarland  K2@2011  330 / 1600  20.6
    """,
)
def test_R04_a_land_is_the_ratio_of_the_sums_and_not_the_mean_of_the_ratios(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R05",
    "Subsistence benefits of 986,000 euro against 1,000,000 a year before.",
    eckwerte="""
        llu  2017-07  1000000.00
        llu  2018-07  986000.00
    """,
    expected="2018-07  X  K1@2011  986000 / 1000000  -1.4",
)
def test_R05_a_decrease_is_shown_as_a_negative_change(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R06",
    "Subsistence benefits of 1,166,000 euro against 1,000,000 a year before.",
    eckwerte="""
        llu  2017-07  1000000.00
        llu  2018-07  1166000.00
    """,
    expected="2018-07  X  K1@2011  1166000 / 1000000  16.6",
)
def test_R06_an_increase_of_benefits_is_positive_and_worse(case: Case) -> None:
    assert calculated(case) == case.expected
    assert load_catalog().indicators["K1"].better == "lower"


@case(
    "R07",
    "Entitlement of 500 euro in March 2018, reduced by 30 percent, 350 euro paid.",
    life="""
        ELB    R07      2016-01-01
        CLAIM  2018-03  20  500.00
    """,
    expected="2018-03  R07  llu 500",
)
def test_R07_the_entitlement_counts_whatever_was_paid(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected
    amounts = [column.name for column in load_catalog().tables["leistung"].columns if column.type == "euro"]
    assert amounts == ["anspruch_eur"], "a payment after reduction is not even delivered"


@case(
    "R08",
    "Eleven months with 40 entries at 1,000 ELB, one month with 100 entries at 2,000.",
    eckwerte="""
        elb_zugang  2017-08..2018-06  40
        elb_zugang  2018-07           100
        elb         2017-08..2018-06  1000
        elb         2018-07           2000
    """,
    expected="2018-07  X  K1E3@2011  540 / 13000  4.2",
)
def test_R08_the_mean_rate_is_weighted(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R09",
    "Stocks and movements are known from July 2017 on: the entry rate needs the stocks of m-11 to m, the exit rate m-12 to m-1.",
    eckwerte="""
        elb         2017-01..2017-06  zu_kurze_reihe
        elb_zugang  2017-01..2017-06  zu_kurze_reihe
        elb_abgang  2017-01..2017-06  zu_kurze_reihe
        elb         2017-07..2018-07  1000
        elb_zugang  2017-07..2018-07  40
        elb_abgang  2017-07..2018-07  50
    """,
    expected="""
        2018-05  X  K1E3@2011  - / -        zu_kurze_reihe
        2018-06  X  K1E3@2011  480 / 12000  4.0
        2018-06  X  K1E4@2011  600 / -      zu_kurze_reihe
        2018-07  X  K1E4@2011  600 / 12000  5.0
    """,
)
def test_R09_the_exit_rate_begins_one_month_after_the_entry_rate(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R10",
    "Nobody in the denominator; one month of the denominator withheld; a month not delivered.",
    eckwerte={
        "X": """
            lzb_amp  2018-07  0
            lzb      2018-07  0
        """,
        "Y": """
            lzb_amp  2018-07  5
            lzb      2018-07  geheim
        """,
        "Z": """
            int  2017-08..2018-07  20
            elb  2017-07..2018-05  1000
            elb  2018-06           nicht_geliefert
        """,
    },
    expected="""
        2018-07  X  K3E2@2011  0 / 0    nenner_null
        2018-07  Y  K3E2@2011  5 / -    geheim
        2018-07  Z  K2@2011    240 / -  nicht_geliefert
    """,
)
def test_R10_without_a_denominator_there_is_a_reason_and_no_zero(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R11",
    "297 of 400 are exactly 74.25 percent; the mirror image is a change of minus 74.25 percent.",
    eckwerte="""
        lzb_amp  2018-07  297
        lzb      2018-07  400
        elb      2017-07  400
        elb      2018-07  103
    """,
    expected="""
        2018-07  X  K3E2@2011  297 / 400  74.3
        2018-07  X  K1E2@2011  103 / 400  -74.3
    """,
)
def test_R11_a_tie_is_rounded_away_from_zero(case: Case) -> None:
    assert calculated(case) == case.expected
    assert round(74.25, 1) == pytest.approx(74.2), "which is why no binary rounding is used"


@case(
    "R12",
    "2,040 LZB against 2,000 a year before; 210 of them in an active measure.",
    eckwerte="""
        lzb      2017-07  2000
        lzb      2018-07  2040
        lzb_amp  2018-07  210
    """,
    expected="""
        2018-07  X  K3@2011    2040 / 2000  2.0
        2018-07  X  K3E2@2011  210 / 2040   10.3
    """,
)
def test_R12_long_term_beneficiaries_are_compared_with_the_year_before_and_activated_in_the_month(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "R13",
    "2,000 LZB in m-12 to m-7, 2,040 in m-6 to m-1; 30 Integrationen of LZB in each of the months m-11 to m.",
    eckwerte="""
        int_lzb  2017-08..2018-07  30
        lzb      2017-07..2017-12  2000
        lzb      2018-01..2018-06  2040
    """,
    expected="2018-07  X  K3E1@2011  360 / 2020  17.8",
)
def test_R13_integrations_of_long_term_beneficiaries_are_related_to_their_mean_stock(case: Case) -> None:
    assert calculated(case) == case.expected
