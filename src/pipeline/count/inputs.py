"""The tables that expressions read: their columns, and what every expression does with them first.

Nothing here counts. Times of many months in one input carry `monat`, the number of the month whose delivery a row comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import ibis
import pyarrow as pa

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
        "alle_tage": "int64",
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
    "stock": {
        "person": "int64",
        "jc": "string",
        "sex": "string",
        "einig": "boolean",
        "erste": "boolean",
        "elb": "boolean",
        "allein": "boolean",
    },
    "tage": {"person": "int64", "mask": "int64", "clip": "int64", "mal": "int64"},
    "tagesumme": {"person": "int64", "days": "int64"},
    "lzb": {"person": "int64"},
    "beschaeftigt": {"person": "int64", "abstand": "int64"},
    "ereignisse": _EVENTS,
    "ereignisse_mit_beginn": {**_EVENTS, "beginn": "date"},
}


MASK_DAYS = 62
ALL_DAYS = (1 << MASK_DAYS) - 1
"""Days that a mask has room for, and the mask of them all."""

ROWS, SUMS, WHOLE = "rows", "sums", "whole"
"""How an expression splits: into the rows of each person, into sums over persons, or not by persons at all."""


InOrder: TypeAlias = Callable[[Mapping[str, Any]], Iterable[pa.Table]]
"""Computes a result, in order and piece by piece, from inputs whose rows stand in the order of persons."""


@dataclass(frozen=True)
class Count:
    """An expression with the names of the tables it reads: alias in the expression -> kind of input.

    `splits` tells what of the result a single person makes: ROWS that only the person's rows of the inputs determine, or an
    amount in SUMS by the other columns; WHOLE if neither holds. `in_order` computes the same for less (`ordered.in_order`).
    """

    name: str
    reads: Mapping[str, str]
    expression: Any
    splits: str = WHOLE
    in_order: InOrder | None = None


@ibis.udf.agg.builtin(name="bit_or")
def bit_or(bits: int) -> int:
    """Return the union of bits."""
    raise NotImplementedError


def tables(**reads: str) -> dict[str, Any]:
    """Return a table expression for each alias -> kind of input."""
    return {alias: ibis.table(dict(INPUTS[kind]), name=alias) for alias, kind in reads.items()}


def on_territory(rows: Any, gebiet: Any) -> Any:
    """Add `jc`: the unit that the delivering unit belongs to on the territory of the run."""
    mapped = rows.left_join(gebiet, rows.jc_id == gebiet.alt)
    return mapped.select(*rows.columns, jc=ibis.coalesce(mapped.neu, mapped.jc_id))


def sex_bits(sex: Any) -> Any:
    """Return a bit for men, one for women, one for anything else; the union over rows of a group is read by `sex_of`."""
    return ibis.cases((sex == MALE, 1), (sex == FEMALE, 2), else_=4).cast("int64")


def sex_of(bits: Any) -> Any:
    """Return the sex that all rows of a group have, OTHER if they disagree."""
    sex = bits & 7
    return ibis.cases((sex == 1, MALE), (sex == 2, FEMALE), else_=OTHER)


def agreed(stock: Any) -> Any:
    """Return person, sex of a stock, one row per person; units that disagree give OTHER."""
    persons = stock.filter(stock.erste)
    return persons.select("person", sex=ibis.ifelse(persons.einig, persons.sex, OTHER))


def sexes(first: Any, second: Any) -> Any:
    """Return person, sex: of the stock `first` of any unit, else of `second`."""
    return agreed(first).union(agreed(second.anti_join(first, "person")))


def with_sex(rows: Any, known: Any) -> Any:
    """Add `sex` to rows with a person, OTHER for whom `known` does not have."""
    joined = rows.left_join(known, "person")
    return joined.mutate(sex=ibis.coalesce(joined.sex, OTHER)).drop("person_right")
