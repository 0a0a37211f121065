"""What stands behind the wire: one session, its rows in SQLite.

Each statement reads what was committed before it (SAP HANA's READ COMMITTED); a definition commits
by itself, before and after. Belongs here: executing statements. Does not belong here: their grammar
(``grammar.py``), definitions (``catalog.py``) and the wire (``server.py``).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.hana.catalog import Catalog
from tests.hana.errors import (
    GENERAL,
    INVALID_COLUMN,
    INVALID_TABLE,
    INVALID_TYPE,
    LOCK_TIMEOUT,
    TOO_LARGE,
    EngineError,
)
from tests.hana.functions import ConversionError, install
from tests.hana.grammar import definition
from tests.hana.locks import LOCKS
from tests.hana.reader import TYPES, GrammarError, Token, tokens
from tests.hana.values import CODES, NVARCHAR

Types = dict[str, tuple[int, int, int]]


@dataclass
class Result:
    """What a statement gives: columns with type codes and scales, and rows, or a number of rows."""

    columns: list[tuple[str, int, int]] | None
    rows: list[tuple]
    affected: tuple[int, ...] = (0,)


class Engine:
    """One session."""

    def __init__(self, path: Path, user: str) -> None:
        """Open a session of a user on a database file."""
        self._database = sqlite3.connect(
            path, isolation_level=None, timeout=30, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA case_sensitive_like = ON")
        install(self._database)
        self._user = user
        self._catalog = Catalog(self._database, user, self._sqlite_text)
        self._wait = 1800.0

    def close(self) -> None:
        """End the session; what was not committed is lost."""
        self.rollback()
        self._database.close()

    def commit(self) -> None:
        """Commit the session's transaction."""
        if self._database.in_transaction:
            self._database.execute("COMMIT")
        LOCKS.release(self)

    def rollback(self) -> None:
        """Roll the session's transaction back."""
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")
        LOCKS.release(self)

    def parameters(self, statement: str) -> list[tuple[int, int, int]]:
        """Type code, length and scale of each parameter."""
        pieces = tokens(statement)
        count = sum(piece.text == "?" for piece in pieces)
        if [p.text.upper() for p in pieces[:2]] != ["INSERT", "INTO"] or not count:
            return [(NVARCHAR, 5000, 0)] * count
        known = self._catalog.types(*_place(pieces, 2, self._user))
        if not known:
            raise EngineError(INVALID_TABLE, f"invalid table name: {pieces[2].name}")
        opening = next(i for i, piece in enumerate(pieces) if piece.text == "(")
        closing = next(i for i, piece in enumerate(pieces) if piece.text == ")")
        names = [p.name for p in pieces[opening + 1 : closing] if p.kind in ("quoted", "word")]
        missing = [name for name in names if name not in known]
        if missing:
            raise EngineError(INVALID_COLUMN, f"invalid column name: {missing[0]}")
        return [known[name] for name in names]

    def execute(self, statement: str, rows: list[list[object]] | None, *, commit: bool) -> Result:
        """Execute a statement, once for each row of parameters.

        Raises:
            EngineError: It fails.
        """
        try:
            found = definition(statement)
            if found is None:
                result = self._run(statement, rows)
            else:
                result = Result(None, [])
                if found.verb == "set_transaction":
                    self._wait = int(found.text) / 1000
                elif found.verb == "lock_table":
                    LOCKS.take(self, self._target(found.schema, found.table), self._wait)
                    commit = False
                else:
                    self.commit()
                    self._may_change(self._target(found.schema, found.table))
                    self._catalog.define(found)
        except GrammarError as error:
            raise EngineError(error.number, str(error)) from error
        except ConversionError as error:
            raise EngineError(INVALID_TYPE, str(error)) from error
        except sqlite3.Error as error:
            raise _translated(error) from error
        if commit:
            self.commit()
        return result

    def _run(self, statement: str, rows: list[list[object]] | None) -> Result:
        pieces = tokens(statement)
        verb = pieces[0].text.upper()
        text, known = self._rewritten(pieces)
        if verb in ("SELECT", "WITH", "("):
            cursor = self._database.execute(text, (rows or [[]])[0])
            found = cursor.fetchall()
            names = [column[0] for column in cursor.description]
            columns = [(name, *_described(name, known, found, at)) for at, name in enumerate(names)]
            return Result(columns, found)
        self._may_change(_place(pieces, 1 if verb == "UPDATE" else 2, self._user))
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")
        if verb == "INSERT" and rows:
            _check_lengths(self.parameters(statement), rows)
        changed = tuple(self._database.execute(text, row).rowcount for row in rows or [[]])
        return Result(None, [], changed)

    def _may_change(self, place: tuple[str, str]) -> None:
        LOCKS.wait(self, place, self._wait)

    def _target(self, schema: str, table: str) -> tuple[str, str]:
        return schema or self._user, table

    def _sqlite_text(self, query: str) -> str:
        return self._rewritten(tokens(query))[0]

    def _rewritten(self, pieces: list[Token]) -> tuple[str, Types]:
        """The statement for SQLite, where a schema is a part of the name; types of its columns."""
        out: list[str] = []
        known: Types = {}
        constants = {
            "CURRENT_USER": self._user,
            "CURRENT_TRANSACTION_ISOLATION_LEVEL": "READ COMMITTED",
        }
        # Casts that are open, by how many parentheses are open in them.
        casts: list[int] = []
        at = 0
        while at < len(pieces):
            piece, word = pieces[at], pieces[at].text.upper()
            following = pieces[at + 1].text if at + 1 < len(pieces) else ""
            named = piece.kind in ("quoted", "word")
            name = self._catalog.stored(piece, pieces[at + 2 :]) if following == "." else None
            if named and name is not None:
                known |= self._catalog.types(piece.name, pieces[at + 2].name)
                out.append(name)
                at += 3
                continue
            if named and piece.name.startswith("#"):
                known |= self._catalog.types(self._user, piece.name)
            if word == "CAST" and piece.kind == "word" and following == "(":
                casts.append(0)
                out.append("HANA_CAST")
            elif word == "AS" and piece.kind == "word" and casts and casts[-1] == 1:
                type_, at = _type(pieces, at + 1)
                casts.pop()
                out.append(f", {type_})")
            elif word == "DUMMY" and piece.kind == "word":
                out.append('"SYS.DUMMY"')
            elif word in constants and piece.kind == "word":
                out.append("'" + constants[word].replace("'", "''") + "'")
            else:
                if casts:
                    casts[-1] += (word == "(") - (word == ")")
                out.append(piece.text)
            at += 1
        return " ".join(out), known


