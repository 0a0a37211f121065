"""What a graph consists of: tables of nodes and of relationships.

Does not belong here: which catalog row becomes which node (``build.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

NODE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("label", pa.string()),
        ("name", pa.string()),
        ("detail", pa.string()),
        ("known", pa.bool_()),
    ]
)
EDGE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("target", pa.string()),
        ("type", pa.string()),
        ("kind", pa.string()),
    ]
)


@dataclass(frozen=True)
class Graph:
    """A property graph as two tables.

    Attributes:
        nodes: id, label, name, detail (type, comment or command), known (false for what is
            referred to but not in the dumps); sorted by id, which is unique.
        edges: source and target node id, type, kind (how a column flows, the condition that
            triggers); sorted, without repetition.
    """

    nodes: pa.Table
    edges: pa.Table


class GraphError(Exception):
    """A graph cannot be loaded or asked; the message says why, never a password."""


def joined(first: Graph, second: Graph) -> Graph:
    """Both graphs as one; of nodes that both have, the first's that is known."""
    nodes = {row["id"]: row for row in second.nodes.to_pylist()}
    for row in first.nodes.to_pylist():
        if row["known"] or row["id"] not in nodes:
            nodes[row["id"]] = row
    edges = {tuple(row.values()) for g in (first, second) for row in g.edges.to_pylist()}
    return Graph(
        pa.Table.from_pylist([nodes[key] for key in sorted(nodes)], schema=NODE_SCHEMA),
        pa.Table.from_pylist(
            [dict(zip(EDGE_SCHEMA.names, edge, strict=True)) for edge in sorted(edges)],
            schema=EDGE_SCHEMA,
        ),
    )
