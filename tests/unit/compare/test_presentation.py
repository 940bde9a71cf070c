"""What the switches of the comparison do: shared ranks, ties of rounding, how much is secret."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.calculate.rational import tenths
from pipeline.catalog import load_catalog
from pipeline.compare import Presentation, Rules
from pipeline.compare.exact import rounded
from pipeline.compare.ranks import median_tenths, ranks
from pipeline.compare.secrecy import small


@pytest.mark.parametrize(("ties", "expected"), [("min", [4, 2, 2, 1]), ("max", [4, 3, 3, 1]), ("dense", [3, 2, 2, 1])])
def test_equal_values_share_the_rank_that_the_switch_names(ties: str, expected: list[int]) -> None:
    values = np.array([5, 7, 7, 9])
    assert ranks(values, True, ties).tolist() == expected
    assert ranks(-values, False, ties).tolist() == expected


@pytest.mark.parametrize(
    ("over", "under", "up", "even"),
    [(5, 100, 1, 0), (15, 100, 2, 2), (25, 100, 3, 2), (-25, 100, -3, -2), (26, 100, 3, 3), (24, 100, 2, 2)],
)
def test_ties_go_away_from_zero_or_to_the_even_tenth(over: int, under: int, up: int, even: int) -> None:
    assert (rounded(10 * over, under), rounded(10 * over, under, half_even=True)) == (up, even)
    arrays = np.array([over]), np.array([under])
    assert (tenths(*arrays).tolist(), tenths(*arrays, half_even=True).tolist()) == ([up], [even])


def test_a_median_between_two_tenths_goes_to_the_even_one() -> None:
    values = np.array([0, 1]), [2, 3], [10, 10]
    assert (median_tenths(*values), median_tenths(*values, half_even=True)) == (3, 2)


def test_zero_is_as_secret_as_one_and_two_where_the_switch_says_so() -> None:
    counts = np.array([0, 100, 200, 300, -100])
    assert small(counts, 3).tolist() == [False, True, True, False, False]
    assert small(counts, 3, zero=True).tolist() == [True, True, True, False, False]


def test_rules_and_presentation_follow_the_selection() -> None:
    catalog = load_catalog()
    assert Presentation.of(catalog.switches) == Presentation()
    selected = catalog.with_switches(
        {
            "rank_ties": "dense",
            "rounding_mode": "half_even",
            "suppress_below": 5,
            "suppress_complement": False,
            "suppress_room": 2,
            "suppress_least_sum": 24,
            "zero_open": False,
        }
    )
    assert Presentation.of(selected.switches) == Presentation("dense", half_even=True)
    assert Rules.of(selected.switches) == Rules(5, complement=False, room=2, least_sum=24, zero=True)
