"""Reads the catalog's YAML and CSV strictly: what is wrong is said with file and line, what an entry means is said elsewhere."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import yaml

T = TypeVar("T")


class CatalogError(ValueError):
    """The catalog contradicts itself or cannot be read; the text names file and line."""


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


class Node(dict[str, Any]):
    """A mapping in a YAML file that knows where it stands; asking for a key it lacks is an error that says so."""

    place = ""

    def __missing__(self, key: str) -> Any:
        raise CatalogError(f"{self.place}: {key} is missing")


def _node(loader: Any, raw: yaml.MappingNode) -> Node:
    node = Node()
    node.place = f"{loader.file_name}, line {raw.start_mark.line + 1}"
    loader.flatten_mapping(raw)
    for key_node, value_node in raw.value:
        key = loader.construct_object(key_node, deep=True)
        if key in node:
            raise CatalogError(f"{loader.file_name}, line {key_node.start_mark.line + 1}: {key} stands twice")
        node[key] = loader.construct_object(value_node, deep=True)
    return node


_StrictYaml.add_constructor("tag:yaml.org,2002:map", _node)


def read_yaml(file: Traversable) -> Any:
    """Return what a YAML file says; its mappings are nodes. Raises CatalogError."""
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
    content = read_yaml(file)
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(entry, Node) for entry in content):
        raise CatalogError(f"{file.name}: the file must be a list of entries")
    return content


def understood(file: Traversable, parse: Callable[[str, Any], T]) -> dict[str, T]:
    """Return what `parse(name, node)` makes of every entry of a YAML file."""
    return {name: made(node, partial(parse, name)) for name, node in read_yaml(file).items()}


def made(node: Any, parse: Callable[[Any], T]) -> T:
    """Return what `parse` makes of a node; what it cannot understand is a CatalogError that says where."""
    try:
        return parse(node)
    except CatalogError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        raise CatalogError(f"{node.place}: {error}") from error


def one_of(node: Node, key: str, allowed: tuple[str, ...]) -> Any:
    """Return the value of a key that has only some values."""
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


def parsed(file: Traversable, parse: Callable[[dict[str, str]], T]) -> list[T]:
    """Return what `parse` makes of each row of a code list; raises CatalogError with file and line."""
    found = []
    for line, row in _rows(file):
        try:
            found.append(parse(row))
        except KeyError as error:
            raise CatalogError(f"{file.name}, line 1: the column {error.args[0]} is missing") from error
        except ValueError as error:
            raise CatalogError(f"{file.name}, line {line}: {error}") from error
    return found


def keyed(file: Traversable, key: str, parse: Callable[[dict[str, str]], T]) -> dict[str, T]:
    """Return the entries of a code list by their key, which may stand only once."""
    entries: dict[str, T] = {}

    def enter(row: dict[str, str]) -> None:
        if row[key] in entries:
            raise ValueError(f"{row[key]} stands twice")
        entries[row[key]] = parse(row)

    parsed(file, enter)
    return entries
