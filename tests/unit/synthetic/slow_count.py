"""A slow count of a delivery tree, person by person and straight from the text of the data contract, sections 1 and 3.

It shares no code with the generator or the pipeline; it serves to check what the generator publishes for its persons.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

Row = dict[str, Any]
OEGB_UNTIL_2018 = {"16d", "16e_alt", "sozteil", "buergerarbeit"}
ACTIVE_UNTIL_2018 = {"16d", "16e_alt", "16f", "16_sonst", "buergerarbeit"}
NOT_SVB = {"109", "110", "190", "202", "209", "210"}
LLU, LUH = {"20", "21", "23", "24_1"}, {"22_1", "22_2", "22_6", "22_8"}


def add(month: str, offset: int) -> str:
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + offset
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def day(value: date) -> int:
    return value.toordinal()


class SlowCount:
    """Counts of a tree for months until 2018; `parts` are the predecessors of units, as unit -> {old unit}."""

    def __init__(self, root: Path, parts: dict[str, set[str]]) -> None:
        self.parts = parts
        self.months = sorted(p.name for p in root.iterdir() if p.is_dir())
        with (root / "zaehltage.csv").open(encoding="utf-8") as handle:
            self.listed = {r["ref_month"]: date.fromisoformat(r["stichtag"]) for r in csv.DictReader(handle)}
        self.files: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(dict)
        for path in sorted(root.glob("*/*/*.parquet")):
            self.files[path.parts[-3], path.parts[-2]][path.stem] = pq.read_table(path).to_pylist()
        self.removed: set[str] = set()
        self._elb_days: dict[str, set[int]] = defaultdict(set)
        for month in self.months:
            low, high = self.s(add(month, -1)) + 1, self.s(month)
            for row in self.rows(month, "leistungsbezug"):
                end = high if row["bis"] is None else min(day(row["bis"]), high)
                self._elb_days[row["person_id"]].update(range(max(day(row["von"]), low), end + 1))

    def s(self, month: str) -> int:
        listed = self.listed.get(month)
        return day(listed if listed else date(int(month[:4]), int(month[5:]), 15))

    def check_day(self, month: str) -> date:
        after = add(month, 1)
        return date(int(after[:4]), int(after[5:]), 1) - timedelta(days=1)

    def rows(self, month: str, table: str, unit: str | None = None) -> list[Row]:
        files = self.files[month, table]
        wanted: Iterable[str] = files if unit is None else {unit} | self.parts.get(unit, set())
        return [row for name in sorted(wanted) if name in files for row in files[name]]

    def stock(self, month: str, unit: str | None = None) -> dict[str, Row]:
        found: dict[str, Row] = {}
        for row in self.rows(month, "bestand", unit):
            if row["ist_elb"]:
                found[row["person_id"]] = row
        return found

    def sex(self, person: str, months: tuple[str, str]) -> str | None:
        for month in months:
            for row in self.rows(month, "bestand"):
                if row["person_id"] == person:
                    return str(row["geschlecht"])
        return None

    def is_lzb(self, person: str, month: str) -> bool:
        stichtag = self.s(month)
        return sum(1 for d in self._elb_days[person] if stichtag - 729 <= d <= stichtag) >= 638

    def lzb(self, month: str, unit: str | None = None) -> dict[str, Row]:
        return {p: r for p, r in self.stock(month, unit).items() if self.is_lzb(p, month)}

    def movements(self, month: str, unit: str) -> tuple[list[str], list[str]]:
        periods = defaultdict(list)
        for row in self.rows(month, "leistungsbezug", unit):
            periods[row["person_id"]].append((day(row["von"]), 10**7 if row["bis"] is None else day(row["bis"])))
        before, now = self.s(add(month, -1)), self.s(month)
        entries, exits = [], []
        for person, spans in periods.items():
            joined: list[list[int]] = []
            for von, bis in sorted(spans):
                if joined and von - joined[-1][1] - 1 <= 7:
                    joined[-1][1] = max(joined[-1][1], bis)
                else:
                    joined.append([von, bis])
            entries += [person for von, _ in joined if before < von <= now]
            exits += [person for _, bis in joined if before <= bis <= now - 1]
        return entries, exits

    def events(self, month: str, unit: str, kind: Callable[[Row], bool]) -> dict[str, Row]:
        stock, older = self.stock(add(month, -1), unit), self.stock(add(month, -2))
        low, middle, high = (self.s(add(month, -i)) for i in (2, 1, 0))
        freeze = self.s(add(month, 3))
        found = {}
        for row in self.rows(month, "aufnahme"):
            person, begin = row["person_id"], day(row["beginn"])
            if person not in stock or not kind(row) or day(row["recorded_on"]) > freeze:
                continue
            if middle < begin <= high or (person not in older and low < begin <= middle):
                found[person] = stock[person]
        return found

    def employed(self, person: str, month: str) -> bool:
        check = self.check_day(month)
        return any(
            row["person_id"] == person
            and row["von"] <= check
            and (row["bis"] is None or check <= row["bis"])
            and row["personengruppe"] not in NOT_SVB
            for row in self.jobs(month).get(person, ())
        )

    def jobs(self, month: str) -> dict[str, list[Row]]:
        key = (month, "by person")
        if key not in self.files:
            by_person: dict[str, list[Row]] = defaultdict(list)
            for row in self.rows(month, "beschaeftigung"):
                if row["person_id"] not in self.removed:
                    by_person[row["person_id"]].append(row)
            self.files[key] = by_person
        return self.files[key]

    def without_employment_of(self, people: set[str]) -> None:
        """Forget the employment records of these persons from now on."""
        self.removed |= people
        for key in [k for k in self.files if k[1] == "by person"]:
            del self.files[key]

    def count(self, month: str, unit: str) -> dict[tuple[str, str], Any]:
        """Return merkmal and sex -> count for everything the deliveries allow; euro sums in cents."""
        first, last = self.months[0], self.months[-1]
        before = add(month, -1)
        found: dict[tuple[str, str], Any] = {}

        def put(name: str, people: dict[str, Row]) -> None:
            found[name, "T"] = len(people)
            for sex in "MF":
                found[name, sex] = sum(1 for r in people.values() if r["geschlecht"] == sex)

        stock = self.stock(month, unit)
        put("elb", stock)
        put("alleinerz", {p: r for p, r in stock.items() if r["ist_alleinerziehend"]})
        entries, exits = self.movements(month, unit)
        for name, people, months in (
            ("elb_zugang", entries, (month, before)),
            ("elb_abgang", exits, (before, month)),
        ):
            found[name, "T"] = len(people)
            if months[0] >= first:
                sexes = [self.sex(p, months) for p in people]
                found[name, "M"], found[name, "F"] = sexes.count("M"), sexes.count("F")
        paid = self.rows(month, "leistung", unit)
        known = {r["person_id"]: r["geschlecht"] for m in (before, month) for r in self.rows(m, "bestand")}
        for name, bases in (("llu", LLU), ("luh", LUH)):
            mine = [r for r in paid if r["rechtsgrundlage"] in bases]
            found[name, "T"] = sum(int(r["anspruch_eur"] * 100) for r in mine)
            nameless = any(r["person_id"] is None for r in mine)
            for sex in "MF":
                amounts = (int(r["anspruch_eur"] * 100) for r in mine if known.get(r["person_id"]) == sex)
                found[name, sex] = None if nameless else sum(amounts)
        if month >= add(first, 24):
            lzb = self.lzb(month, unit)
            put("lzb", lzb)
            active = {
                r["person_id"]
                for r in self.rows(month, "massnahme")
                if r["massnahme_art"] in ACTIVE_UNTIL_2018
                and day(r["von"]) <= self.s(month)
                and (r["bis"] is None or self.s(month) <= day(r["bis"]))
            }
            put("lzb_amp", {p: r for p, r in lzb.items() if p in active})
        if month >= add(first, 2):
            integration = self.events(month, unit, _is_integration)
            put("int", integration)
            svb = self.events(month, unit, lambda r: _is_integration(r) and r["art"] == "svb" and not r["im_ausland"])
            put("int_svb", svb)
            put("bs_gering", self.events(month, unit, lambda r: bool(r["art"] == "gering")))
            put("bs_2am", self.events(month, unit, _is_oegb))
            put("int_allein", {p: r for p, r in integration.items() if r["ist_alleinerziehend"]})
            if add(month, 12) <= add(last, -4):
                put("svb_nach12", {p: r for p, r in svb.items() if self.employed(p, add(month, 12))})
            if add(month, 6) <= add(last, -4):
                good = {p: r for p, r in svb.items() if all(self.employed(p, add(month, k)) for k in range(1, 7))}
                put("svb_kont6", good)
        if month >= add(first, 25):
            everywhere, earlier = self.lzb(month), self.lzb(before)
            put("lzb_zugang", {p: r for p, r in lzb.items() if p not in earlier})
            put("lzb_abgang", {p: r for p, r in self.lzb(before, unit).items() if p not in everywhere})
            put("int_lzb", {p: r for p, r in integration.items() if p in earlier})
        return found


def _is_oegb(row: Row) -> bool:
    return row["foerderung"] in OEGB_UNTIL_2018


def _is_integration(row: Row) -> bool:
    return row["art"] in {"svb", "ausbildung", "selbst"} and not _is_oegb(row)
