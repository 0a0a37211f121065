"""Carries migrations out, one transaction a table.

A kill at any moment leaves each table as it was or as it should be, and the record with it. Where
the target commits each definition by itself (SAP HANA), the record says what is going to be before
the first one: the next run sees in the target's catalog what was done and does the rest. Only
tables that the record names are ever changed or dropped.
Belongs here: tables. Does not belong here: views (``apply_views.py``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy import exc

from amodels_assets.schemas.alter import alter_columns
from amodels_assets.schemas.bookkeeping import UNFINISHED, Applied, Bookkeeping
from amodels_assets.schemas.connect import first_line
from amodels_assets.schemas.load import clear, replace_rows
from amodels_assets.schemas.migration import Migration
from amodels_assets.schemas.plan import PlannedColumn, PlannedTable, sa_table
from amodels_assets.schemas.step import Key, Step

_PROGRAM_LIMIT_EXCEEDED = "54"
# Steps that define nothing.
_ROWS = ("load_rows", "remove_rows")
ReadRows = Callable[[PlannedTable], Iterator[pa.RecordBatch] | None]


@dataclass(frozen=True)
class Outcome:
    """What was done for one table or view.

    Attributes:
        key: Database and table in the source.
        kind: ``table`` or ``view``.
        action: ``created``, ``changed``, ``unchanged``, ``dropped``, ``held_back`` (only steps that
            lose data are left) or ``skipped``.
        steps: Kinds of the steps that were carried out.
        held_back: Steps that were not, because they lose data.
        reason: Why it was skipped; empty otherwise.
    """

    key: Key
    kind: str
    action: str
    steps: tuple[str, ...] = ()
    held_back: tuple[Step, ...] = ()
    reason: str = ""


def apply_tables(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    migrations: Sequence[Migration],
    read_rows: ReadRows,
    *,
    allow_destructive: bool = False,
    before_commit: Callable[[], None] = lambda: None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """Carry out what may be carried out.

    Args:
        connection: With no transaction open.
        bookkeeping: The target's record, already made.
        migrations: What has to happen.
        read_rows: The rows of a table, None when it has none.
        allow_destructive: Also what loses data.
        before_commit: Called before each commit; raises when this run may not write any more.
        progress: Told about every table that changes.

    Returns:
        One outcome a migration, in order.
    """
    outcomes = []
    for migration in migrations:
        steps = migration.chosen(allow_destructive=allow_destructive)
        held = tuple(step for step in migration.steps if step not in steps)
        if migration.obstacle:
            outcome = Outcome(migration.key, "table", "skipped", reason=migration.obstacle)
        elif not steps:
            action = "held_back" if held else "unchanged"
            outcome = Outcome(migration.key, "table", action, held_back=held)
        else:
            kinds = ", ".join(dict.fromkeys(step.kind for step in steps))
            progress(f"{'.'.join(migration.key)}: {kinds}")
            reason = in_transaction(
                connection,
                before_commit,
                lambda m=migration, s=steps: _apply(
                    connection, bookkeeping, m, s, read_rows, before_commit=before_commit
                ),
            )
            action = "skipped" if reason else _action(steps)
            done = () if reason else tuple(step.kind for step in steps)
            outcome = Outcome(migration.key, "table", action, done, held, reason)
        outcomes.append(outcome)
    return outcomes


def _action(steps: Sequence[Step]) -> str:
    kinds = {step.kind for step in steps}
    if "drop_table" in kinds:
        return "dropped"
    return "created" if "create_table" in kinds else "changed"


def in_transaction(
    connection: sa.Connection, before_commit: Callable[[], None], work: Callable[[], Any]
) -> str:
    """Do work on one table or view and commit; gives why the database refuses it, if it does.

    Raises:
        sqlalchemy.exc.DBAPIError: The trouble is not with this table alone.
    """
    try:
        work()
        before_commit()
        connection.commit()
    except exc.DBAPIError as error:
        if not only_this_object(error):
            raise
        connection.rollback()
        return first_line(error)
    except BaseException:
        connection.rollback()
        raise
    return ""


def _apply(
    connection: sa.Connection,
    bookkeeping: Bookkeeping,
    migration: Migration,
    steps: Sequence[Step],
    read_rows: ReadRows,
    *,
    before_commit: Callable[[], None],
) -> None:
    kinds = {step.kind for step in steps}
    rows = [step for step in steps if step.kind in _ROWS]
    logged = [bookkeeping.log(migration.key, step) for step in steps if step not in rows]
    planned, known = migration.planned, migration.applied

    def undo() -> None:
        bookkeeping.unlog(logged)
        if known:
            bookkeeping.write(migration.key, known)
        else:
            bookkeeping.forget(migration.key)

    if planned is None:
        if known is not None:
            define(connection, before_commit, lambda: _drop(connection, known), undo)
        bookkeeping.forget(migration.key)
        return
    created = "create_table" in kinds
    loads = bool(rows)
    emptied = loads and not kinds.isdisjoint(("narrow_column", "widen_column"))
    standing = _standing(migration, steps)
    if created or loads:
        version = "" if created else UNFINISHED
        standing = replace(standing, rows_version=version, rows=0)

    def definitions() -> None:
        if created:
            _create(connection, planned)
            return
        if emptied:
            # Rows that are about to go must not stand in the way of a narrower type.
            clear(connection, planned.to_sqlalchemy(connection.dialect.name))
        alter_columns(connection, migration, steps)

    if not logged:
        bookkeeping.write(migration.key, standing)
    else:
        # What stands in the record is not looked for any more, and comments only there.
        bookkeeping.write(migration.key, _without_comments(standing, known, steps))
        define(connection, before_commit, definitions, undo)
        bookkeeping.write(migration.key, standing)
    for step in rows:
        bookkeeping.log(migration.key, step)
    if loads:
        loaded = _load(connection, planned, read_rows, empty=created or emptied)
        standing = replace(standing, rows_version=planned.rows_version, rows=loaded)
        bookkeeping.write(migration.key, standing)


def define(
    connection: sa.Connection,
    before_commit: Callable[[], None],
    definitions: Callable[[], None],
    undo: Callable[[], None],
) -> None:
    """Carry definitions out, where they commit by themselves only when the record is safe.

    Args:
        connection: In the transaction that wrote to the record what is going to be.
        before_commit: Called before a commit; raises when this run may not write any more.
        definitions: Carries them out.
        undo: Brings the record back where the target refuses them.
    """
    if connection.dialect.name != "hana":
        definitions()
        return
    before_commit()
    connection.commit()
    try:
        definitions()
    except exc.DBAPIError as error:
        if only_this_object(error):
            connection.rollback()
            undo()
            connection.commit()
        raise


def _without_comments(standing: Applied, known: Applied | None, steps: Sequence[Step]) -> Applied:
    """The record with those comments as they were that steps are about to change."""
    if known is None:
        return standing
    before = {column.target_name: column.comment for column in known.columns}
    changed = {step.column for step in steps if step.kind == "comment"}
    columns = tuple(
        replace(c, comment=before.get(c.target_name, "")) if c.target_name in changed else c
        for c in standing.columns
    )
    return replace(
        standing, columns=columns, comment=known.comment if "" in changed else standing.comment
    )


def _create(connection: sa.Connection, planned: PlannedTable) -> None:
    create_schema(connection, planned.schema)
    table = planned.to_sqlalchemy(connection.dialect.name)
    if connection.dialect.name == "hana":
        from amodels_assets.schemas.hana_definitions import create_table

        create_table(connection, table)
    else:
        table.create(connection, checkfirst=False)


def create_schema(connection: sa.Connection, schema: str | None) -> None:
    """Make a schema that is not there yet."""
    if schema is None:
        return
    name = sa.sql.quoted_name(schema, quote=True)
    if not sa.inspect(connection).has_schema(name):
        connection.execute(sa.schema.CreateSchema(name))


def _drop(connection: sa.Connection, known: Applied) -> None:
    table = sa_table(*known.place)
    if connection.dialect.name == "hana":
        from amodels_assets.schemas.hana_definitions import drop_table

        drop_table(connection, table)
    else:
        connection.execute(sa.schema.DropTable(table, if_exists=True))


def _load(
    connection: sa.Connection, planned: PlannedTable, read_rows: ReadRows, *, empty: bool
) -> int:
    batches = read_rows(planned) if planned.rows_version else None
    table = planned.to_sqlalchemy(connection.dialect.name)
    names = [column.name for column in planned.columns]
    by_name = {column.name: column.target_name for column in planned.columns}
    key = [by_name[name] for name in planned.key if name in by_name]
    rows = (batch.select(names) for batch in batches or ())
    return replace_rows(connection, table, rows, key, empty=empty)


def _standing(migration: Migration, steps: Sequence[Step]) -> Applied:
    """The table as it stands after the steps, for the record; rows as they were."""
    planned, known = migration.planned, migration.applied
    if planned is None:
        raise ValueError("a table that vanished from the catalog has no plan")
    rows_version, rows = (known.rows_version, known.rows) if known else ("", 0)
    columns = list(planned.columns)
    held = {step.column: step.kind for step in migration.steps if step not in steps}
    if known:
        before = {column.target_name: column for column in known.columns}
        columns = [_column(column, before, held) for column in columns]
        columns += [before[n] for n, kind in held.items() if kind == "drop_column" and n in before]
    return Applied(
        "table",
        planned.schema,
        planned.target_name,
        columns=tuple(columns),
        comment=planned.comment,
        rows_version=rows_version,
        rows=rows,
    )


def _column(
    column: PlannedColumn, before: dict[str, PlannedColumn], held: dict[str, str]
) -> PlannedColumn:
    if held.get(column.target_name) == "narrow_column":
        return before.get(column.target_name, column)
    return column


def only_this_object(error: exc.DBAPIError) -> bool:
    """Whether the database refuses this table or its rows, and can go on with others.

    Not so when the server, the disk or a lock is the trouble: those are operational errors, among
    which PostgreSQL counts a row that is too big and SQLite a name that it keeps for itself.
    """
    if error.connection_invalidated or not isinstance(error.orig, Exception):
        return False
    if hasattr(error.orig, "errorcode"):
        from amodels_assets.schemas.hana import concerns_one_object

        return concerns_one_object(error)
    if isinstance(error, exc.OperationalError):
        state = getattr(error.orig, "pgcode", None) or ""
        code = getattr(error.orig, "sqlite_errorcode", None)
        return state.startswith(_PROGRAM_LIMIT_EXCEEDED) or code == sqlite3.SQLITE_ERROR
    return isinstance(
        error,
        exc.DataError
        | exc.IntegrityError
        | exc.InternalError
        | exc.NotSupportedError
        | exc.ProgrammingError,
    )
