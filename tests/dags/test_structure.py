"""The DAGs are exactly these, and parsing them costs next to nothing."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

DAGS = Path(__file__).parents[2] / "dags"
STEPS = ["fetch", "stage", "check_deliveries", "count", "calculate", "compare", "check_results"]
CHAINS = {
    "kennzahlen_monat": [*STEPS, "alarm"],
    "kennzahlen_veroeffentlichung": ["publish", "digest", "alarm"],
    "kennzahlen_alarme": ["send"],
}
PARSE_SECONDS = 1.0


def test_there_are_exactly_these_dags(bag):
    assert bag.import_errors == {}
    assert sorted(bag.dags) == sorted(CHAINS)


@pytest.mark.parametrize("dag_id", CHAINS)
def test_tasks_follow_each_other(bag, dag_id):
    chain = CHAINS[dag_id]
    dag = bag.dags[dag_id]
    assert [t.task_id for t in dag.topological_sort()] == chain
    for earlier, later in itertools.pairwise(chain):
        assert later in dag.get_task(earlier).downstream_task_ids


@pytest.mark.parametrize("dag_id", ["kennzahlen_monat", "kennzahlen_veroeffentlichung"])
def test_the_alarm_watches_every_task_and_cannot_turn_a_failed_run_green(bag, dag_id):
    dag = bag.dags[dag_id]
    alarm = dag.get_task("alarm")
    assert alarm.upstream_task_ids == {t.task_id for t in dag.tasks} - {"alarm"}
    assert alarm.is_teardown
    assert not alarm.on_failure_fail_dagrun


def test_month_is_the_partition_key_four_months_back(bag):
    import pendulum
    from airflow.serialization.encoders import coerce_to_core_timetable

    timetable = bag.dags["kennzahlen_monat"].timetable
    assert type(timetable).__name__ == "CronPartitionTimetable"
    core = coerce_to_core_timetable(timetable)
    from airflow.timetables.base import TimeRestriction

    day = pendulum.datetime(2018, 11, 1, tz="Europe/Berlin")
    info = core.next_dagrun_info_v2(
        last_dagrun_info=None, restriction=TimeRestriction(earliest=day, latest=None, catchup=True)
    )
    assert info.partition_key == "2018-07"
    assert info.run_after == pendulum.datetime(2018, 11, 15, 6, tz="Europe/Berlin")


def test_publishing_waits_for_the_computed_month(bag):
    (outlet,) = bag.dags["kennzahlen_monat"].get_task("check_results").outlets
    assert outlet.name == "kennzahlen_monat_berechnet"
    timetable = bag.dags["kennzahlen_veroeffentlichung"].timetable
    assert type(timetable).__name__ == "PartitionedAssetTimetable"
    assert timetable.asset_condition == outlet


@pytest.mark.parametrize("dag_id", CHAINS)
def test_operators_find_an_explanation_an_owner_and_tags(bag, dag_id):
    dag = bag.dags[dag_id]
    assert dag.max_active_runs == 1
    assert not dag.catchup
    assert dag.doc_md
    assert "kennzahlen" in dag.tags
    for task in dag.tasks:
        assert task.doc_md, task.task_id
        if task.task_id != "alarm":
            assert task.owner == "Betrieb"


def test_steps_are_tried_again_with_growing_pauses_and_their_death_is_mailed():
    from airflow.dag_processing.dagbag import DagBag

    for dag in (d for d in DagBag(dag_folder=str(DAGS)).dags.values() if d.dag_id != "kennzahlen_alarme"):
        assert dag.on_failure_callback
        for task in dag.tasks:
            assert task.retries >= 3, task.task_id
            if task.task_id != "alarm":
                assert task.retry_exponential_backoff
                assert task.max_retry_delay <= timedelta(hours=1)
                assert task.on_failure_callback
        if dag.dag_id == "kennzahlen_monat":
            assert dag.deadline


def test_parsing_costs_less_than_a_second_beyond_airflow_and_imports_nothing_of_ours():
    code = f"""
import sys, time
import airflow.sdk, pendulum
from airflow.dag_processing.dagbag import DagBag
for name in ("CronPartitionTimetable", "PartitionedAssetTimetable", "DeadlineAlert", "SyncCallback", "Param", "task", "dag"):
    getattr(airflow.sdk, name)
before = time.process_time()
bag = DagBag(dag_folder={str(DAGS)!r})
print("SECONDS", time.process_time() - before)
print("ERRORS", len(bag.import_errors), "DAGS", len(bag.dags))
heavy = {{"pipeline", "great_expectations", "duckdb", "ibis", "pandas", "pyarrow", "numpy"}}
print("HEAVY", sorted(heavy & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    seconds = float(re.search(r"SECONDS (\S+)", result.stdout)[1])
    assert seconds < PARSE_SECONDS, f"parsing the DAG files took {seconds:.1f} s"
    assert "ERRORS 0 DAGS 3" in result.stdout
    assert "HEAVY []" in result.stdout


@pytest.mark.parametrize("file", sorted(DAGS.glob("*.py")), ids=lambda f: f.name)
def test_nothing_of_ours_is_imported_at_module_level(file):
    import ast

    ours = [
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom) and "pipeline" in ast.unparse(node)
    ]
    assert ours == []


def test_a_run_can_be_cleared_although_a_deadline_watches_it(bag):
    """Airflow 3.3.2 fails to clear runs whose deadline is measured from their queueing; clearing is what every mail advises."""
    from airflow.dag_processing.dagbag import DagBag

    (deadline,) = DagBag(dag_folder=str(DAGS)).dags["kennzahlen_monat"].deadline
    assert type(deadline.reference).__name__ == "AverageRuntimeDeadline"
