"""What the order of the files is good for: the rows of a person stand together, so that groups are runs and joins are merges.

Each function computes, or makes what computes, the same rows as an expression at a fraction of what grouping by hash costs. Staged
files and states stand in the order of persons; rows that do not are put in it first. The expressions stay what defines the result,
what other engines run and what names the states; `tests/unit/count/test_ordered.py` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.count.inputs import FEMALE, MALE, OTHER, InOrder, RowsOf

_SEX_OF = pa.array([OTHER, MALE, FEMALE, OTHER, OTHER, OTHER, OTHER, OTHER])
"""The sex by the union of its bits, as `inputs.sex_of` reads them."""


def stock_in_order(rows: Any) -> InOrder:
    """Return what computes the stock from `rows` (person, jc_id, bits)."""

    def computed(rows_of: RowsOf, inputs: Mapping[str, Any]) -> pa.Table:
        table = _by_person(rows_of(rows))
        persons, bits = (table[name].to_numpy() for name in ("person", "bits"))
        jc = _on_territory(table["jc_id"].combine_chunks(), inputs["gebiet"])
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
                "einig": _sexes(whole),
                "erste": first,
                "elb": (units & 8) > 0,
                "allein": (units & 16) > 0,
            }
        )

    return computed


def _units_in_order(persons: Any, jc: pa.Array, first: Any) -> tuple[Any, Any]:
    """Return an order of rows in which the units of a person ascend, and which of the rows in it begin a unit."""
    order, own = np.arange(len(persons)), np.ones(len(persons), bool)
    several = np.flatnonzero(~first | np.append(~first[1:], False))
    part = pa.table({"person": persons[several], "jc": jc.take(pa.array(several))})
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
    """Return the days among the last 730: states, a row per person, merged one after the other into the persons known so far."""
    persons, days = np.empty(0, np.int64), np.empty(0, np.int64)
    for file in (*inputs["vorher"], *inputs["tage"]):
        name = "days" if "mal" not in file.constants else "mask"
        table = pq.read_table(file.path, columns=["person", name])
        own, amount = table["person"].to_numpy(), table[name].to_numpy()
        if name == "mask":
            counted = np.bitwise_count(amount & file.constants["clip"])
            amount = counted.astype(np.int64) * file.constants["mal"]
        place = np.searchsorted(persons, own)
        known = persons[np.minimum(place, len(persons) - 1)] == own if len(persons) else np.zeros(len(own), bool)
        days[place[known]] += amount[known]
        if not known.all():
            persons = np.insert(persons, place[~known], own[~known])
            days = np.insert(days, place[~known], amount[~known])
    kept = days > 0
    return pa.table({"person": persons[kept], "days": days[kept].astype(np.int32)})


def _by_person(rows: pa.Table) -> pa.Table:
    """Return rows in the order of persons."""
    persons = rows["person"].to_numpy()
    if (persons[1:] >= persons[:-1]).all():
        return rows
    return rows.take(pa.array(np.argsort(persons, kind="stable")))


def _on_territory(ids: pa.Array, gebiet: Any) -> pa.Array:
    """Return the unit that each delivering unit belongs to on the territory of the run."""
    if not len(gebiet):
        return ids
    neu = merged(gebiet)
    encoded = ids.dictionary_encode()
    units = pa.array([neu.get(jc_id, jc_id) for jc_id in encoded.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, units).cast(pa.string())


def merged(gebiet: Any) -> dict[str, str]:
    """Return the units that belong to another on the territory of the run, with that one."""
    return dict(zip(gebiet["alt"].to_pylist(), gebiet["neu"].to_pylist(), strict=True)) if len(gebiet) else {}


def unlike_before(values: Any) -> Any:
    """Tell of each value whether it differs from the one before; the first does."""
    return np.append(np.ones(min(1, len(values)), bool), values[1:] != values[:-1])


def _sexes(bits: Any) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(bits & 7), _SEX_OF).cast(pa.string())


__all__ = ["masks_in_order", "merged", "stock_in_order", "unlike_before", "window_days_in_order"]
