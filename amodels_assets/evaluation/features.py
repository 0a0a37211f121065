"""A flat table out of a relational one: what a tree model needs and a relational model does not.

Belongs here: the entity's own columns, those of the rows it points to, and aggregates of the rows
that point to it, all as known at the cut-off. Does not belong here: the models (``baselines.py``).

The aggregates are the usual ones (count, last, mean, least, greatest over windows of days before
the cut-off); nothing in them was chosen for a particular task.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import (
    UNKNOWN_TIME,
    RelationalDataset,
    known_times,
    seconds,
)
from amodels_assets.datasets.relational import TableSpec

Reach = Literal["own", "parents", "joins"]
REACHES: tuple[Reach, ...] = ("own", "parents", "joins")
WINDOWS_DAYS = (None, 365, 90)
_DAY = 86_400
_MOST_HOPS = 3
_NO_ROW = -1


@dataclass
class Features:
    """Columns of numbers for some predictions.

    Attributes:
        names: Name of each column.
        categorical: Positions of columns that hold codes of categories; -1 is a missing one.
        values: float64, (predictions, columns).
    """

    names: list[str]
    categorical: list[int]
    values: np.ndarray


def make_features(dataset: RelationalDataset, split: str, reach: Reach) -> Features:
    """The features of every prediction of a split.

    Args:
        dataset: The rows.
        split: Whose predictions.
        reach: ``own`` is the entity's row and the cut-off, ``parents`` adds the rows that it
            points to, over several foreign keys too, ``joins`` adds aggregates of the rows that
            point to the entity.
    """
    task, wanted = dataset.spec.task, dataset.tasks[split]
    table = dataset.spec.entity_table
    rows = _positions(dataset, table, wanted[task.entity_column])
    at = _Moments(rows, seconds(wanted[task.cutoff_column]))
    found = _Columns()
    _cutoff(found, at.cutoffs)
    _cells(found, dataset, table, at, prefix="")
    if reach != "own":
        _parents(found, dataset, table, at, prefix="", hops=_MOST_HOPS)
    if reach == "joins":
        for child, column in _children(dataset, table):
            _aggregates(found, dataset, child, column, at)
    return found.finished()


@dataclass(frozen=True)
class _Moments:
    """Rows of one table and the moments at which they are looked at; -1 for no row."""

    rows: np.ndarray
    cutoffs: np.ndarray


@dataclass
class _Columns:
    names: list[str] = field(default_factory=list)
    categorical: list[int] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)

    def add(self, name: str, values: np.ndarray, *, categorical: bool = False) -> None:
        if categorical:
            self.categorical.append(len(self.names))
        self.names.append(name)
        self.values.append(values)

    def finished(self) -> Features:
        return Features(self.names, self.categorical, np.column_stack(self.values))


def _positions(dataset: RelationalDataset, table: TableSpec, keys: pa.ChunkedArray) -> np.ndarray:
    primary = dataset.tables[table.name][table.primary_key]
    found = pc.index_in(keys, value_set=primary, skip_nulls=True)
    return pc.fill_null(found, _NO_ROW).to_numpy().astype(np.int64)


def _cutoff(found: _Columns, cutoffs: np.ndarray) -> None:
    """The moment of the prediction itself: season, day of the week, time of the day."""
    moments = pa.array(cutoffs, pa.timestamp("s"))
    found.add("cutoff.month", pc.month(moments).to_numpy().astype(np.float64))
    found.add("cutoff.weekday", pc.day_of_week(moments).to_numpy().astype(np.float64))
    found.add("cutoff.second_of_day", (cutoffs % _DAY).astype(np.float64))


def _cells(
    found: _Columns, dataset: RelationalDataset, table: TableSpec, at: _Moments, prefix: str
) -> None:
    """The columns of a row, where there is one and it was known at the cut-off."""
    times = known_times(dataset.spec, dataset.tables, table.name)
    there = at.rows != _NO_ROW
    there &= times[np.where(there, at.rows, 0)] <= at.cutoffs if len(times) else False
    rows = np.where(there, at.rows, 0)
    for name, kind in table.columns.items():
        column = dataset.tables[table.name][name]
        label = f"{prefix}{table.name}.{name}"
        if not len(column):
            found.add(label, np.full(len(rows), np.nan))
        elif kind in ("categorical", "text"):
            codes = _codes(column)[rows]
            found.add(label, np.where(there, codes, -1).astype(np.float64), categorical=True)
        elif kind == "datetime":
            moments = seconds(column)[rows]
            known = there & (moments != UNKNOWN_TIME)
            age = (at.cutoffs - np.where(known, moments, 0)) / _DAY
            found.add(label, np.where(known, age, np.nan))
        else:
            found.add(label, np.where(there, _numbers(column)[rows], np.nan))


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    # In the order of the texts, so that codes don't depend on the order of rows.
    known = pc.unique(column.drop_null()).sort()
    return pc.fill_null(pc.index_in(column, value_set=known), -1).to_numpy()


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def _parents(
    found: _Columns,
    dataset: RelationalDataset,
    table: TableSpec,
    at: _Moments,
    *,
    prefix: str,
    hops: int,
) -> None:
    if not hops:
        return
    for column, parent in table.foreign_keys.items():
        spec = dataset.spec.table(parent)
        where = _positions(dataset, spec, dataset.tables[table.name][column])
        there = at.rows != _NO_ROW
        rows = np.where(there, where[np.where(there, at.rows, 0)], _NO_ROW)
        above = _Moments(rows, at.cutoffs)
        _cells(found, dataset, spec, above, f"{prefix}{column}>")
        _parents(found, dataset, spec, above, prefix=f"{prefix}{column}>", hops=hops - 1)


def _children(dataset: RelationalDataset, table: TableSpec) -> Iterator[tuple[TableSpec, str]]:
    for child in dataset.spec.tables:
        for column, parent in child.foreign_keys.items():
            if parent == table.name:
                yield child, column


def _aggregates(
    found: _Columns,
    dataset: RelationalDataset,
    child: TableSpec,
    foreign_key: str,
    at: _Moments,
) -> None:
    """Aggregates over the child rows of each entity that were known at its cut-off."""
    table = dataset.tables[child.name]
    parents = _positions(dataset, dataset.spec.entity_table, table[foreign_key])
    times = known_times(dataset.spec, dataset.tables, child.name)
    usable = np.flatnonzero((parents != _NO_ROW) & (times != UNKNOWN_TIME))
    order = usable[np.lexsort((times[usable], parents[usable]))]
    spans = _Spans.of(parents[order], times[order], at)
    name = f"{child.name}.{foreign_key}"
    for days in WINDOWS_DAYS:
        first = spans.since(None if days is None else at.cutoffs - days * _DAY)
        within = "" if days is None else f" {days}d"
        found.add(f"{name} count{within}", (spans.end - first).astype(np.float64))
        for column, kind in child.columns.items():
            if kind not in ("numeric", "boolean"):
                continue
            values = _numbers(table[column])[order]
            label = f"{child.name}.{column}"
            mean, least, greatest = _summaries(values, first, spans.end)
            found.add(f"{label} mean{within}", mean)
            found.add(f"{label} least{within}", least)
            found.add(f"{label} greatest{within}", greatest)
    some = spans.end > spans.first
    last = np.where(some, spans.end - 1, 0)
    for column, kind in child.columns.items():
        if kind in ("numeric", "boolean") and len(order):
            values = _numbers(table[column])[order]
            found.add(f"{child.name}.{column} last", np.where(some, values[last], np.nan))


@dataclass(frozen=True)
class _Spans:
    """For each prediction the positions of its child rows that are known, oldest first."""

    keys: np.ndarray
    moments: np.ndarray
    rows: np.ndarray
    first: np.ndarray
    end: np.ndarray

    @classmethod
    def of(cls, parents: np.ndarray, times: np.ndarray, at: _Moments) -> _Spans:
        moments, ranks = np.unique(times, return_inverse=True)
        keys = parents * (len(moments) + 1) + ranks
        spans = cls(keys, moments, at.rows, np.zeros(0), np.zeros(0))
        return cls(
            keys, moments, at.rows, spans.since(None), spans._before(at.cutoffs, side="right")
        )

    def since(self, moments: np.ndarray | None) -> np.ndarray:
        """First position later than the moments; the very first of the parent without any."""
        if moments is None:
            return np.searchsorted(self.keys, self.rows * (len(self.moments) + 1))
        return self._before(moments, side="right")

    def _before(self, moments: np.ndarray, side: Literal["left", "right"]) -> np.ndarray:
        ranks = np.searchsorted(self.moments, moments, side=side)
        return np.searchsorted(self.keys, self.rows * (len(self.moments) + 1) + ranks)


def _summaries(
    values: np.ndarray, first: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least and greatest of ``values[first:end]``, NaN where none is a number."""
    known = np.isfinite(values)
    counts = np.concatenate([[0], np.cumsum(known)])
    totals = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    n = counts[end] - counts[first]
    some = n > 0
    mean = np.where(some, (totals[end] - totals[first]) / np.maximum(n, 1), np.nan)
    least = _reduced(np.minimum, np.where(known, values, np.inf), first, end)
    greatest = _reduced(np.maximum, np.where(known, values, -np.inf), first, end)
    return mean, np.where(some, least, np.nan), np.where(some, greatest, np.nan)


def _reduced(
    function: np.ufunc, values: np.ndarray, first: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """``function`` over each span; the value at an empty span means nothing."""
    # One value more, so that a span may end behind the last one.
    padded = np.append(values, values[-1:] if len(values) else 0.0)
    spans = np.column_stack([first, np.maximum(end, first)]).ravel()
    return function.reduceat(padded, spans)[::2]
