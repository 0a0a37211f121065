"""What the past of entities comes to: against counting by hand, and as something that is taught."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.datasets.dataset import RelationalDataset, open_dataset
from amodels_assets.training.checkpoint import read_checkpoint
from amodels_assets.training.config import ConfigError, TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.history import History, history_of
from amodels_assets.training.material import load_material
from amodels_assets.training.train import FineTuning, train
from amodels_assets.training.work import Order

from .random_databases import random_database
from .trained import TINY, silent

CPU = Execution("cpu")


def by_hand(dataset: RelationalDataset, horizon: timedelta) -> dict[str, list[float]]:
    """The amounts before they are scaled, row by row."""
    spec, task = dataset.spec, dataset.spec.task
    found: dict[str, list[float]] = {}
    for table in spec.tables:
        pointing = [key for key, to in table.foreign_keys.items() if to == spec.entity_table.name]
        if table.time_column is None:
            continue
        rows = dataset.tables[table.name].to_pylist()
        for key in pointing:
            for place, asked in enumerate(dataset.tasks["train"].to_pylist()):
                cutoff = asked[task.cutoff_column]
                own = [r for r in rows if r[key] == asked[task.entity_column]]
                own = [r for r in own if r[table.time_column] and r[table.time_column] <= cutoff]
                for name, amount in amounts(table, own, cutoff, horizon, dataset):
                    column = found.setdefault(f"{table.name} by {key}: {name}", [])
                    assert len(column) == place
                    column.append(amount)
    return found


def amounts(table: Any, own: list, cutoff: datetime, horizon: timedelta, dataset: Any) -> list:
    numbers = [name for name, kind in table.columns.items() if kind in ("numeric", "boolean")]
    chosen: dict[str, Any] = {"": lambda row: True}
    for name, kind in table.columns.items():
        if kind == "categorical":
            for text in dataset.categories[f"{table.name}.{name}"]:
                chosen[f" {name}={text}"] = lambda r, n=name, t=text: r[n] == t
    found = []
    for window in range(2):
        days = f"window {window + 1}"
        after, until = cutoff - (window + 1) * horizon, cutoff - window * horizon
        inside = [r for r in own if after < r[table.time_column] <= until]
        for which, fits in chosen.items():
            fitting = [r for r in inside if fits(r)]
            found.append((f"count {days}{which}", len(fitting)))
            for name in numbers:
                # What another category has counts as nothing, also as the largest.
                values = [(float(r[name] or 0) if fits(r) else 0.0) for r in inside]
                found.append((f"{name} sum {days}{which}", sum(values)))
                found.append((f"{name} largest {days}{which}", max(values, default=0.0)))
    return found


def scaled(amount: list[float]) -> np.ndarray | None:
    logs = np.array([math.copysign(math.log1p(abs(v)), v) for v in amount])
    return None if logs.std() < 1e-6 else np.clip((logs - logs.mean()) / logs.std(), -5, 5)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_aggregates_are_what_counting_by_hand_gives(seed: int) -> None:
    dataset = random_database(seed)
    task = dataset.spec.task
    table = dataset.tables[task.table]
    pairs = zip(table["known"].to_pylist(), table["cutoff"].to_pylist(), strict=True)
    ahead = [(known - cutoff).total_seconds() for known, cutoff in pairs if known]
    horizon = timedelta(seconds=int(np.median(ahead))) if ahead else timedelta()
    history = history_of(dataset)
    if horizon <= timedelta():
        assert history.names == ()
        return
    expected = {name: scaled(values) for name, values in by_hand(dataset, horizon).items()}
    expected = {name: values for name, values in expected.items() if values is not None}
    gathered = {
        name: history.values[:, place]
        for place, name in enumerate(history.names)
        if not name.endswith("newest")
    }
    assert gathered.keys() == expected.keys()
    for name, values in gathered.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-4, err_msg=name)
    assert np.isfinite(history.values).all()


def changed(dataset: RelationalDataset, table: str, column: str, values: list) -> RelationalDataset:
    source = dataset.tables[table]
    place = source.column_names.index(column)
    array = pa.array(values, source[column].type)
    return replace(
        dataset, tables={**dataset.tables, table: source.set_column(place, column, array)}
    )


@pytest.fixture(scope="module")
def dataset(bank_dataset: Path) -> RelationalDataset:
    return open_dataset(bank_dataset)


@pytest.fixture(scope="module")
def history(dataset: RelationalDataset) -> History:
    return history_of(dataset)


def test_nothing_after_the_cut_offs_counts(dataset: RelationalDataset, history: History) -> None:
    """Every amount after the last cut-off of training is another one; the aggregates are not."""
    latest = max(dataset.tasks["train"][dataset.spec.task.cutoff_column].to_pylist())
    rows = dataset.tables["account_transaction"].to_pylist()
    later = [row["booked_at"].date() > latest for row in rows]
    assert any(later)
    amount = [1e9 if late else r["amount"] for late, r in zip(later, rows, strict=True)]
    kept = history_of(changed(dataset, "account_transaction", "amount", amount))
    assert kept.names == history.names
    np.testing.assert_array_equal(kept.values, history.values)
    earlier = [r["amount"] if late else 1e9 for late, r in zip(later, rows, strict=True)]
    moved = history_of(changed(dataset, "account_transaction", "amount", earlier))
    assert not np.array_equal(moved.values, history.values)


def test_the_newest_value_is_the_last_known_one(
    dataset: RelationalDataset, history: History
) -> None:
    place = history.names.index("monthly_exposure by facility_id: utilisation newest")
    rows = dataset.tables["monthly_exposure"].to_pylist()
    newest = []
    for asked in dataset.tasks["train"].to_pylist()[:200]:
        known = [
            (r["month_end"], r["utilisation"])
            for r in rows
            if r["facility_id"] == asked["facility_id"]
            and r["month_end"] <= asked["cutoff_date"]
            and r["utilisation"] is not None
        ]
        newest.append(max(known)[1] if known else np.nan)
    said, known = history.values[:200, place], np.isfinite(newest)
    order = np.argsort(np.array(newest)[known])
    assert (np.diff(said[known][order]) >= -1e-6).all()
    assert (said[~known] == 0).all()


def test_entities_without_a_history_have_none(dataset: RelationalDataset) -> None:
    tables = {
        t.name: dataset.tables[t.name].slice(0, 0)
        if "facility_id" in t.foreign_keys
        else dataset.tables[t.name]
        for t in dataset.spec.tables
    }
    nothing = history_of(replace(dataset, tables=tables))
    assert nothing.names == ()
    assert nothing.values.shape == (dataset.tasks["train"].num_rows, 0)


def test_its_loss_is_learned_and_not_reported(bank_dataset: Path) -> None:
    work = FineTuning(load_material(bank_dataset, TINY), TINY, Device())
    plain_config = TINY.changed({"history": 0.0})
    plain = FineTuning(load_material(bank_dataset, plain_config), plain_config, Device())
    order = Order(0, np.arange(16))
    losses = []
    for one in (work, plain):
        torch.manual_seed(0)
        loss, count = one.loss(one.batch(order, slice(0, 16)))
        loss.backward()
        assert count == 16
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert work.model.history.weight.grad.abs().sum() > 0
    assert plain.model.history is None
    assert work.batch(Order(12, order.rows), slice(0, 16)).history_weight == pytest.approx(0.5)


def test_a_checkpoint_can_be_the_parent_of_one_with_another_history(
    bank_dataset: Path, tmp_path: Path
) -> None:
    few = TINY.changed({"steps": 4, "warmup": 1, "evaluate_every": 4, "checkpoint_every": 4})
    train(bank_dataset, tmp_path / "first", few, silent, CPU)
    first = read_checkpoint(tmp_path / "first")
    told = history_of(open_dataset(bank_dataset)).names
    assert first.config["history"] == list(told)
    assert len(first.tensors["history.weight"]) == len(told)
    without = few.changed({"history": 0.0})
    train(bank_dataset, tmp_path / "then", without, silent, CPU, parent_folder=tmp_path / "first")
    then = read_checkpoint(tmp_path / "then")
    assert then.config["history"] == []
    assert "history.weight" not in then.tensors


def test_a_weight_below_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"history is -1\.0: give at least 0"):
        TrainingConfig(history=-1.0)
