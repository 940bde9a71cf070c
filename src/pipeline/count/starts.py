"""Starts of activities and what became of them, as Ibis expressions: events of a month, employment on check days.

Source: data contract section 3 ("Events", "Lists", "Check day"), methodology 3.6 and 3.7.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
from ibis import _

from pipeline.count.inputs import OPEN_END, ROWS, SUMS, Count, tables
from pipeline.count.readings import Readings

SUSTAINED_AFTER, CONTINUOUS_FOR = 12, 6


def events(readings: Readings) -> Count:
    """Events of month m, one row per person and crediting unit: W1, and W2 for newcomers (methodology 3.6)."""
    reads = {
        "stock_1": "stock",
        "stock_2": "stock",
        "aufnahme": "aufnahme_je_monat" if readings.closed_left else "aufnahme",
        "lzb_1": "lzb",
        "foerderung": "foerderung",
        "aufnahmearten": "aufnahmearten",
        "kalender": "kalender",
    }
    if readings.looks_before:
        reads |= {"beschaeftigung": "beschaeftigung_je_monat", "nicht_svb": "nicht_svb"}
    if readings.from_entry_on:
        reads["leistungsbezug_1"] = "leistungsbezug"
    if readings.group_now:
        del reads["lzb_1"]
        reads |= {"stock_0": "stock", "lzb_0": "lzb"}
    t = tables(**reads)
    a = _starts(t, readings)
    arten = t["aufnahmearten"].rename(art_code="code")
    a = a.join(arten, a.art == arten.art_code)
    a = a.left_join(t["foerderung"], a.foerderung == t["foerderung"].code)
    valid = (a.gueltig_ab.isnull() | (a.gueltig_ab <= a.beginn)) & (
        a.gueltig_bis.isnull() | (a.gueltig_bis >= a.beginn)
    )
    listed = ibis.ifelse(a.beginn >= a.liste_ab, a.oegb_ab_2019, a.oegb_bis_2018)
    oegb = ibis.coalesce(valid & listed, False)
    a = a.mutate(oegb=oegb, w1=a.beginn >= a.stichtag_1 if readings.closed_left else a.beginn > a.stichtag_1)
    if readings.looks_before:
        insured = t["beschaeftigung"].anti_join(
            t["nicht_svb"], t["beschaeftigung"].personengruppe == t["nicht_svb"].code
        )
        a = _flagged(a, insured, "vor_beginn", (a.beginn - ibis.interval(days=1)).cast("date"))
        a = _flagged(a, insured, "am_beginn", a.beginn)
    if readings.from_entry_on:
        a = a.left_join(_entries(t), "person").drop("person_right")
    integration = a.integration & ~a.oegb
    if readings.job_change_fails:
        integration = integration & ~((a.art == "svb") & a.vor_beginn)
    kinds = {
        "int": integration,
        "int_svb": integration & a.svb & ~a.im_ausland,
        "bs_gering": a.gering & ~a.am_beginn if readings.gering_alone else a.gering,
        "bs_2am": a.oegb,
    }
    in_w2 = ~a.w1 & ibis.coalesce(a.beginn >= a.eintritt, False) if readings.from_entry_on else ~a.w1
    aggregated = {f"{name}_w1": (kind & a.w1).any() for name, kind in kinds.items()}
    aggregated |= {f"{name}_w2": (kind & in_w2).any() for name, kind in kinds.items()}
    if readings.anniversary:
        svb = kinds["int_svb"]
        aggregated |= {"beginn_w1": a.beginn.min(where=svb & a.w1), "beginn_w2": a.beginn.min(where=svb & in_w2)}
    starts = a.group_by("person").agg(**aggregated)
    p = _credited(t, starts, readings)
    newcomer = p.bekannt.isnull()
    p = p.mutate(**{name: p[f"{name}_w1"] | (newcomer & p[f"{name}_w2"]) for name in kinds})
    p = p.mutate(int_allein=p["int"] & p.ist_allein, int_lzb=p["int"] & p.ist_lzb)
    if readings.one_per_person:
        p = p.mutate(bs_gering=p.bs_gering & ~p["int"], bs_2am=p.bs_2am & ~p["int"])
    columns = ["person", "jc", "sex", *kinds, "int_allein", "int_lzb"]
    if readings.anniversary:
        first = ibis.ifelse(p.bekannt.isnull() & p.beginn_w2.notnull(), p.beginn_w2, p.beginn_w1)
        p = p.mutate(beginn=first)
        columns.append("beginn")
    return Count("events", reads, p.filter(p["int"] | p.bs_gering | p.bs_2am).select(*columns), ROWS)


def _starts(t: dict[str, Any], readings: Readings) -> Any:
    """Return the starts of both windows that were known in time, with the days of the month."""
    columns = ["person", "beginn", "art", "foerderung", "im_ausland", "recorded_on"]
    if not readings.closed_left:
        a = t["aufnahme"].select(*columns).cross_join(t["kalender"])
        return a.filter((a.recorded_on <= a.freeze) & (a.beginn > a.stichtag_2) & (a.beginn <= a.stichtag))
    a = t["aufnahme"].cross_join(t["kalender"])
    own = (a.zurueck == 0) & (a.recorded_on <= a.freeze) & (a.beginn >= a.stichtag_2) & (a.beginn < a.stichtag)
    before = (a.zurueck == 1) & (a.recorded_on <= a.freeze_1) & (a.beginn == a.stichtag_2)
    return a.filter(own | before)


def _month_number(day: Any) -> Any:
    return (day.year().cast("int64") * 12 + day.month().cast("int64") - 1).cast("int64")


def _flagged(rows: Any, insured: Any, name: str, day: Any) -> Any:
    """Add a column that tells whether the person was in insured employment on a day; only that month's delivery speaks."""
    rows = rows.mutate(**{f"{name}_tag": day})
    asked = rows.select("person", tag=rows[f"{name}_tag"]).distinct()
    asked = asked.mutate(monat=_month_number(asked.tag))
    found = _employed_on(asked, insured).select("person", "tag").distinct().mutate(ja=ibis.literal(True))
    found = found.rename(found_person="person", found_tag="tag")
    joined = rows.left_join(found, [rows.person == found.found_person, rows[f"{name}_tag"] == found.found_tag])
    return joined.mutate(**{name: joined.ja.notnull()}).drop("found_person", "found_tag", "ja", f"{name}_tag")


