"""Makes the staged files of a month readable as DuckDB views, an absent delivery as an empty view of the declared columns.

Knows where staged files lie and what the stage step said of each unit; what is looked for in them is said in `profiles`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.months import Zaehltage, add_months, first_day, last_day
from pipeline.store import Store, scan_of
from pipeline.store.schema import ARROW_TYPES

# Each view is a table of a month relative to the checked one: `bestand_1` is the stock of the month before. The employment
# notifications of m come `folgt_spaeter_lag` months later than the rest, so theirs is the newest month a run can have.
VIEWS: Mapping[str, tuple[int, ...]] = {
    "bestand": (0, 1, 2),
    "leistungsbezug": (0,),
    "aufnahme": (0,),
    "massnahme": (0,),
    "leistung": (0, 1),
    "eckwerte": (0, 1),
}
PSEUDONYMS = {"person": "person", "household": "bg"}
UNITS_SCHEMA = pa.schema(
    [
        ("tab", pa.string()),
        ("ref_month", pa.string()),
        ("unit", pa.string()),
        ("n_rows", pa.int64()),
        ("quarantined", pa.int64()),
        ("rejected", pa.string()),
    ]
)


class StagedMonths:
    """What `runs/<m>/staged.json` says: tables, months, files, accepted and rejected units."""

    def __init__(self, root: Path, staged: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        self._root = root
        self._staged = staged

    def file(self, table: str, month: str) -> Path | None:
        """Return the Parquet file of a table and month, None if no unit's delivery was accepted."""
        relative = self._staged.get(table, {}).get(month, {}).get("file")
        return self._root / relative if relative else None

    def ever_delivered(self, table: str, up_to: str) -> bool:
        """Tell whether any unit delivered the table for a month up to `up_to`; else nobody expects it."""
        return any(
            month <= up_to and (entry.get("units") or entry.get("rejected"))
            for month, entry in self._staged.get(table, {}).items()
        )

    def units(self, months: Sequence[str]) -> pa.Table:
        """Return one row per table, month and delivering unit: rows, quarantined rows, and why it was rejected."""
        rows: list[dict[str, Any]] = []
        for table in sorted(self._staged):
            for month in months:
                entry = self._staged[table].get(month, {})
                rejected = entry.get("rejected") or {}
                accepted = entry.get("units") or {}
                for unit in sorted({*accepted, *rejected}):
                    counts = accepted.get(unit, {})
                    rows.append(
                        {
                            "tab": table,
                            "ref_month": month,
                            "unit": unit,
                            "n_rows": int(counts.get("rows", 0)),
                            "quarantined": int(counts.get("quarantined", 0)),
                            "rejected": rejected.get(unit),
                        }
                    )
        return pa.Table.from_pylist(rows, schema=UNITS_SCHEMA)


@contextmanager
def database(store: Store, memory_limit: str, threads: int) -> Iterator[Any]:
    """Yield an in-memory DuckDB that overflows into the store, the only place a run may write."""
    with store.overflow("check") as overflow:
        connection = duckdb.connect(
            ":memory:", config={"memory_limit": memory_limit, "threads": threads, "temp_directory": str(overflow)}
        )
        try:
            connection.execute("SET enable_progress_bar = false")
            yield connection
        finally:
            connection.close()


def open_month(
    connection: Any, months: StagedMonths, month: str, zaehltage: Zaehltage, catalog: Catalog, bst_month: str
) -> None:
    """Create the views and variables that the profile queries of a month read."""
    for table, offsets in VIEWS.items():
        for offset in offsets:
            _view(connection, months, catalog, table, add_months(month, -offset), f"{table}_{offset}")
    _view(connection, months, catalog, "beschaeftigung", bst_month, "beschaeftigung_0")
    _view(connection, months, catalog, "aufnahme", bst_month, "aufnahme_bst")
    used = [add_months(month, -offset) for offset in (0, 1, 2)]
    used += [bst_month, add_months(bst_month, -1)]
    connection.register("units_arrow", months.units(list(dict.fromkeys(used))))
    connection.execute("CREATE OR REPLACE TEMP TABLE units AS SELECT * FROM units_arrow")
    connection.unregister("units_arrow")
    days = {
        "stichtag": zaehltage.stichtag(month),
        "stichtag_1": zaehltage.stichtag(add_months(month, -1)),
        "stichtag_2": zaehltage.stichtag(add_months(month, -2)),
        "freeze_day": zaehltage.freeze(month),
        "bst_first": first_day(bst_month),
        "bst_last": last_day(bst_month),
    }
    for name, day in days.items():
        connection.execute(f"SET VARIABLE {name} = DATE '{day.isoformat()}'")
    texts = {
        "ref_month": month,
        "ref_month_1": add_months(month, -1),
        "bst_month": bst_month,
        "bst_month_1": add_months(bst_month, -1),
    }
    for name, text in texts.items():
        connection.execute(f"SET VARIABLE {name} = '{text}'")
    lists = catalog.codelists
    codes = {
        "housing": [code for code, row in lists["rechtsgrundlagen"].items() if row["summe"] == "luh"],
        "not_insured": [code for code, row in lists["personengruppen"].items() if row["svb"] == "false"],
    }
    for name, values in codes.items():
        quoted = ", ".join(f"'{code}'" for code in values)
        connection.execute(f"SET VARIABLE {name} = [{quoted}]::VARCHAR[]")


def _view(connection: Any, months: StagedMonths, catalog: Catalog, table: str, month: str, name: str) -> None:
    file = months.file(table, month)
    connection.execute(f'DROP VIEW IF EXISTS "{name}"')
    if file is not None:
        connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM {scan_of([file])}')
        return
    columns = ", ".join(
        f'NULL::{sql} AS "{column}"' for column, sql in [("jc_id", "VARCHAR"), *_declared(catalog, table)]
    )
    connection.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} WHERE false')


def _declared(catalog: Catalog, table: str) -> Iterator[tuple[str, str]]:
    for column in catalog.tables[table].columns:
        if column.name != "jc_id":
            yield PSEUDONYMS.get(column.type, column.name), _sql_type(ARROW_TYPES[column.type])


def _sql_type(arrow: pa.DataType) -> str:
    if pa.types.is_decimal(arrow):
        return f"DECIMAL({arrow.precision}, {arrow.scale})"
    return {"string": "VARCHAR", "date32[day]": "DATE", "bool": "BOOLEAN", "int64": "BIGINT", "double": "DOUBLE"}[
        str(arrow)
    ]
