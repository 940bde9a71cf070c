"""Arrow tables of the deliveries and the one way they are written: marked as synthetic, same input, same bytes.

What belongs into a delivery (its window) is decided here; what is true of a person is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.synthetic.codes import ARTEN, FOERDERUNGEN, NO_SUPPORT
from pipeline.synthetic.model import SEX_CODES, Calendar, Flag, Int, Jobs, Population, Presence
from pipeline.synthetic.payments import RECHTSGRUNDLAGEN, Payments
from pipeline.synthetic.stock import Stock, mixed

MARKER_FILE = "SYNTHETISCH.txt"
MARKER_TEXT = (
    "Diese Daten sind erfunden (synthetisch). Sie beschreiben keine wirklichen Personen und keine wirklichen Ergebnisse "
    "von Jobcentern."
)
METADATA = {b"synthetisch": b"ja", b"hinweis": MARKER_TEXT.encode()}
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
        return self.values.take(pa.array(rows, pa.int32(), mask=rows < 0))


ART_WORDS, SUPPORT_WORDS = Words.of(ARTEN), Words.of(FOERDERUNGEN)
SEX_WORDS, BASIS_WORDS = Words.of(SEX_CODES), Words.of(RECHTSGRUNDLAGEN)
GROUP_WORDS = Words.of([f"{i:03d}" for i in range(1000)])


def identifiers(prefix: str, numbers: Int, digits: int, missing: Flag | None = None) -> pa.StringArray:
    """Return texts made of prefix and zero-padded number, built as bytes."""
    head = np.frombuffer(prefix.encode(), dtype=np.uint8)
    width = len(head) + digits
    text = np.empty((len(numbers), width), dtype=np.uint8)
    text[:, : len(head)] = head
    rest = numbers.copy()
    for place in range(width - 1, len(head) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, place] = digit + 48
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
    words = np.empty((len(cents), 2), dtype=np.int64)
    words[:, 0] = cents
    words[:, 1] = cents >> 63
    kind = pa.decimal128(precision, 2)
    plain = pa.Array.from_buffers(kind, len(cents), [None, pa.py_buffer(words.tobytes())])
    if missing is None or not missing.any():
        return plain
    return plain.take(pa.array(np.arange(len(cents)), pa.int64(), mask=missing))


def table(columns: Mapping[str, pa.Array]) -> pa.Table:
    """Return a table that says in its metadata that it is synthetic."""
    schema = pa.schema([(name, array.type) for name, array in columns.items()], metadata=METADATA)
    return pa.Table.from_arrays(list(columns.values()), schema=schema)


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Return an open delivery file; all deliveries are written with the same options."""
    return pq.ParquetWriter(
        path, schema, compression="zstd", write_statistics=False, store_schema=False, use_dictionary=False, version="2.6"
    )


def write(content: pa.Table, path: Path) -> int:
    """Write one delivery and return its rows."""
    with writer(path, content.schema) as file:
        file.write_table(content)
    return int(content.num_rows)


def bestand(population: Population, rows: Stock, calendar: Calendar, position: int) -> pa.Table:
    """Return the stock on the Zähltag."""
    people, day = population.people, int(calendar.stichtag[position])
    person = rows.person
    lone = rows.elb & (people.lone_from[person] <= day) & (day <= people.lone_until[person])
    return table(
        {
            "person_id": persons(people.number[person]),
            "bg_id": units_of_need(rows.bg),
            "geschlecht": SEX_WORDS.take(np.where(people.sex[person] == len(SEX_CODES) - 1, -1, people.sex[person])),
            "geburtsdatum": dates(people.birth[person]),
            "ist_elb": pa.array(rows.elb),
            "ist_alleinerziehend": pa.array(lone),
        }
    )


def leistungsbezug(population: Population, periods: Presence, calendar: Calendar, position: int) -> pa.Table:
    """Return the ELB periods that overlap [S(m-1)-7, S(m)+8]; one that ends after freeze(m) is still open."""
    low, high = int(calendar.stichtag[position - 1]) - 7, int(calendar.stichtag[position]) + 8
    rows = periods.take((periods.von <= high) & (periods.bis >= low))
    return table(
        {
            "person_id": persons(population.people.number[rows.person]),
            "bg_id": units_of_need(rows.bg),
            "von": dates(rows.von),
            "bis": dates(rows.bis, rows.bis > calendar.freeze(position)),
        }
    )


def aufnahme(
    population: Population, own: Flag, calendar: Calendar, position: int
) -> pa.Table:
    """Return the starts after S(m-2) up to S(m) of the chosen rows; a third of those recorded too late is in it."""
    low, high = int(calendar.stichtag[position - 2]), int(calendar.stichtag[position])
    freeze = calendar.freeze(position)
    starts, number = population.starts, population.people.number
    inside = own & (starts.beginn > low) & (starts.beginn <= high) & (starts.recorded <= freeze + LATE_DAYS)
    rows = starts.take(inside)
    shown = (rows.recorded <= freeze) | (mixed(number[rows.person], rows.beginn, 7) % np.uint64(3) == 0)
    rows = rows.take(shown)
    return table(
        {
            "person_id": persons(number[rows.person]),
            "beginn": dates(rows.beginn),
            "art": ART_WORDS.take(rows.art.astype(np.int32)),
            "foerderung": SUPPORT_WORDS.take(rows.foerderung.astype(np.int32)),
            "im_ausland": pa.array(rows.abroad),
            "recorded_on": dates(rows.recorded),
        }
    )


def massnahme(population: Population, own: Flag, calendar: Calendar, position: int) -> pa.Table:
    """Return the participations of the chosen rows that cover S(m); one that ends after freeze(m) is open."""
    day = int(calendar.stichtag[position])
    rows = population.measures
    rows = rows.take(own & (rows.von <= day) & (rows.bis >= day))
    assert NO_SUPPORT not in rows.art
    return table(
        {
            "person_id": persons(population.people.number[rows.person]),
            "massnahme_art": SUPPORT_WORDS.take(rows.art.astype(np.int32)),
            "von": dates(rows.von),
            "bis": dates(rows.bis, rows.bis > calendar.freeze(position)),
        }
    )


def leistung(population: Population, rows: Payments) -> pa.Table:
    """Return the entitlements."""
    nobody = rows.person < 0
    number = population.people.number[np.where(nobody, 0, rows.person)]
    return table(
        {
            "bg_id": units_of_need(rows.bg),
            "person_id": persons(number, nobody),
            "rechtsgrundlage": BASIS_WORDS.take(rows.basis),
            "anspruch_eur": euros(rows.cents, 12),
        }
    )


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
