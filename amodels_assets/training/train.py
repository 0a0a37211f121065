"""Trains the Relational Transformer on one task.

Belongs here: the training loop, what of it is saved and how it goes on after a kill. Does not
belong here: Dagster (``run.py``), the network (``model.py``). Imports torch.

Everything random of a step is derived from the seed and the step's number, so a run that was killed
and went on has the very same weights as one that was not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from amodels_assets.artifacts import write_atomically
from amodels_assets.datasets.dataset import RelationalDataset, open_dataset
from amodels_assets.training.checkpoint import (
    METRICS_FILE,
    STEPS_FOLDER,
    Step,
    latest_step,
    remove_steps,
    save_step,
    write_checkpoint,
)
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.encode import build_cells
from amodels_assets.training.feed import Feed
from amodels_assets.training.model import RelationalTransformer, predict, to_tensors
from amodels_assets.training.ranking import auroc

_LOSS_EVERY = 10

Metrics = Mapping[str, float | int]
Progress = Callable[[int, int, Metrics], None]


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why."""


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to: steps taken, and the kept state's step, loss and validation score."""

    steps: int
    best_step: int
    validation_loss: float
    validation_auroc: float
    refused_checkpoints: tuple[str, ...]
    resumed_from: int


def train(
    dataset_folder: Path, out_folder: Path, config: TrainingConfig, progress: Progress
) -> TrainingResult:
    """Train, or go on where a killed run stopped, and write the finished checkpoint.

    Args:
        dataset_folder: What ``datasets`` built.
        out_folder: Gets ``model.safetensors``, ``config.json`` and ``metrics.jsonl``; holds the
            steps to resume from in the meantime.
        config: The settings.
        progress: Called with step, steps and newest figures.

    Raises:
        DatasetError: The data set cannot be read.
        TrainingError: The loss is no number any more.
    """
    torch.set_num_threads(config.threads)
    torch.use_deterministic_algorithms(True)
    dataset = open_dataset(dataset_folder)
    run = _Run(dataset, config)
    resume = latest_step(out_folder)
    if resume.step is not None:
        run.restore(resume.step)
    start = run.step
    while run.step < config.steps and run.waits <= config.patience:
        run.advance()
        if run.step % config.evaluate_every == 0 or run.step == config.steps:
            run.look()
        if run.step % config.checkpoint_every == 0:
            save_step(out_folder, run.snapshot())
        progress(run.step, config.steps, run.metrics[-1] if run.metrics else {})
    return _finish(run, out_folder, resume.refused, start)


def _finish(run: _Run, folder: Path, refused: list[str], start: int) -> TrainingResult:
    lines = "".join(json.dumps(line) + "\n" for line in run.metrics)
    write_atomically(folder / METRICS_FILE, lines.encode())
    best = {name: tensor.numpy() for name, tensor in run.best.items()}
    result = TrainingResult(
        run.step, run.best_step, run.best_loss, run.best_auroc, tuple(refused), start
    )
    config = {
        "architecture": "relational_transformer",
        "training": run.config.to_json(),
        "dataset": run.dataset.spec.to_json(),
        "statistics": {name: asdict(value) for name, value in run.dataset.statistics.items()},
        "result": {
            "steps": result.steps,
            "best_step": result.best_step,
            "validation_loss": result.validation_loss,
            "validation_auroc": result.validation_auroc,
        },
    }
    write_checkpoint(folder, best, config)
    remove_steps(folder)
    for path in folder.glob(f"{STEPS_FOLDER}*"):
        raise TrainingError(f"{path} could not be removed")
    return result


