"""A trace as a tree for people, as Graphviz and as JSON.

Belongs here: how it is spelled. Does not belong here: the walk (``trace.py``).
"""

from __future__ import annotations

from collections.abc import Iterator

from amodels_assets.sgmi.trace import WHOLE_VIEW, ColumnName, Direction, Edge, Trace

_Kinds = dict[ColumnName, list[Edge]]


def as_tree(trace: Trace) -> Iterator[str]:
    """Lines of a tree; what has been shown before is only referred to."""
    following = _following(trace)
    shown: set[ColumnName] = set()
    for start in trace.start:
        yield _label(start, trace)
        shown.add(start)
        yield from _branches(start, following, trace, shown)
    rows: dict[ColumnName, dict[str, list[str]]] = {}
    for edge in trace.rows:
        source = str(edge.source) + ("" if edge.resolved else " (not in the dumps)")
        rows.setdefault(edge.target, {}).setdefault(edge.subtype, []).append(source)
    if rows:
        yield ""
        yield "Rows are chosen, grouped or sorted by:"
        for view, kinds in rows.items():
            for subtype, sources in kinds.items():
                yield f"  {view.database}.{view.table}  {subtype}  {', '.join(sources)}"
    if trace.loads:
        yield ""
        yield "Jobs that write these tables:"
        for load in trace.loads:
            started = f"{load.trigger} {load.cron}".strip()
            yield f"  {'.'.join(load.table)}  {load.job} ({started})  {load.file}:{load.line}"


def _following(trace: Trace) -> _Kinds:
    following: _Kinds = {}
    for edge in trace.edges:
        here = edge.target if trace.direction is Direction.UP else edge.source
        following.setdefault(here, []).append(edge)
    return following


def _branches(
    column: ColumnName, following: _Kinds, trace: Trace, shown: set[ColumnName]
) -> Iterator[str]:
    def ends(of: ColumnName) -> dict[ColumnName, list[Edge]]:
        """Several ways between the same two columns are one branch."""
        found: dict[ColumnName, list[Edge]] = {}
        for edge in following.get(of, ()):
            end = edge.source if trace.direction is Direction.UP else edge.target
            found.setdefault(end, []).append(edge)
        return found

    # A stack, not recursion: views can lie deeper on each other than Python recurses.
    first = ends(column)
    stack = [(iter(first.items()), len(first), "")]
    while stack:
        branches, left, prefix = stack.pop()
        step = next(branches, None)
        if step is None:
            continue
        there, edges = step
        stack.append((branches, left - 1, prefix))
        last = left == 1
        kinds = ", ".join(f"{edge.type} {edge.subtype}" for edge in edges)
        seen = there in shown and bool(following.get(there))
        note = "" if all(edge.resolved for edge in edges) else "  (not in the dumps)"
        note += "  (see above)" if seen else ""
        yield f"{prefix}{'└─ ' if last else '├─ '}{_label(there, trace)}  {kinds}{note}"
        if there not in shown:
            shown.add(there)
            more = ends(there)
            stack.append((iter(more.items()), len(more), prefix + ("   " if last else "│  ")))


def _label(column: ColumnName, trace: Trace) -> str:
    kind = "view" if column[:2] in trace.views else "table"
    type_ = trace.types.get(column, "")
    return f"{column} ({kind}{', ' + type_ if type_ else ''})"


def as_dot(trace: Trace) -> str:
    """A Graphviz digraph; INDIRECT edges are dashed."""
    columns = sorted({*trace.start, *(c for e in trace.edges for c in (e.source, e.target))})
    lines = ["digraph trace {", "  rankdir=LR;", "  node [shape=box];"]
    for column in columns:
        shape = "ellipse" if column[:2] in trace.views else "box"
        lines.append(f"  {_quoted(str(column))} [shape={shape}];")
    for edge in trace.edges:
        style = "solid" if edge.type == "DIRECT" else "dashed"
        ends = f"{_quoted(str(edge.source))} -> {_quoted(str(edge.target))}"
        lines.append(f"  {ends} [label={_quoted(edge.subtype)}, style={style}];")
    for load in trace.loads:
        lines.append(f"  {_quoted(load.job)} [shape=component];")
        table = (column for column in columns if column[:2] == load.table)
        lines += [
            f"  {_quoted(load.job)} -> {_quoted(str(column))} [style=dotted];" for column in table
        ]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def as_json(trace: Trace) -> dict[str, object]:
    """Everything that the trace holds."""

    def edge(each: Edge) -> dict[str, object]:
        return {
            "source": str(each.source),
            "target": str(each.target).removesuffix(f".{WHOLE_VIEW}"),
            "transformation_type": each.type,
            "transformation_subtype": each.subtype,
            "resolved": each.resolved,
        }

    columns = sorted({*trace.start, *(c for e in trace.edges for c in (e.source, e.target))})
    return {
        "start": [str(column) for column in trace.start],
        "direction": str(trace.direction),
        "columns": [
            {
                **column._asdict(),
                "kind": "view" if column[:2] in trace.views else "table",
                "type": trace.types.get(column) or None,
            }
            for column in columns
        ],
        "edges": [edge(each) for each in trace.edges],
        "rows": [edge(each) for each in trace.rows],
        "jobs": [
            {
                "job": load.job,
                "writes": ".".join(load.table),
                "trigger": load.trigger or None,
                "cron": load.cron or None,
                "file": load.file,
                "line": load.line,
            }
            for load in trace.loads
        ],
    }
