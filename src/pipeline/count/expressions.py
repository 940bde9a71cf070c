"""What is counted, as Ibis expressions over the staged tables of one month and the states of its neighbours.

Every expression names its inputs; the engine binds them. Nothing here knows a file, an engine or a month: the days of the month
come in as the one-row table `kalender`. Source: data contract section 3, methodology 3.5 to 3.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
from ibis import _

OPEN_END = "9999-12-31"
TOTAL, MALE, FEMALE, OTHER = "T", "M", "F", ""


@ibis.udf.agg.builtin(name="bit_or")
def bit_or(bits: int) -> int:
    """Return the union of day masks."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="bit_count")
def bit_count(bits: int) -> int:
    """Return the number of days in a mask."""
    raise NotImplementedError


INPUTS: Mapping[str, Mapping[str, str]] = {
    "gebiet": {"alt": "string", "neu": "string"},
    "foerderung": {
        "code": "string",
        "gueltig_ab": "date",
        "gueltig_bis": "date",
        "oegb_bis_2018": "boolean",
        "oegb_ab_2019": "boolean",
        "aktiv_bis_2018": "boolean",
        "aktiv_ab_2019": "boolean",
    },
    "aufnahmearten": {"code": "string", "integration": "boolean", "svb": "boolean", "gering": "boolean"},
    "rechtsgrundlagen": {"code": "string", "summe": "string"},
    "nicht_svb": {"code": "string"},
    "kalender": {
        "stichtag": "date",
        "stichtag_1": "date",
        "stichtag_2": "date",
        "freeze": "date",
        "pruef_tag": "date",
        "liste_ab": "date",
        "liste_2019": "boolean",
        "lzb_tage": "int64",
        "bruecke": "int64",
    },
    "bestand": {
        "jc_id": "string",
        "person": "int64",
        "geschlecht": "string",
        "ist_elb": "boolean",
        "ist_alleinerziehend": "boolean",
    },
    "leistungsbezug": {"jc_id": "string", "person": "int64", "von": "date", "bis": "date"},
    "aufnahme": {
        "jc_id": "string",
        "person": "int64",
        "beginn": "date",
        "art": "string",
        "foerderung": "string",
        "im_ausland": "boolean",
        "recorded_on": "date",
    },
    "massnahme": {"jc_id": "string", "person": "int64", "massnahme_art": "string", "von": "date", "bis": "date"},
    "leistung": {
        "jc_id": "string",
        "person": "int64",
        "bg": "int64",
        "rechtsgrundlage": "string",
        "anspruch_eur": "decimal(12, 2)",
    },
    "beschaeftigung": {"person": "int64", "von": "date", "bis": "date", "personengruppe": "string"},
    "stock": {"person": "int64", "jc": "string", "sex": "string", "elb": "boolean", "allein": "boolean"},
    "tage": {"person": "int64", "mask": "int64", "clip": "int64"},
    "lzb": {"person": "int64"},
    "beschaeftigt": {"person": "int64", "abstand": "int64"},
    "ereignisse": {
        "person": "int64",
        "jc": "string",
        "sex": "string",
        "int": "boolean",
        "int_svb": "boolean",
        "bs_gering": "boolean",
        "bs_2am": "boolean",
        "int_allein": "boolean",
        "int_lzb": "boolean",
    },
}


@dataclass(frozen=True)
class Count:
    """An expression with the names of the tables it reads: alias in the expression -> kind of input."""

    name: str
    reads: Mapping[str, str]
    expression: Any


def _tables(**reads: str) -> dict[str, Any]:
    return {alias: ibis.table(dict(INPUTS[kind]), name=alias) for alias, kind in reads.items()}


def _on_territory(rows: Any, gebiet: Any) -> Any:
    """Add `jc`: the unit that the delivering unit belongs to on the territory of the run."""
    mapped = rows.left_join(gebiet, rows.jc_id == gebiet.alt)
    return mapped.select(*rows.columns, jc=ibis.coalesce(mapped.neu, mapped.jc_id))


