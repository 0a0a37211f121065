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

from amodels_assets.training.tensors import TensorGroups

EPSILON = 1e-6


class GroupedAttention(nn.Module):
    """Multi-head attention of the tokens of each group."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.RMSNorm(width, eps=EPSILON)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.gate = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = nn.Parameter(torch.ones(width // heads))
        self.key_norm = nn.Parameter(torch.ones(width // heads))
        self.head_scale = nn.Parameter(torch.ones(heads))
        # A block starts as the identity, its gates half open.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.gate.weight)

    def forward(self, tokens: Tensor, groups: TensorGroups) -> Tensor:
        """Tokens that have looked.

        Args:
            tokens: (tokens, width).
            groups: Who looks at whom.

        Returns:
            (tokens, width). A token that is no query is as before.
        """
        asking, seen = self._normed(tokens, groups)
        query, key, value = (
            project(part).unflatten(-1, (self.heads, -1))
            for project, part in ((self.query, asking), (self.key, seen), (self.value, seen))
        )
        # What scales the features of queries and keys has its effect in their product only.
        factor = self.head_scale[:, None] * (self.query_norm * self.key_norm)
        query = _unit(query) * factor * groups.sharpness[:, None, None]
        found = attend(query.to(value.dtype), _unit(key).to(value.dtype), value, groups)
        taken = self.out(2 * torch.sigmoid(self.gate(asking)) * found.flatten(1))
        if groups.queries is None:
            return tokens + taken
        return tokens.index_add(0, groups.queries, taken.to(tokens.dtype))

    def _normed(self, tokens: Tensor, groups: TensorGroups) -> tuple[Tensor, Tensor]:
        """Normed tokens that ask, and that are seen."""
        queries, keys = groups.queries, groups.keys
        if queries is keys:
            normed = self.norm(chosen(tokens, queries))
            return normed, normed
        if queries is None or keys is None:
            normed = self.norm(tokens)
            return chosen(normed, queries), chosen(normed, keys)
        return self.norm(chosen(tokens, queries)), self.norm(chosen(tokens, keys))


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
    found = []
    for bucket in groups.buckets:
        asking, keys, values = (
            part.index_select(0, positions).unflatten(0, (bucket.groups, -1)).transpose(1, 2)
            for part, positions in (
                (query, bucket.queries),
                (key, bucket.keys),
                (value, bucket.keys),
            )
        )
        mixed = functional.scaled_dot_product_attention(
            asking, keys, values, attn_mask=bucket.seen, scale=1 / query.shape[-1]
        )
        found.append(mixed.transpose(1, 2).flatten(0, 1))
    together = found[0] if len(found) == 1 else torch.cat(found)
    return together.index_select(0, groups.slots)


def _unit(heads: Tensor) -> Tensor:
    """Features of each head with a root mean square of 1."""
    return functional.rms_norm(heads, heads.shape[-1:], eps=EPSILON)
