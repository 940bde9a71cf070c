"""Airflow in a temporary home with SQLite, the project's DAGs, and steps that do what a test says."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from integration.notify.letterbox import Letterbox, free_port

REPOSITORY = Path(__file__).parents[2]
DAGS = REPOSITORY / "dags"
STEPS = ("fetch", "stage", "check_deliveries", "count", "calculate", "compare", "check_results", "publish")

for name in [n for n in os.environ if n.startswith("AIRFLOW")]:
    del os.environ[name]
home = tempfile.mkdtemp(prefix="airflow-test-")
atexit.register(shutil.rmtree, home, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": home,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder as Airflow tests."""
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.airflow)


@pytest.fixture(scope="session")
def bag() -> Any:
    """Return the parsed DAGs, ready for `dag.test()`."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    parsed = DagBag(dag_folder=str(DAGS))
    assert parsed.import_errors == {}
    for dag in parsed.dags.values():
        dag.deadline = None  # 3.3.2: dag.test() crashes at success with a deadline
        for task in dag.tasks:
            task.retries = 0
    return parsed


class QualityStop(Exception):  # noqa: N818
    """Stands for `pipeline.steps.QualityStop`."""

    def __init__(self, verdict: dict[str, Any]) -> None:
        super().__init__("stopped")
        self.verdict = verdict


@pytest.fixture
def fake_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[types.SimpleNamespace]:
    """Replace `pipeline.steps`: every step notes its call; `behave[step]` says what it does instead of nothing."""
    import pipeline

    calls: list[tuple[str, str]] = []
    behave: dict[str, Callable[[], dict[str, Any]]] = {"publish": lambda: {"number": 1}}
    module = types.ModuleType("pipeline.steps")
    module.QualityStop = QualityStop  # type: ignore[attr-defined]
    module.open_run = lambda store, month, sources, progress: (store, month, sources)  # type: ignore[attr-defined]

    def step(name: str) -> Callable[[Any], dict[str, Any]]:
        def run(opened: Any) -> dict[str, Any]:
            calls.append((name, opened[1]))
            return behave.get(name, dict)()

        return run

    for name in STEPS:
        setattr(module, name, step(name))
    module.do = lambda name, opened: getattr(module, name)(opened)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pipeline.steps", module)
    monkeypatch.setattr(pipeline, "steps", module, raising=False)
    for variable in [v for v in os.environ if v.startswith("KENNZAHLEN_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("KENNZAHLEN_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("KENNZAHLEN_SOURCES", str(tmp_path / "source"))
    yield types.SimpleNamespace(calls=calls, behave=behave, stop=QualityStop, store=tmp_path / "store")


@pytest.fixture
def letterbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Letterbox]:
    """Start a mail server and let the settings point to it."""
    box, port = Letterbox(), free_port()
    monkeypatch.setenv("KENNZAHLEN_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("KENNZAHLEN_SMTP_PORT", str(port))
    monkeypatch.setenv("KENNZAHLEN_MAIL_TO", "betrieb@example.org")
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box
    controller.stop()
