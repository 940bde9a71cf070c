"""The shapes of what the catalog holds: frozen records without behaviour beyond simple questions about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

SEXES = ("T", "M", "F")
"""The sexes of a count or figure: both together, men, women."""


@dataclass(frozen=True)
class Label:
    """One text in German (what is published) and English (what developers read)."""

    de: str
    en: str = ""


@dataclass(frozen=True)
class Jobcenter:
    """One validity version of a jobcenter; `ags5` are the Kreise it covers, keys are text."""

    jc_id: str
    name: str
    land: str
    traeger: Literal["gE", "zkT"]
    ags5: tuple[str, ...]
    valid_from: date
    valid_to: date | None
    note: str = ""

    def valid_on(self, day: date) -> bool:
        """Tell whether the jobcenter existed on the day (both ends inclusive)."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class Gebietsaenderung:
    """Unit `alt` is part of unit `neu` from the day `ab` on."""

    alt: str
    neu: str
    ab: date


@dataclass(frozen=True)
class Column:
    """A column: declared once, used for schemas, checks, dictionary and Data Package.

    `type` is one of person, household, text, jobcenter, code3, date, bool, euro, number, integer, float, percent1, month.
    """

    name: str
    type: str
    required: bool
    label: Label
    unit: str = ""
    description: str = ""
    values: tuple[str, ...] = ()
    codelist: str = ""


@dataclass(frozen=True)
class Table:
    """A table of deliveries (`unit` names who delivers: jobcenter, bst or statistik) or of results (`unit` empty)."""

    name: str
    unit: str
    description: Label
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the names in declared order."""
        return tuple(c.name for c in self.columns)


@dataclass(frozen=True)
class Merkmal:
    """A base count. `needs` are the own unit's deliveries: table -> (first, last) month relative to the count's month.

    `part_of` names the counts of the same month that hold all that this one counts.
    `needs_also` are spans of tables that a selected switch makes it read besides.
    """

    name: str
    label: Label
    unit: str
    kind: Literal["stock", "movement", "event", "euro"]
    legal_basis: str
    needs: Mapping[str, tuple[int, int]]
    needs_by_sex: Mapping[str, tuple[int, int]]
    part_of: tuple[str, ...] = ()
    needs_also: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def reads(self, sex: str) -> dict[str, tuple[int, int]]:
        """Return the deliveries, table -> (first, last) month, that the count of a sex (T, M, F) reads.

        That is more than it needs where the sex is looked up: who is not in the stock of the one month is looked for in that
        of the other, of the month and the month before.
        """
        spans = dict(self.needs)
        if sex != "T":
            for table, (first, last) in self.needs_by_sex.items():
                known = spans.get(table, (-1, 0))
                spans[table] = (min(first, known[0], -1), max(last, known[1], 0))
        return spans

    @property
    def spans(self) -> tuple[tuple[str, int, int], ...]:
        """Return (table, first, last month) of all that a count for all sexes together reads."""
        return tuple((t, first, last) for n in (self.needs, self.needs_also) for t, (first, last) in n.items())

    @property
    def spans_by_sex(self) -> tuple[tuple[str, int, int], ...]:
        """Return (table, first, last month) of what a count by sex reads besides."""
        return tuple((table, first, last) for table, (first, last) in self.needs_by_sex.items())


@dataclass(frozen=True)
class Side:
    """Numerator or denominator: an operator over the months of one base count, which is a part of the counts `part_of`."""

    operator: Literal["at", "sum", "mean"]
    merkmal: str
    months: tuple[int, int]
    part_of: tuple[str, ...] = ()

    def is_share_of(self, whole: Side) -> bool:
        """Tell whether this side counts some of what `whole` counts, in the same months."""
        return whole.merkmal in self.part_of and self.months == whole.months


@dataclass(frozen=True)
class Indicator:
    """A Kennzahl or Ergänzungsgröße with its versions (`@2011`, `@2019`) of numerator and denominator."""

    name: str
    label: Label
    definition: str
    legal_basis: str
    goal: int
    lag: int
    compute_all_versions: bool
    versions: Mapping[str, tuple[Side, Side]]
    shown_as: Literal["percent", "change"]
    better: Literal["higher", "lower", "none"]
    labels_by_version: Mapping[str, Label]
    definitions_by_version: Mapping[str, str]
    answer: str
    answers_by_version: Mapping[str, str]
    lags_by_version: Mapping[str, int] = field(default_factory=dict)

    def lag_of(self, version: str) -> int:
        """Return how many months before the run's the reference month of a version lies."""
        return self.lags_by_version.get(version, self.lag)

    def label_of(self, version: str) -> Label:
        """Return the official name of a version."""
        return self.labels_by_version.get(version, self.label)

    def definition_of(self, version: str) -> str:
        """Return the one-sentence German definition of a version."""
        return self.definitions_by_version.get(version, self.definition)

    def answer_of(self, version: str) -> str:
        """Return the German sentence that says a value of a version, with its placeholders."""
        return self.answers_by_version.get(version, self.answer)


@dataclass(frozen=True)
class Support:
    """A support or measure code with its validity and its classes under the lists until 2018 and from 2019 (§ 2 Abs. 2)."""

    code: str
    valid_from: date | None
    valid_to: date | None
    begleitend: tuple[bool, bool]
    oegb: tuple[bool, bool]
    aktiv: tuple[bool, bool]
    label: Label
    source: str


@dataclass(frozen=True)
class Rule:
    """A rule that a step itself watches over, with who is asked and what to do when it is broken."""

    rule_id: str
    severity: Literal["critical", "error", "warning", "info"]
    owner: str
    title_de: str
    action_de: str


@dataclass(frozen=True)
class Switch:
    """A documented assumption: its default, the alternatives that can be computed, the reason, and what a run selected.

    `alternatives` is a tuple of values, or the word ``month`` for any month; `changes` says what they do, `source` is the
    paragraph of the methodology. `value` is what counts; it is the default unless a run has selected an alternative
    (`Catalog.with_switches`).
    """

    name: str
    default: str | int | bool
    alternatives: tuple[str | int | bool, ...] | Literal["month"]
    reason: str
    source: str = ""
    changes: str = ""
    selected: str | int | bool | None = None

    @property
    def value(self) -> str | int | bool:
        """Return what counts in this run."""
        return self.default if self.selected is None else self.selected
