"""The lineage of a whole warehouse's views, shared out among processes.

Belongs here: who follows which views, and what is sent. Does not belong here: how a view is
followed (``lineage_graph.py``).
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from amodels_assets.sgmi.influence import OutputColumn
from amodels_assets.sgmi.lineage import QueryLineage
from amodels_assets.sgmi.lineage_edges import Edges
from amodels_assets.sgmi.lineage_graph import ViewLineage, ViewQuery, follow
from amodels_assets.sgmi.parallel import fair_shares, fork_map
from amodels_assets.sgmi.view_query import QueryError
from amodels_assets.sgmi.waves import waves

ObjectName = tuple[str, str]


@dataclass
class WarehouseLineage:
    """Lineage of all views.

    Attributes:
        views: All but the lineage itself, which stands in the edges only.
        direct: Edges from the tables and views that bodies name, in parts.
        base: Edges from base tables, in parts.
    """

    views: ViewLineage = field(default_factory=ViewLineage)
    direct: list[Edges] = field(default_factory=list)
    base: list[Edges] = field(default_factory=list)


def warehouse_lineage(
    views: Mapping[ObjectName, ViewQuery],
    tables: Mapping[ObjectName, Mapping[str, str]],
    workers: int = 1,
    meanwhile: Callable[[], object] | None = None,
) -> WarehouseLineage:
    """Lineage of all views.

    Args:
        views: By database and name.
        tables: Columns and types of every table, in order, by database and name.
        workers: Processes that follow views.
        meanwhile: What this process does while several others follow the last of them.

    Raises:
        WorkerError: One of several processes was killed.
    """
    lineage = WarehouseLineage()

    def answer(share: list[ObjectName]) -> bytes:
        follow(share, views, tables, lineage.views)
        return _packed(share, lineage.views)

    ordered = list(waves({key: view.body for key, view in views.items()}))
    for wave in ordered:
        shares = fair_shares(wave, [len(views[key].body) for key in wave], workers)
        if len(shares) == 1:
            follow(wave, views, tables, lineage.views)
            _take_edges(lineage)
        else:
            for found in fork_map(answer, shares, meanwhile if wave is ordered[-1] else None):
                _unpack(found, lineage)
    # What is left waits for itself.
    follow(views, views, tables, lineage.views)
    _take_edges(lineage)
    lineage.views.base.clear()
    return lineage


def _take_edges(lineage: WarehouseLineage) -> None:
    direct, base = _edges(lineage.views.direct, lineage.views)
    lineage.direct.append(direct)
    lineage.base.append(base)
    # Most of what remains, and no later view needs it.
    lineage.views.direct.clear()


def _edges(keys: Iterable[ObjectName], found: ViewLineage) -> tuple[Edges, Edges]:
    direct, base = Edges(), Edges()
    for key in keys:
        direct.add(key, found.direct[key].columns, found.direct[key].rows)
        base.add(key, found.base[key].columns, found.base[key].rows)
    return direct, base


def _packed(share: list[ObjectName], found: ViewLineage) -> bytes:
    """What a worker found; as objects it would take many times as long to send."""
    followed = [key for key in share if key in found.direct]
    views = {
        key: (
            found.schemas[key],
            list(found.reads[key]),
            found.problems[key],
            [(name, column.sources) for name, column in found.base[key].columns.items()],
            found.base[key].rows,
            list(found.base[key].tables),
        )
        for key in followed
    }
    failures = {
        key: (str(found.failures[key]), found.failures[key].line)
        for key in share
        if key in found.failures
    }
    edges = [edges.packed() for edges in _edges(followed, found)]
    return marshal.dumps((views, failures, list(found.cycles), edges))


def _unpack(answer: bytes, lineage: WarehouseLineage) -> None:
    # Made by a process of this very program.
    views, failures, cycles, (direct, base) = marshal.loads(answer)  # noqa: S302
    found = lineage.views
    found.cycles.update(cycles)
    for key, (schema, reads, problems, columns, rows, tables) in views.items():
        found.schemas[key] = schema
        found.reads[key] = set(reads)
        found.problems[key] = problems
        outputs = {name: OutputColumn(sources) for name, sources in columns}
        found.base[key] = QueryLineage(outputs, rows, set(tables), [])
    for key, (message, line) in failures.items():
        found.failures[key] = QueryError(message, line)
    lineage.direct.append(Edges.unpacked(direct))
    lineage.base.append(Edges.unpacked(base))
