"""A correction takes the place of exactly the cell it names, and only while the publisher still delivers the error."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa

from pipeline.catalog import Correction, load_catalog
from pipeline.count.correcting import corrected

CATALOG = load_catalog()
ENTRY = Correction(
    "eins", "2018-05", "t04412", "T", "lzb_amp", "1000", "16", "vertauscht", "Schreiben", "Statistik", "2018-09-05"
)
ROWS = [
    ("t04412", "T", "lzb_amp", Decimal("1000.00"), None),
    ("t04412", "M", "lzb_amp", Decimal("9.00"), None),
    ("t04412", "T", "lzb", Decimal("1000.00"), None),
    ("t04502", "T", "lzb_amp", None, "*"),
]


def delivery(rows: list[tuple[str, str, str, Decimal | None, str | None]]) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    types = (pa.string(), pa.string(), pa.string(), pa.decimal128(18, 2), pa.string())
    names = ("jc_id", "geschlecht", "merkmal", "wert", "zeichen")
    return pa.table({n: pa.array(list(c), t) for n, c, t in zip(names, columns, types, strict=True)})


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def test_the_named_cell_and_no_other_is_corrected() -> None:
    before = {"2018-05": delivery(ROWS), "2018-06": delivery(ROWS)}
    tables, applied, findings = corrected(before, [ENTRY], CATALOG)
    assert rows_of(tables["2018-05"]) == [("t04412", "T", "lzb_amp", Decimal("16.00"), None), *ROWS[1:]]
    assert rows_of(tables["2018-06"]) == ROWS
    assert rows_of(before["2018-05"]) == ROWS
    assert tables["2018-05"].schema == before["2018-05"].schema
    assert applied == [ENTRY]
    assert [(f.rule, f.severity, f.jc_id, f.ref_month) for f in findings] == [
        ("CORRECTION-APPLIED", "info", "t04412", "2018-05")
    ]


def test_a_sign_takes_a_number_out_and_a_number_replaces_a_sign() -> None:
    out = replace(ENTRY, value="x")
    back = replace(ENTRY, id="zwei", jc_id="t04502", expect="*", value="17")
    tables, applied, _ = corrected({"2018-05": delivery(ROWS)}, [out, back], CATALOG)
    assert rows_of(tables["2018-05"])[0] == ("t04412", "T", "lzb_amp", None, "x")
    assert rows_of(tables["2018-05"])[3] == ("t04502", "T", "lzb_amp", Decimal("17.00"), None)
    assert applied == [out, back]


def test_a_repaired_error_is_left_alone_and_stops_the_publication() -> None:
    for delivered in (Decimal("16.00"), Decimal("1000.01"), None):
        rows = [("t04412", "T", "lzb_amp", delivered, None if delivered else "x"), *ROWS[1:]]
        tables, applied, findings = corrected({"2018-05": delivery(rows)}, [ENTRY], CATALOG)
        assert rows_of(tables["2018-05"]) == rows
        assert applied == []
        assert [(f.rule, f.severity) for f in findings] == [("CORRECTION-REPAIRED", "critical")]
        assert "expects 1000" in findings[0].message


def test_a_cell_that_is_not_delivered_any_more_stops_too() -> None:
    _, applied, findings = corrected({"2018-05": delivery(ROWS[1:])}, [ENTRY], CATALOG)
    assert applied == []
    assert [f.rule for f in findings] == ["CORRECTION-REPAIRED"]
    assert "nothing is delivered" in findings[0].message


def test_without_a_delivery_there_is_nothing_to_correct() -> None:
    tables, applied, findings = corrected({}, [ENTRY], CATALOG)
    assert (tables, applied) == ({}, [])
    assert [(f.rule, f.severity) for f in findings] == [("CORRECTION-UNUSED", "info")]


def test_a_cell_delivered_twice_is_corrected_twice_and_a_contradiction_is_no_expected_value() -> None:
    twice = [ROWS[0], *ROWS]
    tables, _, _ = corrected({"2018-05": delivery(twice)}, [ENTRY], CATALOG)
    assert [row[3] for row in rows_of(tables["2018-05"])[:2]] == [Decimal("16.00")] * 2
    contradicted = [("t04412", "T", "lzb_amp", Decimal("999.00"), None), *ROWS]
    _, _, findings = corrected({"2018-05": delivery(contradicted)}, [ENTRY], CATALOG)
    assert [f.rule for f in findings] == ["CORRECTION-REPAIRED"]
