"""Settings of a training run, as plain data without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from amodels_assets.training.sampler import SamplerConfig

# Threads that wait for each other spin for a moment only: on a machine with other work to do,
# spinning on makes training many times slower.
PROCESS_ENVIRONMENT = {"GOMP_SPINCOUNT": "1000"}


@dataclass(frozen=True)
class ModelConfig:
    """Size of the network.

    Attributes:
        width: Features of a token.
        blocks: Number of blocks.
        heads: Attention heads; divides ``width``.
        hidden: Features inside the gated MLP.
    """

    width: int = 48
    blocks: int = 2
    heads: int = 4
    hidden: int = 96


@dataclass(frozen=True)
class TrainingConfig:
    """A training run.

    Attributes:
        sampler: Bounds of a context.
        model: Size of the network.
        seed: Decides initial weights, order of rows, dropout.
        threads: Threads of the process; part of the result, as sums are taken in another order.
        batch_size: Rows per step.
        steps: Steps at most.
        learning_rate: At its peak, after ``warmup`` steps; falls to zero along a cosine.
        warmup: Steps until the peak.
        weight_decay: AdamW's.
        average: Decay of the running average of the weights, which is what is kept.
        hidden_rows: Share of the context's rows that a training step does not show.
        evaluate_every: Steps between two looks at the validation split.
        patience: Looks without improvement after which training ends.
        checkpoint_every: Steps between two checkpoints to resume from.
    """

    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    seed: int = 0
    threads: int = 2
    batch_size: int = 32
    steps: int = 800
    learning_rate: float = 4e-3
    warmup: int = 80
    weight_decay: float = 0.05
    average: float = 0.99
    hidden_rows: float = 0.1
    evaluate_every: int = 100
    patience: int = 4
    checkpoint_every: int = 100

    @classmethod
    def for_steps(cls, steps: int) -> TrainingConfig:
        """The settings for a run of at most ``steps`` steps; 0 for the usual number."""
        if not steps:
            return cls()
        often = max(1, steps // 8)
        return cls(
            steps=steps, warmup=max(1, steps // 10), evaluate_every=often, checkpoint_every=often
        )

    def to_json(self) -> dict[str, Any]:
        """The settings as JSON-serialisable data."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> TrainingConfig:
        """The settings out of :meth:`to_json`'s data."""
        settings: dict[str, Any] = {
            **raw,
            "sampler": SamplerConfig(**raw["sampler"]),
            "model": ModelConfig(**raw["model"]),
        }
        return cls(**settings)
