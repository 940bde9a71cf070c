"""The commands `layout propose` and `layout check`: a published file in, what would become of it out.

Nothing is written: drafts are printed for review, and a check reads a file as staging would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipeline.catalog import Catalog, load_catalog
from pipeline.commands.options import Json, a_month_or_none
from pipeline.commands.output import EXIT_FAILED, result
from pipeline.settings import load_settings
from pipeline.stage.found import RejectedError
from pipeline.store.register import PUBLISHED, suffixes_of

if TYPE_CHECKING:
    from pipeline.stage.published import Proposal

_SHOWN = 20

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="a .xlsx, .zip, .csv or .csv.gz file")
]
MonthOfFile = Annotated[
    str, typer.Option("--month", callback=a_month_or_none, help="reference month, YYYY-MM; default: what the file says")
]


def propose(file: File, month: MonthOfFile = "", as_json: Json = False) -> None:
    """Say what was recognised in a new or changed file, what moved, and draft the lines for the catalog."""
    from pipeline.stage.published import propose as propose_lines

    catalog, limit = load_catalog(), load_settings().max_unpacked_bytes
    suffix = _suffix(file)
    try:
        wanted = month or _month_of(file, suffix, catalog, limit)
        found = propose_lines(file, suffix, catalog, wanted, limit)
    except RejectedError as error:
        _rejected(error, as_json)
    code = EXIT_FAILED if any(not sheet.layout for sheet in found.sheets) else 0
    result({"exit": code, **asdict(found)}, as_json, _proposal_lines(found, file))
    if code:
        raise typer.Exit(code)


def check(file: File, month: MonthOfFile = "", as_json: Json = False) -> None:
    """Read a file as staging would and list rows, bad rows and remarks; the Stichtag is that of the catalog."""
    from pipeline.stage.examining import examine

    catalog, limit = load_catalog(), load_settings().max_unpacked_bytes
    suffix = _suffix(file)
    try:
        wanted = month or _month_of(file, suffix, catalog, limit)
        found = examine(file, suffix, catalog.tables[PUBLISHED], wanted, catalog, catalog.zaehltage, limit)
    except RejectedError as error:
        _rejected(error, as_json)
    jobcenters = len(set(found.accepted.column("jc_id").to_pylist()))
    bad = [{**asdict(b), "column": b.place or b.column} for b in found.bad]
    remarks = [{**asdict(r), "column": found.place(r.row) or r.column} for r in found.remarks]
    lines = [f"{file.name}: {wanted}, {found.accepted.num_rows:,} rows of {jobcenters} jobcenters, {len(bad)} bad rows"]
    lines += [f"  {b['rule']} {b['column']}: {b['value']!r} {b['message']}" for b in bad[:_SHOWN]]
    lines += [f"  … and {len(bad) - _SHOWN} more bad rows"] if len(bad) > _SHOWN else []
    lines += [f"  {r['rule']} {r['column']}: {r['message']} ({r['count']} x)" for r in remarks]
    summary = {
        "exit": 0,
        "month": wanted,
        "rows": found.accepted.num_rows,
        "jobcenters": jobcenters,
        "bad": bad,
        "remarks": remarks,
    }
    result(summary, as_json, lines)


def _suffix(file: Path) -> str:
    known = [s for s in suffixes_of(PUBLISHED) if s != ".parquet"]
    suffix = next((s for s in sorted(known, key=len, reverse=True) if file.name.lower().endswith(s)), "")
    if not suffix:
        raise typer.BadParameter(f"{file.name} has none of the endings {', '.join(known)}")
    return suffix


def _month_of(file: Path, suffix: str, catalog: Catalog, limit: int) -> str:
    from pipeline.stage.published import published_month

    month = published_month(file, suffix, catalog, limit)
    if not month:
        raise typer.BadParameter("no month is found where the nearest layout has it; give --month")
    return month


def _rejected(error: RejectedError, as_json: bool) -> NoReturn:
    rule = load_catalog().rules[error.rule]
    where = f" {error.column}" if error.column else ""
    value = f" {error.value!r}" if error.value else ""
    lines = [f"{error.rule}{where}:{value} {error.message}", f"  {rule.title_de}. {rule.action_de}"]
    summary = {
        "exit": EXIT_FAILED,
        "rule": error.rule,
        "place": error.column,
        "value": error.value,
        "error": error.message,
    }
    result(summary, as_json, lines)
    raise typer.Exit(EXIT_FAILED)


def _some(texts: Sequence[str]) -> list[str]:
    more = [f"  … and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else []
    return [*(f"  {text}" for text in texts[:_SHOWN]), *more]


def _proposal_lines(found: Proposal, file: Path) -> list[str]:
    lines = [f"{file.name}, {found.month}"]
    for sheet in found.sheets:
        name = sheet.title or file.name
        lines.append(f"  {name}: {sheet.state}{f', layout {sheet.layout}' if sheet.layout else ''}")
        if sheet.header_row:
            parts = [f"header in row {sheet.header_row}", f"{len(sheet.mapped)} headers mapped"]
            parts += [f"{len(sheet.ignored)} ignored", f"{len(sheet.unknown)} unknown"]
            parts += [f"explained: {', '.join(sheet.explained)}"] if sheet.explained else []
            parts += [f"month {sheet.month}"] if sheet.month else []
            lines.append(f"    {'; '.join(parts)}")
    if found.changes:
        lines += ["changed:", *_some(found.changes)]
    if found.absent:
        lines += ["absent although mapped:", *_some(found.absent)]
        lines.append("  if the publisher has dropped them for good, enter the last month of their lines as gueltig_bis")
    for name, drafted in found.drafts.items():
        lines += [f"draft for src/pipeline/catalog/layouts/{name} (review every line, then append it):", *drafted]
    if not (found.drafts or found.absent or any(s.unknown or s.state == "unknown" for s in found.sheets)):
        lines.append("nothing to add to the catalog; kennzahlen layout check says how the file is read")
    return lines
