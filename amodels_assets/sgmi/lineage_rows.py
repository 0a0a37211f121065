"""Rows of the catalog's lineage tables, and diagnostics on what could not be resolved."""

from __future__ import annotations

from collections.abc import Mapping

from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.hive import Warehouse
from amodels_assets.sgmi.influence import DIRECT, SUBTYPES, Influences
from amodels_assets.sgmi.lineage import QueryLineage
from amodels_assets.sgmi.lineage_graph import ViewLineage

ObjectName = tuple[str, str]
Row = tuple[object, ...]
WHOLE_VIEW = "*"


def lineage_rows(
    lineage: Mapping[ObjectName, QueryLineage], known: Mapping[ObjectName, set[str]]
) -> list[Row]:
    """Rows of ``column_lineage`` or ``column_lineage_base``.

    What chooses, groups or sorts the rows of a view matters to all its columns alike and stands
    there once, with the target column ``*`` and the position -1.

    Args:
        lineage: By view.
        known: Column names of every table and view.
    """
    rows: list[Row] = []
    for key, query in sorted(lineage.items()):
        for position, (name, column) in enumerate(query.columns.items()):
            rows += _edges((*key, name, position), column.sources, known)
        rows += _edges((*key, WHOLE_VIEW, -1), query.rows, known)
    return rows


def table_lineage_rows(lineage: ViewLineage) -> list[Row]:
    """Rows of ``table_lineage``: every table or view that a view names."""
    return [
        (*target, *source)
        for target, query in sorted(lineage.direct.items())
        for source in sorted(query.tables)
    ]


def report_lineage(
    warehouse: Warehouse,
    lineage: ViewLineage,
    known: Mapping[ObjectName, set[str]],
    diagnostics: Diagnostics,
) -> None:
    """Say what of the views could not be read or resolved."""
    for key, found in warehouse.objects.items():
        name = f"{key[0]}.{key[1]}"
        if key in lineage.failures:
            error = lineage.failures[key]
            text = f"the view's query cannot be read: {error}; its lineage is missing"
            line = found.body_line + error.line - 1
            found.defects.add("unreadable_query")
            diagnostics.error("unreadable_query", text, found.file, line, name)
        if key in lineage.cycles:
            found.defects.add("view_cycle")
            text = "the view reads itself by way of others"
            diagnostics.error("view_cycle", text, found.file, found.line, name)
        query = lineage.direct.get(key)
        if query is None:
            continue
        for database, table in sorted(query.tables - set(known)):
            found.defects.add("unknown_table")
            text = f"reads {database}.{table}, which is not in the dumps"
            diagnostics.warning("unknown_table", text, found.file, found.line, name)
        for code, text in sorted(set(query.problems)):
            found.defects.add(code)
            diagnostics.warning(code, text, found.file, found.line, name)


def _edges(target: Row, sources: Influences, known: Mapping[ObjectName, set[str]]) -> list[Row]:
    rows: list[Row] = []
    for (database, table, column), bits in sorted(sources.items()):
        resolved = column in known.get((database, table), ())
        for i, subtype in enumerate(SUBTYPES):
            if bits >> i & 1:
                kind = "DIRECT" if DIRECT >> i & 1 else "INDIRECT"
                rows.append((*target, database, table, column, kind, subtype, resolved))
    return rows
