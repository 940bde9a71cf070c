"""An explanation on the terminal: the answer first, then the tables behind it. Piped it is plain text that nothing wraps."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipeline.explain.figure import FigureFound
from pipeline.publish.provenance import sentences
from pipeline.publish.provenance.model import Delivery, Explanation, Noted, SideCounts
from pipeline.publish.wording import SYNTHETIC, Signs, german

DELIVERIES_LISTED = 200
FINDINGS_LISTED = 30
UNLIMITED = 10_000
BASES = {
    "personen": "aus Personen gezählt",
    "eckwerte": "veröffentlicht (Statistik)",
    "imputiert": "geschätzt (imputiert)",
    "": "",
}
SEVERITIES = {"critical": "Fehler", "error": "Fehler", "warning": "Warnung", "info": "Hinweis"}


def as_lines(found: FigureFound, *, width: int | None = None, colours: bool = False) -> list[str]:
    """Return the explanation as German text; `width` is that of a terminal in columns, None for a pipe: nothing is wrapped."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or UNLIMITED,
        force_terminal=colours,
        color_system="standard" if colours else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    _Sheet(console, found).write()
    return [line.rstrip() for line in out.getvalue().splitlines()]


class _Sheet:
    """Writes the parts of an explanation one below the other."""

    def __init__(self, console: Console, found: FigureFound) -> None:
        self._console = console
        self._found = found
        self._said: Explanation = found.explanation
        self._signs = Signs.of(found.evidence.catalog)

    def write(self) -> None:
        e = self._said
        if e.synthetic:
            self._console.print(Text(SYNTHETIC, "bold red"))
        self._console.print(Text(f"{e.indicator.name} {e.title}", "bold"))
        shown = sentences.value_text(e.indicator, e.value) if e.value is not None else "kein Wert"
        self._console.print(Text(sentences.headline(e.area, e.sex, e.ref_month, shown), "bold"))
        self._console.print()
        for sentence in e.answer:
            self._console.print(Text(sentence))
        if e.formula:
            self._heading("Rechnung")
            self._console.print(Text(f"  {e.formula}"))
        self._definition()
        for counts in e.sides:
            self._months(counts)
        self._members()
        self._standings()
        self._findings()
        self._decisions()
        self._deliveries()
        self._heading(f"Veröffentlichung {e.release}")
        self._console.print(Text(f"  Ordner: {self._found.release}"), soft_wrap=True)
        self._console.print(Text(f"  Seite: {self._found.page}"), soft_wrap=True)

    def _heading(self, words: str) -> None:
        self._console.print()
        self._console.print(Text(words, "bold"))

    def _table(self, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> None:
        """Print rows under headings; columns are (heading, `left` or `right`)."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
        for heading, side in columns:
            table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def _definition(self) -> None:
        e = self._said
        self._heading("Definition")
        self._console.print(Text(f"  {e.indicator.definition_of(e.version)}"))
        force = "in Kraft" if e.in_force else "nicht in Kraft"
        self._console.print(
            Text(f"  {e.indicator.legal_basis} der Verordnung zu § 48a SGB II, Fassung {e.definition}, für den Lauf ")
            + Text(f"{e.run_month} {force}")
        )
        for a in e.assumptions:
            self._console.print(Text(f"  Abweichende Annahme: {a.name} = {a.value} (sonst {a.default})"))

    def _months(self, counts: SideCounts) -> None:
        if not counts.months:
            return
        span = f"{counts.first} bis {counts.last}" if counts.first != counts.last else counts.first
        self._heading(f"{counts.role}: {counts.merkmal.label.de} ({counts.merkmal.name}), {span}")
        rows = [
            (
                c.month,
                sentences.amount(c.value, counts.merkmal) if c.value is not None else self._signs.sign(c.reason),
                BASES[c.basis] if c.value is not None else self._signs.words(c.reason),
            )
            for c in counts.months
        ]
        self._table((("Monat", "left"), (counts.merkmal.unit, "right"), ("Herkunft", "left")), rows)

    def _members(self) -> None:
        e = self._said
        if not e.members:
            return
        above, below = (f"{s.role}: {s.merkmal.label.de}" for s in e.sides)
        self._heading(f"Jobcenter ({len(e.members)}); {above}; {below}")
        rows = [
            (
                m.jc_id,
                m.name,
                "–" if m.numerator is None else sentences.amount(m.numerator, e.sides[0].merkmal),
                "–" if m.denominator is None else sentences.amount(m.denominator, e.sides[1].merkmal),
                self._signs.words(m.reason) if m.reason else "",
            )
            for m in e.members
        ]
        headings = (
            ("Schlüssel", "left"),
            ("Jobcenter", "left"),
            ("Zähler", "right"),
            ("Nenner", "right"),
            ("", "left"),
        )
        self._table(headings, rows)

    def _standings(self) -> None:
        if not self._said.standings:
            return
        self._heading("Ränge (eigene Berechnung nach dem angezeigten Wert; 1 ist der beste)")
        names = {"alle": "alle", "kommunal": "kommunale", "vergleichstyp": "Vergleichstyp", "land": "Land"}
        rows = [
            (
                names[s.group],
                f"{s.rank} von {s.ranked}",
                "–" if s.first is None else f"{s.first}–{s.last}",
                "–" if s.median is None else f"{german(s.median)} %",
            )
            for s in self._said.standings
        ]
        self._table((("Gruppe", "left"), ("Rang", "right"), ("gesichert", "right"), ("Median", "right")), rows)

    def _findings(self) -> None:
        found = self._said.findings
        if not found:
            return
        self._heading(f"Befunde zu gelesenen Lieferungen ({len(found)})")
        self._table(
            (("Schwere", "left"), ("Regel", "left"), ("Lieferung", "left"), ("Anzahl", "right")),
            [self._finding(n) for n in found[:FINDINGS_LISTED]],
        )
        self._more(len(found) - FINDINGS_LISTED)

    def _finding(self, noted: Noted) -> tuple[str, str, str, str]:
        place = "/".join(t for t in (noted.month, noted.table, noted.unit) if t)
        return SEVERITIES[noted.severity], f"{noted.title} ({noted.rule})", place, str(noted.number or "")

    def _decisions(self) -> None:
        e = self._said
        if e.corrections:
            self._heading("Berichtigungen")
        for c in e.corrections:
            change = f", {c['expect']} → {c['value']}" if "value" in c else ""
            cell = f"{c['ref_month']} {c['jc_id']} {c['merkmal']} {c['geschlecht']}"
            self._console.print(Text(f"  {c['id']}: {cell}{change}. {c['reason']} Quelle: {c['source']}"))
        if e.waivers:
            self._heading("Ausnahmen von Prüfregeln")
        for w in e.waivers:
            self._console.print(Text(f"  {w['titel']} ({w['rule']}): {w['reason']} Gilt bis {w['expires']}."))

    def _deliveries(self) -> None:
        deliveries = self._found.deliveries
        if not deliveries:
            return
        self._heading(f"Gelesene Lieferungen ({len(deliveries)}), mit SHA-256 der Originaldatei")
        grouped: dict[str, list[Delivery]] = {}
        for d in deliveries[:DELIVERIES_LISTED]:
            grouped.setdefault(d.table, []).append(d)
        for table, members in grouped.items():
            self._console.print(Text(f"  {sentences.TABLES.get(table, table)} ({table})"))
            size = max(len(_file(d)) for d in members)
            for d in members:
                rejected = "  zurückgewiesen" if d.rejected else ""
                self._console.print(Text(f"  {d.month}  {_file(d):<{size}}  {d.sha256}{rejected}"), soft_wrap=True)
        self._more(len(deliveries) - DELIVERIES_LISTED)
        for name, digest in sorted(self._found.evidence.code_lists.items()):
            self._console.print(Text(f"  {name}.csv  {digest}"), soft_wrap=True)
        if {"aufnahme", "massnahme"} & grouped.keys():
            self._console.print(
                Text("  Aufnahmen und Maßnahmen einer Person zählen auch aus den Dateien anderer Jobcenter.")
            )

    def _more(self, number: int) -> None:
        if number > 0:
            self._console.print(Text(f"  … und {number} weitere; alle nennt --json."))


def _file(delivery: Delivery) -> str:
    return delivery.address.rsplit("/", 1)[-1]
