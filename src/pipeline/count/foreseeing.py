"""What a count would do: the states it would find and those it would compute, told from their keys without computing any.

A state's key follows from the keys of what it reads, so a walk through the names alone is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.catalog import Catalog
from pipeline.count.counting import scope
from pipeline.count.engine import DuckDb, File
from pipeline.count.inputs import Count
from pipeline.count.recounting import Keyed
from pipeline.count.states import Counting, State
from pipeline.count.territory import Territory
from pipeline.settings import Settings
from pipeline.store import Store


@dataclass(frozen=True)
class Foreseen:
    """A state of a run to come: which it is, whether it is there already, and what it rests on.

    `deliveries` are table and month of the staged files it reads, directly or through other states; `merkmale` are the base
    counts it holds (none for a state that only others read).
    """

    name: str
    month: str
    path: Path
    exists: bool
    deliveries: frozenset[tuple[str, str]]
    merkmale: tuple[str, ...]


def foresee(
    store: Store,
    month: str,
    staged: Mapping[str, Mapping[str, Any]],
    territory: Territory,
    catalog: Catalog,
    settings: Settings,
    spill: Path,
) -> tuple[Foreseen, ...]:
    """Return every state that `count` would ask for with the same arguments, in its order; nothing is written.

    `store` is where states are looked for. Raises NothingDeliveredError.
    """
    months, files, check_months = scope(month, staged, territory)
    with DuckDb(settings.memory_limit, settings.threads, spill) as engine:
        walk = _Walk(store, engine, catalog, territory.zaehltage, territory, files)
        if territory.units_with_persons:
            for m in months:
                walk.count_states(m, check_months)
    return tuple(walk.seen.values())


@dataclass
class _Walk(Counting):
    """Names states as a count does, and notes them instead of computing."""

    seen: dict[Path, Foreseen] = field(default_factory=dict)

    @cached_property
    def _of_file(self) -> dict[Path, tuple[str, str]]:
        return {
            self.store.root / file: (table, month)
            for table, by_month in self.staged.items()
            for month, file in by_month.items()
        }

    def _make(self, *_: object) -> None:
        pass

    def _asked(self, name: str, month: str, inputs: Keyed, state: State) -> None:
        read: set[tuple[str, str]] = set()
        for _, value in inputs.values():
            for file in value if isinstance(value, list) else ():
                read |= self._rests_on(file)
        self.seen[state.path] = Foreseen(
            name, month, state.path, state.path.exists(), frozenset(read), self._merkmale(self._counts[name])
        )

    def _rests_on(self, file: File) -> frozenset[tuple[str, str]]:
        earlier = self.seen.get(file.path)
        return earlier.deliveries if earlier is not None else frozenset({self._of_file[file.path]})

    def _merkmale(self, count: Count) -> tuple[str, ...]:
        columns = set(count.expression.columns)
        if "person" in columns:
            return ()
        if "summe" in columns:
            columns = {row["summe"] for row in self.catalog.codelists["rechtsgrundlagen"].values()}
        return tuple(name for name in self.catalog.merkmale if name in columns)
