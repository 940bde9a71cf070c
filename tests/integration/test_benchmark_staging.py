"""The measurement of staging does what it says: every way sees all rows, and less work writes the persons that staging writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.staging import KINDS
from pipeline import steps
from pipeline.run import Run
from pipeline.stage.pseudonyms import pseudonyms
from pipeline.synthetic import generate
from unit.synthetic.tiny_country import tiny_catalog

MONTH = "2018-07"


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run whose month is fetched."""
    folder = tmp_path_factory.mktemp("staging")
    generate(folder / "source", MONTH, MONTH, scale=0.001, seed=4, workers=1, everyone=True, catalog=tiny_catalog())
    steps.fetch(replace(steps.open_run(folder / "store", MONTH, [str(folder / "source")]), declared=tiny_catalog()))
    run = steps.open_run(folder / "store", MONTH)
    return replace(run, declared=tiny_catalog(), settings=replace(run.settings, threads=1, pseudonym_key=b"k" * 16))


@pytest.mark.parametrize("name", ["bestand", "leistung", "massnahme"])
def test_every_way_sees_all_rows(fetched: Run, name: str, tmp_path: Path) -> None:
    table = fetched.catalog.tables[name]
    rows = {kind: act(fetched, table, tmp_path / "out.parquet") for kind, act in KINDS.items()}
    assert set(rows.values()) == {rows["read"]}
    assert rows["read"] > 0


def test_less_work_orders_the_same_rows(fetched: Run, tmp_path: Path) -> None:
    table, out = fetched.catalog.tables["bestand"], tmp_path / "out.parquet"
    KINDS["copy"](fetched, table, out)
    copied = pq.read_table(out)
    KINDS["unjudged"](fetched, table, out)
    unjudged = pq.read_table(out)
    KINDS["stage"](fetched, table, out)
    (staged,) = fetched.store.staged("bestand", MONTH).glob("*.parquet")
    secret = fetched.settings.load_key(fetched.store.root)
    expected = sorted(pseudonyms(copied.column("person_id"), secret, b"person").to_pylist())
    assert pq.read_table(staged).column("person").to_pylist() == expected
    assert unjudged.column("person").to_pylist() == sorted(unjudged.column("person").to_pylist())
    assert sorted(map(str, unjudged.column("geburtsdatum").to_pylist())) == sorted(
        map(str, copied.column("geburtsdatum").to_pylist())
    )
