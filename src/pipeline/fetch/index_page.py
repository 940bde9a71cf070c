"""Directory index pages: reading those of any web server, and writing ours, which carry the version of every file.

Only text goes in and out; who serves and who asks is elsewhere.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

_ANCHOR = re.compile(r"<a\s([^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_TITLE = re.compile(r"<title>\s*(?:index of|directory listing)", re.IGNORECASE)
# Nearly all links of an index page: a name without anything that could lead out of the folder.
_PLAIN = re.compile(r"^[A-Za-z0-9_@~%-][A-Za-z0-9._@~%-]*/?$")


@dataclass(frozen=True, slots=True)
class Link:
    """A direct child of an index page. `version` and `size` are known only if the page tells them."""

    name: str
    is_folder: bool
    version: str = ""
    size: int | None = None


def children(page: str, url: str) -> list[Link]:
    """Return the direct children that an index page at `url` links to; links elsewhere, up or to sort orders are no children."""
    base = urlsplit(url)
    folder = base.path.rsplit("/", 1)[0] + "/"
    found: dict[str, Link] = {}
    for anchor in _ANCHOR.finditer(page):
        attributes = {
            m[1].lower(): html.unescape(next(g for g in m.group(2, 3, 4) if g is not None))
            for m in _ATTRIBUTE.finditer(anchor[1])
        }
        href = attributes.get("href", "")
        if not href or href.startswith(("#", "?")):
            continue
        rest = href if _PLAIN.match(href) else _beyond(href, url, base, folder)
        rest = unquote(rest)
        name = rest.rstrip("/")
        if not name or "/" in name or name in (".", ".."):
            continue
        size = attributes.get("data-size", "")
        found[name] = Link(
            name, rest.endswith("/"), attributes.get("data-version", ""), int(size) if size.isdigit() else None
        )
    return list(found.values())


def calls_itself_index(page: str) -> bool:
    """Tell whether a page says that it is a directory index, so that no links mean an empty folder."""
    return _TITLE.search(page) is not None


def _beyond(href: str, url: str, base: SplitResult, folder: str) -> str:
    """Return what a link adds to the folder of the page, empty if it leads elsewhere."""
    try:
        target = urlsplit(urljoin(url, href))
    except ValueError:
        return ""
    return _below(target.path, folder) if (target.scheme, target.netloc) == (base.scheme, base.netloc) else ""


def _below(path: str, folder: str) -> str:
    """Return what stands after the folder, compared unquoted: servers differ in what they quote."""
    if path.startswith(folder):
        return path[len(folder) :]
    plain, folder = unquote(path), unquote(folder)
    return quote(plain[len(folder) :]) if plain.startswith(folder) else ""


def index_page(title: str, links: Iterable[Link]) -> str:
    """Return an index page that people can read and that tells a fetch what has not changed."""
    rows = "\n".join(
        f'<li><a href="{html.escape(quote(link.name))}{"/" if link.is_folder else ""}"'
        + (f' data-version="{html.escape(link.version)}" data-size="{link.size}"' if link.version else "")
        + f">{html.escape(link.name)}{'/' if link.is_folder else ''}</a></li>"
        for link in links
    )
    name = html.escape(f"Index of {title}")
    return (
        f'<!DOCTYPE html>\n<html lang="de"><head><meta charset="utf-8"><title>{name}</title></head>\n'
        f"<body><h1>{name}</h1>\n<ul>\n{rows}\n</ul></body></html>\n"
    )
