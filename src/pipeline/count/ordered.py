"""What the order of the files is good for: the rows of a person stand together, so that groups are runs and joins are merges.

Each function computes, or makes what computes, the same rows as an expression at a fraction of what grouping by hash costs. Staged
files and states stand in the order of persons; rows that do not are put in it first. The expressions stay what defines the result,
what other engines run and what names the states; `tests/unit/count/test_ordered.py` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.count.engine.protocol import input_schema
from pipeline.count.inputs import FEMALE, MALE, OTHER, InOrder, RowsOf

_NUMBERED = pa.dictionary(pa.int32(), pa.string())
_SEX_OF = pa.array([OTHER, MALE, FEMALE, OTHER, OTHER, OTHER, OTHER, OTHER])
"""The sex by the union of its bits, as `inputs.sex_of` reads them."""


def stock_in_order(_: RowsOf, inputs: Mapping[str, Any]) -> pa.Table:
    """Return the stock; units and sexes as dictionaries."""
    columns = ["person", "jc_id", "geschlecht", "ist_elb", "ist_alleinerziehend"]
    table = _by_person(_read(inputs["bestand"], "bestand", columns))
    persons, bits = table["person"].to_numpy(), _bits(table)
    jc = _on_territory(table["jc_id"], inputs["gebiet"])
    first = unlike_before(persons)
    units = whole = bits
    if not first.all():
        order, own = _units_in_order(persons, jc, first)
        starts = np.flatnonzero(own)
        units = np.bitwise_or.reduceat(bits[order], starts)
        whole = np.bitwise_or.reduceat(bits, np.flatnonzero(first))[np.cumsum(first)[starts] - 1]
        persons, jc, first = persons[starts], jc.take(pa.array(order[starts])), first[starts]
    return pa.table(
        {
            "person": persons,
            "jc": jc,
            "sex": _sexes(units),
            "einig": _agreed(whole),
            "erste": first,
            "elb": (units & _ELB) > 0,
            "allein": (units & _ALONE) > 0,
        }
    )


_ELB, _ALONE = 8, 16


def _bits(table: pa.Table) -> Any:
    """Return what rows say as bits: of sexes as `inputs.sex_bits` has them, ELB, ELB bringing up children alone."""
    sexes = _whole(table["geschlecht"])
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


def masks_in_order(rows: Any) -> InOrder:
    """Return what computes the day masks from `rows` (person, mask)."""

    def computed(rows_of: RowsOf, _: Mapping[str, Any]) -> pa.Table:
        table = _by_person(rows_of(rows))
        persons, masks = (table[name].to_numpy() for name in ("person", "mask"))
        first = unlike_before(persons)
        if not first.all():
            persons, masks = persons[first], np.bitwise_or.reduceat(masks, np.flatnonzero(first))
        return pa.table({"person": persons, "mask": masks})

    return computed


def window_days_in_order(_: RowsOf, inputs: Mapping[str, Any]) -> pa.Table:
    """Return the days among the last 730: states, a row per person, merged one after the other into the persons known so far.

    Persons are merged in ranges, so that what is computed of a range fits into the caches of a processor.
    """
    nobody = np.empty(0, np.int64), np.empty(0, np.int32)
    bounds, ranges = np.empty(0, np.int64), [nobody]
    for file in (*inputs["vorher"], *inputs["tage"]):
        name = "days" if "mal" not in file.constants else "mask"
        table = pq.read_table(file.path, columns=["person", name])
        persons, amounts = table["person"].to_numpy(), table[name].to_numpy()
        if not len(bounds) and not len(ranges[0][0]):
            bounds = persons[_RANGE::_RANGE]
            ranges = [nobody] * (len(bounds) + 1)
        cuts = [0, *np.searchsorted(persons, bounds), len(persons)]
        for number, (begin, end) in enumerate(pairwise(cuts)):
            days = amounts[begin:end]
            if name == "mask":
                days = np.bitwise_count(days & file.constants["clip"]).astype(np.int32) * file.constants["mal"]
            ranges[number] = _with_days(*ranges[number], persons[begin:end], days)
    persons, days = (np.concatenate(values) for values in zip(*ranges, strict=True))
    kept = days > 0
    return pa.table({"person": persons[kept], "days": days[kept]})


_RANGE = 1 << 16


def _with_days(persons: Any, days: Any, own: Any, more: Any) -> tuple[Any, Any]:
    """Return persons, ascending, and their days, with more days of some of them or of others."""
    if not len(persons):
        return own, more.astype(np.int32)
    place = np.searchsorted(persons, own)
    known = persons[np.minimum(place, len(persons) - 1)] == own
    if known.all():
        days[place] += more
        return persons, days
    days[place[known]] += more[known]
    return np.insert(persons, place[~known], own[~known]), np.insert(days, place[~known], more[~known])


def long_term_in_order(_: RowsOf, inputs: Mapping[str, Any]) -> pa.Table:
    """Return who is ELB in the stock and has days enough among the last 730."""
    stock, days = (
        _read(inputs["stock"], "stock", ["person", "elb"]),
        _read(inputs["tage"], "tagesumme", ["person", "days"]),
    )
    elb = stock["person"].to_numpy()[stock["elb"].to_numpy()]
    enough = days["person"].to_numpy()[days["days"].to_numpy() >= inputs["kalender"]["lzb_tage"][0].as_py()]
    return pa.table({"person": enough[_among(elb, enough)]})


def _among(known: Any, asked: Any) -> Any:
    """Tell of each number whether it is among `known`, which ascend."""
    if not len(known):
        return np.zeros(len(asked), bool)
    return known[np.minimum(np.searchsorted(known, asked), len(known) - 1)] == asked


def _read(files: Any, kind: str, columns: Sequence[str]) -> pa.Table:
    """Return columns of the files of a kind, texts as dictionaries; without files a table without rows."""
    schema = input_schema(kind)
    words = [name for name in columns if schema.field(name).type == pa.string()]
    tables = [pq.read_table(file.path, columns=list(columns), read_dictionary=words) for file in files]
    if tables:
        return pa.concat_tables(tables)
    kinds = [_NUMBERED if name in words else schema.field(name).type for name in columns]
    return pa.schema(list(zip(columns, kinds, strict=True))).empty_table()


def _whole(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return column.unify_dictionaries().combine_chunks()


def _by_person(rows: pa.Table) -> pa.Table:
    """Return rows in the order of persons."""
    persons = rows["person"].to_numpy()
    if (persons[1:] >= persons[:-1]).all():
        return rows
    return rows.take(pa.array(np.argsort(persons, kind="stable")))


def _on_territory(ids: pa.ChunkedArray, gebiet: Any) -> pa.DictionaryArray:
    """Return the unit that each delivering unit belongs to on the territory of the run."""
    neu, encoded = merged(gebiet), _whole(ids)
    units = pa.array([neu.get(jc_id, jc_id) for jc_id in encoded.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, units)


def merged(gebiet: Any) -> dict[str, str]:
    """Return the units that belong to another on the territory of the run, with that one."""
    return dict(zip(gebiet["alt"].to_pylist(), gebiet["neu"].to_pylist(), strict=True)) if len(gebiet) else {}


def unlike_before(values: Any) -> Any:
    """Tell of each value whether it differs from the one before; the first does."""
    return np.append(np.ones(min(1, len(values)), bool), values[1:] != values[:-1])


def _agreed(bits: Any) -> Any:
    return (bits & 7 == 1) | (bits & 7 == 2)


def _sexes(bits: Any) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(bits & 7), _SEX_OF)


__all__ = ["long_term_in_order", "masks_in_order", "merged", "stock_in_order", "unlike_before", "window_days_in_order"]
