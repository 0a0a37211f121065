"""All of the catalog's tables from what was found.

Belongs here: which table is made of which findings. Does not belong here:
what their rows say (``object_tables.py``, ``lineage_tables.py``, ``job_rows.py``).

Arrow is loaded inside the functions only: it starts threads, and workers are forked before that.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amodels_assets.sgmi.ddl import Columns
from amodels_assets.sgmi.diagnostics import Diagnostic
from amodels_assets.sgmi.job_model import Edge, Job
from amodels_assets.sgmi.job_rows import condition_rows, job_rows, schedule_rows
from amodels_assets.sgmi.lineage_work import WarehouseLineage
from amodels_assets.sgmi.scripts import TableAccess
from amodels_assets.sgmi.warehouse import Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

ObjectName = tuple[str, str]


@dataclass(frozen=True)
class Findings:
    """Everything that was read.

    Attributes:
        warehouse: Databases, tables and views.
        lineage: Of the views.
        columns: Of every table and view, in order.
        known: Their names.
        jobs: By name.
        edges: Between jobs.
        accesses: Evidence of jobs touching tables.
        diagnostics: In order.
        timezone: That the jobs' times are meant in.
    """

    warehouse: Warehouse
    lineage: WarehouseLineage
    columns: Mapping[ObjectName, Columns]
    known: Mapping[ObjectName, Container[str]]
    jobs: list[Job]
    edges: list[Edge]
    accesses: list[TableAccess]
    diagnostics: list[Diagnostic]
    timezone: str


def catalog_tables(findings: Findings) -> dict[str, pa.Table]:
    """Every table of ``schema.SCHEMAS``, in its order."""
    from amodels_assets.sgmi import object_tables
    from amodels_assets.sgmi.lineage_tables import lineage_table
    from amodels_assets.sgmi.schema import SCHEMAS

    warehouse, columns, lineage = findings.warehouse, findings.columns, findings.lineage
    tables = _small_tables(findings) | {
        "tables": object_tables.tables_table(warehouse, columns),
        "columns": object_tables.columns_table(columns),
        "views": object_tables.views_table(warehouse, columns, lineage.views),
        "column_lineage": lineage_table(lineage.direct, findings.known),
        "column_lineage_base": lineage_table(lineage.base, findings.known),
    }
    return {name: tables[name] for name in SCHEMAS}


def load_arrow() -> None:
    """Import what makes tables; no process may be forked after that."""
    import amodels_assets.sgmi.lineage_tables
    import amodels_assets.sgmi.object_tables  # noqa: F401


def _small_tables(findings: Findings) -> dict[str, pa.Table]:
    from amodels_assets.sgmi.lineage_tables import table_lineage_rows
    from amodels_assets.sgmi.schema import arrow_table

    jobs = findings.jobs
    rows: dict[str, Sequence[tuple[object, ...]]] = {
        "databases": sorted(findings.warehouse.databases.items()),
        "table_lineage": table_lineage_rows(findings.lineage.views),
        "jobs": job_rows(jobs),
        "job_edges": [
            (e.from_job, e.to_job, e.condition, e.date_rule, e.logic) for e in findings.edges
        ],
        "job_conditions": condition_rows(jobs),
        "job_schedules": schedule_rows(jobs, findings.timezone),
        "job_tables": [
            (a.job, a.database, a.table, a.access, a.file, a.line) for a in findings.accesses
        ],
        "diagnostics": [
            (str(d.severity), d.code, d.message, d.file, d.line, d.object)
            for d in findings.diagnostics
        ],
    }
    return {name: arrow_table(name, found) for name, found in rows.items()}
