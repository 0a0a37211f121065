"""Requests that share a beginning as one sequence of tokens, and such sequences in batches.

Belongs here: the plan, as numbers. Does not belong here: the model (``scorer.py``).

Choices of one question have its context in common, and often the beginning of their own. A
:class:`Tree` holds every token once: the context, then a node for each different beginning of a
choice. A node sees the context and its own ancestors, so one pass over the tree gives the same
logits as a pass over each choice. The idea is that of speculative decoding with token trees
(SpecInfer, arXiv 2305.09781), used for scoring.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Tokens = Sequence[int]


@dataclass(frozen=True)
class Tree:
    """Continuations of one context.

    Attributes:
        context: Its tokens, without those that all requests share.
        nodes: Tokens after the context, parents first.
        parents: Place of each node's parent; -1 for the context's end.
        paths: For every continuation, the place of each token that predicts one of its own: -1 for
            the context's end, else a node. Its length is the continuation's.
        requests: Number of the request of each continuation.
    """

    context: tuple[int, ...]
    nodes: tuple[int, ...]
    parents: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    requests: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.context) + len(self.nodes)

    def depths(self) -> np.ndarray:
        """Position of each token after the shared ones; int64 (len,)."""
        depth: list[int] = []
        for parent in self.parents:
            depth.append(1 + (depth[parent] if parent >= 0 else -1))
        start = len(self.context)
        return np.concatenate([np.arange(start), start + np.array(depth, dtype=np.int64)])

    def sees(self) -> np.ndarray:
        """Which token (row) sees which (column); bool (len, len)."""
        start, size = len(self.context), len(self)
        found = np.tril(np.ones((size, size), dtype=bool))
        found[start:, start:] = False
        for place, parent in enumerate(self.parents):
            if parent >= 0:
                found[start + place] = found[start + parent]
            found[start + place, start + place] = True
        return found


def common_prefix(contexts: Sequence[Tokens], least: int) -> int:
    """How many tokens all contexts begin with; 0 where that is less than ``least``.

    At least one token of each context stays outside: the first answer is predicted there.
    """
    if len(contexts) < 2:
        return 0
    first, last = min(map(tuple, contexts)), max(map(tuple, contexts))
    shared = 0
    for ours, theirs in zip(first, last, strict=False):
        if ours != theirs:
            break
        shared += 1
    shared = min(shared, min(len(context) for context in contexts) - 1)
    return shared if shared >= least else 0


def make_trees(pairs: Sequence[tuple[Tokens, Tokens]], shared: int) -> list[Tree]:
    """One tree for every different context.

    Args:
        pairs: Context and continuation of each request, none of them empty.
        shared: Tokens that all contexts begin with and that are not to be in the trees.
    """
    by_context: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, (context, _) in enumerate(pairs):
        by_context[tuple(context)].append(number)
    return [
        _tree(context[shared:], [(number, pairs[number][1]) for number in numbers])
        for context, numbers in by_context.items()
    ]


def _tree(context: tuple[int, ...], continuations: Sequence[tuple[int, Tokens]]) -> Tree:
    nodes: list[int] = []
    parents: list[int] = []
    places: dict[tuple[int, int], int] = {}
    paths = []
    for _, tokens in continuations:
        place, path = -1, [-1]
        for token in tokens[:-1]:
            if (place, token) not in places:
                places[place, token] = len(nodes)
                nodes.append(token)
                parents.append(place)
            place = places[place, token]
            path.append(place)
        paths.append(tuple(path))
    numbers = tuple(number for number, _ in continuations)
    return Tree(context, tuple(nodes), tuple(parents), tuple(paths), numbers)


def batches(lengths: Sequence[int], budget: int, overhead: int) -> list[list[int]]:
    """Places of sequences that go together, the longest first, so that the work is least.

    Of all ways to cut the sequences, sorted by length, into batches the one is taken whose padded
    tokens, with those that a batch costs by itself, are fewest.

    Args:
        lengths: Of the sequences, at least 1.
        budget: Tokens of a batch at most, with padding; a longer sequence is a batch of its own.
        overhead: Tokens that could be computed in the time that a batch takes by itself.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    # least[n]: cost of the first n sequences; begins[n]: where their last batch begins.
    least, begins = [0], [0]
    for end in range(1, len(order) + 1):
        best, begin = least[end - 1] + overhead + lengths[order[end - 1]], end - 1
        for start in range(end - 2, -1, -1):
            padded = (end - start) * lengths[order[start]]
            if padded > budget:
                break
            if least[start] + overhead + padded < best:
                best, begin = least[start] + overhead + padded, start
        least.append(best)
        begins.append(begin)
    found = []
    end = len(order)
    while end:
        found.append(order[begins[end] : end])
        end = begins[end]
    return found[::-1]
