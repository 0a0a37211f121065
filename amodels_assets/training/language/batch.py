"""Conversations of a batch as tensors: one after the other, without any filling.

Belongs here: where which token stands, and which of them count. Does not belong here: what
conversations share (``tree.py``), attention (``attention.py``). Imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from amodels_assets.questions.packing import TokenizedConversation
from amodels_assets.training.language.tree import tree_of


@dataclass(frozen=True)
class Segments:
    """Who sees whom: a token what is before it in its segment and in those that this hangs on.

    Attributes:
        sizes: Tokens of each segment.
        before: Of each segment those that it hangs on, from the beginning on.
    """

    sizes: tuple[int, ...]
    before: tuple[tuple[int, ...], ...]
    _masks: dict[tuple[int, int, int], Tensor] = field(
        default_factory=dict, compare=False, repr=False
    )

    def mask(self, queries: int, keys: int, window: int | None, like: Tensor) -> Tensor:
        """What is added to the scores of the last tokens of a text.

        Args:
            queries: How many of them.
            keys: Tokens of the text.
            window: How far back a token sees, itself included; None for all the way.
            like: Has the type and the device.

        Returns:
            Shape (queries, keys): 0, or minus infinity.
        """
        key = (queries, keys, window or 0)
        if key not in self._masks:
            earlier = keys - queries
            seen = torch.ones(queries, keys, dtype=torch.bool, device=like.device).tril(earlier)
            if window:
                seen &= ~torch.ones_like(seen).tril(earlier - window)
            zero = torch.zeros(queries, keys, dtype=like.dtype, device=like.device)
            self._masks[key] = zero.masked_fill(~seen, -torch.inf)
        return self._masks[key]


@dataclass(frozen=True)
class PackedBatch:
    """Some conversations.

    Attributes:
        tokens: int64, shape (1, n).
        positions: int64, shape (1, n): from 0 within each conversation.
        segments: Which of them belong together.
        places: int64, shape (targets,): what is at these places has to foresee what comes next.
        targets: int64, shape (targets,): what comes next.
        answers: Targets of each conversation, in the order in which they were given.
    """

    tokens: Tensor
    positions: Tensor
    segments: Segments
    places: Tensor
    targets: Tensor
    answers: tuple[int, ...]


def pack(conversations: Sequence[TokenizedConversation], device: str = "cpu") -> PackedBatch:
    """Put conversations behind one another, what they have in common once.

    Args:
        conversations: At least one.
        device: Where the tensors go.
    """
    tree = tree_of(conversations)
    sizes = [len(piece.tokens) for piece in tree.pieces]
    starts = np.cumsum([0, *sizes])
    before: list[tuple[int, ...]] = []
    for piece in tree.pieces:
        before.append(() if piece.parent < 0 else (*before[piece.parent], piece.parent))
    positions = [piece.start + np.arange(len(piece.tokens)) for piece in tree.pieces]
    places, targets = [], []
    for number, conversation in enumerate(conversations):
        path = tree.paths[number]
        stand = np.concatenate([np.arange(starts[n], starts[n + 1]) for n in path])
        counting = np.flatnonzero(conversation.assistant)
        # The first token has nothing before it that could foresee it.
        counting = counting[counting > 0]
        places.append(stand[counting - 1])
        targets.append(conversation.tokens[counting])

    def tensor(parts: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts).astype(np.int64)).to(device)

    return PackedBatch(
        tensor([piece.tokens for piece in tree.pieces])[None],
        tensor(positions)[None],
        Segments(tuple(sizes), tuple(before)),
        tensor(places),
        tensor(targets),
        tuple(len(part) for part in targets),
    )
