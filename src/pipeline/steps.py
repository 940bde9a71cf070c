"""The steps of a monthly run, one function each: they call the packages and hand over through the store.

Each function holds the store's lock, takes what `open_run` prepared and returns a small JSON-able summary. The order is that of
the tree: fetch, stage, check_deliveries, count, calculate, compare, check_results, publish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.catalog import (
    Catalog,
    Decisions,
    Gebietsaenderung,
    load_catalog,
    parse_selection,
    read_decisions,
    read_gebietsaenderungen,
    read_zaehltage,
)
from pipeline.months import DEFAULT_STICHTAG_DAY, Zaehltage, add_months, month_number, month_range
from pipeline.settings import Settings, load_settings
from pipeline.store import Finding, Store, read_findings, read_json, write_json, write_table

if TYPE_CHECKING:
    from pipeline.check import Verdict
    from pipeline.compare import Released
    from pipeline.count.territory import Territory

Progress = Callable[[int, int, str], None]
Summary = dict[str, Any]

STEPS = ("fetch", "stage", "check_deliveries", "count", "calculate", "compare", "check_results", "publish")


class QualityStop(Exception):  # noqa: N818 - a verdict, not an error
    """A critical rule is broken: nothing is published, the computed tables stay. `verdict` is small JSON."""

    def __init__(self, verdict: Mapping[str, Any]) -> None:
        rules = ", ".join(sorted({entry["rule"] for entry in verdict["broken"] if entry["blocking"]}))
        super().__init__(f"{verdict['month']} is stopped by data quality, nothing is published: {rules}")
        self.verdict = dict(verdict)


class StepError(RuntimeError):
    """A step cannot work because an earlier one has not done its part; the text says which."""


@dataclass(frozen=True)
class Run:
    """A monthly run: where it works, for which month, from which sources, and what is known of it.

    `switches` are what this call selects, name -> value: the step fetch writes them down, the later steps follow what stands
    there. `declared` is the catalog as it ships.
    """

    store: Store
    month: str
    sources: tuple[str, ...]
    declared: Catalog
    settings: Settings
    switches: Mapping[str, str]
    progress: Progress | None = None
    holds_lock: bool = False

    def locked(self, step: str) -> AbstractContextManager[None]:
        """Hold the store's lock for a step, unless the whole run holds it (`whole`)."""
        return nullcontext() if self.holds_lock else self.store.locked(f"{step} {self.month}")

    @contextmanager
    def whole(self) -> Iterator[Run]:
        """Hold the store's lock over several steps, so that no other run comes between them; yields the run to use."""
        with self.store.locked(f"run {self.month}"):
            yield replace(self, holds_lock=True)

    @cached_property
    def catalog(self) -> Catalog:
        """Return the catalog with the switches that the month's fetch has written down."""
        return self.declared.with_switches(self.deliveries.get("switches", {}))

    @cached_property
    def decisions(self) -> Decisions:
        """Return the corrections and waivers that the month's fetch has written down."""
        return Decisions.of_json(self.deliveries)

    @cached_property
    def deliveries(self) -> Mapping[str, Any]:
        """Return `deliveries.json`, what fetch decided the run uses."""
        return self._left_by("fetch", "deliveries.json")

    @cached_property
    def staged(self) -> Mapping[str, Any]:
        """Return `staged.json`."""
        return self._left_by("stage", "staged.json")

    @cached_property
    def counted(self) -> Mapping[str, Any]:
        """Return `count.json`."""
        return self._left_by("count", "count.json")

    @cached_property
    def compared(self) -> Mapping[str, Any]:
        """Return `compare.json`."""
        return self._left_by("compare", "compare.json")

    def _left_by(self, step: str, name: str) -> Mapping[str, Any]:
        path = self.store.run(self.month) / name
        if not path.exists():
            raise StepError(f"{self.month}: {path.name} is missing; run the step {step} first")
        content: Mapping[str, Any] = read_json(path)
        return content

    @cached_property
    def zaehltage(self) -> Zaehltage:
        """Return the counting days: the list of the sources, else the catalog's; under `zaehltag_calendar` always the 15th."""
        if self.catalog.switches["zaehltag_calendar"].value == DEFAULT_STICHTAG_DAY:
            return Zaehltage()
        content = self._code_list("zaehltage")
        return self.catalog.zaehltage if content is None else read_zaehltage(content)

    @cached_property
    def gebietsaenderungen(self) -> tuple[Gebietsaenderung, ...]:
        """Return the territorial changes: the list of the sources, else the catalog's; none under `gebietsstand`=delivered."""
        if self.catalog.switches["gebietsstand"].value == "delivered":
            return ()
        content = self._code_list("gebietsaenderungen")
        if content is None:
            return self.catalog.gebietsaenderungen
        return read_gebietsaenderungen(content, self.catalog.jobcenters)

    def _code_list(self, name: str) -> bytes | None:
        entry = self.deliveries["codelists"].get(name)
        return self.store.snapshot(entry["sha256"]).read_bytes() if entry else None

    @cached_property
    def territory(self) -> Territory:
        """Return units and availability on the territory of the run."""
        from pipeline.count import territory_of

        return territory_of(self.month, self.staged, self.zaehltage, self.catalog, self.gebietsaenderungen)

    @cached_property
    def earlier_territories(self) -> tuple[Territory, ...]:
        """Return the territories that releases before the run may have shown, each as its last run knew it."""
        from pipeline.compare.secrecy import FIRST_RUN_MONTHS
        from pipeline.count import territories_before

        return territories_before(
            self.month, self.staged, self.zaehltage, self.catalog, self.gebietsaenderungen, FIRST_RUN_MONTHS
        )

    @cached_property
    def vergleichstyp_of(self) -> dict[str, str]:
        """Return the Vergleichstyp of each member that has one."""
        return self.vergleichstypen_on(self.territory)

    def vergleichstypen_on(self, territory: Territory) -> dict[str, str]:
        """Return the Vergleichstyp of each member of a territory that has one."""
        day = self.zaehltage.stichtag(territory.run_month)
        types = {j.jc_id: self.catalog.vergleichstyp(j.jc_id, day) for j in territory.members}
        return {jc_id: typ for jc_id, typ in types.items() if typ}


