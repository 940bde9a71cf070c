"""Checks the computed tables and what is to be published against `expectations/ergebnis` and `expectations/veroeffentlichung`.

Reads tables only and writes nothing; what helper columns mean stands beside their SQL in `computed` and `release`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, Jobcenter, parts_and_wholes
from pipeline.check.computed import COMPUTED, KEYS
from pipeline.check.engine import Engine, unanswered
from pipeline.check.reconciled import ABGLEICH_ROWS, OPEN_ABGLEICH_ROWS
from pipeline.check.release import RELEASE, RELEASE_KEYS
from pipeline.check.suites import Suite, load_layer
from pipeline.check.verdict import RuleResult, Verdict
from pipeline.months import Zaehltage, add_months
from pipeline.store import OPENED
from pipeline.store.schema import arrow_schema

LAYER_COMPUTED = "ergebnis"
LAYER_RELEASE = "veroeffentlichung"
EXPECTED_ROWS = {
    (LAYER_COMPUTED, "bilanz"): "SELECT 3 * least(count(*), 1) FROM eckwerte WHERE ref_month = getvariable('before')",
    (LAYER_COMPUTED, "abgleich"): ABGLEICH_ROWS,
    (LAYER_RELEASE, "abgleich"): OPEN_ABGLEICH_ROWS,
}
"""How many rows a frame must have, for rules that say `rows_expected`."""
BETTER = {"higher": 1, "lower": -1, "none": 0}


def check_results(
    eckwerte: pa.Table,
    kennzahlen: pa.Table,
    vergleich: pa.Table,
    published: Mapping[str, pa.Table] | None,
    catalog: Catalog,
    expectations: Path,
    month: str,
    *,
    abgleich: pa.Table | None = None,
    zaehltage: Zaehltage | None = None,
    members: Sequence[Jobcenter] | None = None,
    memory_limit: str = "2GB",
    threads: int = 2,
    overflow: Path | None = None,
) -> Verdict:
    """Check the results of the run for `month` and, if given, the suppressed tables that would be published.

    `eckwerte` may hold several months (the one before is compared with), `abgleich` is the reconciliation of the run (by default
    none), `published` has the tables eckwerte, kennzahlen,
    vergleich and reihe; one that is absent counts as empty, which no suite lets pass. `members` are the
    jobcenters of the run's territory, by default those the registry knows as valid on S(month). What exceeds `memory_limit` goes
    to the folder `overflow`. Raises SuiteError for a suite that is not what Great Expectations would run.
    """
    released = published is not None
    limits: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads, "temp_directory": str(overflow or "")}
    connection = duckdb.connect(":memory:", config=limits)
    try:
        day = (zaehltage or Zaehltage()).stichtag(month)
        _register_catalog(
            connection, catalog, month, day, catalog.valid_jobcenters(day) if members is None else members
        )
        side_by_side = arrow_schema(catalog.results["abgleich"]).empty_table() if abgleich is None else abgleich
        tables = {"eckwerte": eckwerte, "kennzahlen": kennzahlen, "vergleich": vergleich, "abgleich": side_by_side}
        if published is not None:
            for name, shape in OPENED.items():
                empty = arrow_schema(catalog.results[shape]).empty_table()
                tables[f"open_{name}"] = published.get(name, empty)
        del eckwerte, kennzahlen, vergleich, abgleich, side_by_side, published
        _hold(connection, tables)
        suites = load_layer(expectations / LAYER_COMPUTED, COMPUTED)
        release = load_layer(expectations / LAYER_RELEASE, RELEASE) if released else {}
        engine = Engine()
        results = _evaluate(connection, engine, suites, COMPUTED, KEYS, month)
        results += _evaluate(connection, engine, release, RELEASE, RELEASE_KEYS, month)
    finally:
        connection.close()
    declared = sum(len(suite.rules) for suite in [*suites.values(), *release.values()])
    return Verdict("results and release" if released else "results", month, declared, tuple(results))


def _hold(connection: Any, tables: dict[str, pa.Table]) -> None:
    """Move tables into the database, their texts as places on one sorted list: joins and sorts then touch two bytes a text."""
    texts = {name: [f.name for f in table.schema if pa.types.is_string(f.type)] for name, table in tables.items()}
    words = {
        word for name, columns in texts.items() for c in columns for word in pc.unique(tables[name][c]).to_pylist()
    }
    connection.register("words", pa.table({"word": pa.array(sorted(words - {None}), pa.string())}))
    connection.execute("CREATE TYPE word AS ENUM (SELECT word FROM words)")
    for name in list(tables):
        connection.register("delivered", tables.pop(name))
        places = ", ".join(f'"{column}"::word AS "{column}"' for column in texts[name])
        replaced = f"REPLACE ({places})" if places else ""
        connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * {replaced} FROM delivered")
        connection.unregister("delivered")
    pa.default_memory_pool().release_unused()


def _frame(connection: Any, query: str) -> Any:
    """Return the answer to a query as a pandas frame with texts as such."""
    frame = connection.execute(query).df()
    return frame.astype(dict.fromkeys(frame.select_dtypes("category").columns, "str"))


def _evaluate(
    connection: Any,
    engine: Engine,
    suites: Mapping[str, Suite],
    frames: Mapping[str, str],
    keys: Mapping[str, tuple[str, ...]],
    month: str,
) -> list[RuleResult]:
    results: list[RuleResult] = []
    for table, suite in suites.items():
        try:
            frame = _frame(connection, frames[table])
        except duckdb.Error as problem:
            results += unanswered(suite, problem, ref_month=month, key=keys[table])
            continue
        parameters = {}
        if (suite.layer, table) in EXPECTED_ROWS:
            parameters = {"rows_expected": connection.execute(EXPECTED_ROWS[suite.layer, table]).fetchone()[0]}
        results += engine.evaluate(suite, frame, ref_month=month, key=keys[table], parameters=parameters)
        del frame
    return results


def _register_catalog(connection: Any, catalog: Catalog, month: str, day: date, members: Sequence[Jobcenter]) -> None:
    """Make the declarations available to the queries: registry, base counts, indicators, parts and wholes, the month."""
    connection.register(
        "registry",
        pa.table(
            {
                "jc_id": pa.array([j.jc_id for j in members], pa.string()),
                "land": pa.array([j.land for j in members], pa.string()),
                "traeger": pa.array([j.traeger for j in members], pa.string()),
                "typ": pa.array([catalog.vergleichstyp(j.jc_id, day) or None for j in members], pa.string()),
            }
        ),
    )
    connection.register("known_jobcenters", pa.table({"jc_id": pa.array(sorted(catalog.jobcenters), pa.string())}))
    connection.register(
        "merkmale",
        pa.table(
            {
                "merkmal": list(catalog.merkmale),
                "kind": [m.kind for m in catalog.merkmale.values()],
                "euro": [m.kind == "euro" for m in catalog.merkmale.values()],
            }
        ),
    )
    rows = [
        {
            "kennzahl": indicator.name,
            "definition": f"{indicator.name}{version}",
            "change": indicator.shown_as == "change",
            "better": BETTER[indicator.better],
            "euro": catalog.merkmale[numerator.merkmal].kind == "euro",
            "part": numerator.is_share_of(denominator),
        }
        for indicator in catalog.indicators.values()
        for version, (numerator, denominator) in indicator.versions.items()
    ]
    shares = {
        side.merkmal
        for i in catalog.indicators.values()
        for side, whole in i.versions.values()
        if side.is_share_of(whole)
    }
    connection.register(
        "parts",
        pa.Table.from_pylist(
            [{"part": p, "whole": w, "in_indicator": p in shares} for p, w in parts_and_wholes(catalog.merkmale)]
        ),
    )
    connection.register("indicators", pa.Table.from_pylist(rows))
    connection.execute(f"SET VARIABLE month = '{month}'")
    connection.execute(f"SET VARIABLE below = {int(catalog.switches['suppress_below'].value)}")
    connection.execute(f"SET VARIABLE zero_open = {bool(catalog.switches['zero_open'].value)}")
    connection.execute(f"SET VARIABLE imputer = {catalog.switches['imputer'].value == 'on'}")
    connection.execute(f"SET VARIABLE ties = '{catalog.switches['rank_ties'].value}'")
    connection.execute(f"SET VARIABLE half_even = {catalog.switches['rounding_mode'].value == 'half_even'}")
    connection.execute(f"SET VARIABLE before = '{add_months(month, -1)}'")
