"""Changes of a table that is there: columns added, given another type, dropped; comments.

SQLite cannot change a column's type: there the table is made again with its rows, in the same
transaction. Belongs here: statements that change one table. Does not belong here: which change is
made (``migration.py``) and SAP HANA's own statements (``hana_definitions.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from amodels_assets.schemas.migration import Migration
from amodels_assets.schemas.plan import PlannedTable, sa_table
from amodels_assets.schemas.step import Step
from amodels_assets.schemas.types import target_type

_ASIDE = "amodels_aside"


def alter_columns(connection: sa.Connection, migration: Migration, steps: Sequence[Step]) -> None:
    """Carry out the steps that change columns and comments.

    Args:
        connection: In a transaction.
        migration: With a plan.
        steps: Those of its steps that are carried out.
    """
    planned = migration.planned
    if planned is None:
        return
    retyped = [step for step in steps if step.kind in ("widen_column", "narrow_column")]
    if connection.dialect.name == "sqlite" and retyped:
        _make_again(connection, planned, steps)
        return
    if connection.dialect.name == "hana":
        from amodels_assets.schemas.hana_definitions import alter_table

        for step in steps:
            alter_table(connection, planned, step)
        return
    operations = Operations(MigrationContext.configure(connection))
    for step in steps:
        _alter(connection, operations, planned, step)


def _alter(
    connection: sa.Connection, operations: Operations, planned: PlannedTable, step: Step
) -> None:
    table, dialect = planned.to_sqlalchemy(connection.dialect.name), connection.dialect
    name, schema = table.name, table.schema
    column_name = sa.sql.quoted_name(step.column, quote=True)
    if step.kind == "drop_column":
        operations.drop_column(name, column_name, schema=schema)
    elif step.kind == "comment" and not step.column:
        operations.create_table_comment(name, table.comment, schema=schema)
    elif step.kind in ("add_column", "widen_column", "narrow_column", "comment"):
        column = table.columns[step.column]
        type_ = column.type
        if step.kind == "add_column":
            added = sa.Column(column_name, type_, comment=column.comment)
            operations.add_column(name, added, schema=schema)
        elif step.kind == "comment":
            operations.alter_column(
                name,
                column_name,
                schema=schema,
                comment=column.comment,
                existing_type=type_,
                existing_nullable=True,
            )
        else:
            quoted = dialect.identifier_preparer.quote(column_name)
            shown = type_.compile(dialect)
            operations.alter_column(
                name,
                column_name,
                schema=schema,
                type_=type_,
                existing_nullable=True,
                postgresql_using=_using(quoted, shown),
            )


def _using(quoted: str, type_: str) -> str:
    if type_ == "JSONB":
        return f"to_jsonb({quoted})"
    return f"{quoted}::{type_}"


def _make_again(connection: sa.Connection, planned: PlannedTable, steps: Sequence[Step]) -> None:
    """The table with its rows and its columns' types as after the steps."""
    changes = {step.column: step.kind for step in steps}
    wanted = {column.target_name: column for column in planned.columns}
    present = sa.inspect(connection).get_columns(planned.target_name)
    columns, values = [], []
    for found in present:
        name = str(found["name"])
        if changes.get(name) == "drop_column":
            continue
        type_ = found["type"]
        value: sa.ColumnElement = sa.column(sa.sql.quoted_name(name, quote=True))
        if changes.get(name) in ("widen_column", "narrow_column"):
            type_ = target_type(wanted[name].hive_type, "sqlite")
            value = sa.cast(value, type_)
        columns.append(sa.Column(sa.sql.quoted_name(name, quote=True), type_))
        values.append(value)
    added = [c for name, c in wanted.items() if changes.get(name) == "add_column"]
    for column in added:
        type_ = target_type(column.hive_type, "sqlite")
        columns.append(sa.Column(sa.sql.quoted_name(column.target_name, quote=True), type_))
        values.append(sa.null())
    table, aside = sa_table(*planned.place), sa_table(None, _ASIDE, *columns)
    aside.create(connection, checkfirst=False)
    names = [column.name for column in columns]
    rows = sa.select(*values).select_from(table)
    connection.execute(sa.insert(aside).from_select(names, rows))
    table.drop(connection, checkfirst=False)
    Operations(MigrationContext.configure(connection)).rename_table(aside.name, table.name)
