"""The command `kennzahlen`: arguments in, a step called, a few lines out. Nothing is computed here.

Progress goes to standard error; with `--json` the last line of standard output is one JSON object. Exit codes: 0 done (also with
warnings), 2 wrong usage, 3 stopped by data quality (nothing published), 1 anything else.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline import layout_command, steps
from pipeline.catalog import SwitchError
from pipeline.months import MonthError, month_number
from pipeline.release_commands import add_commands

EXIT_FAILED, EXIT_USAGE, EXIT_STOPPED = 1, 2, 3
NO_SWITCHES: list[str] = []
NO_SPACE = ("No space left", "File too large", "quota exceeded")

app = typer.Typer(
    name="kennzahlen",
    help="The § 48a SGB II indicators of Germany's jobcenters: from monthly deliveries to published comparison tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _month(text: str) -> str:
    try:
        month_number(text)
    except MonthError as error:
        raise typer.BadParameter(str(error)) from error
    return text


Month = Annotated[str, typer.Option("--month", callback=_month, help="reference month, YYYY-MM")]
StoreOption = Annotated[Path, typer.Option("--store", help="the only folder that is written")]
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
Json = Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the terminal is the interface here


def _out(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _result(summary: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    for line in lines:
        _out(line)
    if as_json:
        _out(json.dumps(summary, ensure_ascii=False, sort_keys=True, default=str))


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a progress bar on a terminal; elsewhere one line when a step begins is enough."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total, what: None
        return
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, what="")
        yield lambda done, total, what: bar.update(task, completed=done, total=total, what=what)


def _step(
    name: str, store: Path, month: str, sources: list[str] | None = None, switches: list[str] | None = None
) -> dict[str, Any]:
    return _do(name, steps.open_run(store, month, sources or (), switches=switches or ()))


def _do(name: str, run: steps.Run) -> dict[str, Any]:
    with _progress(name) as progress:
        summary: dict[str, Any] = getattr(steps, name)(replace(run, progress=progress))
    _say(f"{name:<17}{_brief(summary)}")
    if summary.get("broken"):
        _say(f"{'':<17}broken: {', '.join(summary['broken'])}; see {run.store.findings(run.month, '*')}")
    return summary


def _brief(summary: dict[str, Any]) -> str:
    shown = {k: v for k, v in summary.items() if isinstance(v, int | str) and not isinstance(v, bool) and v != ""}
    return ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in shown.items())


@app.command()
def run(
    month: Month,
    store: StoreOption,
    source: Sources,
    switch: Switches = NO_SWITCHES,
    plan: Annotated[
        bool, typer.Option("--plan", help="only say what a run would do and change nothing in force")
    ] = False,
    as_json: Json = False,
) -> None:
    """Do all steps for a month: pull, stage, check, count, calculate, compare, check, publish; or only plan them."""
    if plan:
        from pipeline import planning

        with _progress("plan") as progress:
            found = planning.plan(steps.open_run(store, month, source, switches=switch, progress=progress))
        _result(planning.as_json(found), as_json, planning.as_lines(found))
        return
    with steps.open_run(store, month, source, switches=switch).whole() as whole:
        done = {name: _do(name, whole) for name in steps.STEPS}
    published = done["publish"]
    state = "unchanged" if published["unchanged"] else "published"
    _result(
        {"month": month, "exit": 0, **published, "steps": done},
        as_json,
        [f"{month}.{published['number']} {state}: {published['release']}", published["page"]],
    )


@app.command()
def fetch(
    month: Month, store: StoreOption, source: Sources, switch: Switches = NO_SWITCHES, as_json: Json = False
) -> None:
    """Pull what the sources offer for the month and what the history still lacks; the later steps use its switches."""
    _result(_step("fetch", store, month, source, switch), as_json, [])


@app.command()
def stage(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Type and pseudonymise the deliveries; broken ones are rejected, bad rows quarantined."""
    _result(_step("stage", store, month), as_json, [])


@app.command()
def check(
    month: Month,
    store: ExistingStore,
    results: Annotated[
        bool, typer.Option("--results", help="check the computed tables instead of the deliveries")
    ] = False,
    as_json: Json = False,
) -> None:
    """Validate with Great Expectations: the deliveries, or (--results) the computed and suppressed tables."""
    _result(_step("check_results" if results else "check_deliveries", store, month), as_json, [])


