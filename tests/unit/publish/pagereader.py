"""Reads a published page as a person does: the cells of its table, and its visible text without code."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "input", "img", "path", "circle", "use"}


@dataclass
class Cell:
    text: str = ""
    hidden: str = ""
    css: str = ""


@dataclass
class Page(HTMLParser):
    """`rows` by id: cells of each table row; `text`: everything visible outside code and drawings."""

    source: str
    rows: dict[str, list[Cell]] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    text: str = ""
    title: str = ""
    h1: int = 0

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._stack: list[tuple[str, str]] = []
        self._cells: list[Cell] | None = None
        self._head = False
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        if tag not in VOID:
            self._stack.append((tag, given.get("class", "")))
        if tag == "tr":
            self._cells = self.rows.setdefault(given["id"], []) if "id" in given else None
        elif tag in ("td", "th"):
            if self._cells is not None:
                self._cells.append(Cell(css=given.get("class", "")))
            elif given.get("scope") == "col":
                self.heads.append("")
                self._head = True
        elif tag == "h1":
            self.h1 += 1
        elif tag == "br":
            self.text += " "
            if self._head:
                self.heads[-1] += " "

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop()[0] != tag:
            pass
        if tag == "th":
            self._head = False
        if tag == "tr":
            self._cells = None
        if tag in ("td", "th", "p", "li", "dd", "dt", "h1", "h2", "caption", "a", "button"):
            self.text += " "

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self._stack}
        if "title" in tags:
            self.title += data
        if not tags & {"code", "script", "style", "title"}:
            self.text += data
        if self._head and "svg" not in tags:
            self.heads[-1] += data
        if self._cells:
            if any(css == "vh" for _, css in self._stack):
                self._cells[-1].hidden += data
            else:
                self._cells[-1].text += data


def number(text: str) -> str:
    """Return a German number as a machine writes it."""
    found = re.search(r"[−+±]?\d+(?:,\d+)?", text)
    return "" if found is None else found[0].replace("−", "-").replace("+", "").replace("±", "").replace(",", ".")
