"""Web servers as sources, well-behaved and not."""

from __future__ import annotations

import contextlib
import functools
import gzip
import http.server
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from integration.fetch.fetch_world import MONTH, BadServer, Desk, csv, reply, whole_month, write_tree
from pipeline.fetch import FetchError
from pipeline.store import Register

Start = Callable[..., BadServer]
BESTAND = f"{MONTH}/bestand/t04412.csv"
HTML = b"<html><body>Wartung</body></html>"


def test_index_of_any_server_is_walked_and_unchanged_files_are_not_sent_again(desk: Desk, bad_server: Start) -> None:
    server = bad_server({**whole_month(), **whole_month("2018-09"), "zaehltage.csv": b"ref_month,stichtag\n"})
    desk.fetch(server.url)
    assert desk.used() == whole_month()
    assert server.asked("2018-09/") == 0, "later months are not even listed"
    server.files[BESTAND] = csv(MONTH, "bestand", "t04412", "neu")
    result = desk.fetch(server.url)
    assert (result.pulled, result.unchanged, result.revised) == (1, 10, 1)
    assert desk.used()[BESTAND] == server.files[BESTAND]


def test_pythons_own_server_is_a_source(desk: Desk, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tree))
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        assert desk.fetch(url).pulled == 10
        assert desk.fetch(url).pulled == 0, "If-Modified-Since is enough"
        server.shutdown()
    assert desk.used() == whole_month()


@pytest.mark.parametrize("status", [403, 429, 500, 502, 503])
def test_passing_refusals_are_waited_out(desk: Desk, bad_server: Start, status: int) -> None:
    server = bad_server(whole_month())
    server.acts[BESTAND] = [reply(status), reply(status)]
    server.acts[""] = [reply(status)]
    server.acts[f"{MONTH}/bestand/"] = [reply(status)]
    assert desk.fetch(server.url).failed == 0
    assert desk.used() == whole_month()


