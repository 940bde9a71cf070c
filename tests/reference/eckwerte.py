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
from .schalter import Switches, chosen
from .zeit import ONE_DAY, Zaehltage, add_months, days, first_day, last_day, months_between

R = TypeVar("R")

GRUENDE = (
    *("gebiet_nicht_gueltig", "nicht_geliefert", "unplausibel", "nicht_verfuegbar", "geheim", "unbekannt"),
    *("folgt_spaeter", "zu_kurze_reihe", "nenner_null"),
)
"""Reasons for a missing value, the strongest first (section 5)."""

SIGN_REASON = {"*": "geheim", "x": "nicht_verfuegbar", ".": "unbekannt", "...": "folgt_spaeter"}
LEGAL_BASES = {"llu": {"20", "21", "23", "24_1"}, "luh": {"22_1", "22_2", "22_6", "22_8"}}
NOT_SVB = {"109", "110", "190", "202", "209", "210"}
LZB_WINDOW = 730


def strongest(reasons: Iterable[str]) -> str:
    """Return the reason that wins where several meet; empty if there is none."""
    return min((reason for reason in reasons if reason), key=GRUENDE.index, default="")


NEW_INSTRUMENTS = dt.date(2019, 1, 1)
"""On this day § 16i began; Bürgerarbeit had ended the day before, whichever lists are in force."""


def is_oegb(foerderung: str, day: dt.date, new_lists: bool) -> bool:
    """Tell whether a support is publicly supported employment, by the older or the newer lists, on a day."""
    if foerderung in ("16d", "16e_alt", "sozteil"):
        return True
    if foerderung == "buergerarbeit":
        return not new_lists and day < NEW_INSTRUMENTS
    if foerderung == "16i":
        return new_lists and day >= NEW_INSTRUMENTS
    return False


def is_active_measure(massnahme_art: str, day: dt.date, new_lists: bool) -> bool:
    """Tell whether a measure is an active one, by the older or the newer lists, on a day."""
    if massnahme_art in ("16d", "16e_alt", "16f", "16_sonst"):
        return True
    if massnahme_art == "buergerarbeit":
        return not new_lists and day < NEW_INSTRUMENTS
    if massnahme_art == "16i":
        return new_lists and day >= NEW_INSTRUMENTS
    if massnahme_art == "sozteil":
        return new_lists
    return False


