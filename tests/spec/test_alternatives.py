# ruff: noqa: N802 - a test bears the id of its case
"""What the switches make of the worked cases: the same lives and base counts, another reading, another result."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.months import add_months
from spec import test_paragraph_4_und_formeln as formulas
from spec import test_paragraph_5_integrationen as starts
from spec import test_paragraph_5_nachhaltigkeit as lasting
from spec import test_paragraph_6_langzeitleistungsbezug as long_term
from spec.cases import Case
from spec.formulas import calculated, in_force
from spec.world import Country

pytestmark = pytest.mark.slow


def events(country: Country, place: Path, switch: str, case: Case) -> list[str]:
    return country.under(switch, place / "store").events(case)


def eckwerte(country: Country, place: Path, switch: str, case: Case, expected: str) -> None:
    other = case.expecting(expected)
    assert country.under(switch, place / "store").eckwerte(other) == other.expected


def test_I02_closed_left_the_counting_day_begins_the_next_month(country: Country, tmp_path: Path) -> None:
    case: Case = starts.test_I02_the_counting_day_itself_still_belongs_to_its_month.case
    found = events(country, tmp_path, "window_bounds=closed_left", case)
    assert found == ["on-the-15th 2017-06 A int int_svb", "on-the-16th 2017-06 A int int_svb"]


def test_I14_one_per_person_the_integration_alone_counts(country: Country, tmp_path: Path) -> None:
    case: Case = starts.test_I14_marginal_and_insured_employment_count_once_each.case
    assert events(country, tmp_path, "k2e1_person_rule=one_per_person", case) == ["2017-05 A int int_svb"]


def test_I15_dual_training_is_insured_employment_too(country: Country, tmp_path: Path) -> None:
    case: Case = starts.test_I15_qualifying_training_is_an_integration_but_not_insured_employment.case
    assert events(country, tmp_path, "dual_training_in_svb=true", case) == ["2017-05 A int int_svb"]


def test_I16_a_mover_is_a_newcomer_in_the_other_jobcenter(country: Country, tmp_path: Path) -> None:
    case: Case = starts.test_I16_the_jobcenter_of_the_counting_day_before_is_credited_and_a_mover_is_no_newcomer.case
    found = events(country, tmp_path, "newcomer_scope=jobcenter", case)
    assert found == ["2017-05 A int int_svb", "2017-06 B int int_svb"]


def test_I10_the_newer_lists_from_december_on_know_no_old_buergerarbeit(country: Country, tmp_path: Path) -> None:
    case: Case = starts.test_I10_in_a_window_over_the_turn_of_the_year_each_start_follows_the_list_of_its_day.case
    found = events(country, tmp_path, "list2019_from=2018-12", case)
    assert "buergerarbeit-on-the-last-day 2019-01 A int int_svb" in found
    assert [line for line in found if "buergerarbeit" not in line] == [
        line for line in case.expected if "buergerarbeit" not in line
    ]


def test_N06_on_any_day_of_the_month_the_gap_is_invisible(country: Country, tmp_path: Path) -> None:
    case: Case = lasting.test_N06_a_gap_on_a_check_day_ends_continuity.case
    expected = "2016-04  N06  int_svb 1  svb_nach12 1  svb_kont6 1"
    eckwerte(country, tmp_path, "month_test=any_day", case, expected)


def test_N06_on_the_counting_days_the_gap_is_invisible(country: Country, tmp_path: Path) -> None:
    case: Case = lasting.test_N06_a_gap_on_a_check_day_ends_continuity.case
    expected = "2016-04  N06  int_svb 1  svb_nach12 1  svb_kont6 1"
    eckwerte(country, tmp_path, "check_day=zaehltag", case, expected)


def test_N06_on_the_anniversaries_the_gap_is_seen(country: Country, tmp_path: Path) -> None:
    """The start was on 4 April, the fourth month after it ends on 4 August, the day before the new job."""
    case: Case = lasting.test_N06_a_gap_on_a_check_day_ends_continuity.case
    expected = "2016-04  N06  int_svb 1  svb_nach12 1  svb_kont6 0"
    eckwerte(country, tmp_path, "check_day=anniversary", case, expected)


def test_N14_a_supported_job_on_the_check_day_fails(country: Country, tmp_path: Path) -> None:
    case: Case = lasting.test_N14_a_supported_job_is_no_integration_but_counts_on_the_check_day.case
    expected = """
        2018-01  N14  int_svb 1  svb_nach12 0
        2018-08  N14  int_svb 1  svb_kont6 0
    """
    eckwerte(country, tmp_path, "oegb_at_check=fails", case, expected)


def test_L01_638_days_are_too_few_for_the_threshold_rounded_up(country: Country, tmp_path: Path) -> None:
    case: Case = long_term.test_L01_638_days_make_a_long_term_beneficiary.case
    found = country.under("lzb_min_days=639", tmp_path / "store").long_term(case)
    assert found == ["2018-03 638 ELB -"]


def test_L07_without_bridging_seven_days_are_an_exit_and_an_entry(country: Country, tmp_path: Path) -> None:
    case: Case = long_term.test_L07_an_interruption_of_seven_days_is_no_movement.case
    eckwerte(country, tmp_path, "bridged_days=0", case, "2018-03  L07  elb_zugang 1  elb_abgang 1  lzb 1")


def test_L10_each_measure_counts(country: Country, tmp_path: Path) -> None:
    case: Case = long_term.test_L10_two_measures_activate_a_person_once.case
    eckwerte(country, tmp_path, "k3e2_person=each", case, "2018-03  L10  lzb 1  lzb_amp 2")


def test_R11_a_tie_goes_to_the_even_tenth() -> None:
    case: Case = formulas.test_R11_a_tie_is_rounded_away_from_zero.case
    assert calculated(case, {"rounding_mode": "half_even"}) == [
        "2018-07 X K3E2@2011 297 / 400 74.2",
        "2018-07 X K1E2@2011 103 / 400 -74.2",
    ]


def test_cohort_the_literal_reading_divides_by_the_last_twelve_months() -> None:
    given: Case = lasting.test_cohort_numerator_and_denominator_are_the_same_twelve_months.case
    case = given.expecting("""
        2018-03  X  K2E3@2011  10010 / 11100000    0.1
        2018-03  X  K2E3@2019  1001000 / 11100000  9.0
    """)
    assert calculated(case, {"k2e3_cohort": "false"}) == case.expected


def test_cohort_the_label_alone_changes_with_the_month_of_the_integrations() -> None:
    given: Case = lasting.test_cohort_numerator_and_denominator_are_the_same_twelve_months.case
    case = given.expecting("2017-09  X  K2E3@2019  1001000 / 1111000  90.1")
    assert calculated(case, {"k2e3neu_label": "integration_month"}) == case.expected


def test_X06_the_definition_in_force_changes_with_the_run_that_the_switch_names() -> None:
    for switched in ("2018-12", "2019-06"):
        selection = {"k2e3_switch": switched}
        assert "K2E3@2011" in in_force(add_months(switched, -1), selection)
        assert "K2E3@2019" in in_force(switched, selection)
        assert "K2E3@2011" not in in_force(switched, selection)
