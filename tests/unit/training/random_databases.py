"""Random relational databases: times that are missing, keys that dangle, circles, tables without
columns. For tests of what samples them."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from amodels_assets.datasets.dataset import ColumnStatistics, RelationalDataset
from amodels_assets.datasets.relational import RelationalSpec, TableSpec, TaskSpec

START = datetime(2020, 1, 1)
KINDS = ("numeric", "boolean", "datetime", "categorical", "text")


def random_database(seed: int, *, keys: int = 3) -> RelationalDataset:
    """Three to five tables that point to each other at random, and a task on the last of them."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 6))
    names = [f"t{number}" for number in range(count)]
    specs, tables = [], {}
    sizes = {name: int(rng.integers(1, 12)) for name in names}
    for number, name in enumerate(names):
        parents = {f"to{i}": str(rng.choice(names)) for i in range(int(rng.integers(0, keys + 1)))}
        columns = {f"c{i}": str(rng.choice(KINDS)) for i in range(int(rng.integers(0, 4)))}
        timed = bool(rng.random() < 0.7)
        last = number == count - 1
        if last:
            parents = {"entity": "t0", **parents}
            columns = {"target": "boolean", "cutoff": "datetime"}
            timed = True
        specs.append(
            TableSpec(name, "id", columns, parents, time_column="known" if timed else None)
        )
        rows = sizes[name]
        data: dict[str, pa.Array] = {"id": pa.array([f"{name}-{i:03}" for i in range(rows)])}
        for key, parent in parents.items():
            # Some dangle, some are missing.
            chosen = rng.integers(0, sizes[parent] + 2, rows)
            data[key] = pa.array(
                [None if rng.random() < 0.1 else f"{parent}-{i:03}" for i in chosen], pa.string()
            )
        for column, kind in columns.items():
            data[column] = _values(rng, kind, rows)
        if last:
            data["cutoff"] = _moments(rng, rows, missing=0.0)
        if timed:
            data["known"] = _moments(rng, rows)
        tables[name] = pa.table(data)
    answers = tables[names[-1]]
    entities = [f"t0-{i:03}" for i in rng.integers(0, sizes["t0"], 8)]
    task = pa.table(
        {
            "entity": entities,
            "cutoff": _moments(rng, 8, missing=0.0),
            "label": pa.array(rng.integers(0, 2, 8), pa.int8()),
        }
    )
    spec = RelationalSpec(
        name="random",
        description="Anything?",
        database="random",
        seed=seed,
        tables=tuple(specs),
        task=TaskSpec(
            names[-1], "entity", "cutoff", "target", "binary", START, START + timedelta(days=9)
        ),
    )
    statistics = {
        f"{t.name}.{c}": ColumnStatistics(3, 0.5, 2.0, tuple(np.linspace(-2.0, 2.0, 17)))
        for t in spec.tables
        for c, kind in t.columns.items()
        if kind in ("numeric", "datetime")
    }
    categories = {
        f"{t.name}.{c}": ("a", "b")
        for t in spec.tables
        for c, kind in t.columns.items()
        if kind == "categorical"
    }
    tables[names[-1]] = answers
    splits = {"train": task, "validation": task, "test": task}
    return RelationalDataset(spec, tables, splits, statistics, categories)


def _moments(rng: np.random.Generator, rows: int, missing: float = 0.15) -> pa.Array:
    days = rng.integers(0, 8, rows)
    moments = [None if rng.random() < missing else START + timedelta(days=int(day)) for day in days]
    return pa.array(moments, pa.timestamp("s"))


def _values(rng: np.random.Generator, kind: str, rows: int) -> pa.Array:
    if kind == "datetime":
        return _moments(rng, rows)
    if kind == "numeric":
        values: list = [*rng.normal(size=rows)]
        typed = pa.float64()
    elif kind == "boolean":
        values, typed = [bool(v) for v in rng.integers(0, 2, rows)], pa.bool_()
    else:
        values, typed = [str(v) for v in rng.choice(["a", "b", "c"], rows)], pa.string()
    return pa.array([None if rng.random() < 0.1 else value for value in values], typed)
