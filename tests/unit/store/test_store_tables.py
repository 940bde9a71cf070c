"""What travels through the store: declared schemas, exact decimals, findings and the register of deliveries."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import load_catalog
from pipeline.store import Delivery, Finding, Register, read_findings, write_findings, write_table
from pipeline.store.decimals import decimal_array
from pipeline.store.schema import ARROW_TYPES, arrow_schema

CATALOG = load_catalog()


@pytest.mark.parametrize("name", list(CATALOG.results))
def test_labels_and_units_are_inside_the_parquet_file(name: str, tmp_path: Path) -> None:
    declared = CATALOG.results[name]
    write_table(tmp_path / "t.parquet", arrow_schema(declared).empty_table())
    schema = pq.read_schema(tmp_path / "t.parquet")
    assert schema.metadata[b"description_de"].decode() == declared.description.de
    assert tuple(schema.names) == declared.column_names
    for column in declared.columns:
        field = schema.field(column.name)
        assert field.type == ARROW_TYPES[column.type]
        assert field.nullable is not column.required
        said = {key.decode(): value.decode() for key, value in field.metadata.items()}
        assert said["label_de"] == column.label.de
        assert said["label_en"] == column.label.en
        assert said["unit"] == column.unit
        assert said["description"] == column.description


@pytest.mark.parametrize(
    ("table", "column", "type_", "unit"),
    [
        ("eckwerte", "wert", pa.decimal128(18, 2), None),
        ("kennzahlen", "zaehler", pa.decimal128(18, 2), None),
        ("kennzahlen", "wert", pa.float64(), "Prozent"),
        ("kennzahlen", "wert_anzeige", pa.decimal128(18, 1), "Prozent"),
        ("kennzahlen", "nenner_monate", pa.int64(), "Monate"),
        ("vergleich", "aenderung_vorjahr", pa.decimal128(18, 1), "Prozentpunkte"),
        ("vergleich", "jc_id", pa.string(), None),
    ],
)
def test_a_published_column_has_the_type_of_the_contract(
    table: str, column: str, type_: pa.DataType, unit: str | None
) -> None:
    field = arrow_schema(CATALOG.results[table]).field(column)
    assert field.type == type_
    if unit:
        assert field.metadata[b"unit"].decode() == unit


@given(st.lists(st.tuples(st.integers(-(10**17), 10**17), st.booleans())))
def test_decimals_are_exact_and_null_where_nothing_is_present(pairs: list[tuple[int, bool]]) -> None:
    values = np.array([value for value, _ in pairs], np.int64)
    present = np.array([there for _, there in pairs], np.bool_)
    made = decimal_array(values, present, 18, 2)
    made.validate(full=True)
    assert made.to_pylist() == [Decimal(value).scaleb(-2) if there else None for value, there in pairs]


FINDINGS = [
    Finding("ROW-TYPE", "error", "stage", "bad", "bestand", "2018-07", "t04412", "f.csv", 3, "von", "31.02.", 2),
    Finding("FETCH-REVISED", "info", "fetch", "Grüße"),
    Finding("ROW-TYPE", "error", "stage", "bad", "bestand", "2018-07", "t04412", "f.csv", 12, "von", "31.02.", 2),
    Finding("FETCH-MISSING", "warning", "fetch", "missing", "bestand", "2018-07", "t04502"),
]


def test_findings_are_read_as_they_were_written_the_worst_first(tmp_path: Path) -> None:
    path = tmp_path / "run" / "findings.parquet"
    write_findings(path, FINDINGS)
    assert read_findings(path) == [FINDINGS[0], FINDINGS[2], FINDINGS[3], FINDINGS[1]]


def test_the_order_of_findings_and_repetitions_do_not_change_the_file(tmp_path: Path) -> None:
    write_findings(tmp_path / "one", FINDINGS)
    write_findings(tmp_path / "two", [*reversed(FINDINGS), FINDINGS[1]])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_file_is_no_findings_and_no_findings_are_a_file(tmp_path: Path) -> None:
    assert read_findings(tmp_path / "absent") == []
    write_findings(tmp_path / "none", [])
    assert read_findings(tmp_path / "none") == []


FIRST = Delivery(
    table="bestand",
    ref_month="2018-06",
    unit="t04412",
    suffix=".csv",
    address="2018-06/bestand/t04412.csv",
    sha256="a" * 64,
    bytes=10,
    source="somewhere",
    version="1",
    fetched_at="2018-11-15T06:00:00+00:00",
)
REVISED = replace(FIRST, sha256="b" * 64, fetched_at="2018-12-15T06:00:00+00:00", suffix=".parquet")
LATER = replace(FIRST, ref_month="2018-07", address="2018-07/bestand/t04412.csv")


@pytest.fixture
def register(tmp_path: Path) -> Register:
    made = Register(tmp_path / "snapshots" / "register.jsonl")
    made.append([FIRST, LATER])
    made.append([])
    made.append([REVISED])
    return made


def test_the_register_keeps_everything_in_the_order_it_came(register: Register) -> None:
    assert register.history() == [FIRST, LATER, REVISED]


def test_an_empty_store_has_an_empty_register(tmp_path: Path) -> None:
    assert Register(tmp_path / "absent").history() == []


def test_the_torn_last_line_of_a_killed_run_is_no_entry_and_is_cut_off(register: Register) -> None:
    whole = register.path.read_bytes()
    register.path.write_bytes(whole + b'{"table": "besta')
    assert register.history() == [FIRST, LATER, REVISED]
    register.append([FIRST])
    assert register.history() == [FIRST, LATER, REVISED, FIRST]
    assert register.path.read_bytes().startswith(whole)


def test_a_register_that_holds_nothing_but_a_torn_line_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "register.jsonl"
    path.write_bytes(b'{"table"')
    Register(path).append([FIRST])
    assert Register(path).history() == [FIRST]


def test_entries_keep_each_repeated_text_once(register: Register) -> None:
    first, later, _ = register.history()
    assert not hasattr(first, "__dict__")
    assert all(getattr(first, name) is getattr(later, name) for name in ("table", "unit", "source", "fetched_at"))


@pytest.mark.parametrize("damage", [b"damage", b"[]", b'{"table": "bestand"}'])
def test_a_damaged_line_in_the_middle_is_named(register: Register, damage: bytes) -> None:
    lines = register.path.read_bytes().split(b"\n")
    register.path.write_bytes(b"\n".join([lines[0], damage, *lines[2:]]))
    with pytest.raises(ValueError, match=r"register.jsonl, line 2: not a register entry"):
        register.history()
