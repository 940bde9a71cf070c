"""How commands speak: results on standard output, progress on standard error, with `--json` one object as the last line.

Exit codes: 0 done (also with warnings), 2 wrong usage, 3 stopped by data quality (nothing published), 1 anything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from pipeline.progress import Progress

EXIT_FAILED, EXIT_USAGE, EXIT_STOPPED = 1, 2, 3


def say(text: str) -> None:
    """Tell the operator, on standard error."""
    typer.echo(text, err=True)


def result(content: dict[str, Any] | list[Any], as_json: bool, lines: Iterable[str] = ()) -> None:
    """Print the lines of a result, and the whole of it as JSON where that is wanted."""
    for line in lines:
        typer.echo(line)
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False, sort_keys=True, default=str))


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show a progress bar on a terminal; elsewhere one line when a step begins is enough."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

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
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title, total=None, what="")
        yield lambda done, total, what: bar.update(task, completed=done, total=total, what=what)
