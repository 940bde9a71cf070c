"""The course of each jobcenter's value over some two years, for sparklines and for the rank of the month before.

A change of definition breaks the line; suppressed and missing months are gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.months import add_months, month_range
from pipeline.publish.opened import values_of

SPARK_MONTHS = 25


@dataclass(frozen=True)
class Course:
    """Displayed values by month, oldest first, ending with the reference month; `breaks` are positions of a new definition."""

    months: tuple[str, ...]
    values: tuple[Decimal | None, ...]
    breaks: frozenset[int]


class History:
    """Displayed values by indicator, sex and jobcenter, read once from the table `reihe`."""

    def __init__(self, reihe: pa.Table, catalog: Catalog) -> None:
        self._lines: dict[tuple[str, str, str, str], dict[str, Decimal]] = {}
        self._versions: dict[tuple[str, str], dict[str, str]] = {}
        self._frames: dict[tuple[str, str, str], tuple[tuple[str, ...], frozenset[int]]] = {}
        every_version = {name for name, i in catalog.indicators.items() if i.compute_all_versions}
        names = (
            "kennzahl",
            "definition",
            "geschlecht",
            "gebiet",
            "ref_month",
            "wert_anzeige",
            "in_kraft",
            "ebene",
        )
        columns = (values_of(reihe.column(name)) for name in names)
        for kennzahl, definition, sex, area, month, value, in_force, level in zip(*columns, strict=True):
            if level != "jobcenter":
                continue
            version = definition if kennzahl in every_version else ""
            if not version and not in_force:
                continue
            self._versions.setdefault((kennzahl, version), {})[month] = definition
            if value is not None:
                self._lines.setdefault((kennzahl, version, sex, area), {})[month] = value
        self._every_version = every_version

    def course(self, kennzahl: str, definition: str, sex: str, jc_id: str, last: str) -> Course:
        """Return the course of a jobcenter up to and including the month `last`."""
        version = definition if kennzahl in self._every_version else ""
        frame = self._frames.get((kennzahl, version, last))
        if frame is None:
            frame = self._frames[kennzahl, version, last] = self._frame(kennzahl, version, last)
        months, breaks = frame
        line = self._lines.get((kennzahl, version, sex, jc_id), {})
        return Course(months, tuple([line.get(month) for month in months]), breaks)

    def _frame(self, kennzahl: str, version: str, last: str) -> tuple[tuple[str, ...], frozenset[int]]:
        months = tuple(month_range(add_months(last, 1 - SPARK_MONTHS), last))
        versions = self._versions.get((kennzahl, version), {})
        known = [versions.get(month) for month in months]
        breaks = frozenset(i for i in range(1, len(known)) if known[i] and known[i - 1] and known[i] != known[i - 1])
        return months, breaks

    def values_of(self, kennzahl: str, definition: str, sex: str, month: str) -> Mapping[str, Decimal]:
        """Return the displayed values of all jobcenters in one month, by id; empty if the definition was another one."""
        version = definition if kennzahl in self._every_version else ""
        if self._versions.get((kennzahl, version), {}).get(month) != definition:
            return {}
        return {
            area: line[month]
            for (k, v, s, area), line in self._lines.items()
            if (k, v, s) == (kennzahl, version, sex) and month in line
        }
