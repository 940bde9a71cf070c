"""A cell names as its causes what changed and what it reads, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.catalog import load_catalog
from pipeline.publish.causes import NAMED, Cause, Causes, Cell, Told

OWN, OTHER, OLD = "t04412", "t04448", "t04502"
MONTH = "2018-03"
SOMETHING_ELSEWHERE = Told(("andere Jobcenter",), 0, ())


def delivery(address: str, digest: str) -> dict[str, str]:
    month, table, unit = address.split("/")
    return {"address": f"{address}.csv", "ref_month": month, "table": table, "unit": unit, "sha256": digest * 64}


def basis(deliveries: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """Return a foundation with deliveries (address -> letter of its digest)."""
    inputs = {
        "lieferungen": [delivery(address, digest) for address, digest in deliveries.items()],
        "codelisten": more.pop("codelisten", {}),
        "berichtigungen": more.pop("berichtigungen", []),
    }
    usual = {"schalter": {"lzb_min_days": 638}, "code": {"version": "1", "sha256": "a" * 64}, "katalog_sha256": "k"}
    return {"eingaben": inputs, **usual, **more}


def count(merkmal: str, *, sex: str = "T", units: Sequence[str] = (OWN,), bases: Sequence[str] = ("personen",)) -> Cell:
    return Cell("eckwerte", merkmal, MONTH, sex, frozenset(units), frozenset(bases))


def figure(definition: str, *, sex: str = "T", units: Sequence[str] = (OWN,)) -> Cell:
    return Cell("kennzahlen", definition, MONTH, sex, frozenset(units), frozenset({"personen"}))


def asked(changed: Sequence[str], cell: Cell, parts: Mapping[str, Sequence[str]] | None = None) -> Told:
    """Return the causes of a cell when some deliveries were revised."""
    old, new = basis(dict.fromkeys(changed, "a")), basis(dict.fromkeys(changed, "b"))
    return Causes(old, new, load_catalog(), parts or {}).of(cell)


def addresses(told: Told) -> list[str]:
    assert told.number == len(told.named)
    return [c.address for c in told.named]


def test_a_revised_delivery_is_named_with_both_digests() -> None:
    cause = Cause("Lieferung", f"{MONTH}/bestand/{OWN}.csv", "a" * 64, "b" * 64)
    assert asked([f"{MONTH}/bestand/{OWN}"], count("elb")) == Told(("Lieferung",), 1, (cause,))


def test_a_late_and_a_withdrawn_delivery_have_one_digest() -> None:
    late, gone = f"{MONTH}/aufnahme/{OWN}", f"2018-02/bestand/{OWN}"
    found = Causes(basis({gone: "a"}), basis({late: "b"}), load_catalog(), {}).of(count("int"))
    assert [(c.old[:1], c.new[:1]) for c in found.named] == [("a", ""), ("", "b")]


def test_only_the_months_and_tables_of_the_merkmal_are_named() -> None:
    revised = [
        f"{m}/{t}/{OWN}" for m in ("2016-02", "2016-03", MONTH, "2018-04") for t in ("leistungsbezug", "leistung")
    ]
    assert addresses(asked(revised, count("lzb"))) == [f"{m}/leistungsbezug/{OWN}.csv" for m in ("2016-03", MONTH)]
    assert addresses(asked(revised, count("lzb_zugang")))[0] == f"2016-02/leistungsbezug/{OWN}.csv"
    assert addresses(asked(revised, count("luh"))) == [f"{MONTH}/leistung/{OWN}.csv"]


def test_the_stocks_that_tell_the_sex_are_read_by_men_and_women_only() -> None:
    revised = [f"2018-02/bestand/{OWN}", f"{MONTH}/bestand/{OWN}", f"2018-01/bestand/{OWN}"]
    both = [f"2018-02/bestand/{OWN}.csv", f"{MONTH}/bestand/{OWN}.csv"]
    for merkmal in ("elb_abgang", "elb_zugang", "llu"):
        assert addresses(asked(revised, count(merkmal, sex="F"))) == both
        assert asked(revised, count(merkmal)).kinds == ("andere Jobcenter",)
    assert addresses(asked(revised, count("elb", sex="M"))) == both[1:]


def test_an_indicator_names_what_its_windows_read() -> None:
    within, before = f"2017-04/aufnahme/{OWN}", f"2017-03/aufnahme/{OWN}"
    assert addresses(asked([within, before], figure("K2@2011"))) == [f"{within}.csv"]
    assert addresses(asked([within, before], figure("K2E3@2011"))) == [f"{before}.csv"]


def test_central_deliveries_reach_every_unit() -> None:
    assert addresses(asked(["2019-03/beschaeftigung/bst"], count("svb_nach12"))) == ["2019-03/beschaeftigung/bst.csv"]


def test_published_counts_are_named_where_they_fill_a_cell_or_where_it_is_empty() -> None:
    revised = [f"{MONTH}/eckwerte/statistik", f"{MONTH}/bestand/{OWN}"]
    stock, statistik = f"{MONTH}/bestand/{OWN}.csv", f"{MONTH}/eckwerte/statistik.csv"
    assert addresses(asked(revised, count("elb"))) == [stock]
    assert addresses(asked(revised, count("elb", bases=("eckwerte",)))) == [statistik]
    assert addresses(asked(revised, count("elb", bases=("", "personen")))) == [stock, statistik]


def test_predecessors_are_own_deliveries() -> None:
    revised = [f"{MONTH}/bestand/{OLD}"]
    assert asked(revised, count("elb"), {OWN: (OWN, OLD)}).kinds == ("Lieferung",)
    assert asked(revised, count("elb")).kinds == ("andere Jobcenter",)


def test_a_level_above_names_the_deliveries_of_all_its_members() -> None:
    revised = [f"{MONTH}/bestand/{unit}" for unit in (OWN, OTHER, OLD)]
    found = asked(revised, count("elb", units=(OWN, OTHER)))
    assert addresses(found) == [f"{MONTH}/bestand/{unit}.csv" for unit in (OWN, OTHER)]


def test_others_are_named_only_if_nothing_of_its_own_changed_and_only_where_persons_meet() -> None:
    other = [f"{MONTH}/aufnahme/{OTHER}", f"{MONTH}/leistung/{OTHER}"]
    elsewhere = Cause("andere Jobcenter", f"{MONTH}/aufnahme/{OTHER}.csv", "a" * 64, "b" * 64)
    assert asked(other, count("int")) == Told(("andere Jobcenter",), 1, (elsewhere,))
    assert addresses(asked([*other, f"{MONTH}/aufnahme/{OWN}"], count("int"))) == [f"{MONTH}/aufnahme/{OWN}.csv"]
    assert asked(other, count("llu")) == SOMETHING_ELSEWHERE


def test_switch_lists_and_program_are_named_beside_the_deliveries() -> None:
    revised = f"{MONTH}/bestand/{OWN}"
    old = basis({revised: "a"}, codelisten={"zaehltage": "1", "gebietsaenderungen": "1"})
    new = basis(
        {revised: "b"},
        codelisten={"zaehltage": "2", "gebietsaenderungen": "2"},
        schalter={"lzb_min_days": 639, "unknown_to_the_old_program": 1},
        code={"version": "2", "sha256": "c" * 64},
    )
    asking = Causes(old, new, load_catalog(), {})
    found = asking.of(count("elb"))
    assert found.kinds == ("Lieferung", "Schalter", "Gebietsstand", "Zähltage", "Programmfassung")
    assert list(found.named) == asking.all
    assert Cause("Schalter", "schalter/lzb_min_days", "638", "639") in found.named
    assert Cause("Programmfassung", "programm", f"1+{'a' * 12}", f"2+{'c' * 12}") in found.named
    assert asking.of_rank(others_changed=False).kinds == found.kinds[1:]
    assert asking.of_rank(others_changed=True) == SOMETHING_ELSEWHERE


def test_a_correction_is_named_where_it_is_read_and_never_with_its_value() -> None:
    entry = {"id": "B-1", "ref_month": MONTH, "jc_id": OWN, "geschlecht": "T", "merkmal": "elb"}
    old, new = basis({}), basis({}, berichtigungen=[entry | {"expect": "100", "value": "2"}])
    asking = Causes(old, new, load_catalog(), {})
    said = Told(("Berichtigung",), 1, (Cause("Berichtigung", "berichtigung/B-1", "", "gilt"),))
    assert asking.of(count("elb", bases=("eckwerte",))) == asking.of(figure("K1E2@2011")) == said
    assert asking.of(count("elb", sex="M")) == asking.of(count("int")) == SOMETHING_ELSEWHERE


def test_where_nothing_changed_there_is_no_cause() -> None:
    assert Causes(basis({}), basis({}), load_catalog(), {}).of(count("elb")) == Told((), 0, ())


def test_of_many_causes_the_first_are_named_and_all_are_counted() -> None:
    revised = [f"2017-{month:02}/leistungsbezug/{unit}" for month in range(1, 13) for unit in (OWN, OTHER, OLD)]
    found = asked(revised, count("lzb", units=(OWN, OTHER, OLD)))
    assert (found.number, len(found.named), found.kinds) == (36, NAMED, ("Lieferung",))
    assert [c.address for c in found.named] == [f"{address}.csv" for address in revised[:NAMED]]


def test_an_estimate_names_the_months_it_rests_on() -> None:
    revised = [f"{m}/{t}/{OWN}" for m in ("2017-03", "2018-02", "2018-04") for t in ("bestand", "aufnahme")]
    switched = {"schalter": {"imputer": "on"}}
    old, new = (basis(dict.fromkeys(revised, digest), **switched) for digest in "ab")
    asking = Causes(old, new, load_catalog(), {})
    assert addresses(asking.of(count("elb", bases=("imputiert", "")))) == [
        f"{month}/bestand/{OWN}.csv" for month in ("2018-02", "2018-04")
    ]
    assert f"2017-03/aufnahme/{OWN}.csv" in addresses(asking.of(count("int", bases=("imputiert",))))
    assert asking.of(count("elb")) == asked(revised, count("elb", bases=("imputiert",))) == SOMETHING_ELSEWHERE
