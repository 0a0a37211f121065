"""The graph's schema as a Mermaid diagram, out of graphs that were made. Nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from amodels_assets.graph.labels import EDGE_TYPES, NODE_LABELS
from amodels_assets.graph.model import Graph

Triple = tuple[str, str, str]


def triples(graph: Graph) -> set[Triple]:
    """Label, relationship type and label of every relationship."""
    labels = dict(zip(*(graph.nodes[n].to_pylist() for n in ("id", "label")), strict=True))
    return {(labels[e["source"]], e["type"], labels[e["target"]]) for e in graph.edges.to_pylist()}


def diagram(found: Iterable[Triple]) -> str:
    """Lines of a Mermaid flow chart, one arrow for all types between two labels."""
    types: dict[tuple[str, str], list[str]] = defaultdict(list)
    for source, kind, target in sorted(found, key=_order):
        types[source, target].append(kind)
    arrows = (f'    {a} -- "{"<br>".join(kinds)}" --> {b}' for (a, b), kinds in types.items())
    return "\n".join(["flowchart LR", *arrows]) + "\n"


def _order(triple: Triple) -> tuple[int, int, int]:
    source, kind, target = triple
    return NODE_LABELS.index(source), NODE_LABELS.index(target), EDGE_TYPES.index(kind)
