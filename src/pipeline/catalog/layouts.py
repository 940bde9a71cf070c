"""Layouts of published files, as data: what a layout is recognised by, and what each of its headers means.

`layouts/layouts.csv` holds the facts of all layouts, `layouts/<name>.csv` the headers of one. How cells are found and read is
the business of staging; only what differs from file to file stands here, with its validity by reference month.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable

from pipeline.catalog.model import SEXES
from pipeline.catalog.strict import parsed
from pipeline.months import month_number

PATH_SEPARATOR = " > "

FORMS = ("kanonisch", "breit", "lang")
ROLES = ("wert", "schluessel", "name", "land", "zeit", "merkmal", "geschlecht", "ignoriert", "erklaert")
HEADER_COLUMNS = ("gueltig_ab", "gueltig_bis", "pfad", "rolle", "merkmal", "geschlecht", "grund")
"""The columns of a layout's header list, in the order of the shipped files."""
_REGEX_FACTS = (
    *("titel", "mitglied", "blatt", "blatt_ignoriert", "monat", "zeitangabe"),
    *("zeile_uebergehen", "land_uebergehen", "ende"),
)
_CHOICES = {
    "dateiart": ("csv", "xlsx"),
    "form": FORMS,
    "zeichensatz": ("utf-8", "latin-1"),
    "zahlen": ("deutsch", "englisch"),
    "monat_zeilen": ("alle", "nur_berichtsmonat"),
    "schluesselart": ("traeger", "kreis"),
}
_OTHER_FACTS = ("trennzeichen", "kopfzeile", "monat_versatz", "anmerkung")
FACTS = (*_CHOICES, *_REGEX_FACTS, *_OTHER_FACTS)


@dataclass(frozen=True)
class Validity:
    """Reference months in which a line of a layout holds; empty ends are open, both are inclusive."""

    first: str = ""
    last: str = ""

    def holds(self, month: str) -> bool:
        """Tell whether the line holds in the month."""
        return self.first <= month and (not self.last or month <= self.last)

    def within(self, other: Validity) -> Validity | None:
        """Return the months in which both hold, None if there are none."""
        first = max(self.first, other.first)
        last = min((end for end in (self.last, other.last) if end), default="")
        return Validity(first, last) if not last or first <= last else None


@dataclass(frozen=True)
class Fact:
    """One fact of a layout, for example ``blatt`` = a pattern of sheet names, with a note why."""

    name: str
    value: str
    validity: Validity
    note: str = ""


@dataclass(frozen=True)
class Header:
    """What a header means: `role` says which kind of column it is, a ``wert`` names its merkmal and sex.

    A ``geschlecht`` with a sex is no column but a word: how the lowest level, or the row of a long table, writes that sex.

    `path` is the header from its upper level to its lower, joined by `` > ``; ``#3`` is the third column, where a layout
    writes no header. A role ``erklaert`` names a single level that says nothing about what is counted (a unit, a note).
    """

    path: str
    role: str
    merkmal: str
    geschlecht: str
    validity: Validity
    reason: str = ""

    @property
    def cell(self) -> tuple[str, str]:
        """Return merkmal and sex; both are empty where the header names none."""
        return (self.merkmal, self.geschlecht)

    @property
    def is_word(self) -> bool:
        """Tell whether this is no header but a word of sex."""
        return self.role == "geschlecht" and bool(self.geschlecht)


