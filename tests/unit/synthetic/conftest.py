"""One tree of the tiny country, made once for all tests of the generator."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.synthetic import generate
from unit.synthetic.tiny_country import FIRST, LAST, tiny_catalog


@pytest.fixture(scope="session")
def tiny_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "tree"
    generate(out, FIRST, LAST, scale=0.001, seed=4, workers=1, catalog=tiny_catalog())
    return out
