"""The German sentences of an explanation: the answer first, then standing, change, and why something is missing.

Written to be quoted; what is said here of a figure is said nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from pipeline.catalog import Indicator, Merkmal
from pipeline.months import add_months, month_number
from pipeline.publish.provenance.model import Area, Cause, Lacking, Member, Neighbour, Part, SideCounts, Standing
from pipeline.publish.wording import SEXES, german, month_name

WHOM = {"T": "", "F": " (nur Frauen)", "M": " (nur Männer)"}
TABLES = {
    "bestand": "Bestand",
    "leistungsbezug": "Leistungsbezug",
    "aufnahme": "Aufnahmen",
    "massnahme": "Maßnahmen",
    "leistung": "Leistungen",
    "beschaeftigung": "Beschäftigung",
    "eckwerte": "Eckwerte der Statistik",
}
DELIVERERS = {"bst": "die Beschäftigungsstatistik", "statistik": "die Statistik"}
NAMED = 3
FORMULA_DIGITS = 5
WITHHELD = (
    "Er selbst, sein Zähler oder Nenner oder eine Zahl, die sich mit ihm errechnen ließe, beruht auf nur einem oder zwei "
    "Fällen, oder die Statistik der Bundesagentur weist die Zahl nicht aus."
)
WITHHELD_EURO = (
    "Er selbst oder eine Zahl, die sich mit ihm errechnen ließe, beruht auf zu wenigen oder zu ungleich großen "
    "Bedarfsgemeinschaften, oder die Statistik der Bundesagentur weist die Zahl nicht aus."
)
UNSAID = "Welche der Regeln greift, wird nicht gesagt: Schon das verriete etwas."


def amount(value: Decimal, merkmal: Merkmal) -> str:
    """Return a count without decimals, an amount of euros with two."""
    return german(value if merkmal.kind == "euro" or value % 1 else value.quantize(Decimal(1)))


def and_list(words: Sequence[str], named: int = NAMED) -> str:
    """Return `a, b und c`; what is more than one beyond `named` is counted."""
    if len(words) > named + 1:
        return f"{', '.join(words[:named])} und {len(words) - named} weitere"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} und {words[-1]}" if words else ""


def period(first: str, last: str) -> str:
    """Return `April 2016 bis März 2017`, or the one month."""
    return month_name(first) if first == last else f"{month_name(first)} bis {month_name(last)}"


def months_text(months: Sequence[str]) -> str:
    """Return some months in words: a span if they follow each other, else the first of them."""
    if len(months) > 1 and month_number(months[-1]) - month_number(months[0]) == len(months) - 1:
        return period(months[0], months[-1])
    return and_list([month_name(m) for m in months])


def headline(area: Area, sex: str, ref_month: str, value: str) -> str:
    """Return the first line: `Saalekreis, Frauen, März 2018: 74,3 %`."""
    return f"{', '.join([area.name, *([SEXES[sex]] if sex != 'T' else []), month_name(ref_month)])}: {value}"


def value_text(indicator: Indicator, value: Decimal) -> str:
    """Return a displayed value with its sign and unit."""
    return f"{german(value, signed=indicator.shown_as == 'change')}\u00a0%"


def answer(
    indicator: Indicator,
    version: str,
    sex: str,
    ref_month: str,
    value: Decimal,
    sides: Sequence[SideCounts],
    numerator: Decimal,
    denominator: Decimal,
    months: int,
) -> str:
    """Return the sentence that says a value with its counts, as the catalog writes it."""
    above, below = sides
    size = german(abs(value))
    change = f"{size} Prozent {'mehr' if value > 0 else 'weniger'}" if value else "unverändert"
    mean = Decimal(_half_up(Fraction(denominator) / months)) if months > 1 else denominator
    return indicator.answer_of(version).format(
        z=amount(numerator, above.merkmal),
        n=amount(denominator, below.merkmal),
        mittel=amount(mean, below.merkmal),
        wert=german(value),
        wer=WHOM[sex],
        monat=month_name(ref_month),
        vorjahr=month_name(add_months(ref_month, -12)),
        zeit_z=period(above.first, above.last),
        zeit_n=period(below.first, below.last),
        richtung=change,
    )


def formula(
    indicator: Indicator,
    sides: Sequence[SideCounts],
    value: Decimal,
    numerator: Decimal,
    denominator: Decimal,
    months: int,
) -> str:
    """Return the quotient with its numbers, unrounded to five digits where rounding hides something."""
    above, below = (amount(v, s.merkmal) for v, s in zip((numerator, denominator), sides, strict=True))
    if indicator.shown_as == "change":
        text, exact = f"({above} / {below} − 1) · 100", (Fraction(numerator) / Fraction(denominator) - 1) * 100
    else:
        mean = f"({below} / {months})" if months > 1 else below
        text = f"{above} / {mean} · 100"
        exact = Fraction(numerator) * months * 100 / Fraction(denominator)
    digits = Decimal(_half_up(abs(exact) * 10**FORMULA_DIGITS)).scaleb(-FORMULA_DIGITS)
    digits = -digits if exact < 0 else digits
    shown = f"{german(value)} %"
    return f"{text} = {shown}" if digits == value else f"{text} = {german(digits)} % ≈ {shown}"


def _half_up(value: Fraction) -> int:
    """Return the nearest whole number of a value that is not negative, ties up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def standing_sentences(standings: Sequence[Standing]) -> list[str]:
    """Say rank, range and neighbours."""
    if not standings:
        return []
    said = [f"Rang\u00a0{s.rank} von {s.ranked} {s.label}" for s in standings if s.group in ("alle", "kommunal")]
    first = standings[0]
    sentences = [f"Das ist {and_list(said)} (eigene Berechnung nach dem angezeigten Wert; 1 ist der beste)."]
    if first.first is not None and first.last is not None:
        place = "dieser eine Rang" if first.first == first.last else f"ein Rang zwischen {first.first} und {first.last}"
        sentences.append(f"Gesichert ist unter allen nur {place}: Mehr lässt der Zufall der Fallzahlen nicht sagen.")
    if first.tied:
        verb = "hat" if len(first.tied) == 1 else "haben"
        sentences.append(f"Denselben Rang {verb} {and_list([_neighbour(n) for n in first.tied], 2)}.")
    beside = [
        f"{where} {'steht' if len(who) == 1 else 'stehen'} {and_list([_neighbour(n) for n in who], 2)}"
        for where, who in (("davor", first.above), ("dahinter", first.below))
        if who
    ]
    if beside:
        text = "; ".join(beside)
        sentences.append(f"{text[0].upper()}{text[1:]}.")
    return sentences


