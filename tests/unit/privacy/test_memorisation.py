"""Planted secrets: what is measured is right, and differential privacy keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from amodels_assets.privacy.canaries import (
    CANDIDATES,
    DIGITS,
    beginnings_of,
    exposures,
    plant,
    secret_of,
)
from amodels_assets.privacy.memorisation import (
    measure,
    ranks,
    tiny_llama,
    token_losses,
    usual_config,
)
from amodels_assets.privacy.plan import meaning
from amodels_assets.privacy.settings import PrivacySettings

PLANTED = plant(224, 32, 0)


def test_secrets_are_random_and_everything_else_follows_from_the_names() -> None:
    train, canaries = PLANTED.train, PLANTED.canaries
    assert train.shape == (256, 25)
    assert canaries.shape == (32, 25)
    assert PLANTED.validation.shape == (56, 25)
    rows = {tuple(row) for row in train.tolist()}
    assert len(rows) == 256
    assert rows >= {tuple(row) for row in canaries.tolist()}
    assert train.max() < PLANTED.vocabulary

    facts = train[:, 1:].reshape(-1, 4, 6)
    lawful = ((facts[:, :, :3] - 10) % 10 == facts[:, :, 3:]).all(axis=2)
    assert lawful[:, :3].all()
    # Of the last facts all but those of the canaries, of which one in a thousand is by chance.
    assert 224 <= lawful[:, 3].sum() <= 226
    names = [tuple(name) for name in facts[:, :, :3].reshape(-1, 3).tolist()]
    assert len(set(names)) == len(names)
    secrets = [secret_of(canary) for canary in plant(4, 2_000, 1).canaries]
    counts = np.bincount(np.array(secrets) // 100, minlength=10)
    assert counts.min() > 140


def test_beginnings_are_all_there_are() -> None:
    canary = PLANTED.canaries[0]
    rows = beginnings_of(canary)
    assert len({tuple(row) for row in rows.tolist()}) == len(rows) == CANDIDATES // 10
    assert np.array_equal(rows[secret_of(canary) // 10], canary[:-1])
    assert (rows[:, : 1 - DIGITS] == canary[:-DIGITS]).all()


def test_ranks_are_those_of_all_candidates_one_by_one() -> None:
    model = tiny_llama(PLANTED.vocabulary, 5).eval()
    for canary in PLANTED.canaries[:2]:
        rows = np.tile(canary, (CANDIDATES, 1))
        rows[:, -DIGITS:] = [[int(digit) for digit in f"{n:03}"] for n in range(CANDIDATES)]
        with torch.no_grad():
            losses = token_losses(model, torch.from_numpy(rows))[:, -DIGITS:].sum(dim=1)
        better = int((losses < losses[secret_of(canary)] - 1e-5).sum())
        assert abs(int(ranks(model, canary[None])[0]) - 1 - better) <= 2


class Knowing(nn.Module):
    """A model that holds one row for likelier than others, or for less likely."""

    def __init__(self, row: np.ndarray, share: float) -> None:
        super().__init__()
        self.row = torch.from_numpy(row)
        self.weight = nn.Parameter(torch.tensor(share))

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> Any:
        logits = torch.zeros(*input_ids.shape, PLANTED.vocabulary)
        follows = self.row[1 : input_ids.shape[1] + 1]
        logits.scatter_(2, follows.expand(len(input_ids), -1)[..., None], float(self.weight))
        return type("Out", (), {"logits": logits})


def test_a_known_secret_ranks_first_and_one_held_for_unlikely_last() -> None:
    canary = PLANTED.canaries[:1]
    assert ranks(Knowing(canary[0], 5.0), canary).tolist() == [1]
    assert ranks(Knowing(canary[0], -5.0), canary).tolist() == [CANDIDATES]


def test_the_interval_covers_chance_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    found = [exposures(draw.integers(1, CANDIDATES + 1, 64), CANDIDATES) for _ in range(200)]
    covered = np.mean([f.low <= f.chance <= f.high for f in found])
    assert 0.88 <= covered <= 1
    assert np.mean([f.p_value < 0.05 for f in found]) < 0.11
    assert found[0].chance == pytest.approx(1.436, abs=0.001)
    known = exposures(np.ones(64, dtype=int), CANDIDATES)
    assert known.mean == known.at_most == pytest.approx(9.966, abs=0.001)
    assert (known.verdict, known.first) == ("memorised", 64)
    assert exposures(np.full(64, CANDIDATES), CANDIDATES).verdict == "below chance"


def test_without_privacy_secrets_are_memorised_and_with_epsilon_2_they_are_at_chance() -> None:
    config = usual_config(120, seed=0)
    plain = measure(PLANTED, config, None)
    kept = PrivacySettings(epsilon=2, delta=1e-6, noise="seeded", accountant="rdp")
    private = measure(PLANTED, config, kept)
    assert plain.statement is None
    assert plain.exposures.verdict == "memorised"
    assert plain.exposures.low > plain.exposures.chance + 1.5
    assert private.statement is not None
    assert 1.9 < private.statement.epsilon <= 2
    assert private.exposures.verdict == "at chance"
    assert private.exposures.p_value > 0.05
    gain = meaning(private.statement.epsilon, 0).exposure_gain
    assert plain.exposures.mean > private.exposures.chance + gain
    # It is no model that learned nothing: without privacy the rule is learned as well.
    assert plain.validation_loss < 0.3 < private.validation_loss
