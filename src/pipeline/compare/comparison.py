"""The comparison of the jobcenters: value, Streubereich, changes, ranks, rank ranges and medians in four sets.

Here the Kennzahlen of a run become one row per jobcenter, indicator and sex; what may be published of it is decided in
`disclosure`. All ordering and all differences are exact; docs/method/vergleich.md explains the rules to readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.catalog import SEXES, Indicator, Jobcenter, Switch
from pipeline.compare.exact import Bools, Ints, decimals, dense_order, rounded
from pipeline.compare.intervals import interval, variation
from pipeline.compare.ranks import Floats, median_tenths, rank_ranges, ranks
from pipeline.months import add_months
from pipeline.store.decimals import unscaled

SETS = ("alle", "kommunal", "vergleichstyp", "land")
"""The four sets a jobcenter is compared in; where it belongs to none (no type, not kommunal), the columns are empty."""

_SET_COLUMNS = ("rang", "rang_anzeige", "anzahl", "rang_von", "rang_bis", "median")


@dataclass(frozen=True)
class Presentation:
    """The switches `rank_ties` and `rounding_mode`: which rank equal values share, where ties go when a number is rounded."""

    ties: str = "min"
    half_even: bool = False

    @classmethod
    def of(cls, switches: Mapping[str, Switch]) -> Self:
        """Return the presentation as the catalog's switches say."""
        return cls(str(switches["rank_ties"].value), switches["rounding_mode"].value == "half_even")


class ComparisonError(ValueError):
    """The tables handed over cannot be compared; the message names what is missing."""


def _version(definition: str) -> str:
    return definition[definition.index("@") :]


def _text(table: pa.Table, column: str) -> list[str]:
    return [str(value) for value in table.column(column).to_pylist()]


@dataclass(frozen=True)
class _Values:
    """Exact values of table rows as rationals in percent: numerator[i] / denominator[i], where `present`."""

    numerator: list[int]
    denominator: list[int]
    present: Bools


def _values(table: pa.Table, change: Bools) -> _Values:
    """Return 100 * Z * months / N, for changes 100 * (Z - N) / N, of every row that has a displayed value."""
    zaehler, has_zaehler = unscaled(table.column("zaehler"))
    nenner, has_nenner = unscaled(table.column("nenner_summe"))
    has_wert = np.asarray(table.column("wert").is_valid().to_numpy(), dtype=bool)
    present = has_zaehler & has_nenner & has_wert & (nenner > 0)
    months = table.column("nenner_monate").to_numpy()
    above = [
        100 * (z - n) if is_change else 100 * z * m
        for z, n, m, is_change in zip(zaehler.tolist(), nenner.tolist(), months.tolist(), change.tolist(), strict=True)
    ]
    return _Values(above, np.where(present, nenner, 1).tolist(), present)


def _is_change(table: pa.Table, indicators: Mapping[str, Indicator]) -> Bools:
    return np.array([indicators[name].shown_as == "change" for name in _text(table, "kennzahl")], dtype=bool)


def _series(table: pa.Table, indicators: Mapping[str, Indicator]) -> list[tuple[str, str, str]]:
    """Return what a row continues from month to month: jobcenter, sex, and the indicator or, where several versions are
    computed side by side, its version. A version that took over in 2019 continues the one it replaced.
    """
    return [
        (jc_id, sex, definition if indicators[name].compute_all_versions else name)
        for jc_id, sex, name, definition in zip(
            _text(table, "gebiet"),
            _text(table, "geschlecht"),
            _text(table, "kennzahl"),
            _text(table, "definition"),
            strict=True,
        )
    ]


def _changes(
    rows: pa.Table,
    now: _Values,
    reihe: pa.Table,
    indicators: Mapping[str, Indicator],
    offset: int,
    *,
    half_even: bool,
) -> tuple[Ints, Bools]:
    """Return the difference to the month `offset` away in tenths of a percentage point, and where there is one."""
    wanted = {month: add_months(month, offset) for month in set(_text(rows, "ref_month"))}
    before = reihe.filter(
        pc.and_(
            pc.is_in(reihe.column("ref_month"), pa.array(sorted(set(wanted.values())))),
            pc.equal(reihe.column("ebene"), "jobcenter"),
        )
    )
    then = _values(before, _is_change(before, indicators))
    place = {
        (month, *series): i
        for i, (month, series) in enumerate(zip(_text(before, "ref_month"), _series(before, indicators), strict=True))
    }
    tenths = np.zeros(len(rows), dtype=np.int64)
    present = np.zeros(len(rows), dtype=bool)
    for i, (month, series) in enumerate(zip(_text(rows, "ref_month"), _series(rows, indicators), strict=True)):
        j = place.get((wanted[month], *series))
        if j is None or not now.present[i] or not then.present[j]:
            continue
        a, b, c, d = now.numerator[i], now.denominator[i], then.numerator[j], then.denominator[j]
        tenths[i] = rounded(10 * (a * d - c * b), b * d, half_even=half_even)
        present[i] = True
    return tenths, present


