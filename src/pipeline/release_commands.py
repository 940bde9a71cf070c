"""The commands that read releases: `table` and `releases`. Arguments in, text out; nothing is chosen or ranked here.

Wrong usage ends with exit code 2, as everywhere; that nothing had been published is an answer and ends with 1.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.months import MonthError, month_number

SEXES = ("T", "M", "F")
NOBODY: list[str] = []
Place = Annotated[
    Path, typer.Option("--store", exists=True, file_okay=False, help="the folder of a store that is there")
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")]


def _month(text: str) -> str:
    if text:
        try:
            month_number(text)
        except MonthError as error:
            raise typer.BadParameter(str(error)) from error
    return text


def _day(text: str) -> str:
    if text:
        try:
            date.fromisoformat(text)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r} is no day: write YYYY-MM-DD, for example 2018-11-20") from error
    return text


def _sex(text: str) -> str:
    if text not in SEXES:
        raise typer.BadParameter(f"{text!r} is no sex of a figure; there are {', '.join(SEXES)}")
    return text


def _say(content: dict[str, Any] | list[Any]) -> None:
    typer.echo(json.dumps(content, ensure_ascii=False, sort_keys=True))


def table(
    kennzahl: Annotated[str, typer.Argument(help="indicator, for example K2E3")],
    store: Place,
    month: Annotated[str, typer.Option("--month", callback=_month, help="month of the run; default: the newest")] = "",
    as_of: Annotated[
        str, typer.Option("--as-of", callback=_day, help="what was published on this day, YYYY-MM-DD")
    ] = "",
    jobcenter: Annotated[list[str], typer.Option("--jobcenter", help="only this jobcenter; may be repeated")] = NOBODY,
    sex: Annotated[str, typer.Option("--geschlecht", callback=_sex, help="T, M or F")] = "T",
    kommunal: Annotated[bool, typer.Option("--kommunal", help="the kommunale Jobcenter among themselves")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="print CSV")] = False,
    as_json: Json = False,
) -> None:
    """Print a comparison table as it is published, or as it was on a day."""
    from rich.console import Console

    from pipeline import reader
    from pipeline.catalog import load_catalog
    from pipeline.store import Store

    catalog = load_catalog()
    if kennzahl not in catalog.indicators:
        raise typer.BadParameter(f"{kennzahl!r} is no indicator; there are {', '.join(catalog.indicators)}")
    if unknown := sorted(set(jobcenter) - set(catalog.jobcenters)):
        raise typer.BadParameter(f"no jobcenter of the registry: {', '.join(unknown)}; ids look like t04412")
    if as_csv and as_json:
        raise typer.BadParameter("--csv and --json exclude each other")
    choice = reader.choose(Store(store), catalog, month, date.fromisoformat(as_of) if as_of else None)
    found = reader.comparison_table(choice, catalog, kennzahl, sex=sex, kommunal=kommunal, jobcenters=jobcenter)
    if as_json:
        _say(found.as_json())
    elif as_csv:
        typer.echo(found.as_csv(), nl=False)
    else:
        console = Console()
        typer.echo(found.as_text(console.width if console.is_terminal else 0))


def releases(store: Place, as_json: Json = False) -> None:
    """List the releases: name, when it appeared, and why it replaced the one before."""
    from pipeline import reader
    from pipeline.catalog import load_catalog
    from pipeline.reader.choosing import moment
    from pipeline.store import Store

    found = reader.listing(Store(store), load_catalog())
    if as_json:
        _say(
            {
                "ausgaben": [
                    {
                        "release": issue.name,
                        "published_at": issue.published_at.isoformat(),
                        "noted": issue.noted,
                        "ersetzt_weil": why or None,
                    }
                    for issue, why in found
                ]
            }
        )
        return
    if not found:
        typer.echo("Es gibt noch keine Veröffentlichung.")
    for issue, why in found:
        typer.echo(
            f"{issue.name:<12}{moment(issue.published_at)}{'' if issue.noted else '*'}  {why or 'erste Veröffentlichung'}"
        )
    if any(not issue.noted for issue, _ in found):
        typer.echo(
            "* Zeit der Dateien; der Lauf endete, bevor er sie vermerken konnte, oder ist älter als das Journal."
        )


def add_commands(app: typer.Typer) -> None:
    """Give the program its commands that read releases."""
    for command in (table, releases):
        app.command()(command)
