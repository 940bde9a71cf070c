"""What ships beside the package: rule suites, corrections and the lock file. The package is installed editable."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def expectations() -> Path:
    """Return the folder of the rule suites."""
    return _ROOT / "expectations"


def corrections() -> Path:
    """Return the folder of the corrections and waivers."""
    return _ROOT / "corrections"


def lock_digest() -> str:
    """Return the sha-256 of the lock file; empty if there is none."""
    lock = _ROOT / "requirements.lock"
    if not lock.exists():
        return ""
    with lock.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
