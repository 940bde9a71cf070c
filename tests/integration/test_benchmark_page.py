"""The page of the benchmark says what the results say: targets met, not met, not measured; no ratio of two runs; no figure cut."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import __main__ as main
from benchmarks.__main__ import PAGE, RESULTS, WIDTH, app
from benchmarks.contenders import CONTENDERS
from benchmarks.data import WHOLE, Data
from benchmarks.drawing import spread, ticks
from benchmarks.page import REASONS, Runs, figures, page
from benchmarks.results import Measurement, Results, as_tables, declared, growth, side_by_side
from benchmarks.rounds import REPOSITORY, TITLES, Rounds

ROWS = {0.01: 20_000_000, 0.05: 50_000_000, 0.2: 180_000_000, 1.0: 900_000_000}
NEWEST, OLDER = "2026-12-02 08:00 UTC", "2026-12-01 08:00 UTC"
SCAN = "full history, all merkmale ÷ bare scan of the staged columns"
PER_SCALE, PER_ROW = "full history, CPU per unit of scale, at 1 ÷ at 0.05", "the same per row"


def invented(
    scale: float,
    costs: Mapping[str, float | list[float]],
    *,
    at: str = NEWEST,
    processor: str = "invented",
    memory: float = 1e9,
    commit: str = "0123456789abcdef",
) -> Results:
    circumstances = {
        "scale": scale,
        "rows_read": ROWS[scale],
        "bytes_read": 10 * ROWS[scale],
        "rounds": 3,
        "cells_compared": 612_313,
        "commit": commit,
        "clean": True,
        "measured_at": at,
        "machine": {"processor": processor, "cores": 2, "memory_bytes": 25_000_000_000, "load": [0.5, 0.5, 0.5]},
        "versions": {"python": "3.11.7"},
    }
    rounds = {name: cost if isinstance(cost, list) else [cost] for name, cost in costs.items()}
    measured = {
        name: Measurement(f"{name} title", cpu, cpu, cpu, [int(memory)] * len(cpu), [int(memory)] * len(cpu))
        for name, cpu in rounds.items()
    }
    return Results(circumstances, measured, {})


def written(folder: Path, **results: Results) -> dict[str, str]:
    """Return the files of the page of invented results by name."""
    for name, found in results.items():
        found.write(folder / f"{name}.json")
    made = page(Runs.read(folder.glob("*.json")), folder / "speed.md", folder)
    return {path.name: text for path, text in made.items()}


def row(text: str, what: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {what} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_the_page_in_the_docs_is_what_the_results_in_the_repository_give() -> None:
    made = page(Runs.read(RESULTS.glob("scale-*.json")), PAGE, REPOSITORY)
    stale = [path.name for path, text in made.items() if not path.exists() or path.read_bytes() != text.encode()]
    assert not stale, f"write them anew with `make bench-page`: {stale}"
    assert sorted(PAGE.parent.glob(f"{PAGE.stem}-*.svg")) == sorted(made.keys() - {PAGE})
    for target in re.findall(r"\]\(([^)#]+)\)", made[PAGE]):
        assert (PAGE.parent / target).exists(), target


def test_a_target_is_met_not_met_or_not_measured_at_the_largest_scale_measured(tmp_path: Path) -> None:
    text = written(
        tmp_path,
        small=invented(0.05, {"ours": 30.0, "scan": 1.0, "polars": 31.0, "new-month": 2.0}),
        large=invented(1.0, {"ours": [400.0, 420.0, 900.0], "scan": 40.0, "polars": 400.0}),
    )["speed.md"]
    reasons = f"[not met]({REASONS.as_posix()})"
    assert row(text, SCAN) == ["≤ 15", "–", "30", "–", "10.5", "met"]
    assert row(text, "Polars ÷ ours") == ["≥ 1", "–", "1.03", "–", "0.952", reasons]
    assert row(text, "the new month, everything before it reused ÷ full history") == [
        "≤ 0.1", "–", "0.0667", "–", "–", "met at 0.05"
    ]  # fmt: skip
    assert row(text, "pandas ÷ ours") == ["≥ 5", "–", "–", "–", "–", "not measured"]


def test_every_target_stands_on_the_page(tmp_path: Path) -> None:
    text = written(tmp_path, only=invented(0.05, {"ours": 30.0, "scan": 1.0}))["speed.md"]
    assert all(row(text, target.what)[0] == target.bound for target in declared())
    assert row(text, PER_SCALE)[1:] == ["–", "1", "–", "–", "not judged: set for scales 0.05 and 1"]
    assert row(text, "the whole monthly run, from deliveries to release")[-1] == "not measured"


def test_targets_name_only_what_the_benchmark_measures() -> None:
    steps = {*WHOLE, *(f"{run}-{step}" for run in ("small", "whole") for step in WHOLE), "publish_data", "synth"}
    assert {name for target in declared() for name in target.needs} <= {*CONTENDERS, *TITLES, *steps}


def test_a_ratio_is_of_the_newest_run_that_measured_both_and_never_of_two(tmp_path: Path) -> None:
    text = written(
        tmp_path,
        older=invented(0.05, {"ours": 60.0, "scan": 2.0, "spark": 600.0}, at=OLDER),
        newest=invented(0.05, {"ours": 30.0, "scan": 3.0}),
    )["speed.md"]
    assert row(text, SCAN)[2] == "10"
    assert row(text, "PySpark local ÷ ours")[2] == "10<sup>b</sup>"
    assert row(text, "spark title")[1] == "600 s · 1.00 GB<sup>b</sup>"
    assert "- **b**: [older.json](older.json)" in text


def test_growth_is_judged_per_scale_and_per_row(tmp_path: Path) -> None:
    small, large = invented(0.05, {"ours": 30.0}), invented(1.0, {"ours": 720.0})
    found = {target.what: target for target in growth(large, small)}
    assert (found[PER_SCALE].value, found[PER_SCALE].met) == ("1.2", True)
    assert (found[PER_ROW].value, found[PER_ROW].met) == ("1.33", False)
    text = written(tmp_path, small=small, large=large, between=invented(0.2, {"ours": 120.0}))["speed.md"]
    assert row(text, PER_SCALE) == ["≤ 1.25", "–", "1", "1", "1.2", "met"]
    assert row(text, PER_ROW)[4:] == ["1.33", f"[not met]({REASONS.as_posix()})"]


def test_growth_between_machines_commits_or_other_scales_is_shown_and_not_judged() -> None:
    small, costs = invented(0.05, {"ours": 30.0}), {"ours": 600.0}
    for large in (
        invented(1.0, costs, processor="another"),
        invented(1.0, costs, commit="another"),
        invented(0.2, {"ours": 120.0}),
    ):
        target = growth(small, large)[0]
        assert (target.value, target.met) == ("1", None)
        assert target.note.startswith("not judged: ")
    assert growth(small, invented(1.0, {"scan": 1.0}))[0].note == "not measured in both: ours"


def test_growth_is_against_a_run_of_the_same_machine_and_code_where_there_is_one(tmp_path: Path) -> None:
    text = written(
        tmp_path,
        other=invented(0.05, {"ours": 10.0}, processor="another"),
        before=invented(0.05, {"ours": 10.0}, at="2026-12-01 09:00 UTC", commit="another"),
        same=invented(0.05, {"ours": 30.0}, at=OLDER),
        large=invented(1.0, {"ours": 600.0}),
    )["speed.md"]
    assert row(text, PER_SCALE)[4:] == ["1<sup>c</sup>", "met"]


def test_compare_judges_growth_where_the_scales_differ(tmp_path: Path) -> None:
    for name, found in {"a": invented(0.05, {"ours": 30.0}), "b": invented(1.0, {"ours": 720.0})}.items():
        found.write(tmp_path / name)
    output = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b")]).output
    lines = [line.split() for line in output.splitlines()]
    assert [*PER_SCALE.split(), "≤", "1.25", "1.2", "met"] in lines
    assert [*PER_ROW.split(), "≤", "1.25", "1.33", "not", "met"] in lines
    assert "Growth" not in CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "a")]).output


def test_printed_tables_are_at_most_120_columns_wide_and_cut_nothing() -> None:
    costs = {name: [12_345.67, 12_345.68] for name in ("ours", "scan", "revised-leistungsbezug", "check_deliveries")}
    found = invented(1.0, costs, memory=19.5e9)
    for measurement in found.measured.values():
        measurement.title = "ours: one unit's leistungsbezug of mid series revised with a longer name still"
    console = Console(width=WIDTH)
    with console.capture() as captured:
        for table in (*as_tables(found), side_by_side(found, invented(1.0, costs, processor="another"))):
            console.print(table)
    text = captured.get()
    assert max(len(line) for line in text.splitlines()) <= WIDTH == 120
    assert "…" not in text
    assert text.count("12345.6") >= 4 * 4


def test_figures_are_well_formed_name_every_line_and_repeat_byte_for_byte(tmp_path: Path) -> None:
    costs = {"ours": 30.0, "sql": 29.9, "pandas": 90.0, "scan": 1.0}
    results = {"small": invented(0.05, costs), "large": invented(1.0, costs | {"ours": 600.0})}
    first, second = written(tmp_path, **results), written(tmp_path, **results)
    assert first == second
    drawn = {name: ElementTree.fromstring(text) for name, text in first.items() if name.endswith(".svg")}
    assert sorted(drawn) == ["speed-cpu.svg", "speed-memory.svg", "speed-per-row.svg"]
    space = {"s": "http://www.w3.org/2000/svg"}
    for root in drawn.values():
        labels = {label.text for label in root.iterfind(".//s:text[@class='label']", space)}
        assert labels == {"ours", "SQL by hand", "pandas", "bare scan, DuckDB"}
        assert "synthetic data" in "".join(root.itertext())
    told = figures(Runs.read(tmp_path.glob("*.json")))["cpu"].words
    assert "ours 30 s at 0.05, 600 s at 1;" in told
    assert f"![{told}](speed-cpu.svg)" in first["speed.md"]


def test_a_point_of_an_older_run_is_hollow(tmp_path: Path) -> None:
    made = written(
        tmp_path,
        older=invented(0.05, {"ours": 60.0, "spark": 600.0}, at=OLDER),
        newest=invented(0.05, {"ours": 30.0}),
    )
    assert made["speed-cpu.svg"].count('class="hollow"') == 1
    assert "hollow: of an older run" in made["speed-cpu.svg"]


def test_results_without_a_time_cannot_be_ordered(tmp_path: Path) -> None:
    found = invented(0.05, {"ours": 1.0})
    undated = {key: value for key, value in found.circumstances.items() if key != "measured_at"}
    Results(undated, found.measured, {}).write(tmp_path / "undated.json")
    with pytest.raises(ValueError, match=r"undated\.json: no measured_at"):
        Runs.read(tmp_path.glob("*.json"))
    with pytest.raises(ValueError, match="0 results"):
        Runs.read([])


def test_a_run_writes_when_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = invented(0.05, {"ours": 1.0}, at="overwritten")
    monkeypatch.setattr(main, "adopt_orphans", lambda: None)
    monkeypatch.setattr(main, "build", lambda root, *_, **__: Data(tmp_path, 0.05))
    monkeypatch.setattr(Rounds, "run", lambda *_, **__: iter([found]))
    before = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    done = CliRunner().invoke(app, ["run", "--out", str(tmp_path / "result.json"), "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    measured_at = Results.read(tmp_path / "result.json").circumstances["measured_at"]
    assert before <= measured_at <= f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


@pytest.mark.parametrize(
    ("wanted", "placed"),
    [
        ([10, 50], [10, 50]),
        ([10, 12], [6, 16]),
        ([10, 12, 14, 60], [2, 12, 22, 60]),
        ([95, 99], [90, 100]),
        ([0, 0, 0], [0, 10, 20]),
    ],
)
def test_names_that_would_touch_move_apart_and_stay_inside(wanted: list[float], placed: list[float]) -> None:
    assert spread(wanted, 10, 0, 100) == placed


def test_ticks_are_round_and_fewer_the_more_decades_there_are() -> None:
    assert ticks(0.9, 11) == [1, 2, 5, 10]
    assert ticks(0.9, 150) == [1, 3, 10, 30, 100]
    assert ticks(0.05, 2000) == [0.1, 1, 10, 100, 1000]
