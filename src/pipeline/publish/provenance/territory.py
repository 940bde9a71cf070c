"""Which units a jobcenter of the run is made of, month by month, as far as an explanation has to say it.

What follows from it for counting is decided in `count`; here it is only told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from pipeline.catalog import Gebietsaenderung, Jobcenter
from pipeline.months import Zaehltage
from pipeline.publish.provenance.model import Part


@dataclass(frozen=True)
class Ancestry:
    """The registry of jobcenters with the changes that have taken effect on S(run month)."""

    jobcenters: Mapping[str, Jobcenter]
    zaehltage: Zaehltage
    changes: tuple[Gebietsaenderung, ...]

    @classmethod
    def of(
        cls,
        run_month: str,
        jobcenters: Mapping[str, Jobcenter],
        zaehltage: Zaehltage,
        changes: Iterable[Gebietsaenderung],
    ) -> Ancestry:
        """Return the ancestry on the territory of a run."""
        day = zaehltage.stichtag(run_month)
        return cls(jobcenters, zaehltage, tuple(c for c in changes if c.ab <= day))

    def units(self, unit: str) -> tuple[str, ...]:
        """Return a unit and all units it succeeds, the unit first."""
        found = [unit]
        for known in found:
            found += [c.alt for c in self.changes if c.neu == known and c.alt not in found]
        return tuple(found)

    def existing(self, unit: str, month: str) -> tuple[str, ...]:
        """Return the parts of a unit that existed on S(month): those whose deliveries make its counts."""
        day = self.zaehltage.stichtag(month)
        return tuple(u for u in self.units(unit) if self._exists(u, day))

    def _exists(self, unit: str, day: date) -> bool:
        registered = self.jobcenters.get(unit)
        ended = next((c.ab for c in self.changes if c.alt == unit), None)
        return registered is not None and registered.valid_on(day) and (ended is None or day < ended)

    def parts(self, unit: str, months: Iterable[str]) -> tuple[Part, ...]:
        """Return the predecessors that existed in any of the months, with the last of these months."""
        parts = []
        wanted = sorted(months)
        for part in self.units(unit)[1:]:
            own = [m for m in wanted if part in self.existing(unit, m)]
            if own:
                parts.append(Part(part, self.jobcenters[part].name, own[-1]))
        return tuple(parts)


@lru_cache(maxsize=4096)
def span(first: str, last: str) -> tuple[str, ...]:
    """Return all months from `first` to `last`, both included."""
    from pipeline.months import month_range

    return tuple(month_range(first, last))
