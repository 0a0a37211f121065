"""SAP HANA's own catalog views, and the definitions that change them.

Belongs here: schemas, tables, views, columns and comments. Does not belong here: reading and
changing rows (``engine.py``).
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Sequence

from tests.hana.errors import (
    DUPLICATE_SCHEMA,
    DUPLICATE_TABLE,
    INVALID_COLUMN,
    INVALID_SCHEMA,
    INVALID_TABLE,
    INVALID_VIEW,
    EngineError,
)
from tests.hana.functions import cast
from tests.hana.grammar import Definition
from tests.hana.reader import Column, Token
from tests.hana.values import CODES

_COLUMNS = """COLUMN_NAME, POSITION, DATA_TYPE_NAME, DEFAULT_VALUE, IS_NULLABLE, LENGTH, SCALE,
  COMMENTS, GENERATED_ALWAYS_AS, GENERATION_TYPE"""
_SYSTEM = f"""
CREATE TABLE IF NOT EXISTS "SYS.SCHEMAS" (SCHEMA_NAME TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS "SYS.TABLES" (SCHEMA_NAME, TABLE_NAME, COMMENTS,
  IS_USER_DEFINED_TYPE, IS_TEMPORARY, PRIMARY KEY (SCHEMA_NAME, TABLE_NAME));
CREATE TABLE IF NOT EXISTS "SYS.TABLE_COLUMNS" (SCHEMA_NAME, TABLE_NAME, {_COLUMNS},
  PRIMARY KEY (SCHEMA_NAME, TABLE_NAME, COLUMN_NAME));
CREATE TABLE IF NOT EXISTS "SYS.VIEWS" (SCHEMA_NAME, VIEW_NAME, DEFINITION,
  PRIMARY KEY (SCHEMA_NAME, VIEW_NAME));
CREATE TABLE IF NOT EXISTS "SYS.VIEW_COLUMNS" (SCHEMA_NAME, VIEW_NAME, {_COLUMNS},
  PRIMARY KEY (SCHEMA_NAME, VIEW_NAME, COLUMN_NAME));
CREATE TABLE IF NOT EXISTS "SYS.M_DATABASE" (VERSION);
CREATE TABLE IF NOT EXISTS "SYS.DUMMY" (DUMMY);
"""
_WITH_LENGTH = ("NVARCHAR", "DECIMAL")


class Catalog:
    """The catalog as one session sees it: its temporary tables are its own."""

    def __init__(
        self, database: sqlite3.Connection, user: str, sqlite_text: Callable[[str], str]
    ) -> None:
        """Make the catalog views where they are not there yet.

        Args:
            database: The session's.
            user: Whose schema unqualified names are in.
            sqlite_text: Translates a query for SQLite.
        """
        self._database, self._user, self._sqlite_text = database, user, sqlite_text
        self._temporary: dict[str, dict[str, tuple[int, int, int]]] = {}
        database.executescript(_SYSTEM)
        for schema in ("SYS", user):
            database.execute('INSERT OR IGNORE INTO "SYS.SCHEMAS" VALUES (?)', (schema,))
        if not database.execute('SELECT 1 FROM "SYS.DUMMY"').fetchone():
            database.execute("INSERT INTO \"SYS.DUMMY\" VALUES ('X')")
            database.execute("INSERT INTO \"SYS.M_DATABASE\" VALUES ('4.00.000.00')")

    def stored(self, schema: Token, rest: Sequence[Token]) -> str | None:
        """SQLite's quoted name of a table or view; None where these are no schema and object."""
        if schema.kind not in ("quoted", "word") or not rest:
            return None
        place = (schema.name, rest[0].name)
        if place[0] == "SYS" or self._is("TABLES", *place) or self._is("VIEWS", *place):
            return _stored(*place)
        return None

    def types(self, schema: str, table: str) -> dict[str, tuple[int, int, int]]:
        """Type code, length and scale of a table's columns; none where there is no such table."""
        if table.startswith("#"):
            return self._temporary.get(table, {})
        rows = self._database.execute(
            'SELECT COLUMN_NAME, DATA_TYPE_NAME, LENGTH, SCALE FROM "SYS.TABLE_COLUMNS" '
            "WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
            (schema, table),
        )
        return {name: (CODES[t], size or 0, s or 0) for name, t, size, s in rows}

    def define(self, found: Definition) -> None:
        """Carry a definition out and commit it.

        Raises:
            EngineError: It cannot be.
        """
        self._database.execute("BEGIN IMMEDIATE")
        try:
            getattr(self, f"_{found.verb}")(found)
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _create_schema(self, found: Definition) -> None:
        try:
            self._database.execute('INSERT INTO "SYS.SCHEMAS" VALUES (?)', (found.schema,))
        except sqlite3.IntegrityError:
            raise EngineError(
                DUPLICATE_SCHEMA, f"cannot use duplicate schema name: {found.schema}"
            ) from None

    def _drop_schema(self, found: Definition) -> None:
        for kind, verb in (("VIEW", self._drop_view), ("TABLE", self._drop_table)):
            rows = self._database.execute(
                f'SELECT {kind}_NAME FROM "SYS.{kind}S" WHERE SCHEMA_NAME = ?', (found.schema,)
            ).fetchall()
            for (name,) in rows:
                verb(Definition("", found.schema, name))
        self._database.execute('DELETE FROM "SYS.SCHEMAS" WHERE SCHEMA_NAME = ?', (found.schema,))

    def _create_table(self, found: Definition) -> None:
        schema = self._free(found)
        self._database.execute(
            'INSERT INTO "SYS.TABLES" VALUES (?, ?, ?, ?, ?)',
            (schema, found.table, found.text or None, "FALSE", "FALSE"),
        )
        for position, column in enumerate(found.columns, 1):
            self._describe("TABLE", schema, found.table, column, position)
        names = ", ".join(_quoted(column.name) for column in found.columns)
        key = f", PRIMARY KEY ({', '.join(map(_quoted, found.key))})" if found.key else ""
        self._database.execute(f"CREATE TABLE {_stored(schema, found.table)} ({names}{key})")

    def _create_temporary(self, found: Definition) -> None:
        if found.table in self._temporary:
            raise EngineError(DUPLICATE_TABLE, f"cannot use duplicate table name: {found.table}")
        names = ", ".join(_quoted(column.name) for column in found.columns)
        self._database.execute(f"CREATE TEMPORARY TABLE {_quoted(found.table)} ({names})")
        self._temporary[found.table] = {
            c.name: (CODES[c.type], c.length, c.scale) for c in found.columns
        }

    def _create_view(self, found: Definition) -> None:
        schema = self._free(found)
        target = _stored(schema, found.table)
        names = f" ({', '.join(map(_quoted, found.names))})" if found.names else ""
        query = self._sqlite_text(found.text)
        self._database.execute(f"CREATE VIEW {target}{names} AS {query}")
        # SQLite looks at a view's query only when it is run.
        cursor = self._database.execute(f"SELECT * FROM {target} LIMIT 0")
        self._database.execute(
            'INSERT INTO "SYS.VIEWS" VALUES (?, ?, ?)', (schema, found.table, found.text)
        )
        for position, (name, *_) in enumerate(cursor.description, 1):
            column = Column(name, "NVARCHAR", 5000, 0, nullable=True)
            self._describe("VIEW", schema, found.table, column, position)

    def _describe(self, kind: str, schema: str, name: str, column: Column, position: int) -> None:
        length = column.length if column.type in _WITH_LENGTH else None
        self._database.execute(
            f'INSERT OR REPLACE INTO "SYS.{kind}_COLUMNS" '
            "VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, NULL, NULL)",
            (schema, name, column.name, position, column.type,
             "TRUE" if column.nullable else "FALSE", length, column.scale, column.comment or None),
        )  # fmt: skip

    def _drop_table(self, found: Definition) -> None:
        if found.table.startswith("#"):
            if self._temporary.pop(found.table, None) is None:
                raise EngineError(INVALID_TABLE, f"invalid table name: {found.table}")
            self._database.execute(f"DROP TABLE temp.{_quoted(found.table)}")
            return
        schema = self._needs(found)
        self._database.execute(f"DROP TABLE {_stored(schema, found.table)}")
        self._forget("TABLE", schema, found.table)

    def _drop_view(self, found: Definition) -> None:
        schema = found.schema or self._user
        if not self._is("VIEWS", schema, found.table):
            raise EngineError(INVALID_VIEW, f"invalid view name: {found.table}")
        self._database.execute(f"DROP VIEW {_stored(schema, found.table)}")
        self._forget("VIEW", schema, found.table)

    def _forget(self, kind: str, schema: str, name: str) -> None:
        for view in (f"{kind}S", f"{kind}_COLUMNS"):
            self._database.execute(
                f'DELETE FROM "SYS.{view}" WHERE SCHEMA_NAME = ? AND {kind}_NAME = ?',
                (schema, name),
            )

    def _add(self, found: Definition) -> None:
        schema = self._needs(found)
        target = _stored(schema, found.table)
        (last,) = self._database.execute(
            'SELECT max(POSITION) FROM "SYS.TABLE_COLUMNS" '
            "WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
            (schema, found.table),
        ).fetchone()
        for number, column in enumerate(found.columns, 1):
            if column.name in self.types(schema, found.table):
                raise EngineError(INVALID_COLUMN, f"column name already exists: {column.name}")
            self._describe("TABLE", schema, found.table, column, last + number)
            self._database.execute(f"ALTER TABLE {target} ADD COLUMN {_quoted(column.name)}")

    def _alter(self, found: Definition) -> None:
        schema = self._needs(found)
        target = _stored(schema, found.table)
        for column in found.columns:
            row = self._column(schema, found.table, column.name)
            kept = column
            if column.comment is None:
                kept = dataclasses.replace(column, comment=row["COMMENTS"])
            self._describe("TABLE", schema, found.table, kept, row["POSITION"])
            name = _quoted(column.name)
            rows = self._database.execute(f"SELECT rowid, {name} FROM {target}").fetchall()
            changed = [
                (cast(value, column.type, column.length, column.scale), rowid)
                for rowid, value in rows
            ]
            self._database.executemany(f"UPDATE {target} SET {name} = ? WHERE rowid = ?", changed)

    def _drop(self, found: Definition) -> None:
        schema = self._needs(found)
        for name in found.names:
            self._column(schema, found.table, name)
            self._database.execute(
                f"ALTER TABLE {_stored(schema, found.table)} DROP COLUMN {_quoted(name)}"
            )
            self._database.execute(
                'DELETE FROM "SYS.TABLE_COLUMNS" WHERE SCHEMA_NAME = ? AND TABLE_NAME = ? '
                "AND COLUMN_NAME = ?",
                (schema, found.table, name),
            )

    def _comment_table(self, found: Definition) -> None:
        self._database.execute(
            'UPDATE "SYS.TABLES" SET COMMENTS = ? WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?',
            (found.text or None, self._needs(found), found.table),
        )

    def _comment_column(self, found: Definition) -> None:
        schema = self._needs(found)
        self._column(schema, found.table, found.names[0])
        self._database.execute(
            'UPDATE "SYS.TABLE_COLUMNS" SET COMMENTS = ? WHERE SCHEMA_NAME = ? AND TABLE_NAME = ? '
            "AND COLUMN_NAME = ?",
            (found.text or None, schema, found.table, found.names[0]),
        )

    def _free(self, found: Definition) -> str:
        schema = found.schema or self._user
        if not self._database.execute(
            'SELECT 1 FROM "SYS.SCHEMAS" WHERE SCHEMA_NAME = ?', (schema,)
        ).fetchone():
            raise EngineError(INVALID_SCHEMA, f"invalid schema name: {schema}")
        if self._is("TABLES", schema, found.table) or self._is("VIEWS", schema, found.table):
            raise EngineError(DUPLICATE_TABLE, f"cannot use duplicate table name: {found.table}")
        return schema

    def _needs(self, found: Definition) -> str:
        schema = found.schema or self._user
        if not self._is("TABLES", schema, found.table):
            raise EngineError(
                INVALID_TABLE,
                f"invalid table name: Could not find table/view {found.table} in schema {schema}",
            )
        return schema

    def _is(self, view: str, schema: str, name: str) -> bool:
        query = f'SELECT 1 FROM "SYS.{view}" WHERE SCHEMA_NAME = ? AND {view[:-1]}_NAME = ?'
        return self._database.execute(query, (schema, name)).fetchone() is not None

    def _column(self, schema: str, table: str, name: str) -> dict[str, object]:
        cursor = self._database.execute(
            'SELECT * FROM "SYS.TABLE_COLUMNS" WHERE SCHEMA_NAME = ? AND TABLE_NAME = ? '
            "AND COLUMN_NAME = ?",
            (schema, table, name),
        )
        row = cursor.fetchone()
        if row is None:
            raise EngineError(INVALID_COLUMN, f"invalid column name: {name}")
        return dict(zip((c[0] for c in cursor.description), row, strict=True))


def _stored(schema: str, name: str) -> str:
    """SQLite's name of an object: it has no schemas, and takes ``a`` and ``A`` for one."""
    capitals = "".join("U" if letter.isupper() else "l" for letter in schema + name)
    mark = f"/{capitals}" if "U" in capitals and schema != "SYS" else ""
    return _quoted(f"{schema}.{name}{mark}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
