"""The assumptions of the methodology (3.13) that the reference can read in more than one way, by name, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Switches = Mapping[str, Any]

DEFAULTS: dict[str, Any] = {
    "zaehltag_calendar": "list",
    "window_bounds": "open_left",
    "check_day": "month_end",
    "month_test": "stichtag",
    "oegb_at_check": "counts",
    "dual_training_in_svb": False,
    "job_change_counts": True,
    "gering_ausschliesslich": False,
    "k2e1_person_rule": "per_category",
    "require_start_ge_entry": False,
    "group_at_vorstichtag": True,
    "newcomer_scope": "germany",
    "exit_day": "day_after",
    "bridged_days": 7,
    "lzb_min_days": 638,
    "lzb_min_age": "none",
    "k3e2_person": "once",
    "list2019_from": "2019-01",
    "k2e3_switch": "2019-01",
    "gebietsstand": "current",
    "k2e3_cohort": True,
    "k2e3neu_lag": 8,
    "k2e3neu_label": "sixth_check_month",
    "rounding_mode": "half_up",
}


def chosen(switches: Switches | None) -> dict[str, Any]:
    """Return every switch with its value; raises KeyError for one that the reference does not know."""
    if unknown := set(switches or ()) - set(DEFAULTS):
        raise KeyError(f"the reference has no switch {sorted(unknown)}")
    return DEFAULTS | dict(switches or {})
