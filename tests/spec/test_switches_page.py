"""The page of the switches is current, and every assumption of the methodology is either a switch or has a reason not to be."""

from __future__ import annotations

from pipeline.catalog import load_catalog
from spec.cases import rows
from spec.switches_page import NOT_SELECTABLE, PAGE, page

REGISTER = rows("""
    zaehltag_calendar window_bounds publication_day k2e3neu_lag k2e3neu_label k2e3_cohort check_day month_test attrition
    oegb_at_check unlinked dual_training_in_svb gering_ausschliesslich k2e1_person_rule job_change_counts require_start_ge_entry
    group_at_vorstichtag newcomer_scope double_stock payment_month k1_sex sex_other exit_day rate_mean k3e2_person lzb_min_age
    list2019_from pgr_map agg gebietsstand vtyp_backcast rank_order rank_ties imputer zero_open suppress_complement secondary_rule
    dominance rounding_mode better_direction k2e3_switch
""")
"""The register of assumptions of methodology 3.13, with the switch of section 5."""


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load_catalog()), (
        "run: PYTHONPATH=tests python -m spec.switches_page"
    )


def test_every_assumption_is_a_switch_or_has_a_reason_not_to_be() -> None:
    switches = load_catalog().switches
    register = {name for line in REGISTER for name in line.split()}
    assert sorted(register - set(switches) - set(NOT_SELECTABLE)) == []
    assert sorted(set(switches) & set(NOT_SELECTABLE)) == []
