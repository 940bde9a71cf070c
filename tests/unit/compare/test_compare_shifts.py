"""Hidden counts of one jobcenter that sexes, parts and wholes hold fast together, though each series alone could be shifted."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.compare.cube import ONE, Cube
from pipeline.compare.shifts import movable_counts

MONTHS = 37
JUNE = 0
PAIRS = (("int_svb", "int"),)


def cube(men: int, women: int, insured_women: int) -> Cube:
    """Return a jobcenter with 5 Integrationen of either sex a month, 4 of them insured; other counts in its first month."""
    values = np.zeros((2, 1, 3, MONTHS), dtype=np.int64)
    values[0, 0, 1:], values[1, 0, 1:] = 5 * ONE, 4 * ONE
    values[0, 0, 1, 0], values[0, 0, 2, 0], values[1, 0, 2, 0] = men * ONE, women * ONE, insured_women * ONE
    values[1, 0, 1, 0] = min(values[1, 0, 1, 0], values[0, 0, 1, 0])
    values[:, 0, 0] = values[:, 0, 1:].sum(axis=1)
    there = np.ones(values.shape, dtype=bool)
    return Cube(("int", "int_svb"), ("a",), 0, values, there, ~there, ~there, PAIRS, PAIRS, ())


def movable(found: Cube, *, total_open: bool, part_closed: bool = False, part_open: bool = False) -> bool:
    """Tell whether the women of `int` in the calendar month of the first one can be shifted."""
    hidden = np.ones((2, 1, 2, MONTHS), dtype=bool)
    hidden[0, :, 0] = not total_open
    hidden[1] = not part_open
    barred = np.zeros(hidden.shape, dtype=bool)
    barred[1] = part_closed
    return bool(movable_counts(found, 0, hidden, barred, ONE)[2, JUNE, 0, -1])


def test_women_are_shifted_against_men_if_neither_is_at_a_limit() -> None:
    assert movable(cube(men=3, women=2, insured_women=1), total_open=True)


def test_men_of_zero_below_a_published_total_do_not_keep_women_from_falling() -> None:
    assert movable(cube(men=0, women=2, insured_women=1), total_open=True)


def test_a_part_goes_along_with_its_whole() -> None:
    assert movable(cube(men=0, women=2, insured_women=2), total_open=True)


def test_women_whose_part_is_published_and_as_large_and_whose_men_are_zero_cannot_be_shifted() -> None:
    assert not movable(cube(men=0, women=2, insured_women=2), total_open=True, part_open=True)


@pytest.mark.parametrize("total_open", [True, False])
def test_a_part_that_is_zero_somewhere_cannot_go_along(total_open: bool) -> None:
    stuck = cube(men=0, women=2, insured_women=2)
    stuck.values[1, 0, :, 12] = 0
    assert movable(stuck, total_open=total_open) is not total_open


def test_a_part_of_which_nothing_is_published_holds_nothing() -> None:
    stuck = cube(men=0, women=2, insured_women=2)
    stuck.values[1, 0, :, 12] = 0
    assert movable(stuck, total_open=True, part_closed=True)


def test_what_is_missing_everywhere_in_a_calendar_month_cannot_be_shifted() -> None:
    gone = cube(men=3, women=2, insured_women=1)
    gone.present[0, 0, 2, JUNE::12] = False
    assert not movable(gone, total_open=False)
