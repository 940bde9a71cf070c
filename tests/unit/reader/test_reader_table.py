"""The table in the terminal shows what the release shows, in the order of the rank, and says what is missing."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.reader import Choice, NothingPublishedError, choose, comparison_table, listing
from pipeline.store import Store
from unit.publish.country import HIDDEN, MISSING, MONTH, SAALEKREIS, TIED, Country, country, publish_country

Published = tuple[Store, Country]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    made = country(units=16, history=3, indicators=("K2E1", "K2E3"))
    store = made.write(tmp_path_factory.mktemp("reader"))
    publish_country(store, made, now=lambda: datetime(2018, 11, 15, 5, tzinfo=UTC))
    return store, made


def choice(published: Published) -> Choice:
    return choose(published[0], published[1].catalog)


def test_rows_stand_in_order_of_rank_and_those_without_value_last(published: Published) -> None:
    found = comparison_table(choice(published), published[1].catalog, "K2E3", sex="T", kommunal=True)
    ranks = [row["rang"] for row in found.rows]
    known = [r for r in ranks if r is not None]
    assert known == sorted(known) and ranks[-2:] == [None, None] and len(known) == len(ranks) - 2
    assert {row["jc_id"] for row in found.rows[-2:]} == {HIDDEN, MISSING}
    tied = [row["rang"] for row in found.rows if row["jc_id"] in TIED]
    assert len(set(tied)) == 1
    lines = found.as_text().splitlines()
    assert any("Saalekreis" in line and "74,3" in line for line in lines)
    assert any("* geheim zu halten" in line for line in lines)


def test_all_forms_say_what_the_release_says(published: Published) -> None:
    found = comparison_table(choice(published), published[1].catalog, "K2E3", sex="T", kommunal=False)
    rows = pq.read_table(published[0].release(MONTH, 1) / "vergleich.parquet").to_pylist()
    said = {
        r["jc_id"]: ("" if r["wert_anzeige"] is None else str(r["wert_anzeige"]), str(r["rang_anzeige_alle"] or ""))
        for r in rows
        if (r["kennzahl"], r["in_kraft"], r["geschlecht"]) == ("K2E3", True, "T")
    }
    as_csv = {r["jc_id"]: (r["wert_anzeige"], r["rang"]) for r in csv.DictReader(io.StringIO(found.as_csv()))}
    as_json = {r["jc_id"]: (r["wert_anzeige"] or "", str(r["rang"] or "")) for r in found.as_json()["zeilen"]}
    assert as_csv == as_json == said
    text = found.as_text()
    for value, _ in said.values():
        assert value.replace(".", ",") in text
    assert text.startswith("SYNTHETISCHE DATEN")


def test_an_indicator_without_direction_has_no_rank(published: Published) -> None:
    found = comparison_table(choice(published), published[1].catalog, "K2E1", sex="F", kommunal=True)
    assert "Rang" not in found.as_text() and {row["rang"] for row in found.rows} == {None}
    names = [row["name"] for row in found.rows if row["wert_anzeige"] is not None]
    assert names == sorted(names, key=str.casefold)


def test_a_jobcenter_that_is_not_in_the_table_is_named(published: Published) -> None:
    catalog = published[1].catalog
    chosen = choice(published)
    found = comparison_table(chosen, catalog, "K2E3", sex="T", kommunal=True, jobcenters=(SAALEKREIS, "t27708"))
    assert [row["jc_id"] for row in found.rows] == [SAALEKREIS]
    assert "t27708 (Diepholz)" in found.notes[1]


def test_an_estimate_is_marked(tmp_path: Path) -> None:
    made = country(units=12, history=3, indicators=("K2E3",))
    rows = [{**r, "basis": "imputiert"} if r["jc_id"] == SAALEKREIS else r for r in made.vergleich]
    estimated = replace(made, vergleich=rows)
    store = estimated.write(tmp_path)
    publish_country(store, estimated)
    found = comparison_table(choose(store, made.catalog), made.catalog, "K2E3", sex="T", kommunal=True)
    marked = [line for line in found.as_text().splitlines() if "74,3 i" in line]
    assert len(marked) == 1 and "Saalekreis" in marked[0]
    assert found.notes[-1] == "i: enthält geschätzte (imputierte) Monate."


def test_without_a_release_there_is_nothing_to_choose(tmp_path: Path, published: Published) -> None:
    catalog = published[1].catalog
    with pytest.raises(NothingPublishedError, match="there is no release in"):
        choose(Store(tmp_path), catalog)
    with pytest.raises(NothingPublishedError, match="there is no release of 2018-01"):
        choose(published[0], catalog, "2018-01")
    with pytest.raises(NothingPublishedError, match=r"by the end of 2018-11-14; the first release, 2018-07\.1"):
        choose(published[0], catalog, "", date(2018, 11, 14))
    assert listing(Store(tmp_path), catalog) == []


def test_a_release_says_why_it_replaced_another(tmp_path: Path) -> None:
    made = country(units=12, history=3, indicators=("K2E3",))
    store = made.write(tmp_path)
    publish_country(store, made)
    publish_country(store, made, site_url="https://example.org")
    changed = made.with_value(SAALEKREIS, "K2E3", "55.0")
    several = {"lieferungen": {f"2018-0{m}/bestand/t04412": "e" * 64 for m in (6, 7)}}
    publish_country(changed.write(tmp_path), changed, manifest_inputs=several)
    first, second, third = (why for _, why in listing(store, made.catalog))
    assert first == ""
    assert second == "Prüfergebnis oder Angaben zur Veröffentlichung – kein Wert anders"
    changes = pq.read_table(store.release(MONTH, 3) / "aenderungen.parquet").num_rows
    assert third == f"3 Lieferungen – {changes} Werte und Ränge anders"
