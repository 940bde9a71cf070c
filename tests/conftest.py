"""What all tests share: property tests are never judged by time, and in CI they try the same examples every time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# Polars and PySpark lie where `make bench` installs them; behind everything else on the path, so that they change nothing of ours.
_default = Path(__file__).parents[1] / "build" / "bench" / "packages"
_packages = Path(os.environ.get("KENNZAHLEN_BENCH_PACKAGES", _default))
if _packages.is_dir():
    sys.path.append(str(_packages.absolute()))
