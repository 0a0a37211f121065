"""What a database says of its own tables: names, columns, primary and foreign keys.

Belongs here: asking SQLAlchemy's inspector. Does not belong here: rows (``replica_source.py``) and
values (``sql_values.py``).

Names are handed on as the inspector gives them: on SAP HANA they say whether small letters are
meant.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.sections import SpecError


@dataclass(frozen=True)
class ForeignKey:
    """Columns that point to a row of another table.

    Attributes:
        columns: Of the table itself.
        parent: The other table.
        referred: Columns of the parent.
    """

    columns: tuple[str, ...]
    parent: str
    referred: tuple[str, ...]

    @property
    def name(self) -> str:
        """The columns in one text."""
        return "+".join(self.columns)


def schema_names(connection: sa.Connection) -> dict[str, str]:
    """Schemas by name.

    Raises:
        DatasetError: The database refuses.
    """
    with _inspecting():
        return {str(name): name for name in sa.inspect(connection).get_schema_names()}


def schema_named(connection: sa.Connection, name: str | None) -> str | None:
    """A schema; None for the connection's own.

    Raises:
        SpecError: There is none of that name.
        DatasetError: The database refuses.
    """
    if name is None:
        return None
    there = schema_names(connection)
    if name not in there:
        raise SpecError(f"the database has no schema {name}: it has {', '.join(sorted(there))}")
    return there[name]


def table_names(connection: sa.Connection, schema: str | None) -> dict[str, str]:
    """Tables of a schema by name, sorted.

    Raises:
        DatasetError: The database refuses.
    """
    with _inspecting():
        found = sa.inspect(connection).get_table_names(schema=schema)
    return {str(name): name for name in sorted(found)}


def with_columns(
    connection: sa.Connection, names: Collection[str], schema: str | None
) -> dict[str, sa.Table]:
    """Tables with their columns, without their keys.

    Raises:
        DatasetError: The database refuses.
    """
    metadata = sa.MetaData()
    found = {}
    with _inspecting():
        inspector = sa.inspect(connection)
        for name in names:
            columns = inspector.get_columns(name, schema=schema)
            typed = (sa.Column(column["name"], column["type"]) for column in columns)
            found[str(name)] = sa.Table(name, metadata, *typed, schema=schema)
    return found


def with_keys(
    connection: sa.Connection, names: Collection[str], schema: str | None
) -> dict[str, sa.Table]:
    """Tables with their columns and primary keys.

    Raises:
        DatasetError: The database refuses.
    """
    metadata = sa.MetaData()
    with _inspecting():
        return {
            str(name): sa.Table(
                name, metadata, schema=schema, autoload_with=connection, resolve_fks=False
            )
            for name in names
        }


def foreign_keys(
    connection: sa.Connection, tables: Mapping[str, sa.Table], schema: str | None
) -> tuple[dict[str, list[ForeignKey]], dict[str, str]]:
    """Foreign keys by table, and why some cannot be followed.

    Raises:
        DatasetError: The database refuses.
    """
    with _inspecting():
        inspector = sa.inspect(connection)
        constraints = {
            name: inspector.get_foreign_keys(table.name, schema=schema)
            for name, table in tables.items()
        }
    here = {schema} if schema not in (None, inspector.default_schema_name) else {schema, None}
    found: dict[str, list[ForeignKey]] = {}
    left_out = {}
    for name in tables:
        found[name] = []
        for key in sorted(constraints[name], key=lambda key: key["constrained_columns"]):
            columns, referred = tuple(key["constrained_columns"]), tuple(key["referred_columns"])
            parent = key["referred_table"]
            if parent not in tables or key["referred_schema"] not in here:
                left_out[f"{name}.{'+'.join(columns)}"] = f"points to {parent}, which is not read"
            elif not referred or any(c not in tables[parent].columns for c in referred):
                left_out[f"{name}.{'+'.join(columns)}"] = f"points to what {parent} does not have"
            else:
                found[name].append(ForeignKey(columns, parent, referred))
    return found, left_out


@contextmanager
def _inspecting() -> Generator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise DatasetError(
            f"the database cannot be inspected ({type(error).__name__}): check that it is whole, "
            "that it runs, and that this user may read it"
        ) from error
