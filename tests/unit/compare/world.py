"""Small invented countries for the tests of the comparison: Eckwerte from random counts, Kennzahlen from `calculate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pipeline import calculate
from pipeline.catalog import Catalog, Jobcenter, load_catalog
from pipeline.compare import Disclosed, Rules, disclose
from pipeline.months import add_months, month_range
from pipeline.store.schema import arrow_schema

CATALOG: Catalog = load_catalog()
FIRST = "2015-07"
STOCKS = {"elb": 1.0, "alleinerz": 0.15, "lzb": 0.6, "lzb_amp": 0.06}
RATES = {
    "elb_zugang": 0.04,
    "elb_abgang": 0.04,
    "lzb_zugang": 0.02,
    "lzb_abgang": 0.02,
    "bs_gering": 0.008,
    "bs_2am": 0.003,
}


def jobcenter(jc_id: str, land: str, traeger: str = "gE") -> Jobcenter:
    return Jobcenter(jc_id, f"Jobcenter {jc_id}", land, traeger, ("00000",), date(2005, 1, 1), None)  # type: ignore[arg-type]


def schema(name: str) -> pa.Schema:
    return arrow_schema(CATALOG.results[name])


def table(name: str, rows: list[dict[str, object]]) -> pa.Table:
    """Return rows (missing columns empty) as the declared table."""
    kind = schema(name)
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in kind], schema=kind)


@dataclass(frozen=True)
class World:
    jobcenters: tuple[Jobcenter, ...]
    types: Mapping[str, str]
    eckwerte: pa.Table
    withheld: Mapping[tuple[str, str, str, str], int]

    def tables(self, run_month: str) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Return eckwerte, kennzahlen and reihe of a run."""
        months = [m for m in sorted(set(self.eckwerte.column("ref_month").to_pylist())) if m <= run_month]
        import pyarrow.compute as pc

        known = self.eckwerte.filter(pc.less_equal(self.eckwerte.column("ref_month"), run_month))
        late = pc.and_(
            pc.is_in(known.column("merkmal"), pa.array(["svb_nach12", "svb_kont6"])),
            pc.greater(
                known.column("ref_month"),
                pc.if_else(
                    pc.equal(known.column("merkmal"), "svb_nach12"),
                    add_months(run_month, -16),
                    add_months(run_month, -10),
                ),
            ),
        )
        empty = pa.scalar(None, known.schema.field("wert").type)
        known = known.set_column(4, known.schema.field("wert"), pc.if_else(late, empty, known.column("wert")))
        reason = pc.if_else(late, pa.scalar("folgt_spaeter"), known.column("grund"))
        known = known.set_column(5, known.schema.field("grund"), reason)
        units = [j.jc_id for j in self.jobcenters]
        block = calculate.block_of(
            [known.filter(pc.equal(known.column("ref_month"), m)) for m in months],
            month_range(add_months(run_month, -52), run_month),
            units,
            lambda unit, month: "zu_kurze_reihe",
            CATALOG,
        )
        kennzahlen = calculate.kennzahlen(block, run_month, self.jobcenters, frozenset(units), self.types, CATALOG)
        return known, kennzahlen, calculate.reihe(block, run_month, CATALOG)

    def disclosed(self, run_month: str, rules: Rules | None = None, **more: object) -> Disclosed:
        known, kennzahlen, reihe = self.tables(run_month)
        return disclose(
            known,
            kennzahlen,
            reihe,
            self.jobcenters,
            self.types,
            indicators=CATALOG.indicators,
            merkmale=CATALOG.merkmale,
            run_month=run_month,
            vergleich_schema=schema("vergleich"),
            rules=rules,
            **more,  # type: ignore[arg-type]
        )


