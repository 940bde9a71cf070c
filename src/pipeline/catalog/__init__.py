"""What we know, as data: jobcenters, tables, base counts, indicators, code lists, rules and switches, and their one loader."""

from pipeline.catalog.loader import Catalog, CatalogError, load_catalog
from pipeline.catalog.model import (
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

__all__ = [
    "Catalog",
    "CatalogError",
    "Column",
    "Gebietsaenderung",
    "Indicator",
    "Jobcenter",
    "Label",
    "Merkmal",
    "Rule",
    "Side",
    "Support",
    "Switch",
    "Table",
    "load_catalog",
]
