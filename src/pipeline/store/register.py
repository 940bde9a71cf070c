"""The register of deliveries: every delivery ever fetched, append-only, with digest, source, time and size.

The newest entry of a delivery is the one in force; earlier ones stay, so that a replaced delivery can be told and read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pipeline.store.writing import append_lines, whole_lines

SUFFIXES = (".parquet", ".csv", ".csv.gz")
PUBLISHED = "eckwerte"
"""The table whose files come as their publishers write them."""
_PUBLISHED_SUFFIXES = (*SUFFIXES, ".xlsx", ".zip")


def suffixes_of(table: str) -> tuple[str, ...]:
    """Return the endings that files of a table may have."""
    return _PUBLISHED_SUFFIXES if table == PUBLISHED else SUFFIXES


@dataclass(frozen=True, slots=True)
class Delivery:
    """One fetched file. `table` is a table of the contract or `codelist` (then `unit` is the list's name, `ref_month` empty).

    `address` is relative to the source's root; `version` is whatever the source offers to recognise a change
    (ETag, modification time and size); `fetched_at` is UTC, ISO 8601.
    """

    table: str
    ref_month: str
    unit: str
    suffix: str
    address: str
    sha256: str
    bytes: int
    source: str
    version: str
    fetched_at: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what a newer file for the same thing replaces."""
        return (self.ref_month, self.table, self.unit)


_FIELDS = tuple(f.name for f in fields(Delivery))
_REPEATED = frozenset(["table", "ref_month", "unit", "suffix", "source", "fetched_at"])
"""Fields whose few texts are kept once for all entries: a history has hundreds of thousands."""


class Register:
    """Reads and appends the register file; a torn last line of a killed run is cut off."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def history(self) -> list[Delivery]:
        """Return all entries, oldest first."""
        entries = []
        for number, line in enumerate(whole_lines(self.path), start=1):
            try:
                entries.append(_entry(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{self.path}, line {number}: not a register entry ({error})") from error
        return entries

    def append(self, entries: Iterable[Delivery]) -> None:
        """Append entries durably; cuts a torn last line first."""
        append_lines(self.path, (json.dumps(asdict(e), ensure_ascii=False, sort_keys=True) for e in entries))


def _entry(line: bytes) -> Delivery:
    raw = json.loads(line)
    repeated = {name: sys.intern(raw[name]) for name in _REPEATED}
    return Delivery(**{name: raw[name] for name in _FIELDS} | repeated)
