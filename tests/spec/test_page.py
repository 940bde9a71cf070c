"""The specification is complete, the page made from it is current, and the persons of the cases do reach the counting."""

from __future__ import annotations

from spec.cases import LIVES, all_cases
from spec.make_page import PAGE, page
from spec.world import Country

CASES = (
    [f"I{n:02}" for n in range(1, 19)]
    + [f"R{n:02}" for n in range(1, 14)]
    + [f"L{n:02}" for n in range(1, 11)]
    + [f"N{n:02}" for n in range(1, 16)]
    + ["Cohort", "X01", "X02", "X03", "X04", "X06"]
)


def test_every_case_of_the_methodology_is_shown() -> None:
    assert sorted({case.case_id for case in all_cases()}) == sorted(CASES)


def test_every_test_is_named_after_its_case() -> None:
    assert [c.test for c in all_cases() if not c.test.lower().startswith(f"test_{c.case_id.lower()}_")] == []


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(all_cases()), "run: PYTHONPATH=tests python -m spec.make_page"


def test_no_delivery_and_no_row_of_a_case_is_refused(country: Country) -> None:
    assert (country.staged["rejected"], country.staged["quarantined"]) == (0, 0)


def test_who_has_no_event_was_delivered_all_the_same(country: Country) -> None:
    """Without this a case that expects nothing would also hold if nothing had been delivered."""
    tables = {"START": "aufnahme", "MEASURE": "massnahme", "JOB": "beschaeftigung", "CLAIM": "leistung"}
    for word, table in tables.items():
        persons = [
            case.person_id(name)
            for case in all_cases()
            for name, life in case.given.items()
            if case.kind == LIVES and word in life.split()
        ]
        assert persons
        assert country.without_row(table, persons) == []
