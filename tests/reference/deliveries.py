"""Reading delivery trees: which file counts, which rows of it are good (contract, sections 1 and 2).

Every rule is a plain check on one value, one row or one file. Nothing here knows what is counted later.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from .zeit import DAY_PATTERN, MONTH_PATTERN, Zaehltage

Row = dict[str, Any]
Address = tuple[str, str, str]
"""A delivery: reference month, table, unit."""

PERSON_TABLES = ("bestand", "leistungsbezug", "aufnahme", "massnahme", "leistung")
SINGLE_UNIT = {"beschaeftigung": "bst", "eckwerte": "statistik"}
SUFFIXES = (".parquet", ".csv.gz", ".csv")

ARTEN = {"svb", "ausbildung", "selbst", "gering", "freiwilligendienst", "sonst"}
CODES = {
    *("16_egz", "16b", "16d", "16e_alt", "16e_neu", "16f", "16i", "16j", "16k", "vb", "sozteil"),
    *("esf_lza", "buergerarbeit", "16_sonst"),
}
RECHTSGRUNDLAGEN = {"20", "21", "22_1", "22_2", "22_6", "22_8", "23", "24_1", "24_3", "26", "28"}
ZEICHEN = {"-", "*", "x", ".", "..."}
MERKMALE = (
    *("elb", "alleinerz", "elb_zugang", "elb_abgang", "lzb", "lzb_zugang", "lzb_abgang", "lzb_amp"),
    *("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb", "svb_nach12", "svb_kont6"),
    *("llu", "luh"),
)

REJECTED_REVISION_FALLS_BACK = False
"""If a later source's file is rejected: True takes the earlier source's file, False counts it as missing (A3)."""


class DeliveryError(Exception):
    """Two files for the same delivery lie in one source."""


class BadValueError(Exception):
    """A value breaks what the contract says of its column; the row is quarantined."""


class RejectedError(Exception):
    """A delivery has a broken structure; it counts as missing."""


# --- one value ---------------------------------------------------------------------------------------------------


def _is_empty(value: Any) -> bool:
    """Tell whether a field is missing: an empty CSV field, or a null in Parquet."""
    return value is None or value == ""


def text(value: Any) -> str:
    """Read a text that must be there (a key)."""
    if _is_empty(value) or not isinstance(value, str):
        raise BadValueError("empty or not a text")
    return value


def text_or_empty(value: Any) -> str:
    """Read a text that may be missing."""
    return "" if _is_empty(value) else text(value)


def day(value: Any) -> dt.date:
    """Read an ISO day that must be there."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if not isinstance(value, str) or not DAY_PATTERN.match(value):
        raise BadValueError("not an ISO day")
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise BadValueError("no such day") from error


def day_or_empty(value: Any) -> dt.date | None:
    """Read an ISO day, or nothing (an open period)."""
    return None if _is_empty(value) else day(value)


def boolean(value: Any) -> bool:
    """Read `true` or `false`."""
    if isinstance(value, bool):
        return value
    if value == "true":
        return True
    if value == "false":
        return False
    raise BadValueError("neither true nor false")


def _decimal(value: Any, pattern: str) -> Decimal:
    """Read a decimal number of the given shape."""
    written = format(value, "f") if isinstance(value, Decimal) else str(value)
    if not re.match(pattern, written):
        raise BadValueError("not a number of this type")
    return Decimal(written)


def euro(value: Any) -> Decimal:
    """Read a decimal(12,2)."""
    return _decimal(value, r"^-?\d{1,10}(\.\d{1,2})?$").quantize(Decimal("0.01"))


def number_or_empty(value: Any) -> Decimal | None:
    """Read a published count, or nothing."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and not value.is_finite():
        raise BadValueError("not a number")
    if isinstance(value, Decimal):
        value = format(value.normalize(), "f")
    return None if _is_empty(value) else _decimal(value, r"^-?\d{1,16}(\.\d{1,2})?$")


def one_of(allowed: set[str], may_be_empty: bool = False) -> Callable[[Any], str]:
    """Return a reader for a code that must be on a list."""

    def read(value: Any) -> str:
        code = text_or_empty(value) if may_be_empty else text(value)
        if code not in allowed and not (may_be_empty and code == ""):
            raise BadValueError("code is on no list")
        return code

    return read


def personengruppe(value: Any) -> str:
    """Read a three-digit Personengruppe."""
    if not isinstance(value, str) or not re.match(r"^[0-9]{3}$", value):
        raise BadValueError("not three digits")
    return value


SCHEMA: dict[str, dict[str, Callable[[Any], Any]]] = {
    "bestand": {
        "person_id": text,
        "bg_id": text,
        "geschlecht": one_of({"M", "F", "D"}, may_be_empty=True),
        "geburtsdatum": day,
        "ist_elb": boolean,
        "ist_alleinerziehend": boolean,
    },
    "leistungsbezug": {"person_id": text, "bg_id": text, "von": day, "bis": day_or_empty},
    "aufnahme": {
        "person_id": text,
        "beginn": day,
        "art": one_of(ARTEN),
        "foerderung": one_of(CODES, may_be_empty=True),
        "im_ausland": boolean,
        "recorded_on": day,
    },
    "massnahme": {"person_id": text, "massnahme_art": one_of(CODES), "von": day, "bis": day_or_empty},
    "leistung": {
        "bg_id": text,
        "person_id": text_or_empty,
        "rechtsgrundlage": one_of(RECHTSGRUNDLAGEN),
        "anspruch_eur": euro,
    },
    "beschaeftigung": {"person_id": text, "von": day, "bis": day_or_empty, "personengruppe": personengruppe},
    "eckwerte": {
        "jc_id": text,
        "geschlecht": one_of({"T", "M", "F"}),
        "merkmal": one_of(set(MERKMALE)),
        "wert": number_or_empty,
        "zeichen": one_of(ZEICHEN, may_be_empty=True),
    },
}


# --- one file ----------------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Read header and records of a CSV file, gzip-compressed or not."""
    raw = path.read_bytes()
    try:
        if path.name.endswith(".gz"):
            raw = gzip.decompress(raw)
        records = list(csv.reader(io.StringIO(raw.decode("utf-8"), newline="")))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise RejectedError(f"unreadable: {error}") from error
    if not records:
        raise RejectedError("no header")
    return records[0], [list(record) for record in records[1:] if record]


