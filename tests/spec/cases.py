"""How a worked case is written down: a situation in words, a table in, a table out, declared above the test that shows it.

A table is a text with one row per line and columns between blanks. What the columns mean is said in `world.py` (lives of
persons) and `formulas.py` (base counts). Nothing here knows the pipeline.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Test = Callable[..., None]
HERE = Path(__file__).parent
LIVES, BASE_COUNTS = "lives", "base counts"


@dataclass(frozen=True)
class Case:
    """A worked case. `given` holds one table per person, or per jobcenter; the empty name is the only one there is."""

    case_id: str
    situation: str
    given: Mapping[str, str]
    kind: str
    expected: list[str]
    test: str
    file: str

    def expecting(self, expected: str) -> Case:
        """Return the case with another table out."""
        return replace(self, expected=rows(expected))

    def person_id(self, name: str) -> str:
        """Return the identifier of a person of this case in the deliveries."""
        return f"{self.test}/{name}"


def rows(table: str) -> list[str]:
    """Return the rows of a table, columns separated by one blank."""
    return [" ".join(line.split()) for line in table.splitlines() if line.strip()]


def case(
    case_id: str,
    situation: str,
    *,
    life: str | Mapping[str, str] = "",
    eckwerte: str | Mapping[str, str] = "",
    expected: str,
) -> Callable[[Test], Test]:
    """Declare the case that a test shows: either the life of persons or the base counts of jobcenters come in."""

    def declare(test: Test) -> Test:
        given = eckwerte or life
        named = {"": given} if isinstance(given, str) else dict(given)
        test.__dict__["case"] = Case(
            case_id,
            situation,
            named,
            BASE_COUNTS if eckwerte else LIVES,
            rows(expected),
            test.__name__,
            Path(test.__code__.co_filename).name,
        )
        return test

    return declare


def all_cases() -> list[Case]:
    """Return the cases of all files of this folder, in the order in which they are written."""
    found: list[Case] = []
    for path in sorted(HERE.glob("test_paragraph_*.py")):
        module: Any = importlib.import_module(f"spec.{path.stem}")
        found += [value.case for value in vars(module).values() if hasattr(value, "case")]
    return found
