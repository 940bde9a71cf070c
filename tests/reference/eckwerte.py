"""Counting persons into the monthly Eckwerte, brute force (contract, section 3).

The methods of `Counting` follow the sentences of the contract one by one: who is in stock, which days a person was
ELB, which starts make an event, who is long-term beneficiary. Sets of persons are built for every month and every unit,
then counted. Speed is of no concern.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import Any, TypeVar, cast

from .deliveries import MERKMALE, PERSON_TABLES, Deliveries, Row
from .zeit import ONE_DAY, add_months, days, last_day, months_between

R = TypeVar("R")

GRUENDE = (
    *("gebiet_nicht_gueltig", "nicht_geliefert", "unplausibel", "nicht_verfuegbar", "geheim", "unbekannt"),
    *("folgt_spaeter", "zu_kurze_reihe", "nenner_null"),
)
"""Reasons for a missing value, the strongest first (section 5)."""

SIGN_REASON = {"*": "geheim", "x": "nicht_verfuegbar", ".": "unbekannt", "...": "folgt_spaeter"}
LEGAL_BASES = {"llu": {"20", "21", "23", "24_1"}, "luh": {"22_1", "22_2", "22_6", "22_8"}}
NOT_SVB = {"109", "110", "190", "202", "209", "210"}
NEW_LISTS = dt.date(2019, 1, 1)
LZB_DAYS, LZB_WINDOW = 638, 730
BRIDGED_DAYS = 7


def strongest(reasons: Iterable[str]) -> str:
    """Return the reason that wins where several meet; empty if there is none."""
    return min((reason for reason in reasons if reason), key=GRUENDE.index, default="")


def is_oegb(foerderung: str, beginn: dt.date) -> bool:
    """Tell whether a start is publicly supported employment, by the lists in force on its first day."""
    if foerderung in ("16d", "16e_alt", "sozteil"):
        return True
    if foerderung == "buergerarbeit":
        return beginn < NEW_LISTS
    if foerderung == "16i":
        return beginn >= NEW_LISTS
    return False


def is_active_measure(massnahme_art: str, month: str) -> bool:
    """Tell whether a measure is an active one, by the lists of the reference month."""
    if massnahme_art in ("16d", "16e_alt", "16f", "16_sonst"):
        return True
    if massnahme_art == "buergerarbeit":
        return month < "2019-01"
    if massnahme_art in ("16i", "sozteil"):
        return month >= "2019-01"
    return False


def is_integration(start: Row) -> bool:
    """Tell whether a start is an Integration: svB, training or self-employment, not publicly supported."""
    return start["art"] in ("svb", "ausbildung", "selbst") and not is_oegb(start["foerderung"], start["beginn"])


def is_svb_integration(start: Row) -> bool:
    """Tell whether a start is an Integration into svB in Germany."""
    return start["art"] == "svb" and not start["im_ausland"] and is_integration(start)


def is_gering(start: Row) -> bool:
    """Tell whether a start is marginal employment."""
    return bool(start["art"] == "gering")


def is_oegb_start(start: Row) -> bool:
    """Tell whether a start is one of publicly supported employment, whatever its kind."""
    return is_oegb(start["foerderung"], start["beginn"])


QUALIFIES = {"int": is_integration, "int_svb": is_svb_integration, "bs_gering": is_gering, "bs_2am": is_oegb_start}


@dataclass(frozen=True)
class Status:
    """What the bestand rows of one person in one unit say on one Stichtag."""

    is_elb: bool
    is_alone: bool
    sex: str
    """M or F; anything else (D, missing, contradicting) is empty."""


@dataclass(frozen=True)
class Cell:
    """One Eckwert: a value, or the reason why there is none."""

    wert: Decimal | None
    grund: str
    basis: str


def agreed_sex(values: Iterable[str]) -> str:
    """Return M or F if all values agree on it, else nothing."""
    distinct = set(values)
    return distinct.pop() if distinct in ({"M"}, {"F"}) else ""


def remembered(method: Callable[..., R]) -> Callable[..., R]:
    """Keep what a method of a `Counting` returned, for the lifetime of that object."""

    @wraps(method)
    def wrapper(self: Counting, *arguments: Any) -> R:
        """Look up the answer, or work it out once."""
        key = (method.__name__, *arguments)
        if key not in self.memory:
            self.memory[key] = method(self, *arguments)
        return cast(R, self.memory[key])

    return wrapper


class Counting:
    """All counts of one run."""

    def __init__(self, deliveries: Deliveries, registry: list[dict[str, Any]]) -> None:
        """Map the units to the territory of the run's month; nothing is counted yet."""
        self.memory: dict[tuple[Any, ...], Any] = {}
        self.d = deliveries
        self.run_month = deliveries.run_month
        self.zeit = deliveries.zaehltage
        self.validity: dict[str, list[tuple[dt.date, dt.date]]] = {}
        for line in registry:
            first, last = as_day(line["valid_from"], dt.date.min), as_day(line["valid_to"], dt.date.max)
            self.validity.setdefault(line["jc_id"], []).append((first, last))
        run_day = self.zeit.stichtag(self.run_month)
        self._next = {alt: neu for alt, neu, ab in deliveries.aenderungen if ab <= run_day}
        self.parts: dict[str, list[str]] = {}
        for unit in sorted(self.validity):
            self.parts.setdefault(self.successor(unit), []).append(unit)
        self.first_month = deliveries.first_month()
        self.months = months_between(self.first_month, self.run_month) if self.first_month else []
        self.units = [u for u in sorted(self.validity) if u not in self._next and self.has_cells(u)]

    # --- territory and deliveries ----------------------------------------------------------------------------------

    def successor(self, unit: str) -> str:
        """Return the unit that a unit belongs to on the territory of the run's month."""
        while unit in self._next:
            unit = self._next[unit]
        return unit

    def is_valid(self, unit: str, month: str) -> bool:
        """Tell whether the registry knows this very unit on S(month)."""
        stichtag = self.zeit.stichtag(month)
        return any(first <= stichtag <= last for first, last in self.validity[unit])

    def has_cells(self, unit: str) -> bool:
        """Tell whether the series has a unit: it existed in some month, or something was delivered for it anyway."""
        return any(self.valid_parts(unit, month) for month in self.months) or self.ever_delivered(unit)

    @remembered
    def valid_parts(self, unit: str, month: str) -> tuple[str, ...]:
        """Return the parts of a unit (itself, its predecessors) that are valid on S(month)."""
        return tuple(part for part in self.parts[unit] if self.is_valid(part, month))

    @remembered
    def first_of(self, table: str) -> str | None:
        """Return the month of the first delivery of a table by any unit."""
        return self.d.first_month(table)

    def hole(self, table: str, month: str) -> str:
        """Return the reason for a delivery that is missing in a month."""
        first = self.first_of(table)
        return "zu_kurze_reihe" if first is None or month < first else "nicht_geliefert"

    @remembered
    def missing(self, unit: str, table: str, month: str) -> str:
        """Return why a unit's table of a month is missing; empty if every valid part delivered it."""
        parts = self.valid_parts(unit, month)
        if not parts:
            return "gebiet_nicht_gueltig"
        if all((month, table, part) in self.d.accepted for part in parts):
            return ""
        return self.hole(table, month)

    def missing_employment(self, check_month: str) -> str:
        """Return why the employment data of a check month is missing; empty if it has come."""
        if (check_month, "beschaeftigung", "bst") in self.d.accepted:
            return ""
        if check_month > add_months(self.run_month, -4):
            return "folgt_spaeter"
        return self.hole("beschaeftigung", check_month)

    @remembered
    def delivers_persons(self, unit: str) -> bool:
        """Tell whether a unit (or a part of it) delivers any person table in any month."""
        return any(u in self.parts[unit] and table in PERSON_TABLES for (_, table, u) in self.d.accepted)

    @remembered
    def ever_delivered(self, unit: str) -> bool:
        """Tell whether anything ever came for a unit: a person table, or a published row."""
        return self.delivers_persons(unit) or any(
            row["jc_id"] in self.parts[unit]
            for (_, table, _), rows in self.d.accepted.items()
            if table == "eckwerte"
            for row in rows
        )

    def all_rows(self, month: str, table: str) -> list[tuple[str, Row]]:
        """Return (unit on the run's territory, row) of a table, from the files of all units."""
        return [
            (self.successor(unit), row)
            for unit in self.d.units(month, table)
            for row in self.d.rows(month, table, unit)
        ]

    # --- stock -----------------------------------------------------------------------------------------------------

    @remembered
    def bestand_by_person(self, month: str) -> dict[str, list[tuple[str, Row]]]:
        """Return every bestand row of a month by person, with its unit."""
        result: dict[str, list[tuple[str, Row]]] = {}
        for unit, row in self.all_rows(month, "bestand"):
            result.setdefault(row["person_id"], []).append((unit, row))
        return result

    @remembered
    def stock(self, month: str) -> dict[tuple[str, str], Status]:
        """Return the status of every (unit, person) in stock on S(month); contradicting rows are resolved."""
        grouped: dict[tuple[str, str], list[Row]] = {}
        for unit, row in self.all_rows(month, "bestand"):
            grouped.setdefault((unit, row["person_id"]), []).append(row)
        return {
            key: Status(
                is_elb=any(row["ist_elb"] for row in rows),
                is_alone=any(row["ist_elb"] and row["ist_alleinerziehend"] for row in rows),
                sex=agreed_sex(row["geschlecht"] for row in rows),
            )
            for key, rows in grouped.items()
        }

    @remembered
    def elb_stock(self, month: str) -> set[tuple[str, str]]:
        """Return (unit, person) of every ELB in stock on S(month)."""
        return {key for key, status in self.stock(month).items() if status.is_elb}

    @remembered
    def elb_anywhere(self, month: str) -> set[str]:
        """Return the persons who are ELB in any unit's stock on S(month)."""
        return {person for _, person in self.elb_stock(month)}

    def sex_anywhere(self, person: str, months: tuple[str, str]) -> str:
        """Return a person's sex by any unit's bestand of the first month that knows the person."""
        for month in months:
            rows = self.bestand_by_person(month).get(person)
            if rows:
                return agreed_sex(row["geschlecht"] for _, row in rows)
        return ""

    # --- movements -------------------------------------------------------------------------------------------------

    @remembered
    def merged_periods(self, month: str) -> list[tuple[str, str, dt.date, dt.date]]:
        """Return (unit, person, first, last day) of the ELB periods in the deliveries for a month.

        Periods of one person in one unit are merged over gaps of up to seven days; open ones end on the last of days.
        """
        grouped: dict[tuple[str, str], list[tuple[dt.date, dt.date]]] = {}
        for unit, row in self.all_rows(month, "leistungsbezug"):
            period = (row["von"], row["bis"] or dt.date.max)
            grouped.setdefault((unit, row["person_id"]), []).append(period)
        result = []
        for (unit, person), periods in grouped.items():
            merged: list[tuple[dt.date, dt.date]] = []
            for von, bis in sorted(periods):
                if merged and (von - merged[-1][1]).days - 1 <= BRIDGED_DAYS:
                    merged[-1] = (merged[-1][0], max(merged[-1][1], bis))
                else:
                    merged.append((von, bis))
            result += [(unit, person, von, bis) for von, bis in merged]
        return result

    @remembered
    def entries(self, month: str) -> list[tuple[str, str]]:
        """Return (unit, person) of every ELB entry in W(month)."""
        first, last = self.zeit.window(month)
        return [(unit, person) for unit, person, von, _ in self.merged_periods(month) if first <= von <= last]

    @remembered
    def exits(self, month: str) -> list[tuple[str, str]]:
        """Return (unit, person) of every ELB exit in W(month): the first day without receipt lies in it."""
        first, last = self.zeit.window(month)
        return [
            (unit, person)
            for unit, person, _, bis in self.merged_periods(month)
            if first - ONE_DAY <= bis <= last - ONE_DAY
        ]

    # --- long-term receipt -----------------------------------------------------------------------------------------

    @remembered
    def elb_days(self) -> dict[str, set[dt.date]]:
        """Return the days on which each person was ELB; for a day of W(k) only deliveries for k speak."""
        result: dict[str, set[dt.date]] = {}
        for month in self.months:
            first, last = self.zeit.window(month)
            for _, row in self.all_rows(month, "leistungsbezug"):
                von, bis = max(row["von"], first), min(row["bis"] or last, last)
                result.setdefault(row["person_id"], set()).update(days(von, bis))
        return result

    @remembered
    def lzb_anywhere(self, month: str) -> set[str]:
        """Return the persons who are ELB in any stock on S(month) with at least 638 of 730 days as ELB."""
        stichtag = self.zeit.stichtag(month)
        window = days(stichtag - (LZB_WINDOW - 1) * ONE_DAY, stichtag)
        known = self.elb_days()
        result = set()
        for person in self.elb_anywhere(month):
            own = known.get(person, set())
            if sum(1 for one in window if one in own) >= LZB_DAYS:
                result.add(person)
        return result

    @remembered
    def lzb_stock(self, month: str) -> set[tuple[str, str]]:
        """Return (unit, person) of every LZB in stock on S(month)."""
        return {(unit, person) for unit, person in self.elb_stock(month) if person in self.lzb_anywhere(month)}

    @remembered
    def in_active_measure(self, month: str) -> set[str]:
        """Return the persons with an active measure covering S(month), from the files of all units."""
        stichtag = self.zeit.stichtag(month)
        return {
            row["person_id"]
            for _, row in self.all_rows(month, "massnahme")
            if row["von"] <= stichtag <= (row["bis"] or dt.date.max) and is_active_measure(row["massnahme_art"], month)
        }

    # --- events ----------------------------------------------------------------------------------------------------

    @remembered
    def starts(self, month: str) -> dict[str, list[Row]]:
        """Return the starts in all units' files for a month that were recorded by freeze(month), by person."""
        result: dict[str, list[Row]] = {}
        for _, row in self.all_rows(month, "aufnahme"):
            if row["recorded_on"] <= self.zeit.freeze(month):
                result.setdefault(row["person_id"], []).append(row)
        return result

    @remembered
    def events(self, month: str, kind: str) -> set[tuple[str, str]]:
        """Return (unit of S(m-1), person) of the events of a month: at most one per person and unit."""
        s2, s1, s0 = (self.zeit.stichtag(add_months(month, back)) for back in (-2, -1, 0))
        elb_before = self.elb_anywhere(add_months(month, -2))
        result = set()
        for unit, person in self.elb_stock(add_months(month, -1)):
            after = s1 if person in elb_before else s2
            in_window = [s for s in self.starts(month).get(person, []) if after < s["beginn"] <= s0]
            if any(QUALIFIES[kind](start) for start in in_window):
                result.add((unit, person))
        return result

    @remembered
    def employed(self, check_month: str) -> set[str]:
        """Return the persons with svB on the last day of a month, from the employment data of that month."""
        check_day = last_day(check_month)
        return {
            row["person_id"]
            for row in self.d.rows(check_month, "beschaeftigung", "bst")
            if row["von"] <= check_day <= (row["bis"] or dt.date.max) and row["personengruppe"] not in NOT_SVB
        }

    # --- who is counted in which cell ------------------------------------------------------------------------------

    @remembered
    def counted(self, month: str, merkmal: str) -> list[tuple[str, str, str]]:
        """Return (unit, person, sex) once for everything that a merkmal counts in a month."""
        before = add_months(month, -1)
        if merkmal == "elb":
            return self._with_stock_sex(self.elb_stock(month), month)
        if merkmal == "alleinerz":
            return self._with_stock_sex({k for k, s in self.stock(month).items() if s.is_alone}, month)
        if merkmal == "elb_zugang":
            return [(unit, person, self.sex_anywhere(person, (month, before))) for unit, person in self.entries(month)]
        if merkmal == "elb_abgang":
            return [(unit, person, self.sex_anywhere(person, (before, month))) for unit, person in self.exits(month)]
        if merkmal == "lzb":
            return self._with_stock_sex(self.lzb_stock(month), month)
        if merkmal == "lzb_zugang":
            new = {(u, p) for u, p in self.lzb_stock(month) if p not in self.lzb_anywhere(before)}
            return self._with_stock_sex(new, month)
        if merkmal == "lzb_abgang":
            gone = {(u, p) for u, p in self.lzb_stock(before) if p not in self.lzb_anywhere(month)}
            return self._with_stock_sex(gone, before)
        if merkmal == "lzb_amp":
            active = {(u, p) for u, p in self.lzb_stock(month) if p in self.in_active_measure(month)}
            return self._with_stock_sex(active, month)
        if merkmal in QUALIFIES:
            return self._with_stock_sex(self.events(month, merkmal), before)
        if merkmal == "int_allein":
            alone = {k for k in self.events(month, "int") if self.stock(before)[k].is_alone}
            return self._with_stock_sex(alone, before)
        if merkmal == "int_lzb":
            return self._with_stock_sex(self.events(month, "int") & self.lzb_stock(before), before)
        if merkmal in CHECK_MONTHS:
            tested = [self.employed(add_months(month, ahead)) for ahead in CHECK_MONTHS[merkmal]]
            kept = {(u, p) for u, p in self.events(month, "int_svb") if all(p in svb for svb in tested)}
            return self._with_stock_sex(kept, before)
        raise KeyError(merkmal)

    def _with_stock_sex(self, keys: set[tuple[str, str]], month: str) -> list[tuple[str, str, str]]:
        """Add the sex of the bestand row that makes the count."""
        return [(unit, person, self.stock(month)[unit, person].sex) for unit, person in sorted(keys)]

    # --- which deliveries a cell needs -----------------------------------------------------------------------------

    @remembered
    def blocked(self, unit: str, month: str, merkmal: str, by_sex: bool) -> str:
        """Return why the deliveries do not allow a cell; empty if they do."""
        if not self.valid_parts(unit, month):
            return "gebiet_nicht_gueltig"
        reasons = [self.missing(unit, table, add_months(month, shift)) for table, shift in needs(merkmal, by_sex)]
        if merkmal in CHECK_MONTHS:
            reasons += [self.missing_employment(add_months(month, ahead)) for ahead in CHECK_MONTHS[merkmal]]
        return strongest(reasons)

    # --- cells -----------------------------------------------------------------------------------------------------

    def person_value(self, unit: str, month: str, merkmal: str, sex: str) -> tuple[Decimal | None, str]:
        """Return a cell as counted from persons: (value, empty) or (None, reason)."""
        grund = self.blocked(unit, month, merkmal, sex != "T")
        if merkmal in LEGAL_BASES:
            value, without_person = self.euros(unit, month, merkmal, sex)
            if sex != "T" and without_person:
                grund = strongest([grund, "nicht_verfuegbar"])
            return (None, grund) if grund else (value, "")
        if grund:
            return None, grund
        return Decimal(sum(1 for u, _, s in self.counted(month, merkmal) if u == unit and sex in ("T", s))), ""

    def euros(self, unit: str, month: str, merkmal: str, sex: str) -> tuple[Decimal, bool]:
        """Return the sum of entitlements, and whether any row of these legal bases has no person."""
        total, without_person = Decimal("0.00"), False
        for part in self.parts[unit]:
            for row in self.d.rows(month, "leistung", part):
                if row["rechtsgrundlage"] not in LEGAL_BASES[merkmal]:
                    continue
                without_person |= row["person_id"] == ""
                if sex == "T" or self.sex_anywhere(row["person_id"], (month, add_months(month, -1))) == sex:
                    total += row["anspruch_eur"]
        return total, without_person

    @remembered
    def published_rows(self, month: str) -> dict[tuple[str, str, str], set[tuple[Decimal | None, str]]]:
        """Return what the published counts of a month say per (unit, merkmal, sex): values and reasons."""
        result: dict[tuple[str, str, str], set[tuple[Decimal | None, str]]] = {}
        for row in self.d.rows(month, "eckwerte", "statistik"):
            if row["zeichen"] == "-":
                said: tuple[Decimal | None, str] = (Decimal(0), "")
            elif row["zeichen"]:
                said = (None, SIGN_REASON[row["zeichen"]])
            else:
                said = (row["wert"], "")
            result.setdefault((row["jc_id"], row["merkmal"], row["geschlecht"]), set()).add(said)
        return result

    def published_value(self, unit: str, month: str, merkmal: str, sex: str) -> tuple[Decimal | None, str] | None:
        """Return a cell as published: (value, empty), (None, reason), or None if there is no row for it.

        The parts of a merged unit that are valid on S(month) are added up; one part without a row: no row.
        """
        total, reasons = Decimal(0), []
        for part in self.valid_parts(unit, month):
            said = self.published_rows(month).get((part, merkmal, sex))
            if said is None:
                return None
            value, grund = next(iter(said)) if len(said) == 1 else (None, "unplausibel")
            reasons.append(grund)
            total += value or 0
        grund = strongest(reasons)
        return (None, grund) if grund else (total, "")

    @remembered
    def cell(self, unit: str, month: str, merkmal: str, sex: str) -> Cell:
        """Return one Eckwert: person counts win, published counts fill."""
        persons = self.delivers_persons(unit)
        route = "personen" if persons else "eckwerte"
        if not self.valid_parts(unit, month):
            return Cell(None, "gebiet_nicht_gueltig", route)
        published = self.published_value(unit, month, merkmal, sex)
        if not persons:
            if published is not None:
                return Cell(*published, route)
            return Cell(None, self._no_published_row(month), route)
        value, grund = self.person_value(unit, month, merkmal, sex)
        if value is not None:
            return Cell(value, "", "personen")
        if published is None:
            return Cell(None, grund, "personen")
        if published[0] is not None:
            return Cell(published[0], "", "eckwerte")
        return Cell(None, strongest([grund, published[1]]), "personen")

    def _no_published_row(self, month: str) -> str:
        """Return the reason for a cell of a unit without persons that has no published row."""
        if (month, "eckwerte", "statistik") in self.d.accepted:
            return "nicht_geliefert"
        return self.hole("eckwerte", month)

    def rows(self) -> list[dict[str, Any]]:
        """Return the whole table of Eckwerte."""
        return [
            {
                "ref_month": month,
                "jc_id": unit,
                "geschlecht": sex,
                "merkmal": merkmal,
                "wert": cell.wert,
                "grund": cell.grund,
                "basis": cell.basis,
            }
            for month in self.months
            for unit in self.units
            for sex in ("T", "M", "F")
            for merkmal in MERKMALE
            for cell in [self.cell(unit, month, merkmal, sex)]
        ]


