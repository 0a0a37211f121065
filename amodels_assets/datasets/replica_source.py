"""Reads a relational database by SQLAlchemy: the replica, or any other that people keep.

Belongs here: keys from the database's own constraints, reading rows as Arrow tables. Does not
belong here: connecting (the caller's), what the database says of its tables (``sql_schema.py``),
values as Arrow arrays (``sql_values.py``).

Nothing is written, names are quoted by SQLAlchemy, and no value enters a statement. What the
database cannot say is told by the caller: the task, and since when the rows of a table are known.
A key of several columns, or a foreign key to other columns than the primary key, becomes a column
of its own; a table without a primary key has its rows numbered, in the order of their values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.reading import SourceDatabase, column_kinds, free_name, numbered
from amodels_assets.datasets.relational import (
    TASK_KINDS,
    RelationalSpec,
    TableSpec,
    TaskSpec,
    check_kind,
    check_spec,
)
from amodels_assets.datasets.sections import SpecError
from amodels_assets.datasets.sql_schema import (
    ForeignKey,
    foreign_keys,
    schema_named,
    schema_names,
    table_names,
    with_columns,
    with_keys,
)
from amodels_assets.datasets.sql_values import joined_keys, key_texts_of, values_of

# Rows that are fetched together: bounds memory outside of the Arrow tables.
_FETCH = 10_000
# Names of tables in a message.
_SHOWN = 12


def read_database(
    connection: sa.Connection,
    *,
    name: str,
    description: str,
    task: TaskSpec,
    times: Mapping[str, str] | None = None,
    tables: Collection[str] | None = None,
    schema: str | None = None,
    seed: int = 0,
) -> SourceDatabase:
    """A database as its own constraints describe it, with a task.

    Args:
        connection: Open, to a database of any kind that SQLAlchemy can inspect.
        name: Name of the data set.
        description: The question of the task in one sentence.
        task: The task. Its target and cut-off have the kinds that it needs, whatever their types.
        times: Column since when the rows of a table are known; tables without one are known always.
        tables: Tables that are read; all of the schema for None.
        schema: Schema of the tables; the connection's own for None.
        seed: Seed of the data set.

    Raises:
        SpecError: The task or a time names what is not there, or nothing is to be read.
        DatasetError: The database refuses, or holds a value that cannot be read.
    """
    check_kind(task, name)
    times = times or {}
    schema = schema_named(connection, schema)
    names = _chosen(table_names(connection, schema), tables)
    reflected = with_keys(connection, names, schema)
    for table, column in times.items():
        if table not in reflected or column not in reflected[table].columns:
            raise SpecError(f"{name}: there is no {table}.{column}, which times names")
    foreign, left_out = foreign_keys(connection, reflected, schema)
    reader = _Reader(connection, reflected, foreign)
    declared = []
    for table in reflected:
        spec, without = reader.table(table, times.get(table))
        if table == task.table:
            wanted = {task.cutoff_column: "datetime", task.target_column: TASK_KINDS[task.kind]}
            kinds = {column: wanted.get(column, kind) for column, kind in spec.columns.items()}
            kinds.pop(task.split_column or "", None)
            spec = replace(spec, columns=kinds)
        declared.append(spec)
        left_out.update(without)
    found = RelationalSpec(name, description, name, seed, tuple(declared), task)
    check_spec(found, name)
    return SourceDatabase(found, reader.rows, left_out)


def read_declared(connection: sa.Connection, spec: RelationalSpec) -> SourceDatabase:
    """The rows of a declaration, whose keys are single columns of the database.

    Its tables are those of the schema that is named as the declaration's ``database``. Where there
    is none, as in SQLite, they are named ``database.table``, as a replica has them; where there are
    none either, they are those of the connection's own schema.

    Args:
        connection: Open.
        spec: The declaration, as ``relational.read_spec`` reads it from YAML.

    Raises:
        SpecError: The database has no such table.
        DatasetError: A column is missing, the database refuses, or holds a value that cannot be
            read.
    """
    schema, prefix = _place(connection, spec)
    names = [f"{prefix}{table.name}" for table in spec.tables]
    columns = with_columns(connection, _chosen(table_names(connection, schema), names), schema)
    rows = {}
    for table, name in zip(spec.tables, names, strict=True):
        source = columns[name]
        wanted = spec.stored_columns(table)
        lacking = [c for c in wanted if c not in source.columns]
        if lacking:
            raise DatasetError(f"{table.name} has no column {lacking[0]}: correct the declaration")
        keys = {table.primary_key, *table.foreign_keys}
        rows[table.name] = _fetch(connection, source, wanted, keys)
    return SourceDatabase(spec, rows)


class _Reader:
    """Reads tables and makes the keys that a declaration needs."""

    def __init__(
        self,
        connection: sa.Connection,
        reflected: Mapping[str, sa.Table],
        foreign: Mapping[str, list[ForeignKey]],
    ) -> None:
        self.rows: dict[str, pa.Table] = {}
        self._foreign = foreign
        self._raw: dict[str, pa.Table] = {}
        self._primary: dict[str, str] = {}
        for name, table in reflected.items():
            keys = {column.name for column in table.primary_key.columns}
            for own in foreign[name]:
                keys.update(own.columns)
            for others in foreign.values():
                keys.update(*(other.referred for other in others if other.parent == name))
            wanted = [column.name for column in table.columns]
            rows = _fetch(connection, table, wanted, keys)
            self._primary[name], self._raw[name] = _with_primary_key(rows, table)

    def table(self, name: str, time: str | None) -> tuple[TableSpec, dict[str, str]]:
        """Declaration of one table, and why columns are not in it; keeps its rows."""
        rows, primary = self._raw[name], self._primary[name]
        foreign_keys, part_of_key = {}, {primary}
        for foreign in self._foreign[name]:
            column, values = self._pointing(name, foreign)
            if column not in rows.column_names:
                rows = rows.append_column(column, values)
            foreign_keys[column] = foreign.parent
            part_of_key.update(foreign.columns)
        kinds, without = column_kinds(rows, part_of_key | set(foreign_keys))
        if time is not None:
            kinds[time] = "datetime"
        self.rows[name] = rows
        spec = TableSpec(name, primary, kinds, foreign_keys, time)
        return spec, {f"{name}.{column}": why for column, why in without.items()}

    def _pointing(self, name: str, foreign: ForeignKey) -> tuple[str, pa.ChunkedArray]:
        """Column that holds the primary keys of a foreign key's parents."""
        own, parent = self._raw[name], self._raw[foreign.parent]
        values = joined_keys([own[column] for column in foreign.columns])
        primary = self._primary[foreign.parent]
        if foreign.referred == (primary,):
            return foreign.columns[0], own[foreign.columns[0]]
        referred = joined_keys([parent[column] for column in foreign.referred])
        at = pc.index_in(values, value_set=referred, skip_nulls=True)
        # What points to no row keeps a text of its own, so that it is counted.
        lost = pc.binary_join_element_wise(pa.scalar("no row has "), values, "")
        column = free_name(f"{foreign.name} of {foreign.parent}", own.column_names)
        return column, pc.coalesce(parent[primary].take(at), lost)


