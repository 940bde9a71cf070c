"""A world of the independent reference in several stages, as a year of deliveries, revisions and withdrawals leaves it.

Every stage says which sources the pipeline is given and which trees hold what must be in force then; nothing here counts.
"""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reference.worlds import Address, World, features_of, make_world

LISTS = ("zaehltage.csv", "gebietsaenderungen.csv")
SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class Stage:
    """What happened, the sources of the run, and the sources that an empty store would need for the same result."""

    what: str
    sources: tuple[Path, ...]
    in_force: tuple[Path, ...]


def staged_world(seed: int, place: Path, *, persons: int | None = None) -> World:
    """Return a world whose revisions are still to come, central ones among them."""
    features = features_of(seed) | {"revisions", "central_revisions", "holes"}
    return make_world(seed, place, persons=persons, features=features)


def stages(world: World, place: Path) -> Iterator[Stage]:
    """Yield the stages of a world; the trees are those of a stage until the next one is asked for."""
    rng = random.Random(f"stages {world.seed}")
    first = world.sources[0]
    held_back = _hold_back_a_list(first, place, rng)
    yield Stage("first deliveries", tuple(world.sources), tuple(world.sources))

    pending = sorted(world.pending)
    early = rng.sample(pending, len(pending) // 2)
    world.revise_in_place(early)
    if held_back is not None:
        shutil.copyfile(held_back, first / held_back.name)
    elif rng.random() < 0.7:
        _move_zaehltage(first, world, rng)
    yield Stage("revised in place, late deliveries, other lists", tuple(world.sources), tuple(world.sources))

    before = tuple(world.sources)
    rest = tuple(sorted(world.pending))
    last = place / "letzte"
    last.mkdir()
    world.revise_as_source(last, rest)
    _break_one(last, before, rng)
    yield Stage("revised by a second source, one revision broken", tuple(world.sources), tuple(world.sources))

    # What a source no longer offers is not undelivered: where no other source has it, the store's copy stays in force.
    kept = place / "geblieben"
    _copy_only_new(last, before, kept)
    sources = (*before, kept) if any(kept.iterdir()) else before
    yield Stage("the second source withdrawn", before, sources)


def _hold_back_a_list(first: Path, place: Path, rng: random.Random) -> Path | None:
    """Take the list of territorial changes away for the first stage, sometimes; return where it is kept."""
    listed = first / "gebietsaenderungen.csv"
    if not listed.exists() or rng.random() < 0.5:
        return None
    kept = place / listed.name
    shutil.move(listed, kept)
    return kept


def _move_zaehltage(first: Path, world: World, rng: random.Random) -> None:
    """List other counting days for some months, and none any more for some."""
    path = first / "zaehltage.csv"
    days: dict[str, str] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            days = {row["ref_month"]: row["stichtag"] for row in csv.DictReader(file)}
    for month in rng.sample(world.months, 3):
        days[month] = date(int(month[:4]), int(month[5:]), rng.randint(8, 20)).isoformat()
    for month in rng.sample(sorted(days), 1):
        del days[month]
    lines = ["ref_month,stichtag", *(f"{month},{day}" for month, day in sorted(days.items()))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _deliveries(root: Path) -> dict[Address, Path]:
    found = {}
    for path in sorted(root.glob("*/*/*")):
        suffix = next(s for s in (".csv.gz", ".csv", ".parquet") if path.name.endswith(s))
        found[path.parts[-3], path.parts[-2], path.name.removesuffix(suffix)] = path
    return found


def _break_one(last: Path, before: tuple[Path, ...], rng: random.Random) -> None:
    """Write a broken revision of some delivery that an earlier source has."""
    known = sorted({address for root in before for address in _deliveries(root)} - set(_deliveries(last)))
    month, table, unit = rng.choice(known)
    path = last / month / table / f"{unit}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"person_id;\xff\n")


def _copy_only_new(last: Path, before: tuple[Path, ...], kept: Path) -> None:
    """Copy what only the last source has."""
    kept.mkdir()
    known = {address for root in before for address in _deliveries(root)}
    for address, path in _deliveries(last).items():
        if address not in known:
            target = kept / path.relative_to(last)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
