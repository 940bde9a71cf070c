"""The site of a release: which pages there are, how they are called, and their rendering from templates.

Static German HTML without scripts inside and without any request elsewhere; the numbers come from the comparison model.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pyarrow as pa
from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound

from pipeline.catalog import Catalog
from pipeline.publish.comparison import Comparison
from pipeline.publish.datapage import data_page
from pipeline.publish.edition import Edition
from pipeline.publish.history import History
from pipeline.publish.overview import overview
from pipeline.publish.printed import pdf_name
from pipeline.publish.provenance import Evidence, Explanation
from pipeline.publish.provenance.addresses import FOLDER
from pipeline.publish.provenance.pages import origin_index, origin_page, page_path
from pipeline.publish.revisions import revisions
from pipeline.publish.tablepage import GROUPS, Drawings, page_name, page_of, table_page
from pipeline.publish.wording import (
    DIRECTIONS,
    ESTIMATED,
    ESTIMATED_SIGN,
    GOALS,
    NO_COMPARISON,
    ORDINANCE,
    RANK_RANGE,
    SEXES,
    Signs,
    german,
    hyphenated,
    megabytes,
    month_name,
)

FIRST_TABLE = "K2E3"
ASSETS = ("site.css", "table.js", "source-sans-3-latin-wght-normal.woff2", "OFL.txt")

Found = Mapping[tuple[str, str, str], Comparison]


class _PackageLoader(BaseLoader):
    """Reads templates that ship with the package, also from a zip."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:
        """Return the text of a template."""
        file = self._folder / template
        if not file.is_file():
            raise TemplateNotFound(template)
        return file.read_text(encoding="utf-8"), None, lambda: True


def main_page(found: Found) -> str:
    """Return the page people look at first, relative to the release: K2E3 in force, or the first table there is."""
    names = [page_name(c, "kommunal") for c in found.values() if c.sex == "T" and c.in_force]
    preferred = f"{FIRST_TABLE}.html"
    page = preferred if preferred in names or not names else names[0]
    return f"site/{page}" if names else "site/index.html"


def write_site(
    folder: Path,
    found: Found,
    history: History,
    changes: pa.Table,
    files: Mapping[str, Mapping[str, Any]],
    verdict: Mapping[str, Any],
    inputs: Mapping[str, Any],
    evidence: Evidence,
    side_by_side: Mapping[str, Any],
    catalog: Catalog,
    edition: Edition,
) -> None:
    """Write all pages and assets into `folder`; `side_by_side` is the view of the reconciliation."""
    (folder / "assets").mkdir(parents=True)
    assets = resources.files("pipeline.publish") / "assets"
    for name in ASSETS:
        (folder / "assets" / name).write_bytes((assets / name).read_bytes())
    environment = _environment(found, catalog, edition, files)
    _write(folder, environment, "index.html", "index.html", overview(found, changes))
    _write(folder, environment, "aenderungen.html", "aenderungen.html", revisions(changes, found, catalog, edition))
    _write(folder, environment, "daten.html", "daten.html", data_page(verdict, inputs, found, catalog))
    signs = Signs.of(catalog)
    for comparison in found.values():
        drawings = Drawings(comparison, history)
        for group in GROUPS:
            name = page_name(comparison, group)
            view = table_page(comparison, group, found, drawings, signs)
            _write(folder, environment, "tabelle.html", name, {**view, "pdf": pdf_name(comparison)})
    _write(folder, environment, "abgleich.html", "abgleich.html", side_by_side)
    _write_origins(folder, environment, evidence)


def _write_origins(folder: Path, environment: Environment, evidence: Evidence) -> None:
    """Write the pages that say where each figure comes from."""
    (folder / FOLDER).mkdir()
    _write(folder, environment, "herkunft-index.html", f"{FOLDER}/index.html", origin_index(evidence))
    for area in evidence.areas():
        view = origin_page(evidence, area, lambda e: _table_place(e, evidence))
        _write(folder, environment, "herkunft.html", page_path(area), view)


def _table_place(e: Explanation, evidence: Evidence) -> str:
    """Return the comparison table of a figure, with the row of a jobcenter that stands in it."""
    page = page_of(e.indicator.name, e.version, e.in_force, e.sex, "alle")
    rows = evidence.entries.get((e.indicator.name, e.version, e.sex), {})
    return f"{page}#{e.area.key}" if e.area.level == "jobcenter" and e.area.key in rows else page


def _environment(
    found: Found, catalog: Catalog, edition: Edition, files: Mapping[str, Mapping[str, Any]]
) -> Environment:
    environment = Environment(
        loader=_PackageLoader(resources.files("pipeline.publish") / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(german=german, month=month_name, megabytes=megabytes, hyphenated=hyphenated)
    units = {e.jc_id: e.kommunal for c in found.values() for e in c.entries}
    environment.globals.update(
        GOALS=GOALS,
        SEXES=SEXES,
        DIRECTIONS=DIRECTIONS,
        NO_COMPARISON=NO_COMPARISON,
        ESTIMATED=ESTIMATED,
        ESTIMATED_SIGN=ESTIMATED_SIGN,
        ORDINANCE=ORDINANCE,
        RANK_RANGE=RANK_RANGE,
        edition=edition,
        files=files,
        number_all=len(units),
        number_kommunal=sum(units.values()),
        chooser=_chooser(found),
        first_table=main_page(found).removeprefix("site/"),
        signs=list(Signs.of(catalog).by_reason.values()),
    )
    return environment


def _chooser(found: Found) -> list[tuple[int, list[tuple[str, str, str]]]]:
    """Return goal by goal code, title and page of each indicator in force."""
    goals: dict[int, list[tuple[str, str, str]]] = {}
    for comparison in found.values():
        if comparison.sex == "T" and comparison.in_force:
            row = (comparison.code, comparison.title, page_name(comparison, "kommunal"))
            goals.setdefault(comparison.indicator.goal, []).append(row)
    return sorted(goals.items())


def _write(folder: Path, environment: Environment, template: str, name: str, view: Mapping[str, Any]) -> None:
    text = environment.get_template(template).render(page=name, root="../" * name.count("/"), **view)
    (folder / name).write_bytes(text.encode("utf-8"))
