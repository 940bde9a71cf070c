"""Corrections, waivers and switches from the files a person writes to the release, its page and its recomputation."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline import steps
from pipeline.months import month_range
from pipeline.store import read_findings
from pipeline.verify import verify

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
MONTH = "2018-07"
JOBCENTER = "t12702"
ERROR, TRUTH = 91000, 9100
pytestmark = pytest.mark.slow

CORRECTION = f"""\
- id: null-zu-viel
  ref_month: {MONTH}
  jc_id: {JOBCENTER}
  geschlecht: T
  merkmal: elb
  expect: {ERROR}
  value: {TRUTH}
  reason: eine Null zu viel
  source: Schreiben der Statistik vom 2018-11-05
  owner: Fachstatistik
  reviewed_on: 2018-11-06
"""
WAIVERS = """\
- id: ohne-lieferung
  rule: COUNT-NO-DELIVERY
  units: [t03908]
  reason: Das Jobcenter liefert erst ab 2019.
  owner: Datenannahme
  expires: 2999-12-31
- id: abgelaufen
  rule: COUNT-NO-DELIVERY
  units: [t31108]
  reason: Das Jobcenter sollte ab 2018 liefern.
  owner: Datenannahme
  expires: 2018-01-01
"""


@dataclass(frozen=True)
class Country:
    """The sample with one jobcenter more, of which counts are published; one of them is wrong."""

    tree: Path
    decisions: Path
    store: Path

    def open(self, *switches: str) -> steps.Run:
        run = steps.open_run(self.store, MONTH, [str(self.tree)], switches=switches)
        return replace(run, settings=replace(run.settings, corrections=self.decisions, threads=1))

    def publish_counts(self, stock: int) -> None:
        for month in month_range("2015-07", MONTH):
            rows = [f"{JOBCENTER},T,elb,{stock if month == MONTH else TRUTH},", f"{JOBCENTER},T,int,150,"]
            path = self.tree / month / "eckwerte" / "statistik.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(["jc_id,geschlecht,merkmal,wert,zeichen", *rows, ""]), encoding="utf-8")


def country(folder: Path) -> Country:
    made = Country(folder / "lieferungen", folder / "corrections", folder / "store")
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(made.tree)
    made.publish_counts(ERROR)
    made.decisions.mkdir()
    (made.decisions / "corrections.yml").write_text(CORRECTION, encoding="utf-8")
    (made.decisions / "waivers.yml").write_text(WAIVERS, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Country:
    made = country(tmp_path_factory.mktemp("decisions"))
    steps.run_all(made.open())
    return made


def manifest(made: Country, number: int = 1) -> dict[str, Any]:
    path = made.open().store.release(MONTH, number) / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))["grundlage"])


def stock(made: Country) -> Any:
    rows = pq.read_table(made.open().store.eckwerte(MONTH)).to_pylist()
    return next(r["wert"] for r in rows if (r["jc_id"], r["geschlecht"], r["merkmal"]) == (JOBCENTER, "T", "elb"))


def test_the_corrected_count_is_calculated_with_and_named_in_manifest_and_page(published: Country) -> None:
    assert stock(published) == TRUTH
    inputs = manifest(published)["eingaben"]
    assert [(c["id"], c["expect"], c["value"]) for c in inputs["berichtigungen"]] == [
        ("null-zu-viel", str(ERROR), str(TRUTH))
    ]
    page = (published.open().store.release(MONTH, 1) / "site" / "daten.html").read_text(encoding="utf-8")
    assert "Berichtigte Angaben" in page
    assert "eine Null zu viel (Schreiben der Statistik vom 2018-11-05)" in page
    assert "91\u202f000" in page and "9\u202f100" in page


def test_the_waived_unit_warns_no_more_and_the_waiver_is_published(published: Country) -> None:
    check = manifest(published)["pruefung"]
    assert [(w["id"], w["units"]) for w in check["ausnahmen"]] == [("ohne-lieferung", ["t03908"])]
    without = next(rule for rule in check["broken"] if rule["rule"] == "COUNT-NO-DELIVERY")
    assert "t03908" not in without["units"]
    assert "t31108" in without["units"]
    page = (published.open().store.release(MONTH, 1) / "site" / "daten.html").read_text(encoding="utf-8")
    assert "Ausnahmen von Prüfungen" in page
    assert "Das Jobcenter liefert erst ab 2019." in page
    assert "Das Jobcenter sollte ab 2018 liefern." not in page


def test_an_expired_waiver_is_a_warning(published: Country) -> None:
    found = [f for f in read_findings(published.open().store.findings(MONTH, "fetch")) if f.rule == "WAIVER-EXPIRED"]
    assert [f.severity for f in found] == ["warning"]
    assert "abgelaufen" in found[0].message and "2018-01-01" in found[0].message
    assert "WAIVER-EXPIRED" in {rule["rule"] for rule in manifest(published)["pruefung"]["broken"]}


def test_the_same_decisions_give_the_same_release(published: Country) -> None:
    assert steps.run_all(published.open())["unchanged"]


def test_the_release_can_be_computed_anew_from_what_it_names(published: Country) -> None:
    # Neither file is read: what counted then is kept with the original bytes.
    (published.decisions / "corrections.yml").rename(published.decisions / "aside")
    try:
        assert verify(published.store, f"{MONTH}.1").problems == ()
    finally:
        (published.decisions / "aside").rename(published.decisions / "corrections.yml")


def test_a_repaired_error_stops_the_run_until_the_entry_is_removed(tmp_path: Path) -> None:
    made = country(tmp_path)
    made.publish_counts(TRUTH)
    with pytest.raises(steps.QualityStop, match="CORRECTION-REPAIRED"):
        steps.run_all(made.open())
    assert not made.open().store.releases.exists()
    (made.decisions / "corrections.yml").write_text("[]\n", encoding="utf-8")
    assert steps.run_all(made.open())["number"] == 1


def test_a_wrong_file_stops_before_anything_is_pulled(tmp_path: Path) -> None:
    made = country(tmp_path)
    (made.decisions / "waivers.yml").write_text(WAIVERS.replace("COUNT-NO-DELIVERY", "COUNT-NONE"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"waivers\.yml, line 1: ohne-lieferung: there is no rule 'COUNT-NONE'"):
        steps.run_all(made.open())
    assert not (made.store / "snapshots").exists()
