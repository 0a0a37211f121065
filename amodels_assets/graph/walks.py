"""Ways through a graph: what is reached, what is longest, what runs in circles.

Stores are asked for one level at a time. A variable-length pattern makes one row a path, and paths
multiply with every level; level by level no relationship is looked at twice, in any store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any, NamedTuple

from amodels_assets.graph.store import GraphStore

_IDS_AT_ONCE = 5_000


class Step(NamedTuple):
    """Relationships of a type that are followed from nodes of a label; ``back``: to their start."""

    label: str
    type: str
    back: bool = False


def neighbours(store: GraphStore, ids: Collection[str], step: Step) -> dict[str, str]:
    """Label of every node one step from these, by id."""
    arrow = f"<-[:{step.type}]-" if step.back else f"-[:{step.type}]->"
    query = (
        f"MATCH (n:{step.label}){arrow}(m) WHERE n.id IN $ids "
        "RETURN DISTINCT m.id AS id, labels(m) AS labels"
    )
    found, ordered = {}, sorted(ids)
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        for row in store.ask(query, ids=ordered[start : start + _IDS_AT_ONCE]):
            found[str(row["id"])] = str(row["labels"][0])
    return found


def reached(store: GraphStore, start: Mapping[str, str], steps: Iterable[Step]) -> dict[str, str]:
    """Label by id of all that can be reached, without where it starts."""
    chosen = list(steps)
    seen, frontier = dict(start), dict(start)
    while frontier:
        found: dict[str, str] = {}
        for step in chosen:
            ids = [key for key, label in frontier.items() if label == step.label]
            if ids:
                found |= neighbours(store, ids, step)
        frontier = {key: label for key, label in found.items() if key not in seen}
        seen |= frontier
    return {key: label for key, label in sorted(seen.items()) if key not in start}


def longest_path(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Ids along the longest path from its source on, the first by name of several.

    Where nodes lead to each other in a circle, its last relationship by name is left out.

    Args:
        rows: Relationships, as ``source`` and ``target`` ids.
    """
    sources = _sources(rows)
    best: dict[str, tuple[str, ...]] = {}
    for node in _sources_first(sources)[0]:
        found = min(
            (best[source] for source in sources.get(node, ())),
            key=lambda path: (-len(path), path),
            default=(),
        )
        best[node] = (*found, node)
    return list(min(best.values(), key=lambda path: (-len(path), path), default=()))


def circles(rows: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Circles that have to be broken until none is left; each ends with where it starts.

    Args:
        rows: Relationships, as ``source`` and ``target`` ids.
    """
    return _sources_first(_sources(rows))[1]


def _sources(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, None]]:
    # Dictionaries for sets: their order does not change from run to run.
    sources: dict[str, dict[str, None]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: (row["source"], row["target"])):
        sources[row["target"]][row["source"]] = None
    return sources


def _sources_first(sources: dict[str, dict[str, None]]) -> tuple[list[str], list[list[str]]]:
    """Nodes, each behind its sources, and the circles that were broken in ``sources`` for it."""
    broken: list[list[str]] = []
    while True:
        try:
            return list(TopologicalSorter(sources).static_order()), broken
        except CycleError as error:
            circle = error.args[1]
            broken.append(list(circle))
            first, second = max(pairwise(circle))
            sources[second].pop(first)
