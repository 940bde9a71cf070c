"""Directories as sources: what is in force, what is remarkable, what a later run repeats."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from integration.fetch.fetch_world import MONTH, PERSON_TABLES, Desk, csv, whole_month, write_tree
from pipeline.fetch import FetchError
from pipeline.fetch import incoming as incoming_module
from pipeline.fetch import run as run_module
from pipeline.store import Register

BESTAND = f"{MONTH}/bestand/t04412.csv"


def test_everything_offered_up_to_the_month_is_pulled_and_listed(desk: Desk, tmp_path: Path) -> None:
    files = whole_month()
    tree = write_tree(
        tmp_path / "tree",
        {
            **files,
            **whole_month("2018-08"),
            "zaehltage.csv": b"ref_month,stichtag\n2018-07,2018-07-12\n",
            "SYNTHETISCH.txt": b"alles erfunden",
            "README.md": b"x",
            ".hidden/x": b"x",
        },
    )
    result = desk.fetch(tree)
    assert desk.used() == files
    content = desk.deliveries()
    assert content["synthetic"] is True
    assert content["codelists"]["gebietsaenderungen"] is None
    assert content["codelists"]["zaehltage"]["address"] == "zaehltage.csv"
    assert (result.offered, result.pulled, result.missing, result.findings) == (12, 12, 0, 0)
    assert desk.leftovers() == []


def test_second_run_pulls_nothing_and_writes_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    desk.fetch(tree)
    before = {p: p.read_bytes() for p in desk.store.root.rglob("*") if p.is_file()}
    result = desk.fetch(tree)
    assert (result.pulled, result.unchanged) == (0, 10)
    assert {p: p.read_bytes() for p in desk.store.root.rglob("*") if p.is_file()} == before


def test_changed_file_of_equal_size_and_time_is_noticed(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    desk.fetch(tree)
    status = (tree / BESTAND).stat()
    changed = (tree / BESTAND).read_bytes().replace(b"p-", b"q-")
    (tree / BESTAND).write_bytes(changed)
    os.utime(tree / BESTAND, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = desk.fetch(tree)
    assert (result.pulled, result.revised) == (1, 1)
    assert desk.used()[BESTAND] == changed


def test_revision_is_reported_and_both_bytes_are_kept_also_by_later_runs(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    desk.fetch(tree)
    old = desk.used()[BESTAND]
    write_tree(tree, {BESTAND: csv(MONTH, "bestand", "t04412", "neu")})
    desk.fetch(tree)
    first = desk.findings("FETCH-REVISED")
    desk.fetch(tree)
    assert [f.file for f in first] == [BESTAND]
    assert first[0].severity == "info"
    assert desk.findings("FETCH-REVISED") == first, "a repeated run must say the same"
    entries = [d for d in Register(desk.store.register_file).history() if d.address == BESTAND]
    assert [desk.store.snapshot(d.sha256).read_bytes() for d in entries] == [old, desk.used()[BESTAND]]
    assert entries[0].sha256[:12] in first[0].message
    assert entries[1].sha256[:12] in first[0].message


def test_later_named_source_wins_and_says_so_in_the_register(desk: Desk, tmp_path: Path) -> None:
    one = write_tree(tmp_path / "one", {**whole_month(), "zaehltage.csv": b"ref_month,stichtag\n"})
    better = csv(MONTH, "bestand", "t04412", "korrigiert")
    two = write_tree(tmp_path / "two", {BESTAND: better, "zaehltage.csv": b"ref_month,stichtag\n2018-07,2018-07-11\n"})
    desk.fetch(one, two)
    assert desk.used()[BESTAND] == better
    assert desk.findings("FETCH-REVISED") == []
    listed = desk.deliveries()["codelists"]["zaehltage"]["sha256"]
    assert b"2018-07-11" in desk.store.snapshot(listed).read_bytes()
    desk.fetch(two, one)
    assert desk.used()[BESTAND] == csv(MONTH, "bestand", "t04412")
    current = {entry.key: entry for entry in Register(desk.store.register_file).history()}
    assert current[MONTH, "bestand", "t04412"].sha256 == next(
        d["sha256"] for d in desk.deliveries()["deliveries"] if d["address"] == BESTAND
    )


def test_going_back_to_an_earlier_source_needs_no_pull_but_is_a_revision(desk: Desk, tmp_path: Path) -> None:
    one = write_tree(tmp_path / "one", whole_month())
    two = write_tree(tmp_path / "two", {BESTAND: csv(MONTH, "bestand", "t04412", "zwei")})
    desk.fetch(one)
    desk.fetch(one, two)
    result = desk.fetch(one)
    assert (result.pulled, result.revised) == (0, 1)
    assert desk.used()[BESTAND] == csv(MONTH, "bestand", "t04412")
    current = {entry.key: entry for entry in Register(desk.store.register_file).history()}
    assert desk.store.snapshot(current[MONTH, "bestand", "t04412"].sha256).read_bytes() == desk.used()[BESTAND]


def test_what_no_source_offers_any_more_stays_in_force(desk: Desk, tmp_path: Path) -> None:
    desk.fetch(write_tree(tmp_path / "one", whole_month("2018-06")))
    desk.fetch(write_tree(tmp_path / "two", whole_month("2018-07")))
    assert desk.used() == {**whole_month("2018-06"), **whole_month("2018-07")}
    result = desk.fetch()
    assert (result.offered, result.in_force) == (0, 20)


def test_run_for_an_old_month_does_not_see_later_deliveries(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {**whole_month("2018-06"), **whole_month("2018-07")})
    desk.fetch(tree)
    desk.fetch(tree, month="2018-06")
    assert desk.used("2018-06") == whole_month("2018-06")


def test_two_files_for_one_delivery_are_an_error_and_none_is_used(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    desk.fetch(tree)
    write_tree(tree, {f"{MONTH}/bestand/t04412.csv.gz": b"\x1f\x8b rest"})
    result = desk.fetch(tree)
    assert BESTAND not in desk.used(), "not even the one fetched earlier"
    (found,) = desk.findings("FETCH-TWO-FILES")
    assert (found.jc_id, found.table, found.ref_month, found.severity) == ("t04412", "bestand", MONTH, "error")
    assert desk.deliveries()["rejected"][0]["addresses"] == [BESTAND, BESTAND + ".gz"]
    assert [f.jc_id for f in desk.findings("FETCH-MISSING")] == ["t04412"]
    assert result.rejected == 1


def test_two_files_in_an_earlier_source_do_not_matter_if_a_later_one_has_one(desk: Desk, tmp_path: Path) -> None:
    one = write_tree(tmp_path / "one", {**whole_month(), BESTAND + ".gz": b"x"})
    two = write_tree(tmp_path / "two", {BESTAND: b"a,b\n1,2\n"})
    desk.fetch(one, two)
    assert desk.used()[BESTAND] == b"a,b\n1,2\n"
    assert desk.deliveries()["rejected"] == []
    desk.fetch(two, one)
    assert BESTAND not in desk.used()


def test_unknown_units_and_files_are_named_with_a_proposal(desk: Desk, tmp_path: Path) -> None:
    extra = {
        f"{MONTH}/bestand/4412.csv": b"a\n1\n",
        f"{MONTH}/bestand/bst.csv": b"a\n2\n",
        f"{MONTH}/beschaeftigung/t04412.csv": b"a\n3\n",
        f"{MONTH}/bestand/t04412.xlsx": b"x",
        f"{MONTH}/bestnad/t04412.csv": b"x",
        f"{MONTH}/liste.csv": b"x",
        "2018-7/bestand/t04412.csv": b"x",
        "zaehltag.csv": b"x",
        f"{MONTH}/bestand/t04418.csv.d/part-0": b"x",
    }
    desk.fetch(write_tree(tmp_path / "tree", {**whole_month(), **extra}))
    units = {f.jc_id: f.message for f in desk.findings("FETCH-UNKNOWN-UNIT")}
    assert set(units) == {"4412", "bst", "t04412"}
    assert "'t04412' (a leading zero is missing)" in units["4412"]
    files = {f.file: f.message for f in desk.findings("FETCH-UNKNOWN-FILE")}
    assert set(files) == {
        f"{MONTH}/bestand/t04412.xlsx",
        f"{MONTH}/bestnad/",
        f"{MONTH}/liste.csv",
        "2018-7/",
        "zaehltag.csv",
        f"{MONTH}/bestand/t04418.csv.d/",
    }
    assert "did you mean 'bestand'" in files[f"{MONTH}/bestnad/"]
    assert "did you mean 'zaehltage.csv'" in files["zaehltag.csv"]
    assert desk.used() == whole_month()


def test_missing_deliveries_are_named_for_all_months_since_the_first(desk: Desk, tmp_path: Path) -> None:
    files = {**whole_month("2018-05"), **whole_month("2018-06"), **whole_month("2018-07")}
    del files["2018-06/leistung/t04418.csv"]
    del files["2018-07/massnahme/t04412.csv"]
    files |= {f"2018-0{m}/eckwerte/statistik.csv": f"jc_id\n{m}\n".encode() for m in (5, 7)}
    files["2018-01/beschaeftigung/bst.csv"] = b"person_id\n1\n"
    files["2018-03/beschaeftigung/bst.csv"] = b"person_id\n2\n"
    desk.fetch(write_tree(tmp_path / "tree", files))
    assert {(f.ref_month, f.table, f.jc_id) for f in desk.findings("FETCH-MISSING")} == {
        ("2018-06", "leistung", "t04418"),
        ("2018-07", "massnahme", "t04412"),
        ("2018-06", "eckwerte", "statistik"),
        ("2018-02", "beschaeftigung", "bst"),
    }


def test_unit_is_expected_only_while_it_is_valid(desk: Desk, tmp_path: Path) -> None:
    """Eisenach ended on 2021-12-31; January 2022 is expected from the unit it became part of, not from Eisenach."""
    files = {**whole_month("2021-12", ("eisenach", "t04412")), **whole_month("2022-01", ("t04412",))}
    desk.fetch(write_tree(tmp_path / "tree", files), month="2022-01")
    assert {(f.ref_month, f.jc_id) for f in desk.findings("FETCH-MISSING", "2022-01")} == {("2022-01", "t09810@2022")}


def test_table_nobody_delivers_is_missing_in_the_month_of_the_run(desk: Desk, tmp_path: Path) -> None:
    files = {a: c for m in ("2018-06", "2018-07") for a, c in whole_month(m).items() if "/leistung/" not in a}
    desk.fetch(write_tree(tmp_path / "tree", files))
    assert {(f.ref_month, f.table) for f in desk.findings("FETCH-MISSING")} == {("2018-07", "leistung")}


def test_same_bytes_of_different_units_are_a_finding_but_not_of_empty_files(desk: Desk, tmp_path: Path) -> None:
    page = b"Wegen Wartung nicht verf\xc3\xbcgbar\nBitte sp\xc3\xa4ter\n"
    files = whole_month()
    for unit in ("t04412", "t04418"):
        files[f"{MONTH}/leistung/{unit}.csv"] = page
        files[f"{MONTH}/massnahme/{unit}.csv"] = b"person_id,massnahme_art,von,bis\n"
        files[f"{MONTH}/aufnahme/{unit}.csv"] = b""
    tree = write_tree(tmp_path / "tree", files)
    for unit in ("t04412", "t04418"):
        (tree / f"{MONTH}/bestand/{unit}.csv").unlink()
        pq.write_table(pa.table({"person_id": pa.array([], pa.string())}), tree / f"{MONTH}/bestand/{unit}.parquet")
    desk.fetch(tree)
    found = desk.findings("FETCH-SAME-BYTES")
    assert {(f.table, f.jc_id, f.count) for f in found} == {
        (t, u, 2) for t in ("leistung", "aufnahme") for u in ("t04412", "t04418")
    }
    assert (
        f"{MONTH}/leistung/t04418.csv"
        in next(f for f in found if f.jc_id == "t04412" and f.table == "leistung").message
    )


def test_equal_months_of_one_unit_are_no_finding(desk: Desk, tmp_path: Path) -> None:
    files = {**whole_month("2018-06"), **whole_month()}
    for month in ("2018-06", "2018-07"):
        files[f"{month}/massnahme/t04412.csv"] = b"person_id,massnahme_art,von,bis\np1,16d,2018-01-01,\n"
    desk.fetch(write_tree(tmp_path / "tree", files))
    assert desk.findings("FETCH-SAME-BYTES") == []


def test_equal_published_counts_of_two_months_are_found(desk: Desk, tmp_path: Path) -> None:
    page = b"jc_id,geschlecht,merkmal,wert,zeichen\nt04412,T,elb,,x\n"
    files = {f"{month}/eckwerte/statistik.csv": page for month in ("2018-06", MONTH)}
    desk.fetch(write_tree(tmp_path / "tree", files))
    assert [(f.file, f.count) for f in desk.findings("FETCH-SAME-BYTES")] == [(name, 2) for name in sorted(files)]


def test_disk_that_fills_while_results_are_written_is_a_clear_error(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_module, "replacing", full)
    with pytest.raises(FetchError, match="No space left on device"):
        desk.fetch(write_tree(tmp_path / "tree", whole_month()))


def test_file_of_zero_bytes_is_kept_for_staging_to_judge(desk: Desk, tmp_path: Path) -> None:
    desk.fetch(write_tree(tmp_path / "tree", {**whole_month(), BESTAND: b""}))
    assert desk.used()[BESTAND] == b""


def test_html_page_saved_as_delivery_is_none(desk: Desk, tmp_path: Path) -> None:
    page = b"\xef\xbb\xbf\n<!DOCTYPE HTML>\n<html><body>Fehler</body></html>"
    desk.fetch(write_tree(tmp_path / "tree", {**whole_month(), BESTAND: page}))
    assert BESTAND not in desk.used()
    assert [f.file for f in desk.findings("FETCH-HTML")] == [BESTAND]
    assert desk.leftovers() == []


def test_named_pipe_and_dangling_link_do_not_hang_or_stop_the_run(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    (tree / BESTAND).unlink()
    os.mkfifo(tree / BESTAND)
    link = tree / f"{MONTH}/bestand/t04418.csv"
    link.unlink()
    link.symlink_to(tmp_path / "nirgends")
    result = desk.fetch(tree)
    assert result.failed == 2
    assert {f.jc_id for f in desk.findings("FETCH-FAILED")} == {"t04412", "t04418"}
    assert {f.jc_id for f in desk.findings("FETCH-MISSING")} == {"t04412", "t04418"}


@pytest.mark.parametrize("name", ["fehlt", "datei"])
def test_source_that_is_no_directory_stops_the_run(desk: Desk, tmp_path: Path, name: str) -> None:
    (tmp_path / "datei").write_text("x")
    with pytest.raises(FetchError, match=name):
        desk.fetch(tmp_path / name)
    assert len(desk.findings("FETCH-FAILED")) == 1


def test_empty_source_is_a_warning_beside_others_and_an_error_alone(desk: Desk, tmp_path: Path) -> None:
    empty = tmp_path / "leer"
    empty.mkdir()
    with pytest.raises(FetchError, match="no source offers a delivery"):
        desk.fetch(empty)
    desk.fetch(write_tree(tmp_path / "tree", whole_month()), empty)
    assert [f.severity for f in desk.findings("FETCH-EMPTY-SOURCE")] == ["warning"]


@pytest.mark.parametrize("source", ["ftp://host/x", "https:///x", "http://host:99999/x", "memory://x"])
def test_source_of_unknown_kind_is_refused(desk: Desk, source: str) -> None:
    with pytest.raises(FetchError):
        desk.fetch(source)


def test_lost_snapshot_is_pulled_again_or_reported(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    desk.fetch(tree)
    entry = next(d for d in desk.deliveries()["deliveries"] if d["address"] == BESTAND)
    desk.store.snapshot(entry["sha256"]).unlink()
    assert desk.fetch(tree).pulled == 1
    desk.store.snapshot(entry["sha256"]).write_bytes(b"zu kurz")
    (tree / BESTAND).unlink()
    desk.fetch(tree)
    assert [f.file for f in desk.findings("FETCH-LOST")] == [BESTAND]
    assert BESTAND not in desk.used()


def test_full_disk_is_a_clear_error_and_leaves_nothing_half(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    written = []

    def full(handle: int, data: memoryview) -> int:
        written.append(len(data))
        if len(written) > 5:
            raise OSError(28, "No space left on device")
        return os.write(handle, data)

    monkeypatch.setattr(incoming_module, "_write", full)
    with pytest.raises(FetchError, match="No space left on device"):
        desk.fetch(tree, fetch_connections=1)
    assert desk.leftovers() == []
    monkeypatch.undo()
    assert desk.fetch(tree).pulled == 5, "what was whole before is kept"
    assert desk.used() == whole_month()


def test_changes_while_reading_are_read_again(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    once = []

    def meddle(handle: int, data: memoryview) -> int:
        if b"bestand-t04412" in bytes(data) and not once:
            once.append(1)
            with (tree / BESTAND).open("ab") as file:
                file.write(b"noch eine Zeile,\n")
        return os.write(handle, data)

    monkeypatch.setattr(incoming_module, "_write", meddle)
    desk.fetch(tree)
    assert desk.used()[BESTAND].endswith(b"noch eine Zeile,\n")
    assert desk.used()[BESTAND].startswith(b"person_id")


def test_larger_than_the_limit_is_refused(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", {**whole_month(), BESTAND: b"x" * 5000})
    desk.fetch(tree, max_unpacked_bytes=4000)
    assert [f.file for f in desk.findings("FETCH-FAILED")] == [BESTAND]
    assert "KENNZAHLEN_MAX_UNPACKED_BYTES" in desk.findings("FETCH-FAILED")[0].message


def test_progress_ends_with_everything_done(desk: Desk, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    tree = write_tree(tmp_path / "tree", whole_month())
    run_module.fetch(
        desk.store,
        MONTH,
        [str(tree)],
        desk.catalog,
        run_module.Settings(),
        progress=lambda done, total, _: told.append((done, total)),
    )
    assert told[-1] == (10, 10)


def test_original_bytes_are_readable_by_the_owner_only(desk: Desk, tmp_path: Path) -> None:
    desk.fetch(write_tree(tmp_path / "tree", whole_month()))
    for entry in desk.deliveries()["deliveries"]:
        assert desk.store.snapshot(entry["sha256"]).stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_killed_run_is_finished_by_the_next_with_the_same_bytes(desk: Desk, tmp_path: Path) -> None:
    months = [f"2017-{m:02d}" for m in range(1, 13)] + [f"2018-{m:02d}" for m in range(1, 8)]
    units = tuple(sorted(j.jc_id for j in desk.catalog.valid_jobcenters(date(2017, 6, 1))))[:12]
    files = {a: c for m in months for a, c in whole_month(m, units).items()}
    tree = write_tree(tmp_path / "tree", files)
    script = textwrap.dedent(
        """
        import sys, os, time
        from pathlib import Path
        from pipeline.catalog import load_catalog
        from pipeline.fetch import fetch, incoming, registering
        from pipeline.settings import Settings
        from pipeline.store import Store
        registering.BATCH_FILES = 50
        slow = os.write
        def write(handle, data):
            time.sleep(0.002)
            return os.write(handle, data)
        incoming._write = write
        fetch(Store(Path(sys.argv[1])), "2018-07", [sys.argv[2]], load_catalog(), Settings(fetch_connections=2))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(desk.store.root), str(tree)])
    register = Register(desk.store.register_file)
    deadline = time.monotonic() + 60
    while len(register.history()) < 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(register.history())
    assert 200 <= kept < len(files), "killed in the middle"
    with desk.store.register_file.open("ab") as file:
        file.write(b'{"torn": ')
    result = desk.fetch(tree)
    assert result.pulled == len(files) - kept, "nothing registered is pulled again"
    assert desk.leftovers() == []
    fresh = Desk(type(desk.store)(tmp_path / "fresh"), desk.catalog)
    fresh.fetch(tree)
    for name in ("deliveries.json", "findings-fetch.parquet"):
        assert (desk.store.run(MONTH) / name).read_bytes() == (fresh.store.run(MONTH) / name).read_bytes()


def test_all_person_tables_are_those_of_the_catalog(desk: Desk) -> None:
    assert set(PERSON_TABLES) == set(desk.catalog.person_tables)
