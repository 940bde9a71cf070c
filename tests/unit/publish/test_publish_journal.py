"""The journal beside the releases knows when each appeared, loses none, and says what was current on a day."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pipeline.publish.journal import JournalError, current_on, issues, note, path_of
from pipeline.store import Store, write_json
from unit.publish.country import MONTH, SAALEKREIS, country, publish_country


def at(text: str) -> Callable[[], datetime]:
    return lambda: datetime.fromisoformat(text).replace(tzinfo=UTC)


def put(store: Store, month: str, number: int, content: str = "") -> str:
    """Put a release in place that is nothing but its manifest; return its name."""
    write_json(store.release(month, number) / "manifest.json", {"release": f"{month}.{number}", "content": content})
    return f"{month}.{number}"


def known(store: Store) -> list[tuple[str, str, bool]]:
    return [(i.name, i.published_at.isoformat(), i.noted) for i in issues(store)]


def test_publishing_notes_the_moment_outside_of_the_release(tmp_path: Path) -> None:
    made = country(units=12, history=3, indicators=("K2E3",))
    store = made.write(tmp_path)
    first = publish_country(store, made, now=at("2018-11-15T05:12:03"))
    assert known(store) == [(f"{MONTH}.1", "2018-11-15T05:12:03+00:00", True)]
    again = publish_country(store, made, now=at("2018-11-16T05:00:00"))
    changed = made.with_value(SAALEKREIS, "K2E3", "55.0")
    publish_country(changed.write(tmp_path), changed, now=at("2018-11-20T05:00:00"))
    assert again.unchanged
    assert [n[1][:10] for n in known(store)] == ["2018-11-15", "2018-11-20"]
    assert all(b"2018-11-15" not in p.read_bytes() for p in first.folder.rglob("*") if p.is_file())


def test_what_a_killed_run_left_out_is_noted_by_the_next_with_the_time_of_its_files(tmp_path: Path) -> None:
    store = Store(tmp_path)
    note(store, [put(store, "2018-06", 1)], at("2018-10-15T05:00:00"))
    put(store, "2018-07", 1)
    moment = at("2018-11-15T05:00:00")().timestamp()
    os.utime(store.release("2018-07", 1) / "manifest.json", (moment, moment))
    assert known(store)[1] == ("2018-07.1", "2018-11-15T05:00:00+00:00", False)
    note(store, [put(store, "2018-08", 1)], at("2018-12-15T05:00:00"))
    os.utime(store.release("2018-07", 1) / "manifest.json", None)
    assert known(store) == [
        ("2018-06.1", "2018-10-15T05:00:00+00:00", True),
        ("2018-07.1", "2018-11-15T05:00:00+00:00", False),
        ("2018-08.1", "2018-12-15T05:00:00+00:00", True),
    ]
    before = path_of(store).read_bytes()
    note(store, (), at("2019-01-15T05:00:00"))
    assert path_of(store).read_bytes() == before


def test_a_torn_line_is_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    note(store, [put(store, "2018-06", 1)], at("2018-10-15T05:00:00"))
    whole = path_of(store).read_bytes()
    note(store, [put(store, "2018-07", 1)], at("2018-11-15T05:00:00"))
    path_of(store).write_bytes(path_of(store).read_bytes()[:-9])
    assert [n[2] for n in known(store)] == [True, False]
    note(store, (), at("2018-11-16T05:00:00"))
    assert path_of(store).read_bytes().startswith(whole)
    assert [n[0] for n in known(store)] == ["2018-06.1", "2018-07.1"]
    assert path_of(store).read_bytes().count(b"\n") == 2


def test_a_number_given_again_after_its_release_was_deleted_has_its_own_moment(tmp_path: Path) -> None:
    store = Store(tmp_path)
    note(store, [put(store, "2018-07", 1)], at("2018-11-15T05:00:00"))
    note(store, [put(store, "2018-07", 1, "another")], at("2018-11-18T05:00:00"))
    assert known(store) == [("2018-07.1", "2018-11-18T05:00:00+00:00", True)]


def test_the_day_ends_at_midnight_in_berlin_and_the_greatest_number_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for month, number, moment in (
        ("2018-06", 1, "2018-10-15T05:00:00"),
        ("2018-07", 1, "2018-11-15T05:00:00"),
        ("2018-07", 2, "2018-11-20T22:59:59"),
        ("2018-07", 3, "2018-11-20T23:00:00"),
    ):
        note(store, [put(store, month, number)], at(moment))
    found = issues(store)

    def on(day: str) -> list[str]:
        return [i.name for i in current_on(found, date.fromisoformat(day))]

    assert on("2018-10-14") == []
    assert on("2018-11-14") == ["2018-06.1"]
    assert on("2018-11-19") == ["2018-06.1", "2018-07.1"]
    assert on("2018-11-20") == ["2018-06.1", "2018-07.2"]
    assert on("2018-11-21") == ["2018-06.1", "2018-07.3"]


@pytest.mark.parametrize("line", ["{}", "no json", '{"release": "2018-07.1", "published_at": "2018-11-15T05:00:00"}'])
def test_a_line_that_is_none_of_ours_is_named(line: str, tmp_path: Path) -> None:
    store = Store(tmp_path)
    path_of(store).parent.mkdir(parents=True)
    path_of(store).write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(JournalError, match=r"ausgaben\.jsonl, line 1"):
        issues(store)
