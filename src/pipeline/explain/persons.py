"""The persons behind a figure, for authorised eyes on a terminal: who is asked, why, what is shown; never from a release.

Whoever asks is written down before anything is shown. Only pseudonyms are known, and only where the jobcenter's own person
deliveries were counted.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.catalog import Merkmal
from pipeline.explain.figure import FigureFound
from pipeline.publish.provenance import sentences
from pipeline.publish.provenance.model import MonthCount, SideCounts
from pipeline.run import Run, open_run
from pipeline.settings import Settings
from pipeline.store import Store, append_lines

LOG = "access.jsonl"
ALL_BITS = (1 << 64) - 1


class PersonsRefusedError(ValueError):
    """The persons behind a figure are not shown; the text says why."""


@dataclass(frozen=True)
class Person:
    """One counted row: pseudonym as 16 hexadecimal digits, empty for payments without a person; amounts in persons or euros."""

    pseudonym: str
    sex: str
    amount: Decimal
    unit_of_need: str
    events: tuple[str, ...]


@dataclass(frozen=True)
class MonthOfPersons:
    """The persons of one side and month; `value` is the count they make, `remark` says why there are none to show."""

    role: str
    merkmal: Merkmal
    month: str
    value: Decimal | None
    persons: tuple[Person, ...]
    remark: str


def persons_behind(found: FigureFound, store_root: Path, authorised: str) -> tuple[MonthOfPersons, ...]:
    """Return the persons behind the numerator and denominator of a jobcenter's figure, month by month.

    The use is recorded in `STORE/access.jsonl` first. `authorised` is the file reference that allows it. Raises
    PersonsRefusedError for levels above the jobcenter, for figures without person counts, without a reason or without the
    key of the pseudonyms, and if the persons do not make the counts of the release.
    """
    e = found.explanation
    if not authorised.strip():
        raise PersonsRefusedError("say with --authorised under which file reference the persons are looked at")
    if e.area.level != "jobcenter":
        raise PersonsRefusedError(
            f"{e.area.name} is a sum over jobcenters; persons are shown for one jobcenter at a time, say --jobcenter"
        )
    if not any(c.basis == "personen" for side in e.sides for c in side.months):
        raise PersonsRefusedError(
            f"{e.area.key}: the counts of {e.definition} were published by the statistics office, no person is known behind them"
        )
    run = open_run(store_root, e.run_month)
    _require_key(run.settings, run.store)
    _record(run.store, found, authorised)
    with run.locked("explain --persons"):
        return _listed(run, e.area.key, e.sex, e.sides)


def _require_key(settings: Settings, store: Store) -> None:
    """Refuse whoever cannot read the key: it is never made here."""
    kept = settings.pseudonym_key_file or store.root / "secret" / "pseudonym.key"
    if settings.pseudonym_key is None and not kept.exists():
        raise PersonsRefusedError(
            f"the key of the pseudonyms is not set and {kept} is not there; only who holds the key may see pseudonyms"
        )
    settings.load_key(store.root)


def _record(store: Store, found: FigureFound, authorised: str) -> None:
    e = found.explanation
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "authorised": authorised.strip(),
        "release": e.release,
        "jc_id": e.area.key,
        "definition": e.definition,
        "geschlecht": e.sex,
        "ref_month": e.ref_month,
    }
    log = store.root / LOG
    log.touch(mode=0o600)
    append_lines(log, [json.dumps(entry, ensure_ascii=False, sort_keys=True)])


def _listed(run: Run, unit: str, sex: str, sides: Sequence[SideCounts]) -> tuple[MonthOfPersons, ...]:
    from pipeline.count.persons import count_of, persons_counted

    wanted: dict[str, list[str]] = {}
    for side in sides:
        months = [c.month for c in side.months if c.basis == "personen"]
        wanted.setdefault(side.merkmal.name, []).extend(months)
    rows = persons_counted(run.store, run.month, run.staged, run.territory, run.catalog, run.settings, unit, wanted)
    months = sorted({m for listed in wanted.values() for m in listed})
    kept = {m: _kept(run.store, m, unit, sex) for m in months}
    result = []
    for side in sides:
        name = side.merkmal.name
        for cell in side.months:
            value, reason = kept.get(cell.month, {}).get(name, (None, cell.reason))
            if cell.basis != "personen" or value is None:
                result.append(MonthOfPersons(side.role, side.merkmal, cell.month, None, (), _remark(cell, reason)))
                continue
            counted = [r for r in rows[name, cell.month] if sex in ("T", r.sex)]
            total = count_of(counted, "T")
            if total != value or cell.value not in (None, value):
                raise PersonsRefusedError(
                    f"{name} of {cell.month}: the deliveries now in the store make {total}, counted were {value}, published "
                    f"{cell.value}; another run has changed the store, run the month again"
                )
            persons = tuple(Person(_hex(r.person), r.sex, r.amount, _hex(r.unit), r.events) for r in counted)
            result.append(MonthOfPersons(side.role, side.merkmal, cell.month, value, persons, ""))
    return tuple(result)


def _kept(store: Store, month: str, unit: str, sex: str) -> Mapping[str, tuple[Decimal | None, str]]:
    """Return the unsuppressed counts of a unit by merkmal: value of person counts, and the reason where there is none."""
    table = pq.read_table(store.eckwerte(month), filters=[("jc_id", "=", unit), ("geschlecht", "=", sex)])
    return {
        r["merkmal"]: (r["wert"] if r["basis"] == "personen" else None, r["grund"] or "") for r in table.to_pylist()
    }


def _remark(cell: MonthCount, reason: str) -> str:
    if cell.basis == "eckwerte":
        return "veröffentlicht (Statistik), dahinter sind keine Personen bekannt"
    if cell.basis == "imputiert":
        return "geschätzt, dahinter stehen keine Personen"
    return f"nicht gezählt ({reason})"


def _hex(pseudonym: int | None) -> str:
    return "" if pseudonym is None else f"{pseudonym & ALL_BITS:016x}"


def persons_lines(months: Sequence[MonthOfPersons]) -> list[str]:
    """Return the persons as text: one line each under every month, nothing left out."""
    lines = ["", "PERSONEN HINTER DER ZAHL – nur für den genannten Zweck; der Aufruf ist in access.jsonl festgehalten"]
    for m in months:
        count = m.remark if m.value is None else sentences.amount(m.value, m.merkmal)
        lines += ["", f"{m.role} {m.merkmal.name} {m.month}: {count}"]
        for p in m.persons:
            money = f"  {sentences.amount(p.amount, m.merkmal)} EUR  BG {p.unit_of_need}" if p.unit_of_need else ""
            events = f"  {'; '.join(p.events)}" if p.events else ""
            lines.append(f"  {p.pseudonym or 'ohne Person':<16}  {p.sex or '-'}{money}{events}")
    return lines


def persons_json(months: Sequence[MonthOfPersons]) -> list[dict[str, Any]]:
    """Return the persons as JSON-able values."""
    return [
        {
            "seite": m.role,
            "merkmal": m.merkmal.name,
            "ref_month": m.month,
            "wert": None if m.value is None else str(m.value),
            "bemerkung": m.remark,
            "personen": [
                {
                    "pseudonym": p.pseudonym or None,
                    "geschlecht": p.sex,
                    "betrag": str(p.amount),
                    "bedarfsgemeinschaft": p.unit_of_need or None,
                    "ereignisse": list(p.events),
                }
                for p in m.persons
            ],
        }
        for m in months
    ]
