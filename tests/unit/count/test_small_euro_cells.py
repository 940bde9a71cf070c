"""Which sums of euros rest on too few units of need, or on one above all."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.catalog import load_catalog
from pipeline.count.eckwerte import small_euro_cells

ROWS = [
    {"jc": "few", "sex": "T", "summe": "llu", "cents": 900, "bgs": 2, "groesste": 450},
    {"jc": "dominated", "sex": "T", "summe": "llu", "cents": 1000, "bgs": 30, "groesste": 501},
    {"jc": "half", "sex": "T", "summe": "llu", "cents": 1000, "bgs": 30, "groesste": 500},
    {"jc": "nobody", "sex": "T", "summe": "llu", "cents": 0, "bgs": 0, "groesste": 0},
]


@pytest.mark.parametrize(
    ("least", "dominance", "expected"),
    [(3, True, ["few", "dominated"]), (3, False, ["few"]), (31, False, ["few", "dominated", "half"])],
)
def test_few_units_of_need_or_a_dominant_one_make_a_sum_secret(
    least: int, dominance: bool, expected: list[str]
) -> None:
    found = small_euro_cells(
        {"2018-07": pa.Table.from_pylist(ROWS)}, load_catalog().merkmale.values(), least, dominance=dominance
    )
    assert [jc for _, jc, _, _ in found] == expected
