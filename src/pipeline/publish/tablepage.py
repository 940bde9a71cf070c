"""The view of one comparison table for the page: facts, swarm, rows as text. Every text is made here, none in the template.

What a cell may not show is missing from the comparison already; here it becomes a sign and a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from pipeline.publish import drawing
from pipeline.publish.comparison import Comparison, Entry, Group, middle_half, shared_ranks
from pipeline.publish.history import Course, History
from pipeline.publish.provenance.addresses import place
from pipeline.publish.wording import ESTIMATED_SIGN, NO_COMPARISON, SEXES, SHORT_LAND, Signs, german, month_name

GROUPS: tuple[Group, ...] = ("kommunal", "alle")
SEX_SUFFIX = {"T": "", "F": "-frauen", "M": "-maenner"}
SHAPES = {"better": "g", "worse": "b", "open": "n"}
STATUS_WORDS = {
    "better": ", gesichert besser als der Median",
    "worse": ", gesichert schlechter als der Median",
    "open": "",
}

Found = Mapping[tuple[str, str, str], Comparison]


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is shown; empty texts are empty cells."""

    jc_id: str
    name: str
    land: str
    typ: str
    small: str
    rank: str
    shared: bool
    move: Markup
    value: str
    sign: str
    reason: str
    plot: Markup
    plot_words: str
    shape: str
    year: str
    spark: Markup
    spark_words: str
    rank_all: str
    rank_land: str
    rank_typ: str
    rank_range: str
    mark: str
    origin: str


def page_name(comparison: Comparison, group: Group) -> str:
    """Return the file name: `K2E3.html`, `K2E3-alle.html`, `K2E3-2019-frauen.html`."""
    return page_of(comparison.code, comparison.version, comparison.in_force, comparison.sex, group)


def page_of(code: str, version: str, in_force: bool, sex: str, group: Group) -> str:
    """Return the file name of the table that holds a figure."""
    year = "" if in_force else f"-{version.removeprefix('@')}"
    return f"{code}{year}{'-alle' if group == 'alle' else ''}{SEX_SUFFIX[sex]}.html"


def origin_of(comparison: Comparison, level: str, key: str) -> str:
    """Return where the page on origin explains a figure of the comparison."""
    return place(level, key, comparison.code, comparison.version, comparison.in_force, comparison.sex)


class Drawings:
    """What the pages of one comparison share: the swarm in two widths and the sparklines, drawn once."""

    def __init__(self, comparison: Comparison, history: History) -> None:
        points = [(e.value, e.kommunal) for e in comparison.entries if e.value is not None]
        self.points = len(points)
        self.kommunal = sum(1 for _, kommunal in points if kommunal)
        self.swarms = (
            drawing.Swarm.of(points, width=1180, radius=3.1, css="wide"),
            drawing.Swarm.of(points, width=340, radius=1.9, css="small"),
        )
        self.sparks: dict[str, tuple[Markup, str]] = {}
        for entry in comparison.entries:
            course = history.course(
                comparison.code, comparison.definition, comparison.sex, entry.jc_id, comparison.ref_month
            )
            self.sparks[entry.jc_id] = (drawing.sparkline(course), _course_words(comparison, course))


def table_page(comparison: Comparison, group: Group, found: Found, drawings: Drawings, signs: Signs) -> dict[str, Any]:
    """Return what the template `tabelle.html` needs for one comparison and set."""
    members = comparison.members(group)
    shown = [e for e in members if e.value is not None]
    scale = drawing.interval_scale(
        [e.value for e in shown if e.value is not None] or [Decimal(0)],
        [e.low for e in shown if e.low is not None],
        [e.high for e in shown if e.high is not None],
    )
    median = comparison.median(group)
    shared = shared_ranks(members, group)
    rows = [_row(comparison, e, group, scale, shared, drawings, signs) for e in members]
    return {
        "c": comparison,
        "group": group,
        "rows": rows,
        "number": len(members),
        "ranked": comparison.ranked(group),
        "ranked_all": comparison.ranked("alle"),
        "missing": len(members) - len(shown),
        "median": median,
        "medians": [(whose(comparison, g), m) for g in GROUPS if (m := comparison.median(g)) is not None],
        "whom": whose(comparison, group),
        "median_x": scale(median) if median is not None else None,
        "half": middle_half(e.value for e in shown if e.value is not None),
        "open": sum(1 for e in shown if comparison.status(e, group) == "open"),
        "shown": len(shown),
        "axis": drawing.axis(scale),
        "swarms": _swarms(comparison, group, drawings),
        "kommunal_shown": sum(1 for e in comparison.entries if e.kommunal and e.value is not None),
        "joint_shown": sum(1 for e in comparison.entries if not e.kommunal and e.value is not None),
        "lands": sorted({e.land for e in members}),
        "types": sorted({e.vergleichstyp for e in members if e.vergleichstyp}),
        "sex_pages": _sex_pages(comparison, group, found),
        "group_pages": {g: page_name(comparison, g) for g in ("kommunal", "alle")},
        "versions": _version_pages(comparison, group, found),
        "reasons": sorted({(r.sign, r.reason) for r in rows if r.sign}),
        "estimated": any(r.mark for r in rows) or comparison.national.estimated,
        "uncompared": comparison.has_year_changes and any(r.year == NO_COMPARISON for r in rows),
        "signed": comparison.indicator.shown_as == "change",
        "national_origin": origin_of(comparison, "bund", "bund"),
    }


