"""How a run reads what the methodology leaves open, as far as expressions differ: the selected switches under names of their own.

What a switch does is said where the expression asks for it; lists, days and deliveries that switches change are inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pipeline.catalog import Switch

MONTH_END, ZAEHLTAG, ANNIVERSARY = "month_end", "zaehltag", "anniversary"


@dataclass(frozen=True)
class Readings:
    """The default of every field is the default of its switch (methodology 3.13)."""

    closed_left: bool = False
    exit_on_last_day: bool = False
    lzb_min_age: int = 0
    each_measure: bool = False
    check_day: str = MONTH_END
    any_day: bool = False
    oegb_fails: bool = False
    job_change_fails: bool = False
    gering_alone: bool = False
    one_per_person: bool = False
    from_entry_on: bool = False
    group_now: bool = False
    newcomer_here: bool = False
    fewest_units: int = 3

    @classmethod
    def of(cls, switches: Mapping[str, Switch]) -> Self:
        """Return the readings that the switches select."""
        age = switches["lzb_min_age"].value
        return cls(
            closed_left=switches["window_bounds"].value == "closed_left",
            exit_on_last_day=switches["exit_day"].value == "last_day",
            lzb_min_age=age if isinstance(age, int) else 0,
            each_measure=switches["k3e2_person"].value == "each",
            check_day=str(switches["check_day"].value),
            any_day=switches["month_test"].value == "any_day",
            oegb_fails=switches["oegb_at_check"].value == "fails",
            job_change_fails=switches["job_change_counts"].value is False,
            gering_alone=switches["gering_ausschliesslich"].value is True,
            one_per_person=switches["k2e1_person_rule"].value == "one_per_person",
            from_entry_on=switches["require_start_ge_entry"].value is True,
            group_now=switches["group_at_vorstichtag"].value is False,
            newcomer_here=switches["newcomer_scope"].value == "jobcenter",
            fewest_units=int(switches["suppress_below"].value),
        )

    @property
    def looks_before(self) -> bool:
        """Tell whether a start asks what employment there was around it."""
        return self.job_change_fails or self.gering_alone

    @property
    def anniversary(self) -> bool:
        """Tell whether every Integration has check days of its own."""
        return self.check_day == ANNIVERSARY
