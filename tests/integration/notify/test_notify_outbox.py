"""Mails reach a real mail server once, and wait when there is none."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from integration.notify.letterbox import Letterbox
from pipeline.notify import (
    Crash,
    Message,
    deliver,
    flush,
    queued,
    report_crash,
    report_delay,
    report_publication,
    report_quality_stop,
)
from pipeline.notify import outbox as outbox_module
from pipeline.store import write_json

MAIL = Message(key="probe-1", subject="Größe §", text="Grüße\n", html="<p>Grüße</p>")
STOP = {
    "rule": "RELEASE-STOCK",
    "severity": "critical",
    "titel": "Bestand eingebrochen",
    "units": ["t04412"],
    "count": 3,
    "massnahme": "Klären.",
}
VERDICT = {"month": "2018-07", "broken": [STOP]}


def test_a_mail_arrives_with_text_and_html(store, settings, letterbox):
    assert deliver(store, settings, MAIL)
    (mail,) = letterbox.mails
    assert letterbox.subjects == ["Größe §"]
    assert mail["To"] == "betrieb@example.org"
    assert mail["From"] == "k@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    parts = {p.get_content_type(): p.get_payload(decode=True).decode() for p in mail.walk() if not p.is_multipart()}
    assert parts["text/plain"].replace("\r", "") == "Grüße\n"
    assert "<p>Grüße</p>" in parts["text/html"]
    assert queued(store) == []


def test_the_same_mail_is_sent_once(store, settings, letterbox):
    assert deliver(store, settings, MAIL)
    assert deliver(store, settings, MAIL)
    assert len(letterbox.mails) == 1


def test_without_a_mail_server_a_mail_waits_and_nothing_is_raised(store, settings):
    assert not deliver(store, settings, MAIL)
    assert not deliver(store, settings, MAIL)
    result = flush(store, settings)
    assert queued(store) == result.waiting == ["probe-1"]
    assert str(settings.smtp_port) in result.errors[0]


def test_the_next_flush_delivers_when_the_mail_server_is_back(store, settings, request):
    assert not deliver(store, settings, MAIL)
    box = request.getfixturevalue("letterbox")
    result = flush(store, settings)
    assert result.sent == ["probe-1"]
    assert result.waiting == []
    assert box.subjects == ["Größe §"]
    assert deliver(store, settings, MAIL)
    assert len(box.mails) == 1


def test_a_later_mail_takes_the_waiting_ones_along(store, settings, request):
    deliver(store, settings, MAIL)
    box = request.getfixturevalue("letterbox")
    assert deliver(store, settings, replace(MAIL, key="probe-2", subject="zweite"))
    assert sorted(box.subjects) == ["Größe §", "zweite"]


def test_without_settings_a_mail_waits_and_goes_to_the_recipients_of_the_day(store, settings, letterbox):
    assert not deliver(store, replace(settings, mail_to=(), smtp_host=""), MAIL)
    later = replace(settings, mail_to=("neu@example.org", "auch@example.org"))
    assert flush(store, later).sent == ["probe-1"]
    assert letterbox.mails[0]["To"] == "neu@example.org, auch@example.org"
    assert letterbox.mails[0]["X-RcptTo"] == "neu@example.org, auch@example.org"


def test_one_refused_mail_does_not_hold_up_the_others(store, settings, letterbox):
    off = replace(settings, smtp_host="")
    for key in ("a-bad", "b-good"):
        deliver(store, off, replace(MAIL, key=key, subject=key))
    letterbox.refuse_data = lambda content: b"a-bad" in content
    result = flush(store, settings)
    assert result.sent == ["b-good"]
    assert result.waiting == ["a-bad"]
    letterbox.refuse_data = lambda content: False
    assert flush(store, settings).sent == ["a-bad"]


def test_one_refused_recipient_does_not_hold_up_the_others(store, settings, letterbox):
    letterbox.refuse_recipients = {"weg@example.org"}
    assert deliver(store, replace(settings, mail_to=("weg@example.org", "da@example.org")), MAIL)
    assert letterbox.mails[0]["X-RcptTo"] == "da@example.org"


def test_all_recipients_refused_keeps_the_mail(store, settings, letterbox):
    letterbox.refuse_recipients = {"betrieb@example.org"}
    assert not deliver(store, settings, MAIL)
    assert queued(store) == ["probe-1"]


def test_a_mail_server_that_hangs_does_not_hold_up_the_run(store, settings, monkeypatch):
    import socket

    monkeypatch.setattr(outbox_module, "SMTP_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", settings.smtp_port)):
        assert not deliver(store, settings, MAIL)
    assert queued(store) == ["probe-1"]


def test_killed_after_queueing_the_next_flush_delivers(store, settings, letterbox, monkeypatch):
    def killed(*_):
        raise SystemExit(9)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(outbox_module, "flush", killed)
        deliver(store, settings, MAIL)
    assert flush(store, settings).sent == ["probe-1"]


def test_killed_after_sending_but_marked_leaves_no_second_mail(store, settings, letterbox):
    deliver(store, replace(settings, smtp_host=""), MAIL)
    outbox_module._mark_sent(store, "probe-1", [])
    assert flush(store, settings).sent == []
    assert letterbox.mails == []
    assert queued(store) == []


def test_full_disk_sends_without_queue(store, settings, letterbox, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outbox_module, "write_bytes", full)
    monkeypatch.setattr(outbox_module, "write_json", full)
    assert deliver(store, settings, MAIL)
    assert letterbox.subjects == ["Größe §"]


def test_two_senders_at_once_send_one_mail(store, settings, letterbox):
    deliver(store, replace(settings, smtp_host=""), MAIL)
    threads = [threading.Thread(target=flush, args=(store, settings)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(letterbox.mails) == 1


def test_login_and_password(store, settings, port):
    seen = []

    def authenticate(server, session, envelope, mechanism, data):
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    controller = Controller(
        Letterbox(),
        hostname="127.0.0.1",
        port=port,
        authenticator=authenticate,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        assert deliver(store, replace(settings, smtp_user="u", smtp_password="p"), MAIL)
    finally:
        controller.stop()
    assert seen == [(b"u", b"p")]


def test_quality_stop_mails_once_and_again_for_other_rules(store, settings, letterbox):
    assert report_quality_stop(store, settings, VERDICT)
    assert report_quality_stop(store, settings, VERDICT)
    assert len(letterbox.mails) == 1
    other = {"month": "2018-07", "broken": [STOP, STOP | {"rule": "RELEASE-SHARE", "titel": "Anteil"}]}
    assert report_quality_stop(store, settings, other)
    assert letterbox.subjects[1].endswith("und 1 weitere")


def test_quality_stop_names_unit_and_since_when(store, settings, letterbox):
    write_json(store.run("2018-06") / "verdict.json", {"month": "2018-06", "broken": [STOP]})
    report_quality_stop(store, settings, VERDICT)
    text = next(p for p in letterbox.mails[0].walk() if p.get_content_type() == "text/plain")
    body = text.get_payload(decode=True).decode()
    assert "Saalekreis (t04412)" in body
    assert "seit dem Lauf für Juni 2018 (2. Lauf in Folge)" in body


def test_watchers_of_a_quality_stop_stay_silent_even_while_the_mail_waits(store, settings, letterbox):
    crash = Crash("kennzahlen_monat", "manual__1", "2018-07", "check_results")
    report_quality_stop(store, replace(settings, smtp_host=""), VERDICT, crash)
    report_crash(store, settings, crash)
    flush(store, settings)
    assert len(letterbox.mails) == 1
    assert "angehalten" in letterbox.subjects[0]


def test_a_died_run_mails_once_whoever_reports_it(store, settings, letterbox):
    report_crash(store, settings, Crash("kennzahlen_monat", "manual__1", "2018-07", "count", "OSError: x"))
    report_crash(store, settings, Crash("kennzahlen_monat", "manual__1"))
    report_delay(store, settings, Crash("kennzahlen_monat", "manual__1"), 6)
    assert letterbox.subjects == [
        "[Kennzahlen § 48a] 2018-07: Schritt count abgebrochen",
        "[Kennzahlen § 48a] kennzahlen_monat: Lauf ist nach 6 Stunden nicht fertig",
    ]


def test_digest_lists_the_warnings_of_both_verdicts_once_per_release(store, settings, letterbox):
    warning = STOP | {"severity": "warning", "rule": "FETCH-MISSING", "titel": "Lieferung fehlt"}
    write_json(store.run("2018-07") / "verdict-deliveries.json", {"month": "2018-07", "broken": [warning]})
    write_json(store.run("2018-07") / "verdict.json", {"month": "2018-07", "broken": []})
    for _ in range(2):
        assert report_publication(store, replace(settings, site_url="https://example.org/k/"), "2018-07", 1)
    (mail,) = letterbox.mails
    assert letterbox.subjects == ["[Kennzahlen § 48a] 2018-07 veröffentlicht (Ausgabe 2018-07.1), mit einer Warnung"]
    text = next(p for p in mail.walk() if p.get_content_type() == "text/plain").get_payload(decode=True).decode()
    assert "https://example.org/k/2018-07/1/" in text
