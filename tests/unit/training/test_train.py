"""The Relational Transformer: deterministic, resumable, refusing what is damaged."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.datasets.dataset import DatasetError, open_dataset
from amodels_assets.training.assets import relational_transformer
from amodels_assets.training.checkpoint import (
    CheckpointError,
    Step,
    latest_step,
    read_checkpoint,
    save_step,
    write_checkpoint,
)
from amodels_assets.training.checks import checkpoint_loads
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.curves import learning_rate_curve, loss_curve
from amodels_assets.training.execution import Execution
from amodels_assets.training.inspection import find_problems
from amodels_assets.training.predict import predict_split
from amodels_assets.training.train import TrainingError, train
from resources.artifact_store import ArtifactStoreResource
from resources.gpu import GpuResource
from resources.training import TrainingResource

from .trained import TINY, content, silent

CPU = Execution("cpu")


@pytest.fixture(scope="module")
def checkpoint(bank_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tiny checkpoint."""
    folder = tmp_path_factory.mktemp("checkpoint")
    train(bank_dataset, folder, TINY, silent, CPU)
    return folder


def test_a_finished_checkpoint_is_three_files(checkpoint: Path) -> None:
    assert sorted(content(checkpoint)) == ["config.json", "metrics.jsonl", "model.safetensors"]
    rows = [json.loads(line) for line in (checkpoint / "metrics.jsonl").read_text().splitlines()]
    assert {key for row in rows for key in row} == {
        "step", "loss", "learning_rate", "gradient_norm", "validation_loss", "validation_auroc",
    }  # fmt: skip
    for curve, name in ((loss_curve, "loss"), (learning_rate_curve, "learning rate")):
        picture = curve(json.dumps(row) for row in rows)
        assert picture.startswith(f"![{name}](data:image/png;base64,")


def test_two_runs_are_equal_to_the_bit(
    checkpoint: Path, bank_dataset: Path, tmp_path: Path
) -> None:
    train(bank_dataset, tmp_path, TINY, silent, CPU)
    assert content(tmp_path) == content(checkpoint)


def test_another_seed_is_another_checkpoint(
    checkpoint: Path, bank_dataset: Path, tmp_path: Path
) -> None:
    train(bank_dataset, tmp_path, replace(TINY, seed=1), silent, CPU)
    assert content(tmp_path)["model.safetensors"] != content(checkpoint)["model.safetensors"]


def test_a_damaged_step_is_refused_and_the_one_before_is_used(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        tensors = {"a": np.full(3, number, np.float32)}
        save_step(tmp_path, Step(number, tensors, tensors, {"state": {"n": number}}))
    assert sorted(p.name for p in (tmp_path / "steps").iterdir()) == ["00000002", "00000003"]
    broken = tmp_path / "steps" / "00000003" / "state.safetensors"
    broken.write_bytes(broken.read_bytes()[:-1])
    resume = latest_step(tmp_path)
    assert resume.step is not None
    assert resume.step.number == 2
    assert resume.step.config["state"] == {"n": 2}
    assert len(resume.refused) == 1
    shutil.rmtree(tmp_path / "steps" / "00000002")
    assert latest_step(tmp_path).step is None


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "config"])
def test_a_damaged_checkpoint_is_refused(checkpoint: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(checkpoint, folder)
    model = folder / "model.safetensors"
    whole = model.read_bytes()
    if damage == "flip":
        model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif damage == "truncate":
        model.write_bytes(whole[: len(whole) // 2])
    elif damage == "remove":
        model.unlink()
    else:
        (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged or incomplete"):
        read_checkpoint(folder)
    assert find_problems(folder)


def test_predictions_are_probabilities_and_repeat(checkpoint: Path, bank_dataset: Path) -> None:
    first = predict_split(checkpoint, bank_dataset, "test")
    assert first == predict_split(checkpoint, bank_dataset, "test")
    scores = first["score"].to_numpy()
    assert ((scores > 0) & (scores < 1)).all()
    assert first.num_rows == open_dataset(bank_dataset).tasks["test"].num_rows


def test_a_missing_data_set_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        train(tmp_path / "nothing", tmp_path, TINY, silent, CPU)


def test_a_loss_that_is_no_number_stops_training(bank_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lower the learning rate"):
        train(bank_dataset, tmp_path, replace(TINY, learning_rate=1e30, warmup=1), silent, CPU)


def test_settings_survive_a_round_trip() -> None:
    assert TrainingConfig.from_json(json.loads(json.dumps(TINY.to_json()))) == TINY
    assert TrainingConfig.for_steps(0) == TrainingConfig()


def publish_checkpoint(store: ArtifactStore, checkpoint: Path, spoil: str) -> None:
    def produce(folder: Path) -> None:
        shutil.copytree(checkpoint, folder, dirs_exist_ok=True)
        if spoil == "weights":
            found = read_checkpoint(folder)
            tensors = {n: np.full_like(t, np.nan) for n, t in found.tensors.items()}
            write_checkpoint(folder, tensors, found.config)
        if spoil == "loss":
            (folder / "metrics.jsonl").write_text('{"loss": 1}\n{"loss": 2}\n')

    store.publish(
        "training/relational_transformer",
        inputs={"by": spoil},
        code_version="1",
        produce=produce,
    )


@pytest.mark.parametrize(("spoil", "passed"), [("", True), ("weights", False), ("loss", False)])
def test_the_check_on_checkpoints(
    checkpoint: Path, tmp_path: Path, spoil: str, passed: bool
) -> None:
    publish_checkpoint(ArtifactStore(tmp_path), checkpoint, spoil)
    result = checkpoint_loads(ArtifactStoreResource(root=str(tmp_path)))
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is passed, result.description


def publish_dataset(store: ArtifactStore, dataset: Path) -> None:
    store.publish(
        "datasets/facility_downgrade",
        inputs={"from": str(dataset)},
        code_version="1",
        produce=lambda folder: shutil.copytree(dataset, folder, dirs_exist_ok=True),
    )


def materialize(root: Path, steps: int) -> dg.ExecuteInProcessResult:
    resources = {
        "artifact_store": ArtifactStoreResource(root=str(root)),
        "training": TrainingResource(steps=steps),
        "gpu": GpuResource(),
        "pipes_subprocess_client": dg.PipesSubprocessClient(),
    }
    return dg.materialize([relational_transformer], resources=resources, raise_on_error=False)


def test_the_asset_trains_in_a_process_of_its_own(bank_dataset: Path, tmp_path: Path) -> None:
    publish_dataset(ArtifactStore(tmp_path), bank_dataset)
    made = materialize(tmp_path, steps=4)
    assert made.success
    metadata = made.asset_materializations_for_node("training__relational_transformer")[0].metadata
    assert metadata["steps"].value == 4
    assert metadata["peak_memory_megabytes"].value > 50
    again = materialize(tmp_path, steps=4)
    metadata = again.asset_materializations_for_node("training__relational_transformer")[0].metadata
    assert metadata["unchanged"].value is True
    assert "steps" not in metadata, "no process was started"


def test_a_data_set_that_cannot_be_read_fails_with_its_reason(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "dataset.json").write_text("{}")
    publish_dataset(ArtifactStore(tmp_path / "store"), empty)
    result = materialize(tmp_path / "store", steps=4)
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    assert "cannot be read" in str(failure.step_failure_data.user_failure_data)
    assert ArtifactStore(tmp_path / "store").find("training/relational_transformer") is None
