"""What must not matter does not: order of rows, format of files, sources named twice, a tree in two parts."""

from __future__ import annotations

import csv
import gzip
import io
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from worlds_run import Cells, computed_eckwerte, computed_kennzahlen, run_counting

from pipeline.catalog import load_catalog
from reference.worlds import Row, World, make_world, write_delivery

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
