"""What the alarm mails say, and when two of them are one."""

from __future__ import annotations

import pytest

from pipeline.notify import Crash, Found, Streak, crash_mail, delay_mail, digest_mail, quality_mail
from pipeline.notify.alarms import safe_error
from pipeline.notify.messages import month_name

STOP = {
    "rule": "RELEASE-STOCK",
    "severity": "critical",
    "titel": "Bestand eingebrochen",
    "units": ["t04412"],
    "count": 3120,
    "massnahme": "Bestand mit dem Jobcenter klären.",
}
WARNING = {
    "rule": "FETCH-MISSING",
    "severity": "warning",
    "titel": "Lieferung fehlt",
    "units": ["t01001"],
    "count": 1,
    "massnahme": "Lieferung anfordern.",
}


def verdict(*broken, month="2018-07"):
    return {"month": month, "broken": list(broken)}


@pytest.mark.parametrize("kind", ["text", "html"])
def test_quality_mail_says_what_who_since_when_how_bad_and_what_to_do(kind):
    mail = quality_mail(
        verdict(STOP, WARNING),
        since={"RELEASE-STOCK": Streak("2018-05", 3)},
        names={"t04412": "Saalekreis"},
        last_release="2018-06.1",
    )
    body = getattr(mail, kind)
    for text in (
        "Juli 2018",
        "Bestand eingebrochen",
        "RELEASE-STOCK",
        "Saalekreis (t04412)",
        "3.120 Fälle",
        "seit dem Lauf für Mai 2018 (3. Lauf in Folge)",
        "kritisch",
        "Bestand mit dem Jobcenter klären.",
        "docs/operate/regeln.md#RELEASE-STOCK",
        "letzte gute Ausgabe",
        "2018-06.1",
        "Lieferung fehlt",
    ):
        assert text in body, text
    assert mail.subject == "[Kennzahlen § 48a] 2018-07 angehalten: Bestand eingebrochen"


def test_stopping_rules_stand_before_the_others():
    text = quality_mail(verdict(WARNING, STOP)).text
    assert text.index("Bestand eingebrochen") < text.index("AUSSERDEM") < text.index("Lieferung fehlt")


def test_a_rule_broken_for_the_first_time_says_so():
    assert "erstmals in diesem Lauf" in quality_mail(verdict(STOP)).text


def test_key_depends_on_month_and_stopping_rules_only():
    key = quality_mail(verdict(STOP)).key
    other_rule = STOP | {"rule": "RELEASE-SHARE"}
    assert quality_mail(verdict(STOP | {"units": ["t01001"], "count": 7})).key == key
    assert quality_mail(verdict(WARNING, STOP)).key == key
    assert quality_mail(verdict(STOP, STOP)).key == key
    assert quality_mail(verdict(STOP, month="2018-06")).key != key
    assert quality_mail(verdict(STOP, other_rule)).key != key
    assert quality_mail(verdict(other_rule)).key != key
    assert quality_mail(verdict(STOP, other_rule)).key == quality_mail(verdict(other_rule, STOP)).key


def test_many_units_are_named_up_to_twelve():
    units = [f"t{n:05d}" for n in range(1, 41)]
    text = quality_mail(verdict(STOP | {"units": units})).text
    assert "t00012 und 28 weitere" in text
    assert "t00013" not in text


def test_a_rule_without_units_concerns_the_whole_month():
    assert "betrifft den Monat im Ganzen" in quality_mail(verdict(STOP | {"units": []})).text


@pytest.mark.parametrize("kind", ["text", "html"])
def test_a_rule_says_what_it_found_and_where_and_where_to_read_on(kind):
    found = {
        "RELEASE-STOCK": [Found("t04412", "", "0.12931")] * 5,
        "RELEASE-SHARE": [Found("", "bund/bund/K3@2011/T", "164.634"), Found("", "land/Bremen/K3@2011/T", "false")],
    }
    mail = quality_mail(
        verdict(STOP, STOP | {"rule": "RELEASE-SHARE", "units": []}),
        found=found,
        names={"t04412": "Saalekreis"},
        log_url="https://airflow.example.org/log",
        docs_url="https://git.example.org/betrieb/",
    )
    body = getattr(mail, kind)
    assert body.count("Saalekreis (t04412): 0,12931") == 3, "the first three are enough"
    assert "bund/bund/K3@2011/T: 164,634" in body
    assert "bund/bund/K3@2011/T, land/Bremen/K3@2011/T" in body
    assert "false" not in body
    assert "betrifft den Monat im Ganzen" not in body
    assert "https://airflow.example.org/log" in body
    assert "https://git.example.org/betrieb/regeln.md#RELEASE-STOCK" in body
    assert "https://git.example.org/betrieb/betrieb.md" in body


def test_text_of_a_rule_cannot_become_markup_nor_a_header():
    mail = quality_mail(verdict(STOP | {"titel": "<script>\r\nBcc: x@example.org", "massnahme": "<b>&</b>"}))
    assert "<script>" not in mail.html
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in mail.html
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


