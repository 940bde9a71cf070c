"""The description of a release for machines: a Data Package (version 2) with schema, units and digest of every file.

Built from the catalog's declarations alone; the data dictionary can therefore not drift from the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.catalog import Catalog, Column, Table
from pipeline.publish.csvfiles import KIND_COLUMN
from pipeline.publish.edition import TITLE, Edition

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
RESOURCE_PROFILE = "https://datapackage.org/profiles/2.0/dataresource.json"
SCHEMA_PROFILE = "https://datapackage.org/profiles/2.0/tableschema.json"
# No open licence: the name the Open Definition gives such terms; the terms themselves are the title.
LICENCE_NAME = "other-closed"
FIELD_TYPES = {
    "month": "yearmonth",
    "bool": "boolean",
    "number": "number",
    "percent1": "number",
    "integer": "integer",
    "texts": "list",
}
FORMATS = {
    ".parquet": ("parquet", "application/vnd.apache.parquet"),
    ".csv": ("csv", "text/csv"),
    ".csv.gz": ("csv", "text/csv"),
    ".xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ".pdf": ("pdf", "application/pdf"),
}


def data_package(files: Mapping[str, Mapping[str, Any]], catalog: Catalog, edition: Edition) -> dict[str, Any]:
    """Return the descriptor; `files` are path, bytes and sha-256 of the release's data files (not the site)."""
    keywords = ["§ 48a SGB II", "Jobcenter", "Kennzahlen", "Vergleich"]
    resources = [_resource(path, facts, catalog, edition) for path, facts in sorted(files.items()) if _suffix(path)]
    package: dict[str, Any] = {
        "$schema": PROFILE,
        "name": f"kennzahlen-48a-{edition.month}",
        "title": f"{TITLE}, {edition.month}",
        "description": " ".join(
            t for t in (edition.banner and f"{edition.banner}.", edition.source + ".", edition.licence) if t
        ),
        "version": f"{edition.month}.{edition.number}",
        "keywords": [*keywords, "synthetisch"] if edition.synthetic else keywords,
        "sources": [{"title": edition.source}],
        "licenses": [{"name": LICENCE_NAME, "title": edition.licence}],
        "resources": resources,
    }
    if edition.address:
        package["homepage"] = f"{edition.address}site/index.html"
    return package


def _suffix(path: str) -> str:
    return next((suffix for suffix in FORMATS if path.endswith(suffix)), "")


def _resource(path: str, facts: Mapping[str, Any], catalog: Catalog, edition: Edition) -> dict[str, Any]:
    suffix = _suffix(path)
    kind, mediatype = FORMATS[suffix]
    stem = path.rsplit("/", 1)[-1].removesuffix(suffix)
    name = f"{stem}-{kind}".lower()
    resource: dict[str, Any] = {
        "$schema": RESOURCE_PROFILE,
        "name": name,
        "path": path,
        "format": kind,
        "mediatype": mediatype,
        "bytes": facts["bytes"],
        "hash": f"sha256:{facts['sha256']}",
    }
    table = catalog.results.get(stem)
    if table is not None and kind in ("parquet", "csv"):
        resource["type"] = "table"
        resource["title"] = table.description.de
        resource["schema"] = _schema(table, catalog, with_kind=kind == "csv")
    if kind == "csv":
        resource["encoding"] = "utf-8"
        if suffix.endswith(".gz"):
            resource["compression"] = "gz"
        if path.endswith("-excel.csv"):
            resource["title"] = "Vergleich zum Öffnen in deutschem Excel"
            resource["dialect"] = {"delimiter": ";", "lineTerminator": "\r\n"}
        else:
            resource["dialect"] = {"delimiter": ",", "lineTerminator": "\n"}
    return resource


def _schema(table: Table, catalog: Catalog, *, with_kind: bool) -> dict[str, Any]:
    fields = [_field(column, catalog) for column in table.columns]
    if with_kind:
        fields.append(
            {
                "name": KIND_COLUMN,
                "type": "string",
                "title": "Datenart",
                "description": "synthetisch: alle Zahlen sind erfunden",
                "constraints": {"required": True, "enum": ["amtlich", "synthetisch"]},
            }
        )
    return {"$schema": SCHEMA_PROFILE, "fields": fields, "primaryKey": list(table.key), "missingValues": [""]}


def _field(column: Column, catalog: Catalog) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": FIELD_TYPES.get(column.type, "number" if column.type == "float" else "string"),
        "title": column.label.de,
        "titleEn": column.label.en,
    }
    if column.description:
        field["description"] = column.description
    if column.unit:
        field["unit"] = column.unit
    constraints: dict[str, Any] = {}
    if column.required:
        constraints["required"] = True
    if allowed := column.values or tuple(catalog.codelists.get(column.codelist, ())):
        constraints["enum"] = list(allowed)
    if constraints:
        field["constraints"] = constraints
    return field
