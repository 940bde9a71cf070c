"""What must not matter does not: order of rows, format of files, sources named twice, a tree in two parts."""

from __future__ import annotations

import csv
import gzip
import io
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from worlds_run import Cells, computed_eckwerte, computed_kennzahlen, run_counting

from pipeline import steps
from pipeline.catalog import load_catalog
from pipeline.months import Zaehltage, add_months, last_day, month_of, month_range
from pipeline.synthetic import generate
from reference.worlds import Row, World, make_world, write_delivery
from unit.synthetic.tiny_country import FIRST, LAST, tiny_catalog

CATALOG = load_catalog()
SUFFIXES = (".csv", ".csv.gz", ".parquet")
NASTY = (
    *("zaehltage", "published_both", "signs", "holes", "header_only", "late_start", "late_records", "out_of_window"),
    *("duplicates", "double_stock", "contradictions", "sexes", "no_person", "orphans", "columns", "ids"),
)


@dataclass(frozen=True)
class Counted:
    """A world and what the pipeline computed of it."""

    world: World
    eckwerte: Cells
    kennzahlen: Cells


def counted(world: World, sources: list[Path], store: Path) -> tuple[Cells, Cells]:
    run = run_counting(store, world.run_month, sources, world.registry)
    return computed_eckwerte(run), computed_kennzahlen(run)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    place = tmp_path_factory.mktemp("plain")
    world = make_world(31, place / "world", run_month="2019-01", history=26, persons=30, features=NASTY)
    counts = counted(world, world.sources, place / "store")
    assert sum(bool(value) for value, _, _ in counts[0].values()) > 500
    return Counted(world, *counts)


# -- files -------------------------------------------------------------------------------------------------------------


def suffix_of(path: Path) -> str:
    return next(s for s in (".csv.gz", ".csv", ".parquet") if path.name.endswith(s))


def deliveries(root: Path) -> list[tuple[tuple[str, str, str], Path]]:
    """Return (month, table, unit) and file of every delivery of a tree."""
    files = sorted(p for p in root.rglob("*") if p.is_file() and p.parent != root)
    return [((p.parts[-3], p.parts[-2], p.name.removesuffix(suffix_of(p))), p) for p in files]


def read(path: Path, table: str) -> tuple[list[str], list[Row]]:
    """Return columns and typed rows of a delivery in any format."""
    if path.suffix == ".parquet":
        data = pq.read_table(path)
        return data.column_names, data.to_pylist()
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    kinds = {column.name: column.type for column in CATALOG.tables[table].columns}
    rows = [{name: typed(text, kinds[name]) for name, text in row.items()} for row in reader]
    return list(reader.fieldnames or ()), rows


def typed(text: str, kind: str) -> Any:
    if text == "":
        return None
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "bool":
        return text == "true"
    return Decimal(text) if kind in ("euro", "number") else text


def shuffled(root: Path) -> None:
    """Put the rows of every file into another order."""
    rng = random.Random(7)
    changed = 0
    for address, path in deliveries(root):
        columns, rows = read(path, address[1])
        before = list(rows)
        rng.shuffle(rows)
        changed += rows != before
        write_delivery(root, address, rows, suffix_of(path), columns)
    assert changed > 100


def in_the_next_format(root: Path) -> None:
    """Write every file in another format: csv, csv.gz, parquet, csv …"""
    for address, path in deliveries(root):
        columns, rows = read(path, address[1])
        following = SUFFIXES[(SUFFIXES.index(suffix_of(path)) + 1) % len(SUFFIXES)]
        write_delivery(root, address, rows, following, columns)
        assert not path.exists()


def twice(root: Path) -> list[Path]:
    return [root, root]


def once(root: Path) -> list[Path]:
    return [root]


def in_two_parts(root: Path) -> list[Path]:
    """Move every other delivery into a second tree."""
    second = root.with_name("second")
    for i, (_, path) in enumerate(deliveries(root)):
        if i % 2:
            target = second / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    return [root, second]


def in_two_parts_the_first_last(root: Path) -> list[Path]:
    return in_two_parts(root)[::-1]


