"""Writes the page of the worked cases, `docs/method/worked_cases.md`, from the tests of this folder.

PYTHONPATH=tests python -m spec.make_page
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from spec.cases import BASE_COUNTS, HERE, Case, all_cases

PAGE = HERE.parents[1] / "docs" / "method" / "worked_cases.md"
INTRODUCTION = """\
# Worked cases

What the ordinance to § 48a SGB II means for single persons and single figures, case by case. This page is generated from the
tests in `tests/spec/`, so every line of it holds for the software as it is. Do not edit it; change a test and run
`PYTHONPATH=tests python -m spec.make_page`.

The cases run through the whole counting: they are delivered as files, fetched, staged and counted like real ones. Cases that
begin with base counts (marked *base counts*) run through the calculation alone. The exact lives and counts stand in the file
named last, above the test of the name.

Words of the tables: `int` Integration, `int_svb` Integration into insured employment in Germany, `bs_gering` start of marginal
employment, `bs_2am` start of publicly supported employment, `svb_nach12` and `svb_kont6` those of `int_svb` employed after
twelve months and in each of six months, `lzb` long-term beneficiaries, `lzb_amp` those of them in an active measure,
`elb_zugang` and `elb_abgang` entries and exits, `llu` subsistence benefits in euro. The counting day is the 15th.
"""
LEFT_OUT = """\
## What is not here

- The output rules O01 to O07 and the rank X05 are cases of their own: `tests/spec/test_ausgabe.py`. The merger of O08 stands in
  `tests/integration/test_readings.py`, in the tests whose names speak of parts, mergers and predecessors.
- What the switches of [schalter.md](schalter.md) make of some of these cases stands in `tests/spec/test_alternatives.py`. Two
  outcomes that the methodology mentions cannot be selected: a simple instead of a weighted mean (R08), and the rule before 2016
  by which time as a child in benefits counted towards long-term receipt (L05).
- R07: what was paid after a reduction of benefits is no column of any delivery; the entitlement is all there is.
- L09: § 16k has existed since July 2023. On the counting day of the case (2018) the code is outside its validity and has no
  class; from 2023 on the catalog lists it as not active. The outcome is the same.
- N14: the job under § 16i is of 2019, when it came into being, and the Integrationen are of 2018, not of April 2016.
- R09, R10 show the reason why there is no value; the methodology says only that there is none.
"""


def page(cases: Iterable[Case]) -> str:
    """Return the page."""
    by_file: dict[str, list[Case]] = {}
    for case in cases:
        by_file.setdefault(case.file, []).append(case)
    parts = [INTRODUCTION]
    for file, found in by_file.items():
        parts += [f"## {_title(file)}\n", "| case | situation | expected | shown by |\n|---|---|---|---|"]
        parts += [_row(case) for case in found]
        parts.append("")
    return "\n".join([*parts, LEFT_OUT])


def _title(file: str) -> str:
    document = ast.get_docstring(ast.parse((HERE / file).read_text(encoding="utf-8")))
    return (document or file).splitlines()[0].rstrip(".")


def _row(case: Case) -> str:
    situation = case.situation + (" *(base counts)*" if case.kind == BASE_COUNTS else "")
    expected = "<br>".join(f"`{line}`" for line in case.expected) or "no event"
    sentence = case.test.removeprefix("test_").replace("_", " ")
    link = f"[{sentence}](../../tests/spec/{case.file})"
    return f"| {case.case_id} | {situation} | {expected} | {link} |"


def write(path: Path = PAGE) -> None:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(all_cases()), encoding="utf-8")


if __name__ == "__main__":
    write()
