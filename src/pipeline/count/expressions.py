"""What is counted, as Ibis expressions over the staged tables of one month and the states of its neighbours.

Every expression names its inputs; the engine binds them. Nothing here knows a file, an engine or a month: the days of the month
come in as the one-row table `kalender`. Source: data contract section 3, methodology 3.5 to 3.9.
"""

from __future__ import annotations

from typing import Any

import ibis
from ibis import _

from pipeline.count.inputs import (
    MASK_DAYS,
    OPEN_END,
    OTHER,
    ROWS,
    SUMS,
    Count,
    agreed,
    bit_or,
    on_territory,
    sex_bits,
    sex_of,
    tables,
)
from pipeline.count.payments import payments
from pipeline.count.readings import Readings
from pipeline.count.starts import continuous, employed, event_counts, events, publicly_employed, sustained


@ibis.udf.scalar.builtin(name="bit_count")
def bit_count(bits: int) -> int:
    """Return the number of days in a mask."""
    raise NotImplementedError


def stock() -> Count:
    """Persons in stock, one row per person and unit; contradicting rows: ELB if any says so, sex only if all agree.

    `einig` tells whether all units of the person agree on a sex; `erste` marks one row of each person.
    """
    reads = {"bestand": "bestand", "gebiet": "gebiet"}
    t = tables(**reads)
    b = t["bestand"]
    elb = ibis.ifelse(b.ist_elb, 8, 0) + ibis.ifelse(b.ist_elb & b.ist_alleinerziehend, 16, 0)
    delivered = b.select("jc_id", "person", bits=sex_bits(b.geschlecht) + elb)
    rows = on_territory(delivered, t["gebiet"])
    units = rows.group_by("person", "jc").agg(bits=bit_or(rows.bits))
    persons = rows.group_by("person").agg(alle=bit_or(rows.bits), erste_jc=rows.jc.min())
    both = units.join(persons, "person")
    both = both.select(
        "person",
        "jc",
        sex=sex_of(both.bits),
        einig=sex_of(both.alle) != OTHER,
        erste=both.jc == both.erste_jc,
        elb=(both.bits & 8) > 0,
        allein=(both.bits & 16) > 0,
    )
    return Count("stock", reads, both, ROWS)


def stock_counts() -> Count:
    """`elb`, `alleinerz` by unit and sex."""
    reads = {"stock": "stock"}
    s = tables(**reads)["stock"]
    counts = (
        s.filter(s.elb).group_by("jc", "sex").agg(elb=_.count(), alleinerz=_.allein.cast("int64").sum().cast("int64"))
    )
    return Count("stock_counts", reads, counts, SUMS)


def _first_days(rows: Any, days: Any) -> Any:
    """Return the mask of so many days from the first one on."""
    return rows.alle_tage >> (MASK_DAYS - days)


def day_masks() -> Count:
    """Days as ELB in W(m), one bit a day from the window's first day on, united over units and units of need."""
    reads = {"leistungsbezug": "leistungsbezug", "kalender": "kalender"}
    t = tables(**reads)
    rows = t["leistungsbezug"].cross_join(t["kalender"])
    last = ibis.coalesce(rows.bis, ibis.date(OPEN_END))
    rows = rows.filter((rows.von <= rows.stichtag) & (last > rows.stichtag_1))
    begin = ibis.greatest(rows.von.delta(rows.stichtag_1, unit="day") - 1, 0)
    end = ibis.least(ibis.coalesce(rows.bis, rows.stichtag), rows.stichtag).delta(rows.stichtag_1, unit="day")
    rows = rows.select("person", mask=_first_days(rows, end) - _first_days(rows, begin))
    return Count("day_masks", reads, rows.group_by("person").agg(mask=bit_or(rows.mask)), ROWS)


def window_days() -> Count:
    """Days as ELB among the last 730: those known before, and the days of masks as far as `clip` lets them, `mal` 1 or -1."""
    reads = {"vorher": "tagesumme", "tage": "tage"}
    return Count("window_days", reads, _summed_days(tables(**reads)), ROWS)


