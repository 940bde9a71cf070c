"""What a value cell says: a number, a sign of the contract, nothing, or something that cannot be understood.

Numbers stay exact: a text is read digit by digit, a number of a workbook at the 15 digits that Excel keeps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pipeline.catalog import Sign
from pipeline.stage.published.cells import Value, plain

_NUMBER = {
    "deutsch": re.compile(r"-?(?:\d{1,3}(?:\.\d{3})+|\d{1,16})(?:,\d{1,2})?"),
    "englisch": re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d{1,16})(?:\.\d{1,2})?"),
}
_POINT = {"deutsch": (".", ","), "englisch": (",", ".")}


@dataclass(frozen=True)
class Said:
    """What a cell says. `wert` is a number as the contract writes it, `mark` a mark beside it (revised, limited, …).

    `rule` and `column` say what is wrong if the cell is understood neither as number nor as sign; nothing at all is an empty `wert`
    and `zeichen` without a rule.
    """

    wert: str = ""
    zeichen: str = ""
    mark: str = ""
    rule: str = ""
    column: str = ""
    message: str = ""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing stands in the cell."""
        return not (self.wert or self.zeichen or self.rule)


def said(value: Value, style: str, signs: Mapping[str, Sign]) -> Said:
    """Return what a cell says; `style` is how texts write numbers (`deutsch` or `englisch`), blanks around do not count."""
    if isinstance(value, bool | date):
        return _no_number(f"{plain(value)!r} is no number")
    if isinstance(value, int | float):
        return _of_number(value)
    text = plain(value)
    if not text:
        return Said()
    sign = signs.get(text)
    if sign is not None and sign.kind == "zeichen":
        return Said(zeichen=sign.sign)
    bare, mark = _without_mark(text, signs)
    if _NUMBER[style].fullmatch(bare):
        thousands, point = _POINT[style]
        return Said(wert=bare.replace(thousands, "").replace(point, "."), mark=mark)
    if any(c.isdigit() for c in text):
        return _no_number(f"is no number as the layout writes them ({style})")
    return Said(rule="ROW-CODE", column="zeichen", message="is neither a number nor a known sign")


def _no_number(message: str) -> Said:
    return Said(rule="ROW-TYPE", column="wert", message=message)


def _of_number(number: float) -> Said:
    if not math.isfinite(number):
        return _no_number("is no number")
    exact = Decimal(f"{number:.15g}")
    if exact != round(exact, 2) or abs(exact) >= Decimal(10) ** 16:
        return _no_number("has more than two decimals or too many digits")
    return Said(wert=f"{exact:f}")


def _without_mark(text: str, signs: Mapping[str, Sign]) -> tuple[str, str]:
    for written, sign in signs.items():
        if sign.kind != "vermerk":
            continue
        before, _, after = written.partition(" ")
        if after and text.startswith(before) and text.endswith(after):
            return text[len(before) : -len(after)].strip(), sign.meaning_de
        if not after and text.endswith(written):
            return text[: -len(written)].strip(), sign.meaning_de
        if not after and text.startswith(written):
            return text[len(written) :].strip(), sign.meaning_de
    return text, ""
