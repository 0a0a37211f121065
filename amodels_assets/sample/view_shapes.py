"""The shapes of query that views have in such warehouses.

Belongs here: one function a shape, from what is drawn to a query tree and its column kinds. Does
not belong here: text and lineage, which the tree knows itself (``sql.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    UnionAll,
    Window,
)
from amodels_assets.sample.view_draw import Draw, Kinds

Drawn = tuple[Query, Kinds]


def projection(draw: Draw) -> Drawn:
    """One source, filtered by a long IN list."""
    alias = draw.dice.pick(("t", "src", None))
    reference = draw.reference(draw.first, alias)
    columns = draw.outputs(draw.first, reference.qualifier, draw.dice.between(8, 24))
    key = draw.key(draw.first, reference.qualifier)
    where = Formula(f"({{0}} in ({draw.literals(60, 300)}))", (key,))
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
