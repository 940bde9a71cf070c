"""Makes the plan of a run: fetch and stage on a copy of the register, then a walk through the counts that computes none.

The copy lies inside the store and is removed; original bytes and typed files are shared with the store, because they are
named by their content.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import steps
from pipeline.catalog import Catalog
from pipeline.count.territory import Territory
from pipeline.months import add_months, month_number, month_range
from pipeline.planning.differences import Change, Setting, by_key, changed_deliveries, changed_settings
from pipeline.publish import releases
from pipeline.publish.manifest import code_version, read_manifest
from pipeline.release_inputs import lock_digest
from pipeline.run import Run
from pipeline.store import Register, Store, read_json

EMPTY: Mapping[str, Any] = {"deliveries": [], "codelists": {}, "rejected": []}


@dataclass(frozen=True)
class Reading:
    """Whose base counts read a changed delivery: units on the run's territory, and months (first, last) by merkmal.

    `by_sex` tells the merkmale of which only M and F read it. `others` is why persons of other jobcenters may read it, too.
    """

    units: tuple[str, ...]
    months: Mapping[str, tuple[str, str]]
    by_sex: tuple[str, ...]
    others: str


@dataclass(frozen=True)
class Release:
    """The newest release of the month, the one a run would lead to if the checks pass, and what makes the difference.

    It is not `certain` where only corrections or waivers differ: those that have no effect make no release.
    """

    newest: str
    expected: str
    reasons: tuple[str, ...]
    certain: bool = True


@dataclass(frozen=True)
class Plan:
    """What a run of `month` would do.

    `compared_with` says what differs from what; `readings` belong to table and month of the changed deliveries. `computed`
    and `reused` are the numbers that the step count would report; `recounted` the months of each state it would compute,
    `merkmale` those of each base count in them. `also` are other months with a release whose inputs differ: a run of them
    would lead to a new release, too.
    """

    month: str
    compared_with: str
    pulled: int
    staged: int
    changes: tuple[Change, ...]
    settings: tuple[Setting, ...]
    readings: Mapping[tuple[str, str], Reading]
    computed: int
    reused: int
    recounted: Mapping[str, tuple[str, ...]]
    merkmale: Mapping[str, tuple[str, ...]]
    release: Release
    also: Mapping[str, tuple[str, ...]]


OTHERS = {
    "bestand": "whoever came from there is no newcomer, and entries and exits take the sex from there",
    "leistungsbezug": "days of persons who moved, and of those in two jobcenters, count together",
    "aufnahme": "starts of persons of other jobcenters may stand in this file",
    "massnahme": "measures of persons of other jobcenters may stand in this file",
}


def plan(run: Run) -> Plan:
    """Say what a run would do with the same arguments; raises what its steps fetch and stage would raise.

    The store's lock is held, so that nothing changes between looking and saying.
    """
    store = run.store
    with store.locked(f"plan {run.month}"), store.overflow("plan") as folder:
        key = run.settings.load_key(store.root)
        trial = replace(run, store=_scratch(store, folder), settings=replace(run.settings, pseudonym_key=key))
        before, compared_with = _before(store, run.month)
        with _kept(store, trial.store):
            fetched = steps.do("fetch", trial)
        staged = steps.do("stage", trial)
        rejected = {
            (month, table, unit): str(rule)
            for table, by_month in trial.staged.items()
            for month, entry in by_month.items()
            for unit, rule in entry["rejected"].items()
        }
        lag = {"beschaeftigung": int(trial.catalog.switches["folgt_spaeter_lag"].value)}
        changes = changed_deliveries(before, trial.deliveries, rejected, _newest_run(store), lag)
        defaults = {name: switch.default for name, switch in trial.catalog.switches.items()}
        settings = changed_settings(before, trial.deliveries, defaults)
        states = _foreseen(store, trial, folder)
        recounted: dict[str, set[str]] = {}
        merkmale: dict[str, set[str]] = {}
        for state in states:
            if not state.exists:
                recounted.setdefault(state.name, set()).add(state.month)
                for name in state.merkmale:
                    merkmale.setdefault(name, set()).add(state.month)
        return Plan(
            run.month,
            compared_with,
            fetched["pulled"],
            staged["made"],
            changes,
            settings,
            _readings(changes, trial.catalog, trial.territory),
            sum(len(months) for months in recounted.values()),
            sum(1 for state in states if state.exists),
            {name: tuple(sorted(months)) for name, months in recounted.items()},
            {name: tuple(sorted(merkmale[name])) for name in trial.catalog.merkmale if name in merkmale},
            _release(store, trial, settings),
            _also(store, trial),
        )


# -- a copy to try on --------------------------------------------------------------------------------------------------


def _scratch(store: Store, folder: Path) -> Store:
    """Return a store inside `folder` with a copy of the register, sharing what is named by its content."""
    scratch = Store(folder / "store")
    scratch.register_file.parent.mkdir(parents=True)
    for shared in (store.objects, store.root / "staged"):
        shared.mkdir(parents=True, exist_ok=True)
        (scratch.root / shared.relative_to(store.root)).symlink_to(shared.resolve(), target_is_directory=True)
    for path in (store.register_file, store.planned_file, store.register_file.parent / "probed.json"):
        if path.exists():
            shutil.copyfile(path, scratch.root / path.relative_to(store.root))
    return scratch


@contextmanager
def _kept(store: Store, scratch: Store) -> Iterator[None]:
    """Keep word of what the trial pulls, also if it fails: neither the next plan nor the run pulls it again."""
    known = {(d.source, d.address, d.sha256, d.version) for d in Register(scratch.planned_file).history()}
    registered = len(Register(scratch.register_file).history())
    try:
        yield
    finally:
        new = Register(scratch.register_file).history()[registered:]
        Register(store.planned_file).append(d for d in new if (d.source, d.address, d.sha256, d.version) not in known)


def _before(store: Store, month: str) -> tuple[Mapping[str, Any], str]:
    """Return what the run is compared with, in the form of `deliveries.json`, and its name."""
    path = store.run(month) / "deliveries.json"
    if path.exists():
        return read_json(path), f"the last run of {month}"
    newest = {d.key: d for d in Register(store.register_file).history() if d.ref_month <= month}
    if not newest:
        return EMPTY, "an empty store"
    lists = {d.unit: {"sha256": d.sha256} for d in newest.values() if d.table == "codelist"}
    return {
        **EMPTY,
        "deliveries": [asdict(d) for d in newest.values() if d.table != "codelist"],
        "codelists": {name: lists[name] for name in ("zaehltage", "gebietsaenderungen") if name in lists},
    }, f"what the store holds; there was no run of {month} yet"


def _newest_run(store: Store) -> str:
    months = [path.parent.name for path in store.runs.glob("*/deliveries.json")]
    return max(months, key=month_number, default="")


# -- what follows ------------------------------------------------------------------------------------------------------


def _foreseen(store: Store, trial: Run, folder: Path) -> Any:
    from pipeline.count.foreseeing import foresee

    return foresee(store, trial.month, trial.staged, trial.territory, trial.catalog, trial.settings, folder / "spill")


def _readings(changes: tuple[Change, ...], catalog: Catalog, territory: Territory) -> dict[tuple[str, str], Reading]:
    """Return who reads the changed deliveries of a table and month, as the declarations of the merkmale say."""
    first_month = min(territory.first_month.values())
    found = {}
    for table, month in sorted({(c.table, c.ref_month) for c in changes}):
        units = sorted({territory.unit_of(c.unit) for c in changes if (c.table, c.ref_month) == (table, month)})
        months: dict[str, tuple[str, str]] = {}
        by_sex = []
        for merkmal in catalog.merkmale.values():
            span = (0, 0) if table == "eckwerte" else merkmal.reads("M").get(table)
            if span is None:
                continue
            reading = month_range(
                max(first_month, add_months(month, -span[1])), min(territory.run_month, add_months(month, -span[0]))
            )
            if reading:
                months[merkmal.name] = (reading[0], reading[-1])
                if table not in merkmal.needs and table != "eckwerte":
                    by_sex.append(merkmal.name)
        found[table, month] = Reading(tuple(units), months, tuple(by_sex), OTHERS.get(table, ""))
    return found


def _release(store: Store, trial: Run, settings: tuple[Setting, ...]) -> Release:
    """Return the newest release of the month and the next one, if anything that a release rests on differs."""
    numbers = releases.numbers(store, trial.month)
    if not numbers:
        return Release("", f"{trial.month}.1", ("there is no release of the month yet",))
    newest, following = f"{trial.month}.{numbers[-1]}", f"{trial.month}.{numbers[-1] + 1}"
    basis = read_manifest(store.release(trial.month, numbers[-1]))["grundlage"]
    inputs, fetched = basis["eingaben"], trial.deliveries
    switches = {name: switch.value for name, switch in trial.catalog.switches.items()}
    parts = (
        ("deliveries", _digests(inputs["lieferungen"]), _digests(fetched["deliveries"])),
        ("code lists", inputs["codelisten"], _lists(fetched)),
        ("switches", basis["schalter"], json.loads(json.dumps(switches))),
        ("program", basis["code"], code_version()),
        ("installed packages", inputs["lock_sha256"], lock_digest()),
        ("catalog", basis["katalog_sha256"], trial.catalog.digest),
        ("address of the releases", basis["adresse"], trial.settings.site_url),
    )
    reasons = tuple(name for name, old, new in parts if old != new)
    perhaps = tuple(sorted({f"{s.kind}s" for s in settings if s.kind in ("correction", "waiver")}))
    return Release(
        newest, following if reasons or perhaps else newest, (*reasons, *perhaps), bool(reasons or not perhaps)
    )


def _lists(fetched: Mapping[str, Any]) -> dict[str, str]:
    return {name: entry["sha256"] for name, entry in fetched["codelists"].items() if entry}


def _digests(deliveries: list[Mapping[str, Any]]) -> dict[str, str]:
    return {d["address"]: d["sha256"] for d in deliveries}


def _also(store: Store, trial: Run) -> dict[str, tuple[str, ...]]:
    """Return, for other months with a release, the deliveries and lists that a run of them would find changed."""
    now = by_key(trial.deliveries["deliveries"])
    lists = _lists(trial.deliveries)
    found = {}
    for month in releases.months(store):
        numbers = releases.numbers(store, month)
        if month == trial.month or not numbers:
            continue
        inputs = read_manifest(store.release(month, numbers[-1]))["grundlage"]["eingaben"]
        until = min(month, trial.month)
        old = {k: d["sha256"] for k, d in by_key(inputs["lieferungen"]).items() if k[0] <= until}
        new = {k: d["sha256"] for k, d in now.items() if k[0] <= until}
        differ = ["/".join(key) for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        known = inputs["codelisten"]
        differ += [f"{name}.csv" for name in sorted({*lists, *known}) if lists.get(name) != known.get(name)]
        if differ:
            found[month] = tuple(differ)
    return found
