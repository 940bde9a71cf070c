"""A small invented country after counting, calculating and comparing: five jobcenters, all indicators, two months.

Counts are large enough that nothing is withheld, so that each rule on results can be broken alone by `breaking_results`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import Catalog, load_catalog
from pipeline.compare import compare
from pipeline.months import Zaehltage, add_months
from pipeline.store import write_table
from pipeline.store.schema import arrow_schema

MONTH = "2018-07"
BEFORE = "2018-06"
COUNTS = {"elb": 6000, "lzb": 4000, "alleinerz": 900, "lzb_amp": 400, "int": 140, "int_svb": 120, "int_allein": 16}
COUNTS |= {"int_lzb": 50, "svb_nach12": 80, "svb_kont6": 76, "elb_zugang": 300, "elb_abgang": 310, "llu": 2_500_000}
COUNTS |= {"luh": 2_200_000, "bs_gering": 60, "bs_2am": 30, "lzb_zugang": 100, "lzb_abgang": 100}
Row = dict[str, Any]


@dataclass
class Country:
    """The tables as lists of rows, to be changed in place; `published` are the suppressed ones."""

    eckwerte: list[Row]
    kennzahlen: list[Row]
    vergleich: list[Row]
    published: dict[str, list[Row]]
    abgleich: list[Row]

    def reconciled(self, catalog: Catalog) -> pa.Table:
        """Return the reconciliation in its declared schema."""
        return pa.Table.from_pylist(self.abgleich, schema=arrow_schema(catalog.results["abgleich"]))

    def tables(self, catalog: Catalog) -> tuple[pa.Table, pa.Table, pa.Table, dict[str, pa.Table]]:
        """Return the Arrow tables in declared schemas."""
        schemas = {name: arrow_schema(table) for name, table in catalog.results.items()}
        schemas = {name: pa.schema([f.with_nullable(True) for f in schema]) for name, schema in schemas.items()}
        schemas["reihe"] = schemas["kennzahlen"]
        published = {name: pa.Table.from_pylist(rows, schema=schemas[name]) for name, rows in self.published.items()}
        return (
            pa.Table.from_pylist(self.eckwerte, schema=schemas["eckwerte"]),
            pa.Table.from_pylist(self.kennzahlen, schema=schemas["kennzahlen"]),
            pa.Table.from_pylist(self.vergleich, schema=schemas["vergleich"]),
            published,
        )

    def files(self, catalog: Catalog, folder: Path) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
        """Write the tables as a run leaves them, the Eckwerte month by month; returns the computed and the published files."""
        eckwerte, kennzahlen, vergleich, published = self.tables(catalog)
        months = [eckwerte.filter(pc.equal(eckwerte["ref_month"], month)) for month in (BEFORE, MONTH)]
        tables = {"kennzahlen": kennzahlen, "vergleich": vergleich, "abgleich": self.reconciled(catalog)}
        computed = {"eckwerte": months} | {name: [table] for name, table in tables.items()}
        return (
            {name: _written(parts, folder / name) for name, parts in computed.items()},
            {name: _written([table], folder / f"open_{name}") for name, table in published.items()},
        )


def _written(parts: Sequence[pa.Table], folder: Path) -> list[Path]:
    paths = [folder / f"{number}.parquet" for number in range(len(parts))]
    for part, path in zip(parts, paths, strict=True):
        write_table(path, part)
    return paths


def catalog_of_country() -> Catalog:
    """Return the catalog with a registry of five jobcenters, three of them in one Land."""
    catalog = load_catalog()
    valid = [j.jc_id for j in catalog.valid_jobcenters(Zaehltage().stichtag(MONTH)) if j.land == "Sachsen-Anhalt"]
    kept = sorted({"t04412", "t12302", "t35302", *valid[:2]})
    return replace(catalog, jobcenters={jc_id: catalog.jobcenters[jc_id] for jc_id in kept})


def _eckwerte(catalog: Catalog) -> list[Row]:
    rows = []
    for month in (BEFORE, MONTH):
        for i, jc_id in enumerate(catalog.jobcenters):
            for merkmal in catalog.merkmale:
                total = COUNTS[merkmal] * (10 + i) // 10
                values = {"T": total, "M": total // 2, "F": total - total // 2 - 1}
                rows += [
                    {
                        "ref_month": month,
                        "jc_id": jc_id,
                        "geschlecht": sex,
                        "merkmal": merkmal,
                        "wert": Decimal(value),
                        "grund": None,
                        "basis": "personen",
                    }
                    for sex, value in values.items()
                ]
    return rows


def _valued(row: Row, z: int, n: int, change: bool) -> Row:
    exact = Fraction(z * row["nenner_monate"], n) * 100 - (100 if change else 0)
    tenths = (2 * abs(exact) * 10 + 1) // 2
    shown = int(tenths) if exact >= 0 else -int(tenths)
    return row | {
        "zaehler": Decimal(z),
        "nenner_summe": Decimal(n),
        "wert": float(exact),
        "wert_anzeige": Decimal(shown) / 10,
        "grund": None,
        "hinweise": None,
        "basis": "personen",
    }


def kennzahlen_of(catalog: Catalog, month: str) -> list[Row]:
    """Return the indicators of a run, computed from counts that are the same in every month."""
    rows = []
    levels = {"bund": ["bund"], "kommunal": ["kommunal"]}
    levels["land"] = sorted({j.land for j in catalog.jobcenters.values()})
    for indicator in catalog.indicators.values():
        for version, (numerator, denominator) in indicator.versions.items():
            if version == "@2019" and not indicator.compute_all_versions:
                continue
            span = numerator.months[1] - numerator.months[0] + 1
            of = denominator.months[1] - denominator.months[0] + 1
            for s, sex in enumerate("TMF"):
                base = {
                    "ref_month": add_months(month, -indicator.lag),
                    "kennzahl": indicator.name,
                    "definition": f"{indicator.name}{version}",
                    "in_kraft": version == "@2011",
                    "geschlecht": sex,
                    "nenner_monate": of if denominator.operator == "mean" else 1,
                }
                sums: dict[tuple[str, str], list[int]] = {}
                for i, (jc_id, unit) in enumerate(catalog.jobcenters.items()):
                    # A change compares a count with itself a year ago: let it shrink a little, unit by unit differently.
                    z = COUNTS[numerator.merkmal] * span * (10 + i) // 10
                    n = COUNTS[denominator.merkmal] * of * (10 + i) // 10
                    z -= (z * (i + 1)) // 100
                    z, n = (z // 2, n // 2) if s else (z, n)
                    rows.append(
                        _valued(base | {"ebene": "jobcenter", "gebiet": jc_id}, z, n, indicator.shown_as == "change")
                    )
                    areas = [("bund", "bund"), ("land", unit.land)]
                    areas += [("kommunal", "kommunal")] if unit.traeger == "zkT" else []
                    for area in areas:
                        total = sums.setdefault(area, [0, 0])
                        total[0] += z
                        total[1] += n
                for (ebene, gebiet), (z, n) in sums.items():
                    rows.append(
                        _valued(base | {"ebene": ebene, "gebiet": gebiet}, z, n, indicator.shown_as == "change")
                    )
    return rows


def good_country() -> Country:
    """Return a country in which no rule is broken; every call gives one of its own."""
    return deepcopy(_made_country())


@lru_cache(maxsize=1)
def _made_country() -> Country:
    catalog = catalog_of_country()
    schema = arrow_schema(catalog.results["kennzahlen"])
    now, before = (kennzahlen_of(catalog, month) for month in (MONTH, BEFORE))
    vergleich = compare(
        pa.Table.from_pylist(now, schema=schema),
        pa.Table.from_pylist(before + now, schema=schema),
        list(catalog.jobcenters.values()),
        {},
        catalog.indicators,
        run_month=MONTH,
        schema=arrow_schema(catalog.results["vergleich"]),
    ).to_pylist()
    eckwerte = _eckwerte(catalog)
    side_by_side = [_beside(row) for row in eckwerte if row["jc_id"] == "t04412"]
    tables = {
        "eckwerte": eckwerte,
        "kennzahlen": now,
        "vergleich": vergleich,
        "reihe": before + now,
        "abgleich": side_by_side,
    }
    published = {name: [dict(row) for row in rows] for name, rows in tables.items()}
    return Country(eckwerte, now, vergleich, published, side_by_side)


def _beside(row: Row) -> Row:
    """Return a row of the reconciliation with the published count equal to the row's."""
    cell = {key: row[key] for key in ("ref_month", "jc_id", "geschlecht", "merkmal")}
    values = {"wert_personen": row["wert"], "wert_veroeffentlicht": row["wert"], "differenz": row["wert"] - row["wert"]}
    return {**cell, **values, "differenz_prozent": Decimal("0.0"), "zeilen": 500, "berichtigt": False}