def _neighbour(n: Neighbour) -> str:
    return f"{n.name} ({german(n.value)}\u00a0%)"


def change_sentence(month: Decimal | None, year: Decimal | None) -> str:
    """Say the change to the month and to the year before, empty if there is neither."""
    said = [
        f"{german(abs(points))} Prozentpunkte {'höher' if points > 0 else 'niedriger'} als im {what}"
        if points
        else f"so hoch wie im {what}"
        for what, points in (("Vormonat", month), ("Vorjahr", year))
        if points is not None
    ]
    return f"Der Wert ist {' und '.join(said)}." if said else ""


def merger_sentence(parts: Sequence[Part], area: Area) -> str:
    """Say of which units the counts of a merged jobcenter are sums."""
    if not parts:
        return ""
    last = max(p.until for p in parts)
    return (
        f"Summe aus {and_list([p.name for p in parts], 6)}: Bis {month_name(last)} lieferten sie getrennt, "
        f"gezählt wird auf dem Gebiet, das {area.name} heute hat."
    )


def member_sentences(members: Sequence[Member], left_out: int, has_value: bool) -> list[str]:
    """Say which jobcenters a sum holds and which it leaves out."""
    if not members:
        return []
    withheld = [m for m in members if m.reason == "geheim"]
    without = [m for m in members if m.reason and m.reason != "geheim"]
    summed = len(members) - left_out
    sentences = []
    if has_value:
        sentences.append(f"Summe über {summed} von {len(members)} Jobcentern.")
    if without:
        verb = "fehlt" if len(without) == 1 else "fehlen"
        sentences.append(f"Mangels Zähler oder Nenner {verb} {and_list([m.name for m in without], 5)}.")
    if withheld:
        sentences.append(
            f"Bei {len(withheld)} Jobcentern ist der eigene Wert geheim; die Summe enthält sie, soweit sie gezählt sind."
        )
    return sentences


