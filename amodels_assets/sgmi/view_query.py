"""A view's query as a syntax tree, or why there is none.

Belongs here: parsing and its limits. Does not belong here: what the query means (``lineage.py``).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from amodels_assets.sgmi.patterns import BACKQUOTED, LINE_COMMENT, LITERAL

# Deeper nesting than any person writes; the compiled parser recurses on the C stack.
DEEPEST_NESTING = 500
# The parser recurses without parentheses too (CASE in CASE); more would overflow the C stack.
_PARSER_RECURSION_LIMIT = 4_000
_DEPTH_TOKEN = re.compile(rf"{LITERAL}|{BACKQUOTED}|{LINE_COMMENT}|([(\[])|([)\]])", re.DOTALL)


class QueryError(Exception):
    """A query that cannot be parsed.

    Attributes:
        line: Line within the query, from 1.
    """

    def __init__(self, message: str, line: int = 1) -> None:
        """Keep the sentence and the line."""
        super().__init__(message)
        self.line = line


def parse_query(body: str) -> exp.Expr:
    """Parse a view's body.

    Raises:
        QueryError: It is no query, is cut, or is nested too deep.
    """
    opening = body.count("(") + body.count("[")
    if opening > DEEPEST_NESTING and nesting(body) > DEEPEST_NESTING:
        raise QueryError(f"it is nested deeper than {DEEPEST_NESTING} levels")
    try:
        with recursion_limit(_PARSER_RECURSION_LIMIT):
            parsed = sqlglot.parse_one(body, read="hive")
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        line = details[0].get("line") or 1
        reason = details[0].get("description") or str(error).split("\n", maxsplit=1)[0]
        raise QueryError(_plain(reason), line) from error
    except RecursionError as error:
        raise QueryError("it is nested too deep") from error
    if not isinstance(parsed, exp.Query):
        raise QueryError("it is no query")
    return parsed


def nesting(text: str) -> int:
    """How deep parentheses and brackets are nested, outside strings and comments."""
    depth = deepest = 0
    for match in _DEPTH_TOKEN.finditer(text):
        if match.group(1):
            depth += 1
            deepest = max(deepest, depth)
        elif match.group(2):
            depth -= 1
    return deepest


@contextmanager
def recursion_limit(limit: int) -> Generator[None]:
    """Let Python recurse to another depth for a while."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _plain(message: str) -> str:
    """Without the terminal's colours, on one line."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", message).split())[:200]
