"""The one loader of the catalog: reads YAML and CSV strictly, says file and line when something is wrong."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeVar, cast

import yaml

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

T = TypeVar("T")

COLUMN_TYPES = frozenset(
    [
        "person",
        "household",
        "text",
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


class CatalogError(ValueError):
    """The catalog contradicts itself or cannot be read; the text names file and line."""


@dataclass(frozen=True)
class Catalog:
    """Everything declared, ready to use; dictionaries are keyed by name and keep the declared order."""

    jobcenters: Mapping[str, Jobcenter]
    gebietsaenderungen: tuple[Gebietsaenderung, ...]
    vergleichstypen: tuple[tuple[str, str, date | None, date | None], ...]
    tables: Mapping[str, Table]
    results: Mapping[str, Table]
    merkmale: Mapping[str, Merkmal]
    indicators: Mapping[str, Indicator]
    supports: Mapping[str, Support]
    codelists: Mapping[str, Mapping[str, Mapping[str, str]]]
    rules: Mapping[str, Rule]
    switches: Mapping[str, Switch]
    digest: str

    @property
    def person_tables(self) -> tuple[str, ...]:
        """Return the tables that jobcenters deliver."""
        return tuple(t.name for t in self.tables.values() if t.unit == "jobcenter")

    def valid_jobcenters(self, day: date) -> tuple[Jobcenter, ...]:
        """Return the jobcenters that exist on the day, ordered by id."""
        return tuple(j for j in sorted(self.jobcenters.values(), key=lambda j: j.jc_id) if j.valid_on(day))

    def vergleichstyp(self, jc_id: str, day: date) -> str:
        """Return the SGB-II-Vergleichstyp of a jobcenter on the day, empty if the operator has entered none."""
        for jc, typ, first, last in self.vergleichstypen:
            if jc == jc_id and (first is None or first <= day) and (last is None or day <= last):
                return typ
        return ""


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictYaml(_Base):
    """YAML in which only quoted or plain text, plain decimal integers and true/false exist: 01051 stays text."""


_StrictYaml.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag == "tag:yaml.org,2002:merge"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_BOOL = re.compile(r"^(?:true|false)$")
_INT = re.compile(r"^-?(?:0|[1-9][0-9]*)$")
_StrictYaml.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOL, list("tf"))
_StrictYaml.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-0123456789"))


def _read_yaml(file: Traversable) -> Any:
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=_StrictYaml)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        raise CatalogError(f"{file.name}, line {line}: {error.problem}") from error


def _rows(file: Traversable) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) of a CSV code list; a row with too few or too many fields is an error."""
    with io.StringIO(file.read_text(encoding="utf-8"), newline="") as handle:
        reader = csv.reader(handle)
        header = next(reader, None)
        if header is None:
            raise CatalogError(f"{file.name}, line 1: the header row is missing")
        for fields in reader:
            if len(fields) != len(header):
                raise CatalogError(
                    f"{file.name}, line {reader.line_num}: {len(fields)} fields, the header has {len(header)}"
                )
            yield reader.line_num, dict(zip(header, fields, strict=True))


def _parsed(file: Traversable, parse: Callable[[dict[str, str]], T]) -> Iterator[T]:
    for line, row in _rows(file):
        try:
            yield parse(row)
        except (KeyError, ValueError) as error:
            raise CatalogError(f"{file.name}, line {line}: {error}") from error


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _label(raw: Mapping[str, str]) -> Label:
    return Label(raw["de"], raw.get("en", ""))


def _jobcenter(row: dict[str, str]) -> Jobcenter:
    if row["traeger"] not in ("gE", "zkT"):
        raise ValueError(f"traeger is {row['traeger']!r}, allowed are gE and zkT")
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


def _support(row: dict[str, str]) -> Support:
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


def _table(raw: dict[str, Any], source: str) -> Table:
    columns = []
    for c in raw["columns"]:
        if c["type"] not in COLUMN_TYPES:
            raise CatalogError(f"{source}: column {c['name']} has the unknown type {c['type']!r}")
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


def _side(raw: dict[str, Any], merkmale: Mapping[str, Merkmal], source: str) -> Side:
    operators = [o for o in ("at", "sum", "mean") if o in raw]
    if len(operators) != 1 or raw[operators[0]] not in merkmale:
        raise CatalogError(f"{source}: a side needs one of at, sum, mean with a known merkmal, got {raw}")
    first, last = raw["months"]
    return Side(cast(Any, operators[0]), raw[operators[0]], (first, last))


