"""What the training loop asks of the thing that is trained, and what they tell each other.

Belongs here: the types between ``loop.py`` and the ways to train (``train.py``, ``pretrain.py``,
``stream.py``). Does not belong here: any of their code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from amodels_assets.training.loop_config import LoopConfig
from amodels_assets.training.meter import Usage

if TYPE_CHECKING:
    from torch import Tensor, nn

Metrics = Mapping[str, float | int]
Progress = Callable[[int, int, Metrics], None]


class TrainingError(RuntimeError):
    """Training cannot go on; the message says why."""


@dataclass(frozen=True)
class Order:
    """What one step is about.

    Attributes:
        step: Its number, from 0.
        rows: The examples, shape (n,); what the numbers mean is the work's business. Without any
            it is no step: nothing is to be done for the moment, and what was done is to be saved.
        note: Whatever the work wants to have back.
    """

    step: int
    rows: np.ndarray
    note: Any = None


@dataclass(frozen=True)
class Look:
    """How weights did on examples that are not trained on.

    Attributes:
        loss: Mean loss; lower is better.
        score: AUROC, accuracy, R² or the like; higher is better.
        figures: What is written down.
    """

    loss: float
    score: float
    figures: Metrics


@dataclass(frozen=True)
class TrainingResult:
    """What a run came to.

    Attributes:
        steps: Steps taken.
        best_step: At which step the kept weights were.
        figures: How they did.
        finished: False where it was asked to stop before its end; the same call goes on.
        resumed_from: Step from which it went on; 0 for the start.
        refused_checkpoints: Damaged steps that were passed over, a sentence each.
        micro_batch: Contexts that were computed at once in the end.
        usage: What it used of GPUs, over all attempts.
    """

    steps: int
    best_step: int
    figures: Metrics
    finished: bool
    resumed_from: int
    refused_checkpoints: tuple[str, ...]
    micro_batch: int
    usage: Usage


class Gradients(Protocol):
    """A work's own way from losses to the gradient of a step, one with differential privacy say.

    Where a work has one, an order without rows is a step too, and the loop neither divides by the
    number of targets nor clips, and writes no training loss down.
    """

    def accumulate(self, loss: Callable[[], tuple[Tensor, int]]) -> tuple[Tensor, int]:
        """Add a batch's share to the gradients of the model.

        Args:
            loss: Computes the batch's losses, summed, and over how many targets they go.

        Returns:
            What ``loss`` gave, without its graph.
        """
        ...

    def finish(self, step: int) -> None:
        """Make what all batches and processes gave the gradient of a step."""
        ...


class Work(Protocol):
    """What is trained, and on what. It may have ``gradients``, a :class:`Gradients`.

    Attributes:
        architecture: Kind of model, as a checkpoint names it.
        mode: ``finetune``, ``pretrain`` or ``stream``; ``full`` or ``lora``.
        libraries: Distributions that decide what comes out, beside those of every training.
        goes_on: Whether a finished run may go on later: its last steps stay.
    """

    architecture: str
    mode: str
    libraries: tuple[str, ...]
    goes_on: bool

    @property
    def config(self) -> LoopConfig:
        """The settings."""
        ...

    @property
    def model(self) -> nn.Module:
        """The network, on its device."""
        ...

    def orders(self, first: int) -> Iterator[Order]:
        """What the steps from ``first`` on are about."""
        ...

    def batch(self, order: Order, part: slice) -> Any:
        """Some of an order's examples as the model takes them; called from several threads."""
        ...

    def loss(self, batch: Any) -> tuple[Tensor, int]:
        """Sum of the losses of a batch, and over how many targets it goes."""
        ...

    def look(self) -> Look:
        """Judge the model as it is."""
        ...

    def manifest(self) -> dict[str, Any]:
        """What a checkpoint has to say of the data and of where the weights came from."""
        ...

    def write(
        self, folder: Path, weights: Mapping[str, Tensor], manifest: Mapping[str, Any]
    ) -> None:
        """Write the finished checkpoint, ``config.json`` last.

        Args:
            folder: Is there already.
            weights: Those that were kept, by the names of ``average.trained``.
            manifest: What ``config.json`` is to hold, without hashes.
        """
        ...

    def taken(self, order: Order) -> None:
        """A step was taken."""
        ...

    def state(self) -> dict[str, Any]:
        """What the work has to remember, JSON-serialisable."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` gave."""
        ...

    def saved(self) -> None:
        """A checkpoint that holds :meth:`state` is on the disk."""
        ...
