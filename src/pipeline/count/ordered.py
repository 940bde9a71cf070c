"""What the order of the files is good for: the rows of a person stand together, so that groups are runs and joins are merges.

Each function computes, or makes what computes, the same rows as an expression at a fraction of what grouping by hash costs. Staged
files and states stand in the order of persons; rows that do not are put in it first. The expressions stay what defines the result,
what other engines run and what names the states; `tests/unit/count/test_ordered.py` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.count.arrays import (
    Stocks,
    Units,
    day_of,
    days_of,
    numbers,
    pieces,
    places,
    row_groups,
    unlike_before,
    whole,
)
from pipeline.count.inputs import ALL_DAYS, FEMALE, MALE, MASK_DAYS, OTHER, Count, InOrder
from pipeline.count.moving import movements_in_order
from pipeline.count.paid import payments_in_order
from pipeline.count.payments import PARTS
from pipeline.count.readings import Readings


def in_order(counts: Mapping[str, Count], readings: Readings) -> dict[str, Count]:
    """Return the expressions with what computes them from ordered rows, where there is such a way for the readings of a run."""
    stocks = Stocks()
    ways: dict[str, InOrder] = {
        "stock": stock_in_order,
        "day_masks": masks_in_order,
        "window_days": window_days_in_order,
        "movements": movements_in_order(readings, stocks),
        "payments": payments_in_order(PARTS, readings.fewest_units, stocks),
    }
    if not readings.lzb_min_age:
        ways["long_term"] = long_term_in_order
    if not readings.oegb_fails:
        ways |= {name: employed_in_order(any_day=name != "employed") for name in ("employed", "employed_in_month")}
    return {name: replace(count, in_order=ways.get(name)) for name, count in counts.items()}


_SEX_OF = pa.array([OTHER, MALE, FEMALE, OTHER, OTHER, OTHER, OTHER, OTHER])
"""The sex by the union of its bits, as `inputs.sex_of` reads them."""


def stock_in_order(inputs: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Yield the stock; units and sexes as dictionaries."""
    columns = ["person", "jc_id", "geschlecht", "ist_elb", "ist_alleinerziehend"]
    for rows in pieces(inputs["bestand"], "bestand", columns):
        persons, bits = rows["person"].to_numpy(), _bits(rows)
        jc = _on_territory(rows["jc_id"], inputs["gebiet"])
        first = unlike_before(persons)
        units = alle = bits
        if not first.all():
            order, own = _units_in_order(persons, jc, first)
            starts = np.flatnonzero(own)
            units = np.bitwise_or.reduceat(bits[order], starts)
            alle = np.bitwise_or.reduceat(bits, np.flatnonzero(first))[np.cumsum(first)[starts] - 1]
            persons, jc, first = persons[starts], jc.take(pa.array(order[starts])), first[starts]
        yield pa.table(
            {
                "person": persons,
                "jc": jc,
                "sex": _sexes(units),
                "einig": _agreed(alle),
                "erste": first,
                "elb": (units & _ELB) > 0,
                "allein": (units & _ALONE) > 0,
            }
        )


_ELB, _ALONE = 8, 16


def _bits(table: pa.Table) -> Any:
    """Return what rows say as bits: of sexes as `inputs.sex_bits` has them, ELB, ELB bringing up children alone."""
    sexes = whole(table["geschlecht"])
    bit_of = np.array([{MALE: 1, FEMALE: 2}.get(sex, 4) for sex in [*sexes.dictionary.to_pylist(), OTHER]], np.int8)
    elb, alone = (table[name].fill_null(False).to_numpy() for name in ("ist_elb", "ist_alleinerziehend"))
    bits = bit_of[sexes.indices.fill_null(len(sexes.dictionary)).to_numpy()]
    return bits + np.int8(_ELB) * elb + np.int8(_ALONE) * (elb & alone)


def _units_in_order(persons: Any, jc: pa.DictionaryArray, first: Any) -> tuple[Any, Any]:
    """Return an order of rows in which the units of a person ascend, and which of the rows in it begin a unit."""
    order, own = np.arange(len(persons)), np.ones(len(persons), bool)
    several = np.flatnonzero(~first | np.append(~first[1:], False))
    part = pa.table({"person": persons[several], "jc": jc.take(pa.array(several)).cast(pa.string())})
    inner = pc.sort_indices(part, sort_keys=[("person", "ascending"), ("jc", "ascending")])
    part = part.take(inner)
    order[several] = several[inner.to_numpy()]
    codes = part["jc"].combine_chunks().dictionary_encode().indices.to_numpy()
    own[several] = unlike_before(part["person"].to_numpy()) | unlike_before(codes)
    return order, own


