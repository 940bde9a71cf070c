"""What people decided about certain deliveries: corrections of a publisher's known error, and waivers of rules.

Reads the two reviewed files strictly; what a correction does to a count or a waiver to a verdict is said by `count` and `check`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from pipeline.catalog.loader import Catalog
from pipeline.catalog.model import SEXES
from pipeline.catalog.strict import CatalogError, read_entries
from pipeline.months import month_number

CORRECTIONS, WAIVERS = "corrections.yml", "waivers.yml"
T = TypeVar("T", bound="Correction | Waiver")


@dataclass(frozen=True)
class Correction:
    """A published count that its publisher got wrong: `expect` is what was delivered, `value` what counts instead.

    Both are a number with at most two decimals or a sign, as text. If another value than `expect` is delivered, the entry
    is out of date and the run stops: the publisher has repaired the error, or made another one.
    """

    id: str
    ref_month: str
    jc_id: str
    geschlecht: str
    merkmal: str
    expect: str
    value: str
    reason: str
    source: str
    owner: str
    reviewed_on: str

    @property
    def cell(self) -> tuple[str, str, str, str]:
        """Return month, jobcenter, sex and merkmal."""
        return (self.ref_month, self.jc_id, self.geschlecht, self.merkmal)

    def tells_small_count(self, below: int) -> bool:
        """Tell whether one of the two numbers is a count that is never published: at least one, fewer than `below`."""
        return any(_is_number(text) and 0 < Decimal(text) < below for text in (self.expect, self.value))


@dataclass(frozen=True)
class Waiver:
    """A rule that is known to be broken for `units` and `ref_months` (empty: all) and is not to stop or warn until `expires`."""

    id: str
    rule: str
    units: tuple[str, ...]
    ref_months: tuple[str, ...]
    reason: str
    owner: str
    expires: str

    def covers(self, rule: str, unit: str, ref_month: str) -> bool:
        """Tell whether the waiver speaks of a broken rule at a unit and month (empty where the rule names none)."""
        return (
            rule == self.rule
            and (not self.units or unit in self.units)
            and (not self.ref_months or ref_month in self.ref_months)
        )


@dataclass(frozen=True)
class Decisions:
    """The corrections and waivers of a run."""

    corrections: tuple[Correction, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    def on(self, today: date) -> tuple[Decisions, tuple[Waiver, ...]]:
        """Return the decisions in force on a day, and the waivers that have expired before it."""
        expired = tuple(w for w in self.waivers if date.fromisoformat(w.expires) < today)
        return Decisions(self.corrections, tuple(w for w in self.waivers if w not in expired)), expired

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return the decisions as JSON-able values."""
        return {"corrections": [_as_json(c) for c in self.corrections], "waivers": [_as_json(w) for w in self.waivers]}

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Decisions:
        """Return the decisions that `as_json` wrote into a larger document; none if it holds none."""
        return cls(
            tuple(Correction(**c) for c in content.get("corrections", ())),
            tuple(
                Waiver(**w | {"units": tuple(w["units"]), "ref_months": tuple(w["ref_months"])})
                for w in content.get("waivers", ())
            ),
        )


def read_decisions(folder: Path, catalog: Catalog, rules: Collection[str]) -> Decisions:
    """Read `corrections.yml` and `waivers.yml` of a folder; an absent file decides nothing. Raises CatalogError.

    `rules` are the ids that may be waived. The error names file, line and entry.
    """
    corrections = tuple(
        _entry(Correction, e, lambda c: _check_correction(c, catalog)) for e in _entries(folder, CORRECTIONS)
    )
    waivers = tuple(_entry(Waiver, e, lambda w: _check_waiver(w, catalog, rules)) for e in _entries(folder, WAIVERS))
    _once("id", CORRECTIONS, [c.id for c in corrections])
    _once("cell", CORRECTIONS, [" ".join(c.cell) for c in corrections])
    _once("id", WAIVERS, [w.id for w in waivers])
    return Decisions(corrections, waivers)


def _entries(folder: Path, name: str) -> list[Any]:
    path = folder / name
    return read_entries(path) if path.exists() else []


def _entry(kind: type[T], raw: Any, check: Any) -> T:
    names = [f.name for f in fields(kind)]
    if unknown := sorted(set(raw) - set(names)):
        raise CatalogError(f"{raw.place}: {unknown[0]} is no field of an entry; there are {', '.join(names)}")
    values: dict[str, Any] = {}
    for field in fields(kind):
        value = raw.get(field.name, ()) if field.name in ("units", "ref_months") else raw[field.name]
        values[field.name] = tuple(map(str, value)) if field.name in ("units", "ref_months") else str(value).strip()
    made = kind(**values)
    try:
        if empty := [n for n in ("id", "reason", "owner") if not values[n]]:
            raise ValueError(f"{empty[0]} is empty")
        check(made)
    except ValueError as error:
        raise CatalogError(f"{raw.place}: {values['id'] or 'entry'}: {error}") from error
    return made


def _check_correction(entry: Correction, catalog: Catalog) -> None:
    month_number(entry.ref_month)
    date.fromisoformat(entry.reviewed_on)
    if entry.jc_id not in catalog.jobcenters:
        raise ValueError(f"jc_id {entry.jc_id!r} is not in the registry of jobcenters")
    if entry.geschlecht not in SEXES:
        raise ValueError(f"geschlecht is {entry.geschlecht!r}, allowed are {', '.join(SEXES)}")
    if entry.merkmal not in catalog.merkmale:
        raise ValueError(f"merkmal {entry.merkmal!r} is not known; there are {', '.join(catalog.merkmale)}")
    for name in ("expect", "value"):
        text = getattr(entry, name)
        if text not in catalog.codelists["zeichen"] and not _is_number(text):
            raise ValueError(f"{name} is {text!r}, neither a number with at most two decimals nor a sign")
    if entry.expect == entry.value:
        raise ValueError("expect and value are the same, so nothing would be corrected")
    if not entry.source:
        raise ValueError("source is empty")


def _is_number(text: str) -> bool:
    try:
        value = Decimal(text)
        return value.is_finite() and value >= 0 and value == value.quantize(Decimal("0.01"))
    except InvalidOperation:
        return False


def _check_waiver(entry: Waiver, catalog: Catalog, rules: Collection[str]) -> None:
    date.fromisoformat(entry.expires)
    if entry.rule not in rules:
        raise ValueError(f"there is no rule {entry.rule!r}")
    for month in entry.ref_months:
        month_number(month)
    known = {*catalog.jobcenters, *(t.unit for t in catalog.tables.values())}
    if unknown := [unit for unit in entry.units if unit not in known]:
        raise ValueError(f"unit {unknown[0]!r} is not in the registry of jobcenters")


def _once(what: str, name: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise CatalogError(f"{name}: {what} {value} stands twice")


def _as_json(entry: Correction | Waiver) -> dict[str, Any]:
    values = {f.name: getattr(entry, f.name) for f in fields(entry)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
