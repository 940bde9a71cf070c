"""Publish: from the suppressed tables of a run to one immutable release and the pointer to the newest.

The order of the work is here; what each file looks like is told by its own module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.memory import give_back
from pipeline.months import month_number
from pipeline.progress import Progress
from pipeline.publish import journal, releases
from pipeline.publish.changes import changes_between
from pipeline.publish.comparison import Comparison, comparisons
from pipeline.publish.csvfiles import write_excel_csv, write_machine_csv
from pipeline.publish.datapackage import data_package
from pipeline.publish.edition import Edition
from pipeline.publish.estimates import estimates_in
from pipeline.publish.findings import published_findings
from pipeline.publish.history import History
from pipeline.publish.manifest import (
    NAME,
    broken_files,
    deliveries,
    describe_files,
    foundation,
    foundation_digest,
    read_manifest,
)
from pipeline.publish.opened import PUBLISHED, OpenedTables, read_opened, require_opened
from pipeline.publish.pages import main_page, write_site
from pipeline.publish.parquetfiles import write_parquet
from pipeline.publish.printed import write_printed
from pipeline.publish.provenance import evidence_of
from pipeline.publish.reconciliation import reconciliation
from pipeline.publish.wording import Signs
from pipeline.publish.workbook import write_workbook
from pipeline.store import Store, write_json

NO_PARTS: Mapping[str, Sequence[str]] = {}
CSV_FILES = {
    "kennzahlen": "kennzahlen.csv",
    "eckwerte": "eckwerte.csv.gz",
    "vergleich": "vergleich.csv",
    "abgleich": "abgleich.csv.gz",
}
STEPS = ("Parquet", "CSV", "Arbeitsmappe", "Druckfassung", "Seiten", "Prüfsummen")


@dataclass(frozen=True)
class Published:
    """What was published: number and folder of the release, its page for the table people look at first.

    `page` is a path relative to the folder; `address` is the public address of that page if one is set, else its path.
    `unchanged` says that an equal release was there already and nothing was written.
    """

    month: str
    number: int
    folder: Path
    page: str
    address: str
    current: str
    unchanged: bool

    @property
    def name(self) -> str:
        """Return the name of the release, `2018-07.1`."""
        return f"{self.month}.{self.number}"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def publish(
    store: Store,
    month: str,
    catalog: Catalog,
    *,
    manifest_inputs: Mapping[str, Any],
    verdict: Mapping[str, Any],
    synthetic: bool,
    site_url: str = "",
    parts: Mapping[str, Sequence[str]] = NO_PARTS,
    progress: Progress | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> Published:
    """Write the release of a month from its suppressed tables, or find that the newest one says the same.

    The moment `now` goes into the journal beside the releases and into nothing else. `parts` are unit -> itself and the
    units it succeeds: whose deliveries may have changed a value.

    `manifest_inputs` is JSON and stands in the manifest as it is; under `lieferungen` it names the deliveries
    (address to sha-256, or a list with ref_month, table, unit, sha256), under `lock_sha256` the lock file's digest, under
    `berichtigungen` the corrections that were applied. `verdict` may name the waivers that took effect under `ausnahmen`.
    `verdict` is JSON too; `regeln`, `bestanden` and the rules in `broken` (titel, severity, units), if there, are
    printed. `site_url` is the public address of
    the folder `releases`. The caller holds the store's lock. Raises OpenedTableError and ManifestError.
    """
    month_number(month)
    report = progress or (lambda done, total, what: None)
    paths = store.opened(month)
    require_opened(paths)
    findings = published_findings(store, month, catalog, verdict)
    basis = foundation(
        month, paths, catalog, manifest_inputs, verdict, findings, synthetic=synthetic, site_url=site_url
    )
    releases.remove_leftovers(store)
    earlier = releases.numbers(store, month)
    if earlier:
        newest = store.release(month, earlier[-1])
        if read_manifest(newest)["grundlage"] == basis and not broken_files(newest, digests=False):
            page = read_manifest(newest)["seite"]
            return _published(store, month, earlier[-1], page, site_url, now, unchanged=True)
    tables = read_opened(paths, catalog)
    give_back()
    number = earlier[-1] + 1 if earlier else 1
    previous = store.release(month, earlier[-1]) if earlier else None
    edition = Edition(
        month,
        number,
        synthetic,
        site_url,
        f"{basis['code']['version']}+{basis['code']['sha256'][:12]}",
        foundation_digest(basis),
        _checks(verdict),
        estimates_in(tables.eckwerte),
    )
    history = History(tables.reihe, catalog)
    found = comparisons(tables.vergleich, tables.kennzahlen, history, catalog)
    page = main_page(found)
    with releases.staged(store, month, number) as folder:
        changes = _write_data(folder, tables, findings, previous, basis, parts, catalog, edition, report)
        evidence = evidence_of(store, edition.name, basis, tables.kennzahlen, tables.eckwerte, findings, found, catalog)
        names = {e.jc_id: e.name for c in found.values() for e in c.entries}
        side_by_side = reconciliation(tables.abgleich, findings, deliveries(manifest_inputs), parts, names, catalog)
        del tables  # what follows is made of what has been made of them
        give_back()
        _write_presentations(folder, found, catalog, edition, report)
        report(4, len(STEPS), STEPS[4])
        data_files = describe_files(folder)
        write_json(folder / "datapackage.json", data_package(data_files, catalog, edition))
        write_site(
            folder / "site",
            found,
            history,
            changes,
            data_files,
            verdict,
            manifest_inputs,
            evidence,
            side_by_side,
            catalog,
            edition,
        )
        report(5, len(STEPS), STEPS[5])
        manifest = {
            "release": edition.name,
            "monat": month,
            "nummer": number,
            "vorgaenger": f"{month}.{earlier[-1]}" if earlier else None,
            "grundlage": basis,
            "grundlage_sha256": edition.digest,
            "seite": page,
            "hinweis": edition.banner,
            **({"schaetzungen": edition.estimates} if edition.estimates else {}),
            "dateien": describe_files(folder),
        }
        write_json(folder / NAME, manifest)
    report(len(STEPS), len(STEPS), STEPS[5])
    return _published(store, month, number, page, site_url, now, unchanged=False)


def _published(
    store: Store,
    month: str,
    number: int,
    page: str,
    site_url: str,
    now: Callable[[], datetime],
    *,
    unchanged: bool,
) -> Published:
    journal.note(store, () if unchanged else (f"{month}.{number}",), now)
    current = releases.point_to_newest(store)
    folder = store.release(month, number)
    address = f"{site_url.rstrip('/')}/{month}/{number}/{page}" if site_url else str(folder / page)
    return Published(month, number, folder, page, address, current, unchanged)


def _write_data(
    folder: Path,
    tables: OpenedTables,
    findings: pa.Table,
    previous: Path | None,
    basis: Mapping[str, Any],
    parts: Mapping[str, Sequence[str]],
    catalog: Catalog,
    edition: Edition,
    report: Progress,
) -> Any:
    report(0, len(STEPS), STEPS[0])
    changes = changes_between(previous, tables, basis, catalog, parts)
    for name in PUBLISHED:
        write_parquet(folder / f"{name}.parquet", getattr(tables, name), catalog.results[name].description.de, edition)
    for name, table in (("aenderungen", changes), ("befunde", findings)):
        write_parquet(folder / f"{name}.parquet", table, catalog.results[name].description.de, edition)
    report(1, len(STEPS), STEPS[1])
    for name, file in CSV_FILES.items():
        write_machine_csv(folder / file, getattr(tables, name), edition)
    write_machine_csv(folder / "befunde.csv", findings, edition)
    write_excel_csv(
        folder / "vergleich-excel.csv", tables.vergleich, catalog.results["vergleich"], Signs.of(catalog), edition
    )
    return changes


def _write_presentations(
    folder: Path,
    found: Mapping[tuple[str, str, str], Comparison],
    catalog: Catalog,
    edition: Edition,
    report: Progress,
) -> None:
    report(2, len(STEPS), STEPS[2])
    write_workbook(folder / "vergleich.xlsx", found, catalog, edition)
    report(3, len(STEPS), STEPS[3])
    write_printed(folder / "pdf", found, catalog, edition)


def _checks(verdict: Mapping[str, Any]) -> str:
    """Say in German how many rules were evaluated and passed, if the verdict tells."""
    rules, passed = verdict.get("regeln"), verdict.get("bestanden")
    if isinstance(rules, int) and isinstance(passed, int):
        return f"{passed} von {rules} Prüfungen bestanden"
    return ""
