"""Graph stores that answer Cypher: what they have in common, and the embedded one.

The statements stay inside the Cypher that kglite, Neo4j 5 and what is compatible with it all speak.
Labels and relationship types cannot be bound as parameters; they come from the closed lists in
``labels.py`` only. Everything else is bound.
Belongs here: asking and writing. Does not belong here: Neo4j (``neo4j_store.py``), what is written
(``load.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, cast

from amodels_assets.graph.load import load_graph
from amodels_assets.graph.model import Graph


class GraphStore(Protocol):
    """A store of one graph."""

    def ask(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a Cypher query with bound parameters; rows as dictionaries."""
        ...

    def write(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a statement in a transaction of its own; it may run again where the store asks."""
        ...


class EmbeddedGraph:
    """A graph in memory.

    Example:
        >>> from amodels_assets.graph.model import EDGE_SCHEMA, NODE_SCHEMA
        >>> nodes = NODE_SCHEMA.empty_table()
        >>> EmbeddedGraph(Graph(nodes, EDGE_SCHEMA.empty_table())).ask(
        ...     "MATCH (n:Table) RETURN count(n) AS count"
        ... )
        [{'count': 0}]
    """

    def __init__(self, graph: Graph | None = None) -> None:
        """Load nodes and edges.

        Raises:
            GraphError: A label, a relationship type or an edge's end is unknown.
        """
        import kglite

        # A question about a kind of node that this graph has none of is a fine question.
        kglite.set_query_warning_policy("silent")
        self._graph = kglite.KnowledgeGraph()
        if graph is not None:
            load_graph(self, graph, "embedded")

    def ask(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a Cypher query with bound parameters; rows as dictionaries."""
        rows = cast("Iterable[dict[str, Any]]", self._graph.cypher(query, params=parameters))
        return [dict(row) for row in rows]

    def write(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run a statement."""
        return self.ask(query, **parameters)


def read_graph(folder: Path) -> Graph:
    """The graph of a published artifact.

    Args:
        folder: Holds ``nodes.parquet`` and ``edges.parquet``.
    """
    import pyarrow.parquet as pq

    tables = [pq.ParquetFile(folder / f"{name}.parquet").read() for name in ("nodes", "edges")]
    return Graph(*tables)


def open_graph(folder: Path) -> EmbeddedGraph:
    """The graph of a published artifact, loaded."""
    return EmbeddedGraph(read_graph(folder))
