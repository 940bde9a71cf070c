"""What a run of the DAGs does, with steps that only pretend: order, months, alarms, one mail for one event."""

from __future__ import annotations

import json

import pytest

STEPS = ["fetch", "stage", "check_deliveries", "count", "calculate", "compare", "check_results"]
MONTH = {"month": "2018-07"}
STOP = {
    "rule": "RELEASE-STOCK",
    "severity": "critical",
    "titel": "Bestand eingebrochen",
    "units": ["t04412"],
    "count": 3120,
    "massnahme": "Beim Jobcenter nachfragen.",
}


def states(run):
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def stopping(steps, *rules):
    def stop():
        raise steps.stop({"month": "2018-07", "broken": [STOP | {"rule": rule} for rule in rules]})

    return stop


def crash():
    raise ValueError("row 7 of P0815 is odd")


@pytest.fixture
def monat(bag):
    return bag.dags["kennzahlen_monat"]


@pytest.fixture
def veroeffentlichung(bag):
    return bag.dags["kennzahlen_veroeffentlichung"]


def test_steps_run_in_order_for_the_month_and_nobody_is_mailed(monat, fake_steps, letterbox):
    run = monat.test(run_conf=MONTH)
    assert run.state == "success", states(run)
    assert fake_steps.calls == [(step, "2018-07") for step in STEPS]
    assert letterbox.mails == []


def test_a_computed_month_says_its_partition_to_the_publishing_dag(monat, fake_steps):
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    monat.test(run_conf={"month": "2018-05"})
    with create_session() as session:
        keys = session.scalars(select(AssetEvent.partition_key)).all()
    assert "2018-05" in keys


def test_a_summary_travels_as_small_json(monat, fake_steps):
    fake_steps.behave["count"] = lambda: {"rows": 407, "paths": ["computed/eckwerte"]}
    run = monat.test(run_conf=MONTH)
    value = run.get_task_instance("count").xcom_pull(task_ids="count")
    assert json.loads(json.dumps(value)) == {"rows": 407, "paths": ["computed/eckwerte"]}


def test_a_step_waits_while_another_run_holds_the_store(monat, fake_steps, letterbox, monkeypatch):
    import time

    from pipeline.store import StoreBusyError

    busy = iter([True, True, False])

    def count():
        if next(busy):
            raise StoreBusyError("another run is writing here")
        return {}

    monkeypatch.setattr(time, "sleep", lambda _: None)
    fake_steps.behave["count"] = count
    run = monat.test(run_conf=MONTH)
    assert run.state == "success", states(run)
    assert letterbox.mails == []


def test_a_run_without_a_month_fails_and_computes_nothing(monat, fake_steps):
    run = monat.test(run_conf={"month": None})
    assert run.state == "failed"
    assert fake_steps.calls == []


@pytest.mark.parametrize("step", ["check_deliveries", "check_results"])
def test_a_quality_stop_ends_the_run_and_mails_once(monat, fake_steps, letterbox, step):
    fake_steps.behave[step] = stopping(fake_steps, "RELEASE-STOCK")
    for _ in range(2):
        run = monat.test(run_conf=MONTH)
        assert run.state == "failed"
        assert states(run)[step] == "failed"
        assert states(run)["alarm"] == "success"
        assert (
            run.get_task_instance(step).xcom_pull(task_ids=step, key="verdict")["broken"][0]["rule"] == "RELEASE-STOCK"
        )
    assert letterbox.subjects == ["[Kennzahlen § 48a] 2018-07 angehalten: Bestand eingebrochen"]


def test_another_set_of_broken_rules_mails_again(monat, fake_steps, letterbox):
    for rules in (["A"], ["A", "B"], ["B", "A"], ["B"]):
        fake_steps.behave["check_results"] = stopping(fake_steps, *rules)
        monat.test(run_conf=MONTH)
    assert len(letterbox.mails) == 3


def test_a_died_task_mails_once_and_quotes_no_value(monat, fake_steps, letterbox):
    fake_steps.behave["count"] = crash
    run = monat.test(run_conf=MONTH)
    assert run.state == "failed"
    assert states(run)["calculate"] == "upstream_failed"
    assert letterbox.subjects == ["[Kennzahlen § 48a] 2018-07: Schritt count abgebrochen"]
    assert "P0815" not in letterbox.mails[0].as_string()


