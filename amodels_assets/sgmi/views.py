"""``CREATE VIEW``: its name, column list and body. What the body reads is ``lineage.py``'s."""

from __future__ import annotations

import re
from dataclasses import dataclass

from amodels_assets.sgmi.ddl import DdlError, split_name, unquote
from amodels_assets.sgmi.patterns import STRING

_HEADER = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:MATERIALIZED\s+)?VIEW\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    r"(?P<name>(?:`[^`]*`|\w+)(?:\s*\.\s*(?:`[^`]*`|\w+))?)\s*",
    re.IGNORECASE,
)
_COLUMN = re.compile(
    rf"\s*(?:`([^`]*)`|(\w+))(?:\s+COMMENT\s+({STRING}))?\s*([,)])", re.IGNORECASE | re.DOTALL
)
_COMMENT = re.compile(rf"\s*COMMENT\s+({STRING})\s*", re.IGNORECASE | re.DOTALL)
_PROPERTIES = re.compile(r"\s*(?:TBLPROPERTIES|PARTITIONED\s+ON)\s*\(", re.IGNORECASE)
_PAIR = re.compile(rf"({STRING})\s*=\s*({STRING})", re.DOTALL)
_PROPERTIES_END = re.compile(rf"[^'()]*+(?:{STRING}[^'()]*+)*\)", re.DOTALL)
_AS = re.compile(r"\s*AS\b\s*", re.IGNORECASE)
_LEADING_COMMENT = re.compile(r"(?:\s*(?:--[^\n]*\n|/\*.*?\*/))+\s*", re.DOTALL)


@dataclass
class View:
    """One view as its statement says it.

    Attributes:
        database: Named in the statement, or None.
        name: Lower-cased.
        columns: Names and comments of an explicit column list; empty when the body names them.
        comment: The view's own comment.
        properties: TBLPROPERTIES.
        body: The query.
        body_offset: Where the query begins in the statement.
    """

    database: str | None
    name: str
    columns: list[tuple[str, str]]
    comment: str
    properties: dict[str, str]
    body: str
    body_offset: int


def parse_view(text: str) -> View:
    """Read one ``CREATE VIEW``.

    Args:
        text: The statement, without semicolon.

    Raises:
        DdlError: No name, or no body.
    """
    header = _HEADER.match(text)
    if header is None:
        raise DdlError("no view name can be made out")
    database, name = split_name(header["name"])
    position = header.end()
    columns: list[tuple[str, str]] = []
    if text[position : position + 1] == "(":
        position += 1
        while match := _COLUMN.match(text, position):
            quoted, bare, comment, end = match.groups()
            label = quoted if quoted is not None else bare
            columns.append((label.lower(), unquote(comment) if comment else ""))
            position = match.end()
            if end == ")":
                break
        else:
            raise DdlError(f"the column list of view {name} is cut")
    comment_text = ""
    properties: dict[str, str] = {}
    while True:
        if found := _COMMENT.match(text, position):
            comment_text, position = unquote(found.group(1)), found.end()
        elif found := _PROPERTIES.match(text, position):
            end = _PROPERTIES_END.match(text, found.end())
            if end is None:
                raise DdlError(f"the properties of view {name} are cut")
            for key, value in _PAIR.findall(end.group()):
                properties[unquote(key)] = unquote(value)
            position = end.end()
        else:
            break
    start = _AS.match(text, position)
    if start is None or not text[start.end() :].strip():
        raise DdlError(f"view {name} has no body")
    return View(database, name, columns, comment_text, properties, text[start.end() :], start.end())
