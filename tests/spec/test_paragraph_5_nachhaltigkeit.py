# ruff: noqa: N802 - a test bears the id of its case
"""§ 5 Abs. 2 Nr. 3: is who took up insured employment still, or again, employed (cases N01 to N15, the cohort, X01 to X06).

Until 2019 (`@2011`, "Nachhaltigkeit der Integrationen"): insured employment on the check day twelve months later. Since 2019
(`@2019`, "Kontinuierliche Beschäftigung nach Integration"): on the check day of each of the six following months. The check
day is the last of the calendar month. Unless said otherwise the Integration is of April 2016 (start on 4 April): the check days
are 2017-04-30, and 2016-05-31 to 2016-10-31.

An expected row reads: month of the integration, jobcenter (in which nobody else lives), Integrationen into insured employment
(the denominator), those employed after twelve months, those employed in six months.
"""

from __future__ import annotations

from pipeline.catalog import load_catalog
from pipeline.months import add_months, month_range
from spec.cases import Case, case
from spec.formulas import calculated, in_force
from spec.world import Country


@case(
    "N01",
    "Employed from 2016-04-04 on, without end.",
    life="""
        ELB    N01  2015-01-01
        START  svb  2016-04-04
        JOB    101  2016-04-04
    """,
    expected="2016-04  N01  int_svb 1  svb_nach12 1  svb_kont6 1",
)
def test_N01_lasting_employment_fulfils_both(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N02",
    "Employed until 2016-06-15, then no more.",
    life="""
        ELB    N02  2015-01-01
        START  svb  2016-04-04
        JOB    101  2016-04-04  2016-06-15
    """,
    expected="2016-04  N02  int_svb 1  svb_nach12 0  svb_kont6 0",
)
def test_N02_employment_that_soon_ends_fulfils_neither(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N03",
    "Employed until 2016-06-15; with another employer from 2017-04-01 on.",
    life="""
        ELB    N03  2015-01-01
        START  svb  2016-04-04
        JOB    101  2016-04-04  2016-06-15
        JOB    101  2017-04-01
    """,
    expected="2016-04  N03  int_svb 1  svb_nach12 1  svb_kont6 0",
)
def test_N03_after_twelve_months_neither_the_gap_nor_the_new_employer_matters(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N04",
    "Employed until 2017-03-31, then no more.",
    life="""
        ELB    N04  2015-01-01
        START  svb  2016-04-04
        JOB    101  2016-04-04  2017-03-31
    """,
    expected="2016-04  N04  int_svb 1  svb_nach12 0  svb_kont6 1",
)
def test_N04_a_job_that_ends_in_the_twelfth_month_was_continuous_but_not_sustained(
    case: Case, country: Country
) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N05",
    "One employer until 2016-07-10, another from 2016-07-20 on: the gap lies between two check days.",
    life="""
        ELB    N05  2015-01-01
        START  svb  2016-04-04
        JOB    101  2016-04-04  2016-07-10
        JOB    101  2016-07-20
    """,
    expected="2016-04  N05  int_svb 1  svb_nach12 1  svb_kont6 1",
)
def test_N05_a_gap_between_two_check_days_is_not_seen(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N06",
    "One employer until 2016-07-25, another from 2016-08-05 on: not employed on 31 July.",
    life="""
        ELB    N06  2015-01-01
        START  svb  2016-04-04
        JOB    101  2016-04-04  2016-07-25
        JOB    101  2016-08-05
    """,
    expected="2016-04  N06  int_svb 1  svb_nach12 1  svb_kont6 0",
)
def test_N06_a_gap_on_a_check_day_ends_continuity(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N07",
    "Insured employment until 2016-05-10, since then marginal employment only (personengruppe 109).",
    life="""
        ELB    N07  2015-01-01
        START  svb  2016-04-04
        JOB    101  2016-04-04  2016-05-10
        JOB    109  2016-05-11
    """,
    expected="2016-04  N07  int_svb 1  svb_nach12 0  svb_kont6 0",
)
def test_N07_marginal_employment_on_the_check_day_is_not_enough(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N08",
    "Moves from N08-X to N08-Y in June 2016, employed throughout.",
    life="""
        ELB    N08-X  2015-01-01  2016-06-05
        ELB    N08-Y  2016-06-06
        START  svb    2016-04-04
        JOB    101    2016-04-04
    """,
    expected="""
        2016-04  N08-X  int_svb 1  svb_nach12 1  svb_kont6 1
        2016-04  N08-Y  int_svb 0  svb_nach12 0  svb_kont6 0
        2016-07  N08-Y  int_svb 0  svb_nach12 0  svb_kont6 0
    """,
)
def test_N08_who_moves_stays_with_the_credited_jobcenter(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N09",
    "Employed until death on 2016-12-01.",
    life="""
        ELB    N09  2015-01-01  2016-05-31
        START  svb  2016-04-04
        JOB    101  2016-04-04  2016-12-01
    """,
    expected="2016-04  N09  int_svb 1  svb_nach12 0  svb_kont6 1",
)
def test_N09_who_dies_stays_in_the_denominator(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N10",
    "Two persons reach the age limit of § 7a in January 2017: one works on (personengruppe 120), one retires.",
    life={
        "works-on": """
            BORN   1951-08-10
            ELB    N10  2015-01-01  2017-01-09
            START  svb  2016-04-04
            JOB    101  2016-04-04  2017-01-31
            JOB    120  2017-02-01
        """,
        "retires": """
            BORN   1951-08-10
            ELB    N10  2015-01-01  2017-01-09
            START  svb  2016-04-04
            JOB    101  2016-04-04  2017-01-31
        """,
    },
    expected="2016-04  N10  int_svb 2  svb_nach12 1  svb_kont6 2",
)
def test_N10_a_pensioner_who_works_on_is_sustained_and_one_who_retires_is_not(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N11",
    "The Integration was into self-employment; insured employment later does not matter.",
    life="""
        ELB    N11     2015-01-01
        START  selbst  2016-04-04
        JOB    101     2016-05-01
    """,
    expected="2016-04  N11  int 1  int_svb 0  svb_nach12 0  svb_kont6 0",
)
def test_N11_self_employment_is_outside_numerator_and_denominator(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N12",
    "Insured employment in Austria; insured employment in Germany later does not matter.",
    life="""
        ELB    N12  2015-01-01
        START  svb  2016-04-04  abroad
        JOB    101  2016-05-01
    """,
    expected="2016-04  N12  int 1  int_svb 0  svb_nach12 0  svb_kont6 0",
)
def test_N12_employment_abroad_is_an_integration_outside_numerator_and_denominator(
    case: Case, country: Country
) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N13",
    "Two Integrationen of one person, April and August 2016; employed on 2017-04-30, not on 2017-08-31.",
    life="""
        ELB    N13  2015-01-01
        START  svb  2016-04-04
        START  svb  2016-08-01
        JOB    101  2016-04-04  2016-07-20
        JOB    101  2016-08-01  2017-05-31
    """,
    expected="""
        2016-04  N13  int_svb 1  svb_nach12 1  svb_kont6 0
        2016-08  N13  int_svb 1  svb_nach12 0  svb_kont6 1
    """,
)
def test_N13_two_integrations_of_one_person_are_judged_separately(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N14",
    "Two persons whose first job ends in 2018 are in a § 16i job since 2019-01-02: one on the check day after twelve months, "
    "one on the last check days of six months.",
    life={
        "after-twelve-months": """
            ELB    N14  2015-01-01
            START  svb  2018-01-04
            START  svb  2019-01-02  support=16i
            JOB    101  2018-01-04  2018-11-30
            JOB    101  2019-01-02
            MEASURE  16i  2019-01-02
        """,
        "in-six-months": """
            ELB    N14  2015-01-01
            START  svb  2018-08-02
            START  svb  2019-01-02  support=16i
            JOB    101  2018-08-02  2018-12-31
            JOB    101  2019-01-02
            MEASURE  16i  2019-01-02
        """,
    },
    expected="""
        2018-01  N14  int_svb 1  svb_nach12 1
        2018-08  N14  int_svb 1  svb_kont6 1
        2019-01  N14  int_svb 0  bs_2am 2
    """,
)
def test_N14_a_supported_job_is_no_integration_but_counts_on_the_check_day(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "N15",
    "No insurance number: the employment statistics do not know the person.",
    life="""
        ELB    N15  2015-01-01
        START  svb  2016-04-04
    """,
    expected="2016-04  N15  int_svb 1  svb_nach12 0  svb_kont6 0",
)
def test_N15_who_cannot_be_found_stays_in_the_denominator(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


# The cohort. Base counts come in; an expected row reads: reference month, area, version, numerator / denominator, what is shown.

COHORT_OF_MARCH_2018 = """
    int_svb     2016-01..2018-03  0
    int_svb     2016-03  1
    int_svb     2016-04  10
    int_svb     2016-09  100
    int_svb     2016-10  1000
    int_svb     2017-03  10000
    int_svb     2017-04  100000
    int_svb     2017-09  1000000
    int_svb     2017-10  10000000
    svb_nach12  2016-01..2018-03  0
    svb_nach12  2016-03  1
    svb_nach12  2016-04  10
    svb_nach12  2017-03  10000
    svb_nach12  2017-04  100000
    svb_kont6   2016-01..2018-03  0
    svb_kont6   2016-09  100
    svb_kont6   2016-10  1000
    svb_kont6   2017-09  1000000
    svb_kont6   2017-10  10000000
"""


@case(
    "Cohort",
    "Every month has another power of ten, so that the sum tells which months are in it. March 2018 takes the Integrationen of "
    "2016-04 to 2017-03 (until 2019) and of 2016-10 to 2017-09 (since 2019); the months just outside do not enter.",
    eckwerte=COHORT_OF_MARCH_2018,
    expected="""
        2018-03  X  K2E3@2011  10010 / 11110      90.1
        2018-03  X  K2E3@2019  1001000 / 1111000  90.1
    """,
)
def test_cohort_numerator_and_denominator_are_the_same_twelve_months(case: Case) -> None:
    assert calculated(case) == case.expected


# The press release of 26 November 2018: 74.3 percent sustained Integrationen, rank 5 of 407.


@case(
    "X01",
    "The release counts as sustained: employed again twelve months later, not throughout, not with the same employer (N03).",
    expected="2016-04  N03  int_svb 1  svb_nach12 1",
)
def test_X01_employed_again_with_another_employer_is_sustained(case: Case, country: Country) -> None:
    assert country.eckwerte(case) == case.expected


@case(
    "X02",
    "Published in November 2018: the run for July 2018, which yields March 2018, that is the Integrationen of April 2016 to "
    "March 2017 and the check days of April 2017 to March 2018.",
    eckwerte="""
        int_svb     2016-01..2016-03  500
        int_svb     2016-04..2017-03  1
        int_svb     2017-04..2018-03  500
        svb_nach12  2016-01..2018-03  1
    """,
    expected="2018-03  X  K2E3@2011  12 / 12  100.0",
)
def test_X02_the_release_of_november_2018_judges_integrations_of_april_2016_to_march_2017(case: Case) -> None:
    assert calculated(case) == case.expected
    catalog = load_catalog()
    run_month = add_months("2018-11", -4)
    ref_month = add_months(run_month, -catalog.indicators["K2E3"].lag)
    assert (run_month, ref_month) == ("2018-07", "2018-03")
    first, last = (add_months(ref_month, n) for n in catalog.indicators["K2E3"].versions["@2011"][0].months)
    ahead = catalog.merkmale["svb_nach12"].needs["beschaeftigung"]
    checks = month_range(add_months(first, ahead[0]), add_months(last, ahead[1]))
    assert (checks[0], checks[-1]) == ("2017-04", "2018-03")


@case(
    "X03",
    "1,107 of 1,490 Integrationen into insured employment are sustained (invented counts).",
    eckwerte="""
        int_svb     2016-04           1490
        int_svb     2016-05..2017-03  0
        svb_nach12  2016-04           1107
        svb_nach12  2016-05..2017-03  0
    """,
    expected="2018-03  X  K2E3@2011  1107 / 1490  74.3",
)
def test_X03_the_rate_of_the_release_comes_from_two_counts(case: Case) -> None:
    assert calculated(case) == case.expected


@case(
    "X04",
    "As X03 in a jobcenter with 14,738 recipients (ELB and children), a figure that stands in the release, too.",
    eckwerte="""
        elb         2016-03..2018-03  14738
        int_svb     2016-04           1490
        int_svb     2016-05..2017-03  0
        svb_nach12  2016-04           1107
        svb_nach12  2016-05..2017-03  0
    """,
    expected="2018-03  X  K2E3@2011  1107 / 1490  74.3",
)
def test_X04_the_number_of_recipients_is_not_the_denominator(case: Case) -> None:
    assert calculated(case) == case.expected
    denominators = {below.merkmal for _, below in load_catalog().indicators["K2E3"].versions.values()}
    assert denominators == {"int_svb"}


@case(
    "X06",
    "The release of 2018 rests on the ordinance before its amendment of 22 March 2019; both versions are calculated.",
    eckwerte=COHORT_OF_MARCH_2018,
    expected="""
        2018-03  X  K2E3@2011  10010 / 11110      90.1
        2018-03  X  K2E3@2019  1001000 / 1111000  90.1
    """,
)
def test_X06_the_amended_definition_is_not_in_force_before_the_run_for_january_2019(case: Case) -> None:
    assert calculated(case) == case.expected
    for run_month, version in (("2018-07", "@2011"), ("2018-12", "@2011"), ("2019-01", "@2019")):
        in_force_then = {d for d in in_force(run_month) if d.startswith("K2E3@")}
        assert in_force_then == {f"K2E3{version}"}, run_month
