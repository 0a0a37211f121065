"""Peer: the authors' Relational Transformer with attention under dense masks.

Their package cannot train on a CPU: its attention has no backward there. This is their architecture
written anew, under the names of their state dict, with their masks over all pairs of cells of a
context, given to PyTorch's fused attention. The benchmark compares its outputs with ours on the
same weights before it measures.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

KINDS = ("number", "text", "datetime")
ATTENTIONS = ("col", "feat", "nbr")


class Norm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, values: Tensor) -> Tensor:
        return functional.rms_norm(values, self.scale.shape, self.scale, 1e-6)


class DenseAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_norm, self.k_norm = Norm(width // heads), Norm(width // heads)
        for name in ("wq", "wk", "wv", "wg", "wo"):
            setattr(self, name, nn.Linear(width, width, bias=False))
        self.scale = nn.Parameter(torch.ones(1, heads, 1, 1))
        nn.init.zeros_(self.wo.weight)
        nn.init.zeros_(self.wg.weight)

    def forward(self, tokens: Tensor, mask: Tensor, sharpness: Tensor, some: Tensor) -> Tensor:
        query, key, value = (
            project(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.wq, self.wk, self.wv)
        )
        query = self.q_norm(query) * self.scale * sharpness
        found = functional.scaled_dot_product_attention(
            query, self.k_norm(key), value, attn_mask=mask, scale=1 / query.shape[-1]
        )
        found = (found * some).transpose(1, 2).flatten(2)
        return self.wo(2 * torch.sigmoid(self.wg(tokens)) * found)


class Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)
        self.w3 = nn.Linear(width, hidden, bias=False)
        nn.init.zeros_(self.w2.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.w2(functional.silu(self.w1(tokens)) * self.w3(tokens))


class DenseBlock(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norms = nn.ModuleDict({name: Norm(width) for name in (*ATTENTIONS, "ffn")})
        self.attns = nn.ModuleDict({name: DenseAttention(width, heads) for name in ATTENTIONS})
        self.ffn = Mlp(width, hidden)

    def forward(self, tokens: Tensor, masks: Mapping[str, tuple[Tensor, ...]]) -> Tensor:
        for name, attention in self.attns.items():
            tokens = tokens + attention(self.norms[name](tokens), *masks[name])
        return tokens + self.ffn(self.norms["ffn"](tokens))


class DenseTransformer(nn.Module):
    """Takes the arrays of the authors' package as tensors."""

    def __init__(
        self, num_blocks: int, d_model: int, d_text: int, num_heads: int, d_ff: int
    ) -> None:
        super().__init__()
        sizes = {"number": 1, "text": d_text, "datetime": 1}
        self.enc_dict = nn.ModuleDict(
            {
                name: nn.Linear(size, d_model)
                for name, size in (*sizes.items(), ("col_name", d_text))
            }
        )
        self.dec_dict = nn.ModuleDict(
            {name: nn.Linear(d_model, size) for name, size in sizes.items()}
        )
        self.norm_dict = nn.ModuleDict({name: Norm(d_model) for name in (*sizes, "col_name")})
        self.mask_embs = nn.ParameterDict({name: torch.randn(d_model) for name in sizes})
        self.blocks = nn.ModuleList(DenseBlock(d_model, num_heads, d_ff) for _ in range(num_blocks))
        self.norm_out = Norm(d_model)
        for head in self.dec_dict.values():
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss over the hidden cells, and what is said of every cell by kind."""
        masks = {name: _prepared(mask) for name, mask in dense_masks(batch).items()}
        seen = ~batch["is_padding"]
        hidden = batch["is_targets"]

        def only(values: Tensor, which: Tensor) -> Tensor:
            return values * which[..., None]

        def encoded(name: str) -> Tensor:
            return self.norm_dict[name](self.enc_dict[name](batch[f"{name}_values"]))

        tokens = only(encoded("col_name"), seen)
        for number, kind in enumerate(KINDS):
            these = (batch["sem_types"] == number) & seen
            tokens = tokens + only(encoded(kind), these & ~hidden)
            tokens = tokens + only(self.mask_embs[kind], these & hidden)
        for block in self.blocks:
            tokens = block(tokens, masks)
        tokens = self.norm_out(tokens)
        says = {kind: self.dec_dict[kind](tokens) for kind in KINDS}
        wrong = tokens.new_zeros(hidden.shape)
        for number, kind in enumerate(KINDS):
            found = functional.huber_loss(says[kind], batch[f"{kind}_values"], reduction="none")
            wrong = wrong + found.mean(-1) * ((batch["sem_types"] == number) & hidden)
        return (wrong.sum(1) / hidden.sum(1).clamp_min(1)).mean(), says


def dense_masks(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Who looks at whom, bool (contexts, cells, cells)."""
    rows, seen = batch["node_idxs"], ~batch["is_padding"]
    both = seen[:, :, None] & seen[:, None, :]
    points = torch.zeros_like(both)
    for parent in batch["f2p_nbr_idxs"].unbind(-1):
        points |= parent[:, :, None] == rows[:, None, :]
    columns, tables = batch["col_name_idxs"], batch["table_name_idxs"]
    same_column = columns[:, :, None] == columns[:, None, :]
    same_table = tables[:, :, None] == tables[:, None, :]
    own = rows[:, :, None] == rows[:, None, :]
    return {
        "col": same_column & same_table & both,
        "feat": (own | points) & both,
        "nbr": points.transpose(1, 2) & both,
    }


def _prepared(mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What is added to the scores, how sharply a cell looks, and whether it sees any at all.

    Worked out once per batch, not once per block.
    """
    sizes = mask.sum(-1)
    some = (sizes > 0)[:, None, :, None]
    sharpness = sizes.clamp_min(1).bfloat16().log().float()[:, None, :, None]
    # A softmax over nothing has no value: such a cell looks everywhere, and that is left out.
    shut = torch.where(mask[:, None] | ~some, 0.0, -torch.inf)
    return shut, sharpness, some.float()