Change = Callable[[Path], None]
Delivered = Callable[[Path], list[Path]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sources"),
    [
        (shuffled, once),
        (in_the_next_format, twice),
        (shuffled, in_two_parts),
        (in_the_next_format, in_two_parts_the_first_last),
    ],
)
def test_no_cell_changes(change: Change, sources: Delivered, plain: Counted, tmp_path: Path) -> None:
    (root,) = plain.world.sources
    copy = Path(shutil.copytree(root, tmp_path / "tree"))
    change(copy)
    eckwerte, kennzahlen = counted(plain.world, sources(copy), tmp_path / "store")
    assert eckwerte == plain.eckwerte
    assert kennzahlen == plain.kennzahlen


@pytest.mark.slow
def test_men_and_women_are_never_more_than_everyone(plain: Counted) -> None:
    compared = 0
    for (month, jc_id, sex, merkmal), (everyone, _, basis) in plain.eckwerte.items():
        if sex != "T" or basis != "personen" or CATALOG.merkmale[merkmal].kind == "euro":
            continue
        men, women = (plain.eckwerte[month, jc_id, other, merkmal] for other in "MF")
        if men[2] == women[2] == "personen" and None not in (everyone, men[0], women[0]):
            assert men[0] + women[0] <= everyone, (month, jc_id, merkmal)
            compared += bool(men[0] and women[0])
    assert compared > 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ("alleinerz", "elb"),
        ("lzb", "elb"),
        ("lzb_amp", "lzb"),
        ("int_svb", "int"),
        ("int_allein", "int"),
        ("int_lzb", "int"),
        ("svb_nach12", "int_svb"),
        ("svb_kont6", "int_svb"),
    ],
)
def test_a_part_is_never_more_than_its_whole(part: str, whole: str, plain: Counted) -> None:
    compared = 0
    for key, (value, _, basis) in plain.eckwerte.items():
        if key[3] == part and basis == "personen" and value is not None:
            everyone, _, origin = plain.eckwerte[(*key[:3], whole)]
            if everyone is not None and origin == "personen":
                assert value <= everyone, key
                compared += 1
    assert compared


# -- the case the project began with -----------------------------------------------------------------------------------

CASE, UNIT = "K2E3@2011", "t04412"
WITHOUT_RECORDS = 7


@dataclass(frozen=True)
class Computed:
    """Three computed tables of a run of the tiny synthetic country, by their keys."""

    eckwerte: dict[tuple[str, ...], Row]
    kennzahlen: dict[tuple[str, ...], Row]
    vergleich: dict[tuple[str, ...], Row]


def computed_country(tree: Path, store: Path) -> Computed:
    catalog = tiny_catalog()
    run = replace(steps.open_run(store, LAST, [str(tree)]), declared=catalog)
    run = replace(run, settings=replace(run.settings, threads=1))
    for name in ("fetch", "stage", "count", "calculate", "compare"):
        steps.do(name, run)

    def rows(paths: list[Path], *key: str) -> dict[tuple[str, ...], Row]:
        return {tuple(r[k] for k in key): r for path in paths for r in pq.read_table(path).to_pylist()}

    return Computed(
        rows([run.store.eckwerte(m) for m in run.counted["months"]], "ref_month", "jc_id", "geschlecht", "merkmal"),
        rows([run.store.computed("kennzahlen", LAST)], "ebene", "gebiet", "definition", "geschlecht"),
        rows([run.store.computed("vergleich", LAST)], "jc_id", "definition", "geschlecht"),
    )


def changed(before: dict[tuple[str, ...], Row], after: dict[tuple[str, ...], Row]) -> set[tuple[str, ...]]:
    assert set(before) == set(after)
    return {key for key, row in before.items() if after[key] != row}


def found(tree: Path, month: str, table: str, unit: str) -> tuple[Path, list[str], list[Row]]:
    (path,) = (tree / month / table).glob(f"{unit}.*")
    return (path, *read(path, table))


