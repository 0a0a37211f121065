"""Contexts on random databases: nothing from the future, complete, and the same everywhere."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.datasets.dataset import RelationalDataset
from amodels_assets.training.batch import MISSING, Batch, Bucket
from amodels_assets.training.cells import build_cells
from amodels_assets.training.context_sampler import SamplerConfig, sample_contexts
from amodels_assets.training.feeds import Feed, MaskedFeed
from amodels_assets.training.row_graph import NO_ROW, RowGraph, build_row_graph
from tests.unit.training.random_databases import random_database

configs = st.builds(
    SamplerConfig,
    max_cells=st.integers(2, 60),
    width=st.integers(0, 4),
    hops=st.integers(1, 4),
    grandchildren=st.integers(0, 4),
    recent=st.booleans(),
)
SEEDS = st.integers(0, 100_000)


def feed_of(dataset: RelationalDataset, config: SamplerConfig) -> Feed:
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    return Feed.of_split(dataset, store, build_row_graph(dataset), "train", config)


def all_parents(graph: RowGraph) -> list[list[int]]:
    return [
        [int(p) for p in row if p != NO_ROW]
        for table in range(len(graph.names))
        for row in graph.parents_of(table)
    ]


@settings(max_examples=150, deadline=None)
@given(seed=SEEDS, config=configs, hidden=st.sampled_from([0.0, 0.4]))
def test_a_context_is_known_bounded_connected_and_without_the_answer(
    seed: int, config: SamplerConfig, hidden: float
) -> None:
    dataset = random_database(seed)
    feed = feed_of(dataset, config)
    graph = feed.graph
    contexts = sample_contexts(
        graph,
        feed.entities,
        feed.cutoffs,
        config,
        target_cells=2,
        seeds=np.arange(8).astype(np.uint64),
        hidden=hidden,
    )
    parents = all_parents(graph)
    answers = graph.offsets[graph.target_table]
    for number, (entity, cutoff) in enumerate(zip(feed.entities, feed.cutoffs, strict=True)):
        rows = contexts.rows[contexts.starts[number] : contexts.starts[number + 1]].tolist()
        assert rows[0] == -1
        shown = rows[1:]
        assert len(set(shown)) == len(shown)
        assert all(graph.times[row] <= cutoff for row in shown)
        cells = sum(max(1, int(graph.cells[graph.table_of[row]])) for row in shown) + 2
        assert cells <= max(2, config.max_cells)
        reached = {int(entity)} & set(shown)
        assert shown[:1] == list(reached), "the entity stands first, or nothing does"
        grown = True
        while grown:
            more = {
                row
                for row in shown
                if any(p in reached for p in parents[row])
                or any(row in parents[other] for other in reached)
            } - reached
            reached |= more
            grown = bool(more)
        assert reached == set(shown)
        for row in shown:
            if graph.table_of[row] == graph.target_table:
                local = row - answers
                own = graph.parents_of(graph.target_table)[local, graph.target_key]
                assert (own, graph.target_cutoffs[local]) != (entity, cutoff)


def test_without_a_bound_everything_known_is_there() -> None:
    """With room for all, a context is all that is reached over known rows."""
    config = SamplerConfig(max_cells=10_000, width=100, hops=100, grandchildren=0)
    for seed in range(40):
        feed = feed_of(random_database(seed), config)
        graph, parents = feed.graph, all_parents(feed.graph)
        contexts = sample_contexts(graph, feed.entities, feed.cutoffs, config, target_cells=0)
        for number, (entity, cutoff) in enumerate(zip(feed.entities, feed.cutoffs, strict=True)):
            known = {r for r in range(graph.rows) if graph.times[r] <= cutoff}
            wanted, new = set(), {int(entity)} & known
            while new:
                wanted |= new
                new = {
                    r
                    for r in known
                    if any(p in wanted for p in parents[r]) or any(r in parents[w] for w in wanted)
                } - wanted
            rows = contexts.rows[contexts.starts[number] : contexts.starts[number + 1]]
            assert set(rows.tolist()) == wanted


def pairs_of(buckets: tuple[Bucket, ...]) -> set[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    asked: list[int] = []
    for bucket in buckets:
        for queries, keys in zip(bucket.queries, bucket.keys, strict=True):
            asked += [int(q) for q in queries if q >= 0]
            shown = [int(k) for k in keys if k >= 0]
            assert shown
            found += [(int(q), k) for q in queries if q >= 0 for k in shown]
    assert len(set(asked)) == len(asked), "a token is a query once"
    assert len(set(found)) == len(found), "no key stands twice"
    return set(found)


def wanted_pairs(batch: Batch, graph: RowGraph, entities: np.ndarray) -> dict[str, set]:
    """Slow masks over all pairs of cells, from rows and parents alone."""
    parents = all_parents(graph)
    found: dict[str, set] = {"column": set(), "neighbour": set(), "feature": set()}
    for a in range(batch.tokens):
        for b in range(batch.tokens):
            if batch.contexts[a] != batch.contexts[b]:
                continue
            if batch.columns[a] == batch.columns[b]:
                found["column"].add((a, b))
            above_a = _above(batch, a, parents, entities)
            above_b = _above(batch, b, parents, entities)
            same = batch.rows[a] == batch.rows[b]
            if same or batch.rows[b] in above_a:
                found["feature"].add((a, b))
            if batch.rows[a] in above_b and not (same and batch.rows[a] == -1):
                found["neighbour"].add((a, b))
    # A row that points to itself is not its own child.
    found["neighbour"] = {(a, b) for a, b in found["neighbour"] if batch.rows[a] != batch.rows[b]}
    return found


def _above(batch: Batch, token: int, parents: list[list[int]], entities: np.ndarray) -> list[int]:
    row = int(batch.rows[token])
    return [int(entities[batch.contexts[token]])] if row == -1 else parents[row]


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, config=configs)
def test_who_looks_at_whom_is_what_slow_masks_say(seed: int, config: SamplerConfig) -> None:
    feed = feed_of(random_database(seed), config)
    rows = np.arange(3)
    batch = feed.batch(rows)
    wanted = wanted_pairs(batch, feed.graph, feed.entities[rows])
    for name, expected in wanted.items():
        assert pairs_of(getattr(batch.links, name)) == expected, name


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, config=configs)
def test_a_context_does_not_depend_on_its_batch(seed: int, config: SamplerConfig) -> None:
    feed = feed_of(random_database(seed), config)
    together = feed.batch(np.arange(8), seed=5, hidden=0.3)
    for number in (0, 3, 7):
        alone = feed.batch(np.array([number]), seed=5, hidden=0.3)
        here = together.contexts == number
        for name in ("rows", "columns", "kinds", "values", "strings", "masked"):
            assert np.array_equal(getattr(together, name)[here], getattr(alone, name)), name


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_batch_does_not_depend_on_the_workers(workers: int) -> None:
    feed = feed_of(random_database(11), SamplerConfig(40, 3, 3, 2))
    orders = [np.random.default_rng(i).permutation(8) for i in range(24)]
    expected = [feed.batch(order, seed=i, hidden=0.2) for i, order in enumerate(orders)]
    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(lambda i: feed.batch(orders[i], seed=i, hidden=0.2), range(24)))
    for one, other in zip(expected, found, strict=True):
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.rows, other.rows)


def test_recent_children_come_first_and_grandchildren_with_their_parent() -> None:
    for seed in range(30):
        dataset = random_database(seed)
        feed = feed_of(dataset, SamplerConfig(1000, 0, 3, 2))
        graph = feed.graph
        contexts = sample_contexts(graph, feed.entities, feed.cutoffs, feed.config, target_cells=0)
        for number in range(len(feed)):
            rows = contexts.rows[contexts.starts[number] : contexts.starts[number + 1]].tolist()
            shown = set(rows)
            for relation in range(len(graph.relation_through)):
                _newest_are_shown(graph, relation, rows[:1], shown, int(feed.cutoffs[number]))


def _newest_are_shown(
    graph: RowGraph, relation: int, entities: list[int], shown: set[int], cutoff: int
) -> None:
    through = int(graph.relation_through[relation])
    if through < 0:
        return
    table = int(np.searchsorted(graph.relation_first, relation, side="right") - 1)
    for row in entities:
        if graph.table_of[row] != table:
            continue
        at = graph.relation_base[relation] + row - graph.offsets[table]
        span = slice(graph.starts[at], graph.starts[at + 1])
        entries, times = graph.entries[span], graph.entry_times[span]
        assert (np.diff(times) >= 0).all()
        for newest in entries[times <= cutoff][::-1][:2]:
            assert int(newest) in shown
            there = int(graph.table_of[newest])
            between = graph.parents_of(there)[newest - graph.offsets[there], through]
            assert int(between) in shown


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS)
def test_a_row_of_forty_keys(seed: int) -> None:
    feed = feed_of(random_database(seed, keys=40), SamplerConfig(30, 2, 2, 1))
    assert feed.batch(np.arange(8)).tokens >= 16


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, share=st.floats(0.0, 0.6))
def test_hidden_cells_are_in_the_targets_and_nowhere_else(seed: int, share: float) -> None:
    dataset = random_database(seed)
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    feed = MaskedFeed.of_window(dataset, store, build_row_graph(dataset), SamplerConfig(40, 3, 3))
    if not len(feed):
        return
    rows = np.arange(min(6, len(feed)))
    batch = feed.batch(rows, seed, share)
    again = feed.batch(rows, seed, share)
    assert np.array_equal(batch.targets.tokens, again.targets.tokens)
    assert np.array_equal(np.flatnonzero(batch.masked), batch.targets.tokens)
    assert not batch.values[batch.masked].any()
    assert not batch.strings[batch.masked].any()
    assert (batch.kinds[batch.targets.tokens] != MISSING).all()
    possible = np.unique(batch.contexts[batch.kinds != MISSING])
    assert np.array_equal(np.unique(batch.contexts[batch.masked]), possible)
    assert (feed.graph.times[batch.rows] <= feed.cutoffs[rows][batch.contexts]).all()
