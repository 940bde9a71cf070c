"""The pages show exactly what the Parquet file says, in German, and nothing that is withheld."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from unit.publish.conftest import World
from unit.publish.country import HIDDEN, HIDDEN_VALUE, MISSING, SAALEKREIS, TIED, country, publish_country
from unit.publish.pagereader import Cell, Page, number

SEXES = {"T": "", "F": "-frauen", "M": "-maenner"}


def _page(folder: Path, name: str) -> Page:
    return Page((folder / "site" / name).read_text())


def _tables(folder: Path) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return page name, set and Parquet rows of every table page."""
    groups: dict[tuple[str, str, bool, str], list[dict[str, Any]]] = {}
    for row in pq.read_table(folder / "vergleich.parquet").to_pylist():
        groups.setdefault((row["kennzahl"], row["definition"], row["in_kraft"], row["geschlecht"]), []).append(row)
    found = []
    for (code, definition, in_force, sex), rows in groups.items():
        stem = code if in_force else f"{code}-{definition[-4:]}"
        found.append((f"{stem}{SEXES[sex]}.html", "kommunal", [r for r in rows if r["traeger"] == "zkT"]))
        found.append((f"{stem}-alle{SEXES[sex]}.html", "alle", rows))
    return found


def _cell(cells: list[Cell], css: str) -> Cell | None:
    return next((c for c in cells if css in c.css.split()), None)


def test_every_cell_of_every_table_is_the_value_of_parquet(world: World) -> None:
    seen = 0
    for name, group, rows in _tables(world.folder):
        page = _page(world.folder, name)
        assert page.rows.keys() == {r["jc_id"] for r in rows}
        for row in rows:
            cells = page.rows[row["jc_id"]]
            value, rank, spread = (_cell(cells, css) for css in ("v", "r", "iv"))
            assert value is not None
            if row["wert_anzeige"] is None:
                assert value.text in ("*", "x", ".", "...") and value.hidden
            else:
                assert number(value.text) == str(row["wert_anzeige"])
                seen += 1
            expected = row[f"rang_anzeige_{group}"]
            assert (number(rank.text) if rank else "") == ("" if expected is None else str(expected))
            if rank is not None and expected is not None:
                shared = sum(1 for r in rows if r[f"rang_anzeige_{group}"] == expected) > 1
                assert rank.text.endswith("=") == shared
                assert spread is not None and spread.text == f"{row['rang_von_alle']}–{row['rang_bis_alle']}"
            year, shown = row["aenderung_vorjahr"], _cell(cells, "y")
            if all(r["aenderung_vorjahr"] is None for r in rows):
                assert shown is None
            elif year is None:
                assert shown is not None and shown.text == ("" if row["wert_anzeige"] is None else "·")
            else:
                assert shown is not None and number(shown.text) == str(year)
    assert seen > 1000


def test_rows_stand_in_order_of_rank_and_missing_ones_last(world: World) -> None:
    page = _page(world.folder, "K2E3.html")
    ranks = [number(_cell(cells, "r").text) for cells in page.rows.values()]  # type: ignore[union-attr]
    known = [int(r) for r in ranks if r]
    assert known == sorted(known) and ranks[-2:] == ["", ""]
    assert list(page.rows)[-2:] == [HIDDEN, MISSING]
    assert [page.rows[unit][0].text[-1] for unit in TIED] == ["=", "="]


def test_headers_count_the_ranked_jobcenters_of_the_data(world: World) -> None:
    page = _page(world.folder, "K2E3.html")
    assert page.heads[0] == "Rang von 10" and "Rang von 22" in page.heads
    assert "12 kommunale" in page.text and "alle 24" in page.text


@pytest.mark.parametrize(("month", "all_units", "kommunal"), [("2018-11", 407, 104), ("2026-01", 404, 104)])
def test_numbers_of_jobcenters_come_from_the_month(tmp_path: Path, month: str, all_units: int, kommunal: int) -> None:
    made = country(month=month, units=None, history=2, indicators=("K2E3",))
    folder = publish_country(made.write(tmp_path), made).folder
    text = _page(folder, "K2E3.html").text
    assert f"{kommunal} kommunale" in text and f"alle {all_units}" in text
    other = 404 if all_units == 407 else 407
    assert f"alle {other}" not in text and f"aller {other}" not in text
    overview = _page(folder, "index.html").text
    assert f"{kommunal} kommunale Jobcenter im Vergleich" in overview and f"alle {all_units} Jobcenter" in overview


