"""What stands in a target now, read through its own catalog.

Belongs here: schemas, tables, views and columns as the database tells them. Does not belong here:
the replica's own record (``bookkeeping.py``) and content (``verify.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.types import NullType, TypeEngine

Name = tuple[str | None, str]


@dataclass(frozen=True)
class TargetState:
    """Tables and views of some schemas.

    Attributes:
        tables: Type of each column by name, by schema and table; types as the database shows them.
        views: The same of views.
    """

    tables: Mapping[Name, Mapping[str, str]] = field(default_factory=dict)
    views: Mapping[Name, Mapping[str, str]] = field(default_factory=dict)


def read_state(connection: sa.Connection, schemas: Iterable[str | None]) -> TargetState:
    """Read tables and views of schemas, those that are not there as empty.

    Ends the transaction that it reads in.
    """
    wanted = set(schemas)
    if connection.dialect.name == "hana":
        from amodels_assets.schemas.hana_definitions import read_columns

        names = sorted(str(schema) for schema in wanted if schema)
        tables, views = (read_columns(connection, names, kind) for kind in ("table", "view"))
        connection.rollback()
        return TargetState({**tables}, {**views})
    inspector = sa.inspect(connection)
    present = wanted & {None} | wanted & set(inspector.get_schema_names())
    tables, views = (
        {
            # Reflection gives subclasses of str, which compare as text but are shown otherwise.
            (None if schema is None else str(schema), str(name)): {
                str(column["name"]): shown(column["type"], connection.dialect) for column in columns
            }
            for wanted_schema in present
            for (schema, name), columns in inspector.get_multi_columns(
                schema=wanted_schema, kind=kind
            ).items()
        }
        for kind in (ObjectKind.TABLE, ObjectKind.ANY_VIEW)
    )
    connection.rollback()
    return TargetState(tables, views)


def shown(type_: TypeEngine, dialect: sa.Dialect) -> str:
    """A type in the target's words, the same however it was made; empty where it has none."""
    # SQLite does not know the type of a view's expression.
    return "" if isinstance(type_, NullType) else type_.compile(dialect).upper()
