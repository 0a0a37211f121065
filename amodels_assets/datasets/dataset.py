"""Reading a relational data set from its folder.

Belongs here: the files' names and the typed view on them. Does not belong here: how they are made
(``build.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from amodels_assets.datasets.moments import ALWAYS_KNOWN, UNKNOWN_TIME, seconds
from amodels_assets.datasets.relational import SPLITS, RelationalSpec, SpecError, parse_spec

__all__ = [
    "ALWAYS_KNOWN",
    "UNKNOWN_TIME",
    "ColumnStatistics",
    "DatasetError",
    "RelationalDataset",
    "cutoff_seconds",
    "known_times",
    "open_dataset",
    "seconds",
]


class DatasetError(ValueError):
    """A data set cannot be built or read; the message says what to do."""


@dataclass(frozen=True)
class ColumnStatistics:
    """What is known of a numeric or datetime column from the training window.

    Attributes:
        count: Values; of numbers the finite ones. Moments are meant in seconds since 1970.
        mean: Mean.
        deviation: Standard deviation, 1 where the column is constant or empty.
        quantiles: Values at 0, 1/16, …, 1.
    """

    count: int
    mean: float
    deviation: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class RelationalDataset:
    """A data set in memory.

    Attributes:
        spec: Its declaration.
        tables: Rows by table name, sorted by primary key.
        tasks: For each split the columns entity, cut-off (date32 where the source has dates,
            otherwise timestamp[s]) and ``label``: int8 0 or 1 for a binary task, string for
            multiclass, float64 for regression. A label of validation or test may be a class that
            training never saw.
        statistics: Statistics by ``table.column``, of numeric and datetime columns.
        categories: By ``table.column`` of every categorical column the texts seen in the training
            window, most frequent first, at most 256.
    """

    spec: RelationalSpec
    tables: dict[str, pa.Table]
    tasks: dict[str, pa.Table]
    statistics: dict[str, ColumnStatistics]
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)


def open_dataset(folder: Path) -> RelationalDataset:
    """Read a data set.

    Raises:
        DatasetError: A file is missing or cannot be read.
    """
    try:
        raw = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        spec = parse_spec(raw["spec"], "dataset.json")
        tables = {t.name: pq.read_table(folder / "db" / f"{t.name}.parquet") for t in spec.tables}
        tasks = {split: _task(folder, spec, split) for split in SPLITS}
        statistics = {
            name: ColumnStatistics(
                value["count"], value["mean"], value["deviation"], tuple(value["quantiles"])
            )
            for name, value in raw["statistics"].items()
        }
        categories = {name: tuple(texts) for name, texts in raw["categories"].items()}
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, SpecError) as error:
        raise DatasetError(f"the data set {folder} cannot be read: materialize it again") from error
    return RelationalDataset(spec, tables, tasks, statistics, categories)


def _task(folder: Path, spec: RelationalSpec, split: str) -> pa.Table:
    table = pq.read_table(folder / "tasks" / spec.name / f"{split}.parquet")
    cutoff = table[spec.task.cutoff_column]
    if pa.types.is_timestamp(cutoff.type):
        # Parquet has no whole seconds and gives milliseconds back.
        position = table.column_names.index(spec.task.cutoff_column)
        return table.set_column(position, spec.task.cutoff_column, cutoff.cast(pa.timestamp("s")))
    return table


def known_times(spec: RelationalSpec, tables: Mapping[str, pa.Table], name: str) -> np.ndarray:
    """When each row of a table became known, in seconds; ``ALWAYS_KNOWN`` without a time column."""
    column = spec.table(name).time_column
    if column is None:
        return np.full(tables[name].num_rows, ALWAYS_KNOWN, dtype=np.int64)
    return seconds(tables[name][column])


def cutoff_seconds(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Cut-offs in seconds, rounded down: what is compared with :func:`known_times`."""
    return seconds(column, up=False)
