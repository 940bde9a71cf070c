"""One comparison table of a release as text: for the terminal in German, for programs as JSON or CSV.

Every value is the one the release shows; nothing is ranked or rounded here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.catalog import Catalog
from pipeline.publish.manifest import read_manifest
from pipeline.publish.wording import ESTIMATED_SIGN, SEXES, Signs, german, month_name
from pipeline.reader.choosing import Choice, moment

FIELDS = ("jc_id", "name", "land", "traeger", "wert_anzeige", "grund", "basis", "intervall_unten", "intervall_oben")
CHANGES = ("aenderung_vormonat", "aenderung_vorjahr")
PIPE_WIDTH = 150


@dataclass(frozen=True)
class ComparisonTable:
    """Rows of one indicator and sex: jobcenter, value or reason, interval, changes, and rank in `group` and among all.

    `title` are the lines above the table, `notes` those below; `rows` come in the order of the rank.
    """

    facts: Mapping[str, Any]
    title: tuple[str, ...]
    notes: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    signs: Signs

    def as_json(self) -> dict[str, Any]:
        """Return facts and rows; decimals are text."""
        return {**self.facts, "zeilen": [{k: _plain(v) for k, v in row.items()} for row in self.rows]}

    def as_csv(self) -> str:
        """Return the rows as CSV as the release writes it: comma, point, empty for missing; the facts in every row."""
        text = io.StringIO(newline="")
        named = ("release", "kennzahl", "definition", "ref_month", "geschlecht", "datenart")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*(self.rows[0] if self.rows else ()), *named])
        writer.writerows(
            [*("" if v is None else v for v in row.values()), *(self.facts[n] for n in named)] for row in self.rows
        )
        return text.getvalue()

    def as_text(self, width: int = 0) -> str:
        """Return the table for a terminal of `width` columns (0: a pipe, wide enough for every cell)."""
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        ranked = self.facts["gereiht"]
        if ranked:
            table.add_column("Rang", justify="right")
        table.add_column("Jobcenter", overflow="fold")
        table.add_column("Wert, %", justify="right")
        for name in ("Streubereich", "Vormonat, Pp", "Vorjahr, Pp"):
            table.add_column(name, justify="right", no_wrap=True)
        if ranked:
            table.add_column("Rangbereich", justify="right", no_wrap=True)
            table.add_column("Rang unter allen", justify="right", no_wrap=True)
        for row in self.rows:
            table.add_row(*self._cells(row, ranked))
        text = io.StringIO()
        console = Console(file=text, width=width or PIPE_WIDTH, color_system=None, highlight=False, markup=False)
        for line in self.title:
            console.print(line)
        console.print(table)
        for line in self.notes:
            console.print(line)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def _cells(self, row: Mapping[str, Any], ranked: bool) -> list[str]:
        value = row["wert_anzeige"]
        low, high = row["intervall_unten"], row["intervall_oben"]
        shown = (
            german(value) if value is not None else f"{self.signs.sign(row['grund'])} {self.signs.words(row['grund'])}"
        )
        if value is not None and row["basis"] == "imputiert":
            shown += f" {ESTIMATED_SIGN}"
        cells = [
            row["name"],
            shown,
            f"{german(low)}–{german(high)}" if low is not None else "",
            *("" if row[name] is None else german(row[name], signed=True) for name in CHANGES),
        ]
        if not ranked:
            return cells
        of_all = f"{row['rang_alle']} von {row['anzahl_alle']}" if row["rang_alle"] is not None else ""
        span = f"{row['rang_von']}–{row['rang_bis']}" if row["rang_von"] is not None else ""
        return ["" if row["rang"] is None else str(row["rang"]), *cells, span, of_all]


def comparison_table(
    choice: Choice, catalog: Catalog, kennzahl: str, *, sex: str, kommunal: bool, jobcenters: Collection[str] = ()
) -> ComparisonTable:
    """Return the table of an indicator in force, of all jobcenters or of the kommunale, or of some `jobcenters` of them.

    Ranks are those of the pages, by the displayed value. The lines above say which release is shown and what replaced it.
    """
    folder, group = choice.issue.folder, "kommunal" if kommunal else "alle"
    source = pq.read_table(folder / "vergleich.parquet")
    chosen = source.filter(
        pc.and_(
            pc.and_(pc.equal(source["kennzahl"], kennzahl), pc.equal(source["geschlecht"], sex)), source["in_kraft"]
        )
    ).to_pylist()
    members = [r for r in chosen if (r["traeger"] == "zkT" or not kommunal)]
    rows = [_row(r, group) for r in members if not jobcenters or r["jc_id"] in jobcenters]
    rows.sort(key=lambda r: (r["wert_anzeige"] is None, r["rang"] or 0, r["name"].casefold(), r["jc_id"]))
    manifest = read_manifest(folder)
    number = max((r["anzahl"] or 0 for r in (_row(r, group) for r in members)), default=0)
    first = chosen[0]
    facts = {
        "release": choice.issue.name,
        "veroeffentlicht": choice.issue.published_at.isoformat(),
        "zeit_aus_dem_journal": choice.issue.noted,
        "ersetzt_durch": choice.replaced_by.name if choice.replaced_by else None,
        "ersetzt_am": choice.replaced_by.published_at.isoformat() if choice.replaced_by else None,
        "ersetzt_weil": list(choice.why),
        "lauf": choice.issue.month,
        "ref_month": first["ref_month"],
        "kennzahl": kennzahl,
        "definition": first["definition"],
        "geschlecht": sex,
        "gruppe": group,
        "gereiht": number,
        "datenart": manifest["grundlage"]["datenart"],
    }
    return ComparisonTable(
        facts,
        _title(choice, manifest, catalog, first, kommunal, number),
        _notes(rows, jobcenters, catalog, number),
        rows,
        Signs.of(catalog),
    )


def _row(row: Mapping[str, Any], group: str) -> dict[str, Any]:
    ranks = {name: row[f"{name}_{group}"] for name in ("anzahl", "rang_von", "rang_bis")}
    return {
        "rang": row[f"rang_anzeige_{group}"],
        **{name: row[name] for name in (*FIELDS, *CHANGES)},
        **ranks,
        "rang_alle": row["rang_anzeige_alle"],
        "anzahl_alle": row["anzahl_alle"],
    }


def _title(
    choice: Choice, manifest: Mapping[str, Any], catalog: Catalog, row: Mapping[str, Any], kommunal: bool, ranked: int
) -> tuple[str, ...]:
    indicator = catalog.indicators[row["kennzahl"]]
    label = indicator.label_of(row["definition"].removeprefix(row["kennzahl"])).de
    issue = choice.issue
    source = "" if issue.noted else " (Zeit der Dateien; im Journal nicht vermerkt)"
    lines = [manifest["hinweis"]] if manifest["hinweis"] else []
    lines += [
        f"{row['kennzahl']} {label} ({row['definition']})",
        f"Bezugsmonat {month_name(row['ref_month'])}, {SEXES[row['geschlecht']]}, "
        f"{'kommunale' if kommunal else 'alle'} Jobcenter{f', gereiht sind {german(ranked)}' if ranked else ''}",
        f"Veröffentlichung {issue.name} vom {moment(issue.published_at)}{source}",
    ]
    if choice.replaced_by:
        lines.append(f"Seit {moment(choice.replaced_by.published_at)} ersetzt durch {choice.replaced_by.name}")
        lines += [f"  {why}" for why in choice.why]
    return (*lines, "")


def _notes(
    rows: Sequence[Mapping[str, Any]], jobcenters: Collection[str], catalog: Catalog, ranked: int
) -> tuple[str, ...]:
    absent = sorted(set(jobcenters) - {r["jc_id"] for r in rows})
    notes = (
        [f"Nicht in dieser Tabelle: {', '.join(f'{unit} ({catalog.jobcenters[unit].name})' for unit in absent)}"]
        if absent
        else []
    )
    notes += (
        ["Rang nach dem angezeigten Wert, 1 ist der beste; eigene Berechnung. Pp: Prozentpunkte."] if ranked else []
    )
    if any(r["basis"] == "imputiert" and r["wert_anzeige"] is not None for r in rows):
        notes.append(f"{ESTIMATED_SIGN}: enthält geschätzte (imputierte) Monate.")
    return ("", *notes) if notes else ()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
