"""A small tree of Hive queries that knows its own text and its own lineage.

Belongs here: expressions, queries, how they are spelled, and where their columns come from. Does
not belong here: which queries a warehouse has (``views.py``).

The lineage is computed from the tree, never from the text, so it can judge whoever reads the
text. Rules: a column passed on unchanged is IDENTITY, through any function, operator, cast, CASE
or IF result or lateral view TRANSFORMATION, into an aggregate (windowed or not) AGGREGATION; the
conditions of CASE and IF are CONDITIONAL, PARTITION BY and ORDER BY of a window WINDOW. Rows are
chosen by ON (JOIN), WHERE and HAVING (FILTER), GROUP BY (GROUP_BY) and ORDER BY (SORT). Of two
steps in a row the weaker counts: AGGREGATION over TRANSFORMATION over IDENTITY; any indirect step
makes the whole indirect, and of several the one nearest to the output names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Step(Enum):
    """How a source matters, in OpenLineage's terms."""

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    CONDITIONAL = "CONDITIONAL"
    WINDOW = "WINDOW"
    JOIN = "JOIN"
    FILTER = "FILTER"
    GROUP_BY = "GROUP_BY"
    SORT = "SORT"

    @property
    def kind(self) -> str:
        """``DIRECT`` or ``INDIRECT``."""
        return "DIRECT" if self in DIRECT else "INDIRECT"

    def after(self, inner: Step) -> Step:
        """This step, taken on the result of ``inner``."""
        if self not in DIRECT:
            return self
        if inner not in DIRECT:
            return inner
        return max(self, inner, key=DIRECT.index)


# From the strongest to the weakest.
DIRECT = (Step.IDENTITY, Step.TRANSFORMATION, Step.AGGREGATION)


class Source(NamedTuple):
    """A column of a table or view."""

    database: str
    table: str
    column: str


Sources = frozenset[tuple[Source, Step]]
Scope = Mapping[str, Mapping[str, Sources]]
NOTHING: Sources = frozenset()


def through(step: Step, *parts: Sources) -> Sources:
    """All sources of the parts, after one more step."""
    return frozenset((source, step.after(inner)) for part in parts for source, inner in part)


def quoted(name: str) -> str:
    """A name in backticks."""
    return f"`{name}`"


@dataclass(frozen=True)
class Column:
    """A qualified column."""

    qualifier: str
    name: str

    def sql(self) -> str:
        """Its text."""
        return f"{quoted(self.qualifier)}.{quoted(self.name)}"

    def sources(self, scope: Scope) -> Sources:
        """Where it comes from."""
        return scope[self.qualifier][self.name]


@dataclass(frozen=True)
class Formula:
    """Anything written as a pattern around other expressions; a constant has none.

    ``template`` holds ``{0}``, ``{1}``, … where the arguments go.
    """

    template: str
    arguments: tuple[Expression, ...] = ()
    step: Step = Step.TRANSFORMATION

    def sql(self) -> str:
        """Its text."""
        return self.template.format(*(argument.sql() for argument in self.arguments))

    def sources(self, scope: Scope) -> Sources:
        """Where it comes from."""
        return through(self.step, *(argument.sources(scope) for argument in self.arguments))


