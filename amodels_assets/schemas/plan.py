"""What the replica should look like: one planned table per table of the catalog.

Belongs here: names, columns and obstacles of tables. Does not belong here: views (``views.py``) and
how the target gets there (``migration.py``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from amodels_assets.schemas.identifiers import target_identifier
from amodels_assets.schemas.types import target_type

# The schema, or the prefix, of the replica's own record.
RECORD = "amodels_replica"
RESERVED = frozenset({RECORD, "information_schema", "pg_catalog"})
WIDEST = {"postgresql": 1600, "sqlite": 2000, "hana": 64_000}


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
        key: Columns of the declared primary key, as named in the source.
    """

    database: str
    table: str
    schema: str | None
    target_name: str
    columns: tuple[PlannedColumn, ...]
    comment: str
    rows_version: str
    obstacle: str
    key: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str | None, str]:
        """Schema and name in the target."""
        return self.schema, self.target_name

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
        table = sa_table(self.schema, self.target_name, *columns)
        table.comment = self.comment or None
        return table


def sa_table(schema: str | None, name: str, *columns: sa.Column) -> sa.Table:
    """A table or view of the target for SQLAlchemy, its name quoted whatever it is."""
    return sa.Table(
        sa.sql.quoted_name(name, quote=True),
        sa.MetaData(),
        *columns,
        schema=sa.sql.quoted_name(schema, quote=True) if schema else None,
    )


def target_place(database: str, name: str, dialect: str) -> tuple[str | None, str]:
    """Schema and name in the target of a table or view of the source."""
    if dialect == "sqlite":
        return None, target_identifier(f"{database}.{name}", dialect)
    return target_identifier(database, dialect), target_identifier(name, dialect)


def plan_tables(
    tables: pa.Table, columns: pa.Table, row_versions: Mapping[str, str], dialect: str
) -> list[PlannedTable]:
    """Plan every table of the catalog.

    Where the target has schemas a source database becomes a schema; elsewhere its name stands
    before the table's: ``"sgmisit.facility"``.

    Args:
        tables: The catalog's ``tables``.
        columns: The catalog's ``columns``.
        row_versions: Content hash of the rows, by ``database.table``.
        dialect: ``postgresql``, ``hana`` or ``sqlite``.
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
        schema, target_name = target_place(row["database"], row["table"], dialect)
        planned.append(
            PlannedTable(
                database=row["database"],
                table=row["table"],
                schema=schema,
                target_name=target_name,
                columns=found,
                comment=(row["comment"] or "").replace("\x00", ""),
                rows_version=row_versions.get(key, ""),
                obstacle=reserved(row["database"], row["table"]) or _obstacle(found, dialect),
                key=tuple(row.get("primary_key") or ()),
            )
        )
    return _without_collisions(planned, dialect)


def reserved(database: str, name: str) -> str:
    """Why a table or view of that name cannot be replicated; empty when it can."""
    if database in RESERVED:
        return f"{database} is a name that the target or the replica keeps for itself"
    # The record could not name it either.
    return "its name has a zero byte" if "\x00" in f"{database}{name}" else ""


def _without_collisions(planned: list[PlannedTable], dialect: str) -> list[PlannedTable]:
    """The first table of a target name has it; the others say which one that is.

    ``a.b`` with ``c`` and ``a`` with ``b.c`` are one name where the target has no schemas.
    """
    owners: dict[tuple[str | None, str], PlannedTable] = {}
    result = []
    for table in planned:
        owner = owners.setdefault((table.schema, _compared(table.target_name, dialect)), table)
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
    names = [_compared(column.target_name, dialect) for column in columns]
    if len(set(names)) < len(names):
        return "two of its columns have the same name in the target"
    return ""


def _compared(name: str, dialect: str) -> str:
    # SQLite takes names that differ in case only as the same.
    return name.lower() if dialect == "sqlite" else name