def open_run(
    store: Path | str,
    month: str,
    sources: Iterable[str] = (),
    *,
    switches: Iterable[str] = (),
    progress: Progress | None = None,
) -> Run:
    """Prepare a run; cheap: reads catalog and settings only.

    `switches` are texts such as ``imputer=on``; they go before those of the settings. Raises MonthError for what is no
    month and SwitchError for what cannot be selected.
    """
    month_number(month)
    catalog, settings = load_catalog(), load_settings()
    selection = parse_selection(settings.switches) | parse_selection(switches)
    catalog.with_switches(selection)
    return Run(Store(Path(store)), month, tuple(sources), catalog, settings, selection, progress)


def _utc_now() -> datetime:
    return datetime.now(UTC)


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
    from pipeline.store import write_findings

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
        content = _with_broken(verdict, [*fetched, *news], run)
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
        tables = [pq.read_table(run.store.eckwerte(m)) for m in counted["months"]]
        block = block_of(
            tables,
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
        result = pq.read_table(run.store.computed("kennzahlen", run.month))
        series = pq.read_table(run.store.computed("reihe", run.month))
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
        eckwerte = pa.concat_tables([pq.read_table(run.store.eckwerte(m)) for m in run.counted["months"]])
        disclosed = disclose(
            eckwerte,
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
            earlier=_generations(run),
            successor_of=run.territory.successor_of,
            released=_released(run),
        )
        write_json(run.store.run(run.month) / "compare.json", {"bound_by": disclosed.bound_by})
        side_by_side = open_reconciliation(
            pq.read_table(run.store.computed("abgleich", run.month)),
            disclosed.eckwerte,
            run.catalog.merkmale,
            int(run.catalog.switches["suppress_below"].value),
            zero_open=bool(run.catalog.switches["zero_open"].value),
        )
        for name, path in run.store.opened(run.month).items():
            write_table(path, side_by_side if name == "abgleich" else getattr(disclosed, name))
    return {"vergleich": comparison.num_rows, "unterdrueckt": disclosed.summary}


def _released(run: Run) -> list[Released]:
    """Return what readers already have of the run's month: all its releases, in their order."""
    from pipeline.compare import Released
    from pipeline.publish import releases

    folders = {number: run.store.release(run.month, number) for number in releases.numbers(run.store, run.month)}
    return [
        Released(
            f"{run.month}.{number}",
            pq.read_table(folder / "eckwerte.parquet"),
            pq.read_table(folder / "kennzahlen.parquet"),
        )
        for number, folder in folders.items()
    ]


def _generations(run: Run) -> list[Any]:
    """Return what releases on earlier territories may have shown, as the step count has counted it."""
    from pipeline.compare import Generation

    cells = {then["month"]: frozenset(tuple(c) for c in then["small_euro_cells"]) for then in run.counted["earlier"]}
    return [
        Generation(
            pq.read_table(run.store.eckwerte_before(run.month, territory.run_month)),
            territory.members,
            run.vergleichstypen_on(territory),
            territory.successor_of,
            cells[territory.run_month],
        )
        for territory in run.earlier_territories
    ]


def check_results(run: Run) -> Summary:
    """Check the computed and the suppressed tables; raises QualityStop if a critical rule is broken anywhere."""
    from pipeline import check
    from pipeline.store import write_findings

    with run.locked("check_results"), run.store.overflow("check") as overflow:
        eckwerte = pa.concat_tables([pq.read_table(run.store.eckwerte(m)) for m in run.counted["months"]])
        published = {name: pq.read_table(path) for name, path in run.store.opened(run.month).items()}
        verdict = check.check_results(
            eckwerte,
            pq.read_table(run.store.computed("kennzahlen", run.month)),
            pq.read_table(run.store.computed("vergleich", run.month)),
            published,
            run.catalog,
            expectations(),
            run.month,
            abgleich=pq.read_table(run.store.computed("abgleich", run.month)),
            zaehltage=run.zaehltage,
            members=run.territory.members,
            memory_limit=run.settings.memory_limit,
            threads=run.settings.threads,
            overflow=overflow,
        )
        content = _with_broken(verdict, read_findings(run.store.findings(run.month, "count")), run)
        earlier = run._left_by("check_deliveries", "verdict-deliveries.json")
        blocking = bool(content["blocking"] or earlier["blocking"])
        content["publication"] = "stopped" if blocking else "allowed"
        content["rests_on"] = _rests_on(run)
        write_json(run.store.run(run.month) / "verdict.json", content)
        write_findings(run.store.findings(run.month, "check-results"), verdict.to_findings())
    if blocking:
        raise QualityStop({"month": run.month, "broken": [*earlier["broken"], *content["broken"]]})
    return _verdict_summary(content)


def publish(run: Run, *, now: Callable[[], datetime] = _utc_now) -> Summary:
    """Write the release and switch the pointer, unless an equal release is there; the journal notes the moment `now`."""
    from pipeline.publish import publish as publish_release

    with run.locked("publish"):
        verdict = run._left_by("check_results", "verdict.json")
        earlier = run._left_by("check_deliveries", "verdict-deliveries.json")
        broken = [*earlier["broken"], *verdict["broken"]]
        if verdict["publication"] != "allowed":
            raise QualityStop({"month": run.month, "broken": broken})
        if verdict.get("rests_on") != _rests_on(run):
            raise StepError(
                f"{run.month}: deliveries or tables are newer than their check; run the steps from stage on"
            )
        rules = earlier["evaluated"] + verdict["evaluated"]
        failed = sum(1 for v in (earlier, verdict) for rule in v["rules"] if not rule["success"])
        published = publish_release(
            run.store,
            run.month,
            run.catalog,
            manifest_inputs=_manifest_inputs(run),
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


def run_all(run: Run) -> Summary:
    """Do all steps in order; returns the summary of the publication with those of the steps under `steps`."""
    done: dict[str, Summary] = {}
    with run.whole() as whole:
        for name in STEPS:
            done[name] = globals()[name](replace(whole))
    return {**done["publish"], "steps": done}


# -- what steps share --------------------------------------------------------------------------------------------------


def expectations() -> Path:
    """Return the folder of the rule suites, which lies beside the source tree: the package is installed editable."""
    return Path(__file__).resolve().parents[2] / "expectations"


def corrections() -> Path:
    """Return the folder of the shipped corrections and waivers, which lies beside the expectations."""
    return expectations().parent / "corrections"


def _rests_on(run: Run) -> dict[str, str]:
    """Return the digests of what a verdict speaks of: another run of the month may have begun before its publication."""
    from pipeline.publish.manifest import digest_of

    paths = {"deliveries": run.store.run(run.month) / "deliveries.json", **run.store.opened(run.month)}
    return {name: digest_of(path) for name, path in paths.items()}


def _manifest_inputs(run: Run) -> dict[str, Any]:
    """Return what a release rests on: deliveries and code lists by address and digest, what fetch found. No time, no host."""
    from pipeline.publish.findings import summed

    return {
        "lieferungen": [
            {key: d[key] for key in ("address", "ref_month", "table", "unit", "sha256")}
            for d in run.deliveries["deliveries"]
        ],
        "zurueckgewiesen": sorted(
            f"{month}/{table}/{unit}"
            for table, months in run.staged.items()
            for month, entry in months.items()
            for unit in entry["rejected"]
        ),
        "abrufbefunde": summed(read_findings(run.store.findings(run.month, "fetch")), notes=False),
        "codelisten": {name: entry["sha256"] for name, entry in run.deliveries["codelists"].items() if entry},
        "gebunden_an": run.compared["bound_by"],
        "berichtigungen": _published_corrections(run),
        "berichtigungen_sha256": run.deliveries.get("corrections_sha256", ""),
        "lock_sha256": lock_digest(),
    }


def _published_corrections(run: Run) -> list[dict[str, str]]:
    """Return the applied corrections; one whose cell is withheld, or one of whose numbers is small, is named without them."""
    applied = [c for c in run.decisions.corrections if c.id in run.counted["corrections"]]
    if not applied:
        return []
    keys = ("ref_month", "jc_id", "geschlecht", "merkmal")
    table = pq.read_table(
        run.store.opened(run.month)["eckwerte"],
        columns=[*keys, "wert"],
        filters=[("ref_month", "in", [c.ref_month for c in applied]), ("jc_id", "in", [c.jc_id for c in applied])],
    )
    open_cells = {tuple(row[k] for k in keys) for row in table.to_pylist() if row["wert"] is not None}
    below = int(run.catalog.switches["suppress_below"].value)
    numbers = ("expect", "value")
    shown = {c.id for c in applied if c.cell in open_cells and not c.tells_small_count(below)}
    return [{k: v for k, v in asdict(c).items() if c.id in shown or k not in numbers} for c in applied]


def lock_digest() -> str:
    """Return the sha-256 of the lock file, which lies beside the source tree; empty if there is none."""
    from pipeline.publish.manifest import digest_of

    lock = Path(__file__).resolve().parents[2] / "requirements.lock"
    return digest_of(lock) if lock.exists() else ""


def _with_broken(verdict: Verdict, findings: Iterable[Finding], run: Run) -> dict[str, Any]:
    """Return a verdict as JSON with what is broken after the waivers; a rule that was not evaluated always blocks."""
    from pipeline.check import broken_in

    content = verdict.to_json()
    broken = broken_in(content, findings, run.catalog.rules, run.decisions.waivers)
    return content | {
        "blocking": broken.blocking or verdict.evaluated != verdict.declared,
        "broken": [dict(rule) for rule in broken.rules],
        "waived": [dict(waiver) for waiver in broken.waived],
    }


def _verdict_summary(content: Mapping[str, Any]) -> Summary:
    return {
        "evaluated": content["evaluated"],
        "declared": content["declared"],
        "blocking": content["blocking"],
        "counts": content["counts"],
        "broken": [entry["rule"] for entry in content["broken"]],
    }
