"""Whether a contender counted what we counted: every cell with a value of ours is equal, and it knows no cell that we do not."""

from __future__ import annotations

import duckdb
import pyarrow as pa

SHOWN = 10


class UnequalError(ValueError):
    """A contender counts otherwise than we do; the text names the first cells."""


def require_equal(name: str, ours: pa.Table, all_cells: pa.Table, theirs: pa.Table) -> int:
    """Compare two results (schema `country.RESULT`) and return the number of cells compared.

    A cell that `theirs` leaves out is zero. `all_cells` are the keys of all our cells, also of those that have a reason in the
    place of a value: contenders assume a complete country, so what they say about these is not looked at. Raises UnequalError.
    """
    connection = duckdb.connect()
    for alias, table in (("ours", ours), ("known", all_cells), ("theirs", theirs)):
        connection.register(alias, table)
    keys = "ref_month, jc_id, geschlecht, merkmal"
    twice = connection.sql(f"SELECT {keys}, count(*) FROM theirs GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL")
    unknown = connection.sql(
        f"SELECT {keys}, wert FROM theirs WHERE wert <> 0 AND ({keys}) NOT IN (SELECT {keys} FROM known)"
    )
    other = connection.sql(
        f"SELECT {keys}, ours.wert, coalesce(theirs.wert, 0) FROM ours LEFT JOIN theirs USING ({keys}) "
        "WHERE ours.wert <> coalesce(theirs.wert, 0) ORDER BY ALL"
    )
    for what, found in (("cells stand twice", twice), ("cells are none of ours", unknown), ("cells differ", other)):
        rows = found.fetchall()
        if rows:
            lines = "\n".join("  " + " ".join(str(v) for v in row) for row in rows[:SHOWN])
            raise UnequalError(f"{name}: {len(rows)} {what}; month, jobcenter, sex, merkmal, ours, theirs:\n{lines}")
    return len(ours)
