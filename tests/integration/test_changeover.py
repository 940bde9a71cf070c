"""The months around the amended ordinance: runs for 2018-12, 2019-01 and 2019-05 published one after the other.

K2E3 changes its definition with the run for 2019-01, the rates their support lists with the reference month 2019-01. Both
definitions of K2E3 are computed in every run, and no change to another month leads from one to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from worlds_run import catalog_of

from pipeline import steps
from pipeline.months import add_months
from reference import compute
from reference.worlds import World, make_world

pytestmark = [pytest.mark.slow, pytest.mark.thorough]

MONTHS = ("2018-12", "2019-01", "2019-05")
LISTS = {"K2", "K2E1", "K2E2", "K2E4", "K3E1", "K3E2"}


@dataclass(frozen=True)
class Published:
    """A world with the computed tables and the published pages of its three runs."""

    world: World
    runs: Mapping[str, Mapping[str, list[dict[str, Any]]]]
    sites: Mapping[str, Path]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    place = tmp_path_factory.mktemp("changeover")
    world = make_world(31, place / "world", run_month=MONTHS[-1], history=50, persons=260, features=())
    runs, sites = {}, {}
    for month in MONTHS:
        opened = steps.open_run(place / "store", month, [str(s) for s in world.sources])
        opened = replace(opened, declared=catalog_of(world.registry))
        opened = replace(opened, settings=replace(opened.settings, threads=1))
        sites[month] = Path(steps.run_all(opened)["release"]) / "site"
        paths = {name: opened.store.computed(name, month) for name in ("kennzahlen", "vergleich")}
        runs[month] = {name: pq.read_table(path).to_pylist() for name, path in paths.items()}
    return Published(world, runs, sites)


def exact(world: World, month: str) -> dict[tuple[str, str, str], Fraction]:
    rows = compute(world.sources, month, world.registry)[1]
    return {
        (r["gebiet"], r["definition"], r["geschlecht"]): r["wert_exakt"]
        for r in rows
        if r["ebene"] == "jobcenter" and r["wert_exakt"] is not None
    }


@pytest.mark.parametrize("month", MONTHS)
def test_both_definitions_are_computed_and_one_is_in_force(month: str, published: Published) -> None:
    rows = [r for r in published.runs[month]["kennzahlen"] if r["kennzahl"] == "K2E3"]
    assert {r["definition"] for r in rows} == {"K2E3@2011", "K2E3@2019"}
    assert {r["ref_month"] for r in rows} == {add_months(month, -4)}
    in_force = "K2E3@2011" if month < "2019-01" else "K2E3@2019"
    assert {r["definition"] for r in rows if r["in_kraft"]} == {in_force}


@pytest.mark.parametrize("month", MONTHS)
def test_the_rates_bear_the_version_of_their_reference_month(month: str, published: Published) -> None:
    versions = {r["kennzahl"]: r["definition"].split("@")[1] for r in published.runs[month]["kennzahlen"]}
    expected = "2011" if month < "2019-01" else "2019"
    assert {name: versions[name] for name in LISTS} == dict.fromkeys(LISTS, expected)
    others = set(versions) - LISTS - {"K2E3"}
    assert {versions[name] for name in others} == {"2011"}


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize(("column", "back"), [("aenderung_vormonat", 1), ("aenderung_vorjahr", 12)])
def test_changes_lead_from_each_definition_of_k2e3_to_itself(
    month: str, column: str, back: int, published: Published
) -> None:
    now, then = exact(published.world, month), exact(published.world, add_months(month, -back))
    told = {
        (r["jc_id"], r["definition"], r["geschlecht"]): r[column]
        for r in published.runs[month]["vergleich"]
        if r["kennzahl"] == "K2E3" and r[column] is not None
    }
    assert {definition for _, definition, _ in told} == {"K2E3@2011", "K2E3@2019"}
    for key, change in told.items():
        assert change == rounded(now[key] - then[key]), key


@pytest.mark.parametrize("month", MONTHS[1:])
def test_a_rate_continues_over_the_change_of_its_lists(month: str, published: Published) -> None:
    now, then = exact(published.world, month), exact(published.world, add_months(month, -12))
    told = [r for r in published.runs[month]["vergleich"] if r["kennzahl"] == "K2" and r["geschlecht"] == "T"]
    assert told
    for row in told:
        before = then[row["jc_id"], "K2@2011", "T"]
        assert row["aenderung_vorjahr"] == rounded(now[row["jc_id"], "K2@2019", "T"] - before)


@pytest.mark.parametrize("month", MONTHS)
def test_the_definition_in_force_leads_and_the_other_has_a_page_of_its_own(month: str, published: Published) -> None:
    older, newer = "Nachhaltigkeit der Integrationen", "Kontinuierliche Beschäftigung nach Integration"
    leading, other, version = (older, newer, "2019") if month < "2019-01" else (newer, older, "2011")
    site = published.sites[month]
    assert f"<h1>{leading}" in (site / "K2E3.html").read_text(encoding="utf-8")
    beside = (site / f"K2E3-{version}.html").read_text(encoding="utf-8")
    assert f"<h1>{other}" in beside
    assert f"Fassung {version}" in beside
    in_force = "2011" if version == "2019" else "2019"
    assert not (site / f"K2E3-{in_force}.html").exists()


def rounded(value: Fraction) -> Decimal:
    exact_tenths = Decimal(value.numerator * 10) / Decimal(value.denominator)
    tenths = exact_tenths.quantize(Decimal(1), ROUND_HALF_UP)
    return (tenths / 10).quantize(Decimal("0.1")) + 0
