"""A small database in the layout of RelBench 3 with three tasks, written for the tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

DAY = dt.timedelta(days=1)
START, VALIDATION, TEST = (dt.datetime(2020, month, 1) for month in (1, 7, 9))
DRIVERS, RACES = 30, 300


def days(count: int) -> list[dt.datetime]:
    return [START + number * DAY for number in range(count)]


def write(folder: Path, name: str, table: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / f"{name}.parquet")


def write_manifest(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def database_manifest() -> dict[str, Any]:
    return {
        "name": "rel-small",
        "manifest_version": 1,
        "description": "Drivers and races.",
        "val_timestamp": "2020-07-01",
        "test_timestamp": "2020-09-01",
        "tables": {
            "drivers": {"pkey": "driverId", "time_col": None, "fkeys": {}},
            "results": {"pkey": None, "time_col": "date", "fkeys": {"driverId": "drivers"}},
            "races": {"pkey": "raceId", "time_col": "date", "fkeys": {"previous": "races"}},
        },
    }


def task_manifest(**changes: Any) -> dict[str, Any]:
    found = {
        "name": "driver-podium",
        "kind": "forecast",
        "task_type": "binary_classification",
        "description": "Is the driver among the first in the next 30 days?",
        "entity_table": "drivers",
        "entity_col": "driverId",
        "target_col": "podium",
        "time_col": "date",
        "timedelta": "30 days",
        "num_eval_timestamps": 2,
        "sql": "SELECT 1",
        "manifest_version": 1,
        **changes,
    }
    return {key: value for key, value in found.items() if value is not None}


def write_labels(folder: Path, target: str, values: Any, months: dict[str, list]) -> None:
    for name, cutoffs in months.items():
        drivers = np.tile(np.arange(DRIVERS), len(cutoffs))
        write(
            folder,
            name,
            pa.table(
                {
                    "date": pa.array(np.repeat(np.array(cutoffs, "datetime64[us]"), DRIVERS)),
                    "driverId": pa.array(drivers.astype(np.float64)),
                    target: values(len(drivers)),
                }
            ),
        )


def write_relbench(root: Path) -> Path:
    """Drivers, results and races; a task with labels of its own, two that complete a column."""
    rng = np.random.default_rng(1)
    write_manifest(root / "manifest.yaml", database_manifest())
    write(
        root / "db",
        "drivers",
        pa.table(
            {
                "driverId": np.arange(DRIVERS),
                "name": [f"driver {number}" for number in range(DRIVERS)],
                "country": ["DE", "FR"] * (DRIVERS // 2),
                "helmet": pa.array([b"\xff"] * DRIVERS),
            }
        ),
    )
    when = days(300)
    write(
        root / "db",
        "results",
        pa.table(
            {
                # A reader that met nulls holds whole numbers as floats.
                "driverId": pa.array([float(n) for n in rng.integers(0, DRIVERS, 299)] + [None]),
                "date": pa.array(when, pa.timestamp("ns")),
                "points": rng.normal(size=300),
                "finished": rng.random(300) < 0.5,
            }
        ),
    )
    write(
        root / "db",
        "races",
        pa.table(
            {
                "raceId": np.arange(RACES),
                "previous": pa.array([None, *range(RACES - 1)], pa.int64()),
                "date": pa.array(days(RACES), pa.date32()),
                "laps": rng.integers(40, 80, RACES),
                "wet": pa.array(rng.random(RACES) < 0.5),
                "track": pa.array(rng.choice(["a", "b", "c"], RACES)),
                "winner_time": rng.normal(size=RACES),
            }
        ),
    )
    tasks = root / "tasks"
    write_manifest(tasks / "driver-podium" / "manifest.yaml", task_manifest())
    write_labels(
        tasks / "driver-podium",
        "podium",
        lambda count: pa.array(np.arange(count) % 3 == 0, pa.int64()),
        {
            "train": [VALIDATION - 90 * DAY, VALIDATION - 60 * DAY, VALIDATION - 10 * DAY],
            "val": [VALIDATION, VALIDATION + 30 * DAY],
            "test": [TEST, TEST + 30 * DAY],
        },
    )
    for name, kind, target in (
        ("race-track", "multiclass_classification", "track"),
        ("race-laps", "regression", "laps"),
    ):
        write_manifest(
            tasks / name / "manifest.yaml",
            {
                "name": name,
                "kind": "autocomplete",
                "task_type": kind,
                "entity_table": "races",
                "target_col": target,
                "remove_columns": [["races", "winner_time"]],
                "manifest_version": 1,
            },
        )
        races = pq.read_table(root / "db" / "races.parquet").select(["date", "raceId", target])
        moments = np.array(races["date"].to_pylist(), dtype="datetime64[us]")
        bounds = [np.datetime64(VALIDATION), np.datetime64(TEST)]
        part = np.searchsorted(bounds, moments)
        for number, split in enumerate(("train", "val", "test")):
            write(tasks / name, split, races.filter(pa.array(part == number)))
    return root
