"""Diagnostics on what of the views could not be read or resolved."""

from __future__ import annotations

from collections.abc import Mapping

from amodels_assets.sgmi.diagnostics import Diagnostics
from amodels_assets.sgmi.lineage_graph import ViewLineage
from amodels_assets.sgmi.warehouse import Warehouse

ObjectName = tuple[str, str]


def report_lineage(
    warehouse: Warehouse,
    lineage: ViewLineage,
    known: Mapping[ObjectName, object],
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
        for database, table in sorted(lineage.reads.get(key, set()) - known.keys()):
            found.defects.add("unknown_table")
            text = f"reads {database}.{table}, which is not in the dumps"
            diagnostics.warning("unknown_table", text, found.file, found.line, name)
        for code, text in sorted(set(lineage.problems.get(key, ()))):
            found.defects.add(code)
            diagnostics.warning(code, text, found.file, found.line, name)
