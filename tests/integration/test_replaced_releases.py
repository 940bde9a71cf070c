"""A late delivery leads to the next release of each month that is run again: what changed, why, and what was published when."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import steps
from pipeline.cli import app
from pipeline.planning import Plan, plan
from pipeline.publish.manifest import read_manifest
from pipeline.store import Store
from pipeline.verify import verify

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
EARLIER, MONTH = "2018-06", "2018-07"
LATE = "2017-03/leistungsbezug/t04448"
pytestmark = [pytest.mark.slow, pytest.mark.thorough]


@dataclass(frozen=True)
class Replaced:
    """A store with two releases of two months each, and the plan that was made when the late delivery had come."""

    store: Store
    late_digest: str
    planned: Plan

    def changes(self, month: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self.store.release(month, 2) / "aenderungen.parquet").to_pylist()
        return rows


def publish_at(root: Path, source: Path, month: str, moment: str) -> None:
    """Do all steps of a month; the release appears at a moment in UTC."""
    run = steps.open_run(root, month, [str(source)])
    run = replace(run, settings=replace(run.settings, threads=1))
    now: Callable[[], datetime] = lambda: datetime.fromisoformat(moment).replace(tzinfo=UTC)  # noqa: E731
    for name in steps.STEPS:
        more = {"now": now} if name == "publish" else {}
        getattr(steps, name)(replace(run), **more)


@pytest.fixture(scope="module")
def replaced(tmp_path_factory: pytest.TempPathFactory) -> Replaced:
    folder = tmp_path_factory.mktemp("replaced")
    source, store = folder / "source", Store(folder / "store")
    with zipfile.ZipFile(SAMPLE) as archive:
        archive.extractall(source)
    late = source / f"{LATE}.csv"
    content = late.read_bytes()
    late.unlink()
    publish_at(store.root, source, EARLIER, "2018-10-15T05:00:00")
    publish_at(store.root, source, MONTH, "2018-11-15T05:00:00")
    late.write_bytes(content)
    planned = plan(steps.open_run(store.root, MONTH, [str(source)]))
    publish_at(store.root, source, MONTH, "2018-11-20T22:30:00")
    publish_at(store.root, source, EARLIER, "2018-11-21T05:00:00")
    return Replaced(store, sha256(content).hexdigest(), planned)


def shown(release: Path) -> dict[tuple[str, ...], tuple[str, int | None]]:
    """Return what a release shows of every cell: value or reason, and rank."""
    found: dict[tuple[str, ...], tuple[str, int | None]] = {}
    names = ("ref_month", "gebiet", "kennzahl", "definition", "geschlecht")
    for r in pq.read_table(release / "kennzahlen.parquet").to_pylist():
        found["kennzahlen", r["ebene"], *(r[n] for n in names)] = (str(r["wert_anzeige"] or r["grund"]), None)
    for r in pq.read_table(release / "vergleich.parquet").to_pylist():
        key = ("kennzahlen", "jobcenter", r["ref_month"], r["jc_id"], *(r[n] for n in names[2:]))
        found[key] = (found[key][0], r["rang_anzeige_alle"])
    for r in pq.read_table(release / "eckwerte.parquet").to_pylist():
        key = ("eckwerte", "jobcenter", r["ref_month"], r["jc_id"], r["merkmal"], "", r["geschlecht"])
        found[key] = (str(r["wert"] if r["wert"] is not None else r["grund"]), None)
    return found


@pytest.mark.parametrize("month", [EARLIER, MONTH])
def test_every_cell_that_shows_something_else_is_listed_and_no_other(month: str, replaced: Replaced) -> None:
    old, new = (shown(replaced.store.release(month, number)) for number in (1, 2))
    assert old.keys() == new.keys()
    listed = {
        (r["tabelle"], r["ebene"], r["ref_month"], r["gebiet"], r["groesse"], r["definition"], r["geschlecht"]): r
        for r in replaced.changes(month)
    }
    assert listed.keys() == {key for key in old if old[key] != new[key]}
    for key, row in listed.items():
        assert (row["rang_alt"], row["rang_neu"]) == (old[key][1], new[key][1])
        assert row["release_alt"] == f"{month}.1"


@pytest.mark.parametrize("month", [EARLIER, MONTH])
def test_the_late_delivery_is_the_cause_of_what_reads_it_and_others_of_the_rest(month: str, replaced: Replaced) -> None:
    rows = replaced.changes(month)
    own = [r for r in rows if r["ursache"] == "Lieferung"]
    rest = [r for r in rows if r["ursache"] != "Lieferung"]
    assert own and rest and {r["ursache"] for r in rest} == {"andere Jobcenter"}
    for row in own:
        assert (row["ursachen"], row["ursache_adresse"]) == (1, [f"{LATE}.csv"])
        assert (row["ursache_alt"], row["ursache_neu"]) == ([""], [replaced.late_digest])
    assert {r["gebiet"] for r in own if r["ebene"] == "jobcenter"} == {"t04448"}
    assert {r["groesse"] for r in own if r["tabelle"] == "eckwerte"} <= {
        "elb_zugang",
        "elb_abgang",
        "lzb",
        "lzb_zugang",
        "lzb_abgang",
        "lzb_amp",
        "int_lzb",
    }
    for row in rest:
        assert (row["ebene"] == "jobcenter" and row["gebiet"] != "t04448") or row["wert_alt"] != row["wert_neu"]
    assert any(r["wert_alt"] == "nicht_geliefert" for r in own)


def test_the_plan_named_the_release_and_the_other_month(replaced: Replaced) -> None:
    release = replaced.planned.release
    assert (release.newest, release.expected, release.reasons) == (f"{MONTH}.1", f"{MONTH}.2", ("deliveries",))
    assert dict(replaced.planned.also) == {EARLIER: (LATE,)}


def test_a_repeated_older_month_does_not_move_the_pointer(replaced: Replaced) -> None:
    assert replaced.store.pointer.readlink() == Path(f"{MONTH}/2")


def test_a_replacing_release_is_computed_anew_byte_by_byte(replaced: Replaced) -> None:
    journal = replaced.store.releases / "ausgaben.jsonl"
    before = journal.read_bytes()
    assert verify(replaced.store.root, f"{MONTH}.2").problems == ()
    assert journal.read_bytes() == before


def test_releases_made_before_the_delivery_came_bind_those_made_after_it(replaced: Replaced) -> None:
    bound = {
        f"{month}.{number}": read_manifest(replaced.store.release(month, number))["grundlage"]["eingaben"][
            "gebunden_an"
        ]
        for month in (EARLIER, MONTH)
        for number in (1, 2)
    }
    assert bound == {
        f"{EARLIER}.1": [],
        f"{EARLIER}.2": [f"{EARLIER}.1"],
        f"{MONTH}.1": [],
        f"{MONTH}.2": [f"{EARLIER}.1", f"{MONTH}.1"],
    }


def test_the_page_of_changes_counts_the_causes(replaced: Replaced) -> None:
    page = (replaced.store.release(MONTH, 2) / "site" / "aenderungen.html").read_text(encoding="utf-8")
    rows = replaced.changes(MONTH)
    for kind in ("Lieferung", "andere Jobcenter"):
        assert f"<li>{kind}: <b>{sum(1 for r in rows if r['ursache'] == kind)}</b></li>" in page
    assert f"<code>{replaced.late_digest[:12]}</code>" in page


# -- what was published when -------------------------------------------------------------------------------------------


def said(replaced: Replaced, *arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, [*arguments, "--store", str(replaced.store.root)])
    return ended.exit_code, ended.output


def table(replaced: Replaced, *arguments: str) -> Mapping[str, Any]:
    code, text = said(replaced, "table", "K3", "--json", *arguments)
    assert code == 0, text
    content = json.loads(text)
    assert isinstance(content, dict)
    return content


def test_the_table_of_a_day_is_that_of_the_release_current_then(replaced: Replaced) -> None:
    for day, name, by in (
        ("2018-11-14", f"{EARLIER}.1", f"{EARLIER}.2"),
        ("2018-11-19", f"{MONTH}.1", f"{MONTH}.2"),
        ("2018-11-20", f"{MONTH}.2", None),  # 22:30 UTC is half past eleven in Berlin
    ):
        found = table(replaced, "--as-of", day)
        assert (found["release"], found["ersetzt_durch"]) == (name, by)
        month, number = name.split(".")
        published = {
            r["jc_id"]: (r["wert_anzeige"], r["rang_anzeige_alle"])
            for r in pq.read_table(replaced.store.release(month, int(number)) / "vergleich.parquet").to_pylist()
            if (r["kennzahl"], r["geschlecht"]) == ("K3", "T")
        }
        assert {r["jc_id"]: (r["wert_anzeige"], r["rang"]) for r in found["zeilen"]} == {
            unit: (None if value is None else str(value), rank) for unit, (value, rank) in published.items()
        }
    assert table(replaced)["release"] == f"{MONTH}.2"
    assert table(replaced, "--month", EARLIER, "--as-of", "2018-11-20")["release"] == f"{EARLIER}.1"


def test_the_terminal_says_which_release_it_shows_and_what_replaced_it(replaced: Replaced) -> None:
    code, text = said(replaced, "table", "K3", "--as-of", "2018-11-19", "--jobcenter", "t04448")
    assert code == 0
    assert f"Veröffentlichung {MONTH}.1 vom 15.11.2018, 06:00 Uhr" in text
    assert f"Seit 20.11.2018, 23:30 Uhr ersetzt durch {MONTH}.2" in text
    assert f"Lieferung {LATE}.csv" in text
    assert (
        "Mansfeld Südharz" in text
        and "Saalekreis" not in text
        and "nicht geliefert" in text.lower().replace("lieferung fehlt", "nicht geliefert")
    )


def test_the_csv_has_every_row_of_the_kommunale(replaced: Replaced) -> None:
    code, text = said(replaced, "table", "K2", "--csv", "--kommunal")
    rows = pq.read_table(replaced.store.release(MONTH, 2) / "vergleich.parquet").to_pylist()
    units = {r["jc_id"] for r in rows if (r["kennzahl"], r["geschlecht"], r["traeger"]) == ("K2", "T", "zkT")}
    assert code == 0 and len(units) > 100
    assert {line.split(",")[1] for line in text.splitlines()[1:]} == units


def test_the_releases_are_listed_with_the_reason(replaced: Replaced) -> None:
    code, text = said(replaced, "releases")
    lines = text.splitlines()
    assert code == 0 and [line.split()[0] for line in lines] == [f"{m}.{n}" for m in (EARLIER, MONTH) for n in (1, 2)]
    assert "erste Veröffentlichung" in lines[0] and "20.11.2018, 23:30 Uhr" in lines[3]
    assert f"Lieferung {LATE}.csv – {len(replaced.changes(MONTH))} Werte und Ränge anders" in lines[3]


def test_before_the_first_release_there_is_nothing_to_show(replaced: Replaced) -> None:
    ended = CliRunner().invoke(app, ["table", "K3", "--as-of", "2018-10-14", "--store", str(replaced.store.root)])
    assert ended.exit_code == 1
    assert "the first release, 2018-06.1, appeared on 2018-10-15" in str(ended.exception)


@pytest.mark.parametrize(
    "wrong",
    [
        ("K9",),
        ("K3", "--as-of", "20.11.2018"),
        ("K3", "--month", "2018-13"),
        ("K3", "--geschlecht", "X"),
        ("K3", "--jobcenter", "t99999"),
        ("K3", "--csv", "--json"),
    ],
)
def test_wrong_usage_ends_with_two(wrong: tuple[str, ...], replaced: Replaced) -> None:
    assert said(replaced, "table", *wrong)[0] == 2
