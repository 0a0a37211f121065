"""All cells of a database, flat and small: what a batch is put together from.

Belongs here: the value of a cell as one number, texts and column names as vectors, categories.
Does not belong here: the features of a value, which depend on the cut-off too
(``value_kernels.py``), and which cells are shown (``context_sampler.py``). Imports no numba.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import (
    UNKNOWN_TIME,
    ColumnStatistics,
    RelationalDataset,
    seconds,
)
from amodels_assets.datasets.relational import COLUMN_KINDS, RelationalSpec
from amodels_assets.datasets.text_vectors import text_vectors
from amodels_assets.training.batch import BOOLEAN, CATEGORICAL, DATETIME, MISSING, NUMERIC

_NO_SCALE = ColumnStatistics(0, 0.0, 1.0, (0.0,) * 17)


@dataclass(frozen=True)
class CellStore:
    """All cells of a database, in the order of rows and of the declaration's columns.

    A cell is nine bytes: its kind, and a number whose meaning depends on the kind: the number
    itself, 0 or 1, a second, or the number of a text.

    Attributes:
        first_cell: First cell of each table's rows, int64 (tables,).
        first_column: Number of each table's first column, int64 (tables,).
        kinds: Kind of each cell, int8; ``MISSING`` where it holds nothing.
        values: The number of each cell, float64.
        seconds: The same memory as whole numbers, int64: what moments and texts are.
        scales: Mean and deviation of each column, float64 (columns, 2).
        quantiles: Of each column at 0, 1/16, …, 1 and never falling, float64 (columns, 17).
        column_kinds: Kind of each column, int8 (columns,).
        texts: Vectors of the distinct texts, float32 (texts, width); the first is none.
        names: Vectors of the columns' names, float32 (columns, width).
        categories: Column number to the numbers of its categories' texts, most frequent first.
        target_column: Column that is predicted.
        cutoff_column: Column that holds the cut-off.
    """

    first_cell: np.ndarray
    first_column: np.ndarray
    kinds: np.ndarray
    values: np.ndarray
    seconds: np.ndarray
    scales: np.ndarray
    quantiles: np.ndarray
    column_kinds: np.ndarray
    texts: np.ndarray
    names: np.ndarray
    categories: dict[int, np.ndarray]
    target_column: int
    cutoff_column: int

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.names)


def column_names(spec: RelationalSpec) -> list[str]:
    """``table.column`` of every column, in the order of their numbers."""
    return [f"{table.name}.{column}" for table in spec.tables for column in table.columns]


def build_cells(
    dataset: RelationalDataset,
    statistics: Mapping[str, ColumnStatistics],
    categories: Mapping[str, tuple[str, ...]],
    *,
    encoder: str = "hashing",
    cache: Path | None = None,
) -> CellStore:
    """Encode every cell of a database.

    Args:
        dataset: The rows.
        statistics: Those of the training window that the model was or will be trained with.
        categories: The same of the categorical columns.
        encoder: Of texts and names, one of ``text_vectors.ENCODERS``.
        cache: Folder of the encoder's cache.
    """
    spec = dataset.spec
    names = column_names(spec)
    numbers: dict[str, int] = {"": 0}
    kinds, values = [], []
    for table in spec.tables:
        rows = dataset.tables[table.name]
        found_kinds = np.full((rows.num_rows, len(table.columns)), MISSING, dtype=np.int8)
        found = np.zeros((rows.num_rows, len(table.columns)), dtype=np.float64)
        for position, (column, kind) in enumerate(table.columns.items()):
            valid, cells = _encoded(rows[column], kind, numbers)
            found_kinds[valid, position] = COLUMN_KINDS.index(kind)
            found[valid, position] = cells[valid]
        kinds.append(found_kinds.reshape(-1))
        values.append(found.reshape(-1))
    known = {
        names.index(name): np.array([numbers.setdefault(t, len(numbers)) for t in texts], np.int32)
        for name, texts in categories.items()
        if name in names
    }
    widths = np.array([len(table.columns) for table in spec.tables], dtype=np.int64)
    cells_of = np.array([len(part) for part in values], dtype=np.int64)
    scales = [statistics.get(name, _NO_SCALE) for name in names]
    flat = np.concatenate(values) if values else np.zeros(0)
    vectors = text_vectors([*numbers, *names], encoder, cache)
    texts = vectors[: len(numbers)].copy()
    texts[0] = 0.0
    task = spec.task
    return CellStore(
        first_cell=np.concatenate([[0], np.cumsum(cells_of)[:-1]]).astype(np.int64),
        first_column=np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64),
        kinds=np.concatenate(kinds) if kinds else np.zeros(0, np.int8),
        values=flat,
        seconds=flat.view(np.int64),
        scales=np.array([(s.mean, s.deviation) for s in scales]).reshape(-1, 2),
        quantiles=np.maximum.accumulate([s.quantiles for s in scales], axis=1),
        column_kinds=np.array(
            [COLUMN_KINDS.index(k) for t in spec.tables for k in t.columns.values()], np.int8
        ),
        texts=texts,
        names=vectors[len(numbers) :].copy(),
        categories=known,
        target_column=names.index(f"{task.table}.{task.target_column}"),
        cutoff_column=names.index(f"{task.table}.{task.cutoff_column}"),
    )


def _encoded(
    column: pa.ChunkedArray, kind: str, numbers: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which cells hold something, and their numbers; int64 ones in the memory of float64."""
    valid = pc.is_valid(column).to_numpy()
    position = COLUMN_KINDS.index(kind)
    if position == NUMERIC:
        cells = pc.fill_null(column, 0.0).to_numpy().astype(np.float64)
        return valid & np.isfinite(cells), cells
    if position == BOOLEAN:
        return valid, pc.fill_null(column, False).to_numpy().astype(np.float64)
    if position == DATETIME:
        moments = seconds(column)
        return valid & (moments != UNKNOWN_TIME), moments.view(np.float64)
    encoded = column.combine_chunks().dictionary_encode()
    found = [numbers.setdefault(text, len(numbers)) for text in encoded.dictionary.to_pylist()]
    lookup = np.array([*found, 0], dtype=np.int64)
    codes = pc.fill_null(encoded.indices, len(found)).to_numpy()
    return valid, lookup[codes].view(np.float64)


def classes_of(store: CellStore, columns: np.ndarray, strings: np.ndarray) -> np.ndarray:
    """Positions of texts among their columns' categories, int32; -1 for none of them.

    Args:
        store: Has the categories.
        columns: Column numbers, (n,).
        strings: Text numbers, (n,).
    """
    classes = np.full(len(columns), -1, dtype=np.int32)
    for column in np.unique(columns):
        known = store.categories.get(int(column))
        if known is None or not len(known) or store.column_kinds[column] != CATEGORICAL:
            continue
        here = np.flatnonzero(columns == column)
        order = np.argsort(known)
        at = np.searchsorted(known[order], strings[here]).clip(max=len(known) - 1)
        hit = known[order][at] == strings[here]
        classes[here[hit]] = order[at[hit]]
    return classes
