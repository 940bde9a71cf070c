"""What we know, as data: jobcenters, tables, base counts, indicators, code lists, rules and switches, and their one loader.

Code lists that come with the deliveries are read here too, because they take the place of the catalog's own.
"""

from pipeline.catalog.decisions import Correction, Decisions, Waiver, read_decisions
from pipeline.catalog.delivered import CodeListError, read_gebietsaenderungen, read_zaehltage
from pipeline.catalog.layouts import PATH_SEPARATOR, Header, Layout, Layouts, Sign
from pipeline.catalog.loader import Catalog, load_catalog
from pipeline.catalog.model import (
    SEXES,
    Column,
    Gebietsaenderung,
    Indicator,
    Jobcenter,
    Label,
    Merkmal,
    Rule,
    Side,
    Support,
    Switch,
    Table,
)
from pipeline.catalog.relations import event_parts, newest_deliveries, parts_and_wholes, shares
from pipeline.catalog.selection import SwitchError, parse_selection
from pipeline.catalog.strict import CatalogError
from pipeline.catalog.switched import lags_of

__all__ = [
    "PATH_SEPARATOR",
    "SEXES",
    "Catalog",
    "CatalogError",
    "CodeListError",
    "Column",
    "Correction",
    "Decisions",
    "Gebietsaenderung",
    "Header",
    "Indicator",
    "Jobcenter",
    "Label",
    "Layout",
    "Layouts",
    "Merkmal",
    "Rule",
    "Side",
    "Sign",
    "Support",
    "Switch",
    "SwitchError",
    "Table",
    "Waiver",
    "event_parts",
    "lags_of",
    "load_catalog",
    "newest_deliveries",
    "parse_selection",
    "parts_and_wholes",
    "read_decisions",
    "read_gebietsaenderungen",
    "read_zaehltage",
    "shares",
]
