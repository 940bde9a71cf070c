"""Polars: what is large month by month, whose frames stay small; the rest over all months at once. Lazy queries, streaming engine.

Over all months at once everything would be shorter, but it took 4.8 GB for a twentieth of the country.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl
import pyarrow as pa

from benchmarks.country import BRIDGED_DAYS, COLUMNS, LZB_DAYS, RESULT, Country

OPEN = pl.lit(date(9999, 12, 31))
CELL = ("monat", "jc", "sex")
SEXES = pl.Enum(["", "F", "M"])


def counts(country: Country) -> pa.Table:
    """Return all cells (schema `country.RESULT`)."""
    lists = {name: pl.DataFrame(pl.from_arrow(table)).lazy() for name, table in country.lists().items()}
    lists["einheiten"] = lists["einheiten"].with_columns(
        pl.col("jc").cast(pl.Enum(sorted(set(country.einheiten["jc"].to_pylist()))))
    )
    kalender = lists["kalender"]
    elbs, days, cells = [], [], []
    sexes = pl.DataFrame(schema={"person": pl.Int64, "sex": SEXES}).lazy()
    for monat, month in enumerate(country.months):
        stock = _stock(_month(country, "bestand", month), lists["einheiten"])
        before, sexes = sexes, stock.lazy().group_by("person").agg(_agreed("sex")).collect(engine="streaming").lazy()
        periods = _periods(
            _month(country, "leistungsbezug", month), lists["einheiten"], kalender.filter(pl.col("monat") == monat)
        )
        paid = _month(country, "leistung", month)
        found = [*_movements(periods.lazy(), sexes, before), _payments(paid, lists, sexes, before)]
        collected = pl.collect_all(
            [_named(cell, monat) for cell in found] + [_days(periods.lazy())], engine="streaming"
        )
        cells += collected[:-1]
        days.append(collected[-1].with_columns(pl.lit(monat, pl.Int32).alias("monat")))
        elbs.append(stock.filter("elb").select(pl.lit(monat, pl.Int32).alias("monat"), "person", "jc", "sex", "allein"))
    elb = pl.concat(elbs)
    long_term = _long_term(pl.concat(days).lazy(), elb.lazy(), country).collect(engine="streaming")
    del days
    tables = {name: _scan(country, name, kalender) for name in ("aufnahme", "massnahme", "beschaeftigung")}
    events = _events(tables["aufnahme"], lists, elb.lazy(), long_term.lazy()).collect(engine="streaming")
    rest = [
        *_stock_cells(elb.lazy()),
        *_long_term_cells(elb.lazy(), long_term.lazy(), _measures(tables["massnahme"], lists)),
        *_event_cells(events.lazy()),
        *_employed_cells(events.lazy(), _employed(tables["beschaeftigung"], lists)),
    ]
    found = pl.concat([*cells, *pl.collect_all([_named(cell) for cell in rest], engine="streaming")])
    by_sex = found.filter(pl.col("sex") != "")
    total = found.with_columns(pl.lit("T").alias("sex"))
    result = (
        pl.concat([total, by_sex])
        .lazy()
        .join(lists["spannen"], on="merkmal")
        .filter(pl.col("monat").is_between("erster", "letzter"))
        .join(kalender.select("monat", "ref_month"), on="monat")
        .group_by("ref_month", pl.col("jc").alias("jc_id"), pl.col("sex").alias("geschlecht"), "merkmal")
        .agg(pl.col("wert").sum())
        .collect()
    )
    return result.to_arrow().cast(RESULT)


def _month(country: Country, name: str, month: str) -> pl.LazyFrame:
    return pl.scan_parquet(country.staged[name][month], hive_partitioning=False).select(COLUMNS[name])


def _scan(country: Country, name: str, kalender: pl.LazyFrame) -> pl.LazyFrame:
    rows = pl.scan_parquet(country.files(name), hive_partitioning=True, hive_schema={"ref_month": pl.String})
    return (
        rows.select("ref_month", *COLUMNS[name])
        .join(kalender.select("ref_month", "monat"), on="ref_month")
        .drop("ref_month")
    )


def _agreed(column: str) -> pl.Expr:
    low, high = pl.col(column).min(), pl.col(column).max()
    return pl.when(low == high).then(low).otherwise(pl.lit("")).alias(column)


def _stock(rows: pl.LazyFrame, units: pl.LazyFrame) -> pl.DataFrame:
    return (
        rows.join(units, on="jc_id")
        .select(
            "person",
            "jc",
            pl.when(pl.col("geschlecht").is_in(["M", "F"]))
            .then("geschlecht")
            .otherwise(pl.lit(""))
            .cast(SEXES)
            .alias("sex"),
            pl.col("ist_elb").alias("elb"),
            (pl.col("ist_elb") & pl.col("ist_alleinerziehend")).alias("allein"),
        )
        .group_by("person", "jc")
        .agg(_agreed("sex"), pl.col("elb").any(), pl.col("allein").any())
        .collect(engine="streaming")
    )


def _periods(rows: pl.LazyFrame, units: pl.LazyFrame, days: pl.LazyFrame) -> pl.DataFrame:
    """Return person, jc, von, bis, stichtag, stichtag_1 of a month."""
    return (
        rows.join(units, on="jc_id")
        .join(days.select("stichtag", "stichtag_1"), how="cross")
        .select("person", "jc", "von", pl.col("bis").fill_null(OPEN), "stichtag", "stichtag_1")
        .collect(engine="streaming")
    )


def _power_of_two(exponent: pl.Expr) -> pl.Expr:
    return pl.lit(2, pl.Int64).pow(exponent.cast(pl.UInt32))


def _days(periods: pl.LazyFrame) -> pl.LazyFrame:
    """Return person, maske, tage: days of the window as bits, united over periods, and their number."""
    before = pl.col("stichtag_1")
    end = (pl.min_horizontal("bis", "stichtag") - before).dt.total_days()
    begin = ((pl.col("von") - before).dt.total_days() - 1).clip(lower_bound=0)
    return (
        periods.filter((pl.col("von") <= pl.col("stichtag")) & (pl.col("bis") > before))
        .with_columns((_power_of_two(end) - _power_of_two(begin)).alias("maske"))
        .group_by("person")
        .agg(pl.col("maske").bitwise_or())
        .with_columns(pl.col("maske").bitwise_count_ones().cast(pl.Int32).alias("tage"))
    )


def _long_term(days: pl.LazyFrame, elb: pl.LazyFrame, country: Country) -> pl.LazyFrame:
    """Return monat, person: days summed over the windows that reach into the 730 days."""
    sums = [
        pl.when(pl.col("monat").is_between(row["von"], row["lzb_monat"]))
        .then("tage")
        .when(pl.col("monat") == row["teil"])
        .then((pl.col("maske") // 2 ** row["ohne"]).bitwise_count_ones().cast(pl.Int32))
        .sum()
        .alias(str(row["lzb_monat"]))
        for row in country.fenster.to_pylist()
    ]
    return (
        days.group_by("person")
        .agg(sums)
        .unpivot(index="person", variable_name="monat", value_name="tage")
        .filter(pl.col("tage") >= LZB_DAYS)
        .select(pl.col("monat").cast(pl.Int32), "person")
        .join(elb.select("monat", "person"), on=["monat", "person"], how="semi")
    )


def _shifted(rows: pl.LazyFrame, months: int) -> pl.LazyFrame:
    return rows.with_columns(pl.col("monat") + months)


def _valid_on(day: str) -> pl.Expr:
    after = pl.col("gueltig_ab").is_null() | (pl.col("gueltig_ab") <= pl.col(day))
    return after & (pl.col("gueltig_bis").is_null() | (pl.col("gueltig_bis") >= pl.col(day)))


def _events(
    starts: pl.LazyFrame, lists: dict[str, pl.LazyFrame], elb: pl.LazyFrame, long_term: pl.LazyFrame
) -> pl.LazyFrame:
    """Return the events, one row per month, person and unit of the counting day before."""
    listed = pl.when(pl.col("beginn") >= pl.col("liste_ab")).then("oegb_ab_2019").otherwise("oegb_bis_2018")
    known = _shifted(elb.select("monat", "person").unique(), 2).with_columns(pl.lit(True).alias("bekannt"))
    classed = (
        starts.join(lists["kalender"], on="monat")
        .filter(
            (pl.col("recorded_on") <= pl.col("freeze"))
            & (pl.col("beginn") > pl.col("stichtag_2"))
            & (pl.col("beginn") <= pl.col("stichtag"))
        )
        .join(lists["aufnahmearten"], left_on="art", right_on="code")
        .join(lists["foerderung"], left_on="foerderung", right_on="code", how="left")
        .with_columns((_valid_on("beginn") & listed).fill_null(False).alias("oegb"))
        .join(known, on=["monat", "person"], how="left")
        .filter((pl.col("beginn") > pl.col("stichtag_1")) | pl.col("bekannt").is_null())
    )
    integration = pl.col("integration") & ~pl.col("oegb")
    persons = classed.group_by("monat", "person").agg(
        integration.any().alias("int"),
        (integration & pl.col("svb") & ~pl.col("im_ausland")).any().alias("int_svb"),
        pl.col("gering").any().alias("bs_gering"),
        pl.col("oegb").any().alias("bs_2am"),
    )
    return (
        persons.join(_shifted(elb, 1), on=["monat", "person"])
        .join(_shifted(long_term, 1).with_columns(pl.lit(True).alias("lzb")), on=["monat", "person"], how="left")
        .with_columns(
            (pl.col("int") & pl.col("allein")).alias("int_allein"),
            (pl.col("int") & pl.col("lzb").is_not_null()).alias("int_lzb"),
        )
    )


def _measures(rows: pl.LazyFrame, lists: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    active = pl.when("liste_2019").then("aktiv_ab_2019").otherwise("aktiv_bis_2018")
    return (
        rows.join(lists["kalender"], on="monat")
        .filter((pl.col("von") <= pl.col("stichtag")) & (pl.col("bis").fill_null(OPEN) >= pl.col("stichtag")))
        .join(lists["foerderung"], left_on="massnahme_art", right_on="code")
        .filter(_valid_on("stichtag") & active)
        .select("monat", "person")
        .unique()
    )


def _employed(rows: pl.LazyFrame, lists: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return (
        rows.join(lists["kalender"].select("monat", "pruef_tag"), on="monat")
        .filter((pl.col("von") <= pl.col("pruef_tag")) & (pl.col("bis").fill_null(OPEN) >= pl.col("pruef_tag")))
        .join(lists["nicht_svb"], left_on="personengruppe", right_on="code", how="anti")
        .select("person", pl.col("monat").alias("pruef_monat"))
        .unique()
    )


def _named(cell: tuple[str, pl.LazyFrame], monat: int | None = None) -> pl.LazyFrame:
    """Return monat, jc, sex, merkmal, wert."""
    name, rows = cell
    kind = pl.col("summe") if name == "summe" else pl.lit(name)
    when = pl.col("monat") if monat is None else pl.lit(monat)
    texts = [pl.col(column).cast(pl.String) for column in ("jc", "sex")]
    return rows.select(when.cast(pl.Int32).alias("monat"), *texts, kind.alias("merkmal"), pl.col("wert").cast(pl.Int64))


def _number(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.group_by(CELL).agg(pl.len().alias("wert"))


def _stock_cells(elb: pl.LazyFrame) -> Iterable[tuple[str, pl.LazyFrame]]:
    return ("elb", _number(elb)), ("alleinerz", _number(elb.filter("allein")))


def _long_term_cells(
    elb: pl.LazyFrame, long_term: pl.LazyFrame, measures: pl.LazyFrame
) -> Iterable[tuple[str, pl.LazyFrame]]:
    place = ["monat", "person"]
    rows = elb.join(long_term, on=place, how="semi")
    entries = rows.join(_shifted(long_term, 1), on=place, how="anti")
    exits = _shifted(rows, 1).join(long_term, on=place, how="anti")
    active = rows.join(measures, on=place, how="semi")
    return (
        ("lzb", _number(rows)),
        ("lzb_zugang", _number(entries)),
        ("lzb_abgang", _number(exits)),
        ("lzb_amp", _number(active)),
    )


def _movements(periods: pl.LazyFrame, sexes: pl.LazyFrame, before: pl.LazyFrame) -> Iterable[tuple[str, pl.LazyFrame]]:
    """Return entries and exits: periods of a person in a unit united over gaps of up to seven days."""
    own = ["person", "jc"]
    window = pl.col("stichtag_1"), pl.col("stichtag")
    entering = (pl.col("von") > window[0]) & (pl.col("von") <= window[1])
    leaving = (pl.col("bis") >= window[0]) & (pl.col("bis") < window[1])
    touched = periods.join(periods.filter(entering | leaving).select(own).unique(), on=own, how="semi")
    gap = pl.duration(days=BRIDGED_DAYS + 1)
    islands = (
        touched.sort(*own, "von", "bis")
        .with_columns((pl.col("von") > pl.col("bis").cum_max().shift(1).over(own) + gap).fill_null(True).alias("neu"))
        .with_columns(pl.col("neu").cum_sum().over(own).alias("insel"))
        .group_by(*own, "insel")
        .agg(pl.col("von").min(), pl.col("bis").max(), pl.col("stichtag").first(), pl.col("stichtag_1").first())
    )
    return (
        (
            "elb_zugang",
            _with_sex(islands.filter(entering), sexes, before).group_by("jc", "sex").agg(pl.len().alias("wert")),
        ),
        (
            "elb_abgang",
            _with_sex(islands.filter(leaving), before, sexes).group_by("jc", "sex").agg(pl.len().alias("wert")),
        ),
    )


def _with_sex(rows: pl.LazyFrame, first: pl.LazyFrame, second: pl.LazyFrame) -> pl.LazyFrame:
    """Add the sex on the first of two counting days that knows the person."""
    return (
        rows.join(first, on="person", how="left")
        .join(second.rename({"sex": "sex_sonst"}), on="person", how="left")
        .with_columns(pl.coalesce("sex", "sex_sonst", pl.lit("", SEXES)).alias("sex"))
    )


def _event_cells(events: pl.LazyFrame) -> Iterable[tuple[str, pl.LazyFrame]]:
    names = ("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb")
    return [(name, _number(events.filter(name))) for name in names]


def _employed_cells(events: pl.LazyFrame, employed: pl.LazyFrame) -> Iterable[tuple[str, pl.LazyFrame]]:
    later = pl.col("pruef_monat") - pl.col("monat")
    checked = (
        events.filter("int_svb")
        .select("person", *CELL)
        .join(employed, on="person")
        .filter(later.is_between(1, 12))
        .group_by("person", *CELL)
        .agg((later == 12).any().alias("nach12"), ((later <= 6).sum() == 6).alias("kont6"))
    )
    return ("svb_nach12", _number(checked.filter("nach12"))), ("svb_kont6", _number(checked.filter("kont6")))


def _payments(
    rows: pl.LazyFrame, lists: dict[str, pl.LazyFrame], sexes: pl.LazyFrame, before: pl.LazyFrame
) -> tuple[str, pl.LazyFrame]:
    paid = rows.join(lists["rechtsgrundlagen"], left_on="rechtsgrundlage", right_on="code").join(
        lists["einheiten"], on="jc_id"
    )
    cents = (pl.col("anspruch_eur").sum() * 100).cast(pl.Int64)
    return "summe", _with_sex(paid, sexes, before).group_by("jc", "sex", "summe").agg(cents.alias("wert"))
