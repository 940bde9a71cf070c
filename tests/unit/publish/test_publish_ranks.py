"""Ranks of earlier releases are made again for the pages as the comparison makes them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from pipeline.compare.ranks import ranks
from pipeline.publish.comparison import _ranks
from pipeline.publish.wording import ROUNDED, SHARED_RANKS

VALUES = {"a": Decimal("20.4"), "b": Decimal("20.4"), "c": Decimal("19.0"), "d": Decimal("31.1"), "e": Decimal("31.1")}


@pytest.mark.parametrize("ties", sorted(SHARED_RANKS))
@pytest.mark.parametrize("higher", [True, False])
def test_equal_values_share_ranks_as_the_comparison_has_it(ties: str, higher: bool) -> None:
    tenths = np.array([int(value * 10) for value in VALUES.values()])
    assert list(_ranks(VALUES, higher, ties).values()) == ranks(tenths, higher, ties).tolist()


def test_every_way_to_rank_and_to_round_has_its_words() -> None:
    from pipeline.catalog import load_catalog

    for name, words in (("rank_ties", SHARED_RANKS), ("rounding_mode", ROUNDED)):
        switch = load_catalog().switches[name]
        assert set(words) == {switch.default, *switch.alternatives}
