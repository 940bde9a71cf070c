"""Runs the contenders and the product's steps in turn, each in a process of its own, several rounds, and collects the costs."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.contenders import CONTENDERS
from benchmarks.country import COLUMNS, load_country
from benchmarks.data import LAST, REVISED, WHOLE, Data, copy_store, delivered_bytes
from benchmarks.equality import require_equal
from benchmarks.measuring import Cost, measured
from benchmarks.results import Measurement, Results

REPOSITORY = Path(__file__).resolve().parents[1]
LIBRARIES = ("duckdb", "ibis-framework", "pyarrow", "numpy", "pandas", "polars", "pyspark")
SMALL = {"KENNZAHLEN_MEMORY_LIMIT": "500MB"}
TITLES = {
    "new-month": "ours: the new month, the rest reused",
    "revised-leistungsbezug": "ours: one unit's leistungsbezug of mid series revised",
    "revised-aufnahme": "ours: one unit's aufnahme of the newest month revised",
    "ours-small": "ours with KENNZAHLEN_MEMORY_LIMIT=500MB",
    "read_month": "PyArrow reads the newest month",
    "small": "monthly run with KENNZAHLEN_MEMORY_LIMIT=500MB, a process each",
    "whole-month": "monthly run, all steps",
    "whole": "run from an empty store, all steps",
}


class WorkerError(RuntimeError):
    """A measured process failed; the text names the file of its output, which the next run empties, and holds the end of it."""


@dataclass
class Rounds:
    """A benchmark in progress. `packages` is a folder with libraries that only contenders use, `scratch` is emptied at will."""

    data: Data
    scratch: Path
    packages: Path | None
    report: Callable[[str], None]
    measured: dict[str, Measurement] = field(default_factory=dict)
    cells: int = 0

    @staticmethod
    def clear(scratch: Path) -> None:
        """Make the folder of what nobody needs afterwards anew."""
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)

    def run(self, names: Sequence[str], rounds: int, *, products: bool, whole: bool) -> Iterator[Results]:
        """Measure the contenders `names` (and, with `products`, the steps of the product).

        Yields what is known after each round and each whole run.

        Raises UnequalError if a contender counts otherwise than we do, WorkerError if a process fails.
        """
        missing = {name: text for name in names if (text := not_installed(name, self.packages))}
        present = [name for name in names if name not in missing]
        self._contender("scan", keep=False)
        for number in range(1, rounds + 1):
            for name in ["ours", *(n for n in present if n != "ours")]:
                self.report(f"round {number} of {rounds}: {CONTENDERS[name].title}")
                self._contender(name)
            if products:
                self._products()
            yield self._results(number, missing)
        for run in (self._small_month, self._whole_month, self._whole) if products and whole else ():
            run()
            yield self._results(rounds, missing)

    def _results(self, rounds: int, missing: Mapping[str, str]) -> Results:
        synth = self.data.built["synth"]
        self.measured["synth"] = Measurement("synth, when the data were made", [synth["cpu_s"]], [synth["wall_s"]])
        self.measured["synth"].facts["rows"] = synth["rows"]
        order = dict.fromkeys(n for n in (*CONTENDERS, *self.measured) if n in self.measured)
        return Results(self._circumstances(rounds), {n: self.measured[n] for n in order}, missing)

    # -- single measurements ------------------------------------------------------------------------------------------

    def _contender(
        self, name: str, *, environment: Mapping[str, str] | None = None, keep: bool = True, alias: str = ""
    ) -> None:
        store = self._fresh(self.data.store, computed=False) if name == "ours" else self.data.store
        result, known = self.scratch / f"{name}.parquet", self.scratch / "known.parquet"
        job = {
            "kind": "contender",
            "contender": name,
            "store": str(store),
            "month": LAST,
            "result": str(result),
            "known": str(known),
            "packages": [str(self.packages)] if self.packages and CONTENDERS[name].needs else [],
        }
        self._measure(job, {name: alias or name} if keep else {}, {name: CONTENDERS[name].title} | TITLES, environment)
        if CONTENDERS[name].counts:
            first = self.scratch / "ours-first.parquet"
            if name == "ours" and not first.exists():
                shutil.copyfile(result, first)
            tables = [pq.read_table(path) for path in (first, known, result)]
            self.cells = require_equal(alias or name, *tables)

    def _products(self) -> None:
        starts = {"new-month": self.data.store} | {f"revised-{table}": self.data.revised(table) for table in REVISED}
        for name, start in starts.items():
            self.report(TITLES[name])
            job = {"kind": "steps", "steps": ["count"], "month": LAST, "store": str(self._fresh(start, computed=True))}
            self._measure(job, {"count": name}, TITLES)
        self.report(TITLES["ours-small"])
        self._contender("ours", environment=SMALL, alias="ours-small")
        self._measure(
            {"kind": "read_month", "month": LAST, "store": str(self.data.store)}, {"read_month": "read_month"}, TITLES
        )

    def _small_month(self) -> None:
        """Run the steps for the newest month with little memory, each in a process of its own, as the DAG's tasks do."""
        copy_store(self.data.before, self._emptied(), computed=True, releases=True)
        self.report(TITLES["small"])
        for step in WHOLE:
            titles = {f"small-{step}": f"{TITLES['small']}: {step.replace('_', ' ')}"}
            self._measure(self._job([step]), {step: f"small-{step}"}, titles, SMALL)

    def _whole_month(self) -> None:
        """Run all steps for the newest month, where the month before has been run."""
        copy_store(self.data.before, self._emptied(), computed=True, releases=True)
        self._steps("whole-month", {step: step for step in (*WHOLE, "publish_data")})
        self.measured["stage"].facts["bytes"] = delivered_bytes(self.data, LAST)

    def _whole(self) -> None:
        """Run all steps for all months from an empty store."""
        self._emptied()
        self._steps("whole", {step: f"whole-{step}" for step in WHOLE})

    def _steps(self, name: str, names: Mapping[str, str]) -> None:
        self.report(TITLES[name])
        run = TITLES[name].removesuffix(", all steps")
        titles = {as_: f"{run}: {step.replace('_', ' ')}" for step, as_ in names.items()}
        cost = self._measure(self._job(WHOLE), names, titles)
        self._add(name, TITLES[name], {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s}, cost)
        self.measured[name].peak_rss.append(cost.peak_rss)

    def _job(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the job that does steps for the newest month in the scratch store."""
        store, sources = str(self.scratch / "store"), [str(self.data.deliveries)]
        return {"kind": "steps", "steps": names, "month": LAST, "store": store, "sources": sources}

    def _measure(
        self,
        job: Mapping[str, Any],
        names: Mapping[str, str],
        titles: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
    ) -> Cost:
        """Run a job and note those of its stretches that `names` knows, under the name it gives them."""
        place = self.scratch / "job.json"
        place.write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.worker", str(place)]
        log = self.scratch / "output.txt"
        cost = measured(command, {**_environment(), **(environment or {})}, log)
        if cost.status != 0:
            end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise WorkerError(
                f"{job.get('contender', job.get('steps'))} ended with {cost.status}; all of its output: {log}; the end:\n{end}"
            )
        for mark in json.loads(place.with_suffix(".marks.json").read_text(encoding="utf-8")):
            if mark["name"] not in names:
                continue
            name = names[mark["name"]]
            title = titles.get(name, titles.get(mark["name"], name))
            self._add(name, title, {"cpu_s": mark["cpu_s"], "wall_s": mark["end"] - mark["begin"]}, cost)
            self.measured[name].peak_rss.append(cost.peak_between(mark["begin"], mark["end"]) or cost.peak_rss)
            self.measured[name].facts.update(mark["facts"])
        return cost

    def _add(self, name: str, title: str, cost: Mapping[str, float], process: Cost | None) -> None:
        found = self.measured.setdefault(name, Measurement(title))
        found.cpu_s.append(cost["cpu_s"])
        found.wall_s.append(cost["wall_s"])
        if process is not None:
            found.process_cpu_s.append(process.cpu_s)
            found.largest_process.append(process.largest_process)

    def _fresh(self, store: Path, *, computed: bool) -> Path:
        copy = self._emptied()
        copy_store(store, copy, computed=computed)
        return copy

    def _emptied(self) -> Path:
        store = self.scratch / "store"
        shutil.rmtree(store, ignore_errors=True)
        return store

    # -- circumstances ------------------------------------------------------------------------------------------------

    def _circumstances(self, rounds: int) -> dict[str, Any]:
        country = load_country(self.data.store, LAST)
        files = [path for table in COLUMNS for path in country.staged[table].values()]
        return {
            "scale": self.data.scale,
            "rounds": rounds,
            "months": len(country.months),
            "rows_read": sum(pq.read_metadata(path).num_rows for path in files),
            "bytes_read": sum(path.stat().st_size for path in files),
            "cells_compared": self.cells,
            "commit": commit(),
            "clean": clean(),
            "data_built_by": self.data.built["commit"],
            "machine": _machine(),
            "versions": {"python": platform.python_version(), **self._versions()},
        }

    def _versions(self) -> dict[str, str]:
        paths = [*sys.path, *([str(self.packages)] if self.packages else [])]
        found = {d.metadata["Name"]: d.version for d in distributions(path=paths)}
        return {name: found[name] for name in LIBRARIES if name in found}


def not_installed(name: str, packages: Path | None) -> str:
    """Say what to install for a contender; empty if all is there."""
    searched = [*sys.path, *([str(packages)] if packages else [])]
    for module, package in CONTENDERS[name].needs.items():
        if not any((Path(folder) / module).is_dir() for folder in searched if folder) and not importlib.util.find_spec(
            module
        ):
            return f"pip install {package}, or make bench"
    if name == "spark" and shutil.which("java") is None:
        return "Java 17 or later, on Debian: apt-get install openjdk-17-jre-headless"
    return ""


def commit() -> str:
    """Return the commit of the code; empty outside a repository."""
    return _git("rev-parse", "HEAD")


def clean() -> bool:
    """Tell whether the code that is measured is the committed one."""
    return not _git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks", "requirements.lock")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    found = {k: v for k, v in os.environ.items() if not k.startswith("KENNZAHLEN_")}  # noqa: TID251 - handed to a process
    return found | {"PYTHONPATH": os.pathsep.join(p for p in (str(REPOSITORY), found.get("PYTHONPATH", "")) if p)}


def _machine() -> dict[str, Any]:
    cpu = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "processor": cpu[0] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "memory_bytes": int(memory[0]) * 1024 if memory else None,
        "system": f"{platform.system()} {platform.release()}",
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()
