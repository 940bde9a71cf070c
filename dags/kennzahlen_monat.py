"""The monthly run: from deliveries to computed and checked tables of one reference month.

The month is the partition key: the run of 15 November has the key 2026-07, four months back.
"""

from __future__ import annotations

import itertools
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import CronPartitionTimetable, dag, get_current_context, task

sys.path.insert(0, str(Path(__file__).parent))  # a plain DagBag does not put the DAGs' folder on the path

from monthly_run import (
    BERECHNET,
    PARAMS,
    RETRYING,
    deadline,
    month_of,
    report_run,
    run_failed,
    run_step,
    schedule_start,
    task_failed,
)

DOC = """
### Berechnet einen Berichtsmonat der Kennzahlen nach § 48a SGB II

Am 15. jedes Monats um 6 Uhr für den Monat vor vier Monaten. Der Monat ist der **Partition Key** (`2018-07`).

* **Von Hand starten**: Trigger → Advanced Options → Partition Key `2018-07`.
* **Wiederholen**: den Lauf leeren (Clear). Fertiges wird wiederverwendet, ein zweiter Lauf schadet nie.
* **Rot?** Eine Mail sagt, was zu tun ist. Veröffentlicht wird nur, wenn `check_results` grün ist; sonst bleibt die
  letzte Ausgabe unverändert.

Danach veröffentlicht der DAG `kennzahlen_veroeffentlichung` von selbst. Betriebsanleitung: `docs/operate/betrieb.md`.
"""


@dag(
    schedule=CronPartitionTimetable("0 6 15 * *", timezone="Europe/Berlin", run_offset=-4, key_format="%Y-%m"),
    start_date=schedule_start(),
    catchup=False,
    max_active_runs=1,
    default_args=RETRYING | {"on_failure_callback": task_failed},
    on_failure_callback=run_failed,
    deadline=deadline(),
    params=PARAMS,
    doc_md=DOC,
    description="Deliveries of one month: pulled, staged, checked, counted, computed, compared, checked again",
    tags=["kennzahlen", "monatlich"],
)
def kennzahlen_monat() -> None:
    """Build the DAG: the steps in their order, and the alarm that watches them."""

    @task(
        multiple_outputs=False,
        doc_md="Holt fehlende Lieferungen aus allen Quellen; Originalbytes bleiben unverändert erhalten.",
    )
    def fetch() -> dict[str, Any]:
        return run_step("fetch")

    @task(
        multiple_outputs=False,
        doc_md="Prüft Aufbau und Typen, ersetzt Personenkennungen, legt schlechte Zeilen in die Quarantäne.",
    )
    def stage() -> dict[str, Any]:
        return run_step("stage")

    @task(
        doc_md="Prüft die Lieferungen mit Great Expectations. Eine kritische Regel hält den Monat an (keine Wiederholung)."
    )
    def check_deliveries() -> dict[str, Any]:
        return run_step("check_deliveries")

    @task(
        multiple_outputs=False,
        doc_md="Zählt Personen je Monat zu Eckwerten; nur was sich geändert hat, wird neu gezählt.",
    )
    def count() -> dict[str, Any]:
        return run_step("count")

    @task(
        multiple_outputs=False,
        doc_md="Rechnet aus Eckwerten alle sechzehn Kennzahlen, exakt, mit Grund für jeden fehlenden Wert.",
    )
    def calculate() -> dict[str, Any]:
        return run_step("calculate")

    @task(
        multiple_outputs=False,
        doc_md="Ränge, Veränderungen, Mediane und die Geheimhaltung für alles, was veröffentlicht wird.",
    )
    def compare() -> dict[str, Any]:
        return run_step("compare")

    @task(
        multiple_outputs=False,
        outlets=[BERECHNET],
        doc_md="Prüft die berechneten Tabellen. Grün: der Monat wird veröffentlicht. Rot: nichts wird veröffentlicht.",
    )
    def check_results() -> dict[str, Any]:
        summary = run_step("check_results")
        context = get_current_context()
        context["outlet_events"][BERECHNET].add_partitions(month_of(context))
        return summary

    @task(
        multiple_outputs=False,
        retries=3,
        retry_delay=timedelta(minutes=1),
        on_failure_callback=None,
        doc_md="Läuft immer zuletzt: meldet einen Abbruch, den niemand gemeldet hat, und versendet wartende Alarme.",
    )
    def alarm() -> dict[str, Any]:
        return report_run()

    steps = [fetch(), stage(), check_deliveries(), count(), calculate(), compare(), check_results()]
    for earlier, later in itertools.pairwise(steps):
        earlier >> later
    steps >> alarm().as_teardown()


kennzahlen_monat()
