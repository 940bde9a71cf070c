"""What every contender is given: staged files by table and month, the calendar, the lists, and which cells are asked for.

The country is complete: every unit has delivered every table of every month, so no contender asks why a value is missing. Units
that merged during the series are known by the unit they belong to at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import steps
from pipeline.months import add_months, first_day, last_day, month_range

LZB_MONTHS, LZB_DAYS, LZB_WINDOW_DAYS = 24, 638, 730
BRIDGED_DAYS = 7
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "bestand": ("jc_id", "person", "geschlecht", "ist_elb", "ist_alleinerziehend"),
    "leistungsbezug": ("jc_id", "person", "von", "bis"),
    "aufnahme": ("person", "beginn", "art", "foerderung", "im_ausland", "recorded_on"),
    "massnahme": ("person", "massnahme_art", "von", "bis"),
    "leistung": ("jc_id", "person", "rechtsgrundlage", "anspruch_eur"),
    "beschaeftigung": ("person", "von", "bis", "personengruppe"),
}
"""The staged columns that the base counts of the data contract need."""

RESULT = pa.schema(
    [
        ("ref_month", pa.string()),
        ("jc_id", pa.string()),
        ("geschlecht", pa.string()),
        ("merkmal", pa.string()),
        ("wert", pa.int64()),
    ]
)
"""What a contender returns: persons, events and movements as numbers, euros as cents; cells of zero may be left out."""

EURO = ("llu", "luh")
PERSONEN = ("elb", "alleinerz", "elb_zugang", "elb_abgang", "lzb", "lzb_zugang", "lzb_abgang", "lzb_amp")
EREIGNISSE = ("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb", "svb_nach12", "svb_kont6")
MERKMALE = (*PERSONEN, *EREIGNISSE, *EURO)


@dataclass(frozen=True)
class Country:
    """The input of a contender.

    `staged[table][month]` are Parquet files below folders ``ref_month=YYYY-MM``. `kalender` has one row per month, in order:
    `ref_month`, `monat` (0, 1, …), `stichtag`, `stichtag_1`, `stichtag_2`, `freeze`, `pruef_tag`, `liste_2019`, `liste_ab`.
    `fenster` has one row per month with LZB, `lzb_monat`: all windows from month `von` to `lzb_monat` lie within the 730
    days; of the window of the month before, `teil`, the first `ohne` days do not. `einheiten` says for each `jc_id` which `jc`
    it belongs to.
    `spannen` has the first and the last month with values of each merkmal: `merkmal`, `erster`, `letzter`.
    """

    months: tuple[str, ...]
    staged: Mapping[str, Mapping[str, Path]]
    kalender: pa.Table
    fenster: pa.Table
    einheiten: pa.Table
    foerderung: pa.Table
    aufnahmearten: pa.Table
    rechtsgrundlagen: pa.Table
    nicht_svb: pa.Table
    spannen: pa.Table

    def files(self, table: str) -> list[str]:
        """Return the files of a table, oldest month first."""
        return [str(path) for _, path in sorted(self.staged[table].items())]

    def lists(self) -> dict[str, pa.Table]:
        """Return the small tables by name, for tools that register them."""
        names = ("kalender", "einheiten", "foerderung", "aufnahmearten", "rechtsgrundlagen", "nicht_svb", "spannen")
        return {name: getattr(self, name) for name in names}


def load_country(store: Path, month: str) -> Country:
    """Return the country of a store whose deliveries up to `month` are staged."""
    run = steps.open_run(store, month)
    catalog, zaehltage = run.catalog, run.zaehltage
    staged = {
        table: {m: store / entry["file"] for m, entry in run.staged[table].items() if entry["units"]}
        for table in COLUMNS
    }
    months = tuple(month_range(min(staged["bestand"]), month))
    switch = str(catalog.switches["list2019_from"].value)
    kalender = [
        {
            "ref_month": m,
            "monat": position,
            "stichtag": zaehltage.stichtag(m),
            "stichtag_1": zaehltage.stichtag(add_months(m, -1)),
            "stichtag_2": zaehltage.stichtag(add_months(m, -2)),
            "freeze": zaehltage.freeze(m),
            "pruef_tag": last_day(m),
            "liste_2019": m >= switch,
            "liste_ab": first_day(switch),
        }
        for position, m in enumerate(months)
    ]
    lists = catalog.codelists
    supports = catalog.supports.values()
    return Country(
        months,
        staged,
        _typed(pa.Table.from_pylist(kalender)),
        _typed(pa.Table.from_pylist(_fenster(kalender))),
        pa.table(
            {
                "jc_id": sorted(catalog.jobcenters),
                "jc": [run.territory.unit_of(jc_id) for jc_id in sorted(catalog.jobcenters)],
            }
        ),
        pa.table(
            {
                "code": [s.code for s in supports],
                "gueltig_ab": pa.array([s.valid_from for s in supports], pa.date32()),
                "gueltig_bis": pa.array([s.valid_to for s in supports], pa.date32()),
                "oegb_bis_2018": [s.oegb[0] for s in supports],
                "oegb_ab_2019": [s.oegb[1] for s in supports],
                "aktiv_bis_2018": [s.aktiv[0] for s in supports],
                "aktiv_ab_2019": [s.aktiv[1] for s in supports],
            }
        ),
        pa.table(
            {"code": list(lists["aufnahmearten"])}
            | {
                flag: [row[flag] == "true" for row in lists["aufnahmearten"].values()]
                for flag in ("integration", "svb", "gering")
            }
        ),
        pa.table(
            {
                name: [row[name] for row in lists["rechtsgrundlagen"].values() if row["summe"] in EURO]
                for name in ("code", "summe")
            }
        ),
        pa.table({"code": [c for c, row in lists["personengruppen"].items() if row["svb"] == "false"]}),
        _spannen(run, len(months), {m: i for i, m in enumerate(months)}),
    )


def _fenster(kalender: list[dict[str, Any]]) -> list[dict[str, int]]:
    """Return, for every month with LZB, which windows lie within the 730 days and how much of the one before them."""
    rows = []
    for month in range(LZB_MONTHS, len(kalender)):
        first = kalender[month]["stichtag"] - timedelta(days=LZB_WINDOW_DAYS - 1)
        whole = min(k for k in range(month + 1) if kalender[k]["stichtag_1"] + timedelta(days=1) >= first)
        cut = (first - kalender[max(0, whole - 1)]["stichtag_1"]).days - 1
        rows.append({"lzb_monat": month, "von": whole, "teil": whole - 1, "ohne": cut})
    return rows


def _typed(table: pa.Table) -> pa.Table:
    """Return a table with 32-bit numbers in the place of 64-bit ones."""
    types = [pa.field(f.name, pa.int32() if f.type == pa.int64() else f.type) for f in table.schema]
    return table.cast(pa.schema(types))


def _spannen(run: Any, months: int, position: Mapping[str, int]) -> pa.Table:
    """Return the months in which each merkmal has values in a complete country."""
    employed = [position[m] for m, entry in run.staged["beschaeftigung"].items() if entry["units"] and m in position]
    rows = []
    for name in MERKMALE:
        first, last = 0, months - 1
        for table, low, high in run.catalog.merkmale[name].spans:
            if table == "beschaeftigung":
                first, last = max(first, min(employed) - low), min(last, max(employed) - high)
            else:
                first = max(first, -low)
        rows.append({"merkmal": name, "erster": first, "letzter": last})
    return _typed(pa.Table.from_pylist(rows))