def withheld_sentences(
    area: Area, sex: str, numerator: Decimal | None, denominator: Decimal | None, *, euro: bool
) -> list[str]:
    """Say that a value is withheld and by which rules, and nothing more than the published tables show."""
    sentences = [f"Der Wert ist geheim zu halten. {WITHHELD_EURO if euro else WITHHELD}"]
    if area.level != "jobcenter":
        sentences.append("Eine Summe bleibt auch geheim, wenn aus ihr der Wert eines einzelnen Jobcenters folgte.")
    if sex != "T":
        sentences.append("Über Frauen und Männer wird gemeinsam entschieden, weil der eine Wert den anderen verriete.")
    hidden = [role for role, value in (("Zähler", numerator), ("Nenner", denominator)) if value is None]
    if hidden:
        verb = "ist" if len(hidden) == 1 else "sind"
        sentences.append(f"Nicht veröffentlicht {verb} {and_list([f'der {role}' for role in hidden])}.")
    return [*sentences, UNSAID]


def missing_sentences(reason: str, words: str, causes: Sequence[Cause], area: Area) -> list[str]:
    """Say why a value is missing, down to the months and the deliveries that lack."""
    sentences = [f"Kein Wert: {words}."]
    if reason == "nenner_null":
        return ["Kein Wert: Der Nenner ist null, durch null lässt sich nicht teilen."]
    sentences += [_cause(cause, area) for cause in causes]
    if area.level != "jobcenter":
        sentences.append("Kein Jobcenter hat Zähler und Nenner, aus denen sich eine Summe bilden ließe.")
    return sentences


def _cause(cause: Cause, area: Area) -> str:
    what = f"{cause.role} ({cause.merkmal.label.de})"
    when = months_text(cause.months)
    if cause.reason == "gebiet_nicht_gueltig":
        return f"{what}: Für {when} gibt es keine Zählung, denn {area.name} bestand da nicht."
    if cause.reason == "unplausibel":
        return (
            f"{what}: Die veröffentlichte Angabe für {when} widerspricht sich oder ist als unplausibel gekennzeichnet."
        )
    if cause.reason == "nicht_verfuegbar" and cause.basis == "personen":
        return f"{what}: Für {when} sind Beträge ohne Person geliefert, nach Geschlecht lassen sie sich nicht trennen."
    if cause.reason in ("nicht_verfuegbar", "unbekannt"):
        return f"{what}: Für {when} hat die Statistik keine Zahl, nur ein Zeichen geliefert."
    if cause.reason == "folgt_spaeter":
        return f"{what}: Für {when} kommen die Meldungen erst mit einem späteren Lauf{_lacking(cause.lacking)}."
    if cause.reason == "zu_kurze_reihe":
        return f"{what}: Für {when} reichen die Lieferungen nicht weit genug zurück{_lacking(cause.lacking)}."
    if cause.lacking:
        return f"{what}: Für {when} fehlt etwas{_lacking(cause.lacking)}."
    return f"{what}: Für {when} enthält die Lieferung der Statistik keine Zeile zu diesem Jobcenter."


def _lacking(lacking: Sequence[Lacking]) -> str:
    """Return `: Bestand Mai 2018 von t04412 (nicht geliefert)`; deliveries of one table in a row are taken together."""
    if not lacking:
        return ""
    grouped: dict[tuple[str, str, bool], list[str]] = {}
    for one in lacking:
        grouped.setdefault((one.table, one.unit, one.rejected), []).append(one.month)
    said = [
        f"{TABLES.get(table, table)} {months_text(months)} von {unit} "
        f"({'zurückgewiesen' if rejected else 'nicht geliefert'})"
        for (table, unit, rejected), months in grouped.items()
    ]
    return f": {and_list(said)}"


def imputed_sentence(months: Iterable[str]) -> str:
    """Say which months hold estimates instead of counts."""
    known = sorted(set(months))
    if not known:
        return ""
    return f"Geschätzt, nicht gezählt: {months_text(known)}. Der Wert ist deshalb selbst geschätzt."


def partly_withheld(sides: Sequence[SideCounts], has_value: bool) -> str:
    """Say that single months are withheld although their sum is published."""
    if has_value and any(c.reason == "geheim" for s in sides for c in s.months):
        return "Einzelne Monate sind geheim zu halten; veröffentlicht ist nur ihre Summe."
    return ""
