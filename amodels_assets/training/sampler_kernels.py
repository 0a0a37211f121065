"""Compiled loops of the sampler. Imports numba: import this module on use only.

Belongs here: choosing rows one by one. Does not belong here: what the arrays mean
(``row_graph.py``, ``context_sampler.py``), and which cells look at which (``link_kernels.py``). The
kernels let go of Python's lock, so threads can
sample while others compute; they are compiled once and kept on disk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_NO_ROW = -1


@njit(inline="always")
def _mixed(value: Any) -> Any:
    """Finisher of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(inline="always")
def _draw(seed: Any, number: Any) -> Any:
    return _mixed(seed + np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15))


@njit(inline="always")
def _unit(value: Any) -> float:
    return float(value >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(inline="always")
def _known(times: np.ndarray, first: Any, end: Any, cutoff: Any) -> Any:
    """Past the last entry that is known at the cut-off."""
    while first < end:
        middle = (first + end) >> 1
        if times[middle] <= cutoff:
            first = middle + 1
        else:
            end = middle
    return first


@njit(inline="always")
def _slot(keys: np.ndarray, slots: np.ndarray, row: Any) -> Any:
    """Slot of a row, -1 where it has not joined: a table with open addressing."""
    mask = len(keys) - 1
    at = np.int64(_mixed(np.uint64(row))) & mask
    while keys[at] != _NO_ROW:
        if keys[at] == row:
            return np.int64(slots[at])
        at = (at + 1) & mask
    return np.int64(-1)


@njit(inline="always")
def _remember(keys: np.ndarray, slots: np.ndarray, row: Any, slot: Any) -> None:
    mask = len(keys) - 1
    at = np.int64(_mixed(np.uint64(row))) & mask
    while keys[at] != _NO_ROW:
        at = (at + 1) & mask
    keys[at] = row
    slots[at] = slot


@njit(nogil=True, cache=True)
def sample(
    offsets, table_of, times, cells, parent_base, parent_stride, parents,
    relation_first, relation_base, relation_through, starts, entries, entry_times,
    target_table, target_key, target_cutoffs,
    entities, cutoffs, seeds,
    max_cells, width, most_hops, hops, grandchildren, recent, target_cells, hidden,
):  # fmt: skip
    """Rows of each context, breadth first, and which of them points to which.

    Returns:
        First slot of each context, and one more; row of each slot, -1 for the target's; and pairs
        of the slots of a child and of its parent.
    """
    count = len(entities)
    most_rows = max_cells + 1
    starts_of = np.zeros(count + 1, np.int64)
    all_rows = np.empty(count * most_rows, np.int64)
    children = np.empty(4 * most_rows, np.int64)
    above = np.empty(4 * most_rows, np.int64)
    linked = 0
    places = 16
    while places < 2 * most_rows:
        places *= 2
    keys = np.full(places, np.int64(_NO_ROW))
    slots = np.empty(places, np.int32)
    widest = 1
    for table in range(len(cells)):
        widest = max(widest, relation_first[table + 1] - relation_first[table])
    firsts = np.empty((most_rows, widest), np.int64)
    ends = np.empty((most_rows, widest), np.int64)
    most = max(width, grandchildren)
    needs, least = _needs(offsets, relation_first, relation_base, starts, entries, table_of, cells)
    for context in range(count):
        entity, cutoff, seed = entities[context], cutoffs[context], seeds[context]
        beginning_slot = starts_of[context]
        rows = all_rows[beginning_slot : beginning_slot + most_rows]
        keys[:] = _NO_ROW
        filled = target_cells
        size = 0
        if target_cells > 0:
            rows[0] = _NO_ROW
            size = 1
        beginning = size
        if times[entity] <= cutoff and filled + max(1, cells[table_of[entity]]) <= max_cells:
            rows[size] = entity
            _remember(keys, slots, entity, size)
            filled += max(1, cells[table_of[entity]])
            size += 1
        low, high = beginning, size
        for hop in range(1, most_hops + 1):
            if low == high:
                break
            for slot in range(low, high):
                row = rows[slot]
                table = table_of[row]
                base = parent_base[table] + (row - offsets[table]) * parent_stride[table]
                for key in range(parent_stride[table]):
                    parent = parents[base + key]
                    if parent == _NO_ROW or _slot(keys, slots, parent) >= 0:
                        continue
                    need = max(1, cells[table_of[parent]])
                    if filled + need > max_cells or not _may_join(
                        parent, entity, cutoff, seed, hidden, times, table_of, offsets,
                        parent_base, parent_stride, parents, target_table, target_key,
                        target_cutoffs, target_cells,
                    ):  # fmt: skip
                        continue
                    rows[size] = parent
                    _remember(keys, slots, parent, size)
                    filled += need
                    size += 1
            if hop < hops:
                more = True
                turn = 0
                while more and turn < most and filled + least <= max_cells:
                    more = False
                    for slot in range(low, high):
                        row = rows[slot]
                        table = table_of[row]
                        for relation in range(relation_first[table], relation_first[table + 1]):
                            through = relation_through[relation]
                            if turn >= (width if through < 0 else grandchildren):
                                continue
                            need = needs[relation]
                            if filled + need > max_cells:
                                continue
                            number = relation - relation_first[table]
                            if turn == 0:
                                at = relation_base[relation] + row - offsets[table]
                                firsts[slot, number] = starts[at]
                                ends[slot, number] = _known(
                                    entry_times, starts[at], starts[at + 1], cutoff
                                )
                            # A relation that was passed by for want of room stays so: room shrinks.
                            first, end = firsts[slot, number], ends[slot, number]
                            if turn >= end - first:
                                continue
                            more = True
                            if recent:
                                found = entries[end - 1 - turn]
                            else:
                                # A walk with a stride that shares no factor with the length.
                                drawn = _draw(seed ^ np.uint64(relation), row)
                                found = entries[first + _walk(end - first, np.int64(turn), drawn)]
                            if _slot(keys, slots, found) >= 0 or not _may_join(
                                found, entity, cutoff, seed, hidden, times, table_of, offsets,
                                parent_base, parent_stride, parents, target_table, target_key,
                                target_cutoffs, target_cells,
                            ):  # fmt: skip
                                continue
                            if through >= 0:
                                there = table_of[found]
                                between = parents[
                                    parent_base[there]
                                    + (found - offsets[there]) * parent_stride[there]
                                    + through
                                ]
                                if _slot(keys, slots, between) < 0:
                                    if not _may_join(
                                        between, entity, cutoff, seed, hidden, times, table_of,
                                        offsets, parent_base, parent_stride, parents,
                                        target_table, target_key, target_cutoffs, target_cells,
                                    ):  # fmt: skip
                                        continue
                                    both = need + max(1, cells[table_of[between]])
                                    if filled + both > max_cells:
                                        continue
                                    rows[size] = between
                                    _remember(keys, slots, between, size)
                                    filled += both - need
                                    size += 1
                            if filled + need > max_cells:
                                continue
                            rows[size] = found
                            _remember(keys, slots, found, size)
                            filled += need
                            size += 1
                    turn += 1
            low, high = high, size
        starts_of[context + 1] = beginning_slot + size

        if linked + 1 + size * parent_stride.max() > len(children):
            children = _longer(children, linked + 1 + size * parent_stride.max())
            above = _longer(above, len(children))
        if target_cells > 0 and size > beginning:
            children[linked], above[linked] = beginning_slot, beginning_slot + beginning
            linked += 1
        for slot in range(beginning, size):
            row = rows[slot]
            table = table_of[row]
            base = parent_base[table] + (row - offsets[table]) * parent_stride[table]
            before = linked
            for key in range(parent_stride[table]):
                parent = parents[base + key]
                if parent == _NO_ROW or parent == row:
                    continue
                place = _slot(keys, slots, parent)
                if place < 0:
                    continue
                place += beginning_slot
                again = False
                for pair in range(before, linked):
                    if above[pair] == place:
                        again = True
                if not again:
                    children[linked], above[linked] = beginning_slot + slot, place
                    linked += 1
    return (
        starts_of, all_rows[: starts_of[count]].copy(),
        children[:linked].copy(), above[:linked].copy(),
    )  # fmt: skip


@njit
def _needs(offsets, relation_first, relation_base, starts, entries, table_of, cells):
    """Cells of the rows that each relation leads to, and the fewest of any."""
    needs = np.ones(len(relation_base), np.int64)
    least = np.int64(1 << 60)
    for table in range(len(cells)):
        count = offsets[table + 1] - offsets[table]
        for relation in range(relation_first[table], relation_first[table + 1]):
            first = starts[relation_base[relation]]
            if starts[relation_base[relation] + count] > first:
                needs[relation] = max(1, cells[table_of[entries[first]]])
                least = min(least, needs[relation])
    return needs, least


@njit
def _longer(values, least):
    """The same values with room for at least so many, and for twice as many as before."""
    found = np.empty(max(least, 2 * len(values)), values.dtype)
    found[: len(values)] = values
    return found


@njit(inline="always")
def _may_join(
    row, entity, cutoff, seed, hidden, times, table_of, offsets, parent_base, parent_stride,
    parents, target_table, target_key, target_cutoffs, target_cells,
):  # fmt: skip
    """Whether a row was known at the cut-off, is not the answer, and is not hidden by chance."""
    if times[row] > cutoff:
        return False
    if target_cells > 0 and table_of[row] == target_table:
        local = row - offsets[target_table]
        at = parent_base[target_table] + local * parent_stride[target_table] + target_key
        if parents[at] == entity and target_cutoffs[local] == cutoff:
            return False
    return hidden <= 0.0 or row == entity or _unit(_draw(seed, row)) >= hidden


@njit(inline="always")
def _walk(length: Any, turn: Any, drawn: Any) -> Any:
    """The position of a turn on a walk that visits each of ``length`` positions once."""
    begin = np.int64(drawn % np.uint64(length))
    step = np.int64(_mixed(drawn) % np.uint64(length))
    while True:
        a, b = step, length
        while b:
            a, b = b, a % b
        if a == 1:
            break
        step = (step + 1) % length
        if length == 1:
            break
    return (begin + turn * step) % length
