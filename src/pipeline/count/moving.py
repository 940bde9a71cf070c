"""Movements of ELB as `expressions.movements` defines them, from periods in the order of persons.

`tests/unit/count/test_ordered.py` holds it against the expression.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.count.arrays import (
    SEXES,
    Stocks,
    as_summed,
    by_person,
    day_of,
    days_of,
    merged,
    numbers,
    read,
    sexes_of,
    unlike_before,
)
from pipeline.count.inputs import InOrder
from pipeline.count.readings import Readings


def movements_in_order(readings: Readings, stocks: Stocks) -> InOrder:
    """Return what computes the movements: islands of periods that begin or end in the window."""
    later = 0 if readings.exit_on_last_day else 1

    def computed(inputs: Mapping[str, Any]) -> pa.Table:
        [days] = inputs["kalender"].select(["stichtag_1", "stichtag", "bruecke"]).to_pylist()
        edges = day_of(days["stichtag_1"]), day_of(days["stichtag"])

        def in_window(day: Any) -> Any:
            after_first, after_last = day - edges[0], day - edges[1]
            if readings.closed_left:
                return (after_first >= 0) & (after_last < 0)
            return (after_first > 0) & (after_last <= 0)

        rows = by_person(read(inputs["leistungsbezug"], "leistungsbezug", ["person", "jc_id", "von", "bis"]))
        von, ende = (days_of(rows[name]) for name in ("von", "bis"))
        moving = _whoever(in_window(von) | in_window(ende + later), rows["person"].to_numpy())
        units = _Units(merged(inputs["gebiet"]))
        jc = numbers(rows["jc_id"].take(pa.array(moving)), units.number)
        person, von, ende = (
            rows["person"].to_numpy()[moving],
            von[moving].astype(np.int64),
            ende[moving].astype(np.int64),
        )
        now, then = stocks.now_and_then(inputs)
        counts = np.zeros((len(units.known), len(SEXES), 2), np.int64)
        come = _beginnings(person, jc, von, ende, days["bruecke"])
        gone = _beginnings(person, jc, -ende, -von, days["bruecke"])
        come, gone = come[in_window(von[come])], gone[in_window(ende[gone] + later)]
        for column, (rows_, order) in enumerate(((come, (now, then)), (gone, (then, now)))):
            np.add.at(counts, (jc[rows_], sexes_of(person[rows_], *order), column), 1)
        unit, sex = np.nonzero(counts.any(axis=2))
        columns = {
            "jc": pa.array(list(units.known), pa.string()).take(pa.array(unit)),
            "sex": pa.array(SEXES, pa.string()).take(pa.array(sex)),
            "elb_zugang": as_summed(counts[unit, sex, 0]),
            "elb_abgang": as_summed(counts[unit, sex, 1]),
        }
        return pa.table(columns).sort_by([("jc", "ascending"), ("sex", "ascending")])

    return computed


class _Units:
    """Numbers of the units on the territory of the run, in the order in which they are met."""

    def __init__(self, neu: Mapping[str, str]) -> None:
        self.known: dict[str, int] = {}
        self._neu = neu

    def number(self, jc_id: str) -> int:
        return self.known.setdefault(self._neu.get(jc_id, jc_id), len(self.known))


def _whoever(rows: Any, persons: Any) -> Any:
    """Return the places of all rows of the persons who have one of `rows`."""
    if not len(rows):
        return np.empty(0, np.int64)
    begins = np.flatnonzero(unlike_before(persons))
    return np.flatnonzero(np.repeat(np.logical_or.reduceat(rows, begins), np.diff(np.append(begins, len(persons)))))


def _beginnings(person: Any, jc: Any, begin: Any, end: Any, bridge: int) -> Any:
    """Return the periods that begin an island: none of the person in the unit that begins earlier reaches them over the bridge.

    Of periods that begin alike one is returned. With days and roles turned round, they are the ones that end an island.
    """
    order = np.lexsort((begin, jc, person))
    person, jc, begin, end = (values[order] for values in (person, jc, begin, end))
    own = unlike_before(person) | unlike_before(jc)
    group = np.cumsum(own)
    # The latest end so far in the group: groups ascend, so that one running maximum does not reach into the next.
    latest = np.maximum.accumulate(group * _SPAN + end) - group * _SPAN
    first = np.flatnonzero(own | unlike_before(begin))
    before = np.maximum(first - 1, 0)
    return order[first[own[first] | (begin[first] - latest[before] > bridge + 1)]]


_SPAN = 1 << 23
"""More days than lie between any two dates."""


__all__ = ["movements_in_order"]
