"""The steps of a monthly run, one function each: they call the packages and hand over through the store.

Each function holds the store's lock, takes what `open_run` prepared and returns a small JSON-able summary. The order is that of
the tree: fetch, stage, check_deliveries, count, calculate, compare, check_results, publish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from pipeline.catalog import read_decisions
from pipeline.memory import give_back
from pipeline.months import add_months, month_range
from pipeline.run import Run, StepError, open_run
from pipeline.shipped import corrections, expectations
from pipeline.store import read_findings, write_findings, write_json, write_table

__all__ = [
    "STEPS",
    "QualityStop",
    "Run",
    "StepError",
    "Summary",
    "calculate",
    "check_deliveries",
    "check_results",
    "compare",
    "count",
    "do",
    "fetch",
    "open_run",
    "publish",
    "run_all",
    "stage",
]

Summary = dict[str, Any]

STEPS = ("fetch", "stage", "check_deliveries", "count", "calculate", "compare", "check_results", "publish")


class QualityStop(Exception):  # noqa: N818 - a verdict, not an error
    """A critical rule is broken: nothing is published, the computed tables stay. `verdict` is small JSON."""

    def __init__(self, verdict: Mapping[str, Any]) -> None:
        rules = ", ".join(sorted({entry["rule"] for entry in verdict["broken"] if entry["blocking"]}))
        super().__init__(f"{verdict['month']} is stopped by data quality, nothing is published: {rules}")
        self.verdict = dict(verdict)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def do(name: str, run: Run) -> Summary:
    """Do a step of STEPS on the run as the steps before have left it: nothing read is remembered, no memory kept for the next."""
    try:
        summary: Summary = globals()[name](replace(run))
    finally:
        give_back()
    return summary


def run_all(run: Run, do: Callable[[str, Run], Summary] = do) -> Summary:
    """Do all steps in order, each with `do`; returns the summary of the publication with those of the steps under `steps`."""
    with run.whole() as whole:
        done = {name: do(name, whole) for name in STEPS}
    return {**done["publish"], "steps": done}


# -- the steps ---------------------------------------------------------------------------------------------------------


def fetch(run: Run) -> Summary:
    """Pull what the sources offer and decide which deliveries the run uses."""
    from pipeline.check import rule_ids
    from pipeline.fetch import fetch as fetch_deliveries

    catalog = run.declared.with_switches(run.switches)
    folder = run.settings.corrections or corrections()
    decisions = read_decisions(folder, catalog, {*catalog.rules, *rule_ids(expectations())})
    with run.locked("fetch"):
        result = fetch_deliveries(
            run.store, run.month, run.sources, catalog, run.settings, decisions=decisions, progress=run.progress
        )
    return asdict(result)


def stage(run: Run) -> Summary:
    """Type and pseudonymise the deliveries; reject broken ones, quarantine bad rows."""
    from pipeline.stage import stage as stage_deliveries

    with run.locked("stage"):
        result = stage_deliveries(
            run.store,
            run.month,
            run.deliveries["deliveries"],
            run.zaehltage,
            run.catalog,
            run.settings,
            progress=run.progress,
        )
    return asdict(result)


def check_deliveries(run: Run) -> Summary:
    """Check the month's deliveries; nothing stops here, the verdict is taken into account before publication."""
    from pipeline import check

    with run.locked("check_deliveries"):
        verdict = check.check_deliveries(
            run.store,
            run.month,
            run.staged,
            run.zaehltage,
            run.catalog,
            expectations(),
            valid_in=lambda m: [part for unit in run.territory.units for part in run.territory.valid_parts(unit, m)],
            memory_limit=run.settings.memory_limit,
            threads=run.settings.threads,
        )
        fetched, staged = (read_findings(run.store.findings(run.month, step)) for step in ("fetch", "stage"))
        # A warning about rows of an earlier month changes no figure, and the run of that month has told it.
        news = [f for f in staged if f.severity != "warning" or f.ref_month == run.month]
        content = check.with_broken(verdict, [*fetched, *news], run.catalog.rules, run.decisions.waivers)
        write_json(run.store.run(run.month) / "verdict-deliveries.json", content)
        write_findings(run.store.findings(run.month, "check"), verdict.to_findings())
    return _verdict_summary(content)


def count(run: Run) -> Summary:
    """Count persons into the Eckwerte of all months; what was counted before is reused."""
    from pipeline.count import count as count_persons

    with run.locked("count"):
        result = count_persons(
            run.store,
            run.month,
            run.staged,
            run.territory,
            run.catalog,
            run.settings,
            address_of=run.address_of,
            earlier=run.earlier_territories,
            corrections=run.decisions.corrections,
            progress=run.progress,
        )
    return asdict(result)


def calculate(run: Run) -> Summary:
    """Calculate the indicators of the run and the series of the last 25 months."""
    from pipeline.calculate import block_of, kennzahlen, months_read, reihe

    counted = run.counted
    first = min(counted["months"][0], add_months(run.month, -months_read(run.catalog)))
    with run.locked("calculate"):
        block = block_of(
            run.eckwerte(),
            month_range(first, run.month),
            counted["units"],
            lambda unit, month: "zu_kurze_reihe" if run.territory.valid_parts(unit, month) else "gebiet_nicht_gueltig",
            run.catalog,
        )
        members = run.territory.members
        without = set(counted["without_delivery"])
        taking_part = frozenset(j.jc_id for j in members if j.jc_id not in without)
        result = kennzahlen(block, run.month, members, taking_part, run.vergleichstyp_of, run.catalog)
        write_table(run.store.computed("kennzahlen", run.month), result)
        series = reihe(block, run.month, run.catalog)
        write_table(run.store.computed("reihe", run.month), series)
    return {"kennzahlen": result.num_rows, "reihe": series.num_rows}


