"""Private trainings from end to end: what they promise, resume, and what stays in."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amodels_assets.privacy.accounting import epsilon
from amodels_assets.privacy.canaries import plant
from amodels_assets.privacy.memorisation import SOURCE, SequenceWork, tiny_llama, train_on
from amodels_assets.privacy.private_work import PrivateWork
from amodels_assets.privacy.randomness import KEY_FILE, Randomness
from amodels_assets.privacy.settings import PrivacySettings
from amodels_assets.privacy.statement import PrivacyError, PrivacyStatement
from amodels_assets.training.checkpoint import latest_step, read_checkpoint
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.material import load_material
from amodels_assets.training.session import run_training
from amodels_assets.training.train import FineTuning
from amodels_assets.training.work import TrainingError
from tests.unit.training.trained import TINY, content, silent, wait_until

from .small import CONFIG, LONGER, MILD, vault_gemma

PLANTED = plant(40, 4, 0)


def statement_of(folder: Path) -> PrivacyStatement:
    return PrivacyStatement.from_json(read_checkpoint(folder).config["privacy"])


def test_the_manifest_says_what_was_kept_and_nothing_of_the_training_loss(tmp_path: Path) -> None:
    _, promised, _ = train_on(PLANTED, tmp_path, CONFIG, MILD)
    stated = statement_of(tmp_path)
    assert stated == promised
    assert (stated.units, stated.steps, stated.sample_rate) == (44, 12, 8 / 44)
    assert 7.5 < stated.epsilon <= 8
    assert epsilon([stated.mechanism], 1e-5, "rdp") == stated.epsilon
    assert not stated.holds
    assert "no guarantee" in read_checkpoint(tmp_path).config["privacy"]["meaning"]["noise"]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert {key for line in lines for key in line} == {
        "step", "learning_rate", "gradient_norm", "validation_loss"
    }  # fmt: skip


def test_units_are_drawn_each_for_itself_and_nobody_may_take_part() -> None:
    work: Any = SequenceWork(PLANTED, tiny_llama(PLANTED.vocabulary, 0), CONFIG, Device())
    config = replace(CONFIG, batch_size=1)
    work.config = config
    private = PrivateWork(
        work, MILD, Randomness.seeded(0), units=44, source=SOURCE, by_example=True
    )
    orders = [order for order, _ in zip(private.orders(5), range(3_000), strict=False)]
    assert [order.step for order in orders[:3]] == [5, 6, 7]
    sizes = np.array([len(order.rows) for order in orders])
    assert abs(sizes.mean() - 1) < 0.1
    assert abs(sizes.var() - 43 / 44) < 0.15
    assert (sizes == 0).sum() > 900
    each = np.bincount(np.concatenate([order.rows for order in orders]), minlength=44)
    assert each.min() > 30
    again = next(iter(private.orders(105))).rows
    assert np.array_equal(again, orders[100].rows)


def test_a_training_of_empty_draws_goes_on_to_its_end(tmp_path: Path) -> None:
    config = replace(CONFIG, batch_size=1, steps=6, evaluate_every=6)
    train_on(PLANTED, tmp_path, config, replace(MILD, epsilon=1.0))
    assert read_checkpoint(tmp_path).config["step"] == 6


def test_a_unit_whose_loss_is_no_number_neither_ends_the_training_nor_enters_it(
    tmp_path: Path,
) -> None:
    class Poisoned(SequenceWork):
        def loss(self, batch: Any) -> Any:
            losses, count = super().loss(batch)
            return losses * float("nan"), count

    def make(device: Device) -> Any:
        config = replace(CONFIG, micro_batch=1, steps=2, evaluate_every=2)
        work: Any = Poisoned(PLANTED, tiny_llama(PLANTED.vocabulary, 0), config, device)
        return PrivateWork(work, MILD, Randomness.seeded(0), units=44, source=SOURCE)

    run_training(make, CONFIG, tmp_path, silent, Execution(device="cpu"))
    kept = read_checkpoint(tmp_path)
    assert kept.config["step"] == 2
    assert all(np.isfinite(tensor).all() for tensor in kept.tensors.values())


def test_killed_and_resumed_it_has_the_same_noise_weights_and_epsilon(tmp_path: Path) -> None:
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    settings = replace(MILD, noise="secret")
    Randomness.secret(killed)
    calm.mkdir()
    (calm / KEY_FILE).write_bytes((killed / KEY_FILE).read_bytes())
    code = f"from tests.unit.privacy.small import killed_part; killed_part({str(killed)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], text=True)
    wait_until(process, lambda: (killed / "steps").exists() and latest_step(killed).step)
    process.send_signal(signal.SIGKILL)
    process.wait()
    at = latest_step(killed).step
    assert at is not None
    assert 0 < at.number < LONGER.steps
    assert (killed / KEY_FILE).exists()
    with pytest.raises(TrainingError, match="another privacy"):
        train_on(PLANTED, killed, LONGER, replace(settings, epsilon=2))
    train_on(PLANTED, killed, LONGER, settings)
    train_on(PLANTED, calm, LONGER, settings)
    assert content(killed) == content(calm)
    assert KEY_FILE not in content(killed)
    stated = statement_of(killed)
    assert stated.holds
    assert stated.steps == LONGER.steps


def test_other_keys_give_other_weights_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        config = replace(CONFIG, steps=2)
        train_on(PLANTED, tmp_path / name, config, replace(MILD, noise="secret"))
    weights = [content(tmp_path / name)["model.safetensors"] for name in ("a", "b")]
    assert weights[0] != weights[1]


def test_a_vault_gemma_learns_under_differential_privacy(tmp_path: Path) -> None:
    from amodels_assets.privacy.gradients import with_plain_embeddings

    config = replace(CONFIG, batch_size=22, micro_batch=22, steps=20, evaluate_every=20)
    with pytest.raises(PrivacyError, match="embed_tokens"):
        train_on(PLANTED, tmp_path / "no", config, MILD, make_model=vault_gemma)

    def make(vocabulary: int, seed: int) -> Any:
        return with_plain_embeddings(vault_gemma(vocabulary, seed))

    before = SequenceWork(PLANTED, make(PLANTED.vocabulary, 3), config, Device()).look()
    generous = replace(MILD, epsilon=50.0)
    _, promised, after = train_on(PLANTED, tmp_path / "yes", config, generous, make_model=make)
    assert promised is not None
    assert promised.noise_multiplier > 0.3
    assert after["validation_loss"] < before.loss - 0.1
    assert read_checkpoint(tmp_path / "yes").config["architecture"] == "VaultGemmaForCausalLM"


def test_the_relational_transformer_trains_one_context_after_the_other(
    bank_dataset: Path, tmp_path: Path
) -> None:
    config: TrainingConfig = TINY.changed({"steps": 3, "micro_batch": 1, "batch_size": 4})
    settings = PrivacySettings(epsilon=8, delta=1e-5, noise="seeded", accountant="rdp")

    def make(device: Device) -> Any:
        work = FineTuning(load_material(bank_dataset, config), config, device)
        source = next(iter(work.manifest()["data_versions"]))
        return PrivateWork(
            work, settings, Randomness.seeded(0), units=len(work.train), source=source
        )

    run_training(make, config, tmp_path, silent, Execution(device="cpu"))
    assert statement_of(tmp_path).steps == 3
    config = config.changed({"micro_batch": 16})
    with pytest.raises(PrivacyError, match="micro_batch is 16"):
        make(Device())
