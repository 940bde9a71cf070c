"""Run the real DAGs for one month in this process, without a scheduler: what `make run` does after the installation.

The DAG objects are those the scheduler loads; only the waiting is left out: no second tries and no deadline, because
somebody sits in front of it and may simply start again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DAG_IDS = ("kennzahlen_monat", "kennzahlen_veroeffentlichung")
DONE, FAILED, STOPPED = 0, 1, 3
QUIET_SECONDS = 30.0


def main() -> int:
    """Run both DAGs; returns 0 done, 3 stopped by data quality (nothing published), 1 anything else."""
    arguments = _arguments()
    store = arguments.store.resolve()
    _environment(store)
    with _sources(arguments) as sources:
        os.environ["KENNZAHLEN_SOURCES"] = ",".join(sources)
        _say(f"Airflow runs {arguments.month} from {', '.join(sources)} into {store}")
        return _run(arguments.month)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--month", required=True, help="reference month, YYYY-MM")
    parser.add_argument("--store", type=Path, required=True, help="the only folder that is written")
    parser.add_argument("--source", action="append", default=[], help="folder or address of deliveries, the later wins")
    parser.add_argument(
        "--serve", type=Path, help="folder of deliveries to serve over HTTP on this machine and pull from"
    )
    parser.add_argument("--port", type=int, default=8048, help="port for --serve; a fixed one keeps addresses equal")
    arguments = parser.parse_args()
    if not arguments.source and arguments.serve is None:
        parser.error("give --source or --serve")
    return arguments


def _environment(store: Path) -> None:
    """Tell Airflow where it lives before it is imported: importing it reads this once."""
    os.environ.setdefault("AIRFLOW_HOME", str(HERE.parent / ".airflow"))
    os.environ |= {
        "AIRFLOW__CORE__DAGS_FOLDER": str(HERE),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "KENNZAHLEN_STORE": str(store),
    }
    warnings.simplefilter("ignore")  # deprecations inside Airflow, nothing an operator can act on


@contextlib.contextmanager
def _sources(arguments: argparse.Namespace) -> Iterator[list[str]]:
    if arguments.serve is None:
        yield arguments.source
        return
    from pipeline.fetch.serve import serve

    with serve(arguments.serve, port=arguments.port) as address:
        yield [*arguments.source, address]


def _run(month: str) -> int:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.listener import get_listener_manager
    from airflow.utils.db import initdb

    with contextlib.redirect_stdout(sys.stderr):
        initdb()
        bag = DagBag(dag_folder=str(HERE))
    if bag.import_errors:
        for file, error in bag.import_errors.items():
            _say(f"{file}\n{error}")
        return FAILED
    screen = _Screen()
    get_listener_manager().add_listener(_listener(screen))
    from monthly_run import PROGRESS

    PROGRESS[:] = [screen.progress]
    for dag_id in DAG_IDS:
        dag = bag.dags[dag_id]
        dag.deadline = None  # 3.3.2: dag.test() crashes at success with a deadline
        for task in dag.tasks:
            task.retries = 0
        run = dag.test(run_conf={"month": month})
        if run.state != "success":
            return _reason(month, run)
    return DONE


def _reason(month: str, run: Any) -> int:
    """Say why a run failed and return its exit code."""
    failed = [ti for ti in run.get_task_instances() if ti.state == "failed"]
    for ti in failed:
        verdict = ti.xcom_pull(task_ids=ti.task_id, key="verdict")
        if verdict:
            for rule in verdict["broken"]:
                _say(f"  {rule['severity']}: {rule['rule']} {rule['titel']}. {rule['massnahme']}")
            _say(f"{month} is stopped by data quality: nothing is published, the last release is untouched")
            return STOPPED
    names = ", ".join(sorted(ti.task_id for ti in failed)) or "an unknown step"
    _say(f"{month} failed in {names}; start again, finished steps are reused")
    return FAILED


class _Screen:
    """Says which step runs, how far it is and how long it took."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.step, self.started, self.shown = "", 0.0, 0.0

    def begin(self, step: str) -> None:
        self.step, self.started = step, time.monotonic()
        self.shown = self.started

    def progress(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if now - self.shown < (0.2 if self.terminal else QUIET_SECONDS):
            return
        self.shown = now
        if self.terminal:
            bar = "█" * (20 * done // max(total, 1))
            sys.stderr.write(f"\r\x1b[K  {self.step:<18}{bar:<20} {done:,} of {total:,} {what[:40]}")
            sys.stderr.flush()
        else:
            _say(f"  {self.step:<18}{done:,} of {total:,} {what}")

    def end(self, word: str) -> None:
        clear = "\r\x1b[K" if self.terminal else ""
        _say(f"{clear}  {self.step:<18}{word:<7}{time.monotonic() - self.started:7.1f} s")


def _listener(screen: _Screen) -> Any:
    """Return an Airflow listener that tells the screen when a task begins and ends."""
    from airflow.listeners import hookimpl

    class Listener:
        @hookimpl
        def on_task_instance_running(self, task_instance: Any) -> None:
            screen.begin(task_instance.task_id)

        @hookimpl
        def on_task_instance_success(self, task_instance: Any) -> None:
            screen.end("done")

        @hookimpl
        def on_task_instance_failed(self, task_instance: Any) -> None:
            screen.end("FAILED")

    return Listener()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
