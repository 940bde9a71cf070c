"""The published counts: a model without persons for jobcenters that deliver none, and the table with its signs for all.

The person counts of the others come in ready from `counting`; a sign says what could not be known when the data were made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from pipeline.catalog import SEXES
from pipeline.synthetic.activity import SEASON
from pipeline.synthetic.calibration import goal_of
from pipeline.synthetic.counting import MERKMALE, ROW
from pipeline.synthetic.model import PAD, Calendar, Flag, Int, Office, Small
from pipeline.synthetic.plan import Plan, stream
from pipeline.synthetic.tables import Words, euros, table

EURO_MERKMALE = (ROW["llu"], ROW["luh"])
SIGNS = ("", "-", "*", "x", ".", "...")
VALUE, ZERO, WITHHELD, OUTAGE, UNKNOWN, LATER = range(6)
MERKMAL_WORDS, SEX_WORDS, SIGN_WORDS = Words.of(MERKMALE), Words.of(SEXES), Words.of(SIGNS)
LLU_CENTS_PER_ELB, LUH_CENTS_PER_ELB = 36_200, 21_100


def modelled(plan: Plan, office: Office) -> Int:
    """Return believable counts of an office without persons as positions × merkmale × (T, M, F), euros in cents.

    Flows agree with the stocks, and the svB-Integrationen of the cohort have the wanted share of sustained ones.
    """
    calendar = plan.calendar
    rng = stream(plan.seed, "eckwerte", office.name)
    width = len(calendar.months)
    counts = np.zeros((width, len(MERKMALE), 3), dtype=np.int64)
    month = np.array([int(m[5:]) - 1 for m in calendar.months])
    women = min(max(office.women, 0.3), 0.65)
    elb = np.rint(office.elb * (1 + rng.normal(0, 0.002, width))).astype(np.int64)

    def split(total: Int, share: float) -> Int:
        """Return T, M, F; about one person in 300 is in neither M nor F."""
        known = rng.binomial(total, 0.997)
        female = rng.binomial(known, share)
        return np.stack([total, known - female, female], axis=-1)

    def part(whole: Int, share: np.ndarray | float) -> Int:
        """Return a random part of every cell that keeps T ≥ M + F."""
        male, female = rng.binomial(whole[:, 1], share), rng.binomial(whole[:, 2], share)
        rest = rng.binomial(whole[:, 0] - whole[:, 1] - whole[:, 2], share)
        return np.stack([male + female + rest, male, female], axis=-1)

    def stock(base: Int, share: float, wobble: float) -> Int:
        """Return a smooth part of a stock."""
        wander = share * (1 + np.cumsum(rng.normal(0, wobble, width)))
        return np.rint(base * np.clip(wander, 0.2 * share, 0.98)[:, None]).astype(np.int64)

    def put(name: str, cells: Int) -> Int:
        counts[:, ROW[name]] = cells
        return cells

    stocks = np.stack([elb, np.rint(elb * 0.9975 * (1 - women)), np.rint(elb * 0.9975 * women)], axis=-1).astype(
        np.int64
    )
    put("elb", stocks)
    lone = np.rint(stocks * np.array([1, 0.13, 1.87]) * office.lone)
    lone = lone.astype(np.int64)
    lone[:, 0] = np.maximum(lone[:, 0], lone[:, 1] + lone[:, 2])
    put("alleinerz", lone)
    lzb = stock(stocks, 0.665 + rng.normal(0, 0.02), 0.0015)
    lzb[:, 0] = np.maximum(lzb[:, 0], lzb[:, 1] + lzb[:, 2])
    put("lzb", lzb)
    _movements(counts, rng, stocks, "elb", 0.034)
    _movements(counts, rng, lzb, "lzb", 0.0158)
    put("lzb_amp", part(lzb, 0.098 * (1 + rng.normal(0, 0.12))))
    before = np.concatenate([elb[:1], elb[:-1]])
    season = SEASON[month] / SEASON.mean()
    level = 0.0212 * (1 + rng.normal(0, 0.11))
    integrations = put("int", split(rng.poisson(before * level * season), women * 0.86))
    svb = put("int_svb", part(integrations, 0.855))
    put("bs_gering", split(rng.poisson(before * 0.0082 * season), women * 1.05))
    put("bs_2am", split(rng.poisson(before * 0.006), women * 0.85))
    put("int_lzb", part(integrations, 0.48))
    lone_part = np.stack([np.zeros(width), part(integrations, 0.035)[:, 1], part(integrations, 0.2)[:, 2]], axis=-1)
    lone_part[:, 0] = lone_part[:, 1] + lone_part[:, 2]
    put("int_allein", lone_part.astype(np.int64))
    after = put("svb_nach12", part(svb, office.target))
    if plan.cohort is not None:
        _fit(counts, after, svb, goal_of(office.name, office.target, int(_cohort(svb, plan.cohort))).numerator, plan)
    put("svb_kont6", part(svb, office.target - 0.055))
    year = np.array([int(m[:4]) for m in calendar.months])
    growth = 1.012 ** (year - 2017) * (1 + rng.normal(0, 0.002, width))
    for name, base, factor in (
        ("llu", LLU_CENTS_PER_ELB, office.llu_factor),
        ("luh", LUH_CENTS_PER_ELB, office.luh_eur / 351.0),
    ):
        cents = np.rint(stocks * base * factor * growth[:, None]).astype(np.int64) + rng.integers(0, 100, (width, 3))
        cents[:, 0] = np.maximum(cents[:, 0], cents[:, 1] + cents[:, 2])
        put(name, cents)
    counts[:PAD] = 0
    return counts


def _cohort(cells: Int, cohort: tuple[int, int]) -> np.int64:
    return np.int64(cells[cohort[0] : cohort[1] + 1, 0].sum())


def _movements(counts: Int, rng: np.random.Generator, stocks: Int, name: str, rate: float) -> None:
    """Fill entries and exits that lead from each month's stock to the next."""
    change = np.diff(stocks, axis=0, prepend=stocks[:1])
    base = rng.poisson(np.maximum(stocks, 0) * rate)
    base[:, 0] = base[:, 1] + base[:, 2]
    counts[:, ROW[f"{name}_zugang"]] = base + np.maximum(change, 0)
    counts[:, ROW[f"{name}_abgang"]] = base + np.maximum(-change, 0)
    for flow in ("zugang", "abgang"):
        cells = counts[:, ROW[f"{name}_{flow}"]]
        cells[:, 0] = np.maximum(cells[:, 0], cells[:, 1] + cells[:, 2])


