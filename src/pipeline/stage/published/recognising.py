"""Tells which layout a file has, by kind, sheet names and the words of its title block; never by trying what happens to fit.

A sheet that no layout knows is an error that names the nearest one; only sheets ignored by name are passed over.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.catalog import PATH_SEPARATOR, Layout
from pipeline.stage.found import RejectedError
from pipeline.stage.published.cells import Sheet, label
from pipeline.stage.published.headers import find_head
from pipeline.stage.published.opening import Part, csv_sheet, workbook_sheets
from pipeline.stage.reading import intact

TITLE_ROWS = 40
PROPOSE = "see kennzahlen layout propose"


@dataclass(frozen=True)
class Recognised:
    """A part in a layout: its data sheets, and the sheets that the layout ignores by name."""

    part: Part
    layout: Layout
    sheets: tuple[Sheet, ...]
    ignored: tuple[Sheet, ...] = ()


def is_canonical(part: Part, columns: Sequence[str]) -> bool:
    """Tell whether a CSV file has the columns of the data contract, or at least one of them in its first line."""
    first = part.content[:4096].split(b"\n", 1)[0].decode("utf-8-sig", errors="replace").strip()
    return part.kind == "csv" and ";" not in first and bool(set(columns) & {c.strip('"') for c in first.split(",")})


def looks_canonical(part: Part) -> bool:
    """Tell whether a CSV file that no layout knows was meant to be canonical: it has commas, or names the key column."""
    first = part.content[:4096].split(b"\n", 1)[0]
    return part.kind == "csv" and (first.count(b",") > first.count(b";") or b"jc_id" in first)


def recognise(part: Part, layouts: Sequence[Layout], max_bytes: int) -> Recognised:
    """Return the part in the one layout that fits; raises RejectedError for none, for several and for unknown sheets."""
    fitting = fitting_layouts(part, layouts, max_bytes)
    if len(fitting) == 1:
        return fitting[0]
    where = part.member
    if fitting:
        names = " and ".join(found.layout.name for found in fitting)
        raise RejectedError(
            "LAYOUT-UNKNOWN", f"fits the layouts {names} alike; the catalog must tell them apart", column=where
        )
    near = nearest(part, layouts, max_bytes)
    hint = f"; the nearest is {near.layout.name}" if near else ""
    raise RejectedError(
        "LAYOUT-UNKNOWN", f"fits no layout of the catalog that is valid in the month{hint}; {PROPOSE}", column=where
    )


def fitting_layouts(part: Part, layouts: Sequence[Layout], max_bytes: int) -> list[Recognised]:
    """Return the part in every layout that recognises it; raises RejectedError for what cannot be opened."""
    candidates = [x for x in layouts if x.text("dateiart") == part.kind and x.text("form") != "kanonisch"]
    if part.kind == "xlsx":
        sheets = workbook_sheets(part, max_bytes)
        return [_workbook(part, layout, sheets) for layout in candidates if any(has_titles(s, layout) for s in sheets)]
    _lenient_text(part)
    return [
        Recognised(part, layout, (csv_sheet(part, layout.text("trennzeichen", ";"), layout.texts("zeichensatz")),))
        for layout in candidates
        if _csv_fits(part, layout, max_bytes)
    ]


def _workbook(part: Part, layout: Layout, sheets: Iterable[Sheet]) -> Recognised:
    data, ignored = [], []
    for sheet in sheets:
        if any(re.search(pattern, sheet.name) for pattern in layout.texts("blatt_ignoriert")):
            ignored.append(sheet)
        elif any(re.search(pattern, sheet.name) for pattern in layout.texts("blatt")):
            data.append(sheet)
        else:
            raise RejectedError(
                "LAYOUT-UNKNOWN",
                f"the sheet is neither a data sheet of the layout {layout.name} nor ignored by name; {PROPOSE}",
                column=f"{sheet.title}!A1",
                value=sheet.name,
            )
    if not data:
        raise RejectedError("LAYOUT-UNKNOWN", f"no data sheet of the layout {layout.name} is there", column=part.member)
    return Recognised(part, layout, tuple(data), tuple(ignored))


def has_titles(sheet: Sheet, layout: Layout) -> bool:
    """Tell whether a sheet has all title words of a layout; one that declares none is not recognised by them."""
    words = [text for _, _, text in sheet.title_cells(TITLE_ROWS)]
    patterns = layout.texts("titel")
    return bool(patterns) and all(any(re.search(pattern, text) for text in words) for pattern in patterns)


def _csv_fits(part: Part, layout: Layout, max_bytes: int) -> bool:
    if layout.texts("mitglied") and part.member:
        return _has_member_name(part, layout)
    (sheet,) = sheets_of(part, layout.text("trennzeichen", ";"), max_bytes)
    if layout.texts("titel"):
        return has_titles(sheet, layout)
    head = find_head(sheet, layout)
    return head is not None and not head.unknown


def _lenient_text(part: Part) -> str:
    """Return the text to recognise a layout by: UTF-8, else Latin-1; whether the layout allows it is asked later."""
    try:
        text = part.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = part.content.decode("latin-1")
    try:
        return intact(text)
    except RejectedError as error:
        where = ": ".join(x for x in (part.member, f"line {error.row + 1}" if error.row else "") if x)
        raise RejectedError(error.rule, error.message, column=where) from error


def _has_member_name(part: Part, layout: Layout) -> bool:
    name = PurePosixPath(part.member).name
    return any(re.search(pattern, name) for pattern in layout.texts("mitglied"))


def sheets_of(part: Part, separator: str, max_bytes: int) -> tuple[Sheet, ...]:
    """Return the sheets of a part to compare with layouts, whatever encoding a CSV file has; raises RejectedError."""
    if part.kind == "xlsx":
        return workbook_sheets(part, max_bytes)
    content = _lenient_text(part).encode("utf-8")
    return (csv_sheet(Part(part.member, part.kind, content), separator, ("utf-8",)),)


def nearest(part: Part, layouts: Sequence[Layout], max_bytes: int) -> Recognised | None:
    """Return the part in the layout whose header words it has most of, with all its sheets that have any; None without any."""
    best: tuple[float, Recognised] | None = None
    for layout in layouts:
        if layout.text("dateiart") != part.kind or layout.text("form") == "kanonisch":
            continue
        sheets = sheets_of(part, layout.text("trennzeichen", ";"), max_bytes)
        headers = layout.headers if layout.text("form") != "lang" else [h for h in layout.headers if not h.merkmal]
        words = {level for h in headers for level in h.path.split(PATH_SEPARATOR) if not level.startswith("#")}
        scores = [(len(words & _labels(sheet)) / len(words), sheet) for sheet in sheets]
        score = max((s for s, _ in scores), default=0.0) + _mapped_share(sheets, layout)
        if _has_member_name(part, layout) or any(has_titles(sheet, layout) for sheet in sheets):
            score += 1.0
        if score > 0 and (best is None or score > best[0]):
            with_words = tuple(sheet for s, sheet in scores if s > 0)
            best = (score, Recognised(part, layout, with_words, tuple(s for s in sheets if s not in with_words)))
    return best[1] if best else None


def _mapped_share(sheets: Iterable[Sheet], layout: Layout) -> float:
    """Return the share of the layout's headers that some sheet maps: words may be equal and their order another."""
    heads = [head for sheet in sheets if (head := find_head(sheet, layout)) is not None]
    return max((len(head.columns) - len(head.unknown) for head in heads), default=0) / max(len(layout.headers), 1)


def _labels(sheet: Sheet) -> set[str]:
    return {label(value) for row in sheet.rows[: 2 * TITLE_ROWS] for value in row if isinstance(value, str)}


def close_name(text: str, known: Iterable[str]) -> str:
    """Return the known text that is most like a text, empty if none is."""
    return next(iter(difflib.get_close_matches(text, list(known), n=1, cutoff=0.6)), "")
