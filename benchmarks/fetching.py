"""``python -m benchmarks.fetching``: many small deliveries from a local server, fetched by the command `kennzahlen fetch`.

The process that fetches is watched from outside: memory, open descriptors and how far it is, once a second. Linux only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import PAGE
from benchmarks.rounds import commit
from pipeline.catalog import load_catalog
from pipeline.fetch.serve import serve
from pipeline.months import add_months
from pipeline.store import Store

MONTH = "2018-07"
RESULTS = Path(__file__).with_name("results")
SHARES = (0.1, 0.5, 1.0)
WIDTH = 160


@dataclass(frozen=True)
class Sample:
    """The process at one moment: seconds since its start, deliveries registered, resident bytes, open descriptors."""

    seconds: float
    registered: int
    rss: int
    descriptors: int


@dataclass
class Fetched:
    """One fetch: what the command said and cost. Seconds, bytes; `process_s` from the start of the process to its end."""

    title: str
    process_s: float
    cpu_s: float
    peak_rss: int
    summary: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)

    @property
    def peak_descriptors(self) -> int:
        """Return the most descriptors that were open at once."""
        return max((sample.descriptors for sample in self.samples), default=0)

    def at(self, share: float, files: int) -> Sample | None:
        """Return the first sample in which a share of the files was registered."""
        return next((sample for sample in self.samples if sample.registered >= share * files), None)


def addresses() -> Iterator[str]:
    """Yield addresses of deliveries by the data contract, month after month into the past."""
    catalog = load_catalog()
    for back in range(600):
        for table in catalog.person_tables:
            for unit in sorted(catalog.jobcenters):
                yield f"{add_months(MONTH, -back)}/{table}/{unit}.csv"


def make_tree(tree: Path, files: int) -> Path:
    """Return a tree of small deliveries, each of other bytes and about 1 KB, made unless it is there."""
    if not tree.exists():
        partial = tree.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for _, address in zip(range(files), addresses(), strict=False):
            path = partial / address
            if not path.parent.exists():
                path.parent.mkdir(parents=True)
            rows = "".join(f"{address}:{row},2001-01,w\n" for row in range(20))
            path.write_text(f"person_id,geburtsmonat,geschlecht\n{rows}", encoding="utf-8")
        partial.rename(tree)
    return tree


def fetched(title: str, source: str, store: Store, log: Path, interval: float) -> Fetched:
    """Run the command in a process of its own, watched every `interval` seconds; raises RuntimeError if it fails."""
    command = [sys.executable, "-m", "pipeline.cli", "fetch", "--month", MONTH, "--store", str(store.root), "--json"]
    lines = _Lines(store.register_file)
    samples: list[Sample] = []
    begin = time.monotonic()
    with log.open("wb") as errors:
        child = subprocess.Popen([*command, "--source", source], stdout=subprocess.PIPE, stderr=errors, text=True)
        while True:
            pid, code, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if sample := _sample(child.pid, time.monotonic() - begin, lines):
                samples.append(sample)
            time.sleep(interval)
        child.returncode = os.waitstatus_to_exitcode(code)
        said = child.stdout.read() if child.stdout else ""
        if child.stdout:
            child.stdout.close()
    wall = time.monotonic() - begin
    if child.returncode != 0:
        raise RuntimeError(f"kennzahlen fetch ended with {child.returncode}: {log.read_text(encoding='utf-8')[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Fetched(title, wall, cpu, usage.ru_maxrss * 1024, json.loads(said.splitlines()[-1]), samples)


class _Lines:
    """Counts the lines of a growing file without reading any twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = self._count = 0

    def count(self) -> int:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                while chunk := file.read(1 << 20):
                    self._read += len(chunk)
                    self._count += chunk.count(b"\n")
        return self._count


def _sample(pid: int, seconds: float, lines: _Lines) -> Sample | None:
    try:
        rss = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
        return Sample(round(seconds, 2), lines.count(), rss, len(os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def as_table(files: int, runs: Sequence[Fetched]) -> Table:
    """Return the fetches as a table, a column each."""
    table = Table(title=f"{files:,} small deliveries from a local server, {commit()[:12]}", title_justify="left")
    table.add_column("")
    for run in runs:
        table.add_column(run.title, justify="right")
    rows = {
        "files pulled": [f"{r.summary['pulled']:,}" for r in runs],
        "MB pulled": [f"{r.summary['bytes'] / 1e6:.1f}" for r in runs],
        "requests": [f"{r.summary['requests']:,}" for r in runs],
        "requests/s": [f"{r.summary['requests_per_second']:,}" for r in runs],
        "seconds of the process": [f"{r.process_s:.1f}" for r in runs],
        "MB/s": [f"{r.summary['bytes'] / 1e6 / r.process_s:.2f}" for r in runs],
        "CPU s": [f"{r.cpu_s:.1f}" for r in runs],
        "CPU µs per file": [f"{r.cpu_s / files * 1e6:.0f}" for r in runs],
        "peak RSS, MB": [f"{r.peak_rss / 1e6:.0f}" for r in runs],
        **{f"RSS after {s:.0%}, MB": [_of(r.at(s, files), "rss", 1e6) for r in runs] for s in SHARES},
        **{f"descriptors after {s:.0%}": [_of(r.at(s, files), "descriptors", 1) for r in runs] for s in SHARES},
        "most descriptors": [f"{r.peak_descriptors}" for r in runs],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _of(sample: Sample | None, name: str, unit: float) -> str:
    return f"{getattr(sample, name) / unit:.0f}" if sample else ""


def main(
    files: Annotated[int, typer.Option("--files", min=1, help="how many deliveries")] = 100_000,
    data: Annotated[Path, typer.Option("--data", help="folder of the deliveries, made once")] = Path("build/bench"),
    interval: Annotated[float, typer.Option("--interval", min=0.01, help="seconds between two looks")] = 1.0,
    out: Annotated[Path | None, typer.Option("--out", help="file of the results")] = None,
) -> None:
    """Fetch the deliveries into a new store, then once more with nothing new, and print what both cost."""
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    folder = data.absolute() / f"fetch-{files}"
    tree = make_tree(folder / "deliveries", files)
    store = Store(folder / "store")
    shutil.rmtree(store.root, ignore_errors=True)
    with serve(tree) as url:
        runs = [fetched(t, url, store, folder / "fetch.log", interval) for t in ("all are new", "nothing is new")]
    shutil.rmtree(store.root)
    path = out or RESULTS / f"fetch-{files}-{commit()[:12]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"commit": commit(), "files": files, "fetches": [asdict(run) for run in runs]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    console.print(as_table(files, runs))
    console.print(f"written: {path}")


if __name__ == "__main__":
    typer.run(main)
