"""German on paper and screen: numbers, months, signs for missing values, names of goals and sets.

Pure text in, text out; nothing here knows a file or a layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipeline.catalog import Catalog

MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)
MINUS = "\u2212"
NBSP = "\u00a0"
THIN = "\u202f"

GOALS = {
    1: "Verringerung der Hilfebedürftigkeit",
    2: "Verbesserung der Integration in Erwerbstätigkeit",
    3: "Vermeidung von langfristigem Leistungsbezug",
}
SHARED_RANKS = {
    "min": "gleiche Werte teilen sich den kleinsten Rang",
    "max": "gleiche Werte teilen sich den größten Rang",
    "dense": "gleiche Werte teilen sich einen Rang, der nächste folgt ohne Lücke",
}
"""What equal values have in common, by the switch `rank_ties`."""

ROUNDED = {"half_up": "kaufmännisch", "half_even": "bei genau der Hälfte zur geraden Ziffer"}
"""How values are rounded, by the switch `rounding_mode`."""

SEXES = {"T": "insgesamt", "F": "Frauen", "M": "Männer"}
DIRECTIONS = {
    "higher": "Ein höherer Wert ist besser.",
    "lower": "Ein niedrigerer Wert ist besser.",
    "none": "Ohne Wertung: Die Verordnung gibt keine Richtung vor, deshalb gibt es keinen Rang.",
}
SYNTHETIC = "SYNTHETISCHE DATEN – alle Zahlen sind erfunden"
ORDINANCE = "Verordnung zur Festlegung der Kennzahlen nach § 48a SGB II"
RANK_RANGE = (
    "Spanne der Ränge, die der Zufall offen lässt: Davor stehen nur Jobcenter, die gesichert besser sind, dahinter nur "
    "gesichert schlechtere. Gesichert heißt, der Streubereich (95 %) des Abstands der beiden Werte enthält die Null nicht."
)
ESTIMATED_SIGN, ESTIMATED = "i", "enthält geschätzte (imputierte) Monate"
NO_COMPARISON = "·"
SOFT_HYPHEN = "\u00ad"
SEAMS = ("Langzeit|leistungs|beziehende", "Leistungs|berechtigte", "Aktivierungs|quote", "Integrations|quote")
SHORT_LAND = {
    "Schleswig-Holstein": "SH",
    "Hamburg": "HH",
    "Niedersachsen": "NI",
    "Bremen": "HB",
    "Nordrhein-Westfalen": "NW",
    "Hessen": "HE",
    "Rheinland-Pfalz": "RP",
    "Baden-Württemberg": "BW",
    "Bayern": "BY",
    "Saarland": "SL",
    "Berlin": "BE",
    "Brandenburg": "BB",
    "Mecklenburg-Vorpommern": "MV",
    "Sachsen": "SN",
    "Sachsen-Anhalt": "ST",
    "Thüringen": "TH",
}


def month_name(month: str) -> str:
    """Return `März 2018` for `2018-03`."""
    year, number = month.split("-")
    return f"{MONTHS[int(number) - 1]}{NBSP}{year}"


def german(number: Decimal | int, *, signed: bool = False) -> str:
    """Return a number with decimal comma, narrow spaces for thousands and U+2212; `signed` adds + and ±.

    The digits after the comma are those of the Decimal: nothing is rounded here.
    """
    text = f"{abs(number):,}".replace(",", THIN).replace(".", ",")
    if number < 0:
        return MINUS + text
    if signed:
        return ("+" if number > 0 else "±") + text
    return text


def hyphenated(text: str) -> str:
    """Return a heading whose longest words may be divided on narrow screens."""
    for seam in SEAMS:
        text = text.replace(seam.replace("|", ""), seam.replace("|", SOFT_HYPHEN))
    return text


def megabytes(size: int) -> str:
    """Return the size of a file as readers know it, `148 kB` or `1,2 MB`."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1000))}{NBSP}kB"
    return f"{german(Decimal(size) / 1_000_000 // Decimal('0.1') * Decimal('0.1'))}{NBSP}MB"


def counted(number: int, one: str, many: str) -> str:
    """Return `1 Jobcenter` or `2 …` with the right noun."""
    return f"{german(number)} {one if number == 1 else many}"


@dataclass(frozen=True)
class Signs:
    """The sign and the words for each reason why a value is missing, from the code list of reasons."""

    by_reason: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, catalog: Catalog) -> Signs:
        """Read the code list `gruende`."""
        rows = catalog.codelists["gruende"]
        return cls({name: (row["zeichen"], row["bedeutung_de"]) for name, row in rows.items()})

    def sign(self, reason: str) -> str:
        """Return the sign; raises ValueError for a reason that is on no list."""
        return self._row(reason)[0]

    def words(self, reason: str) -> str:
        """Return the German words; raises ValueError for a reason that is on no list."""
        return self._row(reason)[1]

    def _row(self, reason: str) -> tuple[str, str]:
        try:
            return self.by_reason[reason]
        except KeyError:
            raise ValueError(
                f"{reason!r} is no reason of codelists/gruende.csv; a missing value needs one of {sorted(self.by_reason)}"
            ) from None
