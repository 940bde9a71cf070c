"""What `summary`, `explain` and `verify` read from a release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline import cli
from pipeline.catalog import Gebietsaenderung
from pipeline.explain import UnknownFigureError, as_json, as_lines, explain
from pipeline.months import month_range
from pipeline.store import Store
from pipeline.summary import NoReleaseError, german, newest_release, summary_lines
from pipeline.verify import ReleaseNameError, verify
from unit.publish.country import HIDDEN, HIDDEN_VALUE, MISSING, MONTH, SAALEKREIS, Country, country, publish_country

ORIGINALS = {
    ("2017-03", "beschaeftigung", "bst"): b"employment of the month",
    ("2018-03", "beschaeftigung", "bst"): b"employment a year later",
    ("2017-03", "aufnahme", SAALEKREIS): b"starts",
    ("2017-02", "bestand", SAALEKREIS): b"stock",
    ("2017-03", "aufnahme", HIDDEN): b"starts elsewhere",
    ("2018-07", "leistung", SAALEKREIS): b"payments, which this indicator does not read",
    ("2018-07", "eckwerte", "statistik"): b"published counts",
}


@dataclass(frozen=True)
class Published:
    country: Country
    store: Store

    @property
    def folder(self) -> Path:
        return self.store.release(MONTH, 1)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """Publish a country of eight jobcenters with two indicators and the counts of Saalekreis for one of them."""
    made = country(units=8, indicators=("K2E3", "K1E2"))
    counts = [
        {
            "ref_month": month,
            "jc_id": SAALEKREIS,
            "geschlecht": "T",
            "merkmal": merkmal,
            "wert": None if month == "2016-05" else Decimal(size),
            "grund": "geheim" if month == "2016-05" else None,
            "basis": "personen",
        }
        for month in month_range("2016-04", "2017-03")
        for merkmal, size in (("svb_nach12", 1234), ("int_svb", 2000))
    ]
    made = replace(made, eckwerte=[*made.eckwerte, *counts])
    store = made.write(tmp_path_factory.mktemp("store"))
    deliveries = []
    for (month, table, unit), content in ORIGINALS.items():
        digest = sha256(content).hexdigest()
        store.snapshot(digest).parent.mkdir(parents=True, exist_ok=True)
        store.snapshot(digest).write_bytes(content)
        address = f"{month}/{table}/{unit}.csv"
        deliveries.append({"address": address, "ref_month": month, "table": table, "unit": unit, "sha256": digest})
    inputs: dict[str, Any] = {"lieferungen": deliveries, "codelisten": {}, "lock_sha256": ""}
    publish_country(store, made, manifest_inputs=inputs)
    yield Published(made, store)


# -- summary -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"), [("74.3", "74,3"), ("-2.5", "−2,5"), ("0.0", "0,0"), ("1234.5", "1234,5"), (None, "–")]
)
def test_values_are_written_the_german_way(value: str | None, text: str) -> None:
    assert german(None if value is None else Decimal(value)) == text


def test_the_summary_shows_the_best_the_own_row_and_where_to_look(published: Published) -> None:
    lines = summary_lines(published.folder, "K2E3", SAALEKREIS, 2)
    rows = [r for r in published.country.vergleich if r["kennzahl"] == "K2E3" and r["geschlecht"] == "T"]
    own = next(r for r in rows if r["jc_id"] == SAALEKREIS and r["in_kraft"])
    assert "SYNTHETISCH" in lines[0].upper()
    assert "K2E3 (K2E3@2011), Bezugsmonat 2018-03: kommunale Jobcenter" in lines
    ranked = [line for line in lines if line.lstrip()[:1].isdigit()]
    assert [line.split(".")[0].strip() for line in ranked] == ["1", "2"]
    assert f"Saalekreis (t04412): 74,3 %, Rang {own['rang_anzeige_alle']} von {own['anzahl_alle']}" in lines
    assert lines[-2] == f"Release:  {published.folder}"
    page = Path(lines[-1].removeprefix("Tabelle:  "))
    assert page.is_file()


def test_who_is_withheld_is_in_the_summary_without_a_value(published: Published) -> None:
    (line,) = [x for x in summary_lines(published.folder, "K2E3", HIDDEN, 1) if HIDDEN in x]
    assert line.endswith(": kein Wert (geheim)")


def test_a_summary_of_an_indicator_that_is_not_there_is_an_error(published: Published) -> None:
    with pytest.raises(NoReleaseError, match="no indicator K7"):
        summary_lines(published.folder, "K7", SAALEKREIS, 10)


def test_the_tenth_release_is_newer_than_the_ninth(tmp_path: Path) -> None:
    for number in ("1", "9", "10", ".aside", "11.part"):
        (tmp_path / "releases" / MONTH / number).mkdir(parents=True)
    assert newest_release(tmp_path, MONTH).name == "10"
    with pytest.raises(NoReleaseError, match="2018-06"):
        newest_release(tmp_path, "2018-06")


# -- explain -----------------------------------------------------------------------------------------------------------


def newest_jobcenters(published: Published) -> set[str]:
    return set(pq.read_table(published.folder / "vergleich.parquet").column("jc_id").to_pylist())


def german_count(value: Decimal) -> str:
    return f"{value:,.0f}".replace(",", "\u202f")


def lines_of(published: Published, *arguments: str) -> list[str]:
    catalog = published.country.catalog
    return as_lines(explain(published.store.root, catalog, *arguments))


def test_a_figure_is_explained_by_its_formula_its_months_and_its_deliveries(published: Published) -> None:
    lines = lines_of(published, "K2E3", SAALEKREIS, "2018-03")
    assert lines[0].startswith("SYNTHETISCHE DATEN")
    assert "K2E3 Nachhaltigkeit der Integrationen" in lines
    assert "Saalekreis, März\u00a02018: 74,3\u00a0%" in lines
    assert any(line.endswith("Fassung K2E3@2011, für den Lauf 2018-07 in Kraft") for line in lines)
    assert "  743 / 1\u202f000 · 100 = 74,3 %" in lines
    assert any("(svb_nach12), 2016-04 bis 2017-03" in line and line.startswith("Zähler") for line in lines)
    assert any("(int_svb), 2016-04 bis 2017-03" in line and line.startswith("Nenner") for line in lines)
    months = [line.split()[0] for line in lines if line.startswith("  20") and ".csv" not in line]
    assert months == month_range("2016-04", "2017-03") * 2
    assert sum("1\u202f234  aus Personen gezählt" in line for line in lines) == 11


def test_a_withheld_count_is_explained_by_its_reason(published: Published) -> None:
    (one, two) = [x for x in lines_of(published, "K2E3", SAALEKREIS, "2018-03") if x.startswith("  2016-05")]
    assert one.split()[1:] == two.split()[1:] == ["*", "geheim", "zu", "halten"]
    assert sum("nur ihre Summe" in x for x in lines_of(published, "K2E3", SAALEKREIS, "2018-03")) == 1
    assert not any("nur ihre Summe" in x for x in lines_of(published, "K2E3", HIDDEN, "2018-03"))


def test_who_asks_for_the_month_of_the_run_is_told_the_month_of_the_figure(published: Published) -> None:
    with pytest.raises(
        NoReleaseError, match="appears with the run of 2018-11, the run of 2018-07 shows it for 2018-03"
    ):
        lines_of(published, "K2E3", SAALEKREIS, MONTH)


def test_ranks_are_those_of_the_pages(published: Published) -> None:
    for row in published.country.vergleich:
        if row["kennzahl"] == "K2E3" and row["in_kraft"] and row["geschlecht"] == "T" and row["rang_alle"]:
            found = explain(published.store.root, published.country.catalog, "K2E3", row["jc_id"], "2018-03")
            text = "\n".join(as_lines(found))
            assert f"Das ist Rang\u00a0{row['rang_anzeige_alle']} von {row['anzahl_alle']} Jobcentern" in text
            assert as_json(found)["rang_anzeige"] == row["rang_anzeige_alle"]


def test_exactly_the_deliveries_that_were_read_are_named_with_their_digests(published: Published) -> None:
    found = explain(published.store.root, published.country.catalog, "K2E3", SAALEKREIS, "2018-03")
    named = {(d.month, d.table, d.unit): d.sha256 for d in found.deliveries}
    read = [
        k
        for k in ORIGINALS
        if k[1] != "leistung" and k[2] in ("bst", SAALEKREIS) and k != ("2017-03", "beschaeftigung", "bst")
    ]
    assert named == {key: sha256(ORIGINALS[key]).hexdigest() for key in read}


def test_deliveries_of_a_predecessor_are_named_too(published: Published) -> None:
    merged = Gebietsaenderung(HIDDEN, SAALEKREIS, date(2017, 7, 1))
    catalog = replace(published.country.catalog, gebietsaenderungen=(merged,))
    found = explain(published.store.root, catalog, "K2E3", SAALEKREIS, "2018-03")
    assert ("2017-03", "aufnahme", HIDDEN) in {(d.month, d.table, d.unit) for d in found.deliveries}


def test_predecessors_are_those_of_the_list_that_came_with_the_deliveries(published: Published, tmp_path: Path) -> None:
    store = published.country.write(tmp_path)
    delivered = f"alt,neu,ab\n{HIDDEN},{SAALEKREIS},2017-07-01\n".encode()
    digest = sha256(delivered).hexdigest()
    starts = {"address": "2017-03/aufnahme/x.csv", "ref_month": "2017-03", "table": "aufnahme", "unit": HIDDEN}
    inputs = {"lieferungen": [starts | {"sha256": "0" * 64}], "codelisten": {"gebietsaenderungen": digest}}
    publish_country(store, published.country, manifest_inputs={**inputs, "lock_sha256": ""})
    explained = (store.root, published.country.catalog, "K2E3", SAALEKREIS, "2018-03")
    assert explain(*explained).deliveries == []
    store.snapshot(digest).parent.mkdir(parents=True)
    store.snapshot(digest).write_bytes(delivered)
    assert [d.unit for d in explain(*explained).deliveries] == [HIDDEN]


def test_a_change_is_explained_by_its_own_formula(published: Published) -> None:
    lines = lines_of(published, "K1E2", SAALEKREIS, MONTH)
    (formula,) = [line for line in lines if line.endswith(" %") and line.startswith("  (")]
    assert "− 1) · 100 = " in formula


def test_the_version_not_in_force_is_explained_on_demand(published: Published) -> None:
    lines = lines_of(published, "K2E3", SAALEKREIS, "2018-03", "T", "@2019")
    assert any("Fassung K2E3@2019" in line for line in lines)
    assert any("(svb_kont6), 2016-10 bis 2017-09" in line for line in lines)


def test_a_withheld_or_missing_figure_has_a_reason_and_no_number(published: Published) -> None:
    withheld = lines_of(published, "K2E3", HIDDEN, "2018-03")
    assert any(line.startswith("Der Wert ist geheim zu halten.") for line in withheld)
    assert str(HIDDEN_VALUE).replace(".", ",") not in "\n".join(withheld)
    missing = lines_of(published, "K2E3", MISSING, "2018-03")
    assert "Kein Wert: Lieferung fehlt oder wurde zurückgewiesen." in missing


@pytest.mark.parametrize("area", ["bund", "kommunal", "Sachsen-Anhalt"])
def test_a_higher_level_is_explained_without_months(area: str, published: Published) -> None:
    lines = lines_of(published, "K2E3", area, "2018-03")
    assert not any(line.startswith("  20") and ".csv" not in line for line in lines)
    assert any(line.startswith("Summe über") for line in lines)


@pytest.mark.parametrize("area", ["bund", "kommunal", "Sachsen-Anhalt"])
def test_a_higher_level_is_explained_by_its_jobcenters_and_their_deliveries(area: str, published: Published) -> None:
    found = explain(published.store.root, published.country.catalog, "K2E3", area, "2018-03")
    catalog = published.country.catalog
    belongs = {
        "bund": lambda j: True,
        "kommunal": lambda j: j.traeger == "zkT",
        "Sachsen-Anhalt": lambda j: j.land == "Sachsen-Anhalt",
    }
    members = {m.jc_id for m in found.explanation.members}
    assert members == {m for m in newest_jobcenters(published) if belongs[area](catalog.jobcenters[m])}
    assert SAALEKREIS in members
    own = explain(published.store.root, catalog, "K2E3", SAALEKREIS, "2018-03")
    assert {d.sha256 for d in own.deliveries} <= {d.sha256 for d in found.deliveries}
    line = next(line for line in as_lines(found) if line.startswith(f"  {SAALEKREIS}"))
    assert german_count(own.explanation.numerator) in line and german_count(own.explanation.denominator) in line
    hidden = next(line for line in as_lines(found) if line.startswith(f"  {HIDDEN}")) if HIDDEN in members else ""
    assert str(HIDDEN_VALUE).replace(".", ",") not in hidden


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("K9", SAALEKREIS, "2018-03"), "'K9' is no indicator; there are K1"),
        (("K2E3", "t99999", "2018-03"), "no K2E3 for 't99999' in 2018-03"),
        (("K2E3", SAALEKREIS, "2018-03", "X"), "'X' is no sex of a figure; there are T, M, F"),
        (("K2E3", SAALEKREIS, "2018-03", "T", "@2024"), "no K2E3@2024"),
        (("K2E3", SAALEKREIS, "2018-03", "T", "2024"), "no K2E3@2024"),
    ],
)
def test_a_figure_that_is_not_there_is_an_error_that_says_which(
    arguments: tuple[str, ...], said: str, published: Published
) -> None:
    with pytest.raises(UnknownFigureError, match=said):
        explain(published.store.root, published.country.catalog, *arguments)


def test_the_explanation_of_another_month_needs_its_release(published: Published) -> None:
    with pytest.raises(NoReleaseError, match="2018-06"):
        explain(published.store.root, published.country.catalog, "K2E3", SAALEKREIS, "2018-02")


def test_the_explanation_as_json_is_plain(published: Published) -> None:
    found = as_json(explain(published.store.root, published.country.catalog, "K2E3", SAALEKREIS, "2018-03"))
    again = json.loads(json.dumps(found))
    assert again["kennzahl"]["wert_anzeige"] == "74.3"
    assert again["synthetisch"] is True
    assert [(s["seite"], s["operator"], len(s["monate"])) for s in again["seiten"]] == [
        ("Zähler", "sum", 12),
        ("Nenner", "sum", 12),
    ]


# -- verify ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def copied(published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return a store that a test may damage; computing anew, which a release of invented tables cannot stand, finds nothing."""
    shutil.copytree(published.store.root, tmp_path / "store", symlinks=True)
    for path in (tmp_path / "store").rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    monkeypatch.setattr("pipeline.verify._recompute", lambda *arguments: [])
    return Store(tmp_path / "store")


