"""Since when a rule has been broken: the verdicts that earlier runs left in the store.

Only reads; a verdict that cannot be read breaks the series, never an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.notify.messages import Found, Streak
from pipeline.store import Store, read_json

VERDICTS = ("verdict-deliveries.json", "verdict.json")


def broken_entries(store: Store, month: str) -> list[dict[str, Any]]:
    """Return the broken rules of the run for `month` as its verdicts name them, one entry a rule, the later check wins."""
    entries: dict[str, dict[str, Any]] = {}
    for name in VERDICTS:
        try:
            entries |= {str(e["rule"]): dict(e) for e in read_json(store.run(month) / name).get("broken", ())}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return list(entries.values())


def waived_entries(store: Store, month: str) -> list[dict[str, Any]]:
    """Return the waivers that took effect in the run for `month`, as its verdicts name them."""
    entries: list[dict[str, Any]] = []
    for name in VERDICTS:
        try:
            entries += [dict(entry) for entry in read_json(store.run(month) / name).get("waived", ())]
        except (OSError, ValueError, TypeError, AttributeError):
            continue
    return entries


def found_values(store: Store, month: str) -> dict[str, list[Found]]:
    """Return what the broken rules of the run for `month` found, as far as its verdicts name places: at most fifty a rule."""
    found: dict[str, list[Found]] = {}
    for name in VERDICTS:
        try:
            rules = [r for r in read_json(store.run(month) / name).get("rules", ()) if not r["success"]]
            found |= {r["rule_id"]: [Found(c["jc_id"], c["place"], c["value"]) for c in r["cells"]] for r in rules}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def broken_since(store: Store, month: str, rules: Iterable[str]) -> dict[str, Streak]:
    """Return for each of `rules`, broken in the run for `month`, the series of runs up to it that broke it.

    The runs before are those the store knows; a month that was never run does not end a series.
    """
    streaks = {rule: Streak(month, 1) for rule in rules}
    known = store.runs.iterdir() if store.runs.is_dir() else ()
    earlier = sorted((p.name for p in known if p.name < month), reverse=True)
    alive = set(streaks)
    for name in earlier:
        alive &= {str(entry["rule"]) for entry in broken_entries(store, name)}
        if not alive:
            break
        streaks |= {rule: Streak(name, streaks[rule].runs + 1) for rule in alive}
    return streaks
