"""What a syntax tree leaves implicit: the order of joins and laterals, named windows."""

from __future__ import annotations

from sqlglot import exp


def in_text_order(node: exp.Expr) -> list[exp.Expr]:
    """Joins and lateral views as they follow each other; the tree keeps them apart.

    What a lateral view or an ON can name, and the order of ``*``, depend on it.
    """
    joins, laterals = node.args.get("joins") or [], node.args.get("laterals") or []
    if not joins or not laterals:
        return [*laterals, *joins]
    return sorted([*laterals, *joins], key=_offset)


def _offset(node: exp.Expr) -> int:
    name = node.find(exp.Identifier)
    return int(name.meta.get("start", 0)) if name is not None else 0


def write_out_windows(select: exp.Select) -> None:
    """Put the definitions of a WINDOW clause where its names are used."""
    definitions = {w.name.lower(): w for w in select.args["windows"]}

    def inside(node: exp.Expr) -> bool:
        return isinstance(node, exp.Query)

    for item in select.expressions:
        for window in item.walk(prune=inside):
            if isinstance(window, exp.Window) and window.alias.lower() in definitions:
                definition = definitions[window.alias.lower()]
                for part in ("partition_by", "order"):
                    if not window.args.get(part) and definition.args.get(part):
                        window.set(part, definition.args[part])
