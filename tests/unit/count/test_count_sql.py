"""The SQL of an expression names what was counted: it must be the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
from hashlib import sha256
import ibis
from pipeline.count.expressions import all_counts
from pipeline.count.readings import Readings
for name, count in all_counts(Readings()).items():
    print(name, sha256(str(ibis.to_sql(count.expression, dialect="duckdb")).encode()).hexdigest())
"""


@pytest.mark.slow
def test_sql_does_not_depend_on_the_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in range(1, 6)
    }
    assert len(outputs) == 1
    assert "stock" in outputs.pop()
