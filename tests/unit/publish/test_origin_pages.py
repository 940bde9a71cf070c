"""Every figure of the tables leads to the place that explains it, and what stands there is what the tables say."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from unit.publish.conftest import World
from unit.publish.country import HIDDEN, HIDDEN_VALUE, MISSING, SAALEKREIS
from unit.publish.pagereader import number

SECTION = re.compile(r'<div id="(K[^"]+)" class="figure">\s*<h3>(.*?)</h3>', re.DOTALL)
HREF = re.compile(r'href="([^"]+)"')


@pytest.fixture(scope="module")
def pages(world: World) -> dict[str, str]:
    """Return the text of every page by its path below `site`."""
    site = world.folder / "site"
    return {p.relative_to(site).as_posix(): p.read_text(encoding="utf-8") for p in sorted(site.rglob("*.html"))}


def ids(page: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', page))


def sections(page: str) -> dict[str, str]:
    """Return the heading of every figure of a page on origin, by its anchor."""
    return {anchor: unescape(re.sub(r"<[^>]+>", "", heading)) for anchor, heading in SECTION.findall(page)}


def slug(row: dict[str, Any]) -> str:
    if row["ebene"] != "land":
        return f"{row['gebiet']}.html"
    plain = row["gebiet"].lower()
    for letter, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        plain = plain.replace(letter, letters)
    return f"land-{plain}.html"


def test_every_figure_of_every_table_leads_to_its_explanation(world: World, pages: dict[str, str]) -> None:
    found = 0
    vergleich = pq.read_table(world.folder / "vergleich.parquet").to_pylist()
    for row in vergleich:
        code, year = row["kennzahl"], row["definition"][-4:]
        stem = code if row["in_kraft"] else f"{code}-{year}"
        suffix = {"T": "", "F": "-frauen", "M": "-maenner"}[row["geschlecht"]]
        page = pages[f"{stem}-alle{suffix}.html"]
        shown = re.search(rf'<tr id="{row["jc_id"]}".*?<td class="v"><a href="([^"]+)">', page, re.DOTALL)
        assert shown is not None
        target, anchor = shown[1].split("#")
        assert target == f"herkunft/{row['jc_id']}.html"
        assert anchor == f"{stem}-{row['geschlecht']}"
        assert anchor in ids(pages[target])
        found += 1
    assert found == len(vergleich) > 1000


def test_every_value_on_a_page_of_origin_is_that_of_the_table(world: World, pages: dict[str, str]) -> None:
    rows = pq.read_table(world.folder / "kennzahlen.parquet").to_pylist()
    signs = {r["grund"]: r["zeichen"] for r in world.country.catalog.codelists["gruende"].values()}
    headings = {name: sections(page) for name, page in pages.items() if name.startswith("herkunft/")}
    for row in rows:
        year = "" if row["in_kraft"] else f"-{row['definition'][-4:]}"
        heading = headings[f"herkunft/{slug(row)}"].pop(f"{row['kennzahl']}{year}-{row['geschlecht']}")
        if row["wert_anzeige"] is None:
            assert signs[row["grund"]] in heading and number(heading) == ""
        else:
            assert number(heading) == str(row["wert_anzeige"])
    assert not any(headings.values()), "a page explains a figure that no table has"


def test_every_link_of_every_page_leads_somewhere(world: World, pages: dict[str, str]) -> None:
    site = world.folder / "site"
    anchors = {name: ids(page) for name, page in pages.items()}
    checked = 0
    for name, page in pages.items():
        for link in set(HREF.findall(page)):
            if link == "data:,":
                continue
            path, _, anchor = unescape(link).partition("#")
            target = (site / name).parent / path if path else site / name
            assert target.resolve().is_file(), f"{name}: {link}"
            inside = target.resolve().relative_to(world.folder.resolve()).as_posix().removeprefix("site/")
            assert not anchor or anchor in anchors[inside], f"{name}: {link}"
            checked += 1
    assert checked > 3000


def test_a_page_of_origin_leads_back_to_the_row_of_the_table(pages: dict[str, str]) -> None:
    page = pages[f"herkunft/{SAALEKREIS}.html"]
    assert f'<a href="../K2E3-alle.html#{SAALEKREIS}">74,3\u00a0%</a>' in page
    assert f'<a href="../K2E3-2019-alle-frauen.html#{SAALEKREIS}">' in page


def test_a_withheld_value_is_nowhere_on_the_pages_of_origin(pages: dict[str, str]) -> None:
    german = str(HIDDEN_VALUE).replace(".", ",")
    page = pages[f"herkunft/{HIDDEN}.html"]
    start = page.index('id="K2E3-T"')
    own = page[start : page.index("</section>", start)]
    assert german not in own and "Der Wert ist geheim zu halten." in own
    for name in ("herkunft/bund.html", "herkunft/kommunal.html"):
        assert HIDDEN not in re.sub(r'<ul class="areas">.*?</ul>', "", pages[name], flags=re.DOTALL)


def test_a_missing_value_says_why(pages: dict[str, str]) -> None:
    page = pages[f"herkunft/{MISSING}.html"]
    start = page.index('id="K2-T"')
    own = page[start : page.index("</section>", start)]
    assert "Kein Wert: Lieferung fehlt oder wurde zurückgewiesen." in own


def test_pages_of_origin_are_light_and_need_nothing_from_elsewhere(world: World) -> None:
    for path in sorted((world.folder / "site" / "herkunft").glob("*.html")):
        text = path.read_text(encoding="utf-8")
        assert path.stat().st_size < 150_000
        assert "<script" not in text and "http:" not in text and "https:" not in text
        assert 'style="' not in text
        assert "SYNTHETISCHE DATEN" in text


def test_every_area_stands_in_the_index_of_origin(world: World, pages: dict[str, str]) -> None:
    listed = set(HREF.findall(pages["herkunft/index.html"]))
    made = {p.name for p in (world.folder / "site" / "herkunft").glob("*.html")} - {"index.html"}
    assert made and made <= listed


def test_pages_are_the_same_for_the_same_input(world: World, tmp_path: Path) -> None:
    from unit.publish.country import publish_country

    again = publish_country(world.country.write(tmp_path), world.country).folder
    for path in sorted((world.folder / "site" / "herkunft").glob("*.html")):
        assert path.read_bytes() == (again / "site" / "herkunft" / path.name).read_bytes()
