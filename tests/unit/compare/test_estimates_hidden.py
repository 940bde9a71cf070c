"""An estimate tells no hidden count it was made from, however the estimates lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.months import add_months
from unit.compare.world import CATALOG, random_world

RUN = "2018-07"
Key = tuple[str, str, str, str]


def key_of(row: dict[str, str]) -> Key:
    return row["ref_month"], row["jc_id"], row["geschlecht"], row["merkmal"]


def bases(key: Key) -> list[Key]:
    """Return the own cells that an estimate of a cell can have been made from."""
    month, *rest = key
    back = (-12,) if CATALOG.merkmale[key[3]].kind == "event" else (-1, 1)
    return [(add_months(month, by), *rest) for by in back]  # type: ignore[misc]


@pytest.mark.parametrize("seed", [3, 4])
def test_no_open_estimate_rests_on_a_hidden_count(seed: int) -> None:
    world = random_world(seed)
    rng = np.random.default_rng(seed)
    never = {name for name, m in CATALOG.merkmale.items() if m.kind == "movement" or "beschaeftigung" in m.needs}
    rows = world.eckwerte.to_pylist()
    for row in rows:
        if row["wert"] is not None and row["merkmal"] not in never and rng.random() < 0.1:
            row["basis"] = "imputiert"
    marked = replace(world, eckwerte=pa.Table.from_pylist(rows, schema=world.eckwerte.schema))
    before = {key_of(r): r["wert"] for r in world.disclosed(RUN).eckwerte.to_pylist()}
    after = {key_of(r): r["wert"] for r in marked.disclosed(RUN).eckwerte.to_pylist()}
    estimates = [key_of(r) for r in rows if r["basis"] == "imputiert" and key_of(r) in after]
    had = {key_of(r) for r in rows if r["wert"] is not None}

    def telling(shown: dict[Key, object]) -> list[Key]:
        hidden = {key for key in had if key in shown and shown[key] is None}
        return [key for key in estimates if shown[key] is not None and hidden & set(bases(key))]

    assert telling(before)  # without the rule there would be such estimates
    assert telling(after) == []
