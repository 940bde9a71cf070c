"""Releases before and after a merger together tell no count of one or two: the whole does not tell what its parts kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipeline.compare import Disclosed, Generation
from unit.compare.attacker import FAMILIES, Cell, System, disclosed, relations, truth_of
from unit.compare.world import CATALOG, World, jobcenter, random_world, schema

BEFORE, AFTER = "2018-07", ("2018-08", "2018-09")
PARTS, WHOLE = ("t00000", "t00002"), "t00099"
IDS = [family[0] for family in FAMILIES]


@dataclass(frozen=True)
class Merger:
    """A country whose two jobcenters of one Land become one after the first of three releases."""

    old: World
    new: World

    def generation(self) -> Generation:
        """Return what the last release before the merger could show."""
        return Generation(self.old.tables(BEFORE)[0], self.old.jobcenters, self.old.types)

    def releases(self, *, bound: bool) -> list[Disclosed]:
        """Return the three releases; `bound`: the later ones keep what the first one kept."""
        more: dict[str, Any] = {"successor_of": dict.fromkeys(PARTS, WHOLE)}
        if bound:
            more["earlier"] = [self.generation()]
        return [self.old.disclosed(BEFORE), *(self.new.disclosed(month, **more) for month in AFTER)]


def merged(seed: int, **options: Any) -> Merger:
    old = random_world(seed, **options)
    first = next(j for j in old.jobcenters if j.jc_id == PARTS[0])
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    rows = []
    for row in old.eckwerte.to_pylist():
        if row["jc_id"] not in PARTS:
            rows.append(row)
            continue
        sums[row["ref_month"], row["geschlecht"], row["merkmal"]] += row["wert"]
    rows += [
        {"ref_month": m, "jc_id": WHOLE, "geschlecht": s, "merkmal": k, "wert": v, "grund": None, "basis": "personen"}
        for (m, s, k), v in sums.items()
    ]
    kind = schema("eckwerte")
    table = pa.table([pa.array([row[f.name] for row in rows], f.type) for f in kind], schema=kind)
    kept = tuple(j for j in old.jobcenters if j.jc_id not in PARTS)
    types = {jc_id: typ for jc_id, typ in old.types.items() if jc_id not in PARTS}
    return Merger(
        old, replace(old, jobcenters=(*kept, jobcenter(WHOLE, first.land, first.traeger)), types=types, eckwerte=table)
    )


def attacked(merger: Merger, family: tuple[str, ...], *, bound: bool) -> tuple[int, list[Cell]]:
    """Return how many hidden small counts the attacker aims at who has all three releases, and those he finds."""
    releases = [
        {"eckwerte": t.eckwerte, "kennzahlen": t.kennzahlen, "reihe": t.reihe} for t in merger.releases(bound=bound)
    ]
    truths = (truth_of(merger.old.tables(BEFORE)[0]), truth_of(merger.new.tables(AFTER[-1])[0]))
    systems = [
        relations(found, truth, world.jobcenters, world.types, CATALOG.indicators, family, nobody_else=True)
        for found, truth, world in (
            (releases[:1], truths[0], merger.old),
            (releases[1:], truths[1], merger.new),
        )
    ]
    everything = truths[1] | truths[0]
    system = together(systems, everything)
    for merkmal, _, sex, month in [c for c in truths[0] if c[0] in family and c[1] == PARTS[0]]:
        parts = [(merkmal, part, sex, month) for part in PARTS]
        if all(part in truths[0] for part in parts):
            system.add([((merkmal, WHOLE, sex, month), -1), *((part, 1) for part in parts)], 0, 0)
    small = [cell for cell in system.unknown if everything.get(cell) in (1, 2)]
    targets = [*small, *system.sums]
    return len(targets), disclosed(system, everything, targets)


def together(systems: list[System], truth: dict[Cell, int]) -> System:
    """Return one system that knows what any of them knows."""
    joint = System({}, {}, [])
    for system in systems:
        joint.known |= system.known
        joint.sums |= system.sums
    for system in systems:
        cells = {column: cell for cell, column in system.unknown.items()}
        for row, lower, upper in system.rows:
            joint.add([(cells[column], factor) for column, factor in row.items()], lower, upper)
    return joint


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=IDS)
@pytest.mark.parametrize("seed", [2, 5])
def test_a_merger_does_not_tell_what_its_parts_kept(seed: int, family: tuple[str, ...]) -> None:
    targets, counts = attacked(merged(seed, elb=(20, 150)), family, bound=True)
    assert targets > 50
    assert counts == []


@pytest.mark.slow
def test_without_the_older_decisions_the_attacker_finds_counts_of_the_parts() -> None:
    _, counts = attacked(merged(2, elb=(20, 150)), FAMILIES[0], bound=False)
    assert {jc_id for _, jc_id, _, _ in counts} & set(PARTS)


def test_what_a_part_hid_its_successor_hides_in_the_same_month() -> None:
    merger = merged(2, elb=(20, 150))
    first, second, _ = merger.releases(bound=True)
    hidden = {
        (row["merkmal"], row["geschlecht"], row["ref_month"])
        for row in first.eckwerte.to_pylist()
        if row["jc_id"] in PARTS and row["grund"] == "geheim"
    }
    cells = {
        (r["merkmal"], r["geschlecht"], r["ref_month"]): r for r in second.eckwerte.to_pylist() if r["jc_id"] == WHOLE
    }
    assert len(hidden) > 100
    assert {cells[key]["grund"] for key in hidden} == {"geheim"}
    assert sum(cells[key]["wert"] is not None for key in cells) > 100