def _one(values: Any) -> Any:
    """Return the value of a group whose rows all agree, else ``OTHER``."""
    return ibis.ifelse(values.min() == values.max(), values.min(), OTHER)


def stock() -> Count:
    """Persons in stock, one row per person and unit; contradicting rows: ELB if any says so, sex only if all agree."""
    reads = {"bestand": "bestand", "gebiet": "gebiet"}
    t = _tables(**reads)
    rows = _on_territory(t["bestand"], t["gebiet"]).mutate(sex=ibis.coalesce(_.geschlecht, OTHER))
    persons = rows.group_by("person", "jc").agg(
        sex=_one(rows.sex),
        elb=rows.ist_elb.any(),
        allein=(rows.ist_elb & rows.ist_alleinerziehend).any(),
    )
    known = persons.mutate(sex=ibis.ifelse(persons.sex.isin([MALE, FEMALE]), persons.sex, OTHER))
    return Count("stock", reads, known.select("person", "jc", "sex", "elb", "allein"))


def stock_counts() -> Count:
    """`elb`, `alleinerz` by unit and sex."""
    reads = {"stock": "stock"}
    s = _tables(**reads)["stock"]
    counts = (
        s.filter(s.elb).group_by("jc", "sex").agg(elb=_.count(), alleinerz=_.allein.cast("int64").sum().cast("int64"))
    )
    return Count("stock_counts", reads, counts)


def _power_of_two(exponent: Any) -> Any:
    """Return 2^exponent as int64; exact, because doubles hold every power of two up to 2^62."""
    return (ibis.literal(2.0) ** exponent.cast("float64")).cast("int64")


def day_masks() -> Count:
    """Days as ELB in W(m), one bit a day from the window's first day on, united over units and units of need."""
    reads = {"leistungsbezug": "leistungsbezug", "kalender": "kalender"}
    t = _tables(**reads)
    rows = t["leistungsbezug"].cross_join(t["kalender"])
    last = ibis.coalesce(rows.bis, ibis.date(OPEN_END))
    rows = rows.filter((rows.von <= rows.stichtag) & (last > rows.stichtag_1))
    begin = ibis.greatest(rows.von.delta(rows.stichtag_1, unit="day") - 1, 0)
    end = ibis.least(ibis.coalesce(rows.bis, rows.stichtag), rows.stichtag).delta(rows.stichtag_1, unit="day")
    rows = rows.mutate(mask=_power_of_two(end) - _power_of_two(begin))
    return Count("day_masks", reads, rows.group_by("person").agg(mask=bit_or(rows.mask)))


def long_term() -> Count:
    """Persons who are LZB on S(m): ELB in some stock with enough days as ELB in the last 730."""
    reads = {"stock": "stock", "tage": "tage", "kalender": "kalender"}
    t = _tables(**reads)
    elb = t["stock"].filter(_.elb).select("person").distinct()
    days = t["tage"].mutate(days=bit_count(t["tage"].mask & t["tage"].clip))
    total = days.semi_join(elb, "person").group_by("person").agg(days=_.days.sum())
    enough = total.cross_join(t["kalender"]).filter(_.days >= _.lzb_tage)
    return Count("long_term", reads, enough.select("person"))


def long_term_counts() -> Count:
    """`lzb`, `lzb_amp` by unit and sex; measures are looked for in the files of all units."""
    reads = {
        "stock": "stock",
        "lzb": "lzb",
        "massnahme": "massnahme",
        "foerderung": "foerderung",
        "kalender": "kalender",
    }
    t = _tables(**reads)
    k = t["kalender"]
    m = t["massnahme"].cross_join(k)
    m = m.filter((m.von <= m.stichtag) & (ibis.coalesce(m.bis, ibis.date(OPEN_END)) >= m.stichtag))
    m = m.join(t["foerderung"], m.massnahme_art == t["foerderung"].code)
    valid = (m.gueltig_ab.isnull() | (m.gueltig_ab <= m.stichtag)) & (
        m.gueltig_bis.isnull() | (m.gueltig_bis >= m.stichtag)
    )
    active = ibis.ifelse(m.liste_2019, m.aktiv_ab_2019, m.aktiv_bis_2018)
    in_measure = m.filter(valid & active).select("person").distinct().mutate(amp=ibis.literal(1, "int64"))
    s = t["stock"].filter(_.elb).semi_join(t["lzb"], "person")
    joined = s.left_join(in_measure, "person")
    counts = joined.group_by("jc", "sex").agg(lzb=_.count(), lzb_amp=ibis.coalesce(_.amp, 0).sum().cast("int64"))
    return Count("long_term_counts", reads, counts)


