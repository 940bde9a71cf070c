"""Finds a figure in the newest release of its month and has it explained; nothing is said here.

Reads a release and the code lists it names, so it shows what was published and nothing that was withheld.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import SEXES, Catalog, Indicator, lags_of
from pipeline.months import add_months
from pipeline.publish.comparison import comparisons
from pipeline.publish.history import History
from pipeline.publish.manifest import read_manifest
from pipeline.publish.provenance import Evidence, Explanation, evidence_of, explained
from pipeline.publish.provenance.addresses import place
from pipeline.publish.provenance.evidence import FigureKey
from pipeline.publish.provenance.model import Delivery
from pipeline.store import Store
from pipeline.store.schema import arrow_schema
from pipeline.summary import NoReleaseError, newest_release


class UnknownFigureError(ValueError):
    """There is no such figure in the release."""


@dataclass(frozen=True)
class FigureFound:
    """An explained figure, with the evidence and the folder of its release."""

    explanation: Explanation
    evidence: Evidence
    release: Path

    @property
    def deliveries(self) -> list[Delivery]:
        """Return the used deliveries that the figure read, each once."""
        return self.evidence.deliveries(self.explanation.reads)

    @property
    def page(self) -> str:
        """Return page and anchor of the figure, relative to the release."""
        e = self.explanation
        return f"site/{place(e.area.level, e.area.key, e.indicator.name, e.version, e.in_force, e.sex)}"


def explain(
    store: Path, catalog: Catalog, kennzahl: str, area: str, ref_month: str, sex: str = "T", version: str = ""
) -> FigureFound:
    """Take the figure of `area` (jobcenter id, Land, Vergleichstyp, `kommunal` or `bund`) apart; raises UnknownFigureError."""
    indicator = catalog.indicators.get(kennzahl)
    if indicator is None:
        raise UnknownFigureError(f"{kennzahl!r} is no indicator; there are {', '.join(catalog.indicators)}")
    if sex not in SEXES:
        raise UnknownFigureError(f"{sex!r} is no sex of a figure; there are {', '.join(SEXES)}")
    version = f"@{version.removeprefix('@')}" if version else ""
    release, key = _published(store, catalog, indicator, area, ref_month, sex, version)
    kennzahlen = pq.read_table(release / "kennzahlen.parquet")
    manifest = read_manifest(release)
    vergleich = pq.read_table(
        release / "vergleich.parquet", filters=[("definition", "=", key.definition), ("geschlecht", "=", sex)]
    )
    merkmale = {side.merkmal for sides in indicator.versions.values() for side in sides}
    eckwerte = pq.read_table(
        release / "eckwerte.parquet", filters=[("geschlecht", "=", sex), ("merkmal", "in", sorted(merkmale))]
    )
    no_history = History(arrow_schema(catalog.results["kennzahlen"]).empty_table(), catalog)
    evidence = evidence_of(
        Store(store),
        str(manifest["release"]),
        manifest["grundlage"],
        kennzahlen,
        eckwerte,
        _findings(release, catalog),
        comparisons(vergleich, kennzahlen, no_history, catalog),
        catalog,
    )
    return FigureFound(explained(evidence, key), evidence, release)


def _findings(release: Path, catalog: Catalog) -> pa.Table:
    """Return the published findings; a release from before they were published has none."""
    path = release / "befunde.parquet"
    return pq.read_table(path) if path.exists() else arrow_schema(catalog.results["befunde"]).empty_table()


def _published(
    store: Path, catalog: Catalog, indicator: Indicator, area: str, ref_month: str, sex: str, version: str
) -> tuple[Path, FigureKey]:
    """Return the newest run's release that shows the figure, of the version or of the one in force there, and its key.

    Which run shows a month may depend on its switches, so every run that some selection lets show it is asked.
    """
    releases = _releases(store, ref_month, lags_of(indicator.name, catalog.indicators, catalog.switches))
    wanted = [("kennzahl", "=", indicator.name), ("gebiet", "=", area), ("geschlecht", "=", sex)]
    wanted += [("ref_month", "=", ref_month)]
    for release in releases:
        rows = pq.read_table(release / "kennzahlen.parquet", filters=wanted).to_pylist()
        for row in rows:
            if row["definition"] == indicator.name + version if version else row["in_kraft"]:
                return release, FigureKey(row["ebene"], row["gebiet"], row["definition"], row["geschlecht"])
    _regular_release(store, indicator, ref_month)
    known = ", ".join(sorted(indicator.versions))
    raise UnknownFigureError(
        f"{', '.join(map(str, releases))}: no {indicator.name}{version} for {area!r} in {ref_month}, sex {sex}; say "
        f"--jobcenter with an id as t04412, the name of a Land, a Vergleichstyp, kommunal or bund, and --fassung with {known} "
        "or nothing"
    )


def _releases(store: Path, ref_month: str, lags: Iterable[int]) -> list[Path]:
    """Return the newest release of every run that may show the month, newest run first."""
    found = []
    for lag in sorted(lags, reverse=True):
        with suppress(NoReleaseError):
            found.append(newest_release(store, add_months(ref_month, lag)))
    return found


def _regular_release(store: Path, indicator: Indicator, ref_month: str) -> Path:
    """Return the newest release of the run that shows the month unless switches say otherwise; raises NoReleaseError."""
    try:
        return newest_release(store, add_months(ref_month, indicator.lag))
    except NoReleaseError as error:
        if not indicator.lag:
            raise
        raise NoReleaseError(
            f"{error}; {indicator.name} of {ref_month} appears with the run of {add_months(ref_month, indicator.lag)}, "
            f"the run of {ref_month} shows it for {add_months(ref_month, -indicator.lag)} (unless switches say otherwise)"
        ) from error
