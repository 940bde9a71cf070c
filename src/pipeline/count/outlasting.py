"""What units deliver for months after their end: never wrong by itself, but somebody must know that it was meant.

Whether it counts is decided where the counting is (data contract, section 3, "Territory"); here it is only told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from pipeline.catalog import Catalog
from pipeline.count.territory import Territory
from pipeline.store import Finding

RULE = "COUNT-AFTER-END"
AddressOf: TypeAlias = Callable[[str, str, str], str]
"""Month, table and unit of a delivery -> the address of its file."""


def after_end(
    staged: Mapping[str, Mapping[str, Any]], territory: Territory, catalog: Catalog, address_of: AddressOf
) -> Iterator[Finding]:
    """Yield a finding for each unit, table and month of a delivery whose Stichtag lies after the unit's end.

    `staged` is the content of `staged.json`. Persons are found in the deliveries of their unit, published counts in the
    delivery of `statistik`; a file without rows says nothing.
    """
    rule = catalog.rules[RULE]
    ended = {month: _ended(month, territory) for months in staged.values() for month in months}
    for table, months in sorted(staged.items()):
        published = table not in catalog.person_tables
        for month, entry in sorted(months.items()):
            for deliverer, delivered in sorted(entry["units"].items()):
                units = delivered.get("jobcenters", ()) if published else (deliverer,) if delivered["rows"] else ()
                for unit in units:
                    if end := ended[month].get(unit):
                        yield Finding(
                            RULE,
                            rule.severity,
                            "count",
                            f"{'published' if published else 'delivered'} for {month}, though {unit} {end}; "
                            f"{_effect(unit, territory, published)}",
                            table=table,
                            ref_month=month,
                            jc_id=unit,
                            file=address_of(month, table, deliverer),
                            count=1 if published else delivered["rows"],
                            action=rule.action_de,
                        )


def _ended(month: str, territory: Territory) -> dict[str, str]:
    """Return how each unit ended that had ended before S(month)."""
    day = territory.zaehltage.stichtag(month)
    registered = {j.jc_id: j.valid_to for j in territory.jobcenters.values() if j.valid_to is not None}
    ended = {
        u: f"ended, by the registry, on {last + timedelta(days=1)}" for u, last in registered.items() if last < day
    }
    became = {u: f"became part of {territory.unit_of(u)} on {ab}" for u, ab in territory.ends.items() if ab <= day}
    return ended | became


def _effect(unit: str, territory: Territory, published: bool) -> str:
    successor = territory.unit_of(unit)
    if published:
        return "these counts are not used"
    if successor == unit:
        return "it has no successor, so its counts of this month have no value"
    return f"its rows count for {successor}"
