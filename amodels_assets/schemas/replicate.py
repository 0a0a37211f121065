"""Creates, fills, replaces and drops the replica's tables, one transaction a table.

A kill at any moment leaves each table as it was or as it should be, and the record with it; the
next run does what is left. Only tables that the record names are ever replaced or dropped.
"""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as pa_csv
import sqlalchemy as sa
from sqlalchemy import exc

from amodels_assets.schemas.bookkeeping import Applied, Bookkeeping
from amodels_assets.schemas.convert import for_copy, for_sqlite
from amodels_assets.schemas.plan import PlannedTable

BATCH_ROWS = 20_000
_PROGRAM_LIMIT_EXCEEDED = "54"


@dataclass(frozen=True)
class Outcome:
    """What was done for one table.

    Attributes:
        planned: The table as it should be.
        action: ``created``, ``replaced``, ``unchanged`` or ``skipped``.
        reason: Why it was skipped; empty otherwise.
    """

    planned: PlannedTable
    action: str
    reason: str = ""


def replicate(
    connection: sa.Connection,
    planned: Sequence[PlannedTable],
    read_rows: Callable[[PlannedTable], pa.Table | None],
) -> list[Outcome]:
    """Bring the database to the plan.

    Args:
        connection: With no transaction open.
        planned: Every table that should be there.
        read_rows: The rows of a table, None when it has none; asked only for tables that are
            created or replaced.

    Returns:
        One outcome a table, in the plan's order.
    """
    bookkeeping = Bookkeeping(connection)
    applied = bookkeeping.read()
    present = _present(connection, planned, applied)
    _drop_vanished(connection, bookkeeping, applied, planned)
    outcomes = []
    for table in planned:
        key = (table.database, table.table)
        known = applied.get(key)
        there = (table.schema, table.target_name) in present
        if table.obstacle:
            outcomes.append(Outcome(table, "skipped", table.obstacle))
        elif known and there and _same(known, table):
            outcomes.append(Outcome(table, "unchanged"))
        elif there and not known:
            reason = "a table of that name is there that was not made from this catalog"
            outcomes.append(Outcome(table, "skipped", reason))
        else:
            outcomes.append(_apply(connection, bookkeeping, table, known, read_rows))
    return outcomes


def _same(known: Applied, table: PlannedTable) -> bool:
    return known.definition == table.definition and known.rows_version == table.rows_version


def _present(
    connection: sa.Connection,
    planned: Sequence[PlannedTable],
    applied: Mapping[tuple[str, str], Applied],
) -> set[tuple[str | None, str]]:
    inspector = sa.inspect(connection)
    schemas = {table.schema for table in planned} | {a.schema for a in applied.values()}
    found = {(schema, name) for schema in schemas for name in inspector.get_table_names(schema)}
    connection.rollback()
    return found


def _drop_vanished(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    applied: Mapping[tuple[str, str], Applied],
    planned: Sequence[PlannedTable],
) -> None:
    wanted = {(table.database, table.table) for table in planned}
    for key, known in applied.items():
        if key not in wanted:
            _drop(connection, known)
            bookkeeping.forget(key)
            connection.commit()


def _drop(connection: sa.Connection, known: Applied) -> None:
    name = sa.sql.quoted_name(known.target_name, quote=True)
    schema = sa.sql.quoted_name(known.schema, quote=True) if known.schema else None
    table = sa.Table(name, sa.MetaData(), schema=schema)
    connection.execute(sa.schema.DropTable(table, if_exists=True))


def _apply(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    planned: PlannedTable,
    known: Applied | None,
    read_rows: Callable[[PlannedTable], pa.Table | None],
) -> Outcome:
    try:
        if known:
            _drop(connection, known)
        if planned.schema:
            name = sa.sql.quoted_name(planned.schema, quote=True)
            connection.execute(sa.schema.CreateSchema(name, if_not_exists=True))
        table = planned.to_sqlalchemy(connection.dialect.name)
        table.create(connection, checkfirst=False)
        rows = read_rows(planned) if planned.rows_version else None
        if rows is not None:
            _load(connection, table, rows.select([column.name for column in planned.columns]))
        bookkeeping.write(planned)
        connection.commit()
    except exc.DBAPIError as error:
        if not _only_this_table(error):
            raise
        connection.rollback()
        reason = (str(error.orig).strip().splitlines() or ["the database refuses it"])[0]
        return Outcome(planned, "skipped", reason)
    except BaseException:
        connection.rollback()
        raise
    return Outcome(planned, "replaced" if known else "created")


def _only_this_table(error: exc.DBAPIError) -> bool:
    """Whether the database refuses this table or its rows, and can go on with others.

    Not so when the server, the disk or a lock is the trouble: those are operational errors, among
    which PostgreSQL counts a row that is too big and SQLite a name that it keeps for itself.
    """
    if error.connection_invalidated or not isinstance(error.orig, Exception):
        return False
    if isinstance(error, exc.OperationalError):
        state = getattr(error.orig, "pgcode", None) or ""
        code = getattr(error.orig, "sqlite_errorcode", None)
        return state.startswith(_PROGRAM_LIMIT_EXCEEDED) or code == sqlite3.SQLITE_ERROR
    return isinstance(
        error,
        exc.DataError | exc.IntegrityError | exc.InternalError | exc.ProgrammingError,
    )


def _load(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    load = _copy if connection.dialect.name == "postgresql" else _insert
    for start in range(0, rows.num_rows, BATCH_ROWS):
        load(connection, table, rows.slice(start, BATCH_ROWS))


def _copy(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """PostgreSQL's COPY: an empty unquoted field is NULL, a quoted one the empty string."""
    json_columns = {i for i, c in enumerate(table.columns) if isinstance(c.type, sa.JSON)}
    buffer = io.BytesIO()
    pa_csv.write_csv(
        for_copy(rows, json_columns), buffer, pa_csv.WriteOptions(include_header=False)
    )
    buffer.seek(0)
    from psycopg2 import sql

    # The dialect's own quoting doubles percent signs, which COPY takes as they are.
    target = sql.Identifier(*(str(part) for part in (table.schema, table.name) if part))
    cursor = connection.connection.cursor()
    try:
        statement = sql.SQL("COPY {} FROM STDIN WITH (FORMAT csv)").format(target)
        cursor.copy_expert(statement, buffer)
    except Exception as error:
        if getattr(connection.connection.dbapi_connection, "closed", 0):
            # Otherwise rolling back what is gone would hide why it is gone.
            connection.invalidate(error)
        # The driver's own errors, as SQLAlchemy would have raised them.
        raise exc.DBAPIError.instance(
            "COPY", None, error, connection.dialect.loaded_dbapi.Error, dialect=connection.dialect
        ) from error
    finally:
        cursor.close()


def _insert(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    target = connection.dialect.identifier_preparer.format_table(table)
    places = ", ".join("?" * rows.num_columns)
    connection.exec_driver_sql(f"INSERT INTO {target} VALUES ({places})", for_sqlite(rows))  # noqa: S608
