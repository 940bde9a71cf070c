"""The options that several commands take, and the checks of what is given; a wrong value ends the command with its reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipeline.catalog import SEXES
from pipeline.months import MonthError, month_number

NOTHING_GIVEN: list[str] = []


def a_month(text: str) -> str:
    """Return a month that is given, YYYY-MM."""
    try:
        month_number(text)
    except MonthError as error:
        raise typer.BadParameter(str(error)) from error
    return text


def a_month_or_none(text: str) -> str:
    """Return a month, or the empty text where none is given."""
    return a_month(text) if text else text


def a_day_or_none(text: str) -> str:
    """Return a day, YYYY-MM-DD, or the empty text where none is given."""
    if text:
        try:
            date.fromisoformat(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is no day: write YYYY-MM-DD, for example 2018-11-20") from error
    return text


def a_sex(text: str) -> str:
    """Return the sex of a figure."""
    if text not in SEXES:
        raise typer.BadParameter(f"{text!r} is no sex of a figure; there are {', '.join(SEXES)}")
    return text


Month = Annotated[str, typer.Option("--month", callback=a_month, help="reference month, YYYY-MM")]
Store = Annotated[Path, typer.Option("--store", help="the only folder that is written")]
ExistingStore = Annotated[
    Path, typer.Option("--store", exists=True, file_okay=False, help="the folder of a store that is there")
]
Sources = Annotated[
    list[str], typer.Option("--source", help="folder or address of deliveries; may be repeated, the later wins")
]
Switches = Annotated[
    list[str],
    typer.Option("--switch", help="name=value, for example imputer=on; may be repeated; see docs/method/schalter.md"),
]
Engine = Annotated[
    str, typer.Option("--engine", help="what counts: duckdb, or spark beyond one machine; before KENNZAHLEN_ENGINE")
]
Kennzahl = Annotated[str, typer.Argument(help="indicator, for example K2E3")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")]
