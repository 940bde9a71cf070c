"""One measured process: a contender or some steps of the product. Its marks say when what is measured began and ended.

``python -m benchmarks.worker JOB.json`` reads what to do and writes `marks` and a result beside it; imports and reading the
calendar lie before the first mark.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contenders import CONTENDERS
from benchmarks.measuring import tree_cpu
from pipeline import steps

DATA_FILES_DONE = 2
"""How many parts of a release are done (`publish.release.STEPS`) when its Parquet and CSV files are written."""


@dataclass(frozen=True)
class Mark:
    """A measured stretch: moments of the monotonic clock, CPU seconds of the tree, and what was found out on the way."""

    name: str
    begin: float
    end: float
    cpu_s: float
    facts: dict[str, Any]


class Marks:
    """The stretches of a process, in order."""

    def __init__(self) -> None:
        self.done: list[Mark] = []

    @contextmanager
    def stretch(self, name: str) -> Iterator[dict[str, Any]]:
        """Measure what is done inside; the mapping takes facts."""
        facts: dict[str, Any] = {}
        begin, cpu = time.monotonic(), tree_cpu()
        yield facts
        self.done.append(Mark(name, begin, time.monotonic(), tree_cpu() - cpu, facts))


def _contender(job: dict[str, Any], marks: Marks) -> pa.Table | None:
    """Run a contender and return its counts, or None for a scan."""
    from benchmarks.country import load_country

    contender = CONTENDERS[job["contender"]]
    module = import_module(f"benchmarks.contenders.{contender.module}")
    store, month = Path(job["store"]), job["month"]
    country = load_country(store, month)
    with marks.stretch(job["contender"]) as facts:
        if job["contender"] == "ours":
            module.count(store, month)
        elif not contender.counts:
            facts["rows"] = module.scan(country)
            return None
        else:
            counts: pa.Table = module.counts(country)
            return counts
    pq.write_table(module.cells(store, country), job["known"])
    return module.result(store, country)


def _steps(job: dict[str, Any], marks: Marks) -> None:
    """Do steps of the product, each in a stretch of its own; `publish` is told apart into data files and the rest."""
    for name in job["steps"]:
        run = steps.open_run(job["store"], job["month"], job.get("sources", ()))
        if name == "publish":
            _publish(run, marks)
            continue
        if name.startswith("check"):
            import great_expectations as _  # noqa: F401 - importing it is not what a check costs
        with marks.stretch(name) as facts:
            facts.update({key: n for key, n in steps.do(name, run).items() if isinstance(n, int)})


def _publish(run: steps.Run, marks: Marks) -> None:
    from dataclasses import replace

    begin, cpu = time.monotonic(), tree_cpu()

    def progress(done: int, total: int, what: str) -> None:
        if done == DATA_FILES_DONE:
            marks.done.append(Mark("publish_data", begin, time.monotonic(), tree_cpu() - cpu, {}))

    with marks.stretch("publish"):
        steps.do("publish", replace(run, progress=progress))


def _read_month(job: dict[str, Any], marks: Marks) -> None:
    """Read all staged files of one month with PyArrow."""
    staged = steps.open_run(job["store"], job["month"]).staged
    with marks.stretch("read_month") as facts:
        facts["rows"] = sum(
            pq.read_table(Path(job["store"]) / entries[job["month"]]["file"]).num_rows
            for entries in staged.values()
            if job["month"] in entries
        )


def main() -> None:
    """Do the job named on the command line."""
    place = Path(sys.argv[1])
    job = json.loads(place.read_text(encoding="utf-8"))
    sys.path.extend(job.get("packages", []))
    marks = Marks()
    if job["kind"] == "contender":
        counts = _contender(job, marks)
        if counts is not None:
            pq.write_table(counts, job["result"])
    elif job["kind"] == "read_month":
        _read_month(job, marks)
    else:
        _steps(job, marks)
    place.with_suffix(".marks.json").write_text(json.dumps([asdict(m) for m in marks.done]), encoding="utf-8")


if __name__ == "__main__":
    main()
