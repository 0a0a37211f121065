"""A data set in the layout of RelBench, as the authors' package reads it. Not a peer itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from amodels_assets.datasets.dataset import RelationalDataset, open_dataset
from amodels_assets.datasets.relational import TableSpec

_SPLITS = {"train": "train", "validation": "val", "test": "test"}
# The package wants whole numbers as keys, so a key that is shown as well stands twice.
_KEY = "_key"


def write_relbench(folder: Path, out: Path) -> tuple[Path, str]:
    """Write a data set with a binary task.

    Args:
        folder: What ``datasets`` built.
        out: Written into.

    Returns:
        The folder of the database, and the name of the task.
    """
    dataset = open_dataset(folder)
    spec = dataset.spec
    database, task = out / spec.database, out / spec.database / "tasks" / spec.name
    (database / "db").mkdir(parents=True)
    task.mkdir(parents=True)
    for table in spec.tables:
        pq.write_table(_rows(dataset, table), database / "db" / f"{table.name}.parquet")
    starts = spec.task.starts
    if starts is None or spec.task.kind != "binary":
        raise SystemExit(f"{folder}: give a data set with a binary task that is split by time")
    tables = {
        table.name: {
            "pkey": table.primary_key,
            "time_col": table.time_column,
            "fkeys": {column + _KEY: parent for column, parent in table.foreign_keys.items()},
        }
        for table in spec.tables
    }
    _write(
        database / "manifest.yaml",
        {
            "name": spec.database,
            "manifest_version": 1,
            "description": spec.description,
            "val_timestamp": starts[0].date().isoformat(),
            "test_timestamp": starts[1].date().isoformat(),
            "tables": tables,
        },
    )
    _write(
        task / "manifest.yaml",
        {
            "name": spec.name,
            "kind": "external",
            "task_type": "binary_classification",
            "description": spec.description,
            "entity_table": spec.entity_table.name,
            "entity_col": spec.task.entity_column,
            "target_col": "label",
            "time_col": spec.task.cutoff_column,
            "manifest_version": 1,
        },
    )
    for split, name in _SPLITS.items():
        rows = dataset.tasks[split]
        columns = {
            spec.task.entity_column: _numbers(
                dataset, rows[spec.task.entity_column], spec.entity_table
            ),
            spec.task.cutoff_column: rows[spec.task.cutoff_column].cast(pa.timestamp("ns")),
            "label": rows["label"].cast(pa.bool_()),
        }
        pq.write_table(pa.table(columns), task / f"{name}.parquet")
    return database, spec.name


def _rows(dataset: RelationalDataset, table: TableSpec) -> pa.Table:
    source = dataset.tables[table.name]
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        table.primary_key: pa.array(np.arange(source.num_rows))
    }
    for name in source.column_names:
        if name in table.foreign_keys:
            parent = dataset.spec.table(table.foreign_keys[name])
            columns[name + _KEY] = _numbers(dataset, source[name], parent)
        if name in table.columns or name == table.time_column:
            column = source[name]
            moments = pa.types.is_timestamp(column.type)
            columns[name] = column.cast(pa.timestamp("ns")) if moments else column
    return pa.table(columns)


def _numbers(
    dataset: RelationalDataset, keys: pa.ChunkedArray, table: TableSpec
) -> pa.ChunkedArray:
    """Keys as positions in the table that they point to."""
    known = dataset.tables[table.name][table.primary_key]
    return pc.index_in(keys, value_set=known).cast(pa.int64())


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
