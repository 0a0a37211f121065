"""Batches of one split: sampled, encoded, with labels.

Belongs here: going from the rows of a task to the arrays of a batch. Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from amodels_assets.datasets.dataset import RelationalDataset, seconds
from amodels_assets.training.encode import Batch, CellStore, encode_batch
from amodels_assets.training.sampler import (
    NO_ROW,
    RowGraph,
    SamplerConfig,
    build_graph,
    entity_rows,
    sample_contexts,
)


@dataclass(frozen=True)
class Feed:
    """Predictions of one split.

    Attributes:
        graph: The database.
        store: Its cells.
        config: Bounds of a context.
        entities: Global row number of each prediction's entity.
        cutoffs: Cut-off of each prediction, in seconds.
        labels: 0 or 1.
    """

    graph: RowGraph
    store: CellStore
    config: SamplerConfig
    entities: np.ndarray
    cutoffs: np.ndarray
    labels: np.ndarray

    @classmethod
    def of_split(
        cls, dataset: RelationalDataset, store: CellStore, split: str, config: SamplerConfig
    ) -> Feed:
        """The predictions of ``train``, ``validation`` or ``test``."""
        task, rows = dataset.spec.task, dataset.tasks[split]
        graph = build_graph(dataset)
        return cls(
            graph=graph,
            store=store,
            config=config,
            entities=entity_rows(graph, dataset, rows[task.entity_column]),
            cutoffs=seconds(rows[task.cutoff_column]),
            labels=rows["label"].to_numpy().astype(np.int64),
        )

    def batch(
        self, rows: np.ndarray, rng: np.random.Generator | None = None, hidden: float = 0.0
    ) -> Batch:
        """Sample and encode some predictions.

        Args:
            rows: Their positions in the split.
            rng: Draws the rows of the context that are not shown.
            hidden: Share of the rows that are not shown.
        """
        contexts = sample_contexts(self.graph, self.entities[rows], self.cutoffs[rows], self.config)
        if rng is not None and hidden > 0:
            gone = (rng.random(contexts.rows.shape) < hidden) & (contexts.rows >= 0)
            contexts = replace(contexts, rows=np.where(gone, NO_ROW, contexts.rows))
        return encode_batch(self.graph, self.store, contexts)
