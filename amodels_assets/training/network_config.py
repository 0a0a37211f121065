"""Size and shape of the network, as plain data without torch."""

from __future__ import annotations

from dataclasses import dataclass

from amodels_assets.training.batch import VALUE_WIDTH

# What a block attends to, step by step. The row's own cells and its parents come last, so that a
# target sees in the same block what its parents have just learned from their children.
ORDER = ("column", "neighbour", "feature")


@dataclass(frozen=True)
class NetworkConfig:
    """Size and shape of a :class:`~amodels_assets.training.network.RelationalTransformer`.

    Attributes:
        width: Features of a token.
        blocks: Number of blocks.
        heads: Attention heads; divides ``width``.
        hidden: Features inside the gated MLP.
        text_width: Features of a text vector and of a column-name vector.
        value_width: Features of a number, a truth value or a moment.
        full_attention: Whether a block ends in attention among all cells of a context.
        dropout: Share of the features of a cell's token that a training step does not show.
        order: Order of the attentions within a block.

    Raises:
        ValueError: Sizes or order make no network.
    """

    width: int = 128
    blocks: int = 4
    heads: int = 8
    hidden: int = 512
    text_width: int = 64
    value_width: int = VALUE_WIDTH
    full_attention: bool = False
    dropout: float = 0.0
    order: tuple[str, ...] = ORDER

    def __post_init__(self) -> None:
        # A configuration read from JSON brings a list.
        object.__setattr__(self, "order", tuple(self.order))
        if self.width % self.heads:
            raise ValueError(f"width {self.width} must be a multiple of heads {self.heads}")
        if min(self.width, self.blocks, self.heads, self.hidden, self.text_width) < 1:
            raise ValueError("width, blocks, heads, hidden and text_width must be at least 1")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}: give at least 0, less than 1")
        if sorted(self.order) != sorted(ORDER):
            raise ValueError(f"order must name each of {', '.join(ORDER)} once, not {self.order}")

    @property
    def attentions(self) -> tuple[str, ...]:
        """Attentions of a block, in their order."""
        return (*self.order, "full") if self.full_attention else self.order
