"""Writes the page of the switches, `docs/method/schalter.md`, from the catalog, and says what cannot be selected and why.

PYTHONPATH=tests python -m spec.switches_page
"""

from __future__ import annotations

from pathlib import Path

from pipeline.catalog import Catalog, Switch, load_catalog

PAGE = Path(__file__).parents[2] / "docs" / "method" / "schalter.md"

INTRODUCTION = """\
# Switches

Where the ordinance and the published descriptions leave something open, the software makes an assumption. Each has a name, a
default, and where another reading can be computed from the deliveries, alternatives. This page is generated from
`src/pipeline/catalog/switches.yml`; do not edit it, change the catalog and run `PYTHONPATH=tests python -m spec.switches_page`.

A run selects with `kennzahlen run --switch NAME=VALUE` (repeatable), or with the setting `KENNZAHLEN_SWITCHES`. The step fetch
writes the selection down, all later steps of the month follow it, and the manifest of the release names every value under
`grundlage.schalter`, so that the release can be computed anew. An unknown name or value ends with exit code 2 and a message that
says what is possible. Counts of persons are kept by what they were counted from and how: a selection counts again what it changes
and nothing else, and the default finds its counts again afterwards.

Every alternative of a counting or a calculation is held against the independent reference in `tests/integration/test_switches.py`;
there and in `test_switched_release.py` each is shown to change something. S(m) is the counting day of month m, m the month of the
count, r the reference month of K2E3.

## What can be selected

| switch | default | alternatives | what an alternative changes | methodology | why this default |
|---|---|---|---|---|---|
"""

FIXED = """
## What is fixed and recorded

These are values that no run selects otherwise; they are part of every manifest all the same.

| switch | value | methodology | why |
|---|---|---|---|
"""

NOT_SELECTABLE = {
    "publication_day": "a time of the schedule and no rule of counting; it stands with the schedule (docs/operate/betrieb.md)",
    "attrition": "the text knows no exclusion, and no delivery says who died, emigrated or reached the age limit",
    "unlinked": "employment data name insured persons only; who has no link cannot be told from who is not employed",
    "payment_month": "entitlements are delivered by month of entitlement; the month of booking is no column",
    "k1_sex": "a rule about data: men and women are empty where rows have no person (data contract, section 3)",
    "sex_other": "persons of sex D or unknown are in the total only; the contract knows no further column",
    "double_stock": "neither address nor the first day of a stock row is delivered, and persons who are not ELB have no periods; "
    "a person in two stocks counts in both and is reported",
    "pgr_map": "data, not a switch: `codelists/personengruppen.csv`",
    "better_direction": "data, not a switch: `better` in `indicators.yml`",
    "vtyp_backcast": "types of the day of the run apply to the whole series; the list of the operator carries validity dates",
    "agg": "a mean of ratios is no alternative reading: numerators and denominators of the levels above are sums by the contract",
    "rate_mean": "a simple mean of twelve monthly rates is not the quotient of its two sums, which every row of the results is by "
    "the contract (section 4), and published exactly it would tell the monthly counts that disclosure control hides (R08 would "
    "be 4.1 instead of 4.2)",
    "rank_order": "follows `better`: rank 1 is the best value",
    "secondary_rule": "what is suppressed besides is decided so that no published sum tells a secret count; "
    "`suppress_room` and `suppress_least_sum` say how much is kept (docs/method/geheimhaltung.md)",
    "round_counts": "counts are shown or withheld, never rounded",
    "lzb_window_days": "730 days stand in § 6 Abs. 1",
    "zaehltag_day": "the 15th for months that zaehltage.csv does not list, by the contract (section 1)",
}
"""Assumptions of the methodology without alternatives, with the reason."""


def page(catalog: Catalog) -> str:
    """Return the page."""
    selectable = [s for s in catalog.switches.values() if s.alternatives]
    fixed = [s for s in catalog.switches.values() if not s.alternatives]
    lines = [INTRODUCTION.rstrip("\n"), *map(_row, selectable)]
    if fixed:
        lines += [
            FIXED.rstrip("\n"),
            *(f"| `{s.name}` | {_code(s.default)} | {s.source} | {s.reason} |" for s in fixed),
        ]
    lines += ["", "## What cannot be selected, and why", "", "| assumption | reason |", "|---|---|"]
    lines += [f"| `{name}` | {reason} |" for name, reason in NOT_SELECTABLE.items()]
    return "\n".join(lines) + "\n"


def _row(switch: Switch) -> str:
    others = "any month" if switch.alternatives == "month" else ", ".join(map(_code, switch.alternatives))
    cells = (f"`{switch.name}`", _code(switch.default), others, switch.changes, switch.source, switch.reason)
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _code(value: str | int | bool) -> str:
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def write(path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(page(load_catalog()), encoding="utf-8")


if __name__ == "__main__":
    write()
