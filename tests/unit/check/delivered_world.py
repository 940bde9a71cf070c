"""A small invented country as the stage step would leave it: three jobcenters, the employment data, the published counts.

Everything in it is plausible, so that each rule can be broken alone by `breaking_deliveries`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import Catalog, load_catalog
from pipeline.months import Zaehltage, add_months
from pipeline.stage.staging import staged_schema

MONTH = "2018-07"
BEFORE = "2018-06"
EARLIER = "2018-05"
BST = "2018-03"
BST_BEFORE = "2018-02"
STICHTAG = date(2018, 7, 15)
SIZES = {"t04412": 600, "t03402": 600, "t05512": 100}
BIG, OTHER, SMALL = SIZES
NUMBER = {unit: (i + 1) * 1_000_000 for i, unit in enumerate(SIZES)}
Row = dict[str, Any]


def small_catalog() -> Catalog:
    """Return the catalog with a registry of the three jobcenters, Hamburg and one that has closed."""
    catalog = load_catalog()
    kept = (*SIZES, "t12302", "zkt-doebeln")
    return replace(
        catalog, jobcenters={jc_id: catalog.jobcenters[jc_id] for jc_id in kept if jc_id in catalog.jobcenters}
    )


@dataclass
class Delivered:
    """Rows by (table, month), and the units whose delivery the stage step rejected."""

    rows: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    rejected: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    quarantined: dict[tuple[str, str, str], int] = field(default_factory=dict)
    header_only: list[tuple[str, str, str]] = field(default_factory=list)

    def of(self, table: str, unit: str = BIG, month: str = MONTH) -> list[Row]:
        """Return the rows of a unit (of a jobcenter in the published counts), to be changed in place."""
        return [row for row in self.rows[table, month] if row["jc_id"] == unit]

    def drop(self, table: str, keep: int, unit: str = BIG, month: str = MONTH) -> None:
        """Keep only the first rows of a unit."""
        kept = self.of(table, unit, month)[:keep]
        self.rows[table, month] = [r for r in self.rows[table, month] if r["jc_id"] != unit] + kept

    def double(self, table: str, unit: str = BIG, month: str = MONTH) -> None:
        """Let a unit deliver every row twice."""
        self.rows[table, month] += [dict(row) for row in self.of(table, unit, month)]

    def write(self, root: Path) -> dict[str, Any]:
        """Write staged files below `root` and return what staged.json would say."""
        staged: dict[str, Any] = {}
        catalog = load_catalog()
        for (table, month), rows in self.rows.items():
            schema = staged_schema(catalog.tables[table])
            file = Path("staged") / table / f"ref_month={month}" / "key.parquet"
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), root / file)
            counts: dict[str, int] = {}
            for row in rows:
                unit = "statistik" if table == "eckwerte" else row["jc_id"]
                counts[unit] = counts.get(unit, 0) + 1
            for header_table, header_month, unit in self.header_only:
                if (header_table, header_month) == (table, month):
                    counts.setdefault(unit, 0)
            units = {
                unit: {"rows": n, "quarantined": self.quarantined.get((table, month, unit), 0), "sha256": "0"}
                for unit, n in counts.items()
            }
            staged.setdefault(table, {})[month] = {
                "file": str(file),
                "units": units,
                "rejected": self.rejected.get((table, month), {}),
            }
        return staged


def _stock(unit: str) -> list[Row]:
    first, elb = NUMBER[unit], SIZES[unit]
    adults = [
        {
            "jc_id": unit,
            "person": first + i,
            "bg": first + i // 2,
            "geschlecht": "MF"[i % 2],
            "geburtsdatum": date(1975, 1, 1) + timedelta(days=i),
            "ist_elb": True,
            "ist_alleinerziehend": i % 7 == 0,
        }
        for i in range(elb)
    ]
    children = [
        {
            "jc_id": unit,
            "person": first + 500_000 + i,
            "bg": first + i,
            "geschlecht": "MF"[i % 2],
            "geburtsdatum": date(2010, 1, 1) + timedelta(days=i),
            "ist_elb": False,
            "ist_alleinerziehend": False,
        }
        for i in range(elb // 3)
    ]
    return adults + children


def _starts(unit: str, first_day: date) -> list[Row]:
    kinds = ["svb"] * 6 + ["gering"] * 3 + ["sonst"]
    return [
        {
            "jc_id": unit,
            "person": NUMBER[unit] + i,
            "beginn": first_day + timedelta(days=i % 10),
            "art": kinds[i % 10],
            "foerderung": "16_egz" if i % 10 == 1 else None,
            "im_ausland": False,
            "recorded_on": first_day + timedelta(days=20),
        }
        for i in range(min(SIZES[unit] // 2, 75))
    ]


def _measures(unit: str) -> list[Row]:
    return [
        {"jc_id": unit, "person": NUMBER[unit] + i, "massnahme_art": "16d", "von": date(2018, 1, 1), "bis": None}
        for i in range(SIZES[unit] // 4)
    ]


def _benefits(unit: str) -> list[Row]:
    return [
        {"jc_id": unit, "bg": row["bg"], "person": row["person"], "rechtsgrundlage": law, "anspruch_eur": Decimal(eur)}
        for row in _stock(unit)
        for law, eur in (("20", "350.00"), ("22_1", "250.00"))
    ]


def _employment(month_first: date) -> list[Row]:
    return [
        {
            "jc_id": "bst",
            "person": NUMBER[unit] + i,
            "von": month_first,
            "bis": None,
            "personengruppe": "101",
        }
        for unit in SIZES
        for i in range(SIZES[unit])
    ]


SHARES = {"elb": 600, "lzb": 400, "alleinerz": 90, "lzb_amp": 40, "int": 50, "int_svb": 40, "llu": 90000, "luh": 80000}


def _published() -> list[Row]:
    catalog = small_catalog()
    return [
        {"jc_id": j.jc_id, "geschlecht": sex, "merkmal": merkmal, "wert": Decimal(wert // part), "zeichen": None}
        for j in catalog.valid_jobcenters(STICHTAG)
        for merkmal in catalog.merkmale
        for wert in [SHARES.get(merkmal, 20)]
        for sex, part in (("T", 1), ("M", 2), ("F", 2))
    ]


def good_world() -> Delivered:
    """Return a world in which no rule is broken."""
    world = Delivered()
    for month in (MONTH, BEFORE, EARLIER):
        world.rows["bestand", month] = [row for unit in SIZES for row in _stock(unit)]
    for month in (MONTH, BEFORE):
        world.rows["leistungsbezug", month] = [
            {"jc_id": unit, "person": row["person"], "bg": row["bg"], "von": date(2017, 1, 1), "bis": None}
            for unit in SIZES
            for row in _stock(unit)
            if row["ist_elb"]
        ]
        first = date(2018, 7, 1) if month == MONTH else date(2018, 6, 1)
        world.rows["aufnahme", month] = [row for unit in SIZES for row in _starts(unit, first)]
        world.rows["massnahme", month] = [row for unit in SIZES for row in _measures(unit)]
        world.rows["leistung", month] = [row for unit in SIZES for row in _benefits(unit)]
        world.rows["eckwerte", month] = _published()
    world.rows["aufnahme", BST] = [row for unit in SIZES for row in _starts(unit, date(2018, 3, 2))]
    world.rows["beschaeftigung", BST] = _employment(date(2018, 3, 1))
    world.rows["beschaeftigung", BST_BEFORE] = _employment(date(2018, 2, 1))
    return world


ZAEHLTAGE = Zaehltage()
assert add_months(MONTH, -4) == BST
