"""The pure parts of fetching: addresses, index pages, names of sources, judgements."""

from __future__ import annotations

import gzip
import threading
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalog import load_catalog
from pipeline.fetch.exchange import FetchError
from pipeline.fetch.index_page import Link, children, index_page
from pipeline.fetch.judging import has_no_rows, missing, read_zaehltage
from pipeline.fetch.pace import Pace
from pipeline.fetch.places import Layout, Place, Stray
from pipeline.fetch.probing import Probing
from pipeline.fetch.sources import open_source
from pipeline.months import Zaehltage
from pipeline.settings import Settings

CATALOG = load_catalog()
LAYOUT = Layout(CATALOG, "2018-07")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("2018-07/bestand/t04412.parquet", Place("2018-07", "bestand", "t04412", ".parquet")),
        ("2018-07/bestand/t04412.csv.gz", Place("2018-07", "bestand", "t04412", ".csv.gz")),
        ("2018-03/beschaeftigung/bst.csv", Place("2018-03", "beschaeftigung", "bst", ".csv")),
        ("2011-01/eckwerte/statistik.csv", Place("2011-01", "eckwerte", "statistik", ".csv")),
        ("2018-07/eckwerte/statistik.xlsx", Place("2018-07", "eckwerte", "statistik", ".xlsx")),
        ("2018-07/eckwerte/statistik.zip", Place("2018-07", "eckwerte", "statistik", ".zip")),
        ("zaehltage.csv", Place("", "codelist", "zaehltage", ".csv")),
        ("SYNTHETISCH.txt", Place("", "codelist", "SYNTHETISCH", ".txt")),
        ("2018-08/bestand/t04412.csv", None),
        ("2018-08/was/auch/immer", None),
        ("README.md", None),
        ("2018-07/bestand/.t04412.csv", None),
        ("2018-07/bestand/LIESMICH", None),
        ("index.html", None),
    ],
)
def test_address_says_what_a_file_is(address: str, place: Place | None) -> None:
    assert LAYOUT.file(address) == place
    if place is not None:
        assert place.address == address


@pytest.mark.parametrize(
    ("address", "rule", "words"),
    [
        ("2018-07/bestand/t04412.xlsx", "FETCH-UNKNOWN-FILE", "none of the endings .parquet, .csv and .csv.gz;"),
        ("2018-07/eckwerte/statistik.xls", "FETCH-UNKNOWN-FILE", ".csv.gz, .xlsx and .zip;"),
        ("2018-07/bestand/4412.csv", "FETCH-UNKNOWN-UNIT", "'t04412' (a leading zero is missing)"),
        ("2018-07/bestand/t4412.csv", "FETCH-UNKNOWN-UNIT", "'t04412' (a leading zero is missing)"),
        ("2018-07/bestand/04412.csv", "FETCH-UNKNOWN-UNIT", "'t04412' (the leading t is missing or upper case)"),
        ("2018-07/bestand/T04412.csv", "FETCH-UNKNOWN-UNIT", "'t04412'"),
        ("2018-07/bestand/t04412 .csv", "FETCH-UNKNOWN-UNIT", "'t04412'"),
        ("2018-07/bestand/statistik.csv", "FETCH-UNKNOWN-UNIT", "registry"),
        ("2018-07/eckwerte/t04412.csv", "FETCH-UNKNOWN-UNIT", "only unit is 'statistik'"),
        ("2018-07/bestand/.csv.csv", None, ""),
        ("2018-07/bestand/t04412.CSV", "FETCH-UNKNOWN-FILE", "none of the endings"),
        ("2018-07/Bestand/t04412.csv", "FETCH-UNKNOWN-FILE", "did you mean 'bestand'"),
        ("2018-13/bestand/t04412.csv", "FETCH-UNKNOWN-FILE", "no month folder"),
        ("2018-07/t04412.csv", "FETCH-UNKNOWN-FILE", "beside the table folders"),
    ],
)
def test_what_does_not_fit_is_named_with_a_hint(address: str, rule: str | None, words: str) -> None:
    found = LAYOUT.file(address)
    if rule is None:
        assert found is None
        return
    assert isinstance(found, Stray)
    assert found.rule == rule
    assert words in found.message


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_any_address_is_judged_without_an_exception(address: str) -> None:
    LAYOUT.file(address)
    LAYOUT.folder(address)


