"""An invented small country in the declared shape of the suppressed tables: ties, missing, withheld, several Länder.

Nothing here follows the statistics; only columns, types and the rules of suppression are as the pipeline delivers them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog, Jobcenter, load_catalog
from pipeline.months import add_months, month_range
from pipeline.publish import Published, publish
from pipeline.store import Store, write_table
from pipeline.store.schema import arrow_schema

MONTH = "2018-07"
SAALEKREIS = "t04412"
HIDDEN = "t03538"  # withheld in K2E3: its value 61.7 must be nowhere
HIDDEN_VALUE = Decimal("61.7")
MISSING = "t03604"
TIED = ("t04306", "t04308")
INPUTS: Mapping[str, Any] = {
    "lieferungen": {"2018-07/bestand/t04412": "a" * 64, "2018-07/eckwerte/statistik": "b" * 64},
    "lock_sha256": "c" * 64,
}
VERDICT: Mapping[str, Any] = {"status": "bestanden", "regeln": 120, "bestanden": 120}


@dataclass(frozen=True)
class Country:
    """Rows of the four tables, ready to be changed by a test and written."""

    catalog: Catalog
    month: str
    kennzahlen: Sequence[Mapping[str, Any]]
    eckwerte: Sequence[Mapping[str, Any]]
    vergleich: Sequence[Mapping[str, Any]]
    reihe: Sequence[Mapping[str, Any]]
    abgleich: Sequence[Mapping[str, Any]] = ()

    def write(self, root: Path) -> Store:
        """Write the tables where the step compare leaves them."""
        store = Store(root)
        folder = store.computed("offen", self.month).parent
        for name, declared in (
            ("kennzahlen", "kennzahlen"),
            ("eckwerte", "eckwerte"),
            ("vergleich", "vergleich"),
            ("reihe", "kennzahlen"),
            ("abgleich", "abgleich"),
        ):
            schema = arrow_schema(self.catalog.results[declared])
            write_table(folder / f"{name}.parquet", pa.Table.from_pylist(list(getattr(self, name)), schema=schema))
        return store

    def with_value(self, jc_id: str, kennzahl: str, value: str) -> Country:
        """Return the country with another displayed value of a jobcenter (both definitions, T)."""

        def changed(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
            if row[key] == jc_id and row["kennzahl"] == kennzahl and row["geschlecht"] == "T":
                return {**row, "wert": float(value), "wert_anzeige": Decimal(value), "grund": None}
            return row

        return replace(
            self,
            kennzahlen=[changed(r, "gebiet") for r in self.kennzahlen],
            vergleich=_ranked([changed(r, "jc_id") for r in self.vergleich], self.catalog),
        )


def publish_country(store: Store, country: Country, **changes: Any) -> Published:
    """Publish with the usual arguments; `changes` replaces some."""
    arguments: dict[str, Any] = {"manifest_inputs": INPUTS, "verdict": VERDICT, "synthetic": True, **changes}
    return publish(store, country.month, country.catalog, **arguments)


def country(
    *,
    month: str = MONTH,
    units: int | None = 24,
    kommunal: int | None = None,
    seed: int = 1,
    history: int = 25,
    indicators: Sequence[str] = (),
) -> Country:
    """Invent a country of `units` jobcenters (None: all valid ones), always with the named ones; `indicators` () is all."""
    catalog = load_catalog()
    rng = random.Random(seed)
    day = date.fromisoformat(f"{month}-15")
    everyone = list(catalog.valid_jobcenters(day))
    chosen = _choose(everyone, units, kommunal)
    vergleich: list[dict[str, Any]] = []
    kennzahlen: list[dict[str, Any]] = []
    reihe: list[dict[str, Any]] = []
    in_force = {name: _version_in_force(catalog, name, month) for name in catalog.indicators}
    for name, indicator in catalog.indicators.items():
        if indicators and name not in indicators:
            continue
        ref = add_months(month, -indicator.lag)
        months = month_range(add_months(ref, 1 - history), ref)
        for definition in indicator.versions if indicator.compute_all_versions else (in_force[name],):
            centre, width = _size_of(name)
            for unit in chosen:
                level = rng.gauss(centre, width)
                for sex in ("T", "M", "F"):
                    base = level + (0 if sex == "T" else rng.gauss(0, width / 4))
                    course = [base + rng.gauss(0, width / 8) for _ in months]
                    reason = _reason(unit, name, sex)
                    facts = _facts(ref, name, definition, definition == in_force[name], sex)
                    values = [_rounded(v, name) for v in course]
                    if name == "K2E3" and sex == "T":
                        if unit.jc_id == SAALEKREIS:
                            values[-1] = Decimal("74.3")
                        elif unit.jc_id in TIED:
                            values[-1] = Decimal("69.5")
                        elif unit.jc_id == HIDDEN:
                            values[-1] = HIDDEN_VALUE
                    for month_of_value, value in zip(months, values, strict=True):
                        hidden = reason if month_of_value == ref else None
                        reihe.append(
                            {**facts, **_cell(value, hidden), "ref_month": month_of_value, "gebiet": unit.jc_id}
                        )
                    cell = _cell(values[-1], reason)
                    kennzahlen.append({**facts, **cell, "gebiet": unit.jc_id})
                    vergleich.append(_compared(unit, facts, cell, values, month, width, rng))
            for level_name, area in [("bund", "bund"), ("kommunal", "kommunal")] + [
                ("land", land) for land in sorted({j.land for j in chosen})
            ]:
                for sex in ("T", "M", "F"):
                    facts = _facts(ref, name, definition, definition == in_force[name], sex)
                    value = _rounded(centre + rng.gauss(0, width / 9), name)
                    notes = {"ebene": level_name, "gebiet": area, "hinweise": f"ausgelassen={int(name == 'K2')}"}
                    kennzahlen.append({**facts, **_cell(value, None), **notes})
    eckwerte = [
        {
            "ref_month": month,
            "jc_id": unit.jc_id,
            "geschlecht": sex,
            "merkmal": merkmal,
            "wert": None if unit.jc_id == HIDDEN and merkmal == "int" else Decimal(rng.randrange(3, 5000)),
            "grund": "geheim" if unit.jc_id == HIDDEN and merkmal == "int" else None,
            "basis": "personen" if unit.traeger == "zkT" else "eckwerte",
        }
        for unit in chosen
        for merkmal in catalog.merkmale
        for sex in ("T", "M", "F")
    ]
    return Country(catalog, month, kennzahlen, eckwerte, _ranked(vergleich, catalog), reihe)


def _choose(everyone: Sequence[Jobcenter], units: int | None, kommunal: int | None) -> list[Jobcenter]:
    if units is None:
        return list(everyone)
    named = {SAALEKREIS, HIDDEN, MISSING, *TIED}
    first = [j for j in everyone if j.jc_id in named]
    rest = [j for j in everyone if j.jc_id not in named]
    own = [j for j in rest if j.traeger == "zkT"]
    joint = [j for j in rest if j.traeger == "gE"]
    many = (units // 2 if kommunal is None else kommunal) - len(first)
    chosen = first + own[:many]
    return sorted(chosen + joint[: units - len(chosen)], key=lambda j: j.jc_id)


def _version_in_force(catalog: Catalog, name: str, month: str) -> str:
    versions = list(catalog.indicators[name].versions)
    return "@2019" if "@2019" in versions and month >= "2019-01" else "@2011"


def _size_of(name: str) -> tuple[float, float]:
    sizes = {"K2E3": (67.5, 3.5), "K2": (24, 4), "K3E2": (11, 3), "K2E4": (21, 4), "K3E1": (16, 3), "K2E1": (9, 2)}
    if name in ("K1", "K1E1", "K1E2", "K3"):
        return (-2.5, 4.0)
    return sizes.get(name, (3.2, 0.8))


def _reason(unit: Jobcenter, name: str, sex: str) -> str | None:
    if unit.jc_id == HIDDEN and (name == "K2E3" or (name == "K3E2" and sex != "T")):
        return "geheim"
    if unit.jc_id == MISSING and name in ("K2", "K2E3"):
        return "nicht_geliefert"
    return None


def _rounded(value: float, name: str) -> Decimal:
    lowest = Decimal("-30") if name in ("K1", "K1E1", "K1E2", "K3") else Decimal("0")
    rounded = max(Decimal(str(value)).quantize(Decimal("0.1"), ROUND_HALF_UP), lowest)
    return rounded if rounded else Decimal("0.0")


def _facts(ref: str, name: str, definition: str, in_force: bool, sex: str) -> dict[str, Any]:
    return {
        "ref_month": ref,
        "ebene": "jobcenter",
        "kennzahl": name,
        "definition": name + definition,
        "in_kraft": in_force,
        "geschlecht": sex,
        "nenner_monate": 12 if name in ("K2", "K2E1", "K2E2", "K2E4", "K3E1") else 1,
        "basis": "personen",
        "hinweise": None,
    }


def _cell(value: Decimal, reason: str | None) -> dict[str, Any]:
    if reason:
        return {"zaehler": None, "nenner_summe": None, "wert": None, "wert_anzeige": None, "grund": reason}
    return {
        "zaehler": Decimal(int(value * 10)),
        "nenner_summe": Decimal(1000),
        "wert": float(value),
        "wert_anzeige": value,
        "grund": None,
    }


def _compared(
    unit: Jobcenter,
    facts: Mapping[str, Any],
    cell: Mapping[str, Any],
    values: Sequence[Decimal],
    month: str,
    width: float,
    rng: random.Random,
) -> dict[str, Any]:
    row = {k: v for k, v in {**facts, **cell}.items() if k != "ebene"}
    half = _rounded(abs(rng.gauss(width / 2, width / 6)) + 0.1, "K2")
    shown = cell["wert_anzeige"] is not None
    value = values[-1]
    return {
        **row,
        "lauf": month,
        "jc_id": unit.jc_id,
        "name": unit.name,
        "land": unit.land,
        "traeger": unit.traeger,
        "vergleichstyp": None,
        "intervall_unten": value - half if shown else None,
        "intervall_oben": value + half if shown else None,
        "aenderung_vormonat": value - values[-2] if shown and len(values) > 1 else None,
        "aenderung_vorjahr": value - values[-13] if shown and len(values) > 12 else None,
    }


def _ranked(rows: Sequence[Mapping[str, Any]], catalog: Catalog) -> list[dict[str, Any]]:
    """Give every row its places in the four sets, by the displayed value."""
    result = [dict(row) for row in rows]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in result:
        key = (row["kennzahl"], row["definition"], row["geschlecht"])
        groups.setdefault((*key, "alle", ""), []).append(row)
        groups.setdefault((*key, "land", row["land"]), []).append(row)
        if row["traeger"] == "zkT":
            groups.setdefault((*key, "kommunal", ""), []).append(row)
        for name in ("alle", "land", "kommunal", "vergleichstyp"):
            for column in ("rang", "rang_anzeige", "anzahl", "rang_von", "rang_bis", "median"):
                row[f"{column}_{name}"] = None
    for (kennzahl, _, _, name, _), members in groups.items():
        better = catalog.indicators[kennzahl].better
        valued = [r for r in members if r["wert_anzeige"] is not None]
        if not valued:
            continue
        middle = Decimal(str(median(r["wert_anzeige"] for r in valued))).quantize(Decimal("0.1"), ROUND_HALF_UP)
        for row in members:
            row[f"median_{name}"] = middle
        if better == "none":
            continue
        ordered = sorted((r["wert_anzeige"] for r in valued), reverse=better == "higher")
        for row in valued:
            rank = ordered.index(row["wert_anzeige"]) + 1
            row[f"rang_{name}"] = row[f"rang_anzeige_{name}"] = rank
            row[f"anzahl_{name}"] = len(valued)
            row[f"rang_von_{name}"] = max(1, rank - 3)
            row[f"rang_bis_{name}"] = min(len(valued), rank + 4)
    return result
