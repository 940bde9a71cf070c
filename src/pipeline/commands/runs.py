"""The commands `run` and those of its single steps, from `fetch` to `publish`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from pipeline import steps
from pipeline.commands.options import NOTHING_GIVEN, Engine, ExistingStore, Json, Month, Sources, Store, Switches
from pipeline.commands.output import progress, result, say


def run(
    month: Month,
    store: Store,
    source: Sources,
    switch: Switches = NOTHING_GIVEN,
    plan: Annotated[
        bool, typer.Option("--plan", help="only say what a run would do and change nothing in force")
    ] = False,
    engine: Engine = "",
    as_json: Json = False,
) -> None:
    """Do all steps for a month: pull, stage, check, count, calculate, compare, check, publish; or only plan them."""
    if plan:
        from pipeline import planning

        with progress("plan") as bar:
            found = planning.plan(steps.open_run(store, month, source, switches=switch, progress=bar))
        result(planning.as_json(found), as_json, planning.as_lines(found))
        return
    published = steps.run_all(_counted_by(engine, steps.open_run(store, month, source, switches=switch)), _do)
    state = "unchanged" if published["unchanged"] else "published"
    result(
        {"month": month, "exit": 0, **published},
        as_json,
        [f"{month}.{published['number']} {state}: {published['release']}", published["page"]],
    )


def fetch(month: Month, store: Store, source: Sources, switch: Switches = NOTHING_GIVEN, as_json: Json = False) -> None:
    """Pull what the sources offer for the month and what the history still lacks; the later steps use its switches."""
    result(_do("fetch", steps.open_run(store, month, source, switches=switch)), as_json)


def stage(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Type and pseudonymise the deliveries; broken ones are rejected, bad rows quarantined."""
    result(_do("stage", steps.open_run(store, month)), as_json)


def check(
    month: Month,
    store: ExistingStore,
    results: Annotated[
        bool, typer.Option("--results", help="check the computed tables instead of the deliveries")
    ] = False,
    as_json: Json = False,
) -> None:
    """Validate with Great Expectations: the deliveries, or (--results) the computed and suppressed tables."""
    result(_do("check_results" if results else "check_deliveries", steps.open_run(store, month)), as_json)


def count(month: Month, store: ExistingStore, engine: Engine = "", as_json: Json = False) -> None:
    """Count persons into the Eckwerte; published counts enter the same table."""
    result(_do("count", _counted_by(engine, steps.open_run(store, month))), as_json)


def calculate(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Calculate the indicators from the Eckwerte."""
    result(_do("calculate", steps.open_run(store, month)), as_json)


def compare(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Rank and compare the jobcenters and suppress what must not be published."""
    result(_do("compare", steps.open_run(store, month)), as_json)


def publish(month: Month, store: ExistingStore, as_json: Json = False) -> None:
    """Write the release of a checked month and switch the pointer."""
    published = _do("publish", steps.open_run(store, month))
    result(published, as_json, [published["release"], published["page"]])


def _counted_by(engine: str, opened: steps.Run) -> steps.Run:
    """Return a run with the engine that is given, else that of the settings; raises EngineError before anything is done."""
    settings = replace(opened.settings, engine=engine or opened.settings.engine)
    settings.require_engine()
    return replace(opened, settings=settings)


def _do(name: str, opened: steps.Run) -> steps.Summary:
    """Do a step with a progress bar and say in one line what it did."""
    with progress(name) as bar:
        summary = steps.do(name, replace(opened, progress=bar))
    say(f"{name:<17}{_brief(summary)}")
    if summary.get("broken"):
        say(f"{'':<17}broken: {', '.join(summary['broken'])}; see {opened.store.findings(opened.month, '*')}")
    return summary


def _brief(summary: steps.Summary) -> str:
    shown = {k: v for k, v in summary.items() if isinstance(v, int | str) and not isinstance(v, bool) and v != ""}
    return ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in shown.items())
