"""Searches a data set for leaks: anything in training that a prediction could not have known.

Belongs here: the rules and what breaks them. Does not belong here: making splits (``build.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from amodels_assets.datasets.dataset import (
    RelationalDataset,
    known_times,
    seconds,
    seconds_of_day,
)
from amodels_assets.datasets.relational import SPLITS

# Contexts that are sampled per split; all of them where there are fewer.
SAMPLED_CONTEXTS = 400


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
    first test cut-off; no sampled context holds a row that became known after its cut-off, nor the
    row that holds the answer.
    """
    return [
        *_shared_predictions(dataset),
        *_windows(dataset),
        *_late_labels(dataset),
        *_contexts(dataset),
    ]


def _pairs(dataset: RelationalDataset, split: str) -> set[tuple[object, object]]:
    task, rows = dataset.spec.task, dataset.tasks[split]
    entities, cutoffs = rows[task.entity_column].to_pylist(), rows[task.cutoff_column].to_pylist()
    return set(zip(entities, cutoffs, strict=True))


def _shared_predictions(dataset: RelationalDataset) -> Iterator[Leak]:
    pairs = {split: _pairs(dataset, split) for split in SPLITS}
    for number, first in enumerate(SPLITS):
        for second in SPLITS[number + 1 :]:
            shared = pairs[first] & pairs[second]
            if shared:
                entity, cutoff = min(shared, key=str)
                yield Leak(
                    "a prediction is in one split only",
                    f"{entity} at {cutoff} is in {first} and in {second}",
                    len(shared),
                )


def _windows(dataset: RelationalDataset) -> Iterator[Leak]:
    task = dataset.spec.task
    validation, test = seconds_of_day(task.validation_start), seconds_of_day(task.test_start)
    low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    windows = {"train": (low, validation), "validation": (validation, test), "test": (test, high)}
    for split, (start, end) in windows.items():
        cutoffs = seconds(dataset.tasks[split][task.cutoff_column])
        outside = (cutoffs < start) | (cutoffs >= end)
        if outside.any():
            moment = np.datetime64(int(cutoffs[outside][0]), "s").astype("datetime64[D]")
            yield Leak(
                "a cut-off lies in its split's window",
                f"{split} has the cut-off {moment}",
                int(outside.sum()),
            )


def _late_labels(dataset: RelationalDataset) -> Iterator[Leak]:
    """Labels known too late, looked up anew in the table that holds the answers."""
    spec, task = dataset.spec, dataset.spec.task
    source = dataset.tables[task.table]
    entities = source[task.entity_column].to_pylist()
    cutoffs = seconds(source[task.cutoff_column])
    known = known_times(spec, dataset.tables, task.table)
    when = dict(zip(zip(entities, cutoffs.tolist(), strict=True), known.tolist(), strict=True))
    limits = {"train": task.validation_start, "validation": task.test_start}
    for split, day in limits.items():
        rows = dataset.tasks[split]
        keys = zip(
            rows[task.entity_column].to_pylist(),
            seconds(rows[task.cutoff_column]).tolist(),
            strict=True,
        )
        late = [key for key in keys if when.get(key, np.inf) > seconds_of_day(day)]
        if late:
            yield Leak(
                "a label is known when the next split begins",
                f"the {split} label of {late[0][0]} is known after {day}",
                len(late),
            )


def _contexts(dataset: RelationalDataset) -> Iterator[Leak]:
    """What the sampler that training uses really shows the model."""
    from amodels_assets.training.sampler import (
        NO_ROW,
        SamplerConfig,
        build_graph,
        entity_rows,
        sample_contexts,
    )

    spec, task = dataset.spec, dataset.spec.task
    graph = build_graph(dataset)
    # Moments are read from the tables again, not from the graph that is being checked.
    times = np.concatenate([known_times(spec, dataset.tables, name) for name in graph.names])
    source = dataset.tables[task.table]
    first = graph.offsets[graph.target_table]
    answers: dict[tuple[object, int], int] = {}
    moments = seconds(source[task.cutoff_column]).tolist()
    for row, key in enumerate(zip(source[task.entity_column].to_pylist(), moments, strict=True)):
        answers[key] = int(first) + row
    rng = np.random.default_rng(spec.seed)
    for split in SPLITS:
        rows = dataset.tasks[split]
        chosen = np.sort(
            rng.choice(rows.num_rows, min(SAMPLED_CONTEXTS, rows.num_rows), replace=False)
        )
        entities = rows[task.entity_column].take(chosen)
        cutoffs = seconds(rows[task.cutoff_column])[chosen]
        contexts = sample_contexts(
            graph, entity_rows(graph, dataset, entities), cutoffs, SamplerConfig()
        )
        shown = np.where(contexts.rows >= 0, contexts.rows, NO_ROW)
        late = (shown >= 0) & (times[shown] > cutoffs[:, None])
        if late.any():
            example = graph.names[graph.table_of[shown[late][0]]]
            yield Leak(
                "a context holds nothing later than its cut-off",
                f"a {split} context holds a later row of {example}",
                int(late.sum()),
            )
        keys = zip(entities.to_pylist(), cutoffs.tolist(), strict=True)
        answer = np.array([answers.get(key, NO_ROW - 1) for key in keys])
        told = (shown == answer[:, None]).any(axis=1)
        if told.any():
            yield Leak(
                "a context does not hold the answer",
                f"a {split} context holds the row of {task.table} that is to be predicted",
                int(told.sum()),
            )
