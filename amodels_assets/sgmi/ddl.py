"""A lexer for the regular shape of ``CREATE TABLE`` in a dump, forgiving where clauses are torn.

Belongs here: databases, tables, their columns, partitions, storage and properties. Does not belong
here: views (``views.py``), several statements together (``hive.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from amodels_assets.sgmi.patterns import (
    BLOCK_COMMENT,
    INSIDE_STRING,
    LINE_COMMENT,
    LITERAL,
    STRING,
)

# name, simple type, optional comment, and what follows the column
_COLUMN = re.compile(
    r"\s*(?:`([^`]*)`|([A-Za-z_]\w*))\s+([A-Za-z_]\w*(?:\s+precision)?(?:\s*\([\d\s,]*\))?)"
    rf"(?:\s+COMMENT\s+({LITERAL}))?\s*([,)])",
    re.IGNORECASE | re.DOTALL,
)
# A table's own constraint stands where a column could; Hive writes them since version 2.1.
_TABLE_CONSTRAINT = re.compile(
    r"\s*(?:CONSTRAINT\s+(?:`[^`]*`|\w+)\s+)?(PRIMARY\s+KEY|FOREIGN\s+KEY|UNIQUE|CHECK)\s*\(",
    re.IGNORECASE,
)
_COLUMN_CONSTRAINT = re.compile(
    r"\s+(?:CONSTRAINT\s+(?:`[^`]*`|\w+)\s+)?"
    r"(?:NOT\s+NULL|PRIMARY\s+KEY|UNIQUE|DEFAULT|CHECK|(?:EN|DIS)ABLE)\b[^<>]*$",
    re.IGNORECASE,
)
_LITERAL = re.compile(LITERAL, re.DOTALL)
_NAME_AND_SPACE = re.compile(r"\s*(?:`([^`]*)`|([A-Za-z_]\w*))\s+", re.DOTALL)
_COMMENT = re.compile(rf"\s+COMMENT\s+({LITERAL})", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(
    rf"\s*(?:({LINE_COMMENT}|{BLOCK_COMMENT})|({LITERAL})"
    r"|`([^`]*)`|([\w.$-]+)|(\S))",
    re.DOTALL,
)
HEADER = re.compile(
    r"\s*CREATE\s+(?P<modifiers>(?:(?:EXTERNAL|MANAGED|TEMPORARY|TRANSACTIONAL)\s+)*)TABLE\s+"
    r"(?:IF\s+NOT\s+EXISTS\s+)?"
    r"(?P<name>(?:`[^`]*`|\w+)(?:\s*\.\s*(?:`[^`]*`|\w+))?)\s*(?P<open>\(?)",
    re.IGNORECASE,
)
DATABASE = re.compile(
    r"\s*CREATE\s+(?:DATABASE|SCHEMA)\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:`([^`]*)`|(\w+))"
    rf"(?:\s+COMMENT\s+{STRING})?(?:.*?\bLOCATION\s+'({INSIDE_STRING})')?",
    re.IGNORECASE | re.DOTALL,
)
USE = re.compile(r"\s*USE\s+(?:`([^`]*)`|(\w+))\s*$", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}
_KEYS = ("comment", "location")
_FORMATS = (
    ("orc", "orc"),
    ("parquet", "parquet"),
    ("avro", "avro"),
    ("hbase", "hbase"),
    ("rcfile", "rcfile"),
    ("sequencefile", "sequencefile"),
    ("json", "json"),
    ("csv", "csv"),
    ("textfile", "text"),
    ("textinputformat", "text"),
    ("lazysimple", "text"),
)


class DdlError(Exception):
    """A statement that cannot be read; the message says what is missing."""


class Column(NamedTuple):
    """One column: name lower-cased, type lower-cased without spaces."""

    name: str
    type: str
    comment: str
    is_partition: bool = False


@dataclass(slots=True)
class Columns:
    """Columns in order, partition columns last.

    Lists beside each other, because warehouses have so many of them.

    Attributes:
        names: Lower-cased.
        types: Hive's, lower-cased, without spaces; empty where unknown.
        comments: Empty where there is none.
        partitions: How many of the last are partition columns.
        primary_key: Columns of the primary key, empty where none is stated.
    """

    names: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    partitions: int = 0
    primary_key: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Column]:
        first = len(self.names) - self.partitions
        for position, each in enumerate(zip(self.names, self.types, self.comments, strict=True)):
            yield Column(*each, position >= first)


@dataclass
class Table:
    """One table as its statement says it.

    Attributes:
        database: Named in the statement, or None.
        name: Lower-cased.
        external: Whether the statement says EXTERNAL.
        columns: In order, partition columns last.
        format: Storage format, empty when the statement does not tell.
        location: Where its files lie, may be empty.
        comment: The table's own comment.
        properties: TBLPROPERTIES.
        serde_properties: SERDEPROPERTIES.
        storage: Classes or words that tell the format.
        orphans: Quoted literals whose keyword is gone.
        first_orphan: Offset of the first of them in the statement.
        problems: Sentences on what is torn, with the offset in the statement.
        complete: Whether the column list is closed; a cut statement may lack columns.
    """

    database: str | None
    name: str
    external: bool
    columns: Columns = field(default_factory=Columns)
    format: str = ""
    location: str = ""
    comment: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    serde_properties: dict[str, str] = field(default_factory=dict)
    storage: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    first_orphan: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    complete: bool = True


def unquote(literal: str) -> str:
    """The text that a quoted string stands for."""
    body = literal[1:-1]
    if "\\" not in body:
        return body
    return _ESCAPE.sub(lambda m: _ESCAPED.get(m.group(1), m.group(1)), body)


def split_name(text: str) -> tuple[str | None, str]:
    """Database, or None, and object of a possibly qualified, possibly backticked name."""
    parts = [p or q for p, q in re.findall(r"`([^`]*)`|(\w+)", text)]
    if len(parts) == 1 and "." in parts[0]:
        parts = parts[0].split(".", 1)
    names = [p.strip().lower() for p in parts]
    return (names[-2] if len(names) > 1 else None, names[-1])


def parse_table(text: str) -> Table:
    """Read one ``CREATE TABLE``.

    Args:
        text: The statement, without semicolon.

    Raises:
        DdlError: No table name or no column can be made out.
    """
    header = HEADER.match(text)
    if header is None:
        raise DdlError("no table name can be made out")
    database, name = split_name(header["name"])
    table = Table(database, name, "external" in header["modifiers"].lower())
    position = header.end()
    if header["open"]:
        position, table.complete = parse_columns(text, position, table.columns)
    if table.complete:
        _clauses(text, position, table)
    elif not table.columns:
        raise DdlError("the column list is cut before its first column ends")
    table.format = _format(table)
    return table


def parse_columns(text: str, position: int, columns: Columns) -> tuple[int, bool]:
    """Read a list of typed columns.

    Args:
        text: Statement.
        position: Offset after the opening parenthesis.
        columns: Gets them.

    Returns:
        The offset after the closing parenthesis, and whether there was one.
    """
    names, types, comments = columns.names, columns.types, columns.comments
    while True:
        match = _COLUMN.match(text, position)
        if match:
            quoted, bare, type_, comment, end = match.groups()
            position = match.end()
        elif constraint := _TABLE_CONSTRAINT.match(text, position):
            position, key, end = _constraint(text, constraint)
            if end and constraint[1].lower().startswith("primary"):
                columns.primary_key = key
            if end == ")":
                return position, True
            if not end:
                return position, False
            continue
        else:
            general = _general_column(text, position)
            if general is None:
                skipped = _empty_or_end(text, position)
                return skipped or position, skipped is not None
            quoted, bare, type_, comment, end, position = general
        names.append((quoted if quoted is not None else bare).strip().lower())
        if not match and (stated := _COLUMN_CONSTRAINT.search(type_)):
            type_ = type_[: stated.start()]
            if re.search(r"\bPRIMARY\s+KEY\b", stated[0], re.IGNORECASE):
                columns.primary_key = (names[-1],)
        types.append(_plain_type(type_))
        comments.append(unquote(comment) if comment else "")
        if end == ")":
            return position, True


@lru_cache(maxsize=10_000)
def _plain_type(type_: str) -> str:
    """Lower-cased, without spaces; the same string for the same type."""
    return "".join(type_.split()).lower()


def _empty_or_end(text: str, position: int) -> int | None:
    """After a dangling comma, or in an empty list, the parenthesis may close at once."""
    match = re.compile(r"\s*\)").match(text, position)
    return match.end() if match else None


def _constraint(text: str, constraint: re.Match[str]) -> tuple[int, tuple[str, ...], str]:
    """Offset after a table's constraint, the columns that it names, and what ends it."""
    names: list[str] = []
    depth, listed = 0, False
    for match in _TOKEN.finditer(text, constraint.end() - 1):
        mark = match[5]
        if depth == 0 and mark in (",", ")"):
            return match.end(), tuple(names), mark
        depth += {"(": 1, ")": -1}.get(mark, 0)
        listed = listed or depth == 0
        name = match[3] if match[3] is not None else match[4]
        if name and not listed:
            names.append(name.lower())
    return len(text), tuple(names), ""


