"""A monthly run: where it works, what is known of it, and what its earlier steps have left in the store.

A property remembers what it has read, a method reads a table anew; `steps.do` gives each step a run that remembers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
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
    read_gebietsaenderungen,
    read_zaehltage,
)
from pipeline.memory import tables_from_malloc
from pipeline.months import DEFAULT_STICHTAG_DAY, Zaehltage, month_number
from pipeline.progress import Progress
from pipeline.settings import Settings, load_settings
from pipeline.store import Store, read_json

if TYPE_CHECKING:
    from pipeline.compare import Generation, Released
    from pipeline.count.territory import Territory


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
        return self.declared.with_switches(self.decided.get("switches", {}))

    @cached_property
    def decisions(self) -> Decisions:
        """Return the corrections and waivers that the month's fetch has written down."""
        return Decisions.of_json(self.decided)

    @cached_property
    def decided(self) -> Mapping[str, Any]:
        """Return `deliveries.json` without the deliveries, which are many: lists, switches, corrections and waivers."""
        return {
            name: value for name, value in self._left_by("fetch", "deliveries.json").items() if name != "deliveries"
        }

    @cached_property
    def deliveries(self) -> Mapping[str, Any]:
        """Return `deliveries.json`, what fetch decided the run uses."""
        return self._left_by("fetch", "deliveries.json")

    def address_of(self, month: str, table: str, unit: str) -> str:
        """Return the address of the file that a unit has delivered of a table for a month."""
        return self._addresses[month, table, unit]

    @cached_property
    def _addresses(self) -> Mapping[tuple[str, str, str], str]:
        return {(d["ref_month"], d["table"], d["unit"]): d["address"] for d in self.deliveries["deliveries"]}

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

    @cached_property
    def verdict_on_deliveries(self) -> Mapping[str, Any]:
        """Return `verdict-deliveries.json`."""
        return self._left_by("check_deliveries", "verdict-deliveries.json")

    @cached_property
    def verdict_on_results(self) -> Mapping[str, Any]:
        """Return `verdict.json`."""
        return self._left_by("check_results", "verdict.json")

    def _left_by(self, step: str, name: str) -> Mapping[str, Any]:
        path = self.store.run(self.month) / name
        if not path.exists():
            raise StepError(f"{self.month}: {path.name} is missing; run the step {step} first")
        content: Mapping[str, Any] = read_json(path)
        return content

    def computed(self, table: str) -> pa.Table:
        """Read a computed table, unsuppressed."""
        return pq.read_table(self.store.computed(table, self.month))

    def eckwerte(self) -> list[pa.Table]:
        """Read the unsuppressed base counts, one table for each counted month."""
        return [pq.read_table(self.store.eckwerte(month)) for month in self.counted["months"]]

    def opened(self) -> dict[str, pa.Table]:
        """Read the suppressed tables."""
        return {name: pq.read_table(path) for name, path in self.store.opened(self.month).items()}

    def released(self) -> list[Released]:
        """Read what readers already have of the run's cells, in a fixed order: first that of earlier months, newest first.

        Of earlier months these are the releases made from other deliveries, code lists, corrections or switches than the run
        has for the same months; of its own month all. Without a revision earlier months have decided alike.
        """
        from pipeline.compare import Released
        from pipeline.publish import releases
        from pipeline.publish.manifest import basis_until, read_manifest

        own = {
            "eingaben": {
                "lieferungen": self.deliveries["deliveries"],
                "codelisten": {name: entry["sha256"] for name, entry in self.deliveries["codelists"].items() if entry},
                "berichtigungen_sha256": self.deliveries.get("corrections_sha256", ""),
            },
            "schalter": {name: switch.value for name, switch in self.catalog.switches.items()},
        }
        chosen = [
            (month, number)
            for month in reversed(releases.months(self.store))
            for number in reversed(releases.numbers(self.store, month))
            if month < self.month
            and basis_until(read_manifest(self.store.release(month, number))["grundlage"], month)
            != basis_until(own, month)
        ]
        chosen += [(self.month, number) for number in releases.numbers(self.store, self.month)]
        return [
            Released(
                f"{month}.{number}",
                *(
                    pq.read_table(self.store.release(month, number) / f"{t}.parquet")
                    for t in ("eckwerte", "kennzahlen")
                ),
            )
            for month, number in chosen
        ]

    def generations(self) -> list[Generation]:
        """Read what releases on earlier territories may have shown, as the step count has counted it."""
        from pipeline.compare import Generation

        cells = {then["month"]: frozenset(map(tuple, then["small_euro_cells"])) for then in self.counted["earlier"]}
        return [
            Generation(
                pq.read_table(self.store.eckwerte_before(self.month, territory.run_month)),
                territory.members,
                self.vergleichstypen_on(territory),
                territory.successor_of,
                cells[territory.run_month],
            )
            for territory in self.earlier_territories
        ]

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
        entry = self.decided["codelists"].get(name)
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
    """Prepare a run; cheap: reads catalog and settings only. From then on the tables of the process lie in malloc's memory.

    `switches` are texts such as ``imputer=on``; they go before those of the settings. Raises MonthError for what is no
    month and SwitchError for what cannot be selected.
    """
    tables_from_malloc()
    month_number(month)
    catalog, settings = load_catalog(), load_settings()
    selection = parse_selection(settings.switches) | parse_selection(switches)
    catalog.with_switches(selection)
    return Run(Store(Path(store)), month, tuple(sources), catalog, settings, selection, progress)