@dataclass
class _SetColumns:
    """The six columns of one set, filled group by group; `present` tells which rows have a value."""

    rows: int
    values: dict[str, Ints] = field(init=False)
    present: dict[str, Bools] = field(init=False)

    def __post_init__(self) -> None:
        self.values = {name: np.zeros(self.rows, dtype=np.int64) for name in _SET_COLUMNS}
        self.present = {name: np.zeros(self.rows, dtype=bool) for name in _SET_COLUMNS}

    def put(self, name: str, where: Ints, values: Ints | int) -> None:
        self.values[name][where] = values
        self.present[name][where] = True


@dataclass(frozen=True)
class _Row:
    """What the ranking of one group (indicator version and sex) needs of all rows of the table."""

    exact: _Values
    displayed: Ints
    value: Floats
    lower: Floats
    upper: Floats
    shown: Presentation


def _rank_set(columns: _SetColumns, members: Ints, order: Ints, rows: _Row, *, better: str, ranged: bool) -> None:
    """Fill the columns of one set; `members` are its row numbers, `order` places their exact values (-1: no value)."""
    ranked = order >= 0
    where = members[ranked]
    if better != "none":
        columns.put("anzahl", members, len(where))
    if not len(where):
        return
    places = order[ranked]
    columns.put(
        "median",
        members,
        median_tenths(
            places,
            [rows.exact.numerator[i] for i in where.tolist()],
            [rows.exact.denominator[i] for i in where.tolist()],
            half_even=rows.shown.half_even,
        ),
    )
    if better == "none":
        return
    higher = better == "higher"
    own = ranks(places, higher, rows.shown.ties)
    columns.put("rang", where, own)
    columns.put("rang_anzeige", where, ranks(rows.displayed[where], higher, rows.shown.ties))
    if ranged:
        first, last = rank_ranges(rows.value[where], rows.lower[where], rows.upper[where], higher)
        first = np.minimum(first, own)  # dense ranks do not count the equal ones before
        columns.put("rang_von", where, first)
        columns.put("rang_bis", where, last)


def _subsets(labels: Sequence[str | None], members: Ints) -> list[Ints]:
    """Return the row numbers of each label that occurs, labels in order; rows without a label are in no subset."""
    found: dict[str, list[int]] = {}
    for row in members.tolist():
        label = labels[row]
        if label is not None:
            found.setdefault(label, []).append(row)
    return [np.array(found[label], dtype=np.int64) for label in sorted(found)]


def _member_rows(
    kennzahlen: pa.Table, jobcenters: Sequence[Jobcenter], indicators: Mapping[str, Indicator]
) -> pa.Table:
    """Return the jobcenter rows of the members, ordered by indicator as declared, version, sex T M F and jobcenter."""
    members = [jobcenter.jc_id for jobcenter in jobcenters]
    rows = kennzahlen.filter(
        pc.and_(
            pc.equal(kennzahlen.column("ebene"), "jobcenter"),
            pc.is_in(kennzahlen.column("gebiet"), pa.array(members, pa.string())),
        )
    )
    missing = sorted(set(members) - set(_text(rows, "gebiet")))
    if missing:
        raise ComparisonError(f"kennzahlen has no row for {len(missing)} jobcenters of the run, first {missing[0]}")
    names = {name: i for i, name in enumerate(indicators)}
    unknown = sorted(set(_text(rows, "kennzahl")) - set(names))
    if unknown:
        raise ComparisonError(f"kennzahlen has the indicator {unknown[0]!r}, which indicators.yml does not declare")
    keys = [
        (names[name], definition, SEXES.index(sex), jc_id)
        for name, definition, sex, jc_id in zip(
            _text(rows, "kennzahl"),
            _text(rows, "definition"),
            _text(rows, "geschlecht"),
            _text(rows, "gebiet"),
            strict=True,
        )
    ]
    return rows.take(pa.array(sorted(range(len(keys)), key=keys.__getitem__), pa.int64()))


def _intervals(
    rows: pa.Table, present: Bools, groups: Mapping[tuple[str, str, str], Ints], indicators: Mapping[str, Indicator]
) -> tuple[Floats, Floats]:
    """Return lower and upper ends in percent, each holding the row's value; NaN where there is none."""
    lower, upper = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    zaehler = unscaled(rows.column("zaehler"))[0] / 100
    nenner = unscaled(rows.column("nenner_summe"))[0] / 100
    months = rows.column("nenner_monate").to_numpy().astype(float)
    wert = rows.column("wert").to_numpy()
    for (name, definition, _), members in groups.items():
        where = members[present[members]]
        low, high = interval(
            variation(indicators[name], _version(definition)), zaehler[where], nenner[where], months[where]
        )
        lower[where] = np.minimum(low, wert[where])
        upper[where] = np.maximum(high, wert[where])
    return lower, upper


