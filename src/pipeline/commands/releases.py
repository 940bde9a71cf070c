"""The commands that read releases: `summary`, `explain`, `verify`, `table` and `releases`. Nothing is chosen or ranked here.

Wrong usage ends with exit code 2, as everywhere; that nothing had been published is an answer and ends with 1.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from pipeline.commands.options import (
    NOTHING_GIVEN,
    ExistingStore,
    Json,
    Kennzahl,
    Month,
    a_day_or_none,
    a_month,
    a_month_or_none,
    a_sex,
)
from pipeline.commands.output import EXIT_FAILED, result, say


def summary(
    month: Month,
    store: ExistingStore,
    kennzahl: Annotated[str, typer.Option("--kennzahl", help="indicator")] = "K2E3",
    jobcenter: Annotated[str, typer.Option("--jobcenter", help="jobcenter whose row is shown")] = "t04412",
    best: Annotated[int, typer.Option("--best", min=1, help="how many of the best")] = 10,
) -> None:
    """Print the best kommunale Jobcenter of the newest release of a month, one jobcenter's row, and where to look."""
    from pipeline.summary import newest_release, summary_lines

    result({}, False, summary_lines(newest_release(store, month), kennzahl, jobcenter, best))


def explain(
    kennzahl: Kennzahl,
    month: Annotated[str, typer.Option("--month", callback=a_month, help="reference month of the figure")],
    store: ExistingStore,
    jobcenter: Annotated[str, typer.Option("--jobcenter", help="jobcenter id, Land, kommunal or bund")],
    sex: Annotated[str, typer.Option("--geschlecht", help="T, M or F")] = "T",
    version: Annotated[str, typer.Option("--fassung", help="@2011 or @2019; default: the one in force")] = "",
    persons: Annotated[
        bool, typer.Option("--persons", help="list the pseudonyms behind a jobcenter's counts; authorised use only")
    ] = False,
    authorised: Annotated[
        str, typer.Option("--authorised", help="with --persons: the file reference that allows it; it is recorded")
    ] = "",
    as_json: Json = False,
) -> None:
    """Say where a published figure comes from, down to the digests of the deliveries."""
    from pipeline import explain as explaining
    from pipeline.catalog import load_catalog

    catalog = load_catalog()
    found = explaining.explain(store, catalog, kennzahl, jobcenter, month, sex, version)
    content, lines = explaining.as_json(found), explaining.as_lines(found, **_terminal())
    if persons:
        behind = explaining.persons_behind(found, store, authorised)
        content["personen"] = explaining.persons_json(behind)
        lines += explaining.persons_lines(behind)
    result(content, as_json, lines)


def verify(
    release: Annotated[str, typer.Argument(help="name of a release, for example 2018-07.1")],
    store: ExistingStore,
    as_json: Json = False,
) -> None:
    """Recheck all digests of a release and compute it anew from the original bytes."""
    from pipeline.verify import verify as verify_release

    found = verify_release(store, release, say)
    state = "verified" if not found.problems else f"{len(found.problems)} difference(s)"
    result(
        {"release": release, "files": found.files, "deliveries": found.deliveries, "problems": found.problems},
        as_json,
        [f"{release}: {state}; {found.files} files, {found.deliveries} deliveries", *found.problems],
    )
    if found.problems:
        raise typer.Exit(EXIT_FAILED)


def table(
    kennzahl: Kennzahl,
    store: ExistingStore,
    month: Annotated[
        str, typer.Option("--month", callback=a_month_or_none, help="month of the run; default: the newest")
    ] = "",
    as_of: Annotated[
        str, typer.Option("--as-of", callback=a_day_or_none, help="what was published on this day, YYYY-MM-DD")
    ] = "",
    jobcenter: Annotated[
        list[str], typer.Option("--jobcenter", help="only this jobcenter; may be repeated")
    ] = NOTHING_GIVEN,
    sex: Annotated[str, typer.Option("--geschlecht", callback=a_sex, help="T, M or F")] = "T",
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
        result(found.as_json(), as_json)
    elif as_csv:
        typer.echo(found.as_csv(), nl=False)
    else:
        console = Console()
        typer.echo(found.as_text(console.width if console.is_terminal else 0))


def releases(store: ExistingStore, as_json: Json = False) -> None:
    """List the releases: name, when it appeared, and why it replaced the one before."""
    from pipeline import reader
    from pipeline.catalog import load_catalog
    from pipeline.reader.choosing import moment
    from pipeline.store import Store

    found = reader.listing(Store(store), load_catalog())
    if as_json:
        issues = [
            {
                "release": issue.name,
                "published_at": issue.published_at.isoformat(),
                "noted": issue.noted,
                "ersetzt_weil": why or None,
            }
            for issue, why in found
        ]
        result({"ausgaben": issues}, as_json)
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


def _terminal() -> dict[str, Any]:
    """Return width and colours for text on standard output: those of a terminal, nothing for a pipe."""
    from rich.console import Console

    console = Console()
    return {"width": console.width, "colours": console.color_system is not None} if console.is_terminal else {}
