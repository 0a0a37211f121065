"""What the replica should look like: one planned table per table of the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.artifacts import digest
from amodels_assets.schemas.identifiers import target_identifier
from amodels_assets.schemas.types import MAPPING_VERSION, target_type

# The schema, or the prefix, of the replica's own record.
RECORD = "amodels_replica"
RESERVED = frozenset({RECORD, "information_schema", "pg_catalog"})
WIDEST = {"postgresql": 1600, "sqlite": 2000}


@dataclass(frozen=True)
class PlannedColumn:
    """A column: its name in the source and in the target, its Hive type and its comment."""

    name: str
    target_name: str
    hive_type: str
    comment: str = ""


@dataclass(frozen=True)
class PlannedTable:
    """A table as it should be.

    Attributes:
        database: In the source.
        table: In the source.
        schema: In the target; None where the target has no schemas.
        target_name: In the target.
        columns: In order, partition columns last.
        comment: The table's own.
        rows_version: Content hash of its rows, empty when it has none.
        obstacle: Why it cannot be replicated; empty when it can.
    """

    database: str
    table: str
    schema: str | None
    target_name: str
    columns: tuple[PlannedColumn, ...]
    comment: str
    rows_version: str
    obstacle: str

    @property
    def definition(self) -> str:
        """Hash of all that decides how the table is created."""
        columns = [[c.target_name, c.hive_type, c.comment] for c in self.columns]
        return digest([MAPPING_VERSION, self.schema, self.target_name, columns, self.comment])

    def to_sqlalchemy(self, dialect: str) -> sa.Table:
        """The table for SQLAlchemy, which quotes every identifier where it has to."""
        columns = [
            sa.Column(
                sa.sql.quoted_name(column.target_name, quote=True),
                target_type(column.hive_type, dialect),
                comment=column.comment or None,
            )
            for column in self.columns
        ]
        return sa.Table(
            sa.sql.quoted_name(self.target_name, quote=True),
            sa.MetaData(),
            *columns,
            schema=sa.sql.quoted_name(self.schema, quote=True) if self.schema else None,
            comment=self.comment or None,
        )


def plan_tables(
    tables: pa.Table, columns: pa.Table, row_versions: Mapping[str, str], dialect: str
) -> list[PlannedTable]:
    """Plan every table of the catalog; views are not replicated.

    Where the target has schemas a source database becomes a schema; elsewhere its name stands
    before the table's: ``"sgmisit.facility"``.

    Args:
        tables: The catalog's ``tables``.
        columns: The catalog's ``columns``.
        row_versions: Content hash of the rows, by ``database.table``.
        dialect: ``postgresql`` or ``sqlite``.
    """
    by_table: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in columns.sort_by([("position", "ascending")]).to_pylist():
        by_table[(row["database"], row["table"])].append(row)
    planned = []
    for row in tables.sort_by([("database", "ascending"), ("table", "ascending")]).to_pylist():
        if row["kind"] != "table":
            continue
        key = f"{row['database']}.{row['table']}"
        found = _columns(by_table[(row["database"], row["table"])], dialect)
        schemas = dialect == "postgresql"
        planned.append(
            PlannedTable(
                database=row["database"],
                table=row["table"],
                schema=target_identifier(row["database"], dialect) if schemas else None,
                target_name=target_identifier(row["table"] if schemas else key, dialect),
                columns=found,
                comment=(row["comment"] or "").replace("\x00", ""),
                rows_version=row_versions.get(key, ""),
                obstacle=_reserved(row["database"]) or _obstacle(found, dialect),
            )
        )
    return _without_collisions(planned, dialect)


def _reserved(database: str) -> str:
    if database in RESERVED:
        return f"{database} is a name that the target or the replica keeps for itself"
    return ""


def _without_collisions(planned: list[PlannedTable], dialect: str) -> list[PlannedTable]:
    """The first table of a target name has it; the others say which one that is.

    ``a.b`` with ``c`` and ``a`` with ``b.c`` are one name where the target has no schemas.
    """
    owners: dict[tuple[str | None, str], PlannedTable] = {}
    result = []
    for table in planned:
        name = table.target_name.lower() if dialect == "sqlite" else table.target_name
        owner = owners.setdefault((table.schema, name), table)
        if owner is not table and not table.obstacle:
            reason = f"its name in the target is that of {owner.table} in {owner.database}"
            result.append(replace(table, obstacle=reason))
        else:
            result.append(table)
    return result


def _columns(rows: list[dict[str, Any]], dialect: str) -> tuple[PlannedColumn, ...]:
    return tuple(
        PlannedColumn(
            name=row["column"],
            target_name=target_identifier(row["column"], dialect),
            hive_type=row["type"],
            comment=(row["comment"] or "").replace("\x00", ""),
        )
        for row in rows
    )


def _obstacle(columns: tuple[PlannedColumn, ...], dialect: str) -> str:
    if not columns:
        return "it has no columns"
    if len(columns) > WIDEST[dialect]:
        return f"it has {len(columns)} columns, {dialect} allows {WIDEST[dialect]}"
    names = [c.target_name.lower() if dialect == "sqlite" else c.target_name for c in columns]
    if len(set(names)) < len(names):
        return "two of its columns have the same name in the target"
    return ""
