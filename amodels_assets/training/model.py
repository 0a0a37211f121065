"""The Relational Transformer: attention along columns, rows and foreign keys.

Belongs here: the network. Does not belong here: how cells are encoded (``encode.py``) and how it is
trained (``train.py``). Imports torch, so it is imported by the training process only.

After "Relational Transformer: Toward Zero-Shot Foundation Models for Relational Data"
(arXiv 2510.06377): a token is a cell; a block attends to cells of the same column, to child rows,
to the own row and its parents, and ends in a gated MLP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from amodels_assets.training.config import ModelConfig
from amodels_assets.training.encode import KIND_COUNT, TEXT_WIDTH, VALUE_WIDTH, Batch
from amodels_assets.training.feed import Feed


@dataclass(frozen=True)
class TensorBatch:
    """A :class:`Batch` as tensors.

    Attributes:
        columns: Column numbers, (batch, cells).
        kinds: Kinds, (batch, cells).
        values: Encoded numbers, (batch, cells, VALUE_WIDTH).
        strings: Text numbers, (batch, cells).
        masks: Column, neighbour and feature mask, added to attention scores: 0 or minus infinity,
            (batch, 1, cells, cells).
        leading: The target cell attends to none behind this many cells in feature attention.
    """

    columns: Tensor
    kinds: Tensor
    values: Tensor
    strings: Tensor
    masks: tuple[Tensor, Tensor, Tensor]
    leading: int


def to_tensors(batch: Batch) -> TensorBatch:
    """Wrap the arrays of a batch."""
    masks = (batch.column_mask, batch.neighbour_mask, batch.feature_mask)
    shut = torch.tensor(float("-inf"))
    column, neighbour, feature = (
        torch.where(torch.from_numpy(mask)[:, None], 0.0, shut) for mask in masks
    )
    return TensorBatch(
        torch.from_numpy(batch.columns),
        torch.from_numpy(batch.kinds),
        torch.from_numpy(batch.values),
        torch.from_numpy(batch.strings),
        (column, neighbour, feature),
        1 + int(np.flatnonzero(batch.feature_mask[:, 0].any(axis=0)).max()),
    )


class Attention(nn.Module):
    """Multi-head attention within a mask."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.RMSNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, cells: Tensor, mask: Tensor, asking: int) -> Tensor:
        """What the first ``asking`` cells learn from all; (batch, asking, width), to be added."""
        normed = self.norm(cells)
        query, key, value = (
            project(part).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project, part in (
                (self.query, normed[:, :asking]),
                (self.key, normed),
                (self.value, normed),
            )
        )
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask[:, :, :asking]
        )
        return self.out(mixed.transpose(1, 2).flatten(2))


class GatedMlp(nn.Module):
    """A gated multi-layer perceptron on each token."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width)
        self.gate = nn.Linear(width, hidden, bias=False)
        self.value = nn.Linear(width, hidden, bias=False)
        self.out = nn.Linear(hidden, width, bias=False)

    def forward(self, cells: Tensor) -> Tensor:
        """Transform; (batch, cells, width) to the same, to be added."""
        normed = self.norm(cells)
        return self.out(functional.silu(self.gate(normed)) * self.value(normed))


class Block(nn.Module):
    """Column, neighbour and feature attention, then the MLP."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attentions = nn.ModuleList(
            Attention(config.width, config.heads) for _ in ("column", "neighbour", "feature")
        )
        self.mlp = GatedMlp(config.width, config.hidden)

    def forward(self, cells: Tensor, masks: tuple[Tensor, Tensor, Tensor], changing: int) -> Tensor:
        """One step of message passing.

        Args:
            cells: (batch, cells, width).
            masks: For column, neighbour and feature attention.
            changing: Only the first so many cells change, the others are only looked at.

        Returns:
            The changed cells, (batch, changing, width).
        """
        rest = cells[:, changing:]
        head = cells[:, :changing]
        for attention, mask in zip(self.attentions, masks, strict=True):
            whole = torch.cat([head, rest], dim=1) if rest.shape[1] else head
            head = head + attention(whole, mask, changing)
        return head + self.mlp(head)


class RelationalTransformer(nn.Module):
    """Predicts the masked target cell of a context."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.kind = nn.Embedding(KIND_COUNT, width)
        # How a number counts depends on its column's name and on the kind of value.
        self.value = nn.Linear(TEXT_WIDTH, VALUE_WIDTH * width, bias=False)
        self.value_of_kind = nn.Embedding(KIND_COUNT, VALUE_WIDTH * width)
        self.name = nn.Linear(TEXT_WIDTH, width, bias=False)
        self.text = nn.Linear(TEXT_WIDTH, width, bias=False)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.RMSNorm(width)
        self.binary_head = nn.Linear(width, 1)
        # Name, text, kind and number start with equal weight in a cell.
        for layer in (self.name, self.text, self.value, self.value_of_kind, self.kind):
            nn.init.normal_(layer.weight, std=0.5)
        self.texts: Tensor
        self.names: Tensor
        for buffer in ("texts", "names"):
            self.register_buffer(buffer, torch.zeros(0, TEXT_WIDTH), persistent=False)

    def bind(self, texts: np.ndarray, names: np.ndarray) -> None:
        """Use the text and column-name vectors of a database; nothing of them is learned."""
        self.texts, self.names = torch.from_numpy(texts), torch.from_numpy(names)

    def forward(self, batch: TensorBatch) -> Tensor:
        """Logits of the target being true, shape (batch,)."""
        names = functional.embedding(batch.columns, self.name(self.names))
        texts = functional.embedding(batch.strings, self.text(self.texts))
        weights = functional.embedding(batch.columns, self.value(self.names))
        weights = (weights + self.value_of_kind(batch.kinds)).unflatten(-1, (VALUE_WIDTH, -1))
        values = torch.einsum("bcv,bcvw->bcw", batch.values, weights)
        cells = names + texts + values + self.kind(batch.kinds)
        for number, block in enumerate(self.blocks):
            # Nobody reads what the last block makes of cells that the target does not attend to.
            last = number == len(self.blocks) - 1
            cells = block(cells, batch.masks, batch.leading if last else cells.shape[1])
        return self.binary_head(self.norm(cells[:, 0])).squeeze(-1)


def predict(model: RelationalTransformer, feed: Feed, batch_size: int = 64) -> np.ndarray:
    """Logits of all predictions of a feed, in its order; float64, shape (n,)."""
    model.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(feed.labels), batch_size):
            rows = np.arange(start, min(start + batch_size, len(feed.labels)))
            found.append(model(to_tensors(feed.batch(rows))).double().numpy())
    return np.concatenate(found)
