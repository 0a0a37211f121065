"""What stands behind the wire: definitions and rows in SQLite, and SAP HANA's own catalog views.

A definition commits by itself, as in SAP HANA. Belongs here: executing statements. Does not belong
here: their grammar (``grammar.py``) and the wire.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.hana.grammar import Column, Definition, GrammarError, Token, definition, tokens
from tests.hana.values import CODES, NVARCHAR

_SYSTEM = """
CREATE TABLE IF NOT EXISTS "SYS.SCHEMAS" (SCHEMA_NAME TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS "SYS.TABLES" (SCHEMA_NAME, TABLE_NAME, COMMENTS,
  IS_USER_DEFINED_TYPE, IS_TEMPORARY, PRIMARY KEY (SCHEMA_NAME, TABLE_NAME));
CREATE TABLE IF NOT EXISTS "SYS.TABLE_COLUMNS" (SCHEMA_NAME, TABLE_NAME, COLUMN_NAME, POSITION,
  DATA_TYPE_NAME, DEFAULT_VALUE, IS_NULLABLE, LENGTH, SCALE, COMMENTS, GENERATED_ALWAYS_AS,
  GENERATION_TYPE, PRIMARY KEY (SCHEMA_NAME, TABLE_NAME, COLUMN_NAME));
CREATE TABLE IF NOT EXISTS "SYS.VIEWS" (SCHEMA_NAME, VIEW_NAME, DEFINITION);
CREATE TABLE IF NOT EXISTS "SYS.VIEW_COLUMNS" (SCHEMA_NAME, VIEW_NAME, COLUMN_NAME, POSITION,
  DATA_TYPE_NAME, DEFAULT_VALUE, IS_NULLABLE, LENGTH, SCALE, COMMENTS, GENERATED_ALWAYS_AS,
  GENERATION_TYPE);
CREATE TABLE IF NOT EXISTS "SYS.M_DATABASE" (VERSION);
CREATE TABLE IF NOT EXISTS "SYS.DUMMY" (DUMMY);
"""
# SAP HANA's error numbers.
SYNTAX, INVALID_TABLE, INVALID_COLUMN, INVALID_SCHEMA, DUPLICATE_TABLE = 257, 259, 260, 362, 288
TOO_LARGE, LOCK_TIMEOUT, GENERAL, DUPLICATE_SCHEMA = 274, 131, 2, 386


class EngineError(Exception):
    """A statement fails: number and text as SAP HANA gives them."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


@dataclass
class Result:
    """What a statement gives: columns with type codes and scales, and rows, or a number of rows."""

    columns: list[tuple[str, int, int]] | None
    rows: list[tuple]
    affected: tuple[int, ...] = (0,)


class Engine:
    """One session."""

    def __init__(self, path: Path, user: str) -> None:
        self._database = sqlite3.connect(path, isolation_level=None, timeout=1)
        self._user = user
        self._database.executescript(_SYSTEM)
        for schema in ("SYS", user):
            self._database.execute('INSERT OR IGNORE INTO "SYS.SCHEMAS" VALUES (?)', (schema,))
        if not self._database.execute('SELECT 1 FROM "SYS.DUMMY"').fetchone():
            self._database.execute("INSERT INTO \"SYS.DUMMY\" VALUES ('X')")
            self._database.execute("INSERT INTO \"SYS.M_DATABASE\" VALUES ('4.00.000.00')")

    def close(self) -> None:
        self._database.close()

    def commit(self) -> None:
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    def rollback(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")

    def parameters(self, statement: str) -> list[tuple[int, int, int]]:
        """Type code, length and scale of each parameter."""
        pieces = tokens(statement)
        count = sum(piece.text == "?" for piece in pieces)
        if [p.text.upper() for p in pieces[:2]] != ["INSERT", "INTO"]:
            return [(NVARCHAR, 5000, 0)] * count
        _, known = self._place(pieces, 2)
        opening = next(i for i, piece in enumerate(pieces) if piece.text == "(")
        closing = next(i for i, piece in enumerate(pieces) if piece.text == ")")
        names = [p.name for p in pieces[opening + 1 : closing] if p.kind in ("quoted", "word")]
        missing = [name for name in names if name not in known]
        if missing:
            raise EngineError(INVALID_COLUMN, f"invalid column name: {missing[0]}")
        return [known[name] for name in names]

    def execute(self, statement: str, rows: list[list[object]] | None, *, commit: bool) -> Result:
        """Execute a statement, once for each row of parameters."""
        try:
            defined = definition(statement)
            if defined is not None:
                self._define(defined)
                return Result(None, [])
            result = self._run(tokens(statement), rows)
        except GrammarError as error:
            raise EngineError(SYNTAX, str(error)) from error
        except sqlite3.OperationalError as error:
            number = LOCK_TIMEOUT if "locked" in str(error) else GENERAL
            raise EngineError(number, str(error)) from error
        except sqlite3.Error as error:
            raise EngineError(GENERAL, str(error)) from error
        if commit:
            self.commit()
        return result

    def _run(self, pieces: list[Token], rows: list[list[object]] | None) -> Result:
        if not self._database.in_transaction:
            self._database.execute("BEGIN")
        text, known = self._rewritten(pieces)
        if pieces[0].text.upper() == "SELECT":
            cursor = self._database.execute(text, (rows or [[]])[0])
            found = cursor.fetchall()
            names = [column[0] for column in cursor.description]
            columns = [
                (name, *_described(name, known, found, position))
                for position, name in enumerate(names)
            ]
            return Result(columns, found)
        if pieces[0].text.upper() == "INSERT" and rows:
            self._check_lengths(pieces, rows)
        changed = tuple(self._database.execute(text, row).rowcount for row in rows or [[]])
        return Result(None, [], changed)

    def _check_lengths(self, pieces: list[Token], rows: list[list[object]]) -> None:
        lengths = [size for _, size, _ in self.parameters(" ".join(p.text for p in pieces))]
        codes = [code for code, _, _ in self.parameters(" ".join(p.text for p in pieces))]
        for row in rows:
            for value, size, code in zip(row, lengths, codes, strict=True):
                if code == NVARCHAR and isinstance(value, str) and len(value) > size:
                    raise EngineError(TOO_LARGE, "inserted value too large for column")

    def _rewritten(self, pieces: list[Token]) -> tuple[str, dict[str, tuple[int, int, int]]]:
        """The statement for SQLite, where a schema is a part of the name; types of its columns."""
        schemas = {row[0] for row in self._database.execute('SELECT * FROM "SYS.SCHEMAS"')}
        out, known, at = [], {}, 0
        while at < len(pieces):
            piece = pieces[at]
            qualified = piece.kind in ("quoted", "word") and piece.name in schemas
            if qualified and at + 2 < len(pieces) and pieces[at + 1].text == ".":
                name, columns = self._place(pieces, at)
                known |= columns
                out.append('"' + name.replace('"', '""') + '"')
                at += 3
                continue
            if piece.kind == "word" and piece.text.upper() == "DUMMY":
                out.append('"SYS.DUMMY"')
            elif piece.kind == "word" and piece.text.upper() == "CURRENT_USER":
                out.append("'" + self._user.replace("'", "''") + "' AS CURRENT_USER")
            else:
                out.append(piece.text)
            at += 1
        return " ".join(out), known

    def _place(self, pieces: list[Token], at: int) -> tuple[str, dict[str, tuple[int, int, int]]]:
        schema, table = self._user, pieces[at].name
        if at + 2 < len(pieces) and pieces[at + 1].text == ".":
            schema, table = table, pieces[at + 2].name
        if schema == "SYS":
            return f"SYS.{table}", {}
        rows = self._database.execute(
            'SELECT COLUMN_NAME, DATA_TYPE_NAME, LENGTH, SCALE FROM "SYS.TABLE_COLUMNS" '
            "WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
            (schema, table),
        ).fetchall()
        if not rows:
            raise _no_table(table)
        return f"{schema}.{table}", {
            name: (CODES[t], size or 0, s or 0) for name, t, size, s in rows
        }

    def _define(self, found: Definition) -> None:
        if found.verb == "set_transaction":
            return
        self.commit()
        self._database.execute("BEGIN IMMEDIATE")
        try:
            getattr(self, f"_{found.verb}")(found)
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def _create_schema(self, found: Definition) -> None:
        try:
            self._database.execute('INSERT INTO "SYS.SCHEMAS" VALUES (?)', (found.schema,))
        except sqlite3.IntegrityError:
            raise EngineError(
                DUPLICATE_SCHEMA, f"cannot use duplicate schema name: {found.schema}"
            ) from None

    def _create_table(self, found: Definition) -> None:
        schema = found.schema or self._user
        if not self._has("SCHEMAS", SCHEMA_NAME=schema):
            raise EngineError(INVALID_SCHEMA, f"invalid schema name: {schema}")
        if self._has("TABLES", SCHEMA_NAME=schema, TABLE_NAME=found.table):
            raise EngineError(DUPLICATE_TABLE, f"cannot use duplicate table name: {found.table}")
        self._database.execute(
            'INSERT INTO "SYS.TABLES" VALUES (?, ?, ?, ?, ?)',
            (schema, found.table, found.text or None, "FALSE", "FALSE"),
        )
        for position, column in enumerate(found.columns, 1):
            self._describe(schema, found.table, column, position)
        names = ", ".join(_quoted(column.name) for column in found.columns)
        key = f", PRIMARY KEY ({', '.join(map(_quoted, found.key))})" if found.key else ""
        self._database.execute(f"CREATE TABLE {_quoted(f'{schema}.{found.table}')} ({names}{key})")

    def _describe(self, schema: str, table: str, column: Column, position: int) -> None:
        length = column.length if column.type in ("NVARCHAR", "DECIMAL") else None
        self._database.execute(
            'INSERT OR REPLACE INTO "SYS.TABLE_COLUMNS" VALUES (?,?,?,?,?,NULL,?,?,?,?,NULL,NULL)',
            (schema, table, column.name, position, column.type,
             "TRUE" if column.nullable else "FALSE", length, column.scale, column.comment),
        )  # fmt: skip

    def _drop_table(self, found: Definition) -> None:
        schema = self._needs(found)
        self._database.execute(f"DROP TABLE {_quoted(f'{schema}.{found.table}')}")
        for view in ("TABLES", "TABLE_COLUMNS"):
            self._database.execute(
                f'DELETE FROM "SYS.{view}" WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?',
                (schema, found.table),
            )

    def _add(self, found: Definition) -> None:
        schema = self._needs(found)
        (last,) = self._database.execute(
            'SELECT max(POSITION) FROM "SYS.TABLE_COLUMNS" '
            "WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
            (schema, found.table),
        ).fetchone()
        for number, column in enumerate(found.columns, 1):
            self._describe(schema, found.table, column, last + number)
            target = _quoted(f"{schema}.{found.table}")
            self._database.execute(f"ALTER TABLE {target} ADD COLUMN {_quoted(column.name)}")

    def _alter(self, found: Definition) -> None:
        schema = self._needs(found)
        for column in found.columns:
            where = {"SCHEMA_NAME": schema, "TABLE_NAME": found.table, "COLUMN_NAME": column.name}
            row = self._has("TABLE_COLUMNS", **where)
            if not row:
                raise EngineError(INVALID_COLUMN, f"invalid column name: {column.name}")
            position = row[3]
            kept = column if column.comment is not None else _with_comment(column, row[9])
            self._describe(schema, found.table, kept, position)

    def _drop(self, found: Definition) -> None:
        schema = self._needs(found)
        for name in found.names:
            self._database.execute(
                f"ALTER TABLE {_quoted(f'{schema}.{found.table}')} DROP COLUMN {_quoted(name)}"
            )
            self._database.execute(
                'DELETE FROM "SYS.TABLE_COLUMNS" WHERE SCHEMA_NAME = ? AND TABLE_NAME = ? '
                "AND COLUMN_NAME = ?",
                (schema, found.table, name),
            )

    def _comment_table(self, found: Definition) -> None:
        self._database.execute(
            'UPDATE "SYS.TABLES" SET COMMENTS = ? WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?',
            (found.text, self._needs(found), found.table),
        )

    def _comment_column(self, found: Definition) -> None:
        self._database.execute(
            'UPDATE "SYS.TABLE_COLUMNS" SET COMMENTS = ? WHERE SCHEMA_NAME = ? AND TABLE_NAME = ? '
            "AND COLUMN_NAME = ?",
            (found.text, self._needs(found), found.table, found.names[0]),
        )

    def _needs(self, found: Definition) -> str:
        schema = found.schema or self._user
        if not self._has("TABLES", SCHEMA_NAME=schema, TABLE_NAME=found.table):
            raise EngineError(
                INVALID_TABLE, f"invalid table name: Could not find table {found.table}"
            )
        return schema

    def _has(self, view: str, **values: str) -> tuple | None:
        condition = " AND ".join(f"{name} = ?" for name in values)
        query = f'SELECT * FROM "SYS.{view}" WHERE {condition}'
        return self._database.execute(query, tuple(values.values())).fetchone()


def _no_table(table: str) -> EngineError:
    return EngineError(INVALID_TABLE, f"invalid table name: Could not find table {table}")


def _with_comment(column: Column, comment: str | None) -> Column:
    return Column(column.name, column.type, column.length, column.scale, column.nullable, comment)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _described(
    name: str, known: dict[str, tuple[int, int, int]], rows: list[tuple], position: int
) -> tuple[int, int]:
    """Type code and scale of a result's column."""
    return (known[name][0], known[name][2]) if name in known else (_code(rows, position), 0)


def _code(rows: list[tuple], position: int) -> int:
    values = [row[position] for row in rows if row[position] is not None]
    if values and all(isinstance(value, int) for value in values):
        return CODES["BIGINT"]
    return CODES["DOUBLE"] if values and isinstance(values[0], float) else NVARCHAR
