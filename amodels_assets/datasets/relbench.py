"""Reads a database and one of its tasks from a folder in the layout of RelBench 3.

Belongs here: the manifests and how they become a declaration. Does not belong here: fetching such a
folder from anywhere.

The layout (github.com/stanford-star/relbench): ``manifest.yaml`` with tables, keys and the two
moments of the split, ``db/<table>.parquet``, and for each task ``tasks/<task>/manifest.yaml`` and
``{train,val,test}.parquet`` with entity, time and target. What a manifest says beyond the keys that
are known here is refused rather than passed over.

What it means here:

* The labels of a task become a table of their own. A label is known at its time plus the task's
  window, so past labels are context for later predictions. Those of the test split are known never.
* Splits are those of the files. A training label whose window reaches beyond the start of
  validation is left out, a validation label likewise.
* Rows later than the start of the test split are left out, as RelBench does for all tasks but those
  that complete a column of existing rows (``autocomplete``).
* A completed column is taken from its table, together with the columns that the task names.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.moments import UNKNOWN_TIME, seconds, seconds_of
from amodels_assets.datasets.reading import SourceDatabase, column_kinds, free_name, numbered
from amodels_assets.datasets.relational import (
    LABEL,
    SPLITS,
    TASK_KINDS,
    RelationalSpec,
    TableSpec,
    TaskSpec,
    check_spec,
)
from amodels_assets.datasets.relbench_manifest import (
    DatabaseManifest,
    TaskManifest,
    read_database_manifest,
    read_task_manifest,
)
from amodels_assets.datasets.sections import SpecError

_FILES = {"train": "train", "validation": "val", "test": "test"}
_ENTITY, _CUTOFF, _KNOWN, _SPLIT, _ID = "entity", "cutoff", "known_at", "split", "label_id"


def read_relbench(folder: Path, task: str, seed: int = 0) -> SourceDatabase:
    """A database and one of its tasks.

    Args:
        folder: Holds ``manifest.yaml``, ``db`` and ``tasks``.
        task: Name of a folder below ``tasks``.
        seed: Seed of the data set.

    Raises:
        SpecError: A manifest says what is unknown or cannot be.
        DatasetError: A Parquet file is missing, cannot be read or lacks a column.
    """
    manifest = read_database_manifest(folder)
    wanted = read_task_manifest(folder, task, manifest.tables)
    return _Reader(folder, manifest, wanted).database(seed)


def _tables(folder: Path, specs: dict[str, TableSpec]) -> dict[str, pa.Table]:
    unknown = sorted({path.stem for path in folder.glob("*.parquet")} - set(specs))
    if unknown:
        raise SpecError(
            f"{folder} holds {unknown[0]}.parquet, which the manifest does not name: add it there "
            "or take the file away"
        )
    tables = {}
    for name, spec in specs.items():
        table = _read(folder / f"{name}.parquet")
        named = [spec.primary_key, spec.time_column, *spec.foreign_keys]
        missing = [column for column in named if column and column not in table.column_names]
        if missing:
            raise DatasetError(f"{folder / name}.parquet lacks {missing[0]}, a key or time column")
        tables[name] = table
    return tables


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, memory_map=False)
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{path} cannot be read as Parquet: fetch or write it again") from error


class _Reader:
    """Makes the declaration and the rows of one task."""

    def __init__(self, folder: Path, manifest: DatabaseManifest, task: TaskManifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.task = task
        self.tables = _tables(folder / "db", manifest.tables)
        self.left_out: dict[str, str] = {}

    def database(self, seed: int) -> SourceDatabase:
        task = self.task
        declared = [self._table(table) for table in self.manifest.tables]
        label_table = free_name(task.name, self.manifest.tables)
        target = free_name(task.target, (_ENTITY, _CUTOFF, _KNOWN, _SPLIT, _ID, LABEL))
        labels = self._labels(target)
        starts = self.manifest.starts or (None, None)
        declared.append(
            TableSpec(
                name=label_table,
                primary_key=_ID,
                columns={_CUTOFF: "datetime", target: TASK_KINDS[task.kind]},
                foreign_keys={_ENTITY: task.table},
                time_column=_KNOWN,
            )
        )
        spec = RelationalSpec(
            name=task.name,
            description=task.description,
            database=self.manifest.name,
            seed=seed,
            tables=tuple(declared),
            task=TaskSpec(label_table, _ENTITY, _CUTOFF, target, task.kind, *starts, _SPLIT),
        )
        check_spec(spec, str(self.folder))
        return SourceDatabase(spec, {**self.tables, label_table: labels}, self.left_out)

    def _table(self, name: str) -> TableSpec:
        spec, table = self.manifest.tables[name], self.tables[name]
        for where, column in sorted(self.task.hidden):
            if where != name:
                continue
            if column not in table.column_names:
                raise SpecError(
                    f"{self.folder}: the task hides {name}.{column}, which is not there: correct "
                    "its manifest"
                )
            table = table.drop_columns([column])
            self.left_out[f"{name}.{column}"] = "the task hides it"
        key = spec.primary_key
        if not key:
            key = free_name("row_number", table.column_names)
            table = numbered(table, key)
        starts = self.manifest.starts
        if spec.time_column and starts and not self.task.completes:
            moments = seconds(_moments(table, name, spec.time_column))
            late = (moments > seconds_of(starts[1])) & (moments != UNKNOWN_TIME)
            table = table.filter(pa.array(~late))
        self.tables[name] = table
        foreign_keys = {c: p for c, p in spec.foreign_keys.items() if c in table.column_names}
        kinds, without = column_kinds(table, {key, *foreign_keys})
        if spec.time_column:
            kinds[spec.time_column] = "datetime"
        self.left_out.update({f"{name}.{column}": why for column, why in without.items()})
        return TableSpec(name, key, kinds, foreign_keys, spec.time_column)

    def _labels(self, target: str) -> pa.Table:
        task = self.task
        parts = []
        for split in SPLITS:
            path = self.folder / "tasks" / task.name / f"{_FILES[split]}.parquet"
            part = _read(path)
            for column in (task.entity, task.target, task.time):
                if column is not None and column not in part.column_names:
                    raise DatasetError(f"{path} lacks the column {column} that the task names")
            if task.time is None:
                cutoffs = np.full(part.num_rows, self._constant(), dtype=np.int64)
            else:
                cutoffs = seconds(_moments(part, path.name, task.time), up=False)
            unknown = cutoffs == UNKNOWN_TIME
            known = np.where(unknown, 0, cutoffs) + task.window
            never = unknown | (split == "test") | (task.time is None)
            parts.append(
                pa.table(
                    {
                        _ENTITY: part[task.entity],
                        _CUTOFF: pa.array(cutoffs, mask=unknown).cast(pa.timestamp("s")),
                        _KNOWN: pa.array(known, mask=np.broadcast_to(never, known.shape)).cast(
                            pa.timestamp("s")
                        ),
                        _SPLIT: pa.array([split] * part.num_rows, pa.string()),
                        target: self._target(part[task.target], path),
                    }
                )
            )
        try:
            return numbered(pa.concat_tables(parts, promote_options="permissive"), _ID)
        except pa.ArrowException as error:
            raise DatasetError(
                f"the files of {self.folder} do not agree on the types of their columns: write "
                "them again with the same types"
            ) from error

    def _target(self, column: pa.ChunkedArray, path: Path) -> pa.ChunkedArray:
        types = {"binary": pa.bool_(), "multiclass": pa.string(), "regression": pa.float64()}
        try:
            return column.cast(types[self.task.kind])
        except pa.ArrowException as error:
            raise DatasetError(
                f"{path}: {self.task.target} of type {column.type} is no target of a "
                f"{self.task.kind} task"
            ) from error

    def _constant(self) -> int:
        timed = sorted(name for name, spec in self.manifest.tables.items() if spec.time_column)
        if timed:
            raise SpecError(
                f"{self.folder}: the task has no time_col, but {timed[0]} has one: name the time "
                "at which each prediction is made"
            )
        return 0


def _moments(table: pa.Table, name: str, column: str) -> pa.ChunkedArray:
    kind = table[column].type
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        raise DatasetError(f"{name}: {column} has the type {kind}, but it must hold times")
    return table[column]
