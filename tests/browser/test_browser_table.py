"""The table page as a person uses it: order, filter, keyboard, link to a view, narrow screens, without scripts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.chrome import Chrome, Tab
from pipeline.publish.wording import SYNTHETIC

pytestmark = pytest.mark.slow

VISIBLE = "[...document.querySelectorAll('#vergleich tbody tr')].filter(r => r.offsetParent !== null)"
NAMES = f"{VISIBLE}.map(r => r.querySelector('th a').textContent)"
STATUS = "document.getElementById('status').textContent"
PAGES = (
    "index.html",
    "K2E3.html",
    "K2E3-alle.html",
    "K1.html",
    "K2E1.html",
    "K3E2.html",
    "daten.html",
    "aenderungen.html",
    "abgleich.html",
)


def _search(tab: Tab, words: str) -> list[str]:
    tab.run(f"(f => {{ f.value = {words!r}; f.dispatchEvent(new Event('input')); }})(document.getElementById('f-q'))")
    return list(tab.run(NAMES))


def _choose(tab: Tab, field: str, value: str) -> None:
    tab.run(
        f"(f => {{ f.value = {value!r}; f.dispatchEvent(new Event('change')); }})(document.getElementById({field!r}))"
    )


@pytest.fixture
def table(chrome: Chrome, site: str) -> Iterator[Tab]:
    tab = chrome.open(site + "K2E3.html")
    yield tab
    tab.close()


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_requested_elsewhere_and_nothing_fails(chrome: Chrome, site: str, page: str) -> None:
    tab = chrome.open(site + page)
    assert tab.requests and all(r.startswith((site, "data:")) for r in tab.requests)
    assert tab.errors == []
    assert tab.run("document.fonts.ready.then(() => document.fonts.check('17px \"Source Sans 3\"'))")
    tab.close()


def test_page_works_from_disk_too(chrome: Chrome, release: Path) -> None:
    tab = chrome.open((release / "site" / "K2E3.html").as_uri())
    assert _search(tab, "saalekreis") == ["Saalekreis"]
    assert tab.run("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
    tab.close()


def test_table_stands_in_order_of_rank_and_says_so(table: Tab) -> None:
    assert table.run(STATUS) == "104 von 104 Jobcentern · sortiert nach Rang von 102 (aufsteigend)"
    ranks = table.run(f"{VISIBLE}.map(r => parseInt(r.cells[0].textContent)).filter(n => n > 0)")
    assert ranks == sorted(ranks) and len(ranks) == 102


def test_header_sorts_by_click_enter_and_space(table: Tab) -> None:
    button = "document.querySelector('[data-k=wert] button')"
    values = (
        f"{VISIBLE}.map(r => parseFloat(r.querySelector('.v').textContent.replace(',', '.'))).filter(n => !isNaN(n))"
    )
    table.run(f"{button}.click()")
    assert table.run(STATUS).endswith("sortiert nach Wert in Prozent (absteigend)")
    assert table.run(values) == sorted(table.run(values), reverse=True)
    table.run(f"{button}.focus()")
    table.press("Enter")
    assert table.run(STATUS).endswith("sortiert nach Wert in Prozent (aufsteigend)")
    assert table.run(values) == sorted(table.run(values))
    table.press("Space")
    assert table.run(STATUS).endswith("sortiert nach Wert in Prozent (absteigend)")
    assert table.run("document.querySelectorAll('#vergleich th[aria-sort]').length") == 1
    assert table.run("document.querySelector('th[aria-sort]').dataset.k") == "wert"


def test_missing_values_stay_last_in_both_directions(table: Tab) -> None:
    for _ in range(2):
        table.run("document.querySelector('[data-k=vj] button').click()")
        assert set(table.run(NAMES)[-2:]) == {"Spree - Neiße", "Uckermark"}


def test_search_ignores_case_accents_and_spelling_of_umlauts(chrome: Chrome, site: str) -> None:
    tab = chrome.open(site + "K2E3-alle.html")
    for words in ("münchen", "munchen", "MUENCHEN", "München"):
        assert any("München" in name for name in _search(tab, words)), words
    for words in ("grossgerau", "groß-gerau", "gross-gerau"):
        found = _search(tab, words)
        assert (found == ["Groß - Gerau"]) == ("-" in words)
    tab.close()


def test_search_without_result_offers_all_jobcenters(table: Tab) -> None:
    assert _search(table, "chemnitz") == []
    link = table.run("document.querySelector('#status a').href")
    assert "K2E3-alle.html?q=chemnitz" in link
    table.go(link)
    assert table.run(NAMES) == ["Chemnitz, Stadt"]


def test_link_shows_the_same_view(chrome: Chrome, table: Tab) -> None:
    _search(table, "a")
    _choose(table, "f-land", "Sachsen-Anhalt")
    table.run("document.querySelector('[data-k=name] button').click()")
    table.run("document.querySelector('[data-k=name] button').click()")
    table.run("location.hash = '#t04412'")
    names = table.run(NAMES)
    address = table.run("location.href")
    assert "land=Sachsen-Anhalt" in address and names == sorted(names, reverse=True) and "Saalekreis" in names
    other = chrome.open(address)
    assert other.run(NAMES) == names
    assert other.run(STATUS) == table.run(STATUS)
    assert other.run("document.querySelector('tr.me').id") == "t04412"
    assert other.run("document.querySelector('#seg-alle').href").endswith(address.split("K2E3.html")[1])
    other.run("document.getElementById('reset').click()")
    assert other.run("new Promise(done => setTimeout(() => done(location.search + location.hash), 100))") == ""
    assert len(other.run(NAMES)) == 104
    other.close()


def test_table_is_complete_without_scripts(chrome: Chrome, site: str) -> None:
    tab = chrome.open(site + "K2E3-alle.html", scripts=False)
    assert tab.run(f"{VISIBLE}.length") == 407
    assert tab.run("document.querySelector('.filter').offsetParent === null")
    assert tab.run("document.querySelector('.seg').offsetParent !== null")
    tab.close()


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_wider_than_its_window(chrome: Chrome, site: str, page: str) -> None:
    tab = chrome.open(site + page)
    for width in (320, 390, 768, 1024, 1280, 1440):
        tab.resize(width)
        assert tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, width
    tab.close()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_every_printed_sheet_has_the_header_all_columns_and_the_mark(table: Tab, tmp_path: Path) -> None:
    table.printed(tmp_path / "K2E3.pdf")
    text = subprocess.run(
        ["pdftotext", "-layout", str(tmp_path / "K2E3.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    sheets = text.rstrip("\f").split("\f")
    assert 4 <= len(sheets) <= 8
    assert all(SYNTHETIC in sheet for sheet in sheets)
    for sheet in sheets[:-1]:
        for words in ("von 102", "Wert mit Streubereich", "Verlauf", "gesichert"):
            assert words in sheet
    assert "Jobcenter suchen" not in text and "herunterladen" not in text


def test_keyboard_reaches_filters_headers_and_first_row_in_order(table: Tab) -> None:
    reached = []
    for _ in range(60):
        table.press("Tab")
        reached.append(
            table.run(
                "(e => e.closest('.skip') ? 'skip' : e.closest('nav.main') ? 'nav' : e.closest('.filter') ? 'filter'"
                " : e.closest('.seg') ? 'seg' : e.closest('thead') ? 'head' : e.closest('tbody') ? 'row' : e.className)"
                "(document.activeElement)"
            )
        )
        if reached[-1] == "row":
            break
    order = [name for i, name in enumerate(reached) if name not in reached[:i]]
    assert [n for n in order if n in ("skip", "nav", "filter", "seg", "head", "row")] == [
        "skip",
        "nav",
        "filter",
        "seg",
        "head",
        "row",
    ]
    assert table.run("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_page_of_all_jobcenters_is_small_enough_for_the_browser(chrome: Chrome, site: str) -> None:
    tab = chrome.open(site + "K2E3-alle.html")
    assert tab.run("document.querySelectorAll('*').length") <= 15_000
    tab.close()
