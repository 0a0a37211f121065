"""Folders in the layout of RelBench 3, made here in small."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.datasets.dataset import DatasetError, open_dataset, seconds
from amodels_assets.datasets.leakage import find_leaks
from amodels_assets.datasets.relational import SpecError
from amodels_assets.datasets.relbench import read_relbench
from amodels_assets.datasets.relbench_manifest import task_names, window_seconds

from .relbench_folder import (
    DRIVERS,
    RACES,
    START,
    TEST,
    VALIDATION,
    database_manifest,
    task_manifest,
    write,
    write_labels,
    write_manifest,
    write_relbench,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_relbench(tmp_path / "rel-small")


def change(folder: Path, path: str, **changes: Any) -> None:
    file = folder / path
    content = yaml.safe_load(file.read_text())
    write_manifest(file, {**content, **changes})


def test_a_task_with_labels_of_its_own(folder: Path, tmp_path: Path) -> None:
    assert task_names(folder) == ["driver-podium", "race-laps", "race-track"]
    source = read_relbench(folder, "driver-podium")
    assert source.left_out == {"drivers.helmet": "values of type binary cannot be shown to a model"}
    summary = source.build(tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    sizes = {split: table.num_rows for split, table in dataset.tasks.items()}
    # The last training labels were not known when validation begins.
    assert sizes == {"train": 2 * DRIVERS, "validation": 2 * DRIVERS, "test": 2 * DRIVERS}
    assert summary["left_out"] == {"no_label_or_entity": 0, "known_too_late": DRIVERS}
    assert dataset.spec.table("drivers").columns == {"name": "text", "country": "categorical"}
    assert dataset.spec.table("results").columns == {
        "date": "datetime",
        "points": "numeric",
        "finished": "boolean",
    }
    assert summary["dangling_foreign_keys"] == {
        "results.driverId": 0,
        "races.previous": 0,
        "driver-podium.entity": 0,
    }
    assert find_leaks(dataset) == []


def test_past_labels_are_context_once_their_window_is_over(folder: Path) -> None:
    labels = read_relbench(folder, "driver-podium").tables["driver-podium"]
    splits = np.array(labels["split"].to_pylist())
    known, cutoffs = seconds(labels["known_at"]), seconds(labels["cutoff"])
    assert (known[splits != "test"] - cutoffs[splits != "test"] == 30 * 86_400).all()
    assert labels["known_at"].filter(pa.array(splits == "test")).null_count == 2 * DRIVERS


def test_rows_after_the_start_of_the_test_are_left_out(folder: Path) -> None:
    tables = read_relbench(folder, "driver-podium").tables
    assert seconds(tables["results"]["date"]).max() == (TEST - dt.datetime(1970, 1, 1)).days * 86400
    assert read_relbench(folder, "race-track").tables["races"].num_rows == RACES


@pytest.mark.parametrize(("task", "target"), [("race-track", "track"), ("race-laps", "laps")])
def test_a_completed_column_is_hidden(folder: Path, tmp_path: Path, task: str, target: str) -> None:
    source = read_relbench(folder, task)
    source.build(tmp_path / "out")
    dataset = open_dataset(tmp_path / "out")
    assert set(source.left_out) == {f"races.{target}", "races.winner_time", "drivers.helmet"}
    assert target not in dataset.spec.table("races").columns
    assert target not in dataset.tables["races"].column_names
    assert dataset.spec.entity_table.name == "races"
    assert find_leaks(dataset) == []
    truth = dict(
        zip(
            *(
                pq.read_table(folder / "db" / "races.parquet")[c].to_pylist()
                for c in ("raceId", target)
            ),
            strict=True,
        )
    )
    for row in dataset.tasks["test"].to_pylist():
        assert row["label"] == truth[int(row["entity"])]
    if task == "race-track":
        assert set(dataset.categories["race-track.track"]) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("path", "changes", "message"),
    [
        ("manifest.yaml", {"surprise": 1}, "unknown key 'surprise'"),
        ("manifest.yaml", {"tables": {"drivers": {"pk": "driverId"}}}, "unknown key 'pk'"),
        ("manifest.yaml", {"tables": {}}, "at least one entry"),
        ("manifest.yaml", {"val_timestamp": None}, "both, or neither"),
        ("manifest.yaml", {"val_timestamp": "soon"}, "give a date"),
        ("manifest.yaml", {"val_timestamp": "2021-01-01"}, "must be before"),
        ("manifest.yaml", {"tables": {"drivers": {"pkey": "id"}}}, "lacks id"),
        (
            "manifest.yaml",
            {"tables": {"drivers": {"pkey": "driverId", "fkeys": {"name": "teams"}}}},
            "points to 'teams'",
        ),
        ("tasks/driver-podium/manifest.yaml", {"window": "30 days"}, "unknown key 'window'"),
        ("tasks/driver-podium/manifest.yaml", {"task_type": "recommendation"}, "cannot be learned"),
        ("tasks/driver-podium/manifest.yaml", {"kind": "guess"}, "must be forecast"),
        ("tasks/driver-podium/manifest.yaml", {"timedelta": "a while"}, "no length of time"),
        ("tasks/driver-podium/manifest.yaml", {"entity_table": "teams"}, "not in the database"),
        ("tasks/driver-podium/manifest.yaml", {"entity_table": "results"}, "has no pkey"),
        ("tasks/driver-podium/manifest.yaml", {"target_col": "points"}, "lacks the column points"),
        ("tasks/driver-podium/manifest.yaml", {"time_col": None}, "has no time_col"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    folder: Path, path: str, changes: dict[str, Any], message: str
) -> None:
    change(folder, path, **changes)
    if path == "manifest.yaml" and "tables" in changes:
        for name in ("results", "races"):
            (folder / "db" / f"{name}.parquet").unlink()
    with pytest.raises((SpecError, DatasetError), match=message) as error:
        read_relbench(folder, "driver-podium")
    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_unnamed_or_damaged_is_one_sentence(folder: Path) -> None:
    with pytest.raises(SpecError, match="its tasks are driver-podium"):
        read_relbench(folder, "driver-top3")
    write(folder / "db", "teams", pa.table({"teamId": [1]}))
    with pytest.raises(SpecError, match=r"teams\.parquet"):
        read_relbench(folder, "driver-podium")
    (folder / "db" / "teams.parquet").unlink()
    (folder / "db" / "races.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(DatasetError, match=r"races\.parquet cannot be read"):
        read_relbench(folder, "driver-podium")


@pytest.mark.parametrize(
    ("text", "found"),
    [("60 days", 5_184_000), ("1 days 12:00:00", 129_600), ("4h", 14_400), ("00:00:01", 1)],
)
def test_windows(text: str, found: int) -> None:
    assert window_seconds(text) == found


@given(st.text(max_size=20))
def test_any_text_is_a_window_or_refused(text: str) -> None:
    try:
        found = window_seconds(text)
    except ValueError:
        found = 0
    assert found >= 0


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.dates() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    where=st.sampled_from(["manifest.yaml", "tasks/driver-podium/manifest.yaml"]),
    key=st.sampled_from(
        ["name", "tables", "val_timestamp", "test_timestamp", "kind", "task_type", "entity_table",
         "entity_col", "target_col", "time_col", "timedelta", "remove_columns", "description"]
    ),
    value=json_like,
)  # fmt: skip
def test_any_manifest_is_read_or_refused_in_one_sentence(
    tmp_path_factory: pytest.TempPathFactory, where: str, key: str, value: Any
) -> None:
    root = tmp_path_factory.mktemp("fuzz")
    manifest = database_manifest()
    manifest["tables"] = {"drivers": {"pkey": "driverId", "time_col": None, "fkeys": {}}}
    write_manifest(root / "manifest.yaml", manifest)
    write_manifest(root / "tasks" / "driver-podium" / "manifest.yaml", task_manifest())
    write(root / "db", "drivers", pa.table({"driverId": np.arange(DRIVERS)}))
    write_labels(
        root / "tasks" / "driver-podium",
        "podium",
        lambda count: pa.array(np.arange(count) % 2 == 0),
        {"train": [START], "val": [VALIDATION], "test": [TEST]},
    )
    content = yaml.safe_load((root / where).read_text())
    write_manifest(root / where, {**content, key: value})
    try:
        source = read_relbench(root, "driver-podium")
    except (SpecError, DatasetError):
        return
    assert source.tables["drivers"].num_rows == DRIVERS
