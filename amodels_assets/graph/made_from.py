"""What was made from the catalog: data sets, checkpoints, scores, releases, and out of what.

Belongs here: the manifests of the artifact store as nodes and edges. Does not belong here: the
catalog (``build.py``).
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from amodels_assets.artifacts import ArtifactStore, Manifest, digest
from amodels_assets.graph.model import EDGE_SCHEMA, NODE_SCHEMA, Graph, joined
from amodels_assets.graph.store import read_graph

# Label of what a room makes.
LABELS = {
    "datasets": "DataSet",
    "training": "Checkpoint",
    "evaluation": "Score",
    "release": "Release",
}
_ROWS = "sgmi/rows/"


def graph_of_artifacts(store: ArtifactStore) -> Graph:
    """Every current artifact of the rooms above, and what leads to it.

    A table whose rows went into an artifact is ``USED_BY`` it, so is each column that the
    artifact's declaration names; an artifact is ``MADE_INTO`` those that name it as an input.
    """
    manifests = {
        name: store.get(name).manifest for name in store.names() if name.partition("/")[0] in LABELS
    }
    nodes, edges = {}, set()
    for name, manifest in manifests.items():
        label = LABELS[name.partition("/")[0]]
        target = _identifier(name)
        nodes[target] = (target, label, name, manifest.data_version, True)
        for given in manifest.inputs:
            origin = _artifact(given, manifests)
            if origin:
                edges.add((_identifier(origin), target, "MADE_INTO", ""))
        for kind, key in _relations(manifest):
            identifier = f"{kind}:{key}"
            label = "Table" if kind == "relation" else "Column"
            nodes.setdefault(identifier, (identifier, label, key.rpartition(".")[2], "", False))
            edges.add((identifier, target, "USED_BY", ""))
    return Graph(
        _table(sorted(nodes.values()), NODE_SCHEMA),
        _table(sorted(edges), EDGE_SCHEMA),
    )


def whole_graph(store: ArtifactStore) -> tuple[Graph, str]:
    """The catalog's graph with what was made from it, and a version that tells it from others.

    Raises:
        ArtifactError: ``graph/knowledge_graph`` was not made yet.
    """
    catalog = store.get("graph/knowledge_graph")
    made = graph_of_artifacts(store)
    version = digest([catalog.data_version, made.nodes.to_pylist(), made.edges.to_pylist()])
    return joined(read_graph(catalog.path), made), version


def _identifier(artifact: str) -> str:
    return f"artifact:{artifact}"


def _artifact(given: str, names: dict[str, Manifest]) -> str | None:
    """The artifact that an input is, or is a file of."""
    parts = given.split("/")
    candidate = "/".join(parts[:2])
    return candidate if candidate in names else None


def _relations(manifest: Manifest) -> Iterator[tuple[str, str]]:
    tables = [given.removeprefix(_ROWS) for given in manifest.inputs if given.startswith(_ROWS)]
    for table in tables:
        yield "relation", table
    declaration = manifest.config.get("declaration") or {}
    for table, described in (declaration.get("tables") or {}).items():
        key = f"{declaration.get('database')}.{table}"
        if key in tables:
            for column in described.get("columns") or ():
                yield "column", f"{key}.{column}"


def _table(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    dictionaries = [dict(zip(schema.names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(dictionaries, schema=schema)
