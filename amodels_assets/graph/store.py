"""The embedded graph store: a graph in memory that answers Cypher.

The statements stay inside the Cypher that Neo4j 5 speaks as well. Labels and relationship types
cannot be bound as parameters; they come from the closed lists in ``build.py`` only. Everything else
is bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import kglite
import pyarrow.parquet as pq

from amodels_assets.graph.build import EDGE_TYPES, NODE_LABELS, Graph

BATCH_ROWS = 10_000


class GraphError(Exception):
    """The graph cannot be loaded; the message says why."""


class EmbeddedGraph:
    """A loaded graph.

    Example:
        >>> from amodels_assets.graph.build import EDGE_SCHEMA, NODE_SCHEMA
        >>> nodes = NODE_SCHEMA.empty_table()
        >>> EmbeddedGraph(Graph(nodes, EDGE_SCHEMA.empty_table())).ask(
        ...     "MATCH (n) RETURN count(n) AS count"
        ... )
        [{'count': 0}]
    """

    def __init__(self, graph: Graph) -> None:
        """Load nodes and edges.

        Raises:
            GraphError: A label, a relationship type or an edge's end is unknown.
        """
        # A question about a kind of node that this graph has none of is a fine question.
        kglite.set_query_warning_policy("silent")
        self._graph = kglite.KnowledgeGraph()
        labels = dict(
            zip(graph.nodes["id"].to_pylist(), graph.nodes["label"].to_pylist(), strict=True)
        )
        self._load_nodes(graph)
        self._load_edges(graph, labels)

    def ask(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a Cypher query with bound parameters; rows as dictionaries."""
        rows = cast("Iterable[dict[str, Any]]", self._graph.cypher(query, params=parameters))
        return [dict(row) for row in rows]

    def _load_nodes(self, graph: Graph) -> None:
        by_label: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in graph.nodes.to_pylist():
            by_label[row["label"]].append(row)
        for label, rows in sorted(by_label.items()):
            if label not in NODE_LABELS:
                raise GraphError(f"{label!r} is no label of this graph")
            query = (
                f"UNWIND $rows AS row CREATE (n:{label} {{id: row.id, name: row.name, "
                "detail: row.detail, known: row.known})"
            )
            for batch in _batches(rows):
                self._graph.cypher(query, params={"rows": batch})
            self._graph.create_index(label, "id")

    def _load_edges(self, graph: Graph, labels: Mapping[str, str]) -> None:
        groups: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in graph.edges.to_pylist():
            ends = labels.get(row["source"]), labels.get(row["target"])
            if ends[0] is None or ends[1] is None:
                raise GraphError(f"edge from {row['source']} to {row['target']} lacks an end")
            groups[(ends[0], row["type"], ends[1])].append(row)
        for (source, kind, target), rows in sorted(groups.items()):
            if kind not in EDGE_TYPES:
                raise GraphError(f"{kind!r} is no relationship type of this graph")
            query = (
                f"UNWIND $rows AS row MATCH (a:{source} {{id: row.source}}), "
                f"(b:{target} {{id: row.target}}) CREATE (a)-[:{kind} {{kind: row.kind}}]->(b)"
            )
            for batch in _batches(rows):
                self._graph.cypher(query, params={"rows": batch})


def open_graph(folder: Path) -> EmbeddedGraph:
    """Load the graph of a published artifact.

    Args:
        folder: Holds ``nodes.parquet`` and ``edges.parquet``.
    """
    tables = [pq.ParquetFile(folder / f"{name}.parquet").read() for name in ("nodes", "edges")]
    return EmbeddedGraph(Graph(*tables))


def _batches(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]
