"""Lineage of all views together: in dependency order, and followed down to base tables.

Belongs here: views that read views, cycles, base tables. Does not belong here: the lineage of a
single query (``lineage.py``), sharing the work out (``lineage_work.py``).
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from amodels_assets.sgmi.garbage import collecting_rarely
from amodels_assets.sgmi.influence import (
    IDENTITY,
    Influences,
    OutputColumn,
    SourceColumn,
    after,
)
from amodels_assets.sgmi.lineage import QueryLineage, query_lineage
from amodels_assets.sgmi.view_query import QueryError, parse_query, recursion_limit

ObjectName = tuple[str, str]
_RECURSION_LIMIT = 20_000


@dataclass(frozen=True)
class ViewQuery:
    """What lineage needs of a view: its body, and the names of an explicit column list."""

    body: str
    columns: tuple[str, ...] = ()


@dataclass
class ViewLineage:
    """Lineage of views, direct and to base tables.

    Attributes:
        direct: Sources are the tables and views that the body names.
        base: Sources are tables, and views that could not be followed.
        schemas: Columns and types of what has been followed, in order.
        reads: Tables and views that its body names.
        problems: Code and sentence of what could not be resolved.
        failures: Views whose body cannot be parsed.
        cycles: Views that read themselves by way of others.
    """

    direct: dict[ObjectName, QueryLineage] = field(default_factory=dict)
    base: dict[ObjectName, QueryLineage] = field(default_factory=dict)
    schemas: dict[ObjectName, dict[str, str]] = field(default_factory=dict)
    reads: dict[ObjectName, set[ObjectName]] = field(default_factory=dict)
    problems: dict[ObjectName, list[tuple[str, str]]] = field(default_factory=dict)
    failures: dict[ObjectName, QueryError] = field(default_factory=dict)
    cycles: set[ObjectName] = field(default_factory=set)


def view_lineage(
    views: Mapping[ObjectName, ViewQuery], tables: Mapping[ObjectName, Mapping[str, str]]
) -> ViewLineage:
    """Lineage of all views.

    Args:
        views: By database and name.
        tables: Columns and types of every table, in order, by database and name.
    """
    lineage = ViewLineage()
    follow(views, views, tables, lineage)
    return lineage


def follow(
    wanted: Iterable[ObjectName],
    views: Mapping[ObjectName, ViewQuery],
    tables: Mapping[ObjectName, Mapping[str, str]],
    lineage: ViewLineage,
) -> None:
    """Add the lineage of some views, and of those that they read and that are not there yet.

    Args:
        wanted: Names of views.
        views: All of them.
        tables: Columns and types of every table.
        lineage: Gets what is found.
    """
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
        if key not in lineage.schemas:
            return dict.fromkeys(views[key].columns, "") or None
        return lineage.schemas[key]

    def analyse(key: ObjectName) -> None:
        if key in lineage.schemas or key in lineage.failures:
            return
        in_progress.add(key)
        try:
            query = query_lineage(parse_query(views[key].body), key[0], schema)
            found = _named(query, views[key].columns)
        except QueryError as error:
            lineage.failures[key] = error
        else:
            lineage.direct[key] = found
            lineage.reads[key] = found.tables
            lineage.problems[key] = found.problems
            lineage.schemas[key] = {n: c.type for n, c in found.columns.items() if n != "*"}
        finally:
            in_progress.discard(key)

    with recursion_limit(_RECURSION_LIMIT), collecting_rarely():
        for key in wanted:
            analyse(key)
            # Nodes of a syntax tree know their parents: only a collection frees them.
            gc.collect(0)
        for key in lineage.direct:
            _base(key, lineage)


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