def _employed_on(asked: Any, insured: Any) -> Any:
    """Return the rows of `asked` (person, tag, monat, …) whose person is insured on the day, once or more."""
    spells = insured.select(s_person="person", s_monat="monat", s_von="von", s_bis="bis")
    joined = asked.join(spells, [asked.person == spells.s_person, asked.monat == spells.s_monat])
    last = ibis.coalesce(joined.s_bis, ibis.date(OPEN_END))
    return joined.filter((joined.s_von <= joined.tag) & (last >= joined.tag))


def _entries(t: dict[str, Any]) -> Any:
    """Return person, eintritt: the first day as ELB after S(m-2), up to S(m-1), in any unit."""
    rows = t["leistungsbezug_1"].cross_join(t["kalender"])
    last = ibis.coalesce(rows.bis, ibis.date(OPEN_END))
    rows = rows.filter((rows.von <= rows.stichtag_1) & (last > rows.stichtag_2))
    after = (rows.stichtag_2 + ibis.interval(days=1)).cast("date")
    return rows.mutate(erster=ibis.greatest(rows.von, after)).group_by("person").agg(eintritt=_.erster.min())


def _credited(t: dict[str, Any], starts: Any, readings: Readings) -> Any:
    """Return the ELB of S(m-1) with their starts, `bekannt` (null: a newcomer), `ist_allein` and `ist_lzb`."""
    elb_before = t["stock_2"].filter(_.elb).semi_join(t["aufnahme"], "person")
    place = ["person", "jc"] if readings.newcomer_here else ["person"]
    known = elb_before.select(*place).distinct().mutate(bekannt=ibis.literal(True))
    p = t["stock_1"].filter(_.elb).join(starts, "person")
    p = p.left_join(known, place)
    p = p.drop(*(f"{name}_right" for name in place))
    long_term = (
        t["lzb_0" if readings.group_now else "lzb_1"].semi_join(t["aufnahme"], "person").mutate(lzb=ibis.literal(True))
    )
    p = p.left_join(long_term, "person").drop("person_right")
    p = p.mutate(ist_lzb=p.lzb.notnull())
    if not readings.group_now:
        return p.mutate(ist_allein=p.allein)
    alone = t["stock_0"].filter(_.elb & _.allein).select("person").distinct().mutate(jetzt=ibis.literal(True))
    p = p.left_join(alone, "person").drop("person_right")
    return p.mutate(ist_allein=p.jetzt.notnull())


def event_counts() -> Count:
    """The six event counts by unit and sex."""
    reads = {"ereignisse": "ereignisse"}
    e = tables(**reads)["ereignisse"]
    names = ("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb")
    counts = e.group_by("jc", "sex").agg(**{name: e[name].cast("int64").sum().cast("int64") for name in names})
    return Count("event_counts", reads, counts, SUMS)


