"""The post office: tries every half hour to send alarms that a dead mail server has left waiting.

The runs try by themselves; but the next run may be a month away, and an alarm must not wait so long.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import dag, task

sys.path.insert(0, str(Path(__file__).parent))  # a plain DagBag does not put the DAGs' folder on the path

from monthly_run import send_waiting

DOC = """
### Versendet wartende Alarme

Alarme liegen zuerst in `alerts/queue` des Stores und verschwinden dort erst, wenn der Mailserver sie angenommen hat.
Dieser DAG versucht es jede halbe Stunde. Rot heißt: Der Mailserver nimmt nichts an (Einstellungen `KENNZAHLEN_SMTP_*`).
"""


@dag(
    schedule="*/30 * * * *",
    start_date=pendulum.datetime(2026, 11, 1, tz="Europe/Berlin"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"owner": "Betrieb", "retries": 2, "retry_delay": timedelta(minutes=1)},
    doc_md=DOC,
    description="Sends alarms that wait in the store",
    tags=["kennzahlen", "alarm"],
)
def kennzahlen_alarme() -> None:
    """Build the DAG: one task."""

    @task(multiple_outputs=False, doc_md="Versendet alles, was in `alerts/queue` liegt.")
    def send() -> dict[str, Any]:
        return send_waiting()

    send()


kennzahlen_alarme()
