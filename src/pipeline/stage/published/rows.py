"""Collects the rows of a delivery: good ones, bad ones and remarks, each with a number and the address of its cell.

Counts of Kreise become counts of jobcenters here, exactly or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from pipeline.catalog import Catalog, Table
from pipeline.stage.found import BadRow, RawFile, RejectedError, Remark
from pipeline.stage.published.cells import Value, shown
from pipeline.stage.published.regions import Registry
from pipeline.stage.published.values import Said, said

_NAMED = 20
Cell = tuple[str, str]


@dataclass(frozen=True)
class _Part:
    """What a file says of one Kreis and cell; `number` is that of its row."""

    said: Said
    number: int


class Rows:
    """The rows of one delivery for a month, with keys judged by the registry of the Stichtag."""

    def __init__(self, month: str, registry: Registry, catalog: Catalog) -> None:
        self.month = month
        self.registry = registry
        self._signs = catalog.layouts.signs
        self._reasons = {sign: entry["grund"] for sign, entry in catalog.codelists["zeichen"].items()}
        self._ranks = {reason: int(entry["rang"]) for reason, entry in catalog.codelists["gruende"].items()}
        self._cells: list[tuple[int, dict[str, str]]] = []
        self._places: list[str] = []
        self._bad: list[BadRow] = []
        self._notes: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        self._kreise: dict[str, dict[Cell, list[_Part]]] = defaultdict(lambda: defaultdict(list))

    def bad(self, rule: str, column: str, value: Value, message: str, place: str) -> None:
        """Set a row aside; `place` is the cell to look at."""
        self._bad.append(BadRow(rule, self._number(place), column, shown(value), message, place))

    def note(self, rule: str, message: str, value: Value, place: str) -> None:
        """Remark on a row that is not read; rows with the same remark become one with their count."""
        self._notes[rule, message].append((self._number(place), shown(value)))

    def count(self, jc_id: str, cell: Cell, value: Value, style: str, place: str) -> None:
        """Take a jobcenter's cell, or set it aside if it cannot be understood; raises RejectedError for an empty one."""
        found, number = self._understood(value, style, place)
        if not found.rule:
            self._take(jc_id, cell, found, number)

    def count_kreis(self, kreis: str, cell: Cell, value: Value, style: str, place: str) -> None:
        """Take a Kreis' cell; `attribute_kreise` makes cells of jobcenters of them. Raises RejectedError for an empty one."""
        found, number = self._understood(value, style, place)
        self._kreise[kreis][cell].append(_Part(found, number))

    def says(self, value: Value, style: str) -> Said:
        """Return what a cell says, without taking it."""
        return said(value, style, self._signs)

    def add_canonical(self, member: str, raw: RawFile) -> None:
        """Take the rows of a canonical member of a ZIP."""
        for line, row in zip(raw.rows.to_pylist(), raw.table.to_pylist(), strict=True):
            self._cells.append((self._number(f"{member}: row {line}"), row))
        for bad in raw.bad:
            self.bad(bad.rule, bad.column, bad.value, bad.message, f"{member}: row {bad.row}")

    def _number(self, place: str) -> int:
        self._places.append(place)
        return len(self._places)

    def _understood(self, value: Value, style: str, place: str) -> tuple[Said, int]:
        found = self.says(value, style)
        if found.is_empty:
            raise RejectedError("STAGE-NO-VALUE", "a value is empty and has no sign", column=place)
        number = self._number(place)
        if found.rule:
            self._bad.append(BadRow(found.rule, number, found.column, shown(value), found.message, place))
        elif found.mark:
            self._notes["LAYOUT-MARK", f"marked as: {found.mark}; the value counts"].append((number, shown(value)))
        return found, number

    def _take(self, jc_id: str, cell: Cell, found: Said, number: int) -> None:
        texts = (jc_id, cell[1], cell[0], found.wert, found.zeichen)
        self._cells.append(
            (number, dict(zip(("jc_id", "geschlecht", "merkmal", "wert", "zeichen"), texts, strict=True)))
        )

    def attribute_kreise(self) -> None:
        """Turn what was said of Kreise into cells of jobcenters: the sum of its Kreise if they are all there and unshared."""
        if not self._kreise:
            return
        kreise = self.registry.kreise
        for key in sorted(self._kreise):
            first = min(part.number for parts in self._kreise[key].values() for part in parts)
            if len(shared := kreise[key].jobcenters) > 1:
                text = (
                    f"Kreis {key} is shared by {_listed(shared)}; what it counts cannot be attributed, they get no row"
                )
                self._notes["LAYOUT-KREIS", text].append((first, key))
        for jc_id, jobcenter in sorted(self.registry.valid.items()):
            said_of = [key for key in jobcenter.ags5 if key in self._kreise]
            if not said_of or any(len(kreise[key].jobcenters) > 1 for key in jobcenter.ags5):
                continue
            cells = dict.fromkeys(cell for key in said_of for cell in self._kreise[key])
            for cell in cells:
                self._attribute(jc_id, jobcenter.ags5, cell)

    def _attribute(self, jc_id: str, keys: tuple[str, ...], cell: Cell) -> None:
        if len(keys) == 1:
            for part in self._kreise[keys[0]][cell]:
                if not part.said.rule:
                    self._take(jc_id, cell, part.said, part.number)
            return
        parts = [self._kreise[key].get(cell, []) if key in self._kreise else [] for key in keys]
        number = next(part.number for found in parts for part in found)
        absent = [key for key, found in zip(keys, parts, strict=True) if not found]
        if absent:
            text = f"{jc_id} lies in several Kreise, of which {_listed(absent)} is absent; it gets no row"
            self._notes["LAYOUT-KREIS", text].append((number, f"{cell[0]} {cell[1]}"))
            return
        if any(len({part.said for part in found}) > 1 for found in parts):
            text = f"a Kreis of {jc_id} stands twice and says different things; it gets no row"
            self._notes["LAYOUT-KREIS", text].append((number, f"{cell[0]} {cell[1]}"))
            return
        whole = [found[0].said for found in parts]
        if not any(part.rule for part in whole):  # a bad part is set aside already, and the sum with it
            self._take(jc_id, cell, self._sum(whole), number)

    def _sum(self, parts: list[Said]) -> Said:
        """Return the exact sum; a sign wins, among several the one with the strongest reason (contract, section 5)."""
        signs = [part.zeichen for part in parts if self._reasons.get(part.zeichen)]
        if signs:
            return Said(zeichen=min(signs, key=lambda sign: self._ranks[self._reasons[sign]]))
        if all(part.zeichen for part in parts):
            return Said(zeichen=parts[0].zeichen)
        return Said(wert=f"{sum((Decimal(part.wert or 0) for part in parts if not part.zeichen), Decimal(0)):f}")

    def raw_file(self, table: Table) -> RawFile:
        """Return all rows in the order of the file."""
        self._cells.sort(key=lambda entry: entry[0])
        columns = {
            name: pa.array([cells.get(name) for _, cells in self._cells], pa.string()) for name in table.column_names
        }
        numbers = pa.array([number for number, _ in self._cells], pa.int32())
        return RawFile(pa.table(columns), numbers, tuple(self._bad), self._remarks(), tuple(self._places))

    def _remarks(self) -> tuple[Remark, ...]:
        found = []
        for (rule, message), noted in self._notes.items():
            number, value = noted[0]
            names = _listed(dict.fromkeys(text for _, text in noted))
            text = f"{message} ({names})" if rule == "LAYOUT-DISSOLVED" else message
            found.append(Remark(rule, number, "", value, text, len(noted)))
        return tuple(found)


def _listed(names: Iterable[str]) -> str:
    texts = list(names)
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return ", ".join(texts[:_NAMED]) + more
