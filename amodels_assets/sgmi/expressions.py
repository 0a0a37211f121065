"""How the parts of an expression matter to the whole. Names and subqueries are ``lineage.py``'s."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from amodels_assets.sgmi.influence import AGGREGATION, CONDITIONAL, TRANSFORMATION, WINDOW, step

_ROW_FUNCTIONS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
_UNKNOWN_AGGREGATES = frozenset(("percentile", "histogram_numeric", "regr_slope", "covar_pop"))

Part = tuple[exp.Expr, int]


def steps_to_parts(node: exp.Expr, bits: int) -> Iterator[Part]:
    """The parts of an expression, each with how it matters.

    Args:
        node: Neither a column nor a query.
        bits: How the whole expression matters.
    """
    changed = step(bits, TRANSFORMATION)
    condition = step(bits, CONDITIONAL)
    if isinstance(node, exp.Alias | exp.Paren | exp.Where | exp.Having):
        yield node.this, bits
    elif isinstance(node, exp.Case):
        if node.this is not None:
            yield node.this, condition
        for branch in node.args["ifs"]:
            yield branch.this, condition
            yield branch.args["true"], changed
        if node.args.get("default") is not None:
            yield node.args["default"], changed
    elif isinstance(node, exp.If | exp.Nvl2):
        yield node.this, condition
        yield from ((node.args[n], changed) for n in ("true", "false") if node.args.get(n))
    elif isinstance(node, exp.DecodeCase):
        yield from _decode_parts(node.expressions, condition, changed)
    elif isinstance(node, exp.Window):
        yield node.this, changed
        over = [*(node.args.get("partition_by") or ()), node.args.get("order")]
        yield from ((part, step(bits, WINDOW)) for part in over if part is not None)
    elif isinstance(node, exp.Filter):
        yield node.this, bits
        yield node.expression, condition
    elif not isinstance(node, exp.Grouping | exp.GroupingId):
        # Those two tell which columns are grouped by, whatever these hold.
        inner = step(bits, AGGREGATION) if _is_aggregate(node) else changed
        yield from ((child, inner) for child in node.iter_expressions())


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, exp.AggFunc):
        return not isinstance(node, _ROW_FUNCTIONS)
    return isinstance(node, exp.Anonymous) and node.name.lower() in _UNKNOWN_AGGREGATES


def _decode_parts(parts: list[exp.Expr], condition: int, value: int) -> list[tuple[exp.Expr, int]]:
    """``decode(x, search, result, …, default)``."""
    last = len(parts) - 1
    return [
        (part, value if i and (i % 2 == 0 or i == last) else condition)
        for i, part in enumerate(parts)
    ]
