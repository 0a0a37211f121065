"""Settings of a fine-tuning of a language model, as plain data without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from amodels_assets.training.loop_config import ConfigError, LoopConfig

FULL, LORA = MODES = ("full", "lora")
# An adapter begins as nothing and stands a higher rate than weights that say something already.
RATES = {FULL: 1e-4, LORA: 2e-3}


@dataclass(frozen=True)
class AdapterConfig:
    """A low-rank adapter (Hu et al., arXiv 2106.09685).

    Attributes:
        rank: Of the two matrices that stand for the change of one.
        alpha: The change is multiplied by ``alpha / rank``.
        dropout: Of what goes into the adapter.
        modules: Names of the layers that get one, with commas between; empty for all linear ones
            but the head.
        first_block: Blocks before this one stay as they are; nothing has to be differentiated
            through them.
    """

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    modules: str = ""
    first_block: int = 0

    def __post_init__(self) -> None:
        """Refuse what no adapter can have.

        Raises:
            ConfigError: A setting is out of its range.
        """
        if self.rank < 1:
            raise ConfigError(f"adapter.rank is {self.rank}: give at least 1")
        if self.first_block < 0:
            raise ConfigError(f"adapter.first_block is {self.first_block}: give at least 0")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"adapter.dropout is {self.dropout}: give at least 0, less than 1")


@dataclass(frozen=True, kw_only=True)
class LanguageConfig(LoopConfig):
    """A fine-tuning of a language model.

    A row of a batch is a sequence of conversations, packed one after the other.

    Attributes:
        mode: ``lora`` for an adapter beside the frozen weights, ``full`` for all weights.
        adapter: Of ``lora``.
        length: Tokens of a packed sequence at most, what conversations have in common counted
            once; longer conversations are left out.
        bundle: How many questions about the same excerpt are trained on together at most; what
            they have in common is computed once.
        closed_book: Share of the questions without an excerpt of the catalog that is trained on;
            those with one are trained on all.
        validation_questions: How many held-out questions a look goes over at most.
        gradient_checkpointing: Compute a block again on the way back instead of keeping what it
            computed: less memory, a third more time.
    """

    mode: str = LORA
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    length: int = 640
    bundle: int = 8
    closed_book: float = 0.0
    validation_questions: int = 48
    gradient_checkpointing: bool = False
    batch_size: int = 1
    micro_batch: int = 1
    steps: int = 30
    optimizer: str = "adamw"
    learning_rate: float = RATES[LORA]
    warmup: int = 3
    weight_decay: float = 0.0
    average: float = 0.0
    evaluate_every: int = 15
    checkpoint_every: int = 5

    # A step takes seconds.
    loss_every: ClassVar[int] = 1
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {**LoopConfig.choices, "mode": MODES}

    def __post_init__(self) -> None:
        """Refuse settings that no training could follow.

        Raises:
            ConfigError: One of them is out of its range.
        """
        super().__post_init__()
        if not 0 <= self.closed_book <= 1:
            raise ConfigError(f"closed_book is {self.closed_book}: give 0 to 1")
        for name in ("length", "bundle", "validation_questions"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: give at least 1")

    @classmethod
    def for_steps(cls, steps: int, mode: str = LORA) -> Self:
        """The settings for a run of at most ``steps`` steps; 0 for the usual number.

        A look costs as much as one or two steps: it is taken twice.

        Args:
            steps: Of the optimizer.
            mode: ``lora`` or ``full``, which differ in the learning rate.
        """
        usual: dict[str, Any] = {"mode": mode, "learning_rate": RATES.get(mode, RATES[LORA])}
        if not steps:
            return cls(**usual)
        return cls(
            **usual,
            steps=steps,
            warmup=max(1, steps // 10),
            evaluate_every=-(-steps // 2),
            checkpoint_every=max(1, steps // 6),
        )

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """The settings out of :meth:`to_json`'s data."""
        settings: dict[str, Any] = {**raw, "adapter": AdapterConfig(**raw["adapter"])}
        return cls(**settings)
