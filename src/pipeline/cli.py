"""The command `kennzahlen`: puts the commands together and turns every failure into one clear line and its exit code."""

from __future__ import annotations

import sys
import traceback
from typing import NoReturn

import typer

from pipeline import steps
from pipeline.catalog import SwitchError
from pipeline.commands import alarms, layouts, releases, runs, synthetic
from pipeline.commands.output import EXIT_FAILED, EXIT_STOPPED, EXIT_USAGE, result, say
from pipeline.settings import EngineError

NO_SPACE = ("No space left", "File too large", "quota exceeded")
COMMANDS = (
    runs.run,
    runs.fetch,
    runs.stage,
    runs.check,
    runs.count,
    runs.calculate,
    runs.compare,
    runs.publish,
    synthetic.synth,
    releases.summary,
    alarms.alerts,
    releases.explain,
    releases.verify,
    releases.table,
    releases.releases,
)
LAYOUT_COMMANDS = (layouts.propose, layouts.check)

app = typer.Typer(
    name="kennzahlen",
    help="The § 48a SGB II indicators of Germany's jobcenters: from monthly deliveries to published comparison tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
layout = typer.Typer(
    name="layout",
    help="Layouts of published files: propose lines for the catalog, or check how a file is read.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for command in COMMANDS:
    app.command()(command)
for layout_command in LAYOUT_COMMANDS:
    layout.command()(layout_command)
app.add_typer(layout)


def main() -> None:
    """Run the command; every failure ends in one clear line and its exit code, an unexpected one also in a traceback."""
    as_json = "--json" in sys.argv
    try:
        app(standalone_mode=True)
    except steps.QualityStop as stop:
        say(str(stop))
        for entry in stop.verdict["broken"]:
            if entry["blocking"]:
                units = ", ".join(entry["units"][:10]) or "-"
                say(f"  {entry['rule']}: {entry['titel']} ({entry['count']} x; {units}). {entry['massnahme']}")
        result({"exit": EXIT_STOPPED, **stop.verdict}, as_json)
        sys.exit(EXIT_STOPPED)
    except (SwitchError, EngineError) as error:
        _failed(EXIT_USAGE, str(error), as_json)
    except SystemExit as end:
        if end.code == EXIT_USAGE:
            result({"exit": EXIT_USAGE, "error": "wrong usage, see standard error"}, as_json)
        raise
    except Exception as error:
        if not isinstance(error, OSError | ValueError | RuntimeError):
            traceback.print_exc()
        text = " ".join(f"{type(error).__name__}: {error}".split())
        if any(words in text for words in NO_SPACE) and "free space" not in text:
            text += "; free space and run the same command again, finished work is kept"
        _failed(EXIT_FAILED, text, as_json)


def _failed(code: int, text: str, as_json: bool) -> NoReturn:
    say(f"kennzahlen: {text}")
    result({"exit": code, "error": text}, as_json)
    sys.exit(code)


if __name__ == "__main__":
    main()