def _type(pieces: list[Token], at: int) -> tuple[str, int]:
    """Arguments of a cast, and the place of the parenthesis that ends it."""
    name, numbers = pieces[at].text.upper(), []
    if name not in TYPES:
        raise GrammarError(f"invalid datatype: {name}")
    at += 1
    if pieces[at].text == "(":
        end = next(i for i in range(at, len(pieces)) if pieces[i].text == ")")
        numbers = [piece.text for piece in pieces[at:end] if piece.kind == "number"]
        at = end + 1
    length, scale = (*numbers, "0", "0")[:2]
    return f"'{name}', {length}, {scale}", at


def _place(pieces: list[Token], at: int, user: str) -> tuple[str, str]:
    if at + 2 < len(pieces) and pieces[at + 1].text == ".":
        return pieces[at].name, pieces[at + 2].name
    return user, pieces[at].name


def _check_lengths(types: list[tuple[int, int, int]], rows: list[list[object]]) -> None:
    for row in rows:
        for value, (code, size, _) in zip(row, types, strict=True):
            if code == NVARCHAR and isinstance(value, str) and len(value) > size:
                raise EngineError(
                    TOO_LARGE, "inserted value too large for column: Failed in the column"
                )


def _translated(error: sqlite3.Error) -> EngineError:
    text = str(error)
    if "locked" in text:
        return EngineError(
            LOCK_TIMEOUT, "transaction rolled back by lock wait timeout: Lock-wait timeout exceeded"
        )
    if "no such table" in text or "unknown database" in text:
        return EngineError(INVALID_TABLE, f"invalid table name: {text}")
    if "no such column" in text:
        return EngineError(INVALID_COLUMN, f"invalid column name: {text.rpartition(': ')[2]}")
    return EngineError(GENERAL, f"general error: {text}")


def _described(name: str, known: Types, rows: list[tuple], position: int) -> tuple[int, int]:
    """Type code and scale of a result's column."""
    found = known.get(name) or known.get(name.upper())
    return (found[0], found[2]) if found else (_code(rows, position), 0)


def _code(rows: list[tuple], position: int) -> int:
    values = [row[position] for row in rows if row[position] is not None]
    if values and all(isinstance(value, int) for value in values):
        return CODES["BIGINT"]
    if values and all(isinstance(value, int | float) for value in values):
        return CODES["DOUBLE"]
    return NVARCHAR
