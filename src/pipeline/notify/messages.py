"""What the mails say: German subject, text and HTML from verdicts and failures, and the key that keeps a mail single.

Pure: no file but the packaged templates, no clock, no environment; sending is the outbox's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

RUNBOOK = "docs/operate/regeln.md"
OPERATOR_PAGE = "docs/operate/betrieb.md"
QUALITY = "qualitaet"
UNKNOWN_ERROR = "nicht bekannt; meist wurde der Prozess von außen beendet (zu wenig Arbeitsspeicher, Neustart)"
UNITS_SHOWN = 12
VALUES_SHOWN = 3
NO_VALUES = ("", "true", "false")  # what a rule about yes or no has found, its title says
STOPPING = "critical"
SEVERITY_WORDS = {
    "critical": "kritisch – hält die Veröffentlichung an",
    "error": "Fehler – betroffene Lieferungen oder Zeilen zählen nicht",
    "warning": "Warnung – hält die Veröffentlichung nicht an",
    "info": "Hinweis",
}
_ORDER = {name: position for position, name in enumerate(SEVERITY_WORDS)}
_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)


@dataclass(frozen=True)
class Streak:
    """An unbroken series of runs that broke a rule: the month of its first run and its length."""

    first: str
    runs: int


@dataclass(frozen=True)
class Found:
    """What a rule found in one place: a unit, or the keys of a row that belongs to none (`bund/bund/K3@2011/T`)."""

    unit: str
    place: str
    value: str


@dataclass(frozen=True)
class Message:
    """A mail that is sent at most once for its `key`, which is also a file name."""

    key: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Crash:
    """A run that ended without a verdict; `run` is the scheduler's name of it, `attempt` counts how often it was cleared.

    `error` must not carry values of deliveries: `alarms.safe_error` makes such a text from an exception.
    """

    dag: str
    run: str
    month: str = ""
    step: str = ""
    error: str = ""
    log_url: str = ""
    attempt: int = 0


def quality_mail(
    verdict: Mapping[str, Any],
    *,
    since: Mapping[str, Streak] | None = None,
    found: Mapping[str, Sequence[Found]] | None = None,
    names: Mapping[str, str] | None = None,
    last_release: str = "",
    log_url: str = "",
    docs_url: str = "",
) -> Message:
    """Say that a month was stopped; one message per month and set of stopping rules.

    `verdict` has `month` and `broken`, a list of `rule, severity, titel, units, count, massnahme` and perhaps `blocking`
    (default: severity critical); `since` says per rule how long it has been broken, `found` what it found, `names` what the
    units are called, `last_release` what readers still see. Links lead to the step's log and to the folder of the
    documentation, as far as known.
    """
    month = str(verdict["month"])
    rules = _rules(verdict, since or {}, found or {}, names or {}, docs_url)
    stopping = [r for r in rules if r["stops"]] or rules
    ids = sorted({r["rule"] for r in stopping})
    first = stopping[0]["titel"] if stopping else "Qualitätsprüfung nicht bestanden"
    more = f" und {len(stopping) - 1} weitere" if len(stopping) > 1 else ""
    return _message(
        key=_key(QUALITY, month, *ids),
        subject=f"[Kennzahlen § 48a] {month} angehalten: {first}{more}",
        template="quality",
        month=month_name(month),
        month_key=month,
        stopping=stopping,
        others=[r for r in rules if r not in stopping],
        last_release=last_release,
        log_url=log_url,
        docs_url=docs_url,
    )


def digest_mail(
    verdict: Mapping[str, Any],
    release: Mapping[str, Any],
    *,
    since: Mapping[str, Streak] | None = None,
    found: Mapping[str, Sequence[Found]] | None = None,
    names: Mapping[str, str] | None = None,
    url: str = "",
    docs_url: str = "",
) -> Message:
    """Say that a month is published, with which warnings and in spite of which waived rules; one message per release.

    `release` has `month` and `number`; `url` is where recipients read it, empty if it is not served.
    """
    month, number = str(release["month"]), str(release["number"])
    rules = _rules(verdict, since or {}, found or {}, names or {}, docs_url)
    warnings = [r for r in rules if r["severity"] != "info"]
    word = {0: "ohne Warnungen", 1: "mit einer Warnung"}.get(len(warnings), f"mit {len(warnings)} Warnungen")
    return _message(
        key=_key("veroeffentlicht", month, number),
        subject=f"[Kennzahlen § 48a] {month} veröffentlicht (Ausgabe {month}.{number}), {word}",
        template="digest",
        month=month_name(month),
        release=f"{month}.{number}",
        word=word,
        warnings=warnings,
        notes=[r for r in rules if r["severity"] == "info"],
        waived=[_waived(entry, names or {}) for entry in verdict.get("waived", ())],
        url=url,
        docs_url=docs_url,
    )


def crash_mail(crash: Crash, *, last_release: str = "", docs_url: str = "") -> Message:
    """Say that a run died; one message per attempt of a run, whoever of its watchers comes first."""
    what = f"Schritt {crash.step} abgebrochen" if crash.step else "Lauf abgebrochen"
    return _message(
        key=crash_key(crash),
        subject=f"[Kennzahlen § 48a] {crash.month or crash.dag}: {what}",
        template="crash",
        crash=crash,
        unknown_error=UNKNOWN_ERROR,
        month=month_name(crash.month),
        last_release=last_release,
        docs_url=docs_url,
    )


def delay_mail(crash: Crash, hours: float, *, last_release: str = "", docs_url: str = "") -> Message:
    """Say that a run has not ended in time; one message per attempt of a run."""
    return _message(
        key=_key("verspaetet", crash.dag, crash.run, str(crash.attempt)),
        subject=f"[Kennzahlen § 48a] {crash.month or crash.dag}: Lauf ist nach {hours:g} Stunden nicht fertig",
        template="delay",
        crash=crash,
        month=month_name(crash.month),
        hours=f"{hours:g}",
        last_release=last_release,
        docs_url=docs_url,
    )


def quality_keys(month: str) -> str:
    """Return what the keys of all mails about stops of a month begin with."""
    return f"{QUALITY}-{month}-"


def crash_key(crash: Crash) -> str:
    """Return the key under which every watcher reports the same death of a run."""
    return _key("abbruch", crash.dag, crash.run, str(crash.attempt))


def month_name(month: str) -> str:
    """Return `Juli 2018` for `2018-07`; a text that is no month comes back as it is."""
    year, _, number = month.partition("-")
    if year.isdigit() and number.isdigit() and 1 <= int(number) <= 12:
        return f"{_MONTHS[int(number) - 1]} {year}"
    return month or "unbekannt"


def _key(kind: str, *parts: str) -> str:
    digest = hashlib.sha256("\x1f".join((kind, *parts)).encode("utf-8")).hexdigest()[:16]
    readable = "".join(c if c.isalnum() or c in "-_" else "-" for c in parts[0])[:40]
    return f"{kind}-{readable}-{digest}"


def _rules(
    verdict: Mapping[str, Any],
    since: Mapping[str, Streak],
    found: Mapping[str, Sequence[Found]],
    names: Mapping[str, str],
    docs_url: str,
) -> list[dict[str, Any]]:
    broken = sorted(
        verdict.get("broken", ()), key=lambda r: (_ORDER.get(r.get("severity", ""), 0), r["rule"], r.get("titel", ""))
    )
    return [_rule(e, since.get(e["rule"]), found.get(e["rule"], ()), names, docs_url) for e in broken]


def _rule(
    entry: Mapping[str, Any], streak: Streak | None, found: Sequence[Found], names: Mapping[str, str], docs_url: str
) -> dict[str, Any]:
    severity = str(entry.get("severity", STOPPING))
    units = [str(u) for u in entry.get("units", ()) if u] or [f.place for f in found if f.place]
    return {
        "rule": str(entry["rule"]),
        "severity": severity,
        "stops": bool(entry.get("blocking", severity == STOPPING)),
        "severity_word": SEVERITY_WORDS.get(severity, severity),
        "titel": str(entry.get("titel") or entry["rule"]),
        "units": _unit_list(dict.fromkeys(units), names),
        "found": _found_list(found, names),
        "count": _number(int(entry.get("count") or 0)),
        "massnahme": str(entry.get("massnahme") or "Siehe Betriebsanleitung."),
        "since": _since(streak),
        "runbook": _page(RUNBOOK, docs_url) + f"#{entry['rule']}",
    }


def _waived(entry: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Return a waiver that took effect, as text."""
    units = [str(u) for u in entry.get("units", ()) if u]
    return {
        "titel": str(entry["titel"]),
        "rule": str(entry["rule"]),
        "units": _unit_list(units, names),
        "reason": str(entry["reason"]),
        "expires": str(entry["expires"]),
    }