@pytest.mark.parametrize("when", ["seconds", "date"])
def test_retry_after_is_obeyed_by_all_connections(desk: Desk, bad_server: Start, when: str) -> None:
    server = bad_server(whole_month())
    moments: list[float] = []

    def refuse(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        moments.append(time.monotonic())
        text = "1" if when == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        reply(429, Retry_After=text)(handler, content)

    def accept(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        moments.append(time.monotonic())
        reply(200, content)(handler, content)

    server.acts[BESTAND] = [refuse, accept]
    desk.fetch(server.url)
    assert moments[1] - moments[0] >= 0.95
    assert desk.used() == whole_month()


def test_file_that_fails_for_good_is_missing_and_named_with_cause_and_attempts(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[BESTAND] = reply(503)
    result = desk.fetch(server.url)
    assert (result.failed, result.pulled) == (1, 9)
    (found,) = desk.findings("FETCH-FAILED")
    assert (found.file, found.jc_id, found.table, found.count) == (BESTAND, "t04412", "bestand", 3)
    assert "HTTP 503 (3 attempts)" in found.message
    assert "counts as missing" in found.message
    assert server.asked(BESTAND) == 3
    assert [f.jc_id for f in desk.findings("FETCH-MISSING")] == ["t04412"]
    del server.always[BESTAND]
    assert desk.fetch(server.url).pulled == 1
    assert desk.findings("FETCH-FAILED") == []


def test_earlier_bytes_stay_in_force_while_a_file_fails(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    desk.fetch(server.url)
    server.always[BESTAND] = reply(500)
    desk.fetch(server.url)
    assert desk.used() == whole_month()
    assert "stays in force" in desk.findings("FETCH-FAILED")[0].message


def test_listed_file_that_is_gone_is_not_asked_for_again(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[BESTAND] = reply(404)
    desk.fetch(server.url)
    assert server.asked(BESTAND) == 1
    assert "HTTP 404" in desk.findings("FETCH-FAILED")[0].message


def test_hanging_server_is_given_up_after_the_timeout(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())

    def hang(_: BaseHTTPRequestHandler, __: bytes) -> None:
        server.stop.wait(10)

    def hang_midway(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:5])
        handler.wfile.flush()
        server.stop.wait(10)

    server.always[BESTAND] = hang
    server.always[f"{MONTH}/bestand/t04418.csv"] = hang_midway
    started = time.monotonic()
    desk.fetch(server.url, fetch_timeout=0.3, fetch_attempts=2)
    assert time.monotonic() - started < 5
    assert {f.jc_id for f in desk.findings("FETCH-FAILED")} == {"t04412", "t04418"}
    assert all("no answer within 0.3 s" in f.message for f in desk.findings("FETCH-FAILED"))
    assert desk.leftovers() == []


def test_redirects_are_followed_but_not_in_circles(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    other = f"{MONTH}/bestand/t04418.csv"
    server.always[BESTAND] = reply(302, Location=f"/{BESTAND}")
    server.files["anderswo.csv"] = csv(MONTH, "bestand", "anderswo")
    server.always[other] = reply(307, Location="/anderswo.csv")
    desk.fetch(server.url)
    assert desk.used()[other] == server.files["anderswo.csv"]
    (found,) = desk.findings("FETCH-FAILED")
    assert found.file == BESTAND
    assert "redirected in a circle" in found.message
    assert server.asked(BESTAND) <= 6


def test_redirect_to_a_login_page_is_no_delivery(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[BESTAND] = reply(302, Location="/anmeldung")
    server.always["anmeldung"] = reply(200, HTML, Content_Type="text/html")
    desk.fetch(server.url)
    assert [(f.jc_id, f.file) for f in desk.findings("FETCH-HTML")] == [("t04412", BESTAND)]
    assert len(desk.used()) == 9


def test_source_that_redirects_in_a_circle_stops_the_run_at_once(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[""] = reply(301, Location="/")
    with pytest.raises(FetchError, match=r"source http://127\.0\.0\.1:\d+/: redirected in a circle.*run again"):
        desk.fetch(server.url)
    assert len(server.requests) <= 6
    assert [f.rule for f in desk.findings("FETCH-FAILED")] == ["FETCH-FAILED"]


def test_source_that_hangs_stops_the_run_after_all_attempts(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[""] = lambda handler, content: server.stop.wait(10)  # type: ignore[assignment, return-value]
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"no answer within 0\.3 s, 3 attempts; check the source and run again"):
        desk.fetch(server.url, fetch_timeout=0.3)
    assert time.monotonic() - started < 5


def test_answer_without_end_is_cut_off_at_the_limit(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())

    def endless(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not server.stop.is_set():
                handler.wfile.write(b"x" * 10_000)

    server.always[BESTAND] = endless
    desk.fetch(server.url, max_unpacked_bytes=1_000_000)
    (found,) = desk.findings("FETCH-FAILED")
    assert (found.jc_id, "larger than 1000000 bytes" in found.message) == ("t04412", True)
    assert (len(desk.used()), desk.leftovers()) == (9, [])


def truncating(after: int, **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def act(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content[:after])
        handler.close_connection = True

    return act


def test_truncated_body_never_becomes_a_delivery(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[BESTAND] = truncating(10)
    desk.fetch(server.url)
    assert BESTAND not in desk.used()
    assert "broke off" in desk.findings("FETCH-FAILED")[0].message
    assert desk.leftovers() == []


def test_interrupted_body_is_continued_where_the_server_can(desk: Desk, bad_server: Start) -> None:
    content = b"person_id\n" + bytes(range(48, 58)) * 100_000
    server = bad_server({**whole_month(), BESTAND: content})
    server.acts[BESTAND] = [truncating(700_000, ETag=f'"{hash(content):x}"', Accept_Ranges="bytes")]
    desk.fetch(server.url)
    assert desk.used()[BESTAND] == content
    asked = [h for m, p, h in server.requests if p == "/" + BESTAND]
    assert int(asked[1]["Range"].removeprefix("bytes=").rstrip("-")) > 0


def test_file_that_changed_meanwhile_is_not_glued_together(desk: Desk, bad_server: Start) -> None:
    new = b"person_id\n" + b"n" * 500_000
    server = bad_server({**whole_month(), BESTAND: new})

    def old_half(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        truncating(200_000, ETag='"alt"', Accept_Ranges="bytes")(handler, b"o" * 400_000)

    server.acts[BESTAND] = [old_half]
    desk.fetch(server.url)
    assert desk.used()[BESTAND] == new


def test_html_with_status_200_is_no_delivery_whatever_it_calls_itself(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[BESTAND] = reply(200, HTML, Content_Type="text/html; charset=utf-8")
    server.always[f"{MONTH}/bestand/t04418.csv"] = reply(200, b"\n  " + HTML, Content_Type="application/octet-stream")
    desk.fetch(server.url)
    assert {f.jc_id for f in desk.findings("FETCH-HTML")} == {"t04412", "t04418"}
    assert {f.jc_id for f in desk.findings("FETCH-MISSING")} == {"t04412", "t04418"}
    objects = [p for p in (desk.store.root / "snapshots" / "objects").rglob("*") if p.is_file()]
    assert all(b"html" not in p.read_bytes() for p in objects), "nothing of it is kept"


def test_same_bytes_for_two_units_are_found(desk: Desk, bad_server: Start) -> None:
    page = b"x,y\nWartung,\n"
    server = bad_server({**whole_month(), BESTAND: page, f"{MONTH}/bestand/t04418.csv": page})
    desk.fetch(server.url)
    assert {f.jc_id for f in desk.findings("FETCH-SAME-BYTES")} == {"t04412", "t04418"}


def test_empty_file_is_kept_and_packed_transfer_is_unpacked(desk: Desk, bad_server: Start) -> None:
    packed = f"{MONTH}/aufnahme/t04418.csv.gz"
    raw = gzip.compress(b"person_id\n1\n")
    files = {**whole_month(), BESTAND: b"", packed: raw}
    del files[f"{MONTH}/aufnahme/t04418.csv"]
    server = bad_server(files)
    other = f"{MONTH}/bestand/t04418.csv"
    server.always[other] = reply(200, gzip.compress(files[other]), Content_Encoding="gzip")
    server.always[packed] = reply(200, raw, Content_Encoding="gzip", Content_Type="text/csv")
    desk.fetch(server.url)
    assert desk.used() == files


def test_folder_that_cannot_be_listed_is_named_and_the_rest_goes_on(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[f"{MONTH}/leistung/"] = reply(500)
    desk.fetch(server.url)
    (found,) = desk.findings("FETCH-FAILED")
    assert found.file == f"{MONTH}/leistung/"
    assert len(desk.used()) == 8


def test_server_that_does_not_answer_stops_the_run_and_is_named(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    server.always[""] = reply(500)
    with pytest.raises(FetchError, match=r"source http://127\.0\.0\.1:\d+/: HTTP 500, 3 attempts"):
        desk.fetch(server.url)
    with pytest.raises(FetchError, match=r"source http://127\.0\.0\.1:1/"):
        desk.fetch("http://127.0.0.1:1/")
    with pytest.raises(FetchError, match="HTTP 401"):
        server.always[""] = reply(401)
        desk.fetch(server.url)


def test_server_that_dies_in_the_middle_stops_the_run_and_the_next_goes_on(desk: Desk, bad_server: Start) -> None:
    files = {a: c for m in range(1, 8) for a, c in whole_month(f"2018-0{m}").items()}
    server = bad_server(files)
    dead = reply(503)
    for address in sorted(files)[15:]:
        server.always[address] = dead

    def first(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        server.always[""] = dead
        dead(handler, content)

    server.always[sorted(files)[15]] = first
    with pytest.raises(FetchError, match="does not answer any more"):
        desk.fetch(server.url)
    kept = len(Register(desk.store.register_file).history())
    assert kept > 0
    server.always.clear()
    assert desk.fetch(server.url).pulled == len(files) - kept
    assert desk.used() == files


def test_code_list_that_cannot_be_pulled_stops_the_run(desk: Desk, bad_server: Start) -> None:
    server = bad_server({**whole_month(), "zaehltage.csv": b"ref_month,stichtag\n"})
    server.always["zaehltage.csv"] = reply(500)
    with pytest.raises(FetchError, match="zaehltage"):
        desk.fetch(server.url)
    del server.always["zaehltage.csv"]
    desk.fetch(server.url)
    server.always["zaehltage.csv"] = reply(500)
    desk.fetch(server.url)
    assert desk.deliveries()["codelists"]["zaehltage"] is not None, "the one in the store stays in force"


def test_credentials_are_sent_but_never_shown(desk: Desk, bad_server: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server = bad_server(whole_month())
    server.always[BESTAND] = reply(500)
    url = server.url.replace("http://", "http://bote:geh%40im@") + "?token=s3cr3t-t0ken"
    desk.fetch(url)
    headers = next(h for m, p, h in server.requests if p.startswith("/" + BESTAND))
    assert headers["Authorization"] == "Basic Ym90ZTpnZWhAaW0="
    assert all(p.endswith("?token=s3cr3t-t0ken") for _, p, _ in server.requests)
    written = b"".join(p.read_bytes() for p in desk.store.root.rglob("*") if p.is_file() and "objects" not in p.parts)
    shown = written.decode("utf-8", "replace") + caplog.text + "".join(f.message for f in desk.findings("FETCH-FAILED"))
    for secret in ("geh%40im", "geh@im", "s3cr3t", "Ym90ZTpn"):
        assert secret not in shown
    with pytest.raises(FetchError) as error:
        desk.fetch(url.replace(server.url.split(":")[-1].strip("/"), "1"))
    assert "s3cr3t" not in str(error.value)
    assert "geh" not in str(error.value)


def test_credentials_do_not_follow_a_redirect_to_another_server(desk: Desk, bad_server: Start) -> None:
    stranger = bad_server({"fremd.csv": b"a\n1\n"})
    server = bad_server(whole_month())
    server.always[BESTAND] = reply(302, Location=stranger.url + "fremd.csv")
    desk.fetch(server.url.replace("http://", "http://bote:geheim@"))
    assert all("Authorization" not in headers for _, _, headers in stranger.requests)
    assert stranger.requests


def test_pace_of_requests_is_kept(desk: Desk, bad_server: Start) -> None:
    server = bad_server(whole_month())
    started = time.monotonic()
    desk.fetch(server.url, fetch_requests_per_second=50)
    assert time.monotonic() - started >= (len(server.requests) - 1) / 50


def test_server_without_index_is_asked_for_every_address_once(
    desk: Desk, bad_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.fetch.probing.MONTHS_BACK", 1)
    few = dict(list(desk.catalog.jobcenters.items())[:1]) | {
        u: desk.catalog.jobcenters[u] for u in ("t04412", "t04418")
    }
    desk.catalog = type(desk.catalog)(**{**vars(desk.catalog), "jobcenters": few})
    files = {
        **whole_month(units=("t04412",)),
        "zaehltage.csv": b"ref_month,stichtag\n",
        "2018-06/eckwerte/statistik.csv": b"x\n1\n",
    }
    server = bad_server(files, index=False)
    desk.fetch(server.url)
    assert desk.used() == {a: c for a, c in files.items() if a != "zaehltage.csv"}
    first = len(server.requests)
    assert desk.fetch(server.url).pulled == 0
    assert server.asked("2018-06/bestand/t04418.parquet", "HEAD") == 1, (
        "a silent unit is asked for old months only once"
    )
    assert server.asked("2018-07/bestand/t04418.parquet", "HEAD") == 2
    assert len(server.requests) < 2 * first
    server.files |= whole_month("2018-06", ("t04418",)) | whole_month("2018-07", ("t04418",))
    assert desk.fetch(server.url).pulled == 10, "a unit that speaks up is asked for all months"
    server.files[BESTAND + ".gz"] = b"x"
    desk.fetch(server.url)
    assert [f.jc_id for f in desk.findings("FETCH-TWO-FILES")] == ["t04412"]


def test_empty_index_is_an_empty_source_and_is_not_probed(desk: Desk, bad_server: Start, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", whole_month())
    server = bad_server({})
    server.always[""] = reply(200, b"<title>Index of /</title><a href='../'>..</a>", Content_Type="text/html")
    desk.fetch(tree, server.url)
    assert len(server.requests) == 1
    assert [f.file for f in desk.findings("FETCH-EMPTY-SOURCE")] == [server.url]


def test_server_without_index_and_without_head_works_too(
    desk: Desk, bad_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.fetch.probing.MONTHS_BACK", 0)
    desk.catalog = type(desk.catalog)(
        **{**vars(desk.catalog), "jobcenters": {"t04412": desk.catalog.jobcenters["t04412"]}}
    )
    server = bad_server(whole_month(units=("t04412",)), index=False, head=False)
    desk.fetch(server.url)
    assert desk.used() == whole_month(units=("t04412",))


def test_server_that_answers_everything_with_a_page_is_refused(desk: Desk, bad_server: Start) -> None:
    class Everything(dict[str, object]):
        def __contains__(self, _: object) -> bool:
            return True

        def __getitem__(self, _: str) -> object:
            return reply(200, HTML, Content_Type="text/html")

    server = bad_server({})
    server.always = Everything()  # type: ignore[assignment]
    with pytest.raises(FetchError, match="error page instead of the deliveries"):
        desk.fetch(server.url)
    assert len(server.requests) < 5
