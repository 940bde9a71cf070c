"""The persons behind a count: the rows that its expression adds up, listed instead of added.

The rows are taken out of the very expression that counts, so they cannot tell another number. Only pseudonyms are known here;
who may see them is decided by whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.catalog import Catalog, Merkmal
from pipeline.count.counting import scope
from pipeline.count.engine import DuckDb, Input
from pipeline.count.inputs import Count
from pipeline.count.states import Counting, State
from pipeline.count.territory import Territory
from pipeline.settings import Settings
from pipeline.store import Store

CENTS = Decimal(100)
EVENTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "event": ("aufnahme", ("beginn", "art", "foerderung")),
    "movement": ("leistungsbezug", ("von", "bis")),
}
MEASURES = ("massnahme", ("massnahme_art", "von", "bis"))
"""Where the dates behind a count stand: table and columns, by kind of base count; `lzb_amp` has measures."""


@dataclass(frozen=True)
class Counted:
    """One counted row: pseudonym (None for payments without a person), sex as counted, and what was delivered of it.

    `amount` is 1 for persons and events, euros for payments; `unit` is the pseudonym of the unit of need of a payment.
    """

    person: int | None
    sex: str
    amount: Decimal
    unit: int | None = None
    events: tuple[str, ...] = ()


@dataclass
class _Recorded(Counting):
    """A counting that remembers what each expression was given."""

    inputs: dict[tuple[str, str], Mapping[str, Input]] = field(default_factory=dict)

    def _asked(self, name: str, month: str, inputs: Mapping[str, tuple[str, Input]], state: State) -> None:
        self.inputs[name, month] = {alias: value for alias, (_, value) in inputs.items()}

    def expression(self, merkmal: str) -> Count:
        """Return the expression that counts a merkmal; raises KeyError if none does."""
        for count in self._counts.values():
            if any(merkmal in _metrics(a) for a in _aggregates(count.expression)):
                return count
        if any(merkmal == row["summe"] for row in self.catalog.codelists["rechtsgrundlagen"].values()):
            return self._counts["payments"]
        raise KeyError(merkmal)


def persons_counted(
    store: Store,
    month: str,
    staged: Mapping[str, Mapping[str, Any]],
    territory: Territory,
    catalog: Catalog,
    settings: Settings,
    unit: str,
    wanted: Mapping[str, Sequence[str]],
) -> dict[tuple[str, str], list[Counted]]:
    """Return the counted rows of a unit by merkmal and month; `wanted` are months by merkmal, `month` that of the run.

    States that are no longer kept are computed again, as `count` would; the caller holds the store's lock.
    """
    _, files, check_months = scope(month, staged, territory)
    found: dict[tuple[str, str], list[Counted]] = {}
    with (
        store.overflow("persons") as overflow,
        DuckDb(settings.memory_limit, settings.threads, overflow) as engine,
    ):
        counting = _Recorded(store, engine, catalog, territory.zaehltage, territory, files)
        for m in sorted({m for months in wanted.values() for m in months}):
            counting.count_states(m, check_months)
            for name in (name for name, months in wanted.items() if m in months):
                count = counting.expression(name)
                inputs = counting.inputs.get((count.name, m))
                merkmal = catalog.merkmale[name]
                rows = [] if inputs is None else _rows(engine, count, inputs, merkmal, unit)
                found[name, m] = _with_events(store, rows, merkmal, files, m)
    return found


def _aggregates(expression: Any) -> list[Any]:
    return list(expression.op().find(ops.Aggregate))


def _metrics(aggregate: Any) -> Mapping[str, Any]:
    metrics: Mapping[str, Any] = aggregate.metrics
    return metrics


def _innermost(expression: Any, metric: str) -> Any:
    """Return the aggregate that first makes a metric, the one that has none of its kind below it."""
    makers = [a for a in _aggregates(expression) if metric in _metrics(a)]
    return next(a for a in makers if not any(metric in _metrics(b) for b in a.parent.find(ops.Aggregate)))


def _rows(engine: DuckDb, count: Count, inputs: Mapping[str, Input], merkmal: Merkmal, unit: str) -> list[Counted]:
    """Return the rows that an expression adds up for a merkmal and a unit."""
    euro = merkmal.kind == "euro"
    aggregate = _innermost(count.expression, "cents" if euro else merkmal.name)
    rows = aggregate.parent.to_expr()
    metric = _metrics(aggregate)["cents" if euro else merkmal.name]
    while isinstance(metric, ops.Cast):
        metric = metric.arg
    weight = ibis.literal(1, "int64") if isinstance(metric, ops.CountStar) else metric.arg.to_expr().cast("int64")
    rows = rows.filter(rows.jc == unit)
    columns = {"person": rows.person, "sex": rows.sex, "weight": weight, "bg": rows.bg if euro else ibis.null("int64")}
    if euro:
        columns["summe"] = rows.summe
    listed = rows.select(**columns)
    listed = listed.filter(listed.summe == merkmal.name) if euro else listed.filter(listed.weight != 0)
    table = engine.run(Count(f"persons_{merkmal.name}", count.reads, listed), inputs)
    counted = [
        Counted(row["person"], row["sex"], Decimal(row["weight"]) / (CENTS if euro else 1), row["bg"])
        for row in table.to_pylist()
    ]
    return sorted(counted, key=lambda c: (c.person is None, c.person or 0, c.unit or 0, c.amount))


def _with_events(
    store: Store, rows: list[Counted], merkmal: Merkmal, files: Mapping[str, Mapping[str, str]], month: str
) -> list[Counted]:
    """Add what was delivered of each person in the month: starts, periods or measures with their dates."""
    source = MEASURES if merkmal.name == "lzb_amp" else EVENTS.get(merkmal.kind)
    if source is None or merkmal.name.startswith("lzb_z") or merkmal.name.startswith("lzb_ab"):
        return rows
    table, columns = source
    relative = files.get(table, {}).get(month)
    if relative is None or not rows:
        return rows
    wanted = pa.array(sorted({r.person for r in rows if r.person is not None}), pa.int64())
    data = pq.read_table(store.root / relative, columns=["person", "jc_id", *columns])
    data = data.filter(pc.is_in(data["person"], wanted)).sort_by([(c, "ascending") for c in ("person", *columns)])
    said: dict[int, list[str]] = {}
    for row in data.to_pylist():
        text = " ".join(f"{c}={row[c] if row[c] is not None else '-'}" for c in columns)
        said.setdefault(row["person"], []).append(f"{text} ({row['jc_id']})")
    return [
        Counted(r.person, r.sex, r.amount, r.unit, tuple(said.get(r.person, ()) if r.person is not None else ()))
        for r in rows
    ]


def count_of(rows: Sequence[Counted], sex: str) -> Decimal:
    """Return what rows add up to for a sex; `T` holds every row."""
    return sum((r.amount for r in rows if sex in ("T", r.sex)), Decimal(0))


__all__ = ["Counted", "count_of", "persons_counted"]
