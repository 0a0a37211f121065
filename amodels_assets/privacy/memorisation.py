"""How much a model memorises with and without differential privacy, measured with canaries.

Belongs here: training a small language model from random weights by the platform's own loop, and
ranking the canaries' secrets. Does not belong here: canaries (``canaries.py``). Imports torch and
transformers.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from amodels_assets.privacy.canaries import (
    CANDIDATES,
    DIGITS,
    Exposures,
    Planted,
    beginnings_of,
    exposures,
    secret_of,
)
from amodels_assets.privacy.private_work import PrivateWork
from amodels_assets.privacy.randomness import Randomness, destroy_key
from amodels_assets.privacy.settings import PrivacySettings
from amodels_assets.privacy.statement import PrivacyStatement
from amodels_assets.training.average import arrays, load_trained
from amodels_assets.training.checkpoint import write_checkpoint
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.loop_config import LoopConfig
from amodels_assets.training.ordered_work import OrderedWork
from amodels_assets.training.session import run_training
from amodels_assets.training.work import Look, Metrics, Order, Progress

SOURCE = "privacy/planted_sequences"


@dataclass(frozen=True)
class Measured:
    """One training and what it gave away.

    Attributes:
        statement: What it promised; None without differential privacy.
        exposures: Of the canaries.
        validation_loss: Per token, on ordinary sequences with other names.
        seconds: That the training took.
    """

    statement: PrivacyStatement | None
    exposures: Exposures
    validation_loss: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As JSON-serialisable data."""
        return {
            "privacy": self.statement.to_json() if self.statement else None,
            "exposure": self.exposures.to_json(),
            "validation_loss": self.validation_loss,
            "seconds": round(self.seconds, 1),
        }


def usual_config(steps: int, seed: int, threads: int = 1) -> LoopConfig:
    """Settings with which such a model learns its sequences by heart."""
    return LoopConfig(
        seed=seed,
        threads=threads,
        batch_size=32,
        micro_batch=128,
        steps=steps,
        optimizer="adamw",
        learning_rate=5e-3,
        schedule="constant",
        warmup=10,
        weight_decay=0.0,
        average=0.0,
        evaluate_every=steps,
        checkpoint_every=steps,
    )


def tiny_llama(vocabulary: int, seed: int) -> Any:
    """A Llama of one layer with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=32,
            tie_word_embeddings=False,
        )
    )


def _silent(step: int, steps: int, figures: Metrics) -> None:
    """No progress."""


class SequenceWork(OrderedWork):
    """Sequences of tokens of one length, each token foreseen from those before it."""

    mode = "full"
    libraries = ("transformers",)

    def __init__(self, planted: Planted, model: Any, config: LoopConfig, device: Device) -> None:
        """Put the model on the device."""
        self.config, self.device = config, device
        self.model: Any = model.to(device.name)
        self.architecture = type(model).__name__
        self._planted = planted

    def orders(self, first: int) -> Iterator[Order]:
        """All sequences once before any comes again."""
        count, size = len(self._planted.train), self.config.batch_size
        step = first
        while True:
            epoch, place = divmod(step, count // size)
            order = np.random.default_rng([self.config.seed, epoch]).permutation(count)
            yield Order(step, order[place * size : (place + 1) * size])
            step += 1

    def batch(self, order: Order, part: slice) -> Tensor:
        """Some sequences, int64, shape (n, length)."""
        rows = self._planted.train[order.rows[part]]
        return torch.from_numpy(rows).to(self.device.name)

    def loss(self, batch: Tensor) -> tuple[Tensor, int]:
        """Cross-entropy of all tokens but the first, summed."""
        losses = token_losses(self.model, batch)
        return losses.sum(), losses.numel()

    def look(self) -> Look:
        """Mean loss of a token of the held-out sequences."""
        self.model.eval()
        with torch.no_grad():
            held_out = torch.from_numpy(self._planted.validation).to(self.device.name)
            loss = float(token_losses(self.model, held_out)[:, -DIGITS:].mean())
        return Look(loss, -loss, {"validation_loss": loss})

    def manifest(self) -> dict[str, Any]:
        """There is no data but what the seed draws."""
        return {"data_versions": {SOURCE: f"seed {self.config.seed}"}, "parent": None}

    def write(
        self, folder: Path, weights: Mapping[str, Tensor], manifest: Mapping[str, Any]
    ) -> None:
        """Write the weights, and leave them in the model."""
        load_trained(self.model, weights)
        write_checkpoint(folder, arrays(weights), manifest)


def token_losses(model: Any, tokens: Tensor) -> Tensor:
    """Loss of each token but the first, shape (n, length - 1)."""
    logits = model(input_ids=tokens, use_cache=False).logits[:, :-1].float()
    return cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")


def train_on(
    planted: Planted,
    folder: Path,
    config: LoopConfig,
    privacy: PrivacySettings | None,
    *,
    make_model: Callable[[int, int], Any] = tiny_llama,
    progress: Progress = _silent,
) -> tuple[Any, PrivacyStatement | None, Metrics]:
    """Train a model on planted sequences, or go on where a killed run was.

    Args:
        planted: What to train on.
        folder: Gets the checkpoint; holds the steps and the key in the meantime.
        config: The settings.
        privacy: What is to be kept; None for nothing.
        make_model: A model of a vocabulary's size and a seed.
        progress: Called after each step.

    Returns:
        The model, what it promises, and its figures.

    Raises:
        PrivacyError: The guarantee cannot be kept.
    """
    made: list[Any] = []

    def make_work(device: Device) -> Any:
        model = make_model(planted.vocabulary, config.seed)
        work: Any = SequenceWork(planted, model, config, device)
        if privacy is not None:
            secret = privacy.noise == "secret"
            work = PrivateWork(
                work,
                privacy,
                Randomness.secret(folder) if secret else Randomness.seeded(config.seed),
                units=len(planted.train),
                source=SOURCE,
                by_example=config.micro_batch != 1,
            )
        made.append(work)
        return work

    result = run_training(make_work, config, folder, progress, Execution(device="cpu", helpers=0))
    destroy_key(folder)
    return made[0].model, getattr(made[0], "statement", None), result.figures


def measure(planted: Planted, config: LoopConfig, privacy: PrivacySettings | None) -> Measured:
    """Train on planted sequences and rank the canaries' secrets.

    Args:
        planted: What to train on.
        config: The settings.
        privacy: What is to be kept; None for nothing.

    Raises:
        PrivacyError: The guarantee cannot be kept.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        model, statement, figures = train_on(planted, Path(folder), config, privacy)
    seconds = time.monotonic() - started
    return Measured(
        statement,
        exposures(ranks(model, planted.canaries), CANDIDATES),
        float(figures["validation_loss"]),
        seconds,
    )


def ranks(model: Any, canaries: np.ndarray) -> np.ndarray:
    """Place of each canary's secret among all that it could have been, from 1; shape (n,).

    The digits before the last are read once for all that follow them.
    """
    model.eval()
    place = next(model.parameters()).device
    found = []
    with torch.no_grad():
        for canary in canaries:
            rows = torch.from_numpy(beginnings_of(canary)).to(place)
            logits = model(input_ids=rows, use_cache=False).logits[:, -DIGITS:].float()
            likely = logits.log_softmax(dim=2)
            before = likely[:, :-1].gather(2, rows[:, 1 - DIGITS :, None]).sum(dim=(1, 2))
            every = (before[:, None] + likely[:, -1, :10]).flatten()
            found.append(1 + int((every > every[secret_of(canary)]).sum()))
    return np.array(found)
