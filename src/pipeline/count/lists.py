"""The small tables that expressions read beside rows of persons: code lists, and the days of a month."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog
from pipeline.count.engine import input_schema
from pipeline.count.inputs import ALL_DAYS
from pipeline.count.readings import ZAEHLTAG, Readings
from pipeline.months import Zaehltage, add_months, first_day, last_day


def code_list(name: str, catalog: Catalog) -> pa.Table:
    """Return a list of the catalog as the input of its name; `nicht_svb` are the groups of persons that are not insured."""
    schema = input_schema(name)
    if name == "foerderung":
        supports = catalog.supports.values()
        return pa.table(
            {
                "code": [s.code for s in supports],
                "gueltig_ab": [s.valid_from for s in supports],
                "gueltig_bis": [s.valid_to for s in supports],
                "oegb_bis_2018": [s.oegb[0] for s in supports],
                "oegb_ab_2019": [s.oegb[1] for s in supports],
                "aktiv_bis_2018": [s.aktiv[0] for s in supports],
                "aktiv_ab_2019": [s.aktiv[1] for s in supports],
            },
            schema=schema,
        )
    if name == "nicht_svb":
        codes = [c for c, row in catalog.codelists["personengruppen"].items() if row["svb"] == "false"]
        return pa.table({"code": codes}, schema=schema)
    rows = list(catalog.codelists[name].values())
    if name == "aufnahmearten" and catalog.switches["dual_training_in_svb"].value is True:
        rows = [{**row, "svb": "true"} if row["code"] == "ausbildung" else row for row in rows]
    return pa.table(
        {f.name: [r[f.name] == "true" if f.type == pa.bool_() else r[f.name] for r in rows] for f in schema},
        schema=schema,
    )


def calendar(month: str, zaehltage: Zaehltage, catalog: Catalog, readings: Readings) -> dict[str, Any]:
    """Return the one row of `kalender`: counting days and other days of a month, and what switches say of it."""
    switch_month = str(catalog.switches["list2019_from"].value)
    return {
        "stichtag": zaehltage.stichtag(month),
        "stichtag_1": zaehltage.stichtag(add_months(month, -1)),
        "stichtag_2": zaehltage.stichtag(add_months(month, -2)),
        "freeze": zaehltage.freeze(month),
        "pruef_tag": zaehltage.stichtag(month) if readings.check_day == ZAEHLTAG else last_day(month),
        "freeze_1": zaehltage.freeze(add_months(month, -1)),
        "monat_von": first_day(month),
        "monat_bis": last_day(month),
        "geboren_bis": _born_until(zaehltage.stichtag(month), readings.lzb_min_age),
        "liste_ab": first_day(switch_month),
        "liste_2019": month >= switch_month,
        "lzb_tage": int(catalog.switches["lzb_min_days"].value),
        "bruecke": int(catalog.switches["bridged_days"].value),
        "alle_tage": ALL_DAYS,
    }


def _born_until(day: date, age: int) -> date:
    """Return the last date of birth of who is so old on a day."""
    year = day.year - age
    # Born on 29 February, one is a year older on 1 March of a year without that day.
    return date(year, day.month, 28 if (day.month, day.day) == (2, 29) and year % 4 else day.day)