def test_crash_mail_names_step_error_and_log():
    crash = Crash("kennzahlen_monat", "manual__1", "2018-07", "count", "OSError: disk full", "http://airflow/log")
    mail = crash_mail(crash, last_release="2018-06.1")
    assert mail.subject == "[Kennzahlen § 48a] 2018-07: Schritt count abgebrochen"
    for body in (mail.text, mail.html):
        for text in ("Juli 2018", "count", "OSError: disk full", "http://airflow/log", "2018-06.1"):
            assert text in body


def test_crash_mail_of_a_watcher_that_knows_the_run_only():
    mail = crash_mail(Crash("kennzahlen_monat", "manual__1"))
    assert mail.subject == "[Kennzahlen § 48a] kennzahlen_monat: Lauf abgebrochen"
    assert "unbekannt" in mail.text


def test_all_watchers_of_a_run_share_one_key_and_a_cleared_run_has_another():
    full = Crash("kennzahlen_monat", "manual__1", "2018-07", "count", "ValueError")
    assert crash_mail(full).key == crash_mail(Crash("kennzahlen_monat", "manual__1")).key
    assert crash_mail(full).key != crash_mail(Crash("kennzahlen_monat", "manual__1", attempt=1)).key
    assert crash_mail(full).key != delay_mail(full, 6).key


def test_delay_mail_says_how_late():
    assert "nach 6 Stunden" in delay_mail(Crash("kennzahlen_monat", "manual__1", "2018-07"), 6).subject


def test_digest_counts_warnings_but_not_notes():
    note = WARNING | {"rule": "FETCH-REVISED", "severity": "info", "titel": "Lieferung wurde ersetzt"}
    mail = digest_mail(verdict(WARNING, note), {"month": "2018-07", "number": 2}, url="https://example.org/2018-07/2/")
    assert mail.subject.endswith("2018-07 veröffentlicht (Ausgabe 2018-07.2), mit einer Warnung")
    for body in (mail.text, mail.html):
        assert "Lieferung fehlt" in body
        assert "Hinweise ohne Handlungsbedarf: Lieferung wurde ersetzt" in body
        assert "https://example.org/2018-07/2/" in body


def test_digest_without_warnings_confirms_the_publication():
    mail = digest_mail(verdict(), {"month": "2018-07", "number": 1})
    assert mail.subject.endswith("ohne Warnungen")


def test_one_digest_per_release():
    first, again, second = (digest_mail(verdict(), {"month": "2018-07", "number": n}).key for n in (1, "1", 2))
    assert first == again != second


@pytest.mark.parametrize(
    ("month", "name"), [("2018-01", "Januar 2018"), ("2018-12", "Dezember 2018"), ("", "unbekannt"), ("x", "x")]
)
def test_months_have_german_names(month, name):
    assert month_name(month) == name


def test_error_of_a_library_is_named_but_not_quoted():
    assert "P0815" not in safe_error(ValueError("cannot convert 'P0815' to int"))
    assert "ValueError" in safe_error(ValueError("cannot convert 'P0815' to int"))


def test_error_of_the_system_or_of_the_project_is_quoted():
    from pipeline.store import StoreBusyError

    assert "No space left" in safe_error(OSError(28, "No space left on device"))
    assert "another run" in safe_error(StoreBusyError("store: another run\nis writing here"))
    assert safe_error(None) == ""


def test_every_message_is_well_formed_html():
    from html.parser import HTMLParser

    class Balance(HTMLParser):
        void = frozenset({"meta", "br", "img"})

        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    crash = Crash("kennzahlen_monat", "manual__1", "2018-07", "count", "x", "http://x")
    for mail in (
        quality_mail(verdict(STOP, WARNING)),
        digest_mail(verdict(WARNING), {"month": "2018-07", "number": 1}),
        crash_mail(crash),
        delay_mail(crash, 6),
    ):
        parser = Balance()
        parser.feed(mail.html)
        assert parser.open == []
        assert "http" not in mail.html.replace("http://x", ""), "a mail loads nothing from elsewhere"


@pytest.mark.parametrize("kind", ["text", "html"])
def test_the_mail_of_a_publication_names_what_was_waived_with_reason_and_end(kind):
    waived = {
        "titel": "Bestand eingebrochen",
        "rule": "RELEASE-STOCK",
        "units": ["t04412"],
        "reason": "Wechsel des Fachverfahrens",
        "expires": "2018-12-31",
    }
    release = {"month": "2018-07", "number": 1}
    mail = digest_mail(verdict(WARNING) | {"waived": [waived]}, release, names={"t04412": "Saalekreis"})
    body = getattr(mail, kind)
    for text in ("Saalekreis (t04412)", "Wechsel des Fachverfahrens", "2018-12-31", "mit Begründung und Frist"):
        assert text in body, text
    assert "mit einer Warnung" in mail.subject
    assert "Frist" not in getattr(digest_mail(verdict(WARNING), release), kind)