def test_withheld_value_is_nowhere(world: World) -> None:
    german = str(HIDDEN_VALUE).replace(".", ",")
    for name in ("K2E3.html", "K2E3-alle.html", "K2E3-2019.html", "K2E3-frauen.html"):
        source = (world.folder / "site" / name).read_text()
        row = re.search(rf'<tr id="{HIDDEN}".*?</tr>', source, re.DOTALL)
        assert row is not None
        assert german not in row[0] and str(HIDDEN_VALUE) not in row[0]
        assert '<use href="#n"' not in row[0] and "<circle" not in row[0]
        assert "geheim zu halten" in row[0]
        assert (
            re.search(
                r"\d",
                re.sub(
                    rf"{HIDDEN}|<path d=\"[^\"]*\"|[\w-]+=\"[^\"]*\"|<span class=\"vh\">[A-Z]\w+\xa0\d+: [\d,]+",
                    "",
                    row[0],
                ),
            )
            is None
        )
    for path in (world.folder / "site").glob("K2E3*.html"):
        dots = re.findall(r'<path class="z"[^>]*d="([^"]*)"', path.read_text())
        kommunal = sum(1 for e in _kommunal_with_value(world, path.name))
        assert dots and dots[0].count("h0") == kommunal


def _kommunal_with_value(world: World, name: str) -> list[dict[str, Any]]:
    rows = next(rows for page, _, rows in _tables(world.folder) if page == name)
    return [r for r in rows if r["traeger"] == "zkT" and r["wert_anzeige"] is not None]


def test_unweighted_indicators_have_no_rank_no_colour_no_arrow(world: World) -> None:
    for name in ("K2E1.html", "K2E2-alle.html"):
        source = (world.folder / "site" / name).read_text()
        page = Page(source)
        assert not any("Rang" in head for head in page.heads)
        body = source[source.index("<tbody>") :]
        assert 'href="#g"' not in body and 'href="#b"' not in body and 'class="a"' not in body
        names = [next(c.text for c in cells if "vh" not in c.css) for cells in page.rows.values()]
        assert names == sorted(names, key=lambda n: n.casefold().translate(str.maketrans("äöü", "aou")))


def test_colour_agrees_with_interval_and_median(world: World) -> None:
    for name, group, rows in _tables(world.folder):
        page = _page(world.folder, name)
        for row in rows:
            plot = _cell(page.rows[row["jc_id"]], "p")
            assert plot is not None
            median, better = row[f"median_{group}"], world.country.catalog.indicators[row["kennzahl"]].better
            if row["intervall_unten"] is None or median is None or better == "none":
                assert not {"g", "b"} & set(plot.css.split())
                continue
            above, below = row["intervall_unten"] > median, row["intervall_oben"] < median
            good, bad = (above, below) if better == "higher" else (below, above)
            assert ("g" in plot.css.split(), "b" in plot.css.split()) == (good, bad)


def test_pages_are_german_and_without_machine_words(world: World) -> None:
    titles = set()
    for path in sorted((world.folder / "site").glob("*.html")):
        source = path.read_text()
        page = Page(source)
        text = re.sub(r"\s+", " ", page.text)
        assert not re.findall(r"\S*\d\.\d\S*", text), path.name
        assert not re.findall(r"\S*-\d\S*", text), path.name
        assert not re.findall(r"\b(?:None|NaN|nan|(?<!ist )null|undefined)\b", text), path.name
        assert source.startswith('<!doctype html>\n<html lang="de">') and page.h1 == 1
        titles.add(page.title)
        assert "<script>" not in source and not re.findall(r"\son\w+=", source) and 'style="' not in source
        assert not re.findall(r'(?:src|href)="https?:', source)
        assert re.search(r'http-equiv="Content-Security-Policy" content="default-src \'none\'', source)
    assert len(titles) == len(list((world.folder / "site").glob("*.html")))


