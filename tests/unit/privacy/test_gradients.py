"""Clipping, noise and draws: bounded for whatever a unit holds, and not to be computed again."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from amodels_assets.privacy.gradients import (
    PrivateGradients,
    ScaledEmbedding,
    refused,
    with_plain_embeddings,
)
from amodels_assets.privacy.memorisation import tiny_llama, token_losses
from amodels_assets.privacy.randomness import KEY_FILE, Randomness, destroy_key
from amodels_assets.privacy.statement import PrivacyError
from tests.unit.models.tiny import llama

from .small import vault_gemma

ROWS = torch.from_numpy(np.random.default_rng(0).integers(1, 40, (6, 9)))
WEIGHTS = (1.0, 0.0, 100.0, 0.01, 3.0, 1.0)


def losses(model: Any, rows: Tensor = ROWS, weights: tuple[float, ...] = WEIGHTS) -> Tensor:
    """One a row, of very different sizes."""
    return token_losses(model, rows).sum(dim=1) * torch.tensor(weights[: len(rows)])


def private(model: nn.Module, *, by_example: bool, noise: float = 0.0) -> PrivateGradients:
    return PrivateGradients(
        model,
        clip=0.5,
        noise_multiplier=noise,
        expected=4,
        randomness=Randomness.seeded(0),
        by_example=by_example,
    )


def by_hand(model: nn.Module, parts: list[Tensor]) -> dict[str, Tensor]:
    """The clipped sum over ``expected``, written down once more."""
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    total = {name: torch.zeros_like(p) for name, p in named.items()}
    for part in parts:
        grads = torch.autograd.grad(part, list(named.values()), retain_graph=True)
        norm = float(torch.sqrt(torch.stack([g.double().pow(2).sum() for g in grads]).sum()))
        for name, grad in zip(named, grads, strict=True):
            total[name] += grad * min(1.0, 0.5 / max(norm, 1e-12)) / 4
    return total


def found(model: nn.Module) -> dict[str, Tensor]:
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


MODELS: dict[str, Callable[[], Any]] = {
    "llama": lambda: tiny_llama(40, 1),
    "llama with tied embeddings": llama,
    "vault gemma": lambda: with_plain_embeddings(vault_gemma(40, 1)),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_opacus_and_one_by_one_give_the_clipped_sum(make: Callable[[], Any]) -> None:
    expected = by_hand(plain := make().train(), list(losses(plain)))
    watched = make().train()
    own = private(watched, by_example=True)
    for part in (slice(0, 4), slice(4, 6)):
        own.accumulate(lambda s=part: (losses(watched, ROWS[s], WEIGHTS[s]).sum(), 1))
    own.finish(0)
    single = make().train()
    own = private(single, by_example=False)
    for row, weight in zip(ROWS, WEIGHTS, strict=True):
        own.accumulate(lambda r=row, w=weight: (losses(single, r[None], (w,)).sum(), 1))
    own.finish(0)
    for name, gradient in expected.items():
        torch.testing.assert_close(found(watched)[name], gradient, atol=2e-6, rtol=1e-4)
        torch.testing.assert_close(found(single)[name], gradient, atol=2e-6, rtol=1e-4)
    whole = torch.cat([g.flatten() for g in expected.values()]).norm()
    assert 0.1 < float(whole) <= 6 * 0.5 / 4


@pytest.mark.parametrize("by_example", [True, False])
@pytest.mark.parametrize("weight", [1e30, float("inf"), float("nan")])
def test_no_unit_gives_more_than_the_clip(weight: float, by_example: bool) -> None:
    sums = []
    for there in (True, False):
        model = tiny_llama(40, 1).train()
        own = private(model, by_example=by_example)
        rows = [0, 1] if there else [0]
        for some in [rows] if by_example else [[row] for row in rows]:
            weights = tuple((1.0, weight)[row] for row in some)
            own.accumulate(lambda s=some, w=weights, m=model: (losses(m, ROWS[s], w).sum(), 1))
        own.finish(0)
        sums.append(torch.cat([g.flatten() for g in found(model).values()]))
    assert torch.isfinite(sums[0]).all()
    assert float((sums[0] - sums[1]).norm()) <= 0.5 / 4 * (1 + 1e-5)


def test_an_empty_draw_is_noise_alone_of_the_stated_size() -> None:
    model = nn.Linear(300, 200)
    own = private(model, by_example=True, noise=1.5)
    own.finish(7)
    first = torch.cat([g.flatten() for g in found(model).values()])
    # Noise multiplier times clip, over the expected number of units.
    assert stats.kstest(first.numpy() / (1.5 * 0.5 / 4), "norm").pvalue > 0.01
    for step, same in ((7, True), (8, False)):
        model.zero_grad()
        own.finish(step)
        again = torch.cat([g.flatten() for g in found(model).values()])
        assert torch.equal(first, again) is same
    weight, bias = found(model).values()
    assert abs(float(np.corrcoef(weight[0, :200].numpy(), bias.numpy())[0, 1])) < 0.3


def test_the_stock_vault_gemma_is_refused_until_its_embedding_is_frozen_or_replaced() -> None:
    stock = vault_gemma(40, 1)
    assert refused(stock) == ["model.embed_tokens"]
    with pytest.raises(PrivacyError, match=r"embed_tokens.*freeze it, or replace it"):
        private(stock, by_example=True)
    stock.get_input_embeddings().weight.requires_grad_(False)
    private(stock, by_example=True)
    before = vault_gemma(40, 1).eval()
    names = set(before.state_dict())
    expected = before(input_ids=ROWS).logits
    replaced = with_plain_embeddings(before)
    assert isinstance(replaced.get_input_embeddings(), ScaledEmbedding)
    assert replaced.get_input_embeddings().weight is replaced.get_output_embeddings().weight
    assert set(replaced.state_dict()) == names
    torch.testing.assert_close(replaced(input_ids=ROWS).logits, expected, atol=1e-6, rtol=1e-6)


def test_what_cannot_be_clipped_is_refused() -> None:
    model = nn.Linear(2, 2)
    for clip in (0.0, float("inf")):
        with pytest.raises(PrivacyError, match="clip"):
            PrivateGradients(
                model,
                clip=clip,
                noise_multiplier=1,
                expected=1,
                randomness=Randomness.seeded(0),
                by_example=False,
            )
    with pytest.raises(PrivacyError, match="no parameter"):
        private(model.requires_grad_(False), by_example=False)
    with pytest.raises(PrivacyError, match="refuses 0"):
        private(nn.Sequential(nn.BatchNorm1d(3)), by_example=True)


def test_numbers_are_uniform_and_normal_and_each_purpose_has_its_own() -> None:
    numbers = Randomness.seeded(1)
    drawn = numbers.uniform("a", 0, 50_000)
    assert stats.kstest(drawn, "uniform").pvalue > 0.01
    noise = numbers.normal("a", 0, (7, 5_001))
    assert noise.shape == (7, 5_001)
    assert stats.kstest(noise.ravel(), "norm").pvalue > 0.01
    for other in (
        numbers.normal("b", 0, (7, 5_001)),
        numbers.normal("a", 1, (7, 5_001)),
        Randomness.seeded(2).normal("a", 0, (7, 5_001)),
    ):
        assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.03
    assert np.array_equal(noise, Randomness.seeded(1).normal("a", 0, (7, 5_001)))


def test_a_runs_key_is_its_own_kept_until_destroyed_and_for_nobody_else(tmp_path: Path) -> None:
    first = Randomness.secret(tmp_path / "a").uniform("draw", 0, 4)
    assert np.array_equal(first, Randomness.secret(tmp_path / "a").uniform("draw", 0, 4))
    assert not np.array_equal(first, Randomness.secret(tmp_path / "b").uniform("draw", 0, 4))
    key = tmp_path / "a" / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
    assert [p.name for p in key.parent.iterdir()] == [KEY_FILE]
    destroy_key(tmp_path / "a")
    assert not key.exists()
    assert not np.array_equal(first, Randomness.secret(tmp_path / "a").uniform("draw", 0, 4))
