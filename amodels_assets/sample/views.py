"""The warehouse's views: which queries there are, built as trees of ``sql.py``.

Belongs here: the shapes that views have in such warehouses, and drawing them. Does not belong
here: text and lineage, which the tree knows itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from amodels_assets.sample.dice import Dice
from amodels_assets.sample.sql import (
    Case,
    Column,
    Expression,
    Formula,
    Join,
    LateralView,
    Query,
    Relation,
    Select,
    Step,
    Subquery,
    TableReference,
    UnionAll,
    Window,
)
from amodels_assets.sample.warehouse import PRESENTATION, TRANSFORMATION, Table

FEWEST_VIEWS = 9
LEVELS = 3
Kinds = dict[str, str]


@dataclass(frozen=True)
class View:
    """A view.

    Attributes:
        database: Where it lies.
        name: Its name.
        query: Its body.
        kinds: Rough type of each output column: string, number, date, array, map or other.
        level: 1 reads tables only, 2 reads a view of level 1, and so on.
        multiline: Whether the dump breaks its lines.
    """

    database: str
    name: str
    query: Query
    kinds: Kinds
    level: int
    multiline: bool

    def text(self) -> str:
        """Its body as the dump has it."""
        return self.query.sql("\n" if self.multiline else " ")


@dataclass(frozen=True)
class Readable:
    """A table or view that a query can read; ``kinds`` as in :class:`View`."""

    database: str
    name: str
    kinds: Kinds
    level: int = 0


def readable_table(table: Table) -> Readable:
    """What a query needs to know of a table."""
    return Readable(table.database, table.name, {c.name: _kind(c.type) for c in table.all_columns})


def readable_view(view: View) -> Readable:
    """What a query needs to know of a view."""
    return Readable(view.database, view.name, view.kinds, view.level)


def generate_views(seed: int, scale: float, tables: Sequence[Table]) -> list[View]:
    """All views, each reading tables and views before it; scale 1 makes 20."""
    dice = Dice(seed, 12)
    count = max(FEWEST_VIEWS, round(20 * scale))
    pool: list[list[Readable]] = [[readable_table(table) for table in tables], [], [], []]
    views: list[View] = []
    for number in range(count):
        whole = number % 20 == 0
        level = 1 if whole else 1 + (number * LEVELS) // count
        database = PRESENTATION if level == LEVELS else TRANSFORMATION
        # The first source is of the level below, the others of any level below.
        first = dice.pick(pool[level - 1])
        if whole:
            # One view in twenty passes on a whole table, the widest one.
            first = max(pool[0], key=lambda source: len(source.kinds))
        others = [source for below in pool[:level] for source in below if source != first]
        name = f"v{level}_{first.name.split('_', 1)[-1]}"[:60] + f"_{number:03d}"
        shape = everything if whole else SHAPES[number % len(SHAPES)]
        draw = Draw(dice, database, first, others)
        query, kinds = shape(draw)
        view = View(database, name, query, kinds, level, multiline=dice.chance(0.4))
        views.append(view)
        pool[level].append(readable_view(view))
    return views


class Draw:
    """What one view is drawn from."""

    def __init__(
        self, dice: Dice, database: str, first: Readable, others: Sequence[Readable]
    ) -> None:
        """Read ``first``, and some of ``others``, from a view of ``database``."""
        self.dice, self.database, self.first, self.others = dice, database, first, others

    def other(self, wanted: str = "string") -> Readable:
        """Another source that has a column of the wanted kind."""
        return self.dice.pick([o for o in self.others if wanted in o.kinds.values()])

    def reference(self, source: Readable, alias: str | None) -> TableReference:
        """Refer to a source, by bare name now and then where that is possible."""
        bare = source.database == self.database and self.dice.chance(0.5)
        return TableReference(
            source.database, source.name, tuple(source.kinds), alias, with_database=not bare
        )

    def column(self, source: Readable, qualifier: str, kind: str) -> Column | None:
        """A column of this kind, if there is one."""
        names = [name for name, found in source.kinds.items() if found == kind]
        return Column(qualifier, self.dice.pick(names)) if names else None

    def key(self, source: Readable, qualifier: str) -> Column:
        """The first string column, or the first of any kind."""
        names = [name for name, kind in source.kinds.items() if kind == "string"]
        return Column(qualifier, (names or list(source.kinds))[0])

    def literals(self, low: int, high: int) -> str:
        """A list of string literals, some hundred long now and then."""
        count = self.dice.between(low, high)
        return ", ".join(f"'{self.dice.below(10**6):06d}'" for _ in range(count))

    def outputs(
        self, source: Readable, qualifier: str, count: int, taken: Iterable[str] = ()
    ) -> list[tuple[str, Expression, str]]:
        """Name, expression and kind of some output columns over a source."""
        used = set(taken)
        chosen = self.dice.sample(list(source.kinds), count)
        found: list[tuple[str, Expression, str]] = []
        for column in chosen:
            expression, kind = self._expression(source, qualifier, column)
            name = column
            if name in used or (not isinstance(expression, Column) and self.dice.chance(0.6)):
                name = f"{column}_{len(used)}"
            used.add(name)
            found.append((name, expression, kind))
        return found

    def _expression(self, source: Readable, qualifier: str, name: str) -> tuple[Expression, str]:
        column, kind = Column(qualifier, name), source.kinds[name]
        if kind not in {"string", "number", "date"} or self.dice.chance(0.35):
            return column, kind
        shapes: dict[str, list[Callable[[], tuple[Expression, str]]]] = {
            "string": [
                lambda: (Formula("upper(trim({0}))", (column,)), "string"),
                lambda: (Formula("nvl({0}, 'n/a')", (column,)), "string"),
                lambda: (Formula("substr({0}, 1, 4)", (column,)), "string"),
                lambda: (Formula("concat_ws('-', {0}, {1})", (column, string())), "string"),
                lambda: (self._mapping(column), "string"),
                lambda: (
                    Case(
                        ((Formula("({0} is null)", (string(),)), Formula("'unknown'")),),
                        column,
                        as_if=True,
                    ),
                    "string",
                ),
            ],
            "number": [
                lambda: (Formula("nvl({0}, 0)", (column,)), "number"),
                lambda: (Formula("cast({0} as decimal(18,2))", (column,)), "number"),
                lambda: (Formula("({0} * (1 - nvl({1}, 0)))", (column, number())), "number"),
                lambda: (
                    Case(
                        (
                            (Formula("({0} = 'A')", (string(),)), column),
                            (Formula("({0} in ('B', 'C'))", (string(),)), number()),
                        ),
                        Formula("0"),
                    ),
                    "number",
                ),
            ],
            "date": [
                lambda: (Formula("months_between(current_date(), {0})", (column,)), "number"),
                lambda: (Formula("date_format({0}, 'yyyy-MM')", (column,)), "string"),
                lambda: (Formula("to_date({0})", (column,)), "date"),
            ],
        }

        def string() -> Expression:
            return self.column(source, qualifier, "string") or column

        def number() -> Expression:
            return self.column(source, qualifier, "number") or column

        return self.dice.pick(shapes[kind])()

    def _mapping(self, column: Column) -> Case:
        branches = tuple(
            (Formula(f"({{0}} = '{code}')", (column,)), Formula(f"'{label}'"))
            for code, label in (("1", "open"), ("2", "closed"), ("3", "in review; see note"))
        )
        return Case(branches, column)


Drawn = tuple[Query, Kinds]


def projection(draw: Draw) -> Drawn:
    """One source, filtered by a long IN list."""
    alias = draw.dice.pick(("t", "src", None))
    reference = draw.reference(draw.first, alias)
    columns = draw.outputs(draw.first, reference.qualifier, draw.dice.between(8, 24))
    key = draw.key(draw.first, reference.qualifier)
    where = Formula(f"({{0}} in ({draw.literals(40, 200)}))", (key,))
    return _select(columns, reference, where=where)


def everything(draw: Draw) -> Drawn:
    """All columns of one source."""
    reference = draw.reference(draw.first, None)
    columns = draw.outputs(draw.first, reference.qualifier, len(draw.first.kinds))
    return _select(columns, reference)


def join(draw: Draw) -> Drawn:
    """Explicit joins of three sources; an alias may carry the name of another table."""
    first = draw.reference(draw.first, "a")
    second_source, third_source = draw.other(), draw.other()
    # An alias that is the name of another table: only the scope says what it means.
    shadow = draw.other().name
    second = draw.reference(second_source, shadow if shadow != "a" else "b")
    third = draw.reference(third_source, "c")
    columns = draw.outputs(draw.first, "a", 8)
    columns += draw.outputs(second_source, second.qualifier, 5, [c[0] for c in columns])
    columns += draw.outputs(third_source, "c", 4, [c[0] for c in columns])
    key = draw.key(draw.first, "a")
    joins = (
        Join("LEFT OUTER JOIN", second, _equal(key, draw.key(second_source, second.qualifier))),
        Join("JOIN", third, _equal(key, draw.key(third_source, "c"))),
    )
    return _select(_distinct(columns), first, joins=joins)


def implicit_join(draw: Draw) -> Drawn:
    """Two sources with a comma, joined in WHERE."""
    second_source = draw.other()
    first, second = draw.reference(draw.first, "x"), draw.reference(second_source, "y")
    columns = draw.outputs(draw.first, "x", 7)
    columns += draw.outputs(second_source, "y", 5, [c[0] for c in columns])
    where = Formula(
        "({0} = {1} and {0} is not null)",
        (draw.key(draw.first, "x"), draw.key(second_source, "y")),
    )
    return _select(_distinct(columns), first, joins=(Join(",", second),), where=where)


def aggregate(draw: Draw) -> Drawn:
    """Totals by group, with HAVING."""
    source = draw.first
    reference = draw.reference(source, "g")
    key = draw.key(source, "g")
    groups = [key]
    second = draw.column(source, "g", "string")
    if second and second != key:
        groups.append(second)
    columns: list[tuple[str, Expression, str]] = [(g.name, g, source.kinds[g.name]) for g in groups]
    columns.append(("row_count", Formula("count(*)"), "number"))
    amount = draw.column(source, "g", "number")
    condition = draw.column(source, "g", "string") or key
    if amount:
        chosen = Case(((Formula("({0} = 'A')", (condition,)), amount),), Formula("0"))
        columns += [
            ("total", Formula("sum({0})", (amount,), Step.AGGREGATION), "number"),
            ("largest", Formula("max(nvl({0}, 0))", (amount,), Step.AGGREGATION), "number"),
            ("total_a", Formula("sum({0})", (chosen,), Step.AGGREGATION), "number"),
        ]
    columns += [
        ("kinds", Formula("count(distinct {0})", (condition,), Step.AGGREGATION), "number"),
        ("codes", Formula("collect_set({0})", (condition,), Step.AGGREGATION), "array"),
    ]
    having = Formula("(count({0}) > 1)", (condition,), Step.AGGREGATION)
    return _select(_distinct(columns), reference, group_by=tuple(groups), having=having)


def latest_row(draw: Draw) -> Drawn:
    """The newest row by key: row_number in a subquery, filtered outside."""
    source = draw.first
    reference = draw.reference(source, None)
    qualifier = reference.qualifier
    columns = draw.outputs(source, qualifier, 10)
    order = draw.column(source, qualifier, "date")
    # Often there is no ORDER BY, so that the row is any row: such views exist.
    ordered = (order,) if order and draw.dice.chance(0.6) else ()
    number = Window(Formula("row_number()"), (draw.key(source, qualifier),), ordered)
    inner, kinds = _select([*columns, ("rn", number, "number")], reference)
    outer = [(name, Column("latest", name), kinds[name]) for name, _, _ in columns]
    return _select(
        outer, Subquery(inner, "latest"), where=Formula("({0} = 1)", (Column("latest", "rn"),))
    )


def union(draw: Draw) -> Drawn:
    """UNION ALL at the top; the second part names its columns differently."""
    parts, kinds = _union_parts(draw, ("current", "archive", "manual"))
    return UnionAll(parts), kinds


def union_inside(draw: Draw) -> Drawn:
    """UNION ALL in a subquery, totals outside."""
    parts, kinds = _union_parts(draw, ("u", "w"))
    names = list(kinds)
    relation = Subquery(UnionAll(parts), "both")
    columns: list[tuple[str, Expression, str]] = [
        (name, Column("both", name), kinds[name]) for name in names[:2]
    ]
    columns += [
        (
            f"last_{name}",
            Formula("max({0})", (Column("both", name),), Step.AGGREGATION),
            kinds[name],
        )
        for name in names[2:]
    ]
    groups = tuple(Column("both", name) for name in names[:2])
    return _select(columns, relation, group_by=groups)


def exploded(draw: Draw) -> Drawn:
    """LATERAL VIEW explode of an array, or of a map."""
    source = draw.first
    kind = "map" if "map" in source.kinds.values() and draw.dice.chance(0.5) else "array"
    if kind not in source.kinds.values():
        source = draw.other(kind)
    reference = draw.reference(source, "l")
    argument = draw.column(source, "l", kind)
    if argument is None:
        raise ValueError(f"{source.name} has no {kind} column")
    names = ("item_key", "item_value") if kind == "map" else ("item",)
    columns = draw.outputs(source, "l", 6)
    columns += [(name, Column("items", name), "string") for name in names]
    view = LateralView(argument, "items", names, outer=draw.dice.chance(0.5))
    return _select(_distinct(columns), reference, lateral_views=(view,))


def nested(draw: Draw) -> Drawn:
    """Three SELECTs deep, a windowed total, sorted."""
    source = draw.first
    reference = draw.reference(source, "s")
    columns = draw.outputs(source, "s", 9)
    key = draw.key(source, "s")
    columns = _distinct([(key.name, key, source.kinds[key.name]), *columns])
    where = Formula("({0} is not null)", (key,))
    inner, kinds = _select(columns, reference, where=where)
    middle: list[tuple[str, Expression, str]] = [
        (name, Column("one", name), kinds[name]) for name in kinds
    ]
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    value: Expression = Column("one", numbers[0]) if numbers else Formula("1")
    total = Formula("sum({0})", (value,), Step.AGGREGATION)
    middle.append(("running_total", Window(total, (Column("one", key.name),)), "number"))
    second, kinds = _select(_distinct(middle), Subquery(inner, "one"))
    outer = [(name, Column("two", name), kind) for name, kind in kinds.items()]
    return _select(outer, Subquery(second, "two"), order_by=(Column("two", key.name),))


def joined_totals(draw: Draw) -> Drawn:
    """A source joined to totals of another: join on a subquery."""
    other = draw.other("number")
    amount = draw.column(other, "d", "number")
    if amount is None:
        raise ValueError(f"{other.name} has no number column")
    key = draw.key(other, "d")
    totals, _ = _select(
        [
            ("join_key", key, "string"),
            ("total", Formula("sum({0})", (amount,), Step.AGGREGATION), "number"),
        ],
        draw.reference(other, "d"),
        group_by=(key,),
    )
    reference = draw.reference(draw.first, "m")
    columns = draw.outputs(draw.first, "m", 9)
    columns.append(("total", Formula("nvl({0}, 0)", (Column("sums", "total"),)), "number"))
    on = _equal(draw.key(draw.first, "m"), Column("sums", "join_key"))
    joins = (Join("LEFT OUTER JOIN", Subquery(totals, "sums"), on),)
    return _select(_distinct(columns), reference, joins=joins)


SHAPES: tuple[Callable[[Draw], Drawn], ...] = (
    projection,
    join,
    aggregate,
    exploded,
    latest_row,
    union,
    implicit_join,
    nested,
    union_inside,
    joined_totals,
)


def drifted(view: View, missing: str) -> View:
    """The same view over a first table that has lost the column ``missing``.

    Raises:
        ValueError: The view does not read a table directly.
    """
    query = view.query
    if not isinstance(query, Select) or not isinstance(query.relation, TableReference):
        raise ValueError(f"{view.name} does not read a table directly")
    relation = replace(query.relation, missing=(missing,))
    columns = (*query.columns, (missing, Column(relation.qualifier, missing)))
    return replace(
        view,
        query=replace(query, relation=relation, columns=columns),
        kinds={**view.kinds, missing: "string"},
    )


def _union_parts(draw: Draw, tags: Sequence[str]) -> tuple[tuple[Select, ...], Kinds]:
    kinds: Kinds = {}
    parts: list[Select] = []
    for position, tag in enumerate(tags):
        source = draw.first if position == 0 else draw.other()
        alias = f"p{position}"
        key = draw.key(source, alias)
        text = draw.column(source, alias, "string") or key
        amount: Expression = draw.column(source, alias, "number") or Formula("0")
        columns: list[tuple[str, Expression, str]] = [
            ("origin", Formula(f"'{tag}'"), "string"),
            (key.name, key, "string"),
            ("text_value", text, "string"),
            ("number_value", amount, "number"),
        ]
        where = Formula("({0} <> '')", (text,))
        query, drawn = _select(_distinct(columns), draw.reference(source, alias), where=where)
        kinds = kinds or drawn
        parts.append(query)
    return tuple(parts), kinds


def _select(
    columns: Sequence[tuple[str, Expression, str]],
    relation: Relation,
    *,
    joins: tuple[Join, ...] = (),
    lateral_views: tuple[LateralView, ...] = (),
    where: Expression | None = None,
    group_by: tuple[Expression, ...] = (),
    having: Expression | None = None,
    order_by: tuple[Expression, ...] = (),
) -> tuple[Select, Kinds]:
    query = Select(
        tuple((name, expression) for name, expression, _ in columns),
        relation,
        joins,
        lateral_views,
        where,
        group_by,
        having,
        order_by,
    )
    return query, {name: kind for name, _, kind in columns}


def _distinct(
    columns: Sequence[tuple[str, Expression, str]],
) -> list[tuple[str, Expression, str]]:
    """The same columns, a name that came before gets a number."""
    seen: set[str] = set()
    found: list[tuple[str, Expression, str]] = []
    for position, (name, expression, kind) in enumerate(columns):
        unique = name if name not in seen else f"{name}_{position}_2"
        seen.add(unique)
        found.append((unique, expression, kind))
    return found


def _equal(left: Expression, right: Expression) -> Formula:
    return Formula("({0} = {1})", (left, right))


def _kind(hive_type: str) -> str:
    stem = hive_type.split("(", maxsplit=1)[0].split("<", maxsplit=1)[0]
    if stem in {"string", "char", "varchar"}:
        return "string"
    if stem in {"decimal", "bigint", "int", "double", "float"}:
        return "number"
    if stem in {"date", "timestamp"}:
        return "date"
    return stem if stem in {"array", "map"} else "other"
