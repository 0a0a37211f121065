"""Lineage of all views together: in dependency order, and followed down to base tables.

Belongs here: which view needs which, cycles, base tables. Does not belong here: the lineage of a
single query (``lineage.py``).
"""

from __future__ import annotations

import gc
import marshal
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
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
from amodels_assets.sgmi.parallel import can_fork, fair_shares, fork_map

ObjectName = tuple[str, str]
# Deeper nesting than any person writes; the compiled parser recurses on the C stack.
DEEPEST_NESTING = 500
_RECURSION_LIMIT = 20_000
# The parser recurses without parentheses too (CASE in CASE); more would overflow the C stack.
_PARSER_RECURSION_LIMIT = 4_000
_DEPTH_TOKEN = re.compile(
    r"'(?:[^'\\]++|\\.)*+'|\"(?:[^\"\\]++|\\.)*+\"|`[^`]*+`|--[^\n]*+|([(\[])|([)\]])", re.DOTALL
)
_WORD = re.compile(r"`([^`]*)`|\w+")


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
    opening = body.count("(") + body.count("[")
    if opening > DEEPEST_NESTING and nesting(body) > DEEPEST_NESTING:
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
    views: Mapping[ObjectName, ViewQuery],
    tables: Mapping[ObjectName, Mapping[str, str]],
    workers: int = 1,
) -> ViewLineage:
    """Lineage of all views.

    Args:
        views: By database and name.
        tables: Columns and types of every table, in order, by database and name.
        workers: Processes that follow views.

    Raises:
        WorkerError: One of several processes was killed.
    """
    lineage = ViewLineage()

    def follow(share: list[ObjectName]) -> bytes:
        return _packed(_follow(share, views, tables, lineage), share)

    for wave in waves(views):
        sizes = [len(views[key].body) for key in wave]
        shares = fair_shares(wave, sizes, workers if can_fork() else 1)
        if len(shares) == 1:
            _follow(wave, views, tables, lineage)
        else:
            for answer in fork_map(follow, shares):
                _unpack(answer, lineage)
    # What is left waits for itself.
    _follow(views, views, tables, lineage)
    with _recursion_limit(_RECURSION_LIMIT):
        for key in lineage.direct:
            _base(key, lineage)
    return lineage


def _follow(
    wanted: Iterable[ObjectName],
    views: Mapping[ObjectName, ViewQuery],
    tables: Mapping[ObjectName, Mapping[str, str]],
    lineage: ViewLineage,
) -> ViewLineage:
    """Add the direct lineage of some views, and of those that they read."""
    in_progress: set[ObjectName] = set()

    def schema(database: str, name: str) -> Mapping[str, str] | None:
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
        for key in wanted:
            analyse(key)
            # Nodes of a syntax tree know their parents: only a collection frees them.
            gc.collect(0)
    return lineage


def waves(views: Mapping[ObjectName, ViewQuery]) -> Iterator[list[ObjectName]]:
    """Views in groups, each reading only views of earlier groups.

    A view counts as read where its name stands in the body at all. Views that would have to wait
    for themselves are left out.
    """
    named: dict[str, list[ObjectName]] = {}
    for key in views:
        named.setdefault(key[1], []).append(key)
    waiting: dict[ObjectName, set[ObjectName]] = {}
    for key, view in views.items():
        words = {(m[1] or m[0]).lower() for m in _WORD.finditer(view.body)} & named.keys()
        waiting[key] = {other for word in words for other in named[word]} - {key}
    done: set[ObjectName] = set()
    while wave := [key for key, needed in waiting.items() if needed <= done]:
        yield wave
        done.update(wave)
        for key in wave:
            del waiting[key]


def _packed(lineage: ViewLineage, keys: Iterable[ObjectName]) -> bytes:
    """Lineage of some views for another process; objects would take many times as long."""
    direct = {
        key: (
            [(name, column.type, column.sources) for name, column in found.columns.items()],
            found.rows,
            list(found.tables),
            found.problems,
        )
        for key in keys
        if (found := lineage.direct.get(key)) is not None
    }
    failures = {
        key: (str(error), error.line)
        for key in keys
        if (error := lineage.failures.get(key)) is not None
    }
    return marshal.dumps((direct, failures, list(lineage.cycles)))


def _unpack(answer: bytes, lineage: ViewLineage) -> None:
    # Made by a process of this very program.
    direct, failures, cycles = marshal.loads(answer)  # noqa: S302
    lineage.cycles.update(cycles)
    for key, (columns, rows, tables, problems) in direct.items():
        outputs = {name: OutputColumn(sources, type_) for name, type_, sources in columns}
        lineage.direct[key] = QueryLineage(outputs, rows, set(tables), problems)
    for key, (message, line) in failures.items():
        lineage.failures[key] = QueryError(message, line)


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
