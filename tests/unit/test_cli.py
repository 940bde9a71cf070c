"""The command: exit codes, one JSON object as the last line, progress on standard error only."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli, steps
from pipeline.store import Store, StoreBusyError, write_json

PUBLISHED = {"number": 3, "release": "STORE/releases/2018-07/3", "page": "index.html", "unchanged": False}
STOPPED = {
    "month": "2018-07",
    "broken": [
        {
            "rule": "RELEASE-RATE",
            "severity": "critical",
            "blocking": True,
            "titel": "Quote über 100 %",
            "massnahme": "Eckwerte prüfen.",
            "units": ["t04412", "t04502"],
            "count": 2,
        },
        {
            "rule": "STOCK-JUMP",
            "severity": "warning",
            "blocking": False,
            "titel": "Sprung",
            "massnahme": "",
            "units": [],
            "count": 1,
        },
    ],
}


@dataclass
class Ended:
    """What a command left: exit code and the two streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.out.splitlines()[-1])
        assert isinstance(found, dict)
        return found


Kennzahlen = Callable[..., Ended]


@pytest.fixture
def kennzahlen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kennzahlen:
    """Run the command in this process."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["kennzahlen", *arguments])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, tuple[str, ...]]]:
    """Replace every step by one that notes its call."""
    calls: list[tuple[str, str, tuple[str, ...]]] = []

    def replacement(name: str) -> Callable[[steps.Run], dict[str, Any]]:
        def step(run: steps.Run) -> dict[str, Any]:
            calls.append((name, run.month, run.sources))
            assert run.progress is not None
            run.progress(1, 2, "half")
            return dict(PUBLISHED) if name == "publish" else {"rows": 12345, "flag": True}

        return step

    for name in steps.STEPS:
        monkeypatch.setattr(steps, name, replacement(name))
    return calls


def failing(error: BaseException) -> Callable[[steps.Run], dict[str, Any]]:
    def step(run: steps.Run) -> dict[str, Any]:
        raise error

    return step


RUN = ("run", "--month", "2018-07", "--source", "one", "--source", "two", "--store")


def test_a_run_does_all_steps_in_order_with_all_sources(
    kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path
) -> None:
    ended = kennzahlen(*RUN, str(tmp_path / "store"))
    assert ended.code == 0
    assert called == [(name, "2018-07", ("one", "two")) for name in steps.STEPS]
    assert ended.out.splitlines() == [f"2018-07.3 published: {PUBLISHED['release']}", "index.html"]


def test_with_json_the_last_line_is_one_object(kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path) -> None:
    ended = kennzahlen(*RUN, str(tmp_path / "store"), "--json")
    assert ended.json["exit"] == 0
    assert ended.json["month"] == "2018-07"
    assert ended.json["number"] == 3
    assert list(ended.json["steps"]) == sorted(steps.STEPS)
    assert ended.out.count("\n{") == 1


def test_progress_is_on_standard_error_only(kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path) -> None:
    ended = kennzahlen(*RUN, str(tmp_path / "store"))
    assert [line.split()[0] for line in ended.err.splitlines()] == list(steps.STEPS)
    assert len(ended.out.splitlines()) == 2
    assert "rows 12,345" in ended.err


@pytest.mark.parametrize(
    ("command", "step"),
    [
        (("stage",), "stage"),
        (("check",), "check_deliveries"),
        (("check", "--results"), "check_results"),
        (("count",), "count"),
        (("calculate",), "calculate"),
        (("compare",), "compare"),
        (("publish",), "publish"),
        (("fetch", "--source", "one"), "fetch"),
    ],
)
def test_each_step_is_a_command(
    command: tuple[str, ...], step: str, kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path
) -> None:
    ended = kennzahlen(*command, "--month", "2018-07", "--store", str(tmp_path), "--json")
    assert ended.code == 0
    assert [name for name, _, _ in called] == [step]
    assert ended.json


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--month", "2018-7", "--source", "x", "--store", "s"),
        ("run", "--month", "2018-13", "--source", "x", "--store", "s"),
        ("run", "--month", "2018-07", "--store", "s"),
        ("run", "--month", "2018-07", "--source", "x"),
        ("run", "--source", "x", "--store", "s"),
        ("run", "--month", "2018-07", "--source", "x", "--store", "s", "--fast"),
        ("count", "--month", "July", "--store", "s"),
        ("synth", "--out", "o", "--from", "2018-01", "--to", "2018-02", "--scale", "2"),
        ("synth", "--out", "o", "--from", "2018-01", "--to", "2018-02", "--seed", "one"),
        ("explain", "K2E3", "--store", "s", "--month", "2018-03"),
        ("summary", "--month", "2018-07", "--store", "s", "--best", "0"),
        ("verify", "--store", "s"),
        ("rank",),
    ],
)
def test_wrong_usage_ends_with_two_and_touches_nothing(
    arguments: tuple[str, ...],
    kennzahlen: Kennzahlen,
    called: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = kennzahlen(*arguments)
    assert (ended.code, ended.out, called) == (2, "", [])
    assert ended.err
    assert list(tmp_path.iterdir()) == []
    as_json = kennzahlen(*arguments, "--json")
    assert (as_json.code, as_json.json["exit"]) == (2, 2)


def test_a_month_that_is_none_is_explained(kennzahlen: Kennzahlen) -> None:
    assert "write YYYY-MM" in kennzahlen("count", "--month", "2018-7", "--store", "s").err


@pytest.mark.parametrize("step", ["check_results", "publish"])
def test_a_stop_by_data_quality_ends_with_three_and_says_what_to_do(
    step: str, kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, step, failing(steps.QualityStop(STOPPED)))
    ended = kennzahlen(*RUN, str(tmp_path / "store"), "--json")
    assert ended.code == 3
    assert "nothing is published: RELEASE-RATE" in ended.err
    assert "Quote über 100 % (2 x; t04412, t04502). Eckwerte prüfen." in ended.err
    assert "Sprung" not in ended.err
    assert ended.json == {"exit": 3, **STOPPED}
    assert [name for name, _, _ in called] == list(steps.STEPS[: steps.STEPS.index(step)])


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied"),
        ValueError("a value"),
        StoreBusyError("another run is writing here"),
        KeyError("column"),
        ZeroDivisionError("never"),
    ],
)
def test_any_other_failure_ends_with_one_and_one_line(
    error: Exception, kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "count", failing(error))
    ended = kennzahlen(*RUN, str(tmp_path / "store"), "--json")
    assert ended.code == 1
    last = ended.err.splitlines()[-1]
    assert last == f"kennzahlen: {type(error).__name__}: {error}"
    assert ended.json == {"exit": 1, "error": f"{type(error).__name__}: {error}"}
    assert ("Traceback" in ended.err) == isinstance(error, KeyError | ZeroDivisionError)


def test_a_full_disk_is_told_with_what_to_do(
    kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "count", failing(OSError(28, "No space left on device")))
    ended = kennzahlen(*RUN, str(tmp_path / "store"), "--json")
    assert ended.code == 1
    assert ended.err.splitlines()[-1].endswith("free space and run the same command again, finished work is kept")
    assert "free space" in ended.json["error"]


def test_a_second_run_in_a_store_that_is_written_fails_at_once(
    kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path
) -> None:
    with Store(tmp_path).locked("run 2018-06"):
        ended = kennzahlen(*RUN, str(tmp_path))
    assert (ended.code, called) == (1, [])
    assert "run 2018-06" in ended.err


def test_a_step_without_the_one_before_says_which_to_run(kennzahlen: Kennzahlen, tmp_path: Path) -> None:
    ended = kennzahlen("stage", "--month", "2018-07", "--store", str(tmp_path))
    assert ended.code == 1
    assert "run the step fetch first" in ended.err


def test_a_setting_that_cannot_be_used_is_named(
    kennzahlen: Kennzahlen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KENNZAHLEN_THREADS", "many")
    ended = kennzahlen("stage", "--month", "2018-07", "--store", str(tmp_path))
    assert ended.code == 1
    assert "KENNZAHLEN_THREADS" in ended.err


def test_publishing_what_was_not_allowed_is_a_stop(kennzahlen: Kennzahlen, tmp_path: Path) -> None:
    folder = Store(tmp_path).run("2018-07")
    write_json(folder / "verdict-deliveries.json", {"broken": []})
    write_json(folder / "verdict.json", {"publication": "stopped", "broken": STOPPED["broken"]})
    assert kennzahlen("publish", "--month", "2018-07", "--store", str(tmp_path)).code == 3


@pytest.mark.parametrize("command", [("summary",), ("explain", "K2E3", "--jobcenter", "t04412")])
def test_what_needs_a_release_says_that_there_is_none(
    command: tuple[str, ...], kennzahlen: Kennzahlen, tmp_path: Path
) -> None:
    ended = kennzahlen(*command, "--month", "2018-07", "--store", str(tmp_path))
    assert (ended.code, ended.out) == (1, "")
    assert "there is no release" in ended.err


def test_a_release_that_is_not_there_cannot_be_verified(kennzahlen: Kennzahlen, tmp_path: Path) -> None:
    for name in ("2018-07.1", "2018-07", "newest"):
        ended = kennzahlen("verify", name, "--store", str(tmp_path))
        assert ended.code == 1
        assert f"'{name}' is no release" in ended.err


@pytest.mark.parametrize("command", [("alerts",), ("verify", "2018-07.1"), ("stage", "--month", "2018-07")])
def test_a_mistyped_store_is_wrong_usage_and_is_not_made(
    command: tuple[str, ...], kennzahlen: Kennzahlen, tmp_path: Path
) -> None:
    ended = kennzahlen(*command, "--store", str(tmp_path / "stoer"))
    assert (ended.code, ended.out) == (2, "")
    assert "stoer" in ended.err
    assert not (tmp_path / "stoer").exists()


def test_a_switch_that_cannot_be_selected_is_wrong_usage(
    kennzahlen: Kennzahlen, called: list[Any], tmp_path: Path
) -> None:
    ended = kennzahlen(*RUN, str(tmp_path / "store"), "--switch", "suppress_below=1", "--json")
    assert (ended.code, called) == (2, [])
    assert ended.json["exit"] == 2
    assert "suppress_below=1 cannot be computed" in ended.json["error"]
    assert not (tmp_path / "store").exists()


def test_no_alarm_waits_in_a_new_store(kennzahlen: Kennzahlen, tmp_path: Path) -> None:
    ended = kennzahlen("alerts", "--store", str(tmp_path), "--json")
    assert (ended.code, ended.json) == (0, {"waiting": []})


def test_the_installed_command_starts_quickly_and_without_the_heavy_packages() -> None:
    program = (
        "import sys; import pipeline.cli\n"
        "print(sorted({'great_expectations', 'duckdb', 'ibis', 'pandas', 'airflow', 'typst'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
