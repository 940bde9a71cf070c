"""``python -m benchmarks run`` measures, ``… compare A B`` sets two results side by side, ``… page`` writes the docs' page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.contenders import CONTENDERS
from benchmarks.data import build
from benchmarks.equality import UnequalError
from benchmarks.measuring import adopt_orphans
from benchmarks.page import Runs, page
from benchmarks.results import Results, as_tables, growth, judged, regressions, side_by_side
from benchmarks.rounds import REPOSITORY, Rounds, WorkerError, commit, not_installed

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
RESULTS = Path(__file__).with_name("results")
PAGE = REPOSITORY / "docs" / "method" / "speed.md"
WIDTH = 120
EVERYBODY = list(CONTENDERS)


@app.command()
def run(
    scale: Annotated[float, typer.Option("--scale", min=0.001, max=1.0, help="1 is the size of the country")] = 0.05,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="how often every process is measured")] = 3,
    data: Annotated[Path, typer.Option("--data", help="folder of the data, made once per scale")] = Path("build/bench"),
    packages: Annotated[Path | None, typer.Option("--packages", help="folder with Polars and PySpark")] = None,
    contender: Annotated[list[str], typer.Option("--contender", help="only these; may be repeated")] = EVERYBODY,
    products: Annotated[bool, typer.Option("--steps/--no-steps", help="also measure the product's steps")] = True,
    whole: Annotated[bool, typer.Option("--whole/--no-whole", help="with the steps: also a whole run, once")] = True,
    require_all: Annotated[
        bool,
        typer.Option("--require-all", help="exit code 1 before anything is measured if a contender is not installed"),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="file of the results; default: benchmarks/results/…")
    ] = None,
) -> None:
    """Measure every contender in turn, several rounds, compare their counts with ours and print a table."""
    console, progress = _console(), Console(stderr=True)
    unknown = [name for name in contender if name not in CONTENDERS]
    if unknown:
        raise typer.BadParameter(f"{', '.join(unknown)}: no contender; there are {', '.join(CONTENDERS)}")
    missing = {name: text for name in contender if (text := not_installed(name, packages))} if require_all else {}
    if missing:
        for name, text in missing.items():
            progress.print(f"{name} is not installed: {text}", markup=False, soft_wrap=True)
        raise typer.Exit(1)
    adopt_orphans()
    progress.print(f"data of scale {scale:g} below {data}: made unless they are there")
    country = build(data.absolute(), scale, commit(), products=products)
    scratch = country.folder / "scratch"
    Rounds.clear(scratch)
    work = Rounds(country, scratch, packages.absolute() if packages else None, progress.print)
    path = out or RESULTS / f"scale-{scale:g}-{commit()[:12]}.json"
    begun = {"measured_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
    try:
        for found in work.run(contender, rounds, products=products, whole=whole):
            results = replace(found, circumstances={**found.circumstances, **begun})
            results.write(path)
    except (UnequalError, WorkerError) as error:
        progress.print(f"benchmark: {error}", markup=False)
        raise typer.Exit(1) from error
    Rounds.clear(scratch)
    for table in as_tables(results):
        console.print(table)
    console.print(f"written: {path}")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="results before")],
    b: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="results after")],
    fail: Annotated[bool, typer.Option("--fail-on-regression", help="exit code 1 if anything became slower")] = False,
) -> None:
    """Print two results side by side and mark what lies outside the spread of the rounds."""
    before, after = Results.read(a), Results.read(b)
    _console().print(side_by_side(before, after))
    if before.circumstances["scale"] != after.circumstances["scale"]:
        _console().print(judged("Growth from the smaller to the larger scale", growth(before, after)))
    if fail and (slower := regressions(before, after)):
        Console(stderr=True).print(f"slower: {', '.join(slower)}", markup=False)
        raise typer.Exit(1)


@app.command("page")
def write_page(
    results: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, dir_okay=False, help="default: all of benchmarks/results/scale-*"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="the page; its figures lie beside it")] = PAGE,
) -> None:
    """Write the page with targets and curves from results."""
    for path, text in page(
        Runs.read(results or sorted(RESULTS.glob("scale-*.json"))), out.absolute(), REPOSITORY
    ).items():
        path.write_text(text, encoding="utf-8")
        _console().print(f"written: {path}", soft_wrap=True)


def _console() -> Console:
    """Return standard output; in a file or a pipe tables are as wide as they need."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


if __name__ == "__main__":
    app()
