"""Connections to the target database, with errors that name no password."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event, exc


class ReplicaError(Exception):
    """The replica's database cannot be used; the message says what to do, never the password."""


def engine_for(url: str) -> sa.Engine:
    """An engine for a SQLite or PostgreSQL URL.

    Raises:
        ReplicaError: The URL cannot be read or names another database.
    """
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError:
        raise ReplicaError(
            "AMODELS_POSTGRES_URL cannot be read: give postgresql://user:password@host:port/database"
        ) from None
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed.set(drivername="postgresql+psycopg2"))
    if parsed.get_backend_name() != "sqlite":
        raise ReplicaError(
            f"{parsed.drivername} is not supported: give a postgresql:// or sqlite:/// URL"
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
        except (exc.DBAPIError, OSError) as error:
            raise ReplicaError(
                f"{_shown(engine.url)} cannot be reached: {_first_line(error)}; check the URL, "
                "the password and that the server runs"
            ) from None
        with connection:
            yield connection
    except exc.DBAPIError as error:
        raise ReplicaError(
            f"{_shown(engine.url)} failed: {_first_line(error)}; when that is mended, materialize "
            "schemas/replica again, it does what is left"
        ) from None
    finally:
        engine.dispose()


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


def _first_line(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return (str(original).strip().splitlines() or ["no reason given"])[0]
