"""Rows of some persons are exchanged piece by piece, and what comes out is what sorting everything would give."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from pipeline.count import recounting

ROWS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["11", "12"])), max_size=16)


def table(rows: list[tuple[int, str]]) -> pa.Table:
    ordered = sorted(rows)
    persons, units = pa.array([p for p, _ in ordered], pa.int64()), pa.array([jc for _, jc in ordered], pa.string())
    return pa.table({"person": persons, "jc": units})


@given(there=ROWS, new=ROWS, changed=st.sets(st.integers(0, 12)), rows=st.integers(1, 5))
def test_rows_of_persons_are_exchanged(
    there: list[tuple[int, str]], new: list[tuple[int, str]], changed: set[int], rows: int
) -> None:
    new = [row for row in new if row[0] in changed]
    state, now = table(there), table(new)
    theirs = pc.is_in(state["person"], value_set=pa.array(sorted(changed), pa.int64()))
    full = recounting.ROW_GROUP_ROWS
    recounting.ROW_GROUP_ROWS = rows
    try:
        spliced = pa.concat_tables(recounting._spliced(state, theirs, now))
    finally:
        recounting.ROW_GROUP_ROWS = full
    assert spliced.equals(table([row for row in there if row[0] not in changed] + new))
