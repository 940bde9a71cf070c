"""One way to break each rule on deliveries, keyed by rule id: a change of the good world and the unit that must be named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from delivered_world import BEFORE, BIG, BST, BST_BEFORE, EARLIER, MONTH, OTHER, SMALL, Delivered

Break = Callable[[Delivered], None]
UNIT_OF = {"bestand": "BESTAND", "leistungsbezug": "BEZUG", "aufnahme": "AUFNAHME", "massnahme": "MASSNAHME"}
PREFIX = {**UNIT_OF, "leistung": "LEISTUNG", "beschaeftigung": "BST"}


def _set(
    table: str, values: dict[str, Any], share: int = 1, unit: str = BIG, month: str = MONTH, **where: Any
) -> Break:
    """Set values in every `share`-th row of the unit that has the values of `where`."""

    def change(world: Delivered) -> None:
        rows = [r for r in world.of(table, unit, month) if all(r[k] == v for k, v in where.items())]
        for row in rows[::share]:
            row.update(values)

    return change


def _once(table: str, values: dict[str, Any], unit: str = BIG, month: str = MONTH, **where: Any) -> Break:
    return _set(table, values, 10**9, unit, month, **where)


def _nothing(table: str, month: str) -> Break:
    def change(world: Delivered) -> None:
        del world.rows[table, month]

    return change


def _rejected(table: str, month: str, unit: str) -> Break:
    def change(world: Delivered) -> None:
        world.drop(table, 0, unit, month)
        world.rejected[table, month] = {unit: "STAGE-COLUMNS"}

    return change


def _quarantined(table: str, month: str, unit: str) -> Break:
    def change(world: Delivered) -> None:
        world.quarantined[table, month, unit] = 200

    return change


def _doubled(table: str, month: str, unit: str) -> Break:
    return lambda world: world.double(table, unit, month)


def _dropped(table: str, keep: int, unit: str = BIG, month: str = MONTH) -> Break:
    return lambda world: world.drop(table, keep, unit, month)


def _common(table: str) -> dict[str, tuple[Break, str]]:
    month, unit = (BST, "bst") if table == "beschaeftigung" else (MONTH, BIG)
    prefix = PREFIX[table]
    return {
        f"{prefix}-NOTHING": (_nothing(table, month), ""),
        f"{prefix}-REJECTED": (_rejected(table, month, unit), unit),
        f"{prefix}-QUARANTINE": (_quarantined(table, month, unit), unit),
        f"{prefix}-DUPLICATES": (_doubled(table, month, unit), unit),
        f"{prefix}-ROWS-JUMP": (_dropped(table, 20, unit, month), unit),
    }


def _strangers(table: str, month: str = MONTH) -> Break:
    """Give every person of the unit another pseudonym."""

    def change(world: Delivered) -> None:
        for row in world.of(table, BIG, month):
            row["person"] += 7_000_000_000

    return change


def _both(*changes: Break) -> Break:
    def change(world: Delivered) -> None:
        for one in changes:
            one(world)

    return change


def _in_other_stock(world: Delivered) -> None:
    world.rows["bestand", MONTH].append({**world.of("bestand")[0], "jc_id": OTHER})


def _only_eckwerte(world: Delivered) -> None:
    for table, month in list(world.rows):
        if table != "eckwerte" and month == MONTH:
            del world.rows[table, month]


def _published(values: dict[str, Any], **where: Any) -> Break:
    return _set("eckwerte", values, **where)


def _without_jobcenter(world: Delivered) -> None:
    world.drop("eckwerte", 0)


def _closed_jobcenter(world: Delivered) -> None:
    world.rows["eckwerte", MONTH].append({**world.of("eckwerte")[0], "jc_id": "zkt-doebeln"})


BREAKS: dict[str, tuple[Break, str]] = {
    **_common("bestand"),
    **_common("leistungsbezug"),
    **_common("aufnahme"),
    **_common("massnahme"),
    **_common("leistung"),
    **_common("beschaeftigung"),
    "BESTAND-CONTRADICTION": (
        lambda w: w.rows["bestand", MONTH].extend([{**r, "geschlecht": "D"} for r in w.of("bestand")[:20]]),
        BIG,
    ),
    "BESTAND-SEX-UNKNOWN": (_set("bestand", {"geschlecht": None}, 10), BIG),
    "BESTAND-SEX-BALANCE": (_set("bestand", {"geschlecht": "M"}), BIG),
    "BESTAND-UNDER-15": (_set("bestand", {"ist_elb": True}, 10, ist_elb=False), BIG),
    "BESTAND-OVER-67": (_set("bestand", {"geburtsdatum": date(1940, 1, 1)}, 10), BIG),
    "BESTAND-BORN-BEFORE-1920": (_once("bestand", {"geburtsdatum": date(1900, 1, 1)}), BIG),
    "BESTAND-BORN-LATER": (_once("bestand", {"geburtsdatum": date(2018, 7, 16)}), BIG),
    "BESTAND-ELB-SHARE": (_set("bestand", {"ist_elb": True}), BIG),
    "BESTAND-LONE-PARENTS": (_set("bestand", {"ist_alleinerziehend": True}, ist_elb=True), BIG),
    "BESTAND-LONE-NEF": (_once("bestand", {"ist_alleinerziehend": True}, ist_elb=False), BIG),
    "BESTAND-BG-SIZE": (_set("bestand", {"bg": 7}), BIG),
    "BEZUG-BEFORE-2005": (_set("leistungsbezug", {"von": date(1900, 1, 1)}, 10), BIG),
    "BEZUG-FAR-FUTURE": (_set("leistungsbezug", {"bis": date(2099, 12, 31)}), BIG),
    "BEZUG-OUTSIDE": (_set("leistungsbezug", {"bis": date(2018, 6, 7)}, 10), BIG),
    "AUFNAHME-OUTSIDE": (_set("aufnahme", {"beginn": date(2018, 5, 15)}, 10), BIG),
    "AUFNAHME-LATE": (_set("aufnahme", {"recorded_on": date(2018, 10, 16)}, 10), BIG),
    "AUFNAHME-RECORDED-EARLY": (_set("aufnahme", {"recorded_on": date(1900, 1, 1)}, 10), BIG),
    "AUFNAHME-ABROAD": (_set("aufnahme", {"im_ausland": True}), BIG),
    "AUFNAHME-OTHER": (_set("aufnahme", {"art": "sonst"}), BIG),
    "AUFNAHME-SVB": (_set("aufnahme", {"art": "gering"}), BIG),
    "AUFNAHME-SUPPORTED": (_set("aufnahme", {"foerderung": "16i"}), BIG),
    "MASSNAHME-OUTSIDE": (_set("massnahme", {"bis": date(2018, 7, 14)}), BIG),
    "MASSNAHME-BEFORE-2005": (_set("massnahme", {"von": date(1900, 1, 1)}, 10), BIG),
    "MASSNAHME-LONG": (_set("massnahme", {"von": date(2012, 1, 1), "bis": date(2018, 12, 31)}), BIG),
    "LEISTUNG-NEGATIVE": (_once("leistung", {"anspruch_eur": Decimal("-0.01")}), BIG),
    "LEISTUNG-ABSURD": (_once("leistung", {"anspruch_eur": Decimal("35000.00")}), BIG),
    "LEISTUNG-ZERO": (_set("leistung", {"anspruch_eur": Decimal("0.00")}, rechtsgrundlage="22_1"), BIG),
    "LEISTUNG-WITHOUT-PERSON": (_once("leistung", {"person": None}), BIG),
    "LEISTUNG-PER-BG": (_set("leistung", {"anspruch_eur": Decimal("3.50")}), BIG),
    "LEISTUNG-HOUSING": (_set("leistung", {"rechtsgrundlage": "21"}), BIG),
    "BST-OUTSIDE": (_set("beschaeftigung", {"bis": date(2018, 2, 28), "von": date(2018, 1, 1)}, 10, "bst", BST), "bst"),
    "BST-BEFORE-1950": (_once("beschaeftigung", {"von": date(1900, 1, 1)}, "bst", BST), "bst"),
    "BST-FAR-FUTURE": (_set("beschaeftigung", {"bis": date(2099, 12, 31)}, 10, "bst", BST), "bst"),
    "BST-NOT-INSURED": (_set("beschaeftigung", {"personengruppe": "109"}, 1, "bst", BST), "bst"),
    "STATISTIK-NOTHING": (_nothing("eckwerte", MONTH), ""),
    "STATISTIK-JOBCENTER-MISSING": (_without_jobcenter, BIG),
    "STATISTIK-INCOMPLETE": (lambda w: w.drop("eckwerte", 3), BIG),
    "STATISTIK-JOBCENTER-INVALID": (_closed_jobcenter, "zkt-doebeln"),
    "STATISTIK-DUPLICATES": (_doubled("eckwerte", MONTH, BIG), BIG),
    "STATISTIK-NEGATIVE": (_published({"wert": Decimal(-1)}, merkmal="lzb_amp"), BIG),
    "STATISTIK-FRACTION": (_published({"wert": Decimal("10.5")}, merkmal="lzb_amp"), BIG),
    "STATISTIK-SIGN-AND-VALUE": (_published({"zeichen": "*"}, merkmal="lzb_amp"), BIG),
    "STATISTIK-SEXES": (_published({"wert": Decimal(580)}, merkmal="elb", geschlecht="M"), BIG),
    "STATISTIK-PARTS": (_published({"wert": Decimal(601)}, merkmal="lzb", geschlecht="T"), BIG),
    "STATISTIK-OUTAGE": (_published({"zeichen": "x", "wert": None}), BIG),
    "STATISTIK-ELB-JUMP": (_published({"wert": Decimal(900)}, merkmal="elb", geschlecht="T"), BIG),
    "STATISTIK-LZB-SHARE": (_published({"wert": Decimal(60)}, merkmal="lzb", geschlecht="T"), BIG),
    "CROSS-NOTHING": (_only_eckwerte, ""),
    "CROSS-INCOMPLETE": (_dropped("massnahme", 0), BIG),
    "CROSS-STOCK-WITHOUT-PERIOD": (_dropped("leistungsbezug", 500), BIG),
    "CROSS-PERIOD-WITHOUT-STOCK": (_dropped("bestand", 500), BIG),
    "CROSS-STOCK-JUMP": (_dropped("bestand", 300), BIG),
    "CROSS-STOCK-JUMP-SMALL": (_dropped("bestand", 20, SMALL), SMALL),
    "CROSS-CONTINUITY": (_strangers("bestand"), BIG),
    "CROSS-BIRTH-DATE": (_set("bestand", {"geburtsdatum": date(1980, 1, 1)}), BIG),
    "CROSS-TWO-STOCKS": (_in_other_stock, OTHER),
    "CROSS-STARTS-UNKNOWN": (_strangers("aufnahme"), BIG),
    "CROSS-STARTS-RATE": (_dropped("aufnahme", 1), BIG),
    "CROSS-MEASURE-WITHOUT-STOCK": (_strangers("massnahme"), BIG),
    "CROSS-BG-WITHOUT-BENEFIT": (_dropped("leistung", 100), BIG),
    "CROSS-EURO-JUMP": (_set("leistung", {"anspruch_eur": Decimal("1.00")}), BIG),
    "CROSS-SVB-NOT-FOUND": (_strangers("aufnahme", BST), BIG),
}
assert {BEFORE, EARLIER, BST_BEFORE}