def test_a_task_that_was_killed_before_it_could_mail_is_reported_by_the_alarm(monat, fake_steps, letterbox):
    fake_steps.behave["count"] = crash
    callbacks = monat.on_failure_callback, monat.get_task("count").on_failure_callback
    monat.on_failure_callback, monat.get_task("count").on_failure_callback = None, []
    try:
        monat.test(run_conf=MONTH)
    finally:
        monat.on_failure_callback, monat.get_task("count").on_failure_callback = callbacks
    assert letterbox.subjects == ["[Kennzahlen § 48a] 2018-07: Schritt count abgebrochen"]
    assert "/tasks/count\n" in letterbox.mails[0].get_body(("plain",)).get_content().replace("\r", "")


def test_the_watcher_outside_the_run_reports_it_alone_when_no_task_could(fake_steps, letterbox, bag):
    from monthly_run import run_failed

    context = {"dag": bag.dags["kennzahlen_monat"], "run_id": "manual__x", "reason": "task_failure"}
    run_failed(context)
    run_failed(context)
    assert letterbox.subjects == ["[Kennzahlen § 48a] kennzahlen_monat: Lauf abgebrochen"]


def test_a_late_run_is_reported_once(fake_steps, letterbox):
    from monthly_run import run_late

    context = {"dag_run": {"dag_id": "kennzahlen_monat", "dag_run_id": "manual__x", "partition_key": "2018-07"}}
    run_late(context=context)
    run_late(context=context, anything="else")
    assert letterbox.subjects == ["[Kennzahlen § 48a] 2018-07: Lauf ist nach 6 Stunden nicht fertig"]


def test_a_run_that_waits_for_another_month_or_has_ended_is_not_late(fake_steps, letterbox):
    from monthly_run import run_late

    for state in ("queued", "failed", "success"):
        run_late(context={"dag_run": {"dag_id": "kennzahlen_monat", "dag_run_id": "manual__x", "state": state}})
    assert letterbox.mails == []


def test_mail_server_down_the_alarm_waits_and_the_next_run_delivers_it(monat, fake_steps, request, monkeypatch):
    monkeypatch.setenv("KENNZAHLEN_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("KENNZAHLEN_SMTP_PORT", "1")
    monkeypatch.setenv("KENNZAHLEN_MAIL_TO", "betrieb@example.org")
    fake_steps.behave["check_results"] = stopping(fake_steps, "RELEASE-STOCK")
    run = monat.test(run_conf=MONTH)
    assert states(run)["alarm"] == "failed", "its retries bridge the outage"
    assert len(list((fake_steps.store / "alerts" / "queue").glob("*.eml"))) == 1
    box = request.getfixturevalue("letterbox")
    del fake_steps.behave["check_results"]
    run = monat.test(run_conf={"month": "2018-08"})
    assert run.state == "success"
    assert box.subjects == ["[Kennzahlen § 48a] 2018-07 angehalten: Bestand eingebrochen"]


def test_the_post_office_delivers_without_a_run(bag, fake_steps, letterbox):
    from pipeline.notify import Message, deliver
    from pipeline.settings import Settings
    from pipeline.store import Store

    deliver(Store(fake_steps.store), Settings(), Message("probe", "wartet", "x", "<p>x</p>"))
    assert bag.dags["kennzahlen_alarme"].test().state == "success"
    assert letterbox.subjects == ["wartet"]


def test_publishing_mails_one_digest_per_release(veroeffentlichung, fake_steps, letterbox):
    for _ in range(2):
        run = veroeffentlichung.test(run_conf=MONTH)
        assert run.state == "success", states(run)
    fake_steps.behave["publish"] = lambda: {"number": 2}
    veroeffentlichung.test(run_conf=MONTH)
    assert letterbox.subjects == [
        f"[Kennzahlen § 48a] 2018-07 veröffentlicht (Ausgabe 2018-07.{n}), ohne Warnungen" for n in (1, 2)
    ]


def test_a_stop_that_returns_after_a_publication_mails_again(monat, veroeffentlichung, fake_steps, letterbox):
    for _ in range(2):
        fake_steps.behave["check_results"] = stopping(fake_steps, "RELEASE-STOCK")
        monat.test(run_conf=MONTH)
        del fake_steps.behave["check_results"]
        assert veroeffentlichung.test(run_conf=MONTH).state == "success"
    stops = [subject for subject in letterbox.subjects if "angehalten" in subject]
    assert len(stops) == 2


def test_a_died_publication_is_mailed(veroeffentlichung, fake_steps, letterbox):
    fake_steps.behave["publish"] = crash
    run = veroeffentlichung.test(run_conf=MONTH)
    assert run.state == "failed"
    assert letterbox.subjects == ["[Kennzahlen § 48a] 2018-07: Schritt publish abgebrochen"]
