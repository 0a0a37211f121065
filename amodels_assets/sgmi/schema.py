"""Columns and Arrow types of every table of the catalog."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from amodels_assets.sgmi.arrow_arrays import array

_TEXT = pa.string()
_LINE = pa.int32()
_MAP = pa.map_(pa.string(), pa.string())
_LIST = pa.list_(pa.string())
_LINEAGE = [
    ("target_database", _TEXT),
    ("target_table", _TEXT),
    ("target_column", _TEXT),
    ("target_position", pa.int32()),
    ("source_database", _TEXT),
    ("source_table", _TEXT),
    ("source_column", _TEXT),
    ("transformation_type", _TEXT),
    ("transformation_subtype", _TEXT),
    ("resolved", pa.bool_()),
]
_DATE_FILTER = pa.struct(
    [
        ("months", pa.list_(pa.int8())),
        ("month_days", _LIST),
        ("week_days", _LIST),
        ("and_or", _TEXT),
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    "databases": pa.schema([("database", _TEXT), ("location", _TEXT)]),
    "tables": pa.schema(
        [
            ("database", _TEXT),
            ("table", _TEXT),
            ("kind", _TEXT),
            ("external", pa.bool_()),
            ("format", _TEXT),
            ("location", _TEXT),
            ("comment", _TEXT),
            ("properties", _MAP),
            ("serde_properties", _MAP),
            ("column_count", pa.int32()),
            ("partition_count", pa.int32()),
            ("source_file", _TEXT),
            ("line", _LINE),
            ("defects", _LIST),
            ("primary_key", _LIST),
        ]
    ),
    "columns": pa.schema(
        [
            ("database", _TEXT),
            ("table", _TEXT),
            ("position", pa.int32()),
            ("column", _TEXT),
            ("type", _TEXT),
            ("is_partition", pa.bool_()),
            ("comment", _TEXT),
        ]
    ),
    "views": pa.schema(
        [
            ("database", _TEXT),
            ("table", _TEXT),
            ("query", _TEXT),
            ("column_count", pa.int32()),
            ("parsed", pa.bool_()),
            ("source_file", _TEXT),
            ("line", _LINE),
        ]
    ),
    "column_lineage": pa.schema(_LINEAGE),
    "column_lineage_base": pa.schema(_LINEAGE),
    "table_lineage": pa.schema(
        [
            ("target_database", _TEXT),
            ("target_table", _TEXT),
            ("source_database", _TEXT),
            ("source_table", _TEXT),
        ]
    ),
    "jobs": pa.schema(
        [
            ("job", _TEXT),
            ("folder", _TEXT),
            ("application", _TEXT),
            ("sub_application", _TEXT),
            ("kind", _TEXT),
            ("command", _TEXT),
            ("raw_command", _TEXT),
            ("script", _TEXT),
            ("host_group", _TEXT),
            ("run_as", _TEXT),
            ("variables", _MAP),
            ("description", _TEXT),
            ("source_file", _TEXT),
            ("line", _LINE),
        ]
    ),
    "job_edges": pa.schema(
        [
            ("from_job", _TEXT),
            ("to_job", _TEXT),
            ("condition", _TEXT),
            ("date_rule", _TEXT),
            ("logic", _TEXT),
        ]
    ),
    "job_conditions": pa.schema(
        [
            ("job", _TEXT),
            ("condition", _TEXT),
            ("role", _TEXT),
            ("date_rule", _TEXT),
            ("external", pa.bool_()),
        ]
    ),
    "job_schedules": pa.schema(
        [
            ("job", _TEXT),
            ("trigger", _TEXT),
            ("cron", _TEXT),
            ("timezone", _TEXT),
            ("date_filter", _DATE_FILTER),
            ("not_expressible", _LIST),
            ("time_from", _TEXT),
            ("waits_for", _TEXT),
        ]
    ),
    "job_tables": pa.schema(
        [
            ("job", _TEXT),
            ("database", _TEXT),
            ("table", _TEXT),
            ("access", _TEXT),
            ("evidence_file", _TEXT),
            ("evidence_line", _LINE),
        ]
    ),
    "diagnostics": pa.schema(
        [
            ("severity", _TEXT),
            ("code", _TEXT),
            ("message", _TEXT),
            ("file", _TEXT),
            ("line", _LINE),
            ("object", _TEXT),
        ]
    ),
}


def arrow_table(name: str, rows: Sequence[tuple[object, ...]]) -> pa.Table:
    """Rows, in the order of the columns of ``SCHEMAS[name]``, as a table."""
    schema = SCHEMAS[name]
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [array(v, field.type) for v, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
