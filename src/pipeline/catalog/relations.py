"""How base counts and indicators relate: what is a part of what, which deliveries a count rests on, which indicators are shares.

Read from the declarations, for all who rely on it; what follows (ceilings, complements, checks) is said where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.catalog.model import Indicator, Merkmal

Pair = tuple[str, str]
"""(part, whole), names of base counts."""


def parts_and_wholes(merkmale: Mapping[str, Merkmal]) -> tuple[Pair, ...]:
    """Return all pairs (part, whole) as declared, parts of parts first."""

    def depth(name: str) -> int:
        return max((1 + depth(whole) for whole in merkmale[name].part_of), default=0)

    names = sorted(merkmale, key=depth, reverse=True)
    return tuple((name, whole) for name in names for whole in merkmale[name].part_of)


def newest_deliveries(merkmal: Merkmal) -> tuple[tuple[str, int], ...]:
    """Return (table, month relative to the count's) of the newest delivery of each table of its own unit that a count reads."""
    return tuple((table, last) for table, (_, last) in merkmal.needs.items() if table != "beschaeftigung")


def event_parts(merkmale: Mapping[str, Merkmal]) -> tuple[Pair, ...]:
    """Return the pairs whose part counts events, parts of parts first."""
    return tuple(pair for pair in parts_and_wholes(merkmale) if merkmale[pair[0]].kind == "event")


def shares(indicators: Mapping[str, Indicator], merkmale: Mapping[str, Merkmal]) -> tuple[Pair, ...]:
    """Return the pairs (part, whole) that some indicator divides: N - Z is a number of persons or events, too.

    Months do not matter here: the complement of a single month is secret whatever months the indicator sums.
    """
    divided = {
        (numerator.merkmal, denominator.merkmal)
        for indicator in indicators.values()
        for numerator, denominator in indicator.versions.values()
    }
    return tuple(sorted(divided & set(parts_and_wholes(merkmale))))
