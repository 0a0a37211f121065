"""Connections to a database that a command only reads, named by an environment variable.

Belongs here: which variable, and reading at one moment. Does not belong here: statements.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import click
import sqlalchemy as sa
from sqlalchemy import event, exc

from amodels_assets.schemas.connect import ReplicaError, connected
from amodels_assets.schemas.targets import configured_targets
from amodels_assets.settings import from_environment


@contextmanager
def database_of(variable: str | None) -> Generator[sa.Connection]:
    """A connection that reads all tables as they were at one moment, and writes nothing.

    On SAP HANA each table is read as it is when its turn comes.

    Args:
        variable: Environment variable with the URL; None for the replica of this installation.

    Raises:
        ClickException: There is no such database, or it does not let this user in. The message
            holds no password.
    """
    url = _url(variable)
    try:
        if url.startswith("sqlite"):
            with _sqlite(url) as connection:
                yield connection
            return
        with connected(url) as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection
    except ReplicaError as error:
        raise click.ClickException(str(error)) from error


def _url(variable: str | None) -> str:
    if variable is None:
        settings = from_environment()
        targets = configured_targets(settings.stores)
        if len(targets) > 1:
            names = " or ".join(target.variable for target in targets)
            raise click.ClickException(
                f"there is more than one replica: name one with --url-from {names}"
            )
        return os.environ[targets[0].variable] if targets[0].variable else settings.embedded_url
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        # Not shown again: it may be a URL with a password.
        raise click.BadParameter(
            "give the name of an environment variable that holds the URL, not the URL itself",
            param_hint="--url-from",
        )
    url = os.environ.get(variable)
    if not url:
        raise click.ClickException(
            f"{variable} is not set: put the database's URL there, "
            "postgresql://user:password@host:port/database or sqlite:///path say"
        )
    return url


@contextmanager
def _sqlite(url: str) -> Generator[sa.Connection]:
    try:
        database = sa.make_url(url).database
    except exc.ArgumentError:
        raise click.ClickException("the SQLite URL cannot be read: give sqlite:///path") from None
    if not database or not Path(database).is_file():
        raise click.ClickException(
            f"there is no database file {database or 'in the URL'}: give sqlite:///path, or make "
            "the replica with amodels schemas apply"
        )
    path = f"file:{quote(str(Path(database).absolute()))}?mode=ro"
    engine = sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(path, uri=True, isolation_level=None)
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # Without it each statement would see the file as it is then.
        connection.exec_driver_sql("BEGIN")

    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
