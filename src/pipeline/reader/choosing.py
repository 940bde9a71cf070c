"""Which release to show: the newest, or the one that was current at the end of a day, and what has replaced it since.

Why a release replaced another one is told from the two manifests, in German, in one line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.publish.causes import CORRECTION, DELIVERY, PROGRAM, SWITCH, Cause, Causes
from pipeline.publish.journal import PLACE, Issue, current_on, issues
from pipeline.publish.manifest import read_manifest
from pipeline.publish.wording import counted, german
from pipeline.store import Store

OTHERWISE = "Prüfergebnis oder Angaben zur Veröffentlichung"


class NothingPublishedError(ValueError):
    """Nothing had been published that could be shown; the text says since when there is something."""


@dataclass(frozen=True)
class Choice:
    """A release to show. `replaced_by` is the one that is current today, `why` what led to it, step by step."""

    issue: Issue
    replaced_by: Issue | None
    why: tuple[str, ...]


def choose(store: Store, catalog: Catalog, month: str = "", day: date | None = None) -> Choice:
    """Return the release of a month (default: of the newest month) that is current, or was at the end of `day` in Berlin.

    Raises NothingPublishedError.
    """
    everything = issues(store)
    known = [issue for issue in everything if month in ("", issue.month)]
    if not known:
        raise NothingPublishedError(
            f"there is no release{f' of {month}' if month else ''} in {store.root}; run it first"
        )
    if day is None:
        return Choice(max(known, key=lambda i: (i.month, i.number)), None, ())
    current = current_on(known, day)
    if not current:
        first = min(known, key=lambda i: i.published_at)
        raise NothingPublishedError(
            f"nothing{f' for {month}' if month else ''} had been published by the end of {day}; the first release, "
            f"{first.name}, appeared on {first.published_at.astimezone(PLACE):%Y-%m-%d at %H:%M} (Berlin)"
        )
    issue = max(current, key=lambda i: i.month)
    later = [i for i in everything if i.month == issue.month and i.number > issue.number]
    chain = [issue, *later]
    return Choice(
        issue,
        later[-1] if later else None,
        tuple(f"{new.name}: {why_replaced(old, new, catalog)}" for old, new in zip(chain, later, strict=False)),
    )


def listing(store: Store, catalog: Catalog) -> list[tuple[Issue, str]]:
    """Return all releases by month and number, each with the reason why it replaced the one before (empty for a first)."""
    found: list[tuple[Issue, str]] = []
    for issue in issues(store):
        before = found[-1][0] if found and found[-1][0].month == issue.month else None
        found.append((issue, why_replaced(before, issue, catalog) if before else ""))
    return found


def why_replaced(old: Issue, new: Issue, catalog: Catalog) -> str:
    """Return what differs between two releases of a month and how many cells changed, in one German line."""
    before, after = (read_manifest(issue.folder)["grundlage"] for issue in (old, new))
    causes = Causes(before, after, catalog, {}).all
    changed = pq.read_metadata(new.folder / "aenderungen.parquet").num_rows
    effect = f"{counted(changed, 'Wert oder Rang', 'Werte und Ränge')} anders" if changed else "kein Wert anders"
    return f"{_said(causes)} – {effect}"


def _said(causes: Sequence[Cause]) -> str:
    deliveries = [c for c in causes if c.kind == DELIVERY]
    corrections = sum(1 for c in causes if c.kind == CORRECTION)
    parts = []
    if len(deliveries) == 1:
        parts.append(f"Lieferung {deliveries[0].address}")
    elif deliveries:
        parts.append(f"{german(len(deliveries))} Lieferungen")
    if corrections:
        parts.append(counted(corrections, "Berichtigung", "Berichtigungen"))
    for cause in causes:
        if cause.kind == SWITCH:
            parts.append(f"Schalter {cause.address.partition('/')[2]}: {cause.old or '–'} → {cause.new or '–'}")
        elif cause.kind not in (DELIVERY, CORRECTION, PROGRAM):
            parts.append(f"{cause.kind} ({cause.address})")
    if any(c.kind == PROGRAM for c in causes):
        parts.append("Programmfassung")
    return "; ".join(parts) or OTHERWISE


def moment(at: datetime) -> str:
    """Return a moment as readers in Germany know it, `15.11.2018, 06:12 Uhr`."""
    return f"{at.astimezone(PLACE):%d.%m.%Y, %H:%M} Uhr"
