"""What the past of a task's entities comes to: counts, sums, largest and newest values.

Belongs here: aggregates of the rows that point to an entity, as of each prediction of the training
split. Does not belong here: what they are used for (``train.py``). Imports no torch.

A network that is told beside each label what the entity's history comes to learns to gather it from
the rows, which few labels teach slowly. The aggregates are outputs in training only, never inputs:
nothing that predicts needs them. They are those of deep feature synthesis (Kanter and
Veeramachaneni, 2015); that further outputs help the one that counts is multi-task learning
(Caruana, 1997).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import (
    ALWAYS_KNOWN,
    UNKNOWN_TIME,
    RelationalDataset,
    cutoff_seconds,
    known_times,
)
from amodels_assets.datasets.relational import TableSpec
from amodels_assets.training.row_graph import NO_ROW, key_positions

# As many windows before the cut-off as are looked at apart, each as long as the task looks ahead.
_WINDOWS = 2
_MOST_CATEGORIES = 8
_SUMMED = ("numeric", "boolean")
_LARGEST = 5.0


@dataclass(frozen=True)
class History:
    """Aggregates of the training split's predictions.

    Attributes:
        names: What each says: table, column that points to the entity, what is gathered, and in
            which window before the cut-off, the first being the newest.
        values: float32, shape (predictions, aggregates): logarithms of the amounts, less their
            mean, in standard deviations, at most 5. Without columns where entities have no history.
    """

    names: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class _Predictions:
    """What is predicted: entities by place, cut-offs in seconds, and seconds ahead."""

    entities: np.ndarray
    cutoffs: np.ndarray
    horizon: int


@dataclass(frozen=True)
class _Rows:
    """The rows of a table that point to entities, by entity and time.

    Attributes:
        keys: Sorted; entity and time in one number.
        order: Positions in the table.
        starts: Place of each entity's first row, int64 (entities + 1,).
        earliest: Time that counts as 0.
        span: Numbers that belong to one entity.
    """

    keys: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    earliest: int
    span: int

    def until(self, entities: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Place after the last row of each entity that was known at a time, int64 (n,)."""
        since = np.clip(times - self.earliest, -1, self.span - 2) + 1
        return np.searchsorted(self.keys, entities * self.span + since, side="right")


def history_of(dataset: RelationalDataset) -> History:
    """Aggregates of every prediction of the training split."""
    task, rows = dataset.spec.task, dataset.tasks["train"]
    keys = dataset.tables[dataset.spec.entity_table.name][dataset.spec.entity_table.primary_key]
    predictions = _Predictions(
        key_positions(keys, rows[task.entity_column]),
        cutoff_seconds(rows[task.cutoff_column]),
        _horizon(dataset),
    )
    found = {
        f"{table.name} by {column}: {name}": _standardised(values)
        for table, column in (_pointing(dataset) if predictions.horizon else ())
        for name, values in _aggregates(dataset, table, column, predictions)
    }
    kept = {name: values for name, values in found.items() if values is not None}
    empty = np.zeros((rows.num_rows, 0), np.float32)
    values = np.stack(list(kept.values()), axis=1) if kept else empty
    return History(tuple(kept), values)


def _horizon(dataset: RelationalDataset) -> int:
    """Seconds between a prediction and the moment at which its label is known; 0 for none."""
    task, spec = dataset.spec.task, dataset.spec
    table = dataset.tables[task.table]
    known, cutoffs = known_times(spec, dataset.tables, task.table), table[task.cutoff_column]
    usable = pc.is_valid(cutoffs).to_numpy() & (known != UNKNOWN_TIME) & (known != ALWAYS_KNOWN)
    if not usable.any():
        return 0
    ahead = known[usable] - cutoff_seconds(cutoffs)[usable]
    return max(0, int(np.median(ahead)))


def _pointing(dataset: RelationalDataset) -> Iterator[tuple[TableSpec, str]]:
    """Tables whose rows point to entities and became known at some time, and by which column."""
    entity = dataset.spec.entity_table.name
    for table in dataset.spec.tables:
        for column, target in table.foreign_keys.items():
            if target == entity and table.time_column is not None:
                yield table, column


