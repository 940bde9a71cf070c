"""Keys of regions: which jobcenter a row speaks of. Rows are joined on keys, never on names.

A lost leading zero is named with what was probably meant, but never repaired.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pipeline.catalog import Jobcenter

_TRAEGER = re.compile(r"[tT]?\d{5}")
_SHORT = re.compile(r"[tT]?\d{1,4}")
_KREIS = re.compile(r"\d{5}")
_OTHER_LEVEL = re.compile(r"DG|\d{2}|\d{3}|\d{8}")


class UnknownKeyError(ValueError):
    """A key names no jobcenter or Kreis; the text says what was probably meant."""


@dataclass(frozen=True)
class Kreis:
    """A Kreis of the day and the jobcenters that lie in it: one, or several that share it."""

    key: str
    jobcenters: tuple[str, ...]


class Registry:
    """The registry of jobcenters on one day."""

    def __init__(self, jobcenters: Mapping[str, Jobcenter], day: date) -> None:
        self.all = jobcenters
        self.day = day
        self.valid = {j.jc_id: j for j in jobcenters.values() if j.valid_on(day)}
        self._versions: dict[str, list[Jobcenter]] = defaultdict(list)
        for jobcenter in jobcenters.values():
            self._versions[jobcenter.jc_id.partition("@")[0]].append(jobcenter)
        of_kreis: dict[str, list[str]] = defaultdict(list)
        for jobcenter in self.valid.values():
            for key in jobcenter.ags5:
                of_kreis[key].append(jobcenter.jc_id)
        self.kreise = {key: Kreis(key, tuple(sorted(found))) for key, found in of_kreis.items()}
        self._lands = {key[:2] for j in jobcenters.values() for key in j.ags5}
        self.land_names = tuple(sorted({j.land for j in jobcenters.values()}))

    def jobcenter(self, text: str) -> str:
        """Return the jobcenter that a cell such as ``t04412 Saalekreis, JC`` or ``04412`` names; raises UnknownKeyError."""
        token = text.split(" ", 1)[0].rstrip(",;:")
        for known in (token, f"t{token}"):
            # A publisher writes the number without its version; the registry has one of several under the bare number.
            if known in self.all and len(self._versions.get(known, ())) <= 1:
                return known
        if _TRAEGER.fullmatch(token):
            versions = self._versions.get("t" + token[-5:], [])
            if versions:
                return self._version_of_day(versions).jc_id
            raise UnknownKeyError("the key is not in the registry of jobcenters")
        if _SHORT.fullmatch(token):
            padded = "t" + token.lstrip("tT").zfill(5)
            hint = f"; did you mean {padded} (leading zero lost)?" if padded in self._versions else ""
            raise UnknownKeyError(f"the key is no key of five digits{hint}")
        raise UnknownKeyError(f"the cell has no key; rows are joined on keys, not on names{self._named(text)}")

    def _version_of_day(self, versions: list[Jobcenter]) -> Jobcenter:
        for jobcenter in versions:
            if jobcenter.valid_on(self.day):
                return jobcenter
        begun = [j for j in versions if j.valid_from <= self.day]
        return max(begun or versions, key=lambda j: j.valid_from)

    def _named(self, text: str) -> str:
        names = {j.name: j.jc_id for j in self.valid.values()}
        close = difflib.get_close_matches(text.removesuffix(", JC"), names, n=1, cutoff=0.85)
        return f"; did you mean {names[close[0]]}?" if close else ""

    def is_other_level(self, key: str) -> bool:
        """Tell whether a key names Germany, a Land, a Regierungsbezirk, or a municipality (8 digits) that a Kreis holds."""
        return bool(_OTHER_LEVEL.fullmatch(key)) and (key == "DG" or key[:2] in self._lands)

    def single_kreis(self, land: str) -> str:
        """Return the key of the Kreis that is a whole Land (Hamburg, Berlin), by the Land's key of two digits, else nothing."""
        return f"{land}000" if [key for key in self.kreise if key[:2] == land] == [f"{land}000"] else ""

    def kreis(self, key: str) -> Kreis | None:
        """Return the Kreis of a key of five digits, None for one that is not valid on the day; raises UnknownKeyError."""
        if _KREIS.fullmatch(key) and key[:2] in self._lands:
            return self.kreise.get(key)
        padded = key.zfill(5)
        if key.isdigit() and len(key) < 5 and padded in self.kreise:
            raise UnknownKeyError(f"the key is no key of a Kreis; did you mean {padded} (leading zero lost)?")
        raise UnknownKeyError("the key is no key of a Kreis, a Land or Germany (5, 3 or 2 digits, DG)")
