"""The country of the worked cases, built and counted once, and the case that a test has declared."""

from __future__ import annotations

import pytest

from spec.cases import Case, all_cases
from spec.world import Country


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """Return the case declared above the test."""
    declared: Case = request.function.case
    return declared


@pytest.fixture(scope="session")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    """Return the counted country in which all persons of all cases live."""
    return Country.of(tmp_path_factory.mktemp("spec"), all_cases())