def _summed_days(t: dict[str, Any]) -> Any:
    days = (bit_count(t["tage"].mask & t["tage"].clip).cast("int64") * t["tage"].mal).cast("int64")
    rows = t["vorher"].union(t["tage"].select("person", days=days))
    return rows.group_by("person").agg(days=rows.days.sum().cast("int32")).filter(_.days > 0)


def long_term(readings: Readings) -> Count:
    """Persons who are LZB on S(m): ELB in some stock with enough days as ELB in the last 730, and old enough."""
    reads = {"stock": "stock", "vorher": "tagesumme", "tage": "tage", "kalender": "kalender"}
    if readings.lzb_min_age:
        reads["geburten"] = "geburten"
    t = tables(**reads)
    enough = _summed_days(t).cross_join(t["kalender"]).filter(_.days >= _.lzb_tage)
    enough = enough.semi_join(t["stock"].filter(_.elb), "person")
    if readings.lzb_min_age:
        born = t["geburten"].filter(_.ist_elb).group_by("person").agg(geboren=_.geburtsdatum.min())
        enough = enough.join(born, "person").filter(_.geboren <= _.geboren_bis)
    return Count("long_term", reads, enough.select("person"), ROWS)


def long_term_counts(readings: Readings) -> Count:
    """`lzb`, `lzb_amp` by unit and sex; measures are looked for in the files of all units."""
    reads = {
        "stock": "stock",
        "lzb": "lzb",
        "massnahme": "massnahme",
        "foerderung": "foerderung",
        "kalender": "kalender",
    }
    t = tables(**reads)
    k = t["kalender"]
    m = t["massnahme"].cross_join(k)
    m = m.filter((m.von <= m.stichtag) & (ibis.coalesce(m.bis, ibis.date(OPEN_END)) >= m.stichtag))
    m = m.join(t["foerderung"], m.massnahme_art == t["foerderung"].code)
    valid = (m.gueltig_ab.isnull() | (m.gueltig_ab <= m.stichtag)) & (
        m.gueltig_bis.isnull() | (m.gueltig_bis >= m.stichtag)
    )
    active = ibis.ifelse(m.liste_2019, m.aktiv_ab_2019, m.aktiv_bis_2018)
    if readings.each_measure:
        in_measure = m.filter(valid & active).select("person", "massnahme_art", "von", "bis").distinct()
        in_measure = in_measure.group_by("person").agg(amp=_.count())
    else:
        in_measure = m.filter(valid & active).select("person").distinct().mutate(amp=ibis.literal(1, "int64"))
    s = t["stock"].filter(_.elb).semi_join(t["lzb"], "person")
    joined = s.left_join(in_measure, "person")
    counts = joined.group_by("jc", "sex").agg(lzb=_.count(), lzb_amp=ibis.coalesce(_.amp, 0).sum().cast("int64"))
    return Count("long_term_counts", reads, counts, SUMS)


def long_term_movements() -> Count:
    """`lzb_zugang` (unit of S(m)) and `lzb_abgang` (unit of S(m-1)): snapshots compared across all units."""
    reads = {"stock": "stock", "stock_1": "stock", "lzb": "lzb", "lzb_1": "lzb"}
    t = tables(**reads)
    now = t["stock"].filter(_.elb).semi_join(t["lzb"].anti_join(t["lzb_1"], "person"), "person")
    then = t["stock_1"].filter(_.elb).semi_join(t["lzb_1"].anti_join(t["lzb"], "person"), "person")
    zero = ibis.literal(0, "int64")
    entries = now.group_by("jc", "sex").agg(lzb_zugang=_.count()).mutate(lzb_abgang=zero)
    exits = then.group_by("jc", "sex").agg(lzb_abgang=_.count()).mutate(lzb_zugang=zero)
    both = entries.select("jc", "sex", "lzb_zugang", "lzb_abgang").union(
        exits.select("jc", "sex", "lzb_zugang", "lzb_abgang")
    )
    total = both.group_by("jc", "sex").agg(
        lzb_zugang=_.lzb_zugang.sum().cast("int64"), lzb_abgang=_.lzb_abgang.sum().cast("int64")
    )
    return Count("long_term_movements", reads, total, SUMS)


