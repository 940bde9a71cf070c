"""Counts again only those persons whose rows a revised delivery changes.

A person's rows of a state follow from the person's own rows of the inputs, and counts are sums over persons. So a state that is
there for other deliveries of the same month becomes the wanted one by exchanging the rows of the persons between whose deliveries
there is a difference, and a count by taking off what these persons counted and adding what they count. What is the same expression
stays the same expression; it is given fewer rows. `Count.splits` says which expressions may be taken apart in this way.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis import _

from pipeline.count.arrays import OutOfOrderError, abreast, places, row_groups, whole
from pipeline.count.engine import Engine, File, Input, write_state
from pipeline.count.engine.executing import FORM
from pipeline.count.inputs import INPUTS, ROWS, WHOLE, Count, tables
from pipeline.store import Store, read_json, write_json
from pipeline.store.writing import replacing

MOST = 20
"""Everything is counted again where there is more than one person with a difference to so many rows of the largest input."""

Keyed = Mapping[str, tuple[str, Input]]


def differing(kind: str) -> Count:
    """Persons whose rows are not the same in two files of a kind; a row that stands more often in one is a difference, too."""
    reads = {"alt": kind, "neu": kind}
    t = tables(**reads)
    columns = list(INPUTS[kind])
    both = (
        t["alt"]
        .mutate(unterschied=ibis.literal(1, "int64"))
        .union(t["neu"].mutate(unterschied=ibis.literal(-1, "int64")))
    )
    unlike = both.group_by(columns).agg(unterschied=_.unterschied.sum()).filter(_.unterschied != 0)
    return Count(f"differing_{kind}", reads, unlike.select("person").distinct())


def of_persons(kind: str) -> Count:
    """The rows of a kind that belong to given persons."""
    reads = {"zeilen": kind, "personen": "lzb"}
    t = tables(**reads)
    return Count(f"of_persons_{kind}", reads, t["zeilen"].semi_join(t["personen"], "person"))


def _unlike_row_for_row(kind: str, a: File, b: File) -> pa.Array | None:
    """Return the persons who do not have the same rows in the same order in two files; None where these have another order."""
    names = [name for name in INPUTS[kind] if name not in a.constants]
    words = [name for name in names if INPUTS[kind][name] == "string"]
    try:
        found = [_persons_unlike_in_place(*rows) for rows in abreast([a, b], names, words)]
    except OutOfOrderError:
        return None
    return pa.array(np.concatenate(found))


def _persons_unlike_in_place(there: pa.Table, here: pa.Table) -> Any:
    """Return the persons who do not have the same rows, one for one, in two tables in the order of persons."""
    persons, others = (rows["person"].to_numpy() for rows in (there, here))
    odd = np.empty(0, np.int64)
    if not np.array_equal(persons, others):
        (known, number), (asked, wanted) = (np.unique(p, return_counts=True) for p in (persons, others))
        place, found = places(known, asked)
        as_many = asked[found][number[place[found]] == wanted[found]]
        odd = np.setdiff1d(np.union1d(known, asked), as_many)
        there, here = (t.filter(pa.array(places(as_many, p)[1])) for t, p in ((there, persons), (here, others)))
        persons = there["person"].to_numpy()
    unlike = np.zeros(len(there), bool)
    for name in there.column_names:
        if name != "person":
            unlike |= _unlike_values(there[name], here[name])
    return np.union1d(odd, persons[unlike])


def _unlike_values(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Any:
    """Tell of two columns of a length where they are not the same; nothing is like nothing."""
    if pa.types.is_dictionary(one.type):
        both = whole(pa.chunked_array([*one.chunks, *other.chunks], one.type)).indices
        one, other = both.slice(0, len(one)), both.slice(len(one))
    alike = pc.or_(pc.fill_null(pc.equal(one, other), False), pc.and_(pc.is_null(one), pc.is_null(other)))
    return ~alike.to_numpy(zero_copy_only=False)


@dataclass(frozen=True)
class _Base:
    """A state of the same expression and month, and the pairs of files (kind, there, here) in which its inputs differ."""

    path: Path
    inputs: Mapping[str, Input]
    unlike: tuple[tuple[str, File, File], ...]


@dataclass
class Recounting:
    """Makes states from states that are there. Beside each lies a note of what it was made from (`note`)."""

    store: Store
    engine: Engine
    _unlike: dict[tuple[str, Path, Path], pa.Array] = field(default_factory=dict)
    _exchanged: dict[tuple[Path, Path], pa.Array] = field(default_factory=dict)
    _few: dict[tuple[str, Path, str], pa.Table] = field(default_factory=dict)

    def note(self, count: Count, inputs: Keyed, path: Path) -> None:
        """Write beside a state what it was made from: the expression's digest and, by alias, keys and files."""
        write_json(path.with_suffix(".json"), {"sql": self._sql(count), "inputs": self._written(inputs)})

    def make(self, count: Count, inputs: Keyed, path: Path, sort: Sequence[str]) -> bool:
        """Make a state from one that is there; returns False, with nothing done, where it has to be counted whole."""
        base = None if count.splits == WHOLE else self._nearest(count, inputs, path)
        if base is None:
            return False
        persons = self._persons(base)
        if persons is None:
            return False
        if not len(persons):
            self._exchanged[base.path, path] = persons
            _copy(base.path, path)
            return True
        digest = hashlib.sha256(persons.to_numpy()).hexdigest()
        now = self._evaluated(count, {alias: value for alias, (_, value) in inputs.items()}, persons, digest)
        if count.splits == ROWS:
            self._exchange(base.path, path, persons, now, sort)
        else:
            then = self._evaluated(count, base.inputs, persons, digest)
            self._add(base.path, path, then, now, sort)
        return True

    # -- which state, which persons -------------------------------------------------------------------------------

    def _sql(self, count: Count) -> str:
        return hashlib.sha256(f"{FORM} {self.engine.sql(count)}".encode()).hexdigest()

    def _written(self, inputs: Keyed) -> dict[str, Any]:
        def files(value: Input) -> list[Any] | None:
            if isinstance(value, pa.Table):
                return None
            return [[str(f.path.relative_to(self.store.root)), dict(f.constants)] for f in value]

        return {alias: {"key": key, "files": files(value)} for alias, (key, value) in inputs.items()}

    def _nearest(self, count: Count, inputs: Keyed, path: Path) -> _Base | None:
        month, _ = path.stem.rsplit("-", 1)
        found = [
            base
            for note in sorted(path.parent.glob(f"{month}-*.json"))
            if note.stem != path.stem and (base := self._base(count, inputs, note)) is not None
        ]
        return min(found, key=lambda base: len(base.unlike), default=None)

    def _base(self, count: Count, inputs: Keyed, note: Path) -> _Base | None:
        """Return the state beside a note, if it differs from the wanted one in the content of files only."""
        content, path = read_json(note), note.with_suffix(".parquet")
        if content["sql"] != self._sql(count) or not path.exists():
            return None
        there: dict[str, Input] = {}
        unlike: list[tuple[str, File, File]] = []
        for alias, (key, value) in inputs.items():
            written = content["inputs"].get(alias)
            if written is None or (written["files"] is None) != isinstance(value, pa.Table):
                return None
            if isinstance(value, pa.Table):
                if written["key"] != key:
                    return None
                there[alias] = value
                continue
            files = [File(self.store.root / relative, constants) for relative, constants in written["files"]]
            if [f.constants for f in files] != [dict(f.constants) for f in value]:
                return None
            there[alias] = files
            unlike += [(count.reads[alias], a, b) for a, b in zip(files, value, strict=True) if a.path != b.path]
        if not all(a.path.exists() for _, a, _ in unlike):
            return None
        return _Base(path, there, tuple(unlike))

    def _persons(self, base: _Base) -> pa.Array | None:
        """Return the persons with a difference, ordered; None if they are many, or if rows without a person differ."""
        found = [self._differing(kind, a, b) for kind, a, b in base.unlike]
        persons = pa.chunked_array(found, pa.int64()).unique()
        largest = [value[-1] for value in base.inputs.values() if not isinstance(value, pa.Table) and value]
        rows = max((pq.read_metadata(file.path).num_rows for file in largest), default=0)
        if persons.null_count or len(persons) * MOST > rows:
            return None
        return persons.sort()

    def _differing(self, kind: str, a: File, b: File) -> pa.Array:
        exchanged = self._exchanged.get((a.path, b.path))
        if exchanged is not None:
            return exchanged
        key = (kind, a.path, b.path)
        if key not in self._unlike:
            self._unlike[key] = self._compared(kind, [a], [b])
        return self._unlike[key]

    def _compared(self, kind: str, alt: Sequence[File], neu: Sequence[File]) -> pa.Array:
        """Return the persons with a difference between two deliveries; few who are not the same row for row are looked at alone."""
        inputs: dict[str, Input] = {"alt": alt, "neu": neu}
        persons = _unlike_row_for_row(kind, *alt, *neu)
        if persons is not None and not len(persons):
            return persons
        if persons is not None and len(persons) * MOST <= max(pq.read_metadata(f.path).num_rows for f in (*alt, *neu)):
            digest = hashlib.sha256(persons.to_numpy()).hexdigest()
            inputs = {
                name: self._restricted(kind, files, persons, digest) for name, files in (("alt", alt), ("neu", neu))
            }
        return self.engine.run(differing(kind), inputs)["person"].combine_chunks()

    # -- making ---------------------------------------------------------------------------------------------------

    def _evaluated(self, count: Count, inputs: Mapping[str, Input], persons: pa.Array, digest: str) -> pa.Table:
        few = {
            alias: value
            if isinstance(value, pa.Table)
            else self._restricted(count.reads[alias], value, persons, digest)
            for alias, value in inputs.items()
        }
        return self.engine.run(count, few)

    def _restricted(self, kind: str, files: Sequence[File], persons: pa.Array, digest: str) -> Input:
        parts = []
        for file in files:
            key = (kind, file.path, f"{digest} {sorted(file.constants.items())}")
            if key not in self._few:
                wanted = pa.table({"person": persons})
                self._few[key] = self.engine.run(of_persons(kind), {"zeilen": [file], "personen": wanted})
            parts.append(self._few[key])
        return pa.concat_tables(parts) if parts else []

    def _exchange(self, base: Path, path: Path, persons: pa.Array, now: pa.Table, sort: Sequence[str]) -> None:
        """Write the rows of a state with those of `persons` exchanged for `now`."""
        then = _rows_of(base, persons)
        now = now.select(then.column_names).cast(then.schema).sort_by([(name, "ascending") for name in sort])
        changed = self._exchanged[base, path] = _persons_unlike(then, now)
        if not len(changed):
            _copy(base, path)
            return
        write_state(path, _spliced(row_groups(base, then.column_names), persons, now), sort)

    def _add(self, base: Path, path: Path, then: pa.Table, now: pa.Table, sort: Sequence[str]) -> None:
        """Write the counts of a state without those of `then` and with those of `now`; what is zero throughout is left out."""
        state = pq.read_table(base)
        metrics = [name for name in state.column_names if name not in sort]
        parts = [part.select(state.column_names).cast(state.schema) for part in (state, then, now)]
        for name in metrics:
            column = parts[1].column_names.index(name)
            parts[1] = parts[1].set_column(column, state.schema.field(name), pc.negate(parts[1][name]))
        summed = pa.concat_tables(parts).group_by(list(sort)).aggregate([(name, "sum") for name in metrics])
        summed = summed.select([*sort, *(f"{name}_sum" for name in metrics)]).rename_columns([*sort, *metrics])
        there = pc.not_equal(summed[metrics[0]], 0)
        for name in metrics[1:]:
            there = pc.or_(there, pc.not_equal(summed[name], 0))
        counts = summed.filter(there).select(state.column_names).cast(state.schema)
        write_state(path, [counts.sort_by([(name, "ascending") for name in sort])], sort)


