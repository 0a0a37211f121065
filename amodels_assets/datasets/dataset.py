"""Reading a relational data set from its folder.

Belongs here: the files' names and the typed view on them. Does not belong here: how they are made
(``build.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from amodels_assets.datasets.relational import SPLITS, RelationalSpec, SpecError, parse_spec

UNKNOWN_TIME = np.iinfo(np.int64).max
ALWAYS_KNOWN = np.iinfo(np.int64).min


class DatasetError(ValueError):
    """A data set cannot be built or read; the message says what to do."""


@dataclass(frozen=True)
class ColumnStatistics:
    """What is known of a numeric column from the training window.

    Attributes:
        count: Finite values.
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
        tasks: For each split the columns entity, cut-off (date32) and ``label`` (int8).
        statistics: Statistics by ``table.column``, of numeric columns.
    """

    spec: RelationalSpec
    tables: dict[str, pa.Table]
    tasks: dict[str, pa.Table]
    statistics: dict[str, ColumnStatistics]


def open_dataset(folder: Path) -> RelationalDataset:
    """Read a data set.

    Raises:
        DatasetError: A file is missing or cannot be read.
    """
    try:
        raw = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        spec = parse_spec(raw["spec"], "dataset.json")
        tables = {t.name: pq.read_table(folder / "db" / f"{t.name}.parquet") for t in spec.tables}
        tasks = {
            split: pq.read_table(folder / "tasks" / spec.name / f"{split}.parquet")
            for split in SPLITS
        }
        statistics = {
            name: ColumnStatistics(
                value["count"], value["mean"], value["deviation"], tuple(value["quantiles"])
            )
            for name, value in raw["statistics"].items()
        }
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError, SpecError) as error:
        raise DatasetError(f"the data set {folder} cannot be read: materialize it again") from error
    return RelationalDataset(spec, tables, tasks, statistics)


def seconds(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Dates or times as int64 seconds since 1970, ``UNKNOWN_TIME`` where null.

    Fractions of a second are rounded up, so that a row never seems to be known earlier.

    Raises:
        DatasetError: The column holds neither dates nor times.
    """
    kind = column.type
    if pa.types.is_date(kind):
        stamps = column.cast(pa.timestamp("s"))
    elif pa.types.is_timestamp(kind):
        # Offsets are gone after this: the sources hold local times without a zone.
        plain = column.cast(pa.timestamp(kind.unit))
        stamps = pc.ceil_temporal(plain, unit="second").cast(pa.timestamp("s"))
    else:
        raise DatasetError(f"a column of type {kind} holds no times")
    values = stamps.cast(pa.int64())
    return pc.fill_null(values, UNKNOWN_TIME).to_numpy()


def seconds_of_day(day: date) -> int:
    """Midnight at the start of a day, in seconds since 1970."""
    return (day - date(1970, 1, 1)).days * 86_400


def known_times(spec: RelationalSpec, tables: dict[str, pa.Table], name: str) -> np.ndarray:
    """When each row of a table became known, in seconds; ``ALWAYS_KNOWN`` without a time column."""
    column = spec.table(name).time_column
    if column is None:
        return np.full(tables[name].num_rows, ALWAYS_KNOWN, dtype=np.int64)
    return seconds(tables[name][column])
