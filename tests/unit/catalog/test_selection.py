"""What a run may select: a switch that exists, with a value that can be computed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.catalog import Switch, SwitchError, load_catalog, parse_selection

SWITCHES = {
    s.name: s
    for s in (
        Switch("imputer", "off", ("on",), "why"),
        Switch("least", 3, (5, 10), "why"),
        Switch("complement", True, (False,), "why"),
        Switch("from", "2019-01", "month", "why"),
    )
}
CATALOG = replace(load_catalog(), switches=SWITCHES)


def test_a_selection_takes_the_type_of_its_switch() -> None:
    chosen = CATALOG.with_switches(parse_selection(["imputer=on", " least = 5 ", "complement=false", "from=2019-04"]))
    assert {n: s.value for n, s in chosen.switches.items()} == {
        "imputer": "on",
        "least": 5,
        "complement": False,
        "from": "2019-04",
    }
    assert chosen.selection == {n: s.value for n, s in chosen.switches.items()}


def test_without_a_selection_and_with_the_default_nothing_is_selected() -> None:
    assert CATALOG.with_switches({}) is CATALOG
    assert CATALOG.with_switches({"imputer": "off", "complement": "true"}).selection == {}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["imputer"], "name=value"),
        (["=on"], "name=value"),
        (["imputer=on", "imputer=off"], "selected twice: on and off"),
        (["imputr=on"], "no switch; there are imputer, least"),
        (["imputer=maybe"], "possible is off, on"),
        (["least=4"], "possible is 3, 5, 10"),
        (["complement=False"], "possible is true, false"),
        (["from=2019-13"], "2019-13"),
    ],
)
def test_what_cannot_be_selected_says_what_can(texts: list[str], said: str) -> None:
    with pytest.raises(SwitchError, match=said):
        CATALOG.with_switches(parse_selection(texts))
