"""One delivered file on its way into the store: what is quarantined, what rejects it, and what becomes of identifiers."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.catalog import load_catalog
from pipeline.months import Zaehltage
from pipeline.settings import Settings
from pipeline.stage import stage
from pipeline.stage.pseudonyms import key_fingerprint, pseudonyms
from pipeline.store import Finding, Store, read_findings, read_json

CATALOG = load_catalog()
MONTH = "2018-07"
KEY = b"0123456789abcdef"
SETTINGS = Settings(pseudonym_key=KEY, threads=1, max_unpacked_bytes=100_000)
GOOD = {
    "bestand": "p1,b1,M,1980-01-31,true,false",
    "leistungsbezug": "p1,b1,2018-06-20,",
    "aufnahme": "p1,2018-07-01,svb,,false,2018-07-02",
    "massnahme": "p1,16d,2018-07-01,2018-08-01",
    "leistung": "b1,p1,20,409.00",
    "beschaeftigung": "p1,2018-07-01,,101",
    "eckwerte": "t04412,T,elb,10,",
}


@dataclass(frozen=True)
class Result:
    """What staging left of one file."""

    rows: list[dict[str, Any]]
    quarantine: list[tuple[str, int, str, str]]
    rejected: str
    findings: list[Finding]
    made: int
    file: Path


def csv(table: str, *rows: str) -> bytes:
    return ("\n".join([",".join(CATALOG.tables[table].column_names), *rows]) + "\n").encode()


def parquet(data: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(data, sink)
    return sink.getvalue()


def staged(root: Path, table: str, content: bytes, suffix: str = ".csv", settings: Settings = SETTINGS) -> Result:
    store = Store(root / "store")
    unit = {"beschaeftigung": "bst", "eckwerte": "statistik"}.get(table, "t04412")
    digest = hashlib.sha256(content).hexdigest()
    place = store.snapshot(digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    address = f"{MONTH}/{table}/{unit}{suffix}"
    delivery = {
        "ref_month": MONTH,
        "table": table,
        "unit": unit,
        "suffix": suffix,
        "sha256": digest,
        "address": address,
    }
    made = stage(store, MONTH, [delivery], Zaehltage(), CATALOG, settings)
    entry = read_json(store.run(MONTH) / "staged.json")[table][MONTH]
    file = store.root / entry["file"]
    aside = file.with_suffix(".quarantine.parquet")
    bad: Sequence[Mapping[str, Any]] = pq.read_table(aside).to_pylist() if aside.exists() else []
    return Result(
        pq.read_table(file).to_pylist(),
        [(b["rule"], b["row"], b["column"], b["value"]) for b in bad],
        entry["rejected"].get(unit, ""),
        read_findings(store.findings(MONTH, "stage")),
        made.made,
        file,
    )


BAD_ROWS = [
    ("bestand", "p2,b1,M,31.01.1980,true,false", "ROW-TYPE", "geburtsdatum", "31.01.1980"),
    ("bestand", "p2,b1,W,1980-01-31,true,false", "ROW-CODE", "geschlecht", "W"),
    ("bestand", "p2,b1,M,1980-01-31,ja,false", "ROW-TYPE", "ist_elb", "ja"),
    ("bestand", "p2,b1,M,1980-01-31,,false", "ROW-KEY", "ist_elb", ""),
    ("bestand", ",b1,M,1980-01-31,true,false", "ROW-KEY", "person_id", ""),
    ("bestand", "p2,,M,1980-01-31,true,false", "ROW-KEY", "bg_id", ""),
    ("bestand", "p2,b1,M,,true,false", "ROW-KEY", "geburtsdatum", ""),
    ("leistungsbezug", "p2,b1,2018-07-02,2018-07-01", "ROW-PERIOD", "von", "2018-07-02"),
    ("leistungsbezug", "p2,b1,,2018-07-01", "ROW-KEY", "von", ""),
    ("leistungsbezug", "p2,b1,2018-07-01,offen", "ROW-TYPE", "bis", "offen"),
    ("aufnahme", "p2,2018-07-01,job,,false,2018-07-02", "ROW-CODE", "art", "job"),
    ("aufnahme", "p2,2018-07-01,svb,16z,false,2018-07-02", "ROW-CODE", "foerderung", "16z"),
    ("aufnahme", "p2,2018-07-01,svb,,nein,2018-07-02", "ROW-TYPE", "im_ausland", "nein"),
    ("massnahme", "p2,,2018-07-01,", "ROW-KEY", "massnahme_art", ""),
    ("leistung", 'b1,p2,20,"409,00"', "ROW-TYPE", "anspruch_eur", "409,00"),
    ("leistung", "b1,p2,99,409.00", "ROW-CODE", "rechtsgrundlage", "99"),
    ("leistung", "b1,p2,20,", "ROW-KEY", "anspruch_eur", ""),
    ("beschaeftigung", "p2,2018-07-01,,19", "ROW-TYPE", "personengruppe", "19"),
    ("beschaeftigung", "p2,2018-07-01,,1090", "ROW-TYPE", "personengruppe", "1090"),
    ("eckwerte", "t0441,T,elb,10,", "ROW-JOBCENTER", "jc_id", "t0441"),
    ("eckwerte", "t04412,D,elb,10,", "ROW-CODE", "geschlecht", "D"),
    ("eckwerte", "t04412,T,elbe,10,", "ROW-CODE", "merkmal", "elbe"),
    ("eckwerte", "t04412,M,elb,zehn,", "ROW-TYPE", "wert", "zehn"),
    ("eckwerte", "t04412,M,elb,10,?", "ROW-CODE", "zeichen", "?"),
]


@pytest.mark.parametrize(("table", "row", "rule", "column", "value"), BAD_ROWS)
def test_a_bad_row_is_named_with_rule_row_column_and_value_and_the_rest_counts(
    table: str, row: str, rule: str, column: str, value: str, tmp_path: Path
) -> None:
    found = staged(tmp_path, table, csv(table, GOOD[table], row))
    assert found.quarantine == [(rule, 2, column, value)]
    assert [r["row"] for r in found.rows] == [1]
    (finding,) = [f for f in found.findings if f.rule == rule]
    assert (finding.row, finding.column, finding.value, finding.table) == (2, column, value, table)
    assert finding.file.startswith(f"{MONTH}/{table}/")


def test_many_bad_rows_of_a_kind_are_one_finding_and_all_in_quarantine(tmp_path: Path) -> None:
    rows = [GOOD["leistung"], *(f"b1,p{i},99,1.00" for i in range(20)), "b1,p2,20,x"]
    found = staged(tmp_path, "leistung", csv("leistung", *rows))
    assert len(found.quarantine) == 21
    assert [(f.rule, f.row, f.count) for f in found.findings if f.rule.startswith("ROW")] == [
        ("ROW-CODE", 2, 20),
        ("ROW-TYPE", 22, 1),
    ]


def test_a_row_may_be_bad_in_several_ways_and_counts_as_one(tmp_path: Path) -> None:
    found = staged(tmp_path, "bestand", csv("bestand", ",b1,X,1980-01-31,true,false"))
    assert {q[0] for q in found.quarantine} == {"ROW-KEY", "ROW-CODE"}
    assert found.rows == []


def test_a_row_with_too_many_fields_is_quarantined_without_its_content(tmp_path: Path) -> None:
    found = staged(tmp_path, "bestand", csv("bestand", "secret,b1,M,1980-01-31,true,false,x", GOOD["bestand"]))
    assert found.quarantine == [("ROW-TYPE", 1, "", "")]
    assert [r["row"] for r in found.rows] == [2]


NOT_BAD = [
    ("bestand", "p1,b1,,1980-01-31,true,false"),
    ("bestand", "p1,b1,D,1900-01-01,false,false"),
    ("leistungsbezug", "p1,b1,1990-01-01,2099-12-31"),
    ("leistungsbezug", "p1,b1,2018-07-01,2018-07-01"),
    ("aufnahme", "p1,2018-07-01,svb,16i,false,2019-01-01"),
    ("leistung", "b1,,20,-12.50"),
    ("leistung", "b1,p1,20,9999999999.99"),
    ("eckwerte", "t04412,T,elb,,*"),
    ("eckwerte", "t04412,T,elb,5,-"),
    ("eckwerte", "guestrow,T,elb,5,"),
]


@pytest.mark.parametrize(("table", "row"), NOT_BAD)
def test_what_is_only_unlikely_or_outside_its_validity_counts(table: str, row: str, tmp_path: Path) -> None:
    found = staged(tmp_path, table, csv(table, row))
    assert found.quarantine == []
    assert len(found.rows) == 1


REJECTED = [
    ("an empty file", "bestand", b"", ".csv", "STAGE-UNREADABLE"),
    ("a missing column", "bestand", b"person_id,bg_id\np1,b1\n", ".csv", "STAGE-COLUMNS"),
    ("an unknown column", "leistung", b"bg_id,person_id,rechtsgrundlage,anspruch_eur,x\n", ".csv", "STAGE-COLUMNS"),
    ("a column twice", "leistung", b"bg_id,bg_id,person_id,rechtsgrundlage,anspruch_eur\n", ".csv", "STAGE-COLUMNS"),
    ("semicolons", "leistung", b"bg_id;person_id;rechtsgrundlage;anspruch_eur\n", ".csv", "STAGE-COLUMNS"),
    ("Latin-1", "leistung", csv("leistung", "b1,Müller,20,1.00").decode().encode("latin-1"), ".csv", "STAGE-ENCODING"),
    ("destroyed umlauts", "leistung", csv("leistung", "b1,M\ufffdller,20,1.00"), ".csv", "STAGE-ENCODING"),
    ("a web page", "leistung", b"<!doctype html><html></html>", ".csv", "STAGE-UNREADABLE"),
    ("NUL bytes", "leistung", csv("leistung", "b1,p\0,20,1.00"), ".csv", "STAGE-UNREADABLE"),
    ("an open quote", "leistung", csv("leistung", 'b1,"p1,20,1.00'), ".csv", "STAGE-UNREADABLE"),
    ("no gzip", "leistung", csv("leistung", GOOD["leistung"]), ".csv.gz", "STAGE-UNREADABLE"),
    ("a torn gzip", "leistung", gzip.compress(csv("leistung", GOOD["leistung"]))[:-9], ".csv.gz", "STAGE-UNREADABLE"),
    ("a zip bomb", "leistung", gzip.compress(bytes(10_000_000)), ".csv.gz", "STAGE-TOO-LARGE"),
    ("too much text", "leistung", csv("leistung", *[GOOD["leistung"]] * 10_000), ".csv", "STAGE-TOO-LARGE"),
    ("no Parquet", "leistung", csv("leistung", GOOD["leistung"]), ".parquet", "STAGE-UNREADABLE"),
    ("an empty value without a sign", "eckwerte", csv("eckwerte", "t04412,T,elb,,"), ".csv", "STAGE-NO-VALUE"),
    (
        "another month",
        "leistungsbezug",
        csv("leistungsbezug", *[f"p{i},b1,2017-01-01,2017-03-31" for i in range(10)]),
        ".csv",
        "STAGE-MONTH",
    ),
]


@pytest.mark.parametrize(
    ("table", "content", "suffix", "rule"), [r[1:] for r in REJECTED], ids=[r[0].replace(" ", "-") for r in REJECTED]
)
def test_a_broken_structure_rejects_the_delivery_as_a_whole(
    table: str, content: bytes, suffix: str, rule: str, tmp_path: Path
) -> None:
    found = staged(tmp_path, table, content, suffix)
    assert found.rejected == rule
    assert found.rows == []
    (finding,) = found.findings
    assert (finding.rule, finding.table, finding.ref_month) == (rule, table, MONTH)
    assert finding.file.endswith(suffix)


@pytest.mark.parametrize("table", list(CATALOG.tables))
def test_a_header_alone_is_a_delivery_of_nothing(table: str, tmp_path: Path) -> None:
    found = staged(tmp_path, table, csv(table))
    assert (found.rejected, found.rows, found.quarantine) == ("", [], [])


def leistung_columns(amount: pa.Array) -> pa.Table:
    return pa.table(
        {
            "anspruch_eur": amount,
            "person_id": pa.array(["p1"] * len(amount)).dictionary_encode(),
            "rechtsgrundlage": pa.array(["20"] * len(amount), pa.large_string()),
            "bg_id": ["b1"] * len(amount),
        }
    )


def test_one_table_in_three_formats_is_the_same(tmp_path: Path) -> None:
    text = csv("leistung", "b1,p1,20,409.5")
    exact = parquet(leistung_columns(pa.array([Decimal("409.50")], pa.decimal128(12, 2))))
    results = [
        staged(tmp_path / suffix, "leistung", content, suffix).rows
        for suffix, content in ((".csv", text), (".csv.gz", gzip.compress(text)), (".parquet", exact))
    ]
    assert results[0] == results[1] == results[2]
    assert results[0][0]["anspruch_eur"] == Decimal("409.50")


def test_a_torn_parquet_file_is_rejected(tmp_path: Path) -> None:
    whole = parquet(leistung_columns(pa.array([Decimal("1.00")] * 100, pa.decimal128(12, 2))))
    assert staged(tmp_path, "leistung", whole[: len(whole) // 2], ".parquet").rejected == "STAGE-UNREADABLE"


def test_amounts_in_floats_reject_a_parquet_file(tmp_path: Path) -> None:
    found = staged(tmp_path, "leistung", parquet(leistung_columns(pa.array([1.5]))), ".parquet")
    assert (found.rejected, found.findings[0].column) == ("STAGE-TYPE", "anspruch_eur")


def test_days_that_no_calendar_has_are_quarantined_from_parquet_too(tmp_path: Path) -> None:
    data = pa.table(
        {
            "person_id": ["p1", "p2", "p3"],
            "bg_id": ["b1"] * 3,
            "von": pa.array([-800_000, 17_700, 17_701], pa.int32()).cast(pa.date32()),
            "bis": pa.nulls(3),
        }
    )
    found = staged(tmp_path, "leistungsbezug", parquet(data), ".parquet")
    assert [q[:3] for q in found.quarantine] == [("ROW-TYPE", 1, "von")]
    assert [r["row"] for r in sorted(found.rows, key=lambda r: r["row"])] == [2, 3]


def test_times_of_day_in_parquet_are_bad_and_midnights_are_days(tmp_path: Path) -> None:
    data = pa.table(
        {
            "person_id": ["p1", "p2"],
            "bg_id": ["b1"] * 2,
            "von": pa.array([datetime(2018, 7, 1), datetime(2018, 7, 1, 8)], pa.timestamp("us")),
            "bis": pa.nulls(2),
        }
    )
    found = staged(tmp_path, "leistungsbezug", parquet(data), ".parquet")
    assert [(r["row"], r["von"]) for r in found.rows] == [(1, date(2018, 7, 1))]


def test_no_identifier_is_anywhere_in_what_staging_leaves(tmp_path: Path) -> None:
    person, household = "4711PERSON0815", "0815HOUSEHOLD4711"
    rows = [
        f"{person},{household},M,1980-01-31,true,false",
        f"{person},{household},M,bad,true,false",
        f"{person},{household},{person},1980-01-31,true,false",
        f"{household},,M,{person},true,false",
    ]
    found = staged(tmp_path, "bestand", csv("bestand", *rows))
    assert len(found.rows) == 1
    for path in (tmp_path / "store").rglob("*"):
        if path.is_file() and "snapshots" not in path.parts:
            content = path.read_bytes()
            if path.suffix == ".parquet":
                content += str(pq.read_table(path).to_pydict()).encode()
            assert person.encode() not in content, path
            assert household.encode() not in content, path


def test_persons_have_64_bit_pseudonyms_in_the_place_of_identifiers(tmp_path: Path) -> None:
    (row,) = staged(tmp_path, "bestand", csv("bestand", "same,same,M,1980-01-31,true,false")).rows
    assert "person_id" not in row
    assert (row["jc_id"], row["row"]) == ("t04412", 1)
    assert row["person"] == pseudonyms(pa.chunked_array([["same"]]), KEY, b"person")[0].as_py()
    assert row["bg"] == pseudonyms(pa.chunked_array([["same"]]), KEY, b"household")[0].as_py()
    assert row["person"] != row["bg"]


def test_what_is_staged_is_found_again_until_its_content_or_the_key_changes(tmp_path: Path) -> None:
    content = csv("bestand", GOOD["bestand"])
    first = staged(tmp_path, "bestand", content)
    again = staged(tmp_path, "bestand", content)
    assert (first.made, again.made) == (1, 0)
    assert again.file == first.file
    changed = staged(tmp_path, "bestand", csv("bestand", GOOD["bestand"].replace(",M,", ",F,")))
    other_key = staged(tmp_path, "bestand", content, settings=replace(SETTINGS, pseudonym_key=b"x" * 16))
    assert (changed.made, other_key.made) == (1, 1)
    assert len({first.file, changed.file, other_key.file}) == 3


def test_a_run_killed_before_the_report_stages_again_to_the_same_bytes(tmp_path: Path) -> None:
    content = csv("bestand", GOOD["bestand"])
    first = staged(tmp_path, "bestand", content)
    before = first.file.read_bytes()
    first.file.with_suffix(".json").unlink()
    first.file.write_bytes(b"torn")
    again = staged(tmp_path, "bestand", content)
    assert again.made == 1
    assert again.file.read_bytes() == before


TEXTS = pa.chunked_array([["a", None, "b"], ["a"]], pa.string())


def test_a_pseudonym_is_stable_and_missing_where_nobody_is_named() -> None:
    found = pseudonyms(TEXTS, KEY, b"person").to_pylist()
    assert found[0] == found[3] != found[2]
    assert found[1] is None
    assert pseudonyms(TEXTS, KEY, b"person").to_pylist() == found
    assert pseudonyms(TEXTS, KEY, b"person").type == pa.int64()


def test_pseudonyms_do_not_depend_on_order_or_neighbours() -> None:
    alone = pseudonyms(pa.chunked_array([["b"]]), KEY, b"person").to_pylist()
    assert alone == pseudonyms(pa.chunked_array([["z", "b"]]), KEY, b"person").to_pylist()[1:]


@pytest.mark.parametrize(("key", "domain"), [(b"another key 1234", b"person"), (KEY, b"household")])
def test_another_key_or_domain_gives_other_pseudonyms(key: bytes, domain: bytes) -> None:
    ours = set(pseudonyms(TEXTS, KEY, b"person").to_pylist()) - {None}
    assert ours.isdisjoint(pseudonyms(TEXTS, key, domain).to_pylist())


def test_a_million_persons_would_hardly_share_pseudonyms() -> None:
    found = pseudonyms(pa.chunked_array([[str(i) for i in range(20_000)]]), KEY, b"person")
    assert len(set(found.to_pylist())) == 20_000


@pytest.mark.parametrize("empty", [pa.chunked_array([], pa.string()), pa.chunked_array([[], []], pa.string())])
def test_nobody_has_no_pseudonym(empty: pa.ChunkedArray) -> None:
    assert pseudonyms(empty, KEY, b"person").to_pylist() == []


def test_the_fingerprint_of_a_key_tells_keys_apart_and_not_the_key() -> None:
    assert key_fingerprint(KEY) == key_fingerprint(KEY)
    assert key_fingerprint(KEY) != key_fingerprint(b"another key 1234")
    assert KEY.hex() not in key_fingerprint(KEY)
