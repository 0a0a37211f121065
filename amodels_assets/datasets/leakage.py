"""Searches a data set for leaks: anything in training that a prediction could not have known.

Belongs here: the rules and what breaks them. Does not belong here: making splits (``split.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import (
    RelationalDataset,
    cutoff_seconds,
    known_times,
    seconds,
)
from amodels_assets.datasets.moments import UNKNOWN_TIME, as_text, seconds_of
from amodels_assets.datasets.relational import SPLITS
from amodels_assets.datasets.statistics import MOST_CATEGORIES, describe

# Contexts that are sampled per split; all of them where there are fewer.
SAMPLED_CONTEXTS = 400
_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@dataclass(frozen=True)
class Leak:
    """One broken rule.

    Attributes:
        rule: Which.
        detail: Where, with the first example.
        count: How many rows break it.
    """

    rule: str
    detail: str
    count: int


def find_leaks(dataset: RelationalDataset) -> list[Leak]:
    """Everything that breaks a rule; empty when training can know nothing of the future.

    The rules: no prediction is in two splits; no cut-off lies outside its split's window; no
    training label became known after the first validation cut-off, no validation label after the
    first test cut-off; statistics and categories are those of the training window; no sampled
    context holds a row that became known after its cut-off, nor the row that holds the answer.
    """
    return [
        *_shared_predictions(dataset),
        *_windows(dataset),
        *_late_labels(dataset),
        *_foreign_statistics(dataset),
        *_contexts(dataset),
    ]


class Predictions:
    """Entities and cut-offs as numbers that compare across the tables of a data set."""

    def __init__(self, dataset: RelationalDataset) -> None:
        self._task = dataset.spec.task
        entities = dataset.spec.entity_table
        self._keys = dataset.tables[entities.name][entities.primary_key]
        source = dataset.tables[self._task.table]
        parts = [source, *dataset.tasks.values()]
        cutoffs = [cutoff_seconds(part[self._task.cutoff_column]) for part in parts]
        self._moments = np.unique(np.concatenate(cutoffs))

    def of(self, table: pa.Table) -> np.ndarray:
        """A number per row, the same for the same entity and cut-off, int64 (rows,)."""
        found = pc.index_in(table[self._task.entity_column], value_set=self._keys)
        entities = pc.fill_null(found, -1).to_numpy().astype(np.int64)
        ranks = np.searchsorted(self._moments, cutoff_seconds(table[self._task.cutoff_column]))
        return (entities + 1) * (len(self._moments) + 1) + ranks


def _shared_predictions(dataset: RelationalDataset) -> Iterator[Leak]:
    task = dataset.spec.task
    numbers = Predictions(dataset)
    of = {split: numbers.of(dataset.tasks[split]) for split in SPLITS}
    for position, first in enumerate(SPLITS):
        for second in SPLITS[position + 1 :]:
            shared = np.flatnonzero(np.isin(of[first], of[second]))
            if len(shared):
                row = dataset.tasks[first].slice(int(shared[0]), 1).to_pylist()[0]
                yield Leak(
                    "a prediction is in one split only",
                    f"{row[task.entity_column]} at {row[task.cutoff_column]} is in {first} and in "
                    f"{second}",
                    len(np.unique(of[first][shared])),
                )


def _windows(dataset: RelationalDataset) -> Iterator[Leak]:
    task = dataset.spec.task
    if task.starts is None:
        return
    validation, test = map(seconds_of, task.starts)
    # A split that is given row by row may have cut-offs at the very start of the next.
    last = 0 if task.split_column else -1
    windows = {
        "train": (_FIRST, validation + last),
        "validation": (validation, test + last),
        "test": (test, _LAST),
    }
    for split, (start, end) in windows.items():
        cutoffs = cutoff_seconds(dataset.tasks[split][task.cutoff_column])
        outside = (cutoffs < start) | (cutoffs > end)
        if outside.any():
            yield Leak(
                "a cut-off lies in its split's window",
                f"{split} has the cut-off {as_text(int(cutoffs[outside][0]))}",
                int(outside.sum()),
            )


def _late_labels(dataset: RelationalDataset) -> Iterator[Leak]:
    """Labels known too late, looked up anew in the table that holds the answers."""
    spec, task = dataset.spec, dataset.spec.task
    if task.starts is None:
        return
    numbers = Predictions(dataset)
    known = known_times(spec, dataset.tables, task.table)
    answers = numbers.of(dataset.tables[task.table])
    order = np.lexsort((known, answers))
    answers, known = answers[order], known[order]
    for split, start in zip(("train", "validation"), task.starts, strict=True):
        rows = dataset.tasks[split]
        wanted = numbers.of(rows)
        # Of several rows for the same prediction the one that is known latest must be early.
        at = np.searchsorted(answers, wanted, side="right") - 1
        there = (at >= 0) & (answers[at] == wanted)
        when = np.where(there, known[at], UNKNOWN_TIME)
        late = np.flatnonzero(when > seconds_of(start))
        if len(late):
            entity = rows[task.entity_column][int(late[0])].as_py()
            yield Leak(
                "a label is known when the next split begins",
                f"the {split} label of {entity} is known after {as_text(seconds_of(start))}",
                len(late),
            )


def _foreign_statistics(dataset: RelationalDataset) -> Iterator[Leak]:
    """Statistics and categories that the rows of the training window do not give."""
    spec = dataset.spec
    wrong = []
    for table in spec.tables:
        rows = _rows_of_training(dataset, table.name)
        for column, kind in table.columns.items():
            name = f"{table.name}.{column}"
            if kind in ("numeric", "datetime"):
                numbers = _numbers(rows[column], kind)
                if dataset.statistics.get(name) != describe(numbers[np.isfinite(numbers)]):
                    wrong.append(name)
            elif kind == "categorical":
                counts = Counter(rows[column].drop_null().to_pylist())
                common = sorted(counts, key=lambda text: (-counts[text], text.encode()))
                if dataset.categories.get(name) != tuple(common[:MOST_CATEGORIES]):
                    wrong.append(name)
    if wrong:
        yield Leak(
            "statistics come from the training window",
            f"those of {wrong[0]} are not what the rows known in the training window give",
            len(wrong),
        )


def _numbers(column: pa.ChunkedArray, kind: str) -> np.ndarray:
    if kind == "numeric":
        return column.to_numpy(zero_copy_only=False)
    moments = seconds(column)
    return np.where(moments == UNKNOWN_TIME, np.nan, moments)


def _rows_of_training(dataset: RelationalDataset, name: str) -> pa.Table:
    """The rows of a table that training may learn from, found anew from times and splits."""
    spec, task, rows = dataset.spec, dataset.spec.task, dataset.tables[name]
    known = known_times(spec, dataset.tables, name)
    keep = np.ones(rows.num_rows, dtype=bool)
    if task.starts:
        keep &= known < seconds_of(task.starts[0])
    elif name != task.table:
        keep &= known <= cutoff_seconds(dataset.tasks["train"][task.cutoff_column]).max()
    else:
        keep &= known != UNKNOWN_TIME
    if name == task.table and task.split_column is not None:
        keep &= np.array([value == "train" for value in rows[task.split_column].to_pylist()])
    return rows.filter(pa.array(keep))


def _contexts(dataset: RelationalDataset) -> Iterator[Leak]:
    """What the sampler that training uses really shows the model."""
    from amodels_assets.training.context_sampler import SamplerConfig, sample_contexts
    from amodels_assets.training.row_graph import build_row_graph, entity_rows

    spec, task = dataset.spec, dataset.spec.task
    graph = build_row_graph(dataset)
    # Moments are read from the tables again, not from the graph that is being checked.
    times = np.concatenate([known_times(spec, dataset.tables, name) for name in graph.names])
    # The prediction that a row answers, by global number of the row; none for other tables.
    numbers = Predictions(dataset)
    answered = np.full(len(times), -1, dtype=np.int64)
    first = int(graph.offsets[graph.target_table])
    source = dataset.tables[task.table]
    answered[first : first + source.num_rows] = numbers.of(source)
    rng = np.random.default_rng(spec.seed)
    for split in SPLITS:
        rows = dataset.tasks[split]
        chosen = np.sort(
            rng.choice(rows.num_rows, min(SAMPLED_CONTEXTS, rows.num_rows), replace=False)
        )
        entities = rows[task.entity_column].take(chosen)
        cutoffs = cutoff_seconds(rows[task.cutoff_column])[chosen]
        # With grandchildren, so that rows are looked at whichever way they can be reached.
        contexts = sample_contexts(
            graph,
            entity_rows(graph, dataset, entities),
            cutoffs,
            SamplerConfig(grandchildren=4),
        )
        of_slot = np.repeat(np.arange(len(chosen)), np.diff(contexts.starts))
        there = contexts.rows >= 0
        shown, of_slot = contexts.rows[there], of_slot[there]
        late = times[shown] > cutoffs[of_slot]
        if late.any():
            example = graph.names[graph.table_of[shown[late][0]]]
            yield Leak(
                "a context holds nothing later than its cut-off",
                f"a {split} context holds a later row of {example}",
                int(late.sum()),
            )
        wanted = numbers.of(rows.take(chosen))
        told = np.unique(of_slot[answered[shown] == wanted[of_slot]])
        if len(told):
            yield Leak(
                "a context does not hold the answer",
                f"a {split} context holds the row of {task.table} that is to be predicted",
                len(told),
            )
