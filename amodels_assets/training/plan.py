"""What each block of the network has to compute for the targets to be right.

Belongs here: index work on a batch's links, with numpy. Does not belong here: tensors
(``tensors.py``) and the network (``network.py``). Imports no torch.

Only the targets' states are read at the end. Going backwards from them, a block's MLP is needed for
the tokens that are read after it, an attention for the same tokens as queries, and what stands
before the attention for its queries and their keys. Everything else is left out, which changes no
output: often most of the last block and a part of the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from amodels_assets.training.batch import Batch, Bucket

# From this share of the tokens on, computing all is cheaper than picking those that are needed.
NEARLY_ALL = 0.9


@dataclass(frozen=True)
class PackedBucket:
    """Attention groups of about the same size, as positions among an attention's tokens.

    Attributes:
        queries: Positions in :attr:`Groups.queries`, int32 (groups, most queries); padded with 0.
        keys: Positions in :attr:`Groups.keys`, int32 (groups, most keys); padded with 0.
        seen: Whether a key is one and no padding, bool (groups, most keys); None: all are.
    """

    queries: np.ndarray
    keys: np.ndarray
    seen: np.ndarray | None


@dataclass(frozen=True)
class Groups:
    """One attention of one block.

    Attributes:
        queries: Tokens that look, int32, ascending; None: every token does.
        keys: Tokens that are looked at, int32, ascending; None: every token may be. The same object
            as ``queries`` where they are the same tokens.
        sizes: Number of keys that a query sees, int32 (queries,).
        buckets: The groups.
        slots: Where each query stands among the buckets' padded queries, int32 (queries,).
    """

    queries: np.ndarray | None
    keys: np.ndarray | None
    sizes: np.ndarray
    buckets: tuple[PackedBucket, ...]
    slots: np.ndarray


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
                groups = _pack(links[name], needed)
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
    if groups is None:
        return read
    for bucket in groups.buckets:
        seen = bucket.keys if bucket.seen is None else bucket.keys[bucket.seen]
        read[seen if groups.keys is None else groups.keys[seen]] = True
    return read


def _restrict(buckets: Iterable[Bucket], needed: np.ndarray) -> list[Bucket]:
    """The groups without queries that nobody needs, without groups that then have none."""
    kept = []
    for bucket in buckets:
        wanted = (bucket.queries >= 0) & needed[bucket.queries]
        most = int(wanted.sum(1).max(initial=0))
        if not most:
            continue
        groups = wanted.any(1)
        queries, keys = bucket.queries, bucket.keys
        if not (groups.all() and most == queries.shape[1]):
            # The wanted ones to the front of their group.
            front = np.argsort(~wanted, axis=1, kind="stable")[groups, :most]
            queries = np.take_along_axis(np.where(wanted, queries, -1)[groups], front, axis=1)
            keys = keys[groups]
        else:
            queries = np.where(wanted, queries, -1)
        widest = int(np.flatnonzero((keys >= 0).any(0))[-1]) + 1
        kept.append(Bucket(queries, keys[:, :widest]))
    return kept


def _pack(buckets: Iterable[Bucket], needed: np.ndarray) -> Groups | None:
    """Groups as positions among the tokens that take part."""
    kept = _restrict(buckets, needed)
    if not kept:
        return None
    tokens = len(needed)
    asks, seen = np.zeros(tokens, bool), np.zeros(tokens, bool)
    for bucket in kept:
        asks[bucket.queries[bucket.queries >= 0]] = True
        seen[bucket.keys[bucket.keys >= 0]] = True
    queries = None if asks.all() else np.flatnonzero(asks).astype(np.int32)
    keys = _some(seen)
    if queries is not None and keys is not None and np.array_equal(queries, keys):
        keys = queries
    query_at, key_at = _positions(queries, tokens), _positions(keys, tokens)
    asking = tokens if queries is None else len(queries)
    sizes, slots = np.zeros(asking, np.int32), np.zeros(asking, np.int32)
    packed, start = [], 0
    for bucket in kept:
        asked, shown = bucket.queries >= 0, bucket.keys >= 0
        at = np.where(asked, query_at[bucket.queries], 0)
        slots[at[asked]] = start + np.flatnonzero(asked)
        sizes[at[asked]] = np.broadcast_to(shown.sum(1)[:, None], at.shape)[asked]
        start += at.size
        to = np.where(shown, key_at[bucket.keys], 0)
        packed.append(PackedBucket(at, to, None if shown.all() else shown))
    return Groups(queries, keys, sizes, tuple(packed), slots)


def _positions(chosen: np.ndarray | None, tokens: int) -> np.ndarray:
    """Position of each token among the chosen ones; int32 (tokens,)."""
    every = np.arange(tokens, dtype=np.int32)
    if chosen is None:
        return every
    positions = np.zeros(tokens, np.int32)
    positions[chosen] = every[: len(chosen)]
    return positions
