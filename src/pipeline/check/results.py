"""Checks the computed tables and what is to be published against `expectations/ergebnis` and `expectations/veroeffentlichung`.

Reads tables only and writes nothing; what helper columns mean stands beside their SQL in `computed` and `release`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Catalog, Jobcenter, parts_and_wholes
from pipeline.check.computed import COMPUTED, KEYS
from pipeline.check.engine import Engine, unanswered
from pipeline.check.reconciled import ABGLEICH_ROWS, OPEN_ABGLEICH_ROWS
from pipeline.check.release import RELEASE, RELEASE_KEYS
from pipeline.check.suites import Suite, load_layer
from pipeline.check.verdict import RuleResult, Verdict
from pipeline.months import Zaehltage, add_months
from pipeline.store import OPENED, scan_of
from pipeline.store.schema import arrow_schema

LAYER_COMPUTED = "ergebnis"
LAYER_RELEASE = "veroeffentlichung"
EXPECTED_ROWS = {
    (LAYER_COMPUTED, "bilanz"): "SELECT 3 * least(count(*), 1) FROM eckwerte WHERE ref_month = getvariable('before')",
    (LAYER_COMPUTED, "abgleich"): ABGLEICH_ROWS,
    (LAYER_RELEASE, "abgleich"): OPEN_ABGLEICH_ROWS,
}
"""How many rows a frame must have, for rules that say `rows_expected`."""
READ = ("eckwerte", "kennzahlen", "vergleich", "abgleich")
"""The computed tables that the frames are made of."""
BETTER = {"higher": 1, "lower": -1, "none": 0}


def check_results(
    computed: Mapping[str, Sequence[Path]],
    published: Mapping[str, Sequence[Path]] | None,
    catalog: Catalog,
    expectations: Path,
    month: str,
    *,
    zaehltage: Zaehltage | None = None,
    members: Sequence[Jobcenter] | None = None,
    memory_limit: str = "2GB",
    threads: int = 2,
    overflow: Path | None = None,
) -> Verdict:
    """Check the results of the run for `month` and, if given, the suppressed tables that would be published.

    Both are Parquet files by table: `computed` has eckwerte (of several months: the one before is compared with), kennzahlen,
    vergleich and abgleich, `published` those of OPENED; a table without files counts as empty, which few suites let pass.
    `members` are the jobcenters of the run's territory, by default those the registry knows as valid on S(month). What exceeds
    `memory_limit` goes to the folder `overflow`. Raises SuiteError for a suite that is not what Great Expectations would run.
    """
    suites = load_layer(expectations / LAYER_COMPUTED, COMPUTED)
    release = load_layer(expectations / LAYER_RELEASE, RELEASE) if published is not None else {}
    engine = Engine()
    limits: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads, "temp_directory": str(overflow or "")}
    connection = duckdb.connect(":memory:", config=limits)
    try:
        day = (zaehltage or Zaehltage()).stichtag(month)
        _register_catalog(
            connection, catalog, month, day, catalog.valid_jobcenters(day) if members is None else members
        )
        tables = {name: (name, computed.get(name, ())) for name in READ}
        if published is not None:
            tables |= {f"open_{name}": (shape, published.get(name, ())) for name, shape in OPENED.items()}
        _hold(connection, tables, catalog)
        results = _evaluate(connection, engine, suites, COMPUTED, KEYS, month)
        results += _evaluate(connection, engine, release, RELEASE, RELEASE_KEYS, month)
    finally:
        connection.close()
    declared = sum(len(suite.rules) for suite in [*suites.values(), *release.values()])
    layer = "results" if published is None else "results and release"
    return Verdict(layer, month, declared, tuple(results))


def _hold(connection: Any, tables: Mapping[str, tuple[str, Sequence[Path]]], catalog: Catalog) -> None:
    """Read tables into the database, their texts as places on one sorted list: joins and sorts then touch two bytes a text.

    `tables` are the declared table that each is like, and its files. Raises FileNotFoundError.
    """
    sources, texts = {}, {}
    for name, (like, files) in tables.items():
        schemas = [pq.read_schema(file) for file in files] or [arrow_schema(catalog.results[like])]
        texts[name] = [field.name for field in schemas[0] if pa.types.is_string(field.type)]
        sources[name] = scan_of(files) if files else f"no_{name}"
        if not files:
            connection.register(sources[name], schemas[0].empty_table())
    words = " UNION ".join(
        f'SELECT DISTINCT "{c}" AS word FROM {sources[name]}' for name in tables for c in texts[name]
    )
    connection.execute(f"CREATE TYPE word AS ENUM (SELECT word FROM ({words}) WHERE word IS NOT NULL ORDER BY word)")
    for name, source in sources.items():
        places = ", ".join(f'"{column}"::word AS "{column}"' for column in texts[name])
        connection.execute(f"CREATE TEMP VIEW {name} AS SELECT * REPLACE ({places}) FROM {source}")


class _Frame:
    """The answer to a query, one row for each cell of all months: it stays in the database, a rule is given its own columns."""

    def __init__(self, connection: Any, query: str, key: Sequence[str]) -> None:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE frame AS {query}")
        self._connection = connection
        self._names = [row[0] for row in connection.execute("DESCRIBE frame").fetchall()]
        self._key = self._read(key)

    def of(self, suite: Suite) -> Any:
        """Return a pandas frame of the key and of the columns that the rules of a suite speak of, in the order of the query."""
        spoken = {word for rule in suite.rules for word in _texts_in(rule.kwargs)}
        more = [name for name in self._names if name in spoken and name not in self._key]
        return self._key.assign(**self._read(more)) if more else self._key.copy(deep=False)

    def _read(self, names: Sequence[str]) -> Any:
        columns = ", ".join(f'"{name}"' for name in names)
        read = self._connection.execute(f"SELECT {columns} FROM frame").df()
        return read.astype(dict.fromkeys(read.select_dtypes("category").columns, "str"))


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
            frame = _Frame(connection, frames[table], keys[table])
        except duckdb.Error as problem:
            results += unanswered(suite, problem, ref_month=month, key=keys[table])
            continue
        parameters = {}
        if (suite.layer, table) in EXPECTED_ROWS:
            parameters = {"rows_expected": connection.execute(EXPECTED_ROWS[suite.layer, table]).fetchone()[0]}
        for single in suite.singles():
            results += engine.evaluate(
                single, frame.of(single), ref_month=month, key=keys[table], parameters=parameters
            )
        del frame
    return results


def _texts_in(value: Any) -> Iterator[str]:
    """Yield every text in the arguments of a rule, the names of columns among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | Sequence):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_in(part)


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
