"""Conversations that begin alike, as a tree: what they have in common stands once.

Belongs here: which tokens are shared, and who comes before whom. Does not belong here: tensors
(``batch.py``), attention (``attention.py``). Imports no torch.

All questions begin with the same instruction, and several ask about the same excerpt of the
catalog. Keys and values of a token depend on what is before it alone, so those of a common
beginning are the same in all conversations that have it: computed once and seen by all, losses and
gradients are those of the conversations apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from amodels_assets.questions.packing import TokenizedConversation

# A shorter common beginning saves less than another piece costs.
SHORTEST = 16


@dataclass(frozen=True)
class Piece:
    """Some tokens that stand behind one another in one or more conversations.

    Attributes:
        tokens: int32, shape (n,).
        start: Position of the first in its conversations.
        parent: Place of the piece before it in the tree; -1 for none.
    """

    tokens: np.ndarray
    start: int
    parent: int


@dataclass
class Tree:
    """Conversations as pieces.

    Attributes:
        pieces: Parents come before their children.
        paths: Of each conversation the places of its pieces, first to last.
    """

    pieces: list[Piece] = field(default_factory=list)
    paths: dict[int, list[int]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Tokens of all pieces."""
        return sum(len(piece.tokens) for piece in self.pieces)


def tree_of(conversations: Sequence[TokenizedConversation]) -> Tree:
    """Join conversations where they begin with the same tokens."""
    tree = Tree()
    tokens = [conversation.tokens for conversation in conversations]
    _grow(tree, tokens, in_order(conversations), 0, [])
    return tree


def in_order(conversations: Sequence[TokenizedConversation]) -> list[int]:
    """Places of conversations such that those that begin alike are neighbours."""
    keys = [conversation.tokens.tolist() for conversation in conversations]
    return sorted(range(len(keys)), key=keys.__getitem__)


def shared(first: np.ndarray, second: np.ndarray) -> int:
    """How many tokens two texts begin with."""
    most = min(len(first), len(second))
    differing = np.flatnonzero(first[:most] != second[:most])
    return int(differing[0]) if len(differing) else most


def bundles_of(
    conversations: Sequence[TokenizedConversation], length: int, most: int
) -> list[tuple[int, ...]]:
    """Conversations that should be trained on together, as they share more than all do.

    Args:
        conversations: None is longer than ``length``.
        length: Tokens of a bundle's tree at most.
        most: Conversations of a bundle at most.

    Returns:
        Places of the conversations of each bundle; each conversation is in one.
    """
    order = in_order(conversations)
    tokens = [conversation.tokens for conversation in conversations]
    common = shared(tokens[order[0]], tokens[order[-1]])
    bundles: list[list[int]] = []
    size = 0
    for place in order:
        if bundles and len(bundles[-1]) < most:
            # As sorted, the first shares least with the newest.
            same = shared(tokens[bundles[-1][0]], tokens[place])
            last = shared(tokens[bundles[-1][-1]], tokens[place])
            added = len(tokens[place]) - last
            if same >= common + SHORTEST and size + added + SHORTEST <= length:
                bundles[-1].append(place)
                size += added + SHORTEST
                continue
        bundles.append([place])
        size = len(tokens[place])
    return [tuple(bundle) for bundle in bundles]


def _grow(
    tree: Tree, tokens: Sequence[np.ndarray], members: list[int], depth: int, path: list[int]
) -> None:
    """Add sorted conversations that agree up to ``depth``, where ``path`` ends."""
    first = tokens[members[0]]
    end = shared(first, tokens[members[-1]])
    if end - depth >= SHORTEST or len(members) == 1:
        if end > depth:
            tree.pieces.append(Piece(first[depth:end], depth, path[-1] if path else -1))
            path = [*path, len(tree.pieces) - 1]
        depth = end
    if len(members) == 1:
        tree.paths[members[0]] = path
        return
    group: list[int] = []
    for member in members:
        if group and shared(tokens[group[0]], tokens[member]) < depth + SHORTEST:
            _grow(tree, tokens, group, depth, path)
            group = []
        group.append(member)
    _grow(tree, tokens, group, depth, path)
