"""Every declared rule on results and on the release can fail, and is silent about a good country."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa
import pytest
from breaking_results import BREAKS, UNBREAKABLE
from counted_country import MONTH, Country, catalog_of_country, good_country
from declared import EXPECTATIONS, declared, only

from pipeline.check import RuleResult, Verdict, check_results
from pipeline.check.computed import COMPUTED, KEYS
from pipeline.check.engine import Engine
from pipeline.check.release import RELEASE, RELEASE_KEYS
from pipeline.check.results import _evaluate, _register_catalog
from pipeline.check.suites import Suite, load_layer
from pipeline.months import Zaehltage

LAYERS = {"ergebnis": COMPUTED, "veroeffentlichung": RELEASE}
Check: TypeAlias = Callable[[Country], Verdict]
DECLARED = [(layer, table, rule_id) for layer, frames in LAYERS.items() for table, rule_id in declared(layer, frames)]


@pytest.fixture(scope="module")
def suites() -> dict[str, dict[str, Suite]]:
    return {layer: load_layer(EXPECTATIONS / layer, frames) for layer, frames in LAYERS.items()}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def _checked(country: Country, layer: str, table: str, suite: Suite, engine: Engine) -> dict[str, RuleResult]:
    catalog = catalog_of_country()
    connection = duckdb.connect(":memory:")
    day = Zaehltage().stichtag(MONTH)
    _register_catalog(connection, catalog, MONTH, day, catalog.valid_jobcenters(day))
    eckwerte, kennzahlen, vergleich, published = country.tables(catalog)
    tables: dict[str, pa.Table] = {"eckwerte": eckwerte, "kennzahlen": kennzahlen, "vergleich": vergleich}
    tables["abgleich"] = country.reconciled(catalog)
    tables |= {f"open_{name}": table for name, table in published.items()}
    for name, arrow in tables.items():
        connection.register(name, arrow)
    keys = KEYS if layer == "ergebnis" else RELEASE_KEYS
    results = _evaluate(connection, engine, {table: suite}, LAYERS[layer], keys, MONTH)
    connection.close()
    return {result.rule_id: result for result in results}


def test_a_way_to_break_it_is_known_for_every_declared_rule_and_no_other() -> None:
    assert sorted([*BREAKS, *UNBREAKABLE]) == sorted(rule_id for _, _, rule_id in DECLARED)


@pytest.mark.parametrize(("layer", "table", "rule_id"), [d for d in DECLARED if d[2] not in UNBREAKABLE])
def test_the_rule_fails_on_what_it_forbids(
    layer: str, table: str, rule_id: str, suites: dict[str, dict[str, Suite]], engine: Engine
) -> None:
    country = good_country()
    BREAKS[rule_id](country)
    result = _checked(country, layer, table, only(suites[layer][table], rule_id), engine)[rule_id]
    assert not result.success
    assert result.error == ""


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def check(country: Country) -> Verdict:
        catalog = catalog_of_country()
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        return check_results(*country.files(catalog, folder), catalog, EXPECTATIONS, MONTH)

    return check


def test_a_good_country_breaks_no_rule_and_every_rule_is_evaluated(check: Check) -> None:
    verdict = check(good_country())
    assert {r.rule_id: (r.cells[:2], r.observed, r.error) for r in verdict.failed} == {}
    assert verdict.declared == verdict.evaluated == len(DECLARED)
    assert not verdict.blocking


def test_a_small_published_count_blocks_and_the_finding_names_the_cell(check: Check) -> None:
    country = good_country()
    row = next(r for r in country.published["eckwerte"] if (r["jc_id"], r["merkmal"]) == ("t04412", "int_svb"))
    row["wert"] = 2
    verdict = check(country)
    assert verdict.blocking
    finding = next(f for f in verdict.to_findings() if f.rule == "OPEN-EW-SMALL")
    assert (finding.severity, finding.jc_id, finding.ref_month) == ("critical", "t04412", "2018-06")
    assert "int_svb/T" in finding.message


def test_a_table_that_was_not_handed_over_counts_as_empty_and_blocks(check: Check) -> None:
    country = good_country()
    del country.published["reihe"]
    assert "OPEN-SERIES-NOTHING" in {r.rule_id for r in check(country).failed if r.blocking}


def test_without_a_release_only_the_computed_tables_are_checked(tmp_path: Path) -> None:
    catalog = catalog_of_country()
    computed, _ = good_country().files(catalog, tmp_path)
    del computed["abgleich"]
    verdict = check_results(computed, None, catalog, EXPECTATIONS, MONTH)
    assert verdict.evaluated == verdict.declared == len([d for d in DECLARED if d[0] == "ergebnis"])
    assert not verdict.blocking


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    catalog = catalog_of_country()
    computed, published = good_country().files(catalog, tmp_path)
    computed["kennzahlen"][0].unlink()
    with pytest.raises(FileNotFoundError, match=r"kennzahlen/0\.parquet"):
        check_results(computed, published, catalog, EXPECTATIONS, MONTH)


def test_a_rule_on_a_column_that_is_not_there_blocks(suites: dict[str, dict[str, Suite]], engine: Engine) -> None:
    suite = only(suites["ergebnis"]["eckwerte"], "EW-SEX")
    raw = deepcopy(dict(suite.raw))
    raw["expectations"][0]["kwargs"]["column"] = "sexus"
    other = replace(suite, raw=raw, rules=(replace(suite.rules[0], kwargs=raw["expectations"][0]["kwargs"]),))
    result = _checked(good_country(), "ergebnis", "eckwerte", other, engine)["EW-SEX"]
    assert "sexus" in result.error
    assert result.blocking


def test_more_broken_cells_than_are_named_end_in_one_finding_with_their_number(check: Check) -> None:
    country = good_country()
    for row in country.eckwerte:
        row["basis"] = "geraten"
    findings = [f for f in check(country).to_findings() if f.rule == "EW-BASIS"]
    assert sum(f.count for f in findings) == len(country.eckwerte)
    assert max(f.count for f in findings) == len(country.eckwerte) - 50


def test_the_order_of_the_rows_changes_nothing(check: Check) -> None:
    first, second = good_country(), good_country()
    for country in (first, second):
        country.published["eckwerte"][7]["wert"] = 1
    for rows in (second.eckwerte, second.kennzahlen, second.vergleich, *second.published.values()):
        rows.reverse()
    assert check(first).to_json() == check(second).to_json()


def test_the_folder_of_suites_holds_what_is_checked_and_nothing_else() -> None:
    found = sorted(p.relative_to(EXPECTATIONS).as_posix() for p in Path(EXPECTATIONS).rglob("*.json"))
    deliveries = ["aufnahme", "beschaeftigung", "bestand", "eckwerte", "leistung", "leistungsbezug", "massnahme"]
    expected = [f"{layer}/{table}.json" for layer, frames in LAYERS.items() for table in frames]
    assert found == sorted([*expected, *(f"lieferung/{table}.json" for table in [*deliveries, "zusammenhang"])])
