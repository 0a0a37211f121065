"""What each block of the network has to compute for the targets to be right.

Belongs here: index work on a batch's links; its loops are in ``plan_kernels.py``. Does not belong
here: tensors (``tensors.py``) and the network (``network.py``). Imports no torch, and numba only on
use.

Only the targets' states are read at the end. Going backwards from them, a block's MLP is needed for
the tokens that are read after it, an attention for the same tokens as queries, and what stands
before the attention for its queries and their keys. Everything else is left out, which changes no
output: often most of the last block and a part of the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amodels_assets.training.batch import Batch, Bucket

# From this share of the tokens on, computing all is cheaper than picking those that are needed.
NEARLY_ALL = 0.9


@dataclass(frozen=True)
class Groups:
    """One attention of one block, in buckets of groups of about the same size.

    Attributes:
        queries: Tokens that look, int32, ascending; None: every token does.
        keys: Tokens that are looked at, int32, ascending; None: every token may be. The same object
            as ``queries`` where they are the same tokens.
        sizes: Number of keys that a query sees, int32 (queries,).
        slots: Where each query stands in ``to_queries``, int32 (queries,).
        to_queries: Positions in ``queries``, int32: bucket by bucket (groups, most queries), padded
            with 0.
        to_keys: Positions in ``keys``, int32: bucket by bucket (groups, most keys), padded with 0.
        shapes: Groups, most queries and most keys of each bucket.
        seen: For each bucket whether a key is one and no padding, bool (groups, most keys); None:
            all are.
    """

    queries: np.ndarray | None
    keys: np.ndarray | None
    sizes: np.ndarray
    slots: np.ndarray
    to_queries: np.ndarray
    to_keys: np.ndarray
    shapes: tuple[tuple[int, int, int], ...]
    seen: tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class BlockPlan:
    """One block.

    Attributes:
        attentions: In the block's order; None where nobody looks at anything.
        mlp: Tokens that need the MLP, int32, ascending; None: every token does.
    """

    attentions: tuple[Groups | None, ...]
    mlp: np.ndarray | None


def plan_blocks(batch: Batch, attentions: Sequence[str], blocks: int) -> tuple[BlockPlan, ...]:
    """What the blocks have to compute.

    Args:
        batch: Contexts with their links and targets.
        attentions: Attentions of a block in their order: ``column``, ``neighbour``, ``feature``,
            ``full``.
        blocks: Number of blocks.

    Returns:
        A plan per block. Blocks that need the same share one.
    """
    links = {
        "column": batch.links.column,
        "neighbour": batch.links.neighbour,
        "feature": batch.links.feature,
    }
    if "full" in attentions:
        links["full"] = _whole_contexts(batch.contexts)
    flat = {name: _Flat.of(links[name]) for name in attentions}
    needed = np.zeros(batch.tokens, bool)
    needed[batch.targets.tokens] = True
    plans: list[BlockPlan] = []
    complete: dict[str, Groups | None] = {}
    for _ in range(blocks):
        mlp = _some(needed)
        found: list[Groups | None] = []
        for name in reversed(attentions):
            everything = bool(needed.all())
            if everything and name in complete:
                groups = complete[name]
            else:
                groups = _pack(flat[name], needed)
            if everything:
                complete[name] = groups
            else:
                needed = needed | _read(groups, batch.tokens)
            found.append(groups)
        plans.append(BlockPlan(tuple(reversed(found)), mlp))
    return tuple(reversed(plans))


def _whole_contexts(contexts: np.ndarray) -> tuple[Bucket, ...]:
    """Each context as one group; a bucket per context, as sizes differ little or much."""
    bounds = np.flatnonzero(np.diff(contexts, prepend=-1, append=-1))
    every = np.arange(len(contexts), dtype=np.int32)
    groups = (every[None, start:end] for start, end in pairwise(bounds))
    return tuple(Bucket(group, group) for group in groups)


def _some(needed: np.ndarray) -> np.ndarray | None:
    """The needed tokens; None where they are nearly all."""
    if needed.mean() >= NEARLY_ALL:
        return None
    return np.flatnonzero(needed).astype(np.int32)


def _read(groups: Groups | None, tokens: int) -> np.ndarray:
    """Which tokens an attention reads as keys."""
    read = np.zeros(tokens, bool)
    if groups is not None:
        read[groups.to_keys if groups.keys is None else groups.keys] = True
    return read


@dataclass(frozen=True)
class _Flat:
    """Buckets one after the other."""

    queries: np.ndarray
    keys: np.ndarray
    shapes: np.ndarray

    @classmethod
    def of(cls, buckets: Sequence[Bucket]) -> _Flat:
        nothing = [np.zeros(0, np.int32)]
        shapes = [(*bucket.queries.shape, bucket.keys.shape[1]) for bucket in buckets]
        return cls(
            np.concatenate(nothing + [bucket.queries.reshape(-1) for bucket in buckets]),
            np.concatenate(nothing + [bucket.keys.reshape(-1) for bucket in buckets]),
            np.array(shapes, np.int64).reshape(-1, 3),
        )


def _pack(flat: _Flat, needed: np.ndarray) -> Groups | None:
    """What is needed of the groups, as positions among the tokens that take part."""
    from amodels_assets.training.plan_kernels import pack

    (
        asking, every_query, shown, every_key, sizes, slots,
        to_queries, to_keys, is_key, kept, padded,
    ) = pack(flat.queries, flat.keys, flat.shapes, needed, NEARLY_ALL)  # fmt: skip
    if not len(asking):
        return None
    queries = None if every_query else asking
    keys = None if every_key else shown
    if queries is not None and keys is not None and np.array_equal(queries, keys):
        keys = queries
    shapes, seen, at = [], [], 0
    for (groups, most_queries, most_keys), some_padded in zip(
        kept.tolist(), padded.tolist(), strict=True
    ):
        if not groups:
            continue
        shapes.append((groups, most_queries, most_keys))
        end = at + groups * most_keys
        seen.append(is_key[at:end].reshape(groups, most_keys) if some_padded else None)
        at = end
    return Groups(queries, keys, sizes, slots, to_queries, to_keys, tuple(shapes), tuple(seen))
