"""Finds a figure in the newest release of its month and has it explained; nothing is said here.

Reads a release and the code lists it names, so it shows what was published and nothing that was withheld.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import SEXES, Catalog, Indicator
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
    release = _release(store, indicator, ref_month)
    kennzahlen = pq.read_table(release / "kennzahlen.parquet")
    key = _key(release, kennzahlen, indicator, area, ref_month, sex, version)
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


def _release(store: Path, indicator: Indicator, ref_month: str) -> Path:
    run_month = add_months(ref_month, indicator.lag)
    try:
        return newest_release(store, run_month)
    except NoReleaseError as error:
        if not indicator.lag:
            raise
        raise NoReleaseError(
            f"{error}; {indicator.name} of {ref_month} appears with the run of {run_month}, "
            f"the run of {ref_month} shows it for {add_months(ref_month, -indicator.lag)}"
        ) from error


def _key(
    release: Path, kennzahlen: pa.Table, indicator: Indicator, area: str, ref_month: str, sex: str, version: str
) -> FigureKey:
    """Return the key of the one figure that is meant: of the version, or of the one in force."""
    wanted: Mapping[str, Any] = {
        "kennzahl": indicator.name,
        "gebiet": area,
        "geschlecht": sex,
        "ref_month": ref_month,
    }
    rows = [r for r in kennzahlen.to_pylist() if all(r[name] == value for name, value in wanted.items())]
    chosen = [r for r in rows if (r["definition"] == indicator.name + version if version else r["in_kraft"])]
    if not chosen:
        known = ", ".join(sorted(indicator.versions))
        raise UnknownFigureError(
            f"{release}: no {indicator.name}{version} for {area!r} in {ref_month}, sex {sex}; say --jobcenter with an id as "
            f"t04412, the name of a Land, a Vergleichstyp, kommunal or bund, and --fassung with {known} or nothing"
        )
    row = chosen[0]
    return FigureKey(row["ebene"], row["gebiet"], row["definition"], row["geschlecht"])
