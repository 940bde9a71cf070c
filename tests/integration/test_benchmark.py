"""The benchmark tells the truth: contenders count what we count, a wrong count is named, and costs hold every descendant."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.contenders import CONTENDERS, ours
from benchmarks.country import MERKMALE, RESULT, Country, load_country
from benchmarks.equality import UnequalError, require_equal
from benchmarks.results import Measurement, Results, outside, regressions, side_by_side, targets
from benchmarks.rounds import not_installed
from pipeline import steps
from pipeline.synthetic import generate
from unit.synthetic.tiny_country import tiny_catalog

FIRST, LAST = "2015-12", "2018-01"
COUNTING = [name for name, contender in CONTENDERS.items() if contender.counts and name != "ours"]
CIRCUMSTANCES = {
    "scale": 1.0,
    "rows_read": 10,
    "bytes_read": 10,
    "rounds": 2,
    "cells_compared": 1,
    "commit": "",
    "clean": True,
    "machine": {"processor": "invented", "cores": 2},
}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Country]:
    """Return a store with the counts of a few jobcenters over 26 months, and what contenders are given of it."""
    folder = tmp_path_factory.mktemp("benchmark")
    generate(folder / "source", FIRST, LAST, scale=0.001, seed=4, workers=1, everyone=True, catalog=tiny_catalog())
    store = folder / "store"
    for step in (steps.fetch, steps.stage, steps.count):
        run = steps.open_run(store, LAST, [str(folder / "source")])
        step(replace(run, declared=tiny_catalog(), settings=replace(run.settings, threads=1)))
    return store, load_country(store, LAST)


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTING)
def test_a_contender_counts_what_we_count(counted: tuple[Path, Country], name: str) -> None:
    reason = not_installed(name, None)
    if reason:
        pytest.skip(f"not installed: {reason}")
    store, country = counted
    result = ours.result(store, country)
    assert set(result["merkmal"].to_pylist()) == set(MERKMALE)
    module = import_module(f"benchmarks.contenders.{CONTENDERS[name].module}")
    assert require_equal(name, result, ours.cells(store, country), module.counts(country)) == result.num_rows


@pytest.mark.slow
def test_bare_scans_read_every_row(counted: tuple[Path, Country]) -> None:
    _, country = counted
    scans = [import_module(f"benchmarks.contenders.{c.module}") for c in CONTENDERS.values() if not c.counts]
    assert len({module.scan(country) for module in scans}) == 1


def cells(*values: int) -> pa.Table:
    names = [f"t{i:05d}" for i in range(len(values))]
    rows = [("2018-01", name, "T", "elb", value) for name, value in zip(names, values, strict=True)]
    return pa.table(dict(zip(RESULT.names, zip(*rows, strict=True), strict=True)), schema=RESULT)


@pytest.mark.parametrize(
    ("theirs", "text"),
    [
        (cells(7, 4), "2018-01 t00001 T elb 5 4"),
        (cells(7), "2018-01 t00001 T elb 5 0"),
        (cells(7, 5, 1), "none of ours"),
        (pa.concat_tables([cells(7, 5), cells(7)]), "stand twice"),
    ],
)
def test_a_wrong_count_is_named(theirs: pa.Table, text: str) -> None:
    with pytest.raises(UnequalError, match=text):
        require_equal("a contender", cells(7, 5), cells(7, 5), theirs)


def test_a_zero_may_be_left_out_and_a_cell_with_a_reason_is_not_compared() -> None:
    assert require_equal("a contender", cells(7, 0), cells(7, 0, 0), cells(7)) == 2
    assert require_equal("a contender", cells(7), cells(7, 0), cells(7, 9)) == 1


MEASURING = """
import json, sys
from pathlib import Path
from benchmarks.measuring import adopt_orphans, measured
adopt_orphans()
cost = measured([sys.executable, "-c", sys.argv[1]], {}, Path(sys.argv[2]))
print(json.dumps([cost.status, cost.cpu_s, cost.peak_rss]))
"""
ORPHAN = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        block = bytearray(200_000_000)
        while time.process_time() < 0.5:
            pass
    os._exit(0)
"""


def test_the_cost_of_a_process_holds_what_its_orphans_used(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MEASURING, ORPHAN, str(tmp_path / "output")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    status, cpu, peak = json.loads(done.stdout)
    assert status == 0
    assert cpu >= 0.5
    assert peak >= 200_000_000


def test_slower_is_what_lies_outside_all_rounds() -> None:
    assert outside([1.0, 1.2], [1.3, 1.4]) == "slower"
    assert outside([1.0, 1.2], [0.8, 0.9]) == "faster"
    assert outside([1.0, 1.2], [1.1, 1.4]) == ""
    assert outside([1.0], [2.0, 2.1]) == "one round only"


def test_a_regression_is_what_both_measured_and_costs_more_per_row_in_every_round() -> None:
    before = {
        "ours": Measurement("ours", [1.0, 1.2]),
        "sql": Measurement("sql", [1.0, 1.1]),
        "scan": Measurement("scan", [1.0, 1.0]),
    }
    after = {
        "ours": Measurement("ours", [2.6, 2.8]),
        "sql": Measurement("sql", [2.0, 2.2]),
        "spark": Measurement("spark", [9.0, 9.1]),
    }
    a, b = Results(CIRCUMSTANCES, before, {}), Results(CIRCUMSTANCES | {"rows_read": 20}, after, {})
    assert regressions(a, b) == ["ours"]
    assert regressions(b, a) == []
    last = list(side_by_side(a, b).columns[-1].cells)
    assert last == ["slower", "", "only in A", "only in B"]


def test_targets_are_judged_by_medians_and_say_what_was_not_measured(tmp_path: Path) -> None:
    measured = {
        "ours": Measurement("ours", [30.0, 10.0, 12.0], [1.0], [1.0], [10], [10]),
        "scan": Measurement("scan", [1.0, 1.0, 1.0], [1.0]),
    }
    Results(CIRCUMSTANCES, measured, {}).write(tmp_path / "results.json")
    judged = {t.what: t for t in targets(Results.read(tmp_path / "results.json"))}
    scan = judged["full history, all merkmale ÷ bare scan of the staged columns"]
    assert (scan.measured, scan.met) == (12.0, True)
    assert judged["pandas ÷ ours"].met is None
    assert judged["pandas ÷ ours"].note == "not measured: pandas"


def test_what_must_be_there_and_is_not_installed_ends_the_benchmark_before_its_data_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        CONTENDERS, "polars", replace(CONTENDERS["polars"], needs={"no_such_module": "no-such-package"})
    )
    arguments = [
        "run",
        "--contender",
        "pandas",
        "--contender",
        "polars",
        "--require-all",
        "--data",
        str(tmp_path / "data"),
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    assert done.output == "polars is not installed: pip install no-such-package, or make bench\n"
    assert not (tmp_path / "data").exists()
