"""Plans: the smallest batch that will do, and bounds that follow from the definition."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import ndtr, ndtri

from amodels_assets.cli import cli
from amodels_assets.privacy.accounting import epsilon
from amodels_assets.privacy.plan import choose_batch, meaning, plan, usual_delta
from amodels_assets.privacy.settings import PrivacySettings
from amodels_assets.privacy.statement import Mechanism, PrivacyError

from .second_accountant import gaussian_epsilon


def test_a_plan_keeps_its_target_and_says_what_it_is() -> None:
    found = plan(4.0, 1_000, steps=50, batch_size=100, delta=1e-5, accountant="rdp")
    assert 3.9 < found.epsilon <= 4
    assert found.epsilon == epsilon([found.mechanism], 1e-5, "rdp")
    assert found.mechanism == Mechanism(found.noise_multiplier, 0.1, 50)
    raw = found.to_json()
    assert raw["noise_batch_ratio"] == found.noise_multiplier / 100
    assert raw["sample_rate"] == 0.1
    assert plan(4.0, 1_000, steps=50, batch_size=100, accountant="rdp").delta == 1_000**-1.1


def test_the_batch_is_the_smallest_power_of_two_with_so_little_noise() -> None:
    found = choose_batch(4.0, 1_000, steps=50, noise_batch_ratio=0.02, accountant="rdp")
    assert found.noise_batch_ratio <= 0.02
    half = plan(4.0, 1_000, steps=50, batch_size=found.batch_size // 2, accountant="rdp")
    assert half.noise_batch_ratio > 0.02
    least = plan(4.0, 100, steps=10, batch_size=100, accountant="rdp").noise_batch_ratio
    whole = choose_batch(4.0, 100, steps=10, noise_batch_ratio=1.01 * least, accountant="rdp")
    assert whole.batch_size == 100
    with pytest.raises(PrivacyError, match="batches of all 100 units"):
        choose_batch(4.0, 100, steps=10, noise_batch_ratio=0.001)


def test_bounds_hold_for_the_best_attack_on_a_gaussian() -> None:
    """Of one Gaussian the best test is known: no other mechanism with its ε allows more."""
    for noise in (0.7, 2.0):
        delta = 1e-3
        bounds = meaning(gaussian_epsilon(noise, 1, delta), delta)
        found = float(ndtr(1 / noise + ndtri(0.01)))
        assert found <= bounds.found_at_one_percent <= 1
        certainty = float(ndtr(0.5 / noise))
        assert certainty <= bounds.certainty <= 1


def test_bounds_at_the_ends() -> None:
    nothing = meaning(0.0, 1e-9)
    assert nothing.certainty == pytest.approx(0.5)
    assert nothing.found_at_one_percent == pytest.approx(0.01)
    assert nothing.exposure_gain == 0
    everything = meaning(math.inf, 1e-9)
    assert (everything.certainty, everything.found_at_one_percent) == (1.0, 1.0)
    assert meaning(2, 0).certainty == pytest.approx(np.exp(2) / (1 + np.exp(2)))


@pytest.mark.parametrize("units", [0, 1])
def test_nothing_hides_among_fewer_than_two(units: int) -> None:
    with pytest.raises(PrivacyError, match="fewer than 2"):
        usual_delta(units)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"batch_size": 0}, "batch_size"), ({"batch_size": 101}, "number of units")],
)
def test_a_batch_is_one_of_units(wrong: dict, word: str) -> None:
    with pytest.raises(PrivacyError, match=word):
        plan(1.0, 100, steps=5, **wrong)
    with pytest.raises(PrivacyError, match="noise_batch_ratio"):
        choose_batch(1.0, 100, steps=5, noise_batch_ratio=0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epsilon": 0.0},
        {"epsilon": math.inf},
        {"clip": 0.0},
        {"delta": 1.0},
        {"contributions": 0},
        {"unit": "person"},
        {"accountant": "gdp"},
        {"noise": "none"},
    ],
)
def test_settings_that_nobody_can_keep_are_refused_by_name(wrong: dict) -> None:
    with pytest.raises(PrivacyError, match=f"privacy.{next(iter(wrong))}"):
        PrivacySettings(**{"epsilon": 2.0, **wrong})
    settings = PrivacySettings(epsilon=2.0, unit="source_table")
    assert PrivacySettings.from_json(settings.to_json()) == settings


def test_the_command_says_what_a_target_takes_and_means() -> None:
    options = ["privacy", "plan", "--epsilon", "4", "--units", "1000", "--steps", "50"]
    options += ["--accountant", "rdp"]
    said = CliRunner().invoke(cli, [*options, "--batch-size", "100"])
    assert said.exit_code == 0
    assert "100 of 1000 on average" in said.output
    assert "they become at most 98." in said.output
    raw = CliRunner().invoke(cli, [*options, "--noise-batch-ratio", "0.02", "--json"])
    assert json.loads(raw.output)["noise_batch_ratio"] <= 0.02


def test_the_command_measures_memorisation_with_and_without() -> None:
    options = ["privacy", "memorisation", "--canaries", "4", "--sequences", "60", "--steps", "3"]
    said = CliRunner().invoke(cli, options)
    assert said.exit_code == 0, said.output
    first, plain, private, last = said.output.splitlines()
    assert first.startswith("4 canaries, 1000 possible secrets each")
    assert plain.startswith("without privacy")
    assert private.startswith(("epsilon 1.9", "epsilon 2.0"))
    assert "of validation loss" in last
