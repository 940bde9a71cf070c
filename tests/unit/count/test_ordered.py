"""What is computed from ordered rows is what the expression says, for every reading of persons, units and days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.count.engine import DuckDb, File, input_schema
from pipeline.count.expressions import day_masks, long_term, movements, stock, window_days
from pipeline.count.inputs import ALL_DAYS, Count
from pipeline.count.ordered import in_order
from pipeline.count.payments import PARTS, payments
from pipeline.count.readings import Readings
from pipeline.count.starts import employed

FIRST, LAST = date(2018, 5, 14), date(2018, 6, 14)
UNITS = ("t04412", "t04448", "mse-nord")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PERSONS = st.integers(-3, 3)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with DuckDb("200MB", 2, tmp_path_factory.mktemp("spill")) as opened:
        yield opened


def files(folder: Path, kind: str, rows: Sequence[Mapping[str, Any]], name: str = "rows") -> Path:
    """Write rows of a kind, with columns that the kind does not have left out."""
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=input_schema(kind)), path, row_group_size=4)
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pieces, ranges and row groups so small that a few rows fill several."""
    monkeypatch.setattr("pipeline.count.engine.executing.ROW_GROUP_ROWS", 5)
    monkeypatch.setattr("pipeline.count.ordered._RANGE", 2)
    monkeypatch.setattr("pipeline.count.paid._PIECE", 3)
    monkeypatch.setattr("pipeline.count.paid._KEPT", 20)


def both(
    engine: DuckDb,
    count: Count,
    inputs: Mapping[str, Any],
    folder: Path,
    sort: Sequence[str],
    readings: Readings = Readings(),  # noqa: B008 - frozen
) -> tuple[bytes, bytes]:
    """Return the file of a state computed from ordered rows, and the one of its expression alone."""
    way = in_order({count.name: count}, readings)[count.name]
    assert way.in_order is not None
    paths = folder / "ordered.parquet", folder / "grouped.parquet"
    for path, how in zip(paths, (way.in_order, None), strict=True):
        # An engine knows expressions by their names.
        engine.run_to_file(replace(count, name=f"{count.name} {readings}", in_order=how), inputs, path, sort=sort)
    return paths[0].read_bytes(), paths[1].read_bytes()


def ordered(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["person"])


OF_STOCK = st.fixed_dictionaries(
    {
        "jc_id": st.sampled_from(UNITS),
        "person": PERSONS,
        "geschlecht": st.sampled_from(["M", "F", "", None]),
        "ist_elb": st.booleans(),
        "ist_alleinerziehend": st.booleans(),
    }
)
GEBIET = [[], [{"alt": "mse-nord", "neu": "t04412"}]]


@QUICK
@given(rows=st.lists(OF_STOCK, max_size=12), merged=st.sampled_from(GEBIET), in_order=st.booleans())
def test_the_stock(engine: DuckDb, tmp_path: Path, rows: list[dict[str, Any]], merged: Any, in_order: bool) -> None:
    bestand = files(tmp_path, "bestand", ordered(rows) if in_order else rows)
    inputs = {
        "bestand": [File(bestand)] if rows else [],
        "gebiet": pa.Table.from_pylist(merged, schema=input_schema("gebiet")),
    }
    one, other = both(engine, stock(), inputs, tmp_path, ("person", "jc"))
    assert one == other


def test_a_person_in_two_units_agrees_on_a_sex_or_has_none(engine: DuckDb, tmp_path: Path) -> None:
    said = [
        (1, "t04448", "M"),
        (1, "t04412", "M"),
        (2, "t04448", "F"),
        (2, "t04412", "M"),
        (3, "t04412", "F"),
        (3, "t04412", "F"),
    ]
    rows = [
        {"jc_id": jc, "person": p, "geschlecht": s, "ist_elb": p == 1, "ist_alleinerziehend": False}
        for p, jc, s in said
    ]
    inputs = {"bestand": [File(files(tmp_path, "bestand", rows))], "gebiet": []}
    assert len(set(both(engine, stock(), inputs, tmp_path, ("person", "jc")))) == 1
    found = pq.read_table(tmp_path / "ordered.parquet").to_pylist()
    assert [(r["person"], r["jc"], r["sex"], r["einig"], r["erste"]) for r in found] == [
        (1, "t04412", "M", True, True),
        (1, "t04448", "M", True, False),
        (2, "t04412", "M", False, True),
        (2, "t04448", "F", False, False),
        (3, "t04412", "F", True, True),
    ]


DAYS = st.integers(-5, 40).map(lambda n: FIRST + timedelta(days=n))
SPELL = st.fixed_dictionaries(
    {"jc_id": st.sampled_from(UNITS), "person": PERSONS, "von": DAYS, "bis": st.one_of(st.none(), DAYS)}
)


