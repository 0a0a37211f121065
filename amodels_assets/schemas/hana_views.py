"""Hive queries as SAP HANA's SQL, for which sqlglot has no dialect.

Only what is listed here is translated, each with the meaning that SAP's SQL reference gives it;
everything else is refused with its name, so that no view means something else than in the source.
SAP HANA tells conditions from values: a comparison that is selected becomes a CASE, and a boolean
column that stands as a condition is compared with TRUE. What differs as in every other target: a
cast that fails is an error where Hive gives NULL.
Belongs here: a syntax tree as text. Does not belong here: names and places (``views.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlglot import exp

from amodels_assets.schemas.types import parse_hive_type, target_type

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
# Functions of the same arguments in the same order.
_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Abs: "ABS",
    exp.Avg: "AVG",
    exp.Ceil: "CEIL",
    exp.Coalesce: "COALESCE",
    exp.DenseRank: "DENSE_RANK",
    exp.FirstValue: "FIRST_VALUE",
    exp.Floor: "FLOOR",
    exp.Lag: "LAG",
    exp.LastValue: "LAST_VALUE",
    exp.Lead: "LEAD",
    exp.Length: "LENGTH",
    exp.Lower: "LOWER",
    exp.Max: "MAX",
    exp.Min: "MIN",
    exp.Month: "MONTH",
    exp.Nullif: "NULLIF",
    exp.Rank: "RANK",
    exp.Replace: "REPLACE",
    exp.Round: "ROUND",
    exp.RowNumber: "ROW_NUMBER",
    exp.Sum: "SUM",
    exp.Upper: "UPPER",
    exp.Year: "YEAR",
    exp.Day: "DAYOFMONTH",
    exp.DayOfMonth: "DAYOFMONTH",
}
_DATE_FORMATS = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "HH24", "M": "MI", "S": "SS"}
_NAMES: dict[type[exp.Expr], str] = {
    exp.Lateral: "LATERAL VIEW",
    exp.ArrayUniqueAgg: "COLLECT_SET",
    exp.ArrayAgg: "COLLECT_LIST",
}


class UntranslatedError(Exception):
    """A query has something that is not translated; the message names it."""


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
        raise _refused(query)
    if common := query.args.get("with_"):
        _only(common, "expressions")
        tables = ", ".join(_common(table) for table in common.expressions)
        text = f"WITH {tables} {text}"
    if order := query.args.get("order"):
        text += f" {_order(order)}"
    if limit := query.args.get("limit"):
        _only(limit, "expression")
        text += f" LIMIT {_value(limit.expression)}"
    return text


def _refused(node: exp.Expr | str) -> UntranslatedError:
    if isinstance(node, exp.Anonymous):
        name = node.name.upper()
    elif isinstance(node, exp.Expr):
        kind = type(node)
        name = _NAMES.get(kind) or (node.sql_name() if isinstance(node, exp.Func) else kind.key)
        name = name.upper()
    else:
        name = node
    return UntranslatedError(f"{name} is not translated to SAP HANA's SQL")


def _only(node: exp.Expr, *known: str) -> None:
    """Refuse a node that says more than its translation."""
    for key, value in node.args.items():
        if value and key not in known:
            found = value[0] if isinstance(value, list) else value
            named = isinstance(found, exp.Expr) and not isinstance(found, exp.Identifier)
            raise _refused(found if named else f"{type(node).key} {key}")


def _common(table: exp.Expr) -> str:
    _only(table, "this", "alias")
    alias = table.args["alias"]
    names = f" ({_list(alias.columns, _identifier)})" if alias.columns else ""
    return f"{_identifier(alias.this)}{names} AS ({write(table.this)})"


def _set_operation(query: exp.SetOperation) -> str:
    _only(query, "this", "expression", "distinct", "with_", "order", "limit")
    word = _SETS.get(type(query))
    if word is None:
        raise _refused(query)
    every = "" if query.args.get("distinct") else " ALL"
    return f"{write(query.this)} {word}{every} {write(query.expression)}"


def _select(query: exp.Select) -> str:
    _only(
        query, "expressions", "from_", "joins", "where", "group", "having", "distinct", "hint",
        "with_", "order", "limit",
    )  # fmt: skip
    distinct = ""
    if query.args.get("distinct"):
        _only(query.args["distinct"])
        distinct = "DISTINCT "
    text = f"SELECT {distinct}{_list(query.expressions, _item)}"
    source = query.args.get("from_")
    # There is no query without a source.
    text += f" FROM {_source(source.this) if source else 'DUMMY'}"
    text += "".join(_join(join) for join in query.args.get("joins") or ())
    if where := query.args.get("where"):
        text += f" WHERE {_condition(where.this)}"
    if group := query.args.get("group"):
        _only(group, "expressions")
        for found in group.expressions:
            if isinstance(found, exp.Literal):
                raise _refused("GROUP BY a position")
        text += f" GROUP BY {_list(group.expressions, _value)}"
    if having := query.args.get("having"):
        text += f" HAVING {_condition(having.this)}"
    return text


def _item(node: exp.Expr) -> str:
    if isinstance(node, exp.Star):
        _only(node)
        return "*"
    if isinstance(node, exp.Alias):
        return f"{_value(node.this)} AS {_identifier(node.args['alias'])}"
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        _only(node.this)
        return f"{_identifier(node.args['table'])}.*"
    return _value(node)


def _source(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    if alias is not None:
        _only(alias, "this")
    name = f" AS {_identifier(alias.this)}" if alias is not None else ""
    if isinstance(node, exp.Subquery):
        _only(node, "this", "alias")
        return f"({write(node.this)}){name}"
    if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
        raise _refused(node)
    _only(node, "this", "db", "alias")
    schema = f"{_identifier(node.args['db'])}." if node.args.get("db") else ""
    return f"{schema}{_identifier(node.this)}{name}"


def _join(join: exp.Join) -> str:
    _only(join, "this", "side", "kind", "on", "hint")
    side, kind, on = join.side.upper(), join.kind.upper(), join.args.get("on")
    if kind not in ("", "INNER", "OUTER", "CROSS"):
        raise _refused(f"{side} {kind} JOIN".strip())
    if on is None:
        if side:
            raise _refused(f"{side} JOIN without ON")
        return f" CROSS JOIN {_source(join.this)}"
    return f" {side or 'INNER'} JOIN {_source(join.this)} ON {_condition(on)}"


def _order(order: exp.Expr) -> str:
    _only(order, "expressions")
    return f"ORDER BY {_list(order.expressions, _ordered)}"


def _ordered(node: exp.Expr) -> str:
    _only(node, "this", "desc", "nulls_first")
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
        raise _refused("LIKE with an escaped character")
    if type(node) in _COMPARISONS:
        _only(node, "this", "expression")
        return f"{_value(node.this)} {_COMPARISONS[type(node)]} {_value(node.expression)}"
    if isinstance(node, exp.Is):
        if not isinstance(node.expression, exp.Null):
            raise _refused("IS TRUE or FALSE")
        return f"{_value(node.this)} IS NULL"
    if isinstance(node, exp.Between):
        _only(node, "this", "low", "high")
        low, high = (_value(node.args[name]) for name in ("low", "high"))
        return f"{_value(node.this)} BETWEEN {low} AND {high}"
    if isinstance(node, exp.Exists):
        return f"EXISTS ({write(node.this)})"
    _only(node, "this", "expressions", "query")
    if query := node.args.get("query"):
        return f"{_value(node.this)} IN {write(query)}"
    return f"{_value(node.this)} IN ({_list(node.args['expressions'], _value)})"


def _value(node: exp.Expr) -> str:
    if isinstance(node, exp.Paren):
        if _is_condition(node):
            return _value(node.this)
        return f"({_value(node.this)})"
    if isinstance(node, _CONDITIONS):
        text = _condition(node)
        return f"CASE WHEN {text} THEN TRUE WHEN NOT ({text}) THEN FALSE END"
    if type(node) in _OPERATORS:
        return _arithmetic(node)
    if writer := _WRITERS.get(type(node)):
        return writer(node)
    if name := _FUNCTIONS.get(type(node)):
        return f"{name}({_list(_arguments(node), _value)})"
    raise _refused(node)


def _is_condition(node: exp.Expr) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, _CONDITIONS)


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """A function's arguments in the order in which it declares them."""
    found: list[exp.Expr] = []
    for key in node.arg_types:
        value = node.args.get(key)
        if isinstance(value, list):
            found += value
        elif isinstance(value, exp.Expr):
            found.append(value)
        elif value and key != "is_nvl":
            raise _refused(f"{node.sql_name()} {key}" if isinstance(node, exp.Func) else key)
    return found


