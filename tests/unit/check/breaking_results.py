"""One way to break each rule on results and on the release, keyed by rule id: a change of the good country."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from counted_country import BEFORE, MONTH, Country, Row

Break = Callable[[Country], None]
HIDDEN = {"wert": None, "wert_anzeige": None, "zaehler": None, "nenner_summe": None, "grund": "geheim"}


def _rows(country: Country, table: str) -> list[Row]:
    if table.startswith("open "):
        return country.published[table.removeprefix("open ")]
    found: list[Row] = getattr(country, table)
    return found


def _find(country: Country, table: str, where: dict[str, Any]) -> list[Row]:
    return [r for r in _rows(country, table) if all(r[k] == v for k, v in where.items())]


def _one(table: str, values: dict[str, Any], **where: Any) -> Break:
    """Set values in the first row that has the values of `where`."""

    def change(country: Country) -> None:
        _find(country, table, where)[0].update(values)

    return change


def _all(table: str, values: dict[str, Any], **where: Any) -> Break:
    def change(country: Country) -> None:
        found = _find(country, table, where)
        assert found
        for row in found:
            row.update(values)

    return change


def _remove(table: str, **where: Any) -> Break:
    def change(country: Country) -> None:
        rows = _rows(country, table)
        found = _find(country, table, where)
        assert found
        rows[:] = [row for row in rows if row not in found]

    return change


def _twice(table: str) -> Break:
    return lambda country: _rows(country, table).append(dict(_rows(country, table)[0]))


def _both(*changes: Break) -> Break:
    def change(country: Country) -> None:
        for one in changes:
            one(country)

    return change


def _with_a_past(country: Country) -> None:
    """Give the country six months before the run's with the counts of the last one."""
    last = _find(country, "eckwerte", {"ref_month": BEFORE})
    country.eckwerte += [row | {"ref_month": f"2018-0{number}"} for number in range(1, 6) for row in last]


T: dict[str, Any] = {"geschlecht": "T"}
JC: dict[str, Any] = {"ebene": "jobcenter", "geschlecht": "T"}
# A value outside its usual range is put in by a numerator that gives it, the sums of the levels are left alone.
_KENNZAHLEN = [
    "K1",
    "K1E1",
    "K1E2",
    "K1E3",
    "K1E4",
    "K2",
    "K2E1",
    "K2E2",
    "K2E3",
    "K2E4",
    "K3",
    "K3E1",
    "K3E2",
    "K3E3",
    "K3E4",
]
RANGES = {
    f"KZ-RANGE-{name}": _one("kennzahlen", {"wert": 97.0 if name != "K2E3" else 10.0}, kennzahl=name, **JC)
    for name in _KENNZAHLEN
}
K2 = {"kennzahl": "K2", **JC}
VG = {"kennzahl": "K2", "geschlecht": "T"}

