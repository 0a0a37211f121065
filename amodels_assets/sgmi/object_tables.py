"""The catalog's tables of tables, columns and views.

Belongs here: from what was read to Arrow. Does not belong here: lineage (``lineage_tables.py``),
jobs (``job_rows.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import numpy as np
import pyarrow as pa

from amodels_assets.sgmi.arrow_arrays import booleans, numbers, text
from amodels_assets.sgmi.ddl import Columns, Table
from amodels_assets.sgmi.hive import HiveObject
from amodels_assets.sgmi.lineage_graph import ViewLineage
from amodels_assets.sgmi.schema import SCHEMAS, arrow_table
from amodels_assets.sgmi.views import View
from amodels_assets.sgmi.warehouse import Warehouse

ObjectName = tuple[str, str]


def tables_table(warehouse: Warehouse, columns: Mapping[ObjectName, Columns]) -> pa.Table:
    """``tables``: one row a table or view, by name."""
    rows = [_table_row(o, columns[key]) for key, o in sorted(warehouse.objects.items())]
    return arrow_table("tables", rows)


def columns_table(columns: Mapping[ObjectName, Columns]) -> pa.Table:
    """``columns``: one row a column, by table and position."""
    keys = sorted(columns)
    ordered = [columns[key] for key in keys]
    counts = [len(found) for found in ordered]
    owner = numbers(np.repeat(np.arange(len(keys)), counts))
    names, types, comments = (
        list(chain.from_iterable(getattr(found, part) for found in ordered))
        for part in ("names", "types", "comments")
    )
    positions = [np.arange(count, dtype=np.int32) for count in [0, *counts]]
    partitions = [np.arange(len(found)) >= len(found) - found.partitions for found in ordered]
    arrays = [
        text([database for database, _ in keys]).take(owner),
        text([name for _, name in keys]).take(owner),
        numbers(np.concatenate(positions)),
        text(names),
        text([type_ or None for type_ in types]),
        booleans(np.concatenate([np.zeros(0, dtype=bool), *partitions])),
        text([comment or None for comment in comments]),
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMAS["columns"])


def views_table(
    warehouse: Warehouse, columns: Mapping[ObjectName, Columns], lineage: ViewLineage
) -> pa.Table:
    """``views``: one row a view, by name."""
    rows = [
        (
            *key,
            found.definition.body,
            len(columns[key]),
            key in lineage.schemas,
            found.file,
            found.line,
        )
        for key, found in sorted(warehouse.objects.items())
        if isinstance(found.definition, View)
    ]
    return arrow_table("views", rows)


def _table_row(found: HiveObject, columns: Columns) -> tuple[object, ...]:
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
        columns.partitions,
        found.file,
        found.line,
        sorted(found.defects),
        list(table.columns.primary_key) if table else [],
    )
