"""Recheck a release: digests of its files and of the original bytes it rests on, then the whole computation anew.

The computation happens in a clean store inside the store; afterwards it is removed. Files are compared byte by byte.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import steps
from pipeline.publish.manifest import broken_files, digest_of, read_manifest
from pipeline.store import Finding, Store, write_findings, write_json

AFTER_FETCH = steps.STEPS[1:]
_NAME = re.compile(r"^(\d{4}-\d{2})\.(\d+)$")


class ReleaseNameError(ValueError):
    """A text names no release that is there."""


@dataclass(frozen=True)
class Verified:
    """What was compared and what differs, one English sentence each."""

    release: str
    files: int
    deliveries: int
    problems: tuple[str, ...]


def verify(store_root: Path, name: str, report: Callable[[str], None] = lambda text: None) -> Verified:
    """Verify the release `2018-07.1`; raises ReleaseNameError. The store's lock is held only inside the clean store."""
    match = _NAME.match(name)
    store = Store(store_root)
    if match is None or not store.release(match[1], int(match[2])).is_dir():
        raise ReleaseNameError(f"{name!r} is no release in {store_root}; releases are named like 2018-07.1")
    month, number = match[1], int(match[2])
    folder = store.release(month, number)
    manifest = read_manifest(folder)
    problems = [f"release: {text}" for text in broken_files(folder)]
    inputs = manifest["grundlage"]["eingaben"]
    report(f"{len(inputs['lieferungen'])} deliveries: comparing digests")
    problems += _broken_snapshots(store, inputs)
    if not problems:
        report("computing the release anew")
        problems += _recompute(store, month, number, manifest)
    return Verified(name, len(manifest["dateien"]), len(inputs["lieferungen"]), tuple(problems))


def _broken_snapshots(store: Store, inputs: Mapping[str, Any]) -> list[str]:
    digests = {d["sha256"]: d["address"] for d in inputs["lieferungen"]}
    digests |= {digest: f"{name}.csv" for name, digest in inputs["codelisten"].items()}
    if corrections := inputs.get("berichtigungen_sha256"):
        digests[corrections] = "corrections.yml"
    problems = []
    for digest, address in sorted(digests.items(), key=lambda item: item[1]):
        path = store.snapshot(digest)
        if not path.exists():
            problems.append(f"delivery {address}: the original bytes {digest} are missing")
        elif digest_of(path) != digest:
            problems.append(f"delivery {address}: the kept bytes are not those of {digest}")
    return problems


def _recompute(store: Store, month: str, number: int, manifest: Mapping[str, Any]) -> list[str]:
    inputs = manifest["grundlage"]["eingaben"]
    store.tmp.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="verify-", dir=store.tmp) as clean_root:
        clean = Store(Path(clean_root))
        clean.objects.parent.mkdir(parents=True)
        clean.objects.symlink_to(store.objects.resolve(), target_is_directory=True)
        bound_to = {(other, int(n)) for other, _, n in (name.partition(".") for name in inputs.get("gebunden_an", ()))}
        for other, earlier in sorted(bound_to | {(month, earlier) for earlier in range(1, number)}):
            shutil.copytree(store.release(other, earlier), clean.release(other, earlier))
        write_json(clean.run(month) / "deliveries.json", _deliveries(store, month, manifest, inputs))
        write_findings(clean.findings(month, "fetch"), _fetch_findings(manifest))
        opened = steps.open_run(clean.root, month)
        opened = replace(
            opened,
            settings=replace(
                opened.settings,
                pseudonym_key=opened.settings.load_key(store.root),
                site_url=manifest["grundlage"]["adresse"],
            ),
        )
        for step in AFTER_FETCH:
            steps.do(step, opened)
        made = clean.release(month, number)
        problems = _differences(store.release(month, number), made)
        for path in [made, *made.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    return problems


def _deliveries(store: Store, month: str, manifest: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    entries = []
    for delivery in inputs["lieferungen"]:
        unit_and_suffix = delivery["address"].rsplit("/", 1)[-1]
        entries.append(
            {
                **delivery,
                "suffix": unit_and_suffix.removeprefix(delivery["unit"]),
                "bytes": store.snapshot(delivery["sha256"]).stat().st_size,
            }
        )
    digest = inputs.get("berichtigungen_sha256", "")
    lists = {name: {"sha256": digest, "address": f"{name}.csv"} for name, digest in inputs["codelisten"].items()}
    return {
        "month": month,
        "sources": [],
        "synthetic": manifest["grundlage"]["datenart"] == "synthetisch",
        "codelists": {"zaehltage": None, "gebietsaenderungen": None} | lists,
        "deliveries": entries,
        "switches": manifest["grundlage"]["schalter"],
        "corrections": json.loads(store.snapshot(digest).read_bytes()) if digest else [],
        "corrections_sha256": digest,
        "waivers": [_waiver(entry) for entry in manifest["grundlage"]["pruefung"].get("ausnahmen", [])],
        "rejected": [],
    }


def _waiver(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a waiver as a run records it, from what the release says of it."""
    return {name: entry[name] for name in ("id", "rule", "units", "ref_months", "reason", "owner", "expires")}


def _fetch_findings(manifest: Mapping[str, Any]) -> list[Finding]:
    """Return what fetch found, as the release says it: what a source did not offer cannot be seen in the kept bytes."""
    return [
        Finding(step="fetch", message="as the release says", **entry)
        for entry in manifest["grundlage"]["eingaben"]["abrufbefunde"]
    ]


def _differences(published: Path, made: Path) -> list[str]:
    names = {p.relative_to(folder).as_posix() for folder in (published, made) for p in folder.rglob("*") if p.is_file()}
    problems = []
    for name in sorted(names):
        old, new = published / name, made / name
        if not old.exists() or not new.exists():
            problems.append(f"recomputed: {name} exists only {'anew' if new.exists() else 'in the release'}")
        elif old.read_bytes() != new.read_bytes():
            problems.append(f"recomputed: {name} differs")
    return problems
