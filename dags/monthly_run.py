"""What the DAG files share: the month of a run, where things lie, one step in a task, and the alarms of a run.

No DAG is defined here, and nothing of `pipeline` is imported but inside functions: a DAG file is parsed all the time.
Alarms call `pipeline.notify` directly, not the steps: an alarm must not need what it reports.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pendulum
import structlog
from airflow.sdk import Asset, DeadlineAlert, DeadlineReference, Param, SyncCallback, get_current_context
from airflow.sdk.exceptions import AirflowFailException

log = structlog.get_logger(
    "kennzahlen"
)  # structlog: Airflow's namespace_levels, which `make airflow` sets, see no other

ROOT = Path(__file__).resolve().parent.parent
MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
BERECHNET = Asset("kennzahlen_monat_berechnet", uri="kennzahlen://monat/berechnet")
LATE_AFTER = timedelta(hours=6)
BUSY_WAIT = timedelta(hours=1)
FAILED = ("failed",)
PROGRESS: list[Any] = []  # filled by run_local.py only, whose user watches; a worker shows nobody a progress bar

PARAMS = {
    "month": Param(
        None,
        type=["null", "string"],
        pattern=MONTH,
        title="Month",
        description="Only for tests and the command line. In the UI give the month as partition key, for example 2018-07.",
    )
}
RETRYING = {
    "owner": "Betrieb",
    "retries": 4,
    "retry_delay": timedelta(minutes=2),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=30),
    "execution_timeout": timedelta(hours=12),  # a step that hangs dies, is tried again and in the end mailed
}


def store_root() -> Path:
    """Return the store's folder: KENNZAHLEN_STORE, else `store` beside `dags`."""
    return Path(os.environ.get("KENNZAHLEN_STORE") or ROOT / "store")


def source_list() -> list[str]:
    """Return the sources, the later wins: KENNZAHLEN_SOURCES separated by commas, else `synthetic` beside `dags`."""
    text = os.environ.get("KENNZAHLEN_SOURCES", "")
    return [s.strip() for s in text.split(",") if s.strip()] or [str(ROOT / "synthetic")]


def schedule_start() -> datetime:
    """Return the day the schedule begins: KENNZAHLEN_SCHEDULE_START (ISO date), else the project's first month."""
    return pendulum.parse(os.environ.get("KENNZAHLEN_SCHEDULE_START") or "2026-11-01", tz="Europe/Berlin")  # type: ignore[return-value]


def month_of(context: Mapping[str, Any]) -> str:
    """Return the reference month of a run: its partition key, else the parameter; never a date of the run."""
    month = context["dag_run"].partition_key or context["params"].get("month") or ""
    if not re.match(MONTH, month):
        raise AirflowFailException(
            f"no month ({month!r}): trigger with a partition key such as 2018-07 (UI: Advanced Options) or the parameter month"
        )
    return month


def run_step(name: str) -> dict[str, Any]:
    """Run one step for the month of the current run and return its small summary.

    A quality stop mails once and fails without another try; any other exception is tried again.
    """
    from pipeline import steps

    context = get_current_context()
    month = month_of(context)
    opened = steps.open_run(store_root(), month, source_list(), progress=PROGRESS[0] if PROGRESS else None)
    log.info("%s for %s in %s", name, month, store_root())
    try:
        summary = _when_store_is_free(lambda: steps.do(name, opened))
    except steps.QualityStop as stop:
        context["ti"].xcom_push(key="verdict", value=_short(stop.verdict))
        _report_quality_stop(stop.verdict, context)
        for rule in stop.verdict["broken"]:
            log.error("%s %s: %s. %s", rule["severity"], rule["rule"], rule["titel"], rule["massnahme"])
        raise AirflowFailException(str(stop)) from None
    log.info("%s done: %s", name, summary)
    return summary


