"""What a unit delivers for months after its end: it counts as the reference counts it, and a finding names unit, file and month."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from merged_world import PART_A, Merger, twin
from worlds_run import computed_eckwerte, disagreements, run_counting

from pipeline.store import Finding, read_findings
from reference.deliveries import read_delivery
from reference.worlds import make_world, write_delivery
from reference.zeit import add_months

RUN, MERGED = "2019-02", "2018-06"
FEATURES = frozenset({"published", "zaehltage", "double_stock", "sexes", "no_person"})
pytestmark = pytest.mark.slow


def late(root: Path, unit: str, table: str, month: str) -> int:
    """Let the part deliver every second row of the unit that it became part of, and one more; return how many."""
    (path,) = (root / month / table).glob(f"{unit}.*")
    rows = read_delivery(path, table)[0][::2]
    write_delivery(root, (month, table, PART_A), rows, ".csv")
    return len(rows)


def found(run_findings: list[Finding]) -> list[Finding]:
    return [f for f in run_findings if f.rule == "COUNT-AFTER-END"]


def test_late_deliveries_of_a_part_count_for_its_successor_as_in_the_reference_and_are_named(tmp_path: Path) -> None:
    world = make_world(61, tmp_path / "world", features=FEATURES, run_month=RUN, history=40, persons=60)
    unit = world.registry[0]["jc_id"]
    (root,), registry = twin(world, Merger(unit, date(2018, 6, 1)), tmp_path)
    before = run_counting(tmp_path / "before", RUN, [root], registry)
    assert found(read_findings(before.store.findings(RUN, "count"))) == []

    months = [add_months(MERGED, n) for n in range(9)]
    expected = {
        (table, month): late(root, unit, table, month)
        for month in (months[1], months[3])
        for table in ("bestand", "leistung", "leistungsbezug")
    }
    write_delivery(root, (months[4], "massnahme", PART_A), [], ".csv")
    run = run_counting(tmp_path / "after", RUN, [root], registry)
    assert disagreements(run, [root], registry) == [], "whatever counts is what the reference counts"
    findings = found(read_findings(run.store.findings(RUN, "count")))
    assert {(f.table, f.ref_month): f.count for f in findings} == {k: rows for k, rows in expected.items() if rows}
    for f in findings:
        assert (f.severity, f.jc_id, f.file) == ("warning", PART_A, f"{f.ref_month}/{f.table}/{PART_A}.csv")
        assert f"{PART_A} became part of {unit} on 2018-06-01; its rows count for {unit}" in f.message
        assert "Vorgänger und Nachfolger" in f.action
    once, twice = (computed_eckwerte(r)[months[1], unit, "T", "llu"][0] for r in (before, run))
    assert Decimal(twice or 0) > Decimal(once or 0) > 0, "amounts count for each row"


def test_published_counts_of_a_part_after_its_end_are_not_used_and_are_named(tmp_path: Path) -> None:
    world = make_world(62, tmp_path / "world", features=frozenset({"published"}), run_month=RUN, history=26, persons=20)
    unit, month = world.registry[-1]["jc_id"], add_months(MERGED, 2)
    (root,), registry = twin(world, Merger(unit, date(2018, 6, 1)), tmp_path)
    before = computed_eckwerte(run_counting(tmp_path / "before", RUN, [root], registry))
    (path,) = (root / month / "eckwerte").glob("statistik.*")
    rows = read_delivery(path, "eckwerte")[0]
    path.unlink()
    more = [row | {"jc_id": PART_A} for row in rows if row["jc_id"] == unit]
    assert more
    write_delivery(root, (month, "eckwerte", "statistik"), rows + more, ".csv")
    run = run_counting(tmp_path / "after", RUN, [root], registry)
    assert computed_eckwerte(run) == before
    assert disagreements(run, [root], registry) == []
    (finding,) = found(read_findings(run.store.findings(RUN, "count")))
    assert (finding.jc_id, finding.ref_month, finding.file) == (PART_A, month, f"{month}/eckwerte/statistik.csv")
    assert f"became part of {unit} on 2018-06-01; these counts are not used" in finding.message


def test_a_unit_that_ended_by_the_registry_without_a_successor_is_named_too(tmp_path: Path) -> None:
    world = make_world(63, tmp_path / "world", features=frozenset(), run_month=RUN, history=26, persons=20)
    registry = [dict(row) for row in world.registry]
    unit = registry[0]["jc_id"]
    registry[0]["valid_to"] = "2018-12-31"
    run = run_counting(tmp_path / "store", RUN, world.sources, registry)
    findings = found(read_findings(run.store.findings(RUN, "count")))
    assert {(f.jc_id, f.ref_month) for f in findings} == {(unit, "2019-01"), (unit, "2019-02")}
    assert all("ended, by the registry, on 2019-01-01; it has no successor" in f.message for f in findings)
    assert disagreements(run, world.sources, registry) == []
