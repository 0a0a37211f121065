"""Definitions in SAP HANA's own words, and its catalog.

Comments are part of a table's or a column's definition there, so that one statement makes a table
as it should be: each definition commits by itself, and a kill leaves no half of one.
Belongs here: statements that define tables, and reading what stands. Does not belong here: which
are executed (``apply.py``, ``alter.py``).
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from amodels_assets.schemas.connect import execute_as_it_is, quoted_name_of
from amodels_assets.schemas.plan import PlannedTable
from amodels_assets.schemas.step import Step

_WITH_LENGTH = ("NVARCHAR", "VARCHAR", "NCHAR", "CHAR", "ALPHANUM", "VARBINARY", "SHORTTEXT")
Columns = dict[tuple[str, str], dict[str, str]]


def create_table(connection: sa.Connection, table: sa.Table) -> None:
    """Make a column table with its comments; commits."""
    columns = ", ".join(_definition(connection, column) for column in table.columns)
    target = quoted_name_of(connection, table.schema, table.name)
    comment = f" COMMENT {_text(connection, table.comment)}" if table.comment else ""
    execute_as_it_is(connection, f"CREATE COLUMN TABLE {target} ({columns}){comment}")


def alter_table(connection: sa.Connection, planned: PlannedTable, step: Step) -> None:
    """Carry out a step that changes a column or a comment; commits.

    Args:
        connection: To SAP HANA.
        planned: The table as it should be.
        step: One of its steps; others than those are passed over.
    """
    table = planned.to_sqlalchemy("hana")
    target = quoted_name_of(connection, table.schema, table.name)
    if step.kind == "drop_column":
        name = quoted_name_of(connection, None, step.column)
        execute_as_it_is(connection, f"ALTER TABLE {target} DROP ({name})")
    elif step.kind == "comment" and not step.column:
        text = _text(connection, table.comment or "")
        execute_as_it_is(connection, f"COMMENT ON TABLE {target} IS {text}")
    elif step.kind == "comment":
        column = table.columns[step.column]
        place = f"{target}.{quoted_name_of(connection, None, column.name)}"
        text = _text(connection, column.comment or "")
        execute_as_it_is(connection, f"COMMENT ON COLUMN {place} IS {text}")
    elif step.kind in ("add_column", "widen_column", "narrow_column"):
        verb = "ADD" if step.kind == "add_column" else "ALTER"
        definition = _definition(connection, table.columns[step.column])
        execute_as_it_is(connection, f"ALTER TABLE {target} {verb} ({definition})")


def drop_table(connection: sa.Connection, table: sa.Table) -> None:
    """Drop a table that may have gone already; commits."""
    if sa.inspect(connection).has_table(table.name, table.schema):
        connection.execute(sa.schema.DropTable(table))


def read_columns(connection: sa.Connection, schemas: Collection[str], kind: str) -> Columns:
    """Columns and their types of all tables or views of some schemas.

    SQLAlchemy's reflection takes a lower-case name and the same in capitals for one, and asks twice
    for each table.

    Args:
        connection: To SAP HANA.
        schemas: Exactly as they are called.
        kind: ``table`` or ``view``.
    """
    name = f"{kind.upper()}_NAME"
    view = sa.table(
        f"{kind.upper()}_COLUMNS",
        *(
            sa.column(c)
            for c in ("SCHEMA_NAME", name, "COLUMN_NAME", "DATA_TYPE_NAME", "LENGTH", "SCALE")
        ),
        sa.column("POSITION"),
        schema="SYS",
    )
    query = sa.select(*list(view.c)[:-1]).where(view.c.SCHEMA_NAME.in_(list(schemas)))
    if kind == "table":
        tables = sa.table(
            "TABLES",
            *(sa.column(c) for c in ("SCHEMA_NAME", "TABLE_NAME", "IS_TEMPORARY")),
            schema="SYS",
        )
        query = query.join(
            tables,
            (tables.c.SCHEMA_NAME == view.c.SCHEMA_NAME) & (view.c[name] == tables.c.TABLE_NAME),
        ).where(tables.c.IS_TEMPORARY == "FALSE")
    found: Columns = {}
    ordered = query.order_by(view.c.SCHEMA_NAME, view.c[name], view.c.POSITION)
    for row in connection.execute(ordered).mappings():
        columns = found.setdefault((row["SCHEMA_NAME"], row[name]), {})
        type_ = _type(row["DATA_TYPE_NAME"], row["LENGTH"], row["SCALE"])
        columns[row["COLUMN_NAME"]] = type_
    return found


def _type(name: str, length: int | None, scale: int | None) -> str:
    if name == "DECIMAL" and scale is not None:
        return f"DECIMAL({length}, {scale})"
    return f"{name}({length})" if name in _WITH_LENGTH else name


def _definition(connection: sa.Connection, column: sa.Column) -> str:
    name = quoted_name_of(connection, None, column.name)
    comment = f" COMMENT {_text(connection, column.comment)}" if column.comment else ""
    return f"{name} {column.type.compile(connection.dialect)}{comment}"


def _text(connection: sa.Connection, text: str) -> str:
    """A text as a literal: definitions take no parameters."""
    literal = sa.String().literal_processor(connection.dialect)
    if literal is None:
        raise TypeError("the dialect has no texts")
    return literal(text)
