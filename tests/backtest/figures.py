"""The published national figures of `tests/data/amtliche_werte.csv` and the page that shows them.

Which inputs are exact, rounded or estimated is said there; nothing here computes an indicator.
PYTHONPATH=tests python -m backtest.figures writes the page.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).resolve()
TABLE = HERE.parents[1] / "data" / "amtliche_werte.csv"
PAGE = HERE.parents[2] / "docs" / "method" / "rueckrechnung.md"

GLEICH, IM_INTERVALL, WIDERSPRUCH = "gleich", "im Intervall", "Widerspruch"


@dataclass(frozen=True)
class Figure:
    """A printed value with the published counts it rests on; a span is how far the true count may lie from the printed one."""

    number: str
    kennzahl: str
    ref_month: str
    numerator: int
    numerator_span: int
    denominator: int
    denominator_span: int
    inputs: str
    printed: Decimal
    finding: str
    sources: tuple[str, str, str]
    access: str
    rights: str
    note: str

    @property
    def bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the (numerator, denominator) that give the least and the greatest value."""
        low = (self.numerator - self.numerator_span, self.denominator + self.denominator_span)
        high = (self.numerator + self.numerator_span, self.denominator - self.denominator_span)
        return low, high


def figures() -> tuple[Figure, ...]:
    """Return all published figures."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Figure(
                row["id"],
                row["kennzahl"],
                row["ref_month"],
                int(row["zaehler"]),
                int(row["zaehler_spanne"]),
                int(row["nenner"]),
                int(row["nenner_spanne"]),
                row["eingaben"],
                Decimal(row["anzeige"]),
                row["befund"],
                (row["quelle_wert"], row["quelle_zaehler"], row["quelle_nenner"]),
                row["zugang"],
                row["rechte"],
                row["anmerkung"],
            )
            for row in csv.DictReader(file)
        )


INTRODUCTION = """\
# Rückrechnung: amtlich veröffentlichte Werte für Deutschland

Diese Seite entsteht aus `tests/data/amtliche_werte.csv`; nicht von Hand ändern, sondern die Tabelle ergänzen und
`PYTHONPATH=tests python -m backtest.figures` ausführen. `tests/backtest/test_backtest.py` liefert die veröffentlichten Zahlen als
Tabelle `eckwerte` an, auf drei erfundene Jobcenter und zwölf verschieden große Monate verteilt, und liest den Wert für `bund` ab.
Die Monate vor und nach den Fenstern sind anders besetzt: ein um einen Monat verschobenes Fenster ergäbe einen anderen Wert.

- **exakt**: Zähler und Nenner sind auf die Einheit veröffentlicht; der gedruckte Wert muss genau herauskommen.
- **gerundet**: veröffentlicht sind gerundete Zahlen; der gedruckte Wert muss zwischen dem liegen, was sie zulassen.
- **geschätzt**: der Zähler ist gerundet veröffentlicht, der Nenner eine eigene Schätzung aus INKAR (± 1 %).
- **Widerspruch**: der gedruckte Wert liegt außerhalb; die Anmerkung sagt, warum. Er bleibt stehen, und der Test verlangt, dass er
  außerhalb liegt.

| Nr. | Kennzahl | Monat | Zähler | Nenner | Eingaben | gedruckt | Befund | Anmerkung | Quellen |
|---|---|---|---:|---:|---|---:|---|---|---|
"""
LIMITS = """
## Was das zeigt und was nicht

Nachgerechnet werden Fenster, Mittel und Rundung von K2 am Bund, nicht die Zählung der Personen: dafür gibt es keine öffentlichen
Einzeldaten. Zu K1, K3 und den Ergänzungsgrößen wurde kein Paar aus Zähler, Nenner und gedrucktem Wert gefunden; gedruckt ohne ihre
Zahlen sind etwa K3E1 16,4 (2014), K2E3 67,1 (November 2016) und K2 27,4 (2011). Übernommen sind Zahlen, keine Texte.
"""


def page(found: Iterable[Figure]) -> str:
    """Return the page."""
    return INTRODUCTION + "".join(_row(figure) for figure in found) + LIMITS


def _row(figure: Figure) -> str:
    links = dict.fromkeys(figure.sources)
    cells = (
        figure.number,
        figure.kennzahl,
        figure.ref_month,
        _count(figure.numerator, figure.numerator_span),
        _count(figure.denominator, figure.denominator_span),
        figure.inputs,
        str(figure.printed).replace(".", ","),
        figure.finding,
        figure.note,
        " ".join(f"[{number}]({link})" for number, link in enumerate(links, start=1)),
    )
    return f"| {' | '.join(cells)} |\n"


def _count(value: int, span: int) -> str:
    text = f"{value:,}".replace(",", ".")
    return f"{text} ± {span:,}".replace(",", ".") if span else text


if __name__ == "__main__":
    PAGE.write_text(page(figures()), encoding="utf-8")
