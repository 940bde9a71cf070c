"""Checks the deliveries of a month: profiles per unit, table by table and across tables, held against `expectations/lieferung`.

Plausibility never removes data: what fails here is published as a warning, only an engine that cannot answer blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.catalog import Catalog, parts_and_wholes
from pipeline.check.crosstable import TEMPORARY, ZUSAMMENHANG
from pipeline.check.engine import Engine, unanswered
from pipeline.check.profiles import PROFILES
from pipeline.check.staged import StagedMonths, database, open_month
from pipeline.check.suites import load_layer
from pipeline.check.verdict import RuleResult, Verdict
from pipeline.months import Zaehltage, add_months
from pipeline.store import Store

LAYER = "lieferung"
CROSS = "zusammenhang"
KEY = ("jc_id", "ref_month")


def check_deliveries(
    store: Store,
    month: str,
    staged: Mapping[str, Mapping[str, Mapping[str, Any]]],
    zaehltage: Zaehltage,
    catalog: Catalog,
    expectations: Path,
    *,
    months: Sequence[str] | None = None,
    valid_in: Callable[[str], Sequence[str]] | None = None,
    memory_limit: str = "2GB",
    threads: int = 2,
) -> Verdict:
    """Check what was delivered for `month` (or for each of `months`) and return the verdict.

    `staged` is the content of `runs/<m>/staged.json`, `expectations` the folder of the suites, `valid_in(month)` names the
    jobcenters of the run's territory, by default those the registry knows as valid. Each month is read with its two
    predecessors for comparisons; older months were checked by their own runs. Raises SuiteError for a suite that is not
    what Great Expectations would run.
    """
    suites = load_layer(expectations / LAYER, [*PROFILES, CROSS])
    engine = Engine()
    deliveries = StagedMonths(store.root, staged)
    lag = int(catalog.switches["folgt_spaeter_lag"].value)
    checked = list(months) if months is not None else [month]
    results: list[RuleResult] = []
    with database(store, memory_limit, threads) as connection:
        register_parts(connection, catalog)
        for ref_month in checked:
            bst_month = add_months(ref_month, -lag)
            open_month(connection, deliveries, ref_month, zaehltage, catalog, bst_month)
            day = zaehltage.stichtag(ref_month)
            valid = valid_in(ref_month) if valid_in else [j.jc_id for j in catalog.valid_jobcenters(day)]
            connection.register("jobcenters", pa.table({"jc_id": pa.array(valid, pa.string())}))
            for table, suite in suites.items():
                of_month = bst_month if table == "beschaeftigung" else ref_month
                expected = _expected(deliveries, table, of_month, catalog)
                try:
                    frame = profile(connection, table)
                except duckdb.Error as problem:
                    results += unanswered(suite, problem, ref_month=of_month, key=KEY)
                    continue
                results += engine.evaluate(
                    suite,
                    frame,
                    ref_month=of_month,
                    key=KEY,
                    parameters={"rows_expected": int(expected)},
                )
    return Verdict("deliveries", month, _declared(suites.values()) * len(checked), tuple(results))


def profile(connection: Any, table: str) -> Any:
    """Return the profile of a table of the opened month as a pandas frame, one row per unit."""
    if table != CROSS:
        return connection.execute(PROFILES[table]).df()
    for statement in TEMPORARY:
        connection.execute(statement)
    frame = connection.execute(ZUSAMMENHANG).df()
    connection.execute("DROP TABLE stock_0; DROP TABLE stock_1; DROP TABLE people_0")
    return frame


def _expected(deliveries: StagedMonths, table: str, month: str, catalog: Catalog) -> bool:
    """Tell whether silence about a table is remarkable: only if somebody has delivered it before."""
    if table == CROSS:
        return any(deliveries.ever_delivered(name, month) for name in catalog.person_tables)
    return deliveries.ever_delivered(table, month)


def register_parts(connection: Any, catalog: Catalog) -> None:
    """Make the declared parts and wholes known to the queries, as table `parts`."""
    pairs = parts_and_wholes(catalog.merkmale)
    connection.register("parts", pa.table({"part": [p for p, _ in pairs], "whole": [w for _, w in pairs]}))


def _declared(suites: Any) -> int:
    return sum(len(suite.rules) for suite in suites)