def _general_column(
    text: str, position: int
) -> tuple[str | None, str, str, str | None, str, int] | None:
    """A column whose type is nested (map, array, struct, uniontype) or that has constraints."""
    name = _NAME_AND_SPACE.match(text, position)
    if name is None:
        return None
    start = at = name.end()
    depth = 0
    limit = len(text)
    comment = None
    type_end = None
    while at < limit:
        char = text[at]
        if char in "<(":
            depth += 1
        elif char == ">" or (char == ")" and depth):
            depth -= 1
        elif depth == 0 and char in ",)":
            type_ = text[start : type_end if type_end is not None else at]
            return name.group(1), name.group(2), type_.strip(), comment, char, at + 1
        elif depth == 0 and char.isspace() and comment is None:
            found = _COMMENT.match(text, at)
            if found:
                type_end, comment = at, found.group(1)
                at = found.end()
                continue
        elif char in "'\"":
            literal = _LITERAL.match(text, at)
            if literal is None or not _COLUMN_CONSTRAINT.search(text[start:at]):
                return None
            at = literal.end()
            continue
        at += 1
    return None


def _clauses(text: str, position: int, table: Table) -> None:  # noqa: PLR0912
    """Everything after the column list, in any order, with or without its keywords."""
    tokens = _tokens(text, position)
    index = 0
    while index < len(tokens):
        kind, value, offset = tokens[index]
        word = value.lower() if kind == "word" else ""
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        literal = following[1] if following and following[0] == "string" else None
        if word in _KEYS and literal is not None:
            setattr(table, word, unquote(literal))
            index += 2
        elif word == "partitioned":
            opening = _next_punctuation(tokens, index, "(")
            if opening is None:
                table.problems.append((offset, "PARTITIONED BY without columns"))
                index += 1
                continue
            before = len(table.columns)
            end, closed = parse_columns(text, tokens[opening][2] + 1, table.columns)
            table.columns.partitions += len(table.columns) - before
            table.complete = table.complete and closed
            index = next((i for i, t in enumerate(tokens) if t[2] >= end), len(tokens))
        elif word in ("clustered", "sorted", "skewed"):
            opening = _next_punctuation(tokens, index, "(")
            index = index + 1 if opening is None else _closing(tokens, opening) + 1
        elif word in ("serdeproperties", "tblproperties"):
            opening = _next_punctuation(tokens, index, "(")
            end = len(tokens) if opening is None else _closing(tokens, opening) + 1
            if end > len(tokens):
                table.problems.append((offset, f"{value.upper()} is cut"))
            into = table.serde_properties if word[0] == "s" else table.properties
            _pairs(tokens[index:end], into)
            index = end
        elif word in ("serde", "inputformat", "outputformat", "by") and literal is not None:
            # TERMINATED BY ',' is no class; STORED BY '...' is.
            if word != "by" or "." in literal:
                table.storage.append(unquote(literal))
            index += 2
        elif word == "as" and following and following[0] in ("word", "string"):
            # STORED AS ORC; or NULL DEFINED AS '\\N', which tells nothing.
            if following[0] == "word" and not _is_keyword(following[1]):
                table.storage.append(following[1])
                index += 1
            index += 1 if following[0] == "word" else 2
        elif kind == "string":
            index = _orphan(tokens, index, table)
        else:
            index += 1