@QUICK
@given(rows=st.lists(SPELL, max_size=12), in_order=st.booleans())
def test_days_of_a_window(engine: DuckDb, tmp_path: Path, rows: list[dict[str, Any]], in_order: bool) -> None:
    said = [row | {"bis": max(row["von"], row["bis"]) if row["bis"] else None} for row in rows]
    spells = files(tmp_path, "leistungsbezug", ordered(said) if in_order else said)
    days: dict[str, Any] = dict.fromkeys(input_schema("kalender").names) | {
        "stichtag_1": FIRST,
        "stichtag": LAST,
        "alle_tage": ALL_DAYS,
    }
    inputs = {
        "leistungsbezug": [File(spells)] if rows else [],
        "kalender": pa.Table.from_pylist([days], schema=input_schema("kalender")),
    }
    one, other = both(engine, day_masks(), inputs, tmp_path, ("person",))
    assert one == other


MASK = pa.schema([("person", pa.int64()), ("mask", pa.int64())])
DAYS_KNOWN = pa.schema([("person", pa.int64()), ("days", pa.int32())])
MASKS = st.dictionaries(PERSONS, st.integers(0, ALL_DAYS), max_size=6)


@QUICK
@given(
    known=st.dictionaries(PERSONS, st.integers(1, 700), max_size=6),
    months=st.lists(st.tuples(MASKS, st.sampled_from([ALL_DAYS, ALL_DAYS - 1023, 7])), max_size=4),
)
def test_days_of_730_move_on(
    engine: DuckDb, tmp_path: Path, known: dict[int, int], months: list[tuple[dict[int, int], int]]
) -> None:
    added = []
    for number, (masks, clip) in enumerate(months):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(
            pa.table({"person": sorted(masks), "mask": [masks[p] for p in sorted(masks)]}, MASK), path, row_group_size=2
        )
        added.append(File(path, {"clip": clip, "mal": 1}))
    before = tmp_path / "before.parquet"
    pq.write_table(
        pa.table({"person": sorted(known), "days": [known[p] for p in sorted(known)]}, DAYS_KNOWN),
        before,
        row_group_size=2,
    )
    inputs = {"vorher": [File(before)], "tage": added}
    one, other = both(engine, window_days(), inputs, tmp_path, ("person",))
    assert one == other
    moved = (tmp_path / "ordered.parquet").replace(tmp_path / "moved.parquet")
    lost = {"vorher": [File(moved)], "tage": [File(file.path, {**file.constants, "mal": -1}) for file in added]}
    one, other = both(engine, window_days(), lost, tmp_path, ("person",))
    assert one == other


PAYMENT = st.fixed_dictionaries(
    {
        "jc_id": st.sampled_from(UNITS),
        "person": st.one_of(st.none(), PERSONS),
        "bg": st.integers(-40, 40),
        "rechtsgrundlage": st.sampled_from(["20", "22_1", "22_6", "28"]),
        "anspruch_eur": st.decimals(-50, 1000, places=2),
    }
)
SUMS = pa.table(
    {"code": ["20", "22_1", "22_6", "28"], "summe": ["llu", "luh", "luh", ""]}, schema=input_schema("rechtsgrundlagen")
)
KNOWN = st.dictionaries(PERSONS, st.sampled_from(["M", "F", ""]), max_size=6)


def stock_file(folder: Path, name: str, sexes: Mapping[int, str]) -> list[File]:
    """Write the stock of persons who agree on a sex; each is in two units."""
    row = {"elb": True, "allein": False}
    rows = [
        row | {"person": p, "jc": jc, "sex": sexes[p] or "M", "einig": sexes[p] != "", "erste": jc == UNITS[0]}
        for p in sorted(sexes)
        for jc in UNITS[:2]
    ]
    return [File(files(folder, "stock", rows, name))] if sexes else []


AROUND = st.fixed_dictionaries({"gebiet": st.sampled_from(GEBIET), "stock": KNOWN, "stock_1": KNOWN})


