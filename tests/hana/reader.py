"""The pieces of a statement, by SAP's SQL reference: identifiers, texts, numbers, types, columns.

Belongs here: reading pieces. Does not belong here: which follow one another in a statement
(``grammar.py``, ``query.py``).
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
# SAP HANA SQL Reference, "Reserved Words".
_RESERVED = (
    "ALL ALTER AS BEFORE BEGIN BOTH CASE CHAR CONDITION CONNECT CROSS CUBE CURRENT_CONNECTION "
    "CURRENT_DATE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP "
    "CURRENT_TRANSACTION_ISOLATION_LEVEL CURRENT_USER CURRENT_UTCDATE CURRENT_UTCTIME "
    "CURRENT_UTCTIMESTAMP CURRVAL CURSOR DECLARE DISTINCT ELSE ELSEIF END EXCEPT EXCEPTION EXEC "
    "FALSE FOR FROM FULL GROUP HAVING IF IN INNER INOUT INTERSECT INTO IS JOIN LEADING LEFT "
    "LIMIT LOOP MINUS NATURAL NCHAR NEXTVAL NULL ON ORDER OUT PRIOR RETURN RETURNS REVERSE "
    "RIGHT ROLLUP ROWID SELECT SESSION_USER SET SQL START SYSUUID TABLE TABLESAMPLE TOP "
    "TRAILING TRUE UNION UNKNOWN USING UTCTIMESTAMP VALUES WHEN WHERE WHILE WITH "
)
RESERVED_WORDS = frozenset(_RESERVED.split())
LONGEST_NAME = 127
_LONGEST_NVARCHAR, _LARGEST_PRECISION = 5000, 38


class GrammarError(Exception):
    """The statement is not in the grammar; the message says where.

    Attributes:
        number: As SAP HANA gives it.
    """

    number = 257


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


class Reader:
    """Takes the pieces of a statement one after the other."""

    def __init__(self, statement: str) -> None:
        """Begin at the beginning."""
        self._tokens = tokens(statement)
        self._at = 0

    @property
    def at(self) -> int:
        """Number of the next piece."""
        return self._at

    @at.setter
    def at(self, number: int) -> None:
        self._at = number

    def rest(self) -> str:
        """The pieces that are left, as a statement."""
        return " ".join(piece.text for piece in self._tokens[self._at :])

    def is_call(self) -> bool:
        """Whether a function's name and its parenthesis are next."""
        ahead = self._tokens[self._at : self._at + 2]
        return [t.kind for t in ahead] == ["word", "sign"] and ahead[1].text == "("

    def try_take(self, *kinds: str) -> bool:
        """Take a piece of one of these kinds if it is next."""
        if self._at >= len(self._tokens) or self._tokens[self._at].kind not in kinds:
            return False
        self._at += 1
        return True

    def try_name(self) -> bool:
        """Take an identifier if one is next."""
        at = self._at
        try:
            self.name()
        except GrammarError:
            self._at = at
            return False
        return True

    def word(self, *words: str) -> bool:
        """Take these words if they are next."""
        ahead = self._tokens[self._at : self._at + len(words)]
        if [t.text.upper() for t in ahead] != list(words) or any(t.kind == "quoted" for t in ahead):
            return False
        self._at += len(words)
        return True

    def ahead(self, *words: str) -> bool:
        """Whether these words are next."""
        at = self._at
        found = self.word(*words)
        self._at = at
        return found

    def need(self, *words: str) -> None:
        """Take these words, or fail."""
        if not self.word(*words):
            self.fail()

    def fail(self) -> None:
        """Say where the grammar ends."""
        near = self._tokens[self._at].text if self._at < len(self._tokens) else "the end"
        raise GrammarError(f'sql syntax error: incorrect syntax near "{near}"')

    def take(self, *kinds: str) -> Token:
        """Take a piece of one of these kinds."""
        if self._at >= len(self._tokens) or self._tokens[self._at].kind not in kinds:
            self.fail()
        self._at += 1
        return self._tokens[self._at - 1]

    def name(self) -> str:
        """Take an identifier."""
        piece = self.take("quoted", "word")
        if piece.kind == "word" and piece.text.upper() in RESERVED_WORDS:
            self._at -= 1
            self.fail()
        found = piece.name
        if len(found) > LONGEST_NAME:
            raise GrammarError("identifier is too long")
        return found

    def names(self) -> list[str]:
        """Take identifiers in parentheses."""
        self.need("(")
        found = [self.name()]
        while self.word(","):
            found.append(self.name())
        self.need(")")
        return found

    def place(self) -> tuple[str, str]:
        """Take schema and name; the schema is empty where none is given."""
        first = self.name()
        return (first, self.name()) if self.word(".") else ("", first)

    def number(self) -> int:
        """Take a whole number."""
        return int(self.take("number").text)

    def end(self) -> None:
        """Fail unless this is the end."""
        if self._at < len(self._tokens):
            self.fail()

    def column(self) -> Column:
        """Take a column's definition."""
        name = self.name()
        type_, length, scale = self.type()
        nullable = not self.word("NOT", "NULL")
        if nullable:
            self.word("NULL")
        comment = self.text() if self.word("COMMENT") else None
        return Column(name, type_, length, scale, nullable, comment)

    def type(self) -> tuple[str, int, int]:
        """Take a data type: its name, length or precision, and scale."""
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
        return type_, length, scale

    def text(self) -> str:
        """Take a text and give its value."""
        return self.take("text").text[1:-1].replace("''", "'")

    def columns(self) -> tuple[tuple[Column, ...], tuple[str, ...]]:
        """Take columns and a primary key in parentheses."""
        self.need("(")
        columns, key = [], []
        while True:
            if self.word("PRIMARY", "KEY"):
                key = self.names()
            else:
                columns.append(self.column())
            if not self.word(","):
                break
        self.need(")")
        return tuple(columns), tuple(key)
