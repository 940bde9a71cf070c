"""Every declared rule on deliveries can fail, names the right unit, and is silent about a good world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from breaking_deliveries import BREAKS
from declared import EXPECTATIONS, declared, only
from delivered_world import BST, MONTH, SMALL, ZAEHLTAGE, Delivered, good_world, small_catalog

from pipeline.check import RuleResult, check_deliveries
from pipeline.check.deliveries import CROSS, KEY, profile, register_parts
from pipeline.check.engine import Engine
from pipeline.check.profiles import PROFILES
from pipeline.check.staged import StagedMonths, database, open_month
from pipeline.check.suites import Suite, load_layer
from pipeline.store import Store

TABLES = [*PROFILES, CROSS]
DECLARED = declared("lieferung", TABLES)


@pytest.fixture(scope="module")
def suites() -> dict[str, Suite]:
    return load_layer(EXPECTATIONS / "lieferung", TABLES)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def _checked(world: Delivered, table: str, suite: Suite, engine: Engine, root: Path) -> dict[str, RuleResult]:
    """Check one table of a world and return its results by rule id."""
    staged = StagedMonths(root, world.write(root))
    catalog = small_catalog()
    with database(Store(root), "1GB", 1) as connection:
        open_month(connection, staged, MONTH, ZAEHLTAGE, catalog, BST)
        valid = [j.jc_id for j in catalog.valid_jobcenters(ZAEHLTAGE.stichtag(MONTH))]
        connection.register("jobcenters", pa.table({"jc_id": valid}))
        register_parts(connection, catalog)
        frame = profile(connection, table)
    results = engine.evaluate(suite, frame, ref_month=MONTH, key=KEY, parameters={"rows_expected": 1})
    return {result.rule_id: result for result in results}


def test_a_way_to_break_it_is_known_for_every_declared_rule_and_no_other() -> None:
    assert sorted(BREAKS) == sorted(rule_id for _, rule_id in DECLARED)


@pytest.mark.parametrize("table", TABLES)
def test_a_good_world_breaks_no_rule(table: str, suites: dict[str, Suite], engine: Engine, tmp_path: Path) -> None:
    results = _checked(good_world(), table, suites[table], engine, tmp_path)
    assert {r.rule_id: (r.cells, r.observed, r.error) for r in results.values() if not r.success} == {}
    assert len(results) == len(suites[table].rules)


@pytest.mark.parametrize(("table", "rule_id"), DECLARED)
def test_the_rule_fails_on_what_it_forbids_and_names_the_unit(
    table: str, rule_id: str, suites: dict[str, Suite], engine: Engine, tmp_path: Path
) -> None:
    world = good_world()
    change, unit = BREAKS[rule_id]
    change(world)
    result = _checked(world, table, only(suites[table], rule_id), engine, tmp_path)[rule_id]
    assert not result.success
    assert result.error == ""
    if unit:
        assert unit in {cell.jc_id for cell in result.cells}
        assert SMALL not in {cell.jc_id for cell in result.cells} or unit == SMALL
        assert {cell.ref_month for cell in result.cells} == {BST if table == "beschaeftigung" else MONTH}


def _verdict(world: Delivered, root: Path, **options: Any) -> Any:
    return check_deliveries(Store(root), MONTH, world.write(root), ZAEHLTAGE, small_catalog(), EXPECTATIONS, **options)


def test_the_verdict_of_a_good_world_is_clean_and_complete(tmp_path: Path) -> None:
    verdict = _verdict(good_world(), tmp_path)
    assert verdict.declared == verdict.evaluated == len(DECLARED)
    assert verdict.to_findings() == []
    assert not verdict.blocking
    assert sorted(p.name for p in tmp_path.iterdir()) == ["staged", "tmp"]
    assert list((tmp_path / "tmp").iterdir()) == [], "the overflow folder is removed"


def test_the_same_world_gives_the_same_json_whatever_the_order_of_its_rows(tmp_path: Path) -> None:
    worlds = [good_world(), good_world()]
    for world in worlds:
        world.drop("leistungsbezug", 100)
    for rows in worlds[1].rows.values():
        rows.reverse()
    first, second = (_verdict(world, tmp_path / str(i)) for i, world in enumerate(worlds))
    assert first.to_json() == second.to_json()
    assert first.to_findings() == second.to_findings() != []


def test_a_store_without_any_delivery_raises_nothing_and_blocks_nothing(tmp_path: Path) -> None:
    verdict = _verdict(Delivered(), tmp_path)
    assert verdict.declared == verdict.evaluated
    assert not verdict.blocking
    assert verdict.failed == ()


def test_several_months_are_checked_each_with_every_rule(tmp_path: Path) -> None:
    verdict = _verdict(good_world(), tmp_path, months=["2018-06", MONTH])
    assert verdict.evaluated == verdict.declared == 2 * len(DECLARED)
    assert {r.ref_month for r in verdict.rules if r.table == "bestand"} == {"2018-06", MONTH}


def test_a_header_without_rows_is_a_delivery_and_breaks_only_rules_of_comparison(tmp_path: Path) -> None:
    world = good_world()
    world.drop("massnahme", 0)
    world.header_only.append(("massnahme", MONTH, "t04412"))
    failed = {r.rule_id for r in _verdict(world, tmp_path).failed}
    assert failed == {"MASSNAHME-ROWS-JUMP"}


def test_findings_name_unit_table_month_value_and_rule(tmp_path: Path) -> None:
    world = good_world()
    world.drop("leistungsbezug", 500)
    finding = next(f for f in _verdict(world, tmp_path).to_findings() if f.rule == "CROSS-STOCK-WITHOUT-PERIOD")
    assert (finding.step, finding.severity, finding.jc_id) == ("check", "warning", "t04412")
    assert (finding.table, finding.ref_month, finding.value) == ("zusammenhang", MONTH, "0.166667")
    assert "no period covering S(m)" in finding.message