@dataclass(frozen=True)
class Layout:
    """A layout: its facts, headers and words of sex, of all months or (`at`) of one.

    A count declared without a sex stands in `headers` once per word of sex, with the word as its lowest level.
    """

    name: str
    facts: tuple[Fact, ...]
    headers: tuple[Header, ...]
    words: tuple[Header, ...] = ()

    def at(self, month: str) -> Layout:
        """Return the layout with what holds in the month only."""
        return replace(
            self,
            facts=tuple(f for f in self.facts if f.validity.holds(month)),
            headers=tuple(h for h in self.headers if h.validity.holds(month)),
            words=tuple(h for h in self.words if h.validity.holds(month)),
        )

    @property
    def usable(self) -> bool:
        """Tell whether the layout holds at all (in the month of `at`)."""
        return bool(self.text("form") and self.text("dateiart"))

    def texts(self, fact: str) -> tuple[str, ...]:
        """Return the values of a fact in declared order."""
        if fact not in FACTS:
            raise KeyError(fact)
        return tuple(f.value for f in self.facts if f.name == fact)

    def text(self, fact: str, default: str = "") -> str:
        """Return the value of a fact that stands once; the later line wins."""
        return (self.texts(fact) or (default,))[-1]

    def mapped(self) -> dict[str, Header]:
        """Return the headers by path, without those that explain single levels."""
        return {h.path: h for h in self.headers if h.role != "erklaert"}

    def explained(self) -> frozenset[str]:
        """Return the levels that say nothing about what is counted."""
        return frozenset(h.path for h in self.headers if h.role == "erklaert")

    def sexes_for(self, path: str) -> str:
        """Return, for a message, the words of sex where a path is a declared count but for its last level; else nothing."""
        upper, _, last = path.rpartition(PATH_SEPARATOR)
        declared = {h.path.rpartition(PATH_SEPARATOR)[0] for h in self.headers if h.merkmal}
        if not upper or upper not in declared or last in {word.path for word in self.words}:
            return ""
        return f"; its words of sex are {', '.join(word.path for word in self.words) or '(none)'}"

    def cells(self) -> tuple[tuple[str, str], ...]:
        """Return every (merkmal, sex) that the layout maps, each once."""
        return tuple(dict.fromkeys(h.cell for h in self.headers if h.role == "wert" and h.merkmal))


@dataclass(frozen=True)
class Sign:
    """How publishers write a sign (`kind` ``zeichen``, `sign` is the contract's) or a mark of a value (`kind` ``vermerk``)."""

    written: str
    kind: str
    sign: str
    meaning_de: str


@dataclass(frozen=True)
class Layouts:
    """All layouts by name in declared order, and the signs they write."""

    by_name: Mapping[str, Layout]
    signs: Mapping[str, Sign]

    def at(self, month: str) -> tuple[Layout, ...]:
        """Return the layouts that hold in the month, in declared order."""
        return tuple(found for layout in self.by_name.values() if (found := layout.at(month)).usable)


def read_layouts(folder: Traversable, merkmale: Collection[str], signs: Collection[str]) -> Layouts:
    """Read `layouts.csv`, one header list per layout and `zeichen.csv`.

    `merkmale` and `signs` are those of the contract. A line that cannot be understood is a CatalogError, with its file and line.
    """
    facts: dict[str, list[Fact]] = {}
    for name, fact in parsed(folder / "layouts.csv", lambda row: (row["layout"], _fact(row))):
        facts.setdefault(name, []).append(fact)
    layouts = {}
    for name, of_layout in facts.items():
        canonical = any(f.name == "form" and f.value == "kanonisch" for f in of_layout)
        headers, words = ((), ()) if canonical else _headers(folder / f"{name}.csv", merkmale)
        layouts[name] = Layout(name, tuple(of_layout), headers, words)
    known = parsed(folder / "zeichen.csv", lambda row: _sign(row, signs))
    return Layouts(layouts, dict(known))


def _headers(file: Traversable, merkmale: Collection[str]) -> tuple[tuple[Header, ...], tuple[Header, ...]]:
    """Return the headers, each count once per word of sex where its line names no sex, and those words."""
    lines: list[Header] = []
    parsed(file, lambda row: lines.append(_header(row, merkmale, lines)))
    words = tuple(line for line in lines if line.is_word)
    headers: list[Header] = []

    def enter(line: Header) -> None:
        for header in _with_sexes(line, words):
            _reject_twice(header, headers)
            headers.append(header)

    left = iter(lines)
    parsed(file, lambda row: enter(next(left)))
    return tuple(headers), words


