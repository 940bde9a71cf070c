"""The sample country, spoilt: one tree in which every spoil lies in another delivery, and what each must lead to.

A spoil knows the delivery it spoils, the finding it must give, and what is left of the delivery once it is treated as the
contract says: nothing (rejected, it counts as missing), all but the bad row (quarantined), or everything (remarkable only).
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

SAMPLE = Path(__file__).parents[1] / "data" / "sample" / "lieferungen.zip"
MONTH = "2018-07"
MAX_UNPACKED_BYTES = 4_000_000
GIVEN_AWAY = "BGMÜLLER"
HTML = b"<!DOCTYPE html>\n<html><head><title>Wartung</title></head><body>Bitte warten</body></html>\n"
EXTRA = {
    f"{month}/eckwerte/statistik.csv": (
        b"jc_id,geschlecht,merkmal,wert,zeichen\n"
        b"t41512,T,elb,61234,\n"
        b"t41512,M,elb,30000,\n"
        b"t41512,F,elb,31234,\n"
        b"t41920,T,elb,,*\n"
        b"t41920,T,lzb,%d,\n" % int(month[5:])  # equal months would be a finding of their own
    )
    for month in ("2018-05", "2018-06", "2018-07")
}

Tree = dict[str, bytes]
Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Spoil:
    """One spoil: `change` makes the bytes delivered as `delivered` (default: `address`), `rest` what is left of them."""

    what: str
    address: str
    rule: str
    words: str
    change: Change
    rest: Change | None = None
    delivered: str = ""
    row: int = 0
    column: str = ""
    value: str = ""
    unit: str = ""
    misplaced: bool = False

    @property
    def file(self) -> str:
        return self.delivered or self.address

    @property
    def place(self) -> tuple[str, str, str]:
        """Return month, table and unit of the spoilt delivery."""
        month, table, name = self.address.split("/")
        return month, table, name.split(".")[0]

    @property
    def delivering(self) -> str:
        """Return the unit that a finding must name."""
        return self.unit or self.place[2]


def sample() -> Tree:
    """Return the good tree: the sample and a few published Eckwerte."""
    with zipfile.ZipFile(SAMPLE) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        return {name: archive.read(name) for name in names} | EXTRA


def spoilt(tree: Mapping[str, bytes]) -> Tree:
    """Return the tree with all spoils in it."""
    result = dict(tree)
    for spoil in SPOILS:
        content = result.pop(spoil.address) if spoil.address in result else b""
        result[spoil.file] = spoil.change(content)
        if spoil.rule == "FETCH-TWO-FILES":
            result[spoil.address] = content
    return result


def cleaned(tree: Mapping[str, bytes]) -> Tree:
    """Return the tree as the contract wants a spoilt one to be counted."""
    result = dict(tree)
    for spoil in SPOILS:
        content = result.pop(spoil.address, b"")
        if spoil.rest is not None:
            result[spoil.address] = spoil.rest(spoil.change(content))
    return result


def write(root: Path, tree: Mapping[str, bytes]) -> Path:
    """Write a tree below a root."""
    for address, content in tree.items():
        path = root / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


# -- ways of spoiling a file -------------------------------------------------------------------------------------------


def instead(content: bytes) -> Change:
    return lambda _: content


def everything(content: bytes) -> bytes:
    return content


def without_column(name: str) -> Change:
    def change(content: bytes) -> bytes:
        rows = [line.split(b",") for line in content.splitlines()]
        index = rows[0].index(name.encode())
        return b"\n".join(b",".join(fields[:index] + fields[index + 1 :]) for fields in rows) + b"\n"

    return change


def with_column(name: str) -> Change:
    def change(content: bytes) -> bytes:
        head, *rows = content.splitlines()
        return b"\n".join([head + b"," + name.encode(), *(row + b",x" for row in rows)]) + b"\n"

    return change


def cell(row: int, column: str, value: str, encoding: str = "utf-8") -> Change:
    """Put a value into a data row (1 is the first)."""

    def change(content: bytes) -> bytes:
        lines = content.splitlines()
        fields = lines[row].split(b",")
        fields[lines[0].split(b",").index(column.encode())] = value.encode(encoding)
        lines[row] = b",".join(fields)
        return b"\n".join(lines) + b"\n"

    return change


def copied_from(row: int, column: str, other: str) -> Change:
    """Put the value of one column into another, as a slipped row has it."""

    def change(content: bytes) -> bytes:
        head, *rows = (line.decode().split(",") for line in content.splitlines())
        return cell(row, column, rows[row - 1][head.index(other)])(content)

    return change


def without_row(row: int) -> Change:
    return lambda content: b"".join(line for i, line in enumerate(content.splitlines(keepends=True)) if i != row)


def repeat(row: int) -> Change:
    return lambda content: content + content.splitlines(keepends=True)[row]


def longer(row: int) -> Change:
    def change(content: bytes) -> bytes:
        lines = content.splitlines()
        lines[row] += b",noch etwas"
        return b"\n".join(lines) + b"\n"

    return change


def parquet(content: bytes) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pacsv.read_csv(io.BytesIO(content)), sink)
    return sink.getvalue()


def parquet_with_numbers_for_days(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(parquet(content)))
    days = pa.array([20180101] * table.num_rows, pa.int64())
    sink = io.BytesIO()
    pq.write_table(table.set_column(table.column_names.index("von"), "von", days), sink)
    return sink.getvalue()


def parquet_in_latin_1(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(parquet(content)))
    texts = pa.array([GIVEN_AWAY.encode("latin-1")] * table.num_rows, pa.binary())
    broken = pa.Array.from_buffers(pa.string(), len(texts), texts.buffers())
    sink = io.BytesIO()
    pq.write_table(table.set_column(0, table.column_names[0], broken), sink)
    return sink.getvalue()


def parquet_bomb(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(parquet(content))).slice(0, 1)
    sink = io.BytesIO()
    pq.write_table(table.take(pa.array([0] * (MAX_UNPACKED_BYTES // 2))), sink, compression="zstd")
    assert len(sink.getvalue()) < MAX_UNPACKED_BYTES // 20
    return sink.getvalue()


def zipped(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("daten.csv", content)
    return sink.getvalue()


def bomb(content: bytes) -> bytes:
    return gzip.compress(content + b"x" * 64 * 1024 * 1024, 9)


# -- all spoils: every one in another delivery -------------------------------------------------------------------------

T1, T2, T3, T4 = "t04412", "t04448", "t04502", "t27708"

REJECTED = (
    Spoil(
        "missing column",
        f"2018-01/bestand/{T2}.csv",
        "STAGE-COLUMNS",
        "missing: ist_elb",
        without_column("ist_elb"),
        column="ist_elb",
    ),
    Spoil(
        "unknown column",
        f"2018-02/leistung/{T2}.csv",
        "STAGE-COLUMNS",
        "unknown: 'bemerkung'",
        with_column("bemerkung"),
    ),
    Spoil(
        "no header row",
        f"2018-03/leistung/{T2}.csv",
        "STAGE-COLUMNS",
        "header row missing",
        without_row(0),
        column="bg_id",
    ),
    Spoil(
        "semicolons",
        f"2018-04/leistung/{T2}.csv",
        "STAGE-COLUMNS",
        "missing: bg_id",
        lambda c: c.replace(b",", b";"),
        column="bg_id",
    ),
    Spoil(
        "Latin-1",
        f"2018-05/leistung/{T2}.csv",
        "STAGE-ENCODING",
        "not UTF-8",
        cell(7, "bg_id", GIVEN_AWAY, "latin-1"),
        row=7,
    ),
    Spoil(
        "destroyed umlaut",
        f"2018-06/leistung/{T2}.csv",
        "STAGE-ENCODING",
        "destroyed",
        cell(5, "bg_id", GIVEN_AWAY.replace("Ü", "\ufffd")),
        row=5,
    ),
    Spoil(
        "umlaut encoded twice",
        f"2018-07/leistung/{T2}.csv",
        "STAGE-ENCODING",
        "encoded twice",
        cell(9, "bg_id", GIVEN_AWAY.encode().decode("cp1252")),
        row=9,
    ),
    Spoil(
        "wrong type in Parquet",
        f"2018-02/massnahme/{T2}.csv",
        "STAGE-TYPE",
        "column von",
        parquet_with_numbers_for_days,
        delivered=f"2018-02/massnahme/{T2}.parquet",
        column="von",
    ),
    Spoil(
        "truncated Parquet",
        f"2018-03/massnahme/{T2}.csv",
        "STAGE-UNREADABLE",
        "Parquet",
        lambda c: parquet(c)[:-40],
        delivered=f"2018-03/massnahme/{T2}.parquet",
    ),
    Spoil("file of 0 bytes", f"2018-04/massnahme/{T2}.csv", "STAGE-UNREADABLE", "0 bytes", instead(b"")),
    Spoil(
        "empty Parquet",
        f"2018-06/massnahme/{T2}.csv",
        "STAGE-UNREADABLE",
        "0 bytes",
        instead(b""),
        delivered=f"2018-06/massnahme/{T2}.parquet",
    ),
    Spoil("blank file", f"2018-05/massnahme/{T2}.csv", "STAGE-UNREADABLE", "no header row", instead(b"\n \n")),
    Spoil("NUL bytes", f"2018-07/massnahme/{T2}.csv", "STAGE-UNREADABLE", "NUL", lambda c: c + b"\0\0\0"),
    Spoil("open quote", f"2017-08/massnahme/{T2}.csv", "STAGE-UNREADABLE", "CSV", lambda c: c + b'"offen,'),
    Spoil(
        "gzip bomb",
        f"2017-11/massnahme/{T2}.csv",
        "STAGE-TOO-LARGE",
        "4,000,000",
        bomb,
        delivered=f"2017-11/massnahme/{T2}.csv.gz",
    ),
    Spoil(
        "zip named gzip",
        f"2017-12/massnahme/{T2}.csv",
        "STAGE-UNREADABLE",
        "gzip",
        zipped,
        delivered=f"2017-12/massnahme/{T2}.csv.gz",
    ),
    Spoil(
        "Parquet in Latin-1",
        f"2017-06/massnahme/{T2}.csv",
        "STAGE-ENCODING",
        "Invalid UTF8",
        parquet_in_latin_1,
        delivered=f"2017-06/massnahme/{T2}.parquet",
    ),
    Spoil(
        "Parquet bomb",
        f"2017-07/massnahme/{T2}.csv",
        "STAGE-TOO-LARGE",
        "4,000,000",
        parquet_bomb,
        delivered=f"2017-07/massnahme/{T2}.parquet",
    ),
    Spoil(
        "truncated gzip",
        f"2018-01/massnahme/{T2}.csv",
        "STAGE-UNREADABLE",
        "truncated",
        lambda c: gzip.compress(c)[:-9],
        delivered=f"2018-01/massnahme/{T2}.csv.gz",
    ),
    Spoil(
        "wrong month inside",
        f"2017-10/aufnahme/{T4}.csv",
        "STAGE-MONTH",
        "2017-10",
        lambda _: sample()[f"2016-04/aufnahme/{T4}.csv"],
    ),
    Spoil(
        "cell without value and sign",
        "2018-05/eckwerte/statistik.csv",
        "STAGE-NO-VALUE",
        "no sign",
        cell(2, "wert", ""),
        row=2,
        column="wert",
    ),
    Spoil("HTML page", f"2017-09/aufnahme/{T2}.csv", "FETCH-HTML", "HTML page", instead(HTML)),
    Spoil(
        "unit without its zero",
        f"2017-07/massnahme/{T1}.csv",
        "FETCH-UNKNOWN-UNIT",
        "did you mean 't04412'",
        everything,
        delivered="2017-07/massnahme/t4412.csv",
        unit="t4412",
        misplaced=True,
    ),
    Spoil(
        "unknown unit",
        f"2017-08/massnahme/{T1}.csv",
        "FETCH-UNKNOWN-UNIT",
        "not in the registry",
        everything,
        delivered="2017-08/massnahme/t99999.csv",
        unit="t99999",
        misplaced=True,
    ),
    Spoil(
        "zip",
        f"2017-09/massnahme/{T1}.csv",
        "FETCH-UNKNOWN-FILE",
        "none of the endings",
        zipped,
        delivered=f"2017-09/massnahme/{T1}.zip",
        unit="-",
        misplaced=True,
    ),
    Spoil(
        "two files",
        f"2017-10/massnahme/{T1}.csv",
        "FETCH-TWO-FILES",
        "remove all but one",
        gzip.compress,
        delivered=f"2017-10/massnahme/{T1}.csv.gz",
    ),
)

QUARANTINED = tuple(
    Spoil(what, address, rule, words, change, without_row(row), row=row, column=column, value=value)
    for what, address, row, column, value, rule, words, change in (
        (
            "German date",
            f"2018-01/leistungsbezug/{T3}.csv",
            3,
            "von",
            "31.12.2017",
            "ROW-TYPE",
            "not a date",
            cell(3, "von", "31.12.2017"),
        ),
        (
            "impossible day",
            f"2018-02/leistungsbezug/{T3}.csv",
            4,
            "von",
            "2018-02-30",
            "ROW-TYPE",
            "not a date",
            cell(4, "von", "2018-02-30"),
        ),
        (
            "ja for true",
            f"2018-03/bestand/{T3}.csv",
            4,
            "ist_elb",
            "ja",
            "ROW-TYPE",
            "not a bool",
            cell(4, "ist_elb", "ja"),
        ),
        (
            "German amount",
            f"2018-03/leistung/{T3}.csv",
            2,
            "anspruch_eur",
            "1.234.56",
            "ROW-TYPE",
            "not a euro",
            cell(2, "anspruch_eur", "1.234.56"),
        ),
        (
            "amount beyond all bounds",
            f"2018-07/leistung/{T3}.csv",
            2,
            "anspruch_eur",
            "(14 characters, withheld)",
            "ROW-TYPE",
            "not a euro",
            cell(2, "anspruch_eur", "99999999999999"),
        ),
        (
            "one field too many",
            f"2018-04/leistung/{T3}.csv",
            6,
            "",
            "",
            "ROW-TYPE",
            "5 fields, the header has 4",
            longer(6),
        ),
        (
            "two digits",
            "2017-02/beschaeftigung/bst.csv",
            5,
            "personengruppe",
            "01",
            "ROW-TYPE",
            "not three digits",
            cell(5, "personengruppe", "01"),
        ),
        ("nobody", f"2018-04/bestand/{T3}.csv", 3, "person_id", "", "ROW-KEY", "missing", cell(3, "person_id", "")),
        (
            "unknown measure",
            f"2018-04/massnahme/{T3}.csv",
            2,
            "massnahme_art",
            "16z",
            "ROW-CODE",
            "on no list",
            cell(2, "massnahme_art", "16z"),
        ),
        (
            "unknown kind of start",
            f"2018-05/aufnahme/{T3}.csv",
            1,
            "art",
            "vollzeit",
            "ROW-CODE",
            "on no list",
            cell(1, "art", "vollzeit"),
        ),
        (
            "unknown legal basis",
            f"2018-05/leistung/{T3}.csv",
            8,
            "rechtsgrundlage",
            "99",
            "ROW-CODE",
            "on no list",
            cell(8, "rechtsgrundlage", "99"),
        ),
        (
            "unknown sex",
            f"2018-05/bestand/{T3}.csv",
            9,
            "geschlecht",
            "W",
            "ROW-CODE",
            "on no list",
            cell(9, "geschlecht", "W"),
        ),
        (
            "identifier in another column",
            f"2018-06/bestand/{T3}.csv",
            2,
            "geschlecht",
            "*withheld*",
            "ROW-CODE",
            "on no list",
            copied_from(2, "geschlecht", "person_id"),
        ),
        (
            "household in another column",
            f"2018-07/bestand/{T3}.csv",
            2,
            "geschlecht",
            "*withheld*",
            "ROW-CODE",
            "on no list",
            copied_from(2, "geschlecht", "bg_id"),
        ),
        (
            "von after bis",
            f"2018-05/leistungsbezug/{T3}.csv",
            1,
            "von",
            "2018-04-22",
            "ROW-PERIOD",
            "after bis",
            cell(1, "von", "2018-04-22"),
        ),
        (
            "unknown jobcenter",
            "2018-06/eckwerte/statistik.csv",
            3,
            "jc_id",
            "t99999",
            "ROW-JOBCENTER",
            "leading zero",
            cell(3, "jc_id", "t99999"),
        ),
        (
            "jobcenter without its zero",
            "2018-07/eckwerte/statistik.csv",
            3,
            "jc_id",
            "t4412",
            "ROW-JOBCENTER",
            "leading zero",
            cell(3, "jc_id", "t4412"),
        ),
    )
)

REMARKABLE = tuple(
    Spoil(what, address, rule, words, change, everything, row=row, column=column, value=value)
    for what, address, row, column, value, rule, words, change in (
        ("duplicate person", f"2017-11/bestand/{T1}.csv", -1, "", "", "COUNT-DUPLICATE", "counts once", repeat(1)),
        (
            "duplicate amount",
            f"2017-04/leistung/{T1}.csv",
            -1,
            "",
            "",
            "COUNT-DUPLICATE",
            "each amount counts",
            repeat(2),
        ),
        (
            "start in 2099",
            f"2017-04/aufnahme/{T1}.csv",
            3,
            "beginn",
            "2099-01-01",
            "COUNT-OUTSIDE",
            "2017-02-16 to 2017-04-15",
            cell(3, "beginn", "2099-01-01"),
        ),
        (
            "start in 1900",
            f"2017-05/aufnahme/{T1}.csv",
            2,
            "beginn",
            "1900-01-01",
            "ROW-UNLIKELY",
            "not between 1950-01-01",
            cell(2, "beginn", "1900-01-01"),
        ),
        (
            "recorded in 2099",
            f"2017-06/aufnahme/{T1}.csv",
            1,
            "recorded_on",
            "2099-01-01",
            "COUNT-LATE-RECORD",
            "freeze",
            cell(1, "recorded_on", "2099-01-01"),
        ),
        (
            "born in 1900",
            f"2017-05/bestand/{T1}.csv",
            2,
            "geburtsdatum",
            "1900-01-01",
            "ROW-UNLIKELY",
            "not between 1920-01-01",
            cell(2, "geburtsdatum", "1900-01-01"),
        ),
        (
            "born in 2099",
            f"2017-06/bestand/{T1}.csv",
            2,
            "geburtsdatum",
            "2099-12-31",
            "ROW-UNLIKELY",
            "2017-06-15",
            cell(2, "geburtsdatum", "2099-12-31"),
        ),
        (
            "period from 1900",
            f"2017-05/leistungsbezug/{T1}.csv",
            2,
            "von",
            "1900-01-01",
            "ROW-UNLIKELY",
            "not between 1950-01-01",
            cell(2, "von", "1900-01-01"),
        ),
        (
            "period until 2099",
            f"2017-06/leistungsbezug/{T1}.csv",
            2,
            "bis",
            "2099-12-31",
            "ROW-UNLIKELY",
            "2027-12-31",
            cell(2, "bis", "2099-12-31"),
        ),
        (
            "negative amount",
            f"2017-05/leistung/{T1}.csv",
            3,
            "anspruch_eur",
            "-5.00",
            "ROW-UNLIKELY",
            "between 0 and 20,000",
            cell(3, "anspruch_eur", "-5.00"),
        ),
        (
            "absurd amount",
            f"2018-07/leistung/{T4}.csv",
            4,
            "anspruch_eur",
            "99999999.99",
            "ROW-UNLIKELY",
            "between 0 and 20,000",
            cell(4, "anspruch_eur", "99999999.99"),
        ),
        (
            "code outside its validity",
            f"2017-06/massnahme/{T4}.csv",
            1,
            "massnahme_art",
            "16i",
            "COUNT-CODE-INVALID",
            "no class",
            cell(1, "massnahme_art", "16i"),
        ),
    )
)

SILENT = (
    Spoil("header only", f"2018-06/leistung/{T4}.csv", "", "", lambda c: c.splitlines(keepends=True)[0], everything),
)

SPOILS = (*REJECTED, *QUARANTINED, *REMARKABLE, *SILENT)