def test_every_link_leads_somewhere(world: World) -> None:
    site = world.folder / "site"
    pages = {p.relative_to(site).as_posix(): p for p in site.rglob("*.html")}
    anchors = {name: set(re.findall(r'\bid="([^"]+)"', p.read_text())) for name, p in pages.items()}
    for path in site.glob("*.html"):
        for target in set(re.findall(r'href="([^"]+)"', path.read_text())):
            file, _, anchor = target.partition("#")
            if target.startswith("data:") or file == "../manifest.json":
                continue
            assert not file or (site / file).resolve().is_file(), (path.name, target)
            if anchor and (not file or file.endswith(".html")):
                assert anchor in anchors[file or path.name], (path.name, target)


def test_footer_says_where_the_numbers_come_from(world: World) -> None:
    for name in ("index.html", "K2E3.html", "daten.html"):
        source = (world.folder / "site" / name).read_text()
        footer = source[source.index("<footer") :]
        for words in ("Quelle", "eigene Berechnungen", "2018-07.1", "sha256:", "120 von 120 Prüfungen bestanden"):
            assert words in footer


def test_the_other_version_is_linked_and_marked(world: World) -> None:
    source = (world.folder / "site" / "K2E3.html").read_text()
    assert 'href="K2E3-2019.html"' in source
    other = _page(world.folder, "K2E3-2019.html")
    assert "nicht in Kraft" in other.text and "Kontinuierliche Beschäftigung nach Integration" in other.text


def test_page_of_all_jobcenters_is_light(tmp_path: Path) -> None:
    made = country(units=None, indicators=("K2E3",))
    folder = publish_country(made.write(tmp_path), made).folder / "site"
    assert len(gzip.compress((folder / "K2E3-alle.html").read_bytes())) <= 120_000
    assert len(gzip.compress((folder / "K2E3.html").read_bytes())) <= 60_000
    assert Page((folder / "K2E3.html").read_text()).rows[SAALEKREIS][3].text == "74,3"


def test_page_says_what_it_shows_by_which_law_and_for_which_month(world: World) -> None:
    text = re.sub(r"\s+", " ", _page(world.folder, "K2E3.html").text)
    assert "§ 5 Abs. 2 Nr. 3 der Verordnung" in text
    assert "Bezugsmonat: März 2018 (Lauf Juli 2018)" in text
    assert "Ein höherer Wert ist besser." in text and "Spanne der Ränge, die der Zufall offen lässt" in text
    for name in ("K1E3.html", "K2.html", "K2E4.html"):
        assert "erwerbsfähige Leistungsberechtigte (ELB)" in _page(world.folder, name).text


def test_median_says_of_how_many_it_is(world: World) -> None:
    some = re.sub(r"\s+", " ", _page(world.folder, "K2E3.html").text)
    assert "Median der 10 kommunalen mit Wert: " in some and "· der 22 Jobcenter mit Wert: " in some
    every = re.sub(r"\s+", " ", _page(world.folder, "K1.html").text)
    assert "Median der 12 kommunalen: " in every and "· aller 24: " in every


def test_column_without_any_comparison_is_left_out_and_said(tmp_path: Path) -> None:
    made = country(units=12, history=3, indicators=("K2E3",))
    page = _page(publish_country(made.write(tmp_path), made).folder, "K2E3.html")
    assert not any("jahr" in head for head in page.heads)
    assert "Ein Vergleich mit dem Vorjahr ist noch nicht möglich" in page.text


def test_broken_rules_are_published_with_the_numbers(tmp_path: Path) -> None:
    made = country(units=12, history=3, indicators=("K2E3",))
    rule = {"rule": "X", "severity": "warning", "titel": "Aufnahmen: viele doppelte Zeilen", "units": [SAALEKREIS]}
    verdict = {"regeln": 10, "bestanden": 9, "broken": [rule]}
    folder = publish_country(made.write(tmp_path), made, verdict=verdict).folder
    page = re.sub(r"\s+", " ", _page(folder, "daten.html").text)
    assert "9 von 10 Prüfungen bestanden" in page
    assert "Aufnahmen: viele doppelte Zeilen" in page and "Warnung" in page and "Saalekreis" in page
    for name in ("index.html", "K2E3.html"):
        assert 'href="daten.html#pruefungen"' in (folder / "site" / name).read_text()


def test_every_column_of_every_table_is_explained(world: World) -> None:
    page = _page(world.folder, "daten.html")
    source = (world.folder / "site" / "daten.html").read_text()
    for name in ("vergleich", "kennzahlen", "eckwerte", "aenderungen"):
        for column in world.country.catalog.results[name].columns:
            assert f"<code>{column.name}</code>" in source and column.label.de in page.text
