"""Two releases, before and after revised deliveries, of a month or two: side by side they tell no count that each of them hides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pytest

from pipeline.compare import Disclosed, Released
from unit.compare.attacker import Cell, disclosed, relations, truth_of
from unit.compare.world import CATALOG, World, random_world

RUN, NEXT = "2018-07", "2018-08"
Change: TypeAlias = "Callable[[World, str, int], tuple[World, dict[Cell, Cell]]]"


def revised(world: World, merkmal: str, seed: int, many: int) -> tuple[World, dict[Cell, Cell]]:
    """Return the world with other counts of some jobcenters and months, and the names of the counts that were before."""
    rng = np.random.default_rng(seed)
    cells = [c for c, wert in counts_of(world).items() if c[0] == merkmal and c[2] == "T" and c[3] <= RUN]
    changes = {}
    for chosen in rng.permutation(len(cells))[:many].tolist():
        _, jc_id, _, month = cells[chosen]
        changes[jc_id, month] = (int(rng.integers(-3, 4)), int(rng.integers(-3, 4)))
    return changed(world, merkmal, changes)


def grown(world: World, merkmal: str, seed: int, many: int = 6) -> tuple[World, dict[Cell, Cell]]:
    """Return the world in which some small counts of the last twelve months have become larger."""
    rng = np.random.default_rng(seed)
    cells = [
        cell
        for cell, wert in counts_of(world).items()
        if cell[0] == merkmal and cell[2] == "T" and "2017-08" <= cell[3] <= RUN and wert in (1, 2)
    ]
    chosen = [cells[i] for i in rng.permutation(len(cells))[:many].tolist()]
    return changed(world, merkmal, {(jc_id, month): (10, 10) for _, jc_id, _, month in chosen})


def shrunk(world: World, merkmal: str, seed: int, many: int = 3) -> tuple[World, dict[Cell, Cell]]:
    """Return the world in which some counts of the last twelve months have become one, all of which were shown before."""
    rng = np.random.default_rng(seed)
    counts = counts_of(world)
    cells = [
        cell
        for cell, wert in counts.items()
        if cell[0] == merkmal and cell[2] == "T" and "2017-08" <= cell[3] <= RUN and wert >= 3
    ]
    chosen = [cells[i] for i in rng.permutation(len(cells))[:many].tolist()]
    return changed(
        world,
        merkmal,
        {(jc, m): (1 - counts[merkmal, jc, "M", m], -counts[merkmal, jc, "F", m]) for _, jc, _, m in chosen},
    )


def counts_of(world: World) -> dict[Cell, int]:
    return {
        (r["merkmal"], r["jc_id"], r["geschlecht"], r["ref_month"]): int(r["wert"]) for r in world.eckwerte.to_pylist()
    }


def changed(
    world: World, merkmal: str, changes: dict[tuple[str, str], tuple[int, int]]
) -> tuple[World, dict[Cell, Cell]]:
    """Return the world with `changes` added to men and women of (jobcenter, month), and names for the counts before."""
    rows = world.eckwerte.to_pylist()
    at = {(r["merkmal"], r["jc_id"], r["geschlecht"], r["ref_month"]): i for i, r in enumerate(rows)}
    before: dict[Cell, Cell] = {}
    for (jc_id, month), more in changes.items():
        counts = [int(rows[at[merkmal, jc_id, sex, month]]["wert"]) for sex in "MF"]
        new = [max(0, count + added) for count, added in zip(counts, more, strict=True)]
        if new == counts:
            continue
        for sex, count in (("M", new[0]), ("F", new[1]), ("T", sum(new))):
            cell = (merkmal, jc_id, sex, month)
            rows[at[cell]] = rows[at[cell]] | {"wert": Decimal(count)}
            before[cell] = (merkmal, jc_id, sex, f"{month} before")
    table = pa.Table.from_pylist(rows, schema=world.eckwerte.schema)
    return replace(world, eckwerte=table), before


def released(name: str, opened: Disclosed) -> Released:
    return Released(name, opened.eckwerte, opened.kennzahlen)


def found(
    world: World, second: World, before: dict[Cell, Cell], merkmal: str, releases: list[Disclosed], run: str = RUN
) -> list[Cell]:
    """Return the small counts, old and new, that an attacker with both releases finds; `run` is the second one's."""
    truth = truth_of(second.tables(run)[0])
    old = truth_of(world.tables(RUN)[0])
    truth |= {name: old[cell] for cell, name in before.items()}
    # A release shows numerators and denominators of its own month only.
    tables = [{"eckwerte": r.eckwerte, "kennzahlen": r.kennzahlen, "reihe": r.reihe.slice(0, 0)} for r in releases]
    system = relations(
        tables,
        truth,
        world.jobcenters,
        world.types,
        CATALOG.indicators,
        (merkmal,),
        nobody_else=True,
        versions=[before, {}],
    )
    small = [cell for cell in system.unknown if truth.get(cell) in (1, 2)]
    return disclosed(system, truth, [*small, *system.sums])


