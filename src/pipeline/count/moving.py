"""Movements of ELB as `expressions.movements` defines them, from periods in the order of persons.

`tests/unit/count/test_ordered.py` holds it against the expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from pipeline.count.arrays import (
    SEXES,
    Stocks,
    Units,
    as_summed,
    day_of,
    days_of,
    numbers,
    pieces,
    sexes_of,
    unlike_before,
)
from pipeline.count.inputs import InOrder
from pipeline.count.readings import Readings


def movements_in_order(readings: Readings, stocks: Stocks) -> InOrder:
    """Return what computes the movements: islands of periods that begin or end in the window."""

    def computed(inputs: Mapping[str, Any]) -> list[pa.Table]:
        units, window = Units(inputs["gebiet"]), _Window.of(inputs["kalender"], readings)
        now, then = stocks.now_and_then(inputs)
        periods = _of_those_who_move(inputs["leistungsbezug"], units, window)
        come, gone = (_begin_an_island(p, window.bridge) for p in (periods, periods.turned_round()))
        come, gone = come[window.begins(periods.von[come])], gone[window.ends(periods.ende[gone])]
        counts = np.zeros((len(units), len(SEXES), 2), np.int64)
        for column, own, nearer in ((0, come, (now, then)), (1, gone, (then, now))):
            np.add.at(counts, (periods.jc[own], sexes_of(periods.person[own], *nearer), column), 1)
        unit, sex = np.nonzero(counts.any(axis=2))
        columns = {
            "jc": units.named(unit),
            "sex": pa.array(SEXES, pa.string()).take(pa.array(sex)),
            "elb_zugang": as_summed(counts[unit, sex, 0]),
            "elb_abgang": as_summed(counts[unit, sex, 1]),
        }
        return [pa.table(columns).sort_by([("jc", "ascending"), ("sex", "ascending")])]

    return computed


@dataclass(frozen=True)
class _Window:
    """W(m) as the readings have it, in numbers of days; `bridge` are the days that an interruption may last."""

    before: int
    last: int
    bridge: int
    readings: Readings

    @classmethod
    def of(cls, calendar: Any, readings: Readings) -> Self:
        [days] = calendar.select(["stichtag_1", "stichtag", "bruecke"]).to_pylist()
        return cls(day_of(days["stichtag_1"]), day_of(days["stichtag"]), days["bruecke"], readings)

    def begins(self, von: Any) -> Any:
        """Tell of first days whether they lie in the window."""
        if self.readings.closed_left:
            return (von >= self.before) & (von < self.last)
        return (von > self.before) & (von <= self.last)

    def ends(self, ende: Any) -> Any:
        """Tell of last days whether who has them leaves in the window."""
        return self.begins(ende if self.readings.exit_on_last_day else ende + 1)


@dataclass(frozen=True)
class _Periods:
    """Periods as ELB: person, number of the unit, first and last day."""

    person: Any
    jc: Any
    von: Any
    ende: Any

    def turned_round(self) -> _Periods:
        """Return the periods as they are seen against the course of time."""
        return _Periods(self.person, self.jc, -self.ende, -self.von)


def _of_those_who_move(files: Any, units: Units, window: _Window) -> _Periods:
    """Return all periods of the persons of whom one begins or ends in the window."""
    found = []
    for rows in pieces(files, "leistungsbezug", ["person", "jc_id", "von", "bis"]):
        persons, von, ende = rows["person"].to_numpy(), days_of(rows["von"]), days_of(rows["bis"])
        begins = np.flatnonzero(unlike_before(persons))
        own = window.begins(von) | window.ends(ende)
        if len(own):
            own = np.repeat(np.logical_or.reduceat(own, begins), np.diff(np.append(begins, len(own))))
        jc = numbers(rows["jc_id"].filter(pa.array(own)), units.number)
        found.append((persons[own], jc, von[own].astype(np.int64), ende[own].astype(np.int64)))
    return _Periods(*(np.concatenate(values) for values in zip(*found, strict=True)))


def _begin_an_island(periods: _Periods, bridge: int) -> Any:
    """Return the places of the periods that none of the person in the unit reaches, over the bridge, that begins earlier.

    Of periods that begin alike one is returned.
    """
    order = np.lexsort((periods.von, periods.jc, periods.person))
    person, jc, von, ende = (getattr(periods, name)[order] for name in ("person", "jc", "von", "ende"))
    own = unlike_before(person) | unlike_before(jc)
    group = np.cumsum(own)
    # The latest end so far in the group: groups ascend, so that one running maximum does not reach into the next.
    latest = np.maximum.accumulate(group * _SPAN + ende) - group * _SPAN
    first = np.flatnonzero(own | unlike_before(von))
    alone = own[first] | (von[first] - latest[np.maximum(first - 1, 0)] > bridge + 1)
    return order[first[alone]]


_SPAN = 1 << 23
"""More days than lie between any two dates."""


__all__ = ["movements_in_order"]
