"""Builds the folder of a relational data set from source rows.

Belongs here: the order of the steps and what ``dataset.json`` says. Does not belong here: typing
(``typed.py``), splits (``split.py``), statistics (``statistics.py``), reading it back
(``dataset.py``), searching it for leaks (``leakage.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from amodels_assets.artifacts import write_atomically, write_table
from amodels_assets.datasets.relational import RelationalSpec, check_spec
from amodels_assets.datasets.split import split_summary, split_task
from amodels_assets.datasets.statistics import column_categories, column_statistics
from amodels_assets.datasets.typed import dangling_keys, typed_table


def build_dataset(
    rows: Mapping[str, pa.Table],
    spec: RelationalSpec,
    folder: Path,
    columns_left_out: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Write ``dataset.json``, ``db/*.parquet`` and ``tasks/<name>/*.parquet``.

    A training label must have been known at the first validation cut-off, a validation label at
    the first test cut-off; rows without a label or known too late are left out and counted.

    Args:
        rows: Source rows by table name.
        spec: What the data set is made of.
        folder: Written into.
        columns_left_out: Why a column of the source is not in the declaration, for the reader.

    Returns:
        The content of ``dataset.json``.

    Raises:
        DatasetError: A table, column or key is missing or wrong, or a split is empty.
        SpecError: The declaration's parts do not fit together.
    """
    check_spec(spec, spec.name)
    tables = {table.name: typed_table(rows, spec, table) for table in spec.tables}
    dangling = dangling_keys(spec, tables)
    tasks, left_out = split_task(spec, tables)
    statistics = column_statistics(spec, tables)
    categories = column_categories(spec, tables)
    (folder / "db").mkdir(parents=True, exist_ok=True)
    (folder / "tasks" / spec.name).mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_table(folder / "db", name, table)
    for split, table in tasks.items():
        write_table(folder / "tasks" / spec.name, split, table)
    starts = {"validation_start": spec.task.validation_start, "test_start": spec.task.test_start}
    summary: dict[str, object] = {
        "spec": spec.to_json(),
        "seed": spec.seed,
        "boundaries": {name: start.isoformat() for name, start in starts.items() if start},
        "rows": {name: table.num_rows for name, table in tables.items()},
        "splits": {split: split_summary(spec.task.kind, table) for split, table in tasks.items()},
        "left_out": left_out,
        "dangling_foreign_keys": dangling,
        "statistics": {name: asdict(value) for name, value in statistics.items()},
        "categories": categories,
    }
    if columns_left_out:
        summary["columns_left_out"] = dict(columns_left_out)
    # Keys stay in order: the order of the declaration's columns has a meaning. It comes last:
    # a folder without it was not finished.
    text = json.dumps(summary, indent=2) + "\n"
    write_atomically(folder / "dataset.json", text.encode("utf-8"))
    return json.loads(text)