def long_term_movements() -> Count:
    """`lzb_zugang` (unit of S(m)) and `lzb_abgang` (unit of S(m-1)): snapshots compared across all units."""
    reads = {"stock": "stock", "stock_1": "stock", "lzb": "lzb", "lzb_1": "lzb"}
    t = _tables(**reads)
    now = t["stock"].filter(_.elb).semi_join(t["lzb"], "person").anti_join(t["lzb_1"], "person")
    then = t["stock_1"].filter(_.elb).semi_join(t["lzb_1"], "person").anti_join(t["lzb"], "person")
    zero = ibis.literal(0, "int64")
    entries = now.group_by("jc", "sex").agg(lzb_zugang=_.count()).mutate(lzb_abgang=zero)
    exits = then.group_by("jc", "sex").agg(lzb_abgang=_.count()).mutate(lzb_zugang=zero)
    both = entries.select("jc", "sex", "lzb_zugang", "lzb_abgang").union(
        exits.select("jc", "sex", "lzb_zugang", "lzb_abgang")
    )
    total = both.group_by("jc", "sex").agg(
        lzb_zugang=_.lzb_zugang.sum().cast("int64"), lzb_abgang=_.lzb_abgang.sum().cast("int64")
    )
    return Count("long_term_movements", reads, total)


def _sex_lookup(first: Any, second: Any) -> Any:
    """Return person, sex: of the stock `first` of any unit, else of `second`; units that disagree give OTHER."""

    def agreed(rows: Any) -> Any:
        return rows.group_by("person").agg(sex=_one(rows.sex))

    one = agreed(first)
    return one.union(agreed(second).anti_join(one, "person"))


def _with_sex(rows: Any, lookup: Any) -> Any:
    joined = rows.left_join(lookup, "person")
    return joined.mutate(sex=ibis.coalesce(joined.sex, OTHER)).drop("person_right")


def movements() -> Count:
    """`elb_zugang`, `elb_abgang` by unit and sex: periods of a person in a unit, gaps of up to seven days bridged."""
    reads = {
        "leistungsbezug": "leistungsbezug",
        "gebiet": "gebiet",
        "kalender": "kalender",
        "stock": "stock",
        "stock_1": "stock",
    }
    t = _tables(**reads)
    rows = _on_territory(t["leistungsbezug"], t["gebiet"]).mutate(ende=ibis.coalesce(_.bis, ibis.date(OPEN_END)))
    rows = rows.select("person", "jc", "von", "ende").cross_join(t["kalender"])
    earlier = ibis.window(group_by=["person", "jc"], order_by=["von", "ende"], preceding=(None, 1))
    rows = rows.mutate(bisher=rows.ende.max().over(earlier))
    fresh = rows.bisher.isnull() | (rows.von.delta(rows.bisher, unit="day") > rows.bruecke + 1)
    rows = rows.mutate(neu=fresh.cast("int64"))
    so_far = ibis.window(group_by=["person", "jc"], order_by=["von", "ende"], preceding=None, following=0)
    rows = rows.mutate(island=rows.neu.sum().over(so_far))
    islands = rows.group_by("person", "jc", "island").agg(
        von=_.von.min(), ende=_.ende.max(), stichtag=_.stichtag.max(), stichtag_1=_.stichtag_1.max()
    )
    entries = islands.filter((_.von > _.stichtag_1) & (_.von <= _.stichtag)).select("person", "jc")
    exits = islands.filter((_.ende >= _.stichtag_1) & (_.ende < _.stichtag)).select("person", "jc")
    zero = ibis.literal(0, "int64")
    entered = _with_sex(entries, _sex_lookup(t["stock"], t["stock_1"]))
    left = _with_sex(exits, _sex_lookup(t["stock_1"], t["stock"]))
    both = (
        entered.group_by("jc", "sex")
        .agg(elb_zugang=_.count())
        .mutate(elb_abgang=zero)
        .select("jc", "sex", "elb_zugang", "elb_abgang")
        .union(
            left.group_by("jc", "sex")
            .agg(elb_abgang=_.count())
            .mutate(elb_zugang=zero)
            .select("jc", "sex", "elb_zugang", "elb_abgang")
        )
    )
    total = both.group_by("jc", "sex").agg(
        elb_zugang=_.elb_zugang.sum().cast("int64"), elb_abgang=_.elb_abgang.sum().cast("int64")
    )
    return Count("movements", reads, total)


