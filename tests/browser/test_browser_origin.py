"""From a figure of the table to its explanation and back, with mouse, keyboard, phone and without scripts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from browser.chrome import Chrome, Tab

pytestmark = pytest.mark.slow

VALUE = "document.querySelector('#t04412 td.v a')"
TARGET = "document.querySelector(':target')"


def _arrive(tab: Tab, path: str) -> None:
    """Wait until the tab shows the page."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if path in tab.run("location.pathname + location.hash") and tab.run("document.readyState") == "complete":
                return
        except RuntimeError as error:  # asked while the page changes, the browser has no answer
            if "navigated" not in str(error):
                raise
        time.sleep(0.05)
    raise AssertionError(f"{path} never came, there is {tab.run('location.href')}")


def _seen(tab: Tab) -> bool:
    """Tell whether the target of the address is inside the window."""
    return bool(tab.run(f"(b => b.top >= 0 && b.top < innerHeight)({TARGET}.getBoundingClientRect())"))


def test_a_click_on_a_value_shows_its_explanation_and_a_click_there_leads_back(chrome: Chrome, site: str) -> None:
    tab = chrome.open(site + "K2E3.html")
    shown = tab.run(f"{VALUE}.textContent")
    tab.run(f"{VALUE}.click()")
    _arrive(tab, "herkunft/t04412.html#K2E3-T")
    assert shown == "74,3" and shown in tab.run(f"{TARGET}.querySelector('h3').textContent")
    assert _seen(tab)
    assert tab.run(f"getComputedStyle({TARGET}).backgroundColor") == "rgb(255, 247, 214)"
    tab.run(f"{TARGET}.querySelector('h3 a').click()")
    _arrive(tab, "K2E3-alle.html#t04412")
    assert _seen(tab) and tab.errors == []
    tab.close()


def test_the_keyboard_opens_an_explanation(chrome: Chrome, site: str) -> None:
    tab = chrome.open(site + "K2E3.html")
    tab.run(f"{VALUE}.focus()")
    tab.press("Enter")
    _arrive(tab, "herkunft/t04412.html#K2E3-T")
    tab.close()


def test_a_missing_value_leads_to_its_reason_without_scripts(chrome: Chrome, site: str) -> None:
    tab = chrome.open(site + "K2E3.html", scripts=False)
    link = tab.run("document.querySelector('#t03604 td.v a').href")
    tab.go(link)
    assert "Kein Wert: Lieferung fehlt oder wurde zurückgewiesen." in tab.run(f"{TARGET}.textContent")
    tab.close()


@pytest.mark.parametrize("page", ["t04412.html", "bund.html", "land-sachsen-anhalt.html", "index.html"])
def test_pages_of_origin_request_nothing_elsewhere_and_fit_a_phone(chrome: Chrome, site: str, page: str) -> None:
    tab = chrome.open(f"{site}herkunft/{page}", width=360)
    assert tab.requests and all(r.startswith((site, "data:")) for r in tab.requests) and tab.errors == []
    assert tab.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert tab.run("document.querySelectorAll('h1').length") == 1
    tab.close()


def test_an_explanation_works_from_disk(chrome: Chrome, release: Path) -> None:
    tab = chrome.open((release / "site" / "herkunft" / "t04412.html").as_uri() + "#K2E3-T")
    assert tab.run("getComputedStyle(document.querySelector('.card')).backgroundColor") == "rgb(255, 255, 255)"
    assert _seen(tab)
    tab.close()


def test_the_navigation_says_where_one_is(chrome: Chrome, site: str) -> None:
    tab = chrome.open(site + "herkunft/t04412.html")
    assert tab.run("document.querySelector('nav.main a[aria-current]').textContent") == "Herkunft"
    assert tab.run(
        "[...document.querySelectorAll('nav.main a')].map(a => new URL(a.href).pathname.includes('herkunft'))"
    ) == [
        False,
        False,
        False,
        False,
        True,
        False,
    ]
    tab.close()
