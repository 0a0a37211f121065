"""Statements that a replica needs, by the grammar of SAP's SQL reference; nothing else passes.

What is no statement of this grammar is a syntax error, as it would be in the server.
Belongs here: statements that define something. Does not belong here: queries and rows
(``query.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.hana import query
from tests.hana.reader import Column, GrammarError, Reader


@dataclass(frozen=True)
class Definition:
    """A statement that defines something.

    ``verb`` is create_schema, drop_schema, create_table, create_temporary, drop_table, add, alter,
    drop, create_view, drop_view, comment_table, comment_column, lock_table or set_transaction.
    ``text`` is a comment, or a view's query.
    """

    verb: str
    schema: str = ""
    table: str = ""
    columns: tuple[Column, ...] = ()
    names: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    text: str = ""


def definition(statement: str) -> Definition | None:
    """A statement that defines something, taken apart; None for one that reads or writes rows.

    Raises:
        GrammarError: It is neither.
    """
    reader = Reader(statement)
    found = _definition(reader)
    if found is not None:
        reader.end()
    return found


def _definition(reader: Reader) -> Definition | None:
    for verb in ("SELECT", "WITH", "(", "INSERT", "DELETE", "UPDATE"):
        if reader.ahead(verb):
            query.check(reader)
            return None
    if reader.word("CREATE"):
        return _create(reader)
    if reader.word("DROP", "SCHEMA"):
        name = reader.name()
        reader.need("CASCADE")
        return Definition("drop_schema", name)
    if reader.word("DROP", "TABLE"):
        return Definition("drop_table", *reader.place())
    if reader.word("DROP", "VIEW"):
        return Definition("drop_view", *reader.place())
    if reader.word("ALTER", "TABLE"):
        return _alter(reader, *reader.place())
    if reader.word("COMMENT", "ON"):
        return _comment(reader)
    if reader.word("LOCK", "TABLE"):
        place = reader.place()
        reader.need("IN", "EXCLUSIVE", "MODE")
        return Definition("lock_table", *place)
    reader.need("SET", "TRANSACTION", "LOCK", "WAIT", "TIMEOUT")
    return Definition("set_transaction", text=str(reader.number()))


def _create(reader: Reader) -> Definition:
    if reader.word("SCHEMA"):
        return Definition("create_schema", reader.name())
    if reader.word("VIEW"):
        place = reader.place()
        names = reader.names() if reader.ahead("(") else []
        reader.need("AS")
        return Definition("create_view", *place, names=tuple(names), text=query.taken(reader))
    verb = "create_table"
    if reader.word("LOCAL", "TEMPORARY", "COLUMN", "TABLE"):
        verb = "create_temporary"
    elif not reader.word("COLUMN", "TABLE"):
        reader.need("TABLE")
    place = reader.place()
    if place[1].startswith("#") != (verb == "create_temporary"):
        raise GrammarError(f"invalid table name: {place[1]}")
    columns, key = reader.columns()
    comment = reader.text() if reader.word("COMMENT") else ""
    return Definition(verb, *place, columns=columns, key=key, text=comment)


def _comment(reader: Reader) -> Definition:
    if reader.word("TABLE"):
        place = reader.place()
        reader.need("IS")
        return Definition("comment_table", *place, text=reader.text())
    reader.need("COLUMN")
    schema, table = reader.place()
    reader.need(".")
    name = reader.name()
    reader.need("IS")
    return Definition("comment_column", schema, table, names=(name,), text=reader.text())


def _alter(reader: Reader, schema: str, table: str) -> Definition:
    for verb in ("ADD", "ALTER"):
        if reader.word(verb):
            columns, _ = reader.columns()
            return Definition(verb.lower(), schema, table, columns)
    reader.need("DROP")
    return Definition("drop", schema, table, names=tuple(reader.names()))
