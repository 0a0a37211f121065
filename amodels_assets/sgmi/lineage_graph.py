"""Lineage of all views together: in dependency order, and followed down to base tables.

Belongs here: which view needs which, cycles, base tables. Does not belong here: the lineage of a
single query (``lineage.py``).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from amodels_assets.sgmi.influence import (
    CONDITIONAL,
    IDENTITY,
    Influences,
    OutputColumn,
    SourceColumn,
    after,
)
from amodels_assets.sgmi.lineage import QueryLineage, query_lineage

ObjectName = tuple[str, str]
# Deeper nesting than any person writes; the compiled parser recurses on the C stack.
DEEPEST_NESTING = 500
_RECURSION_LIMIT = 20_000
# The parser recurses without parentheses too (CASE in CASE); more would overflow the C stack.
_PARSER_RECURSION_LIMIT = 4_000
_DEPTH_TOKEN = re.compile(
    r"'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\"|`[^`]*+`|--[^\n]*+|([(\[])|([)\]])", re.DOTALL
)


class QueryError(Exception):
    """A query that cannot be parsed.

    Attributes:
        line: Line within the query, from 1.
    """

    def __init__(self, message: str, line: int = 1) -> None:
        """Keep the sentence and the line."""
        super().__init__(message)
        self.line = line


@dataclass
class ViewLineage:
    """Lineage of every view, direct and to base tables.

    Attributes:
        direct: Sources are the tables and views that the body names.
        base: Sources are tables, and views that could not be followed.
        failures: Views whose body cannot be parsed.
        cycles: Views that read themselves by way of others.
    """

    direct: dict[ObjectName, QueryLineage] = field(default_factory=dict)
    base: dict[ObjectName, QueryLineage] = field(default_factory=dict)
    failures: dict[ObjectName, QueryError] = field(default_factory=dict)
    cycles: set[ObjectName] = field(default_factory=set)


@dataclass(frozen=True)
class ViewQuery:
    """What lineage needs of a view: its body, and the names of an explicit column list."""

    body: str
    columns: tuple[str, ...] = ()


def parse_query(body: str) -> exp.Expr:
    """Parse a view's body.

    Raises:
        QueryError: It is no query, is cut, or is nested too deep.
    """
    if nesting(body) > DEEPEST_NESTING:
        raise QueryError(f"it is nested deeper than {DEEPEST_NESTING} levels")
    try:
        with _recursion_limit(_PARSER_RECURSION_LIMIT):
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


def view_lineage(
    views: Mapping[ObjectName, ViewQuery], tables: Mapping[ObjectName, dict[str, str]]
) -> ViewLineage:
    """Lineage of all views.

    Args:
        views: By database and name.
        tables: Columns and types of every table, in order, by database and name.
    """
    lineage = ViewLineage()
    in_progress: set[ObjectName] = set()

    def schema(database: str, name: str) -> dict[str, str] | None:
        key = (database, name)
        if key in tables:
            return tables[key]
        if key not in views:
            return None
        if key in in_progress:
            lineage.cycles.add(key)
            return None
        analyse(key)
        found = lineage.direct.get(key)
        if found is None:
            return dict.fromkeys(views[key].columns, "") or None
        return {column: output.type for column, output in found.columns.items() if column != "*"}

    def analyse(key: ObjectName) -> None:
        if key in lineage.direct or key in lineage.failures:
            return
        in_progress.add(key)
        try:
            found = query_lineage(parse_query(views[key].body), key[0], schema)
            lineage.direct[key] = _named(found, views[key].columns)
        except QueryError as error:
            lineage.failures[key] = error
        finally:
            in_progress.discard(key)

    with _recursion_limit(_RECURSION_LIMIT):
        for key in views:
            analyse(key)
        for key in lineage.direct:
            _base(key, lineage)
    return lineage


def _named(found: QueryLineage, names: tuple[str, ...]) -> QueryLineage:
    if not names:
        return found
    outputs = list(found.columns.values())
    outputs += [OutputColumn() for _ in range(len(names) - len(outputs))]
    if len(found.columns) != len(names):
        text = f"the view names {len(names)} columns, its body has {len(found.columns)}"
        found.problems.append(("view_column_count", text))
    columns = dict(zip(names, outputs, strict=False))
    return QueryLineage(columns, found.rows, found.tables, found.problems)


def _base(
    key: ObjectName, lineage: ViewLineage, above: frozenset[ObjectName] = frozenset()
) -> QueryLineage | None:
    """Lineage of one view with every view among its sources replaced by that view's own."""
    if key in lineage.base:
        return lineage.base[key]
    direct = lineage.direct.get(key)
    if direct is None or key in above:
        return None
    below = above | {key}
    parents = {parent: _base(parent, lineage, below) for parent in sorted(direct.tables)}
    rows = _followed(direct.rows, parents)
    tables: set[ObjectName] = set()
    for parent, found in parents.items():
        if found is None:
            tables.add(parent)
        else:
            tables |= found.tables
            # Whoever reads a view gets only the rows that it lets through.
            for source, bits in found.rows.items():
                rows[source] = rows.get(source, 0) | bits
    columns = {
        name: OutputColumn(_followed(column.sources, parents), column.type)
        for name, column in direct.columns.items()
    }
    result = QueryLineage(columns, rows, tables, [])
    lineage.base[key] = result
    return result


def _followed(sources: Influences, parents: Mapping[ObjectName, QueryLineage | None]) -> Influences:
    followed: Influences = {}
    for source, bits in sources.items():
        parent = parents.get((source[0], source[1]))
        column = parent.columns.get(source[2]) if parent else None
        inner: Mapping[SourceColumn, int] = {source: IDENTITY} if column is None else column.sources
        for origin, kinds in inner.items():
            followed[origin] = followed.get(origin, 0) | after(bits, kinds)
    return followed


def is_indirect(bits: int) -> bool:
    """Whether one bit stands for an indirect influence."""
    return bits >= CONDITIONAL


def _plain(message: str) -> str:
    """Without the terminal's colours, on one line."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", message).split())[:200]


@contextmanager
def _recursion_limit(limit: int) -> Generator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
