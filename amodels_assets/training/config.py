"""Settings of a training of the Relational Transformer, as plain data without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from amodels_assets.datasets.text_vectors import ENCODERS
from amodels_assets.training.context_sampler import SamplerConfig
from amodels_assets.training.loop_config import ConfigError, LoopConfig
from amodels_assets.training.network_config import NetworkConfig

__all__ = ["ConfigError", "TrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(LoopConfig):
    """A training of the Relational Transformer.

    Attributes:
        sampler: Bounds of a context.
        model: Size of the network; its text width goes by the encoder.
        encoder: Of texts and names: ``hashing`` or ``sentence``.
        hidden_rows: Share of the context's rows that a training step does not show.
        label_smoothing: Share of a binary label that is spread over both.
        history: What the loss of telling the entity's history counts beside the label's at the
            first step; it falls to nothing at the last.
        masked: Share of the cells that a pretraining step hides.
    """

    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    model: NetworkConfig = field(
        default_factory=lambda: NetworkConfig(width=48, blocks=2, heads=4, hidden=96, dropout=0.2)
    )
    encoder: str = "hashing"
    hidden_rows: float = 0.0
    label_smoothing: float = 0.0
    history: float = 1.0
    masked: float = 0.15

    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **LoopConfig.choices,
        "encoder": tuple(ENCODERS),
    }
    shares: ClassVar[tuple[str, ...]] = ("hidden_rows", "label_smoothing", "masked", "average")

    def __post_init__(self) -> None:
        """Refuse settings that no training could follow.

        Raises:
            ConfigError: One of them is out of its range.
        """
        super().__post_init__()
        if not self.history >= 0:
            raise ConfigError(f"history is {self.history}: give at least 0")
        width = ENCODERS[self.encoder]
        if self.model.text_width != width:
            object.__setattr__(self, "model", replace(self.model, text_width=width))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The settings out of :meth:`to_json`'s data."""
        settings: dict[str, Any] = {
            **raw,
            "sampler": SamplerConfig(**raw["sampler"]),
            "model": NetworkConfig(**raw["model"]),
        }
        return cls(**settings)
