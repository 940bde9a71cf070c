"""Arrow tables of the deliveries and the one way they are written: marked as synthetic, same input, same bytes.

What belongs into a delivery (its window) is decided here; what is true of a person is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.store.decimals import decimal_array
from pipeline.synthetic.codes import ARTEN, FOERDERUNGEN
from pipeline.synthetic.model import (
    SEX_CODES,
    UNKNOWN,
    Calendar,
    Flag,
    Int,
    Jobs,
    Measures,
    Population,
    Presence,
    Starts,
)
from pipeline.synthetic.payments import RECHTSGRUNDLAGEN, Payments
from pipeline.synthetic.stock import Stock, mixed

MARKER_FILE = "SYNTHETISCH.txt"
MARKER_TEXT = (
    "Diese Daten sind erfunden (synthetisch). Sie beschreiben keine wirklichen Personen und keine wirklichen Ergebnisse "
    "von Jobcentern."
)
METADATA = {"synthetisch": "ja", "hinweis": MARKER_TEXT}
PERSON_DIGITS, BG_DIGITS = 11, 13
NO_MONTHS_KNOWN = 62
LATE_DAYS = 120


@dataclass(frozen=True)
class Words:
    """The texts of a code list, ready to be taken by position."""

    values: pa.StringArray

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> Words:
        """Keep the texts in order."""
        return cls(pa.array(texts, pa.string()))

    def take(self, rows: NDArray[Any]) -> pa.Array:
        """Return the text of every position; a negative position is missing."""
        missing = rows < 0
        return self.values.take(pa.array(rows, pa.int32(), mask=missing if missing.any() else None))


ART_WORDS, SUPPORT_WORDS = Words.of(ARTEN), Words.of(FOERDERUNGEN)
SEX_WORDS, BASIS_WORDS = Words.of(SEX_CODES), Words.of(RECHTSGRUNDLAGEN)
GROUP_WORDS = Words.of([f"{i:03d}" for i in range(1000)])


def _four_digits() -> NDArray[np.uint8]:
    """Return the texts 0000 … 9999 as rows of bytes."""
    number = np.arange(10_000)
    return np.stack([number // 10**p % 10 + 48 for p in (3, 2, 1, 0)], axis=1).astype(np.uint8)


FOUR_DIGITS = _four_digits()


def identifiers(prefix: str, numbers: Int, digits: int, missing: Flag | None = None) -> pa.StringArray:
    """Return texts made of prefix and zero-padded number, built as bytes four digits at a time."""
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    width = len(head) + digits
    blocks = -(-digits // 4)
    text = np.empty((len(numbers), len(head) + 4 * blocks), dtype=np.uint8)
    rest = numbers
    for block in range(blocks, 0, -1):
        higher = rest // 10_000
        end = len(head) + 4 * block
        text[:, end - 4 : end] = FOUR_DIGITS[rest - higher * 10_000]
        rest = higher
    text = text[:, 4 * blocks - digits :]
    text[:, : len(head)] = head
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * width
    plain = pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes()))
    if missing is None or not missing.any():
        return plain
    return plain.take(pa.array(np.arange(len(numbers)), pa.int64(), mask=missing))


def persons(numbers: Int, missing: Flag | None = None) -> pa.StringArray:
    """Return person identifiers, visibly synthetic."""
    return identifiers("SYN", numbers, PERSON_DIGITS, missing)


def units_of_need(numbers: Int) -> pa.StringArray:
    """Return identifiers of units of need, visibly synthetic."""
    return identifiers("SYNBG", numbers, BG_DIGITS)


def dates(days: Int, missing: Flag | None = None) -> pa.Array:
    """Return calendar days."""
    return pa.array(days.astype(np.int32), pa.int32(), mask=missing).view(pa.date32())


def euros(cents: Int, precision: int, missing: Flag | None = None) -> pa.Array:
    """Return exact decimals with two places from integer cents."""
    present = np.ones(len(cents), dtype=np.bool_) if missing is None else ~missing
    return decimal_array(cents, present, precision, 2)


def table(columns: Mapping[str, pa.Array]) -> pa.Table:
    """Return a table of these columns."""
    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


@contextmanager
def opened(path: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a delivery file for writing: always the same options, always the mark in the file's metadata."""
    with (
        pa.OSFile(path, "wb") as sink,
        pq.ParquetWriter(
            sink,
            schema,
            compression="zstd",
            write_statistics=False,
            store_schema=False,
            use_dictionary=False,
            version="2.6",
        ) as writer,
    ):
        writer.add_key_value_metadata(METADATA)
        yield writer


def write(content: pa.Table, path: str) -> int:
    """Write one delivery and return its rows."""
    with opened(path, content.schema) as writer:
        writer.write_table(content)
    return int(content.num_rows)


@dataclass(frozen=True, eq=False)
class Months:
    """The deliveries of one table for the positions `begin` … `begin + len(edges) - 2`: rows one month after the other."""

    content: pa.Table
    begin: int
    edges: Int

    def __iter__(self) -> Iterator[tuple[int, pa.Table]]:
        """Yield position and delivery."""
        for i, (low, high) in enumerate(zip(self.edges[:-1].tolist(), self.edges[1:].tolist(), strict=True)):
            yield self.begin + i, self.content.slice(low, high - low)