NAME = f"{MONTH}.1"


def test_a_whole_release_has_no_problems(copied: Store) -> None:
    found = verify(copied.root, NAME)
    assert found.problems == ()
    assert found.deliveries == len(ORIGINALS)
    assert found.files == sum(1 for p in copied.release(MONTH, 1).rglob("*") if p.is_file()) - 1


@pytest.mark.parametrize("name", ["kennzahlen.parquet", "vergleich.csv", "datapackage.json"])
def test_a_changed_byte_is_found(name: str, copied: Store) -> None:
    path = copied.release(MONTH, 1) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert verify(copied.root, NAME).problems == (f"release: {name} has another sha-256",)


def test_missing_added_and_shortened_files_are_found(copied: Store) -> None:
    folder = copied.release(MONTH, 1)
    (folder / "eckwerte.parquet").unlink()
    (folder / "note.txt").write_text("hello")
    (folder / "kennzahlen.csv").write_bytes((folder / "kennzahlen.csv").read_bytes()[:-1])
    assert set(verify(copied.root, NAME).problems) == {
        "release: eckwerte.parquet is missing",
        "release: note.txt is not declared",
        "release: kennzahlen.csv has another size",
    }


def test_originals_that_are_gone_or_changed_are_found(copied: Store) -> None:
    gone, changed = (sha256(ORIGINALS[key]).hexdigest() for key in list(ORIGINALS)[:2])
    copied.snapshot(gone).unlink()
    copied.snapshot(changed).write_bytes(b"other employment")
    assert verify(copied.root, NAME).problems == (
        f"delivery 2017-03/beschaeftigung/bst.csv: the original bytes {gone} are missing",
        f"delivery 2018-03/beschaeftigung/bst.csv: the kept bytes are not those of {changed}",
    )


@pytest.mark.parametrize("name", ["2018-07", "2018-07.2", "2018-08.1", "aktuell", "2018-07.1.1", "../2018-07.1", ""])
def test_a_name_that_is_no_release_is_refused(name: str, copied: Store) -> None:
    with pytest.raises(ReleaseNameError, match=r"releases are named like 2018-07\.1"):
        verify(copied.root, name)


def test_the_command_ends_with_one_where_a_byte_is_changed(
    copied: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (copied.release(MONTH, 1) / "note.txt").write_text("hello")
    monkeypatch.setattr("sys.argv", ["kennzahlen", "verify", NAME, "--store", str(copied.root), "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["problems"] == ["release: note.txt is not declared"]
