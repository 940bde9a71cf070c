"""Tasks share the store and nothing else: whichever worker does one again, wherever, finds it done and changes no byte."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "tests" / "data" / "sample" / "lieferungen.zip"
FIRST, MONTH = "2017-06", "2018-07"
TASKS = {
    "kennzahlen_monat": [
        "fetch",
        "stage",
        "check_deliveries",
        "count",
        "calculate",
        "compare",
        "check_results",
        "alarm",
    ],
    "kennzahlen_veroeffentlichung": ["publish", "digest", "alarm"],
}
FOUND_AGAIN = {
    "fetch": {"pulled", "unchanged", "bytes", "requests", "requests_per_second"},
    "stage": {"made", "reused"},
    "count": {"computed", "reused"},
    "publish": {"unchanged"},
    "digest": {"return_value"},
}
"""What a result says of the work itself; all else is the same whoever does the task, and however often."""
XCOM_BYTES = 2000

WORKER = """
import json, sys
from types import SimpleNamespace
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.execution_time.context import set_current_context

dags, dag_id, task_id, month, before = sys.argv[1:]
task = DagBag(dag_folder=dags).dags[dag_id].get_task(task_id)
pushed, partitions = {}, []

class Events:
    def __getitem__(self, asset):
        return SimpleNamespace(add_partitions=partitions.append)

ti = SimpleNamespace(
    task_id=task_id,
    log_url="",
    get_task_states=lambda **_: {},
    xcom_push=lambda key, value: pushed.update({key: value}),
)
run = SimpleNamespace(dag_id=dag_id, run_id="once", partition_key=month, conf={}, clear_number=0)
with set_current_context({"dag_run": run, "params": {}, "ti": ti, "outlet_events": Events()}):
    value = task.python_callable(*json.loads(before))
print(json.dumps({"return_value": value, "partitions": partitions, **pushed}))
"""


class Workers:
    """A store, and workers that have only it in common: each task runs in a process and in folders of its own."""

    def __init__(self, root: Path) -> None:
        self.root, self.number = root, 0
        self.store = root / "store"
        with zipfile.ZipFile(SAMPLE) as archive:
            archive.extractall(root / "deliveries", [name for name in archive.namelist() if name >= FIRST])

    def do(self, dag_id: str, task_id: str, *before: Any) -> dict[str, Any]:
        """Do a task on a new worker; returns what it hands over. It may leave nothing where it worked."""
        self.number += 1
        place = self.root / f"worker-{self.number}"
        folders = {name: place / name for name in ("work", "home", "airflow")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        # Short, because processes meet at sockets in it, whose paths may have 107 bytes.
        folders["tmp"] = Path(tempfile.mkdtemp(prefix="w"))
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("KENNZAHLEN_", "AIRFLOW"))}
        environment |= {
            "HOME": str(folders["home"]),
            "TMPDIR": str(folders["tmp"]),
            "AIRFLOW_HOME": str(folders["airflow"]),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONHASHSEED": str(self.number),
            "TZ": ("UTC", "Pacific/Auckland")[self.number % 2],
            "KENNZAHLEN_STORE": str(self.store),
            "KENNZAHLEN_SOURCES": str(self.root / "deliveries"),
            "KENNZAHLEN_THREADS": str(1 + self.number % 2),
        }
        done = subprocess.run(
            [sys.executable, "-c", WORKER, str(REPOSITORY / "dags"), dag_id, task_id, MONTH, json.dumps(before)],
            cwd=folders["work"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert [p for name in ("work", "tmp") for p in folders[name].iterdir()] == []
        folders["tmp"].rmdir()
        handed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return handed

    def kept(self) -> dict[str, str]:
        """Return the digest of every file of the store, by its place; the lock file says who came last and is none."""
        files = (p for p in self.store.rglob("*") if p.is_file() and p != self.store / ".lock")
        return {str(p.relative_to(self.store)): sha256(p.read_bytes()).hexdigest() for p in files}


def without(handed: dict[str, Any], told: set[str]) -> dict[str, Any]:
    """Return what a task hands over, without the words that tell what it has done itself."""
    value = handed["return_value"]
    rest = {k: v for k, v in value.items() if k not in told} if isinstance(value, dict) else value
    return {k: v for k, v in ({**handed, "return_value": rest}).items() if k not in told}


def test_each_task_done_again_by_another_worker_changes_nothing_and_hands_over_the_same(tmp_path: Path) -> None:
    workers = Workers(tmp_path)
    release: list[Any] = []
    for dag_id, tasks in TASKS.items():
        for task_id in tasks:
            before = release if task_id == "digest" else []
            first = workers.do(dag_id, task_id, *before)
            kept = workers.kept()
            again = workers.do(dag_id, task_id, *before)
            assert workers.kept() == kept, task_id
            told = FOUND_AGAIN.get(task_id, set())
            assert without(again, told) == without(first, told), task_id
            assert all(len(json.dumps(handed)) <= XCOM_BYTES for handed in (first, again)), task_id
            if task_id == "publish":
                release = [first["return_value"]]
    assert (workers.store / "releases" / MONTH / "1").is_dir()
    assert not (workers.store / "releases" / MONTH / "2").exists()
    finished = workers.kept()
    for task_id in TASKS["kennzahlen_monat"]:  # the whole run cleared, after its publication
        workers.do("kennzahlen_monat", task_id)
    assert workers.do("kennzahlen_veroeffentlichung", "publish")["return_value"]["unchanged"] is True
    assert workers.kept() == finished