def by_month(columns: Mapping[str, pa.Array], position: Int, span: range) -> Months:
    """Return the deliveries of `span` from columns whose rows are ordered by position."""
    edges = np.searchsorted(position, np.arange(span.start, span.stop + 1))
    return Months(table(columns), span.start, edges.astype(np.int64))


def spread(first: Int, after: Int, span: range) -> tuple[Int, Int]:
    """Return (row, position) for every position of `span` in first … after - 1 of each row, ordered by position, then row."""
    low, high = np.maximum(first, span.start), np.minimum(after, span.stop)
    length = np.maximum(high - low, 0)
    row = np.repeat(np.arange(len(length)), length)
    position = low[row] + np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    order = np.argsort(position, kind="stable")
    return row[order], position[order]


def bestand(population: Population, rows: Stock, calendar: Calendar, span: range) -> Months:
    """Return the stock on the Zähltage; `rows` are those of the span, ordered by position."""
    people = population.people
    person, day = rows.person, calendar.stichtag[rows.position]
    lone = rows.elb & (people.lone_from[person] <= day) & (day <= people.lone_until[person])
    columns = {
        "person_id": persons(people.number[person]),
        "bg_id": units_of_need(rows.bg),
        "geschlecht": SEX_WORDS.take(np.where(people.sex[person] == UNKNOWN, -1, people.sex[person])),
        "geburtsdatum": dates(people.birth[person]),
        "ist_elb": pa.array(rows.elb),
        "ist_alleinerziehend": pa.array(lone),
    }
    return by_month(columns, rows.position, span)


def leistungsbezug(population: Population, periods: Presence, calendar: Calendar, span: range) -> Months:
    """Return the ELB periods that overlap [S(m-1)-7, S(m)+8]; one that ends after freeze(m) is still open."""
    first = np.searchsorted(calendar.stichtag + 8, periods.von, side="left")
    after = np.searchsorted(calendar.stichtag, periods.bis + 7, side="right") + 1
    row, position = spread(first, after, span)
    rows = periods.take(row)
    columns = {
        "person_id": persons(population.people.number[rows.person]),
        "bg_id": units_of_need(rows.bg),
        "von": dates(rows.von),
        "bis": dates(rows.bis, rows.bis > calendar.stichtag[position + 3]),
    }
    return by_month(columns, position, span)


def aufnahme(population: Population, starts: Starts, calendar: Calendar, span: range) -> Months:
    """Return the starts after S(m-2) up to S(m) known on freeze(m), and a third of those recorded somewhat later."""
    first = np.searchsorted(calendar.stichtag, starts.beginn, side="left")
    row, position = spread(first, first + 2, span)
    number = population.people.number
    late = starts.recorded[row] - calendar.stichtag[position + 3]
    slips = mixed(number[starts.person[row]], starts.beginn[row], 7) % np.uint64(3) == 0
    shown = (late <= 0) | ((late <= LATE_DAYS) & slips)
    rows, position = starts.take(row[shown]), position[shown]
    columns = {
        "person_id": persons(number[rows.person]),
        "beginn": dates(rows.beginn),
        "art": ART_WORDS.take(rows.art),
        "foerderung": SUPPORT_WORDS.take(rows.foerderung),
        "im_ausland": pa.array(rows.abroad),
        "recorded_on": dates(rows.recorded),
    }
    return by_month(columns, position, span)


def massnahme(population: Population, measures: Measures, calendar: Calendar, span: range) -> Months:
    """Return the participations that cover S(m); one that ends after freeze(m) is open."""
    first = np.searchsorted(calendar.stichtag, measures.von, side="left")
    after = np.searchsorted(calendar.stichtag, measures.bis, side="right")
    row, position = spread(first, after, span)
    rows = measures.take(row)
    columns = {
        "person_id": persons(population.people.number[rows.person]),
        "massnahme_art": SUPPORT_WORDS.take(rows.art),
        "von": dates(rows.von),
        "bis": dates(rows.bis, rows.bis > calendar.stichtag[position + 3]),
    }
    return by_month(columns, position, span)


def leistung(population: Population, rows: Payments, span: range) -> Months:
    """Return the entitlements of the span, ordered by position."""
    nobody = rows.person < 0
    number = population.people.number[np.where(nobody, 0, rows.person)]
    columns = {
        "bg_id": units_of_need(rows.bg),
        "person_id": persons(number, nobody),
        "rechtsgrundlage": BASIS_WORDS.take(rows.basis),
        "anspruch_eur": euros(rows.cents, 12),
    }
    return by_month(columns, rows.position, span)


def beschaeftigung(jobs: Jobs, calendar: Calendar, position: int) -> pa.Table:
    """Return the notifications (`person` is the person's number) that overlap the calendar month, open if they end much later."""
    last = int(calendar.month_end[position])
    first = int(calendar.month_end[position - 1]) + 1
    rows = jobs.take((jobs.von <= last) & (jobs.bis >= first))
    return table(
        {
            "person_id": persons(rows.person),
            "von": dates(rows.von),
            "bis": dates(rows.bis, rows.bis > last + NO_MONTHS_KNOWN),
            "personengruppe": GROUP_WORDS.take(rows.personengruppe),
        }
    )
