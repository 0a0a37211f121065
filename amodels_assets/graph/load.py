"""Brings a store to a graph: what is new is added, what changed is updated, what vanished goes.

Every statement may run twice. What is loaded carries a mark and the graph's version: only what has
the mark is ever changed or removed, and what has another version at the end has vanished. A run
that dies anywhere leaves a mixture that the next run finishes; the state node tells which it is.
Belongs here: the Cypher of loading. Does not belong here: the stores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from amodels_assets.graph.labels import EDGE_TYPES, NODE_LABELS
from amodels_assets.graph.model import Graph, GraphError

if TYPE_CHECKING:
    from amodels_assets.graph.store import GraphStore

BATCH_ROWS = 5_000
MARK = "amodels"
STATE_LABEL = "AmodelsGraph"
Row = dict[str, Any]
EdgeGroup = tuple[str, str, str]


@dataclass(frozen=True)
class Loaded:
    """What loading did.

    Attributes:
        unchanged: The store told that it has this very graph, and nothing was done.
        nodes: Written.
        relationships: Written.
        removed: Nodes and relationships that vanished.
    """

    unchanged: bool
    nodes: int = 0
    relationships: int = 0
    removed: int = 0


def load_graph(
    store: GraphStore,
    graph: Graph,
    version: str,
    *,
    progress: Callable[[str], None] = lambda _: None,
    before_batch: Callable[[], None] = lambda: None,
) -> Loaded:
    """Bring a store to a graph.

    Args:
        store: Where it goes.
        graph: What it should be.
        version: Tells this graph from others.
        progress: Told about every group of rows.
        before_batch: Called before each batch; raises when this run may not write any more.

    Raises:
        GraphError: A label, a relationship type or an edge's end is unknown; nothing was written.
    """
    nodes, edges = _by_label(graph), _by_type(graph)
    _create_constraints(store)
    if state_of(store) == version:
        return Loaded(unchanged=True)
    # From here on the store holds neither the old graph nor the new one.
    _set_state(store, "")
    for label, rows in nodes.items():
        progress(f"{len(rows):,} {label} nodes")
        statement = (
            f"UNWIND $rows AS row MERGE (n:{label} {{id: row.id}}) SET n.name = row.name, "
            "n.detail = row.detail, n.known = row.known, n.loaded_by = $mark, n.version = $version"
        )
        for batch in _batches(rows):
            before_batch()
            store.write(statement, rows=batch, mark=MARK, version=version)
    for (source, kind, target), rows in edges.items():
        progress(f"{len(rows):,} {kind} relationships from {source} to {target}")
        # The kind is part of what is merged on: parallel relationships are kept apart.
        statement = (
            f"UNWIND $rows AS row MATCH (a:{source} {{id: row.source}}), "
            f"(b:{target} {{id: row.target}}) MERGE (a)-[r:{kind} {{kind: row.kind}}]->(b) "
            "SET r.loaded_by = $mark, r.version = $version"
        )
        for batch in _batches(rows):
            before_batch()
            store.write(statement, rows=batch, mark=MARK, version=version)
    removed = _remove_vanished(store, version, before_batch)
    _set_state(store, version)
    return Loaded(
        unchanged=False,
        nodes=graph.nodes.num_rows,
        relationships=graph.edges.num_rows,
        removed=removed,
    )


def state_of(store: GraphStore) -> str:
    """The version of the graph that a store holds completely; empty for none."""
    rows = store.ask(
        f"MATCH (s:{STATE_LABEL} {{id: $mark}}) RETURN s.version AS version", mark=MARK
    )
    return str(rows[0]["version"] or "") if rows else ""


def read_back(store: GraphStore) -> tuple[list[Row], list[Row]]:
    """Nodes and relationships that were loaded, with the columns of a :class:`Graph`."""
    nodes = [
        {**row, "label": label}
        for label in NODE_LABELS
        for row in store.ask(
            f"MATCH (n:{label}) WHERE n.loaded_by = $mark RETURN n.id AS id, n.name AS name, "
            "n.detail AS detail, n.known AS known",
            mark=MARK,
        )
    ]
    edges = [
        {**row, "type": kind}
        for kind in EDGE_TYPES
        for row in store.ask(
            f"MATCH (a)-[r:{kind}]->(b) WHERE r.loaded_by = $mark "
            "RETURN a.id AS source, b.id AS target, r.kind AS kind",
            mark=MARK,
        )
    ]
    return nodes, edges


def differences(store: GraphStore, graph: Graph) -> list[str]:
    """Where a store differs from a graph, a sentence for each label and type."""
    nodes, edges = read_back(store)
    problems = []
    for found, wanted, name, labels in (
        (nodes, graph.nodes, "label", NODE_LABELS),
        (edges, graph.edges, "type", EDGE_TYPES),
    ):
        for label in labels:
            there = sorted(_as_tuple(row, wanted.schema) for row in found if row[name] == label)
            should = sorted(
                _as_tuple(row, wanted.schema) for row in wanted.to_pylist() if row[name] == label
            )
            if len(there) != len(should):
                problems.append(f"{len(there)} of {label} where there should be {len(should)}")
            elif there != should:
                first = next(a for a, b in zip(there, should, strict=True) if a != b)
                problems.append(f"{label} differs, first at {first[0]}")
    return problems


def _as_tuple(row: Row, schema: pa.Schema) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in schema.names)


def _create_constraints(store: GraphStore) -> None:
    for label in (*NODE_LABELS, STATE_LABEL):
        name = f"amodels_{label.lower()}_id"
        store.write(
            f"CREATE CONSTRAINT {name} IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE"
        )


def _set_state(store: GraphStore, version: str) -> None:
    store.write(
        f"MERGE (s:{STATE_LABEL} {{id: $mark}}) SET s.version = $version",
        mark=MARK,
        version=version,
    )


def _remove_vanished(store: GraphStore, version: str, before_batch: Callable[[], None]) -> int:
    removed = 0
    # Labels and types first: a store that never had one need not look through everything.
    statements = [
        f"MATCH (a)-[r:{kind}]->(b) WHERE r.loaded_by = $mark AND r.version <> $version "
        "WITH r LIMIT $most DELETE r RETURN count(*) AS removed"
        for kind in EDGE_TYPES
    ] + [
        f"MATCH (n:{label}) WHERE n.loaded_by = $mark AND n.version <> $version "
        "WITH n LIMIT $most DETACH DELETE n RETURN count(*) AS removed"
        for label in NODE_LABELS
    ]
    for statement in statements:
        while True:
            before_batch()
            rows = store.write(statement, mark=MARK, version=version, most=BATCH_ROWS)
            count = int(rows[0]["removed"]) if rows else 0
            removed += count
            if count < BATCH_ROWS:
                break
    return removed


def _by_label(graph: Graph) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in graph.nodes.to_pylist():
        found[row["label"]].append(row)
    for label in found:
        if label not in NODE_LABELS:
            raise GraphError(f"{label!r} is no label of this graph")
    return dict(sorted(found.items()))


def _by_type(graph: Graph) -> dict[EdgeGroup, list[Row]]:
    labels = dict(zip(*(graph.nodes[n].to_pylist() for n in ("id", "label")), strict=True))
    found: dict[EdgeGroup, list[Row]] = defaultdict(list)
    for row in graph.edges.to_pylist():
        ends = labels.get(row["source"]), labels.get(row["target"])
        if ends[0] is None or ends[1] is None:
            raise GraphError(f"edge from {row['source']} to {row['target']} lacks an end")
        if row["type"] not in EDGE_TYPES:
            raise GraphError(f"{row['type']!r} is no relationship type of this graph")
        found[ends[0], row["type"], ends[1]].append(row)
    return dict(sorted(found.items()))


def _batches(rows: list[Row]) -> Iterator[list[Row]]:
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]