def _indicator(name: str, raw: dict[str, Any], merkmale: Mapping[str, Merkmal]) -> Indicator:
    source = f"indicators.yml, {name}"
    return Indicator(
        name,
        _label(raw["name"]),
        raw["short"]["de"],
        raw["definition"]["de"],
        raw["legal_basis"],
        raw["goal"],
        raw.get("lag", 0),
        raw.get("compute_all_versions", False),
        {
            version: (_side(v["numerator"], merkmale, source), _side(v["denominator"], merkmale, source))
            for version, v in raw["versions"].items()
        },
        raw["shown_as"],
        raw["better"],
        {version: _label(v) for version, v in raw.get("names_by_version", {}).items()},
        {version: v["de"] for version, v in raw.get("definitions_by_version", {}).items()},
    )


def _span(raw: Mapping[str, list[int]] | None) -> dict[str, tuple[int, int]]:
    return {table: (first, last) for table, (first, last) in (raw or {}).items()}


def _digest(root: Traversable) -> str:
    from hashlib import sha256

    files: list[tuple[str, bytes]] = []

    def walk(folder: Traversable, prefix: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                walk(entry, f"{prefix}{entry.name}/")
            elif entry.name.endswith((".yml", ".csv")):
                files.append((prefix + entry.name, entry.read_bytes()))

    walk(root, "")
    total = sha256()
    for name, content in sorted(files):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


@lru_cache(maxsize=4)
def load_catalog(root: Traversable | None = None) -> Catalog:
    """Load and cross-check the catalog that ships with the package (or lies in `root`); raises CatalogError."""
    root = root if root is not None else resources.files("pipeline.catalog")
    lists = root / "codelists"
    jobcenters: dict[str, Jobcenter] = {}
    for jobcenter in _parsed(lists / "jobcenters.csv", _jobcenter):
        if jobcenter.jc_id in jobcenters:
            raise CatalogError(f"jobcenters.csv: {jobcenter.jc_id} stands twice")
        jobcenters[jobcenter.jc_id] = jobcenter
    changes = tuple(
        _parsed(
            lists / "gebietsaenderungen.csv",
            lambda r: Gebietsaenderung(r["alt"], r["neu"], date.fromisoformat(r["ab"])),
        )
    )
    for change in changes:
        for unit in (change.alt, change.neu):
            if unit not in jobcenters:
                raise CatalogError(f"gebietsaenderungen.csv: {unit} is not in jobcenters.csv")
    merkmale = {
        name: Merkmal(
            name,
            _label(m["label"]),
            m["unit"],
            m["kind"],
            m["legal_basis"],
            _span(m["needs"]),
            _span(m.get("needs_by_sex")),
        )
        for name, m in _read_yaml(root / "merkmale.yml").items()
    }
    codelists: dict[str, Mapping[str, Mapping[str, str]]] = {}
    for name, key in (
        ("foerderung", "code"),
        ("rechtsgrundlagen", "code"),
        ("aufnahmearten", "code"),
        ("personengruppen", "code"),
        ("zeichen", "zeichen"),
        ("gruende", "grund"),
    ):
        codelists[name] = {row[key]: row for _, row in _rows(lists / f"{name}.csv")}
    codelists["merkmale"] = {name: {"code": name} for name in merkmale}
    tables: dict[str, Table] = {}
    results: dict[str, Table] = {}
    for file in sorted((root / "tables").iterdir(), key=lambda f: f.name):
        table = _table(_read_yaml(file), file.name)
        for column in table.columns:
            if column.codelist and column.codelist not in codelists:
                raise CatalogError(f"{file.name}: column {column.name} names the unknown code list {column.codelist}")
        (tables if table.unit else results)[table.name] = table
    return Catalog(
        jobcenters=jobcenters,
        gebietsaenderungen=changes,
        vergleichstypen=tuple(
            _parsed(
                lists / "vergleichstypen.csv",
                lambda r: (r["jc_id"], r["vergleichstyp"], _day(r["gueltig_ab"]), _day(r["gueltig_bis"])),
            )
        ),
        tables=tables,
        results=results,
        merkmale=merkmale,
        indicators={name: _indicator(name, raw, merkmale) for name, raw in _read_yaml(root / "indicators.yml").items()},
        supports={s.code: s for s in _parsed(lists / "foerderung.csv", _support)},
        codelists=codelists,
        rules={
            name: Rule(name, r["severity"], r["owner"], r["de"], r["action"])
            for name, r in _read_yaml(root / "rules.yml").items()
        },
        switches={
            name: Switch(name, s["default"], tuple(s["alternatives"]), s["reason"])
            for name, s in _read_yaml(root / "switches.yml").items()
        },
        digest=_digest(root),
    )