def _when_store_is_free(step: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a step; while another month's run holds the store, wait instead of using up the task's tries."""
    from pipeline.store import StoreBusyError

    end = time.monotonic() + BUSY_WAIT.total_seconds()
    waiting = False
    while True:
        try:
            return step()
        except StoreBusyError as busy:
            if time.monotonic() >= end:
                raise
            if not waiting:
                log.warning("waits for the store, at most %s: %s", BUSY_WAIT, busy)
            waiting = True
            time.sleep(1)


def crash_of(context: Mapping[str, Any], step: str = "", error: str = "") -> Any:
    """Describe the death of a run from whatever context a watcher has; a DAG-level callback may know a run id only."""
    from pipeline.notify import Crash

    dag_run, ti, dag = context.get("dag_run"), context.get("ti"), context.get("dag")
    conf = getattr(dag_run, "conf", None) or {}
    return Crash(
        dag=getattr(dag_run, "dag_id", None) or getattr(dag, "dag_id", "") or "",
        run=getattr(dag_run, "run_id", None) or context.get("run_id") or "",
        month=getattr(dag_run, "partition_key", None) or str(conf.get("month") or ""),
        step=step,
        error=error,
        log_url=_log_url(ti, step),
        attempt=getattr(dag_run, "clear_number", 0) or 0,
    )


def _log_url(ti: Any, step: str) -> str:
    """Return the address of a step's log, also if another task of the run asks for it."""
    url = str(getattr(ti, "log_url", "") or "")
    if not url or not step:
        return ""
    return url if ti.task_id == step else url.partition("?")[0].replace(f"/tasks/{ti.task_id}", f"/tasks/{step}")


def task_failed(context: Mapping[str, Any]) -> None:
    """Mail that a task of the run died: in the task's process, or in the DAG processor if the process was killed."""
    from pipeline import notify
    from pipeline.notify.alarms import safe_error

    ti = context.get("ti")
    crash = crash_of(context, step=getattr(ti, "task_id", ""), error=safe_error(context.get("exception")))
    notify.report_crash(*_outbox(), crash)


def run_failed(context: Mapping[str, Any]) -> None:
    """Mail that a run died, if no task has: runs in the DAG processor."""
    from pipeline import notify

    notify.report_crash(*_outbox(), crash_of(context, error=str(context.get("reason") or "")))


def run_late(context: Mapping[str, Any] | None = None, **_: Any) -> None:
    """Mail that a run has not ended in time: a deadline's callback, which gets the run as plain JSON."""
    from pipeline import notify

    run = dict((context or {}).get("dag_run") or {})
    if run.get("state", "running") != "running":  # it waits for the run of another month, or its end has been mailed
        return
    crash = notify.Crash(
        dag=str(run.get("dag_id") or ""),
        run=str(run.get("dag_run_id") or run.get("run_id") or ""),
        month=str(run.get("partition_key") or (run.get("conf") or {}).get("month") or ""),
    )
    notify.report_delay(*_outbox(), crash, LATE_AFTER.total_seconds() / 3600)


def report_run() -> dict[str, Any]:
    """Watch the run from inside: mail a death nobody has mailed, then send what waits; the body of the task `alarm`.

    Fails while a configured mail server does not take the mails, so that the task's own retries bridge an outage.
    """
    from pipeline import notify

    context = get_current_context()
    ti, run = context["ti"], context["dag_run"]
    states = ti.get_task_states(dag_id=run.dag_id, run_ids=[run.run_id]).get(run.run_id, {})
    dead = sorted(task for task, state in states.items() if str(state) in FAILED and task != ti.task_id)
    store, settings = _outbox()
    if dead:
        notify.report_crash(store, settings, crash_of(context, step=dead[0]))
    return send_waiting(states)


def send_waiting(states: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Send what waits in the store; raises if a configured mail server did not take all of it."""
    from pipeline import notify

    store, settings = _outbox()
    flushed = notify.flush(store, settings)
    if flushed.waiting and settings.smtp_host and settings.mail_to:
        raise RuntimeError(f"{len(flushed.waiting)} alert(s) wait in {store.alerts}: {'; '.join(flushed.errors)}")
    return {
        "failed": sorted(t for t, s in (states or {}).items() if str(s) in FAILED),
        "sent": flushed.sent,
        "waiting": flushed.waiting,
    }


def report_published(release: Mapping[str, Any]) -> bool:
    """Mail that a month is published and with which warnings; `release` is what the step `publish` returned."""
    from pipeline import notify

    store, settings = _outbox()
    month = month_of(get_current_context())
    return notify.report_publication(store, settings, month, release.get("number", ""))


def deadline() -> DeadlineAlert:
    """Return the alert of a run that hangs or waits for a source for hours longer than runs usually take.

    Not measured from DAGRUN_QUEUED_AT: Airflow 3.3.2 answers 500 to every Clear of a run with such a deadline, in the UI, in
    the REST API and on the command line. The price: there must have been a successful run before.
    """
    usual = DeadlineReference.AVERAGE_RUNTIME(max_runs=12, min_runs=1)
    return DeadlineAlert(reference=usual, interval=LATE_AFTER, callback=SyncCallback(run_late))


def _short(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return a verdict small enough for XCom: the first units of each broken rule only."""
    names = ("rule", "severity", "titel", "count", "massnahme")
    broken = [{n: e.get(n) for n in names} | {"units": list(e.get("units", ()))[:12]} for e in verdict["broken"]]
    return {"month": verdict["month"], "broken": broken}


def _report_quality_stop(verdict: Mapping[str, Any], context: Mapping[str, Any]) -> None:
    from pipeline import notify

    notify.report_quality_stop(*_outbox(), verdict, crash_of(context))


def _outbox() -> tuple[Any, Any]:
    from pipeline.settings import load_settings
    from pipeline.store import Store

    return Store(store_root()), load_settings()
