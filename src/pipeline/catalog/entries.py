"""What each entry of the catalog's files means: a row or a node in, a declared thing out.

A value that cannot be is a ValueError or CatalogError; the readers of `strict` add where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, cast

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
from pipeline.catalog.strict import CatalogError, Node, one_of
from pipeline.months import Zaehltage

COLUMN_TYPES = frozenset(
    [
        "person",
        "household",
        "text",
        "texts",
        "jobcenter",
        "code3",
        "date",
        "bool",
        "euro",
        "number",
        "integer",
        "float",
        "percent1",
        "month",
    ]
)
_AGS5 = re.compile(r"[0-9]{5}(;[0-9]{5})*")


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def vergleichstyp(row: dict[str, str]) -> tuple[str, str, date | None, date | None]:
    """Read a line of `vergleichstypen.csv`: jobcenter, type, first and last day."""
    return (row["jc_id"], row["vergleichstyp"], _day(row["gueltig_ab"]), _day(row["gueltig_bis"]))


def stichtag(row: dict[str, str]) -> date:
    """Read a counting day of `zaehltage.csv`; it lies in its month."""
    return Zaehltage({row["ref_month"]: date.fromisoformat(row["stichtag"])}).stichtag(row["ref_month"])


def gebietsaenderung(row: dict[str, str], jobcenters: Mapping[str, Jobcenter]) -> Gebietsaenderung:
    """Read a change of `gebietsaenderungen.csv`."""
    for unit in (row["alt"], row["neu"]):
        if unit not in jobcenters:
            raise ValueError(f"{unit} is not in jobcenters.csv")
    return Gebietsaenderung(row["alt"], row["neu"], date.fromisoformat(row["ab"]))


def _label(raw: Mapping[str, str]) -> Label:
    return Label(raw["de"], raw.get("en", ""))


def jobcenter(row: dict[str, str]) -> Jobcenter:
    """Read a unit of `jobcenters.csv`."""
    if row["traeger"] not in ("gE", "zkT"):
        raise ValueError(f"traeger is {row['traeger']!r}, allowed are gE and zkT")
    if not _AGS5.fullmatch(row["ags5"]):
        raise ValueError(f"ags5 is {row['ags5']!r}, it must be keys of five digits (leading zero lost?)")
    return Jobcenter(
        row["jc_id"],
        row["name"],
        row["land"],
        cast(Any, row["traeger"]),
        tuple(row["ags5"].split(";")),
        date.fromisoformat(row["valid_from"]),
        _day(row["valid_to"]),
        row["note"],
    )


def support(row: dict[str, str]) -> Support:
    """Read a kind of support of `foerderung.csv`."""
    return Support(
        row["code"],
        _day(row["gueltig_ab"]),
        _day(row["gueltig_bis"]),
        (_flag(row["begleitend_bis_2018"]), _flag(row["begleitend_ab_2019"])),
        (_flag(row["oegb_bis_2018"]), _flag(row["oegb_ab_2019"])),
        (_flag(row["aktiv_bis_2018"]), _flag(row["aktiv_ab_2019"])),
        Label(row["bezeichnung_de"], row["label_en"]),
        row["source"],
    )


def table(raw: Node, codelists: Mapping[str, Any]) -> Table:
    """Read a table of `tables/*.yml`; it may name the code lists."""
    columns = []
    for c in raw["columns"]:
        if c["type"] not in COLUMN_TYPES:
            raise CatalogError(f"{c.place}: column {c['name']} has the unknown type {c['type']!r}")
        if c.get("codelist", "") not in ("", *codelists):
            raise CatalogError(f"{c.place}: column {c['name']} names the unknown code list {c['codelist']!r}")
        columns.append(
            Column(
                c["name"],
                c["type"],
                bool(c["required"]),
                _label(c["label"]),
                str(c.get("unit", "")),
                c.get("description", ""),
                tuple(c.get("values", ())),
                c.get("codelist", ""),
            )
        )
    return Table(
        raw["name"],
        raw.get("unit", ""),
        _label(raw["description"]),
        tuple(columns),
        tuple(raw.get("key", ())),
    )


def _side(raw: Node, merkmale: Mapping[str, Merkmal]) -> Side:
    operators = [o for o in ("at", "sum", "mean") if o in raw]
    if len(operators) != 1 or raw[operators[0]] not in merkmale:
        raise CatalogError(f"{raw.place}: a side needs one of at, sum, mean with a known merkmal, got {raw}")
    first, last = raw["months"]
    counted = merkmale[raw[operators[0]]]
    return Side(cast(Any, operators[0]), counted.name, (first, last), counted.part_of)


def indicator(name: str, raw: Node, merkmale: Mapping[str, Merkmal]) -> Indicator:
    """Read an indicator of `indicators.yml`."""
    return Indicator(
        name,
        _label(raw["name"]),
        raw["definition"]["de"],
        raw["legal_basis"],
        raw["goal"],
        raw.get("lag", 0),
        raw.get("compute_all_versions", False),
        {
            version: (_side(v["numerator"], merkmale), _side(v["denominator"], merkmale))
            for version, v in raw["versions"].items()
        },
        one_of(raw, "shown_as", ("percent", "change")),
        one_of(raw, "better", ("higher", "lower", "none")),
        {version: _label(v) for version, v in raw.get("names_by_version", {}).items()},
        {version: v["de"] for version, v in raw.get("definitions_by_version", {}).items()},
        raw["answer"]["de"],
        {version: v["de"] for version, v in raw.get("answers_by_version", {}).items()},
    )


def merkmal(name: str, raw: Node) -> Merkmal:
    """Read a base count of `merkmale.yml`."""
    return Merkmal(
        name,
        _label(raw["label"]),
        raw["unit"],
        one_of(raw, "kind", ("stock", "movement", "event", "euro")),
        raw["legal_basis"],
        _span(raw["needs"]),
        _span(raw.get("needs_by_sex")),
        part_of=tuple(raw.get("part_of", ())),
    )


def rule(name: str, raw: Node) -> Rule:
    """Read a rule of `rules.yml`."""
    severity = one_of(raw, "severity", ("critical", "error", "warning", "info"))
    return Rule(name, severity, raw["owner"], raw["de"], raw["action"])


def switch(name: str, raw: Node) -> Switch:
    """Read a switch of `switches.yml`."""
    given = raw["alternatives"]
    alternatives = given if given == "month" else tuple(given)
    return Switch(name, raw["default"], alternatives, raw["reason"], raw["source"], raw["changes"])


def refuse_wrong_wholes(merkmale: Mapping[str, Merkmal]) -> None:
    """Raise CatalogError if a base count is part of an unknown one, or of one in a circle or twice."""
    for part in merkmale.values():
        above, seen = list(part.part_of), {part.name}
        while above:
            whole = above.pop()
            if whole not in merkmale:
                raise CatalogError(f"merkmale.yml: {part.name} is part of {whole!r}, which is not declared")
            if whole in seen:
                raise CatalogError(f"merkmale.yml: {part.name} is part of {whole} in a circle or twice")
            seen.add(whole)
            above += merkmale[whole].part_of


def _span(raw: Mapping[str, list[int]] | None) -> dict[str, tuple[int, int]]:
    return {table: (first, last) for table, (first, last) in (raw or {}).items()}
