"""Which addresses to ask a server for that has no directory index, and what earlier runs learned about it.

The first run asks for everything the registry allows in 37 months; later ones ask silent units only for what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.catalog import Catalog
from pipeline.fetch.places import CODELIST, ROOT_FILES, Place
from pipeline.months import add_months, first_day, last_day, month_range
from pipeline.store import read_json, write_json
from pipeline.store.register import SUFFIXES, suffixes_of

MONTHS_BACK = 36


class Probing:
    """The questions of one run; `memory` is a file of the store."""

    def __init__(self, catalog: Catalog, month: str, memory: Path) -> None:
        self._catalog = catalog
        self._memory = memory
        self._months = month_range(add_months(month, -MONTHS_BACK), month)

    def questions(self, display: str) -> Iterator[Place]:
        """Yield the addresses to ask for at first."""
        known = self._read().get(display)
        yield from (Place("", CODELIST, unit, suffix) for unit, suffix in ROOT_FILES.values())
        for table in self._catalog.tables.values():
            if table.unit != "jobcenter":
                for month in self._months:
                    yield from (Place(month, table.name, table.unit, s) for s in suffixes_of(table.name))
        units = set(self._catalog.jobcenters)
        if known is None:
            yield from self._ask(units, self._months)
            return
        speaking = units & set(known["units"])
        yield from self._ask(speaking, self._months)
        # The last month asked for is asked for again: its deliveries may have come since.
        new = [m for m in self._months if not known["from"] <= m < known["to"]] or self._months[-1:]
        yield from self._ask(units - speaking, new)

    def more(self, display: str, found: Iterable[Place]) -> Iterator[Place]:
        """Yield what to ask for in addition, after `found`: all months of units that were silent until now."""
        known = self._read().get(display)
        if known is not None:
            awake = {p.unit for p in found if p.table in self._catalog.person_tables} - set(known["units"])
            yield from self._ask(awake, self._months)

    def learned(self, display: str, found: Iterable[Place]) -> None:
        """Remember who answered and which months everybody was asked for."""
        memory = self._read()
        known = memory.get(display, {"units": [], "from": self._months[0], "to": self._months[0]})
        units = {p.unit for p in found if p.table in self._catalog.person_tables} | set(known["units"])
        first, last = self._months[0], self._months[-1]
        if known["from"] <= last and first <= known["to"]:  # what was asked for has no hole
            first, last = min(first, known["from"]), max(last, known["to"])
        memory[display] = {"units": sorted(units), "from": first, "to": last}
        write_json(self._memory, memory)

    def _read(self) -> dict[str, dict[str, Any]]:
        return dict(read_json(self._memory)) if self._memory.exists() else {}

    def _ask(self, units: set[str], months: list[str]) -> Iterator[Place]:
        jobcenters = [self._catalog.jobcenters[unit] for unit in sorted(units)]
        tables = self._catalog.person_tables
        for month in months:
            first, last = first_day(month), last_day(month)
            for unit in jobcenters:
                if unit.valid_from <= last and (unit.valid_to is None or first <= unit.valid_to):
                    yield from (Place(month, table, unit.jc_id, suffix) for table in tables for suffix in SUFFIXES)