def _arithmetic(node: exp.Expr) -> str:
    _only(node, "this", "expression", "safe")
    left, right = _value(node.this), _value(node.expression)
    if isinstance(node, exp.Div | exp.Mod):
        # Hive gives NULL for what SAP HANA takes for an error.
        right = f"NULLIF({right}, 0)"
    if isinstance(node, exp.Mod):
        return f"MOD({left}, {right})"
    return f"{left} {_OPERATORS[type(node)]} {right}"


def _identifier(node: exp.Expr) -> str:
    return '"' + node.name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _list(nodes: Iterable[exp.Expr], write_one: Callable[[Any], str]) -> str:
    return ", ".join(write_one(node) for node in nodes)


def _column(node: exp.Expr) -> str:
    _only(node, "this", "table")
    if not isinstance(node.this, exp.Identifier):
        raise _refused(node.this)
    table = f"{_identifier(node.args['table'])}." if node.args.get("table") else ""
    return f"{table}{_identifier(node.this)}"


def _case(node: exp.Expr) -> str:
    _only(node, "this", "ifs", "default")
    subject = node.this
    text = f"CASE {_value(subject)}" if subject is not None else "CASE"
    for branch in node.args["ifs"]:
        when = _condition(branch.this) if subject is None else _value(branch.this)
        text += f" WHEN {when} THEN {_value(branch.args['true'])}"
    default = node.args.get("default")
    return f"{text} ELSE {_value(default)} END" if default is not None else f"{text} END"