def employed_once(tree: Path) -> list[tuple[str, str, str]]:
    """Return (month, person, sex) of svB-Integrationen of Saalekreis that lasted.

    The persons begin no other such job in the thirteen months before and after: what is known of their work in the check
    month decides this one count only.
    """
    starts: dict[str, set[date]] = {}
    for (_, table, _), path in deliveries(tree):
        if table == "aufnahme":
            for row in (r for r in read(path, table)[1] if r["art"] == "svb"):
                starts.setdefault(row["person_id"], set()).add(row["beginn"])
    days = Zaehltage(listed_days(tree))
    not_insured = {code for code, row in CATALOG.codelists["personengruppen"].items() if row["svb"] == "false"}
    lasting = set()
    for month in month_range("2016-04", "2017-03"):
        window, check = days.window(month), last_day(add_months(month, 12))
        stock = {r["person_id"]: r for r in found(tree, add_months(month, -1), "bestand", UNIT)[2] if r["ist_elb"]}
        at_work = {
            r["person_id"]
            for r in found(tree, month_of(check), "beschaeftigung", "bst")[2]
            if r["von"] <= check <= (r["bis"] or check) and r["personengruppe"] not in not_insured
        }
        for row in found(tree, month, "aufnahme", UNIT)[2]:
            person = row["person_id"]
            counts = row["art"] == "svb" and not row["im_ausland"] and row["recorded_on"] <= days.freeze(month)
            counts = counts and row["foerderung"] is None and window.first <= row["beginn"] <= window.last
            around = [b for b in starts.get(person, ()) if abs(b - row["beginn"]) < timedelta(days=400)]
            if counts and len(around) == 1 and person in stock and person in at_work:
                lasting.add((month, person, str(stock[person]["geschlecht"])))
    return sorted(lasting)


def listed_days(tree: Path) -> dict[str, date]:
    with (tree / "zaehltage.csv").open(encoding="utf-8", newline="") as file:
        return {row["ref_month"]: date.fromisoformat(row["stichtag"]) for row in csv.DictReader(file)}


@pytest.mark.slow
def test_removing_employment_records_lowers_value_and_rank(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    generate(tree, FIRST, LAST, scale=0.001, seed=4, workers=1, catalog=tiny_catalog())
    before = computed_country(tree, tmp_path / "before")
    sample = employed_once(tree)[:WITHOUT_RECORDS]
    assert len(sample) == WITHOUT_RECORDS
    for month, person, _ in sample:
        path, columns, rows = found(tree, add_months(month, 12), "beschaeftigung", "bst")
        left = [row for row in rows if row["person_id"] != person]
        assert len(left) < len(rows)
        write_delivery(tree, (add_months(month, 12), "beschaeftigung", "bst"), left, suffix_of(path), columns)
    after = computed_country(tree, tmp_path / "after")

    fewer = Counter((m, UNIT, s, "svb_nach12") for m, _, sex in sample for s in {"T", sex} & {"T", "M", "F"})
    assert changed(before.eckwerte, after.eckwerte) == set(fewer)
    for cell, less in fewer.items():
        assert after.eckwerte[cell]["wert"] == before.eckwerte[cell]["wert"] - less

    levels = {("jobcenter", UNIT), ("land", "Sachsen-Anhalt"), ("kommunal", "kommunal"), ("bund", "bund")}
    sexes = {sex for _, _, sex, _ in fewer}
    assert changed(before.kennzahlen, after.kennzahlen) == {(*level, CASE, s) for level in levels for s in sexes}
    for level in levels:
        old, new = (c.kennzahlen[*level, CASE, "T"] for c in (before, after))
        assert new["zaehler"] == old["zaehler"] - WITHOUT_RECORDS
        assert new["nenner_summe"] == old["nenner_summe"]
        assert new["wert"] < old["wert"]

    old, new = (c.vergleich[UNIT, CASE, "T"] for c in (before, after))
    assert old["wert_anzeige"] == Decimal("74.3")
    assert new["wert_anzeige"] < Decimal("60")
    for name in ("alle", "kommunal"):
        assert new[f"rang_{name}"] > old[f"rang_{name}"]
        assert new[f"anzahl_{name}"] == old[f"anzahl_{name}"]
    assert {key[1] for key in changed(before.vergleich, after.vergleich)} == {CASE}
