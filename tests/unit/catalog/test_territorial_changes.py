"""Every change of the jobcenters' territory since 2012 that has a successor, on the shipped registry."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.catalog import load_catalog
from pipeline.count.territory import Territory, in_effect, successors
from pipeline.months import Zaehltage, add_months, month_of

CATALOG = load_catalog()
DAYS = Zaehltage()

CHANGES = [
    (date(2013, 1, 1), ("zkt-doebeln", "zuvor-freiberg-mittweida"), "t08002", "Mittelsachsen"),
    (date(2013, 1, 1), ("zkt-ostvorpommern", "zuvor-greifswald"), "vg-nord", "Vorpommern-Greifswald Nord"),
    (date(2013, 1, 1), ("zuvor-uecker-randow",), "vg-sued", "Vorpommern-Greifswald Süd"),
    (date(2014, 1, 1), ("zuvor-demmin", "zuvor-mueritz"), "mse-nord", "Mecklenburgische Seenplatte Nord"),
    (
        date(2014, 1, 1),
        ("zkt-mecklenburg-strelitz", "zuvor-neubrandenburg"),
        "mse-sued",
        "Mecklenburgische Seenplatte Süd",
    ),
    (date(2016, 11, 1), ("zkt-goettingen-alt", "zkt-osterode"), "t23102", "Göttingen"),
    (date(2019, 1, 1), ("bad-doberan", "guestrow"), "t03208@2019", "Landkreis Rostock"),
    (date(2022, 1, 1), ("eisenach", "t09810@2011"), "t09810@2022", "Wartburgkreis"),
    (date(2024, 1, 1), ("vg-nord", "vg-sued"), "t03002@2024", "Vorpommern-Greifswald"),
    (date(2026, 1, 1), ("mse-nord", "mse-sued"), "t03102@2026", "Mecklenburgische Seenplatte"),
]
NAMES = [f"{neu} {ab:%Y}" for ab, _, neu, _ in CHANGES]


def territory(month: str) -> Territory:
    """Return the territory of a run on the real registry; the newest month before all others was delivered once."""
    effective = in_effect(CATALOG.gebietsaenderungen, month, DAYS)
    return Territory(
        month,
        DAYS,
        CATALOG.jobcenters,
        successors(effective),
        {change.alt: change.ab for change in effective},
        {"eckwerte": {"2012-01": frozenset({"statistik"})}},
        CATALOG.person_tables,
    )


def member_ids(month: str) -> set[str]:
    return {jobcenter.jc_id for jobcenter in territory(month).members}


def test_the_list_holds_these_changes_and_no_other() -> None:
    listed = {(c.ab, c.alt, c.neu) for c in CATALOG.gebietsaenderungen}
    assert listed == {(ab, alt, neu) for ab, parts, neu, _ in CHANGES for alt in parts}


@pytest.mark.parametrize(("ab", "parts", "neu", "name"), CHANGES, ids=NAMES)
def test_parts_end_the_day_before_and_the_successor_begins_on_the_day(
    ab: date, parts: tuple[str, ...], neu: str, name: str
) -> None:
    before = date.fromordinal(ab.toordinal() - 1)
    successor = CATALOG.jobcenters[neu]
    assert successor.name == name
    assert (successor.valid_from, successor.valid_on(before)) == (ab, False)
    for part in parts:
        assert CATALOG.jobcenters[part].valid_to == before
        assert CATALOG.jobcenters[part].land == successor.land


@pytest.mark.parametrize(("ab", "parts", "neu", "name"), CHANGES, ids=NAMES)
def test_run_of_the_first_month_sees_the_successor_and_the_run_before_its_parts(
    ab: date, parts: tuple[str, ...], neu: str, name: str
) -> None:
    first = month_of(ab)
    before = add_months(first, -1)
    assert member_ids(before) >= set(parts)
    assert neu not in member_ids(before)
    assert all(territory(before).unit_of(part) == part for part in parts)
    assert neu in member_ids(first)
    assert not member_ids(first) & set(parts)
    now = territory(first)
    assert set(now.valid_parts(neu, before)) == set(parts)
    assert now.valid_parts(neu, first) == (neu,)
    assert not set(now.units) & set(parts)


def test_a_change_on_a_day_after_the_stichtag_takes_effect_with_the_next_month() -> None:
    late = Zaehltage({"2019-01": date(2019, 1, 8)})
    assert "guestrow" not in {c.alt for c in in_effect(CATALOG.gebietsaenderungen, "2018-12", late)}
    assert "guestrow" in {c.alt for c in in_effect(CATALOG.gebietsaenderungen, "2019-01", late)}
    changed_later = tuple(c for c in CATALOG.gebietsaenderungen if c.neu == "t23102")
    assert in_effect(changed_later, "2016-10", DAYS) == ()
    assert len(in_effect(changed_later, "2016-11", Zaehltage({"2016-11": date(2016, 11, 1)}))) == 2


def test_mecklenburg_strelitz_and_demmin_end_in_the_one_jobcenter_of_2026() -> None:
    run = territory("2026-01")
    assert run.unit_of("zkt-mecklenburg-strelitz") == "t03102@2026"
    assert run.unit_of("zuvor-demmin") == "t03102@2026"
    four = {"zkt-mecklenburg-strelitz", "zuvor-neubrandenburg", "zuvor-demmin", "zuvor-mueritz"}
    assert set(run.valid_parts("t03102@2026", "2013-12")) == four
    assert set(run.valid_parts("t03102@2026", "2014-01")) == {"mse-nord", "mse-sued"}
    assert territory("2025-12").unit_of("zkt-mecklenburg-strelitz") == "mse-sued"


def test_hanau_and_the_rest_of_main_kinzig_begin_anew_because_sums_cannot_be_split() -> None:
    run = territory("2026-01")
    old, rest, hanau = "t43102@2005", "t43102", "t43106"
    assert {rest, hanau} <= member_ids("2026-01")
    assert old not in member_ids("2026-01")
    assert old in member_ids("2025-12")
    assert [run.unit_of(unit) for unit in (old, rest, hanau)] == [old, rest, hanau]
    assert run.valid_parts(rest, "2025-12") == ()
    assert run.valid_parts(old, "2025-12") == (old,)
    assert run.missing("bestand", "2025-12")[hanau] == "gebiet_nicht_gueltig"


@pytest.mark.parametrize(
    ("day", "everyone", "kommunal"),
    [
        (date(2012, 1, 1), 412, 108),
        (date(2013, 1, 1), 410, 106),
        (date(2014, 1, 1), 408, 105),
        (date(2016, 10, 31), 408, 105),
        (date(2016, 11, 1), 407, 104),
        (date(2024, 1, 1), 404, 104),
    ],
)
def test_the_registry_has_as_many_jobcenters_as_the_history_says(day: date, everyone: int, kommunal: int) -> None:
    valid = CATALOG.valid_jobcenters(day)
    assert (len(valid), sum(j.traeger == "zkT" for j in valid)) == (everyone, kommunal)