def _if(node: exp.Expr) -> str:
    _only(node, "this", "true", "false")
    text = f"CASE WHEN {_condition(node.this)} THEN {_value(node.args['true'])}"
    otherwise = node.args.get("false")
    return f"{text} ELSE {_value(otherwise)} END" if otherwise is not None else f"{text} END"


def _cast(node: exp.Expr) -> str:
    _only(node, "this", "to", "safe")
    kind = node.args["to"].sql("hive").lower()
    parsed = parse_hive_type(kind)
    if parsed.base in ("nested", "binary") or (parsed.base == "string" and kind != "string"):
        raise _refused(f"CAST AS {kind}")
    return f"CAST({_value(node.this)} AS {target_type(kind, 'hana')})"


def _as_type(node: exp.Expr, type_: str) -> str:
    return f"CAST({_value(node)} AS {type_})"


def _as_date(node: exp.Expr) -> str:
    if isinstance(node, exp.CurrentDate):
        return _value(node)
    while isinstance(node, exp.TsOrDsToDate):
        node = node.this
    # By way of a timestamp, since a text may have a time as well.
    return f"CAST({_as_type(node, 'TIMESTAMP')} AS DATE)"


def _concat(node: exp.Expr) -> str:
    if node.args.get("coalesce"):
        raise _refused("CONCAT that passes over NULL")
    return f"({' || '.join(_value(part) for part in node.expressions)})"


def _concat_with(node: exp.Expr) -> str:
    """Parts that are NULL are passed over, with their separator."""
    separator, *parts = node.expressions
    if not isinstance(separator, exp.Literal) or not separator.is_string or not separator.name:
        raise _refused("CONCAT_WS with a separator that is no text")
    sign = _text(separator.name)
    joined = " || ".join(f"COALESCE({sign} || {_value(part)}, '')" for part in parts)
    return f"SUBSTRING({joined}, {len(separator.name) + 1})"


def _count(node: exp.Expr) -> str:
    _only(node, "this", "big_int")
    if isinstance(node.this, exp.Star):
        return "COUNT(*)"
    return f"COUNT({_aggregated(node.this)})"


