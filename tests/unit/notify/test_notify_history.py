"""Since when a rule is broken, read from what earlier runs left."""

from __future__ import annotations

import pytest

from pipeline.notify import Found, Streak, broken_since
from pipeline.notify.history import broken_entries, found_values
from pipeline.store import Store, write_json


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def leave(store, month, *rules, name="verdict.json"):
    broken = [{"rule": r, "severity": "warning", "titel": r, "units": [], "count": 1, "massnahme": ""} for r in rules]
    write_json(store.run(month) / name, {"month": month, "broken": broken})


def test_no_earlier_run_is_a_series_of_one(store):
    assert broken_since(store, "2018-07", ["A"]) == {"A": Streak("2018-07", 1)}


def test_series_goes_back_to_the_first_run_that_broke_the_rule(store):
    for month, rules in {"2018-03": "A", "2018-04": "B", "2018-05": "AB", "2018-06": "AB"}.items():
        leave(store, month, *rules)
    assert broken_since(store, "2018-07", ["A", "B", "C"]) == {
        "A": Streak("2018-05", 3),
        "B": Streak("2018-04", 4),
        "C": Streak("2018-07", 1),
    }


def test_a_month_that_was_never_run_does_not_end_the_series(store):
    leave(store, "2018-05", "A")
    assert broken_since(store, "2018-07", ["A"]) == {"A": Streak("2018-05", 2)}


def test_later_months_and_the_run_itself_do_not_count(store):
    leave(store, "2018-07", "A")
    leave(store, "2018-08", "A")
    assert broken_since(store, "2018-07", ["A"]) == {"A": Streak("2018-07", 1)}


def test_verdicts_of_deliveries_count_too(store):
    leave(store, "2018-06", "A", name="verdict-deliveries.json")
    assert broken_since(store, "2018-07", ["A"])["A"].runs == 2


def test_an_unreadable_verdict_ends_the_series_but_raises_nothing(store):
    leave(store, "2018-05", "A")
    (store.run("2018-06")).mkdir(parents=True)
    (store.run("2018-06") / "verdict.json").write_text("{ torn", encoding="utf-8")
    assert broken_since(store, "2018-07", ["A"]) == {"A": Streak("2018-07", 1)}


def test_entries_of_both_verdicts_are_named_once(store):
    leave(store, "2018-07", "A", "B", name="verdict-deliveries.json")
    leave(store, "2018-07", "B", "C")
    assert sorted(e["rule"] for e in broken_entries(store, "2018-07")) == ["A", "B", "C"]


def test_what_broken_rules_found_is_read_from_both_verdicts(store):
    cell = {"jc_id": "t04412", "ref_month": "2018-07", "place": "", "value": "0.5"}
    for name, rule in (("verdict-deliveries.json", "A"), ("verdict.json", "B")):
        rules = [
            {"rule_id": rule, "success": False, "cells": [cell]},
            {"rule_id": f"{rule}-GOOD", "success": True, "cells": []},
        ]
        write_json(store.run("2018-07") / name, {"rules": rules})
    assert found_values(store, "2018-07") == {rule: [Found("t04412", "", "0.5")] for rule in "AB"}
    assert found_values(store, "2018-06") == {}
