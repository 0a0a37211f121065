"""ε beside an accountant of another make, and its authors' own; noise for a target."""

from __future__ import annotations

import math

import pytest
from prv_accountant import PoissonSubsampledGaussianMechanism, PRVAccountant

from amodels_assets.privacy.accounting import epsilon, noise_for
from amodels_assets.privacy.statement import Mechanism, PrivacyError

from .second_accountant import gaussian_epsilon, second_epsilon

GRID = [
    (Mechanism(noise, rate, steps), delta)
    for noise, rate, steps, delta in (
        (0.8, 0.001, 5_000, 1e-5),
        (0.8, 0.05, 200, 1e-5),
        (1.0, 0.3, 1, 1e-5),
        (1.5, 0.5, 50, 1e-4),
        (3.7, 0.1, 300, 1e-5),
        (5.0, 0.2, 1_000, 1e-7),
        (8.0, 0.02, 3_000, 1e-5),
    )
]


@pytest.mark.parametrize(("mechanism", "delta"), GRID)
def test_an_accountant_of_another_make_agrees_within_five_percent(
    mechanism: Mechanism, delta: float
) -> None:
    ours = epsilon([mechanism], delta)
    assert ours == pytest.approx(second_epsilon(mechanism, delta), rel=0.05)
    moments = epsilon([mechanism], delta, "rdp")
    assert ours <= moments <= 2 * ours + 0.2


@pytest.mark.parametrize(("mechanism", "delta"), GRID[1:4])
def test_the_authors_own_accountant_agrees(mechanism: Mechanism, delta: float) -> None:
    step = PoissonSubsampledGaussianMechanism(
        noise_multiplier=mechanism.noise_multiplier, sampling_probability=mechanism.sample_rate
    )
    theirs = PRVAccountant(
        prvs=[step],
        max_self_compositions=[mechanism.steps],
        eps_error=0.05,
        delta_error=delta / 1000,
    )
    low, estimate, high = theirs.compute_epsilon(delta, [mechanism.steps])
    ours = epsilon([mechanism], delta)
    assert ours == pytest.approx(estimate, rel=0.05)
    assert low <= ours <= high + 0.01


@pytest.mark.parametrize("noise", [2.0, 9.0])
def test_whole_batches_are_one_gaussian_whose_epsilon_is_known(noise: float) -> None:
    exact = gaussian_epsilon(noise, 20, 1e-5)
    assert epsilon([Mechanism(noise, 1.0, 20)], 1e-5) == pytest.approx(exact, rel=0.02)
    assert second_epsilon(Mechanism(noise, 1.0, 20), 1e-5) == pytest.approx(exact, rel=0.005)


def test_trainings_after_one_another_cost_more_than_each_and_less_than_the_sum() -> None:
    one, other = Mechanism(2.0, 0.1, 300), Mechanism(1.5, 0.05, 400)
    parts = [epsilon([mechanism], 1e-5) for mechanism in (one, other)]
    both = epsilon([one, other], 1e-5)
    assert max(parts) < both < 0.9 * sum(parts)
    halves = epsilon([Mechanism(2.0, 0.1, 150)] * 2, 1e-5)
    assert halves == pytest.approx(parts[0], rel=1e-3)


def test_no_step_costs_nothing_and_a_step_without_noise_everything() -> None:
    assert epsilon([], 1e-5) == 0
    assert epsilon([Mechanism(1.0, 0.1, 0)], 1e-5) == 0
    assert epsilon([Mechanism(1.0, 0.1, 5), Mechanism(0.0, 0.1, 1)], 1e-5) == math.inf


@pytest.mark.parametrize("accountant", ["prv", "rdp"])
@pytest.mark.parametrize(("target", "rate", "steps"), [(2.0, 0.1, 300), (8.0, 0.02, 200)])
def test_the_noise_for_a_target_keeps_it_and_is_not_more_than_needed(
    target: float, rate: float, steps: int, accountant: str
) -> None:
    noise = noise_for(target, 1e-5, sample_rate=rate, steps=steps, accountant=accountant)
    spent = epsilon([Mechanism(noise, rate, steps)], 1e-5, accountant)
    assert 0.98 * target <= spent <= target


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"target": 0.0}, "target epsilon"),
        ({"target": math.inf}, "target epsilon"),
        ({"delta": 0.0}, "delta"),
        ({"delta": 1.0}, "delta"),
        ({"sample_rate": 1.5}, "sample_rate"),
        ({"sample_rate": 0.0}, "sample_rate"),
        ({"steps": 0}, "steps"),
        ({"accountant": "gdp"}, "accountant"),
        ({"accountant": "rdp", "target": 0.01}, "fewer steps"),
    ],
)
def test_what_cannot_be_is_refused_by_name(wrong: dict, word: str) -> None:
    given = {"target": 2.0, "delta": 1e-5, "sample_rate": 0.1, "steps": 10} | wrong
    with pytest.raises(PrivacyError, match=word):
        noise_for(given.pop("target"), given.pop("delta"), **given)