APACHE = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"><html><head><title>Index of /d</title></head><body>
<h1>Index of /d</h1><table><tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>
<tr><td><a href="/">Parent Directory</a></td></tr><tr><td><a href="2018-07/">2018-07/</a></td></tr>
<tr><td><a href="t%2004412.csv">t 04412.csv</a></td><td align="right">2018-11-15 06:00  </td></tr>
<tr><td><A HREF='gro%C3%9F.csv'>x</A></td></tr><tr><td><a class=x href=ohne.csv>x</a></td></tr>
<a href="http://anderswo/d/x.csv">x</a><a href="/d/absolut.csv">x</a><a href="unter/tief.csv">x</a><a href="../d2/y.csv">x</a>
<a href="a&amp;b.csv">x</a><a name="anker">x</a><a href="#oben">x</a><a href="%2e%2e">x</a><a href="mailto:x@y.csv">x</a>
</table></body></html>"""


def test_index_pages_of_common_servers_are_read_strictly() -> None:
    names = {link.name: link.is_folder for link in children(APACHE, "http://host/d/")}
    assert names == {
        "2018-07": True,
        "t 04412.csv": False,
        "groß.csv": False,
        "ohne.csv": False,
        "absolut.csv": False,
        "a&b.csv": False,
    }


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.builds(
            Link,
            st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\"), min_size=1).filter(
                lambda n: n not in (".", "..")
            ),
            st.just(False),
            st.just("tree:1:2:3"),
            st.integers(0, 10**12),
        ),
        unique_by=lambda link: link.name,
        max_size=5,
    )
)
def test_our_own_index_page_is_read_as_it_was_written(links: list[Link]) -> None:
    assert children(index_page("/x/", links), "http://127.0.0.1:1/x/") == links


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("https://bote:geheim@Host.example:8443/pfad/?sig=abcdef", "https://host.example:8443/pfad/?…"),
        ("http://host/pfad", "http://host/pfad"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("sftp://bote:geheim@host/eingang", "sftp://host/eingang"),
        ("s3://Eimer/pfad", "s3://Eimer/pfad"),
        ("file:///srv/liefer%20ungen", "/srv/liefer ungen"),
        ("ein/ordner", "ein/ordner"),
    ],
)
def test_source_is_displayed_without_credentials(text: str, display: str, tmp_path: Path) -> None:
    probing = Probing(CATALOG, "2018-07", tmp_path / "probed.json")
    assert open_source(text, Settings(), probing, Pace(0)).display == display


@pytest.mark.parametrize("text", ["ftp://bote:geheim@host/x", "http://bote:geheim@/x", "http://bote:geheim@host:x/"])
def test_refused_source_does_not_show_its_password(text: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as error:
        open_source(text, Settings(), Probing(CATALOG, "2018-07", tmp_path / "x"), Pace(0))
    assert "geheim" not in str(error.value)


def test_empty_files_are_told_from_unreadable_ones(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for content, suffix, empty in [
        (b"a,b\n", ".csv", True),
        (b"a,b", ".csv", True),
        (b"a,b\n\n\r\n", ".csv", True),
        (b"a,b\n1,2", ".csv", False),
        (b"", ".csv", False),
        (gzip.compress(b"a,b\n"), ".csv.gz", True),
        (gzip.compress(b"a,b\n1,2\n"), ".csv.gz", False),
        (b"\x1f\x8bkaputt", ".csv.gz", False),
        (b"PAR1kaputt", ".parquet", False),
    ]:
        path.write_bytes(content)
        assert has_no_rows(path, suffix) is empty, (content, suffix)
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    assert has_no_rows(path, ".parquet")
    pq.write_table(pa.table({"a": ["1"]}), path)
    assert not has_no_rows(path, ".parquet")


def test_counting_days_are_read_as_far_as_they_can_be(tmp_path: Path) -> None:
    path = tmp_path / "zaehltage.csv"
    path.write_bytes(b"ref_month,stichtag\n2018-03,2018-03-14\n2018-04,quatsch\n2018-05,2018-06-01\n2018-06\n\xff,\n")
    assert read_zaehltage(path).listed == {"2018-03": date(2018, 3, 14)}
    assert read_zaehltage(None).listed == {}


def test_validity_is_judged_on_the_counting_day() -> None:
    """The unit vg-nord begins and ends with its registry entry; a Stichtag before its first day does not expect it."""
    unit = next(j for j in CATALOG.jobcenters.values() if j.valid_to and j.valid_to >= date(2011, 6, 1))
    ends = f"{unit.valid_to:%Y-%m}"
    assert unit.valid_to is not None
    present = {(ends, table, "t04412") for table in CATALOG.person_tables} | {("2011-02", "bestand", unit.jc_id)}
    days = Zaehltage({ends: unit.valid_to})
    assert any(f.jc_id == unit.jc_id and f.ref_month == ends for f in missing(present, set(), ends, CATALOG, days))
    earlier = Zaehltage({ends: unit.valid_to.replace(day=1)})
    assert any(f.jc_id == unit.jc_id and f.ref_month == ends for f in missing(present, set(), ends, CATALOG, earlier))
    later = missing(present, set(), "2030-01", CATALOG, Zaehltage())
    assert all(f.ref_month <= ends for f in later if f.jc_id == unit.jc_id)


def test_questions_for_a_server_without_index_remember_who_is_silent(tmp_path: Path) -> None:
    memory = tmp_path / "probed.json"
    probing = Probing(CATALOG, "2018-07", memory)
    everything = set(probing.questions("http://x/"))
    assert Place("2015-07", "bestand", "t04412", ".parquet") in everything
    assert Place("2015-07", "beschaeftigung", "bst", ".csv.gz") in everything
    assert {p.table for p in everything if p.suffix in (".xlsx", ".zip")} == {"eckwerte"}
    assert not any(p.ref_month < "2015-07" for p in everything if p.table != "codelist")
    answered = Place("2017-01", "bestand", "t04412", ".csv")
    assert list(probing.more("http://x/", [answered])) == []
    probing.learned("http://x/", [answered])
    later = Probing(CATALOG, "2018-09", memory)
    questions = set(later.questions("http://x/"))
    assert {p.ref_month for p in questions if p.unit == "t04412"} >= {"2015-09", "2018-09"}
    assert {p.ref_month for p in questions if p.unit == "t04418"} == {"2018-07", "2018-08", "2018-09"}
    assert {p.unit for p in later.more("http://x/", [Place("2018-09", "bestand", "t04418", ".csv")])} == {"t04418"}
    assert any(p.ref_month < "2018-07" and p.unit == "t04418" for p in later.questions("http://y/"))


def test_pace_of_many_threads_is_even_and_nothing_is_made_up_for() -> None:
    moment = [100.0]
    pace = Pace(4, clock=lambda: moment[0])
    waits: list[float] = []

    def work() -> None:
        for _ in range(50):
            waits.append(pace.turn())
            pace.sent()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [number / 4 for number in range(400)]
    assert pace.requests == 400
    moment[0] = 300.0
    assert [pace.turn() for _ in range(3)] == [0.0, 0.25, 0.5], "the idle hundred seconds are no credit"
    assert pace.per_second() == 2


def test_without_a_limit_nobody_waits() -> None:
    pace = Pace(0, clock=lambda: 7.0)
    assert [pace.turn() for _ in range(3)] == [0.0, 0.0, 0.0]
    assert pace.per_second() == 0
