"""What is never published: small counts, small complements, and whatever lets them be read off directly."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipeline.catalog import event_parts, load_catalog, parts_and_wholes, shares
from pipeline.compare import Disclosed, Rules
from pipeline.months import add_months
from unit.compare.world import CATALOG, FIRST, World, jobcenter, published, random_world, schema

SMALL = (Decimal(1), Decimal(2))
RUN = "2018-07"


@pytest.fixture(scope="module", params=[2, 5])
def open_tables(request: pytest.FixtureRequest) -> Disclosed:
    return published(request.param, RUN)


def euro(kennzahl: str) -> bool:
    return kennzahl in ("K1", "K1E1")


def test_counts_of_one_and_two_stand_nowhere(open_tables: Disclosed) -> None:
    shown = [r for r in open_tables.eckwerte.to_pylist() if r["wert"] is not None]
    assert shown
    assert [r for r in shown if r["wert"] in SMALL and r["merkmal"] not in ("llu", "luh")] == []
    for table in (open_tables.kennzahlen, open_tables.reihe, open_tables.vergleich):
        rows = [r for r in table.to_pylist() if not euro(r["kennzahl"])]
        assert [r for r in rows if r["zaehler"] in SMALL or r["nenner_summe"] in SMALL] == []


def test_zero_is_published(open_tables: Disclosed) -> None:
    assert any(r["wert"] == 0 for r in open_tables.eckwerte.to_pylist())


def test_men_women_and_all_never_give_a_hidden_count_away(open_tables: Disclosed) -> None:
    cells: dict[tuple[str, str, str], dict[str, Decimal | None]] = {}
    for r in open_tables.eckwerte.to_pylist():
        cells.setdefault((r["ref_month"], r["jc_id"], r["merkmal"]), {})[r["geschlecht"]] = r["wert"]
    one_hidden = [k for k, sexes in cells.items() if sum(v is None for v in sexes.values()) == 1]
    assert [k for k in one_hidden if cells[k]["T"] is not None] == []


def test_a_hidden_row_shows_neither_side_nor_quotient_nor_rank(open_tables: Disclosed) -> None:
    hidden = [r for r in open_tables.vergleich.to_pylist() if r["grund"] == "geheim"]
    assert hidden
    for row in hidden:
        assert row["wert"] is None and row["wert_anzeige"] is None
        assert row["intervall_unten"] is None and row["aenderung_vormonat"] is None and row["aenderung_vorjahr"] is None
        assert row["rang_alle"] is None and row["rang_anzeige_alle"] is None and row["rang_von_alle"] is None
        assert row["zaehler"] is None or row["nenner_summe"] is None


def test_complements_of_one_and_two_are_hidden(open_tables: Disclosed) -> None:
    for row in open_tables.kennzahlen.to_pylist():
        if row["kennzahl"] in ("K2E3", "K3E2") and row["zaehler"] is not None and row["nenner_summe"] is not None:
            assert row["nenner_summe"] - row["zaehler"] not in SMALL, row


def test_ranks_count_only_what_is_published(open_tables: Disclosed) -> None:
    for definition in ("K2@2011", "K2E3@2011", "K3E1@2011"):
        rows = [
            r
            for r in open_tables.vergleich.to_pylist()
            if r["definition"] == definition and r["geschlecht"] == "T" and r["wert"] is not None
        ]
        assert sorted({r["anzahl_alle"] for r in rows}) == ([len(rows)] if rows else [])


def counted(values: dict[str, int], merkmal: str, sex: str = "T") -> pa.Table:
    """Return the Eckwerte of one merkmal that is the same in every month up to the run's."""
    months = [add_months(FIRST, t) for t in range(37)]
    rows = [(m, jc, sex, merkmal, Decimal(value), None, "personen") for jc, value in values.items() for m in months]
    kind = schema("eckwerte")
    return pa.table(
        [pa.array(column, f.type) for column, f in zip(zip(*rows, strict=True), kind, strict=True)], schema=kind
    )


def country(values: dict[str, int]) -> World:
    """Return jobcenters of one Land with a constant stock of LZB each and 10 of them in active measures."""
    units = tuple(jobcenter(jc, "Land") for jc in values)
    tables = [counted(values, "lzb"), counted(dict.fromkeys(values, 10), "lzb_amp")]
    return World(units, {}, pa.concat_tables(tables), {})


