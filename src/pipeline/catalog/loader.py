"""The one loader of the catalog: reads YAML and CSV strictly, says file and line when something is wrong."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeVar, cast

import yaml

from pipeline.catalog.layouts import Layouts, read_layouts
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
from pipeline.catalog.selection import selected
from pipeline.catalog.switched import indicators_as_selected, merkmale_as_selected
from pipeline.months import Zaehltage

T = TypeVar("T")

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


class CatalogError(ValueError):
    """The catalog contradicts itself or cannot be read; the text names file and line."""


@dataclass(frozen=True)
class Catalog:
    """Everything declared, ready to use; dictionaries are keyed by name and keep the declared order."""

    jobcenters: Mapping[str, Jobcenter]
    zaehltage: Zaehltage
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
    layouts: Layouts
    digest: str

    @property
    def person_tables(self) -> tuple[str, ...]:
        """Return the tables that jobcenters deliver."""
        return tuple(t.name for t in self.tables.values() if t.unit == "jobcenter")

    def with_switches(self, selection: Mapping[str, str | int | bool]) -> Catalog:
        """Return the declared catalog with the selected values of some switches; raises SwitchError for what cannot be computed.

        Base counts and indicators say what they read under the selection.
        """
        if not selection:
            return self
        switches = selected(self.switches, selection)
        return replace(
            self,
            switches=switches,
            merkmale=merkmale_as_selected(self.merkmale, switches),
            indicators=indicators_as_selected(self.indicators, switches),
        )

    @property
    def selection(self) -> dict[str, str | int | bool]:
        """Return the switches that stand elsewhere than their default."""
        return {name: switch.value for name, switch in self.switches.items() if switch.value != switch.default}

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
_AGS5 = re.compile(r"[0-9]{5}(;[0-9]{5})*")
_INT = re.compile(r"^-?(?:0|[1-9][0-9]*)$")
_StrictYaml.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOL, list("tf"))
_StrictYaml.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-0123456789"))


class _Node(dict[str, Any]):
    """A mapping in a YAML file that knows where it stands; asking for a key it lacks is an error that says so."""

    place = ""

    def __missing__(self, key: str) -> Any:
        raise CatalogError(f"{self.place}: {key} is missing")


def _node(loader: Any, raw: yaml.MappingNode) -> _Node:
    node = _Node()
    node.place = f"{loader.file_name}, line {raw.start_mark.line + 1}"
    loader.flatten_mapping(raw)
    for key_node, value_node in raw.value:
        key = loader.construct_object(key_node, deep=True)
        if key in node:
            raise CatalogError(f"{loader.file_name}, line {key_node.start_mark.line + 1}: {key} stands twice")
        node[key] = loader.construct_object(value_node, deep=True)
    return node


_StrictYaml.add_constructor("tag:yaml.org,2002:map", _node)


def _read_yaml(file: Traversable) -> Any:
    loader = _StrictYaml(file.read_text(encoding="utf-8"))
    loader.file_name = file.name
    try:
        return loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 0
        raise CatalogError(f"{file.name}, line {line}: {error.problem}") from error
    finally:
        loader.dispose()


def read_entries(file: Traversable) -> list[Any]:
    """Read a YAML file that is a list of mappings, strictly; each knows its `place`. Raises CatalogError."""
    content = _read_yaml(file)
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(entry, _Node) for entry in content):
        raise CatalogError(f"{file.name}: the file must be a list of entries")
    return content


def _understood(file: Traversable, parse: Callable[[str, Any], T]) -> dict[str, T]:
    """Return what `parse(name, node)` makes of every entry of a YAML file."""
    return {name: _made(node, partial(parse, name)) for name, node in _read_yaml(file).items()}


def _made(node: Any, parse: Callable[[Any], T]) -> T:
    try:
        return parse(node)
    except CatalogError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise CatalogError(f"{node.place}: {error}") from error


def _one_of(node: _Node, key: str, allowed: tuple[str, ...]) -> Any:
    if node[key] not in allowed:
        raise CatalogError(f"{node.place}: {key} is {node[key]!r}, allowed are {', '.join(allowed)}")
    return node[key]


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
        except KeyError as error:
            raise CatalogError(f"{file.name}, line 1: the column {error.args[0]} is missing") from error
        except ValueError as error:
            raise CatalogError(f"{file.name}, line {line}: {error}") from error


def _keyed(file: Traversable, key: str, parse: Callable[[dict[str, str]], T]) -> dict[str, T]:
    """Return the entries of a code list by their key, which may stand only once."""
    entries: dict[str, T] = {}

    def enter(row: dict[str, str]) -> None:
        if row[key] in entries:
            raise ValueError(f"{row[key]} stands twice")
        entries[row[key]] = parse(row)

    for _ in _parsed(file, enter):
        pass
    return entries


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _stichtag(row: dict[str, str]) -> date:
    return Zaehltage({row["ref_month"]: date.fromisoformat(row["stichtag"])}).stichtag(row["ref_month"])


def _change(row: dict[str, str], jobcenters: Mapping[str, Jobcenter]) -> Gebietsaenderung:
    for unit in (row["alt"], row["neu"]):
        if unit not in jobcenters:
            raise ValueError(f"{unit} is not in jobcenters.csv")
    return Gebietsaenderung(row["alt"], row["neu"], date.fromisoformat(row["ab"]))


def _label(raw: Mapping[str, str]) -> Label:
    return Label(raw["de"], raw.get("en", ""))


def _jobcenter(row: dict[str, str]) -> Jobcenter:
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


def _table(raw: _Node, codelists: Mapping[str, Any]) -> Table:
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


def _side(raw: _Node, merkmale: Mapping[str, Merkmal]) -> Side:
    operators = [o for o in ("at", "sum", "mean") if o in raw]
    if len(operators) != 1 or raw[operators[0]] not in merkmale:
        raise CatalogError(f"{raw.place}: a side needs one of at, sum, mean with a known merkmal, got {raw}")
    first, last = raw["months"]
    merkmal = merkmale[raw[operators[0]]]
    return Side(cast(Any, operators[0]), merkmal.name, (first, last), merkmal.part_of)


def _indicator(name: str, raw: _Node, merkmale: Mapping[str, Merkmal]) -> Indicator:
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
        _one_of(raw, "shown_as", ("percent", "change")),
        _one_of(raw, "better", ("higher", "lower", "none")),
        {version: _label(v) for version, v in raw.get("names_by_version", {}).items()},
        {version: v["de"] for version, v in raw.get("definitions_by_version", {}).items()},
        raw["answer"]["de"],
        {version: v["de"] for version, v in raw.get("answers_by_version", {}).items()},
    )


def _refuse_wrong_wholes(merkmale: Mapping[str, Merkmal]) -> None:
    for merkmal in merkmale.values():
        above, seen = list(merkmal.part_of), {merkmal.name}
        while above:
            whole = above.pop()
            if whole not in merkmale:
                raise CatalogError(f"merkmale.yml: {merkmal.name} is part of {whole!r}, which is not declared")
            if whole in seen:
                raise CatalogError(f"merkmale.yml: {merkmal.name} is part of {whole} in a circle or twice")
            seen.add(whole)
            above += merkmale[whole].part_of


def _alternatives(raw: _Node) -> Any:
    given = raw["alternatives"]
    return given if given == "month" else tuple(given)


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
    jobcenters = _keyed(lists / "jobcenters.csv", "jc_id", _jobcenter)
    merkmale = _understood(
        root / "merkmale.yml",
        lambda name, m: Merkmal(
            name,
            _label(m["label"]),
            m["unit"],
            _one_of(m, "kind", ("stock", "movement", "event", "euro")),
            m["legal_basis"],
            _span(m["needs"]),
            _span(m.get("needs_by_sex")),
            part_of=tuple(m.get("part_of", ())),
        ),
    )
    _refuse_wrong_wholes(merkmale)
    codelists: dict[str, Mapping[str, Mapping[str, str]]] = {
        name: _keyed(lists / f"{name}.csv", key, dict)
        for name, key in (
            ("foerderung", "code"),
            ("rechtsgrundlagen", "code"),
            ("aufnahmearten", "code"),
            ("personengruppen", "code"),
            ("zeichen", "zeichen"),
            ("gruende", "grund"),
        )
    }
    codelists["merkmale"] = {name: {"code": name} for name in merkmale}
    tables: dict[str, Table] = {}
    results: dict[str, Table] = {}
    for file in sorted((root / "tables").iterdir(), key=lambda f: f.name):
        table = _made(_read_yaml(file), lambda raw: _table(raw, codelists))
        (tables if table.unit else results)[table.name] = table
    return Catalog(
        jobcenters=jobcenters,
        zaehltage=Zaehltage(_keyed(lists / "zaehltage.csv", "ref_month", _stichtag)),
        gebietsaenderungen=tuple(_parsed(lists / "gebietsaenderungen.csv", lambda r: _change(r, jobcenters))),
        vergleichstypen=tuple(
            _parsed(
                lists / "vergleichstypen.csv",
                lambda r: (r["jc_id"], r["vergleichstyp"], _day(r["gueltig_ab"]), _day(r["gueltig_bis"])),
            )
        ),
        tables=tables,
        results=results,
        merkmale=merkmale,
        indicators=_understood(root / "indicators.yml", lambda name, raw: _indicator(name, raw, merkmale)),
        supports=_keyed(lists / "foerderung.csv", "code", _support),
        codelists=codelists,
        rules=_understood(
            root / "rules.yml",
            lambda name, r: Rule(
                name,
                _one_of(r, "severity", ("critical", "error", "warning", "info")),
                r["owner"],
                r["de"],
                r["action"],
            ),
        ),
        switches=_understood(
            root / "switches.yml",
            lambda name, s: Switch(name, s["default"], _alternatives(s), s["reason"], s["source"], s["changes"]),
        ),
        layouts=read_layouts(root / "layouts", merkmale, codelists["zeichen"], _parsed),
        digest=_digest(root),
    )
