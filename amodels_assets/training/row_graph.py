"""A relational database as a graph of rows, laid out for sampling.

Belongs here: rows numbered through all tables, their parents, and their children and grandchildren
sorted by time. Does not belong here: taking some of them (``context_sampler.py``) and what their
cells hold (``cells.py``). Imports no numba and no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import (
    UNKNOWN_TIME,
    RelationalDataset,
    cutoff_seconds,
    known_times,
)

NO_ROW = -1


@dataclass(frozen=True)
class RowGraph:
    """Rows and who points to whom. Rows are numbered through all tables.

    A relation is a way from a row to rows that came later: its children by one foreign key, or,
    behind ``through``, its grandchildren: rows whose parent by a foreign key is such a child. The
    relations of all tables stand behind one another, those of a parent table together; ``starts``
    and ``entries`` hold, in compressed sparse rows, those that each row leads to, oldest first.

    Attributes:
        names: Tables in the order of the declaration.
        offsets: First row of each table, and the number of rows; int64 (tables + 1,).
        table_of: Table of each row, int16 (rows,).
        times: Second from which each row is known; int64 (rows,).
        cells: Cells of a row of each table, int64 (tables,).
        parent_base: Where the parents of each table's rows begin in ``parents``, int64 (tables,).
        parent_stride: Foreign keys of each table, int64 (tables,).
        parents: Parents of each row, ``NO_ROW`` where there is none; flat int64.
        relation_first: First relation of each parent table; int64 (tables + 1,).
        relation_base: Where each relation begins in ``starts``; int64 (relations,).
        relation_through: Foreign key of a grandchild that leads to the child, by its position; -1
            for children. int64 (relations,).
        starts: For each row of a relation's parent table where its entries begin, and one more.
        entries: Rows, int64.
        entry_times: Second from which each entry is known, int64: the later of both for a
            grandchild and its parent.
        target_table: Table that holds the target.
        target_key: Which foreign key of it leads to the entity.
        target_cutoffs: Cut-off of each row of that table, int64 seconds.
    """

    names: tuple[str, ...]
    offsets: np.ndarray
    table_of: np.ndarray
    times: np.ndarray
    cells: np.ndarray
    parent_base: np.ndarray
    parent_stride: np.ndarray
    parents: np.ndarray
    relation_first: np.ndarray
    relation_base: np.ndarray
    relation_through: np.ndarray
    starts: np.ndarray
    entries: np.ndarray
    entry_times: np.ndarray
    target_table: int
    target_key: int
    target_cutoffs: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.times)

    def parents_of(self, table: int) -> np.ndarray:
        """Parents of the rows of a table, (rows of the table, its foreign keys)."""
        count = int(self.offsets[table + 1] - self.offsets[table])
        base, stride = int(self.parent_base[table]), int(self.parent_stride[table])
        return self.parents[base : base + count * stride].reshape(count, stride)


@dataclass(frozen=True)
class _Relation:
    parent_table: int
    through: int
    starts: np.ndarray
    entries: np.ndarray
    times: np.ndarray


def build_row_graph(dataset: RelationalDataset, *, grandchildren: bool = True) -> RowGraph:
    """Number the rows of all tables and sort what leads to later ones.

    Args:
        dataset: The rows.
        grandchildren: Whether grandchildren can be sampled; without them it takes less memory.
    """
    spec = dataset.spec
    names = tuple(table.name for table in spec.tables)
    sizes = np.array([dataset.tables[name].num_rows for name in names], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    times = np.concatenate([known_times(spec, dataset.tables, name) for name in names])
    parents = [_parents(dataset, number, offsets) for number in range(len(names))]
    strides = np.array([found.shape[1] for found in parents], dtype=np.int64)
    relations = list(_children(dataset, parents, times, offsets))
    if grandchildren:
        relations += _grandchildren(dataset, parents, times, offsets)
    relations.sort(key=lambda relation: relation.parent_table)
    task, target = spec.task, names.index(spec.task.table)
    bounds = np.searchsorted([r.parent_table for r in relations], np.arange(len(names) + 1))
    lengths = [len(relation.starts) for relation in relations]
    # Positions within a relation's entries become positions among all of them.
    ends = np.cumsum([0, *(len(relation.entries) for relation in relations)])
    starts = [r.starts + end for r, end in zip(relations, ends[:-1], strict=True)]
    return RowGraph(
        names=names,
        offsets=offsets,
        table_of=np.repeat(np.arange(len(names), dtype=np.int16), sizes),
        times=times,
        cells=np.array([len(table.columns) for table in spec.tables], dtype=np.int64),
        parent_base=np.concatenate([[0], np.cumsum(sizes * strides)[:-1]]).astype(np.int64),
        parent_stride=strides,
        parents=_joined([found.reshape(-1) for found in parents]),
        relation_first=bounds.astype(np.int64),
        relation_base=np.concatenate([[0], np.cumsum(lengths)])[:-1].astype(np.int64),
        relation_through=np.array([r.through for r in relations], dtype=np.int64),
        starts=_joined(starts),
        entries=_joined([relation.entries for relation in relations]),
        entry_times=_joined([relation.times for relation in relations]),
        target_table=target,
        target_key=list(spec.tables[target].foreign_keys).index(task.entity_column),
        target_cutoffs=cutoff_seconds(dataset.tables[task.table][task.cutoff_column]),
    )


def entity_rows(graph: RowGraph, dataset: RelationalDataset, keys: pa.ChunkedArray) -> np.ndarray:
    """Rows of entities by primary key.

    Raises:
        KeyError: An entity is not in its table.
    """
    table = dataset.spec.entity_table
    found = key_positions(dataset.tables[table.name][table.primary_key], keys)
    if (found < 0).any():
        unknown = keys[int(np.flatnonzero(found < 0)[0])].as_py()
        raise KeyError(f"{table.name} has no row {unknown!r}")
    return found + graph.offsets[graph.names.index(table.name)]


def key_positions(keys: pa.ChunkedArray, wanted: pa.ChunkedArray) -> np.ndarray:
    """Places of wanted keys among the keys, ``NO_ROW`` for one that is not there; int64."""
    found = pc.index_in(wanted, value_set=keys, skip_nulls=True)
    return pc.fill_null(found, NO_ROW).to_numpy().astype(np.int64)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, dtype=np.int64)


def _parents(dataset: RelationalDataset, number: int, offsets: np.ndarray) -> np.ndarray:
    spec = dataset.spec
    table, names = spec.tables[number], [t.name for t in spec.tables]
    rows = dataset.tables[table.name]
    parents = np.full((rows.num_rows, len(table.foreign_keys)), NO_ROW, dtype=np.int64)
    for position, (column, parent) in enumerate(table.foreign_keys.items()):
        keys = dataset.tables[parent][spec.table(parent).primary_key]
        found = key_positions(keys, rows[column])
        first = offsets[names.index(parent)]
        parents[:, position] = np.where(found >= 0, found + first, NO_ROW)
    return parents


def _children(
    dataset: RelationalDataset, parents: list[np.ndarray], times: np.ndarray, offsets: np.ndarray
) -> Iterator[_Relation]:
    names = [table.name for table in dataset.spec.tables]
    for number, table in enumerate(dataset.spec.tables):
        own = times[offsets[number] : offsets[number + 1]]
        for position, parent in enumerate(table.foreign_keys.values()):
            above = names.index(parent)
            found = parents[number][:, position]
            yield _relation(above, -1, found, own, offsets, number)


def _grandchildren(
    dataset: RelationalDataset, parents: list[np.ndarray], times: np.ndarray, offsets: np.ndarray
) -> Iterator[_Relation]:
    """Ways P <- C <- G to rows that do not point to P's table themselves."""
    names = [table.name for table in dataset.spec.tables]
    for number, table in enumerate(dataset.spec.tables):
        own = times[offsets[number] : offsets[number + 1]]
        for position, child in enumerate(table.foreign_keys.values()):
            between = names.index(child)
            through = parents[number][:, position]
            there = through != NO_ROW
            rows = np.where(there, through, 0)
            known = np.where(there, np.maximum(own, times[rows]), UNKNOWN_TIME)
            for second, parent in enumerate(dataset.spec.tables[between].foreign_keys.values()):
                if parent in table.foreign_keys.values() or not len(parents[between]):
                    continue
                above = names.index(parent)
                local = np.where(there, rows - offsets[between], 0)
                found = np.where(there, parents[between][local, second], NO_ROW)
                yield _relation(above, position, found, known, offsets, number)


def _relation(  # noqa: PLR0917 (arrays of one relation)
    parent_table: int,
    through: int,
    parents: np.ndarray,
    times: np.ndarray,
    offsets: np.ndarray,
    table: int,
) -> _Relation:
    usable = np.flatnonzero((parents != NO_ROW) & (times != UNKNOWN_TIME))
    # Rows of the same moment stay in the order of their numbers.
    order = usable[np.lexsort((times[usable], parents[usable]))]
    first = offsets[parent_table]
    count = int(offsets[parent_table + 1] - first)
    starts = np.searchsorted(parents[order], np.arange(count + 1) + first)
    return _Relation(parent_table, through, starts, order + offsets[table], times[order])