@dataclass(frozen=True)
class Case:
    """``CASE WHEN … THEN … ELSE … END``, or ``if(…)`` where it has one branch and says so."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression
    as_if: bool = False

    def sql(self) -> str:
        """Its text."""
        if self.as_if:
            ((condition, result),) = self.branches
            return f"if({condition.sql()}, {result.sql()}, {self.otherwise.sql()})"
        whens = " ".join(f"WHEN {c.sql()} THEN {r.sql()}" for c, r in self.branches)
        return f"CASE {whens} ELSE {self.otherwise.sql()} END"

    def sources(self, scope: Scope) -> Sources:
        """Where it comes from."""
        results = [result.sources(scope) for _, result in self.branches]
        conditions = [condition.sources(scope) for condition, _ in self.branches]
        return through(Step.TRANSFORMATION, *results, self.otherwise.sources(scope)) | through(
            Step.CONDITIONAL, *conditions
        )


@dataclass(frozen=True)
class Window:
    """``function over (partition by … order by …)``."""

    function: Expression
    partition_by: tuple[Expression, ...]
    order_by: tuple[Expression, ...] = ()

    def sql(self) -> str:
        """Its text."""
        clauses = [f"partition by {', '.join(e.sql() for e in self.partition_by)}"]
        if self.order_by:
            clauses.append(f"order by {', '.join(e.sql() for e in self.order_by)} desc")
        return f"{self.function.sql()} over ({' '.join(clauses)})"

    def sources(self, scope: Scope) -> Sources:
        """Where it comes from."""
        chosen = [e.sources(scope) for e in (*self.partition_by, *self.order_by)]
        return self.function.sources(scope) | through(Step.WINDOW, *chosen)


Expression = Column | Formula | Case | Window


@dataclass(frozen=True)
class TableReference:
    """A table or view in FROM.

    Attributes:
        database: Where it lies.
        table: Its name.
        columns: Its columns.
        alias: None to refer to it by its own name.
        with_database: Whether the text names the database.
        missing: Columns that the query may name although the table has them no longer.
    """

    database: str
    table: str
    columns: tuple[str, ...]
    alias: str | None = None
    with_database: bool = True
    missing: tuple[str, ...] = ()

    @property
    def qualifier(self) -> str:
        """What its columns are qualified with."""
        return self.alias or self.table

    def sql(self, newline: str) -> str:  # noqa: ARG002 - the same signature as a subquery's
        """Its text."""
        name = quoted(self.table)
        if self.with_database:
            name = f"{quoted(self.database)}.{name}"
        return f"{name} {quoted(self.alias)}" if self.alias else name

    def outputs(self) -> dict[str, Sources]:
        """Its columns, each its own source."""
        return {
            name: frozenset({(Source(self.database, self.table, name), Step.IDENTITY)})
            for name in (*self.columns, *self.missing)
        }

    def rows(self) -> Sources:
        """A table chooses no rows."""
        return NOTHING


@dataclass(frozen=True)
class Subquery:
    """A query in FROM."""

    query: Query
    qualifier: str

    def sql(self, newline: str) -> str:
        """Its text."""
        return f"({self.query.sql(newline)}) {quoted(self.qualifier)}"

    def outputs(self) -> dict[str, Sources]:
        """Its columns."""
        return self.query.outputs()

    def rows(self) -> Sources:
        """What chooses its rows."""
        return self.query.rows()


Relation = TableReference | Subquery


@dataclass(frozen=True)
class Join:
    """One more relation; ``kind`` is ``JOIN``, ``LEFT OUTER JOIN`` or ``,``."""

    kind: str
    relation: Relation
    on: Expression | None = None


@dataclass(frozen=True)
class LateralView:
    """``LATERAL VIEW explode(…) t AS c``; ``columns`` are two for a map."""

    argument: Expression
    qualifier: str
    columns: tuple[str, ...]
    outer: bool = False


@dataclass(frozen=True)
class Select:
    """One SELECT.

    Attributes:
        columns: Output name and expression, in order.
        relation: The first in FROM.
        joins: The others.
        lateral_views: After the joins.
        where: Rows to keep.
        group_by: Expressions.
        having: Groups to keep.
        order_by: Expressions.
    """

    columns: tuple[tuple[str, Expression], ...]
    relation: Relation
    joins: tuple[Join, ...] = ()
    lateral_views: tuple[LateralView, ...] = ()
    where: Expression | None = None
    group_by: tuple[Expression, ...] = ()
    having: Expression | None = None
    order_by: tuple[Expression, ...] = ()

    def sql(self, newline: str) -> str:
        """Its text; ``newline`` separates clauses and columns, a space or a line end."""
        columns = f",{newline}".join(_spelled(name, e) for name, e in self.columns)
        text = f"select {columns}{newline}from {self.relation.sql(newline)}"
        for join in self.joins:
            text += ", " if join.kind == "," else f"{newline}{join.kind} "
            text += join.relation.sql(newline)
            text += f" ON {join.on.sql()}" if join.on else ""
        for view in self.lateral_views:
            outer = "OUTER " if view.outer else ""
            names = ", ".join(quoted(column) for column in view.columns)
            text += f"{newline}LATERAL VIEW {outer}explode({view.argument.sql()}) "
            text += f"{quoted(view.qualifier)} AS {names}"
        if self.where:
            text += f"{newline}where {self.where.sql()}"
        if self.group_by:
            text += f"{newline}group by {', '.join(e.sql() for e in self.group_by)}"
        if self.having:
            text += f"{newline}having {self.having.sql()}"
        if self.order_by:
            text += f"{newline}order by {', '.join(e.sql() for e in self.order_by)}"
        return text

    def outputs(self) -> dict[str, Sources]:
        """Sources of each output column, in order."""
        scope = self._scope()
        return {name: expression.sources(scope) for name, expression in self.columns}

    def rows(self) -> Sources:
        """What chooses the rows, here and in the relations."""
        scope = self._scope()
        found = self.relation.rows().union(*(join.relation.rows() for join in self.joins))
        for step, expressions in (
            (Step.JOIN, [join.on for join in self.joins]),
            (Step.FILTER, [self.where, self.having]),
            (Step.GROUP_BY, self.group_by),
            (Step.SORT, self.order_by),
        ):
            found |= through(step, *(e.sources(scope) for e in expressions if e is not None))
        return found

    def _scope(self) -> dict[str, dict[str, Sources]]:
        relations = [self.relation, *(join.relation for join in self.joins)]
        scope = {relation.qualifier: relation.outputs() for relation in relations}
        for view in self.lateral_views:
            sources = through(Step.TRANSFORMATION, view.argument.sources(scope))
            scope[view.qualifier] = dict.fromkeys(view.columns, sources)
        return scope


@dataclass(frozen=True)
class UnionAll:
    """``UNION ALL``; columns go together by position and are named by the first part."""

    parts: tuple[Select, ...] = field()

    def sql(self, newline: str) -> str:
        """Its text."""
        return f"{newline}UNION ALL{newline}".join(part.sql(newline) for part in self.parts)

    def outputs(self) -> dict[str, Sources]:
        """Sources of each output column, in order."""
        columns = [list(part.outputs().values()) for part in self.parts]
        names = list(self.parts[0].outputs())
        return {
            name: frozenset().union(*sources)
            for name, sources in zip(names, zip(*columns, strict=True), strict=True)
        }

    def rows(self) -> Sources:
        """What chooses the rows of any part."""
        return NOTHING.union(*(part.rows() for part in self.parts))


Query = Select | UnionAll


def _spelled(name: str, expression: Expression) -> str:
    text = expression.sql()
    # Hive leaves out the alias where the column keeps its name.
    if isinstance(expression, Column) and expression.name == name:
        return text
    return f"{text} as {quoted(name)}"
