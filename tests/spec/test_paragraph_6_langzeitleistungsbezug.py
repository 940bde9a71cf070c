# ruff: noqa: N802 - a test bears the id of its case
"""§ 6: who is a long-term beneficiary (LZB), who enters and leaves, who is activated (cases L01 to L10).

The counting day is 2018-03-15, the 730 days that end with it begin on 2016-03-16; 638 of them as ELB make an LZB.
"""

from __future__ import annotations

from pipeline.catalog import load_catalog
from spec.cases import Case, case
from spec.world import Country

# Expected: month, days as ELB among the 730, ELB in stock or not (-), LZB or not (-).


@case(
    "L01",
    "ELB without a break since 2016-06-16.",
    life="ELB  A  2016-06-16",
    expected="2018-03  638  ELB  LZB",
)
def test_L01_638_days_make_a_long_term_beneficiary(case: Case, country: Country) -> None:
    assert country.long_term(case) == case.expected


@case(
    "L02",
    "ELB without a break since 2016-06-17.",
    life="ELB  A  2016-06-17",
    expected="2018-03  637  ELB  -",
)
def test_L02_637_days_do_not(case: Case, country: Country) -> None:
    assert country.long_term(case) == case.expected


@case(
    "L03",
    "ELB in A, from May 2017 also in B, again since February 2018: 668 different days, 699 if added up.",
    life="""
        ELB  A  2016-03-16  2017-05-31
        ELB  B  2017-05-01  2017-11-30
        ELB  B  2018-02-01
    """,
    expected="2018-03  668  ELB  LZB",
)
def test_L03_days_are_united_across_jobcenters_and_overlaps_count_once(case: Case, country: Country) -> None:
    assert country.long_term(case) == case.expected


@case(
    "L04",
    "900 days ELB, but benefits ended on 2018-03-10: 725 of the 730 days, not in stock.",
    life="ELB  A  2015-09-23  2018-03-10",
    expected="2018-03  725  -  -",
)
def test_L04_who_is_not_in_stock_is_no_long_term_beneficiary(case: Case, country: Country) -> None:
    assert country.long_term(case) == case.expected


@case(
    "L05",
    "Turned 15 on 2016-07-01; not employable before, in benefits since birth: 623 days as ELB.",
    life="""
        BORN  2001-07-01
        NEF   A  2001-07-01  2016-06-30
        ELB   A  2016-07-01
    """,
    expected="2018-03  623  ELB  -",
)
def test_L05_days_before_being_employable_do_not_count(case: Case, country: Country) -> None:
    assert country.long_term(case) == case.expected


# Expected: month, jobcenter, base counts of the jobcenter, in which nobody else lives.


@case(
    "L06",
    "LZB in L06-A on 15 February, in L06-B on 15 March, enough days both times.",
    life="""
        ELB  L06-A  2016-01-01  2018-02-28
        ELB  L06-B  2018-03-01
    """,
    expected="""
        2018-02  L06-A  lzb 1
        2018-03  L06-A  lzb 0  elb_abgang 1  lzb_abgang 0
        2018-03  L06-B  lzb 1  elb_zugang 1  lzb_zugang 0
    """,
)
def test_L06_moving_is_a_movement_of_beneficiaries_but_not_of_long_term_ones(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "L07",
    "No entitlement from 1 to 7 March: seven days.",
    life="""
        ELB  L07  2016-01-01  2018-02-28
        ELB  L07  2018-03-08
    """,
    expected="2018-03  L07  elb_zugang 0  elb_abgang 0  lzb 1",
)
def test_L07_an_interruption_of_seven_days_is_no_movement(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected
    assert country.long_term(case) == ["2018-03 723 ELB LZB"], "but its seven days are no days as ELB"


@case(
    "L08",
    "No entitlement from 1 to 8 March: eight days.",
    life="""
        ELB  L08  2016-01-01  2018-02-28
        ELB  L08  2018-03-09
    """,
    expected="2018-03  L08  elb_zugang 1  elb_abgang 1",
)
def test_L08_an_interruption_of_eight_days_is_an_exit_and_an_entry(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "L09",
    "LZB on the counting day with a § 16d work opportunity.",
    life="""
        ELB      L09-one  2016-01-01
        MEASURE  16d      2018-03-01  2018-08-31
    """,
    expected="2018-03  L09-one  lzb 1  lzb_amp 1",
)
def test_L09_a_work_opportunity_activates(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "L09",
    "Three LZB on the counting day with only § 16k coaching, a job with wage subsidy, and the placement budget.",
    life={
        "coaching": """
            ELB      L09-none  2016-01-01
            MEASURE  16k       2018-03-01  2018-08-31
        """,
        "wage-subsidy": """
            ELB      L09-none  2016-01-01
            MEASURE  16_egz    2018-03-01  2018-08-31
        """,
        "placement-budget": """
            ELB      L09-none  2016-01-01
            MEASURE  vb        2018-03-01  2018-08-31
        """,
    },
    expected="2018-03  L09-none  lzb 3  lzb_amp 0",
)
def test_L09_coaching_and_accompanying_support_and_the_placement_budget_do_not_activate(
    case: Case, country: Country
) -> None:
    assert country.eckwerte(case) == case.expected
    coaching = load_catalog().supports["16k"]
    assert coaching.aktiv == (False, False), "§ 16k has existed since 2023 only; it does not activate then either"


@case(
    "L09",
    "LZB in the programme Soziale Teilhabe since June 2018: an active measure from the reference month January 2019 on, whatever "
    "day it began.",
    life="""
        ELB      L09-turn  2016-01-01
        MEASURE  sozteil   2018-06-01
    """,
    expected="""
        2018-12  L09-turn  lzb 1  lzb_amp 0
        2019-01  L09-turn  lzb 1  lzb_amp 1
    """,
)
def test_L09_a_measure_is_classified_by_the_reference_month(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "L10",
    "LZB with a § 16d work opportunity and a § 16 measure on the same day.",
    life="""
        ELB      L10       2016-01-01
        MEASURE  16d       2018-03-01  2018-08-31
        MEASURE  16_sonst  2018-02-01  2018-04-30
    """,
    expected="2018-03  L10  lzb 1  lzb_amp 1",
)
def test_L10_two_measures_activate_a_person_once(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected
