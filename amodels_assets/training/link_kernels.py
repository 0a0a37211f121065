"""Compiled loops over who looks at whom. Imports numba: import this module on use only.

Belongs here: attention groups from rows and columns, and which of them share a bucket. Does not
belong here: choosing the rows (``sampler_kernels.py``). The kernels let go of Python's lock; they
are compiled once and kept on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def row_sizes(first, children, parents):
    """Cells that the cells of each slot see: its own and its parents', and its children's."""
    slots = len(first) - 1
    features = np.empty(slots, np.int64)
    neighbours = np.zeros(slots, np.int64)
    for slot in range(slots):
        features[slot] = first[slot + 1] - first[slot]
    for pair in range(len(children)):
        child, parent = children[pair], parents[pair]
        features[child] += first[parent + 1] - first[parent]
        neighbours[parent] += first[child + 1] - first[child]
    return features, neighbours


@njit(nogil=True, cache=True)
def column_sizes(bounds, columns, most_columns):
    """Cells of each column in each context, and to which of these groups each token belongs."""
    group_of = np.empty(len(columns), np.int64)
    sizes = np.zeros(len(columns), np.int64)
    seen = np.full(most_columns, np.int64(-1))
    groups = 0
    for context in range(len(bounds) - 1):
        begin = groups
        for token in range(bounds[context], bounds[context + 1]):
            column = columns[token]
            if seen[column] < begin:
                seen[column] = groups
                groups += 1
            group_of[token] = seen[column]
            sizes[seen[column]] += 1
    return sizes[:groups].copy(), group_of


@njit(nogil=True, cache=True)
def fill_columns(group_of, query_at, key_at, queries, keys):
    """Write the tokens of each group, as queries and as keys."""
    used = np.zeros(len(query_at), np.int64)
    for token in range(len(group_of)):
        group = group_of[token]
        queries[query_at[group] + used[group]] = token
        keys[key_at[group] + used[group]] = token
        used[group] += 1


@njit(nogil=True, cache=True)
def fill_features(first, children, parents, query_at, key_at, queries, keys):
    """Write each slot's cells as queries, and those and its parents' as keys."""
    used = np.zeros(len(query_at), np.int64)
    for slot in range(len(query_at)):
        if query_at[slot] < 0:
            continue
        for token in range(first[slot], first[slot + 1]):
            at = token - first[slot]
            queries[query_at[slot] + at] = token
            keys[key_at[slot] + at] = token
        used[slot] = first[slot + 1] - first[slot]
    for pair in range(len(children)):
        child, parent = children[pair], parents[pair]
        if query_at[child] < 0:
            continue
        for token in range(first[parent], first[parent + 1]):
            keys[key_at[child] + used[child]] = token
            used[child] += 1


@njit(nogil=True, cache=True)
def fill_neighbours(first, children, parents, query_at, key_at, queries, keys):
    """Write each slot's cells as queries, and its children's as keys."""
    used = np.zeros(len(query_at), np.int64)
    for pair in range(len(children)):
        child, parent = children[pair], parents[pair]
        if query_at[parent] < 0:
            continue
        for token in range(first[child], first[child + 1]):
            keys[key_at[parent] + used[parent]] = token
            used[parent] += 1
    for slot in range(len(query_at)):
        if query_at[slot] < 0:
            continue
        for token in range(first[slot], first[slot + 1]):
            queries[query_at[slot] + token - first[slot]] = token


@njit(nogil=True, cache=True)
def bucket_groups(query_sizes, key_sizes, overhead, slot_cost):
    """Which groups share a bucket, and where in the buckets each stands.

    Groups whose numbers of queries and of keys lie between the same powers of two and the halves
    between them begin in one bucket. Then the two buckets whose union saves the most are joined,
    again and again, until no union saves anything. A bucket costs ``overhead``, every padded pair
    of query and key 1, and every padded query or key ``slot_cost``.

    Args:
        query_sizes: Queries of each group, int64 (groups,). A group without queries or keys is
            left out.
        key_sizes: Keys of each group, int64 (groups,).
        overhead: Cost of a bucket.
        slot_cost: Cost of a query or key.

    Returns:
        First place of each group's queries among those of all buckets, -1 for one left out; the
        same of its keys; and groups, most queries and most keys of each bucket.
    """
    groups = len(query_sizes)
    classes = 1
    for group in range(groups):
        if query_sizes[group] > 0 and key_sizes[group] > 0:
            classes = max(classes, _size_class(query_sizes[group]) + 1)
            classes = max(classes, _size_class(key_sizes[group]) + 1)
    number = np.full(classes * classes, np.int64(-1))
    bucket_of = np.full(groups, np.int64(-1))
    shapes = np.zeros((classes * classes, 3), np.int64)
    used = 0
    for group in range(groups):
        q, k = query_sizes[group], key_sizes[group]
        if q <= 0 or k <= 0:
            continue
        kind = _size_class(q) * classes + _size_class(k)
        if number[kind] < 0:
            number[kind] = used
            used += 1
        bucket = number[kind]
        bucket_of[group] = bucket
        shapes[bucket, 0] += 1
        shapes[bucket, 1] = max(shapes[bucket, 1], q)
        shapes[bucket, 2] = max(shapes[bucket, 2], k)
    into = _join_buckets(shapes[:used], overhead, slot_cost)
    query_at, key_at = np.full(groups, np.int64(-1)), np.full(groups, np.int64(-1))
    kept = np.flatnonzero(shapes[:used, 0])
    next_query, next_key = np.zeros(used, np.int64), np.zeros(used, np.int64)
    for place in range(1, len(kept)):
        before, after = kept[place - 1], kept[place]
        next_query[after] = next_query[before] + shapes[before, 0] * shapes[before, 1]
        next_key[after] = next_key[before] + shapes[before, 0] * shapes[before, 2]
    for group in range(groups):
        if bucket_of[group] < 0:
            continue
        bucket = into[bucket_of[group]]
        query_at[group], key_at[group] = next_query[bucket], next_key[bucket]
        next_query[bucket] += shapes[bucket, 1]
        next_key[bucket] += shapes[bucket, 2]
    return query_at, key_at, shapes[kept]


@njit(inline="always")
def _size_class(size):
    """Number of the size's class: 1, 2, 3, 4, up to 6, up to 8, up to 12, up to 16 and so on."""
    if size <= 2:
        return size - 1
    power, number = 2, 1
    while 2 * power < size:
        power *= 2
        number += 2
    return number + 1 if 2 * size <= 3 * power else number + 2


@njit(inline="always")
def _cost(groups, queries, keys, slot_cost):
    return groups * (queries * keys + slot_cost * (queries + keys))


@njit
def _join_buckets(shapes, overhead, slot_cost):
    """Join buckets in place, the joined ones left with no groups; where each has gone."""
    count = len(shapes)
    into = np.arange(count)
    while True:
        best, first, second = 0.0, -1, -1
        for a in range(count):
            if shapes[a, 0] == 0:
                continue
            own = _cost(shapes[a, 0], shapes[a, 1], shapes[a, 2], slot_cost)
            for b in range(a + 1, count):
                if shapes[b, 0] == 0:
                    continue
                both = _cost(
                    shapes[a, 0] + shapes[b, 0], max(shapes[a, 1], shapes[b, 1]),
                    max(shapes[a, 2], shapes[b, 2]), slot_cost,
                )  # fmt: skip
                other = _cost(shapes[b, 0], shapes[b, 1], shapes[b, 2], slot_cost)
                saved = overhead + own + other - both
                if saved > best:
                    best, first, second = saved, a, b
        if first < 0:
            return into
        shapes[first, 0] += shapes[second, 0]
        shapes[first, 1] = max(shapes[first, 1], shapes[second, 1])
        shapes[first, 2] = max(shapes[first, 2], shapes[second, 2])
        shapes[second] = 0
        for bucket in range(count):
            if into[bucket] == second:
                into[bucket] = first
