"""What breaks in practice with published files, one test per case: a file or a server, and what its user is told.

The cases are those of a year of reading real files (fetching, keys, territory, headers, months, sums, vintages, single bad years).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import xlsxwriter

from integration.fetch.conftest import bad_server, desk
from integration.fetch.fetch_world import BadServer, Desk, reply
from integration.worlds_run import computed_eckwerte
from pipeline import steps
from pipeline.catalog import Catalog, load_catalog
from pipeline.catalog.layouts import Fact, Header, Validity
from pipeline.months import month_range
from pipeline.store import Finding
from published import country, files
from published.country import LAST, cells_of, small_catalog
from published.files import Cell, Variation

__all__ = ["bad_server", "desk"]

ADDRESS = f"{LAST}/eckwerte/statistik"
BEFORE = "2018-06"
DATA = Path(__file__).parents[1] / "data" / "published"
Start = Callable[..., BadServer]


def staged(
    root: Path, content: bytes, suffix: str, month: str = LAST, catalog: Catalog | None = None
) -> tuple[steps.Run, list[Finding]]:
    """Stage one file as the published counts of a month; return the run and what staging found that is more than a note."""
    run = country.run(root, {f"{month}/eckwerte/statistik{suffix}": content}, month, upto="stage", catalog=catalog)
    return run, [f for f in country.findings(run) if f.severity != "info"]


def only(found: Sequence[Finding]) -> Finding:
    """Return the single finding; every finding says what to do."""
    assert len(found) == 1, [f"{f.rule} {f.column}: {f.message}" for f in found]
    assert found[0].action
    return found[0]


def said(finding: Finding) -> tuple[str, str, str]:
    """Return rule, place and value of a finding."""
    return finding.rule, finding.column, finding.value


def some(units: Sequence[str], month: str = LAST) -> list[Cell]:
    """Return all cells of any units of the real registry, the nth with those of the small country's nth."""
    own = {unit: country.UNITS[number % len(country.UNITS)] for number, unit in enumerate(units)}
    return [(unit, *cell[1:]) for unit, like in own.items() for cell in cells_of(month) if cell[0] == like]


def value(run: steps.Run, unit: str, merkmal: str = "elb", sex: str = "T") -> Decimal | None:
    """Return a staged value; an absent row is an error."""
    ((found,),) = [[r[3]] for r in country.staged_rows(run) if r[:3] == (unit, sex, merkmal)]
    return None if found is None else Decimal(found)


def units_staged(run: steps.Run) -> set[str]:
    return {row[0] for row in country.staged_rows(run)}


def registry(*units: str) -> Catalog:
    """Return the shipped catalog with some of the real jobcenters."""
    full = load_catalog()
    return replace(full, jobcenters={unit: full.jobcenters[unit] for unit in units}, gebietsaenderungen=())


# -- 1 to 3: fetching --------------------------------------------------------------------------------------------------


def test_01_refusals_of_a_fast_fetch_are_waited_out_and_the_workbook_arrives(desk: Desk, bad_server: Start) -> None:
    book = files.workbook(cells_of(LAST), LAST)
    server = bad_server({f"{ADDRESS}.xlsx": book})
    server.acts[f"{ADDRESS}.xlsx"] = [reply(403), reply(403)]
    assert desk.fetch(server.url).failed == 0
    assert desk.used() == {f"{ADDRESS}.xlsx": book}


def test_02_a_month_that_is_not_published_yet_is_missing_and_leaves_the_earlier_ones(
    desk: Desk, bad_server: Start
) -> None:
    earlier = files.workbook(cells_of(BEFORE), BEFORE)
    server = bad_server({f"{BEFORE}/eckwerte/statistik.xlsx": earlier, f"{ADDRESS}.xlsx": b"announced"})
    server.always[f"{ADDRESS}.xlsx"] = reply(404)
    desk.fetch(server.url)
    failed = only(desk.findings("FETCH-FAILED"))
    assert (failed.file, failed.jc_id) == (f"{ADDRESS}.xlsx", "statistik")
    assert "HTTP 404" in failed.message
    assert desk.used() == {f"{BEFORE}/eckwerte/statistik.xlsx": earlier}


