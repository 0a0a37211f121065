"""What the writing of SAP HANA's SQL stands on: names, texts, lists, and refusals.

Belongs here: what queries and functions have in common. Does not belong here: these themselves
(``hana_views.py``, ``hana_functions.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlglot import exp

_NAMES: dict[type[exp.Expr], str] = {
    exp.Lateral: "LATERAL VIEW",
    exp.ArrayUniqueAgg: "COLLECT_SET",
    exp.ArrayAgg: "COLLECT_LIST",
}


class UntranslatedError(Exception):
    """A query has something that is not translated; the message names it."""


def refused(node: exp.Expr | str) -> UntranslatedError:
    """The error for a node, or for what is named."""
    if isinstance(node, exp.Anonymous):
        name = node.name.upper()
    elif isinstance(node, exp.Expr):
        kind = type(node)
        name = _NAMES.get(kind) or (node.sql_name() if isinstance(node, exp.Func) else kind.key)
        name = name.upper()
    else:
        name = node
    return UntranslatedError(f"{name} is not translated to SAP HANA's SQL")


def only(node: exp.Expr, *known: str) -> None:
    """Refuse a node that says more than its translation."""
    for key, value in node.args.items():
        if value and key not in known:
            found = value[0] if isinstance(value, list) else value
            named = isinstance(found, exp.Expr) and not isinstance(found, exp.Identifier)
            raise refused(found if named else f"{type(node).key} {key}")


def identifier(node: exp.Expr) -> str:
    """A name, quoted."""
    return '"' + node.name.replace('"', '""') + '"'


def text_literal(value: str) -> str:
    """A text, quoted."""
    return "'" + value.replace("'", "''") + "'"


def listed(nodes: Iterable[exp.Expr], write_one: Callable[[Any], str]) -> str:
    """Nodes, with commas between them."""
    return ", ".join(write_one(node) for node in nodes)
