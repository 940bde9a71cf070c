"""What a release is made from and what it consists of: the foundation (inputs, code, catalog, settings) and the files.

Two editions with the same foundation are the same; no clock, host or path of a machine enters.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import file_digest, sha256
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.catalog import Catalog

NAME = "manifest.json"
SHAPING_PACKAGES = ("duckdb", "jinja2", "numpy", "pyarrow", "typst", "xlsxwriter")


class ManifestError(ValueError):
    """A manifest cannot be read; the text names the file."""


def digest_of(path: Path) -> str:
    """Return the sha-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def canonical(value: Any) -> bytes:
    """Return JSON bytes that are equal for equal values."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


@lru_cache(maxsize=1)
def code_version() -> dict[str, str]:
    """Return version and digest of the program's own sources and the versions of the packages that shape bytes.

    Read once: a process does not change its code while it runs.
    """
    version = metadata.version("kennzahlen-48a")
    total = sha256()
    for name, content in sorted(_sources(resources.files("pipeline"), "")):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    packages = {f"paket_{name}": metadata.version(name) for name in SHAPING_PACKAGES}
    return {
        "version": version,
        "sha256": total.hexdigest(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        **packages,
    }


def _sources(folder: Traversable, prefix: str) -> Iterable[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _sources(entry, f"{prefix}{entry.name}/")
        elif not entry.name.endswith(".pyc"):
            yield prefix + entry.name, entry.read_bytes()


def foundation(
    month: str,
    tables: Mapping[str, Path],
    catalog: Catalog,
    inputs: Mapping[str, Any],
    verdict: Mapping[str, Any],
    findings: pa.Table,
    *,
    synthetic: bool,
    site_url: str,
) -> dict[str, Any]:
    """Return everything that decides the bytes of a release but its number and its predecessor, as plain JSON."""
    raw = {
        "monat": month,
        "datenart": "synthetisch" if synthetic else "amtlich",
        "adresse": site_url,
        "eingaben": dict(inputs),
        "tabellen": {name: digest_of(path) for name, path in sorted(tables.items())},
        "code": dict(code_version()),
        "katalog_sha256": catalog.digest,
        "schalter": {name: switch.value for name, switch in catalog.switches.items()},
        "pruefung": dict(verdict),
        "befunde_sha256": sha256(canonical(findings.to_pylist())).hexdigest(),
    }
    return dict(json.loads(canonical(raw)))


def foundation_digest(basis: Mapping[str, Any]) -> str:
    """Return one digest for a whole foundation: what pages print as their origin."""
    return sha256(canonical(basis)).hexdigest()


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and sha-256 of every file of a release but the manifest, by path relative to the release."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / NAME)
    return {p.relative_to(folder).as_posix(): {"bytes": p.stat().st_size, "sha256": digest_of(p)} for p in files}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release; raises ManifestError."""
    path = folder / NAME
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ManifestError(
            f"{path}: the manifest cannot be read ({error}); restore the release from a backup"
        ) from error


def broken_files(folder: Path, *, digests: bool = True) -> list[str]:
    """Return what in a release differs from its manifest, one English sentence each; empty if all is well.

    Without `digests` only presence and size are compared, which is quick.
    """
    declared = read_manifest(folder)["dateien"]
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    problems = [f"{name} is missing" for name in sorted(set(declared) - set(found))]
    problems += [f"{name} is not declared" for name in sorted(set(found) - set(declared) - {NAME})]
    for name in sorted(set(declared) & set(found)):
        if found[name].stat().st_size != declared[name]["bytes"]:
            problems.append(f"{name} has another size")
        elif digests and digest_of(found[name]) != declared[name]["sha256"]:
            problems.append(f"{name} has another sha-256")
    return problems


def basis_until(basis: Mapping[str, Any], month: str) -> dict[str, Any]:
    """Return what a foundation says of the months up to one: two that differ here were made from different data or switches."""
    inputs = basis["eingaben"]
    delivered = [d for d in inputs["lieferungen"] if d["ref_month"] <= month]
    return {
        "lieferungen": {(d["ref_month"], d["table"], d["unit"]): d["sha256"] for d in delivered},
        "codelisten": inputs["codelisten"],
        "berichtigungen": inputs.get("berichtigungen_sha256", ""),
        "schalter": basis["schalter"],
    }


def deliveries(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return digest by address (`2018-07/bestand/t04412`) of the deliveries that the inputs name under `lieferungen`.

    A mapping of address to digest is taken as it is; a list needs ref_month, table, unit and sha256 in each entry.
    """
    raw = inputs.get("lieferungen", {})
    if isinstance(raw, Mapping):
        return {str(address): str(digest) for address, digest in raw.items()}
    return {f"{d['ref_month']}/{d['table']}/{d['unit']}": str(d["sha256"]) for d in raw}
