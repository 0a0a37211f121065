"""SAP HANA for tests: the stand-in of ``tests/hana``, or a real one that a developer names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import compress
from pathlib import Path

import sqlalchemy as sa

from amodels_assets.schemas.connect import connected, quoted_name_of
from tests.hana.process import HanaServer

# Read when the module is loaded: a fixture takes the developer's variables away.
REAL = os.environ.get("AMODELS_TEST_HANA_URL", "")


@contextmanager
def hana_database(folder: Path) -> Iterator[str]:
    """URL of a database without schemas of anybody's; what a test makes is dropped at the end."""
    if not REAL:
        server = HanaServer(folder)
        try:
            yield server.url
        finally:
            server.stop()
        return
    before = _schemas(REAL)
    if "AMODELS_REPLICA" in before or "d" in before:
        raise RuntimeError("AMODELS_TEST_HANA_URL has a replica: give a database of the tests' own")
    try:
        yield REAL
    finally:
        with connected(REAL) as connection:
            for schema in _schemas(REAL) - before:
                name = quoted_name_of(connection, None, schema)
                connection.exec_driver_sql(f"DROP SCHEMA {name} CASCADE")
            connection.commit()


def _schemas(url: str) -> set[str]:
    with connected(url) as connection:
        query = sa.text("SELECT SCHEMA_NAME FROM SYS.SCHEMAS")
        return {name for (name,) in connection.execute(query)}


def content(url: str) -> dict[tuple[str | None, str], list[str]]:
    """All rows of all tables and views that a replica made; of its record, what tells no time."""
    found: dict[tuple[str | None, str], list[str]] = {}
    with connected(url) as connection:
        places = connection.exec_driver_sql(
            "SELECT SCHEMA_NAME, TABLE_NAME FROM SYS.TABLES UNION ALL "
            "SELECT SCHEMA_NAME, VIEW_NAME FROM SYS.VIEWS"
        ).all()
        for schema, name in places:
            if name == "APPLIED_STEPS" or schema.startswith(("SYS", "_SYS")):
                continue
            cursor = connection.exec_driver_sql(
                f"SELECT * FROM {quoted_name_of(connection, schema, name)}"
            )
            timeless = [column.upper() != "APPLIED_AT" for column in list(cursor.keys())]
            rows = (compress(map(_plain, row), timeless) for row in cursor)
            record = schema == "AMODELS_REPLICA"
            place = (schema.lower(), name.lower()) if record else (schema, name)
            found[place] = sorted(repr(list(row)) for row in rows)
    return found


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def comments(url: str, schema: str, table: str) -> dict[str, str]:
    """Comments of a table's columns by name, and its own under the empty name."""
    with connected(url) as connection:
        inspector = sa.inspect(connection)
        place = [sa.sql.quoted_name(part, quote=True) for part in (table, schema)]
        columns = inspector.get_columns(*place)
        own = inspector.get_table_comment(*place)["text"]
    return {"": own or "", **{str(c["name"]): c["comment"] or "" for c in columns}}


def columns(url: str, schema: str, table: str) -> dict[str, str]:
    """Types of a table's columns by name, as SQLAlchemy's inspector reads them."""
    with connected(url) as connection:
        place = [sa.sql.quoted_name(part, quote=True) for part in (table, schema)]
        return {
            str(c["name"]): c["type"].compile(connection.dialect)
            if isinstance(c["type"], sa.types.TypeEngine)
            else c["type"]().compile(connection.dialect)
            for c in sa.inspect(connection).get_columns(*place)
        }
