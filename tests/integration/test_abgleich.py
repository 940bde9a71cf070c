"""The reconciliation says of both routes what the independent reference says of them, cell by cell."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from worlds_run import run_counting

from reference import count
from reference.deliveries import MERKMALE
from reference.worlds import make_world

FEATURES = {"published_both", "signs", "published_conflict", "holes", "no_person", "merger", "bad_rows"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2])
def test_both_routes_stand_side_by_side_as_the_reference_knows_them(seed: int, tmp_path: Path) -> None:
    world = make_world(seed, tmp_path / "world", persons=60, history=30, features=FEATURES)
    counting = count(world.sources, world.run_month, world.registry)
    expected = {}
    for unit in counting.units:
        if not counting.delivers_persons(unit):
            continue
        for month in counting.months:
            for merkmal in MERKMALE:
                for sex in "TMF":
                    published = counting.published_value(unit, month, merkmal, sex)
                    if published is not None and counting.valid_parts(unit, month):
                        person = counting.person_value(unit, month, merkmal, sex)
                        expected[month, unit, sex, merkmal] = (*person, *published, *_apart(person[0], published[0]))
    run = run_counting(tmp_path / "store", world.run_month, world.sources, world.registry)
    computed = {
        (r["ref_month"], r["jc_id"], r["geschlecht"], r["merkmal"]): (
            r["wert_personen"],
            r["grund_personen"] or "",
            r["wert_veroeffentlicht"],
            r["grund_veroeffentlicht"] or "",
            r["differenz"],
            r["differenz_prozent"],
        )
        for r in pq.read_table(run.store.computed("abgleich", run.month)).to_pylist()
    }
    assert computed == expected
    assert any(row[4] for row in computed.values())
    assert any(row[1] for row in computed.values())
    assert any(row[3] for row in computed.values())
    assert list(computed) == sorted(computed)


def _apart(person: Decimal | None, published: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    if person is None or published is None:
        return None, None
    difference = person - published
    if not published:
        return difference, None
    exact = Fraction(difference) * 100 / abs(Fraction(published)) * (1 if published > 0 else -1)
    tenths = int(abs(exact) * 10 + Fraction(1, 2)) * (-1 if exact < 0 else 1)
    return difference, Decimal(tenths) / 10
