"""What an explanation says of a figure: the sentence with its numbers, neighbours, gaps, mergers, decisions and assumptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest

from pipeline.catalog import Gebietsaenderung
from pipeline.months import month_range
from pipeline.publish.comparison import comparisons
from pipeline.publish.history import History
from pipeline.publish.provenance import Evidence, Explanation, evidence_of, explained
from pipeline.publish.provenance.evidence import FigureKey
from pipeline.publish.provenance.model import Area
from pipeline.publish.provenance.pages import origin_page
from pipeline.publish.provenance.sentences import and_list, formula, months_text
from pipeline.store import Store
from pipeline.store.schema import arrow_schema
from unit.publish.country import (
    HIDDEN,
    HIDDEN_VALUE,
    MISSING,
    MONTH,
    SAALEKREIS,
    TIED,
    Country,
    country,
    publish_country,
)

COHORT = month_range("2016-04", "2017-03")
NBSP = "\u00a0"


@pytest.fixture(scope="module")
def small() -> Country:
    return country(units=10, indicators=("K2E3", "K1E2"))


def count(month: str, merkmal: str, value: int | None, reason: str | None = None, **changes: Any) -> dict[str, Any]:
    cell = {
        "ref_month": month,
        "jc_id": SAALEKREIS,
        "geschlecht": "T",
        "merkmal": merkmal,
        "wert": None if value is None else Decimal(value),
        "grund": reason,
        "basis": "personen",
    }
    return cell | changes


def evidence(
    made: Country,
    tmp_path: Path,
    *,
    counts: Sequence[Mapping[str, Any]] = (),
    befunde: Sequence[Mapping[str, Any]] = (),
    inputs: Mapping[str, Any] | None = None,
    check: Mapping[str, Any] | None = None,
    switches: Mapping[str, Any] | None = None,
) -> Evidence:
    catalog = made.catalog
    tables = {
        name: pa.Table.from_pylist(list(rows), schema=arrow_schema(catalog.results[name]))
        for name, rows in (
            ("kennzahlen", made.kennzahlen),
            ("vergleich", made.vergleich),
            ("eckwerte", [*made.eckwerte, *counts]),
            ("befunde", befunde),
        )
    }
    history = History(arrow_schema(catalog.results["kennzahlen"]).empty_table(), catalog)
    foundation = {
        "monat": MONTH,
        "datenart": "synthetisch",
        "eingaben": {"lieferungen": [], "codelisten": {}, **(inputs or {})},
        "pruefung": {"broken": [], **(check or {})},
        "schalter": {n: s.value for n, s in catalog.switches.items()} | dict(switches or {}),
    }
    found = comparisons(tables["vergleich"], tables["kennzahlen"], history, catalog)
    return evidence_of(
        Store(tmp_path),
        f"{MONTH}.1",
        foundation,
        tables["kennzahlen"],
        tables["eckwerte"],
        tables["befunde"],
        found,
        catalog,
    )


def figure(found: Evidence, unit: str = SAALEKREIS, definition: str = "K2E3@2011", sex: str = "T") -> Explanation:
    return explained(found, FigureKey("jobcenter", unit, definition, sex))


def with_reason(made: Country, unit: str, definition: str, reason: str) -> Country:
    """Return the country with a missing figure."""

    def changed(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        if row[key] != unit or row["definition"] != definition:
            return row
        none = dict.fromkeys(("zaehler", "nenner_summe", "wert", "wert_anzeige"))
        ranks = dict.fromkeys(name for name in row if name.startswith(("rang_", "intervall_", "aenderung_")))
        return {**row, **none, **ranks, "grund": reason}

    return replace(
        made,
        kennzahlen=[changed(r, "gebiet") for r in made.kennzahlen],
        vergleich=[changed(r, "jc_id") for r in made.vergleich],
    )


def test_the_answer_is_one_sentence_with_the_numbers_of_the_figure(small: Country, tmp_path: Path) -> None:
    e = figure(evidence(small, tmp_path))
    assert e.answer[0] == (
        f"Von April{NBSP}2016 bis März{NBSP}2017 gab es 1\u202f000 Integrationen in sozialversicherungspflichtige "
        "Beschäftigung. Bei 743 davon war die Person zwölf Monate später wieder oder noch sozialversicherungspflichtig "
        "beschäftigt; das sind 74,3 Prozent."
    )
    assert e.formula == "743 / 1\u202f000 · 100 = 74,3 %"


def test_the_sentence_of_every_indicator_takes_its_numbers(tmp_path: Path) -> None:
    made = country(units=6, history=14)
    found = evidence(made, tmp_path)
    for key in found.figures:
        text = " ".join(explained(found, key).answer)
        assert text and "{" not in text and "None" not in text


@pytest.mark.parametrize(
    ("numerator", "denominator", "months", "value", "text"),
    [
        (26, 35, 1, "74.3", "26 / 35 · 100 = 74,28571 % ≈ 74,3 %"),
        (1, 8, 1, "12.5", "1 / 8 · 100 = 12,5 %"),
        (34, 1648, 12, "24.8", "34 / (1\u202f648 / 12) · 100 = 24,75728 % ≈ 24,8 %"),
    ],
)
def test_a_formula_shows_the_unrounded_value_where_rounding_hides_something(
    small: Country, tmp_path: Path, numerator: int, denominator: int, months: int, value: str, text: str
) -> None:
    sides = figure(evidence(small, tmp_path)).sides
    indicator = small.catalog.indicators["K2E3"]
    assert formula(indicator, sides, Decimal(value), Decimal(numerator), Decimal(denominator), months) == text


def test_neighbours_are_those_beside_the_rank_and_ties_are_told(small: Country, tmp_path: Path) -> None:
    found = evidence(small, tmp_path)
    rows = [r for r in small.vergleich if r["definition"] == "K2E3@2011" and r["geschlecht"] == "T"]
    by_rank = sorted((r["rang_anzeige_alle"], r["name"]) for r in rows if r["rang_anzeige_alle"])
    for row in rows:
        standings = [s for s in figure(found, row["jc_id"]).standings if s.group == "alle"]
        if row["rang_anzeige_alle"] is None:
            assert standings == []
            continue
        (s,) = standings
        own = row["rang_anzeige_alle"]
        assert (s.rank, s.ranked) == (own, row["anzahl_alle"])
        assert {n.name for n in s.tied} == {n for r, n in by_rank if r == own and n != row["name"]}
        better = [r for r, _ in by_rank if r < own]
        assert {n.name for n in s.above} == {n for r, n in by_rank if better and r == max(better)}
    tied = figure(found, TIED[0])
    assert [n.jc_id for n in tied.standings[0].tied] == [TIED[1]]
    assert any(sentence.startswith("Denselben Rang hat ") for sentence in tied.answer)


def test_a_withheld_figure_says_by_which_rules_and_no_number(small: Country, tmp_path: Path) -> None:
    e = figure(evidence(small, tmp_path), HIDDEN)
    text = " ".join(e.answer)
    assert "geheim zu halten" in text and "nur einem oder zwei Fällen" in text and "Nicht veröffentlicht" in text
    assert str(HIDDEN_VALUE).replace(".", ",") not in text and e.formula == "" and e.value is None
    women = figure(evidence(small, tmp_path), HIDDEN, sex="F")
    assert any("Frauen und Männer" in sentence for sentence in women.answer)


def test_a_missing_figure_names_month_and_delivery(small: Country, tmp_path: Path) -> None:
    made = with_reason(small, SAALEKREIS, "K2E3@2011", "nicht_geliefert")
    counts = [
        count(m, name, None if m == "2016-08" else 60, "nicht_geliefert" if m == "2016-08" else None)
        for m in COHORT
        for name in ("svb_nach12", "int_svb")
    ]
    lists = (("bestand", "2016-06"), ("bestand", "2016-07"), ("beschaeftigung", "2017-08"))
    inputs = {
        "lieferungen": [
            {
                "table": table,
                "ref_month": month,
                "unit": "bst" if table == "beschaeftigung" else SAALEKREIS,
                "address": f"{month}/{table}/x.csv",
                "sha256": "a" * 64,
            }
            for table, month in lists
        ],
        "zurueckgewiesen": ["2017-08/beschaeftigung/bst"],
    }
    e = figure(evidence(made, tmp_path, counts=counts, inputs=inputs))
    lacking = {(x.table, x.month, x.unit, x.rejected) for cause in e.causes for x in cause.lacking}
    assert lacking == {
        ("aufnahme", "2016-08", SAALEKREIS, False),
        ("beschaeftigung", "2017-08", "bst", True),
    }
    text = " ".join(e.answer)
    assert f"Für August{NBSP}2016 fehlt etwas: Aufnahmen August{NBSP}2016 von {SAALEKREIS} (nicht geliefert)" in text
    assert f"Beschäftigung August{NBSP}2017 von bst (zurückgewiesen)" in text


@pytest.mark.parametrize(
    ("reason", "basis", "said"),
    [
        ("gebiet_nicht_gueltig", "personen", "Saalekreis bestand da nicht"),
        ("unplausibel", "eckwerte", "widerspricht sich oder ist als unplausibel gekennzeichnet"),
        ("nicht_verfuegbar", "eckwerte", "hat die Statistik keine Zahl, nur ein Zeichen geliefert"),
        ("folgt_spaeter", "personen", "kommen die Meldungen erst mit einem späteren Lauf: "),
        ("zu_kurze_reihe", "personen", "reichen die Lieferungen nicht weit genug zurück"),
    ],
)
def test_every_reason_has_its_own_words(small: Country, tmp_path: Path, reason: str, basis: str, said: str) -> None:
    made = with_reason(small, SAALEKREIS, "K1E2@2011", reason)
    counts = [count("2017-07", "elb", None, reason, basis=basis)]
    made = replace(made, eckwerte=[r for r in made.eckwerte if r["jc_id"] != SAALEKREIS])
    if reason == "folgt_spaeter":
        made = with_reason(small, SAALEKREIS, "K2E3@2011", reason)
        counts = [count("2017-03", "svb_nach12", None, reason, basis=basis)]
        said_of = figure(evidence(made, tmp_path, counts=counts))
    else:
        said_of = figure(evidence(made, tmp_path, counts=counts), definition="K1E2@2011")
    assert said in " ".join(said_of.answer)


def test_a_zero_denominator_is_said(small: Country, tmp_path: Path) -> None:
    made = with_reason(small, SAALEKREIS, "K1E2@2011", "nenner_null")
    e = figure(evidence(made, tmp_path), definition="K1E2@2011")
    assert e.answer[0].startswith("Kein Wert: Der Nenner ist null")


def test_a_merged_jobcenter_is_a_sum_and_says_of_what(small: Country, tmp_path: Path) -> None:
    merged = Gebietsaenderung(MISSING, SAALEKREIS, date(2017, 1, 1))
    made = replace(small, catalog=replace(small.catalog, gebietsaenderungen=(merged,)))
    e = figure(evidence(made, tmp_path, counts=[count(m, "int_svb", 9) for m in COHORT]))
    assert [(p.jc_id, p.until) for p in e.parts] == [(MISSING, "2016-12")]
    name = small.catalog.jobcenters[MISSING].name
    assert any(sentence.startswith(f"Summe aus {name}: Bis Dezember{NBSP}2016") for sentence in e.answer)
    assert all(MISSING in r.units for r in e.reads if r.table == "aufnahme")


def test_estimated_months_are_flagged(small: Country, tmp_path: Path) -> None:
    counts = [count(m, "int_svb", 9, basis="imputiert" if m == "2016-09" else "personen") for m in COHORT]
    e = figure(evidence(small, tmp_path, counts=counts))
    assert e.imputed == ("2016-09",)
    assert any("Geschätzt, nicht gezählt: September" in sentence for sentence in e.answer)


def test_a_page_marks_estimated_counts_and_values_and_no_others(small: Country, tmp_path: Path) -> None:
    def estimated(row: Mapping[str, Any]) -> Mapping[str, Any]:
        own = row["gebiet"] == SAALEKREIS and row["definition"] == "K2E3@2011" and row["geschlecht"] == "T"
        return {**row, "basis": "imputiert"} if own else row

    made = replace(small, kennzahlen=[estimated(r) for r in small.kennzahlen])
    counts = [count(m, "int_svb", 9, basis="imputiert" if m == "2016-09" else "personen") for m in COHORT]
    found = evidence(made, tmp_path, counts=counts)
    view = origin_page(found, Area("jobcenter", SAALEKREIS, "Saalekreis"), lambda e: "")
    marked = {s.anchor for chapter in view["chapters"] for s in chapter.sections if s.estimated}
    assert marked == {"K2E3-T"}
    cells = {(row[0], row[1]) for table in view["counts"] if table.anchor == "z-int_svb" for row in table.rows}
    assert ("2016-09", f"9{NBSP}i") in cells and ("2016-08", "9") in cells
    assert ("i", "geschätzt") in view["marks"]


def test_corrections_and_waivers_touch_only_the_figures_they_are_about(small: Country, tmp_path: Path) -> None:
    correction = {"id": "c1", "jc_id": SAALEKREIS, "ref_month": "2016-05", "geschlecht": "T", "merkmal": "int_svb"}
    waiver = {"id": "w1", "rule": "X", "titel": "x", "units": [SAALEKREIS], "reason": "r", "expires": "2999-01-01"}
    found = evidence(small, tmp_path, inputs={"berichtigungen": [correction]}, check={"ausnahmen": [waiver]})
    assert [c["id"] for c in figure(found).corrections] == ["c1"]
    assert figure(found, sex="F").corrections == ()
    assert figure(found, definition="K1E2@2011").corrections == ()
    assert figure(found, TIED[0]).corrections == () and figure(found, TIED[0]).waivers == ()
    assert [w["id"] for w in figure(found).waivers] == ["w1"]


def test_findings_touch_what_was_read_and_nothing_else(small: Country, tmp_path: Path) -> None:
    def noted(table: str, month: str, unit: str, step: str = "stage") -> dict[str, Any]:
        return {
            "regel": "ROW-CODE",
            "titel": "Schlüssel",
            "schwere": "error",
            "schritt": step,
            "tabelle": table,
            "ref_month": month,
            "jc_id": unit,
            "anzahl": None,
        }

    rows = [
        noted("aufnahme", "2016-05", SAALEKREIS),
        noted("aufnahme", "2018-05", SAALEKREIS),
        noted("leistung", "2016-05", SAALEKREIS),
        noted("aufnahme", "2016-05", TIED[0]),
        noted("beschaeftigung", "2017-06", "bst"),
        noted("vergleich", "2018-03", SAALEKREIS, "check-results"),
    ]
    found = evidence(small, tmp_path, befunde=rows, counts=[count(m, "int_svb", 9) for m in COHORT])
    touched = {(n.table, n.month, n.unit) for n in figure(found).findings}
    assert ("aufnahme", "2016-05", SAALEKREIS) in touched
    assert touched <= {("aufnahme", "2016-05", SAALEKREIS), ("beschaeftigung", "2017-06", "bst")}


def test_switches_that_stand_elsewhere_are_told(small: Country, tmp_path: Path) -> None:
    assert figure(evidence(small, tmp_path)).assumptions == ()
    name, switch = next(
        (n, s) for n, s in small.catalog.switches.items() if s.alternatives and s.alternatives != "month"
    )
    other = next(a for a in switch.alternatives if a != switch.default)
    (told,) = figure(evidence(small, tmp_path, switches={name: other})).assumptions
    assert (told.name, told.value, told.default) == (name, str(other), str(switch.default))


def test_a_level_above_says_over_how_many_it_sums(small: Country, tmp_path: Path) -> None:
    e = explained(evidence(small, tmp_path), FigureKey("bund", "bund", "K2E3@2011", "T"))
    assert f"Summe über {len(e.members)} von {len(e.members)} Jobcentern." in e.answer
    assert any("geheim" in sentence for sentence in e.answer)


def test_lists_and_months_read_well() -> None:
    assert and_list(["a"]) == "a" and and_list(["a", "b"]) == "a und b"
    assert and_list(["a", "b", "c", "d"]) == "a, b, c und d"
    assert and_list(["a", "b", "c", "d", "e"]) == "a, b, c und 2 weitere"
    assert months_text(["2017-12", "2018-01"]) == f"Dezember{NBSP}2017 bis Januar{NBSP}2018"
    assert months_text(["2017-01", "2017-03"]) == f"Januar{NBSP}2017 und März{NBSP}2017"


def test_the_workbook_leads_to_the_explanation_if_the_pages_have_an_address(small: Country, tmp_path: Path) -> None:
    address = "https://example.org/kennzahlen"
    folder = publish_country(small.write(tmp_path), small, site_url=address).folder
    sheet = openpyxl.load_workbook(folder / "vergleich.xlsx")["K2E3"]
    links = {
        cell.hyperlink.target + "#" + (cell.hyperlink.location or "") for row in sheet for cell in row if cell.hyperlink
    }
    assert f"{address}/{MONTH}/1/site/herkunft/{SAALEKREIS}.html#K2E3-T" in links
    assert len(links) == 10
