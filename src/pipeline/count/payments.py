"""Payments of a month as Ibis expressions: sums by unit and sex, and how units of need share them.

Source: data contract section 3 ("Payments"), methodology 3.5 and 3.10 (dominance).
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from pipeline.count.inputs import FEMALE, MALE, TOTAL, Count, on_territory, sexes, tables, with_sex
from pipeline.count.readings import Readings

PARTS = 32
"""Parts that the units of need are sorted into by their pseudonyms, to bound their number and size without asking each."""


def payments(readings: Readings) -> Count:
    """`llu`, `luh` in cents by unit and sex (T, M, F), rows without a person, units of need and the largest of them.

    `bgs` and `groesste` are exact where they could matter: fewer units of need than may be shown, or one with more than half of
    the sum. Everywhere else they are bounds that rule both out: the number of parts that have a unit of need, and the sum of the
    largest part. Where an amount is negative they are exact.
    """
    reads = {
        "leistung": "leistung",
        "gebiet": "gebiet",
        "rechtsgrundlagen": "rechtsgrundlagen",
        "stock": "stock",
        "stock_1": "stock",
    }
    t = tables(**reads)
    rows = on_territory(t["leistung"], t["gebiet"])
    rows = rows.join(t["rechtsgrundlagen"], rows.rechtsgrundlage == t["rechtsgrundlagen"].code)
    rows = rows.filter(rows.summe.isin(["llu", "luh"])).select("person", "jc", "bg", "summe", "anspruch_eur")
    parts = with_sex(rows, sexes(t["stock"], t["stock_1"])).mutate(teil=_.bg & (PARTS - 1))
    bounds = _shared(parts, "teil")
    doubtful = bounds.filter(_doubtful(bounds, readings.fewest_units)).select("jc", "summe")
    few = rows.semi_join(doubtful, ["jc", "summe"]).alias("wenige")
    exact = _shared(with_sex(few, sexes(*(t[stock].semi_join(few, "person") for stock in ("stock", "stock_1")))), "bg")
    sums = bounds.anti_join(doubtful, ["jc", "summe"]).union(exact)
    zero = ibis.literal(0, "int64")
    each = [
        sums.filter(sums[f"bgs_{sex}"] > 0).select(
            "jc",
            "summe",
            sex=ibis.literal(sex),
            cents=sums[f"cents_{sex}"],
            bgs=sums[f"bgs_{sex}"],
            groesste=sums[f"groesste_{sex}"],
            ohne_person=sums.ohne_person if sex == TOTAL else zero,
        )
        for sex in (TOTAL, MALE, FEMALE)
    ]
    return Count("payments", reads, ibis.union(*each))


def _shared(rows: Any, share: str) -> Any:
    """Return by unit and sum: cents, shares and the largest (each for T, M, F), rows without a person, least amount.

    A share are the rows that are alike in the column `share`.
    """
    rows = rows.mutate(cents=(rows.anspruch_eur * 100).cast("int64"))
    by_share = rows.group_by("jc", "summe", share).agg(
        cents=rows.cents.sum().cast("int64"),
        cents_m=rows.cents.sum(where=rows.sex == MALE).cast("int64"),
        cents_f=rows.cents.sum(where=rows.sex == FEMALE).cast("int64"),
        ohne_person=_.count() - rows.person.count(),
        kleinste=rows.cents.min(),
    )
    return by_share.group_by("jc", "summe").agg(
        **{
            f"{name}_{sex}": value
            for sex, cents in ((TOTAL, by_share.cents), (MALE, by_share.cents_m), (FEMALE, by_share.cents_f))
            for name, value in (("cents", cents.sum().cast("int64")), ("bgs", cents.count()), ("groesste", cents.max()))
        },
        ohne_person=by_share.ohne_person.sum().cast("int64"),
        kleinste=by_share.kleinste.min(),
    )


def _doubtful(bounds: Any, fewest: int) -> Any:
    """Tell where bounds leave open whether a cell has `fewest` units of need, or one with more than half of its sum."""
    doubt = bounds.kleinste < 0
    for sex in (TOTAL, MALE, FEMALE):
        units, largest, cents = (bounds[f"{name}_{sex}"] for name in ("bgs", "groesste", "cents"))
        doubt = doubt | ((units > 0) & ((units < fewest) | (largest * 2 > cents)))
    return doubt


__all__ = ["payments"]