def _in_window(day: Any, rows: Any, readings: Readings, *, later: int = 0) -> Any:
    """Tell whether so many days later than `day` lies in W(m)."""
    after_first, after_last = (day.delta(edge, unit="day") + later for edge in (rows.stichtag_1, rows.stichtag))
    if readings.closed_left:
        return (after_first >= 0) & (after_last < 0)
    return (after_first > 0) & (after_last <= 0)


def movements(readings: Readings) -> Count:
    """`elb_zugang`, `elb_abgang` by unit and sex: periods of a person in a unit, gaps of up to seven days bridged.

    A period begins an island where none that began earlier reaches it over the bridge, and ends one where none that ends later
    is reached. Only the persons with a begin or an end in the window are looked at.
    """
    reads = {
        "leistungsbezug": "leistungsbezug",
        "gebiet": "gebiet",
        "kalender": "kalender",
        "stock": "stock",
        "stock_1": "stock",
    }
    t = tables(**reads)
    rows = on_territory(t["leistungsbezug"], t["gebiet"]).mutate(ende=ibis.coalesce(_.bis, ibis.date(OPEN_END)))
    rows = rows.select("person", "jc", "von", "ende")
    dated = rows.cross_join(t["kalender"])
    starts = dated.filter(_in_window(dated.von, dated, readings)).select("person", "jc", "von", "bruecke").distinct()
    gone = _in_window(dated.ende, dated, readings, later=0 if readings.exit_on_last_day else 1)
    ends = dated.filter(gone).select("person", "jc", "ende", "bruecke").distinct()
    entries = _without(starts, rows, lambda row, other: _reaches(other.o_ende, row.von, row) & (other.o_von < row.von))
    exits = _without(ends, rows, lambda row, other: _reaches(row.ende, other.o_von, row) & (other.o_ende > row.ende))
    moves = entries.mutate(kommt=ibis.literal(True)).union(exits.mutate(kommt=ibis.literal(False)))
    now = agreed(t["stock"].semi_join(moves, "person")).select(n_person="person", n_sex="sex")
    then = agreed(t["stock_1"].semi_join(moves, "person")).select(t_person="person", t_sex="sex")
    m = moves.left_join(now, moves.person == now.n_person)
    m = m.left_join(then, m.person == then.t_person)
    nearer = ibis.ifelse(m.kommt, ibis.coalesce(m.n_sex, m.t_sex), ibis.coalesce(m.t_sex, m.n_sex))
    m = m.mutate(sex=ibis.coalesce(nearer, OTHER))
    total = m.group_by("jc", "sex").agg(
        elb_zugang=_.kommt.sum().cast("int64"), elb_abgang=(~_.kommt).sum().cast("int64")
    )
    return Count("movements", reads, total, SUMS)


def _reaches(ende: Any, von: Any, row: Any) -> Any:
    """Tell whether a period that ends on a day is continued by one that begins on another, over a bridge at most."""
    return von.delta(ende, unit="day") <= row.bruecke + 1


def _without(rows: Any, periods: Any, continued: Any) -> Any:
    """Return person and unit of the rows of which no other period of the person in the unit tells that they are `continued`."""
    others = periods.semi_join(rows, "person").select(o_person="person", o_jc="jc", o_von="von", o_ende="ende")
    same = [rows.person == others.o_person, rows.jc == others.o_jc]
    return rows.anti_join(others, [*same, continued(rows, others)]).select("person", "jc")


def all_counts(readings: Readings) -> dict[str, Count]:
    """Return every expression by name, as the readings of a run have it."""
    counts = (
        stock(),
        stock_counts(),
        day_masks(),
        window_days(),
        long_term(readings),
        long_term_counts(readings),
        long_term_movements(),
        movements(readings),
        payments(readings),
        events(readings),
        event_counts(),
        employed(readings),
        employed(readings, any_day=True),
        publicly_employed(),
        sustained(readings),
        continuous(readings),
    )
    return {count.name: count for count in counts}
