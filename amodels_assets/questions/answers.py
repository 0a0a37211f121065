"""Normal forms of answers: when two texts say the same.

Belongs here: what scoring compares. Does not belong here: the right answers. A normal form is
tolerant of notation (quotes, case, spaces, the order of a list, ``integer`` for ``int``) and of
nothing else: an answer with one name too many is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from amodels_assets.questions.names import LISTS

DIALECT = "hive"
_SEPARATORS = re.compile(r"[,;\n]|\band\b")
_FENCE = re.compile(r"```\w*\n(.*?)\n?```", re.DOTALL)
_MARKS = " \t\r\n`\"'.*"
_SAME_TYPE = {
    "integer": "int",
    "numeric": "decimal",
    "dec": "decimal",
    "double precision": "double",
}
_TYPE_NAME = re.compile(r"\b(" + "|".join(_SAME_TYPE) + r")\b")


def normal_form(kind: str, text: str) -> str:
    """The text as it is compared.

    Args:
        kind: One of ``names.KINDS``.
        text: An answer, right or wrong.

    Example:
        >>> normal_form("downstream", "`db.b` and db.a")
        'db.a, db.b'
        >>> normal_form("column_type", "DECIMAL(18, 2).")
        'decimal(18,2)'
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if kind == "sql":
        return _normal_query(text)
    if kind == "column_type":
        named = _TYPE_NAME.sub(lambda found: _SAME_TYPE[found[0]], text.casefold())
        return "".join(named.strip(_MARKS).split())
    if kind in LISTS:
        names = (name.strip(_MARKS).casefold() for name in _SEPARATORS.split(text.casefold()))
        return ", ".join(sorted({name for name in names if name}))
    words = " ".join(text.casefold().split()).strip(" `\"'.")
    return words.removeprefix("cron ") if kind == "schedule" else words


def is_accepted(kind: str, text: str, accepted: Collection[str]) -> bool:
    """Whether an answer is right.

    Args:
        kind: One of ``names.KINDS``.
        text: The answer.
        accepted: Normal forms of the right ones.
    """
    return normal_form(kind, text) in accepted


def _normal_query(text: str) -> str:
    fenced = _FENCE.fullmatch(text)
    statement = (fenced[1] if fenced else text).strip(" \n;")
    try:
        tree = parse_one(statement, read=DIALECT)
    except SqlglotError:
        return " ".join(statement.split())
    return normal_query(tree)


def normal_query(tree: exp.Expr) -> str:
    """A query without quotes and with names in lower case; the tree is changed."""
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.name.lower())
        name.set("quoted", False)
    return tree.sql(dialect=DIALECT)


def query_names(text: str) -> tuple[set[str], set[str]] | None:
    """Tables (``database.table``) and columns that a query names; None where it is no query."""
    try:
        tree = parse_one(text, read=DIALECT)
    except SqlglotError:
        return None
    if not isinstance(tree, exp.Select):
        return None
    tables = {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table)}
    return tables, {column.name for column in tree.find_all(exp.Column)}
