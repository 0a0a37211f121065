"""Grouped attention is attention under a mask, without the mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from amodels_assets.training.attention import GroupedAttention
from amodels_assets.training.batch import Batch, Bucket, Links, Targets
from amodels_assets.training.network_config import NetworkConfig
from amodels_assets.training.tensors import TensorGroups, to_tensors
from tests.relational_contexts import batch_of, buckets, random_context

CONFIG = NetworkConfig(width=12, blocks=1, heads=3, hidden=8, text_width=4)
Groups = list[tuple[list[int], list[int]]]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from a second thread and lose much where the cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def dense(attention: GroupedAttention, tokens: Tensor, groups: Groups) -> Tensor:
    """The authors' formula over all pairs of tokens, with minus infinity where nobody looks."""
    mask = torch.zeros(len(tokens), len(tokens), dtype=torch.bool)
    for queries, keys in groups:
        mask[np.ix_(queries, keys)] = True
    sizes = mask.sum(1).clamp_min(1).bfloat16().log().to(tokens.dtype)

    def normed(values: Tensor, scale: Tensor) -> Tensor:
        return values * torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + 1e-6) * scale

    def split(values: Tensor) -> Tensor:
        return values.unflatten(-1, (attention.heads, -1)).transpose(0, 1)

    normal = normed(tokens, attention.norm)
    query = normed(split(normal @ attention.query.weight.T), attention.query_norm)
    key = normed(split(normal @ attention.key.weight.T), attention.key_norm)
    value = split(normal @ attention.value.weight.T)
    query = query * attention.head_scale[:, None, None] * sizes[:, None]
    scores = query @ key.transpose(1, 2) / query.shape[-1]
    weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), -1)
    weights = torch.where(mask.any(1)[:, None], weights, 0)
    found = (weights @ value).transpose(0, 1).flatten(1)
    gate = 2 * torch.sigmoid(normal @ attention.gate.weight.T)
    return tokens + (gate * found) @ attention.out.weight.T


def random_attention(dtype: torch.dtype = torch.float64) -> GroupedAttention:
    attention = GroupedAttention(CONFIG.width, CONFIG.heads).to(dtype)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return attention


def tensor_groups(groups: Groups, tokens: int) -> TensorGroups:
    """The groups on their way through a batch."""
    contexts = [random_context(np.random.default_rng(0), cells=tokens)]
    batch = batch_of(contexts)
    assert batch.tokens == tokens
    every = np.arange(tokens, dtype=np.int32)
    nothing = np.zeros(tokens)
    batch = replace(
        batch,
        links=Links(column=buckets(groups), neighbour=(), feature=()),
        targets=Targets(every, batch.kinds, nothing, nothing, nothing),
    )
    found = to_tensors(batch, CONFIG).blocks[0].attentions[0]
    assert found is not None
    return found


@st.composite
def random_groups(draw: st.DrawFn) -> tuple[int, Groups]:
    """A number of tokens, and groups in which each is a query at most once."""
    tokens = draw(st.integers(4, 40))
    assigned = draw(st.lists(st.integers(-1, 6), min_size=tokens, max_size=tokens))
    groups = []
    for group in range(7):
        queries = [token for token, to in enumerate(assigned) if to == group]
        if queries:
            keys = draw(st.lists(st.integers(0, tokens - 1), min_size=1, unique=True))
            groups.append((queries, keys))
    return tokens, groups or [([0], [1])]


@settings(deadline=None, max_examples=60)
@given(random_groups(), st.integers(0, 2**31))
def test_equals_attention_under_a_dense_mask(drawn: tuple[int, Groups], seed: int) -> None:
    count, groups = drawn
    torch.manual_seed(seed)
    attention = random_attention(torch.float32)
    tokens = torch.randn(count, CONFIG.width, requires_grad=True)
    direction = torch.randn(count, CONFIG.width)
    inputs = [tokens, *attention.parameters()]

    ours = attention(tokens, tensor_groups(groups, count))
    expected = dense(attention, tokens, groups)

    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)
    for one, other in zip(
        torch.autograd.grad((ours * direction).sum(), inputs),
        torch.autograd.grad((expected * direction).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-5 * float(other.abs().max() + 1), rtol=1e-4)


def test_gradients_in_double_precision() -> None:
    torch.manual_seed(0)
    groups = [([0, 1, 2], [1, 2, 3, 4]), ([4], [0, 1]), ([5, 6], [6])]
    attention = random_attention()
    tokens = torch.randn(7, CONFIG.width, dtype=torch.float64, requires_grad=True)
    links = tensor_groups(groups, 7)

    assert torch.autograd.gradcheck(lambda x: attention(x, links), (tokens,))


def test_a_token_that_looks_at_nothing_is_as_before() -> None:
    attention = random_attention()
    tokens = torch.randn(9, CONFIG.width, dtype=torch.float64)

    after = attention(tokens, tensor_groups([([2, 5], [0, 1, 8])], 9))

    changed = (after != tokens).any(1).nonzero().flatten().tolist()
    assert changed == [2, 5]


def test_keys_anywhere_in_the_padding_count() -> None:
    """A bucket may pad in front as well as behind."""
    attention = random_attention()
    tokens = torch.randn(8, CONFIG.width, dtype=torch.float64)
    front = Bucket(np.array([[-1, 3]], np.int32), np.array([[-1, 4, -1, 5]], np.int32))
    behind = Bucket(np.array([[3, -1]], np.int32), np.array([[4, 5, -1, -1]], np.int32))

    def after(bucket: Bucket) -> Tensor:
        return attention(tokens, _of_bucket(bucket))

    torch.testing.assert_close(after(front), after(behind), atol=1e-12, rtol=0)
    torch.testing.assert_close(
        after(front), dense(attention, tokens, [([3], [4, 5])]), atol=1e-12, rtol=0
    )


def _of_bucket(bucket: Bucket) -> TensorGroups:
    batch: Batch = batch_of([random_context(np.random.default_rng(0), cells=8)])
    every = np.arange(8, dtype=np.int32)
    batch = replace(
        batch,
        links=Links((bucket,), (), ()),
        targets=Targets(every, batch.kinds, every, every, every),
    )
    found = to_tensors(batch, CONFIG).blocks[0].attentions[0]
    assert found is not None
    return found


@pytest.mark.parametrize("heads", [5, 7])
def test_width_must_be_a_multiple_of_the_heads(heads: int) -> None:
    with pytest.raises(ValueError, match=f"must be a multiple of heads {heads}"):
        NetworkConfig(width=12, heads=heads)
