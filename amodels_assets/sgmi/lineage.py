"""Which columns a query's columns come from, in one pass over its scopes.

Belongs here: the lineage of one query to the tables and views that it names. Does not belong here:
following views down to base tables (``lineage_graph.py``).

Sets of sources are propagated from the innermost query
outwards, so that every expression is visited once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from amodels_assets.sgmi.expressions import steps_to_parts
from amodels_assets.sgmi.influence import (
    FILTER,
    GROUP_BY,
    IDENTITY,
    JOIN,
    SORT,
    TRANSFORMATION,
    Influences,
    OutputColumn,
    Relation,
    Schema,
    TableColumns,
    add_sources,
    step,
)
from amodels_assets.sgmi.scope import Scope, column_of
from amodels_assets.sgmi.syntax import in_text_order, write_out_windows


@dataclass
class QueryLineage:
    """Lineage of one query.

    Attributes:
        columns: Output columns in order.
        rows: Influences on the choice and order of all rows.
        tables: Every table or view that is read.
        problems: Code and sentence of what could not be resolved.
    """

    columns: Mapping[str, OutputColumn]
    rows: Influences
    tables: set[tuple[str, str]]
    problems: list[tuple[str, str]]


def query_lineage(query: exp.Expr, database: str, schema: Schema) -> QueryLineage:
    """Lineage of a parsed query.

    Args:
        query: SELECT or UNION.
        database: Where unqualified tables are looked up.
        schema: Gives the columns of a table or view by database and name.
    """
    analysis = _Analysis(database, schema)
    relation = analysis.query(query, None, {})
    return QueryLineage(relation.columns, relation.rows, analysis.tables, analysis.problems)


class _Analysis:
    def __init__(self, database: str, schema: Schema) -> None:
        self.database = database
        self.schema = schema
        self.tables: set[tuple[str, str]] = set()
        self.problems: list[tuple[str, str]] = []

    # Queries

    def query(self, node: exp.Expr, outer: Scope | None, queries: dict[str, Relation]) -> Relation:
        with_ = node.args.get("with_")
        if with_:
            queries = dict(queries)
            for cte in with_.expressions:
                relation = self.query(cte.this, outer, queries)
                queries[cte.alias.lower()] = _renamed(relation, cte.args.get("alias"))
        if isinstance(node, exp.SetOperation):
            return self.union(node, outer, queries)
        if isinstance(node, exp.Select):
            return self.select(node, outer, queries)
        if isinstance(node, exp.Subquery):
            relation = self.query(node.this, outer, queries)
            return _renamed(relation, node.args.get("alias"))
        if isinstance(node, exp.Values):
            return _renamed(Relation(), node.args.get("alias"))
        self.problems.append(("query_not_understood", f"{node.key} is not understood"))
        return Relation(open=True)

    def union(
        self, node: exp.SetOperation, outer: Scope | None, queries: dict[str, Relation]
    ) -> Relation:
        if not isinstance(node, exp.Union):
            return self.difference(node, outer, queries)
        branches: list[exp.Expr] = []
        at: exp.Expr = node
        # Long unions lean to the left: walked, not recursed into.
        while isinstance(at, exp.Union) and not (at is not node and at.args.get("with_")):
            branches.append(at.expression)
            at = at.this
        branches.append(at)
        relations = [self.query(branch, outer, queries) for branch in reversed(branches)]
        merged_columns: dict[str, OutputColumn] = {}
        result = Relation(merged_columns, open=any(r.open for r in relations))
        first = relations[0]
        for relation in relations:
            add_sources(result.rows, relation.rows, IDENTITY)
            if len(relation.columns) != len(first.columns) and not result.open:
                text = f"a UNION of {len(first.columns)} and {len(relation.columns)} columns"
                self.problems.append(("union_column_count", text))
        columns = [list(relation.columns.values()) for relation in relations]
        for position, name in enumerate(first.columns):
            merged = OutputColumn()
            there = [branch[position] for branch in columns if position < len(branch)]
            for column in there:
                add_sources(merged.sources, column.sources, IDENTITY)
            # Of different types Hive makes a wider one.
            if len({column.type for column in there}) == 1:
                merged.type = there[0].type
            merged_columns[name] = merged
        scope = Scope(outer, queries)
        scope.add("", result)
        self.order(node, scope, list(merged_columns.values()), result.rows)
        return result

    def difference(
        self, node: exp.SetOperation, outer: Scope | None, queries: dict[str, Relation]
    ) -> Relation:
        """INTERSECT and EXCEPT: the left side's values, of rows that both sides choose."""
        left, right = (self.query(n, outer, queries) for n in (node.this, node.expression))
        result = Relation(left.columns, open=left.open)
        for side in (left, right):
            add_sources(result.rows, side.rows, IDENTITY)
            for column in side.columns.values():
                add_sources(result.rows, column.sources, FILTER)
        scope = Scope(outer, queries)
        scope.add("", result)
        self.order(node, scope, list(result.columns.values()), result.rows)
        return result

    def select(
        self, node: exp.Select, outer: Scope | None, queries: dict[str, Relation]
    ) -> Relation:
        scope = Scope(outer, queries)
        columns: dict[str, OutputColumn] = {}
        result = Relation(columns)
        self.sources(node, scope, result.rows)
        if node.args.get("windows"):
            write_out_windows(node)
        for position, item in enumerate(node.expressions):
            result.open |= self.output(item, position, scope, columns)
        scope.aliases = columns
        outputs = list(columns.values())
        for name, bit in (("where", FILTER), ("having", FILTER), ("qualify", FILTER)):
            clause = node.args.get(name)
            if clause is not None:
                self.collect(clause.this, scope, bit, result.rows)
        group = node.args.get("group")
        if group is not None:
            for item in group.expressions:
                self.ordinal(item, scope, outputs, GROUP_BY, result.rows)
            for other in ("grouping_sets", "cube", "rollup"):
                for item in group.args.get(other) or ():
                    self.collect(item, scope, GROUP_BY, result.rows)
        self.order(node, scope, outputs, result.rows)
        return result

    def order(
        self, node: exp.Expr, scope: Scope, outputs: list[OutputColumn], rows: Influences
    ) -> None:
        for name in ("order", "sort", "cluster", "distribute"):
            clause = node.args.get(name)
            if clause is not None:
                for item in clause.expressions:
                    key = item.this if isinstance(item, exp.Ordered) else item
                    self.ordinal(key, scope, outputs, SORT, rows)

    def ordinal(
        self,
        item: exp.Expr,
        scope: Scope,
        outputs: list[OutputColumn],
        bit: int,
        rows: Influences,
    ) -> None:
        """``GROUP BY 2`` means the second output column."""
        if isinstance(item, exp.Literal) and not item.is_string:
            position = int(item.this) if item.this.isdigit() else 0
            if 0 < position <= len(outputs):
                add_sources(rows, outputs[position - 1].sources, bit)
            return
        self.collect(item, scope, bit, rows)

    # FROM

    def sources(self, node: exp.Select, scope: Scope, rows: Influences) -> None:
        from_ = node.args.get("from_")
        if from_ is not None:
            self.source(from_.this, scope, rows)
        self.joins_and_laterals(node, scope, rows)

    def joins_and_laterals(self, node: exp.Expr, scope: Scope, rows: Influences) -> None:
        for part in in_text_order(node):
            if isinstance(part, exp.Join):
                self.join(part, scope, rows)
            elif isinstance(part, exp.Lateral):
                self.lateral(part, scope)

    def join(self, join: exp.Join, scope: Scope, rows: Influences) -> None:
        before = list(scope.sources.values())
        self.source(join.this, scope, rows)
        added = list(scope.sources.values())[len(before) :]
        on = join.args.get("on")
        if on is not None:
            self.collect(on, scope, JOIN, rows)
        names = [column.name.lower() for column in join.args.get("using") or ()]
        if (join.args.get("method") or "").upper() == "NATURAL":
            there = [name for relation in added for name in relation.columns]
            names = [n for relation in before for n in relation.columns if n in there]
        self.merge(names, join, before, added, scope, rows)
        if (join.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
            for relation in added:
                relation.visible = False

    def merge(  # noqa: PLR0917
        self,
        names: list[str],
        join: exp.Join,
        before: list[Relation],
        added: list[Relation],
        scope: Scope,
        rows: Influences,
    ) -> None:
        """USING and NATURAL: two columns become one, which stands before all others."""
        merged: dict[str, OutputColumn] = {}
        side = (join.args.get("side") or "").upper()
        for name in names:
            left = scope.merged.get(name) or _first(before, name)
            right = _first(added, name)
            for column in (left, right):
                add_sources(rows, column.sources, JOIN)
            if side == "FULL":
                merged[name] = OutputColumn(type=left.type)
                for sources in (left.sources, right.sources):
                    add_sources(merged[name].sources, sources, TRANSFORMATION)
            else:
                merged[name] = right if side == "RIGHT" else left
        if merged:
            rest = {n: c for n, c in scope.merged.items() if n not in merged}
            scope.merged = merged | rest

    def source(self, node: exp.Expr, scope: Scope, rows: Influences) -> None:
        if isinstance(node, exp.Lateral):
            self.lateral(node, scope)
            return
        if isinstance(node, exp.Paren):
            self.source(node.this, scope, rows)
            return
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            self.source(node.this, scope, rows)
        elif isinstance(node, exp.Table):
            name = node.name.lower()
            cte = None if node.db else scope.queries.get(name)
            if cte is not None:
                relation = Relation(cte.columns, open=cte.open)
                add_sources(rows, cte.rows, IDENTITY)
            else:
                relation = self.leaf(node.db.lower() or self.database, name)
            scope.add((node.alias or name).lower(), relation)
        else:
            relation = self.query(node, scope.outer, scope.queries)
            add_sources(rows, relation.rows, IDENTITY)
            derived = Relation(relation.columns, open=relation.open)
            scope.add((node.alias or " derived").lower(), derived)
        self.joins_and_laterals(node, scope, rows)

    def leaf(self, database: str, name: str) -> Relation:
        self.tables.add((database, name))
        known = self.schema(database, name)
        if known is None:
            return Relation(table=(database, name), open=True)
        return Relation(TableColumns(database, name, known), table=(database, name))

    def lateral(self, node: exp.Lateral, scope: Scope) -> None:
        sources: Influences = {}
        self.collect(node.this, scope, TRANSFORMATION, sources)
        alias = node.args.get("alias")
        names = [c.name.lower() for c in (alias.columns if alias else ())]
        if not names:
            names = ["pos", "col"] if isinstance(node.this, exp.Posexplode) else ["col"]
        relation = Relation({name: OutputColumn(dict(sources)) for name in names})
        scope.add(alias.name.lower() if alias else " lateral", relation)

    # SELECT

    def output(
        self, item: exp.Expr, position: int, scope: Scope, columns: dict[str, OutputColumn]
    ) -> bool:
        """Add what one item of a SELECT puts out; true where that cannot all be known."""
        if isinstance(item, exp.Star):
            columns.update(scope.merged)
            return self.star(scope.sources.values(), columns, scope.merged)
        if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            relation = scope.sources.get(item.table.lower())
            if relation is not None:
                return self.star([relation], columns)
            text = f"{item.table}.* names nothing in FROM"
            self.problems.append(("unknown_alias", text))
            return False
        if isinstance(item, exp.Aliases):
            sources: Influences = {}
            self.collect(item.this, scope, TRANSFORMATION, sources)
            for alias in item.aliases:
                columns[alias.name.lower()] = OutputColumn(dict(sources))
            return False
        expression = item.this if isinstance(item, exp.Alias) else item
        column = OutputColumn()
        if isinstance(expression, exp.Column):
            # By far the most frequent: a column that is passed on.
            column.type = self.resolve(expression, scope, IDENTITY, column.sources)
        else:
            own_rows: Influences = {}
            self.collect(expression, scope, IDENTITY, column.sources, own_rows)
            # What chooses the rows of a scalar subquery matters to this column alone.
            add_sources(column.sources, own_rows, IDENTITY)
            column.type = self.type_of(expression, scope)
        name = item.alias_or_name.lower() or f"_c{position}"
        columns[_free(name, columns)] = column
        return False

    def star(
        self,
        relations: Iterable[Relation],
        columns: dict[str, OutputColumn],
        merged: Container[str] = (),
    ) -> bool:
        """Add all columns; true where those of a relation are not known."""
        unknown = False
        for relation in relations:
            if not relation.visible:
                continue
            for name, column in relation.columns.items():
                if name == "*":
                    _add_unknown(columns, column.sources)
                elif name not in merged:
                    columns[_free(name, columns)] = column
            if relation.open:
                unknown = True
                if relation.table:
                    database, table = relation.table
                    text = f"* over {database}.{table}, whose columns are not known"
                    self.problems.append(("star_over_unknown", text))
                    _add_unknown(columns, {(database, table, "*"): IDENTITY})
        return unknown

    # Expressions

    def collect(
        self,
        expression: exp.Expr,
        scope: Scope,
        bit: int,
        into: Influences,
        rows: Influences | None = None,
    ) -> None:
        """Add the sources of an expression.

        Args:
            expression: Any expression.
            scope: What its columns can name.
            bit: How the whole expression matters.
            into: Gets the sources.
            rows: Gets what chooses the rows of subqueries; ``into`` by default.
        """
        stack: list[tuple[exp.Expr, int]] = [(expression, bit)]
        while stack:
            node, bits = stack.pop()
            if isinstance(node, exp.Column):
                if not isinstance(node.this, exp.Star):
                    self.resolve(node, scope, bits, into)
            elif isinstance(node, exp.Exists) and isinstance(node.this, exp.Query):
                self.subquery(node.this, scope, bits, into, rows, values=False)
            elif isinstance(node, exp.In) and node.args.get("query") is not None:
                changed = step(bits, TRANSFORMATION)
                stack.append((node.this, changed))
                self.subquery(node.args["query"], scope, changed, into, rows)
            elif isinstance(node, exp.Query):
                self.subquery(node, scope, bits, into, rows)
            else:
                stack.extend(steps_to_parts(node, bits))

    def subquery(
        self,
        node: exp.Expr,
        scope: Scope,
        bits: int,
        into: Influences,
        rows: Influences | None,
        *,
        values: bool = True,
    ) -> None:
        relation = self.query(node, scope, scope.queries)
        if values:
            for column in relation.columns.values():
                add_sources(into, column.sources, bits)
        add_sources(into if rows is None else rows, relation.rows, bits)

    def resolve(self, node: exp.Column, scope: Scope, bits: int, into: Influences) -> str:
        """Add the sources of a column; gives its type, empty for a field of it."""
        parts = [part.name.lower() for part in node.parts]
        around: Scope | None = scope
        while around is not None:
            found = around.lookup(parts)
            if found is not None:
                column, plain = found
                add_sources(into, column.sources, bits if plain else step(bits, TRANSFORMATION))
                return column.type if plain else ""
            around = around.outer
        owner = scope.presumed_owner(parts)
        if owner is None:
            text = f"{'.'.join(parts)} is a column of nothing in FROM"
            self.problems.append(("unresolved_column", text))
            return ""
        (database, table), name = owner
        self.problems.append(("unknown_column", f"{database}.{table} has no column {name}"))
        add_sources(into, {(database, table, name): IDENTITY}, bits)
        return ""

    def type_of(self, item: exp.Expr, scope: Scope) -> str:
        """The type where the expression itself shows it, else empty."""
        node = item
        while isinstance(node, exp.Paren):
            node = node.this
        if isinstance(node, exp.Column):
            found = scope.lookup([part.name.lower() for part in node.parts])
            return found[0].type if found and found[1] else ""
        if isinstance(node, exp.Cast):
            return "".join(node.args["to"].sql(dialect="hive").split()).lower()
        if isinstance(node, exp.Count):
            return "bigint"
        if isinstance(node, exp.Literal):
            return "string" if node.is_string else ("int" if node.this.isdigit() else "")
        if isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber):
            return "int"
        return ""


def _first(relations: Iterable[Relation], name: str) -> OutputColumn:
    """The column of the first relation that has it."""
    found = (column_of(relation, name) for relation in relations)
    return next((column for column in found if column is not None), OutputColumn())


def _free(name: str, taken: dict[str, OutputColumn]) -> str:
    """Hive refuses two columns of one name in a view; a derived table may still have them."""
    if name not in taken:
        return name
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _add_unknown(columns: dict[str, OutputColumn], sources: Influences) -> None:
    """All columns that are not known stand as one, called ``*``, wherever they come from."""
    add_sources(columns.setdefault("*", OutputColumn()).sources, sources, IDENTITY)


def _renamed(relation: Relation, alias: exp.Expr | None) -> Relation:
    names = [c.name.lower() for c in (alias.args.get("columns") or ())] if alias else []
    if not names:
        return relation
    columns = dict(zip(names, relation.columns.values(), strict=False))
    return Relation(columns or {n: OutputColumn() for n in names}, relation.rows)