def _rows_of(path: Path, persons: pa.Array) -> pa.Table:
    """Read the rows of persons, ascending, from a state; row groups that can have none of them are not read."""
    wanted = persons.to_numpy()
    with pq.ParquetFile(path) as opened:
        groups = [opened.metadata.row_group(number) for number in range(opened.num_row_groups)]
        place = opened.metadata.schema.names.index("person")
        reach = [group.column(place).statistics for group in groups]
        some = [
            found is None or not found.has_min_max or bool(((wanted >= found.min) & (wanted <= found.max)).any())
            for found in reach
        ]
        table = opened.read_row_groups([number for number, there in enumerate(some) if there])
    return table.filter(pc.is_in(table["person"], value_set=persons))


def _spliced(pieces: Iterable[pa.Table], persons: pa.Array, now: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows of a state but those of `persons`, and `now` among them; all are in the order of persons.

    A piece without any of the persons is handed on as it is.
    """
    new, begin = now["person"].to_numpy(), 0
    for piece in pieces:
        gone = pc.is_in(piece["person"], value_set=persons)
        end = int(np.searchsorted(new, piece["person"][-1].as_py(), side="right"))
        if end == begin and not pc.any(gone).as_py():
            yield piece
            continue
        both = pa.concat_tables([piece.filter(pc.invert(gone)), now.slice(begin, end - begin)])
        # The order is that of two runs without a common person: a stable sort of nearly sorted numbers.
        yield both.take(pa.array(np.argsort(both["person"].to_numpy(), kind="stable")))
        begin = end
    yield now.slice(begin)


def _copy(base: Path, path: Path) -> None:
    with replacing(path) as aside:
        shutil.copyfile(base, aside)


def _persons_unlike(then: pa.Table, now: pa.Table) -> pa.Array:
    """Return the persons whose rows are not the same in two tables."""
    signed = [
        t.append_column("unterschied", pa.repeat(pa.scalar(sign, pa.int64()), len(t)))
        for t, sign in ((then, 1), (now, -1))
    ]
    summed = pa.concat_tables(signed).group_by(then.column_names).aggregate([("unterschied", "sum")])
    return summed.filter(pc.not_equal(summed["unterschied_sum"], 0))["person"].combine_chunks().unique()
