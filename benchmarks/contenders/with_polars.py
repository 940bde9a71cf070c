"""Polars: lazy queries over all months, intermediate tables that are used more than once collected by the streaming engine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl
import pyarrow as pa

from benchmarks.country import BRIDGED_DAYS, COLUMNS, LZB_DAYS, RESULT, Country

OPEN = pl.lit(date(9999, 12, 31))
CELL = ("monat", "jc", "sex")


def counts(country: Country) -> pa.Table:
    """Return all cells (schema `country.RESULT`)."""
    lists = {name: pl.DataFrame(pl.from_arrow(table)).lazy() for name, table in country.lists().items()}
    kalender = lists["kalender"]
    tables = {name: _scan(country, name, kalender) for name in COLUMNS}
    stock = _stock(tables["bestand"], lists["einheiten"])
    sexes = stock.lazy().group_by("monat", "person").agg(_agreed("sex")).collect(engine="streaming")
    periods = (
        tables["leistungsbezug"]
        .join(lists["einheiten"], on="jc_id")
        .join(kalender.select("monat", "stichtag", "stichtag_1"), on="monat")
        .select("monat", "person", "jc", "von", pl.col("bis").fill_null(OPEN), "stichtag", "stichtag_1")
        .collect(engine="streaming")
    )
    long_term = _long_term(periods.lazy(), stock.lazy(), country).collect(engine="streaming")
    events = _events(tables["aufnahme"], lists, stock.lazy(), long_term.lazy()).collect(engine="streaming")
    cells = [
        *_stock_cells(stock.lazy()),
        *_long_term_cells(stock.lazy(), long_term.lazy(), _measures(tables["massnahme"], lists)),
        *_movements(periods.lazy(), sexes.lazy()),
        *_event_cells(events.lazy()),
        *_employed_cells(events.lazy(), _employed(tables["beschaeftigung"], lists)),
        _payments(tables["leistung"], lists, sexes.lazy()),
    ]
    found = pl.concat(pl.collect_all([_named(cell) for cell in cells], engine="streaming"))
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
        .with_columns(
            pl.col("geschlecht").fill_null("").alias("sex"),
            (pl.col("ist_elb") & pl.col("ist_alleinerziehend")).alias("allein"),
        )
        .group_by("monat", "person", "jc")
        .agg(_agreed("sex"), pl.col("ist_elb").any().alias("elb"), pl.col("allein").any())
        .with_columns(pl.when(pl.col("sex").is_in(["M", "F"])).then("sex").otherwise(pl.lit("")).alias("sex"))
        .collect(engine="streaming")
    )


def _power_of_two(exponent: pl.Expr) -> pl.Expr:
    return pl.lit(2, pl.Int64).pow(exponent.cast(pl.UInt32))


def _long_term(periods: pl.LazyFrame, stock: pl.LazyFrame, country: Country) -> pl.LazyFrame:
    """Return monat, person: days of a window as bits, summed over the windows that reach into the 730 days."""
    before = pl.col("stichtag_1")
    end = (pl.min_horizontal("bis", "stichtag") - before).dt.total_days()
    begin = ((pl.col("von") - before).dt.total_days() - 1).clip(lower_bound=0)
    days = (
        periods.filter((pl.col("von") <= pl.col("stichtag")) & (pl.col("bis") > before))
        .with_columns((_power_of_two(end) - _power_of_two(begin)).alias("maske"))
        .group_by("monat", "person")
        .agg(pl.col("maske").bitwise_or())
        .with_columns(pl.col("maske").bitwise_count_ones().cast(pl.Int32).alias("tage"))
    )
    sums = [
        pl.when(pl.col("monat").is_between(row["von"], row["lzb_monat"]))
        .then("tage")
        .when(pl.col("monat") == row["teil"])
        .then((pl.col("maske") // 2 ** row["ohne"]).bitwise_count_ones().cast(pl.Int32))
        .sum()
        .alias(str(row["lzb_monat"]))
        for row in country.fenster.to_pylist()
    ]
    elb = stock.filter("elb").select("monat", "person")
    return (
        days.group_by("person")
        .agg(sums)
        .unpivot(index="person", variable_name="monat", value_name="tage")
        .filter(pl.col("tage") >= LZB_DAYS)
        .select(pl.col("monat").cast(pl.Int32), "person")
        .join(elb, on=["monat", "person"], how="semi")
    )


def _shifted(rows: pl.LazyFrame, months: int) -> pl.LazyFrame:
    return rows.with_columns(pl.col("monat") + months)


def _valid_on(day: str) -> pl.Expr:
    after = pl.col("gueltig_ab").is_null() | (pl.col("gueltig_ab") <= pl.col(day))
    return after & (pl.col("gueltig_bis").is_null() | (pl.col("gueltig_bis") >= pl.col(day)))


def _events(
    starts: pl.LazyFrame, lists: dict[str, pl.LazyFrame], stock: pl.LazyFrame, long_term: pl.LazyFrame
) -> pl.LazyFrame:
    """Return the events, one row per month, person and unit of the counting day before."""
    elb = stock.filter("elb")
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


def _named(cell: tuple[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return monat, jc, sex, merkmal, wert."""
    name, rows = cell
    kind = pl.col("summe") if name == "summe" else pl.lit(name)
    return rows.select(
        pl.col("monat").cast(pl.Int32), "jc", "sex", kind.alias("merkmal"), pl.col("wert").cast(pl.Int64)
    )


