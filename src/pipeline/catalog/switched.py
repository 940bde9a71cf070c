"""What selected switches change in the declarations: which deliveries base counts read, which months indicators divide.

How a switch changes the counting itself stands where the counting is; these are the parts of it that everybody must know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

from pipeline.catalog.model import Indicator, Merkmal, Side, Switch

STARTS = ("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb", "svb_nach12", "svb_kont6")
INTO_SVB = ("int", "int_svb", "int_allein", "int_lzb", "svb_nach12", "svb_kont6")
"""Counts of starts, and those of them that count Integrationen."""

DATING = ("k2e3neu_lag", "k2e3neu_label")
"""The switches that change for which month a run shows an indicator."""

PUBLISHED_AFTER = 4
"""Months between the month of a run and its publication (data contract, section 1)."""


def merkmale_as_selected(merkmale: Mapping[str, Merkmal], switches: Mapping[str, Switch]) -> dict[str, Merkmal]:
    """Return the base counts with the deliveries they read under the selected switches."""

    def chosen(name: str, value: str | int | bool) -> bool:
        return name in switches and switches[name].value == value

    result = dict(merkmale)

    def read(names: tuple[str, ...], table: str, first: int, last: int) -> None:
        for name in names:
            result[name] = replace(result[name], needs={**result[name].needs, table: (first, last)})

    def read_also(names: tuple[str, ...], table: str, first: int, last: int) -> None:
        for name in names:
            result[name] = replace(result[name], needs_also={**result[name].needs_also, table: (first, last)})

    if chosen("check_day", "anniversary"):
        read(("svb_nach12",), "beschaeftigung", 10, 12)
        if not chosen("month_test", "any_day"):
            read(("svb_kont6",), "beschaeftigung", -1, 6)
    if chosen("oegb_at_check", "fails"):
        for name in ("svb_nach12", "svb_kont6"):
            read((name,), "massnahme", *result[name].needs["beschaeftigung"])
    if chosen("window_bounds", "closed_left"):
        read(STARTS, "aufnahme", -1, 0)
    if chosen("require_start_ge_entry", True):
        read_also(STARTS, "leistungsbezug", -1, -1)
    if chosen("group_at_vorstichtag", False):
        read(("int_allein", "int_lzb"), "bestand", -2, 0)
        read(("int_lzb",), "leistungsbezug", -24, 0)
    if chosen("job_change_counts", False):
        read_also(INTO_SVB, "beschaeftigung", -2, 0)
    if chosen("gering_ausschliesslich", True):
        read_also(("bs_gering",), "beschaeftigung", -2, 0)
    if chosen("k3e2_person", "each"):
        result["lzb_amp"] = replace(result["lzb_amp"], part_of=())
    if chosen("k2e1_person_rule", "one_per_person") and chosen("job_change_counts", False):
        read_also(("bs_gering", "bs_2am"), "beschaeftigung", -2, 0)
    return result


def indicators_as_selected(indicators: Mapping[str, Indicator], switches: Mapping[str, Switch]) -> dict[str, Indicator]:
    """Return the indicators with the months and lags that the selected switches give K2E3."""
    result = dict(indicators)
    if "k3e2_person" in switches and switches["k3e2_person"].value == "each":
        versions = {v: (replace(above, part_of=()), below) for v, (above, below) in result["K3E2"].versions.items()}
        result["K3E2"] = replace(result["K3E2"], versions=versions)
    if "K2E3" not in result or not {"k2e3_cohort", "k2e3neu_lag", "k2e3neu_label"} <= set(switches):
        return result
    k2e3 = result["K2E3"]
    versions = dict(k2e3.versions)
    lag = int(switches["k2e3neu_lag"].value) - PUBLISHED_AFTER
    if not switches["k2e3_cohort"].value:
        versions = {v: (above, replace(below, months=(-11, 0))) for v, (above, below) in versions.items()}
    if switches["k2e3neu_label"].value == "integration_month":
        later = -versions["@2019"][0].months[1]
        versions["@2019"] = (_shifted(versions["@2019"][0], later), _shifted(versions["@2019"][1], later))
        lag += later
    result["K2E3"] = replace(k2e3, versions=versions, lags_by_version={"@2019": lag})
    return result


def lags_of(name: str, indicators: Mapping[str, Indicator], switches: Mapping[str, Switch]) -> frozenset[int]:
    """Return the months by which a version of an indicator lies before its run, under any selection of the dating switches."""
    positions = [[(n, value) for value in _values(switches[n])] for n in DATING if n in switches]
    lags = set()
    for chosen in product(*positions):
        positioned = {**switches, **{n: replace(switches[n], selected=value) for n, value in chosen}}
        indicator = indicators_as_selected(indicators, positioned)[name]
        lags |= {indicator.lag_of(version) for version in indicator.versions}
    return frozenset(lags)


def _values(switch: Switch) -> tuple[str | int | bool, ...]:
    return (switch.default, *switch.alternatives) if isinstance(switch.alternatives, tuple) else (switch.default,)


def _shifted(side: Side, months: int) -> Side:
    return replace(side, months=(side.months[0] + months, side.months[1] + months))