def test_03_the_same_substitute_for_two_months_is_found_by_its_bytes_and_by_its_content(
    desk: Desk, bad_server: Start, tmp_path: Path
) -> None:
    page = substitute()
    names = [f"{month}/eckwerte/statistik.xlsx" for month in (BEFORE, LAST)]
    desk.fetch(bad_server(dict.fromkeys(names, page)).url)
    assert [f.file for f in desk.findings("FETCH-SAME-BYTES")] == names
    run, found = staged(tmp_path / "staged", page, ".xlsx")
    assert only(found).rule == "LAYOUT-UNKNOWN"
    assert "counts as missing" in only(found).message
    assert run.staged["eckwerte"][LAST]["units"] == {}


def substitute() -> bytes:
    """Return what a publisher sends with status 200 while a region's data fail: a good workbook without data."""
    sink = io.BytesIO()
    book = xlsxwriter.Workbook(sink, {"in_memory": True})
    sheet = book.add_worksheet("Hinweis")
    sheet.write_string(0, 0, "Für die gewählte Region liegen derzeit keine Daten vor.")
    sheet.write_string(2, 0, files.COPYRIGHT)
    book.close()
    return sink.getvalue()


# -- 4 to 8: names, keys, territory ------------------------------------------------------------------------------------


def test_04_rows_are_joined_on_keys_whatever_the_names_say(tmp_path: Path) -> None:
    keys = {"t04412": "t04412 Saale-Kreis (Merseburg)", "t27708": "t27708"}
    run, found = staged(tmp_path, files.workbook(cells_of(LAST), LAST, Variation(keys=keys)), ".xlsx")
    assert found == []
    assert country.staged_rows(run) == sorted(
        (u, s, m, None if v in files.SIGNS else Decimal(v), v if v in files.SIGNS else "")
        for u, s, m, v in cells_of(LAST)
    )


def test_04_a_row_that_has_a_name_only_is_set_aside_with_its_cell_and_a_hint(tmp_path: Path) -> None:
    run, found = staged(
        tmp_path, files.workbook(cells_of(LAST), LAST, Variation(keys={"t04412": "Saalekreis"})), ".xlsx"
    )
    assert said(only(found)) == ("ROW-JOBCENTER", "Eckwerte!B17", "Saalekreis")
    assert "did you mean t04412" in only(found).message
    assert units_staged(run) == {*country.UNITS} - {"t04412"}


@pytest.mark.parametrize("key", [None, "", "   "])
def test_04_a_row_without_anything_in_the_cell_of_its_unit_is_set_aside_with_its_cell(
    key: str | None, tmp_path: Path
) -> None:
    run, found = staged(tmp_path, files.workbook(cells_of(LAST), LAST, Variation(keys={"t04412": key})), ".xlsx")
    assert said(only(found))[:2] == ("ROW-JOBCENTER", "Eckwerte!B17")
    assert units_staged(run) == {*country.UNITS} - {"t04412"}


def test_05_a_kreis_key_without_its_zero_is_not_guessed_but_named_with_what_was_meant(tmp_path: Path) -> None:
    run, found = staged(tmp_path, files.genesis(cells_of(LAST), LAST, without_zero=True), ".csv")
    assert {f.rule for f in found} == {"ROW-JOBCENTER"}
    messages = " ".join(f.message for f in found)
    assert "did you mean 01001 (leading zero lost)?" in messages
    assert units_staged(run) == {"t04412"}, "the only one whose Kreis has no leading zero"


def test_05_a_key_of_a_jobcenter_without_its_zero_is_named_with_what_was_meant(tmp_path: Path) -> None:
    run, found = staged(
        tmp_path, files.interactive(cells_of(LAST), LAST, Variation(keys={"t04412": "4412 Saalekreis, JC"})), ".csv"
    )
    assert only(found).rule == "ROW-JOBCENTER"
    assert only(found).column == "line 15, column 1"
    assert "did you mean t04412 (leading zero lost)?" in only(found).message
    assert "t04412" not in units_staged(run)


