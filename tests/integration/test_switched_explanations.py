"""A figure is explained for the month that its run gave it: switches of lag, label and version change which run shows what."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline import steps
from pipeline.catalog import lags_of
from pipeline.explain import FigureFound, as_json, as_lines, explain
from pipeline.explain.figure import UnknownFigureError
from pipeline.months import add_months, month_range
from pipeline.summary import NoReleaseError
from published import files
from published.country import FIRST, cells_of, small_catalog

MONTH, OWN = "2018-07", "t04412"
CATALOG = small_catalog()
pytestmark = pytest.mark.slow

POSITIONS = {
    (lag, label): add_months(MONTH, 4 - lag - (6 if label == "integration_month" else 0))
    for lag, label in product((8, 4), ("sixth_check_month", "integration_month"))
}
"""Values of the two switches that date K2E3@2019, and the month that the run for July 2018 gives it."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the published counts of a small country, from the first month that K2E3 needs on."""
    folder = tmp_path_factory.mktemp("switched")
    for month in month_range("2015-12", MONTH):
        path = folder / "source" / month / "eckwerte" / "statistik.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(files.canonical(cells_of(max(month, FIRST))))
    return folder


def published(place: Path, *switches: str, month: str = MONTH) -> Path:
    """Publish the small country under a selection and return the release."""
    run = steps.open_run(place / "store", month, [str(place / "source")], switches=switches)
    return Path(steps.run_all(replace(run, declared=CATALOG))["release"])


def explained(place: Path, month: str, version: str = "") -> FigureFound:
    return explain(place / "store", CATALOG, "K2E3", OWN, month, "T", version)


def row_of(release: Path, version: str) -> dict[str, object]:
    rows = pq.read_table(release / "kennzahlen.parquet").to_pylist()
    (row,) = [r for r in rows if (r["definition"], r["gebiet"], r["geschlecht"]) == (f"K2E3{version}", OWN, "T")]
    return row


def test_the_lags_are_those_of_every_position() -> None:
    assert lags_of("K2E3", CATALOG.indicators, CATALOG.switches) == {4, 0, 10, 6}
    assert lags_of("K2", CATALOG.indicators, CATALOG.switches) == {0}


@pytest.mark.parametrize(("lag", "label"), POSITIONS)
def test_the_figure_is_found_under_the_month_it_bears(lag: int, label: str, place: Path) -> None:
    release = published(place, f"k2e3neu_lag={lag}", f"k2e3neu_label={label}", "k2e3_switch=2018-07")
    month = POSITIONS[lag, label]
    row = row_of(release, "@2019")
    assert (row["ref_month"], row["in_kraft"]) == (month, True)
    for version in ("", "@2019"):
        found = explained(place, month, version)
        assert found.release == release
        e = found.explanation
        assert (e.definition, e.ref_month, e.run_month, e.value) == ("K2E3@2019", month, MONTH, row["wert_anzeige"])
        assert e.numerator == row["zaehler"]
        assert [s.last for s in e.sides] == [add_months(MONTH, 4 - lag - 6)] * 2, "the last month of the Integrationen"
        assert as_json(found)["kennzahl"]["ref_month"] == month
        assert any(str(row["wert_anzeige"]).replace(".", ",") in line for line in as_lines(found))
    older = explained(place, add_months(MONTH, -4), "@2011")
    assert (older.release, older.explanation.definition) == (release, "K2E3@2011")
    for other in set(month_range(add_months(MONTH, -10), MONTH)) - {month}:
        with pytest.raises((UnknownFigureError, NoReleaseError)):
            explained(place, other, "@2019")


def test_of_two_runs_that_give_a_figure_the_same_month_the_newer_one_is_explained(place: Path) -> None:
    earlier = published(place, "k2e3neu_lag=4", month="2018-03")
    newer = published(place)
    assert row_of(earlier, "@2019")["ref_month"] == row_of(newer, "@2019")["ref_month"] == "2018-03"
    assert explained(place, "2018-03", "@2019").release == newer
    assert explained(place, "2018-03").explanation.definition == "K2E3@2011"
    assert explained(place, "2017-11").release == earlier


def test_a_denominator_of_other_months_is_explained_as_it_was_computed(place: Path) -> None:
    release = published(place, "k2e3_cohort=false")
    e = explained(place, "2018-03").explanation
    assert [(s.first, s.last) for s in e.sides] == [("2016-04", "2017-03"), ("2017-04", "2018-03")]
    assert e.denominator == row_of(release, "@2011")["nenner_summe"]
    assert [(a.name, a.value) for a in e.assumptions] == [("k2e3_cohort", "False")]


def test_a_rate_bears_the_version_that_its_run_gave_it(place: Path) -> None:
    release = published(place, "list2019_from=2018-07", "k2e3_switch=2018-06")
    by_name = {name: explain(place / "store", CATALOG, name, OWN, MONTH) for name in ("K2", "K2E1", "K3E1")}
    assert {found.release for found in by_name.values()} == {release}
    assert {name: found.explanation.definition for name, found in by_name.items()} == {
        name: f"{name}@2019" for name in by_name
    }
    assert explained(place, "2018-03").explanation.definition == "K2E3@2019"
    with pytest.raises(UnknownFigureError, match=r"say --jobcenter .* and --fassung with @2011, @2019 or nothing"):
        explain(place / "store", CATALOG, "K2", OWN, MONTH, "T", "@2011")
