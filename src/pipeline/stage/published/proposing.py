"""Compares a new or changed file with the nearest known layout: what moved, what was renamed, and drafts of catalog lines.

A draft is for review. Nothing is read by it until somebody has put it into the catalog.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.catalog import PATH_SEPARATOR, Catalog, Header, Layout
from pipeline.catalog.layouts import HEADER_COLUMNS
from pipeline.stage.published.cells import Sheet, label
from pipeline.stage.published.drafting import OTHERS_TOO, REVIEW, SCALE, Draft, draft_of, exactly
from pipeline.stage.published.headers import Head, find_head, paths_of
from pipeline.stage.published.opening import Part, parts_of
from pipeline.stage.published.recognising import (
    Recognised,
    has_titles,
    is_canonical,
    nearest,
    sheets_of,
)
from pipeline.stage.published.regions import Registry
from pipeline.stage.published.renaming import as_written, in_known_word, likely_headers, words_for
from pipeline.stage.published.tables import months_said
from pipeline.store.register import PUBLISHED

_FACTS_FILE = "layouts.csv"
NEW_LAYOUT = "neu"
_LONG = ("zeit", "schluessel", "merkmal", "geschlecht")


@dataclass(frozen=True)
class SheetFound:
    """What a sheet or CSV file looks like beside a layout. `state` is known, ignored, renamed, new or unknown.

    `header_row` and `usual_row` count from 1; 0 is no header. `unknown` are (cell, header, what it is probably called in the
    layout) of headers that the layout does not know.
    """

    title: str
    layout: str
    state: str
    month: str = ""
    header_row: int = 0
    usual_row: int = 0
    mapped: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What a file is like, what changed (sentences), mapped headers that are absent, and drafted lines by file of the catalog."""

    month: str
    sheets: tuple[SheetFound, ...]
    changes: tuple[str, ...]
    absent: tuple[str, ...]
    drafts: Mapping[str, tuple[str, ...]]


