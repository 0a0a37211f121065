"""A graph in the embedded store and over Bolt, beside bare loops with the same statements.

Belongs here: what is measured. Does not belong here: the graph itself (``store_data.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from amodels_assets.graph.load import BATCH_ROWS, load_graph
from amodels_assets.graph.model import Graph
from amodels_assets.graph.neo4j_store import connected_graph
from amodels_assets.graph.store import EmbeddedGraph
from tests.benchmarks.store_data import large_graph
from tests.benchmarks.store_pairs import in_pairs
from tests.benchmarks.store_servers import measured
from tests.bolt_server import DATABASE, PASSWORD, BoltServer

Json = dict[str, Any]
Write = Callable[[str, dict[str, Any]], object]
Groups = list[tuple[str, list[list[Json]]]]
LABELS = ("Table", "Column")
KINDS = (("Table", "HAS_COLUMN", "Column"), ("Column", "FLOWS_TO", "Column"))


def embedded(nodes: int, relationships: int, pairs: int) -> Json:
    """Into a new embedded graph each time."""
    import kglite

    graph = large_graph(nodes, relationships)

    def ours() -> Json:
        store = EmbeddedGraph()
        figures = measured(lambda: load_graph(store, graph, "v"), None)
        _check(graph, lambda query: store.ask(query)[0]["count"])
        return {"relationships": relationships} | figures

    def bare() -> Json:
        store = kglite.KnowledgeGraph()
        groups = statements_of(graph)

        def write(query: str, parameters: dict[str, Any]) -> None:
            store.cypher(query, params=parameters)

        figures = measured(lambda: bare_loop(write, groups), None)
        _check(graph, lambda query: next(iter(store.cypher(query)))["count"])
        return {"relationships": relationships} | figures

    return in_pairs(pairs, {"aModels": ours, "bare loop over kglite": bare})


def over_bolt(folder: Path, nodes: int, relationships: int, pairs: int) -> Json:
    """Into an ArcadeDB server (Bolt-compatible, not Neo4j), which is emptied each time."""
    from neo4j import GraphDatabase

    graph = large_graph(nodes, relationships)
    server = BoltServer(folder)
    try:
        if server.process is None:
            raise RuntimeError("the server does not run")
        process = psutil.Process(server.process.pid)
        address = server.url.partition("@")[2].partition("/")[0]
        with GraphDatabase.driver(f"bolt://{address}", auth=("root", PASSWORD)) as driver:

            def ours() -> Json:
                _empty(driver)
                # From the connection to its end, as the bare loop.
                figures = measured(lambda: _load(server.url, graph), process)
                _check(graph, lambda query: _one(driver, query))
                return {"relationships": relationships} | figures

            def bare() -> Json:
                _empty(driver)
                groups = statements_of(graph)
                figures = measured(lambda: _loop(address, groups), process)
                _check(graph, lambda query: _one(driver, query))
                return {"relationships": relationships} | figures

            # A server in Java gets faster while it runs: what is measured comes after that.
            ours()
            bare()
            return in_pairs(pairs, {"aModels": ours, "bare neo4j driver": bare})
    finally:
        server.stop()


def statements_of(graph: Graph) -> Groups:
    """The statements of loading, each with its rows in batches as large as the product's."""
    nodes, edges = graph.nodes.to_pylist(), graph.edges.to_pylist()
    groups: Groups = []
    for label in LABELS:
        rows = [row for row in nodes if row["label"] == label]
        groups.append(
            (
                f"UNWIND $rows AS row MERGE (n:{label} {{id: row.id}}) SET n.name = row.name, "
                "n.detail = row.detail, n.known = row.known, n.loaded_by = $mark, "
                "n.version = $version",
                _batches(rows),
            )
        )
    for source, kind, target in KINDS:
        rows = [row for row in edges if row["type"] == kind]
        groups.append(
            (
                f"UNWIND $rows AS row MATCH (a:{source} {{id: row.source}}), "
                f"(b:{target} {{id: row.target}}) MERGE (a)-[r:{kind} {{kind: row.kind}}]->(b) "
                "SET r.loaded_by = $mark, r.version = $version",
                _batches(rows),
            )
        )
    return groups


def _batches(rows: list[Json]) -> list[list[Json]]:
    return [rows[start : start + BATCH_ROWS] for start in range(0, len(rows), BATCH_ROWS)]


def bare_loop(write: Write, groups: Groups) -> None:
    """What somebody would write who needs nothing but this graph in an empty store."""
    for label in LABELS:
        write(f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE", {})
    for statement, batches in groups:
        for rows in batches:
            write(statement, {"rows": rows, "mark": "amodels", "version": "v"})


def _load(url: str, graph: Graph) -> None:
    with connected_graph(url) as store:
        load_graph(store, graph, "v")


def _loop(address: str, groups: Groups) -> None:
    from neo4j import GraphDatabase, ManagedTransaction

    with (
        GraphDatabase.driver(f"bolt://{address}", auth=("root", PASSWORD)) as driver,
        driver.session(database=DATABASE) as session,
    ):

        def write(query: str, parameters: Json) -> None:
            def work(transaction: ManagedTransaction) -> None:
                transaction.run(query, parameters).consume()

            session.execute_write(work)

        bare_loop(write, groups)


def _one(driver: Any, query: str) -> int:
    return int(driver.execute_query(query, database_=DATABASE).records[0]["count"])


def _empty(driver: Any) -> None:
    """Remove everything, in portions that fit a transaction."""
    for statement in (
        "MATCH ()-[r]->() WITH r LIMIT 5000 DELETE r RETURN count(*) AS count",
        "MATCH (n) WITH n LIMIT 5000 DELETE n RETURN count(*) AS count",
    ):
        while _one(driver, statement):
            pass


def _check(graph: Graph, count: Callable[[str], int]) -> None:
    """The store has what it should have: a loop that loads nothing would be fast."""
    nodes = sum(count(f"MATCH (n:{label}) RETURN count(n) AS count") for label in LABELS)
    edges = sum(count(f"MATCH ()-[r:{kind}]->() RETURN count(r) AS count") for _, kind, _ in KINDS)
    if (nodes, edges) != (graph.nodes.num_rows, graph.edges.num_rows):
        raise RuntimeError(f"{nodes} nodes and {edges} relationships were loaded")
