"""The sample country: every computed cell is the expected one, and what is published of it is what was published before.

Published tables change when the rules of suppression do: `python tests/golden/renew.py` writes them anew.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest

from golden.golden_sample import HERE, KEYS, SAMPLE, as_csv, computed, published, run_sample
from pipeline import steps

pytestmark = pytest.mark.slow
EXPECTED_KEYS = {"eckwerte": KEYS["eckwerte"], "kennzahlen": ("ref_month", *KEYS["kennzahlen"])}
Cells = dict[tuple[str, ...], Mapping[str, Any]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> steps.Run:
    return run_sample(tmp_path_factory.mktemp("sample"))


def keyed(rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> Cells:
    cells = {tuple(str(row[name]) for name in key): row for row in rows}
    assert len(cells) == len(rows)
    return cells


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def agrees(value: Any, text: str) -> bool:
    """Tell whether a computed value is the one an expected table writes."""
    if value is None or text == "":
        return value is None and text == ""
    if isinstance(value, Decimal):
        return value == Decimal(text)
    return value == float(text) if isinstance(value, float) else str(value) == text


@pytest.mark.parametrize("name", ["eckwerte", "kennzahlen"])
def test_every_computed_cell_of_the_sample_is_the_expected_one(name: str, run: steps.Run) -> None:
    found = keyed(computed(run)[name], EXPECTED_KEYS[name])
    expected = keyed(read_csv((SAMPLE / f"{name}.csv").read_text(encoding="utf-8")), EXPECTED_KEYS[name])
    assert set(found) == set(expected)
    wrong = [
        f"{' '.join(key)}: {column} is {found[key][column]}, expected {text}"
        for key, row in expected.items()
        for column, text in row.items()
        if column in found[key] and not agrees(found[key][column], text)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", list(KEYS))
def test_what_is_published_of_the_sample_is_what_was_published_before(name: str, run: steps.Run) -> None:
    before = (HERE / f"sample_{name}.csv").read_text(encoding="utf-8")
    now = as_csv(published(run)[name])
    old, new = keyed(read_csv(before), KEYS[name]), keyed(read_csv(now), KEYS[name])
    assert set(new) == set(old)
    different = [
        f"{' '.join(key)}: {column} was {row[column] or 'empty'}, is {new[key][column] or 'empty'}"
        for key, row in old.items()
        for column in row
        if new[key].get(column) != row[column]
    ]
    hint = f"{len(different)} published cells changed; if that is meant: python tests/golden/renew.py"
    assert not different, "\n".join([hint, *different[:20]])
    assert now == before


def test_what_is_published_is_what_was_computed_or_withheld(run: steps.Run) -> None:
    own = keyed(computed(run)["kennzahlen"], KEYS["kennzahlen"])
    withheld = 0
    for key, row in keyed(published(run)["kennzahlen"], KEYS["kennzahlen"]).items():
        for column in ("zaehler", "nenner_summe", "wert", "wert_anzeige"):
            assert row[column] in (None, own[key][column]), (key, column)
        if row["grund"] != own[key]["grund"]:
            assert row["grund"] == "geheim", key
            assert row["wert"] is None, key
            withheld += 1
    assert withheld