def payments() -> Count:
    """`llu`, `luh` in cents by unit and sex (T, M, F, OTHER), rows without a person, units of need and the largest of them."""
    reads = {
        "leistung": "leistung",
        "gebiet": "gebiet",
        "rechtsgrundlagen": "rechtsgrundlagen",
        "stock": "stock",
        "stock_1": "stock",
    }
    t = _tables(**reads)
    rows = _on_territory(t["leistung"], t["gebiet"])
    rows = rows.join(t["rechtsgrundlagen"], rows.rechtsgrundlage == t["rechtsgrundlagen"].code)
    rows = rows.filter(rows.summe.isin(["llu", "luh"])).select("person", "jc", "bg", "summe", "anspruch_eur")
    rows = _with_sex(rows, _sex_lookup(t["stock"], t["stock_1"]))
    rows = rows.mutate(cents=(rows.anspruch_eur * 100).cast("int64"), ohne_person=rows.person.isnull().cast("int64"))
    by_bg = rows.group_by("jc", "sex", "summe", "bg").agg(
        cents=_.cents.sum().cast("int64"), ohne_person=_.ohne_person.sum().cast("int64")
    )
    of_all = by_bg.group_by("jc", "summe", "bg").agg(
        cents=_.cents.sum().cast("int64"), ohne_person=_.ohne_person.sum().cast("int64")
    )
    columns = ("jc", "sex", "summe", "cents", "ohne_person")
    both = by_bg.select(*columns).union(of_all.mutate(sex=ibis.literal(TOTAL)).select(*columns))
    sums = both.group_by("jc", "sex", "summe").agg(
        cents=_.cents.sum().cast("int64"),
        ohne_person=_.ohne_person.sum().cast("int64"),
        bgs=_.count(),
        groesste=_.cents.max(),
    )
    return Count("payments", reads, sums)