def _number(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.group_by(CELL).agg(pl.len().alias("wert"))


def _stock_cells(stock: pl.LazyFrame) -> Iterable[tuple[str, pl.LazyFrame]]:
    elb = stock.filter("elb")
    return ("elb", _number(elb)), ("alleinerz", _number(elb.filter("allein")))


def _long_term_cells(
    stock: pl.LazyFrame, long_term: pl.LazyFrame, measures: pl.LazyFrame
) -> Iterable[tuple[str, pl.LazyFrame]]:
    place = ["monat", "person"]
    rows = stock.filter("elb").join(long_term, on=place, how="semi")
    entries = rows.join(_shifted(long_term, 1), on=place, how="anti")
    exits = _shifted(rows, 1).join(long_term, on=place, how="anti")
    active = rows.join(measures, on=place, how="semi")
    return (
        ("lzb", _number(rows)),
        ("lzb_zugang", _number(entries)),
        ("lzb_abgang", _number(exits)),
        ("lzb_amp", _number(active)),
    )


def _movements(periods: pl.LazyFrame, sexes: pl.LazyFrame) -> Iterable[tuple[str, pl.LazyFrame]]:
    """Return entries and exits: periods of a person in a unit united over gaps of up to seven days."""
    own = ["monat", "person", "jc"]
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
        ("elb_zugang", _number(_with_sex(islands.filter(entering), sexes, (0, 1)))),
        ("elb_abgang", _number(_with_sex(islands.filter(leaving), sexes, (1, 0)))),
    )


def _with_sex(rows: pl.LazyFrame, sexes: pl.LazyFrame, months_back: tuple[int, int]) -> pl.LazyFrame:
    """Add the sex on the first of two counting days that knows the person."""
    place = ["monat", "person"]
    first, second = (_shifted(sexes, back) for back in months_back)
    return (
        rows.join(first, on=place, how="left")
        .join(second.rename({"sex": "sex_sonst"}), on=place, how="left")
        .with_columns(pl.coalesce("sex", "sex_sonst", pl.lit("")).alias("sex"))
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


def _payments(rows: pl.LazyFrame, lists: dict[str, pl.LazyFrame], sexes: pl.LazyFrame) -> tuple[str, pl.LazyFrame]:
    paid = rows.join(lists["rechtsgrundlagen"], left_on="rechtsgrundlage", right_on="code").join(
        lists["einheiten"], on="jc_id"
    )
    cents = (pl.col("anspruch_eur").sum() * 100).cast(pl.Int64)
    return "summe", _with_sex(paid, sexes, (0, 1)).group_by(*CELL, "summe").agg(cents.alias("wert"))
