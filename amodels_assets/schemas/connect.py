"""Connections to the target database, with errors that name no password."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

# How long a run waits for a lock that another session holds.
LOCK_SECONDS = 30


class ReplicaError(Exception):
    """The replica's database cannot be used; the message says what to do, never the password."""


def engine_for(url: str) -> sa.Engine:
    """An engine for a SQLite, PostgreSQL or SAP HANA URL.

    Raises:
        ReplicaError: The URL cannot be read or names another database.
    """
    try:
        parsed = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise _unreadable() from None
    if parsed.get_backend_name() != "sqlite" and "@" in f"{parsed.host}{parsed.database}":
        # Otherwise the rest of a password with such a sign would be shown as the host.
        raise _unreadable()
    if "password" in parsed.query:
        password = str(parsed.query["password"])
        parsed = parsed.difference_update_query(["password"]).set(password=password)
    if parsed.get_backend_name() == "postgresql":
        _needs("psycopg2", "postgres")
        engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg2"))
        _at_connect(engine, f"SET lock_timeout = '{LOCK_SECONDS}s'")
        return engine
    if parsed.get_backend_name() == "hana":
        _needs("hdbcli", "hana")
        engine = sa.create_engine(parsed.set(drivername="hana+hdbcli"))
        _at_connect(engine, f"SET TRANSACTION LOCK WAIT TIMEOUT {LOCK_SECONDS * 1000}")
        return engine
    if parsed.get_backend_name() != "sqlite":
        raise ReplicaError(
            f"{parsed.drivername} is not supported: give a postgresql://, hana:// or sqlite:/// URL"
        )
    if parsed.database:
        folder = Path(parsed.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ReplicaError(f"{folder} cannot be made: {error.strerror}") from None
    engine = sa.create_engine(parsed)
    _make_transactional(engine)
    return engine


@contextmanager
def connected(url: str) -> Generator[sa.Connection]:
    """A connection in autobegin mode, closed at the end.

    Raises:
        ReplicaError: The database cannot be reached, does not let this user in, or fails while
            the connection is used.
    """
    engine = engine_for(url)
    try:
        try:
            connection = engine.connect()
        except (exc.DBAPIError, OSError, UnicodeDecodeError) as error:
            raise ReplicaError(
                f"{_shown(engine.url)} cannot be reached: {first_line(error)}; check the URL, "
                "the password and that the server runs"
            ) from None
        with connection:
            yield connection
    except exc.DBAPIError as error:
        raise ReplicaError(
            f"{_shown(engine.url)} failed: {first_line(error)}; when that is mended, materialize "
            "the replica again, it does what is left"
        ) from None
    finally:
        engine.dispose()


def quoted_name_of(connection: sa.Connection, schema: str | None, name: str) -> str:
    """A name as it stands in a statement that is executed as it is."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    quoted = ".".join(quote(part) for part in (schema, name) if part is not None)
    # For drivers that look for %s in statements the dialect doubles the sign.
    return quoted.replace("%%", "%") if _looks_for_percent(connection) else quoted


def execute_as_it_is(connection: sa.Connection, statement: str) -> None:
    """Execute a statement that has no parameters and may have percent signs."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _looks_for_percent(connection: sa.Connection) -> bool:
    return connection.dialect.paramstyle in ("format", "pyformat")


def _unreadable() -> ReplicaError:
    return ReplicaError(
        "the database's URL cannot be read: give postgresql://user:password@host:port/database or "
        "hana://user:password@host:port, with %40 for @ and %2F for / in the password"
    )


def _needs(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise ReplicaError(f"{module} is not installed: say pip install 'amodels[{extra}]'")


def _at_connect(engine: sa.Engine, statement: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute(statement)
        finally:
            cursor.close()
        connection.commit()


def _make_transactional(engine: sa.Engine) -> None:
    """Let SQLite's driver leave transactions alone, so that CREATE TABLE is part of them."""

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _shown(url: sa.URL) -> str:
    # Without the query, which may hold a password as well.
    return url.set(query={}).render_as_string(hide_password=True)


def first_line(error: Exception) -> str:
    """What a database says, in one line."""
    original = getattr(error, "orig", None) or error
    if isinstance(original, UnicodeDecodeError):
        # A server that does not know yet which encoding its client speaks.
        original = original.object.decode(errors="replace")
    # SAP HANA's driver shows its errors as pairs of a number and a text.
    text = getattr(original, "errortext", None) or str(original)
    return (text.strip().splitlines() or ["no reason given"])[0]
