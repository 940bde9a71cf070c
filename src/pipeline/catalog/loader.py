"""The catalog and the one loader of it: reads what is declared, says file and line when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable

from pipeline.catalog import entries
from pipeline.catalog.layouts import Layouts, read_layouts
from pipeline.catalog.model import (
    Gebietsaenderung,
    Indicator,
    Jobcenter,
    Merkmal,
    Rule,
    Support,
    Switch,
    Table,
)
from pipeline.catalog.selection import selected
from pipeline.catalog.strict import keyed, made, parsed, read_yaml, understood
from pipeline.catalog.switched import indicators_as_selected, merkmale_as_selected
from pipeline.months import Zaehltage


@dataclass(frozen=True)
class Catalog:
    """Everything declared, ready to use; dictionaries are keyed by name and keep the declared order."""

    jobcenters: Mapping[str, Jobcenter]
    zaehltage: Zaehltage
    gebietsaenderungen: tuple[Gebietsaenderung, ...]
    vergleichstypen: tuple[tuple[str, str, date | None, date | None], ...]
    tables: Mapping[str, Table]
    results: Mapping[str, Table]
    merkmale: Mapping[str, Merkmal]
    indicators: Mapping[str, Indicator]
    supports: Mapping[str, Support]
    codelists: Mapping[str, Mapping[str, Mapping[str, str]]]
    rules: Mapping[str, Rule]
    switches: Mapping[str, Switch]
    layouts: Layouts
    digest: str

    @property
    def person_tables(self) -> tuple[str, ...]:
        """Return the tables that jobcenters deliver."""
        return tuple(t.name for t in self.tables.values() if t.unit == "jobcenter")

    def with_switches(self, selection: Mapping[str, str | int | bool]) -> Catalog:
        """Return the declared catalog with the selected values of some switches; raises SwitchError for what cannot be computed.

        Base counts and indicators say what they read under the selection.
        """
        if not selection:
            return self
        switches = selected(self.switches, selection)
        return replace(
            self,
            switches=switches,
            merkmale=merkmale_as_selected(self.merkmale, switches),
            indicators=indicators_as_selected(self.indicators, switches),
        )

    @property
    def selection(self) -> dict[str, str | int | bool]:
        """Return the switches that stand elsewhere than their default."""
        return {name: switch.value for name, switch in self.switches.items() if switch.value != switch.default}

    def valid_jobcenters(self, day: date) -> tuple[Jobcenter, ...]:
        """Return the jobcenters that exist on the day, ordered by id."""
        return tuple(j for j in sorted(self.jobcenters.values(), key=lambda j: j.jc_id) if j.valid_on(day))

    def vergleichstyp(self, jc_id: str, day: date) -> str:
        """Return the SGB-II-Vergleichstyp of a jobcenter on the day, empty if the operator has entered none."""
        for jc, typ, first, last in self.vergleichstypen:
            if jc == jc_id and (first is None or first <= day) and (last is None or day <= last):
                return typ
        return ""


def _digest(root: Traversable) -> str:
    files: list[tuple[str, bytes]] = []

    def walk(folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                walk(entry, f"{prefix}{entry.name}/")
            elif entry.name.endswith((".yml", ".csv")):
                files.append((prefix + entry.name, entry.read_bytes()))

    walk(root, "")
    total = sha256()
    for name, content in sorted(files):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


@lru_cache(maxsize=4)
def load_catalog(root: Traversable | None = None) -> Catalog:
    """Load and cross-check the catalog that ships with the package (or lies in `root`); raises CatalogError."""
    root = root if root is not None else resources.files("pipeline.catalog")
    lists = root / "codelists"
    jobcenters = keyed(lists / "jobcenters.csv", "jc_id", entries.jobcenter)
    merkmale = understood(root / "merkmale.yml", entries.merkmal)
    entries.refuse_wrong_wholes(merkmale)
    codelists: dict[str, Mapping[str, Mapping[str, str]]] = {
        name: keyed(lists / f"{name}.csv", key, dict)
        for name, key in (
            ("foerderung", "code"),
            ("rechtsgrundlagen", "code"),
            ("aufnahmearten", "code"),
            ("personengruppen", "code"),
            ("zeichen", "zeichen"),
            ("gruende", "grund"),
        )
    }
    codelists["merkmale"] = {name: {"code": name} for name in merkmale}
    tables: dict[str, Table] = {}
    results: dict[str, Table] = {}
    for file in sorted((root / "tables").iterdir(), key=lambda f: f.name):
        table = made(read_yaml(file), lambda raw: entries.table(raw, codelists))
        (tables if table.unit else results)[table.name] = table
    return Catalog(
        jobcenters=jobcenters,
        zaehltage=Zaehltage(keyed(lists / "zaehltage.csv", "ref_month", entries.stichtag)),
        gebietsaenderungen=tuple(
            parsed(lists / "gebietsaenderungen.csv", lambda row: entries.gebietsaenderung(row, jobcenters))
        ),
        vergleichstypen=tuple(parsed(lists / "vergleichstypen.csv", entries.vergleichstyp)),
        tables=tables,
        results=results,
        merkmale=merkmale,
        indicators=understood(root / "indicators.yml", lambda name, raw: entries.indicator(name, raw, merkmale)),
        supports=keyed(lists / "foerderung.csv", "code", entries.support),
        codelists=codelists,
        rules=understood(root / "rules.yml", entries.rule),
        switches=understood(root / "switches.yml", entries.switch),
        layouts=read_layouts(root / "layouts", merkmale, codelists["zeichen"]),
        digest=_digest(root),
    )
