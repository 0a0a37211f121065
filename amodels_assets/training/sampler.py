"""Samples the context of a prediction: rows around an entity, none later than the cut-off.

Belongs here: the database as a graph of rows, and breadth-first sampling over it, vectorised over a
batch. Does not belong here: what the rows' cells hold (``encode.py``).

Sampling is a function of the data, the entity and the cut-off alone: of many children the most
recent ones are taken, nothing is drawn at random. Adjacency is kept sorted by parent and time, so
"the most recent before the cut-off" is one binary search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import UNKNOWN_TIME, RelationalDataset, known_times

NO_ROW = -1
TARGET_ROW = -2


@dataclass(frozen=True)
class SamplerConfig:
    """Bounds of a context.

    Attributes:
        max_cells: Cells in a context, the masked target among them.
        width: Children taken per row and relation.
        hops: Children are looked for up to this distance from the target row; parents always.
    """

    max_cells: int = 112
    width: int = 8
    hops: int = 3


@dataclass(frozen=True)
class Relation:
    """Rows of a child table by parent row and time.

    Attributes:
        parent_table: Number of the parent's table.
        moments: Distinct times of the children, ascending, in seconds.
        keys: ``parent * (len(moments) + 1) + rank of the child's time``, ascending.
        children: Global row numbers in the same order.
    """

    parent_table: int
    moments: np.ndarray
    keys: np.ndarray
    children: np.ndarray

    def known_span(self, parents: np.ndarray, cutoffs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and past-the-last position of children known by the cut-off, per parent."""
        stride = len(self.moments) + 1
        known = np.searchsorted(self.moments, cutoffs, side="right")
        first = np.searchsorted(self.keys, parents * stride)
        return first, np.searchsorted(self.keys, parents * stride + known)


