"""Builds the folder of a relational data set from source rows.

Belongs here: typing and checking the rows, splitting the task in time, statistics of the training
window. Does not belong here: reading it back (``dataset.py``) and searching it for leaks
(``leakage.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.artifacts import write_table
from amodels_assets.datasets.dataset import (
    ColumnStatistics,
    DatasetError,
    known_times,
    seconds,
    seconds_of_day,
)
from amodels_assets.datasets.relational import SPLITS, RelationalSpec, TableSpec

_QUANTILES = np.linspace(0.0, 1.0, 17)


def build_dataset(
    rows: Mapping[str, pa.Table], spec: RelationalSpec, folder: Path
) -> dict[str, object]:
    """Write ``dataset.json``, ``db/*.parquet`` and ``tasks/<name>/*.parquet``.

    A training label must have been known at the first validation cut-off, a validation label at
    the first test cut-off; rows without a label or known too late are left out and counted.

    Args:
        rows: Source rows by table name.
        spec: What the data set is made of.
        folder: Written into.

    Returns:
        The content of ``dataset.json``.

    Raises:
        DatasetError: A table, column or key is missing or wrong, or a split is empty.
    """
    tables = {table.name: _typed(rows, table) for table in spec.tables}
    dangling = _dangling(spec, tables)
    tasks, left_out = _split(spec, tables)
    statistics = _statistics(spec, tables)
    (folder / "db").mkdir(parents=True, exist_ok=True)
    (folder / "tasks" / spec.name).mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(folder / "db", name, table)
    for split, table in tasks.items():
        write_table(folder / "tasks" / spec.name, split, table)
    summary: dict[str, object] = {
        "spec": spec.to_json(),
        "seed": spec.seed,
        "boundaries": {
            "validation_start": spec.task.validation_start.isoformat(),
            "test_start": spec.task.test_start.isoformat(),
        },
        "rows": {name: table.num_rows for name, table in tables.items()},
        "splits": {
            split: {"rows": t.num_rows, "positives": int(pc.sum(t["label"]).as_py() or 0)}
            for split, t in tasks.items()
        },
        "left_out": left_out,
        "dangling_foreign_keys": dangling,
        "statistics": {name: asdict(value) for name, value in statistics.items()},
    }
    # Keys stay in order: the order of the declaration's columns has a meaning.
    text = json.dumps(summary, indent=2) + "\n"
    (folder / "dataset.json").write_text(text, encoding="utf-8")
    return summary


def _typed(rows: Mapping[str, pa.Table], table: TableSpec) -> pa.Table:
    source = rows.get(table.name)
    if source is None:
        raise DatasetError(f"there are no rows of {table.name}: add its file to the source's rows")
    missing = [c for c in table.stored_columns() if c not in source.column_names]
    if missing:
        raise DatasetError(f"the rows of {table.name} lack the column {missing[0]}")
    arrays = [_cast(source[c], table, c) for c in table.stored_columns()]
    typed = pa.table(arrays, names=table.stored_columns())
    key = typed[table.primary_key]
    if key.null_count:
        raise DatasetError(f"{table.name}.{table.primary_key} is null in {key.null_count} rows")
    if pc.count_distinct(key).as_py() != typed.num_rows:
        raise DatasetError(f"{table.name}.{table.primary_key} is no primary key: values repeat")
    return typed.sort_by(table.primary_key).combine_chunks()


def _cast(column: pa.ChunkedArray, table: TableSpec, name: str) -> pa.ChunkedArray:
    keys = {table.primary_key, *table.foreign_keys}
    kind = "key" if name in keys else table.columns.get(name, "datetime")
    try:
        if kind == "numeric":
            # Decimals hold more digits than a float: rounding is meant here.
            values = column.cast(pa.float64(), safe=False)
            finite = pc.fill_null(pc.is_finite(values), False)
            return pc.if_else(finite, values, pa.scalar(None, pa.float64()))
        if kind == "boolean":
            return column.cast(pa.bool_())
        if kind == "datetime":
            is_time = pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)
            return column if is_time else column.cast(pa.timestamp("us"))
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DatasetError(
            f"{table.name}.{name} has the type {column.type} and cannot be read as {kind}"
        ) from error


def _dangling(spec: RelationalSpec, tables: Mapping[str, pa.Table]) -> dict[str, int]:
    """Foreign keys that point to no row, by ``table.column``; such a row has no parent there."""
    found = {}
    for table in spec.tables:
        for column, parent in table.foreign_keys.items():
            keys = tables[parent][spec.table(parent).primary_key]
            known = pc.is_in(tables[table.name][column], value_set=keys)
            null = tables[table.name][column].null_count
            unknown = len(known) - int(pc.sum(known).as_py() or 0)
            found[f"{table.name}.{column}"] = unknown - null
    return found


def _split(
    spec: RelationalSpec, tables: dict[str, pa.Table]
) -> tuple[dict[str, pa.Table], dict[str, int]]:
    task = spec.task
    source = tables[task.table]
    cutoffs = seconds(source[task.cutoff_column])
    known = known_times(spec, tables, task.table)
    validation, test = seconds_of_day(task.validation_start), seconds_of_day(task.test_start)
    usable = pc.and_(
        pc.is_valid(source[task.target_column]),
        pc.and_(pc.is_valid(source[task.entity_column]), pc.is_valid(source[task.cutoff_column])),
    ).to_numpy()
    entities = spec.entity_table
    usable &= pc.is_in(
        source[task.entity_column], value_set=tables[entities.name][entities.primary_key]
    ).to_numpy()
    is_train = cutoffs < validation
    is_validation = ~is_train & (cutoffs < test)
    too_late = (is_train & (known > validation)) | (is_validation & (known > test))
    masks = {
        "train": is_train & usable & ~too_late,
        "validation": is_validation & usable & ~too_late,
        "test": ~is_train & ~is_validation & usable,
    }
    whole = pa.table(
        {
            task.entity_column: source[task.entity_column],
            task.cutoff_column: source[task.cutoff_column].cast(pa.date32(), safe=False),
            "label": source[task.target_column].cast(pa.int8()),
        }
    )
    order = [(task.cutoff_column, "ascending"), (task.entity_column, "ascending")]
    tasks = {split: whole.filter(pa.array(masks[split])).sort_by(order) for split in SPLITS}
    for split, table in tasks.items():
        if len(set(table["label"].to_pylist())) < 2:
            raise DatasetError(
                f"the {split} split of {spec.name} has {table.num_rows} rows and not both labels: "
                "change validation_start and test_start, or give a longer history"
            )
    left_out = {
        "no_label_or_entity": int((~usable).sum()),
        "known_too_late": int((too_late & usable).sum()),
    }
    return tasks, left_out


def _statistics(spec: RelationalSpec, tables: dict[str, pa.Table]) -> dict[str, ColumnStatistics]:
    """Statistics of numeric columns over rows known before the first validation cut-off."""
    end = seconds_of_day(spec.task.validation_start)
    found = {}
    for table in spec.tables:
        in_window = known_times(spec, tables, table.name) < end
        for column, kind in table.columns.items():
            if kind != "numeric":
                continue
            values = tables[table.name][column].to_numpy(zero_copy_only=False)[in_window]
            found[f"{table.name}.{column}"] = _describe(values[np.isfinite(values)])
    return found


def _describe(values: np.ndarray) -> ColumnStatistics:
    if not len(values):
        return ColumnStatistics(0, 0.0, 1.0, (0.0,) * len(_QUANTILES))
    deviation = float(values.std())
    if not np.isfinite(deviation) or deviation <= 1e-12 * max(1.0, abs(float(values.mean()))):
        deviation = 1.0
    quantiles = tuple(float(q) for q in np.quantile(values, _QUANTILES))
    return ColumnStatistics(len(values), float(values.mean()), deviation, quantiles)