EVENT_KINDS = ("int", "int_svb", "bs_gering", "bs_2am")


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

    def __init__(
        self, deliveries: Deliveries, registry: list[dict[str, Any]], switches: Switches | None = None
    ) -> None:
        """Map the units to the territory of the run's month; nothing is counted yet."""
        self.memory: dict[tuple[Any, ...], Any] = {}
        self.by = chosen(switches)
        self.d = deliveries
        self.run_month = deliveries.run_month
        self.zeit = Zaehltage({}) if self.by["zaehltag_calendar"] == 15 else deliveries.zaehltage
        self.validity: dict[str, list[tuple[dt.date, dt.date]]] = {}
        for line in registry:
            first, last = as_day(line["valid_from"], dt.date.min), as_day(line["valid_to"], dt.date.max)
            self.validity.setdefault(line["jc_id"], []).append((first, last))
        run_day = self.zeit.stichtag(self.run_month)
        restated = self.by["gebietsstand"] == "current"
        self._next = {alt: neu for alt, neu, ab in deliveries.aenderungen if restated and ab <= run_day}
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
                if merged and (von - merged[-1][1]).days - 1 <= self.by["bridged_days"]:
                    merged[-1] = (merged[-1][0], max(merged[-1][1], bis))
                else:
                    merged.append((von, bis))
            result += [(unit, person, von, bis) for von, bis in merged]
        return result

    def in_window(self, day: dt.date, month: str) -> bool:
        """Tell whether a day lies in W(month): S(m-1) is outside and S(m) inside, or the other way round."""
        before, last = self.zeit.stichtag(add_months(month, -1)), self.zeit.stichtag(month)
        if self.by["window_bounds"] == "closed_left":
            return before <= day < last
        return before < day <= last

    @remembered
    def entries(self, month: str) -> list[tuple[str, str]]:
        """Return (unit, person) of every ELB entry in W(month)."""
        return [(u, person) for u, person, von, _ in self.merged_periods(month) if self.in_window(von, month)]

    @remembered
    def exits(self, month: str) -> list[tuple[str, str]]:
        """Return (unit, person) of every ELB exit in W(month): the first day without receipt (or the last with) lies in it."""
        on_last_day = self.by["exit_day"] == "last_day"
        return [
            (unit, person)
            for unit, person, _, bis in self.merged_periods(month)
            if bis < dt.date.max and self.in_window(bis if on_last_day else bis + ONE_DAY, month)
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
            enough = sum(1 for one in window if one in own) >= self.by["lzb_min_days"]
            if enough and self.is_old_enough(person, month):
                result.add(person)
        return result

    def is_old_enough(self, person: str, month: str) -> bool:
        """Tell whether a person is old enough for an LZB on S(month), by the earliest date of birth of any ELB row."""
        if self.by["lzb_min_age"] == "none":
            return True
        born = min(row["geburtsdatum"] for _, row in self.bestand_by_person(month)[person] if row["ist_elb"])
        day = self.zeit.stichtag(month)
        had_birthday = (day.month, day.day) >= (born.month, born.day)
        return bool(day.year - born.year - (0 if had_birthday else 1) >= self.by["lzb_min_age"])

    @remembered
    def lzb_stock(self, month: str) -> set[tuple[str, str]]:
        """Return (unit, person) of every LZB in stock on S(month)."""
        return {(unit, person) for unit, person in self.elb_stock(month) if person in self.lzb_anywhere(month)}

    @remembered
    def measures(self, month: str) -> set[tuple[str, str, dt.date, dt.date | None]]:
        """Return (person, code, first, last day) of the measures covering S(month), from the files of all units."""
        stichtag = self.zeit.stichtag(month)
        return {
            (row["person_id"], row["massnahme_art"], row["von"], row["bis"])
            for _, row in self.all_rows(month, "massnahme")
            if row["von"] <= stichtag <= (row["bis"] or dt.date.max)
        }

    @remembered
    def active_measures(self, month: str) -> dict[str, int]:
        """Return how many active measures cover S(month), by person."""
        stichtag, new_lists = self.zeit.stichtag(month), month >= self.by["list2019_from"]
        result: dict[str, int] = {}
        for person, code, _, _ in self.measures(month):
            if is_active_measure(code, stichtag, new_lists):
                result[person] = result.get(person, 0) + 1
        return result

    @remembered
    def in_oegb_measure(self, month: str) -> set[str]:
        """Return the persons in a measure of the class publicly supported employment covering S(month)."""
        stichtag, new_lists = self.zeit.stichtag(month), month >= self.by["list2019_from"]
        return {person for person, code, _, _ in self.measures(month) if is_oegb(code, stichtag, new_lists)}

    # --- events ----------------------------------------------------------------------------------------------------

    @remembered
    def starts(self, month: str) -> dict[str, list[Row]]:
        """Return the starts in all units' files for a month that were recorded by freeze(month), by person."""
        result: dict[str, list[Row]] = {}
        for _, row in self.all_rows(month, "aufnahme"):
            if row["recorded_on"] <= self.zeit.freeze(month):
                result.setdefault(row["person_id"], []).append(row)
        return result

    def starts_of(self, person: str, month: str, *, newcomer: bool) -> list[Row]:
        """Return the starts of a person in W1 of a month, for newcomers in W2 as well."""
        s2, s1, s0 = (self.zeit.stichtag(add_months(month, back)) for back in (-2, -1, 0))
        known = list(self.starts(month).get(person, []))
        if self.by["window_bounds"] == "closed_left":
            known += [s for s in self.starts(add_months(month, -1)).get(person, []) if s["beginn"] == s2]
            first = [s for s in known if s1 <= s["beginn"] < s0]
            second = [s for s in known if s2 <= s["beginn"] < s1]
        else:
            first = [s for s in known if s1 < s["beginn"] <= s0]
            second = [s for s in known if s2 < s["beginn"] <= s1]
        if self.by["require_start_ge_entry"]:
            entry = self.first_elb_day(add_months(month, -1)).get(person)
            second = [s for s in second if entry is not None and s["beginn"] >= entry]
        return first + (second if newcomer else [])

    @remembered
    def first_elb_day(self, month: str) -> dict[str, dt.date]:
        """Return the first day in W(month) on which each person was ELB anywhere, by the deliveries for the month."""
        first, last = self.zeit.window(month)
        result: dict[str, dt.date] = {}
        for _, row in self.all_rows(month, "leistungsbezug"):
            if row["von"] <= last and (row["bis"] or dt.date.max) >= first:
                day = max(row["von"], first)
                result[row["person_id"]] = min(day, result.get(row["person_id"], day))
        return result

    def qualifies(self, start: Row, kind: str) -> bool:
        """Tell whether a start is an event of a kind."""
        oegb = is_oegb(start["foerderung"], start["beginn"], f"{start['beginn']:%Y-%m}" >= self.by["list2019_from"])
        if kind == "bs_2am":
            return oegb
        if kind == "bs_gering":
            also = self.by["gering_ausschliesslich"] and self.insured_on(start["person_id"], start["beginn"])
            return bool(start["art"] == "gering" and not also)
        if oegb or start["art"] not in ("svb", "ausbildung", "selbst"):
            return False
        fresh = start["art"] != "svb" or self.by["job_change_counts"]
        if not fresh and self.insured_on(start["person_id"], start["beginn"] - ONE_DAY):
            return False
        if kind == "int":
            return True
        into_svb = ("svb", "ausbildung") if self.by["dual_training_in_svb"] else ("svb",)
        return start["art"] in into_svb and not start["im_ausland"]

    @remembered
    def first_starts(self, month: str, kind: str) -> dict[tuple[str, str], dt.date]:
        """Return the first day of a start that makes an event, by (unit of S(m-1), person)."""
        before = add_months(month, -2)
        result = {}
        for unit, person in self.elb_stock(add_months(month, -1)):
            if self.by["newcomer_scope"] == "jobcenter":
                newcomer = (unit, person) not in self.elb_stock(before)
            else:
                newcomer = person not in self.elb_anywhere(before)
            days_of = [s["beginn"] for s in self.starts_of(person, month, newcomer=newcomer) if self.qualifies(s, kind)]
            if days_of:
                result[unit, person] = min(days_of)
        return result

    @remembered
    def events(self, month: str, kind: str) -> set[tuple[str, str]]:
        """Return (unit of S(m-1), person) of the events of a month: at most one per person and unit."""
        result = set(self.first_starts(month, kind))
        if kind in ("bs_gering", "bs_2am") and self.by["k2e1_person_rule"] == "one_per_person":
            result -= set(self.first_starts(month, "int"))
        return result

    # --- employment ------------------------------------------------------------------------------------------------

    @remembered
    def svb_periods(self, month: str) -> dict[str, list[tuple[dt.date, dt.date]]]:
        """Return the svB periods by person, from the employment data of a month."""
        result: dict[str, list[tuple[dt.date, dt.date]]] = {}
        for row in self.d.rows(month, "beschaeftigung", "bst"):
            if row["personengruppe"] not in NOT_SVB:
                result.setdefault(row["person_id"], []).append((row["von"], row["bis"] or dt.date.max))
        return result

    def insured_on(self, person: str, day: dt.date) -> bool:
        """Tell whether a person has svB on a day; only the employment data of the day's month speak."""
        return any(von <= day <= bis for von, bis in self.svb_periods(f"{day:%Y-%m}").get(person, []))

    def is_checked(self, person: str, check_month: str, days_of: tuple[dt.date, dt.date]) -> bool:
        """Tell whether a person counts as employed in a check month, on any day of a span of it."""
        if self.by["oegb_at_check"] == "fails" and person in self.in_oegb_measure(check_month):
            return False
        first, last = days_of
        return any(von <= last and first <= bis for von, bis in self.svb_periods(check_month).get(person, []))

    def holds(self, person: str, month: str, merkmal: str, begin: dt.date) -> bool:
        """Tell whether an Integration of a month passes every check of a merkmal."""
        for ahead in CHECK_MONTHS[merkmal]:
            check_month = add_months(month, ahead)
            if merkmal == "svb_kont6" and self.by["month_test"] == "any_day":
                span = (first_day(check_month), last_day(check_month))
            elif self.by["check_day"] == "anniversary":
                check_month = add_months(f"{begin:%Y-%m}", ahead)
                span = (months_later(begin, ahead),) * 2
            elif self.by["check_day"] == "zaehltag":
                span = (self.zeit.stichtag(check_month),) * 2
            else:
                span = (last_day(check_month),) * 2
            if not self.is_checked(person, check_month, span):
                return False
        return True

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
            active = self.active_measures(month)
            once = self._with_stock_sex({(u, p) for u, p in self.lzb_stock(month) if p in active}, month)
            if self.by["k3e2_person"] == "once":
                return once
            return [entry for entry in once for _ in range(active[entry[1]])]
        if merkmal in EVENT_KINDS:
            return self._with_stock_sex(self.events(month, merkmal), before)
        if merkmal == "int_allein":
            if self.by["group_at_vorstichtag"]:
                alone = {k for k in self.events(month, "int") if self.stock(before)[k].is_alone}
            else:
                now = {p for (_, p), status in self.stock(month).items() if status.is_alone}
                alone = {(u, p) for u, p in self.events(month, "int") if p in now}
            return self._with_stock_sex(alone, before)
        if merkmal == "int_lzb":
            lzb = self.lzb_anywhere(before if self.by["group_at_vorstichtag"] else month)
            return self._with_stock_sex({(u, p) for u, p in self.events(month, "int") if p in lzb}, before)
        if merkmal in CHECK_MONTHS:
            begins = self.first_starts(month, "int_svb")
            kept = {(u, p) for (u, p), begin in begins.items() if self.holds(p, month, merkmal, begin)}
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
        needed = self.switched_needs(needs(merkmal, by_sex), merkmal)
        reasons = [self.missing(unit, table, add_months(month, shift)) for table, shift in needed]
        reasons += [self.missing_employment(add_months(month, ahead)) for ahead in self.employment_months(merkmal)]
        if merkmal in CHECK_MONTHS and self.by["oegb_at_check"] == "fails":
            checked = [add_months(month, ahead) for ahead in self.checked_months(merkmal)]
            reasons += [self.missing(unit, "massnahme", m) for m in checked if m <= self.run_month]
        return strongest(reasons)

    def switched_needs(self, needed: list[tuple[str, int]], merkmal: str) -> list[tuple[str, int]]:
        """Return what a cell needs of the own unit's deliveries as the switches have it."""
        if merkmal not in (*EVENT_KINDS, *CHECK_MONTHS, "int_allein", "int_lzb"):
            return needed
        result = list(needed)
        if not self.by["group_at_vorstichtag"] and merkmal in ("int_allein", "int_lzb"):
            result = [*_EVENT_NEEDS, ("bestand", 0), *(_LZB_NEEDS if merkmal == "int_lzb" else [])]
        if self.by["window_bounds"] == "closed_left":
            result.append(("aufnahme", -1))
        if self.by["require_start_ge_entry"]:
            result.append(("leistungsbezug", -1))
        return result

    def checked_months(self, merkmal: str) -> range:
        """Return the months after the Integration's into which its check days fall."""
        ahead = CHECK_MONTHS[merkmal]
        any_day = merkmal == "svb_kont6" and self.by["month_test"] == "any_day"
        earlier = 2 if self.by["check_day"] == "anniversary" and not any_day else 0
        return range(ahead[0] - earlier, ahead[-1] + 1)

    def employment_months(self, merkmal: str) -> list[int]:
        """Return the months, relative to the count's, whose employment data a cell needs."""
        integrations = merkmal in ("int", "int_svb", "int_allein", "int_lzb", *CHECK_MONTHS)
        if merkmal in ("bs_gering", "bs_2am"):
            integrations = self.by["k2e1_person_rule"] == "one_per_person"
        result = list(self.checked_months(merkmal)) if merkmal in CHECK_MONTHS else []
        if integrations and not self.by["job_change_counts"]:
            result += [-2, -1, 0]
        if merkmal == "bs_gering" and self.by["gering_ausschliesslich"]:
            result += [-2, -1, 0]
        return result

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


def months_later(day: dt.date, count: int) -> dt.date:
    """Return the day some months later; the last of its month where the month has no such day."""
    end = last_day(add_months(f"{day:%Y-%m}", count))
    return end.replace(day=min(day.day, end.day))


def as_day(value: Any, if_empty: dt.date) -> dt.date:
    """Read a registry day; an empty one is open."""
    if isinstance(value, dt.date):
        return value
    return dt.date.fromisoformat(value) if value else if_empty