@dataclass(frozen=True)
class RowGraph:
    """A relational database as a graph of rows, which are numbered through all tables.

    Attributes:
        names: Tables in the order of the declaration.
        offsets: Global number of each table's first row, and the number of rows at the end.
        table_of: Table of each row.
        times: Seconds at which each row became known.
        parents: Global number of each row's parents, ``NO_ROW`` where there is none,
            shape (rows, most foreign keys of a table).
        relations: Every foreign key, seen from its parent.
        cells: Number of cells that a row of each table fills.
        target_table: Table that holds the target.
        target_parent: Which parent of the target row is its entity.
        target_cells: Number of cells that the target row fills.
    """

    names: tuple[str, ...]
    offsets: np.ndarray
    table_of: np.ndarray
    times: np.ndarray
    parents: np.ndarray
    relations: tuple[Relation, ...]
    cells: np.ndarray
    target_table: int
    target_parent: int
    target_cells: int

    def locate(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Table number and row number within the table of global rows."""
        tables = self.table_of[rows]
        return tables, rows - self.offsets[tables]


@dataclass(frozen=True)
class Contexts:
    """Sampled contexts, one row of each array per prediction.

    Attributes:
        rows: Global row numbers by slot, ``TARGET_ROW`` in slot 0, ``NO_ROW`` behind the end;
            shape (batch, slots).
        parent_slots: Slots of each row's parents, -1 where not in the context; shape
            (batch, slots, parents).
        cutoffs: Seconds, shape (batch,).
    """

    rows: np.ndarray
    parent_slots: np.ndarray
    cutoffs: np.ndarray


def build_graph(dataset: RelationalDataset) -> RowGraph:
    """Number the rows of all tables and sort every relation by parent and time."""
    spec = dataset.spec
    names = tuple(table.name for table in spec.tables)
    sizes = [dataset.tables[name].num_rows for name in names]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    times = np.concatenate([known_times(spec, dataset.tables, name) for name in names])
    most_parents = max(1, *(len(table.foreign_keys) for table in spec.tables))
    parents = np.full((offsets[-1], most_parents), NO_ROW, dtype=np.int64)
    relations = []
    for number, table in enumerate(spec.tables):
        for slot, (column, parent_name) in enumerate(table.foreign_keys.items()):
            parent_table = names.index(parent_name)
            found = _lookup(
                dataset.tables[parent_name][spec.table(parent_name).primary_key],
                dataset.tables[table.name][column],
            )
            here = slice(offsets[number], offsets[number + 1])
            parents[here, slot] = np.where(found >= 0, found + offsets[parent_table], NO_ROW)
            relations.append(_relation(parent_table, found, times[here], offsets[number]))
    target_table = names.index(spec.task.table)
    target = spec.tables[target_table]
    return RowGraph(
        names=names,
        offsets=offsets,
        table_of=np.repeat(np.arange(len(names)), sizes),
        times=times,
        parents=parents,
        relations=tuple(relations),
        cells=np.array([len(table.columns) for table in spec.tables], dtype=np.int64),
        target_table=target_table,
        target_parent=list(target.foreign_keys).index(spec.task.entity_column),
        target_cells=2,
    )


def entity_rows(graph: RowGraph, dataset: RelationalDataset, keys: pa.ChunkedArray) -> np.ndarray:
    """Global row numbers of entities by primary key.

    Raises:
        KeyError: An entity is not in its table.
    """
    table = dataset.spec.entity_table
    found = _lookup(dataset.tables[table.name][table.primary_key], keys)
    if (found < 0).any():
        unknown = keys[int(np.flatnonzero(found < 0)[0])].as_py()
        raise KeyError(f"{table.name} has no row {unknown!r}")
    return found + graph.offsets[graph.names.index(table.name)]


def sample_contexts(
    graph: RowGraph, entities: np.ndarray, cutoffs: np.ndarray, config: SamplerConfig
) -> Contexts:
    """Sample the contexts of a batch of predictions.

    Rows join breadth first, parents before children and recent children before older ones, all
    relations in turn, until the next row would not fit. A row that became known after the cut-off,
    or nobody knows when, never joins, neither do those reachable through it alone.

    Args:
        graph: The database.
        entities: Global row numbers, shape (batch,).
        cutoffs: Seconds since 1970, shape (batch,).
        config: Bounds.
    """
    count, total = len(entities), int(graph.offsets[-1])
    joined = _Joined(graph, cutoffs, config.max_cells, np.full(count, graph.target_cells))
    batch = np.arange(count)
    frontier = joined.add(batch, entities)
    for hop in range(1, config.hops + len(graph.names) + 1):
        if not len(frontier[0]):
            break
        contexts, rows = frontier
        found_contexts, found_rows, order = _parents(graph, contexts, rows)
        if hop < config.hops:
            children = _children(graph, contexts, rows, cutoffs, config.width)
            found_contexts = np.concatenate([found_contexts, children[0]])
            found_rows = np.concatenate([found_rows, children[1]])
            order = np.concatenate([order, children[2]])
        arranged = np.lexsort((order, found_contexts))
        frontier = joined.add(found_contexts[arranged], found_rows[arranged])
    return _assemble(graph, joined, entities, cutoffs, total)


class _Joined:
    """Rows that joined so far, per context, and the cells they fill."""

    def __init__(
        self, graph: RowGraph, cutoffs: np.ndarray, max_cells: int, cells: np.ndarray
    ) -> None:
        self.graph = graph
        self.cutoffs = cutoffs
        self.max_cells = max_cells
        self.cells = cells.astype(np.int64)
        self.contexts = np.empty(0, dtype=np.int64)
        self.rows = np.empty(0, dtype=np.int64)

    def add(self, contexts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Let candidates join in the given order, grouped by context; those who did."""
        total = int(self.graph.offsets[-1])
        known = self.graph.times[rows] <= self.cutoffs[contexts]
        contexts, rows = contexts[known], rows[known]
        keys = contexts * total + rows
        first = np.zeros(len(keys), dtype=bool)
        first[np.unique(keys, return_index=True)[1]] = True
        first &= ~np.isin(keys, self.contexts * total + self.rows)
        contexts, rows = contexts[first], rows[first]
        cells = self.graph.cells[self.graph.table_of[rows]]
        running = np.cumsum(cells)
        starts = np.searchsorted(contexts, contexts)
        before = np.concatenate([[0], running])[starts]
        fits = self.cells[contexts] + running - before <= self.max_cells
        contexts, rows = contexts[fits], rows[fits]
        np.add.at(self.cells, contexts, cells[fits])
        self.contexts = np.concatenate([self.contexts, contexts])
        self.rows = np.concatenate([self.rows, rows])
        return contexts, rows


def _lookup(keys: pa.ChunkedArray, wanted: pa.ChunkedArray) -> np.ndarray:
    found = pc.index_in(wanted, value_set=keys, skip_nulls=True)
    return pc.fill_null(found, NO_ROW).to_numpy().astype(np.int64)


def _relation(parent_table: int, parents: np.ndarray, times: np.ndarray, offset: int) -> Relation:
    usable = np.flatnonzero((parents >= 0) & (times != UNKNOWN_TIME))
    moments, ranks = np.unique(times[usable], return_inverse=True)
    keys = parents[usable] * (len(moments) + 1) + ranks
    order = np.argsort(keys, kind="stable")
    return Relation(parent_table, moments, keys[order], usable[order] + offset)


def _parents(
    graph: RowGraph, contexts: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parents = graph.parents[rows]
    present = parents != NO_ROW
    repeated = np.broadcast_to(contexts[:, None], parents.shape)
    return repeated[present], parents[present], np.full(int(present.sum()), -1)


def _children(
    graph: RowGraph, contexts: np.ndarray, rows: np.ndarray, cutoffs: np.ndarray, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tables, local = graph.locate(rows)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for number, relation in enumerate(graph.relations):
        here = np.flatnonzero(tables == relation.parent_table)
        if not len(here) or not len(relation.keys):
            continue
        first, end = relation.known_span(local[here], cutoffs[contexts[here]])
        ages = np.arange(width)
        positions = end[:, None] - 1 - ages[None, :]
        taken = positions >= first[:, None]
        repeated = np.broadcast_to(contexts[here][:, None], positions.shape)
        # Recency first, then the relation: every relation gets its turn within the budget.
        order = np.broadcast_to(ages * len(graph.relations) + number, positions.shape)
        found.append((repeated[taken], relation.children[positions[taken]], order[taken]))
    if not found:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, empty
    found_contexts, found_rows, orders = zip(*found, strict=True)
    return np.concatenate(found_contexts), np.concatenate(found_rows), np.concatenate(orders)


def _assemble(
    graph: RowGraph, joined: _Joined, entities: np.ndarray, cutoffs: np.ndarray, total: int
) -> Contexts:
    count = len(entities)
    order = np.argsort(joined.contexts, kind="stable")
    contexts, rows = joined.contexts[order], joined.rows[order]
    slots = 1 + np.arange(len(rows)) - np.searchsorted(contexts, contexts)
    width = 1 + int(slots.max(initial=0))
    by_slot = np.full((count, width), NO_ROW, dtype=np.int64)
    by_slot[:, 0] = TARGET_ROW
    by_slot[contexts, slots] = rows
    wanted = np.full((count, width, graph.parents.shape[1]), NO_ROW, dtype=np.int64)
    wanted[contexts, slots] = graph.parents[rows]
    wanted[:, 0, graph.target_parent] = entities
    keys = contexts * total + rows
    ranked = np.argsort(keys)
    needles = np.arange(count)[:, None, None] * total + wanted
    at = np.searchsorted(keys[ranked], needles).clip(max=max(len(keys) - 1, 0))
    parent_slots = np.full(wanted.shape, -1, dtype=np.int64)
    if len(keys):
        hit = (keys[ranked][at] == needles) & (wanted != NO_ROW)
        parent_slots[hit] = slots[ranked][at][hit]
    return Contexts(by_slot, parent_slots, cutoffs)
