"""The monthly states and counts, each computed once for its inputs and kept: stocks, day masks, LZB, events, employed.

A state is named by the expression, the month and the content of everything it reads. A revised delivery therefore changes exactly
the states that read it; nothing else is counted again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.count.engine import Engine, File, Input, input_schema
from pipeline.count.engine.executing import FORM
from pipeline.count.expressions import all_counts
from pipeline.count.inputs import ALL_DAYS, MASK_DAYS, Count
from pipeline.count.lists import calendar, code_list
from pipeline.count.ordered import in_order
from pipeline.count.readings import Readings
from pipeline.count.recounting import Keyed, Recounting
from pipeline.count.starts import CONTINUOUS_FOR, SUSTAINED_AFTER
from pipeline.count.territory import Territory
from pipeline.months import Zaehltage, add_months, month_number, month_range
from pipeline.store import Store

LZB_MONTHS, LZB_WINDOW_DAYS = 24, 730
"""Months before the one counted that reach into the days that § 6 Abs. 1 names, and these days."""


class CountError(ValueError):
    """Something the count relies on does not hold; the text says what and where."""


Shorter: TypeAlias = Callable[[], Mapping[str, Input]]


@dataclass(frozen=True)
class State:
    """A computed table on disk; `key` names its content."""

    key: str
    path: Path

    def file(self, **constants: int) -> File:
        """Return the state as an input, with constant columns."""
        return File(self.path, constants)


@dataclass
class StatesMade:
    """How many states were computed and how many were found."""

    computed: int = 0
    reused: int = 0


@dataclass
class Counting:
    """Computes states of a run on demand. `staged[table][month]` are the staged files, relative to the store."""

    store: Store
    engine: Engine
    catalog: Catalog
    zaehltage: Zaehltage
    territory: Territory
    staged: Mapping[str, Mapping[str, str]]
    made: StatesMade = field(default_factory=StatesMade)
    _counts: dict[str, Count] = field(init=False)
    _readings: Readings = field(init=False)
    _recounting: Recounting = field(init=False)
    _known: dict[tuple[str, str], State] = field(default_factory=dict)
    _small: dict[tuple[str, str], tuple[str, Input]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take over how the run reads what the methodology leaves open."""
        self._readings = Readings.of(self.catalog.switches)
        self._counts = in_order(all_counts(self._readings), self._readings)
        self._recounting = Recounting(self.store, self.engine)

    # -- inputs ---------------------------------------------------------------------------------------------------

    def _delivered(self, table: str, month: str) -> tuple[str, Input]:
        relative = self.staged.get(table, {}).get(month)
        if relative is None:
            return "none", []
        return Path(relative).stem, [File(self.store.root / relative)]

    def _delivered_by_month(self, table: str, months: Sequence[str]) -> tuple[str, Input]:
        """Return the deliveries of several months as one input, each with the number of its month."""
        found = [(m, self.staged.get(table, {}).get(m)) for m in months]
        files = [(m, relative) for m, relative in found if relative is not None]
        keys = json.dumps([(m, Path(relative).stem) for m, relative in files])
        return keys, [File(self.store.root / relative, {"monat": month_number(m)}) for m, relative in files]

    def _state(self, state: State) -> tuple[str, Input]:
        return state.key, [state.file()]

    def _list(self, name: str) -> tuple[str, Input]:
        if (name, "") not in self._small:
            table = code_list(name, self.catalog)
            content = json.dumps(table.to_pylist(), default=str)
            self._small[name, ""] = hashlib.sha256(content.encode()).hexdigest(), table
        return self._small[name, ""]

    def _gebiet(self, table: str, month: str) -> tuple[str, Input]:
        if (table, month) not in self._small:
            mapping = self.territory.as_table(table, month)
            self._small[table, month] = json.dumps(mapping.to_pylist()), mapping
        return self._small[table, month]

    def _calendar(self, month: str) -> tuple[str, Input]:
        if ("kalender", month) not in self._small:
            row = calendar(month, self.zaehltage, self.catalog, self._readings)
            table = pa.table({name: [value] for name, value in row.items()}, schema=input_schema("kalender"))
            self._small["kalender", month] = json.dumps(row, default=str), table
        return self._small["kalender", month]

    # -- evaluation -----------------------------------------------------------------------------------------------

    def _compute(
        self,
        name: str,
        month: str,
        inputs: Keyed,
        sort: Sequence[str],
        shorter: Shorter = dict,
    ) -> State:
        """Return a state, computed unless it is there; `shorter` gives other inputs with which the same rows cost less."""
        known = self._known.get((name, month))
        if known is not None:
            return known
        state = self._named(name, month, inputs)
        if state.path.exists():
            self.made.reused += 1
        else:
            self._make(self._counts[name], inputs, state.path, sort, shorter)
            self.made.computed += 1
        self._known[name, month] = state
        self._asked(name, month, inputs, state)
        return state

    def _named(self, name: str, month: str, inputs: Keyed) -> State:
        """Return what a state with these inputs is called and where it lies, be it there or not."""
        sql = self.engine.sql(self._counts[name])
        content = json.dumps([FORM, sql, {alias: key for alias, (key, _) in sorted(inputs.items())}])
        key = hashlib.sha256(content.encode()).hexdigest()[:20]
        return State(key, self.store.cells(name) / f"{month}-{key}.parquet")

    def _asked(self, name: str, month: str, inputs: Keyed, state: State) -> None:
        """Be told of every state that is asked for, once; for those who want to know what a count rests on."""

    def _make(self, count: Count, inputs: Keyed, path: Path, sort: Sequence[str], shorter: Shorter) -> None:
        if not self._recounting.make(count, inputs, path, sort):
            whole = {alias: value for alias, (_, value) in inputs.items()}
            self.engine.run_to_file(count, {**whole, **shorter()}, path, sort=sort)
        self._recounting.note(count, inputs, path)

    def _table(self, state: State) -> pa.Table:
        return pq.read_table(state.path)

    # -- states ---------------------------------------------------------------------------------------------------

    def stock(self, month: str) -> State:
        """Return the persons in stock on S(month)."""
        inputs = {"bestand": self._delivered("bestand", month), "gebiet": self._gebiet("bestand", month)}
        return self._compute("stock", month, inputs, ("person", "jc"))

    def day_masks(self, month: str) -> State:
        """Return the days as ELB in W(month)."""
        if self.zaehltage.window(month).days > MASK_DAYS:
            raise CountError(f"zaehltage.csv: the window of {month} has more than {MASK_DAYS} days")
        inputs = {"leistungsbezug": self._delivered("leistungsbezug", month), "kalender": self._calendar(month)}
        return self._compute("day_masks", month, inputs, ("person",))

    def _days_as_elb(self, month: str) -> dict[str, tuple[str, Input]]:
        """Return the days as ELB among the last 730 up to S(month) as inputs: masks of the months before."""
        clips = self._clips(month)
        masks = {m: self.day_masks(m) for m in clips}
        files = [masks[m].file(clip=clip, mal=1) for m, clip in clips.items()]
        return {"vorher": ("none", []), "tage": (json.dumps([(masks[m].key, clips[m]) for m in clips]), files)}

    def days_summed(self, month: str) -> dict[str, Input]:
        """Return these inputs in one file, a row per person; it saves time and is no state, since nothing rests on it."""
        inputs = self._days_as_elb(month)
        path = self._named("window_days", month, inputs).path
        if not path.exists():
            self._make(self._counts["window_days"], inputs, path, ("person",), lambda: self._days_moved_on(month))
        return {"vorher": [File(path)], "tage": []}

    def _days_moved_on(self, month: str) -> dict[str, Input]:
        """Return these inputs as the file of the month before, with some days more and some less; nothing without that file."""
        before = add_months(month, -1)
        if not self.long_term_known(before):
            return {}
        path = self._named("window_days", before, self._days_as_elb(before)).path
        if not path.exists():
            return {}
        then, now = self._clips(before), self._clips(month)
        lost = {m: clip & ~now.get(m, 0) for m, clip in then.items()}
        left = [self.day_masks(m).file(clip=clip, mal=-1) for m, clip in lost.items() if clip]
        return {"vorher": [File(path)], "tage": [self.day_masks(month).file(clip=now[month], mal=1), *left]}

    def _clips(self, month: str) -> dict[str, int]:
        """Return the masks of the days of each month's window that are among the last 730 up to S(month)."""
        first = self.zaehltage.stichtag(month) - timedelta(days=LZB_WINDOW_DAYS - 1)
        clips = {m: self._clip(m, first) for m in month_range(add_months(month, -LZB_MONTHS), month)}
        return {m: clip for m, clip in clips.items() if clip}

    def long_term(self, month: str) -> State:
        """Return the persons who are LZB on S(month)."""
        inputs = {
            "stock": self._state(self.stock(month)),
            **self._days_as_elb(month),
            "kalender": self._calendar(month),
        }
        if self._readings.lzb_min_age:
            inputs["geburten"] = self._delivered("bestand", month)
        return self._compute("long_term", month, inputs, ("person",), lambda: self.days_summed(month))

    def _clip(self, month: str, first: date) -> int:
        """Return a mask of the days of W(month) that are not before `first`; all windows from then on have the same."""
        window = self.zaehltage.window(month)
        skipped = max(0, (first - window.first).days)
        return 0 if skipped >= window.days else ALL_DAYS - (1 << skipped) + 1

    def events(self, month: str) -> State:
        """Return the events of a month, one row per person and crediting unit."""
        before = add_months(month, -1)
        inputs = {
            "stock_1": self._state(self.stock(before)),
            "stock_2": self._state(self.stock(add_months(month, -2))),
            "aufnahme": self._delivered("aufnahme", month),
            "foerderung": self._list("foerderung"),
            "aufnahmearten": self._list("aufnahmearten"),
            "kalender": self._calendar(month),
        }
        if self._readings.closed_left:
            inputs["aufnahme"] = self._starts_of_two(before, month)
        if self._readings.looks_before:
            inputs["beschaeftigung"] = self._delivered_by_month(
                "beschaeftigung", month_range(add_months(month, -2), month)
            )
            inputs["nicht_svb"] = self._list("nicht_svb")
        if self._readings.from_entry_on:
            inputs["leistungsbezug_1"] = self._delivered("leistungsbezug", before)
        if self._readings.group_now:
            inputs |= {"stock_0": self._state(self.stock(month)), "lzb_0": self._long_term_or_none(month)}
        else:
            inputs["lzb_1"] = self._long_term_or_none(before)
        return self._compute("events", month, inputs, ("person", "jc"))

    def _starts_of_two(self, before: str, month: str) -> tuple[str, Input]:
        """Return the starts delivered for a month and the one before, with how many months each delivery lies back."""
        found = [(self.staged.get("aufnahme", {}).get(m), back) for m, back in ((before, 1), (month, 0))]
        files = [(relative, back) for relative, back in found if relative is not None]
        key = json.dumps([(Path(relative).stem, back) for relative, back in files])
        return key, [File(self.store.root / relative, {"zurueck": back}) for relative, back in files]

    def long_term_known(self, month: str) -> bool:
        """Tell whether anybody's 24 months of periods reach back far enough for LZB of the month."""
        first = self.territory.first_month.get("leistungsbezug")
        return first is not None and add_months(month, -LZB_MONTHS) >= first

    def _long_term_or_none(self, month: str) -> tuple[str, Input]:
        return self._state(self.long_term(month)) if self.long_term_known(month) else ("none", [])

    def employed(self, month: str, *, any_day: bool = False) -> State:
        """Return the persons employed on the check day of a calendar month, or on any day of it."""
        inputs = {
            "beschaeftigung": self._delivered("beschaeftigung", month),
            "nicht_svb": self._list("nicht_svb"),
            "kalender": self._calendar(month),
        }
        if self._readings.oegb_fails:
            inputs["oegb"] = self._publicly_employed([month])
        return self._compute("employed_in_month" if any_day else "employed", month, inputs, ("person",))

    def _publicly_employed(self, months: Sequence[str]) -> tuple[str, Input]:
        """Return who is in publicly supported employment on the counting days of months, each with its month's number."""
        states = {
            m: self._compute(
                "publicly_employed",
                m,
                {
                    "massnahme": self._delivered("massnahme", m),
                    "foerderung": self._list("foerderung"),
                    "kalender": self._calendar(m),
                },
                ("person",),
            )
            for m in months
        }
        keys = json.dumps([(m, state.key) for m, state in states.items()])
        return keys, [state.file(monat=month_number(m)) for m, state in states.items()]

    # -- counts of one month --------------------------------------------------------------------------------------

    def counts(self, month: str, check_months: frozenset[str]) -> dict[str, pa.Table]:
        """Return the small tables of counts of a month; `check_months` are those whose employment data have come."""
        return {name: self._table(state) for name, state in self.count_states(month, check_months).items()}

    def count_states(self, month: str, check_months: frozenset[str]) -> dict[str, State]:
        """Return the states that hold the counts of a month, by name."""
        before = add_months(month, -1)
        now, then = self._state(self.stock(month)), self._state(self.stock(before))
        calendar = self._calendar(month)
        jc_sex = ("jc", "sex")
        result = {"stock_counts": self._compute("stock_counts", month, {"stock": now}, jc_sex)}
        result["movements"] = self._compute(
            "movements",
            month,
            {
                "leistungsbezug": self._delivered("leistungsbezug", month),
                "gebiet": self._gebiet("leistungsbezug", month),
                "kalender": calendar,
                "stock": now,
                "stock_1": then,
            },
            jc_sex,
        )
        result["payments"] = self._compute(
            "payments",
            month,
            {
                "leistung": self._delivered("leistung", month),
                "gebiet": self._gebiet("leistung", month),
                "rechtsgrundlagen": self._list("rechtsgrundlagen"),
                "stock": now,
                "stock_1": then,
            },
            ("jc", "sex", "summe"),
        )
        if self.long_term_known(month):
            lzb = self._state(self.long_term(month))
            result["long_term_counts"] = self._compute(
                "long_term_counts",
                month,
                {
                    "stock": now,
                    "lzb": lzb,
                    "massnahme": self._delivered("massnahme", month),
                    "foerderung": self._list("foerderung"),
                    "kalender": calendar,
                },
                jc_sex,
            )
            if self.long_term_known(before):
                result["long_term_movements"] = self._compute(
                    "long_term_movements",
                    month,
                    {"stock": now, "stock_1": then, "lzb": lzb, "lzb_1": self._state(self.long_term(before))},
                    jc_sex,
                )
        events = self._state(self.events(month))
        result["event_counts"] = self._compute("event_counts", month, {"ereignisse": events}, jc_sex)
        for name, merkmal, after in (
            ("sustained", "svb_nach12", [SUSTAINED_AFTER]),
            ("continuous", "svb_kont6", range(1, CONTINUOUS_FOR + 1)),
        ):
            first, last = self.catalog.merkmale[merkmal].needs["beschaeftigung"]
            if all(m in check_months for m in month_range(add_months(month, first), add_months(month, last))):
                result[name] = self._checked(name, month, events, [add_months(month, k) for k in after], (first, last))
        return result

    def _checked(
        self, name: str, month: str, events: tuple[str, Input], months: Sequence[str], reach: tuple[int, int]
    ) -> State:
        any_day = name == "continuous" and self._readings.any_day
        if self._readings.anniversary and not any_day:
            reached = month_range(*(add_months(month, k) for k in reach))
            own_days: dict[str, tuple[str, Input]] = {
                "ereignisse": events,
                "beschaeftigung": self._delivered_by_month("beschaeftigung", reached),
                "nicht_svb": self._list("nicht_svb"),
            }
            if self._readings.oegb_fails:
                own_days["oegb"] = self._publicly_employed(reached)
            return self._compute(name, month, own_days, ("jc", "sex"))
        employed = [self.employed(m, any_day=any_day) for m in months]
        files = [state.file(abstand=i) for i, state in enumerate(employed, start=1)]
        inputs: dict[str, tuple[str, Input]] = {
            "ereignisse": events,
            "beschaeftigt": (json.dumps([s.key for s in employed]), files),
        }
        return self._compute(name, month, inputs, ("jc", "sex"))
