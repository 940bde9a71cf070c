"""Publishing: as soon as a month is computed and has passed its checks, its release appears and one mail says so.

Triggered by the asset of the monthly run, which carries the month as partition key.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import PartitionedAssetTimetable, dag, task

sys.path.insert(0, str(Path(__file__).parent))  # a plain DagBag does not put the DAGs' folder on the path

from monthly_run import BERECHNET, PARAMS, RETRYING, report_published, report_run, run_failed, run_step, task_failed

DOC = """
### Veröffentlicht einen berechneten Berichtsmonat

Startet von selbst, sobald `kennzahlen_monat` einen Monat berechnet und geprüft hat; der Monat ist der **Partition Key**.

* `publish` legt eine unveränderliche Ausgabe `releases/JJJJ-MM/N` an und stellt zuletzt den Zeiger `aktuell` um. Gleiche
  Daten ergeben dieselbe Ausgabe, ein zweiter Lauf also keine neue.
* `digest` schickt je Ausgabe eine Mail mit allen Warnungen.

Betriebsanleitung: `docs/operate/betrieb.md`.
"""


@dag(
    schedule=PartitionedAssetTimetable(assets=BERECHNET),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args=RETRYING | {"on_failure_callback": task_failed},
    on_failure_callback=run_failed,
    params=PARAMS,
    doc_md=DOC,
    description="The release of a computed month, then one mail with its warnings",
    tags=["kennzahlen", "monatlich"],
)
def kennzahlen_veroeffentlichung() -> None:
    """Build the DAG: publish, then tell."""

    @task(
        doc_md="Schreibt die Ausgabe daneben, benennt sie um, stellt zuletzt den Zeiger um: nie sieht jemand eine halbe."
    )
    def publish() -> dict[str, Any]:
        return run_step("publish")

    @task(doc_md="Eine Mail je Ausgabe: veröffentlicht, und mit welchen Warnungen.")
    def digest(release: dict[str, Any]) -> bool:
        return report_published(release)

    @task(
        multiple_outputs=False,
        retries=3,
        retry_delay=timedelta(minutes=1),
        on_failure_callback=None,
        doc_md="Läuft immer zuletzt: meldet einen Abbruch, den niemand gemeldet hat, und versendet wartende Alarme.",
    )
    def alarm() -> dict[str, Any]:
        return report_run()

    released = publish()
    [released, digest(released)] >> alarm().as_teardown()


kennzahlen_veroeffentlichung()