class _Run:
    """State of a run between two steps."""

    def __init__(self, dataset: RelationalDataset, config: TrainingConfig) -> None:
        self.config = config
        self.dataset = dataset
        self.store = build_cells(dataset, dataset.statistics)
        self.train = Feed.of_split(dataset, self.store, "train", config.sampler)
        self.validation = Feed.of_split(dataset, self.store, "validation", config.sampler)
        torch.manual_seed(config.seed)
        self.model = RelationalTransformer(config.model)
        self.model.bind(self.store.texts, self.store.names)
        # Starting from the base rate saves the first steps.
        rate = float(self.train.labels.mean())
        torch.nn.init.constant_(self.model.binary_head.bias, math.log(rate / (1 - rate)))
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": config.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=config.learning_rate,
            betas=(0.9, 0.98),
        )
        self.average = _copy(self.model)
        self.best = _copy(self.model)
        self.best_loss, self.best_auroc, self.best_step = math.inf, 0.0, 0
        self.step = self.waits = 0
        self.metrics: list[Metrics] = []
        self.losses: list[float] = []

    def advance(self) -> None:
        """Take one step."""
        config = self.config
        rows = self._rows(self.step)
        rng = np.random.default_rng([config.seed, 1, self.step])
        torch.manual_seed(int(rng.integers(2**62)))
        batch = self.train.batch(rows, rng, config.hidden_rows)
        labels = torch.from_numpy(self.train.labels[rows]).float()
        self.model.train()
        rate = _learning_rate(config, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(to_tensors(batch))
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(f"the loss is {value} at step {self.step}: lower the learning rate")
        decay = min(config.average, self.step / (self.step + 10))
        with torch.no_grad():
            for name, tensor in self.model.state_dict().items():
                self.average[name].lerp_(tensor, 1 - decay)
        self.losses.append(value)
        if self.step % _LOSS_EVERY == 0:
            mean = sum(self.losses) / len(self.losses)
            self.metrics.append({"step": self.step, "loss": mean, "learning_rate": rate})
            self.losses = []

    def look(self) -> None:
        """Score the averaged weights on the validation split and keep the best."""
        current = _copy(self.model)
        self.model.load_state_dict(self.average)
        logits = predict(self.model, self.validation)
        self.model.load_state_dict(current)
        labels = self.validation.labels
        loss = float(np.mean(np.logaddexp(0.0, logits) - labels * logits))
        score = auroc(labels, logits)
        self.metrics.append({"step": self.step, "validation_loss": loss, "validation_auroc": score})
        self.waits += 1
        if loss < self.best_loss:
            self.best_loss, self.best_auroc, self.best_step = loss, score, self.step
            self.best = {name: tensor.clone() for name, tensor in self.average.items()}
            self.waits = 0

    def snapshot(self) -> Step:
        """Everything needed to go on from here."""
        tensors = {f"model.{n}": t.numpy().copy() for n, t in self.model.state_dict().items()}
        tensors |= {f"average.{name}": tensor.numpy() for name, tensor in self.average.items()}
        tensors |= {f"best.{name}": tensor.numpy() for name, tensor in self.best.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            for name, tensor in state.items():
                tensors[f"optimizer.{number}.{name}"] = tensor.numpy()
        state = {
            "best": [self.best_loss, self.best_auroc, self.best_step],
            "waits": self.waits,
            "metrics": self.metrics,
            "losses": self.losses,
        }
        return Step(self.step, tensors, state)

    def restore(self, step: Step) -> None:
        """Go back to a saved moment."""
        self.step = step.number
        self.model.load_state_dict(_group(step.tensors, "model."))
        self.average = _group(step.tensors, "average.")
        self.best = _group(step.tensors, "best.")
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _group(step.tensors, "optimizer.").items():
            number, _, key = name.partition(".")
            state.setdefault(int(number), {})[key] = tensor
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.best_loss, self.best_auroc, self.best_step = step.state["best"]
        self.waits = step.state["waits"]
        self.metrics = step.state["metrics"]
        self.losses = step.state["losses"]

    def _rows(self, step: int) -> np.ndarray:
        count = len(self.train.labels)
        size = min(self.config.batch_size, count)
        epoch, place = divmod(step, count // size)
        order = np.random.default_rng([self.config.seed, 0, epoch]).permutation(count)
        return order[place * size : (place + 1) * size]


def _learning_rate(config: TrainingConfig, step: int) -> float:
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _copy(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _group(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, torch.Tensor]:
    def chosen() -> Iterator[tuple[str, torch.Tensor]]:
        for name, array in tensors.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), torch.from_numpy(array.copy())

    return dict(chosen())