BREAKS: dict[str, Break] = {
    "EW-NOTHING": lambda c: c.eckwerte.clear(),
    "EW-KEY": _twice("eckwerte"),
    "EW-SEX": _one("eckwerte", {"geschlecht": "D"}),
    "EW-MERKMAL": _one("eckwerte", {"merkmal": "elb_neu"}),
    "EW-JOBCENTER": _one("eckwerte", {"jc_id": "4412"}),
    "EW-BASIS": _one("eckwerte", {"basis": "geraten"}),
    "EW-REASON": _one("eckwerte", {"wert": None}),
    "EW-REASON-UNKNOWN": _one("eckwerte", {"wert": None, "grund": "keine Lust"}),
    "EW-NEGATIVE": _one("eckwerte", {"wert": Decimal(-1)}, merkmal="elb"),
    "EW-EURO-NEGATIVE": _one("eckwerte", {"wert": Decimal(-1)}, merkmal="llu"),
    "EW-FRACTION": _one("eckwerte", {"wert": Decimal("10.5")}, merkmal="elb"),
    "EW-SEXES": _one("eckwerte", {"wert": Decimal(5999)}, merkmal="elb", geschlecht="M"),
    "EW-SEXES-PUBLISHED": _one("eckwerte", {"wert": Decimal(5999), "basis": "eckwerte"}, merkmal="elb", geschlecht="M"),
    "EW-PART": _one("eckwerte", {"wert": Decimal(7000)}, merkmal="lzb", geschlecht="T"),
    "EW-PART-PUBLISHED": _one("eckwerte", {"wert": Decimal(7000), "basis": "eckwerte"}, merkmal="lzb", geschlecht="T"),
    "EW-ELB-JUMP": _one("eckwerte", {"wert": Decimal(9000)}, merkmal="elb", geschlecht="T", ref_month=MONTH),
    "EW-IMPUTED-UNASKED": _one("eckwerte", {"basis": "imputiert"}),
    "EW-IMPUTED-SHARE": _all("eckwerte", {"basis": "imputiert"}, jc_id="t04412", ref_month=MONTH),
    "ABGLEICH-CELLS": lambda c: c.abgleich.append(dict(c.abgleich[-1])),
    "OPEN-ABGLEICH-ALL": lambda c: c.published["abgleich"].pop(),
    "ABGLEICH-STOCK": _one("abgleich", {"differenz": Decimal(100)}, merkmal="elb", geschlecht="T", ref_month=MONTH),
    "ABGLEICH-FLOW": _one(
        "abgleich", {"differenz": Decimal(-20)}, merkmal="elb_zugang", geschlecht="T", ref_month=MONTH
    ),
    "ABGLEICH-EURO": _one("abgleich", {"differenz": Decimal(30_001)}, merkmal="llu", geschlecht="T", ref_month=MONTH),
    "ABGLEICH-ABSURD": _one("abgleich", {"wert_personen": Decimal(1)}, merkmal="elb", geschlecht="T", ref_month=MONTH),
    "OPEN-ABGLEICH-SECRET": _one("open eckwerte", {"wert": None}, jc_id="t04412", geschlecht="M"),
    "OPEN-ABGLEICH-SMALL": _one("open abgleich", {"wert_veroeffentlicht": Decimal(2)}, merkmal="elb"),
    "OPEN-ABGLEICH-ROWS": _one("open abgleich", {"ausgesondert": 2}),
    "BILANZ-NOTHING": _remove("eckwerte", geschlecht="F"),
    "BILANZ-LZB": _all("eckwerte", {"wert": Decimal(900)}, merkmal="lzb_zugang", ref_month=MONTH),
    "MEDIAN-NOTHING": _remove("eckwerte", ref_month=MONTH),
    "MEDIAN-STOCK": _both(_with_a_past, _one("eckwerte", {"wert": Decimal(5300)}, **T, merkmal="elb", ref_month=MONTH)),
    "MEDIAN-EURO": _both(
        _with_a_past, _one("eckwerte", {"wert": Decimal(2_900_000)}, **T, merkmal="llu", ref_month=MONTH)
    ),
    "MEDIAN-EVENTS": _both(
        _with_a_past, _one("eckwerte", {"wert": Decimal(1300)}, **T, merkmal="lzb_amp", ref_month=MONTH)
    ),
    "KZ-NOTHING": lambda c: c.kennzahlen.clear(),
    "KZ-KEY": _twice("kennzahlen"),
    "KZ-ALL": _remove("kennzahlen", kennzahl="K3E4"),
    "KZ-LEVEL": _one("kennzahlen", {"ebene": "kreis"}, ebene="land"),
    "KZ-SEX": _one("kennzahlen", {"geschlecht": "D"}),
    "KZ-IN-FORCE": _one("kennzahlen", {"in_kraft": True}, definition="K2E3@2019"),
    "KZ-COMPLETE": _remove("kennzahlen", gebiet="t04412", **K2),
    "KZ-REASON": _one("kennzahlen", {"wert": None}),
    "KZ-REASON-UNKNOWN": _one("kennzahlen", {"wert": None, "wert_anzeige": None, "grund": "keine Lust"}),
    "KZ-FINITE": _one("kennzahlen", {"wert": float("nan")}),
    "KZ-QUOTIENT": _one("kennzahlen", {"wert": 27.4}, **K2),
    "KZ-DISPLAY": _one("kennzahlen", {"wert_anzeige": Decimal("27.4")}, **K2),
    "KZ-NEGATIVE": _one("kennzahlen", {"zaehler": Decimal(-1)}, **K2),
    "KZ-SEXES": _one("kennzahlen", {"zaehler": Decimal(999_999)}, kennzahl="K2", ebene="jobcenter", geschlecht="M"),
    "KZ-SEXES-PUBLISHED": _one(
        "kennzahlen",
        {"zaehler": Decimal(999_999), "basis": "eckwerte"},
        kennzahl="K2",
        ebene="jobcenter",
        geschlecht="M",
    ),
    "KZ-LEVEL-SUM": _one("kennzahlen", {"zaehler": Decimal(5)}, kennzahl="K2", ebene="bund"),
    "KZ-K2E3-100": _one("kennzahlen", {"wert": 100.5}, kennzahl="K2E3"),
    **RANGES,
    "VG-NOTHING": lambda c: c.vergleich.clear(),
    "VG-KEY": _twice("vergleich"),
    "VG-REASON": _one("vergleich", {"wert": None}),
    "VG-SAME-VALUE": _one("vergleich", {"wert_anzeige": Decimal("27.4")}),
    "VG-RANK-RANGE": _one("vergleich", {"rang_alle": 6}, **VG),
    "VG-RANK-ONE": _one("vergleich", {"rang_alle": 2}, rang_alle=1, **VG),
    "VG-RANK": _one("vergleich", {"rang_land": 2}, rang_land=3, **VG),
    "VG-RANK-DISPLAY": _one("vergleich", {"rang_anzeige_alle": 5}, rang_alle=1, **VG),
    "VG-RANK-UNDUE": _one("vergleich", {"rang_alle": 1}, kennzahl="K2E1"),
    "VG-RANK-SPAN": _one("vergleich", {"rang_von_alle": 3}, rang_alle=2, **VG),
    "VG-INTERVAL": _one("vergleich", {"intervall_oben": Decimal("0.1")}, **VG),
    "VG-JUMP": _one("vergleich", {"aenderung_vormonat": Decimal("-5.1")}, **VG),
    "OPEN-EW-NOTHING": lambda c: c.published["eckwerte"].clear(),
    "OPEN-EW-SMALL": _one("open eckwerte", {"wert": Decimal(2)}, merkmal="elb"),
    "OPEN-EW-REASON": _one("open eckwerte", {"grund": "geheim"}),
    "OPEN-EW-BY-SEX": _one("open eckwerte", {"grund": "geheim", "wert": None}, geschlecht="M"),
    "OPEN-EW-COMPLEMENT": _one("open eckwerte", {"wert": Decimal(3999)}, merkmal="lzb_amp", geschlecht="T"),
    "OPEN-EW-TRUE": _one("open eckwerte", {"wert": Decimal(5)}, merkmal="elb"),
    "OPEN-KZ-NOTHING": lambda c: c.published["kennzahlen"].clear(),
    "OPEN-KZ-SMALL-NUMERATOR": _one("open kennzahlen", {"zaehler": Decimal(1)}, **K2),
    "OPEN-KZ-SMALL-DENOMINATOR": _one("open kennzahlen", {"nenner_summe": Decimal(2)}, **K2),
    "OPEN-KZ-COMPLEMENT": _one(
        "open kennzahlen", {"nenner_summe": Decimal(700), "zaehler": Decimal(698)}, kennzahl="K2E3"
    ),
    "OPEN-KZ-REASON": _one("open kennzahlen", {"grund": "geheim"}),
    "OPEN-KZ-QUOTIENT": _one("open kennzahlen", {"zaehler": None}, **K2),
    "OPEN-KZ-BY-SEX": _one("open kennzahlen", HIDDEN, kennzahl="K2", ebene="jobcenter", geschlecht="F"),
    "OPEN-KZ-TRUE": _one("open kennzahlen", {"wert_anzeige": Decimal("27.4")}, **K2),
    "OPEN-VG-NOTHING": lambda c: c.published["vergleich"].clear(),
    "OPEN-VG-SMALL-NUMERATOR": _one("open vergleich", {"zaehler": Decimal(1)}, **VG),
    "OPEN-VG-SMALL-DENOMINATOR": _one("open vergleich", {"nenner_summe": Decimal(2)}, **VG),
    "OPEN-VG-REASON": _one("open vergleich", HIDDEN, **VG),
    "OPEN-VG-QUOTIENT": _one("open vergleich", {"nenner_summe": None}, **VG),
    "OPEN-VG-RANK": _one("open vergleich", {"rang_kommunal": 2}, rang_kommunal=1, **VG),
    "OPEN-VG-AGREES": _one("open kennzahlen", HIDDEN, **K2),
    "OPEN-SERIES-NOTHING": lambda c: c.published["reihe"].clear(),
    "OPEN-SERIES-SMALL-NUMERATOR": _one("open reihe", {"zaehler": Decimal(1)}, ref_month=BEFORE, **K2),
    "OPEN-SERIES-SMALL-DENOMINATOR": _one("open reihe", {"nenner_summe": Decimal(2)}, ref_month=BEFORE, **K2),
    "OPEN-SERIES-REASON": _one("open reihe", {"grund": "geheim"}),
    "OPEN-SERIES-QUOTIENT": _one("open reihe", {"zaehler": None}),
    "COVER-NOTHING": _all("open kennzahlen", {"in_kraft": False}),
    "COVER-SHARE": _one("open kennzahlen", HIDDEN, **K2),
    "COVER-BUND": _one("open kennzahlen", HIDDEN, kennzahl="K2", ebene="bund", geschlecht="T"),
    "COVER-LEFT-OUT": _one("open kennzahlen", HIDDEN, **K2),
    "TOTAL-DELIVERED": _all("eckwerte", {"wert": None, "grund": "nicht_geliefert"}, ref_month=MONTH),
    "TOTAL-JOBCENTERS": _remove("open vergleich", jc_id="t04412"),
    "TOTAL-STRANGERS": _one("open vergleich", {"jc_id": "zkt-doebeln"}),
    "TOTAL-ROWS": _remove("open kennzahlen", **K2),
}
UNBREAKABLE = {"TOTAL-NOTHING": "its frame always has one row; the rule is there because every suite must have one"}
