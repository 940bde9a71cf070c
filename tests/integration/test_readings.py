"""One small tree of deliveries for each decided reading of the data contract; every expected number is counted by hand."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from worlds_run import Cells, computed_eckwerte, computed_kennzahlen, run_counting

from pipeline.months import Zaehltage, add_months, month_range

COLUMNS = {
    "bestand": ("person_id", "bg_id", "geschlecht", "geburtsdatum", "ist_elb", "ist_alleinerziehend"),
    "leistungsbezug": ("person_id", "bg_id", "von", "bis"),
    "aufnahme": ("person_id", "beginn", "art", "foerderung", "im_ausland", "recorded_on"),
    "massnahme": ("person_id", "massnahme_art", "von", "bis"),
    "leistung": ("bg_id", "person_id", "rechtsgrundlage", "anspruch_eur"),
    "beschaeftigung": ("person_id", "von", "bis", "personengruppe"),
    "eckwerte": ("jc_id", "geschlecht", "merkmal", "wert", "zeichen"),
}
PERSON_TABLES = ("bestand", "leistungsbezug", "aufnahme", "massnahme", "leistung")
A, B, C = "t00001", "t00002", "t00003"
FAR = date(2099, 12, 31)


class Tree:
    """A delivery tree in the making: units deliver every table for every month, with a header only unless rows are added."""

    def __init__(
        self, root: Path, first: str, last: str, units: Iterable[str] = (A, B), *, employment: str = ""
    ) -> None:
        self.root, self.months = root, month_range(first, last)
        self.registry = [self._line(unit) for unit in (A, B, C)]
        self.zaehltage = Zaehltage()
        self.rows: dict[tuple[str, str, str], list[tuple[str, ...]]] = defaultdict(list)
        for month in self.months:
            for unit in units:
                for table in PERSON_TABLES:
                    self.rows[month, table, unit] = []
        for month in month_range(first, employment) if employment else ():
            self.rows[month, "beschaeftigung", "bst"] = []

    @staticmethod
    def _line(unit: str) -> dict[str, str]:
        line = {"jc_id": unit, "name": unit, "land": "Bayern", "traeger": "zkT"}
        return line | {"valid_from": "2005-01-01", "valid_to": ""}

    def add(self, month: str, table: str, unit: str, *values: str) -> None:
        """Add a row with the values in the order of the contract."""
        assert len(values) == len(COLUMNS[table])
        self.rows[month, table, unit].append(values)

    def in_stock(
        self, month: str, unit: str, person: str, sex: str = "F", *, elb: bool = True, alone: bool = False
    ) -> None:
        """Add a row of bestand."""
        values = (person, f"bg-{person}", sex, "1980-01-01", str(elb).lower(), str(alone).lower())
        self.add(month, "bestand", unit, *values)

    def receives(self, unit: str, person: str, von: str, bis: str = "") -> None:
        """Add a period to every delivery of leistungsbezug that it belongs to."""
        for month in self.months:
            first = self.zaehltage.stichtag(add_months(month, -1)) - timedelta(days=7)
            last = self.zaehltage.stichtag(month) + timedelta(days=8)
            end = date.fromisoformat(bis) if bis else FAR
            if date.fromisoformat(von) <= last and end >= first:
                self.add(month, "leistungsbezug", unit, person, f"bg-{person}", von, bis)

    def starts(self, month: str, unit: str, person: str, beginn: str, art: str = "svb", code: str = "") -> None:
        """Add a row of aufnahme, recorded on the day itself."""
        self.add(month, "aufnahme", unit, person, beginn, art, code, "false", beginn)

    def without(self, month: str, table: str, unit: str) -> None:
        """Leave a delivery out."""
        self.rows.pop((month, table, unit), None)

    def write(self, root: Path | None = None) -> Path:
        """Write the tree, in place of an older one."""
        root = root or self.root
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        for (month, table, unit), rows in self.rows.items():
            write_csv(root / month / table / f"{unit}.csv", COLUMNS[table], rows)
        return root

    def run(self, month: str, *sources: Path, store: str = "store") -> Outcome:
        """Write the tree and run the counting for a month; `sources` are named after the tree."""
        root = self.root if self.root.exists() else self.write()
        run = run_counting(self.root.parent / store, month, [root, *sources], self.registry)
        return Outcome(computed_eckwerte(run), computed_kennzahlen(run))


class Outcome:
    """What a run computed, by short questions."""

    def __init__(self, eckwerte: Cells, kennzahlen: Cells) -> None:
        self.eckwerte, self.kennzahlen = eckwerte, kennzahlen

    def cell(self, month: str, unit: str, merkmal: str, sex: str = "T") -> Any:
        """Return the value of a cell, or the reason if it has none."""
        value, reason, _ = self.eckwerte[month, unit, sex, merkmal]
        return int(value) if value is not None else reason

    def sexes(self, month: str, unit: str, merkmal: str) -> tuple[Any, ...]:
        """Return the cells T, M and F."""
        return tuple(self.cell(month, unit, merkmal, sex) for sex in "TMF")

    def indicator(self, month: str, area: str, definition: str, level: str = "jobcenter", sex: str = "T") -> Any:
        """Return (numerator, denominator, displayed value, reason, note)."""
        over, under, _, _, shown, reason, note, _, _ = self.kennzahlen[month, level, area, definition, sex]
        return over, under, shown, reason, note


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Write a CSV file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


# --- deliveries and sources ---------------------------------------------------------------------------------------------


def test_a_unit_that_delivers_some_tables_is_counted_in_those_and_misses_the_others(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.in_stock("2018-07", B, "p1")
    for month in tree.months:
        tree.without(month, "leistung", B)
    result = tree.run("2018-07")
    assert result.cell("2018-07", B, "elb") == 1
    assert result.cell("2018-07", B, "llu") == "nicht_geliefert"
    assert result.cell("2018-07", A, "llu") == 0


def test_a_table_that_nobody_delivered_yet_makes_the_series_too_short_and_a_later_hole_does_not(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-03", "2018-07")
    for unit in (A, B):
        tree.without("2018-03", "leistung", unit)
        tree.without("2018-05", "leistung", unit)
    result = tree.run("2018-07")
    assert [result.cell(m, A, "llu") for m in tree.months] == ["zu_kurze_reihe", 0, "nicht_geliefert", 0, 0]


def test_a_month_without_any_delivery_is_a_month_of_missing_ones(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-03", "2018-07")
    for table in PERSON_TABLES:
        for unit in (A, B):
            tree.without("2018-05", table, unit)
    result = tree.run("2018-07")
    assert [result.cell(m, A, "elb") for m in tree.months] == [0, 0, "nicht_geliefert", 0, 0]
    assert result.cell("2018-06", A, "int") == result.cell("2018-07", A, "int") == "nicht_geliefert"


def test_only_units_that_delivered_are_left_out_of_sums_or_in_them(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2017-07", "2018-07")
    for month in ("2017-07", "2018-07"):
        tree.in_stock(month, A, "p1")
        tree.in_stock(month, B, "p2")
    tree.without("2017-07", "bestand", B)
    tree.in_stock("2018-07", A, "p3")
    result = tree.run("2018-07")
    assert result.indicator("2018-07", B, "K1E2@2011") == (1, None, None, "nicht_geliefert", "")
    expected = (2, 1, Decimal("100.0"), "", "ausgelassen=1")
    assert result.indicator("2018-07", "bund", "K1E2@2011", "bund") == expected


def test_a_zero_denominator_keeps_both_sides_and_says_so(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2017-07", "2018-07")
    tree.in_stock("2018-07", A, "p1")
    result = tree.run("2018-07")
    assert result.indicator("2018-07", A, "K1E2@2011") == (1, 0, None, "nenner_null", "")
    assert result.indicator("2018-07", "bund", "K1E2@2011", "bund") == (1, 0, None, "nenner_null", "ausgelassen=0")


def test_the_later_of_two_sources_replaces_a_delivery_as_a_whole(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-07")
    tree.in_stock("2018-07", A, "p1")
    tree.in_stock("2018-07", A, "p2")
    tree.in_stock("2018-07", B, "p3")
    later = Tree(tmp_path / "b", "2018-06", "2018-07", ())
    later.in_stock("2018-07", A, "p4")
    assert tree.run("2018-07", later.write()).cell("2018-07", A, "elb") == 1


def test_code_lists_may_lie_in_the_later_source_only_and_the_later_list_replaces_the_earlier(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-07")
    tree.add("2018-07", "leistungsbezug", A, "p1", "bg", "2018-06-13", "")
    tree.write()
    later, last = tmp_path / "b", tmp_path / "c"
    write_csv(later / "zaehltage.csv", ("ref_month", "stichtag"), [("2018-06", "2018-06-12")])
    write_csv(last / "zaehltage.csv", ("ref_month", "stichtag"), [("2018-07", "2018-07-16")])
    assert tree.run("2018-07", store="s1").cell("2018-07", A, "elb_zugang") == 0
    assert tree.run("2018-07", later, store="s2").cell("2018-07", A, "elb_zugang") == 1
    assert tree.run("2018-07", later, last, store="s3").cell("2018-07", A, "elb_zugang") == 0


def test_a_source_may_be_given_with_a_trailing_slash(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "deep" / "tree", "2018-06", "2018-07")
    tree.in_stock("2018-07", A, "p1")
    tree.write()
    source: Any = f"{tree.root}/"
    run = run_counting(tmp_path / "store", "2018-07", [source], tree.registry)
    assert computed_eckwerte(run)["2018-07", A, "T", "elb"][0] == 1


def test_an_older_month_after_a_newer_one_gives_what_a_fresh_store_gives(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2017-07", "2018-08", employment="2018-08")
    for month in tree.months:
        tree.in_stock(month, A, "p1")
    tree.starts("2017-12", A, "p1", "2017-12-01")
    fresh = tree.run("2018-07", store="fresh")
    tree.run("2018-08", store="used")
    again = tree.run("2018-07", store="used")
    assert (again.eckwerte, again.kennzahlen) == (fresh.eckwerte, fresh.kennzahlen)


def test_a_revision_and_a_late_delivery_are_counted_by_the_next_run(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-04", "2018-07")
    for month in tree.months:
        tree.in_stock(month, A, "p1")
    tree.without("2018-05", "bestand", A)
    before = tree.run("2018-07")
    assert [before.cell(m, A, "elb") for m in tree.months] == [1, "nicht_geliefert", 1, 1]
    tree.in_stock("2018-05", A, "p1")
    tree.in_stock("2018-06", A, "p2")
    tree.write()
    after = tree.run("2018-07")
    assert [after.cell(m, A, "elb") for m in tree.months] == [1, 1, 2, 1]
    assert after.eckwerte == tree.run("2018-07", store="fresh").eckwerte


def test_deliveries_for_months_after_the_run_do_not_exist(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-08", (A,))
    tree.rows["2018-08", "bestand", B] = []
    result = tree.run("2018-07")
    assert {key[0] for key in result.eckwerte} == {"2018-06", "2018-07"}
    note = result.indicator("2018-07", "bund", "K1E2@2011", "bund")[4]
    assert note == "ausgelassen=1", "B has delivered nothing yet, A lacks the year before"


# --- employment ---------------------------------------------------------------------------------------------------------


def _integrated(tree: Tree, months: Iterable[str]) -> None:
    for month in tree.months:
        tree.in_stock(month, A, "p1")
    for month in months:
        tree.starts(month, A, "p1", f"{month}-01")


def test_employment_blocks_by_what_is_due_and_counts_when_it_comes_early(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2017-07", "2018-12", employment="2018-08")
    months = ("2017-11", "2018-02", "2018-03", "2018-06", "2018-07")
    _integrated(tree, months)
    for month in month_range("2017-07", "2018-08"):
        tree.add(month, "beschaeftigung", "bst", "p1", "2017-11-01", "", "101")
    tree.without("2018-08", "beschaeftigung", "bst")
    for month in ("2018-10", "2018-11"):
        tree.add(month, "beschaeftigung", "bst", "p1", "2017-11-01", "", "101")
    result = tree.run("2018-12")
    kont6 = [result.cell(m, A, "svb_kont6") for m in months]
    assert kont6 == [1, "nicht_geliefert", "nicht_geliefert", "nicht_geliefert", "nicht_geliefert"]
    assert result.cell("2018-08", A, "svb_kont6") == "folgt_spaeter", "2018-09 is later than m-4"
    assert result.cell("2017-11", A, "svb_nach12") == 1, "2018-11 came before it was due"
    assert result.cell("2017-12", A, "svb_nach12") == "folgt_spaeter"


def test_sustained_needs_one_check_day_and_continuous_needs_six(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2016-05", "2018-12", employment="2018-08")
    _integrated(tree, ["2017-01"])
    for month in month_range("2017-01", "2018-08"):
        if month != "2017-04":
            tree.add(month, "beschaeftigung", "bst", "p1", "2017-01-01", "2017-04-29", "101")
            tree.add(month, "beschaeftigung", "bst", "p1", "2017-05-31", "2018-01-31", "120")
            tree.add(month, "beschaeftigung", "bst", "p1", "2017-01-01", "", "109")
    tree.add("2017-04", "beschaeftigung", "bst", "p1", "2017-01-01", "2017-04-29", "101")
    result = tree.run("2018-12")
    assert (result.cell("2017-01", A, "svb_nach12"), result.cell("2017-01", A, "svb_kont6")) == (1, 0)
    sustained, continuous = (result.kennzahlen["2018-08", "jobcenter", A, f"K2E3@{y}", "T"] for y in (2011, 2019))
    assert (sustained[0], sustained[1], sustained[-1]) == (1, 1, True)
    assert (continuous[0], continuous[1], continuous[-1]) == (0, 0, False), "the cohorts are r-23..r-12 and r-17..r-6"


# --- stock and sex ------------------------------------------------------------------------------------------------------


def test_everybody_counts_in_total_and_only_men_and_women_by_sex(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-07")
    for person, sex in (("p1", "M"), ("p2", "F"), ("p3", "D"), ("p4", "")):
        tree.in_stock("2018-07", A, person, sex)
    assert tree.run("2018-07").sexes("2018-07", A, "elb") == (4, 1, 1)


def test_contradicting_rows_of_a_person_in_a_unit(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-07")
    tree.in_stock("2018-07", A, "p1", "F", elb=False, alone=True)
    tree.in_stock("2018-07", A, "p1", "M")
    tree.in_stock("2018-07", A, "p2", "F", elb=True, alone=True)
    tree.in_stock("2018-07", A, "p2", "F", elb=True)
    result = tree.run("2018-07")
    assert result.sexes("2018-07", A, "elb") == (2, 0, 1), "ELB if any row says so, sex only if all agree"
    assert result.sexes("2018-07", A, "alleinerz") == (1, 0, 1), "lone parent if any ELB row says so"


def test_an_elb_here_who_is_nef_elsewhere_counts_here_only(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-07")
    tree.in_stock("2018-07", A, "p1", "F")
    tree.in_stock("2018-07", B, "p1", "M", elb=False)
    result = tree.run("2018-07")
    assert result.sexes("2018-07", A, "elb") == (1, 0, 1), "the sex is that of the row that makes the count"
    assert result.sexes("2018-07", B, "elb") == (0, 0, 0)


def test_the_sex_of_entries_is_looked_up_in_this_month_first_and_of_exits_in_the_last(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.in_stock("2018-06", B, "p1", "M")
    tree.in_stock("2018-07", B, "p1", "F")
    tree.add("2018-07", "leistungsbezug", A, "p1", "bg", "2018-06-20", "2018-07-10")
    tree.add("2018-07", "leistungsbezug", A, "p2", "bg", "2018-06-20", "2018-07-10")
    result = tree.run("2018-07")
    assert result.sexes("2018-07", A, "elb_zugang") == (2, 0, 1)
    assert result.sexes("2018-07", A, "elb_abgang") == (2, 1, 0)


def test_movements_by_sex_need_the_own_stock_of_the_first_month_asked(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.without("2018-06", "bestand", A)
    result = tree.run("2018-07")
    gone = "nicht_geliefert"
    assert result.sexes("2018-06", A, "elb_zugang") == (0, gone, gone)
    assert result.sexes("2018-06", A, "elb_abgang") == (0, 0, 0)
    assert result.sexes("2018-07", A, "elb_abgang") == (0, gone, gone)
    assert result.sexes("2018-06", A, "llu") == (0, gone, gone)


def test_entitlements_without_a_person_take_the_sexes_from_their_sum_only(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-07")
    tree.in_stock("2018-07", A, "p1", "F")
    tree.add("2018-07", "leistung", A, "bg", "p1", "20", "100.10")
    tree.add("2018-07", "leistung", A, "bg", "p1", "20", "100.10")
    tree.add("2018-07", "leistung", A, "bg", "", "22_1", "300.00")
    tree.add("2018-07", "leistung", A, "bg", "", "24_3", "50.00")
    tree.add("2018-07", "leistung", A, "bg", "p9", "23", "-0.20")
    result = tree.run("2018-07")
    assert [result.eckwerte["2018-07", A, s, "llu"][0] for s in "TMF"] == [
        Decimal(x) for x in ("200.00", "0", "200.20")
    ]
    assert result.sexes("2018-07", A, "luh") == (300, "nicht_verfuegbar", "nicht_verfuegbar")


# --- movements and days -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("back", "expected"), [("2018-06-19", (0, 0)), ("2018-06-20", (1, 1))])
def test_a_gap_of_seven_days_over_the_border_of_a_window_is_bridged_and_one_of_eight_is_not(
    tmp_path: Path, back: str, expected: tuple[int, int]
) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.receives(A, "p1", "2018-01-01", "2018-06-11")
    tree.receives(A, "p1", back)
    result = tree.run("2018-07")
    assert (result.cell("2018-06", A, "elb_abgang"), result.cell("2018-07", A, "elb_zugang")) == expected


def test_an_exit_belongs_to_the_window_of_the_first_day_without_benefits(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.receives(A, "p1", "2018-01-01", "2018-06-14")
    tree.receives(A, "p2", "2018-01-01", "2018-06-15")
    tree.receives(A, "p3", "2018-06-15")
    tree.receives(A, "p4", "2018-06-16")
    result = tree.run("2018-07")
    assert [result.cell(m, A, "elb_abgang") for m in ("2018-06", "2018-07")] == [1, 1]
    assert [result.cell(m, A, "elb_zugang") for m in ("2018-06", "2018-07")] == [1, 1]


def test_back_within_seven_days_is_no_movement_whatever_lay_between(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.receives(A, "p1", "2018-01-01", "2018-06-20")
    tree.receives(B, "p1", "2018-06-21", "2018-06-27")
    tree.receives(A, "p1", "2018-06-28")
    result = tree.run("2018-07")
    assert (result.cell("2018-07", A, "elb_abgang"), result.cell("2018-07", A, "elb_zugang")) == (0, 0)
    assert (result.cell("2018-07", B, "elb_abgang"), result.cell("2018-07", B, "elb_zugang")) == (1, 1)


def test_two_entries_of_a_person_in_a_window_are_two_movements(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.receives(A, "p1", "2018-06-16", "2018-06-20")
    tree.receives(A, "p1", "2018-06-29", "2018-07-20")
    assert tree.run("2018-07").cell("2018-07", A, "elb_zugang") == 2


def test_overlapping_and_adjoining_periods_of_two_units_of_need_are_one_stay(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.receives(A, "p1", "2018-01-01")
    tree.add("2018-07", "leistungsbezug", A, "p1", "other", "2018-06-20", "2018-07-01")
    tree.receives(A, "p2", "2018-01-01", "2018-06-30")
    tree.receives(A, "p2", "2018-07-01")
    result = tree.run("2018-07")
    assert (result.cell("2018-07", A, "elb_abgang"), result.cell("2018-07", A, "elb_zugang")) == (0, 0)


@pytest.mark.parametrize(("first_day", "expected"), [("2016-10-16", 1), ("2016-10-17", 0)])
def test_638_days_of_730_make_long_term_and_every_day_is_told_by_its_own_window(
    tmp_path: Path, first_day: str, expected: int
) -> None:
    tree = Tree(tmp_path / "a", "2016-07", "2018-07")
    tree.in_stock("2018-07", A, "p1")
    for month in tree.months:
        if month < "2018-01":
            tree.add(month, "leistungsbezug", B, "p1", "bg", first_day, "")
        else:
            tree.add(month, "leistungsbezug", A, "p1", "bg", "2017-12-16", "")
    assert tree.run("2018-07").cell("2018-07", A, "lzb") == expected


def test_long_term_needs_all_25_deliveries_of_the_own_unit_and_no_others(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2016-07", "2018-07")
    for month in tree.months:
        tree.in_stock(month, A, "p1")
    tree.receives(A, "p1", "2010-01-01")
    tree.without("2016-07", "leistungsbezug", B)
    result = tree.run("2018-07")
    assert result.cell("2018-07", A, "lzb") == 1
    assert result.cell("2018-06", A, "lzb") == "zu_kurze_reihe"
    assert result.cell("2018-07", A, "lzb_zugang") == "zu_kurze_reihe"
    assert result.cell("2018-07", B, "lzb") == "nicht_geliefert"


def test_a_measure_counts_by_the_day_and_the_list_of_the_reference_month(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2016-12", "2019-01")
    codes = ("16d", "sozteil", "buergerarbeit", "16i", "16e_neu", "vb", "16_egz", "16k")
    for code in codes:
        for month in ("2018-12", "2019-01"):
            tree.in_stock(month, A, code)
            tree.add(month, "massnahme", B, code, code, "2018-12-01", "")
        tree.receives(A, code, "2010-01-01")
    tree.in_stock("2019-01", A, "ended")
    tree.receives(A, "ended", "2010-01-01")
    tree.add("2019-01", "massnahme", A, "ended", "16d", "2018-12-01", "2019-01-14")
    result = tree.run("2019-01")
    assert result.cell("2019-01", A, "lzb") == len(codes) + 1
    assert result.cell("2019-01", A, "lzb_amp") == 3, "16d, sozteil and 16i; measures are looked for in all files"


# --- events -------------------------------------------------------------------------------------------------------------


def test_starts_are_classified_by_their_first_day(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-10", "2019-01")
    days = ("2018-12-31", "2019-01-01")
    codes = ("", "16d", "16e_alt", "16e_neu", "16i", "sozteil", "buergerarbeit", "16b", "16f", "esf_lza")
    for code in codes:
        for day in days:
            for month in ("2018-11", "2018-12"):
                tree.in_stock(month, A, f"{code}-{day}")
            tree.starts("2019-01", B, f"{code}-{day}", day, code=code)
    result = tree.run("2019-01")
    supported = 3 + 1 + 3 + 1  # 16d, 16e_alt, sozteil; before 2019 Bürgerarbeit; from 2019 16i
    assert result.cell("2019-01", A, "bs_2am") == supported
    assert result.cell("2019-01", A, "int") == result.cell("2019-01", A, "int_svb") == 2 * len(codes) - supported


def test_newcomers_are_those_who_were_elb_nowhere_two_months_ago(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-04", "2018-07")
    for person in ("elb", "nef", "new"):
        tree.in_stock("2018-06", A, person)
        tree.starts("2018-07", A, person, "2018-06-15")
    tree.in_stock("2018-05", B, "elb")
    tree.in_stock("2018-05", B, "nef", elb=False)
    result = tree.run("2018-07")
    assert result.cell("2018-07", A, "int") == 2
    assert result.cell("2018-07", B, "int") == 0


def test_a_person_counts_once_a_month_and_merkmal_and_in_both_stocks(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-04", "2018-07")
    for month in ("2018-05", "2018-06"):
        tree.in_stock(month, A, "p1", alone=True)
        tree.in_stock(month, B, "p1")
    tree.starts("2018-07", A, "p1", "2018-06-20", "selbst")
    tree.starts("2018-07", B, "p1", "2018-07-01", "svb")
    tree.starts("2018-07", B, "p1", "2018-07-02", "gering")
    tree.add("2018-07", "aufnahme", B, "p1", "2018-07-03", "svb", "", "true", "2018-10-15")
    result = tree.run("2018-07")
    for unit in (A, B):
        assert [result.cell("2018-07", unit, m) for m in ("int", "int_svb", "bs_gering", "bs_2am")] == [1, 1, 1, 0]
    assert (result.cell("2018-07", A, "int_allein"), result.cell("2018-07", B, "int_allein")) == (1, 0)


def test_starts_recorded_after_the_freeze_day_or_abroad(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-04", "2018-07")
    for person, abroad, recorded in (
        ("late", "false", "2018-10-16"),
        ("frozen", "false", "2018-10-15"),
        ("abroad", "true", "2018-07-01"),
    ):
        for month in ("2018-05", "2018-06"):
            tree.in_stock(month, A, person)
        tree.add("2018-07", "aufnahme", A, person, "2018-07-01", "svb", "", abroad, recorded)
    result = tree.run("2018-07")
    assert (result.cell("2018-07", A, "int"), result.cell("2018-07", A, "int_svb")) == (2, 1)


# --- territory ----------------------------------------------------------------------------------------------------------


def _changes(tree: Tree, *rows: tuple[str, str, str]) -> None:
    write_csv(tree.write() / "gebietsaenderungen.csv", ("alt", "neu", "ab"), rows)


def test_a_chain_of_mergers_takes_every_unit_to_its_last_successor(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-04", "2018-07", ())
    deliverers = {"2018-04": (A, B, C), "2018-05": (B, C), "2018-06": (C,), "2018-07": (C,)}
    for month, units in deliverers.items():
        for unit in units:
            for table in PERSON_TABLES:
                tree.rows[month, table, unit] = []
            tree.in_stock(month, unit, f"only-{unit}")
            tree.in_stock(month, unit, "everywhere")
    _changes(tree, (A, B, "2018-05-15"), (B, C, "2018-06-01"))
    result = tree.run("2018-07")
    assert {key[1] for key in result.eckwerte} == {C}
    elb = [result.cell(m, C, "elb") for m in tree.months]
    assert elb == [4, 3, 2, 2], "a person in two parts is one; A ends on S(2018-05) itself"


def test_a_change_after_the_runs_month_has_not_happened(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-06", "2018-07")
    _changes(tree, (A, B, "2018-07-16"))
    assert {key[1] for key in tree.run("2018-07").eckwerte} == {A, B, C}


def test_every_part_that_existed_must_have_delivered(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-04", "2018-07", (A, B))
    tree.without("2018-04", "bestand", A)
    tree.without("2018-06", "bestand", A)
    _changes(tree, (A, B, "2018-06-01"))
    result = tree.run("2018-07")
    assert [result.cell(m, B, "elb") for m in tree.months] == ["nicht_geliefert", 0, 0, 0]


def test_rows_that_a_predecessor_delivers_after_its_end_count_for_the_successor(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A, B))
    tree.in_stock("2018-07", A, "p1")
    tree.in_stock("2018-07", B, "p1")
    tree.in_stock("2018-07", A, "p2")
    _changes(tree, (A, B, "2018-06-01"))
    assert tree.run("2018-07").cell("2018-07", B, "elb") == 2


def test_moving_between_the_parts_of_a_merged_unit_is_no_movement(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A, B))
    tree.receives(A, "p1", "2018-01-01", "2018-05-31")
    tree.receives(B, "p1", "2018-06-01")
    _changes(tree, (A, B, "2018-07-01"))
    result = tree.run("2018-07")
    assert (result.cell("2018-06", B, "elb_abgang"), result.cell("2018-06", B, "elb_zugang")) == (0, 0)


def test_a_unit_outside_its_validity_has_no_valid_territory(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A, B))
    tree.registry[1]["valid_to"] = "2018-06-14"
    result = tree.run("2018-07")
    assert [result.cell(m, B, "elb") for m in tree.months] == [0, "gebiet_nicht_gueltig", "gebiet_nicht_gueltig"]
    note = result.indicator("2018-07", "bund", "K1E2@2011", "bund")[4]
    assert note == "ausgelassen=1", "members are those of S(run month): A, C never delivered"


# --- published counts ---------------------------------------------------------------------------------------------------


def test_signs_mean_zero_or_a_reason_and_win_over_a_value(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A,))
    signs = {"elb": "-", "int": "*", "lzb": "x", "luh": ".", "llu": "..."}
    for merkmal, sign in signs.items():
        tree.add("2018-07", "eckwerte", "statistik", B, "T", merkmal, "7", sign)
    tree.add("2018-07", "eckwerte", "statistik", B, "M", "elb", "12.50", "")
    result = tree.run("2018-07")
    cells = [result.cell("2018-07", B, merkmal) for merkmal in signs]
    assert cells == [0, "geheim", "nicht_verfuegbar", "unbekannt", "folgt_spaeter"]
    assert result.eckwerte["2018-07", B, "M", "elb"] == (Decimal("12.50"), "", "eckwerte")
    assert result.eckwerte["2018-07", B, "F", "elb"] == (None, "nicht_geliefert", "eckwerte")
    assert result.eckwerte["2018-06", B, "T", "elb"] == (None, "zu_kurze_reihe", "eckwerte")


def test_a_published_row_that_fits_no_list_or_type_is_bad_and_the_rest_counts(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A,))
    bad = [("D", "elb", "1", ""), ("T", "nonsense", "1", ""), ("T", "int", "many", ""), ("T", "lzb", "", "?")]
    for row in bad:
        tree.add("2018-07", "eckwerte", "statistik", B, *row)
    tree.add("2018-07", "eckwerte", "statistik", B, "T", "elb", "5", "")
    result = tree.run("2018-07")
    assert result.cell("2018-07", B, "elb") == 5
    assert result.cell("2018-07", B, "int") == result.cell("2018-07", B, "lzb") == "nicht_geliefert"


def test_an_empty_published_value_without_a_sign_rejects_the_delivery(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A,))
    for month in ("2018-06", "2018-07"):
        tree.add(month, "eckwerte", "statistik", B, "T", "elb", "5", "")
    tree.add("2018-07", "eckwerte", "statistik", B, "T", "int", "", "")
    result = tree.run("2018-07")
    assert [result.cell(m, B, "elb") for m in ("2018-06", "2018-07")] == [5, "nicht_geliefert"]


def test_published_counts_fill_only_the_cells_that_persons_leave_empty(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    tree.without("2018-06", "bestand", B)
    for month in ("2018-06", "2018-07"):
        tree.add(month, "eckwerte", "statistik", B, "T", "elb", "5", "")
        tree.add(month, "eckwerte", "statistik", B, "F", "elb", "", "*")
    result = tree.run("2018-07")
    assert result.eckwerte["2018-06", B, "T", "elb"] == (5, "", "eckwerte")
    assert result.eckwerte["2018-07", B, "T", "elb"] == (0, "", "personen")
    assert result.eckwerte["2018-06", B, "F", "elb"] == (None, "nicht_geliefert", "personen")


def test_published_counts_of_a_merged_unit_are_the_sum_of_all_parts_or_none(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (C,))
    for unit, number in ((A, "2"), (B, "3")):
        tree.add("2018-06", "eckwerte", "statistik", unit, "T", "elb", number, "")
    tree.add("2018-05", "eckwerte", "statistik", A, "T", "elb", "2", "")
    tree.add("2018-07", "eckwerte", "statistik", B, "T", "elb", "9", "")
    _changes(tree, (A, B, "2018-07-01"))
    result = tree.run("2018-07")
    assert [result.cell(m, B, "elb") for m in tree.months] == ["nicht_geliefert", 5, 9]


def test_a_published_count_of_one_part_gives_the_cells_of_persons_no_other_reason(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07")
    for month in tree.months:
        tree.add(month, "eckwerte", "statistik", B, "T", "lzb", "2", "")
    _changes(tree, (A, B, "2018-07-01"))
    result = tree.run("2018-07")
    assert [result.cell(m, B, "lzb") for m in tree.months] == ["zu_kurze_reihe", "zu_kurze_reihe", 2]


def test_two_published_rows_that_disagree_are_implausible_and_two_that_agree_are_one(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A,))
    for merkmal, number in (("elb", "5"), ("elb", "6"), ("int", "5"), ("int", "5.00")):
        tree.add("2018-07", "eckwerte", "statistik", B, "T", merkmal, number, "")
    result = tree.run("2018-07")
    assert (result.cell("2018-07", B, "elb"), result.cell("2018-07", B, "int")) == ("unplausibel", 5)


def test_months_before_the_series_have_the_basis_of_the_unit(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-05", "2018-07", (A,))
    tree.add("2018-07", "eckwerte", "statistik", B, "T", "elb", "5", "")
    result = tree.run("2018-07")
    bases = {u: result.kennzahlen["2018-07", "jobcenter", u, "K1E2@2011", "T"][7] for u in (A, B)}
    assert bases == {A: "personen", B: "eckwerte"}


# --- definitions --------------------------------------------------------------------------------------------------------


def test_the_versions_change_with_the_run_for_january_2019(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "a", "2018-11", "2019-01")
    for month, support, force in (("2018-12", "@2011", "K2E3@2011"), ("2019-01", "@2019", "K2E3@2019")):
        result = tree.run(month)
        own = {k[3]: (k[0], v[-1]) for k, v in result.kennzahlen.items() if k[1] == "jobcenter"}
        changing = {"K2", "K2E1", "K2E2", "K2E4", "K3E1", "K3E2"}
        assert {d.split("@")[0] for d in own if d.endswith(support) and not d.startswith("K2E3")} >= changing
        assert {d for d, (_, in_force) in own.items() if d.startswith("K2E3") and in_force} == {force}
        assert {m for d, (m, _) in own.items() if d.startswith("K2E3")} == {add_months(month, -4)}
        assert len(own) == 16