def _aggregated(node: exp.Expr) -> str:
    if not isinstance(node, exp.Distinct):
        return _value(node)
    _only(node, "expressions")
    if len(node.expressions) != 1:
        raise _refused("DISTINCT of several columns")
    return f"DISTINCT {_value(node.expressions[0])}"


def _sum(node: exp.Expr) -> str:
    _only(node, "this")
    return f"{_FUNCTIONS[type(node)]}({_aggregated(node.this)})"


def _window(node: exp.Expr) -> str:
    _only(node, "this", "partition_by", "order", "spec", "over")
    parts = []
    if found := node.args.get("partition_by"):
        parts.append(f"PARTITION BY {_list(found, _value)}")
    if order := node.args.get("order"):
        parts.append(_order(order))
    if spec := node.args.get("spec"):
        parts.append(_frame(spec))
    return f"{_value(node.this)} OVER ({' '.join(parts)})"


def _frame(spec: exp.Expr) -> str:
    _only(spec, "kind", "start", "start_side", "end", "end_side")
    if str(spec.args.get("kind")).upper() != "ROWS":
        raise _refused("a window RANGE")
    bounds = []
    for name in ("start", "end"):
        bound, side = spec.args.get(name) or "CURRENT ROW", spec.args.get(f"{name}_side") or ""
        shown = _value(bound) if isinstance(bound, exp.Expr) else str(bound)
        bounds.append(f"{shown} {side}".strip().upper())
    return f"ROWS BETWEEN {bounds[0]} AND {bounds[1]}"


def _substring(node: exp.Expr) -> str:
    start = node.args["start"]
    if isinstance(start, exp.Neg) or (isinstance(start, exp.Literal) and start.name == "0"):
        raise _refused("SUBSTRING that counts from the end")
    return f"SUBSTRING({_list(_arguments(node), _value)})"


def _trim(node: exp.Expr) -> str:
    _only(node, "this", "position")
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position")), "TRIM")
    return f"{name}({_value(node.this)})"


def _formatted(node: exp.Expr) -> str:
    _only(node, "this", "format")
    pieces = node.args["format"].name.replace("strict", "").split("%")
    text = pieces[0]
    for piece in pieces[1:]:
        text += _DATE_FORMATS.get(piece[:1], "?") + piece[1:]
    plain = text
    for word in _DATE_FORMATS.values():
        plain = plain.replace(word, "")
    if plain.strip("-/.: "):
        raise _refused("the format of a date")
    return f"TO_NVARCHAR({_value(node.this)}, {_text(text)})"


def _days_later(node: exp.Expr) -> str:
    _only(node, "this", "expression", "unit")
    if node.args["unit"].name.upper() != "DAY":
        raise _refused("DATE_ADD of other units than days")
    return f"ADD_DAYS({_as_date(node.this)}, {_value(node.expression)})"


def _days_between(node: exp.Expr) -> str:
    _only(node, "this", "expression")
    return f"DAYS_BETWEEN({_as_date(node.expression)}, {_as_date(node.this)})"


def _literal(node: exp.Expr) -> str:
    return _text(node.name) if node.is_string else node.name


_WRITERS: dict[type[exp.Expr], Callable[[Any], str]] = {
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Null: lambda _: "NULL",
    exp.Boolean: lambda node: "TRUE" if node.this else "FALSE",
    exp.Neg: lambda node: f"(-{_value(node.this)})",
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Concat: _concat,
    exp.ConcatWs: _concat_with,
    exp.DPipe: lambda node: f"({_value(node.this)} || {_value(node.expression)})",
    exp.Count: _count,
    exp.Sum: _sum,
    exp.Avg: _sum,
    exp.Max: _sum,
    exp.Min: _sum,
    exp.Window: _window,
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.TimeToStr: _formatted,
    exp.TimeStrToTime: lambda node: _as_type(node.this, "TIMESTAMP"),
    exp.TsOrDsToDate: _as_date,
    exp.TsOrDsAdd: _days_later,
    exp.DateDiff: _days_between,
    exp.CurrentDate: lambda _: "CURRENT_DATE",
    exp.CurrentTimestamp: lambda _: "CURRENT_TIMESTAMP",
    exp.Subquery: write,
}
