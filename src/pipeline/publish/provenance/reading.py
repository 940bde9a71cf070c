"""Which deliveries a figure reads and which of them lack, from what the catalog declares of its base counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.catalog import Merkmal
from pipeline.months import add_months
from pipeline.publish.provenance.evidence import RESULT_TABLES, Evidence
from pipeline.publish.provenance.model import Cause, Lacking, MonthCount, Noted, Reads, SideCounts
from pipeline.publish.provenance.territory import span

CENTRAL = {"beschaeftigung": "bst", "eckwerte": "statistik"}
NO_DELIVERY = ("nicht_geliefert", "folgt_spaeter", "zu_kurze_reihe")

Spans = tuple[tuple[str, int, int], ...]


def spans_of(merkmal: Merkmal, sex: str, basis: str) -> Spans:
    """Return table, first and last month relative to the count's of the deliveries that a count reads."""
    if basis == "eckwerte":
        return (("eckwerte", 0, 0),)
    return merkmal.spans + (merkmal.spans_by_sex if sex != "T" else ())


def months_read(
    evidence: Evidence, merkmal: Merkmal, sex: str, cells: Sequence[MonthCount]
) -> Mapping[str, frozenset[str]]:
    """Return table -> months that the counts of one side read; equal questions are answered once."""
    key = ("read", merkmal.name, sex == "T", cells[0].month, tuple(c.basis for c in cells))
    known: Mapping[str, frozenset[str]] | None = evidence.memory.get(key)
    if known is None:
        found: dict[str, set[str]] = {}
        for cell in cells:
            for table, first, last in spans_of(merkmal, sex, cell.basis):
                found.setdefault(table, set()).update(span(add_months(cell.month, first), add_months(cell.month, last)))
        known = evidence.memory[key] = {table: frozenset(months) for table, months in found.items()}
    return known


def reads_of(evidence: Evidence, units: Sequence[str], sex: str, sides: Iterable[SideCounts]) -> tuple[Reads, ...]:
    """Return the deliveries that a figure of some jobcenters reads, table by table; `sides` holds those of every unit."""
    months: dict[str, set[str]] = {}
    for counts in sides:
        for table, read in months_read(evidence, counts.merkmal, sex, counts.months).items():
            months.setdefault(table, set()).update(read)
    reads = []
    for table in sorted(months):
        key = ("reads", table, frozenset(months[table]), tuple(units))
        known = evidence.memory.get(key)
        if known is None:
            ordered = tuple(sorted(months[table]))
            central = CENTRAL.get(table)
            own = {p for unit in units for p in _read_of(evidence, unit, table, ordered)} if central is None else ()
            known = evidence.memory[key] = Reads(table, ordered, (central,) if central else tuple(sorted(own)))
        reads.append(known)
    return tuple(reads)


def _read_of(evidence: Evidence, unit: str, table: str, months: Iterable[str]) -> Iterator[str]:
    """Yield the parts of a jobcenter whose deliveries count: those that existed, and those that delivered after their end."""
    for month in months:
        yield from evidence.parts_of(unit, month)
        yield from (part for part in evidence.units_of(unit)[1:] if (table, month, part) in evidence.delivered)


def causes_of(evidence: Evidence, unit: str, sex: str, sides: Iterable[SideCounts], reason: str) -> tuple[Cause, ...]:
    """Return why the sides of a jobcenter's figure have no value: the months with the `reason` of the figure."""
    causes = []
    for counts in sides:
        by_basis: dict[str, list[str]] = {}
        for cell in counts.months:
            if cell.value is None and cell.reason == reason:
                by_basis.setdefault(cell.basis, []).append(cell.month)
        for basis, months in by_basis.items():
            lacking = _lacking(evidence, unit, sex, counts.merkmal, basis, months) if reason in NO_DELIVERY else ()
            causes.append(Cause(counts.role, counts.merkmal, reason, basis, tuple(months), lacking))
    return tuple(causes)


def _lacking(
    evidence: Evidence, unit: str, sex: str, merkmal: Merkmal, basis: str, months: Iterable[str]
) -> tuple[Lacking, ...]:
    found = {}
    for month in months:
        for table, first, last in spans_of(merkmal, sex, basis):
            for m in span(add_months(month, first), add_months(month, last)):
                central = CENTRAL.get(table)
                for name in (central,) if central else evidence.parts_of(unit, m):
                    delivery = evidence.delivered.get((table, m, name))
                    if delivery is None or delivery.rejected:
                        found[table, m, name] = Lacking(table, m, name, delivery is not None)
    return tuple(found[key] for key in sorted(found))


def findings_on(evidence: Evidence, units: Sequence[str], reads: Iterable[Reads]) -> tuple[Noted, ...]:
    """Return the findings about deliveries that were read: of their unit, table and month.

    `units` are the jobcenters of the figure: a finding about published counts may name the jobcenter instead of `statistik`.
    """
    found = []
    for read in reads:
        months = frozenset(read.months)
        for unit in (*read.units, *(units if read.table == "eckwerte" else ())):
            found += [n for n in evidence.findings.get(unit, ()) if _touches(n, read.table, months)]
    return tuple(dict.fromkeys(found))


def _touches(noted: Noted, table: str, months: frozenset[str]) -> bool:
    if noted.step == "check-results" or (noted.table in RESULT_TABLES and noted.table != table):
        return False
    return noted.table in (table, "", "zusammenhang") and (not noted.month or noted.month in months)


def findings_of_result(evidence: Evidence, unit: str) -> tuple[Noted, ...]:
    """Return the findings about the results of a jobcenter as a whole; they name no single figure."""
    return tuple(n for n in evidence.findings.get(unit, ()) if n.step in ("check-results", "count"))
