"""Optimizers, learning rates, the average of the weights, preparing ahead."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from amodels_assets.training.average import WeightAverage, trained
from amodels_assets.training.config import ConfigError, TrainingConfig
from amodels_assets.training.network import RelationalTransformer
from amodels_assets.training.network_config import NetworkConfig
from amodels_assets.training.optimizer import Optimizers, learning_rate, sorted_parameters
from amodels_assets.training.prefetch import prepared

SMALL = NetworkConfig(width=8, blocks=2, heads=2, hidden=8)


def names(model: nn.Module, parameters: list[nn.Parameter]) -> set[str]:
    return {name for name, p in model.named_parameters() if any(p is q for q in parameters)}


def test_every_weight_is_in_one_group_and_norms_do_not_decay() -> None:
    model = RelationalTransformer(SMALL)
    hidden, decaying, free = (names(model, group) for group in sorted_parameters(model))
    everything = {name for name, _ in model.named_parameters()}
    assert hidden | decaying | free == everything
    assert len(hidden) + len(decaying) + len(free) == len(everything)
    assert all("blocks." in name for name in hidden)
    assert not any("norm" in name or name.endswith("bias") for name in hidden | decaying)
    assert any("norm" in name for name in free)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_an_optimizer_goes_on_from_what_it_remembered(optimizer: str) -> None:
    config = replace(TrainingConfig(), optimizer=optimizer)

    def run(model: nn.Module, optimizers: Optimizers, steps: range) -> None:
        for step in steps:
            torch.manual_seed(step)
            loss = sum((p * torch.randn_like(p)).sum() for p in model.parameters())
            assert isinstance(loss, torch.Tensor)
            loss.backward()
            optimizers.step(learning_rate(config, step))

    torch.manual_seed(0)
    whole = RelationalTransformer(SMALL)
    start = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    run(whole, Optimizers(whole, config), range(6))
    halves = RelationalTransformer(SMALL)
    halves.load_state_dict(start)
    first = Optimizers(halves, config)
    run(halves, first, range(3))
    kept = {name: tensor.clone() for name, tensor in first.tensors().items()}
    second = Optimizers(halves, config)
    second.load(kept)
    run(halves, second, range(3, 6))
    for name, tensor in whole.state_dict().items():
        assert (halves.state_dict()[name] == tensor).all(), name
    with pytest.raises(KeyError):
        second.load({"another|step": torch.zeros(())})


def test_muon_turns_a_matrix_towards_an_orthogonal_one() -> None:
    """The update has singular values of about one size, whatever those of the gradient are."""
    layer = nn.Linear(16, 16, bias=False)
    model = nn.ModuleDict({"blocks": nn.ModuleList([layer])})
    before = layer.weight.detach().clone()
    u, _, v = torch.linalg.svd(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)))
    layer.weight.grad = u @ torch.diag(torch.logspace(0, -2, 16)) @ v
    config = replace(TrainingConfig(), optimizer="muon", weight_decay=0.0)
    Optimizers(model, config).step(0.01)
    update = torch.linalg.svdvals(before - layer.weight.detach())
    assert float(update.max() / update.min()) < 4


def test_the_rate_goes_up_and_down_again() -> None:
    config = replace(TrainingConfig(), steps=100, warmup=10, learning_rate=1.0)
    for schedule in ("cosine", "linear"):
        rates = np.array([learning_rate(replace(config, schedule=schedule), s) for s in range(101)])
        assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
        assert (np.diff(rates[10:]) < 0).all()
        assert rates[100] == pytest.approx(0, abs=1e-12)
    flat = [learning_rate(replace(config, schedule="constant"), s) for s in (10, 50, 99)]
    assert flat == [1.0, 1.0, 1.0]


def test_the_average_is_the_weighted_mean_of_all_steps() -> None:
    model = nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, 0.9)
    values = [3.0, -1.0, 4.0, 1.5]
    for value in values:
        nn.init.constant_(model.weight, value)
        average.update(model)
    factors = 0.9 ** np.arange(len(values))[::-1]
    wanted = float(np.average(values, weights=factors))
    assert float(average.weights["weight"]) == pytest.approx(wanted, rel=1e-6)
    with average.in_place(model):
        assert model.weight.item() == pytest.approx(wanted, rel=1e-6)
    assert model.weight.item() == 1.5
    again = WeightAverage(model, 0.9)
    again.load(average.weights, average.updates)
    for one in (average, again):
        one.update(model)
    assert (again.weights["weight"] == average.weights["weight"]).all()


def test_what_is_prepared_ahead_comes_in_order_and_no_further_than_needed() -> None:
    begun = []
    gate = threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 0:
            assert gate.wait(10)
        return number * number

    results = prepared(work, iter(range(100)), threads=2)
    threading.Timer(0.05, gate.set).start()
    assert [next(results) for _ in range(4)] == [0, 1, 4, 9]
    results.close()
    assert max(begun) <= 7


def test_an_error_in_preparing_is_the_callers() -> None:
    def work(number: int) -> int:
        return 1 // (2 - number)

    for threads in (0, 2):
        results = prepared(work, range(5), threads=threads)
        assert next(results) == 0
        assert next(results) == 1
        with pytest.raises(ZeroDivisionError):
            next(results)


@pytest.mark.parametrize(("settings", "said"), [
    ({"optimizer": "sgd"}, "give one of adamw, muon"),
    ({"batch_size": 0}, "give at least 1"),
    ({"hidden_rows": 1.0}, "less than 1"),
    ({"learning_rate": 0.0}, "give more than 0"),
    ({"encoder": "words"}, "give one of hashing, sentence"),
    ({"model.width": 50}, "multiple of heads"),
    ({"model.depth": 3}, "there is no setting 'model.depth'"),
    ({"steps": "many"}, "give a value such as 480"),
    ({"model": 3}, "there is no setting 'model'"),
    ({"sampler.recent": 1}, "give a value such as True"),
])  # fmt: skip
def test_settings_that_cannot_be(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TrainingConfig().changed(settings)


def test_the_text_width_goes_by_the_encoder() -> None:
    assert TrainingConfig().changed({"encoder": "sentence"}).model.text_width == 384
    assert TrainingConfig().changed({"weight_decay": 1}).weight_decay == 1.0


def test_settings_of_older_checkpoints_can_be_read() -> None:
    """They know nothing of what was added since; a prediction with them goes by the rest."""
    written = json.loads(json.dumps(TrainingConfig(seed=3).to_json()))
    del written["history"], written["model"]["dropout"]
    assert TrainingConfig.from_json(written).seed == 3


def test_what_is_frozen_or_tied_is_neither_averaged_nor_changed() -> None:
    model = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2, bias=False)})
    model["b"].weight = model["a"].weight
    model["a"].bias.requires_grad_(False)
    assert list(trained(model)) == ["a.weight"]
    newest = WeightAverage(model, 0.0)
    assert newest.weights["a.weight"].data_ptr() == model["a"].weight.data_ptr()
    optimizers = Optimizers(model, replace(TrainingConfig(), optimizer="adamw"))
    assert [len(group["params"]) for group in optimizers.members[0].param_groups] == [1]
