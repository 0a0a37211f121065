"""The replica's own record of what it made: one row per table, written in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from amodels_assets.schemas.plan import RECORD, PlannedTable


@dataclass(frozen=True)
class Applied:
    """What stands in the target for one source table, as far as the record says."""

    schema: str | None
    target_name: str
    definition: str
    rows_version: str


class Bookkeeping:
    """The record, in a schema of its own where the target has schemas."""

    def __init__(self, connection: sa.Connection) -> None:
        """Use the record in a database, creating it there if need be; commits."""
        self._connection = connection
        schemas = connection.dialect.name == "postgresql"
        self._table = sa.Table(
            "applied_tables" if schemas else f"{RECORD}.applied_tables",
            sa.MetaData(),
            sa.Column("source_database", sa.Text, primary_key=True),
            sa.Column("source_table", sa.Text, primary_key=True),
            sa.Column("target_schema", sa.Text),
            sa.Column("target_name", sa.Text, nullable=False),
            sa.Column("definition", sa.Text, nullable=False),
            sa.Column("rows_version", sa.Text, nullable=False),
            schema=RECORD if schemas else None,
        )
        if schemas:
            connection.execute(sa.schema.CreateSchema(RECORD, if_not_exists=True))
        connection.execute(sa.schema.CreateTable(self._table, if_not_exists=True))
        connection.commit()

    def read(self) -> dict[tuple[str, str], Applied]:
        """Everything on record, by source database and table."""
        rows = self._connection.execute(sa.select(self._table)).mappings()
        return {
            (row["source_database"], row["source_table"]): Applied(
                row["target_schema"], row["target_name"], row["definition"], row["rows_version"]
            )
            for row in rows
        }

    def write(self, planned: PlannedTable) -> None:
        """Record a table as applied; part of the caller's transaction."""
        self.forget((planned.database, planned.table))
        values = {
            "source_database": planned.database,
            "source_table": planned.table,
            "target_schema": planned.schema,
            "target_name": planned.target_name,
            "definition": planned.definition,
            "rows_version": planned.rows_version,
        }
        self._connection.execute(sa.insert(self._table), values)

    def forget(self, key: tuple[str, str]) -> None:
        """Remove a table from the record; part of the caller's transaction."""
        table = self._table
        self._connection.execute(
            sa.delete(table).where(
                table.c.source_database == key[0], table.c.source_table == key[1]
            )
        )
