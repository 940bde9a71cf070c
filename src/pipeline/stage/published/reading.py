"""Published files into rows of the table `eckwerte`: recognise, check the month and the header, then cell by cell.

What breaks the structure raises RejectedError; a cell or key that cannot be understood becomes a bad row with its address.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pipeline.catalog import PATH_SEPARATOR, Catalog, Layout, Table
from pipeline.stage.found import RawFile, RejectedError
from pipeline.stage.published.cells import Sheet
from pipeline.stage.published.dating import is_year, title_month, why_no_month
from pipeline.stage.published.headers import Head, find_head, missing_cells, paths_of
from pipeline.stage.published.opening import Part, parts_of
from pipeline.stage.published.recognising import (
    PROPOSE,
    TITLE_ROWS,
    Recognised,
    is_canonical,
    looks_canonical,
    nearest,
    recognise,
)
from pipeline.stage.published.regions import Registry
from pipeline.stage.published.rows import Rows
from pipeline.stage.published.tables import months_said, read_long, read_wide
from pipeline.stage.reading import csv_text, read_csv
from pipeline.store.register import PUBLISHED

_NAMED = 5


def read_published(
    path: Path, suffix: str, table: Table, catalog: Catalog, month: str, stichtag: date, max_unpacked_bytes: int
) -> RawFile:
    """Read a delivery of published Eckwerte in whatever layout the catalog knows for the month; raises RejectedError.

    `stichtag` is S(month), on which keys are judged. Values come as text in the columns of `table`; `places` names their cells.
    """
    parts = parts_of(path, suffix, max_unpacked_bytes)
    if len(parts) == 1 and not parts[0].member and is_canonical(parts[0], table.column_names):
        return read_csv(csv_text(parts[0].content), table)
    layouts = catalog.layouts.at(month)
    rows = Rows(month, Registry(catalog.jobcenters, stichtag), catalog)
    read: list[tuple[Recognised, list[Head]]] = []
    for part in parts:
        if is_canonical(part, table.column_names):
            _read_canonical(part, table, rows)
            continue
        try:
            recognised = recognise(part, layouts, max_unpacked_bytes)
        except RejectedError as error:
            if error.rule == "LAYOUT-UNKNOWN" and looks_canonical(part):
                _read_canonical(part, table, rows)  # says what is wrong with its columns
                continue
            raise
        read.append((recognised, [_read_sheet(sheet, recognised.layout, rows) for sheet in recognised.sheets]))
    _reject_missing_headers(read)
    rows.attribute_kreise()
    return rows.raw_file(table)


def _read_canonical(part: Part, table: Table, rows: Rows) -> None:
    try:
        rows.add_canonical(part.member, read_csv(csv_text(part.content), table))
    except RejectedError as error:
        where = ": ".join(text for text in (part.member, error.column) if text)
        raise RejectedError(error.rule, error.message, column=where, row=error.row, value=error.value) from error


def _read_sheet(sheet: Sheet, layout: Layout, rows: Rows) -> Head:
    head = find_head(sheet, layout)
    if head is None:
        raise RejectedError(
            "LAYOUT-HEADER",
            f"no header of the layout {layout.name} is there; {PROPOSE}",
            column=sheet.place(0, 0),
        )
    _reject_unknown_headers(sheet, layout, head)
    _reject_other_month(sheet, layout, head, rows.month)
    if layout.text("form") == "lang":
        read_long(sheet, layout, head, rows)
    else:
        read_wide(sheet, layout, head, rows)
    return head


def _reject_unknown_headers(sheet: Sheet, layout: Layout, head: Head) -> None:
    if head.unknown:
        first, *others = head.unknown
        more = f" (and {len(others)} more)" if others else ""
        what = f"the header {first.path!r}" if first.path else "a column without a header that has values"
        year = next((level for level in first.path.split(PATH_SEPARATOR) if is_year(level)), "")
        if year:
            raise RejectedError("STAGE-MONTH", why_no_month(year, layout), column=first.place, value=first.path)
        raise RejectedError(
            "LAYOUT-HEADER",
            f"{what}{more} is neither mapped nor ignored by name in the layout {layout.name}"
            f"{layout.sexes_for(first.path)}; {PROPOSE}",
            column=first.place,
            value=first.path,
        )
    if head.twice:
        first = head.twice[0]
        raise RejectedError("LAYOUT-HEADER", "the header stands twice", column=first.place, value=first.path)
    roles = (
        ("schluessel",) if layout.text("form") == "breit" else ("schluessel", "zeit", "merkmal", "geschlecht", "wert")
    )
    for role in roles:
        if head.of_role(role) is None:
            names = " or ".join(repr(h.path) for h in layout.headers if h.role == role and not h.merkmal)
            raise RejectedError(
                "LAYOUT-HEADER",
                f"the header {names or '(none declared)'} of the layout {layout.name} is absent; {PROPOSE}",
                column=sheet.place(head.first, 0),
                value=role,
            )


def _reject_missing_headers(read: Sequence[tuple[Recognised, Sequence[Head]]]) -> None:
    """Reject a delivery in which a mapped header is absent from all files; one layout may carry what another lacks."""
    found = {c.header.cell for _, heads in read for head in heads for c in head.counts if c.header}
    by_layout: dict[str, tuple[Recognised, list[Head]]] = {}
    for recognised, heads in read:
        if recognised.layout.text("form") == "breit":
            by_layout.setdefault(recognised.layout.name, (recognised, []))[1].extend(heads)
    for recognised, heads in by_layout.values():
        missing = [cell for cell in missing_cells(recognised.layout, heads) if cell not in found]
        if missing:
            sheet, paths = recognised.sheets[0], paths_of(recognised.layout)
            names = ", ".join(repr(paths[cell]) for cell in missing[:_NAMED])
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise RejectedError(
                "LAYOUT-HEADER",
                f"headers of the layout {recognised.layout.name} are absent: {names}{more}; {PROPOSE}",
                column=sheet.place(heads[0].first, 0),
                value=paths[missing[0]],
            )


def _reject_other_month(sheet: Sheet, layout: Layout, head: Head, month: str) -> None:
    said, place, text = title_month(sheet, layout, head.first)
    dated = [c for c in head.columns if c.month]
    if text and not said:
        raise RejectedError("STAGE-MONTH", why_no_month(text, layout), column=place, value=text)
    if said and said != month:
        raise RejectedError("STAGE-MONTH", f"the file says {said}, delivered for {month}", column=place, value=text)
    for column in dated:
        if column.month != month:
            raise RejectedError(
                "STAGE-MONTH",
                f"the header says {column.month}, delivered for {month}",
                column=column.month_place,
                value=column.month,
            )
    if not (said or dated or head.of_role("zeit")):
        raise RejectedError(
            "STAGE-MONTH", f"the file does not say its month (layout {layout.name})", column=sheet.place(0, 0)
        )


def published_month(path: Path, suffix: str, catalog: Catalog, max_unpacked_bytes: int) -> str:
    """Return the latest month that a file in a known layout, or in one near to it, speaks of; empty if it names none."""
    months: set[str] = set()
    layouts = tuple(catalog.layouts.by_name.values())
    for part in parts_of(path, suffix, max_unpacked_bytes):
        if is_canonical(part, catalog.tables[PUBLISHED].column_names):
            continue
        near = nearest(part, layouts, max_unpacked_bytes)
        if near is None:
            continue
        for sheet in near.sheets:
            head = find_head(sheet, near.layout)
            if head is None:
                months.add(title_month(sheet, near.layout, TITLE_ROWS)[0])
            else:
                months |= months_said(sheet, near.layout, head)[0]
    return max(months, default="")