def compare(run: Run) -> Summary:
    """Rank and compare the jobcenters, then suppress whatever must not be published."""
    from pipeline.compare import Presentation, Rules, disclose, open_reconciliation
    from pipeline.compare import compare as compare_jobcenters
    from pipeline.store.schema import arrow_schema

    with run.locked("compare"):
        result, series = run.computed("kennzahlen"), run.computed("reihe")
        comparison = compare_jobcenters(
            result,
            series,
            run.territory.members,
            run.vergleichstyp_of,
            run.catalog.indicators,
            run_month=run.month,
            schema=arrow_schema(run.catalog.results["vergleich"]),
            shown=Presentation.of(run.catalog.switches),
        )
        write_table(run.store.computed("vergleich", run.month), comparison)
        disclosed = disclose(
            pa.concat_tables(run.eckwerte()),
            result,
            series,
            run.territory.members,
            run.vergleichstyp_of,
            indicators=run.catalog.indicators,
            merkmale=run.catalog.merkmale,
            run_month=run.month,
            vergleich_schema=arrow_schema(run.catalog.results["vergleich"]),
            small_euro_cells=frozenset(tuple(cell) for cell in run.counted["small_euro_cells"]),
            rules=Rules.of(run.catalog.switches),
            shown=Presentation.of(run.catalog.switches),
            earlier=run.generations(),
            successor_of=run.territory.successor_of,
            released=run.released(),
        )
        write_json(run.store.run(run.month) / "compare.json", {"bound_by": disclosed.bound_by})
        side_by_side = open_reconciliation(
            run.computed("abgleich"),
            disclosed.eckwerte,
            run.catalog.merkmale,
            int(run.catalog.switches["suppress_below"].value),
            zero_open=bool(run.catalog.switches["zero_open"].value),
        )
        for name, path in run.store.opened(run.month).items():
            write_table(path, side_by_side if name == "abgleich" else getattr(disclosed, name))
    return {"vergleich": comparison.num_rows, "unterdrueckt": disclosed.summary}


def check_results(run: Run) -> Summary:
    """Check the computed and the suppressed tables; raises QualityStop if a critical rule is broken anywhere."""
    from pipeline import check
    from pipeline.release_inputs import rests_on

    with run.locked("check_results"), run.store.overflow("check") as overflow:
        verdict = check.check_results(
            expectations=expectations(),
            month=run.month,
            memory_limit=run.settings.memory_limit,
            threads=run.settings.threads,
            overflow=overflow,
            **_results_of(replace(run)),
        )
        counted = read_findings(run.store.findings(run.month, "count"))
        content = check.with_broken(verdict, counted, run.catalog.rules, run.decisions.waivers)
        earlier = run.verdict_on_deliveries
        blocking = bool(content["blocking"] or earlier["blocking"])
        content["publication"] = "stopped" if blocking else "allowed"
        content["rests_on"] = rests_on(run)
        write_json(run.store.run(run.month) / "verdict.json", content)
        write_findings(run.store.findings(run.month, "check-results"), verdict.to_findings())
    if blocking:
        raise QualityStop({"month": run.month, "broken": [*earlier["broken"], *content["broken"]]})
    return _verdict_summary(content)


def _results_of(run: Run) -> dict[str, Any]:
    """Return what there is to check; the run is dropped with all it has read, 100 MB about the deliveries of a country."""
    computed = {name: [run.store.computed(name, run.month)] for name in ("kennzahlen", "vergleich", "abgleich")}
    return {
        "computed": computed | {"eckwerte": [run.store.eckwerte(month) for month in run.counted["months"]]},
        "published": {name: [path] for name, path in run.store.opened(run.month).items()},
        "catalog": run.catalog,
        "zaehltage": run.zaehltage,
        "members": run.territory.members,
    }


def publish(run: Run, *, now: Callable[[], datetime] = _utc_now) -> Summary:
    """Write the release and switch the pointer, unless an equal release is there; the journal notes the moment `now`."""
    from pipeline.publish import publish as publish_release
    from pipeline.release_inputs import manifest_inputs, rests_on

    with run.locked("publish"):
        verdict, earlier = run.verdict_on_results, run.verdict_on_deliveries
        broken = [*earlier["broken"], *verdict["broken"]]
        if verdict["publication"] != "allowed":
            raise QualityStop({"month": run.month, "broken": broken})
        if verdict.get("rests_on") != rests_on(run):
            raise StepError(
                f"{run.month}: deliveries or tables are newer than their check; run the steps from stage on"
            )
        rules = earlier["evaluated"] + verdict["evaluated"]
        failed = sum(1 for v in (earlier, verdict) for rule in v["rules"] if not rule["success"])
        published = publish_release(
            run.store,
            run.month,
            run.catalog,
            manifest_inputs=manifest_inputs(run),
            verdict={
                "regeln": rules,
                "bestanden": rules - failed,
                "broken": broken,
                "ausnahmen": [*earlier["waived"], *verdict["waived"]],
            },
            synthetic=bool(run.deliveries["synthetic"]),
            site_url=run.settings.site_url,
            parts=run.territory.parts,
            progress=run.progress,
            now=now,
        )
    return {
        "month": run.month,
        "number": published.number,
        "release": str(published.folder),
        "page": str(published.folder / published.page),
        "address": published.address,
        "unchanged": published.unchanged,
    }


def _verdict_summary(content: Mapping[str, Any]) -> Summary:
    return {
        "evaluated": content["evaluated"],
        "declared": content["declared"],
        "blocking": content["blocking"],
        "counts": content["counts"],
        "broken": [entry["rule"] for entry in content["broken"]],
    }
