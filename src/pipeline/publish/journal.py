"""The journal beside the releases: which release was put in place when. The one thing about a release that a clock says.

It lies outside of every release, because a release says nothing of the day it was made; the clock is the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline.publish import releases
from pipeline.publish.manifest import NAME, digest_of
from pipeline.store import Store, append_lines, whole_lines

FILE = "ausgaben.jsonl"
PLACE = ZoneInfo("Europe/Berlin")


class JournalError(ValueError):
    """The journal holds a line that is none of ours; the text names file and line."""


@dataclass(frozen=True)
class Issue:
    """A release that is there, with the moment it appeared (UTC, whole seconds).

    `noted` is false if that moment is only known from the files, because the process died before it could write it down.
    """

    month: str
    number: int
    folder: Path
    published_at: datetime
    noted: bool

    @property
    def name(self) -> str:
        """Return the name of the release, `2018-07.1`."""
        return f"{self.month}.{self.number}"


def path_of(store: Store) -> Path:
    """Return the file of the journal."""
    return store.releases / FILE


def note(store: Store, fresh: Iterable[str], now: Callable[[], datetime]) -> None:
    """Write down the releases just put in place (`fresh`, by name), and those that a killed process left out.

    For the latter the time of their manifest file stands in: it was written seconds before the release appeared.
    """
    made = set(fresh)
    known = {entry.key for entry in _entries(store)}
    lines = []
    for month, number in _all(store):
        manifest = store.release(month, number) / NAME
        name, digest = f"{month}.{number}", digest_of(manifest)
        if (name, digest) in known:
            continue
        moment = now() if name in made else _written(manifest)
        lines.append(_Entry(name, digest, moment, noted=name in made).line())
    append_lines(path_of(store), lines)


def issues(store: Store) -> list[Issue]:
    """Return all releases that are there, by month and number; one without a line has the time of its manifest file."""
    known = {entry.key: entry for entry in _entries(store)}
    found = []
    for month, number in _all(store):
        folder = store.release(month, number)
        entry = known.get((f"{month}.{number}", digest_of(folder / NAME)))
        if entry is None:
            found.append(Issue(month, number, folder, _written(folder / NAME), noted=False))
        else:
            found.append(Issue(month, number, folder, entry.published_at, entry.noted))
    return found


def current_on(known: Iterable[Issue], day: date) -> list[Issue]:
    """Return for each month the release that was current at the end of a day in Berlin; months without one are absent."""
    end = datetime.combine(day + timedelta(days=1), time(), PLACE)
    newest: dict[str, Issue] = {}
    for issue in sorted(known, key=lambda i: (i.month, i.number)):
        if issue.published_at < end:
            newest[issue.month] = issue
    return list(newest.values())


def _all(store: Store) -> list[tuple[str, int]]:
    return [(month, number) for month in releases.months(store) for number in releases.numbers(store, month)]


@dataclass(frozen=True)
class _Entry:
    release: str
    manifest_sha256: str
    published_at: datetime
    noted: bool

    @property
    def key(self) -> tuple[str, str]:
        """A release is known again by its manifest: a number may have been deleted and given again."""
        return (self.release, self.manifest_sha256)

    def line(self) -> str:
        content = asdict(self) | {"published_at": self.published_at.astimezone(UTC).isoformat(timespec="seconds")}
        return json.dumps(content, sort_keys=True)


def _entries(store: Store) -> list[_Entry]:
    path = path_of(store)
    entries = []
    for number, line in enumerate(whole_lines(path), start=1):
        try:
            raw = json.loads(line)
            moment = datetime.fromisoformat(raw["published_at"])
            if moment.tzinfo is None:
                raise ValueError(f"{raw['published_at']} has no time zone")
            entries.append(_Entry(str(raw["release"]), str(raw["manifest_sha256"]), moment, bool(raw["noted"])))
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(f"{path}, line {number}: not a line of the journal ({error})") from error
    return entries


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
