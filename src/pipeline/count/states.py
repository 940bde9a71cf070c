"""The monthly states and counts, each computed once for its inputs and kept: stocks, day masks, LZB, events, employed.

A state is named by the expression, the month and the content of everything it reads. A revised delivery therefore changes exactly
the states that read it; nothing else is counted again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.count.engine import DuckDb, File, Input, input_schema
from pipeline.count.expressions import Count, all_counts
from pipeline.count.territory import Territory
from pipeline.months import Zaehltage, add_months, first_day, last_day, month_range
from pipeline.store import Store

LZB_MONTHS = 24


class CountError(ValueError):
    """Something the count relies on does not hold; the text says what and where."""


@dataclass(frozen=True)
class State:
    """A computed table on disk; `key` names its content."""

    key: str
    path: Path

    def file(self, **constants: int) -> File:
        """Return the state as an input, with constant columns."""
        return File(self.path, constants)


@dataclass
class Progress:
    """How many states were computed and how many were found."""

    computed: int = 0
    reused: int = 0


@dataclass
class Counting:
    """Computes states of a run on demand. `staged[table][month]` are the staged files, relative to the store."""

    store: Store
    engine: DuckDb
    catalog: Catalog
    zaehltage: Zaehltage
    territory: Territory
    staged: Mapping[str, Mapping[str, str]]
    progress: Progress = field(default_factory=Progress)
    _counts: dict[str, Count] = field(default_factory=all_counts)
    _known: dict[tuple[str, str], State] = field(default_factory=dict)
    _small: dict[str, pa.Table] = field(default_factory=dict)

    # -- inputs ---------------------------------------------------------------------------------------------------

    def _delivered(self, table: str, month: str) -> tuple[str, Input]:
        relative = self.staged.get(table, {}).get(month)
        if relative is None:
            return "none", []
        return Path(relative).stem, [File(self.store.root / relative)]

    def _state(self, state: State) -> tuple[str, Input]:
        return state.key, [state.file()]

    def _list(self, name: str) -> tuple[str, Input]:
        if name not in self._small:
            self._small[name] = self._make_list(name)
        table = self._small[name]
        return hashlib.sha256(json.dumps(table.to_pylist(), default=str).encode()).hexdigest(), table

    def _make_list(self, name: str) -> pa.Table:
        schema = input_schema(name)
        if name == "foerderung":
            supports = self.catalog.supports.values()
            return pa.table(
                {
                    "code": [s.code for s in supports],
                    "gueltig_ab": [s.valid_from for s in supports],
                    "gueltig_bis": [s.valid_to for s in supports],
                    "oegb_bis_2018": [s.oegb[0] for s in supports],
                    "oegb_ab_2019": [s.oegb[1] for s in supports],
                    "aktiv_bis_2018": [s.aktiv[0] for s in supports],
                    "aktiv_ab_2019": [s.aktiv[1] for s in supports],
                },
                schema=schema,
            )
        if name == "nicht_svb":
            codes = [c for c, row in self.catalog.codelists["personengruppen"].items() if row["svb"] == "false"]
            return pa.table({"code": codes}, schema=schema)
        rows = self.catalog.codelists[name].values()
        return pa.table(
            {f.name: [r[f.name] == "true" if f.type == pa.bool_() else r[f.name] for r in rows] for f in schema},
            schema=schema,
        )

    def _gebiet(self, table: str, month: str) -> tuple[str, Input]:
        mapping = self.territory.as_table(table, month)
        return json.dumps(mapping.to_pylist()), mapping

    def _switch(self, name: str) -> Any:
        return self.catalog.switches[name].value

    def _calendar(self, month: str) -> tuple[str, Input]:
        switch_month = str(self._switch("list2019_from"))
        row = {
            "stichtag": self.zaehltage.stichtag(month),
            "stichtag_1": self.zaehltage.stichtag(add_months(month, -1)),
            "stichtag_2": self.zaehltage.stichtag(add_months(month, -2)),
            "freeze": self.zaehltage.freeze(month),
            "pruef_tag": last_day(month),
            "liste_ab": first_day(switch_month),
            "liste_2019": month >= switch_month,
            "lzb_tage": int(self._switch("lzb_min_days")),
            "bruecke": int(self._switch("bridged_days")),
        }
        table = pa.table({k: [v] for k, v in row.items()}, schema=input_schema("kalender"))
        return json.dumps(row, default=str), table

    # -- evaluation -----------------------------------------------------------------------------------------------

    def _compute(self, name: str, month: str, inputs: Mapping[str, tuple[str, Input]], sort: Sequence[str]) -> State:
        known = self._known.get((name, month))
        if known is not None:
            return known
        count = self._counts[name]
        content = json.dumps([self.engine.sql(count), {alias: key for alias, (key, _) in sorted(inputs.items())}])
        key = hashlib.sha256(content.encode()).hexdigest()[:20]
        path = self.store.cells(name) / f"{month}-{key}.parquet"
        if path.exists():
            self.progress.reused += 1
        else:
            self._make(count, {alias: value for alias, (_, value) in inputs.items()}, path, sort)
            self.progress.computed += 1
        state = State(key, path)
        self._known[name, month] = state
        return state

    def _make(self, count: Count, inputs: Mapping[str, Input], path: Path, sort: Sequence[str]) -> None:
        self.engine.run_to_file(count, inputs, path, sort=sort)

    def _table(self, state: State) -> pa.Table:
        return pq.read_table(state.path)

    # -- states ---------------------------------------------------------------------------------------------------

    def stock(self, month: str) -> State:
        """Return the persons in stock on S(month)."""
        inputs = {"bestand": self._delivered("bestand", month), "gebiet": self._gebiet("bestand", month)}
        return self._compute("stock", month, inputs, ("person", "jc"))

    def day_masks(self, month: str) -> State:
        """Return the days as ELB in W(month)."""
        if self.zaehltage.window(month).days > 62:
            raise CountError(f"zaehltage.csv: the window of {month} has more than 62 days")
        inputs = {"leistungsbezug": self._delivered("leistungsbezug", month), "kalender": self._calendar(month)}
        return self._compute("day_masks", month, inputs, ("person",))

    def long_term(self, month: str) -> State:
        """Return the persons who are LZB on S(month)."""
        stichtag = self.zaehltage.stichtag(month)
        first = stichtag - timedelta(days=int(self._switch("lzb_window_days")) - 1)
        files: list[File] = []
        keys: list[Any] = []
        for k in month_range(add_months(month, -LZB_MONTHS), month):
            clip = self._clip(k, first)
            if clip:
                masks = self.day_masks(k)
                files.append(masks.file(clip=clip))
                keys.append((masks.key, clip))
        inputs: dict[str, tuple[str, Input]] = {
            "stock": self._state(self.stock(month)),
            "tage": (json.dumps(keys), files),
            "kalender": self._calendar(month),
        }
        return self._compute("long_term", month, inputs, ("person",))

    def _clip(self, month: str, first: date) -> int:
        """Return the mask of the days of W(month) that are not before `first`."""
        window = self.zaehltage.window(month)
        skipped = min(max(0, (first - window.first).days), window.days)
        return (1 << window.days) - (1 << skipped)

    def events(self, month: str) -> State:
        """Return the events of a month, one row per person and crediting unit."""
        before = add_months(month, -1)
        inputs = {
            "stock_1": self._state(self.stock(before)),
            "stock_2": self._state(self.stock(add_months(month, -2))),
            "aufnahme": self._delivered("aufnahme", month),
            "lzb_1": self._long_term_or_none(before),
            "foerderung": self._list("foerderung"),
            "aufnahmearten": self._list("aufnahmearten"),
            "kalender": self._calendar(month),
        }
        return self._compute("events", month, inputs, ("person", "jc"))

    def long_term_known(self, month: str) -> bool:
        """Tell whether anybody's 24 months of periods reach back far enough for LZB of the month."""
        first = self.territory.first_month.get("leistungsbezug")
        return first is not None and add_months(month, -LZB_MONTHS) >= first

    def _long_term_or_none(self, month: str) -> tuple[str, Input]:
        return self._state(self.long_term(month)) if self.long_term_known(month) else ("none", [])

    def employed(self, month: str) -> State:
        """Return the persons employed on the check day of a calendar month."""
        inputs = {
            "beschaeftigung": self._delivered("beschaeftigung", month),
            "nicht_svb": self._list("nicht_svb"),
            "kalender": self._calendar(month),
        }
        return self._compute("employed", month, inputs, ("person",))

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
        after = add_months(month, 12)
        if after in check_months:
            result["sustained"] = self._checked("sustained", month, events, [after])
        following = month_range(add_months(month, 1), add_months(month, 6))
        if all(m in check_months for m in following):
            result["continuous"] = self._checked("continuous", month, events, following)
        return result

    def _checked(self, name: str, month: str, events: tuple[str, Input], months: Sequence[str]) -> State:
        employed = [self.employed(m) for m in months]
        files = [state.file(abstand=i) for i, state in enumerate(employed, start=1)]
        inputs: dict[str, tuple[str, Input]] = {
            "ereignisse": events,
            "beschaeftigt": (json.dumps([s.key for s in employed]), files),
        }
        return self._compute(name, month, inputs, ("jc", "sex"))