def compare(
    kennzahlen: pa.Table,
    reihe: pa.Table,
    jobcenters: Sequence[Jobcenter],
    vergleichstyp_of: Mapping[str, str],
    indicators: Mapping[str, Indicator],
    *,
    run_month: str,
    schema: pa.Schema,
    shown: Presentation | None = None,
) -> pa.Table:
    """Return the comparison of a run: one row per member jobcenter, indicator version and sex.

    `kennzahlen` and `reihe` have the columns of result_kennzahlen.yml (the run's rows; the rows of about 25 months up
    to the run's at level jobcenter), `jobcenters` are the members on S(run_month), `vergleichstyp_of` maps jobcenter
    ids to types (may be empty), `schema` is the Arrow schema of result_vergleich.yml. Values and Streubereiche are
    percent, changes percentage points. Raises ComparisonError when a member has no row. Source: methodology 3.10.
    """
    shown = shown if shown is not None else Presentation()
    rows = _member_rows(kennzahlen, jobcenters, indicators)
    by_id = {jobcenter.jc_id: jobcenter for jobcenter in jobcenters}
    units = [by_id[jc_id] for jc_id in _text(rows, "gebiet")]
    types = [vergleichstyp_of.get(unit.jc_id) or None for unit in units]
    labels: dict[str, Sequence[str | None]] = {
        "alle": ["alle"] * len(units),
        "kommunal": ["kommunal" if unit.traeger == "zkT" else None for unit in units],
        "vergleichstyp": types,
        "land": [unit.land for unit in units],
    }
    keys = zip(_text(rows, "kennzahl"), _text(rows, "definition"), _text(rows, "geschlecht"), strict=True)
    collected: dict[tuple[str, str, str], list[int]] = {}
    for i, key in enumerate(keys):
        collected.setdefault(key, []).append(i)
    groups = {key: np.array(members, dtype=np.int64) for key, members in collected.items()}

    exact = _values(rows, _is_change(rows, indicators))
    displayed, _ = unscaled(rows.column("wert_anzeige"))
    lower, upper = _intervals(rows, exact.present, groups, indicators)
    needed = _Row(exact, displayed, rows.column("wert").to_numpy(), lower, upper, shown)
    columns = {name: _SetColumns(len(rows)) for name in SETS}
    order = np.full(len(rows), -1, dtype=np.int64)
    for (name, definition, _), members in groups.items():
        where = members[exact.present[members]]
        order[where] = dense_order(
            [exact.numerator[i] for i in where.tolist()], [exact.denominator[i] for i in where.tolist()]
        )
        ranged = variation(indicators[name], _version(definition)) != "none"
        for set_name in SETS:
            for subset in _subsets(labels[set_name], members):
                _rank_set(
                    columns[set_name], subset, order[subset], needed, better=indicators[name].better, ranged=ranged
                )

    percent: pa.Decimal128Type = schema.field("wert_anzeige").type
    has_interval = ~np.isnan(lower)
    unten = np.minimum(np.floor(np.where(has_interval, lower, 0.0) * 10 + 0.5).astype(np.int64), displayed)
    oben = np.maximum(np.floor(np.where(has_interval, upper, 0.0) * 10 + 0.5).astype(np.int64), displayed)
    out: dict[str, pa.Array | pa.ChunkedArray] = {
        "lauf": pa.array([run_month] * len(rows), pa.string()),
        "jc_id": rows.column("gebiet"),
        "name": pa.array([unit.name for unit in units], pa.string()),
        "land": pa.array([unit.land for unit in units], pa.string()),
        "traeger": pa.array([unit.traeger for unit in units], pa.string()),
        "vergleichstyp": pa.array(types, pa.string()),
        "intervall_unten": decimals(unten, has_interval, percent),
        "intervall_oben": decimals(oben, has_interval, percent),
        "aenderung_vormonat": decimals(
            *_changes(rows, exact, reihe, indicators, -1, half_even=shown.half_even), percent
        ),
        "aenderung_vorjahr": decimals(
            *_changes(rows, exact, reihe, indicators, -12, half_even=shown.half_even), percent
        ),
    }
    for set_name in SETS:
        for name in _SET_COLUMNS:
            values, present = columns[set_name].values[name], columns[set_name].present[name]
            out[f"{name}_{set_name}"] = (
                decimals(values, present, percent) if name == "median" else pa.array(values, pa.int64(), mask=~present)
            )
    for column in rows.column_names:
        if column in schema.names:
            out.setdefault(column, rows.column(column))
    return pa.table([out[name].cast(schema.field(name).type) for name in schema.names], schema=schema)
