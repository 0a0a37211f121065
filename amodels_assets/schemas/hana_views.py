"""Hive queries as SAP HANA's SQL, for which sqlglot has no dialect.

Only what is listed here is translated, each with the meaning that SAP's SQL reference gives it;
everything else is refused with its name, so that no view means something else than in the source.
SAP HANA tells conditions from values: a comparison that is selected becomes a CASE, and a boolean
column that stands as a condition is compared with TRUE. What differs as in every other target: a
cast that fails is an error where Hive gives NULL.
Belongs here: queries, conditions and values as text. Does not belong here: functions
(``hana_functions.py``), names and places (``views.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from amodels_assets.schemas.hana_functions import (
    FUNCTION_WRITERS,
    FUNCTIONS,
    arguments,
    frame,
)
from amodels_assets.schemas.hana_words import identifier, listed, only, refused

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "",
}
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.Like: "LIKE",
}
_SETS: dict[type[exp.Expr], str] = {
    exp.Union: "UNION",
    exp.Intersect: "INTERSECT",
    exp.Except: "EXCEPT",
}
_CONDITIONS = (
    *_COMPARISONS,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Is,
    exp.In,
    exp.Between,
    exp.Exists,
)


def write(query: exp.Expr) -> str:
    """A query whose names are quoted and in their places.

    Raises:
        UntranslatedError: It has something that is not translated.
    """
    if isinstance(query, exp.Subquery) and not query.alias:
        return f"({write(query.this)})"
    if isinstance(query, exp.SetOperation):
        text = _set_operation(query)
    elif isinstance(query, exp.Select):
        text = _select(query)
    else:
        raise refused(query)
    if common := query.args.get("with_"):
        only(common, "expressions")
        tables = ", ".join(_common(table) for table in common.expressions)
        text = f"WITH {tables} {text}"
    if order := query.args.get("order"):
        text += f" {_order(order)}"
    if limit := query.args.get("limit"):
        only(limit, "expression")
        text += f" LIMIT {_value(limit.expression)}"
    return text


def _common(table: exp.Expr) -> str:
    only(table, "this", "alias")
    alias = table.args["alias"]
    names = f" ({listed(alias.columns, identifier)})" if alias.columns else ""
    return f"{identifier(alias.this)}{names} AS ({write(table.this)})"


def _set_operation(query: exp.SetOperation) -> str:
    only(query, "this", "expression", "distinct", "with_", "order", "limit")
    word = _SETS.get(type(query))
    if word is None:
        raise refused(query)
    every = "" if query.args.get("distinct") else " ALL"
    return f"{write(query.this)} {word}{every} {write(query.expression)}"


def _select(query: exp.Select) -> str:
    only(
        query, "expressions", "from_", "joins", "where", "group", "having", "distinct", "hint",
        "with_", "order", "limit",
    )  # fmt: skip
    distinct = ""
    if query.args.get("distinct"):
        only(query.args["distinct"])
        distinct = "DISTINCT "
    text = f"SELECT {distinct}{listed(query.expressions, _item)}"
    source = query.args.get("from_")
    # There is no query without a source.
    text += f" FROM {_source(source.this) if source else 'DUMMY'}"
    text += "".join(_join(join) for join in query.args.get("joins") or ())
    if where := query.args.get("where"):
        text += f" WHERE {_condition(where.this)}"
    if group := query.args.get("group"):
        only(group, "expressions")
        for found in group.expressions:
            if isinstance(found, exp.Literal):
                raise refused("GROUP BY a position")
        text += f" GROUP BY {listed(group.expressions, _value)}"
    if having := query.args.get("having"):
        text += f" HAVING {_condition(having.this)}"
    return text


def _item(node: exp.Expr) -> str:
    if isinstance(node, exp.Star):
        only(node)
        return "*"
    if isinstance(node, exp.Alias):
        return f"{_value(node.this)} AS {identifier(node.args['alias'])}"
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        only(node.this)
        return f"{identifier(node.args['table'])}.*"
    return _value(node)


def _source(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    if alias is not None:
        only(alias, "this")
    name = f" AS {identifier(alias.this)}" if alias is not None else ""
    if isinstance(node, exp.Subquery):
        only(node, "this", "alias")
        return f"({write(node.this)}){name}"
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise refused(node)
    only(node, "this", "db", "alias")
    schema = f"{identifier(node.args['db'])}." if node.args.get("db") else ""
    return f"{schema}{identifier(node.this)}{name}"


def _join(join: exp.Join) -> str:
    only(join, "this", "side", "kind", "on", "hint")
    side, kind, on = join.side.upper(), join.kind.upper(), join.args.get("on")
    if kind not in ("", "INNER", "OUTER", "CROSS"):
        raise refused(f"{side} {kind} JOIN".strip())
    if on is None:
        if side:
            raise refused(f"{side} JOIN without ON")
        return f" CROSS JOIN {_source(join.this)}"
    return f" {side or 'INNER'} JOIN {_source(join.this)} ON {_condition(on)}"


def _order(order: exp.Expr) -> str:
    only(order, "expressions")
    return f"ORDER BY {listed(order.expressions, _ordered)}"


def _ordered(node: exp.Expr) -> str:
    only(node, "this", "desc", "nulls_first")
    direction = "DESC" if node.args.get("desc") else "ASC"
    nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
    return f"{_value(node.this)} {direction} NULLS {nulls}"


def _condition(node: exp.Expr) -> str:
    if isinstance(node, exp.Paren):
        return f"({_condition(node.this)})"
    if isinstance(node, exp.And | exp.Or):
        word = "AND" if isinstance(node, exp.And) else "OR"
        return f"{_condition(node.this)} {word} {_condition(node.expression)}"
    if isinstance(node, exp.Not):
        return f"NOT {_condition(node.this)}"
    if isinstance(node, exp.Boolean):
        return "1 = 1" if node.this else "1 = 0"
    if not isinstance(node, _CONDITIONS):
        return f"{_value(node)} = TRUE"
    return _comparison(node)


def _comparison(node: exp.Expr) -> str:
    if isinstance(node, exp.Like) and "\\" in node.expression.name:
        raise refused("LIKE with an escaped character")
    if type(node) in _COMPARISONS:
        only(node, "this", "expression")
        return f"{_value(node.this)} {_COMPARISONS[type(node)]} {_value(node.expression)}"
    if isinstance(node, exp.Is):
        if not isinstance(node.expression, exp.Null):
            raise refused("IS TRUE or FALSE")
        return f"{_value(node.this)} IS NULL"
    if isinstance(node, exp.Between):
        only(node, "this", "low", "high")
        low, high = (_value(node.args[name]) for name in ("low", "high"))
        return f"{_value(node.this)} BETWEEN {low} AND {high}"
    if isinstance(node, exp.Exists):
        return f"EXISTS ({write(node.this)})"
    only(node, "this", "expressions", "query")
    if query := node.args.get("query"):
        return f"{_value(node.this)} IN {write(query)}"
    return f"{_value(node.this)} IN ({listed(node.args['expressions'], _value)})"


def _value(node: exp.Expr) -> str:
    if isinstance(node, exp.Paren):
        text = _value(node.this)
        return text if _is_condition(node) else f"({text})"
    if isinstance(node, _CONDITIONS):
        text = _condition(node)
        return f"CASE WHEN {text} THEN TRUE WHEN NOT ({text}) THEN FALSE END"
    if type(node) in _OPERATORS:
        return _arithmetic(node)
    if writer := _WRITERS.get(type(node)):
        return writer(node)
    if function := FUNCTION_WRITERS.get(type(node)):
        return function(node, _value)
    if name := FUNCTIONS.get(type(node)):
        return f"{name}({listed(arguments(node), _value)})"
    raise refused(node)


def _is_condition(node: exp.Expr) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, _CONDITIONS)


def _arithmetic(node: exp.Expr) -> str:
    only(node, "this", "expression", "safe")
    left, right = _value(node.this), _value(node.expression)
    if isinstance(node, exp.Div | exp.Mod):
        # Hive gives NULL for what SAP HANA takes for an error.
        right = f"NULLIF({right}, 0)"
    if isinstance(node, exp.Mod):
        return f"MOD({left}, {right})"
    return f"{left} {_OPERATORS[type(node)]} {right}"


def _column(node: exp.Expr) -> str:
    only(node, "this", "table")
    if not isinstance(node.this, exp.Identifier):
        raise refused(node.this)
    table = f"{identifier(node.args['table'])}." if node.args.get("table") else ""
    return f"{table}{identifier(node.this)}"


def _case(node: exp.Expr) -> str:
    only(node, "this", "ifs", "default")
    subject = node.this
    text = f"CASE {_value(subject)}" if subject is not None else "CASE"
    for branch in node.args["ifs"]:
        when = _condition(branch.this) if subject is None else _value(branch.this)
        text += f" WHEN {when} THEN {_value(branch.args['true'])}"
    default = node.args.get("default")
    return f"{text} ELSE {_value(default)} END" if default is not None else f"{text} END"


def _if(node: exp.Expr) -> str:
    only(node, "this", "true", "false")
    text = f"CASE WHEN {_condition(node.this)} THEN {_value(node.args['true'])}"
    otherwise = node.args.get("false")
    return f"{text} ELSE {_value(otherwise)} END" if otherwise is not None else f"{text} END"


def _window(node: exp.Expr) -> str:
    only(node, "this", "partition_by", "order", "spec", "over")
    parts = []
    if found := node.args.get("partition_by"):
        parts.append(f"PARTITION BY {listed(found, _value)}")
    if order := node.args.get("order"):
        parts.append(_order(order))
    if spec := node.args.get("spec"):
        parts.append(frame(spec, _value))
    return f"{_value(node.this)} OVER ({' '.join(parts)})"


_WRITERS: dict[type[exp.Expr], Callable[[Any], str]] = {
    exp.Column: _column,
    exp.Null: lambda _: "NULL",
    exp.Boolean: lambda node: "TRUE" if node.this else "FALSE",
    exp.Neg: lambda node: f"(-{_value(node.this)})",
    exp.Case: _case,
    exp.If: _if,
    exp.Window: _window,
    exp.Subquery: write,
}
