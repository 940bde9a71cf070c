"""Files examined together say of each what it says alone: rows, bad rows, remarks, and why it cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import load_catalog
from pipeline.months import Zaehltage
from pipeline.stage import examining
from pipeline.stage.examining import examine, examine_all
from pipeline.stage.found import Batch, RejectedError
from pipeline.stage.likeness import alike
from pipeline.stage.pseudonyms import pseudonyms, siphash, words_of

MONTH, CATALOG, LIMIT = "2018-07", load_catalog(), 1 << 30
TABLE = CATALOG.tables["leistungsbezug"]
HEADER = ",".join(TABLE.column_names)
ROWS = [f"p{i},h{i},2018-0{1 + i % 6}-01," for i in range(12)]
FILES = {
    "good": ROWS,
    "the same persons elsewhere": ROWS,
    "no rows": [],
    "a bad row": [*ROWS, "q1,h1,2018-13-01,"],
    "two bad rows": ["q1,h1,2018-02-30,", *ROWS, "q2,h2,2018-05-01,2018-04-01"],
    "a doubled row": [*ROWS, ROWS[3], ROWS[3]],
    "a late row": [*ROWS, "q1,h1,2018-08-01,"],
    "another month": [row + "2018-02-28" if "-01-01" in row else row.replace("2018", "2019") for row in ROWS],
    "a torn row": [*ROWS, "q1,h1"],
    "not this table": ["a,b"],
}


def written(folder: Path) -> list[tuple[Path, str]]:
    """Return the files, each as CSV and, where it can be, with declared types."""
    offered = []
    for number, (name, rows) in enumerate(FILES.items()):
        path = folder / f"{number}.csv"
        path.write_text("\n".join(["x,y" if name == "not this table" else HEADER, *rows]) + "\n", encoding="utf-8")
        offered.append((path, ".csv"))
        if name in ("good", "the same persons elsewhere", "no rows", "a doubled row", "a late row"):
            types = {"person_id": pa.string(), "bg_id": pa.string(), "von": pa.date32(), "bis": pa.date32()}
            read = pc.read_csv(path, convert_options=pc.ConvertOptions(column_types=types, strings_can_be_null=True))
            pq.write_table(read, path.with_suffix(".parquet"))
            offered.append((path.with_suffix(".parquet"), ".parquet"))
    return offered


def alone(path: Path, suffix: str) -> dict[str, Any]:
    try:
        found = examine(path, suffix, TABLE, MONTH, CATALOG, Zaehltage(), LIMIT)
    except RejectedError as error:
        return {"rejected": (error.rule, error.message)}
    return {"rows": found.accepted.to_pylist(), "bad": list(found.bad), "remarks": list(found.remarks)}


def together(offered: list[tuple[Path, str]]) -> Mapping[int, dict[str, Any]]:
    outcome: dict[int, dict[str, Any]] = {}
    for found in examine_all(offered, TABLE, MONTH, CATALOG, Zaehltage(), LIMIT):
        for file, position in enumerate(found.files):
            if error := found.rejected.get(file):
                outcome[position] = {"rejected": (error.rule, error.message)}
                continue
            low, high = found.good.edges[file : file + 2].tolist()
            outcome[position] = {
                "rows": found.accepted.slice(low, high - low).to_pylist(),
                "bad": [bad for bad in found.bad if bad.file == file],
                "remarks": [remark for remark in found.remarks if remark.file == file],
            }
    assert list(outcome) == list(range(len(offered)))
    return outcome


@pytest.mark.parametrize("at_once", [1, 30, 10_000])
def test_each_file_has_its_own_outcome(at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examining, "ROWS_AT_ONCE", at_once)
    offered = written(tmp_path)
    for position, found in together(offered).items():
        expected = alone(*offered[position])
        for name in ("bad", "remarks"):
            if name in found:
                found[name] = [entry.__class__(**{**vars(entry), "file": 0}) for entry in found[name]]
        assert found == expected, offered[position]


def test_the_files_are_what_their_names_say(tmp_path: Path) -> None:
    names = list(FILES)
    found = {names[int(path.stem)]: alone(path, suffix) for path, suffix in written(tmp_path)}
    assert [n for n, f in found.items() if "rejected" in f] == ["another month", "not this table"]
    assert {n: len(f["bad"]) for n, f in found.items() if f.get("bad")} == {
        "a bad row": 1,
        "two bad rows": 2,
        "a torn row": 1,
    }
    assert {n: [(r.rule, r.count) for r in f["remarks"]] for n, f in found.items() if f.get("remarks")} == {
        "a doubled row": [("COUNT-DUPLICATE", 2)],
        "a late row": [("COUNT-OUTSIDE", 1)],
    }


VECTORS = {
    0: "310e0edd47db6f72",
    1: "fd67dc93c539f874",
    2: "5a4fa9d909806c0d",
    3: "2d7efbd796666785",
    7: "37d1018bf50002ab",
    8: "6224939a79f5f593",
    15: "e545be4961ca29a1",
}
"""Of the test vectors of Aumasson and Bernstein: key 00 01 … 0f, text 00 01 …, by its length."""


@pytest.mark.parametrize(("length", "expected"), VECTORS.items())
@pytest.mark.parametrize("gap", [0, 3])
def test_siphash_gives_the_published_values(length: int, expected: str, gap: int) -> None:
    text, apart = np.arange(length, dtype=np.uint8), np.full(gap, 0xAB, np.uint8)
    begin = np.arange(3, dtype=np.int64) * (length + gap) + gap
    words = words_of(np.concatenate([apart, text] * 3 + [apart]), begin, np.full(3, length))
    assert siphash(words, bytes(range(16))).astype("<u8").tobytes().hex() == expected * 3


@given(st.lists(st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["h1", "h2"])), max_size=30), st.data())
def test_a_pseudonym_does_not_depend_on_its_neighbours(texts: list[str | None], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(texts)))
    column = pa.chunked_array([pa.array(["x", *texts[:cut]], pa.string()).slice(1), pa.array(texts[cut:], pa.string())])
    alone = [pseudonyms(pa.chunked_array([[t]], pa.string()), b"k" * 16, b"person")[0].as_py() for t in texts]
    assert pseudonyms(column, b"k" * 16, b"person").to_pylist() == alone


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([None, 0, 1, -1])), max_size=20), st.data()
)
def test_rows_that_are_alike_are_never_missed(rows: list[tuple[str | None, int | None]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(rows)))
    tables = [
        pa.table({"x": pa.array([x for x, _ in part], pa.string()), "y": pa.array([y for _, y in part], pa.int64())})
        for part in (rows[:cut], rows[cut:])
    ]
    found = [(r["file"], r["x"], r["y"]) for r in alike(Batch.of(tables), ("x", "y")).to_pylist()]
    everything = [(int(i >= cut), x, y) for i, (x, y) in enumerate(rows)]
    assert [row for row in found if everything.count(row) > 1] == [r for r in everything if everything.count(r) > 1]