def _read_parquet(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Read column names and records of a Parquet file."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path, partitioning=None, use_threads=False)
    except (OSError, pyarrow.ArrowException) as error:
        raise RejectedError(f"unreadable: {error}") from error
    columns = [column.to_pylist() for column in table.columns]
    return list(table.column_names), [list(record) for record in zip(*columns, strict=True)]


def read_delivery(path: Path, table: str) -> tuple[list[Row], list[tuple[int, str]]]:
    """Return the good rows of one file and (row number, reason) of the bad ones; raise `RejectedError`."""
    readers = SCHEMA[table]
    header, records = _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    if sorted(header) != sorted(readers):
        raise RejectedError(f"columns {header}, expected {list(readers)}")
    rows: list[Row] = []
    bad: list[tuple[int, str]] = []
    for number, record in enumerate(records, start=1):
        if len(record) != len(header):
            bad.append((number, "wrong number of fields"))
            continue
        raw = dict(zip(header, record, strict=True))
        if table == "eckwerte" and _is_empty(raw["wert"]) and _is_empty(raw["zeichen"]):
            raise RejectedError(f"row {number}: empty wert without a sign")
        try:
            row = {name: read(raw[name]) for name, read in readers.items()}
            if "bis" in row and row["bis"] is not None and row["von"] > row["bis"]:
                raise BadValueError("von after bis")
        except BadValueError as error:
            bad.append((number, str(error)))
            continue
        rows.append(row)
    return rows, bad


# --- a tree ------------------------------------------------------------------------------------------------------


@dataclass
class Deliveries:
    """Everything a run may see: accepted deliveries, code lists, and what was refused."""

    run_month: str
    zaehltage: Zaehltage
    aenderungen: list[tuple[str, str, dt.date]]
    """Changes of territory: old unit, new unit, first day."""
    accepted: dict[Address, list[Row]] = field(default_factory=dict)
    rejected: dict[Address, str] = field(default_factory=dict)
    quarantined: dict[Address, list[tuple[int, str]]] = field(default_factory=dict)

    def rows(self, month: str, table: str, unit: str) -> list[Row]:
        """Return the good rows of a delivery; none if it is missing."""
        return self.accepted.get((month, table, unit), [])

    def units(self, month: str, table: str) -> list[str]:
        """Return the units that delivered a table for a month."""
        return sorted(unit for (m, t, unit) in self.accepted if m == month and t == table)

    def first_month(self, table: str | None = None) -> str | None:
        """Return the month of the first delivery of a table by any unit (of anything, without a table)."""
        return min((m for (m, t, _) in self.accepted if table in (None, t)), default=None)


def _split_suffix(name: str) -> tuple[str, str] | None:
    """Split a file name into unit and known suffix; None for other files."""
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix), suffix
    return None


def _files(source: Path, run_month: str) -> dict[Address, Path]:
    """Find the deliveries of one source up to the run's month; two files for one delivery are an error."""
    found: dict[Address, Path] = {}
    for path in sorted(source.glob("*/*/*")):
        month, table = path.parent.parent.name, path.parent.name
        split = _split_suffix(path.name)
        if split is None or not MONTH_PATTERN.match(month) or table not in SCHEMA or month > run_month:
            continue
        address = (month, table, split[0])
        if address in found:
            raise DeliveryError(f"two files for {'/'.join(address)} in one source")
        found[address] = path
    return found


def _code_list(source: Path, name: str) -> list[dict[str, str]]:
    """Read a code list from the root of a source; empty if there is none."""
    path = source / name
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def load(sources: list[Path], run_month: str, registry_units: set[str]) -> Deliveries:
    """Read all sources for a run; for one address the later named source wins."""
    stichtage: dict[str, dt.date] = {}
    aenderungen: dict[tuple[str, str], dt.date] = {}
    candidates: dict[Address, list[Path]] = {}
    for source in sources:
        if days := list(_code_list(source, "zaehltage.csv")):
            stichtage = {line["ref_month"]: dt.date.fromisoformat(line["stichtag"]) for line in days}
        if changes := list(_code_list(source, "gebietsaenderungen.csv")):
            aenderungen = {(line["alt"], line["neu"]): dt.date.fromisoformat(line["ab"]) for line in changes}
        for address, path in _files(source, run_month).items():
            candidates.setdefault(address, []).append(path)

    result = Deliveries(run_month, Zaehltage(stichtage), [(*key, ab) for key, ab in aenderungen.items()])
    for address, paths in sorted(candidates.items()):
        _, table, unit = address
        expected = {SINGLE_UNIT[table]} if table in SINGLE_UNIT else registry_units
        if unit not in expected:
            result.rejected[address] = "wrong unit"
            continue
        choices = list(reversed(paths)) if REJECTED_REVISION_FALLS_BACK else [paths[-1]]
        for path in choices:
            try:
                rows, bad = read_delivery(path, table)
            except RejectedError as error:
                result.rejected[address] = str(error)
                continue
            result.accepted[address] = rows
            if bad:
                result.quarantined[address] = bad
            break
    return result
