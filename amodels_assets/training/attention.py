"""Attention within groups of tokens, without masks over all pairs.

Belongs here: who looks at whom is given as groups; this computes what they see. Does not belong
here: what the groups are (``batch.py``) and which are needed (``plan.py``). Imports torch.

Queries, keys and values are projected once for all tokens that take part. The groups of a bucket
are then gathered, attended to in one call of PyTorch's fused attention, and put back. The same code
runs on CPU and CUDA.

The form is that of the Relational Transformer (arXiv 2510.06377) as its authors published it:
queries and keys are normalised, a learned factor per head and the logarithm of the number of keys
decide how sharply a query looks, and a gate on the token decides what it takes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from amodels_assets.training.elementwise import gated, unit
from amodels_assets.training.tensors import TensorGroups


class GroupedAttention(nn.Module):
    """Multi-head attention of the tokens of each group."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.Parameter(torch.ones(width))
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = nn.Parameter(torch.ones(width // heads))
        self.key_norm = nn.Parameter(torch.ones(width // heads))
        self.head_scale = nn.Parameter(torch.ones(heads))
        # Not zero: what a grandchild says passes two of these, and a product of two zeros learns
        # nothing until one of them has moved for another reason. The gates start half open.
        nn.init.normal_(self.out.weight, std=width**-0.5)
        nn.init.zeros_(self.gate.weight)

    def forward(self, tokens: Tensor, groups: TensorGroups) -> Tensor:
        """Tokens that have looked.

        Args:
            tokens: (tokens, width).
            groups: Who looks at whom.

        Returns:
            (tokens, width). A token that is no query is as before.
        """
        asking, seen = _normed(tokens, groups)
        # The norm's weights scale what the projections read, so they scale the projections.
        query, gate = (
            functional.linear(asking, part.weight * self.norm) for part in (self.query, self.gate)
        )
        key, value = (
            functional.linear(seen, part.weight * self.norm) for part in (self.key, self.value)
        )
        # What scales the features of queries and keys has its effect in their product only.
        factor = self.head_scale[:, None] * (self.query_norm * self.key_norm)
        query = unit(query.unflatten(-1, (self.heads, -1))) * groups.sharpness[:, None, None]
        key = unit(key.unflatten(-1, (self.heads, -1)))
        found = attend(
            (query * factor).to(value.dtype), key, value.unflatten(-1, (self.heads, -1)), groups
        )
        taken = self.out(gated(gate, found.flatten(1)))
        if groups.queries is None:
            return tokens + taken
        return tokens.index_add(0, groups.queries, taken.to(tokens.dtype))


def _normed(tokens: Tensor, groups: TensorGroups) -> tuple[Tensor, Tensor]:
    """Normed tokens that ask, and that are seen."""
    queries, keys = groups.queries, groups.keys
    if queries is keys:
        normed = unit(chosen(tokens, queries))
        return normed, normed
    if queries is None or keys is None:
        normed = unit(tokens)
        return chosen(normed, queries), chosen(normed, keys)
    return unit(chosen(tokens, queries)), unit(chosen(tokens, keys))


def chosen(tokens: Tensor, positions: Tensor | None) -> Tensor:
    """The tokens at these positions; all of them for None."""
    return tokens if positions is None else tokens.index_select(0, positions)


def attend(query: Tensor, key: Tensor, value: Tensor, groups: TensorGroups) -> Tensor:
    """What each query finds in its group: softmax of the products over the head's width.

    Args:
        query: (queries, heads, head width).
        key: (keys, heads, head width).
        value: (keys, heads, head width).
        groups: Who looks at whom. Every query is in one group.

    Returns:
        (queries, heads, head width).
    """
    # One gather for all buckets: its backward adds to the tokens' gradients once.
    asking = query.index_select(0, groups.to_queries)
    keys = key.index_select(0, groups.to_keys)
    values = value.index_select(0, groups.to_keys)
    many = [count * most for count, most, _ in groups.shapes]
    much = [count * most for count, _, most in groups.shapes]
    found = []
    for (count, _, _), seen, *parts in zip(
        groups.shapes,
        groups.seen,
        asking.split(many),
        keys.split(much),
        values.split(much),
        strict=True,
    ):
        a, b, c = (part.unflatten(0, (count, -1)).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(
            a, b, c, attn_mask=seen, scale=1 / query.shape[-1]
        )
        found.append(mixed.transpose(1, 2).flatten(0, 1))
    together = found[0] if len(found) == 1 else torch.cat(found)
    return together.index_select(0, groups.slots)