def _aggregates(
    dataset: RelationalDataset, table: TableSpec, column: str, predictions: _Predictions
) -> Iterator[tuple[str, np.ndarray]]:
    """Names and amounts, float64 (predictions,); NaN where there is nothing."""
    entities, horizon = predictions.entities, predictions.horizon
    source = dataset.tables[table.name]
    rows = _sorted_rows(dataset, table, column)
    if not len(rows.order):
        return
    numbers = {
        name: pc.cast(source[name], pa.float64()).to_numpy()[rows.order]
        for name, kind in table.columns.items()
        if kind in _SUMMED
    }
    chosen = {"": np.ones(len(rows.order), dtype=bool), **_categories(dataset, table, rows.order)}
    ends = [rows.until(entities, predictions.cutoffs - n * horizon) for n in range(_WINDOWS + 1)]
    for window in range(_WINDOWS):
        first, last = ends[window + 1], ends[window]
        for which, mask in chosen.items():
            place = f"window {window + 1}{which}"
            yield f"count {place}", _gathered(np.add, mask * 1.0, first, last)
            for name, values in numbers.items():
                known = np.where(mask & np.isfinite(values), values, 0.0)
                yield f"{name} sum {place}", _gathered(np.add, known, first, last)
                yield f"{name} largest {place}", _gathered(np.maximum, known, first, last)
    for name, values in numbers.items():
        yield f"{name} newest", _newest(values, rows.starts[entities], ends[0])


def _sorted_rows(dataset: RelationalDataset, table: TableSpec, column: str) -> _Rows:
    entity = dataset.spec.entity_table
    source, keys = dataset.tables[table.name], dataset.tables[entity.name][entity.primary_key]
    entities = key_positions(keys, source[column])
    times = known_times(dataset.spec, dataset.tables, table.name)
    usable = np.flatnonzero((entities != NO_ROW) & (times != UNKNOWN_TIME))
    entities, times = entities[usable], times[usable]
    earliest = int(times.min()) if len(times) else 0
    span = int(times.max()) - earliest + 3 if len(times) else 3
    order = np.lexsort((times, entities))
    return _Rows(
        entities[order] * span + (times[order] - earliest) + 1,
        usable[order],
        np.searchsorted(entities[order], np.arange(len(keys) + 1)),
        earliest,
        span,
    )


def _categories(
    dataset: RelationalDataset, table: TableSpec, order: np.ndarray
) -> Mapping[str, np.ndarray]:
    """Rows of each of the most frequent categories of each column."""
    found = {}
    for name, kind in table.columns.items():
        if kind == "categorical" and name not in table.foreign_keys:
            texts = pc.cast(dataset.tables[table.name][name], pa.string())
            for category in dataset.categories[f"{table.name}.{name}"][:_MOST_CATEGORIES]:
                same = pc.fill_null(pc.equal(texts, category), False).to_numpy()
                found[f" {name}={category}"] = same[order]
    return found


def _gathered(how: np.ufunc, values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Sums or largest of ``values[first:last]``, 0 where there is none.

    Each from its own values: differences of running sums would have the rounding of all others.
    """
    bounds = np.stack([first, last], axis=1).ravel()
    found = how.reduceat(np.append(values, 0.0), bounds)[::2]
    return np.where(last > first, found, 0.0)


def _newest(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Last finite one of ``values[first:last]``, NaN where there is none."""
    places = np.where(np.isfinite(values), np.arange(len(values)), -1)
    place = np.append(np.maximum.accumulate(places), -1)[last - 1]
    return np.where((last > first) & (place >= first), values[place], np.nan)


def _standardised(values: np.ndarray) -> np.ndarray | None:
    """Logarithms in standard deviations; None where they say nothing."""
    logs = np.sign(values) * np.log1p(np.abs(values))
    known = np.isfinite(logs)
    if not known.any() or logs[known].std() < 1e-6:
        return None
    scaled = (logs - logs[known].mean()) / logs[known].std()
    return np.clip(np.where(known, scaled, 0.0), -_LARGEST, _LARGEST).astype(np.float32)
