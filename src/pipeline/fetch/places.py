"""What an address means: the layout of a source by the data contract, and what to say about files that do not fit it.

Pure text: nothing here opens a file or a connection.
"""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import dataclass

from pipeline.catalog import Catalog
from pipeline.months import MonthError, month_number
from pipeline.store.register import suffixes_of

CODELIST = "codelist"
MARKER = "SYNTHETISCH"
ROOT_FILES = {
    "zaehltage.csv": ("zaehltage", ".csv"),
    "gebietsaenderungen.csv": ("gebietsaenderungen", ".csv"),
    "SYNTHETISCH.txt": (MARKER, ".txt"),
}
CODELISTS = ("zaehltage", "gebietsaenderungen")
_IGNORED = re.compile(r"^(?:\..*|README.*|LIESMICH.*|index\.html)$", re.IGNORECASE)

Key = tuple[str, str, str]


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """What a file is by its address: a delivery, or a code list (`table` is then ``codelist`` and `ref_month` empty)."""

    ref_month: str
    table: str
    unit: str
    suffix: str

    @property
    def key(self) -> Key:
        """Return what a newer file for the same thing replaces; equals `Delivery.key`."""
        return (self.ref_month, self.table, self.unit)

    @property
    def address(self) -> str:
        """Return the address relative to the root of a source."""
        if self.table == CODELIST:
            return f"{self.unit}{self.suffix}"
        return f"{self.ref_month}/{self.table}/{self.unit}{self.suffix}"


@dataclass(frozen=True)
class Stray:
    """A file or folder (address ends with ``/``) that is no delivery: the rule, why, and what the operator can do."""

    rule: str
    address: str
    message: str
    table: str = ""
    ref_month: str = ""
    unit: str = ""


def _longest_first(suffixes: tuple[str, ...]) -> list[str]:
    return sorted(suffixes, key=len, reverse=True)


def is_month(text: str) -> bool:
    """Tell whether a text is a month as the contract writes it."""
    try:
        month_number(text)
    except MonthError:
        return False
    return True


class Layout:
    """The layout of a source for a run: which folders to enter, which files are deliveries for months up to `month`."""

    def __init__(self, catalog: Catalog, month: str) -> None:
        self.month = month
        self.tables = tuple(catalog.tables)
        self._units = {
            table.name: frozenset(catalog.jobcenters) if table.unit == "jobcenter" else frozenset((table.unit,))
            for table in catalog.tables.values()
        }
        self._jobcenters = tuple(sorted(catalog.jobcenters))
        self._judged: dict[str, Stray | bool] = {}

    def folder(self, address: str) -> Stray | bool:
        """Judge a folder: True to enter it, False to pass it silently, Stray if the contract knows no such folder."""
        verdict = self._judged.get(address)
        if verdict is None:
            verdict = self._judged[address] = self._judge(address)
        return verdict

    def _judge(self, address: str) -> Stray | bool:
        parts = address.rstrip("/").split("/")
        if _IGNORED.match(parts[-1]):
            return False
        month = parts[0]
        if not is_month(month):
            return Stray("FETCH-UNKNOWN-FILE", f"{month}/", "is no month folder; deliveries lie in YYYY-MM/<table>/")
        if month > self.month:
            return False
        if len(parts) >= 2 and parts[1] not in self._units:
            known = ", ".join(self.tables)
            return Stray(
                "FETCH-UNKNOWN-FILE",
                f"{month}/{parts[1]}/",
                f"is no table of the data contract{_did_you_mean(parts[1], self.tables)}; the tables are {known}",
                ref_month=month,
            )
        if len(parts) > 2:
            return Stray(
                "FETCH-UNKNOWN-FILE",
                "/".join(parts[:3]) + "/",
                "is a folder where one file is expected; a delivery is a single file",
                table=parts[1],
                ref_month=month,
            )
        return True

    def file(self, address: str) -> Place | Stray | None:
        """Judge a file: its place, a Stray, or None if it is passed silently (hidden, read-me, a later month)."""
        *folders, name = address.split("/")
        if _IGNORED.match(name):
            return None
        if not folders:
            if name in ROOT_FILES:
                return Place("", CODELIST, *ROOT_FILES[name])
            hint = _did_you_mean(name, tuple(ROOT_FILES))
            return Stray("FETCH-UNKNOWN-FILE", name, f"is no code list of the data contract{hint}; it is not used")
        for depth in range(1, len(folders) + 1):
            verdict = self.folder("/".join(folders[:depth]))
            if verdict is not True:
                return verdict if isinstance(verdict, Stray) else None
        if len(folders) == 1:
            message = "lies beside the table folders; deliveries lie in <month>/<table>/"
            return Stray("FETCH-UNKNOWN-FILE", address, message, ref_month=folders[0])
        month, table = folders
        suffixes = suffixes_of(table)
        suffix = next((s for s in _longest_first(suffixes) if name.endswith(s) and len(name) > len(s)), None)
        if suffix is None:
            message = f"has none of the endings {', '.join(suffixes[:-1])} and {suffixes[-1]}; it is not used"
            return Stray("FETCH-UNKNOWN-FILE", address, message, table, month)
        unit = name[: -len(suffix)]
        if unit in self._units[table]:
            # One string for a month or unit, not one per file: there may be a hundred thousand.
            return Place(sys.intern(month), sys.intern(table), sys.intern(unit), suffix)
        return Stray("FETCH-UNKNOWN-UNIT", address, self._unknown_unit(table, unit), table, month, unit)

    def _unknown_unit(self, table: str, unit: str) -> str:
        allowed = self._units[table]
        if len(allowed) == 1:
            return f"{unit!r} does not deliver the table {table}; its only unit is {next(iter(allowed))!r}"
        return f"{unit!r} is not in the registry of jobcenters{self._close(unit)}; the file is not used"

    def _close(self, unit: str) -> str:
        digits = unit.lower().lstrip("t")
        if digits.isdigit():
            padded = f"t{digits.zfill(5)}"
            if padded in self._jobcenters:
                reason = "a leading zero is missing" if len(digits) < 5 else "the leading t is missing or upper case"
                return f"; did you mean {padded!r} ({reason})"
        for candidate in (unit.strip(), unit.lower().strip()):
            if candidate in self._jobcenters:
                return f"; did you mean {candidate!r}"
        return _did_you_mean(unit, self._jobcenters)


def _did_you_mean(text: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(text, known, n=1, cutoff=0.75)
    return f"; did you mean {close[0]!r}" if close else ""
