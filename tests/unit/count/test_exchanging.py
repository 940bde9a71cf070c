"""The persons between whose deliveries there is a difference are found, and their rows exchanged, piece by piece."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.count import recounting
from pipeline.count.engine import DuckDb, File, input_schema
from pipeline.count.recounting import Recounting, differing
from pipeline.store import Store

ROWS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["11", "12"])), max_size=16)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with DuckDb("200MB", 1, tmp_path_factory.mktemp("spill")) as opened:
        yield opened


def table(rows: list[tuple[int, str]]) -> pa.Table:
    ordered = sorted(rows)
    persons, units = pa.array([p for p, _ in ordered], pa.int64()), pa.array([jc for _, jc in ordered], pa.string())
    return pa.table({"person": persons, "jc": units})


@given(there=ROWS, new=ROWS, changed=st.sets(st.integers(0, 12)), rows=st.integers(1, 5))
def test_rows_of_persons_are_exchanged(
    there: list[tuple[int, str]], new: list[tuple[int, str]], changed: set[int], rows: int
) -> None:
    new = [row for row in new if row[0] in changed]
    state, persons = table(there), pa.array(sorted(changed), pa.int64())
    pieces = [state.slice(at, rows) for at in range(0, len(state), rows)]
    spliced = pa.concat_tables(recounting._spliced(pieces, persons, table(new)))
    assert spliced.equals(table([row for row in there if row[0] not in changed] + new))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=ROWS, asked=st.sets(st.integers(-1, 14)), rows=st.integers(1, 5), statistics=st.booleans())
def test_rows_of_persons_are_read(
    tmp_path: Path, there: list[tuple[int, str]], asked: set[int], rows: int, statistics: bool
) -> None:
    pq.write_table(table(there), tmp_path / "state.parquet", row_group_size=rows, write_statistics=statistics)
    found = recounting._rows_of(tmp_path / "state.parquet", pa.array(sorted(asked), pa.int64()))
    assert found.equals(table([row for row in there if row[0] in asked]))


OF_STOCK = st.fixed_dictionaries(
    {
        "jc_id": st.sampled_from(["11", "12"]),
        "person": st.one_of(st.none(), *[st.integers(0, 4)] * 9),
        "geschlecht": st.sampled_from(["M", "F", "", None]),
        "ist_elb": st.booleans(),
        "ist_alleinerziehend": st.one_of(st.none(), st.booleans()),
    }
)
SPELL = st.fixed_dictionaries(
    {
        "jc_id": st.sampled_from(["11", "12"]),
        "person": st.integers(0, 4),
        "von": st.just(date(2018, 1, 1)),
        "bis": st.sampled_from([None, date(2018, 1, 31), date(2018, 2, 28)]),
    }
)
KINDS = {"bestand": OF_STOCK, "leistungsbezug": SPELL}


@st.composite
def two_deliveries(draw: Any) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw rows of a kind and the same rows with some left out and others put in; mostly in the order of persons."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    rows = draw(st.lists(KINDS[kind], max_size=12))
    revised = [row for row in rows if draw(st.integers(0, 5))] + draw(st.lists(KINDS[kind], max_size=2))
    if draw(st.integers(0, 5)):
        rows, revised = (
            sorted(r, key=lambda row: -1 if row["person"] is None else row["person"]) for r in (rows, revised)
        )
    return kind, rows, revised


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(delivered=two_deliveries())
def test_the_persons_with_a_difference_are_found(
    engine: DuckDb,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    delivered: tuple[str, list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    monkeypatch.setattr("pipeline.count.arrays._BATCH", 3)
    kind, *deliveries = delivered
    files = [File(tmp_path / name) for name in ("alt.parquet", "neu.parquet")]
    for file, rows in zip(files, deliveries, strict=True):
        pq.write_table(pa.Table.from_pylist(rows, schema=input_schema(kind)), file.path, row_group_size=4)
    found = Recounting(Store(tmp_path), engine)._compared(kind, files[:1], files[1:])
    wanted = engine.run(differing(kind), {"alt": files[:1], "neu": files[1:]})["person"]
    assert sorted(found.to_pylist(), key=str) == sorted(wanted.to_pylist(), key=str)
