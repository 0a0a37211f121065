"""The rows of a task in training, validation and test.

Belongs here: which row belongs to which split, and which are left out. Does not belong here:
searching the result for leaks (``leakage.py``), which reads it anew.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from amodels_assets.datasets.dataset import DatasetError, cutoff_seconds, known_times
from amodels_assets.datasets.moments import seconds_of
from amodels_assets.datasets.relational import LABEL, SPLITS, RelationalSpec

_LABEL_TYPES = {"binary": pa.int8(), "multiclass": pa.string(), "regression": pa.float64()}


def split_task(
    spec: RelationalSpec, tables: Mapping[str, pa.Table]
) -> tuple[dict[str, pa.Table], dict[str, int]]:
    """The predictions of each split, by cut-off and entity, and how many rows were left out.

    Left out are rows without a label, cut-off or entity, and those whose label was not known yet
    when the next split begins.

    Raises:
        DatasetError: A split is empty or has nothing to learn or to judge.
    """
    task, source = spec.task, tables[spec.task.table]
    cutoffs = cutoff_seconds(source[task.cutoff_column])
    known = known_times(spec, tables, task.table)
    entities = spec.entity_table
    usable = _flags(pc.is_valid(source[task.target_column]))
    usable &= _flags(pc.is_valid(source[task.cutoff_column]))
    keys = tables[entities.name][entities.primary_key]
    usable &= _flags(pc.is_in(source[task.entity_column], value_set=keys, skip_nulls=True))
    masks = _members(spec, source, cutoffs)
    late = np.zeros(source.num_rows, dtype=bool)
    if task.starts:
        late |= masks["train"] & (known > seconds_of(task.starts[0]))
        late |= masks["validation"] & (known > seconds_of(task.starts[1]))
    cutoff = source[task.cutoff_column]
    if not pa.types.is_date(cutoff.type):
        cutoff = pa.chunked_array([pa.array(cutoffs, mask=_flags(pc.is_null(cutoff)))])
        cutoff = cutoff.cast(pa.timestamp("s"))
    whole = pa.table(
        {
            task.entity_column: source[task.entity_column],
            task.cutoff_column: cutoff.cast(pa.date32())
            if pa.types.is_date(cutoff.type)
            else cutoff,
            LABEL: source[task.target_column].cast(_LABEL_TYPES[task.kind]),
        }
    )
    order = [(task.cutoff_column, "ascending"), (task.entity_column, "ascending")]
    tasks = {
        split: whole.filter(pa.array(masks[split] & usable & ~late)).sort_by(order)
        for split in SPLITS
    }
    for split, table in tasks.items():
        _check_labels(spec, split, table)
    left_out = {
        "no_label_or_entity": int((~usable).sum()),
        "known_too_late": int((late & usable).sum()),
    }
    return tasks, left_out


def split_summary(kind: str, table: pa.Table) -> dict[str, object]:
    """What is worth telling of a split: its rows, and its positives, classes or mean."""
    labels = table[LABEL]
    if kind == "binary":
        return {"rows": table.num_rows, "positives": int(pc.sum(labels).as_py() or 0)}
    if kind == "multiclass":
        return {"rows": table.num_rows, "classes": int(pc.count_distinct(labels).as_py())}
    return {"rows": table.num_rows, "mean": float(pc.mean(labels).as_py())}


def _members(spec: RelationalSpec, source: pa.Table, cutoffs: np.ndarray) -> dict[str, np.ndarray]:
    task = spec.task
    if task.starts and task.split_column is None:
        validation, test = map(seconds_of, task.starts)
        return {
            "train": cutoffs < validation,
            "validation": (cutoffs >= validation) & (cutoffs < test),
            "test": cutoffs >= test,
        }
    names = source[str(task.split_column)]
    unknown = [name for name in pc.unique(names).to_pylist() if name not in (*SPLITS, None)]
    if unknown:
        raise DatasetError(
            f"{task.table}.{task.split_column} holds {unknown[0]!r}: use {', '.join(SPLITS)}, "
            "or null for a row that belongs to no split"
        )
    return {split: _flags(pc.fill_null(pc.equal(names, split), False)) for split in SPLITS}


def _check_labels(spec: RelationalSpec, split: str, table: pa.Table) -> None:
    distinct = pc.count_distinct(table[LABEL]).as_py()
    if spec.task.kind == "binary" and distinct < 2:
        problem = "not both labels"
    elif split == "train" and distinct < 2:
        problem = "not two different labels"
    elif distinct < 1:
        problem = "no label"
    else:
        return
    change = "split_column" if spec.task.split_column else "validation_start and test_start"
    raise DatasetError(
        f"the {split} split of {spec.name} has {table.num_rows} rows and {problem}: "
        f"change {change}, or give a longer history"
    )


def _flags(values: pa.ChunkedArray) -> np.ndarray:
    return values.to_numpy().astype(bool, copy=False)