def eckwerte_rows(
    jc_id: str, merkmal: str, counts: np.ndarray, missing: np.ndarray | None = None, grund: str = "geheim"
) -> list[tuple]:
    """Return rows for counts [T M F, month] from FIRST on; where missing, there is only the reason (default: withheld)."""
    rows = []
    for s, sex in enumerate("TMF"):
        for t, count in enumerate(counts[s].tolist()):
            gone = missing is not None and bool(missing[s, t])
            wert = None if gone else Decimal(count)
            rows.append((add_months(FIRST, t), jc_id, sex, merkmal, wert, grund if gone else None, "personen"))
    return rows


def random_world(
    seed: int,
    *,
    units: int = 6,
    months: int = 40,
    elb: tuple[float, float] = (20, 200),
    other_sex: float = 0.0,
    withheld: float = 0.0,
    gaps: float = 0.0,
    types: int = 0,
    laender: int = 2,
) -> World:
    """Return a country whose jobcenters have about as many ELB as told; `other_sex` is the share that is neither M nor F."""
    rng = np.random.default_rng(seed)
    jobcenters = tuple(
        jobcenter(f"t{i:05d}", f"Land {i % laender}", "zkT" if rng.random() < 0.5 else "gE") for i in range(units)
    )
    rows: list[tuple] = []
    kept: dict[tuple[str, str, str, str], int] = {}
    for unit in jobcenters:
        size = float(np.exp(rng.uniform(np.log(elb[0]), np.log(elb[1]))))

        def split(total: np.ndarray, share: float = 0.5) -> np.ndarray:
            rest = rng.binomial(total, other_sex)
            men = rng.binomial(total - rest, share)
            return np.array([total, men, total - rest - men])

        def part(whole: np.ndarray, share: float) -> np.ndarray:
            men, women = rng.binomial(whole[1], share), rng.binomial(whole[2], share)
            rest = rng.binomial(whole[0] - whole[1] - whole[2], share)
            return np.array([men + women + rest, men, women])

        counts: dict[str, np.ndarray] = {}
        walk = np.maximum(size + np.cumsum(rng.normal(0, size / 60, months)), 3).astype(int)
        counts["elb"] = split(walk)
        counts["alleinerz"] = part(counts["elb"], 0.15)
        counts["lzb"] = part(counts["elb"], 0.6)
        counts["lzb_amp"] = part(counts["lzb"], 0.1)
        for name, rate in RATES.items():
            counts[name] = split(rng.poisson(walk * rate))
        counts["int"] = split(rng.poisson(walk * 0.025))
        counts["int_svb"] = part(counts["int"], 0.85)
        counts["int_allein"] = part(counts["int"], 0.12)
        counts["int_lzb"] = part(counts["int"], 0.4)
        counts["svb_nach12"] = part(counts["int_svb"], 0.67)
        counts["svb_kont6"] = part(counts["int_svb"], 0.6)
        for name in CATALOG.merkmale:
            if name in ("llu", "luh"):
                amounts = (counts["elb"] * rng.uniform(300, 400)).astype(int)
                rows += eckwerte_rows(unit.jc_id, name, amounts)
                continue
            gone = rng.random((3, months)) < withheld if withheld else None
            if gaps:
                away = np.repeat(rng.random((1, months)) < gaps, 3, axis=0)
                rows += eckwerte_rows(unit.jc_id, name, counts[name], away, "nicht_geliefert")
                continue
            rows += eckwerte_rows(unit.jc_id, name, counts[name], gone)
            for s, t in np.argwhere(gone).tolist() if gone is not None else []:
                kept[name, unit.jc_id, "TMF"[s], add_months(FIRST, t)] = int(counts[name][s, t])
    kind = schema("eckwerte")
    arrays = [pa.array(column, f.type) for column, f in zip(zip(*rows, strict=True), kind, strict=True)]
    membership = {j.jc_id: f"I{'abcde'[int(rng.integers(types))]}" for j in jobcenters} if types else {}
    return World(jobcenters, membership, pa.table(arrays, schema=kind), kept)


@lru_cache(maxsize=8)
def published(seed: int, run_month: str) -> Disclosed:
    return random_world(seed).disclosed(run_month)
