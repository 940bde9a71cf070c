"""Where a published figure comes from: formula with the numbers filled in, counts by month, deliveries with their digests.

Reads a release and the list of territorial changes it names, so it shows what was published and nothing that was withheld.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.catalog import Catalog, Gebietsaenderung, Indicator, Side, read_gebietsaenderungen
from pipeline.months import add_months, month_range
from pipeline.store import Store, read_json
from pipeline.summary import NoReleaseError, german, newest_release

SEXES = ("T", "M", "F")
DELIVERIES_LISTED = 200


class UnknownFigureError(ValueError):
    """There is no such figure in the release."""


Months = tuple[tuple[str, Decimal | None, str, str], ...]
"""(month, value or None, reason, origin) of one count."""


@dataclass(frozen=True)
class Explanation:
    """A figure taken apart.

    `sides` are (role, side, months of a jobcenter's count; empty for a level above), `members` the rows that a level above
    sums (empty for a jobcenter), `deliveries` what was read, `codelists` name and digest of the lists that came with them.
    """

    release: Path
    row: Mapping[str, Any]
    rank: Mapping[str, Any] | None
    indicator: Indicator
    version: str
    sides: tuple[tuple[str, Side, Months], ...]
    members: tuple[Mapping[str, Any], ...]
    deliveries: tuple[Mapping[str, str], ...]
    codelists: Mapping[str, str]
    synthetic: bool
    title: str


def explain(
    store: Path, catalog: Catalog, kennzahl: str, area: str, ref_month: str, sex: str = "T", version: str = ""
) -> Explanation:
    """Take the figure of `area` (jobcenter id, Land, `kommunal` or `bund`) apart; raises UnknownFigureError."""
    indicator = catalog.indicators.get(kennzahl)
    if indicator is None:
        raise UnknownFigureError(f"{kennzahl!r} is no indicator; there are {', '.join(catalog.indicators)}")
    if sex not in SEXES:
        raise UnknownFigureError(f"{sex!r} is no sex of a figure; there are {', '.join(SEXES)}")
    version = f"@{version.removeprefix('@')}" if version else ""
    run_month = add_months(ref_month, indicator.lag)
    try:
        release = newest_release(store, run_month)
    except NoReleaseError as error:
        if not indicator.lag:
            raise
        raise NoReleaseError(
            f"{error}; {kennzahl} of {ref_month} appears with the run of {run_month}, "
            f"the run of {ref_month} shows it for {add_months(ref_month, -indicator.lag)}"
        ) from error
    table = pq.read_table(release / "kennzahlen.parquet")
    rows = table.filter(
        pc.and_(
            pc.and_(pc.equal(table["kennzahl"], kennzahl), pc.equal(table["gebiet"], area)),
            pc.and_(pc.equal(table["geschlecht"], sex), pc.equal(table["ref_month"], ref_month)),
        )
    ).to_pylist()
    chosen = [r for r in rows if (r["definition"] == kennzahl + version if version else r["in_kraft"])]
    if not chosen:
        known = ", ".join(sorted(indicator.versions))
        raise UnknownFigureError(
            f"{release}: no {kennzahl}{version} for {area!r} in {ref_month}, sex {sex}; say --jobcenter with an id as "
            f"t04412, the name of a Land, kommunal or bund, and --fassung with {known} or nothing"
        )
    row = chosen[0]
    version = row["definition"].removeprefix(kennzahl)
    manifest = read_json(release / "manifest.json")
    jobcenter = catalog.jobcenters.get(area)
    members = () if jobcenter else _members(release, row)
    units = [area] if jobcenter else [m["jc_id"] for m in members]
    sides = []
    for role, side in zip(("Zähler", "Nenner"), indicator.versions[version], strict=True):
        months = month_range(add_months(ref_month, side.months[0]), add_months(ref_month, side.months[1]))
        sides.append((role, side, _cells(release, units, sex, side, months)))
    return Explanation(
        release,
        row,
        _rank(release, row) if jobcenter else None,
        indicator,
        version,
        tuple((role, side, cells[area] if jobcenter else ()) for role, side, cells in sides),
        members,
        _deliveries(manifest, catalog, _changes(Store(store), manifest, catalog), sides),
        manifest["grundlage"]["eingaben"]["codelisten"],
        bool(manifest["grundlage"]["datenart"] == "synthetisch"),
        jobcenter.name if jobcenter else area,
    )


def _members(release: Path, row: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the jobcenters of a level above, as the comparison shows them, ordered by id."""
    table = pq.read_table(
        release / "vergleich.parquet",
        columns=["jc_id", "name", "land", "traeger", "vergleichstyp", "zaehler", "nenner_summe", "grund"],
        filters=[("definition", "=", row["definition"]), ("geschlecht", "=", row["geschlecht"])],
    )
    of_level = {"land": "land", "vergleichstyp": "vergleichstyp", "kommunal": "traeger"}.get(row["ebene"])
    wanted = "zkT" if row["ebene"] == "kommunal" else row["gebiet"]
    return tuple(
        r for r in sorted(table.to_pylist(), key=lambda r: str(r["jc_id"])) if of_level is None or r[of_level] == wanted
    )


def _cells(release: Path, units: list[str], sex: str, side: Side, months: list[str]) -> dict[str, Months]:
    table = pq.read_table(
        release / "eckwerte.parquet",
        filters=[("geschlecht", "=", sex), ("merkmal", "=", side.merkmal), ("ref_month", "in", months)],
    )
    found = {(r["jc_id"], r["ref_month"]): r for r in table.to_pylist()}
    absent = {"wert": None, "grund": "zu_kurze_reihe", "basis": ""}
    return {
        unit: tuple(
            (m, c["wert"], c["grund"] or "", c["basis"]) for m in months for c in [found.get((unit, m), absent)]
        )
        for unit in units
    }


def _rank(release: Path, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    table = pq.read_table(release / "vergleich.parquet")
    found = table.filter(
        pc.and_(
            pc.and_(pc.equal(table["jc_id"], row["gebiet"]), pc.equal(table["definition"], row["definition"])),
            pc.equal(table["geschlecht"], row["geschlecht"]),
        )
    ).to_pylist()
    return found[0] if found else None


def _changes(store: Store, manifest: Mapping[str, Any], catalog: Catalog) -> tuple[Gebietsaenderung, ...]:
    """Return the territorial changes of the run: the list of its sources if it had one that is still kept, else the catalog's."""
    digest = manifest["grundlage"]["eingaben"]["codelisten"].get("gebietsaenderungen", "")
    if not digest or not store.snapshot(digest).exists():
        return catalog.gebietsaenderungen
    return read_gebietsaenderungen(store.snapshot(digest).read_bytes(), catalog.jobcenters)


def _deliveries(
    manifest: Mapping[str, Any],
    catalog: Catalog,
    changes: tuple[Gebietsaenderung, ...],
    sides: list[tuple[str, Side, dict[str, Months]]],
) -> tuple[Mapping[str, str], ...]:
    """Return the deliveries that the cells of both sides read: of the units and their predecessors, of `bst`, of `statistik`."""
    wanted: set[tuple[str, str, str]] = set()
    for _, side, cells_of in sides:
        merkmal = catalog.merkmale[side.merkmal]
        for area, cells in cells_of.items():
            units = _with_predecessors(area, changes)
            for month, _, _, basis in cells:
                if basis == "eckwerte":
                    wanted.add((month, "eckwerte", "statistik"))
                    continue
                for needs in (merkmal.needs, merkmal.needs_by_sex):
                    for table, (first, last) in needs.items():
                        names = {"bst"} if table == "beschaeftigung" else units
                        for m in month_range(add_months(month, first), add_months(month, last)):
                            wanted |= {(m, table, unit) for unit in names}
    used = manifest["grundlage"]["eingaben"]["lieferungen"]
    found = [d for d in used if (d["ref_month"], d["table"], d["unit"]) in wanted]
    return tuple(sorted(found, key=lambda d: (d["table"], d["ref_month"], d["unit"])))


def _with_predecessors(unit: str, changes: tuple[Gebietsaenderung, ...]) -> set[str]:
    units = {unit}
    while more := {c.alt for c in changes if c.neu in units} - units:
        units |= more
    return units


def as_lines(found: Explanation, catalog: Catalog) -> list[str]:
    """Return the explanation as German text."""
    row, indicator = found.row, found.indicator
    label = indicator.label_of(found.version).de
    lines = ["SYNTHETISCHE DATEN – alle Zahlen sind erfunden", ""] if found.synthetic else []
    lines += [
        f"{row['kennzahl']} {label}",
        f"{found.title}, Bezugsmonat {row['ref_month']}, Geschlecht {row['geschlecht']}, Fassung {row['definition']}",
        f"{indicator.legal_basis} der Verordnung zu § 48a SGB II: {indicator.definition_of(found.version)}",
        "",
    ]
    lines += [*_formula(found), ""]
    lines += _member_lines(found, catalog)
    for role, side, cells in found.sides:
        if not cells:
            continue
        label_of = catalog.merkmale[side.merkmal].label.de
        lines.append(f"{role}: {label_of} ({side.merkmal}), {cells[0][0]} bis {cells[-1][0]}")
        lines += [
            f"  {month}  {_count(value) if value is not None else '–':>14}  {reason or 'aus ' + basis}"
            for month, value, reason, basis in cells
        ]
        if row["wert_anzeige"] is not None and any(reason == "geheim" for _, _, reason, _ in cells):
            lines.append("  Einzelne Monate sind geheim zu halten; veröffentlicht ist nur ihre Summe, die oben steht.")
        lines.append("")
    if found.deliveries:
        lines.append(f"Gelesene Lieferungen ({len(found.deliveries)}), mit SHA-256 der Originaldatei:")
        lines += [f"  {d['sha256']}  {d['address']}" for d in found.deliveries[:DELIVERIES_LISTED]]
        if len(found.deliveries) > DELIVERIES_LISTED:
            lines.append(f"  … und {len(found.deliveries) - DELIVERIES_LISTED} weitere; alle nennt --json.")
        lines += [f"  {digest}  {name}.csv" for name, digest in sorted(found.codelists.items()) if digest]
        if any(d["table"] in ("aufnahme", "massnahme") for d in found.deliveries):
            lines.append("  Aufnahmen und Maßnahmen einer Person zählen auch aus den Dateien anderer Jobcenter.")
        lines.append("")
    return [*lines, f"Veröffentlichung {found.release}"]


def _member_lines(found: Explanation, catalog: Catalog) -> list[str]:
    if not found.members:
        return []
    above, below = (f"{role}: {catalog.merkmale[side.merkmal].label.de}" for role, side, _ in found.sides)
    lines = [f"Summe über {len(found.members)} Jobcenter ({above}; {below})"]
    for m in found.members:
        sides = " / ".join("–" if m[c] is None else _count(m[c]) for c in ("zaehler", "nenner_summe"))
        lines.append(f"  {m['jc_id']:<12} {m['name']:<44} {sides:>22}  {m['grund'] or ''}".rstrip())
    return [*lines, ""]


def _formula(found: Explanation) -> list[str]:
    row = found.row
    if row["wert_anzeige"] is None:
        return [f"kein Wert: {row['grund']}"]
    above, below, months = _count(row["zaehler"]), _count(row["nenner_summe"]), row["nenner_monate"]
    if found.indicator.shown_as == "change":
        formula = f"({above} / {below} − 1) · 100 = {german(row['wert_anzeige'])} %"
    else:
        mean = f"({below} / {months})" if months > 1 else below
        formula = f"{above} / {mean} · 100 = {german(row['wert_anzeige'])} %"
    lines = [formula, f"ungerundet {row['wert']!r} %".replace(".", ",")]
    rank = found.rank
    if rank and rank["rang_alle"]:
        lines.append(
            f"Rang {rank['rang_anzeige_alle']} von {rank['anzahl_alle']} "
            "(nach dem angezeigten Wert; eigene Berechnung; 1 ist der beste Wert)"
        )
    if row["hinweise"]:
        lines.append(f"Hinweise: {row['hinweise']}")
    return lines


def _count(value: Decimal) -> str:
    text = f"{value:,.2f}" if value % 1 else f"{value:,.0f}"
    return text.replace(",", "\u202f").replace(".", ",")


def as_json(found: Explanation) -> dict[str, Any]:
    """Return the explanation as JSON-able values."""
    return {
        "release": str(found.release),
        "synthetisch": found.synthetic,
        "kennzahl": {k: str(v) if isinstance(v, Decimal) else v for k, v in found.row.items()},
        "rang": found.rank["rang_alle"] if found.rank else None,
        "rang_anzeige": found.rank["rang_anzeige_alle"] if found.rank else None,
        "anzahl": found.rank["anzahl_alle"] if found.rank else None,
        "seiten": [
            {
                "seite": role,
                "merkmal": side.merkmal,
                "operator": side.operator,
                "monate": [
                    {"ref_month": m, "wert": None if v is None else str(v), "grund": g, "basis": b}
                    for m, v, g, b in cells
                ],
            }
            for role, side, cells in found.sides
        ],
        "jobcenter": [{k: str(v) if isinstance(v, Decimal) else v for k, v in m.items()} for m in found.members],
        "lieferungen": [dict(d) for d in found.deliveries],
        "codelisten": dict(found.codelists),
    }
