"""The loop: memory, threads and micro-batches change nothing but time; what a manifest says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from amodels_assets.training.checkpoint import read_checkpoint
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.distributed import Ranks
from amodels_assets.training.execution import Execution
from amodels_assets.training.loop import Loop
from amodels_assets.training.material import load_material
from amodels_assets.training.memory import OutOfMemoryError
from amodels_assets.training.meter import Meter
from amodels_assets.training.train import FineTuning, train

from .trained import TINY, content, silent

CPU = Device()


def work(dataset: Path, config: TrainingConfig) -> FineTuning:
    return FineTuning(load_material(dataset, config), config, CPU)


def loop(of: FineTuning) -> Loop:
    return Loop(of, CPU, Ranks(), Meter(CPU))


def gradients(of: FineTuning) -> dict[str, Tensor]:
    loop(of).gradients(next(iter(of.orders(0))))
    return {n: p.grad.clone() for n, p in of.model.named_parameters() if p.grad is not None}


def test_micro_batches_give_the_gradients_of_the_whole(bank_dataset: Path) -> None:
    whole = gradients(work(bank_dataset, TINY))
    for size in (1, 5, 8):
        parts = gradients(work(bank_dataset, TINY.changed({"micro_batch": size})))
        assert parts.keys() == whole.keys()
        for name, gradient in whole.items():
            torch.testing.assert_close(parts[name], gradient, atol=1e-6, rtol=1e-4)


def test_threads_that_prepare_batches_change_nothing(bank_dataset: Path, tmp_path: Path) -> None:
    for helpers in (0, 1, 3):
        train(
            bank_dataset, tmp_path / str(helpers), TINY, silent, Execution("cpu", helpers=helpers)
        )
    assert content(tmp_path / "0") == content(tmp_path / "1") == content(tmp_path / "3")


def out_of_memory_beyond(most: int) -> torch.utils.hooks.RemovableHandle:
    """From now on no network computes more contexts at once than ``most``."""

    def refuse(module: torch.nn.Module, given: tuple[object, ...]) -> None:
        # Only a whole network is given a batch with targets.
        targets = getattr(given[0], "targets", None) if given else None
        if targets is not None and len(targets.tokens) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    return torch.nn.modules.module.register_module_forward_pre_hook(refuse)


@pytest.fixture
def at_most(request: pytest.FixtureRequest) -> Iterator[int]:
    handle = out_of_memory_beyond(request.param)
    yield request.param
    handle.remove()


@pytest.mark.parametrize("at_most", [5], indirect=True)
def test_out_of_memory_halves_the_micro_batch_and_goes_on(
    at_most: int, bank_dataset: Path, tmp_path: Path
) -> None:
    """From 16 over 8 to 4, with the same result as if that had been asked for."""
    result = train(bank_dataset, tmp_path / "found", TINY, silent, Execution("cpu"))
    assert (result.steps, result.micro_batch) == (TINY.steps, 4)
    train(
        bank_dataset, tmp_path / "told", TINY.changed({"micro_batch": 4}), silent, Execution("cpu")
    )
    found, told = (read_checkpoint(tmp_path / name).tensors for name in ("found", "told"))
    assert all((found[name] == told[name]).all() for name in told)


@pytest.mark.parametrize("at_most", [0], indirect=True)
def test_not_even_one_context_fits(at_most: int, bank_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(OutOfMemoryError, match="lower max_cells of the sampler or the width"):
        train(bank_dataset, tmp_path, TINY, silent, Execution("cpu"))


def test_other_errors_are_not_taken_for_want_of_memory(bank_dataset: Path) -> None:
    of = work(bank_dataset, TINY)
    of.model.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("a defect")))
    with pytest.raises(RuntimeError, match="a defect"):
        gradients(of)


def test_what_a_checkpoint_says_of_itself(bank_dataset: Path, tmp_path: Path) -> None:
    train(bank_dataset, tmp_path, TINY, silent, Execution("cpu"))
    config = read_checkpoint(tmp_path).config
    assert config["mode"] == "finetune"
    assert config["training"] == json.loads(json.dumps(TINY.to_json()))
    assert (config["split"], config["seed"], config["step"]) == ("train", 0, TINY.steps)
    assert config["libraries"]["torch"] == version("torch")
    assert len(config["data_versions"]["facility_downgrade"]) == 64
    assert config["parent"] is None
    assert config["usage"] == {"gpu_seconds": 0.0, "energy_joules": None, "cost": None}
    assert set(config["sha256"]) == {"model.safetensors", "config.json"}


def test_a_training_that_learns_nothing_ends_early(bank_dataset: Path, tmp_path: Path) -> None:
    config = TINY.changed(
        {"learning_rate": 1e-12, "steps": 400, "evaluate_every": 2, "patience": 2, "judge": "score"}
    )
    result = train(bank_dataset, tmp_path, config, silent, Execution("cpu"))
    assert result.finished
    assert result.steps < 60


def test_smoothed_labels_are_what_the_network_is_told(bank_dataset: Path) -> None:
    plain, smooth = (
        work(bank_dataset, TINY.changed({"label_smoothing": share})) for share in (0.0, 0.2)
    )
    order = next(iter(plain.orders(0)))
    (_, labels), (_, told) = (
        next(iter(of.batch(order, slice(0, 16)).targets.numbers.values())) for of in (plain, smooth)
    )
    np.testing.assert_allclose(told, labels * 0.8 + 0.1, rtol=1e-6)