@pytest.mark.slow
@pytest.mark.parametrize(("merkmal", "seed"), [("bs_2am", 2), ("bs_gering", 3), ("elb_zugang", 2), ("elb_abgang", 5)])
def test_a_revision_tells_no_count_that_both_releases_hide(merkmal: str, seed: int) -> None:
    world = random_world(seed, units=9)
    second, before = revised(world, merkmal, seed, 12)
    first = world.disclosed(RUN)
    bound = second.disclosed(RUN, released=[released(f"{RUN}.1", first)])
    assert found(world, second, before, merkmal, [first, bound]) == []


@pytest.mark.slow
def test_two_releases_that_decide_each_for_itself_tell_a_count_and_bound_ones_do_not() -> None:
    world = random_world(2, units=9, elb=(40, 300))
    second, before = grown(world, "elb_zugang", 2)
    first = world.disclosed(RUN)
    assert found(world, second, before, "elb_zugang", [first, second.disclosed(RUN)])
    bound = second.disclosed(RUN, released=[released(f"{RUN}.1", first)])
    assert found(world, second, before, "elb_zugang", [first, bound]) == []


@pytest.mark.slow
@pytest.mark.parametrize(("merkmal", "seed"), [("elb_zugang", 2), ("elb_zugang", 7), ("bs_gering", 2), ("bs_2am", 6)])
def test_a_count_that_becomes_small_is_not_told_by_what_was_shown_before(merkmal: str, seed: int) -> None:
    world = random_world(seed, units=9, elb=(200, 1500))
    second, before = shrunk(world, merkmal, seed)
    first = world.disclosed(RUN)
    bound = second.disclosed(RUN, released=[released(f"{RUN}.1", first)])
    assert found(world, second, before, merkmal, [first, bound]) == []
    assert sum(map(bool, bound.kennzahlen.column("wert").is_valid().to_pylist())) > len(bound.kennzahlen) // 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", [5, 7])
def test_a_count_of_none_that_becomes_small_is_not_told_by_the_difference_of_totals(seed: int) -> None:
    world = random_world(seed, units=9, elb=(200, 1500))
    second, before = revised(world, "bs_2am", seed, 12)
    first = world.disclosed(RUN)
    bound = second.disclosed(RUN, released=[released(f"{RUN}.1", first)])
    assert found(world, second, before, "bs_2am", [first, bound]) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "merkmal", "seed"), [(shrunk, "alleinerz", 2), (grown, "elb_zugang", 2), (grown, "lzb_amp", 3)]
)
def test_a_revision_between_two_months_tells_a_count_unless_the_earlier_binds(
    change: Change, merkmal: str, seed: int
) -> None:
    world = random_world(seed, units=9, elb=(40, 300))
    second, before = change(world, merkmal, seed)
    first = world.disclosed(RUN)
    assert found(world, second, before, merkmal, [first, second.disclosed(NEXT)], NEXT)
    bound = second.disclosed(NEXT, released=[released(f"{RUN}.1", first)])
    assert bound.bound_by == (f"{RUN}.1",)
    assert found(world, second, before, merkmal, [first, bound], NEXT) == []


def test_a_release_of_the_same_counts_is_not_bound() -> None:
    world = random_world(2)
    first = world.disclosed(RUN)
    again = world.disclosed(RUN, released=[released(f"{RUN}.1", first)])
    assert again.bound_by == ()
    assert again.eckwerte.equals(first.eckwerte)
    later = world.disclosed(NEXT, released=[released(f"{RUN}.1", first)])
    assert later.bound_by == ()


def test_a_bound_release_repeated_is_the_same() -> None:
    world = random_world(2, units=9)
    second, _ = revised(world, "bs_2am", 2, 12)
    first = released(f"{RUN}.1", world.disclosed(RUN))
    bound = second.disclosed(RUN, released=[first])
    assert bound.bound_by == (f"{RUN}.1",)
    again = second.disclosed(RUN, released=[first, released(f"{RUN}.2", bound)])
    assert again.bound_by == bound.bound_by
    assert again.eckwerte.equals(bound.eckwerte)
    assert again.kennzahlen.equals(bound.kennzahlen)


def test_what_was_hidden_stays_hidden() -> None:
    world = random_world(2, units=9)
    second, _ = revised(world, "bs_2am", 2, 12)
    first = world.disclosed(RUN)
    free, bound = second.disclosed(RUN), second.disclosed(RUN, released=[released(f"{RUN}.1", first)])
    keys = ("merkmal", "jc_id", "geschlecht", "ref_month")

    def hidden(opened: Disclosed) -> set[tuple[str, ...]]:
        return {tuple(r[k] for k in keys) for r in opened.eckwerte.to_pylist() if r["grund"] == "geheim"}

    assert hidden(first) - hidden(free)
    assert not hidden(first) - hidden(bound)