def _fit(counts: Int, after: Int, svb: Int, wanted: int, plan: Plan) -> None:
    """Raise or lower the sustained Integrationen of the cohort, month by month and sex by sex, to the wanted sum."""
    assert plan.cohort is not None
    begin, end = plan.cohort
    missing = wanted - int(_cohort(after, plan.cohort))
    step = 1 if missing > 0 else -1
    while missing:
        before = missing
        for position in range(begin, end + 1):
            for sex in (1, 2):
                room = svb[position, sex] - after[position, sex] if step > 0 else after[position, sex]
                if missing and room > 0:
                    after[position, sex] += step
                    after[position, 0] += step
                    missing -= step
        if missing == before:
            break
    counts[:, ROW["svb_nach12"]] = after


def signs_of(calendar: Calendar) -> Int:
    """Return positions × merkmale: LATER where the employment data a count needs have not come, else VALUE."""
    sign = np.zeros((len(calendar.months), len(MERKMALE)), dtype=np.int64)
    last = PAD + calendar.count - 1
    for name, months in (("svb_nach12", 12), ("svb_kont6", 6)):
        sign[max(0, last - 4 - months + 1) :, ROW[name]] = LATER
    return sign


def eckwerte(
    counts: Sequence[tuple[str, Int]], anonymous: Mapping[str, Flag], sign: Small, outage: str, withheld: frozenset[str]
) -> pa.Table:
    """Return the published counts of one month: `counts` are (jobcenter, merkmale × (T, M, F)), ordered by jobcenter.

    `anonymous` names the jobcenters whose euro sums have no M and F; `outage` one without any data; `withheld` those whose
    small counts of publicly supported starts are hidden.
    """
    size = len(MERKMALE) * 3
    values = np.concatenate([c.reshape(size) for _, c in counts])
    euro = np.zeros((len(MERKMALE), 3), dtype=np.bool_)
    euro[list(EURO_MERKMALE)] = True
    cents = np.where(np.tile(euro.reshape(size), len(counts)), values, values * 100)
    signs = np.tile(np.repeat(sign, 3), len(counts))
    zero = (values == 0) & (signs == VALUE) & (np.arange(len(values)) % 3 != 1)
    signs[zero] = ZERO
    for i, (name, cells) in enumerate(counts):
        block = signs[i * size : (i + 1) * size].reshape(len(MERKMALE), 3)
        for j, row in enumerate(EURO_MERKMALE):
            if name in anonymous and anonymous[name][j]:
                block[row, 1:] = OUTAGE
        if name == outage:
            block[:] = OUTAGE
        if name in withheld:
            row = ROW["bs_2am"]
            small = (cells[row] == 1) | (cells[row] == 2)
            block[row, 1:] = np.where(small[1:], WITHHELD, block[row, 1:])
    names = Words.of([n for n, _ in counts])
    where = np.arange(len(values))
    return table(
        {
            "jc_id": names.take(where // size),
            "geschlecht": SEX_WORDS.take(where % 3),
            "merkmal": MERKMAL_WORDS.take(where % size // 3),
            "wert": euros(cents, 18, signs != VALUE),
            "zeichen": SIGN_WORDS.take(np.where(signs == VALUE, -1, signs)),
        }
    )