CHECK_MONTHS = {"svb_nach12": (12,), "svb_kont6": (1, 2, 3, 4, 5, 6)}
"""Months after the integration on whose last day employment is checked."""

_LZB_NEEDS = [("bestand", 0), *(("leistungsbezug", -back) for back in range(25))]
_EVENT_NEEDS = [("bestand", -1), ("bestand", -2), ("aufnahme", 0)]


def needs(merkmal: str, by_sex: bool) -> list[tuple[str, int]]:
    """Return (table, month relative to m) of the own unit's deliveries that a cell needs."""
    if merkmal in ("elb", "alleinerz"):
        return [("bestand", 0)]
    if merkmal == "elb_zugang":
        return [("leistungsbezug", 0)] + ([("bestand", 0)] if by_sex else [])
    if merkmal == "elb_abgang":
        return [("leistungsbezug", 0)] + ([("bestand", -1)] if by_sex else [])
    if merkmal == "lzb":
        return _LZB_NEEDS
    if merkmal in ("lzb_zugang", "lzb_abgang"):
        return _LZB_NEEDS + [(table, shift - 1) for table, shift in _LZB_NEEDS]
    if merkmal == "lzb_amp":
        return [*_LZB_NEEDS, ("massnahme", 0)]
    if merkmal == "int_lzb":
        return _EVENT_NEEDS + [(table, shift - 1) for table, shift in _LZB_NEEDS]
    if merkmal in LEGAL_BASES:
        return [("leistung", 0)] + ([("bestand", 0)] if by_sex else [])
    return _EVENT_NEEDS


def as_day(value: Any, if_empty: dt.date) -> dt.date:
    """Read a registry day; an empty one is open."""
    if isinstance(value, dt.date):
        return value
    return dt.date.fromisoformat(value) if value else if_empty