def _unit_list(units: Iterable[str], names: Mapping[str, str]) -> str:
    shown = [_unit(u, names) for u in units]
    if not shown:
        return "keine einzelne Stelle – betrifft den Monat im Ganzen"
    rest = len(shown) - UNITS_SHOWN
    return ", ".join(shown[:UNITS_SHOWN]) + (f" und {_number(rest)} weitere" if rest > 0 else "")


def _found_list(found: Sequence[Found], names: Mapping[str, str]) -> str:
    """Return the first values with their places; a rule on the table as a whole has none."""
    shown = [
        f"{_unit(f.unit or f.place, names)}: {f.value.replace('.', ',')}".removeprefix(": ")
        for f in found
        if f.value not in NO_VALUES
    ]
    rest = len(shown) - VALUES_SHOWN
    return "; ".join(shown[:VALUES_SHOWN]) + ("; …" if rest > 0 else "")


def _unit(unit: str, names: Mapping[str, str]) -> str:
    return f"{names[unit]} ({unit})" if unit in names else unit


def _page(path: str, docs_url: str) -> str:
    """Return where a page of the documentation is: an address if one is known, else its path in the repository."""
    return f"{docs_url.rstrip('/')}/{path.rpartition('/')[2]}" if docs_url else path


def _since(streak: Streak | None) -> str:
    if streak is None or streak.runs <= 1:
        return "erstmals in diesem Lauf"
    return f"seit dem Lauf für {month_name(streak.first)} ({streak.runs}. Lauf in Folge)"


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("pipeline.notify"),
        autoescape=select_autoescape(("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _message(*, key: str, subject: str, template: str, docs_url: str, **values: Any) -> Message:
    line = " ".join(subject.split())  # a line break in a subject would be a header of its own
    values |= {"subject": line, "operator_page": _page(OPERATOR_PAGE, docs_url)}
    text, html = (_templates().get_template(f"{template}.{kind}.j2").render(values) for kind in ("txt", "html"))
    return Message(key=key, subject=line, text=text, html=html)
