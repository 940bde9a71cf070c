"""pandas: month by month, with NumPy where pandas has no word for it (days as bits, sums over 24 months)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.country import BRIDGED_DAYS, COLUMNS, LZB_DAYS, RESULT, Country

OPEN = pd.Timestamp("2200-01-01")
PLACE, CELL = ["person", "jc"], ["jc", "sex"]
EVENTS = ["int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb"]
Frame = pd.DataFrame


@dataclass
class Lists:
    """The small tables as frames and mappings."""

    unit_of: dict[str, str]
    foerderung: Frame
    arten: Frame
    summe_of: dict[str, str]
    nicht_svb: list[str]


def counts(country: Country) -> pa.Table:
    """Return all cells (schema `country.RESULT`)."""
    lists = Lists(
        dict(zip(*(country.einheiten[c].to_pylist() for c in ("jc_id", "jc")), strict=True)),
        _days(country.foerderung.to_pandas()),
        country.aufnahmearten.to_pandas(),
        dict(zip(*(country.rechtsgrundlagen[c].to_pylist() for c in ("code", "summe")), strict=True)),
        country.nicht_svb["code"].to_pylist(),
    )
    calendar = [pd.Series(_dated(row)) for row in country.kalender.to_pylist()]
    windows = {row["lzb_monat"]: row for row in country.fenster.to_pylist()}
    stocks: list[Frame] = []
    masks: list[pd.Series[Any]] = []
    days_of: list[pd.Series[Any]] = []
    long_term: dict[int, pd.Index[Any]] = {}
    cohorts: list[Frame] = []
    employed: dict[int, pd.Index[Any]] = {}
    cells: list[Frame] = []
    for monat, days in enumerate(calendar):
        tables = {name: _read(country, name, days.ref_month) for name in COLUMNS}
        stocks.append(_stock(tables["bestand"], lists))
        now, then, earlier = (stocks[monat - k] if monat >= k else stocks[0].iloc[:0] for k in (0, 1, 2))
        periods = _periods(tables["leistungsbezug"], lists)
        masks.append(_masks(periods, days))
        days_of.append(pd.Series(np.bitwise_count(masks[-1].to_numpy()), masks[-1].index))
        if monat in windows:
            long_term[monat] = _long_term(windows[monat], days_of, masks, now)
        events = _events(tables["aufnahme"], lists, days, then, earlier, long_term.get(monat - 1))
        cohorts.append(events.loc[events.int_svb, ["person", *CELL]].assign(monat=monat))
        if len(tables["beschaeftigung"]):
            employed[monat] = _employed(tables["beschaeftigung"], lists, days)
        found = {
            "elb": _number(now[now.elb]),
            "alleinerz": _number(now[now.elb & now.allein]),
            **_movements(periods, days, _sexes(now), _sexes(then)),
            **{name: _number(events[events[name]]) for name in EVENTS},
            **_long_term_cells(
                now, then, long_term.get(monat), long_term.get(monat - 1), tables["massnahme"], lists, days
            ),
            **_payments(tables["leistung"], lists, _sexes(now), _sexes(then)),
        }
        cells += [
            number.rename("wert").reset_index().assign(merkmal=name, monat=monat) for name, number in found.items()
        ]
    cells += _employed_cells(pd.concat(cohorts), employed)
    return _result(pd.concat(cells, ignore_index=True), country)


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, bool | int | str) else pd.Timestamp(value) for name, value in row.items()}


def _days(frame: Frame) -> Frame:
    dates = [c for c in ("von", "bis", "beginn", "recorded_on", "gueltig_ab", "gueltig_bis") if c in frame.columns]
    return frame.astype(dict.fromkeys(dates, "datetime64[s]"))


def _read(country: Country, table: str, month: str) -> Frame:
    path = country.staged[table].get(month)
    if path is None:
        return Frame(columns=list(COLUMNS[table]))
    rows = pq.read_table(path, columns=list(COLUMNS[table]), partitioning=None)
    if "anspruch_eur" in rows.column_names:
        # Decimals would become Python objects.
        cents = pc.multiply(rows["anspruch_eur"], pa.scalar(100)).cast(pa.int64())
        rows = rows.drop_columns("anspruch_eur").append_column("cents", cents)
    return _days(rows.to_pandas())


def _stock(rows: Frame, lists: Lists) -> Frame:
    rows = rows.assign(
        jc=rows.jc_id.map(lists.unit_of), sex=rows.geschlecht.fillna(""), allein=rows.ist_elb & rows.ist_alleinerziehend
    )
    grouped = rows.groupby(PLACE, sort=False)
    low, high = grouped.sex.min(), grouped.sex.max()
    stock = grouped.agg(elb=("ist_elb", "max"), allein=("allein", "max"))
    stock["sex"] = low.where((low == high) & low.isin(["M", "F"]), "")
    return stock.reset_index()


def _sexes(stock: Frame) -> pd.Series[Any]:
    """Return person -> sex, empty where units disagree."""
    if not stock.person.duplicated().any():
        return stock.set_index("person").sex
    grouped = stock.groupby("person").sex
    return grouped.min().where(grouped.min() == grouped.max(), "")


def _with_sex(rows: Frame, first: pd.Series[Any], second: pd.Series[Any]) -> Frame:
    known, otherwise = rows.person.map(first), rows.person.map(second)
    return rows.assign(sex=pd.Series(np.where(known.notna(), known, otherwise), rows.index, "str").fillna(""))


def _number(rows: Frame) -> pd.Series[Any]:
    return rows.groupby(CELL).size()


def _periods(rows: Frame, lists: Lists) -> Frame:
    return rows.assign(jc=rows.jc_id.map(lists.unit_of), bis=rows.bis.fillna(OPEN))


def _masks(periods: Frame, days: Any) -> pd.Series[Any]:
    """Return person -> days as ELB in the window, one bit a day; rows of a person stand together in the files."""
    rows = periods[(periods.von <= days.stichtag) & (periods.bis > days.stichtag_1)].sort_values(
        "person", kind="stable"
    )
    if rows.empty:
        return pd.Series(dtype="int64")
    end = (rows.bis.clip(upper=days.stichtag) - days.stichtag_1).dt.days.to_numpy()
    begin = ((rows.von - days.stichtag_1).dt.days - 1).clip(lower=0).to_numpy()
    bits = (np.int64(1) << end) - (np.int64(1) << begin)
    person = rows.person.to_numpy()
    first = np.flatnonzero(np.r_[True, person[1:] != person[:-1]])
    return pd.Series(np.bitwise_or.reduceat(bits, first), index=person[first])


def _long_term(
    window: dict[str, int], days: list[pd.Series[Any]], masks: list[pd.Series[Any]], stock: Frame
) -> pd.Index[Any]:
    """Return the ELB with enough days in the windows of the last 730 days; of the oldest window only the last days count."""
    elb = pd.Index(stock.person[stock.elb].unique())
    counted = days[window["von"] : window["lzb_monat"] + 1]
    if window["teil"] >= 0:
        mask = masks[window["teil"]]
        counted = [pd.Series(np.bitwise_count(mask.to_numpy() >> window["ohne"]), mask.index), *counted]
    total = np.zeros(len(elb), np.int64)
    for found in counted:
        at = found.index.get_indexer(elb)
        total += np.where(at >= 0, found.to_numpy()[at], 0)
    long_term: pd.Index[Any] = elb[total >= LZB_DAYS]
    return long_term


def _valid(rows: Frame, day: Any) -> pd.Series[Any]:
    begun = rows.gueltig_ab.isna() | (rows.gueltig_ab <= day)
    return pd.Series(begun & (rows.gueltig_bis.isna() | (rows.gueltig_bis >= day)))


def _events(
    rows: Frame, lists: Lists, days: Any, then: Frame, earlier: Frame, long_term: pd.Index[Any] | None
) -> Frame:
    """Return the events of a month, one row per person and unit of the counting day before."""
    rows = rows[(rows.recorded_on <= days.freeze) & (rows.beginn > days.stichtag_2) & (rows.beginn <= days.stichtag)]
    known = rows.person.isin(earlier.person[earlier.elb])
    rows = rows[(rows.beginn > days.stichtag_1) | ~known]
    rows = rows.merge(lists.arten, left_on="art", right_on="code")
    rows = rows.merge(lists.foerderung, left_on="foerderung", right_on="code", how="left", suffixes=("", "_liste"))
    listed = rows.oegb_ab_2019.where(rows.beginn >= days.liste_ab, rows.oegb_bis_2018)
    oegb = listed.eq(True) & _valid(rows, rows.beginn)
    integration = rows.integration & ~oegb
    flags = Frame(
        {
            "person": rows.person,
            "int": integration,
            "int_svb": integration & rows.svb & ~rows.im_ausland.astype(bool),
            "bs_gering": rows.gering,
            "bs_2am": oegb,
        }
    )
    events = then[then.elb].merge(flags.groupby("person", as_index=False).max(), on="person")
    is_long_term = events.person.isin(long_term) if long_term is not None else False
    return events.assign(int_allein=events["int"] & events.allein, int_lzb=events["int"] & is_long_term)


def _employed(rows: Frame, lists: Lists, days: Any) -> pd.Index[Any]:
    there = (rows.von <= days.pruef_tag) & (rows.bis.isna() | (rows.bis >= days.pruef_tag))
    insured = there & ~rows.personengruppe.isin(lists.nicht_svb)
    persons: pd.Index[Any] = pd.Index(rows.loc[insured, "person"].unique())
    return persons


def _employed_cells(cohorts: Frame, employed: dict[int, pd.Index[Any]]) -> list[Frame]:
    """Return the cells of both readings of K2E3."""
    cells = []
    for monat in range(cohorts.monat.min(), cohorts.monat.max() + 1):
        cohort = cohorts[cohorts.monat == monat]
        for name, after in (("svb_nach12", (12,)), ("svb_kont6", range(1, 7))):
            months = [monat + k for k in after]
            if not employed.keys() >= set(months):
                continue
            kept = np.logical_and.reduce([cohort.person.isin(employed[k]) for k in months])
            cells.append(_number(cohort[kept]).rename("wert").reset_index().assign(merkmal=name, monat=monat))
    return cells


def _movements(periods: Frame, days: Any, now: pd.Series[Any], then: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
    """Return entries and exits: periods of a person in a unit united over gaps of up to seven days."""
    entering = (periods.von > days.stichtag_1) & (periods.von <= days.stichtag)
    leaving = (periods.bis >= days.stichtag_1) & (periods.bis < days.stichtag)
    rows = periods[periods.person.isin(periods.person[entering | leaving])].sort_values([*PLACE, "von", "bis"])
    so_far = rows.groupby(PLACE).bis.cummax().groupby([rows.person, rows.jc]).shift()
    rows = rows.assign(insel=(so_far.isna() | (rows.von > so_far + pd.Timedelta(days=BRIDGED_DAYS + 1))).cumsum())
    islands = rows.groupby([*PLACE, "insel"], as_index=False).agg(von=("von", "min"), bis=("bis", "max"))
    entries = islands[(islands.von > days.stichtag_1) & (islands.von <= days.stichtag)]
    exits = islands[(islands.bis >= days.stichtag_1) & (islands.bis < days.stichtag)]
    return {
        "elb_zugang": _number(_with_sex(entries, now, then)),
        "elb_abgang": _number(_with_sex(exits, then, now)),
    }


def _long_term_cells(
    now: Frame,
    then: Frame,
    lzb: pd.Index[Any] | None,
    lzb_before: pd.Index[Any] | None,
    measures: Frame,
    lists: Lists,
    days: Any,
) -> dict[str, pd.Series[Any]]:
    if lzb is None:
        return {}
    rows = now[now.elb & now.person.isin(lzb)]
    m = measures[(measures.von <= days.stichtag) & (measures.bis.isna() | (measures.bis >= days.stichtag))]
    m = m.merge(lists.foerderung, left_on="massnahme_art", right_on="code")
    active = m.person[_valid(m, days.stichtag) & (m.aktiv_ab_2019 if days.liste_2019 else m.aktiv_bis_2018)]
    cells = {"lzb": _number(rows), "lzb_amp": _number(rows[rows.person.isin(active)])}
    if lzb_before is None:
        return cells
    left = then[then.elb & then.person.isin(lzb_before) & ~then.person.isin(lzb)]
    return cells | {"lzb_zugang": _number(rows[~rows.person.isin(lzb_before)]), "lzb_abgang": _number(left)}


def _payments(rows: Frame, lists: Lists, now: pd.Series[Any], then: pd.Series[Any]) -> dict[str, pd.Series[Any]]:
    """Return `llu` and `luh` in cents."""
    rows = rows.assign(summe=rows.rechtsgrundlage.map(lists.summe_of), jc=rows.jc_id.map(lists.unit_of))
    rows = _with_sex(rows[rows.summe.notna()], now, then)
    sums = rows.groupby(["summe", *CELL]).cents.sum()
    return {name: sums.xs(name) for name in sums.index.unique("summe")}


def _result(cells: Frame, country: Country) -> pa.Table:
    cells = cells.merge(country.spannen.to_pandas(), on="merkmal")
    cells = cells[(cells.monat >= cells.erster) & (cells.monat <= cells.letzter)]
    cells = pd.concat([cells.assign(sex="T"), cells[cells.sex != ""]])
    cells["ref_month"] = cells.monat.map(dict(enumerate(country.months)))
    cells = cells.rename(columns={"jc": "jc_id", "sex": "geschlecht"})
    summed = cells.groupby(["ref_month", "jc_id", "geschlecht", "merkmal"], as_index=False).wert.sum()
    return pa.Table.from_pandas(summed, preserve_index=False).select(RESULT.names).cast(RESULT)