def whose(comparison: Comparison, group: Group) -> str:
    """Return whose values a median is taken of: `der 104 kommunalen`, or `der 97 kommunalen mit Wert` if some lack one."""
    members = comparison.members(group)
    shown = sum(1 for e in members if e.value is not None)
    if shown == len(members):
        return f"der {shown} kommunalen" if group == "kommunal" else f"aller {shown}"
    return f"der {shown} {'kommunalen' if group == 'kommunal' else 'Jobcenter'} mit Wert"


def value_text(comparison: Comparison, value: Decimal) -> str:
    """Return a value as shown: changes with their sign."""
    return german(value, signed=comparison.indicator.shown_as == "change")


def year_change_text(entry: Entry) -> str:
    """Return the change to the year before as shown, or the sign that there is nothing to compare with."""
    return NO_COMPARISON if entry.year_change is None else german(entry.year_change, signed=True)


def _row(
    comparison: Comparison,
    entry: Entry,
    group: Group,
    scale: drawing.Scale,
    shared: frozenset[int],
    drawings: Drawings,
    signs: Signs,
) -> Row:
    place = entry.places[group]
    spark, spark_words = drawings.sparks[entry.jc_id]
    status = comparison.status(entry, group)
    plot, words = Markup(""), ""
    if entry.value is not None:
        has_median = comparison.median(group) is not None
        plot = drawing.interval(scale, entry.value, entry.low, entry.high, SHAPES[status], has_median)
        if entry.low is not None and entry.high is not None:
            low, high = value_text(comparison, entry.low), value_text(comparison, entry.high)
            words = f"Streubereich {low} bis {high}{STATUS_WORDS[status]}"
    overall = entry.places["alle"]
    return Row(
        entry.jc_id,
        entry.name,
        entry.land,
        entry.vergleichstyp,
        " · ".join(
            t
            for t in (
                SHORT_LAND.get(entry.land, entry.land),
                entry.vergleichstyp,
                "kommunal" if group == "alle" and entry.kommunal else "",
            )
            if t
        ),
        _number(place.rank),
        place.rank in shared,
        _move(comparison, entry, group),
        "" if entry.value is None else value_text(comparison, entry.value),
        "" if entry.value is not None else signs.sign(entry.reason),
        "" if entry.value is not None else signs.words(entry.reason),
        plot,
        words,
        SHAPES[status],
        "" if entry.value is None else year_change_text(entry),
        spark,
        spark_words,
        _number(overall.rank),
        _of(entry.places["land"].rank, entry.places["land"].ranked),
        _of(entry.places["vergleichstyp"].rank, entry.places["vergleichstyp"].ranked),
        f"{overall.first}–{overall.last}" if overall.first is not None and overall.last is not None else "",
        ESTIMATED_SIGN if entry.estimated else "",
        origin_of(comparison, "jobcenter", entry.jc_id),
    )


def _number(rank: int | None) -> str:
    return "" if rank is None else str(rank)


def _of(rank: int | None, number: int | None) -> str:
    return "" if rank is None or number is None else f"{rank}{chr(0xA0)}von{chr(0xA0)}{number}"


def _move(comparison: Comparison, entry: Entry, group: Group) -> Markup:
    """Return the change of the displayed rank to the month before, always grey: neighbouring months share eleven months."""
    before = comparison.previous_ranks[group].get(entry.jc_id)
    now = entry.places[group].rank
    if before is None or now is None:
        return Markup("")
    places = before - now
    if places == 0:
        return drawing.markup('<span aria-hidden="true">=</span><span class="vh">unverändert</span>')
    up = places > 0
    words = f"{'Platz' if abs(places) == 1 else 'Plätze'} {'besser' if up else 'schlechter'}"
    return drawing.markup(
        f'<svg class="a" aria-hidden="true"><use href="#{"u" if up else "w"}"/></svg>{abs(places)}'
        f'<span class="vh"> {words}</span>'
    )


def _course_words(comparison: Comparison, course: Course) -> str:
    first = next(((m, v) for m, v in zip(course.months, course.values, strict=True) if v is not None), None)
    if first is None or first[0] == course.months[-1]:
        return ""
    return f"{month_name(first[0])}: {value_text(comparison, first[1])}"


def _swarms(comparison: Comparison, group: Group, drawings: Drawings) -> list[Markup]:
    median = comparison.median(group)
    label = f"Verteilung der Werte von {drawings.points} Jobcentern, davon {drawings.kommunal} kommunale"
    mark = None
    if median is not None:
        mark = drawing.SwarmMark(median, f"Median {whose(comparison, group)}: {value_text(comparison, median)}\u00a0%")
        label += f"; {mark.words}"
    return [swarm.draw(mark, label) for swarm in drawings.swarms]


def _sex_pages(comparison: Comparison, group: Group, found: Found) -> list[tuple[str, str, bool]]:
    """Return words, page and whether it is the present one for each sex that has a table."""
    pages = []
    for sex, words in SEXES.items():
        other = found.get((comparison.code, comparison.version, sex))
        if other is not None:
            pages.append((words, page_name(other, group), sex == comparison.sex))
    return pages


def _version_pages(comparison: Comparison, group: Group, found: Found) -> list[tuple[str, str, str, bool]]:
    """Return version, title, page and whether it is in force for the other versions of the indicator."""
    return [
        (c.version.removeprefix("@"), c.title, page_name(c, group), c.in_force)
        for c in found.values()
        if c.code == comparison.code and c.sex == comparison.sex and c.version != comparison.version
    ]
