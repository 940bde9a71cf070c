"""What the shipped catalog knows, against the contract and the facts the project was given."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import pipeline
from pipeline.catalog import load_catalog
from pipeline.catalog.entries import COLUMN_TYPES
from pipeline.months import Zaehltage
from pipeline.store.schema import ARROW_TYPES

CATALOG = load_catalog()
ALWAYS = (True, True)
NEVER = (False, False)
UNTIL_2018 = (True, False)
FROM_2019 = (False, True)


@pytest.mark.parametrize(
    ("day", "everyone", "kommunal"),
    [
        (date(2018, 11, 1), 407, 104),
        (date(2018, 7, 15), 407, 104),
        (date(2019, 1, 1), 406, 104),
        (date(2022, 1, 1), 405, 104),
        (date(2025, 12, 31), 404, 104),
        (date(2026, 1, 1), 404, 104),
    ],
)
def test_as_many_jobcenters_exist_as_did(day: date, everyone: int, kommunal: int) -> None:
    valid = CATALOG.valid_jobcenters(day)
    assert (len(valid), sum(j.traeger == "zkT" for j in valid)) == (everyone, kommunal)


def test_every_land_has_jobcenters() -> None:
    assert len({j.land for j in CATALOG.valid_jobcenters(date(2018, 11, 1))}) == 16


@pytest.mark.parametrize(
    ("jc_id", "name", "land", "traeger", "ags5"),
    [
        ("t04412", "Saalekreis", "Sachsen-Anhalt", "zkT", ("15088",)),
        ("t12302", "Hamburg, Freie und Hansestadt", "Hamburg", "gE", ("02000",)),
        ("t11916", "Nordfriesland", "Schleswig-Holstein", "zkT", ("01054",)),
        ("t74302", "Amberg - Sulzbach", "Bayern", "gE", ("09361", "09371")),
    ],
)
def test_a_jobcenter_has_its_facts(jc_id: str, name: str, land: str, traeger: str, ags5: tuple[str, ...]) -> None:
    found = CATALOG.jobcenters[jc_id]
    assert (found.name, found.land, found.traeger, found.ags5) == (name, land, traeger, ags5)


def test_regional_keys_are_text_with_their_leading_zero() -> None:
    keys = [key for j in CATALOG.jobcenters.values() for key in j.ags5]
    assert all(re.fullmatch("(0[1-9]|1[0-6])[0-9]{3}", key) for key in keys)
    assert sum(key.startswith("0") for key in keys) > 300


def test_a_territorial_change_begins_the_day_after_its_part_ended() -> None:
    for change in CATALOG.gebietsaenderungen:
        old, new = CATALOG.jobcenters[change.alt], CATALOG.jobcenters[change.neu]
        assert old.valid_to is not None
        assert (change.ab - old.valid_to).days == 1
        assert new.valid_on(change.ab)


def test_validity_holds_on_both_ends() -> None:
    part = CATALOG.jobcenters["vg-nord"]
    assert part.valid_to is not None
    assert part.valid_on(part.valid_from)
    assert part.valid_on(part.valid_to)
    assert not part.valid_on(date.fromordinal(part.valid_from.toordinal() - 1))
    assert not part.valid_on(date.fromordinal(part.valid_to.toordinal() + 1))


def test_nobody_has_a_vergleichstyp_before_an_operator_enters_one() -> None:
    assert CATALOG.vergleichstypen == ()
    assert CATALOG.vergleichstyp("t04412", date(2018, 7, 15)) == ""


def test_every_counting_day_is_the_fifteenth_before_an_operator_enters_one() -> None:
    assert CATALOG.zaehltage == Zaehltage()


def test_the_merkmale_are_those_of_the_contract() -> None:
    assert set(CATALOG.merkmale) == {
        *("elb", "alleinerz", "elb_zugang", "elb_abgang", "lzb", "lzb_zugang", "lzb_abgang", "lzb_amp"),
        *("int", "int_svb", "bs_gering", "bs_2am", "int_allein", "int_lzb", "svb_nach12", "svb_kont6", "llu", "luh"),
    }


@pytest.mark.parametrize(
    ("merkmal", "table", "months"),
    [
        ("elb", "bestand", (0, 0)),
        ("elb_zugang", "leistungsbezug", (0, 0)),
        ("lzb", "leistungsbezug", (-24, 0)),
        ("lzb_zugang", "leistungsbezug", (-25, 0)),
        ("int", "bestand", (-2, -1)),
        ("int_lzb", "leistungsbezug", (-25, -1)),
        ("svb_nach12", "beschaeftigung", (12, 12)),
        ("svb_kont6", "beschaeftigung", (1, 6)),
        ("llu", "leistung", (0, 0)),
    ],
)
def test_a_merkmal_needs_the_deliveries_of_the_contract(merkmal: str, table: str, months: tuple[int, int]) -> None:
    assert CATALOG.merkmale[merkmal].needs[table] == months


def test_there_are_fifteen_codes_and_with_both_definitions_of_one_the_sixteen_indicators() -> None:
    assert list(CATALOG.indicators) == [f"K{k}{rest}" for k in "123" for rest in ("", "E1", "E2", "E3", "E4")]


SIDES = [
    ("K1", "@2011", ("at", "llu", (0, 0)), ("at", "llu", (-12, -12))),
    ("K1E1", "@2011", ("at", "luh", (0, 0)), ("at", "luh", (-12, -12))),
    ("K1E2", "@2011", ("at", "elb", (0, 0)), ("at", "elb", (-12, -12))),
    ("K1E3", "@2011", ("sum", "elb_zugang", (-11, 0)), ("sum", "elb", (-11, 0))),
    ("K1E4", "@2011", ("sum", "elb_abgang", (-11, 0)), ("sum", "elb", (-12, -1))),
    ("K2", "@2011", ("sum", "int", (-11, 0)), ("mean", "elb", (-12, -1))),
    ("K2", "@2019", ("sum", "int", (-11, 0)), ("mean", "elb", (-12, -1))),
    ("K2E1", "@2011", ("sum", "bs_gering", (-11, 0)), ("mean", "elb", (-12, -1))),
    ("K2E2", "@2011", ("sum", "bs_2am", (-11, 0)), ("mean", "elb", (-12, -1))),
    ("K2E3", "@2011", ("sum", "svb_nach12", (-23, -12)), ("sum", "int_svb", (-23, -12))),
    ("K2E3", "@2019", ("sum", "svb_kont6", (-17, -6)), ("sum", "int_svb", (-17, -6))),
    ("K2E4", "@2011", ("sum", "int_allein", (-11, 0)), ("mean", "alleinerz", (-12, -1))),
    ("K3", "@2011", ("at", "lzb", (0, 0)), ("at", "lzb", (-12, -12))),
    ("K3E1", "@2011", ("sum", "int_lzb", (-11, 0)), ("mean", "lzb", (-12, -1))),
    ("K3E2", "@2011", ("at", "lzb_amp", (0, 0)), ("at", "lzb", (0, 0))),
    ("K3E3", "@2011", ("sum", "lzb_zugang", (-11, 0)), ("sum", "lzb", (-11, 0))),
    ("K3E4", "@2011", ("sum", "lzb_abgang", (-11, 0)), ("sum", "lzb", (-12, -1))),
]


@pytest.mark.parametrize(("name", "version", "numerator", "denominator"), SIDES)
def test_an_indicator_has_the_sides_and_windows_of_the_contract(
    name: str, version: str, numerator: tuple[object, ...], denominator: tuple[object, ...]
) -> None:
    sides = CATALOG.indicators[name].versions[version]
    assert [(s.operator, s.merkmal, s.months) for s in sides] == [numerator, denominator]


def test_every_side_uses_a_declared_merkmal_and_a_window_that_runs_forward() -> None:
    for indicator in CATALOG.indicators.values():
        for sides in indicator.versions.values():
            for side in sides:
                assert side.merkmal in CATALOG.merkmale
                assert side.months[0] <= side.months[1] <= 0


def test_only_what_depends_on_the_support_lists_or_was_redefined_has_a_version_of_2019() -> None:
    with_two = {name for name, i in CATALOG.indicators.items() if "@2019" in i.versions}
    assert with_two == {"K2", "K2E1", "K2E2", "K2E3", "K2E4", "K3E1", "K3E2"}
    assert [name for name, i in CATALOG.indicators.items() if i.compute_all_versions] == ["K2E3"]
    assert [name for name, i in CATALOG.indicators.items() if i.lag] == ["K2E3"]
    assert CATALOG.indicators["K2E3"].lag == 4


@pytest.mark.parametrize(
    ("better", "names"),
    [
        ("lower", {"K1", "K1E1", "K1E2", "K1E3", "K3", "K3E3"}),
        ("higher", {"K1E4", "K2", "K2E3", "K2E4", "K3E1", "K3E2", "K3E4"}),
        ("none", {"K2E1", "K2E2"}),
    ],
)
def test_directions_are_those_of_the_methodology(better: str, names: set[str]) -> None:
    assert {name for name, i in CATALOG.indicators.items() if i.better == better} == names


def test_changes_are_shown_as_changes() -> None:
    assert {n for n, i in CATALOG.indicators.items() if i.shown_as == "change"} == {"K1", "K1E1", "K1E2", "K3"}


def test_the_renamed_indicator_has_both_names() -> None:
    k2e3 = CATALOG.indicators["K2E3"]
    assert k2e3.label_of("@2011").de == "Nachhaltigkeit der Integrationen"
    assert k2e3.label_of("@2019").de == "Kontinuierliche Beschäftigung nach Integration"


@pytest.mark.parametrize(
    ("code", "begleitend", "oegb", "aktiv", "first", "last"),
    [
        ("16_egz", ALWAYS, NEVER, NEVER, None, None),
        ("16d", NEVER, ALWAYS, ALWAYS, None, None),
        ("16e_neu", FROM_2019, NEVER, NEVER, date(2019, 1, 1), None),
        ("16i", NEVER, FROM_2019, FROM_2019, date(2019, 1, 1), None),
        ("sozteil", NEVER, ALWAYS, FROM_2019, None, None),
        ("buergerarbeit", NEVER, UNTIL_2018, UNTIL_2018, None, date(2018, 12, 31)),
    ],
)
def test_a_support_code_has_its_classes_before_and_after_2019(
    code: str,
    begleitend: tuple[bool, bool],
    oegb: tuple[bool, bool],
    aktiv: tuple[bool, bool],
    first: date | None,
    last: date | None,
) -> None:
    found = CATALOG.supports[code]
    assert (found.begleitend, found.oegb, found.aktiv) == (begleitend, oegb, aktiv)
    assert (found.valid_from, found.valid_to) == (first, last)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        (
            "foerderung",
            "16_egz 16b 16d 16e_alt 16e_neu 16f 16i 16j 16k vb sozteil esf_lza buergerarbeit 16_sonst",
        ),
        ("rechtsgrundlagen", "20 21 22_1 22_2 22_6 22_8 23 24_1 24_3 26 28"),
        ("aufnahmearten", "svb ausbildung selbst gering freiwilligendienst sonst"),
        ("zeichen", "- * x . ..."),
        (
            "gruende",
            "gebiet_nicht_gueltig nicht_geliefert unplausibel nicht_verfuegbar geheim unbekannt folgt_spaeter "
            "zu_kurze_reihe nenner_null",
        ),
        ("personengruppen", "109 110 190 202 209 210"),
    ],
)
def test_a_code_list_holds_the_codes_of_the_contract(name: str, codes: str) -> None:
    assert list(CATALOG.codelists[name]) == codes.split()


def test_reasons_are_ranked_as_the_contract_orders_them() -> None:
    assert [int(row["rang"]) for row in CATALOG.codelists["gruende"].values()] == list(range(1, 10))


def test_a_sign_says_its_value_or_its_reason() -> None:
    signs = {sign: (row["wert"], row["grund"]) for sign, row in CATALOG.codelists["zeichen"].items()}
    assert signs == {
        "-": ("0", ""),
        "*": ("", "geheim"),
        "x": ("", "nicht_verfuegbar"),
        ".": ("", "unbekannt"),
        "...": ("", "folgt_spaeter"),
    }


def test_sums_of_benefits_take_the_legal_bases_of_the_ordinance() -> None:
    sums: dict[str, set[str]] = {}
    for code, row in CATALOG.codelists["rechtsgrundlagen"].items():
        sums.setdefault(row["summe"], set()).add(code)
    assert sums["llu"] == {"20", "21", "23", "24_1"}
    assert sums["luh"] == {"22_1", "22_2", "22_6", "22_8"}


@pytest.mark.parametrize(
    ("table", "unit", "columns"),
    [
        ("bestand", "jobcenter", "person_id bg_id geschlecht geburtsdatum ist_elb ist_alleinerziehend"),
        ("leistungsbezug", "jobcenter", "person_id bg_id von bis"),
        ("aufnahme", "jobcenter", "person_id beginn art foerderung im_ausland recorded_on"),
        ("massnahme", "jobcenter", "person_id massnahme_art von bis"),
        ("leistung", "jobcenter", "bg_id person_id rechtsgrundlage anspruch_eur"),
        ("beschaeftigung", "bst", "person_id von bis personengruppe"),
        ("eckwerte", "statistik", "jc_id geschlecht merkmal wert zeichen"),
    ],
)
def test_a_delivered_table_has_the_columns_of_the_contract(table: str, unit: str, columns: str) -> None:
    assert CATALOG.tables[table].unit == unit
    assert CATALOG.tables[table].column_names == tuple(columns.split())


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("eckwerte", "ref_month jc_id geschlecht merkmal wert grund basis"),
        (
            "kennzahlen",
            "ref_month ebene gebiet kennzahl definition in_kraft geschlecht zaehler nenner_summe nenner_monate wert "
            "wert_anzeige grund hinweise basis",
        ),
    ],
)
def test_a_result_table_has_the_columns_of_the_contract(table: str, columns: str) -> None:
    assert CATALOG.results[table].column_names == tuple(columns.split())


def test_every_column_has_a_german_and_an_english_label() -> None:
    for table in (*CATALOG.tables.values(), *CATALOG.results.values()):
        assert table.description.de, table.name
        for column in table.columns:
            assert column.label.de, f"{table.name}.{column.name}"
            assert column.label.en, f"{table.name}.{column.name}"


def test_every_type_of_a_column_has_an_arrow_type() -> None:
    assert set(ARROW_TYPES) == COLUMN_TYPES


def test_every_switch_is_read_by_the_program() -> None:
    program = "".join(file.read_text(encoding="utf-8") for file in Path(pipeline.__file__).parent.rglob("*.py"))
    assert [n for n in CATALOG.switches if f'"{n.removeprefix("suppress_")}"' not in program] == []


def test_every_alternative_says_what_it_changes_and_where_the_assumption_stands() -> None:
    for switch in CATALOG.switches.values():
        assert switch.source and switch.reason, switch.name
        assert bool(switch.changes) == bool(switch.alternatives), switch.name
        assert switch.default not in switch.alternatives, switch.name
