"""Settings that every training has, whatever it trains: what the loop and the optimizer go by.

Belongs here: plain data without torch. Does not belong here: settings of one kind of model
(``config.py``, ``language/config.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

# Threads that wait for each other spin for a moment only: on a machine with other work to do,
# spinning on makes training many times slower.
PROCESS_ENVIRONMENT = {"GOMP_SPINCOUNT": "1000"}
OPTIMIZERS = ("adamw", "muon")
SCHEDULES = ("cosine", "linear", "constant")
JUDGES = ("loss", "score")


class ConfigError(ValueError):
    """A setting cannot be used; the message says which and what it may be."""


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How steps are taken, looked at and kept.

    Attributes:
        seed: Decides initial weights, order of rows, dropout.
        threads: Threads of the process; part of the result, as sums are taken in another order.
        batch_size: Rows per step, over all micro-batches and processes.
        micro_batch: Rows that are computed at once; 0 for as many as memory holds.
        steps: Steps at most.
        optimizer: ``adamw``, or ``muon`` for the matrices inside the blocks.
        learning_rate: At its peak, after ``warmup`` steps.
        schedule: How it goes on from there: to zero along a ``cosine`` or ``linear``, or
            ``constant``.
        warmup: Steps until the peak.
        weight_decay: Of weights other than norms, biases and embeddings.
        clip: Largest norm of the gradients.
        average: Decay of the running average of the weights, which is what is kept; 0 for the
            weights as they are.
        evaluate_every: Steps between two looks at the validation split.
        judge: What decides which weights are kept: validation ``loss``, or ``score`` (AUROC,
            accuracy or R²).
        patience: Looks without improvement after which training ends.
        checkpoint_every: Steps between two checkpoints to resume from.
        keep: How many of those stay, beside the best.
    """

    seed: int = 0
    threads: int = 2
    batch_size: int = 64
    micro_batch: int = 0
    steps: int = 480
    optimizer: str = "muon"
    learning_rate: float = 6e-3
    schedule: str = "cosine"
    warmup: int = 48
    weight_decay: float = 0.3
    clip: float = 1.0
    average: float = 0.99
    evaluate_every: int = 80
    judge: str = "loss"
    patience: int = 4
    checkpoint_every: int = 80
    keep: int = 2

    # Of each setting that takes one of a few words: which.
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "judge": JUDGES,
    }
    # Steps between two lines about the training loss.
    loss_every: ClassVar[int] = 10
    # Settings that are shares of a whole.
    shares: ClassVar[tuple[str, ...]] = ("average",)

    def __post_init__(self) -> None:
        """Refuse settings that no training could follow.

        Raises:
            ConfigError: One of them is out of its range.
        """
        for name, known in self.choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}: give one of {', '.join(known)}"
                )
        counts = ("threads", "batch_size", "steps", "evaluate_every", "checkpoint_every", "keep")
        for name in counts:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give at least 1")
        for name in self.shares:
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give at least 0, less than 1")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate is {self.learning_rate}: give more than 0")

    @classmethod
    def for_steps(cls, steps: int) -> Self:
        """The settings for a run of at most ``steps`` steps; 0 for the usual number."""
        if not steps:
            return cls()
        often = max(1, steps // 8)
        return cls(
            steps=steps, warmup=max(1, steps // 10), evaluate_every=often, checkpoint_every=often
        )

    def changed(self, settings: Mapping[str, Any]) -> Self:
        """These settings with some of them changed.

        Args:
            settings: By name; those of a part, ``model`` say, as ``model.width``.

        Raises:
            ConfigError: One is unknown or cannot have that value.
        """
        raw = self.to_json()
        for name, value in settings.items():
            place, _, key = name.rpartition(".")
            part = raw.get(place) if place else raw
            if not isinstance(part, dict) or key not in part or isinstance(part[key], dict):
                raise ConfigError(f"there is no setting {name!r}: known are {_known(raw)}")
            part[key] = _fitting(name, value, part[key])
        try:
            return self.from_json(raw)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON-serialisable data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The settings out of :meth:`to_json`'s data."""
        return cls(**raw)


def _known(raw: Mapping[str, Any]) -> str:
    """Names of all settings, and of the parts that have some of their own."""
    parts = [f"{name}." for name, value in raw.items() if isinstance(value, dict)]
    plain = ", ".join(name for name, value in raw.items() if not isinstance(value, dict))
    return f"{plain}, and those below {' and '.join(parts)}" if parts else plain


def _fitting(name: str, value: object, before: object) -> object:
    """A value of the kind that was there before."""
    if isinstance(before, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind = (list, tuple) if isinstance(before, list | tuple) else type(before)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{name} is {value!r}: give a value such as {before!r}")
    return value
