"""The catalog's tables of tables, columns and views.

Belongs here: from what was read to Arrow. Does not belong here: lineage (``lineage_tables.py``),
jobs (``job_rows.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from amodels_assets.sgmi.arrow_arrays import array, numbers, text
from amodels_assets.sgmi.ddl import Column, Table
from amodels_assets.sgmi.hive import HiveObject
from amodels_assets.sgmi.lineage_graph import ViewLineage
from amodels_assets.sgmi.schema import SCHEMAS, arrow_table
from amodels_assets.sgmi.views import View
from amodels_assets.sgmi.warehouse import Warehouse

ObjectName = tuple[str, str]


def tables_table(warehouse: Warehouse, columns: Mapping[ObjectName, list[Column]]) -> pa.Table:
    """``tables``: one row a table or view, by name."""
    rows = [_table_row(o, columns[key]) for key, o in sorted(warehouse.objects.items())]
    return arrow_table("tables", rows)


def columns_table(columns: Mapping[ObjectName, list[Column]]) -> pa.Table:
    """``columns``: one row a column, by table and position."""
    keys = sorted(columns)
    counts = [len(columns[key]) for key in keys]
    owner = numbers(np.repeat(np.arange(len(keys)), counts))
    flat = [column for key in keys for column in columns[key]]
    arrays = [
        text([database for database, _ in keys]).take(owner),
        text([name for _, name in keys]).take(owner),
        numbers(np.concatenate([np.arange(count, dtype=np.int32) for count in [0, *counts]])),
        text([column.name for column in flat]),
        text([column.type or None for column in flat]),
        array([column.is_partition for column in flat], pa.bool_()),
        text([column.comment or None for column in flat]),
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMAS["columns"])


def views_table(
    warehouse: Warehouse, columns: Mapping[ObjectName, list[Column]], lineage: ViewLineage
) -> pa.Table:
    """``views``: one row a view, by name."""
    rows = [
        (
            *key,
            found.definition.body,
            len(columns[key]),
            key in lineage.direct,
            found.file,
            found.line,
        )
        for key, found in sorted(warehouse.objects.items())
        if isinstance(found.definition, View)
    ]
    return arrow_table("views", rows)


def types_by_table(columns: pa.Table) -> dict[ObjectName, dict[str, str]]:
    """Types by column, by table, of the ``columns`` of a catalog."""
    found: dict[ObjectName, dict[str, str]] = {}
    names = ("database", "table", "column", "type")
    for database, table, column, type_ in zip(
        *(columns.column(name).to_pylist() for name in names), strict=True
    ):
        found.setdefault((database, table), {})[column] = type_ or ""
    return found


def _table_row(found: HiveObject, columns: list[Column]) -> tuple[object, ...]:
    definition = found.definition
    table = definition if isinstance(definition, Table) else None
    return (
        found.database,
        found.name,
        "table" if table else "view",
        table.external if table else False,
        (table.format or None) if table else None,
        (table.location or None) if table else None,
        definition.comment or None,
        sorted(definition.properties.items()),
        sorted(table.serde_properties.items()) if table else [],
        len(columns),
        sum(column.is_partition for column in columns),
        found.file,
        found.line,
        sorted(found.defects),
    )
