"""Random contexts as the authors' package takes them, and random weights under its names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from amodels_assets.training.batch import BOOLEAN, CATEGORICAL, DATETIME, NUMERIC, TEXT
from tests.relational_contexts import Context, Schema

# Their kinds in their order, and which of ours they stand for.
THEIR_KINDS = {NUMERIC: 0, BOOLEAN: 0, TEXT: 1, CATEGORICAL: 1, DATETIME: 2}
TASK_ROW = 1_000_000


def authors_batch(
    contexts: Sequence[Context], schema: Schema, vectors: Mapping[str, np.ndarray], cells: int
) -> dict[str, np.ndarray]:
    """The arrays of a batch of their package, padded to ``cells``; no value may be missing."""
    batch, text_width = len(contexts), vectors["texts"].shape[1]
    widest = max(len(points) for context in contexts for points in context.parents.values())
    arrays = {
        "node_idxs": np.full((batch, cells), -1, np.int64),
        "f2p_nbr_idxs": np.full((batch, cells, widest), -1, np.int64),
        "col_name_idxs": np.zeros((batch, cells), np.int64),
        "table_name_idxs": np.zeros((batch, cells), np.int64),
        "is_padding": np.ones((batch, cells), bool),
        "sem_types": np.zeros((batch, cells), np.int64),
        "is_targets": np.zeros((batch, cells), bool),
        "number_values": np.zeros((batch, cells, 1), np.float32),
        "datetime_values": np.zeros((batch, cells, 1), np.float32),
        "text_values": np.zeros((batch, cells, text_width), np.float32),
        "col_name_values": np.zeros((batch, cells, text_width), np.float32),
    }
    for number, context in enumerate(contexts):
        here = (number, slice(0, len(context.rows)))
        arrays["node_idxs"][here] = np.where(context.rows < 0, TASK_ROW, context.rows)
        for cell, row in enumerate(context.rows):
            points = context.parents[int(row)]
            arrays["f2p_nbr_idxs"][number, cell, : len(points)] = points
        arrays["col_name_idxs"][here] = context.columns
        table = np.searchsorted(schema.first_columns, context.columns, side="right")
        arrays["table_name_idxs"][here] = table
        arrays["is_padding"][here] = False
        arrays["sem_types"][here] = [THEIR_KINDS[int(kind)] for kind in context.kinds]
        arrays["is_targets"][here] = context.hidden
        arrays["number_values"][here] = context.values[:, :1]
        arrays["datetime_values"][here] = context.values[:, :1]
        arrays["text_values"][here] = vectors["texts"][context.strings]
        arrays["col_name_values"][here] = vectors["names"][context.columns]
    return arrays


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Names a batch by its content."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode() + arrays[name].tobytes())
    return found.hexdigest()


def random_weights(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of these shapes, none of them zero as some are at the start of a training."""
    random = np.random.default_rng(seed)
    return {
        name: (
            random.uniform(0.5, 1.5, shape)
            if name.endswith("scale")
            else random.normal(size=shape) / np.sqrt(shape[-1])
        ).astype(np.float32)
        for name, shape in sorted(shapes.items())
    }
