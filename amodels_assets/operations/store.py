"""The database that holds the record.

Belongs here: opening it, bringing its tables up to date, transactions. Does not belong here: what
is written (``intake.py``) and read (``summary.py``).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from amodels_assets.operations.schema import CURSORS, HEAD

# Of PostgreSQL's advisory locks; whoever writes takes it, so that one pass is after the other.
_LOCK = 7_264_091


class OperationsError(Exception):
    """The record cannot be used; the message says what to do, never the password."""


@contextmanager
def opened(url: str) -> Generator[sa.Engine]:
    """The record, its tables as this version has them.

    Args:
        url: ``sqlite:///path`` or ``postgresql://user:password@host:port/database``.

    Raises:
        OperationsError: The database cannot be reached, or fails while it is used.
    """
    from amodels_assets.schemas.connect import ReplicaError, engine_for, first_line

    try:
        engine = engine_for(url)
    except ReplicaError as error:
        raise OperationsError(f"AMODELS_OPERATIONS_URL: {error}") from None
    if engine.dialect.name not in {"sqlite", "postgresql"}:
        raise OperationsError(
            "AMODELS_OPERATIONS_URL names a database that operations cannot be kept in: give a "
            "postgresql:// or sqlite:/// URL"
        )
    if engine.dialect.name == "sqlite":
        _wait_for_locks(engine)
    try:
        _upgrade(engine)
        yield engine
    except exc.DBAPIError as error:
        shown = engine.url.set(query={}).render_as_string(hide_password=True)
        raise OperationsError(
            f"{shown} failed: {first_line(error)}; when that is mended, say it again, nothing of "
            "the record is lost"
        ) from None
    finally:
        engine.dispose()


@contextmanager
def writing(engine: sa.Engine) -> Generator[sa.Connection]:
    """A transaction that no other writer's overlaps."""
    with engine.begin() as connection:
        _alone(connection)
        yield connection


def position(connection: sa.Connection, source: str) -> float | None:
    """How far a source was read; None where it never was."""
    query = sa.select(CURSORS.c.position).where(CURSORS.c.source == source)
    return connection.execute(query).scalar()


def move(connection: sa.Connection, source: str, to: float) -> None:
    """Say how far a source was read; part of the caller's transaction."""
    connection.execute(sa.delete(CURSORS).where(CURSORS.c.source == source))
    connection.execute(sa.insert(CURSORS), {"source": source, "position": to})


def _alone(connection: sa.Connection) -> None:
    # Transactions on SQLite begin with a lock on the whole file.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _wait_for_locks(engine: sa.Engine) -> None:
    """Wait for other writers as long as on PostgreSQL."""
    from amodels_assets.schemas.connect import LOCK_SECONDS

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}")


def _upgrade(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        if _version(connection) == HEAD:
            return
        _alone(connection)
        # Another process may have done it meanwhile: Alembic looks again.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", "amodels_assets.operations:migrations")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise OperationsError(
                "the record of operations was made by a newer version of aModels: use that one"
            ) from error


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("operations_version"):
        return None
    version = sa.table("operations_version", sa.column("version_num"))
    return connection.execute(sa.select(version.c.version_num)).scalar()
