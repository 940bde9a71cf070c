"""An attacker who has only published tables and wants the counts that are not in them.

He writes down every linear relation he can think of (sums over months, totals of groups, sexes, parts of a whole), for one
release or several, and asks an integer program whether a hidden count can have another value than the true one. He does
not use the code under test; the truth serves only to tell whether he found it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from pipeline.catalog import Indicator, Jobcenter
from pipeline.months import add_months, month_range

Cell = tuple[str, str, str, str]
"""merkmal, jc_id, geschlecht, ref_month."""

FAMILIES = (
    ("elb", "alleinerz", "lzb", "lzb_amp"),
    ("int", "int_svb", "int_allein", "int_lzb", "svb_nach12", "svb_kont6"),
    ("elb_zugang",),
    ("elb_abgang",),
    ("lzb_zugang",),
    ("lzb_abgang",),
    ("bs_gering",),
    ("bs_2am",),
)
PARTS = (
    ("alleinerz", "elb"),
    ("lzb", "elb"),
    ("lzb_amp", "lzb"),
    ("int_svb", "int"),
    ("int_allein", "int"),
    ("int_lzb", "int"),
    ("svb_nach12", "int_svb"),
    ("svb_kont6", "int_svb"),
)


@dataclass
class System:
    """Linear relations over unknown counts: lower <= sum of coefficients <= upper."""

    known: dict[Cell, int]
    unknown: dict[Cell, int]
    rows: list[tuple[dict[int, int], float, float]]
    sums: dict[Cell, int] = field(default_factory=dict)

    def value_or_column(self, cell: Cell) -> tuple[int, int | None]:
        if cell in self.known:
            return self.known[cell], None
        return 0, self.unknown.setdefault(cell, len(self.unknown))

    def add(self, terms: Iterable[tuple[Cell, int]], lower: float, upper: float) -> None:
        row: dict[int, int] = defaultdict(int)
        constant = 0
        for cell, factor in terms:
            value, column = self.value_or_column(cell)
            constant += factor * value
            if column is not None:
                row[column] += factor
        row = {column: factor for column, factor in row.items() if factor}
        if row:
            self.rows.append((row, lower - constant, upper - constant))
        else:
            assert lower <= constant <= upper, "published numbers contradict each other"


def _whole(number: object) -> int:
    return int(number)  # type: ignore[call-overload, no-any-return]


def relations(
    releases: Sequence[Mapping[str, pa.Table]],
    truth: Mapping[Cell, int],
    jobcenters: Sequence[Jobcenter],
    types: Mapping[str, str],
    indicators: Mapping[str, Indicator],
    family: Sequence[str],
    *,
    nobody_else: bool,
    withheld: Mapping[Cell, int] | None = None,
    versions: Sequence[Mapping[Cell, Cell]] = (),
) -> System:
    """Return what the releases say about the merkmale of a family. `nobody_else`: he knows that everyone is M or F.

    The truth is used to know which cells exist (and so which jobcenters are in a total), never for their values; except
    that hidden numerators, denominators and totals of 1 or 2 become unknowns of their own ("sum" cells), to be targets.
    `withheld` are counts that exist but were kept back by the publisher: they are in no sum. `versions` tell per release
    under which name in `truth` it knows a cell, where releases know different counts of it.
    """
    system = System({}, {}, [])
    versions = versions or [{}] * len(releases)
    for release, names in zip(releases, versions, strict=True):
        for row in release["eckwerte"].to_pylist():
            if row["merkmal"] in family and row["wert"] is not None:
                cell = (row["merkmal"], row["jc_id"], row["geschlecht"], row["ref_month"])
                system.known[names.get(cell, cell)] = _whole(row["wert"])

    def window(
        known_as: Mapping[Cell, Cell], jc_id: str, sex: str, month: str, merkmal: str, span: tuple[int, int]
    ) -> list[Cell]:
        months = month_range(add_months(month, span[0]), add_months(month, span[1]))
        return [known_as.get((merkmal, jc_id, sex, m), (merkmal, jc_id, sex, m)) for m in months]

    members = {
        "land": lambda j, name: j.land == name,
        "vergleichstyp": lambda j, name: types.get(j.jc_id) == name,
        "kommunal": lambda j, name: j.traeger == "zkT",
        "bund": lambda j, name: True,
    }
    for release, current in zip(releases, versions, strict=True):
        seen = set()
        for name in ("kennzahlen", "reihe"):
            for row in release[name].to_pylist():
                version = row["definition"][row["definition"].index("@") :]
                sides = indicators[row["kennzahl"]].versions[version]
                for side, column in zip(sides, ("zaehler", "nenner_summe"), strict=True):
                    if side.merkmal not in family:
                        continue
                    both = (
                        [
                            [
                                c
                                for s in sides
                                for c in window(
                                    current, j.jc_id, row["geschlecht"], row["ref_month"], s.merkmal, s.months
                                )
                            ]
                            for j in jobcenters
                        ]
                        if row["ebene"] != "jobcenter"
                        else []
                    )
                    if row["ebene"] == "jobcenter":
                        units = [row["gebiet"]]
                    else:
                        units = [
                            j.jc_id
                            for j, cells in zip(jobcenters, both, strict=True)
                            if members[row["ebene"]](j, row["gebiet"]) and all(c in truth for c in cells)
                        ]
                    key = (tuple(units), row["geschlecht"], row["ref_month"], side)
                    if key in seen:
                        continue
                    seen.add(key)
                    cells = [
                        c
                        for u in units
                        for c in window(current, u, row["geschlecht"], row["ref_month"], side.merkmal, side.months)
                    ]
                    if row[column] is None:
                        if all(c in truth for c in cells) and sum(truth[c] for c in cells) in (1, 2):
                            cell = (
                                f"sum {'before ' if current else ''}{row['definition']} {column}",
                                row["gebiet"],
                                row["geschlecht"],
                                row["ref_month"],
                            )
                            system.sums[cell] = sum(truth[c] for c in cells)
                            system.add([(cell, -1), *((c, 1) for c in cells)], 0, 0)
                        continue
                    system.add([(c, 1) for c in cells], _whole(row[column]), _whole(row[column]))
    cells = [c for c in (*truth, *(withheld or {})) if c[0] in family]
    exists = set(cells)
    for merkmal, jc_id, sex, month in cells:
        if sex == "T":
            sexes = [(merkmal, jc_id, s, month) for s in "MF"]
            if all(c in exists for c in sexes):
                terms = [((merkmal, jc_id, sex, month), 1), *((c, -1) for c in sexes)]
                system.add(terms, 0, 0 if nobody_else else np.inf)
        for part, whole in PARTS:
            if merkmal == part and (whole, jc_id, sex, month) in exists:
                system.add([((whole, jc_id, sex, month), 1), ((merkmal, jc_id, sex, month), -1)], 0, np.inf)
    return system


def disclosed(system: System, truth: Mapping[Cell, int], targets: Iterable[Cell]) -> list[Cell]:
    """Return the targets whose only possible value is the true one; every target is a hidden cell."""
    columns = system.unknown
    true = np.zeros(len(columns))
    for cell, column in columns.items():
        true[column] = system.sums[cell] if cell in system.sums else truth[cell]
    entries = [(r, c, f) for r, (row, _, _) in enumerate(system.rows) for c, f in row.items()]
    if entries:
        r, c, f = zip(*entries, strict=True)
        matrix = csr_array((f, (r, c)), shape=(len(system.rows), len(columns)))
        lower = np.array([low for _, low, _ in system.rows])
        upper = np.array([up for _, _, up in system.rows])
        assert (matrix @ true >= lower - 1e-9).all() and (matrix @ true <= upper + 1e-9).all(), "relations are wrong"
        constraints = [LinearConstraint(matrix, lower, upper)]
    else:
        constraints = []
    open_targets = [columns[cell] for cell in targets if cell in columns]
    free = np.zeros(len(columns), dtype=bool)
    found: list[Cell] = []
    undecided: list[Cell] = []
    names = {column: cell for cell, column in columns.items()}
    for column in open_targets:
        for sign in (1, -1):
            if free[column]:
                break
            cost = np.zeros(len(columns))
            cost[column] = sign
            bound = np.full(len(columns), 10_000.0)
            result = milp(
                cost,
                constraints=constraints,
                bounds=Bounds(0, bound),
                integrality=np.ones(len(columns)),
                options={"time_limit": 5.0},
            )
            if result.x is None and result.status != 1:
                raise AssertionError(f"the attacker's program failed: {result.message}")
            if result.x is None:
                undecided.append(names[column])
                continue
            free |= np.rint(result.x) != true
        if not free[column] and names[column] not in undecided:
            found.append(names[column])
    assert len(undecided) <= len(open_targets) // 20, f"{len(undecided)} counts undecided: give the attacker more time"
    return found


def truth_of(eckwerte: pa.Table) -> dict[Cell, int]:
    """Return all counts that exist."""
    return {
        (r["merkmal"], r["jc_id"], r["geschlecht"], r["ref_month"]): _whole(r["wert"])
        for r in eckwerte.to_pylist()
        if r["wert"] is not None
    }
