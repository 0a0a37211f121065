"""Turns sampled rows into cells: what the model sees of a database.

Belongs here: the value of a cell as numbers, column names and texts as vectors, the batch arrays
and which cell may look at which. Does not belong here: anything that is learned (``model.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import (
    UNKNOWN_TIME,
    ColumnStatistics,
    RelationalDataset,
    seconds,
)
from amodels_assets.datasets.hashing import HASHING_WIDTH, hashed_texts
from amodels_assets.datasets.relational import COLUMN_KINDS, RelationalSpec
from amodels_assets.training.sampler import NO_ROW, TARGET_ROW, Contexts, RowGraph

TEXT_WIDTH = HASHING_WIDTH
VALUE_WIDTH = 6
NUMERIC, BOOLEAN, DATETIME, CATEGORICAL, TEXT = range(len(COLUMN_KINDS))
MISSING = len(COLUMN_KINDS)
TARGET = MISSING + 1
KIND_COUNT = TARGET + 1
_DAY = 86_400.0
_YEAR = 365.25


@dataclass(frozen=True)
class CellStore:
    """All cells of a database, flat, in the order of global rows and the declaration's columns.

    Attributes:
        first_cell: Position of each row's first cell.
        columns: Number of the column, by cell.
        kinds: Kind of the value, by cell; ``MISSING`` for null.
        values: Encoded number, by cell; shape (cells, 3).
        moments: Seconds of a date or time, by cell.
        strings: Number of the text, by cell; 0 is none.
        texts: Hashed vectors of the texts; shape (texts, TEXT_WIDTH).
        names: Hashed vectors of the columns' names; shape (columns, TEXT_WIDTH).
        target_column: Number of the column that is predicted.
        cutoff_column: Number of the column that holds the cut-off.
    """

    first_cell: np.ndarray
    columns: np.ndarray
    kinds: np.ndarray
    values: np.ndarray
    moments: np.ndarray
    strings: np.ndarray
    texts: np.ndarray
    names: np.ndarray
    target_column: int
    cutoff_column: int


@dataclass(frozen=True)
class Batch:
    """Cells of a batch of contexts; shapes (batch, cells) unless said otherwise.

    Attributes:
        columns: Column number; behind the end a number of its own.
        kinds: Kind number; the target cell, always the first, is of kind ``TARGET``.
        values: Encoded numbers and times, shape (batch, cells, VALUE_WIDTH).
        strings: Text number.
        column_mask: Cells of the same column, shape (batch, cells, cells).
        feature_mask: Cells of the same row and of its parents, same shape.
        neighbour_mask: Cells of the child rows, same shape. Every cell sees itself in each mask.
    """

    columns: np.ndarray
    kinds: np.ndarray
    values: np.ndarray
    strings: np.ndarray
    column_mask: np.ndarray
    feature_mask: np.ndarray
    neighbour_mask: np.ndarray


def column_names(spec: RelationalSpec) -> list[str]:
    """``table.column`` of every column, in the order of their numbers."""
    return [f"{table.name}.{column}" for table in spec.tables for column in table.columns]


def build_cells(
    dataset: RelationalDataset, statistics: Mapping[str, ColumnStatistics]
) -> CellStore:
    """Encode every cell of a database.

    Args:
        dataset: The rows.
        statistics: Those of the training window that the model was or will be trained with.
    """
    spec = dataset.spec
    names = column_names(spec)
    texts: dict[str, int] = {"": 0}
    first, parts = [], []
    start = number = 0
    for table in spec.tables:
        rows, width = dataset.tables[table.name].num_rows, len(table.columns)
        cells = _Cells.empty(rows, width)
        for position, (column, kind) in enumerate(table.columns.items()):
            cells.columns[:, position] = number
            scale = statistics.get(f"{table.name}.{column}")
            values = dataset.tables[table.name][column]
            _encode(cells, position, values, kind=kind, scale=scale, texts=texts)
            number += 1
        first.append(start + np.arange(rows, dtype=np.int64) * width)
        start += rows * width
        parts.append(cells)
    task = spec.task
    return CellStore(
        first_cell=np.concatenate(first),
        columns=np.concatenate([p.columns.ravel() for p in parts]),
        kinds=np.concatenate([p.kinds.ravel() for p in parts]),
        values=np.concatenate([p.values.reshape(-1, 3) for p in parts]),
        moments=np.concatenate([p.moments.ravel() for p in parts]),
        strings=np.concatenate([p.strings.ravel() for p in parts]),
        texts=hashed_texts(list(texts)),
        names=hashed_texts([*names, "nothing"]),
        target_column=names.index(f"{task.table}.{task.target_column}"),
        cutoff_column=names.index(f"{task.table}.{task.cutoff_column}"),
    )


def encode_batch(graph: RowGraph, store: CellStore, contexts: Contexts) -> Batch:
    """Lay out the cells of sampled contexts and say which may look at which.

    Args:
        graph: The database that was sampled.
        store: Its cells.
        contexts: What was sampled; shorter ones are padded to the longest.
    """
    batch, slot = np.nonzero((contexts.rows != NO_ROW) & (contexts.rows != TARGET_ROW))
    rows = contexts.rows[batch, slot]
    cells = graph.cells[graph.table_of[rows]]
    filled = np.bincount(batch, weights=cells, minlength=1)
    shape = (len(contexts.rows), graph.target_cells + int(filled.max()))
    columns = np.full(shape, len(store.names) - 1, dtype=np.int64)
    kinds = np.full(shape, MISSING, dtype=np.int64)
    numbers = np.zeros((*shape, 3), dtype=np.float32)
    moments = np.full(shape, UNKNOWN_TIME, dtype=np.int64)
    strings = np.zeros(shape, dtype=np.int64)
    slots = np.full(shape, -1, dtype=np.int64)

    columns[:, 0], kinds[:, 0], slots[:, 0] = store.target_column, TARGET, 0
    columns[:, 1], kinds[:, 1], slots[:, 1] = store.cutoff_column, DATETIME, 0
    moments[:, 1] = contexts.cutoffs

    of_cell = np.repeat(np.arange(len(rows)), cells)
    within = np.arange(len(of_cell)) - np.repeat(np.cumsum(cells) - cells, cells)
    source = store.first_cell[rows][of_cell] + within
    at_batch = batch[of_cell]
    place = graph.target_cells + np.arange(len(of_cell)) - np.searchsorted(at_batch, at_batch)
    at = (at_batch, place)
    columns[at], kinds[at], numbers[at] = store.columns[source], store.kinds[source], 0
    numbers[at] = store.values[source]
    moments[at], strings[at], slots[at] = (
        store.moments[source],
        store.strings[source],
        slot[of_cell],
    )

    values = np.zeros((*shape, VALUE_WIDTH), dtype=np.float32)
    values[..., :3] = numbers
    is_time = kinds == DATETIME
    cutoffs = np.broadcast_to(contexts.cutoffs[:, None], shape)
    values[is_time] = _time_features(moments[is_time], cutoffs[is_time])
    masks = _masks(columns, slots, contexts.parent_slots)
    return Batch(columns, kinds, values, strings, *masks)


@dataclass(frozen=True)
class _Cells:
    columns: np.ndarray
    kinds: np.ndarray
    values: np.ndarray
    moments: np.ndarray
    strings: np.ndarray

    @classmethod
    def empty(cls, rows: int, width: int) -> _Cells:
        return cls(
            np.zeros((rows, width), dtype=np.int16),
            np.full((rows, width), MISSING, dtype=np.int8),
            np.zeros((rows, width, 3), dtype=np.float32),
            np.full((rows, width), UNKNOWN_TIME, dtype=np.int64),
            np.zeros((rows, width), dtype=np.int32),
        )


def _encode(
    cells: _Cells,
    position: int,
    column: pa.ChunkedArray,
    *,
    kind: str,
    scale: ColumnStatistics | None,
    texts: dict[str, int],
) -> None:
    valid = pc.is_valid(column).to_numpy()
    cells.kinds[valid, position] = COLUMN_KINDS.index(kind)
    if kind == "numeric":
        raw = pc.fill_null(column, 0.0).to_numpy()
        cells.values[valid, position] = _number_features(raw, scale or _NO_SCALE)[valid]
    elif kind == "boolean":
        raw = pc.fill_null(column, False).to_numpy()
        cells.values[valid, position, 0] = np.where(raw, 1.0, -1.0)[valid]
    elif kind == "datetime":
        cells.moments[:, position] = seconds(column)
    else:
        encoded = column.combine_chunks().dictionary_encode()
        numbers = [texts.setdefault(text, len(texts)) for text in encoded.dictionary.to_pylist()]
        lookup = np.array([*numbers, 0], dtype=np.int32)
        codes = pc.fill_null(encoded.indices, len(numbers)).to_numpy()
        cells.strings[:, position] = lookup[codes]


_NO_SCALE = ColumnStatistics(0, 0.0, 1.0, (0.0, 1.0))


def _number_features(raw: np.ndarray, scale: ColumnStatistics) -> np.ndarray:
    """Standardised, its signed logarithm, and the rank within the training window; (n, 3)."""
    z = (raw - scale.mean) / scale.deviation
    points = np.maximum.accumulate(np.asarray(scale.quantiles))
    ranks = np.interp(raw, points, np.linspace(-1.0, 1.0, len(points)))
    return np.stack([z.clip(-5, 5), np.sign(z) * np.log1p(np.abs(z)), ranks], axis=1)


def _time_features(moments: np.ndarray, cutoffs: np.ndarray) -> np.ndarray:
    """How long before the cut-off, on several scales, and the season; (n, VALUE_WIDTH)."""
    days = np.maximum(cutoffs - moments, 0) / _DAY
    angle = 2 * np.pi * (moments / _DAY / _YEAR)
    return np.stack(
        [
            np.log1p(days) / 4.0 - 1.0,
            np.exp(-days / 30.0),
            np.exp(-days / 120.0),
            np.minimum(days / _YEAR, 10.0) / 5.0,
            np.sin(angle),
            np.cos(angle),
        ],
        axis=1,
    )


def _masks(
    columns: np.ndarray, slots: np.ndarray, parent_slots: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count, width, _ = parent_slots.shape
    # One slot more, for the padding: it has no parents and no children.
    is_parent = np.zeros((count, width + 1, width + 1), dtype=bool)
    batch, child, which = np.nonzero(parent_slots >= 0)
    is_parent[batch, child, parent_slots[batch, child, which]] = True
    here = np.arange(count)[:, None, None]
    looked_at = is_parent[here, slots[:, :, None], slots[:, None, :]]
    filled = slots >= 0
    both = filled[:, :, None] & filled[:, None, :]
    itself = np.eye(slots.shape[1], dtype=bool)[None]
    same_row = (slots[:, :, None] == slots[:, None, :]) & both
    same_column = (columns[:, :, None] == columns[:, None, :]) & both
    return (
        same_column | itself,
        same_row | looked_at | itself,
        np.swapaxes(looked_at, 1, 2) | itself,
    )