@app.command()
def count(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Count persons into the Eckwerte; published counts enter the same table."""
    _result(_step("count", store, month), as_json, [])


@app.command()
def calculate(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Calculate the indicators from the Eckwerte."""
    _result(_step("calculate", store, month), as_json, [])


@app.command()
def compare(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Rank and compare the jobcenters and suppress what must not be published."""
    _result(_step("compare", store, month), as_json, [])


@app.command()
def publish(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Write the release of a checked month and switch the pointer."""
    summary = _step("publish", store, month)
    _result(summary, as_json, [summary["release"], summary["page"]])


@app.command()
def synth(
    out: Annotated[Path, typer.Option("--out", help="folder of the delivery tree")],
    first: Annotated[str, typer.Option("--from", callback=_month, help="first month")],
    last: Annotated[str, typer.Option("--to", callback=_month, help="last month")],
    scale: Annotated[float, typer.Option("--scale", min=0.001, max=1.0, help="1 is the size of the country")] = 0.1,
    seed: Annotated[int, typer.Option("--seed", help="same seed, same bytes")] = 1,
    as_json: Json = False,
) -> None:
    """Write a synthetic country: deliveries of all jobcenters, invented and marked as such."""
    from pipeline.synthetic import generate

    with _progress("synth") as progress:
        summary = generate(out, first, last, scale=scale, seed=seed, progress=progress)
    _result(summary, as_json, [f"{out}: synthetic deliveries {first} to {last}, scale {scale}, seed {seed}"])


@app.command()
def summary(
    month: Month,
    store: ExistingStore,
    kennzahl: Annotated[str, typer.Option("--kennzahl", help="indicator")] = "K2E3",
    jobcenter: Annotated[str, typer.Option("--jobcenter", help="jobcenter whose row is shown")] = "t04412",
    best: Annotated[int, typer.Option("--best", min=1, help="how many of the best")] = 10,
) -> None:
    """Print the best kommunale Jobcenter of the newest release of a month, one jobcenter's row, and where to look."""
    from pipeline.summary import newest_release, summary_lines

    for line in summary_lines(newest_release(store, month), kennzahl, jobcenter, best):
        _out(line)


@app.command()
def alerts(
    store: ExistingStore,
    send: Annotated[bool, typer.Option("--send", help="send the waiting alarms now")] = False,
    as_json: Json = False,
) -> None:
    """Show the alarms that wait for the mail server, or send them."""
    from pipeline import notify
    from pipeline.settings import load_settings
    from pipeline.store import Store

    opened = Store(store)
    if send:
        notify.flush(opened, load_settings())
    waiting = notify.queued(opened)
    _result({"waiting": waiting}, as_json, [f"{len(waiting)} alarm(s) waiting", *waiting])


def _terminal() -> dict[str, Any]:
    """Return width and colours for text on standard output: those of a terminal, nothing for a pipe."""
    from rich.console import Console

    console = Console()
    return {"width": console.width, "colours": console.color_system is not None} if console.is_terminal else {}


@app.command()
def explain(
    kennzahl: Annotated[str, typer.Argument(help="indicator, for example K2E3")],
    month: Annotated[str, typer.Option("--month", callback=_month, help="reference month of the figure")],
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
    _result(content, as_json, lines)


@app.command()
def verify(
    release: Annotated[str, typer.Argument(help="name of a release, for example 2018-07.1")],
    store: ExistingStore,
    as_json: Json = False,
) -> None:
    """Recheck all digests of a release and compute it anew from the original bytes."""
    from pipeline.verify import verify as verify_release

    result = verify_release(store, release, _say)
    state = "verified" if not result.problems else f"{len(result.problems)} difference(s)"
    _result(
        {"release": release, "files": result.files, "deliveries": result.deliveries, "problems": result.problems},
        as_json,
        [f"{release}: {state}; {result.files} files, {result.deliveries} deliveries", *result.problems],
    )
    if result.problems:
        raise typer.Exit(EXIT_FAILED)


add_commands(app)
app.add_typer(layout_command.app, name="layout")


def main() -> None:
    """Run the command; every failure ends in one clear line and its exit code, an unexpected one also in a traceback."""
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=True)
    except steps.QualityStop as stop:
        _say(str(stop))
        for entry in stop.verdict["broken"]:
            if entry["blocking"]:
                units = ", ".join(entry["units"][:10]) or "-"
                _say(f"  {entry['rule']}: {entry['titel']} ({entry['count']} x; {units}). {entry['massnahme']}")
        if as_json:
            _out(json.dumps({"exit": EXIT_STOPPED, **stop.verdict}, ensure_ascii=False, sort_keys=True))
        sys.exit(EXIT_STOPPED)
    except SwitchError as error:
        _say(f"kennzahlen: {error}")
        if as_json:
            _out(json.dumps({"exit": EXIT_USAGE, "error": str(error)}, ensure_ascii=False))
        sys.exit(EXIT_USAGE)
    except SystemExit as end:
        if as_json and end.code == EXIT_USAGE:
            _out(json.dumps({"exit": EXIT_USAGE, "error": "wrong usage, see standard error"}))
        raise
    except Exception as error:
        if not isinstance(error, OSError | ValueError | RuntimeError):
            traceback.print_exc()
        text = " ".join(f"{type(error).__name__}: {error}".split())
        if any(words in text for words in NO_SPACE) and "free space" not in text:
            text += "; free space and run the same command again, finished work is kept"
        _say(f"kennzahlen: {text}")
        if as_json:
            _out(json.dumps({"exit": EXIT_FAILED, "error": text}, ensure_ascii=False))
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
