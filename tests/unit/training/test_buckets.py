"""Buckets of attention groups: every group in one place, and joined only where that saves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from amodels_assets.datasets.dataset import open_dataset
from amodels_assets.training.batch import Bucket
from amodels_assets.training.cells import build_cells
from amodels_assets.training.context_sampler import SamplerConfig
from amodels_assets.training.feeds import Feed
from amodels_assets.training.link_kernels import bucket_groups
from amodels_assets.training.row_graph import build_row_graph

sizes = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 900)), max_size=60)


def cost(shapes: np.ndarray, overhead: float) -> float:
    groups, queries, keys = shapes.T
    return len(shapes) * overhead + float(
        (groups * (queries * keys + 2.0 * (queries + keys))).sum()
    )


@settings(max_examples=150, deadline=None)
@given(sizes=sizes, overhead=st.sampled_from([0.0, 50.0, 2_000.0, 1e9]))
def test_every_group_has_room_of_its_own(sizes: list[tuple[int, int]], overhead: float) -> None:
    queries, keys = np.array(sizes, np.int64).reshape(-1, 2).T.copy()
    query_at, key_at, shapes = bucket_groups(queries, keys, overhead, 2.0)
    there = (queries > 0) & (keys > 0)
    assert ((query_at >= 0) == there).all()
    assert ((key_at >= 0) == there).all()
    assert shapes[:, 0].sum() == there.sum()
    for starts, needs, most in ((query_at, queries, 1), (key_at, keys, 2)):
        places = np.concatenate(
            [np.zeros(0, np.int64)]
            + [
                np.arange(at, at + need)
                for at, need in zip(starts[there], needs[there], strict=True)
            ]
        )
        assert len(np.unique(places)) == len(places), "no place is given twice"
        assert (places < (shapes[:, 0] * shapes[:, most]).sum()).all()
    apart = bucket_groups(queries, keys, 0.0, 2.0)[2]
    assert cost(shapes, overhead) <= cost(apart, overhead) + 1e-6
    if overhead == 1e9:
        assert len(shapes) <= 1


def waste(buckets: tuple[Bucket, ...]) -> float:
    """Pairs of query and key that are computed, over those that are wanted."""
    computed = sum(b.queries.size * b.keys.shape[1] for b in buckets)
    wanted = sum(int(((b.queries >= 0).sum(1) * (b.keys >= 0).sum(1)).sum()) for b in buckets)
    return computed / wanted


def test_little_is_padded_in_few_buckets(bank_dataset: Path) -> None:
    dataset = open_dataset(bank_dataset)
    store = build_cells(dataset, dataset.statistics, dataset.categories)
    graph = build_row_graph(dataset)
    feed = Feed.of_split(dataset, store, graph, "train", SamplerConfig(512, 16, 4, 4))
    links = feed.batch(np.random.default_rng(0).choice(len(feed), 64, replace=False)).links
    for buckets in (links.column, links.feature, links.neighbour):
        assert waste(buckets) < 1.25
        assert len(buckets) <= 20
