"""Trains the Relational Transformer on one task.

Belongs here: what a step of fine-tuning is about, its loss, and the look at the validation split.
Does not belong here: the loop (``loop.py``), Dagster (``run.py``), the network (``network.py``).
Imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from amodels_assets.training.batch import BOOLEAN, Batch
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.execution import Execution
from amodels_assets.training.feeds import Feed
from amodels_assets.training.history import History, history_of
from amodels_assets.training.inference import AT_ONCE, judged, outputs
from amodels_assets.training.loop_config import LoopConfig
from amodels_assets.training.material import (
    Material,
    Parent,
    load_material,
    make_network,
    read_parent,
)
from amodels_assets.training.memory import Portions
from amodels_assets.training.relational_work import RelationalWork
from amodels_assets.training.session import run_training
from amodels_assets.training.tensors import TensorBatch, to_tensors
from amodels_assets.training.work import Look, Order, Progress, TrainingError, TrainingResult

__all__ = ["FineTuning", "TrainingError", "TrainingResult", "shuffled", "step_seed", "train"]


def train(
    dataset_folder: Path,
    out_folder: Path,
    config: TrainingConfig,
    progress: Progress,
    execution: Execution = Execution(),  # noqa: B008 (frozen)
    *,
    parent_folder: Path | None = None,
) -> TrainingResult:
    """Train, or go on where a stopped run was, and write the finished checkpoint.

    Args:
        dataset_folder: What ``datasets`` built.
        out_folder: Gets ``model.safetensors``, ``config.json`` and ``metrics.jsonl``; holds the
            steps to resume from in the meantime.
        config: The settings.
        progress: Called with step, steps and newest figures.
        execution: How this installation runs it.
        parent_folder: A pretrained checkpoint to start from.

    Raises:
        DatasetError: The data set cannot be read.
        CheckpointError: The parent cannot be used.
        TrainingError: The loss is no number any more.
    """
    parent = read_parent(parent_folder) if parent_folder else None

    def make_work(device: Device) -> FineTuning:
        material = load_material(dataset_folder, config, cache=execution.cache)
        return FineTuning(material, config, device, parent)

    return run_training(make_work, config, out_folder, progress, execution)


class FineTuning(RelationalWork):
    """One task's training split, in an order that only the seed decides."""

    mode = "finetune"

    def __init__(
        self,
        material: Material,
        config: TrainingConfig,
        device: Device,
        parent: Parent | None = None,
    ) -> None:
        """Make the network.

        Raises:
            TrainingError: A split that is needed has no rows.
        """
        self.config = config
        self.material = material
        self._device = device
        self._parent = parent
        self.train = material.feed("train", config)
        self._validation = material.feed("validation", config)
        for split, feed in (("train", self.train), ("validation", self._validation)):
            if not len(feed):
                raise TrainingError(f"the split {split} has no rows: check the task's dates")
        self._portions = Portions(AT_ONCE, device)
        self.model = make_network(config, material.store, device, parent)
        self._history = self._taught()
        rate = float(self.train.labels.mean())
        if parent is None and self.train.kind == BOOLEAN and 0 < rate < 1:
            # Starting from the base rate saves the first steps.
            torch.nn.init.constant_(self.model.heads.boolean.bias, math.log(rate / (1 - rate)))

    def orders(self, first: int) -> Iterator[Order]:
        """Rows of the training split, each once before any comes again."""
        return shuffled(len(self.train), self.config, first)

    def batch(self, order: Order, part: slice) -> TensorBatch:
        """Contexts with a share of their rows hidden, and what their history comes to."""
        batch = self.tensors(self.train, order, part)
        if self._history is None:
            return batch
        # At the end only what is asked for counts.
        weight = self.config.history * (1 - order.step / self.config.steps)
        told = torch.from_numpy(self._history.values[order.rows[part]]).to(self._device.name)
        return replace(batch, history=told, history_weight=weight)

    def tensors(self, feed: Feed, order: Order, part: slice) -> TensorBatch:
        """Contexts of some rows of a feed with a share of their rows hidden."""
        seed = step_seed(self.config.seed, order.step)
        batch = feed.batch(order.rows[part], seed, self.config.hidden_rows)
        return to_tensors(self._smoothed(batch), self.model.config, self._device.name)

    def loss(self, batch: TensorBatch) -> tuple[Tensor, int]:
        """Cross-entropy of classes, Huber's loss of numbers."""
        return summed_loss(self.model, batch)

    def look(self) -> Look:
        """Loss and score on the validation split."""
        said = outputs(self.model, self._validation, self._device, self._portions)
        return judged(said, self._validation)

    def manifest(self) -> dict[str, Any]:
        """Data, and where the weights came from."""
        parent = self._parent.to_json() if self._parent else None
        # What the rows of ``history.weight`` told.
        taught = list(self._history.names) if self._history else []
        return {**self.material.manifest(), "split": "train", "parent": parent, "history": taught}

    def _taught(self) -> History | None:
        """What the training rows' history comes to, if there is one and it counts."""
        # Rows of a stream come without one.
        if not self.config.history or self.mode != FineTuning.mode:
            return None
        history = history_of(self.material.dataset)
        if not history.names:
            return None
        self.model.teach_history(len(history.names))
        return history

    def _smoothed(self, batch: Batch) -> Batch:
        share = self.config.label_smoothing
        if not share or self.train.kind != BOOLEAN:
            return batch
        numbers = batch.targets.numbers * np.float32(1 - share) + np.float32(share / 2)
        return replace(batch, targets=replace(batch.targets, numbers=numbers))


def summed_loss(network: Any, batch: TensorBatch) -> tuple[Tensor, int]:
    """Sum of the losses of a batch's targets, and how many of them count."""
    states = network(batch)
    losses = network.loss(states, batch.targets)
    count = sum(losses.counts.values())
    if batch.history is None:
        return losses.total * count, count
    told = batch.history_weight * network.history_loss(states, batch.history)
    # Its gradients count, its value does not: what is reported stays the targets' loss.
    return (losses.total + told - told.detach()) * count, count


def shuffled(count: int, config: LoopConfig, first: int) -> Iterator[Order]:
    """Orders over ``count`` rows from step ``first`` on; what does not fill a batch is left out."""
    size = min(config.batch_size, count)
    step, last = first, -1
    order = np.empty(0, np.int64)
    while True:
        epoch, place = divmod(step, count // size)
        if epoch != last:
            order = np.random.default_rng([config.seed, 0, epoch]).permutation(count)
            last = epoch
        yield Order(step, order[place * size : (place + 1) * size])
        step += 1


def step_seed(seed: int, step: int) -> int:
    """Seed of everything that is drawn for the contexts of a step."""
    return int(np.random.SeedSequence([seed, 2, step]).generate_state(1, np.uint64)[0])