_Token = tuple[str, str, int]


def _tokens(text: str, position: int) -> list[_Token]:
    found: list[_Token] = []
    kinds = ("comment", "string", "name", "word", "punctuation")
    for match in _TOKEN.finditer(text, position):
        group = match.lastindex or 5
        if group > 1:
            found.append((kinds[group - 1], match.group(group), match.start(group)))
    return found


def _next_punctuation(tokens: list[_Token], index: int, mark: str) -> int | None:
    for i in range(index + 1, min(index + 4, len(tokens))):
        if tokens[i][0] == "punctuation" and tokens[i][1] == mark:
            return i
    return None


def _closing(tokens: list[_Token], opening: int) -> int:
    depth = 0
    for i in range(opening, len(tokens)):
        if tokens[i][0] == "punctuation":
            depth += {"(": 1, ")": -1}.get(tokens[i][1], 0)
            if depth == 0:
                return i
    return len(tokens)


def _pairs(tokens: list[_Token], into: dict[str, str]) -> None:
    for i in range(len(tokens) - 2):
        left, middle, right = tokens[i], tokens[i + 1], tokens[i + 2]
        if left[0] == right[0] == "string" and middle[1] == "=":
            into[unquote(left[1])] = unquote(right[1])


def _orphan(tokens: list[_Token], index: int, table: Table) -> int:
    """A literal without its keyword: what it is shows by itself."""
    literal = unquote(tokens[index][1])
    if not table.orphans:
        table.first_orphan = tokens[index][2]
    table.orphans.append(literal)
    pair = tokens[index + 1 : index + 3]
    if len(pair) == 2 and pair[0][1] == "=" and pair[1][0] == "string":
        table.properties[literal] = unquote(pair[1][1])
        return index + 3
    if "://" in literal:
        table.location = table.location or literal
    elif "." in literal:
        table.storage.append(literal)
    return index + 1


def _is_keyword(word: str) -> bool:
    return word.lower() in ("inputformat", "outputformat")


def _format(table: Table) -> str:
    storage = " ".join(table.storage).lower()
    return next((label for name, label in _FORMATS if name in storage), "")
