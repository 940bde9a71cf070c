"""Staging starts worker processes; they must work whatever program runs the step."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "data" / "sample" / "lieferungen.zip"

# Like Airflow's program inside a task: it runs, but nobody can import it.
PROGRAM = """
import sys
if __name__ != "__main__":
    raise RuntimeError("a worker imports the program that started it")
from pipeline import steps
run = steps.open_run(sys.argv[1], "2018-07", [sys.argv[2]])
steps.fetch(run)
print("MADE", steps.stage(run)["made"])
"""


# Like Celery's program inside a task: it may not have children.
WITHOUT_CHILDREN = PROGRAM.replace(
    "from pipeline import steps",
    "import multiprocessing\nmultiprocessing.current_process()._config['daemon'] = True\nfrom pipeline import steps",
)


@pytest.mark.parametrize("source", [PROGRAM, WITHOUT_CHILDREN], ids=["not-importable", "without-children"])
def test_workers_do_not_import_the_program_that_runs_the_step_nor_must_there_be_any(
    tmp_path: Path, source: str
) -> None:
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(tmp_path / "lieferungen")
    program = tmp_path / "program.py"
    program.write_text(source, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "store"), str(tmp_path / "lieferungen")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[-1]) >= 4, "fewer months are staged without workers"
