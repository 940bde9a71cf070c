"""Explanations of a real run: what is missing is named by its delivery, findings are told, persons make exactly the counts."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline import cli, steps
from pipeline.catalog import load_catalog
from pipeline.explain import FigureFound, PersonsRefusedError, as_lines, explain, persons_behind
from pipeline.verify import verify

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
MONTH = "2018-07"
OWN, WITHOUT_MEASURES, WITH_BROKEN_STARTS = "t04412", "t04502", "t04448"
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Published:
    """A published run of the sample with one delivery missing and one that must be rejected."""

    run: steps.Run

    @property
    def folder(self) -> Path:
        return self.run.store.release(MONTH, 1)

    def explained(self, kennzahl: str, area: str, sex: str = "T", version: str = "") -> FigureFound:
        lag = load_catalog().indicators[kennzahl].lag
        month = "2018-03" if lag else MONTH
        return explain(self.run.store.root, load_catalog(), kennzahl, area, month, sex, version)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("sample")
    deliveries = folder / "lieferungen"
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(deliveries)
    (deliveries / MONTH / "massnahme" / f"{WITHOUT_MEASURES}.csv").unlink()
    broken = deliveries / "2018-06" / "aufnahme" / f"{WITH_BROKEN_STARTS}.csv"
    broken.write_text(broken.read_text(encoding="utf-8").replace("beginn", "anfang", 1), encoding="utf-8")
    run = steps.open_run(folder / "store", MONTH, [str(deliveries)])
    steps.run_all(run)
    return Published(run)


def test_a_missing_value_names_the_delivery_that_is_missing(published: Published) -> None:
    said = " ".join(published.explained("K3E2", WITHOUT_MEASURES).explanation.answer)
    assert "Kein Wert: Lieferung fehlt oder wurde zurückgewiesen." in said
    assert f"Maßnahmen Juli\u00a02018 von {WITHOUT_MEASURES} (nicht geliefert)" in said


def test_a_rejected_delivery_is_told_from_one_that_never_came(published: Published) -> None:
    found = published.explained("K2", WITH_BROKEN_STARTS)
    said = " ".join(found.explanation.answer)
    assert f"Aufnahmen Juni\u00a02018 von {WITH_BROKEN_STARTS} (zurückgewiesen)" in said
    assert [d.address for d in found.deliveries if d.rejected] == [f"2018-06/aufnahme/{WITH_BROKEN_STARTS}.csv"]
    assert "STAGE-COLUMNS" in {n.rule for n in found.explanation.findings}


def test_findings_touch_only_figures_that_read_the_delivery(published: Published) -> None:
    tables = {n.table for n in published.explained("K1E2", WITH_BROKEN_STARTS).explanation.findings}
    assert tables and "aufnahme" not in tables and "massnahme" not in tables


def test_published_findings_name_rule_and_place_and_nothing_private(published: Published) -> None:
    rows = pq.read_table(published.folder / "befunde.parquet").to_pylist()
    places = {(r["regel"], r["tabelle"], r["ref_month"], r["jc_id"]) for r in rows}
    assert ("FETCH-MISSING", "massnahme", MONTH, WITHOUT_MEASURES) in places
    assert ("STAGE-COLUMNS", "aufnahme", "2018-06", WITH_BROKEN_STARTS) in places
    assert all(r["titel"] and (r["anzahl"] is None or r["anzahl"] >= 3) for r in rows)
    assert {"wert", "zeile", "row", "value", "file", "message"}.isdisjoint(rows[0])


def test_the_release_with_its_findings_and_pages_is_computed_anew_from_its_bytes(published: Published) -> None:
    assert verify(published.run.store.root, f"{MONTH}.1").problems == ()


def test_the_persons_of_every_figure_make_exactly_its_counts(published: Published) -> None:
    store = published.run.store
    counted = 0
    for indicator in load_catalog().indicators.values():
        for sex in ("T", "F", "M"):
            found = published.explained(indicator.name, OWN, sex)
            for month in persons_behind(found, store.root, "Az. 1/2018"):
                kept = pq.read_table(
                    store.eckwerte(month.month),
                    filters=[("jc_id", "=", OWN), ("geschlecht", "=", sex), ("merkmal", "=", month.merkmal.name)],
                ).to_pylist()
                if month.value is None:
                    assert month.remark and (not kept or kept[0]["wert"] is None)
                    continue
                assert sum((p.amount for p in month.persons), Decimal(0)) == kept[0]["wert"] == month.value
                assert all(len(p.pseudonym) == 16 for p in month.persons if p.pseudonym)
                counted += len(month.persons)
    assert counted > 1000


def test_starts_are_listed_with_their_day(published: Published) -> None:
    months = persons_behind(published.explained("K2", OWN), published.run.store.root, "Az. 1/2018")
    events = [p.events for m in months if m.merkmal.name == "int" for p in m.persons]
    assert events and all(any(text.startswith("beginn=20") for text in texts) for texts in events)


def test_payments_are_listed_with_the_unit_of_need_that_was_delivered(published: Published) -> None:
    months = [
        m for m in persons_behind(published.explained("K1", OWN), published.run.store.root, "Az. 1/2018") if m.persons
    ]
    assert months
    for month in months:
        staged = published.run.store.root / published.run.staged["leistung"][month.month]["file"]
        delivered = pq.read_table(staged, columns=["bg"], filters=[("jc_id", "=", OWN)])["bg"].unique().to_pylist()
        assert {p.unit_of_need for p in month.persons} <= {f"{bg & (1 << 64) - 1:016x}" for bg in delivered}


def test_no_pseudonym_is_an_original_identifier(published: Published) -> None:
    originals = {
        line.split(",")[0]
        for path in Path(published.run.sources[0]).glob("2018-0*/bestand/*.csv")
        for line in path.read_text(encoding="utf-8").splitlines()[1:]
    }
    months = persons_behind(published.explained("K1E2", OWN), published.run.store.root, "Az. 1/2018")
    assert originals and originals.isdisjoint({p.pseudonym for m in months for p in m.persons})


def test_whoever_looks_at_persons_is_written_down_first(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    log = published.run.store.root / "access.jsonl"
    before = len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0
    persons_behind(published.explained("K2", OWN), published.run.store.root, "Az. 7/2018")
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert len(entries) == before + 1
    assert entries[-1] | {"at": "", "user": ""} == {
        "at": "",
        "user": "",
        "authorised": "Az. 7/2018",
        "release": f"{MONTH}.1",
        "jc_id": OWN,
        "definition": "K2@2011",
        "geschlecht": "T",
        "ref_month": MONTH,
    }
    assert log.stat().st_mode & 0o777 == 0o600
    assert not list(published.folder.rglob("*access*"))


@pytest.mark.parametrize(
    ("area", "authorised", "said"),
    [(OWN, " ", "under which file reference"), ("Sachsen-Anhalt", "Az. 1", "one jobcenter at a time")],
)
def test_persons_are_refused_without_a_reason_and_for_sums(
    published: Published, area: str, authorised: str, said: str
) -> None:
    log = published.run.store.root / "access.jsonl"
    before = log.read_bytes() if log.exists() else b""
    with pytest.raises(PersonsRefusedError, match=said):
        persons_behind(published.explained("K2", area), published.run.store.root, authorised)
    assert (log.read_bytes() if log.exists() else b"") == before


def test_persons_are_refused_to_who_does_not_hold_the_key(published: Published) -> None:
    key = published.run.store.root / "secret" / "pseudonym.key"
    aside = key.with_suffix(".aside")
    key.rename(aside)
    try:
        with pytest.raises(PersonsRefusedError, match="only who holds the key"):
            persons_behind(published.explained("K2", OWN), published.run.store.root, "Az. 1/2018")
        assert not key.exists()
    finally:
        aside.rename(key)


def test_the_command_lists_persons_only_when_asked(
    published: Published, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["kennzahlen", "explain", "K1E2", "--jobcenter", OWN, "--month", MONTH, "--store"]
    monkeypatch.setattr("sys.argv", [*command, str(published.run.store.root), "--json"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "personen" not in json.loads(capsys.readouterr().out.splitlines()[-1])
    monkeypatch.setattr(
        "sys.argv", [*command, str(published.run.store.root), "--json", "--persons", "--authorised", "Az. 2"]
    )
    with pytest.raises(SystemExit):
        cli.main()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [len(m["personen"]) == int(Decimal(m["wert"])) for m in said["personen"]] == [True, True]


def test_a_terminal_of_a_hundred_columns_breaks_no_digest(published: Published) -> None:
    found = published.explained("K3E1", OWN)
    narrow = as_lines(found, width=100)
    for delivery in found.deliveries:
        assert any(delivery.sha256 in line for line in narrow)
    assert max(len(line) for line in narrow) <= 100
    assert len(as_lines(found)) <= len(narrow)