def stocks(world: World) -> dict[str, Decimal | None]:
    rows = world.disclosed(RUN).eckwerte.to_pylist()
    return {r["jc_id"]: r["wert"] for r in rows if r["merkmal"] == "lzb" and r["ref_month"] == RUN}


def test_where_one_count_of_a_total_is_hidden_a_second_one_is() -> None:
    shown = stocks(country({"a": 2, "b": 30, "c": 400, "d": 500}))
    assert shown == {"a": None, "b": None, "c": Decimal(400), "d": Decimal(500)}


def test_nothing_is_hidden_where_every_count_is_large_or_zero() -> None:
    assert None not in stocks(country({"a": 30, "b": 40, "c": 0})).values()


def test_a_jobcenter_alone_in_its_land_hides_the_total_of_the_land() -> None:
    units = (jobcenter("a", "Hamburg"), jobcenter("b", "Bremen"), jobcenter("c", "Bremen"))
    eckwerte = pa.concat_tables([counted({"a": 2, "b": 50, "c": 60}, m) for m in ("lzb", "lzb_amp")])
    tables = World(units, {}, eckwerte, {}).disclosed(RUN)
    rows = tables.kennzahlen.filter(pc.equal(tables.kennzahlen.column("definition"), "K3@2011")).to_pylist()
    shown = {r["gebiet"]: r["zaehler"] for r in rows if r["geschlecht"] == "T" and r["ebene"] in ("land", "bund")}
    assert shown["Hamburg"] is None
    assert shown["Bremen"] is None or shown["bund"] is None


def test_months_are_decided_alike_in_every_release() -> None:
    world = random_world(6)
    first, second = (world.disclosed(run).eckwerte.to_pylist() for run in ("2018-07", "2018-08"))
    hidden = [
        {(r["ref_month"], r["jc_id"], r["geschlecht"], r["merkmal"]) for r in rows if r["grund"] == "geheim"}
        for rows in (first, second)
    ]
    late = {"svb_nach12", "svb_kont6"}  # their newest months are not there yet in the first release
    assert {k for k in hidden[1] if k[0] <= "2018-07" and k[3] not in late} == {
        k for k in hidden[0] if k[3] not in late
    }


def test_the_rules_are_those_of_the_switches() -> None:
    assert Rules.of(load_catalog().switches) == Rules()


def test_suppression_is_summed_up_by_merkmal(open_tables: Disclosed) -> None:
    hidden: dict[str, int] = {}
    for r in open_tables.eckwerte.to_pylist():
        if r["grund"] == "geheim":
            hidden[r["merkmal"]] = hidden.get(r["merkmal"], 0) + 1
    assert hidden == {m: s["primary"] + s["secondary"] for m, s in open_tables.summary.items()}
    assert set(hidden) <= set(CATALOG.merkmale)


def test_where_the_publisher_withholds_women_sums_of_men_are_hidden_too() -> None:
    world = random_world(25, elb=(2_000, 4_000), withheld=0.01)
    sexes: dict[tuple[str, str], list[bool]] = {}
    for row in world.disclosed(RUN).kennzahlen.to_pylist():
        if row["ebene"] == "jobcenter":
            sexes.setdefault((row["gebiet"], row["definition"]), []).append(row["zaehler"] is None)
    assert any(sum(hidden) == 2 for hidden in sexes.values())
    assert all(sum(hidden) != 1 for hidden in sexes.values())


def test_the_parts_that_must_stay_within_their_wholes_are_these() -> None:
    merkmale = CATALOG.merkmale
    svb = (("svb_nach12", "int_svb"), ("svb_kont6", "int_svb"))
    events = (*svb, ("int_svb", "int"), ("int_allein", "int"), ("int_lzb", "int"))
    assert event_parts(merkmale) == events
    assert set(parts_and_wholes(merkmale)) == {*events, ("lzb_amp", "lzb"), ("lzb", "elb"), ("alleinerz", "elb")}
    assert set(shares(CATALOG.indicators, merkmale)) == {*svb, ("lzb_amp", "lzb")}
