"""The statements that a replica needs, by the grammar of SAP's SQL reference; nothing else passes.

Belongs here: taking a statement apart. What is no statement of this grammar is a syntax error, as
it would be in the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s+|(?P<quoted>"(?:[^"]|"")+")|(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_#$]*)|(?P<sign><>|!=|<=|>=|\|\||[-+*/%=<>(),.?;])"""
)
# SAP HANA SQL Reference, "Data Types": those that a replica uses, with how many arguments.
TYPES = {
    "SMALLINT": (0, 0), "INTEGER": (0, 0), "BIGINT": (0, 0), "DECIMAL": (0, 2), "REAL": (0, 0),
    "DOUBLE": (0, 0), "NVARCHAR": (1, 1), "NCLOB": (0, 0), "BLOB": (0, 0), "BOOLEAN": (0, 0),
    "TIMESTAMP": (0, 0), "DATE": (0, 0),
}  # fmt: skip
LONGEST_NAME = 127
_LONGEST_NVARCHAR, _LARGEST_PRECISION = 5000, 38


class GrammarError(Exception):
    """The statement is not in the grammar; the message says where."""


@dataclass(frozen=True)
class Token:
    """A piece of a statement: ``kind`` is quoted, text, number, word or sign."""

    kind: str
    text: str

    @property
    def name(self) -> str:
        """An identifier as the catalog has it: unquoted ones in capitals."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"')
        return self.text.upper()


@dataclass(frozen=True)
class Column:
    """A column's definition."""

    name: str
    type: str
    length: int
    scale: int
    nullable: bool
    comment: str | None = None


@dataclass(frozen=True)
class Definition:
    """A statement that defines something.

    ``verb`` is create_schema, create_table, drop_table, drop_schema, add, alter, drop,
    comment_table, comment_column or set_transaction.
    """

    verb: str
    schema: str = ""
    table: str = ""
    columns: tuple[Column, ...] = ()
    names: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    text: str = ""


def tokens(statement: str) -> list[Token]:
    """The pieces of a statement."""
    found, at = [], 0
    while at < len(statement):
        match = _TOKEN.match(statement, at)
        if match is None:
            raise GrammarError(
                f'sql syntax error: incorrect syntax near "{statement[at : at + 20]}"'
            )
        if match.lastgroup:
            found.append(Token(match.lastgroup, match[0]))
        at = match.end()
    return found


class _Reader:
    def __init__(self, statement: str) -> None:
        self._tokens = tokens(statement)
        self._at = 0

    def word(self, *words: str) -> bool:
        """Take these words if they are next."""
        ahead = self._tokens[self._at : self._at + len(words)]
        if [t.text.upper() for t in ahead] != list(words) or any(t.kind == "quoted" for t in ahead):
            return False
        self._at += len(words)
        return True

    def need(self, *words: str) -> None:
        if not self.word(*words):
            self.fail()

    def fail(self) -> None:
        near = self._tokens[self._at].text if self._at < len(self._tokens) else "the end"
        raise GrammarError(f'sql syntax error: incorrect syntax near "{near}"')

    def take(self, *kinds: str) -> Token:
        if self._at >= len(self._tokens) or self._tokens[self._at].kind not in kinds:
            self.fail()
        self._at += 1
        return self._tokens[self._at - 1]

    def name(self) -> str:
        found = self.take("quoted", "word").name
        if len(found) > LONGEST_NAME:
            raise GrammarError("identifier is too long")
        return found

    def place(self) -> tuple[str, str]:
        first = self.name()
        return (first, self.name()) if self.word(".") else ("", first)

    def number(self) -> int:
        return int(self.take("number").text)

    def end(self) -> None:
        if self._at < len(self._tokens):
            self.fail()

    def column(self) -> Column:
        name = self.name()
        type_ = self.take("word").text.upper()
        if type_ not in TYPES:
            raise GrammarError(f"invalid datatype: {type_}")
        arguments = []
        if self.word("("):
            arguments.append(self.number())
            while self.word(","):
                arguments.append(self.number())
            self.need(")")
        least, most = TYPES[type_]
        if not least <= len(arguments) <= most:
            raise GrammarError(f"invalid datatype: {type_} with {len(arguments)} arguments")
        length, scale = (*arguments, 0, 0)[:2]
        if type_ == "NVARCHAR" and not 1 <= length <= _LONGEST_NVARCHAR:
            raise GrammarError(f"specified length too long for its datatype: {length}")
        if type_ == "DECIMAL" and arguments and not (scale <= length <= _LARGEST_PRECISION):
            raise GrammarError(f"precision or scale out of range: {length}, {scale}")
        nullable = not self.word("NOT", "NULL")
        if nullable:
            self.word("NULL")
        comment = self.text() if self.word("COMMENT") else None
        return Column(name, type_, length, scale, nullable, comment)

    def text(self) -> str:
        return self.take("text").text[1:-1].replace("''", "'")

    def columns(self) -> tuple[tuple[Column, ...], tuple[str, ...]]:
        self.need("(")
        columns, key = [], []
        while True:
            if self.word("PRIMARY", "KEY", "("):
                key.append(self.name())
                while self.word(","):
                    key.append(self.name())
                self.need(")")
            else:
                columns.append(self.column())
            if not self.word(","):
                break
        self.need(")")
        return tuple(columns), tuple(key)


def definition(statement: str) -> Definition | None:
    """A statement that defines something, taken apart; None for one that reads or writes rows."""
    reader = _Reader(statement)
    found = _definition(reader)
    if found is not None:
        reader.end()
    return found


def _definition(reader: _Reader) -> Definition | None:
    if reader.word("CREATE", "SCHEMA"):
        return Definition("create_schema", reader.name())
    if reader.word("CREATE", "TABLE") or reader.word("CREATE", "COLUMN", "TABLE"):
        place = reader.place()
        columns, key = reader.columns()
        comment = reader.text() if reader.word("COMMENT") else ""
        return Definition("create_table", *place, columns=columns, key=key, text=comment)
    if reader.word("DROP", "TABLE"):
        return Definition("drop_table", *reader.place())
    if reader.word("ALTER", "TABLE"):
        return _alter(reader, *reader.place())
    if reader.word("COMMENT", "ON", "TABLE"):
        place = reader.place()
        reader.need("IS")
        return Definition("comment_table", *place, text=reader.text())
    if reader.word("COMMENT", "ON", "COLUMN"):
        schema, table = reader.place()
        reader.need(".")
        name = reader.name()
        reader.need("IS")
        return Definition("comment_column", schema, table, names=(name,), text=reader.text())
    if reader.word("SET", "TRANSACTION", "LOCK", "WAIT", "TIMEOUT"):
        reader.number()
        return Definition("set_transaction")
    for verb in ("SELECT", "INSERT", "DELETE", "UPDATE"):
        if reader.word(verb):
            return None
    reader.fail()
    return None


def _alter(reader: _Reader, schema: str, table: str) -> Definition:
    for verb in ("ADD", "ALTER"):
        if reader.word(verb):
            columns, _ = reader.columns()
            return Definition(verb.lower(), schema, table, columns)
    reader.need("DROP", "(")
    names = [reader.name()]
    while reader.word(","):
        names.append(reader.name())
    reader.need(")")
    return Definition("drop", schema, table, names=tuple(names))
