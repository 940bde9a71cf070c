"""Arrow schemas from the catalog's declarations: types, labels, units and descriptions travel inside the Parquet file."""

from __future__ import annotations

import pyarrow as pa

from pipeline.catalog import Table

ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "jobcenter": pa.string(),
    "code3": pa.string(),
    "month": pa.string(),
    "date": pa.date32(),
    "bool": pa.bool_(),
    "euro": pa.decimal128(12, 2),
    "number": pa.decimal128(18, 2),
    "percent1": pa.decimal128(18, 1),
    "integer": pa.int64(),
    "float": pa.float64(),
    "person": pa.int64(),
    "household": pa.int64(),
}


def arrow_schema(table: Table) -> pa.Schema:
    """Return the schema of a result table, with label, unit and description of each column as field metadata."""
    return pa.schema(
        [
            pa.field(
                column.name,
                ARROW_TYPES[column.type],
                nullable=not column.required,
                metadata={
                    "label_de": column.label.de,
                    "label_en": column.label.en,
                    "unit": column.unit,
                    "description": column.description,
                },
            )
            for column in table.columns
        ],
        metadata={"table": table.name, "description_de": table.description.de},
    )
