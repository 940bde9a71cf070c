"""A tiny country for the tests: the case, the merger of Göttingen and Osterode, two other zkT and three gE."""

from __future__ import annotations

from dataclasses import replace

from pipeline.catalog import Catalog, load_catalog

UNITS = (
    *("t04412", "t23102", "zkt-goettingen-alt", "zkt-osterode", "t03538", "t03444"),
    *("mse-nord", "mse-sued", "t92202"),
)
FIRST, LAST = "2015-12", "2018-07"
PREDECESSORS = {"t23102": {"zkt-goettingen-alt", "zkt-osterode"}}


def tiny_catalog() -> Catalog:
    full = load_catalog()
    return replace(
        full,
        jobcenters={j: full.jobcenters[j] for j in UNITS},
        gebietsaenderungen=tuple(g for g in full.gebietsaenderungen if g.neu in PREDECESSORS),
    )
