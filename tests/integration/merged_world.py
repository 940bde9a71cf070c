"""The twin of a world: one unit's rows are delivered by two parts, and by the unit itself from the day they merged.

Whoever looks from the merged unit must see the same country. Everything that was one is cut up: persons stand in one part, in
the other or in both, periods are cut where a person moved, published counts are split. Nothing here counts.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from reference.deliveries import Deliveries, load, read_delivery
from reference.worlds import Address, Row, World, write_delivery
from reference.zeit import add_months

PART_A, PART_B, BETWEEN = "t88001", "t88002", "t88003"
SUFFIXES = (".csv", ".csv.gz", ".parquet")
ONE_DAY = timedelta(days=1)
FAR = date(2099, 12, 31)


@dataclass(frozen=True)
class Merger:
    """`unit` came into being on `ab` from two parts; `kind` says how.

    new: A and B became it. absorb: it took B in and was itself before. chain: A became BETWEEN on `first`, BETWEEN and B became
    it on `ab`.
    """

    unit: str
    ab: date
    kind: str = "new"
    first: date = date.min

    @property
    def changes(self) -> tuple[tuple[str, str, date], ...]:
        """Return the lines of gebietsaenderungen.csv."""
        b = (PART_B, self.unit, self.ab)
        if self.kind == "absorb":
            return (b,)
        if self.kind == "new":
            return ((PART_A, self.unit, self.ab), b)
        return ((PART_A, BETWEEN, self.first), (BETWEEN, self.unit, self.ab), b)

    def parts_on(self, day: date) -> tuple[str, ...]:
        """Return who delivers on a day for the territory of the unit."""
        if day >= self.ab:
            return (self.unit,)
        if self.kind == "absorb":
            return (self.unit, PART_B)
        if self.kind == "chain" and day >= self.first:
            return (BETWEEN, PART_B)
        return (PART_A, PART_B)


def read_world(world: World) -> Deliveries:
    """Return what the world delivers, typed."""
    return load(world.sources, world.run_month, {row["jc_id"] for row in world.registry})


def twin(world: World, merger: Merger, place: Path, *, seed: int = 0) -> tuple[list[Path], list[dict[str, str]]]:
    """Write the twin of a world of one source; return its sources and its registry."""
    days = read_world(world).zaehltage
    rng = random.Random(f"twin {seed}")
    root = place / "twin"
    shutil.copytree(world.sources[0], root)
    for path in sorted(root.glob("*/*/*")):
        month, table = path.parts[-3], path.parts[-2]
        parts = merger.parts_on(days.stichtag(month))
        if parts == (merger.unit,):
            continue
        if table == "eckwerte":
            rows, _ = read_delivery(path, table)
            address = (month, table, "statistik")
            write_delivery(root, address, _published_by_parts(rows, merger.unit, parts, rng), ".csv")
        elif path.name.split(".")[0] == merger.unit:
            rows, _ = read_delivery(path, table)
            path.unlink()
            window = (days.stichtag(add_months(month, -1)) - 7 * ONE_DAY, days.stichtag(month) + 8 * ONE_DAY)
            for part, of_part in zip(parts, _by_parts(rows, table, window, rng), strict=True):
                write_delivery(root, (month, table, part), of_part, rng.choice(SUFFIXES))
    lines = ["alt,neu,ab", *(",".join((alt, neu, ab.isoformat())) for alt, neu, ab in merger.changes)]
    (root / "gebietsaenderungen.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [root], _registry(world.registry, merger)


def _registry(registry: Sequence[Mapping[str, str]], merger: Merger) -> list[dict[str, str]]:
    """Return the registry in which the parts ended when they merged."""
    found = [dict(row) for row in registry]
    unit = next(row for row in found if row["jc_id"] == merger.unit)
    if merger.kind != "absorb":
        unit["valid_from"] = merger.ab.isoformat()
    for alt, _, ab in merger.changes:
        begin = merger.first.isoformat() if alt == BETWEEN else "2005-01-01"
        found.append(unit | {"jc_id": alt, "name": alt, "valid_from": begin, "valid_to": (ab - ONE_DAY).isoformat()})
    return found


def _by_parts(
    rows: list[Row], table: str, window: tuple[date, date], rng: random.Random
) -> tuple[list[Row], list[Row]]:
    """Share rows out; amounts go to one part, anything else may stand in both."""
    shared: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        draw = rng.random()
        if table == "leistungsbezug" and draw < 0.5:
            for number, piece in enumerate(_cut(row, rng)):
                if piece["von"] <= window[1] and (piece["bis"] or FAR) >= window[0]:
                    shared[number].append(piece)
        elif table != "leistung" and draw > 0.8:
            shared[0].append(row)
            shared[1].append(row)
        else:
            shared[rng.randint(0, 1)].append(row)
    return shared


def _cut(row: Row, rng: random.Random) -> list[Row]:
    """Return a period in the two parts' files: the person moved on some day, or was in both for a while."""
    last = row["bis"] or row["von"] + timedelta(days=900)
    moved = row["von"] + timedelta(days=rng.randint(0, (last - row["von"]).days))
    again = min(moved + ONE_DAY * rng.choice((1, 1, 0, -3)), last)
    pieces = [row | {"bis": moved}, row | {"von": max(again, row["von"])}]
    return pieces if rng.random() < 0.5 else pieces[::-1]


def _published_by_parts(rows: list[Row], unit: str, parts: Sequence[str], rng: random.Random) -> list[Row]:
    """Split the published counts of a unit: values as sums, signs and contradictions in one part or in both."""
    found: list[Row] = []
    said: dict[tuple[str, str], set[Any]] = {}
    for row in rows:
        if row["jc_id"] == unit:
            said.setdefault((row["geschlecht"], row["merkmal"]), set()).add((row["wert"], row["zeichen"]))
    shares: dict[tuple[Any, ...], Decimal] = {}
    for row in rows:
        if row["jc_id"] != unit:
            found.append(row)
            continue
        first, second = (row | {"jc_id": part} for part in parts)
        contradicted = len(said[row["geschlecht"], row["merkmal"]]) > 1
        if contradicted:
            found += [first, second | {"wert": Decimal(0), "zeichen": ""}]
        elif row["zeichen"]:
            # One part says what was said of the whole, the other one has nothing; with "-" that is zero as well.
            alike = shares.setdefault((row["geschlecht"], row["merkmal"]), Decimal(rng.randint(0, 1)))
            found += [first, second if alike else second | {"wert": Decimal(0), "zeichen": ""}]
        else:
            # A cell that is told twice is told twice alike by the parts.
            cell = (row["geschlecht"], row["merkmal"])
            some = shares.setdefault(cell, Decimal(rng.randint(0, int(row["wert"]))))
            found += [first | {"wert": some}, second | {"wert": row["wert"] - some}]
    return found


def without_part(sources: Sequence[Path], address: Address) -> None:
    """Take one part's delivery away."""
    month, table, unit = address
    files = [path for root in sources for path in (root / month / table).glob(f"{unit}.*")]
    assert files, address
    for path in files:
        path.unlink()
