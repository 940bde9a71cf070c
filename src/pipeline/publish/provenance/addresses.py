"""How the pages on origin are called and where on them a figure is explained: one rule for pages, workbook and terminal."""

from __future__ import annotations

FOLDER = "herkunft"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", " ": "-", "/": "-"})
_PREFIX = {"land": "land-", "vergleichstyp": "typ-"}


def area_page(level: str, key: str) -> str:
    """Return the file name of an area's page: `t04412.html`, `land-thueringen.html`, `bund.html`."""
    return f"{_PREFIX.get(level, '')}{key.lower().translate(_UMLAUTS) if level in _PREFIX else key}.html"


def anchor(code: str, version: str, in_force: bool, sex: str) -> str:
    """Return the anchor of a figure on the page of its area: `K2E3-T`, `K2E3-2019-F`."""
    return f"{code}{'' if in_force else '-' + version.removeprefix('@')}-{sex}"


def place(level: str, key: str, code: str, version: str, in_force: bool, sex: str) -> str:
    """Return page and anchor of a figure, relative to the folder `site`."""
    return f"{FOLDER}/{area_page(level, key)}#{anchor(code, version, in_force, sex)}"
