"""A release after a merger: ranks, changes, differences to the release before and explanations speak of the one jobcenter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline import steps
from pipeline.explain import as_lines, explain
from pipeline.synthetic import generate
from reference.deliveries import read_delivery
from reference.worlds import write_delivery
from unit.synthetic.tiny_country import tiny_catalog

FIRST, RUN = "2015-12", "2017-01"
WHOLE, PARTS = "t23102", ("zkt-goettingen-alt", "zkt-osterode")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[steps.Run]:
    """Return a published run of 2017-01, two months after Göttingen and Osterode became one."""
    folder = tmp_path_factory.mktemp("merged")
    generate(folder / "source", FIRST, RUN, scale=0.05, seed=4, workers=1, catalog=tiny_catalog())
    run = opened(folder)
    steps.run_all(replace(run))
    yield run


def opened(folder: Path) -> steps.Run:
    run = steps.open_run(folder / "store", RUN, [str(folder / "source")])
    return replace(run, declared=tiny_catalog(), settings=replace(run.settings, threads=1))


def source_of(run: steps.Run) -> Path:
    return Path(run.sources[0])


def delivered(run: steps.Run, month: str, unit: str) -> tuple[Path, list[dict[str, Any]]]:
    (path,) = (source_of(run) / month / "bestand").glob(f"{unit}.*")
    return path, read_delivery(path, "bestand")[0]


def employable(run: steps.Run, month: str, units: tuple[str, ...]) -> int:
    """Return how many persons any of the units has in stock as ELB, from the files themselves."""
    return len({row["person_id"] for unit in units for row in delivered(run, month, unit)[1] if row["ist_elb"]})


def compared(run: steps.Run, number: int = 1) -> dict[str, dict[str, Any]]:
    rows = pq.read_table(run.store.release(RUN, number) / "vergleich.parquet").to_pylist()
    return {r["jc_id"]: r for r in rows if (r["kennzahl"], r["geschlecht"]) == ("K1E2", "T")}


def test_the_year_before_the_merger_is_the_sum_of_the_parts_without_double_counting(published: steps.Run) -> None:
    rows = compared(published)
    assert not set(rows) & set(PARTS)
    now, then = employable(published, RUN, (WHOLE,)), employable(published, "2016-01", PARTS)
    assert (rows[WHOLE]["zaehler"], rows[WHOLE]["nenner_summe"]) == (now, then)
    assert rows[WHOLE]["wert"] == float((Fraction(now, then) - 1) * 100)


def test_the_change_to_the_month_before_compares_the_same_territory(published: steps.Run) -> None:
    now, then = employable(published, RUN, (WHOLE,)), employable(published, "2016-01", PARTS)
    before, year_before = employable(published, "2016-12", (WHOLE,)), employable(published, "2015-12", PARTS)
    exact = (Fraction(now, then) - Fraction(before, year_before)) * 100
    shown = compared(published)[WHOLE]["aenderung_vormonat"]
    assert shown != 0
    assert abs(Fraction(shown) - exact) <= Fraction(1, 20)


def test_the_merged_jobcenter_is_ranked_once_among_those_that_exist(published: steps.Run) -> None:
    rows = compared(published)
    assert len(rows) == 7
    assert {row["anzahl_alle"] for row in rows.values()} == {7}
    order = sorted(rows, key=lambda jc_id: rows[jc_id]["wert"])
    assert [rows[jc_id]["rang_alle"] for jc_id in order] == [1, 2, 3, 4, 5, 6, 7]


def test_the_explanation_names_the_parts_and_their_deliveries(published: steps.Run) -> None:
    found = explain(published.store.root, tiny_catalog(), "K1E2", WHOLE, RUN)
    text = " ".join(as_lines(found))
    assert "Summe aus Göttingen und Osterode am Harz" in text
    units = {(delivery.month, delivery.unit) for delivery in found.deliveries if delivery.table == "bestand"}
    assert units == {("2016-01", PARTS[0]), ("2016-01", PARTS[1]), (RUN, WHOLE)}


def test_a_revised_delivery_of_a_part_is_the_cause_of_what_changes_in_the_merged_jobcenter(
    published: steps.Run,
) -> None:
    path, rows = delivered(published, "2016-01", PARTS[1])
    gone = next(row for row in rows if row["ist_elb"])
    before = compared(published)[WHOLE]["nenner_summe"]
    left = [row for row in rows if row["person_id"] != gone["person_id"]]
    write_delivery(source_of(published), ("2016-01", "bestand", PARTS[1]), left, path.name[path.name.index(".") :])
    steps.run_all(opened(source_of(published).parent))
    assert compared(published, 2)[WHOLE]["nenner_summe"] == before - 1
    changes = pq.read_table(published.store.release(RUN, 2) / "aenderungen.parquet").to_pylist()
    own = [row for row in changes if (row["gebiet"], row["groesse"], row["geschlecht"]) == (WHOLE, "elb", "T")]
    assert [row["ref_month"] for row in own] == ["2016-01"]
    assert [address.split(".")[0] for address in own[0]["ursache_adresse"]] == [f"2016-01/bestand/{PARTS[1]}"]
    assert not {row["gebiet"] for row in changes} & set(PARTS)


def test_what_a_part_delivers_after_its_end_is_a_cause_a_source_and_a_finding_of_the_merged_jobcenter(
    published: steps.Run,
) -> None:
    rows = delivered(published, "2016-01", PARTS[1])[1]
    known = {row["person_id"] for _, own in [delivered(published, RUN, WHOLE)] for row in own}
    late = next(row for row in rows if row["ist_elb"] and row["person_id"] not in known)
    write_delivery(source_of(published), (RUN, "bestand", PARTS[1]), [late], ".csv")
    number = int(steps.run_all(opened(source_of(published).parent))["number"])
    assert compared(published, number)[WHOLE]["zaehler"] == compared(published, number - 1)[WHOLE]["zaehler"] + 1

    address = f"{RUN}/bestand/{PARTS[1]}.csv"
    found = explain(published.store.root, tiny_catalog(), "K1E2", WHOLE, RUN)
    assert address in {delivery.address for delivery in found.deliveries}
    (noted,) = [n for n in found.explanation.findings if n.rule == "COUNT-AFTER-END"]
    assert (noted.unit, noted.table, noted.month) == (PARTS[1], "bestand", RUN)
    assert "Lieferung für einen Monat nach dem Ende der Stelle" in " ".join(as_lines(found))
    changes = pq.read_table(published.store.release(RUN, number) / "aenderungen.parquet").to_pylist()
    own = [row for row in changes if (row["gebiet"], row["groesse"], row["geschlecht"]) == (WHOLE, "elb", "T")]
    assert [(row["ref_month"], row["ursache_adresse"]) for row in own] == [(RUN, [address])]