def masks_in_order(inputs: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Yield the day masks."""
    [days] = inputs["kalender"].select(["stichtag_1", "stichtag"]).to_pylist()
    before, last = day_of(days["stichtag_1"]), day_of(days["stichtag"])
    for rows in pieces(inputs["leistungsbezug"], "leistungsbezug", ["person", "von", "bis"]):
        begin, end = days_of(rows["von"]), days_of(rows["bis"])
        within = np.flatnonzero((begin <= last) & (end > before))
        persons = rows["person"].to_numpy()[within]
        begin, end = np.maximum(begin[within] - before - 1, 0), np.minimum(end[within], last) - before
        masks = _FIRST_DAYS[end] - _FIRST_DAYS[begin]
        first = unlike_before(persons)
        if not first.all():
            persons, masks = persons[first], np.bitwise_or.reduceat(masks, np.flatnonzero(first))
        yield pa.table({"person": persons, "mask": masks})


_FIRST_DAYS = ALL_DAYS >> (MASK_DAYS - np.arange(MASK_DAYS + 1))
"""The mask of so many days from the first one on."""


def window_days_in_order(inputs: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Yield the days among the last 730."""
    for persons, days in _summed_days(inputs):
        yield pa.table({"person": persons, "days": days})


def long_term_in_order(inputs: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Yield who is ELB in the stock and has days enough among the last 730."""
    least = inputs["kalender"]["lzb_tage"][0].as_py()
    stock = (rows for file in inputs["stock"] for rows in row_groups(file.path, ["person", "elb"]))
    elb = np.concatenate(
        [np.empty(0, np.int64), *(rows["person"].to_numpy()[rows["elb"].to_numpy()] for rows in stock)]
    )
    for persons, days in _summed_days(inputs):
        enough = persons[days >= least]
        yield pa.table({"person": enough[places(elb, enough)[1]]})


def _summed_days(inputs: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield persons and their days: states, a row per person, merged one after the other into the persons known so far.

    Persons are merged in ranges, so that what is computed of a range fits into the caches of a processor.
    """
    bounds: list[int] = []
    ranges: list[tuple[Any, Any]] = []
    for name, file in [*(("days", file) for file in inputs["vorher"]), *(("mask", file) for file in inputs["tage"])]:
        opens = not ranges
        for rows in row_groups(file.path, ["person", name]):
            persons, days = rows["person"].to_numpy(), rows[name].to_numpy()
            if name == "mask":
                days = np.bitwise_count(days & file.constants["clip"]).astype(np.int32) * file.constants["mal"]
            if opens:
                places_of = range(0, len(persons), _RANGE)
                bounds += [int(persons[at]) for at in places_of]
                ranges += [(persons[at : at + _RANGE].copy(), days[at : at + _RANGE].copy()) for at in places_of]
                continue
            cuts = [0, *np.searchsorted(persons, bounds[1:]), len(persons)]
            for number, (begin, end) in enumerate(pairwise(cuts)):
                if begin < end:
                    ranges[number] = _with_days(*ranges[number], persons[begin:end], days[begin:end])
    for persons, days in ranges or [(np.empty(0, np.int64), np.empty(0, np.int32))]:
        yield persons[days > 0], days[days > 0]


_RANGE = 1 << 16


def _with_days(persons: Any, days: Any, own: Any, more: Any) -> tuple[Any, Any]:
    """Return persons, ascending, and their days, with more days of some of them or of others."""
    place, known = places(persons, own)
    if known.all():
        days[place] += more
        return persons, days
    days[place[known]] += more[known]
    return np.insert(persons, place[~known], own[~known]), np.insert(days, place[~known], more[~known])


def employed_in_order(*, any_day: bool) -> InOrder:
    """Return what computes the persons employed on the check day, or on any day of the month."""
    edges = ("monat_von", "monat_bis") if any_day else ("pruef_tag", "pruef_tag")

    def computed(inputs: Mapping[str, Any]) -> Iterator[pa.Table]:
        first, last = (day_of(inputs["kalender"][name][0].as_py()) for name in edges)
        not_insured = set(inputs["nicht_svb"]["code"].to_pylist())
        for rows in pieces(inputs["beschaeftigung"], "beschaeftigung", ["person", "von", "bis", "personengruppe"]):
            there = (days_of(rows["von"]) <= last) & (days_of(rows["bis"]) >= first)
            there &= numbers(rows["personengruppe"], lambda code: code not in not_insured).astype(bool)
            persons = rows["person"].to_numpy()[there]
            yield pa.table({"person": persons[unlike_before(persons)]})

    return computed


def _on_territory(ids: pa.ChunkedArray, gebiet: Any) -> pa.DictionaryArray:
    """Return the unit that each delivering unit belongs to on the territory of the run."""
    units, encoded = Units(gebiet), whole(ids)
    names = pa.array([units.of(jc_id) for jc_id in encoded.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, names)


def _agreed(bits: Any) -> Any:
    return (bits & 7 == 1) | (bits & 7 == 2)


def _sexes(bits: Any) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(bits & 7), _SEX_OF)


__all__ = ["in_order"]
