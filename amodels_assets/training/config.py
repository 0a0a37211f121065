"""Settings of a training run, as plain data without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from amodels_assets.datasets.text_vectors import ENCODERS
from amodels_assets.training.context_sampler import SamplerConfig
from amodels_assets.training.network_config import NetworkConfig

# Threads that wait for each other spin for a moment only: on a machine with other work to do,
# spinning on makes training many times slower.
PROCESS_ENVIRONMENT = {"GOMP_SPINCOUNT": "1000"}
OPTIMIZERS = ("adamw", "muon")
SCHEDULES = ("cosine", "linear", "constant")
JUDGES = ("loss", "score")


class ConfigError(ValueError):
    """A setting cannot be used; the message says which and what it may be."""


@dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    Attributes:
        sampler: Bounds of a context.
        model: Size of the network; its text width goes by the encoder.
        encoder: Of texts and names: ``hashing`` or ``sentence``.
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
        average: Decay of the running average of the weights, which is what is kept.
        hidden_rows: Share of the context's rows that a training step does not show.
        label_smoothing: Share of a binary label that is spread over both.
        masked: Share of the cells that a pretraining step hides.
        evaluate_every: Steps between two looks at the validation split.
        judge: What decides which weights are kept: validation ``loss``, or ``score`` (AUROC,
            accuracy or R²).
        patience: Looks without improvement after which training ends.
        checkpoint_every: Steps between two checkpoints to resume from.
        keep: How many of those stay, beside the best.
    """

    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    model: NetworkConfig = field(
        default_factory=lambda: NetworkConfig(width=48, blocks=3, heads=4, hidden=96, dropout=0.2)
    )
    encoder: str = "hashing"
    seed: int = 0
    threads: int = 2
    batch_size: int = 64
    micro_batch: int = 0
    steps: int = 320
    optimizer: str = "muon"
    learning_rate: float = 6e-3
    schedule: str = "cosine"
    warmup: int = 32
    weight_decay: float = 0.05
    clip: float = 1.0
    average: float = 0.99
    hidden_rows: float = 0.0
    label_smoothing: float = 0.0
    masked: float = 0.15
    evaluate_every: int = 80
    judge: str = "loss"
    patience: int = 4
    checkpoint_every: int = 80
    keep: int = 2

    def __post_init__(self) -> None:
        """Refuse settings that no training could follow.

        Raises:
            ConfigError: One of them is out of its range.
        """
        choices = {
            "optimizer": OPTIMIZERS,
            "schedule": SCHEDULES,
            "judge": JUDGES,
            "encoder": tuple(ENCODERS),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}: give one of {', '.join(known)}"
                )
        width = ENCODERS[self.encoder]
        if self.model.text_width != width:
            object.__setattr__(self, "model", replace(self.model, text_width=width))
        for name in (
            "threads",
            "batch_size",
            "steps",
            "evaluate_every",
            "checkpoint_every",
            "keep",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give at least 1")
        for name in ("hidden_rows", "label_smoothing", "masked", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give at least 0, less than 1")
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate is {self.learning_rate}: give more than 0")

    @classmethod
    def for_steps(cls, steps: int) -> TrainingConfig:
        """The settings for a run of at most ``steps`` steps; 0 for the usual number."""
        if not steps:
            return cls()
        often = max(1, steps // 8)
        return cls(
            steps=steps, warmup=max(1, steps // 10), evaluate_every=often, checkpoint_every=often
        )

    def changed(self, settings: Mapping[str, Any]) -> TrainingConfig:
        """These settings with some of them changed.

        Args:
            settings: By name; those of ``sampler`` and ``model`` as ``sampler.width`` say.

        Raises:
            ConfigError: One is unknown or cannot have that value.
        """
        raw = self.to_json()
        for name, value in settings.items():
            place, _, key = name.rpartition(".")
            part = raw.get(place) if place else raw
            if not isinstance(part, dict) or key not in part or isinstance(part[key], dict):
                known = ", ".join(k for k, v in raw.items() if not isinstance(v, dict))
                raise ConfigError(
                    f"there is no setting {name!r}: known are {known}, and those below sampler. "
                    "and model."
                )
            part[key] = _fitting(name, value, part[key])
        try:
            return TrainingConfig.from_json(raw)
        except ValueError as error:
            raise ConfigError(str(error)) from error

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON-serialisable data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> TrainingConfig:
        """The settings out of :meth:`to_json`'s data."""
        settings: dict[str, Any] = {
            **raw,
            "sampler": SamplerConfig(**raw["sampler"]),
            "model": NetworkConfig(**raw["model"]),
        }
        return cls(**settings)


def _fitting(name: str, value: object, before: object) -> object:
    """A value of the kind that was there before."""
    if isinstance(before, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind = list if isinstance(before, list | tuple) else type(before)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{name} is {value!r}: give a value such as {before!r}")
    return value
