"""Which value of a switch a run has selected: from text as people write it to a checked value.

What a switch changes is said where it is read; here is only what may be chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.catalog.model import Switch
from pipeline.months import MonthError, month_number

Value = str | int | bool


class SwitchError(ValueError):
    """A selection names an unknown switch or a value that cannot be computed; the text says what is possible."""


def parse_selection(texts: Iterable[str]) -> dict[str, str]:
    """Return name -> value of texts such as ``imputer=on``; raises SwitchError for any other form and for contradictions."""
    selection: dict[str, str] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign and value):
            raise SwitchError(f"{text!r} selects no switch; write name=value, for example imputer=on")
        if selection.get(name, value) != value:
            raise SwitchError(f"{name} is selected twice: {selection[name]} and {value}")
        selection[name] = value
    return selection


def selected(switches: Mapping[str, Switch], selection: Mapping[str, Value]) -> dict[str, Switch]:
    """Return the switches with the selected values; raises SwitchError."""
    for name in selection:
        if name not in switches:
            raise SwitchError(f"{name!r} is no switch; there are {', '.join(switches)}")
    return {
        name: replace(switch, selected=_checked(switch, selection[name])) if name in selection else switch
        for name, switch in switches.items()
    }


def _checked(switch: Switch, wanted: Value) -> Value:
    text = _text(wanted)
    if switch.alternatives == "month":
        try:
            month_number(text)
        except MonthError as error:
            raise SwitchError(f"{switch.name}={text}: {error}") from error
        return text
    allowed = (switch.default, *switch.alternatives)
    for value in allowed:
        if _text(value) == text:
            return value
    raise SwitchError(f"{switch.name}={text} cannot be computed; possible is {', '.join(map(_text, allowed))}")


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
