# ruff: noqa: N802 - a test bears the id of its case
"""§ 5 Abs. 1 and Abs. 2 Nr. 1, 2: which starts are an Integration, in which month, credited to whom (cases I01 to I18).

The counting day is the 15th: the window of May 2017 is 16 April to 15 May. An expected row reads: month, credited jobcenter,
what the one event of the month counts as (`int` Integration, `int_svb` insured employment, `bs_gering` marginal employment,
`bs_2am` publicly supported employment). No row: no event in any month.
"""

from __future__ import annotations

from spec.cases import Case, case
from spec.world import Country


@case(
    "I01",
    "In stock since 2016; insured employment starts on 2 May.",
    life="""
        ELB    A    2016-01-01
        START  svb  2017-05-02
    """,
    expected="2017-05  A  int int_svb",
)
def test_I01_start_in_the_window_of_the_month_is_an_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I02",
    "As I01, but the start is on 20 May, after the counting day.",
    life="""
        ELB    A    2016-01-01
        START  svb  2017-05-20
    """,
    expected="2017-06  A  int int_svb",
)
def test_I02_start_after_the_counting_day_belongs_to_the_next_month(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I02",
    "As I01, but the start is on the counting day itself (one person) or on the day after (another).",
    life={
        "on-the-15th": """
            ELB    A    2016-01-01
            START  svb  2017-05-15
        """,
        "on-the-16th": """
            ELB    A    2016-01-01
            START  svb  2017-05-16
        """,
    },
    expected="""
        on-the-15th  2017-05  A  int int_svb
        on-the-16th  2017-06  A  int int_svb
    """,
)
def test_I02_the_counting_day_itself_still_belongs_to_its_month(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I03",
    "Two employers, starts on 2 and 10 May.",
    life="""
        ELB    A    2016-01-01
        START  svb  2017-05-02
        START  svb  2017-05-10
    """,
    expected="2017-05  A  int int_svb",
)
def test_I03_second_start_in_the_same_month_is_not_counted(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I04",
    "Starts on 2 and 20 May, still in stock on 15 May.",
    life="""
        ELB    A    2016-01-01
        START  svb  2017-05-02
        START  svb  2017-05-20
    """,
    expected="""
        2017-05  A  int int_svb
        2017-06  A  int int_svb
    """,
)
def test_I04_starts_in_two_months_are_two_integrations_of_one_person(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I05",
    "As I04, but benefits ended on 3 May: not in stock on 15 May.",
    life="""
        ELB    A    2016-01-01  2017-05-03
        START  svb  2017-05-02
        START  svb  2017-05-20
    """,
    expected="2017-05  A  int int_svb",
)
def test_I05_start_counts_only_for_who_was_in_stock_on_the_counting_day_before(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I06",
    "Entry on 1 May, first ever in stock on 15 May; start on 5 May.",
    life="""
        ELB    A    2017-05-01
        START  svb  2017-05-05
    """,
    expected="2017-06  A  int int_svb",
)
def test_I06_a_newcomers_start_before_the_first_counting_day_is_found_one_month_later(
    case: Case, country: Country
) -> None:
    assert country.events(case) == case.expected


@case(
    "I07",
    "As I06 with a second start on 1 June.",
    life="""
        ELB    A    2017-05-01
        START  svb  2017-05-05
        START  svb  2017-06-01
    """,
    expected="2017-06  A  int int_svb",
)
def test_I07_both_windows_of_a_newcomer_make_one_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I08",
    "Entry on 16 April, start on 2 May, exit on 5 May: in no stock.",
    life="""
        ELB    A    2017-04-16  2017-05-05
        START  svb  2017-05-02
    """,
    expected="",
)
def test_I08_who_is_in_no_stock_has_no_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I09",
    "A work opportunity (§ 16d) starts on 2 May.",
    life="""
        ELB    A      2016-01-01
        START  sonst  2017-05-02  support=16d
    """,
    expected="2017-05  A  bs_2am",
)
def test_I09_a_work_opportunity_is_publicly_supported_employment(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I10",
    "Supported job under the old § 16e, start on 20 November 2018.",
    life="""
        ELB    A    2016-01-01
        START  svb  2018-11-20  support=16e_alt
    """,
    expected="2018-12  A  bs_2am",
)
def test_I10_a_job_under_the_old_16e_is_publicly_supported_and_no_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I10",
    "Supported job under the new § 16e, start on 1 February 2019.",
    life="""
        ELB    A    2016-01-01
        START  svb  2019-02-01  support=16e_neu
    """,
    expected="2019-02  A  int int_svb",
)
def test_I10_a_job_under_the_new_16e_is_an_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I10",
    "The window of January 2019 begins on 16 December 2018: each start is classified by its own day. Old § 16e on 20 December, "
    "new § 16e on 10 January; a job of the programme Soziale Teilhabe on either day; a job under § 16i on 2 January.",
    life={
        "old-16e-in-december": """
            ELB    A    2016-01-01
            START  svb  2018-12-20  support=16e_alt
        """,
        "new-16e-in-january": """
            ELB    A    2016-01-01
            START  svb  2019-01-10  support=16e_neu
        """,
        "teilhabe-in-december": """
            ELB    A    2016-01-01
            START  svb  2018-12-20  support=sozteil
        """,
        "teilhabe-in-january": """
            ELB    A    2016-01-01
            START  svb  2019-01-10  support=sozteil
        """,
        "buergerarbeit-on-the-last-day": """
            ELB    A    2016-01-01
            START  svb  2018-12-31  support=buergerarbeit
        """,
        "16i-in-january": """
            ELB    A    2016-01-01
            START  svb  2019-01-02  support=16i
        """,
    },
    expected="""
        old-16e-in-december            2019-01  A  bs_2am
        new-16e-in-january             2019-01  A  int int_svb
        teilhabe-in-december           2019-01  A  bs_2am
        teilhabe-in-january            2019-01  A  bs_2am
        buergerarbeit-on-the-last-day  2019-01  A  bs_2am
        16i-in-january                 2019-01  A  bs_2am
    """,
)
def test_I10_in_a_window_over_the_turn_of_the_year_each_start_follows_the_list_of_its_day(
    case: Case, country: Country
) -> None:
    assert country.events(case) == case.expected