def around(folder: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that tell of mergers and of two stocks."""
    stocks = {name: stock_file(folder, name, said[name]) for name in ("stock", "stock_1")}
    return {"gebiet": pa.Table.from_pylist(said["gebiet"], schema=input_schema("gebiet"))} | stocks


@QUICK
@given(
    rows=st.lists(PAYMENT, max_size=40),
    beside=AROUND,
    readings=st.builds(Readings, fewest_units=st.sampled_from([1, 3])),
)
def test_payments(
    engine: DuckDb,
    tmp_path: Path,
    rows: list[dict[str, Any]],
    beside: dict[str, Any],
    readings: Readings,
) -> None:
    paid = pa.Table.from_pylist(rows, schema=input_schema("leistung"))
    pq.write_table(paid, tmp_path / "leistung.parquet", row_group_size=7)
    inputs = {
        "leistung": [File(tmp_path / "leistung.parquet")] if rows else [],
        "rechtsgrundlagen": SUMS,
        **around(tmp_path, beside),
    }
    one, other = both(engine, payments(readings), inputs, tmp_path, ("jc", "sex", "summe"), readings)
    assert one == other


def test_many_units_of_need_are_bounded_by_parts(engine: DuckDb, tmp_path: Path) -> None:
    row = {"jc_id": UNITS[0], "person": None, "rechtsgrundlage": "20", "anspruch_eur": 100}
    paid = pa.Table.from_pylist([row | {"bg": bg} for bg in range(40)], schema=input_schema("leistung"))
    pq.write_table(paid, tmp_path / "leistung.parquet", row_group_size=7)
    inputs = {
        "leistung": [File(tmp_path / "leistung.parquet")],
        "rechtsgrundlagen": SUMS,
        **around(tmp_path, {"gebiet": [], "stock": {}, "stock_1": {}}),
    }
    one, other = both(engine, payments(Readings()), inputs, tmp_path, ("jc", "sex", "summe"))
    assert one == other
    [found] = pq.read_table(tmp_path / "ordered.parquet").to_pylist()
    assert (found["sex"], found["cents"], found["bgs"], found["groesste"]) == ("T", 400_000, PARTS, 20_000)
    assert found["ohne_person"] == 40


@QUICK
@given(
    days=st.dictionaries(PERSONS, st.integers(610, 645), max_size=6),
    masks=MASKS,
    clip=st.sampled_from([ALL_DAYS, ALL_DAYS - 1023]),
    now=st.dictionaries(PERSONS, st.booleans()),
)
def test_long_term(
    engine: DuckDb, tmp_path: Path, days: dict[int, int], masks: dict[int, int], clip: int, now: dict[int, bool]
) -> None:
    known, month = tmp_path / "days.parquet", tmp_path / "month.parquet"
    pq.write_table(
        pa.table({"person": sorted(days), "days": [days[p] for p in sorted(days)]}, DAYS_KNOWN), known, row_group_size=2
    )
    pq.write_table(
        pa.table({"person": sorted(masks), "mask": [masks[p] for p in sorted(masks)]}, MASK), month, row_group_size=2
    )
    row = {"sex": "M", "einig": True, "erste": True, "allein": False}
    rows = [row | {"person": p, "jc": jc, "elb": now[p] and jc in UNITS[p % 2 :]} for p in sorted(now) for jc in UNITS]
    calendar = dict.fromkeys(input_schema("kalender").names) | {"lzb_tage": 638}
    inputs = {
        "stock": [File(files(tmp_path, "stock", rows))] if now else [],
        "vorher": [File(known)],
        "tage": [File(month, {"clip": clip, "mal": 1})],
        "kalender": pa.Table.from_pylist([calendar], schema=input_schema("kalender")),
    }
    one, other = both(engine, long_term(Readings()), inputs, tmp_path, ("person",))
    assert one == other


@QUICK
@given(
    rows=st.lists(SPELL, max_size=14),
    beside=AROUND,
    readings=st.builds(Readings, closed_left=st.booleans(), exit_on_last_day=st.booleans()),
    bridge=st.sampled_from([0, 7]),
    in_order=st.booleans(),
)
def test_movements(
    engine: DuckDb,
    tmp_path: Path,
    rows: list[dict[str, Any]],
    beside: dict[str, Any],
    readings: Readings,
    bridge: int,
    in_order: bool,
) -> None:
    said = [row | {"bis": max(row["von"], row["bis"]) if row["bis"] else None} for row in rows]
    spells = files(tmp_path, "leistungsbezug", ordered(said) if in_order else said)
    days = dict.fromkeys(input_schema("kalender").names) | {"stichtag_1": FIRST, "stichtag": LAST, "bruecke": bridge}
    inputs = {
        "leistungsbezug": [File(spells)] if rows else [],
        "kalender": pa.Table.from_pylist([days], schema=input_schema("kalender")),
        **around(tmp_path, beside),
    }
    one, other = both(engine, movements(readings), inputs, tmp_path, ("jc", "sex"), readings)
    assert one == other


INSURED = st.fixed_dictionaries(
    {
        "person": PERSONS,
        "von": DAYS,
        "bis": st.one_of(st.none(), DAYS),
        "personengruppe": st.sampled_from(["101", "109"]),
    }
)


@QUICK
@given(rows=st.lists(INSURED, max_size=12), any_day=st.booleans(), in_order=st.booleans())
def test_employed(engine: DuckDb, tmp_path: Path, rows: list[dict[str, Any]], any_day: bool, in_order: bool) -> None:
    spells = files(tmp_path, "beschaeftigung", ordered(rows) if in_order else rows)
    days = dict.fromkeys(input_schema("kalender").names) | {"pruef_tag": LAST, "monat_von": FIRST, "monat_bis": LAST}
    inputs = {
        "beschaeftigung": [File(spells)] if rows else [],
        "nicht_svb": pa.table({"code": ["109"]}),
        "kalender": pa.Table.from_pylist([days], schema=input_schema("kalender")),
    }
    one, other = both(engine, employed(Readings(), any_day=any_day), inputs, tmp_path, ("person",))
    assert one == other