@dataclass
class _Lines:
    month: str
    sheets: list[SheetFound] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def fact(self, layout: str, name: str, value: str, note: str) -> None:
        self._line(_FACTS_FILE, (layout, self.month, "", name, value, note))

    def header(self, layout: str, path: str, role: str, cell: tuple[str, str], reason: str) -> None:
        self._line(f"{layout}.csv", (self.month, "", path, role, *cell, reason))

    def new_file(self, layout: str) -> None:
        self._line(f"{layout}.csv", HEADER_COLUMNS)

    def _line(self, file: str, fields: Sequence[str]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(fields)
        lines = self.lines.setdefault(file, [])
        if text.getvalue() not in lines:
            lines.append(text.getvalue())


def propose(path: Path, suffix: str, catalog: Catalog, month: str, max_unpacked_bytes: int) -> Proposal:
    """Compare a file with the layouts that hold in the month; raises RejectedError if it cannot be opened at all."""
    layouts = catalog.layouts.at(month)
    draft = _Lines(month)
    for part in parts_of(path, suffix, max_unpacked_bytes):
        if is_canonical(part, catalog.tables[PUBLISHED].column_names):
            draft.sheets.append(SheetFound(part.member, "kanonisch", "known"))
            continue
        near = nearest(part, layouts, max_unpacked_bytes)
        if near is not None and any(_is_like(sheet, near.layout) for sheet in near.sheets):
            _compare(near, draft)
        else:
            layout = near.layout.name if near is not None and _is_recognised(near) else NEW_LAYOUT
            _describe(part, layout, draft, catalog, max_unpacked_bytes)
    absent = [
        path
        for name, seen in draft.seen.items()
        for cell, path in paths_of(catalog.layouts.by_name[name].at(month)).items()
        if cell not in seen
    ]
    return Proposal(
        month,
        tuple(draft.sheets),
        tuple(dict.fromkeys(draft.changes)),
        tuple(absent),
        {file: tuple(draft.lines[file]) for file in sorted(draft.lines, key=lambda file: file != _FACTS_FILE)},
    )


def _is_like(sheet: Sheet, layout: Layout) -> bool:
    """Tell whether a sheet has upper headers of a layout that count something (in a long table: the columns that say what)."""
    head = find_head(sheet, layout)
    if head is None:
        return False
    if layout.text("form") == "lang":
        return sum(head.of_role(role) is not None for role in _LONG) >= len(_LONG) / 2
    upper = {h.path.split(PATH_SEPARATOR)[0] for h in layout.headers if h.merkmal}
    return any(column.path.split(PATH_SEPARATOR)[0] in upper for column in head.columns)


def _is_recognised(near: Recognised) -> bool:
    return any(has_titles(sheet, near.layout) for sheet in (*near.sheets, *near.ignored))


def _describe(part: Part, layout: str, draft: _Lines, catalog: Catalog, max_bytes: int) -> None:
    """Draft a layout for a part that has no header word of any; where there is no table of keys, say so."""
    registry = Registry(catalog.jobcenters, catalog.zaehltage.stichtag(draft.month))
    labels = {merkmal.label.de: name for name, merkmal in catalog.merkmale.items()}
    known = _known_elsewhere(catalog.layouts.at(draft.month))
    declared = catalog.layouts.by_name.get(layout)
    passed_over = declared.at(draft.month).texts("blatt_ignoriert") if declared else ()
    there = {h.path for h in declared.at(draft.month).headers} if declared else set()
    separator = _separator(part)
    tables: list[tuple[Sheet, Draft]] = []
    without: list[Sheet] = []
    for sheet in sheets_of(part, separator, max_bytes):
        if _matches(passed_over, sheet.name):
            draft.sheets.append(SheetFound(sheet.title, layout, "ignored"))
            continue
        found = draft_of(sheet, registry, labels, known)
        if found is None:
            without.append(sheet)
            if part.kind == "xlsx":
                draft.fact(layout, "blatt_ignoriert", exactly(sheet.name), "ohne Tabelle mit Schlüsseln; prüfen")
        else:
            tables.append((sheet, found))
    draft.sheets += [SheetFound(sheet.title, layout if tables else "", "unknown") for sheet in without]
    where = f"{part.member}: " if part.member else ""
    if not tables:
        draft.lines.pop(_FACTS_FILE, None)
        draft.changes.append(f"{where}no table with keys of jobcenters or Kreise is there; see docs/use/layouts.md")
        return
    if layout == NEW_LAYOUT:
        text = "has no header word of a known layout; a new one is drafted by the likeness of words"
    else:
        text = (
            f"has the title of {layout} and none of its header words; lines for it are drafted by the likeness of words"
        )
    draft.changes.append(f"{where}{text}")
    for sheet, found in tables:
        draft.changes += [f"{_of(sheet)}{text}" for text in found.doubts]
    if layout == NEW_LAYOUT:
        draft.new_file(layout)
        kinds = [("dateiart", part.kind), ("form", "breit"), ("zahlen", "deutsch")]
        if part.kind == "csv":
            kinds += [("trennzeichen", separator), ("zeichensatz", _encoding(part))]
        for name, value in (*kinds, *tables[0][1].facts):
            draft.fact(layout, name, value, "prüfen")
    for sheet, found in tables:
        if part.kind == "xlsx" and layout == NEW_LAYOUT:
            draft.fact(layout, "blatt", exactly(sheet.name), "Datenblatt; prüfen")
        for header in found.headers:
            if header.path in there:
                continue
            draft.header(layout, header.path, header.role, header.cell, header.reason)
        unknown = tuple((sheet.title, h.path, "") for h in found.headers if h.role == "ignoriert")
        draft.sheets.append(SheetFound(sheet.title, layout, "new", header_row=found.header_row, unknown=unknown))


def _known_elsewhere(layouts: Sequence[Layout]) -> Layout:
    """Return what any layout explains and how any writes months, as a layout without a name."""
    explained = {h.path: h for layout in layouts for h in layout.headers if h.role == "erklaert"}
    dated = {f.value: f for layout in layouts for f in layout.facts if f.name == "zeitangabe"}
    return Layout("", tuple(dated.values()), tuple(explained.values()))


def _separator(part: Part) -> str:
    return max(";,\t", key=lambda sign: part.content.count(sign.encode()))


def _encoding(part: Part) -> str:
    try:
        part.content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _compare(near: Recognised, draft: _Lines) -> None:
    layout = near.layout
    names = layout.texts("blatt"), layout.texts("blatt_ignoriert")
    if layout.texts("titel") and not any(has_titles(sheet, layout) for sheet in near.sheets):
        words = ", ".join(layout.texts("titel"))
        draft.changes.append(
            f"{near.part.member or 'the file'}: not all title words of {layout.name} are there ({words})"
        )
    for sheet in (*near.sheets, *near.ignored):
        if names[1] and _matches(names[1], sheet.name):
            draft.sheets.append(SheetFound(sheet.title, layout.name, "ignored"))
        elif names[0] and not _matches(names[0], sheet.name):
            _strange_sheet(sheet, layout, draft)
        else:
            _headers(sheet, layout, "known", draft)


def _matches(patterns: Iterable[str], text: str) -> bool:
    return any(re.search(pattern, text) for pattern in patterns)


def _strange_sheet(sheet: Sheet, layout: Layout, draft: _Lines) -> None:
    head = find_head(sheet, layout)
    if head is not None and head.counts:
        draft.changes.append(f"sheet renamed: {sheet.title} has the headers of a data sheet of {layout.name}")
        draft.fact(layout.name, "blatt", exactly(sheet.name), "umbenanntes Datenblatt")
        _headers(sheet, layout, "renamed", draft)
    else:
        draft.changes.append(f"new sheet: {sheet.title} has no header of {layout.name}")
        draft.fact(layout.name, "blatt_ignoriert", exactly(sheet.name), "neu; prüfen, ob es Zahlen enthält")
        draft.sheets.append(SheetFound(sheet.title, layout.name, "unknown"))


def _headers(sheet: Sheet, layout: Layout, state: str, draft: _Lines) -> None:
    head = find_head(sheet, layout)
    if head is None:
        draft.sheets.append(SheetFound(sheet.title, layout.name, state))
        draft.changes.append(f"{sheet.title or 'the file'}: no header word of {layout.name} is there")
        return
    usual = int(layout.text("kopfzeile", "0"))
    if usual and head.first + 1 != usual:
        draft.changes.append(
            f"{_of(sheet)}header row {usual} → {head.first + 1}; it is found by its words, nothing to do"
        )
    found = [(c.path, c.place) for c in head.columns if c.path]
    declared = [h for h in layout.headers if h.role != "erklaert" and not h.path.startswith("#")]
    if layout.text("form") == "lang":
        columns, pairs = [h for h in declared if not h.merkmal], [h for h in declared if h.merkmal]
        unknown = _renamed_and_new(sheet, layout, columns, found, draft)
        said = _paths_in_rows(sheet, layout, head, {path: old for _, path, old in unknown})
        unknown += _renamed_and_new(sheet, layout, pairs, said, draft)
        known = {h.path: h for h in pairs}
        seen = {known[path].cell for path, _ in said if path in known}
    else:
        unknown = _renamed_and_new(sheet, layout, declared, found, draft)
        seen = {c.header.cell for c in head.counts if c.header is not None}
    draft.seen.setdefault(layout.name, set()).update(seen)
    draft.sheets.append(
        SheetFound(
            sheet.title,
            layout.name,
            state,
            _month_said(sheet, layout, head, draft),
            head.first + 1,
            usual,
            tuple(c.path for c in head.columns if c.header and c.header.role != "ignoriert" and c.path),
            tuple(c.path for c in head.columns if c.header and c.header.role == "ignoriert"),
            tuple(sorted(layout.explained() & _labels(sheet, head))),
            tuple(unknown),
        )
    )


def _month_said(sheet: Sheet, layout: Layout, head: Head, draft: _Lines) -> str:
    """Return the latest month that a sheet speaks of, and tell of times that are none and of a month that is not there."""
    months, strange = months_said(sheet, layout, head)
    draft.changes += [f"{place}: {why}" for why, place in strange.items()]
    if months and draft.month not in months:
        span = " to ".join(dict.fromkeys((min(months), max(months))))
        draft.changes.append(f"{_of(sheet)}the file speaks of {span}, not of {draft.month}")
    return max(months, default="")


def _of(sheet: Sheet) -> str:
    return f"{sheet.title}: " if sheet.title else ""


def _labels(sheet: Sheet, head: Head) -> set[str]:
    return {label(value) for row in sheet.rows[head.first : head.body] for value in row if isinstance(value, str)}


def _paths_in_rows(sheet: Sheet, layout: Layout, head: Head, renamed: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the different merkmal > sex of a long table in order of appearance, each with its first cell.

    `renamed` leads from headers that the layout does not know to those they probably are.
    """
    roles = {h.path: h.role for h in layout.headers if not h.merkmal}
    columns = {roles.get(renamed.get(c.path, c.path)): c for c in head.columns}
    if not {"merkmal", "geschlecht"} <= set(columns):
        return []
    merkmal, sex = columns["merkmal"], columns["geschlecht"]
    found: dict[str, str] = {}
    for row in range(head.body, len(sheet.rows)):
        texts = [label(sheet.value(row, column.index)) for column in (merkmal, sex)]
        if all(texts):
            found.setdefault(PATH_SEPARATOR.join(texts), sheet.place(row, merkmal.index))
    return list(found.items())


def _renamed_and_new(
    sheet: Sheet, layout: Layout, declared: Sequence[Header], found: Sequence[tuple[str, str]], draft: _Lines
) -> list[tuple[str, str, str]]:
    """Draft lines for the paths that the layout does not know and return them with their cell and their likely old name."""
    words = _draft_words(layout, found, draft)
    mixed = _mixed_words(layout, found, draft)
    there = [in_known_word(path, words) for path, _ in found]
    declared = as_written(declared, there)
    known = {h.path: h for h in declared}
    likely = likely_headers(declared, there)
    unknown = []
    for (path, place), translated in zip(found, there, strict=True):
        levels = path.split(PATH_SEPARATOR)
        shorter = PATH_SEPARATOR.join(levels[:-1])
        old = likely.get(translated)
        if translated in known:
            if translated != path:
                unknown.append((place, path, translated))
                draft.seen.setdefault(layout.name, set()).add(known[translated].cell)
        elif levels[-1] in mixed and layout.sexes_for(path):
            unknown.append((place, path, ""))
        elif known.get(shorter) is not None:
            unknown.append((place, path, shorter))
            draft.seen.setdefault(layout.name, set()).add(known[shorter].cell)
            _draft_level(sheet, layout, levels[-1], draft)
        elif old is not None:
            unknown.append((place, path, old.path))
            draft.changes.append(f"header text changed at {place}: {old.path!r} → {path!r}")
            _draft_renamed(layout, translated, old, draft)
            if old.merkmal:
                draft.seen.setdefault(layout.name, set()).add(old.cell)
        else:
            unknown.append((place, path, ""))
            draft.changes.append(f"new header at {place}: {path!r}")
            draft.header(layout.name, path, "ignoriert", ("", ""), REVIEW)
    return unknown


def _draft_words(layout: Layout, found: Sequence[tuple[str, str]], draft: _Lines) -> dict[str, str]:
    """Draft the words of sex that the layout does not know and return them with the word that they stand for."""
    words: dict[str, str] = {}
    for new, (old, place) in words_for(layout, found).items():
        words[new] = old.path
        draft.header(layout.name, new, "geschlecht", ("", old.geschlecht), f"früher: {old.path}")
        draft.changes.append(f"word of sex changed, first at {place}: {old.path!r} → {new!r}")
    return words


def _mixed_words(layout: Layout, found: Sequence[tuple[str, str]], draft: _Lines) -> set[str]:
    """Tell of words beside those of sex that may count others, too, and return them; nothing is drafted for them."""
    words: dict[str, str] = {}
    for path, place in found:
        last = path.rpartition(PATH_SEPARATOR)[2]
        if layout.sexes_for(path) and OTHERS_TOO.search(last):
            words.setdefault(last, place)
    draft.changes += [
        f"word of sex unknown, first at {place}: {word!r} may count others, too; nothing is drafted, ask the publisher"
        for word, place in words.items()
    ]
    return set(words)


def _draft_renamed(layout: Layout, path: str, old: Header, draft: _Lines) -> None:
    """Draft the line of a renamed header; a count whose sex is a known word needs one line for all its sexes."""
    upper, _, last = path.rpartition(PATH_SEPARATOR)
    if upper and (last, old.geschlecht) in {(word.path, word.geschlecht) for word in layout.words}:
        before = old.path.rpartition(PATH_SEPARATOR)[0]
        draft.header(layout.name, upper, old.role, (old.merkmal, ""), f"früher: {before}")
    else:
        draft.header(layout.name, path, old.role, old.cell, f"früher: {old.path}")


def _draft_level(sheet: Sheet, layout: Layout, level: str, draft: _Lines) -> None:
    text = f"{_of(sheet)}the headers have a further level {level!r}"
    if SCALE.search(level):
        draft.changes.append(f"{text}, which may change what the numbers mean; nothing is drafted, ask the publisher")
        return
    draft.changes.append(text)
    draft.header(layout.name, level, "erklaert", ("", ""), "neu; prüfen: darf am Wert nichts ändern")
