"""What happened becomes a mail: gathers what a message needs from store and catalog and hands it to the outbox.

Nothing here may fail because something else has: what cannot be found out is left out of the mail.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.catalog import load_catalog
from pipeline.months import MonthError, month_number
from pipeline.notify.history import broken_entries, broken_since, found_values, waived_entries
from pipeline.notify.messages import Crash, crash_key, crash_mail, delay_mail, digest_mail, quality_keys, quality_mail
from pipeline.notify.outbox import cover, deliver, forget, was_reported
from pipeline.settings import Settings
from pipeline.store import Store

log = logging.getLogger(__name__)

ERROR_LENGTH = 400
OWN_PACKAGE = "pipeline."
SPECIAL_UNITS = {"bst": "Beschäftigungsstatistik", "statistik": "veröffentlichte Eckwerte der Statistik"}


def report_quality_stop(store: Store, settings: Settings, verdict: Mapping[str, Any], run: Crash | None = None) -> bool:
    """Mail that a month was stopped by data quality; `run` keeps the watchers of that run's failure silent.

    Returns whether the mail has left; if not, it waits in the store.
    """
    month = str(verdict["month"])
    message = quality_mail(
        verdict,
        since=broken_since(store, month, _rule_ids(verdict)),
        found=found_values(store, month),
        names=unit_names(),
        last_release=last_release(store),
        log_url=run.log_url if run else "",
        docs_url=settings.docs_url,
    )
    left = deliver(store, settings, message)
    if run is not None:
        cover(store, crash_key(run), message.key)
    return left


def report_publication(store: Store, settings: Settings, month: str, number: int | str) -> bool:
    """Mail that a month is published as release `number`, with the warnings of the month's verdicts.

    Stops of the month are over with it: the same rules broken again are mailed again. Returns whether the mail has left; if
    not, it waits in the store.
    """
    forget(store, quality_keys(month))
    verdict = {"month": month, "broken": broken_entries(store, month), "waived": waived_entries(store, month)}
    url = f"{settings.site_url.rstrip('/')}/{month}/{number}/" if settings.site_url else ""
    message = digest_mail(
        verdict,
        {"month": month, "number": number},
        since=broken_since(store, month, _rule_ids(verdict)),
        found=found_values(store, month),
        names=unit_names(),
        url=url,
        docs_url=settings.docs_url,
    )
    return deliver(store, settings, message)


def report_crash(store: Store, settings: Settings, crash: Crash) -> bool:
    """Mail that a run died, unless another watcher has reported it; returns whether a mail has left."""
    if was_reported(store, crash_key(crash)):
        return True
    return deliver(store, settings, crash_mail(crash, last_release=last_release(store), docs_url=settings.docs_url))


def report_delay(store: Store, settings: Settings, crash: Crash, hours: float) -> bool:
    """Mail that a run is late; returns whether the mail has left."""
    message = delay_mail(crash, hours, last_release=last_release(store), docs_url=settings.docs_url)
    return deliver(store, settings, message)


def safe_error(error: BaseException | str | None) -> str:
    """Return what a mail may say about an exception.

    Messages of this project and of the operating system are written for operators; those of libraries may quote a value
    of a delivery, so only their kind is named and the log has the rest.
    """
    if error is None:
        return ""
    if isinstance(error, str):
        return " ".join(error.split())[:ERROR_LENGTH]
    kind = type(error)
    if isinstance(error, OSError) or kind.__module__.startswith((OWN_PACKAGE, "airflow.")):
        return f"{kind.__name__}: {' '.join(str(error).split())}"[:ERROR_LENGTH]
    return f"{kind.__name__} (der Wortlaut steht im Protokoll des Schritts)"


def unit_names() -> dict[str, str]:
    """Return what the delivering units are called; empty if the catalog cannot be read."""
    try:
        return SPECIAL_UNITS | {j.jc_id: j.name for j in load_catalog().jobcenters.values()}
    except Exception:
        log.exception("alerts: the catalog's names cannot be read; the mail names keys only")
        return {}


def last_release(store: Store) -> str:
    """Return the release readers see now as `2018-06.1`, or nothing."""
    try:
        pointer = store.pointer
        text = str(pointer.readlink()) if pointer.is_symlink() else pointer.read_text(encoding="utf-8")
        parts = Path(text.strip()).parts[-2:]
        month_number(parts[0])
        return ".".join(parts)
    except (OSError, ValueError, MonthError, IndexError):
        return ""


def _rule_ids(verdict: Mapping[str, Any]) -> list[str]:
    return [str(entry["rule"]) for entry in verdict.get("broken", ())]
