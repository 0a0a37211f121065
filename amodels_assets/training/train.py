"""Trains the Relational Transformer on one task.

Belongs here: what a step of fine-tuning is about, its loss, and the look at the validation split.
Does not belong here: the loop (``loop.py``), Dagster (``run.py``), the network (``model.py``).
Imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.device import Device
from amodels_assets.training.encode import build_cells
from amodels_assets.training.execution import Execution
from amodels_assets.training.feed import Feed
from amodels_assets.training.memory import Portions
from amodels_assets.training.model import RelationalTransformer, TensorBatch, predict, to_tensors
from amodels_assets.training.ranking import auroc
from amodels_assets.training.session import run_training
from amodels_assets.training.versions import dataset_version
from amodels_assets.training.work import Look, Order, Progress, TrainingError, TrainingResult

__all__ = ["TrainingError", "TrainingResult", "train"]


def train(
    dataset_folder: Path,
    out_folder: Path,
    config: TrainingConfig,
    progress: Progress,
    execution: Execution = Execution(),  # noqa: B008 (frozen)
) -> TrainingResult:
    """Train, or go on where a stopped run was, and write the finished checkpoint.

    Args:
        dataset_folder: What ``datasets`` built.
        out_folder: Gets ``model.safetensors``, ``config.json`` and ``metrics.jsonl``; holds the
            steps to resume from in the meantime.
        config: The settings.
        progress: Called with step, steps and newest figures.
        execution: How this installation runs it.

    Raises:
        DatasetError: The data set cannot be read.
        TrainingError: The loss is no number any more.
    """

    def make_work(device: Device) -> FineTuning:
        return FineTuning(dataset_folder, config, device)

    return run_training(make_work, config, out_folder, progress, execution)


class FineTuning:
    """One task's training split, in an order that only the seed decides."""

    mode = "finetune"
    goes_on = False

    def __init__(self, folder: Path, config: TrainingConfig, device: Device) -> None:
        """Read the data set and make the network."""
        dataset = open_dataset(folder)
        self.config = config
        self._dataset = dataset
        self._version = dataset_version(folder)
        self._device = device
        store = build_cells(dataset, dataset.statistics)
        self._train = Feed.of_split(dataset, store, "train", config.sampler)
        self._validation = Feed.of_split(dataset, store, "validation", config.sampler)
        torch.manual_seed(config.seed)
        self.model = RelationalTransformer(config.model)
        self.model.bind(store.texts, store.names)
        # Starting from the base rate saves the first steps.
        rate = float(self._train.labels.mean())
        torch.nn.init.constant_(self.model.binary_head.bias, math.log(rate / (1 - rate)))
        self.model.to(device.name)

    def orders(self, first: int) -> Iterator[Order]:
        """Rows of the training split, each once before any comes again."""
        count = len(self._train.labels)
        size = min(self.config.batch_size, count)
        step, last = first, -1
        order = np.empty(0, np.int64)
        while True:
            epoch, place = divmod(step, count // size)
            if epoch != last:
                order = np.random.default_rng([self.config.seed, 0, epoch]).permutation(count)
                last = epoch
            yield Order(step, order[place * size : (place + 1) * size])
            step += 1

    def batch(self, order: Order, part: slice) -> tuple[TensorBatch, Tensor]:
        """Contexts with a share of their rows hidden, and their labels."""
        rows = order.rows[part]
        rng = np.random.default_rng([self.config.seed, 2, order.step, part.start])
        batch = self._train.batch(rows, rng, self.config.hidden_rows)
        return to_tensors(batch), torch.from_numpy(self._train.labels[rows]).float()

    def loss(self, batch: tuple[TensorBatch, Tensor]) -> tuple[Tensor, int]:
        """Cross-entropy."""
        contexts, labels = batch
        smooth = self.config.label_smoothing
        wanted = labels * (1 - smooth) + smooth / 2
        logits = self.model(contexts)
        loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
        return loss, len(labels)

    def look(self, portions: Portions) -> Look:  # noqa: ARG002 (the dense masks set the size)
        """Loss and AUROC on the validation split."""
        logits = predict(self.model, self._validation)
        labels = self._validation.labels
        loss = float(np.mean(np.logaddexp(0.0, logits) - labels * logits))
        score = auroc(labels, logits)
        return Look(loss, score, {"validation_loss": loss, "validation_auroc": score})

    def manifest(self) -> dict[str, Any]:
        """Declaration, scaling and version of the data set."""
        statistics = {name: asdict(value) for name, value in self._dataset.statistics.items()}
        return {
            "dataset": self._dataset.spec.to_json(),
            "statistics": statistics,
            "data_versions": {self._dataset.spec.name: self._version},
            "split": "train",
            "parent": None,
        }

    def taken(self, order: Order) -> None:
        """Nothing to remember."""

    def state(self) -> dict[str, Any]:
        """The order of the rows follows from the step."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing to take back."""

    def saved(self) -> None:
        """Nobody waits for it."""
