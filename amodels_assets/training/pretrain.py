"""Pretrains the Relational Transformer: hidden cells of all tables are to be told.

Belongs here: what a step of pretraining is about and its loss. Does not belong here: the loop
(``loop.py``). Imports torch.

Contexts are sampled around rows of the training window only, as of the moment at which the row
became known; a fixed part of the rows is kept for judging.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.feeds import MaskedFeed
from amodels_assets.training.inference import AT_ONCE
from amodels_assets.training.material import Material, load_material, make_network
from amodels_assets.training.memory import Portions
from amodels_assets.training.relational_work import RelationalWork
from amodels_assets.training.session import run_training
from amodels_assets.training.tensors import TensorBatch, to_tensors
from amodels_assets.training.train import shuffled, step_seed, summed_loss
from amodels_assets.training.work import Look, Order, Progress, TrainingError, TrainingResult

# Rows that are kept for judging: a share of them, and no more than this.
_KEPT_SHARE = 0.1
_MOST_KEPT = 512


def pretrain(
    dataset_folder: Path,
    out_folder: Path,
    config: TrainingConfig,
    progress: Progress,
    execution: Execution = Execution(),  # noqa: B008 (frozen)
) -> TrainingResult:
    """Pretrain, or go on where a stopped run was, and write the finished checkpoint.

    Args:
        dataset_folder: What ``datasets`` built.
        out_folder: Gets the checkpoint, as with ``train.train``.
        config: The settings.
        progress: Called with step, steps and newest figures.
        execution: How this installation runs it.

    Raises:
        DatasetError: The data set cannot be read.
        TrainingError: The loss is no number any more, or there are no rows to look at.
    """

    def make_work(device: Device) -> Pretraining:
        material = load_material(dataset_folder, config, cache=execution.cache)
        return Pretraining(material, config, device)

    return run_training(make_work, config, out_folder, progress, execution)


class Pretraining(RelationalWork):
    """Rows of all tables in the training window, in an order that only the seed decides."""

    mode = "pretrain"

    def __init__(self, material: Material, config: TrainingConfig, device: Device) -> None:
        """Make the network.

        Raises:
            TrainingError: No row was known in the training window.
        """
        self.config = config
        self._material = material
        self._device = device
        self._feed = MaskedFeed.of_window(
            material.dataset, material.store, material.graph, config.sampler
        )
        if len(self._feed) < 2:
            raise TrainingError(
                "no rows were known before validation begins: check time columns and dates"
            )
        rows = np.random.default_rng([config.seed, 3]).permutation(len(self._feed))
        kept = max(1, min(_MOST_KEPT, int(len(rows) * _KEPT_SHARE)))
        self._kept, self._rows = np.sort(rows[:kept]), rows[kept:]
        self._portions = Portions(AT_ONCE, device)
        self.model = make_network(config, material.store, device)

    def orders(self, first: int) -> Iterator[Order]:
        """Rows to sample around, each once before any comes again."""
        for order in shuffled(len(self._rows), self.config, first):
            yield Order(order.step, self._rows[order.rows])

    def batch(self, order: Order, part: slice) -> TensorBatch:
        """Contexts with a share of their cells hidden."""
        return self._masked(order.rows[part], step_seed(self.config.seed, order.step))

    def loss(self, batch: TensorBatch) -> tuple[Tensor, int]:
        """Loss of the hidden cells, each by its kind."""
        return summed_loss(self.model, batch)

    def look(self) -> Look:
        """Loss on rows that are never sampled around, with always the same cells hidden."""
        loss = self._portions.attempt(self._kept_loss)
        return Look(loss, -loss, {"validation_loss": loss})

    def manifest(self) -> dict[str, Any]:
        """Data, and that the weights began at random."""
        return {**self._material.manifest(), "split": "train", "parent": None}

    def _masked(self, rows: np.ndarray, seed: int) -> TensorBatch:
        batch = self._feed.batch(rows, seed, self.config.masked)
        return to_tensors(batch, self.model.config, self._device.name)

    def _kept_loss(self, size: int) -> float:
        self.model.eval()
        total, count = 0.0, 0
        with torch.inference_mode(), self._device.autocast():
            for start in range(0, len(self._kept), size):
                rows = self._kept[start : start + size]
                loss, targets = summed_loss(self.model, self._masked(rows, self.config.seed))
                total, count = total + float(loss), count + targets
        return total / max(1, count)