@case(
    "I11",
    "Supported job under § 16i, start on 1 February 2019.",
    life="""
        ELB    A    2016-01-01
        START  svb  2019-02-01  support=16i
    """,
    expected="2019-02  A  bs_2am",
)
def test_I11_a_job_under_16i_is_publicly_supported_and_no_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I12",
    "Insured employment with wage subsidy; self-employment with start-up allowance (§ 16b).",
    life={
        "wage-subsidy": """
            ELB    A       2016-01-01
            START  svb     2017-05-02  support=16_egz
        """,
        "start-up": """
            ELB    A       2016-01-01
            START  selbst  2017-05-02  support=16b
        """,
    },
    expected="""
        wage-subsidy  2017-05  A  int int_svb
        start-up      2017-05  A  int
    """,
)
def test_I12_accompanying_support_does_not_hinder_an_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I13",
    "Federal voluntary service starts on 2 May (insured employment in the employment statistics).",
    life="""
        ELB    A                   2016-01-01
        START  freiwilligendienst  2017-05-02
        JOB    123                 2017-05-02
    """,
    expected="",
)
def test_I13_voluntary_service_is_no_integration(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I14",
    "Marginal employment starts on 2 May, insured employment on 9 May.",
    life="""
        ELB    A       2016-01-01
        START  gering  2017-05-02
        START  svb     2017-05-09
    """,
    expected="2017-05  A  int int_svb bs_gering",
)
def test_I14_marginal_and_insured_employment_count_once_each(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I15",
    "School-based training with a recognised degree starts on 2 May.",
    life="""
        ELB    A           2016-01-01
        START  ausbildung  2017-05-02
    """,
    expected="2017-05  A  int",
)
def test_I15_qualifying_training_is_an_integration_but_not_insured_employment(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I16",
    "In stock of A on 15 April, moves to B on 1 May, start on 5 May, in stock of B on 15 May.",
    life="""
        ELB    A    2016-01-01  2017-04-30
        ELB    B    2017-05-01
        START  svb  2017-05-05
    """,
    expected="2017-05  A  int int_svb",
)
def test_I16_the_jobcenter_of_the_counting_day_before_is_credited_and_a_mover_is_no_newcomer(
    case: Case, country: Country
) -> None:
    assert country.events(case) == case.expected


@case(
    "I17",
    "Start on 2 May, recorded on 1 October; May is frozen on 15 August (another: recorded on that very day).",
    life={
        "too-late": """
            ELB    A    2016-01-01
            START  svb  2017-05-02  recorded=2017-10-01
        """,
        "in-time": """
            ELB    A    2016-01-01
            START  svb  2017-05-02  recorded=2017-08-15
        """,
    },
    expected="in-time  2017-05  A  int int_svb",
)
def test_I17_what_is_recorded_after_the_freeze_day_is_never_counted(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected


@case(
    "I18",
    "Insured employment of six hours a week ends after nine days; benefits go on.",
    life="""
        ELB    A    2016-01-01
        START  svb  2017-05-02
        JOB    101  2017-05-02  2017-05-10
    """,
    expected="2017-05  A  int int_svb",
)
def test_I18_hours_and_duration_and_the_end_of_benefits_do_not_matter(case: Case, country: Country) -> None:
    assert country.events(case) == case.expected
