"""Batches: sampled, laid out, with what is to be predicted.

Belongs here: going from the rows of a task, or from any rows, to the arrays of a batch. Imports no
torch, and numba only on use. What it does lets go of Python's lock most of the time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import UNKNOWN_TIME, RelationalDataset, cutoff_seconds
from amodels_assets.datasets.moments import ALWAYS_KNOWN, seconds_of
from amodels_assets.datasets.statistics import training_window
from amodels_assets.training.batch import (
    BOOLEAN,
    CATEGORICAL,
    DATETIME,
    MISSING,
    NUMERIC,
    TEXT,
    Batch,
    Targets,
)
from amodels_assets.training.cells import CellStore, classes_of
from amodels_assets.training.context_sampler import (
    Contexts,
    SamplerConfig,
    link,
    sample_contexts,
)
from amodels_assets.training.row_graph import RowGraph, entity_rows

TARGET_CELLS = 2
TARGET_KINDS = {"binary": BOOLEAN, "multiclass": CATEGORICAL, "regression": NUMERIC}


@dataclass(frozen=True)
class Feed:
    """Predictions of one split.

    Attributes:
        graph: The database.
        store: Its cells.
        config: Bounds of a context.
        kind: Kind of what is predicted: ``BOOLEAN``, ``CATEGORICAL`` or ``NUMERIC``.
        entities: Row of each prediction's entity, int64 (n,).
        cutoffs: Second of each prediction, int64 (n,).
        labels: 0 or 1, the position of the class among the target's categories (-1 for one that
            training did not see), or the standardised number; float64 (n,).
    """

    graph: RowGraph
    store: CellStore
    config: SamplerConfig
    kind: int
    entities: np.ndarray
    cutoffs: np.ndarray
    labels: np.ndarray

    @classmethod
    def of_split(
        cls,
        dataset: RelationalDataset,
        store: CellStore,
        graph: RowGraph,
        split: str,
        config: SamplerConfig,
    ) -> Feed:
        """The predictions of ``train``, ``validation`` or ``test``."""
        task, rows = dataset.spec.task, dataset.tasks[split]
        return cls(
            graph,
            store,
            config,
            TARGET_KINDS[task.kind],
            entity_rows(graph, dataset, rows[task.entity_column]),
            cutoff_seconds(rows[task.cutoff_column]),
            _labels(dataset, store, split),
        )

    def __len__(self) -> int:
        """Number of predictions."""
        return len(self.labels)

    def batch(self, rows: np.ndarray, seed: int = 0, hidden: float = 0.0) -> Batch:
        """Sample and lay out some predictions.

        Args:
            rows: Their positions in the split.
            seed: Decides what is drawn, together with the position.
            hidden: Share of the contexts' rows that are left out.
        """
        contexts = sample_contexts(
            self.graph,
            self.entities[rows],
            self.cutoffs[rows],
            self.config,
            target_cells=TARGET_CELLS,
            seeds=_seeds(seed, rows),
            hidden=hidden,
        )
        laid = _lay_out(self.graph, self.store, contexts, self.kind, TARGET_CELLS)
        tokens = laid.first[contexts.starts[:-1]].astype(np.int32)
        labels = self.labels[rows]
        classes = np.full(len(rows), -1, dtype=np.int32)
        numbers = np.zeros(len(rows), dtype=np.float32)
        if self.kind == CATEGORICAL:
            classes = labels.astype(np.int32)
        else:
            numbers = labels.astype(np.float32)
        masked = np.zeros(len(laid.columns), dtype=bool)
        masked[tokens] = True
        kinds = np.full(len(rows), self.kind, dtype=np.int8)
        targets = Targets(tokens, kinds, numbers, classes, np.zeros(len(rows), np.int32))
        return laid.batch(self.store, contexts, masked, targets)


@dataclass(frozen=True)
class MaskedFeed:
    """Contexts around any rows of the training window, some of whose cells are hidden.

    Attributes:
        graph: The database; what lies outside the training window has an unknown time.
        store: Its cells.
        config: Bounds of a context.
        rows: Rows that contexts are sampled around, int64 (n,).
        cutoffs: When each became known, int64 (n,).
    """

    graph: RowGraph
    store: CellStore
    config: SamplerConfig
    rows: np.ndarray
    cutoffs: np.ndarray

    @classmethod
    def of_window(
        cls, dataset: RelationalDataset, store: CellStore, graph: RowGraph, config: SamplerConfig
    ) -> MaskedFeed:
        """Every row with cells in the training window; contexts hold no other rows."""
        spec, task = dataset.spec, dataset.spec.task
        inside = np.concatenate(
            [training_window(spec, dataset.tables, name) for name in graph.names]
        )
        inside &= graph.times != UNKNOWN_TIME
        graph = replace(graph, times=np.where(inside, graph.times, UNKNOWN_TIME))
        rows = np.flatnonzero(inside & (graph.cells[graph.table_of] > 0))
        trained = cutoff_seconds(dataset.tasks["train"][task.cutoff_column])
        end = seconds_of(task.starts[0]) - 1 if task.starts else int(trained.max())
        # What was always known is looked at as of the end of the window.
        times = graph.times[rows]
        return cls(graph, store, config, rows, np.where(times == ALWAYS_KNOWN, end, times))

    def __len__(self) -> int:
        """Number of rows to choose from."""
        return len(self.rows)

    def batch(self, rows: np.ndarray, seed: int, masked: float) -> Batch:
        """Sample and lay out the contexts of some rows.

        Args:
            rows: Their positions in the feed.
            seed: Decides what is drawn and hidden.
            masked: Share of the cells that are hidden; at least one of each context.
        """
        seeds = _seeds(seed, rows)
        contexts = sample_contexts(
            self.graph,
            self.rows[rows],
            self.cutoffs[rows],
            self.config,
            target_cells=0,
            seeds=seeds,
        )
        laid = _lay_out(self.graph, self.store, contexts, MISSING, 0)
        can = np.isin(laid.kinds, (NUMERIC, BOOLEAN, DATETIME, CATEGORICAL, TEXT))
        # When its row became known is what every cell of the row says: nothing is learned of it.
        said = self.store.seconds[laid.cells] == self.graph.times[laid.rows]
        hidden = _hidden_cells(laid, seeds, masked, can & ~((laid.kinds == DATETIME) & said))
        tokens = np.flatnonzero(hidden).astype(np.int32)
        kinds, columns = laid.kinds[tokens], laid.columns[tokens]
        strings = laid.strings[tokens]
        is_text = kinds == TEXT
        classes = classes_of(self.store, columns, np.where(kinds == CATEGORICAL, strings, 0))
        targets = Targets(
            tokens,
            kinds,
            laid.features[tokens, 0].copy(),
            np.where(kinds == CATEGORICAL, classes, -1).astype(np.int32),
            np.where(is_text, strings, 0).astype(np.int32),
        )
        laid.features[tokens], laid.strings[tokens] = 0.0, 0
        return laid.batch(self.store, contexts, hidden, targets)


@dataclass(frozen=True)
class _LaidOut:
    """Tokens of contexts: their first token by slot, and what each token is."""

    first: np.ndarray
    contexts: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    kinds: np.ndarray
    features: np.ndarray
    strings: np.ndarray
    cells: np.ndarray
    ages: np.ndarray
    age_slots: np.ndarray

    def batch(
        self, store: CellStore, contexts: Contexts, masked: np.ndarray, targets: Targets
    ) -> Batch:
        links = link(contexts, self.first, self.columns, store.columns)
        return Batch(
            self.contexts,
            self.rows,
            self.columns,
            self.kinds,
            self.features,
            self.strings,
            self.ages,
            self.age_slots,
            masked,
            links,
            targets,
        )


def _lay_out(
    graph: RowGraph, store: CellStore, contexts: Contexts, kind: int, target_cells: int
) -> _LaidOut:
    from amodels_assets.training.value_kernels import lay_out

    return _LaidOut(
        *lay_out(
            contexts.starts,
            contexts.rows,
            contexts.cutoffs,
            graph.times,
            graph.offsets,
            graph.table_of,
            graph.cells,
            store.first_cell,
            store.first_column,
            store.kinds,
            store.values,
            store.seconds,
            store.scales,
            store.quantiles,
            store.target_column,
            store.cutoff_column,
            kind,
            target_cells,
        )
    )


def _hidden_cells(laid: _LaidOut, seeds: np.ndarray, share: float, can: np.ndarray) -> np.ndarray:
    """Which tokens are hidden: by chance, and of each context at least the first that can be."""
    keys = seeds[laid.contexts] ^ laid.cells.astype(np.uint64)
    hidden = can & (_uniform(keys) < share)
    some = np.bincount(laid.contexts[hidden], minlength=len(seeds)) > 0
    candidates = np.flatnonzero(can & ~some[laid.contexts])
    _, firsts = np.unique(laid.contexts[candidates], return_index=True)
    hidden[candidates[firsts]] = True
    return hidden


def _seeds(seed: int, rows: np.ndarray) -> np.ndarray:
    """A seed for each row, whatever stands beside it in the batch."""
    return _mixed(rows.astype(np.uint64) + _mixed(np.array([seed], np.uint64)))


def _uniform(keys: np.ndarray) -> np.ndarray:
    return (_mixed(keys) >> np.uint64(11)) / float(1 << 53)


def _mixed(values: np.ndarray) -> np.ndarray:
    """SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _labels(dataset: RelationalDataset, store: CellStore, split: str) -> np.ndarray:
    task, labels = dataset.spec.task, dataset.tasks[split]["label"]
    name = f"{task.table}.{task.target_column}"
    if task.kind == "multiclass":
        known = pa.array(dataset.categories[name], pa.string())
        found = pc.fill_null(pc.index_in(labels, value_set=known), -1)
        return found.to_numpy().astype(np.float64)
    values = labels.to_numpy().astype(np.float64)
    if task.kind == "regression":
        mean, deviation = store.scales[store.target_column]
        return (values - mean) / deviation
    return values