def employed(readings: Readings, *, any_day: bool = False) -> Count:
    """Persons with employment subject to social insurance on the check day of the month, or on any day of it."""
    reads = {"beschaeftigung": "beschaeftigung", "nicht_svb": "nicht_svb", "kalender": "kalender"}
    if readings.oegb_fails:
        reads["oegb"] = "oegb_personen"
    t = tables(**reads)
    b = t["beschaeftigung"].cross_join(t["kalender"])
    first, last = (b.monat_von, b.monat_bis) if any_day else (b.pruef_tag, b.pruef_tag)
    b = b.filter((b.von <= last) & (ibis.coalesce(b.bis, ibis.date(OPEN_END)) >= first))
    b = b.anti_join(t["nicht_svb"], b.personengruppe == t["nicht_svb"].code)
    persons = b.select("person").distinct()
    if readings.oegb_fails:
        persons = persons.anti_join(t["oegb"], "person")
    return Count("employed_in_month" if any_day else "employed", reads, persons, ROWS)


def publicly_employed() -> Count:
    """Persons in a measure of the class publicly supported employment that covers S(m), from the files of all units."""
    reads = {"massnahme": "massnahme", "foerderung": "foerderung", "kalender": "kalender"}
    t = tables(**reads)
    m = t["massnahme"].cross_join(t["kalender"])
    m = m.filter((m.von <= m.stichtag) & (ibis.coalesce(m.bis, ibis.date(OPEN_END)) >= m.stichtag))
    m = m.join(t["foerderung"], m.massnahme_art == t["foerderung"].code)
    valid = (m.gueltig_ab.isnull() | (m.gueltig_ab <= m.stichtag)) & (
        m.gueltig_bis.isnull() | (m.gueltig_bis >= m.stichtag)
    )
    oegb = ibis.ifelse(m.liste_2019, m.oegb_ab_2019, m.oegb_bis_2018)
    return Count("publicly_employed", reads, m.filter(valid & oegb).select("person").distinct(), ROWS)


def _after_months(e: Any, months: int) -> Any:
    """Return the events with `tag`, so many months after their start, and the number of its month."""
    later = e.mutate(tag=(e.beginn + ibis.interval(months=months)).cast("date"), abstand=ibis.literal(months, "int64"))
    return later.mutate(monat=_month_number(later.tag))


def _on_anniversaries(readings: Readings, months: Iterable[int]) -> tuple[dict[str, str], Any, Any]:
    """Return (reads, events of int_svb, rows person, jc, abstand of those insured so many months after the start)."""
    reads = {
        "ereignisse": "ereignisse_mit_beginn",
        "beschaeftigung": "beschaeftigung_je_monat",
        "nicht_svb": "nicht_svb",
    }
    if readings.oegb_fails:
        reads["oegb"] = "oegb_personen"
    t = tables(**reads)
    cohort = t["ereignisse"].filter(_.int_svb)
    insured = t["beschaeftigung"].anti_join(t["nicht_svb"], t["beschaeftigung"].personengruppe == t["nicht_svb"].code)
    if readings.oegb_fails:
        insured = insured.anti_join(t["oegb"], ["person", "monat"])
    each = [_after_months(cohort, k).select("person", "jc", "tag", "monat", "abstand") for k in months]
    asked = ibis.union(each[0], *each[1:]) if len(each) > 1 else each[0]
    return reads, cohort, _employed_on(asked, insured).select("person", "jc", "abstand").distinct()


def sustained(readings: Readings) -> Count:
    """`svb_nach12`: svB integrations of month m whose person is employed on the check day of m+12."""
    if readings.anniversary:
        reads, cohort, found = _on_anniversaries(readings, (SUSTAINED_AFTER,))
        e = cohort.semi_join(found, ["person", "jc"])
    else:
        reads = {"ereignisse": "ereignisse", "beschaeftigt": "beschaeftigt"}
        t = tables(**reads)
        e = t["ereignisse"].filter(_.int_svb).semi_join(t["beschaeftigt"], "person")
    return Count("sustained", reads, e.group_by("jc", "sex").agg(svb_nach12=_.count()), SUMS)


def continuous(readings: Readings) -> Count:
    """`svb_kont6`: svB integrations of month m whose person is employed on each check day of m+1 … m+6."""
    if readings.anniversary and not readings.any_day:
        reads, cohort, found = _on_anniversaries(readings, range(1, CONTINUOUS_FOR + 1))
        counted = found.group_by("person", "jc").agg(monate=_.abstand.nunique())
        e = cohort.semi_join(counted.filter(_.monate == CONTINUOUS_FOR), ["person", "jc"])
    else:
        reads = {"ereignisse": "ereignisse", "beschaeftigt": "beschaeftigt"}
        t = tables(**reads)
        cohort = t["ereignisse"].filter(_.int_svb)
        b = t["beschaeftigt"].semi_join(cohort, "person")
        all_six = b.group_by("person").agg(monate=_.abstand.nunique()).filter(_.monate == CONTINUOUS_FOR)
        e = cohort.semi_join(all_six.select("person"), "person")
    return Count("continuous", reads, e.group_by("jc", "sex").agg(svb_kont6=_.count()), SUMS)
