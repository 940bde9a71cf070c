"""Nobody who has all published tables, of several months too, can find out a count of one or two."""

from __future__ import annotations

import pytest

from pipeline.compare import Rules
from unit.compare.attacker import FAMILIES, Cell, disclosed, relations, truth_of
from unit.compare.world import CATALOG, World, random_world

RUNS = ("2018-07", "2018-08", "2018-09")
IDS = [family[0] for family in FAMILIES]


def found(
    world: World, family: tuple[str, ...], *, nobody_else: bool = True, rules: Rules | None = None
) -> tuple[int, list[Cell]]:
    """Return how many hidden small counts and small sums the attacker aims at, and those he finds."""
    tables = [world.disclosed(run, rules) for run in RUNS]
    releases = [{"eckwerte": t.eckwerte, "kennzahlen": t.kennzahlen, "reihe": t.reihe} for t in tables]
    truth = truth_of(world.tables(RUNS[-1])[0])
    system = relations(
        releases,
        truth,
        world.jobcenters,
        world.types,
        CATALOG.indicators,
        family,
        nobody_else=nobody_else,
        withheld=world.withheld,
    )
    everything = truth | dict(world.withheld)
    small = [cell for cell in system.unknown if everything.get(cell) in (1, 2)]
    targets = [*small, *system.sums]
    return len(targets), disclosed(system, everything, targets)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
@pytest.mark.parametrize("seed", [2, 3])
def test_two_laender_of_very_small_jobcenters(seed: int, family: tuple[str, ...]) -> None:
    targets, counts = found(random_world(seed), family)
    assert targets > 50
    assert counts == []


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
def test_three_laender_some_with_one_jobcenter_of_a_kind(family: tuple[str, ...]) -> None:
    targets, counts = found(random_world(13, units=9, laender=3, elb=(20, 120)), family)
    assert targets > 50
    assert counts == []


@pytest.mark.slow
def test_men_women_parts_and_wholes_do_not_hold_a_count_fast_together() -> None:
    targets, counts = found(random_world(7, elb=(40, 400)), FAMILIES[1])
    assert targets > 50
    assert counts == []


@pytest.mark.slow
@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[1], FAMILIES[6]], ids=["elb", "int", "bs_gering"])
def test_persons_who_are_neither_men_nor_women(family: tuple[str, ...]) -> None:
    _, counts = found(random_world(21, other_sex=0.02), family, nobody_else=False)
    assert counts == []


@pytest.mark.slow
@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[1], FAMILIES[6]], ids=["elb", "int", "bs_gering"])
def test_counts_that_the_publisher_withholds(family: tuple[str, ...]) -> None:
    _, counts = found(random_world(22, withheld=0.03), family)
    assert counts == []


@pytest.mark.slow
@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[1]], ids=["elb", "int"])
def test_missing_months(family: tuple[str, ...]) -> None:
    _, counts = found(random_world(23, gaps=0.02), family)
    assert counts == []


@pytest.mark.slow
@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[1]], ids=["elb", "int"])
def test_totals_of_vergleichstypen(family: tuple[str, ...]) -> None:
    _, counts = found(random_world(24, units=8, types=2), family)
    assert counts == []


@pytest.mark.slow
def test_the_attacker_finds_counts_that_are_only_hidden_where_they_stand() -> None:
    """The attacker is able: without the rules for sums and complements he finds what he aims at."""
    _, counts = found(random_world(2), FAMILIES[6], rules=Rules(complement=False, room=0, least_sum=0))
    assert counts
