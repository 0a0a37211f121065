"""Compiled loops of ``plan.py``. Imports numba, so it is imported on use."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def pack(queries, keys, shapes, needed, nearly_all):
    """Keep what is needed of an attention's groups, as positions among the tokens that take part.

    Args:
        queries: The buckets' queries one after the other, int32; -1 is padding.
        keys: The same of their keys.
        shapes: Groups, most queries and most keys of each bucket, int64 (buckets, 3).
        needed: Tokens whose queries are wanted, bool (tokens,).
        nearly_all: From this share of the tokens on, all are taken as keys.

    Returns:
        The tokens that look; whether these are all; the tokens that are looked at; whether these
        are all; number of keys of each query; where each query stands among the padded ones;
        queries and keys as positions; whether a key is one; shapes of the buckets kept; whether a
        bucket has padded keys.
    """
    tokens = len(needed)
    asks, seen = np.zeros(tokens, np.bool_), np.zeros(tokens, np.bool_)
    kept = np.zeros(shapes.shape, np.int64)
    query_at, key_at = 0, 0
    for bucket in range(len(shapes)):
        groups, most_queries, most_keys = shapes[bucket]
        for _ in range(groups):
            wanted = 0
            for at in range(query_at, query_at + most_queries):
                if queries[at] >= 0 and needed[queries[at]]:
                    asks[queries[at]] = True
                    wanted += 1
            if wanted:
                shown = 0
                for at in range(key_at, key_at + most_keys):
                    if keys[at] >= 0:
                        seen[keys[at]] = True
                        shown += 1
                kept[bucket, 0] += 1
                kept[bucket, 1] = max(kept[bucket, 1], wanted)
                kept[bucket, 2] = max(kept[bucket, 2], shown)
            query_at += most_queries
            key_at += most_keys

    asking, every_query = _chosen(asks)
    shown_tokens, every_key = _chosen(seen)
    every_key = len(shown_tokens) >= nearly_all * tokens
    query_position, key_position = _positions(asking, tokens), _positions(shown_tokens, tokens)
    if every_key:
        key_position = np.arange(tokens).astype(np.int32)

    sizes, slots = np.zeros(len(asking), np.int32), np.zeros(len(asking), np.int32)
    to_queries = np.zeros((kept[:, 0] * kept[:, 1]).sum(), np.int32)
    to_keys = np.zeros((kept[:, 0] * kept[:, 2]).sum(), np.int32)
    is_key = np.zeros(len(to_keys), np.bool_)
    padded = np.zeros(len(shapes), np.bool_)
    query_at, key_at, to_query, to_key = 0, 0, 0, 0
    for bucket in range(len(shapes)):
        groups, most_queries, most_keys = shapes[bucket]
        for _ in range(groups):
            shown = 0
            for at in range(key_at, key_at + most_keys):
                shown += keys[at] >= 0
            used = 0
            for at in range(query_at, query_at + most_queries):
                if queries[at] >= 0 and needed[queries[at]]:
                    position = query_position[queries[at]]
                    to_queries[to_query + used] = position
                    slots[position] = to_query + used
                    sizes[position] = shown
                    used += 1
            if used:
                filled = 0
                for at in range(key_at, key_at + most_keys):
                    if keys[at] >= 0:
                        to_keys[to_key + filled] = key_position[keys[at]]
                        is_key[to_key + filled] = True
                        filled += 1
                padded[bucket] |= filled < kept[bucket, 2]
                to_query += kept[bucket, 1]
                to_key += kept[bucket, 2]
            query_at += most_queries
            key_at += most_keys
    return (
        asking, every_query, shown_tokens, every_key, sizes, slots,
        to_queries, to_keys, is_key, kept, padded,
    )  # fmt: skip


@njit(nogil=True, cache=True)
def _chosen(marks):
    """The marked tokens, ascending, and whether they are all."""
    count = marks.sum()
    found = np.empty(count, np.int32)
    at = 0
    for token in range(len(marks)):
        if marks[token]:
            found[at] = token
            at += 1
    return found, count == len(marks)


@njit(nogil=True, cache=True)
def _positions(chosen, tokens):
    """Position of each token among the chosen ones."""
    positions = np.zeros(tokens, np.int32)
    for position in range(len(chosen)):
        positions[chosen[position]] = position
    return positions
