"""One published small country for all tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.publish import Published
from unit.publish.country import Country, country, publish_country


@dataclass(frozen=True)
class World:
    """A country and its release."""

    country: Country
    published: Published

    @property
    def folder(self) -> Path:
        return self.published.folder


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = country(units=24)
    yield World(made, publish_country(made.write(tmp_path_factory.mktemp("store")), made))