def test_06_two_units_of_the_same_name_keep_their_own_counts(tmp_path: Path) -> None:
    full = load_catalog()
    named = {j.jc_id: j.name for j in full.jobcenters.values() if j.valid_to is None}
    same = [(a, b) for a in named for b in named if a < b and named[a].partition(",")[0] == named[b].partition(",")[0]]
    assert same, "the registry has pairs such as Kassel, Stadt and Kassel"
    units = same[0]
    content = files.workbook(
        some(units), LAST, Variation(keys={u: f"{u} {named[u].partition(',')[0]}, JC" for u in units})
    )
    run, found = staged(tmp_path, content, ".xlsx", catalog=registry(*units))
    assert found == []
    assert value(run, units[0]) != value(run, units[1])


def test_07_a_changed_epithet_of_a_city_changes_nothing(tmp_path: Path) -> None:
    keys = {"t41512": "t41512 Darmstadt, Digitalstadt, JC"}
    run, found = staged(tmp_path, files.workbook(cells_of(LAST), LAST, Variation(keys=keys)), ".xlsx")
    assert found == []
    assert units_staged(run) == set(country.UNITS)


GOETTINGEN = ("zkt-goettingen-alt", "zkt-osterode", "t23102", "t04412")


@pytest.mark.parametrize(
    ("month", "unit", "other"), [("2016-10", "zkt-goettingen-alt", "03159"), ("2016-11", "t23102", "03152")]
)
def test_08_the_version_of_a_kreis_is_that_of_the_counting_day(
    month: str, unit: str, other: str, tmp_path: Path
) -> None:
    content = files.genesis(some([unit, "t04412"]), month, extra=[(other, "Göttingen, Landkreis", "-")])
    run, found = staged(tmp_path, content, ".csv", month, registry(*GOETTINGEN))
    assert found == []
    (note,) = country.findings(run)
    assert (note.rule, note.value) == ("LAYOUT-DISSOLVED", other)
    assert {row[0] for row in country.staged_rows(run, month)} == {unit, "t04412"}


def test_08_a_kreis_that_does_not_exist_on_the_day_but_has_counts_is_set_aside(tmp_path: Path) -> None:
    content = files.genesis(some(["t23102", "t04412"]), LAST, extra=[("03152", "Göttingen, Landkreis", "731")])
    run, found = staged(tmp_path, content, ".csv", catalog=registry(*GOETTINGEN))
    assert only(found).rule == "ROW-JOBCENTER"
    assert only(found).value == "03152"
    assert units_staged(run) == {"t23102", "t04412"}


# -- 9: headers, sheets, footnotes (what changes no row is in test_same_cells) ------------------------------------------


def test_09_a_renamed_data_sheet_is_named_and_nothing_is_read(tmp_path: Path) -> None:
    run, found = staged(tmp_path, files.workbook(cells_of(LAST), LAST, Variation(sheet="Tabelle 4")), ".xlsx")
    assert said(only(found)) == ("LAYOUT-UNKNOWN", "Tabelle 4!A1", "Tabelle 4")
    assert run.staged["eckwerte"][LAST]["units"] == {}


