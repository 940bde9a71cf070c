"""The code lists as arrays: kinds of activities, supports with their class under both lists, and what events they make.

The classes come from the catalog, so that the generator's own counting follows the same lists as the pipeline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.catalog import Catalog
from pipeline.synthetic.model import FAR, Flag, Int, day_number

ARTEN = ("svb", "ausbildung", "selbst", "gering", "freiwilligendienst", "sonst")
SVB, AUSBILDUNG, SELBST, GERING, FREIWILLIG, SONST = range(6)
FOERDERUNGEN = (
    *("16_egz", "16b", "16d", "16e_alt", "16e_neu", "16f", "16i", "16j", "16k"),
    *("vb", "sozteil", "esf_lza", "buergerarbeit", "16_sonst"),
)
CODE = {name: i for i, name in enumerate(FOERDERUNGEN)}
NO_SUPPORT = -1
LIST_2019 = 17_897
"""1 January 2019: starts from here, and reference months from here, follow the lists of 2019."""
NOT_SVB = (109, 110, 190, 202, 209, 210)


@dataclass(frozen=True, eq=False)
class Classes:
    """Class membership by support code (rows) and list (columns: until 2018, from 2019), and validity in days."""

    oegb: Flag
    active: Flag
    begin: Int
    end: Int

    def is_oegb(self, code: NDArray[np.int8], day: Int) -> Flag:
        """Tell whether supports that start on these days are publicly supported employment."""
        return self._of(self.oegb, code, day)

    def is_active(self, code: NDArray[np.int8], stichtag: int) -> Flag:
        """Tell whether measures are active measures of the reference month with this Stichtag."""
        return self._of(self.active, code, np.full(len(code), stichtag, dtype=np.int64))

    def _of(self, table: Flag, code: NDArray[np.int8], day: Int) -> Flag:
        valid = (code != NO_SUPPORT) & (self.begin[code] <= day) & (day <= self.end[code])
        return np.asarray(valid & table[code, (day >= LIST_2019).astype(np.int8)])


def classes_of(catalog: Catalog) -> Classes:
    """Return the classes of the catalog's supports."""
    supports = [catalog.supports[name] for name in FOERDERUNGEN]
    return Classes(
        np.array([s.oegb for s in supports]),
        np.array([s.aktiv for s in supports]),
        np.array([day_number(s.valid_from) if s.valid_from else -FAR for s in supports], dtype=np.int64),
        np.array([day_number(s.valid_to) if s.valid_to else FAR for s in supports], dtype=np.int64),
    )
