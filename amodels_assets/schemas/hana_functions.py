"""Hive's functions as SAP HANA's.

Belongs here: functions, casts and literals, given how their arguments are written. Does not belong
here: queries, conditions and what they are made of (``hana_views.py``).
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from amodels_assets.schemas.hana_words import listed, only, refused, text_literal
from amodels_assets.schemas.types import parse_hive_type, target_type

# Writes a value.
Value = Callable[[exp.Expr], str]
# Functions of the same arguments in the same order.
FUNCTIONS: dict[type[exp.Expr], str] = {
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
_DATE_FORMATS = {"Y": "YYYY", "m": "MM", "d": "DD", "H": "HH24", "M": "MI", "S": "SS"}


def arguments(node: exp.Expr) -> list[exp.Expr]:
    """A function's arguments in the order in which it declares them."""
    found: list[exp.Expr] = []
    for key in node.arg_types:
        given = node.args.get(key)
        if isinstance(given, list):
            found += given
        elif isinstance(given, exp.Expr):
            found.append(given)
        elif given and key != "is_nvl":
            raise refused(f"{node.sql_name()} {key}" if isinstance(node, exp.Func) else key)
    return found


def _cast(node: exp.Expr, value: Value) -> str:
    only(node, "this", "to", "safe")
    kind = node.args["to"].sql("hive").lower()
    parsed = parse_hive_type(kind)
    if parsed.base in ("nested", "binary") or (parsed.base == "string" and kind != "string"):
        raise refused(f"CAST AS {kind}")
    return f"CAST({value(node.this)} AS {target_type(kind, 'hana')})"


def _as_type(node: exp.Expr, type_: str, value: Value) -> str:
    return f"CAST({value(node)} AS {type_})"


def _as_date(node: exp.Expr, value: Value) -> str:
    if isinstance(node, exp.CurrentDate):
        return value(node)
    while isinstance(node, exp.TsOrDsToDate):
        node = node.this
    # By way of a timestamp, since a text may have a time as well.
    return f"CAST({_as_type(node, 'TIMESTAMP', value)} AS DATE)"


def _concat(node: exp.Expr, value: Value) -> str:
    if node.args.get("coalesce"):
        raise refused("CONCAT that passes over NULL")
    return f"({' || '.join(value(part) for part in node.expressions)})"


def _concat_with(node: exp.Expr, value: Value) -> str:
    """Parts that are NULL are passed over, with their separator."""
    separator, *parts = node.expressions
    if not isinstance(separator, exp.Literal) or not separator.is_string or not separator.name:
        raise refused("CONCAT_WS with a separator that is no text")
    sign = text_literal(separator.name)
    joined = " || ".join(f"COALESCE({sign} || {value(part)}, '')" for part in parts)
    return f"SUBSTRING({joined}, {len(separator.name) + 1})"


def _count(node: exp.Expr, value: Value) -> str:
    only(node, "this", "big_int")
    if isinstance(node.this, exp.Star):
        return "COUNT(*)"
    return f"COUNT({_aggregated(node.this, value)})"


def _aggregated(node: exp.Expr, value: Value) -> str:
    if not isinstance(node, exp.Distinct):
        return value(node)
    only(node, "expressions")
    if len(node.expressions) != 1:
        raise refused("DISTINCT of several columns")
    return f"DISTINCT {value(node.expressions[0])}"


def _aggregate(node: exp.Expr, value: Value) -> str:
    only(node, "this")
    return f"{FUNCTIONS[type(node)]}({_aggregated(node.this, value)})"


def frame(spec: exp.Expr, value: Value) -> str:
    """A window's rows."""
    only(spec, "kind", "start", "start_side", "end", "end_side")
    if str(spec.args.get("kind")).upper() != "ROWS":
        raise refused("a window RANGE")
    bounds = []
    for name in ("start", "end"):
        bound, side = spec.args.get(name) or "CURRENT ROW", spec.args.get(f"{name}_side") or ""
        shown = value(bound) if isinstance(bound, exp.Expr) else str(bound)
        bounds.append(f"{shown} {side}".strip().upper())
    return f"ROWS BETWEEN {bounds[0]} AND {bounds[1]}"


def _substring(node: exp.Expr, value: Value) -> str:
    start = node.args["start"]
    if isinstance(start, exp.Neg) or (isinstance(start, exp.Literal) and start.name == "0"):
        raise refused("SUBSTRING that counts from the end")
    return f"SUBSTRING({listed(arguments(node), value)})"


def _trim(node: exp.Expr, value: Value) -> str:
    only(node, "this", "position")
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position")), "TRIM")
    return f"{name}({value(node.this)})"


def _formatted(node: exp.Expr, value: Value) -> str:
    only(node, "this", "format")
    pieces = node.args["format"].name.replace("strict", "").split("%")
    text = pieces[0]
    for piece in pieces[1:]:
        text += _DATE_FORMATS.get(piece[:1], "?") + piece[1:]
    plain = text
    for word in _DATE_FORMATS.values():
        plain = plain.replace(word, "")
    if plain.strip("-/.: "):
        raise refused("the format of a date")
    return f"TO_NVARCHAR({value(node.this)}, {text_literal(text)})"


def _days_later(node: exp.Expr, value: Value) -> str:
    only(node, "this", "expression", "unit")
    if node.args["unit"].name.upper() != "DAY":
        raise refused("DATE_ADD of other units than days")
    return f"ADD_DAYS({_as_date(node.this, value)}, {value(node.expression)})"


def _days_between(node: exp.Expr, value: Value) -> str:
    only(node, "this", "expression")
    return f"DAYS_BETWEEN({_as_date(node.expression, value)}, {_as_date(node.this, value)})"


def _literal(node: exp.Expr, _: Value) -> str:
    return text_literal(node.name) if node.is_string else node.name


FUNCTION_WRITERS: dict[type[exp.Expr], Callable[[exp.Expr, Value], str]] = {
    exp.Literal: _literal,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Concat: _concat,
    exp.ConcatWs: _concat_with,
    exp.DPipe: lambda node, value: f"({value(node.this)} || {value(node.expression)})",
    exp.Count: _count,
    exp.Sum: _aggregate,
    exp.Avg: _aggregate,
    exp.Max: _aggregate,
    exp.Min: _aggregate,
    exp.Substring: _substring,
    exp.Trim: _trim,
    exp.TimeToStr: _formatted,
    exp.TimeStrToTime: lambda node, value: _as_type(node.this, "TIMESTAMP", value),
    exp.TsOrDsToDate: _as_date,
    exp.TsOrDsAdd: _days_later,
    exp.DateDiff: _days_between,
    exp.CurrentDate: lambda _node, _value: "CURRENT_DATE",
    exp.CurrentTimestamp: lambda _node, _value: "CURRENT_TIMESTAMP",
}
