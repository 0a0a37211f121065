"""Samples contexts: rows around an entity, none later than the cut-off, and who looks at whom.

Belongs here: the bounds of a context, and calling the compiled kernels. Does not belong here: the
kernels (``sampler_kernels.py`` and ``link_kernels.py``, which need numba) and what cells hold
(``cells.py``).

A context is a function of the data, the entity, the cut-off, the bounds and, where something is
drawn, the seed: neither of the batch it is sampled in nor of the number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amodels_assets.training.batch import Bucket, Links
from amodels_assets.training.row_graph import RowGraph

# What a bucket and a padded query or key cost, in pairs of query and key: buckets are few where
# groups differ little, and padding is little where they differ much.
_BUCKET_COST = 2_000.0
_SLOT_COST = 2.0


@dataclass(frozen=True)
class SamplerConfig:
    """Bounds of a context.

    Attributes:
        max_cells: Cells in a context, those of the target's row among them.
        width: Children taken per row and foreign key.
        hops: Children are looked for up to this distance from the target's row; parents always.
        grandchildren: Grandchildren taken per row and pair of foreign keys, each with the row
            between. They find the newest facts about something whose newest rows have none yet.
        recent: Take the most recent ones; otherwise any, drawn by the seed.
    """

    max_cells: int = 112
    width: int = 8
    hops: int = 3
    grandchildren: int = 0
    recent: bool = True


@dataclass(frozen=True)
class Contexts:
    """Sampled contexts. A slot is a row of a context; the target's row has slot 0, if there is one.

    Attributes:
        starts: First slot of each context among all, and one more; int64 (contexts + 1,).
        rows: Row of each slot, -1 for the target's row; int64 (slots,).
        cutoffs: Second of each context, int64 (contexts,).
        children: Slots whose row points to another of the context, int64 (pairs,).
        parents: Slots of those others, int64 (pairs,). A pair stands once.
    """

    starts: np.ndarray
    rows: np.ndarray
    cutoffs: np.ndarray
    children: np.ndarray
    parents: np.ndarray


def sample_contexts(
    graph: RowGraph,
    entities: np.ndarray,
    cutoffs: np.ndarray,
    config: SamplerConfig,
    *,
    target_cells: int = 2,
    seeds: np.ndarray | None = None,
    hidden: float = 0.0,
) -> Contexts:
    """Sample a context for each entity.

    Rows join breadth first: of a hop first all parents, then children and grandchildren, newest
    first, the relations in turn, until the next row would not fit. A row that became known after
    the cut-off, or nobody knows when, never joins, nor do those that are reached through it alone,
    nor the row that answers the very prediction.

    Args:
        graph: The database.
        entities: Rows, int64 (contexts,).
        cutoffs: Seconds since 1970, int64 (contexts,).
        config: Bounds.
        target_cells: Cells of the target's row, which points to the entity; 0 for no such row.
        seeds: Decide what is drawn, uint64 (contexts,); zeros where missing.
        hidden: Share of the rows, other than the entity, that are left out.
    """
    from amodels_assets.training.sampler_kernels import sample

    count = len(entities)
    drawn = np.zeros(count, np.uint64) if seeds is None else seeds.astype(np.uint64)
    starts, rows, children, parents = sample(
        graph.offsets,
        graph.table_of,
        graph.times,
        graph.cells,
        graph.parent_base,
        graph.parent_stride,
        graph.parents,
        graph.relation_first,
        graph.relation_base,
        graph.relation_through,
        graph.starts,
        graph.entries,
        graph.entry_times,
        graph.target_table,
        graph.target_key,
        graph.target_cutoffs,
        entities.astype(np.int64),
        cutoffs.astype(np.int64),
        drawn,
        config.max_cells,
        config.width,
        config.hops + len(graph.names),
        config.hops,
        config.grandchildren,
        config.recent,
        target_cells,
        hidden,
    )
    return Contexts(starts, rows, cutoffs.astype(np.int64), children, parents)


def link(contexts: Contexts, first: np.ndarray, columns: np.ndarray, most_columns: int) -> Links:
    """Who looks at whom among the cells of contexts.

    Args:
        contexts: The sampled rows.
        first: First token of each slot, and one more; int64 (slots + 1,).
        columns: Column of each token, int32 (tokens,).
        most_columns: Number of columns of the database.
    """
    from amodels_assets.training.link_kernels import (
        column_sizes,
        fill_columns,
        fill_features,
        fill_neighbours,
        row_sizes,
    )

    features, neighbours = row_sizes(first, contexts.children, contexts.parents)
    own = np.diff(first)
    bounds = first[contexts.starts]
    of_column, number = column_sizes(bounds, columns, most_columns)
    column = _Layout.of(of_column, of_column)
    feature = _Layout.of(own, np.where(own > 0, features, 0))
    neighbour = _Layout.of(own, np.where(own > 0, neighbours, 0))
    fill_columns(number, *column.arrays())
    fill_features(first, contexts.children, contexts.parents, *feature.arrays())
    fill_neighbours(first, contexts.children, contexts.parents, *neighbour.arrays())
    return Links(column.buckets(), neighbour.buckets(), feature.buckets())


@dataclass(frozen=True)
class _Layout:
    """Where each group's queries and keys stand in two flat arrays.

    Attributes:
        query_at: First place of each group's queries; -1 for a group without any.
        key_at: First place of each group's keys.
        shapes: Groups, most queries and most keys of each bucket, int64 (buckets, 3).
        queries: Flat int32, -1 where nothing stands.
        keys: The same.
    """

    query_at: np.ndarray
    key_at: np.ndarray
    shapes: np.ndarray
    queries: np.ndarray
    keys: np.ndarray

    @classmethod
    def of(cls, query_sizes: np.ndarray, key_sizes: np.ndarray) -> _Layout:
        from amodels_assets.training.link_kernels import bucket_groups

        query_at, key_at, shapes = bucket_groups(query_sizes, key_sizes, _BUCKET_COST, _SLOT_COST)
        queries = np.full(int((shapes[:, 0] * shapes[:, 1]).sum()), -1, dtype=np.int32)
        keys = np.full(int((shapes[:, 0] * shapes[:, 2]).sum()), -1, dtype=np.int32)
        return cls(query_at, key_at, shapes, queries, keys)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        return self.query_at, self.key_at, self.queries, self.keys

    def buckets(self) -> tuple[Bucket, ...]:
        found, q_at, k_at = [], 0, 0
        for groups, q, k in self.shapes.tolist():
            queries = self.queries[q_at : q_at + groups * q].reshape(groups, q)
            keys = self.keys[k_at : k_at + groups * k].reshape(groups, k)
            found.append(Bucket(queries, keys))
            q_at, k_at = q_at + groups * q, k_at + groups * k
        return tuple(found)
