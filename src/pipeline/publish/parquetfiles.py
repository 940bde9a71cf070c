"""The Parquet files of a release: declared schema, labels and units in the field metadata, provenance in the file's.

Rows come ordered by key, so equal tables give equal bytes.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from pipeline.publish.edition import TITLE, Edition
from pipeline.store import write_table


def write_parquet(path: Path, table: pa.Table, title: str, edition: Edition) -> None:
    """Write one table; the file says what it is, where it comes from and whether its numbers are invented."""
    metadata = {
        **{key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()},
        "title": f"{title} ({TITLE}, {edition.month})",
        "source": edition.source,
        "licence": edition.licence,
        "release": edition.name,
        "datenart": edition.kind,
        "synthetisch": "ja" if edition.synthetic else "nein",
        "hinweis": edition.banner,
    }
    write_table(path, table.replace_schema_metadata(metadata))