def _with_sexes(line: Header, words: Collection[Header]) -> list[Header]:
    """Return the header of a line, one per word of sex that holds in the same months if it counts without naming a sex."""
    if line.is_word:
        return []
    if not line.merkmal or line.geschlecht:
        return [line]
    found = [
        replace(line, path=f"{line.path}{PATH_SEPARATOR}{word.path}", geschlecht=word.geschlecht, validity=both)
        for word in words
        if (both := line.validity.within(word.validity)) is not None
    ]
    absent = set(SEXES) - {header.geschlecht for header in found}
    if absent:
        raise ValueError(f"{line.path} counts by sex, but no word for {', '.join(sorted(absent))} holds in its months")
    return found


def _validity(row: dict[str, str]) -> Validity:
    found = Validity(row["gueltig_ab"], row["gueltig_bis"])
    for month in (found.first, found.last):
        if month:
            month_number(month)
    return found


def _fact(row: dict[str, str]) -> Fact:
    name, value = row["eigenschaft"], row["wert"]
    if name not in FACTS:
        raise ValueError(f"unknown eigenschaft {name!r}, known are {', '.join(FACTS)}")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(f"{name} is {value!r}, allowed are {', '.join(_CHOICES[name])}")
    if name in _REGEX_FACTS:
        try:
            groups = re.compile(value.replace("{land}", "x")).groups
        except re.error as error:
            raise ValueError(f"{name} is no pattern: {error}") from error
        if name == "monat" and groups != 1:
            raise ValueError(f"monat needs exactly one group, the month: {value!r}")
        if name == "zeitangabe" and set(re.compile(value).groupindex) != {"jahr", "monat"}:
            raise ValueError(f"zeitangabe needs the named groups jahr and monat and no other: {value!r}")
    if name in ("kopfzeile", "monat_versatz"):
        int(value)
    return Fact(name, value, _validity(row), row["bemerkung"])


def _header(row: dict[str, str], merkmale: Collection[str], earlier: list[Header]) -> Header:
    found = Header(row["pfad"], row["rolle"], row["merkmal"], row["geschlecht"], _validity(row), row["grund"])
    if not found.path:
        raise ValueError("pfad is empty")
    if found.role not in ROLES:
        raise ValueError(f"rolle is {found.role!r}, allowed are {', '.join(ROLES)}")
    if found.merkmal and found.merkmal not in merkmale:
        raise ValueError(f"unknown merkmal {found.merkmal!r}")
    if found.merkmal and found.role != "wert":
        raise ValueError("a merkmal belongs to the role wert")
    if found.geschlecht and (found.geschlecht not in SEXES or not (found.merkmal or found.role == "geschlecht")):
        raise ValueError("a sex (T, M or F) belongs to a merkmal, or to a word of the role geschlecht")
    if found.role in ("ignoriert", "erklaert") and not found.reason:
        raise ValueError(f"{found.path}: what is {found.role} needs a reason (grund)")
    _reject_twice(found, earlier)
    return found


def _reject_twice(header: Header, earlier: Collection[Header]) -> None:
    for other in earlier:
        if other.path == header.path and other.validity.within(header.validity) is not None:
            raise ValueError(f"{header.path} stands twice for the same months")


def _sign(row: dict[str, str], signs: Collection[str]) -> tuple[str, Sign]:
    found = Sign(row["schreibweise"], row["art"], row["zeichen"], row["bedeutung_de"])
    if found.kind not in ("zeichen", "vermerk"):
        raise ValueError(f"art is {found.kind!r}, allowed are zeichen and vermerk")
    if (found.kind == "zeichen") != (found.sign in signs):
        raise ValueError(f"{found.written!r} must stand for one of the signs {' '.join(sorted(signs))}")
    return found.written, found
