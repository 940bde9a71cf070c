"""The tables that expressions read: their columns, and what every expression does with them first.

Nothing here counts. Times of many months in one input carry `monat`, the number of the month whose delivery a row comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis

OPEN_END = "9999-12-31"
TOTAL, MALE, FEMALE, OTHER = "T", "M", "F", ""

_EVENTS: Mapping[str, str] = {
    "person": "int64",
    "jc": "string",
    "sex": "string",
    "int": "boolean",
    "int_svb": "boolean",
    "bs_gering": "boolean",
    "bs_2am": "boolean",
    "int_allein": "boolean",
    "int_lzb": "boolean",
}
INPUTS: Mapping[str, Mapping[str, str]] = {
    "gebiet": {"alt": "string", "neu": "string"},
    "foerderung": {
        "code": "string",
        "gueltig_ab": "date",
        "gueltig_bis": "date",
        "oegb_bis_2018": "boolean",
        "oegb_ab_2019": "boolean",
        "aktiv_bis_2018": "boolean",
        "aktiv_ab_2019": "boolean",
    },
    "aufnahmearten": {"code": "string", "integration": "boolean", "svb": "boolean", "gering": "boolean"},
    "rechtsgrundlagen": {"code": "string", "summe": "string"},
    "nicht_svb": {"code": "string"},
    "kalender": {
        "stichtag": "date",
        "stichtag_1": "date",
        "stichtag_2": "date",
        "freeze": "date",
        "pruef_tag": "date",
        "freeze_1": "date",
        "monat_von": "date",
        "monat_bis": "date",
        "geboren_bis": "date",
        "liste_ab": "date",
        "liste_2019": "boolean",
        "lzb_tage": "int64",
        "bruecke": "int64",
    },
    "bestand": {
        "jc_id": "string",
        "person": "int64",
        "geschlecht": "string",
        "ist_elb": "boolean",
        "ist_alleinerziehend": "boolean",
    },
    "leistungsbezug": {"jc_id": "string", "person": "int64", "von": "date", "bis": "date"},
    "aufnahme": {
        "jc_id": "string",
        "person": "int64",
        "beginn": "date",
        "art": "string",
        "foerderung": "string",
        "im_ausland": "boolean",
        "recorded_on": "date",
    },
    "massnahme": {"jc_id": "string", "person": "int64", "massnahme_art": "string", "von": "date", "bis": "date"},
    "aufnahme_je_monat": {
        "person": "int64",
        "beginn": "date",
        "art": "string",
        "foerderung": "string",
        "im_ausland": "boolean",
        "recorded_on": "date",
        "zurueck": "int64",
    },
    "geburten": {"person": "int64", "ist_elb": "boolean", "geburtsdatum": "date"},
    "leistung": {
        "jc_id": "string",
        "person": "int64",
        "bg": "int64",
        "rechtsgrundlage": "string",
        "anspruch_eur": "decimal(12, 2)",
    },
    "beschaeftigung": {"person": "int64", "von": "date", "bis": "date", "personengruppe": "string"},
    "beschaeftigung_je_monat": {
        "person": "int64",
        "von": "date",
        "bis": "date",
        "personengruppe": "string",
        "monat": "int64",
    },
    "oegb_personen": {"person": "int64", "monat": "int64"},
    "stock": {"person": "int64", "jc": "string", "sex": "string", "elb": "boolean", "allein": "boolean"},
    "tage": {"person": "int64", "mask": "int64", "clip": "int64"},
    "lzb": {"person": "int64"},
    "beschaeftigt": {"person": "int64", "abstand": "int64"},
    "ereignisse": _EVENTS,
    "ereignisse_mit_beginn": {**_EVENTS, "beginn": "date"},
}


ROWS, SUMS, WHOLE = "rows", "sums", "whole"
"""How an expression splits: into the rows of each person, into sums over persons, or not by persons at all."""


@dataclass(frozen=True)
class Count:
    """An expression with the names of the tables it reads: alias in the expression -> kind of input.

    `splits` tells what of the result a single person makes: ROWS that only the person's rows of the inputs determine, or an
    amount in SUMS by the other columns; WHOLE if neither holds.
    """

    name: str
    reads: Mapping[str, str]
    expression: Any
    splits: str = WHOLE


def tables(**reads: str) -> dict[str, Any]:
    """Return a table expression for each alias -> kind of input."""
    return {alias: ibis.table(dict(INPUTS[kind]), name=alias) for alias, kind in reads.items()}


def on_territory(rows: Any, gebiet: Any) -> Any:
    """Add `jc`: the unit that the delivering unit belongs to on the territory of the run."""
    mapped = rows.left_join(gebiet, rows.jc_id == gebiet.alt)
    return mapped.select(*rows.columns, jc=ibis.coalesce(mapped.neu, mapped.jc_id))


def one(values: Any) -> Any:
    """Return the value of a group whose rows all agree, else ``OTHER``."""
    return ibis.ifelse(values.min() == values.max(), values.min(), OTHER)
