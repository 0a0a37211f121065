"""Three kinds of task, pretraining, parents, and predicting what nobody was trained on."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner

from amodels_assets.cli import cli
from amodels_assets.datasets.build import build_dataset
from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.datasets.relational import parse_spec
from amodels_assets.training.checkpoint import CheckpointError, read_checkpoint
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.inference import judged
from amodels_assets.training.material import load_material
from amodels_assets.training.predict import judged_split, main, predict_split
from amodels_assets.training.pretrain import pretrain
from amodels_assets.training.ranking import auroc
from amodels_assets.training.train import train
from amodels_assets.training.work import TrainingError

from .trained import TINY, content, silent

CPU = Execution("cpu")
SHOPS = """
name: shop_sales
description: What does a shop sell next?
database: shops
seed: 1
tables:
  shop:
    primary_key: shop_id
    columns: {{size: numeric, town: categorical}}
  sale:
    primary_key: sale_id
    time_column: known_at
    foreign_keys: {{shop_id: shop}}
    columns: {{day: datetime, {target}: {kind}}}
task:
  table: sale
  entity_column: shop_id
  cutoff_column: day
  target_column: {target}
  kind: {task}
  validation_start: 2024-07-01
  test_start: 2024-09-01
"""
TOWNS = ("here", "there", "elsewhere")


def shops(folder: Path, task: str) -> Path:
    """Shops whose sales follow from their size, or their goods from their town."""
    rng = np.random.default_rng(2)
    count, days = 30, 30
    size = rng.normal(50, 20, count)
    town = rng.integers(0, 3, count)
    of = np.repeat(np.arange(count), days)
    when = [dt.date(2024, 1, 1) + dt.timedelta(days=9 * (n % days)) for n in range(count * days)]
    target, kind, values = {
        "regression": ("amount", "numeric", pa.array(3 * size[of] + rng.normal(0, 5, len(of)))),
        "multiclass": ("goods", "categorical", pa.array([f"from {TOWNS[t]}" for t in town[of]])),
    }[task]
    spec = parse_spec(yaml.safe_load(SHOPS.format(target=target, kind=kind, task=task)), "a test")
    keys = [f"s{n:02d}" for n in range(count)]
    tables = {
        "shop": pa.table({"shop_id": keys, "size": size, "town": [TOWNS[t] for t in town]}),
        "sale": pa.table(
            {
                "sale_id": [f"x{n:04d}" for n in range(len(of))],
                "shop_id": [keys[n] for n in of],
                "day": pa.array(when, pa.date32()),
                "known_at": pa.array([day + dt.timedelta(days=1) for day in when], pa.date32()),
                target: values,
            }
        ),
    }
    folder.mkdir(parents=True, exist_ok=True)
    build_dataset(tables, spec, folder)
    return folder


def test_a_number_is_learned_and_told_in_its_own_unit(tmp_path: Path) -> None:
    data = shops(tmp_path / "data", "regression")
    config = TINY.changed({"steps": 400, "evaluate_every": 50, "warmup": 10})
    result = train(data, tmp_path / "out", config, silent, CPU)
    assert result.figures["validation_r2"] > 0.98
    table, figures = judged_split(tmp_path / "out", data, "test")
    error = np.abs(table["score"].to_numpy() - table["label"].to_numpy()).mean()
    assert figures["mae"] == pytest.approx(error, rel=1e-3)
    # The noise alone is 5 times the mean of a standard normal's size.
    assert 5 * 0.7 < figures["mae"] < 5 * 0.95


def test_a_class_is_learned_and_told_with_probabilities(tmp_path: Path) -> None:
    data = shops(tmp_path / "data", "multiclass")
    config = TINY.changed({"steps": 120, "evaluate_every": 20, "warmup": 10})
    result = train(data, tmp_path / "out", config, silent, CPU)
    assert result.figures["validation_accuracy"] > 0.9
    table, figures = judged_split(tmp_path / "out", data, "test")
    probabilities = np.array(table["score"].to_pylist())
    assert probabilities.sum(axis=1) == pytest.approx(1)
    classes = read_checkpoint(tmp_path / "out").config["categories"]["sale.goods"]
    said = [classes[n] for n in probabilities.argmax(axis=1)]
    assert figures["accuracy"] == np.mean(
        [a == b for a, b in zip(said, table["label"].to_pylist(), strict=True)]
    )
    assert figures["accuracy"] > 0.9


def test_a_class_that_training_never_saw_is_a_miss(tmp_path: Path) -> None:
    material = load_material(shops(tmp_path, "multiclass"), TINY)
    feed = material.feed("validation", TINY)
    sure = np.full((len(feed), 3), -20.0)
    sure[np.arange(len(feed)), feed.labels.astype(int)] = 20.0
    assert judged(sure, feed).score == 1.0
    feed.labels[: len(feed) // 2] = -1
    look = judged(sure, feed)
    assert look.score == pytest.approx(0.5, abs=0.01)
    assert np.isfinite(look.loss)


@pytest.fixture(scope="module")
def pretrained(bank_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that learned to tell hidden cells, and never saw the task's split."""
    folder = tmp_path_factory.mktemp("pretrained")
    config = TINY.changed({"steps": 150, "warmup": 10, "evaluate_every": 50})
    result = pretrain(bank_dataset, folder, config, silent, CPU)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    losses = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert losses[-1] < losses[0]
    assert result.finished
    return folder


