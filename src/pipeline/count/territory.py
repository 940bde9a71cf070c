"""Which unit stands for which on the territory of the run, which deliveries a unit's counts need, and why one is missing.

The registry's validity is judged on the counting day of the month in question (data contract, section 3, "Territory").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import pyarrow as pa

from pipeline.catalog import Gebietsaenderung, Jobcenter
from pipeline.months import Zaehltage, month_range

OK = ""
GEBIET, NICHT_GELIEFERT, FOLGT, ZU_KURZ = (
    "gebiet_nicht_gueltig",
    "nicht_geliefert",
    "folgt_spaeter",
    "zu_kurze_reihe",
)


class TerritoryError(ValueError):
    """The list of territorial changes contradicts itself."""


def in_effect(
    changes: Iterable[Gebietsaenderung], run_month: str, zaehltage: Zaehltage
) -> tuple[Gebietsaenderung, ...]:
    """Return the changes that have taken effect on S(run month); later ones do not exist yet."""
    return tuple(change for change in changes if change.ab <= zaehltage.stichtag(run_month))


def successors(changes: Iterable[Gebietsaenderung]) -> dict[str, str]:
    """Return old unit -> the unit it belongs to in the end."""
    direct: dict[str, str] = {}
    for change in changes:
        if direct.get(change.alt, change.neu) != change.neu:
            raise TerritoryError(f"gebietsaenderungen.csv: {change.alt} has two successors")
        direct[change.alt] = change.neu
    result = {}
    for old in direct:
        unit, seen = old, {old}
        while unit in direct:
            unit = direct[unit]
            if unit in seen:
                raise TerritoryError(f"gebietsaenderungen.csv: {old} becomes part of itself")
            seen.add(unit)
        result[old] = unit
    return result


@dataclass(frozen=True)
class Territory:
    """The units of a run and which deliveries exist.

    `successor_of` and `ends` tell for a unit that became part of another one where it went and from which day on;
    `delivered[table][month]` are the units accepted for the month, `published` the jobcenters with any published count.
    """

    run_month: str
    zaehltage: Zaehltage
    jobcenters: Mapping[str, Jobcenter]
    successor_of: Mapping[str, str]
    ends: Mapping[str, date]
    delivered: Mapping[str, Mapping[str, frozenset[str]]]
    person_tables: tuple[str, ...]
    published: frozenset[str] = frozenset()
    _valid: dict[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict, repr=False, compare=False)

    def unit_of(self, jc_id: str) -> str:
        """Return the unit that `jc_id` belongs to on the territory of the run."""
        return self.successor_of.get(jc_id, jc_id)

    @cached_property
    def parts(self) -> dict[str, tuple[str, ...]]:
        """Return unit -> itself and all units it succeeds."""
        parts: dict[str, list[str]] = {}
        for jc_id in self.jobcenters:
            parts.setdefault(self.unit_of(jc_id), []).append(jc_id)
        return {unit: tuple(sorted(members)) for unit, members in parts.items()}

    @cached_property
    def members(self) -> tuple[Jobcenter, ...]:
        """Return the jobcenters that exist on S(run month), ordered by id: the members of all levels above."""
        day = self.zaehltage.stichtag(self.run_month)
        return tuple(j for _, j in sorted(self.jobcenters.items()) if self._exists(j.jc_id, day))

    def _exists(self, jc_id: str, day: date) -> bool:
        ended = self.ends.get(jc_id)
        return self.jobcenters[jc_id].valid_on(day) and (ended is None or day < ended)

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Return all units with cells: whoever existed in any month of the series or delivered, and is part of no other."""
        months = month_range(min(self.first_month.values(), default=self.run_month), self.run_month)
        days = [self.zaehltage.stichtag(month) for month in months]
        existed = {jc_id for jc_id in self.jobcenters if any(self._exists(jc_id, day) for day in days)}
        everybody = existed | self.person_units | self.published
        return tuple(sorted({self.unit_of(jc_id) for jc_id in everybody}))

    @cached_property
    def person_units(self) -> frozenset[str]:
        """Return the delivering units (as they call themselves) that delivered any person table in any month."""
        return frozenset(
            unit for table in self.person_tables for units in self.delivered.get(table, {}).values() for unit in units
        )

    @cached_property
    def units_with_persons(self) -> frozenset[str]:
        """Return the units on the run's territory that deliver persons."""
        return frozenset(self.unit_of(u) for u in self.person_units)

    @cached_property
    def first_month(self) -> dict[str, str]:
        """Return table -> the first month any unit delivered it; tables that never came are absent."""
        return {
            t: min(m for m, u in months.items() if u) for t, months in self.delivered.items() if any(months.values())
        }

    def valid_parts(self, unit: str, month: str) -> tuple[str, ...]:
        """Return the parts of a unit that existed on S(month)."""
        return self._parts_in(month).get(unit, ())

    def _parts_in(self, month: str) -> Mapping[str, tuple[str, ...]]:
        if month not in self._valid:
            day = self.zaehltage.stichtag(month)
            self._valid[month] = {
                unit: tuple(p for p in parts if self._exists(p, day)) for unit, parts in self.parts.items()
            }
        return self._valid[month]

    def missing(self, table: str, month: str) -> dict[str, str]:
        """Return unit -> why its delivery cannot be used, if so: every part that existed on S(month) must have delivered."""
        have, hole = self.delivered.get(table, {}).get(month, frozenset()), self._hole(table, month)
        return {
            unit: hole if parts else GEBIET
            for unit, parts in self._parts_in(month).items()
            if not parts or not have.issuperset(parts)
        }

    def missing_central(self, table: str, month: str, unit: str) -> str:
        """Return why the delivery of a central unit (`bst`, `statistik`) cannot be used, or OK."""
        return OK if unit in self.delivered.get(table, {}).get(month, frozenset()) else self._hole(table, month)

    def _hole(self, table: str, month: str) -> str:
        first = self.first_month.get(table)
        return ZU_KURZ if first is None or month < first else NICHT_GELIEFERT

    def as_table(self, table: str, month: str) -> pa.Table:
        """Return the mapping old unit -> unit for the expressions, of the units that delivered the table for the month.

        Counts are named by what they read: a change among units that deliver nothing must not make them anew.
        """
        have = self.delivered.get(table, {}).get(month, frozenset())
        pairs = sorted((old, new) for old, new in self.successor_of.items() if old in have)
        return pa.table(
            {"alt": pa.array([a for a, _ in pairs], pa.string()), "neu": pa.array([n for _, n in pairs], pa.string())}
        )
