"""The replica as a whole: bring it to the catalog, compare it, and tell about it in one table."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from amodels_assets.artifacts import Artifact
from amodels_assets.schemas.connect import connected
from amodels_assets.schemas.plan import PlannedTable, plan_tables
from amodels_assets.schemas.replicate import Outcome, replicate
from amodels_assets.schemas.verify import Comparison, verify

REPORT_SCHEMA = pa.schema(
    [
        ("database", pa.string()),
        ("table", pa.string()),
        ("target_schema", pa.string()),
        ("target_name", pa.string()),
        ("columns", pa.int32()),
        ("rows_version", pa.string()),
        ("reason", pa.string()),
    ]
)


def plan(catalog: Artifact, rows: Artifact, dialect: str) -> list[PlannedTable]:
    """The plan for the current catalog and rows."""
    versions = {
        name.removesuffix(".parquet"): record.sha256
        for name, record in rows.manifest.files.items()
        if name.endswith(".parquet")
    }
    return plan_tables(catalog.table("tables"), catalog.table("columns"), versions, dialect)


def bring_up_to_date(url: str, catalog: Artifact, rows: Artifact) -> list[Outcome]:
    """Create, replace and drop what the catalog asks for.

    Raises:
        ReplicaError: The database cannot be used.
    """
    with connected(url) as connection:
        planned = plan(catalog, rows, connection.dialect.name)
        return replicate(connection, planned, _reader(rows))


def compare(url: str, catalog: Artifact, rows: Artifact) -> list[Comparison]:
    """Read the replica back and compare it with catalog and rows.

    Raises:
        ReplicaError: The database cannot be used.
    """
    with connected(url) as connection:
        planned = plan(catalog, rows, connection.dialect.name)
        return verify(connection, planned, _reader(rows))


def report_table(outcomes: list[Outcome]) -> pa.Table:
    """The replica's tables, without what was done this time: equal replicas, equal reports."""
    return pa.Table.from_pylist(
        [
            {
                "database": o.planned.database,
                "table": o.planned.table,
                "target_schema": o.planned.schema,
                "target_name": o.planned.target_name,
                "columns": len(o.planned.columns),
                "rows_version": o.planned.rows_version,
                "reason": o.reason,
            }
            for o in outcomes
        ],
        schema=REPORT_SCHEMA,
    )


def _reader(rows: Artifact) -> Callable[[PlannedTable], pa.Table | None]:
    def read(planned: PlannedTable) -> pa.Table | None:
        return rows.table(f"{planned.database}.{planned.table}")

    return read
