"""The folders of the store: one place says in which folder a thing lies.

What the files inside `runs/<month>`, a release or the outbox are called is said by those who write them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.store.lock import exclusive

OPENED: Mapping[str, str] = {
    "eckwerte": "eckwerte",
    "kennzahlen": "kennzahlen",
    "vergleich": "vergleich",
    "reihe": "kennzahlen",
    "abgleich": "abgleich",
}
"""The suppressed tables of a run, each with the declared result table whose columns it has."""


@dataclass(frozen=True)
class Store:
    """A store on local disk.

    snapshots/  original bytes by sha-256 and the register of deliveries
    staged/     typed, pseudonymised Parquet, one file per table, month and content
    computed/   unsuppressed results (eckwerte, kennzahlen, …)
    runs/       what a run for a month knows: its deliveries, findings and verdict
    releases/   immutable releases and the pointer `aktuell`
    """

    root: Path

    @property
    def register_file(self) -> Path:
        """Return the append-only register of deliveries."""
        return self.root / "snapshots" / "register.jsonl"

    @property
    def planned_file(self) -> Path:
        """Return the list of deliveries that plans have pulled: their bytes are kept, but they are in force nowhere."""
        return self.root / "snapshots" / "planned.jsonl"

    @property
    def objects(self) -> Path:
        """Return the folder of original bytes."""
        return self.root / "snapshots" / "objects"

    def snapshot(self, sha256: str) -> Path:
        """Return the place of original bytes."""
        return self.objects / sha256[:2] / sha256

    def staged(self, table: str, month: str) -> Path:
        """Return the folder of a staged table and month."""
        return self.root / "staged" / table / f"ref_month={month}"

    def eckwerte(self, month: str) -> Path:
        """Return the file of the unsuppressed base counts of a month."""
        return self.root / "computed" / "eckwerte" / f"ref_month={month}" / "eckwerte.parquet"

    def eckwerte_before(self, run_month: str, last_month: str) -> Path:
        """Return the file of the unsuppressed base counts on the territory of an earlier run, as a later run counts them."""
        folder = self.root / "computed" / "gebietsstand" / f"lauf={run_month}" / f"bis={last_month}"
        return folder / "eckwerte.parquet"

    def computed(self, table: str, run_month: str) -> Path:
        """Return the file of a computed table of a run."""
        return self.root / "computed" / table / f"lauf={run_month}" / f"{table}.parquet"

    def opened(self, run_month: str) -> dict[str, Path]:
        """Return the files of the suppressed tables of a run, by name."""
        folder = self.root / "computed" / "offen" / f"lauf={run_month}"
        return {name: folder / f"{name}.parquet" for name in OPENED}

    def cells(self, name: str) -> Path:
        """Return the folder of intermediate counts that later runs reuse."""
        return self.root / "computed" / "zwischenstand" / name

    @property
    def runs(self) -> Path:
        """Return the folder of all runs."""
        return self.root / "runs"

    def run(self, month: str) -> Path:
        """Return the folder of what the run for a month knows."""
        return self.runs / month

    def findings(self, month: str, step: str) -> Path:
        """Return the findings of one step of a run."""
        return self.run(month) / f"findings-{step}.parquet"

    @property
    def releases(self) -> Path:
        """Return the folder of releases."""
        return self.root / "releases"

    def release(self, month: str, number: int) -> Path:
        """Return the folder of release `number` of a month."""
        return self.releases / month / str(number)

    @property
    def pointer(self) -> Path:
        """Return the pointer to the newest release that passed."""
        return self.releases / "aktuell"

    @property
    def alerts(self) -> Path:
        """Return the folder of alarms: queued ones and the marks of those sent."""
        return self.root / "alerts"

    @property
    def tmp(self) -> Path:
        """Return the folder of what nobody needs once its process has ended."""
        return self.root / "tmp"

    @contextmanager
    def overflow(self, step: str) -> Iterator[Path]:
        """Yield an empty folder for what exceeds a step's memory; the caller holds the lock, so a killed run's is removed."""
        folder = self.tmp / step
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def locked(self, what: str) -> AbstractContextManager[None]:
        """Hold the store's lock; raises StoreBusyError if another process writes."""
        return exclusive(self.root / ".lock", what)


_LITERAL = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]", "'": "''"})
"""A path is no pattern: what DuckDB would take for one, and a quote."""


def scan_of(paths: Sequence[Path]) -> str:
    """Return SQL that DuckDB reads Parquet files with; nothing in a path is a pattern, no folder becomes a column."""
    literals = ", ".join(f"'{str(path).translate(_LITERAL)}'" for path in paths)
    return f"read_parquet([{literals}], hive_partitioning = false)"
