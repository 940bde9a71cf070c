"""The pipeline gives the officially published national figures when it is given the counts they were printed with."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from backtest.figures import GLEICH, IM_INTERVALL, PAGE, WIDERSPRUCH, Figure, figures, page
from pipeline import steps
from pipeline.catalog import Jobcenter, load_catalog
from pipeline.months import add_months, month_range

FIGURES = figures()
JOBCENTERS = {
    jc_id: Jobcenter(jc_id, f"Jobcenter {jc_id}", land, "gE", ("00000",), date(2005, 1, 1), None)
    for jc_id, land in (("t10001", "Hessen"), ("t10002", "Hessen"), ("t10003", "Bayern"))
}


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """Return whole numbers of about these proportions that add up to the total."""
    parts = [total * weight // sum(weights) for weight in weights]
    parts[-1] += total - sum(parts)
    return parts


def counts_of(month: str, numerator: int, denominator: int) -> dict[tuple[str, str, str], int]:
    """Return `int` and `elb` by month and jobcenter, whose sums of m-11 … m and means of m-12 … m-1 are the given ones."""
    seasons = [90 + 3 * i + 7 * (i % 3) for i in range(12)]
    events = dict(zip(month_range(add_months(month, -11), month), shared_out(numerator, seasons), strict=True))
    before = month_range(add_months(month, -12), add_months(month, -1))
    stocks = dict(zip(before, shared_out(12 * denominator, seasons), strict=True))
    # Outside the windows stands something else, so that a window moved by a month gives another value.
    events[add_months(month, -12)] = 2 * numerator
    stocks[month] = 2 * denominator
    stocks[add_months(month, -13)] = 3 * denominator
    found = {}
    for merkmal, series in (("int", events), ("elb", stocks)):
        for m, total in series.items():
            for jc_id, part in zip(JOBCENTERS, shared_out(total, (5, 3, 2)), strict=True):
                found[m, jc_id, merkmal] = part
    return found


def displayed(folder: Path, kennzahl: str, month: str, numerator: int, denominator: int) -> Decimal:
    """Return `wert_anzeige` of the Bund for counts that arrive by the published route, checking that its sides are those."""
    source = folder / f"{numerator}-{denominator}"
    cells = counts_of(month, numerator, denominator)
    for m in sorted({key[0] for key in cells}):
        path = source / m / "eckwerte" / "statistik.csv"
        path.parent.mkdir(parents=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("jc_id", "geschlecht", "merkmal", "wert", "zeichen"))
            writer.writerows((jc, "T", merkmal, n, "") for (mm, jc, merkmal), n in sorted(cells.items()) if mm == m)
    opened = steps.open_run(folder / f"store-{source.name}", month, [str(source)])
    catalog = replace(load_catalog(), jobcenters=JOBCENTERS, gebietsaenderungen=(), vergleichstypen=())
    run = replace(opened, declared=catalog, settings=replace(opened.settings, threads=1))
    for step in (steps.fetch, steps.stage, steps.count, steps.calculate):
        step(replace(run))
    rows = pq.read_table(run.store.computed("kennzahlen", month)).to_pylist()
    (row,) = (
        r for r in rows if (r["kennzahl"], r["ebene"], r["geschlecht"], r["in_kraft"]) == (kennzahl, "bund", "T", True)
    )
    assert (row["ref_month"], row["basis"]) == (month, "eckwerte")
    assert (row["zaehler"], row["nenner_summe"], row["nenner_monate"]) == (numerator, 12 * denominator, 12)
    value: Decimal = row["wert_anzeige"]
    return value


def of_finding(*findings: str) -> list[Figure]:
    return [figure for figure in FIGURES if figure.finding in findings]


@pytest.mark.parametrize("figure", of_finding(GLEICH), ids=lambda f: f"{f.number}-{f.ref_month}")
def test_exact_counts_give_the_printed_value(figure: Figure, tmp_path: Path) -> None:
    assert (figure.inputs, figure.numerator_span, figure.denominator_span) == ("exakt", 0, 0)
    value = displayed(tmp_path, figure.kennzahl, figure.ref_month, figure.numerator, figure.denominator)
    assert value == figure.printed


@pytest.mark.parametrize("figure", of_finding(IM_INTERVALL, WIDERSPRUCH), ids=lambda f: f"{f.number}-{f.ref_month}")
def test_rounded_counts_allow_the_printed_value_unless_the_table_calls_it_a_contradiction(
    figure: Figure, tmp_path: Path
) -> None:
    assert figure.inputs != "exakt"
    low, high = (displayed(tmp_path, figure.kennzahl, figure.ref_month, *sides) for sides in figure.bounds)
    assert low <= high
    assert high - low <= Decimal("0.6"), "the inputs are too coarse to say anything"
    assert (low <= figure.printed <= high) is (figure.finding == IM_INTERVALL)


def test_every_figure_names_its_sources_and_what_is_known_of_them() -> None:
    assert {f.finding for f in FIGURES} == {GLEICH, IM_INTERVALL, WIDERSPRUCH}
    assert len({f.number for f in FIGURES}) == len(FIGURES)
    for figure in FIGURES:
        assert all(source.startswith("http") for source in figure.sources), figure.number
        assert figure.access, figure.number
        assert figure.rights, figure.number
        assert figure.note, figure.number


def test_the_committed_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(FIGURES), "run: PYTHONPATH=tests python -m backtest.figures"
