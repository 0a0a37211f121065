"""The source's views in the target's SQL.

Belongs here: translating a query and its names, and the order in which views can be made. Does not
belong here: making them (``apply_views.py``) and what their columns come from (``sgmi``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from amodels_assets.artifacts import digest
from amodels_assets.schemas import hana_views
from amodels_assets.schemas.hana_words import UntranslatedError
from amodels_assets.schemas.identifiers import target_identifier
from amodels_assets.schemas.plan import PlannedTable, reserved, target_place
from amodels_assets.sgmi.view_query import QueryError, parse_query, recursion_limit

# sqlglot's name of each target that it writes for.
WRITERS = {"postgresql": "postgres", "sqlite": "sqlite"}
_RECURSION_LIMIT = 10_000
Key = tuple[str, str]


@dataclass(frozen=True)
class PlannedView:
    """A view as it should be.

    Attributes:
        database: In the source.
        view: In the source.
        schema: In the target; None where the target has no schemas.
        target_name: In the target.
        columns: Names in the target, in order.
        statement: Its query in the target's SQL; empty where there is an obstacle.
        reads: Tables and views of the source that it reads.
        obstacle: Why it cannot be made; empty when it can be tried.
    """

    database: str
    view: str
    schema: str | None
    target_name: str
    columns: tuple[str, ...]
    statement: str
    reads: tuple[Key, ...]
    obstacle: str = ""

    @property
    def key(self) -> Key:
        """Database and name in the source."""
        return self.database, self.view

    @property
    def place(self) -> tuple[str | None, str]:
        """Schema and name in the target."""
        return self.schema, self.target_name

    @property
    def definition(self) -> str:
        """Hash of all that decides how the view is made."""
        return digest([self.schema, self.target_name, self.columns, self.statement])


def plan_views(
    views: pa.Table,
    columns: pa.Table,
    table_lineage: pa.Table,
    tables: Sequence[PlannedTable],
    dialect: str,
) -> list[PlannedView]:
    """Plan every view of the catalog, each behind those that it reads.

    Args:
        views: The catalog's ``views``.
        columns: The catalog's ``columns``.
        table_lineage: The catalog's ``table_lineage``.
        tables: Planned tables of the same target.
        dialect: ``postgresql``, ``hana`` or ``sqlite``.
    """
    names: dict[Key, list[str]] = defaultdict(list)
    for row in columns.sort_by([("position", "ascending")]).to_pylist():
        names[row["database"], row["table"]].append(row["column"])
    reads: dict[Key, set[Key]] = defaultdict(set)
    for row in table_lineage.to_pylist():
        target = (row["target_database"], row["target_table"])
        reads[target].add((row["source_database"], row["source_table"]))
    known = {(t.database, t.table): t.obstacle for t in tables}
    taken = {table.place for table in tables}
    rows = {(row["database"], row["table"]): row for row in views.to_pylist()}
    planned: dict[Key, PlannedView] = {}
    for key in _sources_first(rows, reads):
        view = _view(rows[key], names[key], tuple(sorted(reads[key])), dialect)
        if view.place in taken:
            view = replace(view, statement="", obstacle="its name in the target is taken")
        obstacle = view.obstacle or _missing(view.reads, known)
        planned[key] = view = replace(view, obstacle=obstacle)
        known[key] = view.obstacle
        taken.add(view.place)
    return list(planned.values())


def _missing(reads: Iterable[Key], known: Mapping[Key, str]) -> str:
    for key in reads:
        if key not in known:
            return f"it reads {'.'.join(key)}, which is not in the dumps"
        if known[key]:
            return f"it reads {'.'.join(key)}, which is not in the replica"
    return ""


def _sources_first(views: Collection[Key], reads: Mapping[Key, set[Key]]) -> list[Key]:
    """Views, each behind those that it reads; what reads itself in a circle stands last."""
    edges = {key: sorted(reads.get(key, set()) & set(views)) for key in sorted(views)}
    while True:
        try:
            return list(TopologicalSorter(edges).static_order())
        except CycleError as error:
            # No target can make them in any order: each is refused when it is tried.
            for key in error.args[1]:
                edges[key] = []


def _view(
    row: Mapping[str, str], columns: Sequence[str], reads: tuple[Key, ...], dialect: str
) -> PlannedView:
    database, view = row["database"], row["table"]
    schema, target_name = target_place(database, view, dialect)
    obstacle, statement = reserved(database, view), ""
    try:
        statement = "" if obstacle else translated(row["query"], database, dialect)
    except UntranslatableError as error:
        obstacle = str(error)
    names = tuple(target_identifier(name, dialect) for name in columns)
    if not obstacle and len({name.lower() for name in names}) < len(names):
        statement, obstacle = "", "two of its columns have the same name"
    return PlannedView(database, view, schema, target_name, names, statement, reads, obstacle)


class UntranslatableError(Exception):
    """A query that the target cannot run; the message says why."""


def translated(query: str, database: str, dialect: str) -> str:
    """A Hive query in the target's SQL, every name quoted and in the place that it has there.

    Args:
        query: Hive SQL.
        database: Where unqualified names are looked up.
        dialect: ``postgresql``, ``hana`` or ``sqlite``.

    Raises:
        UntranslatableError: It cannot be read, or the target has no words for it.

    Example:
        >>> translated("select nvl(a, 1) x from t", "d", "sqlite")
        'SELECT COALESCE("a", 1) AS "x" FROM "d.t" AS "t"'
    """
    try:
        tree = parse_query(query)
        with recursion_limit(_RECURSION_LIMIT):
            _rename(tree, database, dialect)
            if dialect == "hana":
                return hana_views.write(tree)
            return tree.sql(
                dialect=WRITERS[dialect],
                unsupported_level=ErrorLevel.RAISE,
                identify=True,
                comments=False,
            )
    except UntranslatedError as error:
        raise UntranslatableError(str(error)) from error
    except QueryError as error:
        raise UntranslatableError(f"its query cannot be read: {error}") from error
    except SqlglotError as error:
        reason = (str(error).strip().splitlines() or ["it has no words for it"])[0]
        raise UntranslatableError(f"the target has no words for its query: {reason}") from error
    except RecursionError as error:
        raise UntranslatableError("its query is nested too deep") from error


def _rename(tree: exp.Expr, database: str, dialect: str) -> None:
    for identifier in tree.find_all(exp.Identifier):
        # Hive's names are of either case; the catalog and so the replica have them in lower case.
        identifier.set("this", target_identifier(identifier.name.lower(), dialect))
        identifier.set("quoted", True)
    common = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            continue
        if not table.db and table.name in common:
            continue
        source, name = table.db or database, table.name
        schema, target_name = target_place(source, name, dialect)
        if not table.alias:
            alias = exp.TableAlias(this=exp.to_identifier(name, quoted=True))
            table.set("alias", alias)
        table.set("this", exp.to_identifier(target_name, quoted=True))
        table.set("db", exp.to_identifier(schema, quoted=True) if schema else None)
        table.set("catalog", None)
    for column in tree.find_all(exp.Column):
        # A table's alias stands for it, also where the query named its database.
        column.set("db", None)
        column.set("catalog", None)