def test_pretraining_is_deterministic_and_says_what_it_was(
    pretrained: Path, bank_dataset: Path, tmp_path: Path
) -> None:
    config = TINY.changed({"steps": 150, "warmup": 10, "evaluate_every": 50})
    pretrain(bank_dataset, tmp_path, config, silent, CPU)
    assert content(tmp_path) == content(pretrained)
    assert read_checkpoint(tmp_path).config["mode"] == "pretrain"


def test_fine_tuning_starts_from_a_pretrained_checkpoint(
    pretrained: Path, bank_dataset: Path, tmp_path: Path
) -> None:
    first: list[float] = []
    for parent in (None, pretrained):
        out = tmp_path / str(parent is None)
        train(bank_dataset, out, TINY, silent, CPU, parent_folder=parent)
        first.append(json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])["step"])
    named = read_checkpoint(tmp_path / "False").config["parent"]
    parent = read_checkpoint(pretrained)
    assert (named["sha256"], named["mode"]) == (parent.version, "pretrain")
    assert named["data_versions"] == parent.config["data_versions"]
    assert read_checkpoint(tmp_path / "True").config["parent"] is None
    own, fresh = (read_checkpoint(tmp_path / name).tensors for name in ("False", "True"))
    near = [np.abs(own[n] - t).mean() for n, t in parent.tensors.items() if t.ndim == 2]
    far = [np.abs(fresh[n] - t).mean() for n, t in parent.tensors.items() if t.ndim == 2]
    assert np.mean(near) < np.mean(far), "it began where pretraining ended"


def test_the_command_takes_over_a_parents_network(
    pretrained: Path, bank_dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "fine-tuned"
    # What is not named is the parent's.
    given = ["--parent", pretrained, "--steps", 2, "--set", "batch_size=8", "--quiet"]
    done = CliRunner().invoke(
        cli, ["train", "finetune", *map(str, [bank_dataset, out, *given])],
        env={"AMODELS_DEVICE": "cpu", "AMODELS_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    config, parent = (read_checkpoint(f).config["training"] for f in (out, pretrained))
    assert config["model"] == parent["model"]
    assert config["batch_size"] == 8


def test_a_parent_of_another_shape_is_refused(
    pretrained: Path, bank_dataset: Path, tmp_path: Path
) -> None:
    config = TINY.changed({"model.width": 32})
    with pytest.raises(CheckpointError, match="another shape"):
        train(bank_dataset, tmp_path, config, silent, CPU, parent_folder=pretrained)


def test_a_task_that_none_was_trained_on_is_predicted_from_its_context(
    pretrained: Path, bank_dataset: Path
) -> None:
    """Earlier outcomes of the same table stand in the context, which is where it learns them."""
    table, figures = judged_split(pretrained, bank_dataset, "test")
    assert figures["auroc"] == auroc(table["label"].to_numpy(), table["score"].to_numpy())
    assert ((table["score"].to_numpy() >= 0) & (table["score"].to_numpy() <= 1)).all()


def test_another_database_is_predicted_only_when_asked_for(
    pretrained: Path, tmp_path: Path
) -> None:
    data = shops(tmp_path / "data", "regression")
    with pytest.raises(CheckpointError, match="other columns"):
        predict_split(pretrained, data, "test")
    table = predict_split(pretrained, data, "test", zero_shot=True)
    assert np.isfinite(table["score"].to_numpy()).all()
    out = tmp_path / "out"
    out.mkdir()
    assert main([str(pretrained), str(data), "test", str(out)]) == 2
    assert main([str(pretrained), str(data), "test", str(out), "--zero-shot"]) == 0
    assert (out / "scores.parquet").exists()


def test_a_split_without_rows_is_one_sentence(bank_dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(bank_dataset, folder)
    import pyarrow.parquet as pq

    path = folder / "tasks" / "facility_downgrade" / "validation.parquet"
    pq.write_table(open_dataset(folder).tasks["validation"].slice(0, 0), path)
    with pytest.raises(TrainingError, match="the split validation has no rows"):
        train(folder, tmp_path / "out", TINY, silent, CPU)


def test_one_kind_of_label_in_validation_is_judged_by_the_loss(bank_dataset: Path) -> None:
    feed = load_material(bank_dataset, TINY).feed("validation", TINY)
    feed.labels[:] = 1.0
    look = judged(np.zeros(len(feed)), feed)
    assert look.figures == {"validation_loss": pytest.approx(np.log(2))}
    assert look.score == -look.loss


def test_the_device_of_a_network_is_named() -> None:
    assert Device("cuda:3").number == 3
    assert not Device().is_cuda