def _place(connection: sa.Connection, spec: RelationalSpec) -> tuple[str | None, str]:
    """Schema of a declaration's tables, and what stands before their names."""
    schema = schema_names(connection).get(spec.database)
    if schema is not None:
        return schema, ""
    prefix = f"{spec.database}."
    replicated = any(name.startswith(prefix) for name in table_names(connection, None))
    return None, prefix if replicated else ""


def _chosen(there: Mapping[str, str], tables: Collection[str] | None) -> list[str]:
    if not there:
        raise SpecError("the database has no tables: name its schema, or fill it")
    chosen = there if tables is None else sorted(set(tables))
    missing = [name for name in chosen if name not in there]
    if missing:
        some = [*there][:_SHOWN]
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        raise SpecError(f"the database has no table {missing[0]}: it has {', '.join(some)}{more}")
    return [there[name] for name in chosen]


def _with_primary_key(rows: pa.Table, table: sa.Table) -> tuple[str, pa.Table]:
    columns = [column.name for column in table.primary_key.columns]
    if len(columns) == 1:
        return columns[0], rows
    name = free_name("+".join(columns) or "row_number", rows.column_names)
    if columns:
        return name, rows.append_column(name, joined_keys([rows[c] for c in columns]))
    # A result has no order of its own: numbers must not depend on how the database stores rows.
    texts = pa.table(
        {str(i): key_texts_of(rows[c].to_pylist()) for i, c in enumerate(rows.column_names)}
    )
    order = pc.sort_indices(texts, sort_keys=[(c, "ascending") for c in texts.column_names])
    return name, numbered(rows.take(order), name)


def _fetch(
    connection: sa.Connection, table: sa.Table, columns: list[str], keys: Collection[str]
) -> pa.Table:
    parts: dict[str, list[pa.Array]] = {name: [] for name in columns}
    statement = sa.select(*(table.columns[name] for name in columns))
    try:
        result = connection.execute(statement.execution_options(yield_per=_FETCH))
        for rows in result.partitions():
            for name, values in zip(columns, zip(*rows, strict=True), strict=True):
                parts[name].append(_array(table, name, values, keys))
    except SQLAlchemyError as error:
        raise DatasetError(
            f"{table.name} cannot be read ({type(error).__name__}): check that the database runs "
            "and that this user may read the table"
        ) from error
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(
            f"{table.name} holds a value that the driver cannot read, such as a date before the "
            "year 1: correct it, or declare the table without its column"
        ) from error
    return pa.table(
        {
            name: pa.chunked_array(found or [_array(table, name, [], keys)])
            for name, found in parts.items()
        }
    )


def _array(table: sa.Table, name: str, values: Sequence[object], keys: Collection[str]) -> pa.Array:
    kind = table.columns[name].type
    try:
        return key_texts_of(values) if name in keys else values_of(values, kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise DatasetError(
            f"{table.name}.{name} holds a value that is no {kind}: correct it, or declare the "
            "table without that column"
        ) from error
