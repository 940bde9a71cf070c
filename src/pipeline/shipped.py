"""Where the things lie that ship beside the package: rule suites, corrections, the lock file. It is installed editable."""

from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def expectations() -> Path:
    """Return the folder of the rule suites."""
    return _ROOT / "expectations"


def corrections() -> Path:
    """Return the folder of the corrections and waivers."""
    return _ROOT / "corrections"


def lock_file() -> Path:
    """Return the list of the exact packages the program was installed with; it may be absent."""
    return _ROOT / "requirements.lock"
