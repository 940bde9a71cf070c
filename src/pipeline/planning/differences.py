"""What differs between the deliveries of two runs, each given as its `deliveries.json`: files, code lists, decisions.

Pure comparison; what a difference leads to is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.months import add_months

Kind = Literal["new", "late", "revised", "withdrawn", "rejected"]
KINDS: tuple[Kind, ...] = ("revised", "late", "new", "withdrawn", "rejected")
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Change:
    """A delivery that the compared run did not use like this; `old` and `new` are digests, empty where there is none.

    `late` has a month for which it was due at an earlier run, `rejected` is there but of no use: it counts as missing.
    """

    kind: Kind
    ref_month: str
    table: str
    unit: str
    address: str
    old: str
    new: str
    why: str = ""


@dataclass(frozen=True)
class Setting:
    """A code list, switch, correction or waiver that differs; `old` and `new` are as short as people compare them."""

    kind: Literal["code list", "switch", "correction", "waiver"]
    name: str
    old: str
    new: str


def by_key(deliveries: Iterable[Mapping[str, Any]]) -> dict[Key, Mapping[str, Any]]:
    """Return the entries of `deliveries.json` by month, table and unit."""
    return {(d["ref_month"], d["table"], d["unit"]): d for d in deliveries}


def changed_deliveries(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    rejected: Mapping[Key, str],
    newest_run: str,
    lag_of: Mapping[str, int],
) -> tuple[Change, ...]:
    """Return the deliveries that differ, by kind and place.

    `rejected` says why a delivery of `after` is of no use; `newest_run` is the newest month that has had a run (or empty),
    `lag_of` how many months after its own a table is due.
    """
    old, new = by_key(before["deliveries"]), by_key(after["deliveries"])
    two_files = {(r["ref_month"], r["table"], r["unit"]): str(r["rule"]) for r in after["rejected"]}
    found = []
    for key in sorted(old.keys() | new.keys() | two_files.keys()):
        month, table, unit = key
        was, now = old.get(key), new.get(key)
        digests = (str(was["sha256"]) if was else "", str(now["sha256"]) if now else "")
        address = str((now or was or {"address": "/".join(key)})["address"])
        if now is None:
            if was is not None or key in two_files:
                kind: Kind = "rejected" if key in two_files else "withdrawn"
                found.append(Change(kind, month, table, unit, address, *digests, two_files.get(key, "")))
        elif was is None or (was["sha256"], was["suffix"]) != (now["sha256"], now["suffix"]):
            late = bool(newest_run) and add_months(month, lag_of.get(table, 0)) <= newest_run
            kind = "rejected" if key in rejected else "revised" if was else "late" if late else "new"
            found.append(Change(kind, month, table, unit, address, *digests, rejected.get(key, "")))
    return tuple(sorted(found, key=lambda c: (KINDS.index(c.kind), c.ref_month, c.table, c.unit)))


def changed_settings(
    before: Mapping[str, Any], after: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[Setting, ...]:
    """Return the code lists, switches, corrections and waivers that differ; `defaults` are the values of all switches."""
    found = []
    for name in sorted({*before["codelists"], *after["codelists"]}):
        old, new = ((content["codelists"].get(name) or {}).get("sha256", "") for content in (before, after))
        if old != new:
            found.append(Setting("code list", f"{name}.csv", old or "the catalog's own", new or "the catalog's own"))
    switched = [{**defaults, **content.get("switches", {})} for content in (before, after)]
    for name in sorted({name for values in switched for name in values}):
        values = [value.get(name) for value in switched]
        if values[0] != values[1]:
            found.append(Setting("switch", name, str(values[0]), str(values[1])))
    for kind, part in (("correction", "corrections"), ("waiver", "waivers")):
        entries = [{str(e["id"]): e for e in content.get(part, ())} for content in (before, after)]
        for name in sorted({name for known in entries for name in known}):
            is_in = [known.get(name) for known in entries]
            if is_in[0] != is_in[1]:
                old, new = ("" if entry is None else "in force" for entry in is_in)
                found.append(Setting(kind, name, old, "changed" if old and new else new))  # type: ignore[arg-type]
    return tuple(found)
