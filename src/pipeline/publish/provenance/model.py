"""The shapes of an explanation: a figure taken apart into what people ask about it. Plain records, no text is made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from pipeline.catalog import Indicator, Merkmal, Side


class MonthCount(NamedTuple):
    """A base count of one month: the value, or the reason why there is none; `basis` is its origin, empty if unknown."""

    month: str
    value: Decimal | None
    reason: str
    basis: str


@dataclass(frozen=True, slots=True)
class Area:
    """What a figure is about: level (`jobcenter`, `land`, `vergleichstyp`, `kommunal`, `bund`), key and German name."""

    level: str
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """A unit that a jobcenter succeeds: `until` is the last month in which it still delivered for itself."""

    jc_id: str
    name: str
    until: str


@dataclass(frozen=True, slots=True)
class Reads:
    """Deliveries of a table in some months; `units` deliver it."""

    table: str
    months: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that was used: address relative to its source and sha-256 of the original file; `rejected` as a whole."""

    table: str
    month: str
    unit: str
    address: str
    sha256: str
    rejected: bool


@dataclass(frozen=True, slots=True)
class Lacking:
    """A delivery that is needed and cannot be used: it never came, or it was `rejected`."""

    table: str
    month: str
    unit: str
    rejected: bool


@dataclass(frozen=True, slots=True)
class SideCounts:
    """Numerator (`Zähler`) or denominator (`Nenner`) with its months; months are empty for a level above the jobcenter."""

    role: str
    side: Side
    merkmal: Merkmal
    first: str
    last: str
    months: tuple[MonthCount, ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a side has no value: the months with one reason and the deliveries that lack for them."""

    role: str
    merkmal: Merkmal
    reason: str
    basis: str
    months: tuple[str, ...]
    lacking: tuple[Lacking, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A jobcenter beside another one in a ranking, with its displayed value."""

    jc_id: str
    name: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """The place in a set: rank by the displayed value, number ranked, range of ranks, who shares it, who stands beside it."""

    group: str
    label: str
    rank: int
    ranked: int
    first: int | None
    last: int | None
    median: Decimal | None
    above: tuple[Neighbour, ...]
    tied: tuple[Neighbour, ...]
    below: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A jobcenter that a level above sums, as the comparison shows it."""

    jc_id: str
    name: str
    numerator: Decimal | None
    denominator: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True)
class Noted:
    """A finding about what the figure read: rule, German title, severity and place; `number` is missing below three."""

    rule: str
    title: str
    severity: str
    step: str
    table: str
    month: str
    unit: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Assumption:
    """A switch that stands elsewhere than its default."""

    name: str
    value: str
    default: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure of a release taken apart. Values in percent, changes in percentage points, as displayed.

    `exact` is the unrounded quotient, `answer` are the German sentences that answer the question, the main one first;
    `formula` is the quotient with its numbers, empty where there is no value. `corrections` and `waivers` are entries of the
    foundation as they stand there.
    """

    release: str
    run_month: str
    synthetic: bool
    area: Area
    indicator: Indicator
    version: str
    in_force: bool
    sex: str
    ref_month: str
    value: Decimal | None
    exact: float | None
    reason: str
    numerator: Decimal | None
    denominator: Decimal | None
    denominator_months: int
    notes: str
    basis: str
    answer: tuple[str, ...]
    formula: str
    sides: tuple[SideCounts, SideCounts]
    causes: tuple[Cause, ...]
    imputed: tuple[str, ...]
    standings: tuple[Standing, ...]
    interval: tuple[Decimal, Decimal] | None
    month_change: Decimal | None
    year_change: Decimal | None
    members: tuple[Member, ...]
    parts: tuple[Part, ...]
    reads: tuple[Reads, ...]
    findings: tuple[Noted, ...]
    corrections: tuple[Mapping[str, Any], ...]
    waivers: tuple[Mapping[str, Any], ...]
    assumptions: tuple[Assumption, ...]

    @property
    def definition(self) -> str:
        """Return the definition as the tables write it, `K2E3@2011`."""
        return self.indicator.name + self.version

    @property
    def title(self) -> str:
        """Return the legal name of the version."""
        return self.indicator.label_of(self.version).de
