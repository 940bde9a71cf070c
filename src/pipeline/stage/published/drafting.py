"""Drafts a layout for a file that resembles none: where its table stands is seen by its keys, not by words.

What a column counts is proposed by the likeness of words alone, so every line of such a draft needs a reader.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.catalog import PATH_SEPARATOR, Header, Layout
from pipeline.catalog.layouts import Validity
from pipeline.stage.published.cells import Sheet, label
from pipeline.stage.published.dating import is_year, month_of
from pipeline.stage.published.headers import HeadColumn, columns_of
from pipeline.stage.published.regions import Registry, UnknownKeyError

REVIEW = "neu; vor der Aufnahme prüfen: ignorieren oder einem Merkmal zuordnen"
SEX_WORDS: Mapping[str, re.Pattern[str]] = {
    "T": re.compile(r"insgesamt|zusammen|gesamt", re.IGNORECASE),
    "M": re.compile(r"männ|^m$", re.IGNORECASE),
    "F": re.compile(r"frau|weib|^[wf]$", re.IGNORECASE),
}
# A word of several sexes, or of one and those who are of none of both, is never taken for that of one.
OTHERS_TOO = re.compile(r"div|\bund\b|\boder\b|ohne|unbek|sonst|[,/+&]", re.IGNORECASE)
# A level that may change the size of a value is never taken for a mere explanation, nor for a count.
SCALE = re.compile(r"\d|Tsd|Tausend|Mio|Million|Prozent|%|Quote|Anteil", re.IGNORECASE)
_LEAST_KEYS = 2
_HIGHEST = 8
_LIKE = 0.6


@dataclass(frozen=True)
class Shape:
    """A table found by its keys: header rows `first` to `body` - 1, last row with a key, column and kind of the keys."""

    first: int
    body: int
    last: int
    key: int
    kind: str


@dataclass(frozen=True)
class Draft:
    """Facts (name, value) and headers of a table that no layout describes, and what stands against using it (sentences)."""

    header_row: int
    facts: tuple[tuple[str, str], ...]
    headers: tuple[Header, ...]
    doubts: tuple[str, ...] = ()


def exactly(text: str) -> str:
    """Return a pattern that matches a text and nothing else, as readable as can be."""
    return f"^{_escaped(text)}$"


def _escaped(text: str) -> str:
    return re.escape(text).replace("\\ ", " ")


def shape_of(sheet: Sheet, registry: Registry) -> Shape | None:
    """Return the table of a sheet: its key column is the one with most keys of jobcenters or Kreise; None without any."""
    best: tuple[int, Shape] | None = None
    for kind in ("traeger", "kreis"):
        for column in range(sheet.width):
            rows = [row for row in range(len(sheet.rows)) if _is_key(sheet.text(row, column), kind, registry)]
            if len(rows) >= _LEAST_KEYS and (best is None or len(rows) > best[0]):
                body = rows[0]
                best = len(rows), Shape(_top(sheet, body), body, rows[-1], column, kind)
    return best[1] if best else None


def _is_key(text: str, kind: str, registry: Registry) -> bool:
    """Tell whether a cell is a key; one that lost its zero shows where the table stands, though no reader will take it."""
    try:
        if kind == "kreis" and text.isdigit() and len(text) == len("1001"):
            return registry.kreis(text.zfill(5)) is not None
        if kind == "kreis":
            return registry.is_other_level(text) or registry.kreis(text) is not None
        return bool(re.match(r"[tT]\d{5}\b", text)) and bool(registry.jobcenter(text))
    except UnknownKeyError:
        return False


def _top(sheet: Sheet, body: int) -> int:
    """Return the first header row: rows of a header reach into the right half of the table, titles do not."""
    row = body
    while row and not sheet.first_text(row - 1):
        row -= 1
    while row and body - row < _HIGHEST and _reach(sheet, row - 1) > sheet.width / 2:
        row -= 1
    return row


def _reach(sheet: Sheet, row: int) -> int:
    filled = [column + 1 for column in range(len(sheet.rows[row])) if sheet.text(row, column)]
    return max([*filled, *(right + 1 for top, _, _, right in sheet.merged if top == row)], default=0)


def draft_of(sheet: Sheet, registry: Registry, labels: Mapping[str, str], known: Layout) -> Draft | None:
    """Draft facts and headers for a wide table; None if there is no table.

    `labels` leads from the German names of the base counts to the counts, `known` holds what other layouts explain and how they
    write months.
    """
    shape = shape_of(sheet, registry)
    if shape is None or shape.first == shape.body:
        return None
    facts = [
        ("schluesselart", shape.kind),
        ("kopfzeile", str(shape.first + 1)),
        *_title_facts(sheet, shape.first, known),
    ]
    headers = [_header(c, sheet, shape, labels, known) for c in columns_of(sheet, shape.first, shape.body, known)]
    headers = [
        _ignored(h.path) if h.merkmal and h.cell in {x.cell for x in headers[:at]} else h
        for at, h in enumerate(headers)
    ]
    levels = {label(v) for row in sheet.rows[shape.first : shape.body] for v in row if isinstance(v, str)}
    headers += [replace(h, validity=Validity()) for h in known.headers if h.path in levels]
    facts += [("zeitangabe", pattern) for pattern in _month_patterns(sheet, shape, known)]
    if any(header.role == "zeit" for header in headers):
        facts.append(("monat_zeilen", "nur_berichtsmonat"))
    footer = next((text for row in range(shape.last + 1, len(sheet.rows)) if (text := sheet.first_text(row))), "")
    if footer:
        facts.append(("ende", f"^{_escaped(footer[:12].rstrip())}"))
    dated = any(header.role == "zeit" for header in headers) or any(name == "monat" for name, _ in facts)
    return Draft(shape.first + 1, tuple(facts), tuple(headers), tuple(_doubts(sheet, shape, headers, dated)))


def _doubts(sheet: Sheet, shape: Shape, headers: Sequence[Header], dated: bool) -> Iterator[str]:
    if not any(header.merkmal for header in headers):
        yield "no header resembles a base count; as drafted nothing would be counted"
    if dated:
        return
    for column in range(sheet.width):
        values = [sheet.value(row, column) for row in range(shape.body, shape.last + 1) if sheet.text(row, column)]
        if values and all(is_year(value) for value in values):
            yield f"{sheet.place(shape.body, column)}: the column holds years; annual values are no monthly counts"
            return
    yield "neither a title nor a column says the month; without it the file is rejected"


def _month_patterns(sheet: Sheet, shape: Shape, known: Layout) -> list[str]:
    """Return the known ways of writing months that the cells left of the keys and the title use."""
    texts = {sheet.text(row, column) for row in range(shape.body, shape.last + 1) for column in range(shape.key)}
    for row, _, text in sheet.title_cells(shape.first):
        texts |= {text, _month_behind(text, known), *(sheet.text(row, at) for at in range(len(sheet.rows[row])))}
    patterns = dict.fromkeys(known.texts("zeitangabe"))
    return [pattern for pattern in patterns if any(re.search(pattern, text) for text in texts)]


def _title_facts(sheet: Sheet, first: int, known: Layout) -> list[tuple[str, str]]:
    """Return what a layout may be recognised by: a title without digits, and the cell that says the month."""
    facts: list[tuple[str, str]] = []
    for row, column, text in sheet.title_cells(first):
        if not facts and not re.search(r"\d", text):
            facts.append(("titel", exactly(text)))
        behind = _month_behind(text, known)
        word = text.removesuffix(behind) if behind else text if month_of(sheet.value(row, column + 1), known) else ""
        if word:
            facts.append(("monat", rf"^{_escaped(word.rstrip(': '))}:?\s*(.*)$"))
            break
    return facts


def _month_behind(text: str, known: Layout) -> str:
    """Return the month that a text ends with behind a word, empty if it does not."""
    words = text.split(" ")
    return next((end for at in range(1, len(words)) if month_of(end := " ".join(words[at:]), known)), "")


def _header(column: HeadColumn, sheet: Sheet, shape: Shape, labels: Mapping[str, str], known: Layout) -> Header:
    path = column.path or f"#{column.index + 1}"
    rows = [row for row in range(shape.body, shape.last + 1) if sheet.text(row, column.index)]
    if column.index == shape.key:
        return Header(path, "schluessel", "", "", Validity(), "")
    if rows and all(month_of(sheet.value(row, column.index), known) for row in rows):
        return Header(path, "zeit", "", "", Validity(), "")
    if column.index < shape.key or not any(_has_digit(sheet.text(row, column.index)) for row in rows):
        return Header(path, "name", "", "", Validity(), "")
    merkmal, sex = counted(path.split(PATH_SEPARATOR), labels)
    if merkmal:
        return Header(path, "wert", merkmal, sex, Validity(), "nach dem Wortlaut; prüfen")
    return _ignored(path)


def _ignored(path: str) -> Header:
    return Header(path, "ignoriert", "", "", Validity(), REVIEW)


def _has_digit(text: str) -> bool:
    return any(c.isdigit() for c in text)


def counted(levels: Sequence[str], labels: Mapping[str, str]) -> tuple[str, str]:
    """Return the (merkmal, sex) that levels of a header are most like; empty texts if they are like none."""
    sexes = {level: sex for level in levels for sex, words in SEX_WORDS.items() if words.search(level)}
    rest = " ".join(level for level in levels if level not in sexes)
    close = difflib.get_close_matches(rest, list(labels), n=1, cutoff=_LIKE)
    if not close or len(set(sexes.values())) > 1 or any(SCALE.search(level) for level in levels):
        return "", ""
    return labels[close[0]], next(iter(sexes.values()), "T")