HEADERS: dict[str, tuple[Variation, str, str]] = {
    "renamed": (
        Variation(renamed={"Integrationen": "Integrationen insgesamt"}),
        "Eckwerte!AA12",
        "Integrationen insgesamt > Insgesamt",
    ),
    "new": (Variation(added=("Bedarfsgemeinschaften",)), "Eckwerte!BE12", "Bedarfsgemeinschaften > Insgesamt"),
    "absent": (
        Variation(dropped=frozenset({"Integrationen"})),
        "Eckwerte!A12",
        "Integrationen > Insgesamt",
    ),
    "new sex": (
        Variation(renamed={"Frauen": "Frauen und divers"}),
        "Eckwerte!E13",
        "erwerbsfähige Leistungsberechtigte > Frauen und divers",
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_09_a_header_that_is_not_the_layouts_rejects_the_file_and_names_the_cell(name: str, tmp_path: Path) -> None:
    variation, place, header = HEADERS[name]
    run, found = staged(tmp_path, files.workbook(cells_of(LAST), LAST, variation), ".xlsx")
    assert only(found).rule == "LAYOUT-HEADER"
    assert (only(found).column, only(found).value) == (place, header)
    assert "kennzahlen layout propose" in only(found).message
    assert run.staged["eckwerte"][LAST]["units"] == {}


VALUES: dict[str, tuple[object, str, str]] = {
    "number with a blank between": ("1 234", "ROW-TYPE", "1 234"),
    "English point": ("1.23", "ROW-TYPE", "1.23"),
    "date that a spreadsheet made of it": ("01.02.2018", "ROW-TYPE", "01.02.2018"),
    "error of a formula": ("#NV", "ROW-CODE", "#NV"),
    "unknown sign": ("n. v.", "ROW-CODE", "n. v."),
}


@pytest.mark.parametrize("name", VALUES)
def test_09_a_value_that_is_neither_number_nor_sign_is_set_aside_alone(name: str, tmp_path: Path) -> None:
    shown, rule, value = VALUES[name]
    content = files.interactive(cells_of(LAST), LAST, Variation(values={("t04412", "M", "elb"): shown}))
    run, found = staged(tmp_path, content, ".csv")
    assert said(only(found)) == (rule, "line 15, column 3", value)
    assert len(country.staged_rows(run)) == len(cells_of(LAST)) - 1


def test_09_an_empty_value_without_a_sign_rejects_the_file_and_names_the_cell(tmp_path: Path) -> None:
    content = files.workbook(cells_of(LAST), LAST, Variation(values={("t04412", "M", "elb"): None}))
    _, found = staged(tmp_path, content, ".xlsx")
    assert (only(found).rule, only(found).column) == ("STAGE-NO-VALUE", "Eckwerte!D17")


def test_09_destroyed_umlauts_are_irrecoverable_and_named_with_the_line(tmp_path: Path) -> None:
    _, found = staged(tmp_path, files.genesis(cells_of(LAST), LAST, destroyed=True), ".csv")
    assert (only(found).rule, only(found).column) == ("STAGE-ENCODING", "line 2")


# -- 10: the month of the file and that of the data --------------------------------------------------------------------

MONTHS: dict[str, tuple[country.Writer, str, str, str]] = {
    "BA workbook": (files.workbook, ".xlsx", "Eckwerte!A3", "Juni 2018"),
    "GENESIS table": (files.genesis, ".csv", "", ""),
    "interactive statistics": (files.interactive, ".csv", "line 4, column 2", "30.06.2018"),
    "ZIP of sgb2.info": (files.sgb2info, ".zip", "", ""),
}


@pytest.mark.parametrize("name", MONTHS)
def test_10_a_file_of_another_month_is_rejected_whatever_its_address_says(name: str, tmp_path: Path) -> None:
    writer, suffix, place, text = MONTHS[name]
    run, found = staged(tmp_path, writer(cells_of(BEFORE), BEFORE), suffix)
    assert only(found).rule == "STAGE-MONTH"
    if place:
        assert said(only(found))[1:] == (place, text)
    assert run.staged["eckwerte"][LAST]["units"] == {}


def test_10_a_layout_can_say_that_the_data_are_older_than_the_file(tmp_path: Path) -> None:
    catalog = small_catalog()
    layout = catalog.layouts.by_name["ba_arbeitsmappe"]
    waiting = Fact("monat_versatz", "-3", Validity("2018-01", ""), "drei Monate Wartezeit")
    changed = replace(layout, facts=(*layout.facts, waiting))
    layouts = replace(catalog.layouts, by_name={**catalog.layouts.by_name, layout.name: changed})
    content = files.workbook(cells_of(LAST), LAST, Variation(said="2018-10"))
    run, found = staged(tmp_path / "with", content, ".xlsx", catalog=replace(catalog, layouts=layouts))
    assert found == []
    assert units_staged(run) == set(country.UNITS)
    _, found = staged(tmp_path / "without", content, ".xlsx")
    assert said(only(found)) == ("STAGE-MONTH", "Eckwerte!A3", "Oktober 2018")


# -- 11: the stock of a jobcenter is the sum of its Kreise -------------------------------------------------------------


def both_levels(cells: list[Cell], of_kreise: list[Cell]) -> bytes:
    return files.zipped({"kreise.csv": files.genesis(of_kreise, LAST), "traeger.xlsx": files.workbook(cells, LAST)})


def test_11_kreise_that_add_up_to_their_jobcenter_agree(tmp_path: Path) -> None:
    run, found = staged(tmp_path, both_levels(cells_of(LAST), cells_of(LAST)), ".zip")
    assert found == []
    assert units_staged(run) == set(country.UNITS)


def test_11_a_sum_of_kreise_that_contradicts_the_jobcenters_own_row_is_reported_and_the_cell_has_no_value(
    tmp_path: Path,
) -> None:
    cells = cells_of(LAST)
    place = ("t52302", "T", "elb")
    other = [(*c[:3], str(int(c[3]) + 1)) if c[:3] == place else c for c in cells]
    run = country.run(tmp_path, {f"{ADDRESS}.zip": both_levels(cells, other)}, LAST)
    found = only([f for f in country.findings(run) if f.severity != "info"])
    assert said(found) == ("ROW-CONTRADICTION", "traeger.xlsx: Eckwerte!C19", "t52302/T/elb")
    computed = computed_eckwerte(run)
    assert computed[(LAST, *place)][:2] == (None, "unplausibel")
    assert [key for key, cell in computed.items() if cell[1] == "unplausibel"] == [(LAST, *place)]


def test_11_a_jobcenter_is_not_made_of_some_of_its_kreise(tmp_path: Path) -> None:
    content = files.genesis(cells_of(LAST), LAST)
    lines = [line for line in content.splitlines(keepends=True) if b";07318;" not in line]
    run, found = staged(tmp_path, b"".join(lines), ".csv")
    assert {f.rule for f in found} == {"LAYOUT-KREIS"}
    assert "07318 is absent" in found[0].message
    assert units_staged(run) == {*country.UNITS} - {"t52302"}


# -- 12: revised vintages ----------------------------------------------------------------------------------------------


def test_12_a_new_vintage_replaces_the_old_one_with_a_finding_and_both_are_kept(tmp_path: Path) -> None:
    old = files.canonical(cells_of(LAST))
    revised = [(*c[:3], str(int(c[3]) - 40)) if c[:3] == ("t04412", "T", "elb") else c for c in cells_of(LAST)]
    country.run(tmp_path, {f"{ADDRESS}.csv": old}, LAST, upto="stage")
    new = files.canonical(revised)
    run = country.run(tmp_path, {f"{ADDRESS}.csv": new}, LAST, upto="stage")
    assert [f.file for f in country.findings(run, "fetch") if f.rule == "FETCH-REVISED"] == [f"{ADDRESS}.csv"]
    assert value(run, "t04412") == 1221 + 811 - 40
    kept = [p.read_bytes() for p in (run.store.root / "snapshots" / "objects").rglob("*") if p.is_file()]
    assert old in kept
    assert new in kept


# -- 13 to 15: bases, formulas, single bad years -----------------------------------------------------------------------


def test_13_counts_of_a_shared_kreis_are_given_to_none_of_its_jobcenters(tmp_path: Path) -> None:
    content = files.genesis(cells_of(LAST), LAST, extra=[("13071", "Mecklenburgische Seenplatte", "9000")])
    run, found = staged(tmp_path, content, ".csv", catalog=registry(*country.UNITS, "mse-nord", "mse-sued"))
    assert said(only(found))[::2] == ("LAYOUT-KREIS", "13071")
    assert "shared by mse-nord, mse-sued" in only(found).message
    assert units_staged(run) == set(country.UNITS)


def test_14_a_header_with_a_wrong_formula_is_not_taken_for_what_it_resembles(tmp_path: Path) -> None:
    (wrong,) = csv.DictReader((DATA / "codebook_excerpt.csv").open(encoding="utf-8"))
    assert "nach SGB III" in wrong["formula"]
    own = load_catalog().merkmale["luh"].label.de
    for name, title in (("short", wrong["short_name"]), ("whole", wrong["formula"])):
        content = files.genesis(cells_of(LAST), LAST, Variation(renamed={own: title}))
        run, found = staged(tmp_path / name, content, ".csv")
        assert said(only(found)) == ("LAYOUT-HEADER", "line 6, column 55", f"{title} > Insgesamt")
        assert run.staged["eckwerte"][LAST]["units"] == {}


YEARS = tuple(csv.DictReader((DATA / "elb_2012_2014.csv").open(encoding="utf-8")))
OF_KREIS = {
    key: j.jc_id for j in load_catalog().jobcenters.values() for key in j.ags5 if key in {r["ags5"] for r in YEARS}
}
RAISED = {"06432", "09372", "10044"}
"""Kreise whose ELB of 2013 lie more than 10 % above those of 2012: a year that the source has too high."""


def inkar_cells(month: str) -> list[Cell]:
    """Return cells of a month in which the ELB are the year's genuine mean: men and women half each, half of them LZB."""
    elb = {OF_KREIS[r["ags5"]]: int(r["elb"]) for r in YEARS if r["year"] == month[:4]}
    usual = {"T": "32", "M": "16", "F": "16"}
    cells = []
    for unit, sex, merkmal, shown in some(list(elb), LAST):
        total = elb[unit] // (2 if merkmal == "lzb" else 1)
        stock = {"T": str(total), "M": str(total // 2), "F": str(total - total // 2)}
        counts = stock if merkmal in ("elb", "lzb") else usual
        signed = shown in files.SIGNS and merkmal != "lzb_amp"
        cells.append((unit, sex, merkmal, shown if signed else counts[sex]))
    return cells


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Finding]]:
    """Return a function that gives the findings of both checks of a run for a month of 2012 or 2013.

    In 2013-02 a jobcenter's participants are a thousand instead of sixteen each, and another's LZB are those of a larger area.
    """
    root = tmp_path_factory.mktemp("bad year")
    catalog = registry(*OF_KREIS.values())
    tree: dict[str, bytes] = {}
    for month in month_range("2012-03", "2013-02"):
        cells = inkar_cells(month)
        if month == "2013-02":
            cells = [_slipped(cell) for cell in cells]
        tree[f"{month}/eckwerte/statistik.csv"] = files.genesis(cells, month)

    @cache
    def findings(month: str) -> list[Finding]:
        run = country.run(root, {k: v for k, v in tree.items() if k[:7] <= month}, month, catalog=catalog)
        for name in ("check_deliveries", "compare", "check_results"):
            getattr(steps, name)(replace(run))
        return [f for step in ("check", "check-results") for f in country.findings(run, step)]

    return findings


def torn(content: bytes) -> bytes:
    """Return a canonical file whose transfer ended in the cells of its last jobcenter."""
    lines = content.splitlines(keepends=True)
    return b"".join(lines[:-20])


@pytest.mark.slow
def test_a_file_that_was_torn_off_within_a_jobcenter_is_reported_by_the_cells_that_are_missing(tmp_path: Path) -> None:
    tree = {f"{ADDRESS}.csv": torn(files.canonical(cells_of(LAST)))}
    run = country.run(tmp_path, tree, LAST, upto="stage")
    assert country.findings(run) == []
    steps.check_deliveries(replace(run))
    assert where(country.findings(run, "check"), "STATISTIK-INCOMPLETE") == {country.UNITS[-1]}


def _slipped(cell: Cell) -> Cell:
    unit, sex, merkmal, _ = cell
    if (unit, merkmal) == (OF_KREIS["06412"], "lzb_amp"):
        return unit, sex, merkmal, {"T": "2000", "M": "1000", "F": "1000"}[sex]
    if (unit, merkmal) == (OF_KREIS["09372"], "lzb"):
        return unit, sex, merkmal, {"T": "3000", "M": "1500", "F": "1500"}[sex]
    return cell


def where(findings: Sequence[Finding], rule: str) -> set[str]:
    return {f.jc_id for f in findings if f.rule == rule}


@pytest.mark.slow
def test_13_a_part_that_is_counted_on_a_larger_area_than_its_whole_is_reported(
    checked: Callable[[str], list[Finding]],
) -> None:
    assert where(checked("2012-12"), "STATISTIK-PARTS") == set()
    assert where(checked("2013-02"), "STATISTIK-PARTS") == {OF_KREIS["09372"]}


@pytest.mark.slow
def test_15_a_single_bad_year_is_reported_where_it_is_gross_and_changes_no_value(
    checked: Callable[[str], list[Finding]],
) -> None:
    assert where(checked("2012-12"), "MEDIAN-STOCK") == set()
    assert where(checked("2013-01"), "MEDIAN-STOCK") == {OF_KREIS[key] for key in RAISED}
    assert where(checked("2013-01"), "EW-ELB-JUMP") == set(), "the jump to the month before is too small for that rule"
    assert {f.severity for f in checked("2013-01") if f.rule.startswith("MEDIAN")} == {"warning"}


@pytest.mark.slow
def test_15_a_thousand_participants_instead_of_sixteen_are_reported(checked: Callable[[str], list[Finding]]) -> None:
    assert where(checked("2013-01"), "MEDIAN-EVENTS") == set()
    assert where(checked("2013-02"), "MEDIAN-EVENTS") == {OF_KREIS["06412"]}


# -- genuine tables ----------------------------------------------------------------------------------------------------


def unit_of(kreis: str) -> str:
    """Return the jobcenter of a Kreis that has one."""
    (found,) = [j.jc_id for j in load_catalog().jobcenters.values() if kreis in j.ags5]
    return found


def vehicles_for_counts() -> Catalog:
    """Return the catalog with a GENESIS layout that takes vehicles for ELB: the table is genuine, its subject is not ours."""
    catalog = load_catalog()
    layout = catalog.layouts.by_name["genesis"]
    always = Validity("", "")
    kinds = {"Insgesamt": "T", "Pkw": "M", "Lkw": "F"}
    headers = [Header(f"Kraftfahrzeugarten > {kind}", "wert", "elb", sex, always) for kind, sex in kinds.items()]
    headers += [
        Header(f"Kraftfahrzeugarten > {kind}", "ignoriert", "", "", always, "zählt nicht mit")
        for kind in ("Zugmaschinen", "Krafträder")
    ]
    keys = [h for h in layout.headers if h.path.startswith("#")]
    changed = replace(layout, headers=(*keys, *headers))
    return replace(catalog, layouts=replace(catalog.layouts, by_name={"genesis": changed}))


def test_a_genuine_genesis_table_in_latin_1_is_read_with_its_levels_periods_and_dissolved_kreise(
    tmp_path: Path,
) -> None:
    content = (DATA / "46251-01-02-4_excerpt.csv").read_bytes()
    run, found = staged(tmp_path, content, ".csv", "2020-01", vehicles_for_counts())
    assert [(f.rule, f.value) for f in found] == [("LAYOUT-KREIS", "11000"), ("LAYOUT-KREIS", "13071")]
    rows = {row[:2]: row[3] for row in country.staged_rows(run, "2020-01")}
    lines = [line.split(";") for line in content.decode("latin-1").splitlines() if line.startswith("01.01.2020;")]
    of_kreis = {fields[1]: Decimal(fields[3]) for fields in lines if fields[3].isdigit()}
    assert rows["t04412", "T"] == of_kreis["15088"]
    assert rows["t52302", "T"] == sum(of_kreis[key] for key in ("07311", "07314", "07318", "07338"))
    hamburg, hannover = (unit_of(key) for key in ("02000", "03241"))
    assert {unit for unit, _ in rows} == {*country.UNITS, "t23102", hamburg, hannover}
    assert rows[hannover, "T"] == of_kreis["03241"], "its capital is a part of it and does not count again"
    assert [f.value for f in country.findings(run) if f.rule == "LAYOUT-DISSOLVED"] == ["03152"]


def test_a_genuine_genesis_table_with_destroyed_umlauts_is_rejected_with_the_line(tmp_path: Path) -> None:
    content = (DATA / "12111-31-01-4_excerpt.csv").read_bytes()
    _, found = staged(tmp_path, content, ".csv")
    assert (only(found).rule, only(found).column) == ("STAGE-ENCODING", "line 2")