def events() -> Count:
    """Events of month m, one row per person and crediting unit: W1, and W2 for newcomers (methodology 3.6)."""
    reads = {
        "stock_1": "stock",
        "stock_2": "stock",
        "aufnahme": "aufnahme",
        "lzb_1": "lzb",
        "foerderung": "foerderung",
        "aufnahmearten": "aufnahmearten",
        "kalender": "kalender",
    }
    t = _tables(**reads)
    a = t["aufnahme"].select("person", "beginn", "art", "foerderung", "im_ausland", "recorded_on")
    a = a.cross_join(t["kalender"])
    a = a.filter((a.recorded_on <= a.freeze) & (a.beginn > a.stichtag_2) & (a.beginn <= a.stichtag))
    arten = t["aufnahmearten"].rename(art_code="code")
    a = a.join(arten, a.art == arten.art_code)
    a = a.left_join(t["foerderung"], a.foerderung == t["foerderung"].code)
    valid = (a.gueltig_ab.isnull() | (a.gueltig_ab <= a.beginn)) & (
        a.gueltig_bis.isnull() | (a.gueltig_bis >= a.beginn)
    )
    listed = ibis.ifelse(a.beginn >= a.liste_ab, a.oegb_ab_2019, a.oegb_bis_2018)
    oegb = ibis.coalesce(valid & listed, False)
    a = a.mutate(oegb=oegb, w1=a.beginn > a.stichtag_1)
    integration = a.integration & ~a.oegb
    kinds = {
        "int": integration,
        "int_svb": integration & a.svb & ~a.im_ausland,
        "bs_gering": a.gering,
        "bs_2am": a.oegb,
    }
    starts = a.group_by("person").agg(
        **{f"{name}_w1": (kind & a.w1).any() for name, kind in kinds.items()},
        **{f"{name}_w2": (kind & ~a.w1).any() for name, kind in kinds.items()},
    )
    known = t["stock_2"].filter(_.elb).select("person").distinct().mutate(bekannt=ibis.literal(True))
    long_term = t["lzb_1"].mutate(ist_lzb=ibis.literal(True))
    p = t["stock_1"].filter(_.elb).join(starts, "person")
    p = p.left_join(known, "person").drop("person_right").left_join(long_term, "person").drop("person_right")
    newcomer = p.bekannt.isnull()
    p = p.mutate(**{name: p[f"{name}_w1"] | (newcomer & p[f"{name}_w2"]) for name in kinds})
    p = p.mutate(int_allein=p["int"] & p.allein, int_lzb=p["int"] & p.ist_lzb.notnull())
    columns = ["person", "jc", "sex", *kinds, "int_allein", "int_lzb"]
    return Count("events", reads, p.filter(p["int"] | p.bs_gering | p.bs_2am).select(*columns))


def event_counts() -> Count:
    """The six event counts by unit and sex."""
    reads = {"ereignisse": "ereignisse"}
    e = _tables(**reads)["ereignisse"]
    names = ("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb")
    counts = e.group_by("jc", "sex").agg(**{name: e[name].cast("int64").sum().cast("int64") for name in names})
    return Count("event_counts", reads, counts)


def employed() -> Count:
    """Persons with employment subject to social insurance on the last calendar day of the month."""
    reads = {"beschaeftigung": "beschaeftigung", "nicht_svb": "nicht_svb", "kalender": "kalender"}
    t = _tables(**reads)
    b = t["beschaeftigung"].cross_join(t["kalender"])
    b = b.filter((b.von <= b.pruef_tag) & (ibis.coalesce(b.bis, ibis.date(OPEN_END)) >= b.pruef_tag))
    b = b.anti_join(t["nicht_svb"], b.personengruppe == t["nicht_svb"].code)
    return Count("employed", reads, b.select("person").distinct())


def sustained() -> Count:
    """`svb_nach12`: svB integrations of month m whose person is employed on the check day of m+12."""
    reads = {"ereignisse": "ereignisse", "beschaeftigt": "beschaeftigt"}
    t = _tables(**reads)
    e = t["ereignisse"].filter(_.int_svb).semi_join(t["beschaeftigt"], "person")
    return Count("sustained", reads, e.group_by("jc", "sex").agg(svb_nach12=_.count()))


def continuous() -> Count:
    """`svb_kont6`: svB integrations of month m whose person is employed on each check day of m+1 … m+6."""
    reads = {"ereignisse": "ereignisse", "beschaeftigt": "beschaeftigt"}
    t = _tables(**reads)
    cohort = t["ereignisse"].filter(_.int_svb)
    b = t["beschaeftigt"].semi_join(cohort, "person")
    all_six = b.group_by("person").agg(monate=_.abstand.nunique()).filter(_.monate == 6).select("person")
    e = cohort.semi_join(all_six, "person")
    return Count("continuous", reads, e.group_by("jc", "sex").agg(svb_kont6=_.count()))


def all_counts() -> dict[str, Count]:
    """Return every expression by name."""
    makers = (
        stock,
        stock_counts,
        day_masks,
        long_term,
        long_term_counts,
        long_term_movements,
        movements,
        payments,
        events,
        event_counts,
        employed,
        sustained,
        continuous,
    )
    return {count.name: count for count in (make() for make in makers)}
